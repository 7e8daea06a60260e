"""A world, a real Chromium, and wallets that sign for real."""

import os
import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from scripts.stack import ROOT
from tests.browser.wallet import BrowserWallet
from tests.browser.world import LBL, Open, World, pairs

PATIENCE = 60_000  # milliseconds for what the chain must do first, on a busy machine too
AXE = ROOT / "web" / "node_modules" / "axe-core" / "axe.min.js"
CHROMIUM = os.environ.get("LABELSHARE_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    assert (ROOT / "web" / "dist" / "index.html").exists(), "The web app is not built. Run: make setup"
    with World(tmp_path_factory.mktemp("world") / "run", 19450, 19451) as made:
        yield made


@pytest.fixture(scope="session")
def finished(world: World) -> Open:
    """A settled round: three honest people, and lou, whose every label is wrong and who put up a bond."""
    metadata, tasks, truth = pairs("crows")  # of its own: content that is deleted is gone from every round that has it
    opened = world.open(metadata, tasks, truth, 4, 128, bond=LBL // 2)
    opened.label("ann", "bob", "cid")
    opened.label("lou", liar=True)
    opened.audit()
    opened.settled()
    return opened


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    assert CHROMIUM, "Chromium is missing. On Debian: apt-get install chromium. Elsewhere set LABELSHARE_CHROMIUM to its path."
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture
def contexts(browser: Browser) -> Iterator[Callable[..., BrowserContext]]:
    """Makes browser contexts; the test fails when a page of one threw an error, or the browser refused something by policy."""
    made: list[BrowserContext] = []
    errors: list[str] = []

    def make(wallet: BrowserWallet | None = None, **options: Any) -> BrowserContext:
        context = browser.new_context(**({"viewport": {"width": 1200, "height": 850}} | options))
        context.set_default_timeout(PATIENCE)
        context.on("weberror", lambda error: errors.append(str(error.error)))
        context.on("console", lambda said: errors.append(said.text) if "Content Security Policy" in said.text else None)
        if wallet is not None:
            wallet.install(context)
        made.append(context)
        return context

    yield make
    for context in made:
        context.close()
    assert errors == []


@pytest.fixture
def new_wallet(world: World) -> Iterator[Callable[..., BrowserWallet]]:
    made: list[BrowserWallet] = []

    def make(key: str | None = None) -> BrowserWallet:
        made.append(BrowserWallet(world.rpc_url, world.api.config["chain_id"], key))
        return made[-1]

    yield make
    for wallet in made:
        wallet.close()


def connect(page: Page, name: str = "Test wallet") -> None:
    """Through the dialog, as a person does."""
    page.get_by_role("banner").get_by_role("button", name="Connect").click()
    page.get_by_role("dialog").get_by_role("button", name=name).click()
    expect(page.get_by_role("dialog")).to_have_count(0)


def serious(page: Page) -> list[str]:
    """What axe-core finds serious or critical on the page, as text."""
    page.evaluate(AXE.read_text())
    found = page.evaluate("axe.run(document, { resultTypes: ['violations'] })")
    return [
        f"{rule['id']}: {node['target']} {node['failureSummary']}"
        for rule in found["violations"]
        if rule["impact"] in ("serious", "critical")
        for node in rule["nodes"]
    ]
