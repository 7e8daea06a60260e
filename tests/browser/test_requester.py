"""A requester: a bad file refused with line and reason, a good one, the cost, created and funded in one flow, progress."""

from collections.abc import Callable

from playwright.sync_api import BrowserContext, expect

from scripts.stack import demo_key
from tests.browser.conftest import connect, serious
from tests.browser.wallet import BrowserWallet
from tests.browser.world import World

BAD = b'text,label\nThe food was cold.,bad\n"",good\n'
GOOD = b"text,label\nThe food was cold.,bad\nWe will come again.,good\nNever again.,bad\nA lovely evening.,good\n"


def test_a_dataset_from_a_dropped_file_to_an_open_round(
    world: World, contexts: Callable[..., BrowserContext], new_wallet: Callable[..., BrowserWallet]
) -> None:
    wallet = new_wallet("0x" + demo_key("requester").hex())
    page = contexts(wallet).new_page()
    page.goto(world.url)
    page.get_by_role("navigation").get_by_role("link", name="Request").click()
    page.get_by_role("link", name="New dataset").click()
    expect(page.get_by_text("At the least")).to_be_visible()
    connect(page)
    page.get_by_role("button", name="Sign in with your wallet").click()
    files = page.get_by_label("Files")
    files.set_input_files({"name": "reviews.csv", "mimeType": "text/csv", "buffer": BAD})
    expect(page.get_by_role("region", name="Bad rows").get_by_role("cell", name="3", exact=True)).to_be_visible()
    files.set_input_files({"name": "reviews.csv", "mimeType": "text/csv", "buffer": GOOD})
    expect(page.get_by_text("4 tasks taken")).to_be_visible()
    page.get_by_label("Name").fill("Restaurant reviews")
    page.get_by_label("Question").fill("Is the guest content?")
    assert serious(page) == []
    page.get_by_role("button", name="Create and fund").click()
    expect(page.get_by_role("heading", name="Restaurant reviews")).to_be_visible(timeout=60_000)
    card = page.locator("section").filter(has=page.get_by_role("link", name="Restaurant reviews"))
    expect(card.get_by_text("labeling", exact=True)).to_be_visible()
    assert serious(page) == []
    assert [message["primaryType"] for message in wallet.typed] == ["Permit"]
    page.get_by_role("link", name="Restaurant reviews").click()
    page.get_by_role("link", name="Label", exact=True).last.click()
    expect(page.get_by_role("heading", name="Restaurant reviews")).to_be_visible()
