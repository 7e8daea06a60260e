"""The web app's two budgets: gzipped JavaScript of the first load, and how soon the next item is painted after Enter.

    python -m scripts.bench.web

Prints a table, and exits with 1 when a budget is broken. The items are pictures that the API serves; the clock is the
browser's own.
"""

import gzip
import re
import shutil
import statistics
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import Page, expect, sync_playwright
from rich.console import Console
from rich.table import Table

from scripts.stack import ROOT
from tests.browser.world import World

DIST = ROOT / "web" / "dist"
MOST_BYTES = 200_000
MOST_MILLISECONDS = 100.0
ITEMS = 18

CLOCK = """
(() => {
  window.__times = [];
  let pressed = 0;
  addEventListener("keydown", (event) => { if (event.key === "Enter") pressed = performance.now(); }, true);
  new MutationObserver(() => {
    const image = document.querySelector('[data-testid="task"] img');
    if (!pressed || !image) return;
    const began = pressed;
    pressed = 0;
    const painted = () => requestAnimationFrame(() => setTimeout(() => window.__times.push(performance.now() - began)));
    image.decode().then(painted, painted);
  }).observe(document, { subtree: true, childList: true, attributes: true, attributeFilter: ["data-item", "src"] });
})();
"""


def first_load() -> int:
    """Bytes of gzipped JavaScript that the page names: the entry and what it needs before it can start."""
    html = (DIST / "index.html").read_text()
    files = set(re.findall(r'(?:src|href)="/(assets/[^"]+\.js)"', html))
    return sum(len(gzip.compress((DIST / file).read_bytes(), 9)) for file in files)


def next_items(world: World) -> list[float]:
    """Milliseconds from Enter to the paint of the next item, for each but the first."""
    digits = world.digits(ITEMS, 3)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page()
        page.add_init_script(CLOCK)
        page.goto(f"{world.url}/label/{digits.round}")
        page.get_by_role("banner").get_by_role("button", name="Connect").click()
        page.get_by_role("dialog").get_by_role("button", name="Burner wallet").click()
        page.get_by_role("button", name="Sign once").click()
        times = _label(page, digits.truth)
        browser.close()
    return times


def _label(page: Page, truth: list[int]) -> list[float]:
    for number in range(1, ITEMS):
        expect(page.get_by_test_id("position")).to_have_text(f"Item {number} of {ITEMS}", timeout=30_000)
        item = int(page.get_by_test_id("task").get_attribute("data-item") or "")
        page.keyboard.press(str(truth[item]))
        page.keyboard.press("Enter")
        while page.evaluate("window.__times.length") < number:
            page.wait_for_timeout(5)
    times: list[float] = page.evaluate("window.__times")
    return times


def main() -> None:
    if not (DIST / "index.html").exists():
        sys.exit("The web app is not built. Run: make setup")
    size = first_load()
    with TemporaryDirectory() as folder, World(Path(folder) / "run", 19470, 19471) as world:
        times = next_items(world)
    table = Table("measure", "value", "budget")
    table.add_row("first load, gzipped JavaScript", f"{size / 1000:.1f} kB", f"{MOST_BYTES / 1000:.0f} kB")
    table.add_row("next item after Enter, median", f"{statistics.median(times):.1f} ms", "")
    table.add_row(f"next item after Enter, worst of {len(times)}", f"{max(times):.1f} ms", f"{MOST_MILLISECONDS:.0f} ms")
    Console().print(table)
    if size > MOST_BYTES or max(times) > MOST_MILLISECONDS:
        sys.exit("A budget is broken.")


if __name__ == "__main__":
    main()
