"""Every page as a picture, light and dark, desktop and phone, into reports/screens/: python -m tests.browser.screens [PAGE …]

The world is the tests' own. What axe-core finds is printed beside each page, so that one look shows both.
"""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import Page, expect, sync_playwright

from labelshare.chain.events import SettlementChunkPaid
from labelshare.client import shares
from labelshare.client.api import wait_for
from labelshare.client.buy import Buyer
from labelshare.client.chain import topic
from labelshare.client.dispute import challenge
from scripts.stack import ROOT, demo_key
from tests.browser.conftest import CHROMIUM, connect, serious
from tests.browser.disputes import PURSE, propose_wrongly
from tests.browser.wallet import BrowserWallet
from tests.browser.world import World, pairs

FOLDER = ROOT / "reports" / "screens"
SIZES = {"desktop": {"width": 1280, "height": 850}, "phone": {"width": 360, "height": 760}}


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory() as folder, World(Path(folder) / "run", 19460, 19461) as world, sync_playwright() as playwright:
        metadata, tasks, truth = pairs()
        finished = world.open(metadata, tasks, truth, 3, 128)
        finished.label("ann", "bob", "cid")
        finished.audit()
        finished.settled()
        Buyer(world.chain, world.demo.buyer).buy(finished.dataset)
        ann = world.demo.person(f"{finished.round} ann")
        shares.claim(world.chain, ann, finished.dataset, ann.address)
        digits = world.digits(9, 3)
        digits.label("dora")
        disputed = world.open(metadata | {"name": "In dispute"}, tasks, truth, 3, 128, challenge_window=3600)
        disputed.label("ann", "bob", "cid")
        propose_wrongly(disputed, world.demo.person(f"{disputed.round} ann").address)
        challenge(world.chain, world.account("challenger", PURSE), disputed.round)
        disputes = f"/rounds/{disputed.round}/disputes"
        drawn = wait_for("a jury", lambda: next((one for one in world.api.get(disputes)["items"] if one["jurors"]), None))
        juror = drawn["jurors"][0]
        (paid,) = [log.transaction_hash for log, _ in world.chain.events(SettlementChunkPaid, topic(finished.round))]
        sample = world.api.get(f"/datasets/{finished.dataset}/sample")["items"][0]["content_hash"]
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        people = {
            "ann": demo_key(f"{finished.round} ann"),
            "juror": next(demo_key(f"validator {i}") for i, v in enumerate(world.demo.validators) if v.address == juror),
            "requester": demo_key("requester"),
            "buyer": demo_key("buyer"),
        }
        pages = [
            ("home", "/", None), ("label-open", "/label", None), ("practice", f"/datasets/{digits.dataset}/practice", None),
            ("label-connect", f"/label/{digits.round}", None), ("label", f"/label/{digits.round}", "ann"),
            ("work", "/work", "ann"),
            ("datasets", "/datasets", None), ("dataset", f"/datasets/{finished.dataset}", "buyer"),
            ("request", "/request", "requester"),
            ("request-new", "/request/new", "requester"), ("validate", "/validate", "juror"),
            ("jury", f"/validate/jury/{disputed.round}", "juror"), ("explorer", "/explorer", None), ("tx", f"/tx/{paid}", None),
            ("removal", f"/datasets/{finished.dataset}/removal?content={sample}", None),
            ("round", f"/rounds/{finished.round}", None), ("developers", "/developers", None), ("nothing", "/nothing", None),
        ]  # fmt: skip
        for scheme in ("light", "dark"):
            for size, viewport in SIZES.items():
                for who in (None, *people):
                    context = browser.new_context(viewport=viewport, color_scheme=scheme)  # type: ignore[arg-type]
                    page = context.new_page()
                    if who is not None:
                        BrowserWallet(world.rpc_url, world.api.config["chain_id"], "0x" + people[who].hex()).install(context)
                        page.goto(world.url)
                        connect(page)
                    for name, path, whose in pages:
                        if whose == who and name in (sys.argv[1:] or [name]):
                            shoot(page, world.url + path, f"{name}-{scheme}-{size}")
                    context.close()
        browser.close()


def settled(page: Page) -> None:
    """Waits until nothing is loaded or computed any more."""
    expect(page.locator("h1")).to_be_visible(timeout=60_000)
    expect(page.locator("p.muted[role=status]")).to_have_count(0, timeout=60_000)


def shoot(page: Page, url: str, name: str) -> None:
    page.goto(url)
    settled(page)
    for label in ("Sign in with your wallet", "Sign once"):
        button = page.get_by_role("button", name=label)
        if button.count():
            if label == "Sign once":
                page.screenshot(path=FOLDER / f"sign-{name}.png", full_page=True)
            button.click()
            expect(button).to_have_count(0, timeout=60_000)
            settled(page)
    page.wait_for_timeout(500)  # plots are drawn after their data is there
    width = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    found = serious(page)
    page.screenshot(path=FOLDER / f"{name}.png", full_page=True)
    print(name, "overflows by" if width > 0 else "", width if width > 0 else "", *found, flush=True)


if __name__ == "__main__":
    main()
