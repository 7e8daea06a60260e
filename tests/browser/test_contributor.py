"""A contributor from the landing page to being paid: practice, connect, one signature, keys, one send, the receipt."""

from collections.abc import Callable
from threading import Thread

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from labelshare.client.api import wait_for
from tests.browser.conftest import connect, serious
from tests.browser.wallet import BrowserWallet
from tests.browser.world import Open, World

TASKS = 4


@pytest.fixture(scope="module")
def digits(world: World) -> Open:
    """A round in which two others have labeled everything; the third fills it."""
    opened = world.digits(TASKS, 3)
    opened.label("ann", "bob")
    return opened


def label_by_keys(page: Page, digits: Open, upto: int) -> None:
    """One keystroke and Enter an item, as far as item `upto`."""
    for number in range(1, upto + 1):
        expect(page.get_by_test_id("position")).to_have_text(f"Item {number} of {TASKS}")
        item = int(page.get_by_test_id("task").get_attribute("data-item") or "")
        page.keyboard.press(str(digits.truth[item]))
        page.keyboard.press("Enter")


def test_practice_needs_no_wallet_and_says_what_was_right(
    world: World, digits: Open, contexts: Callable[..., BrowserContext]
) -> None:
    page = contexts().new_page()
    page.goto(world.url)
    page.get_by_role("link", name="Try three items, no wallet").click()
    expect(page.get_by_test_id("position")).to_have_text("Item 1 of 3")
    page.keyboard.press("4")
    expect(page.get_by_text("Right.")).to_be_visible()
    page.keyboard.press("u")
    page.keyboard.press("1")
    expect(page.get_by_text("It is 4.")).to_be_visible()
    assert serious(page) == []
    page.keyboard.press("Enter")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("s")
    page.keyboard.press("2")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="1 of 3 right")).to_be_visible()


def test_one_signature_then_keys_then_paid(
    world: World, digits: Open, contexts: Callable[..., BrowserContext], new_wallet: Callable[..., BrowserWallet]
) -> None:
    wallet = new_wallet()
    page = contexts(wallet).new_page()
    page.goto(world.url)
    connect(page)
    page.goto(f"{world.url}/label/{digits.round}")

    wallet.refuse = True
    page.get_by_role("button", name="Sign once").click()
    expect(page.get_by_text("You declined in your wallet")).to_be_visible()
    page.get_by_role("button", name="Sign once").click()
    label_by_keys(page, digits, 2)
    expect(page.get_by_test_id("position")).to_have_text("Item 3 of 4")

    page.reload()
    expect(page.get_by_test_id("position")).to_have_text("Item 3 of 4")
    expect(page.get_by_text("2 answers of 4")).to_be_visible()
    assert serious(page) == []
    for number in (3, 4):
        expect(page.get_by_test_id("position")).to_have_text(f"Item {number} of {TASKS}")
        page.keyboard.press(str(digits.truth[int(page.get_by_test_id("task").get_attribute("data-item") or "")]))
        page.keyboard.press("Enter")

    asked = list(wallet.prompts)
    page.get_by_role("button", name="Send").click()
    expect(page.locator('[data-step="Sent"][data-state="done"]')).to_be_visible()
    expect(page.locator('[data-step="On chain"][data-state="done"]')).to_be_visible()
    expect(page.locator('[data-step="On chain"] a')).to_be_visible()
    panel = Thread(target=digits.audit)
    panel.start()
    expect(page.locator('[data-step="Audited"][data-state="done"]')).to_be_visible(timeout=60_000)
    expect(page.locator('[data-step="Paid"][data-state="done"]')).to_be_visible(timeout=90_000)
    panel.join()
    assert serious(page) == []
    assert wallet.prompts == asked, "labeling and sending asked the wallet for something"
    assert [message["primaryType"] for message in wallet.typed] == ["Session"]

    paid = int(world.api.get(f"/accounts/{wallet.address}")["balance"])
    assert paid > 0
    page.get_by_role("link", name="My work").first.click()
    expect(page.get_by_role("region", name="Work by dataset").get_by_text("Handwritten digits").first).to_be_visible()
    assert serious(page) == []


def test_a_locked_out_wallet_and_a_wrong_chain_are_explained(
    world: World, contexts: Callable[..., BrowserContext], new_wallet: Callable[..., BrowserWallet]
) -> None:
    wallet = new_wallet()
    wallet.refuse, wallet.chain_id = True, 1
    page = contexts(wallet).new_page()
    page.goto(world.url)
    page.get_by_role("banner").get_by_role("button", name="Connect").click()
    page.get_by_role("dialog").get_by_role("button", name="Test wallet").click()
    expect(page.get_by_role("dialog").get_by_text("You declined in your wallet")).to_be_visible()
    page.get_by_role("dialog").get_by_role("button", name="Test wallet").click()
    expect(page.get_by_text("Your wallet is on another chain")).to_be_visible()
    page.get_by_role("button", name="Switch chain").click()
    expect(page.get_by_text("Your wallet is on another chain")).to_have_count(0)
    assert wallet.chain_id == wallet.right_chain


def test_an_expired_session_is_renewed_with_the_answers_kept(
    world: World, contexts: Callable[..., BrowserContext], new_wallet: Callable[..., BrowserWallet]
) -> None:
    opened = world.digits(TASKS, 3)
    wallet = new_wallet()
    page = contexts(wallet).new_page()
    page.goto(f"{world.url}/label/{opened.round}")
    connect(page)
    page.get_by_role("button", name="Sign once").click()
    label_by_keys(page, opened, 1)
    expect(page.get_by_text("1 answer of 4")).to_be_visible()
    page.evaluate(
        """() => { for (const name of Object.keys(localStorage)) {
             if (!name.startsWith("labelshare:session:") || name.endsWith(":seen")) continue;
             const kept = JSON.parse(localStorage[name]); kept.expiry = 1; localStorage[name] = JSON.stringify(kept); } }"""
    )
    page.reload()
    expect(page.get_by_text("Your session key has expired")).to_be_visible()
    page.get_by_role("button", name="Sign once").click()
    expect(page.get_by_text("1 answer of 4")).to_be_visible()
    page.get_by_role("button", name="Send").click()
    expect(page.locator('[data-step="On chain"][data-state="done"]')).to_be_visible()


def test_a_chain_that_was_started_anew_is_noticed(
    world: World, contexts: Callable[..., BrowserContext], new_wallet: Callable[..., BrowserWallet]
) -> None:
    opened = world.digits(TASKS, 3)
    wallet = new_wallet()
    page = contexts(wallet).new_page()
    page.goto(f"{world.url}/label/{opened.round}")
    connect(page)
    page.get_by_role("button", name="Sign once").click()
    expect(page.get_by_test_id("position")).to_be_visible()
    page.evaluate(
        """() => { for (const name of Object.keys(localStorage)) if (name.startsWith("labelshare:session:")) {
             const other = "0x" + "ab".repeat(20);
             if (name.endsWith(":seen")) localStorage[name] = JSON.stringify(other);
             else localStorage[name] = JSON.stringify({ ...JSON.parse(localStorage[name]), address: other }); } }"""
    )
    page.reload()
    expect(page.get_by_text("it was started anew")).to_be_visible()


def test_the_burner_wallet_needs_nothing_installed(world: World, contexts: Callable[..., BrowserContext]) -> None:
    opened = world.digits(TASKS, 3)
    page = contexts().new_page()
    page.goto(f"{world.url}/label/{opened.round}")
    connect(page, "Burner wallet")
    page.get_by_role("button", name="Sign once").click()
    label_by_keys(page, opened, TASKS)
    page.get_by_role("button", name="Send").click()
    expect(page.locator('[data-step="On chain"][data-state="done"]')).to_be_visible()
    wait_for("the labels", lambda: world.api.get(f"/rounds/{opened.round}")["labels"] == TASKS or None)
