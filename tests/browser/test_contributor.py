"""A contributor from the landing page to being paid: practice, connect, one signature, keys, one send, the receipt."""

import os
import signal
from collections.abc import Callable
from threading import Thread

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from labelshare.client.api import wait_for
from labelshare.client.wallet import Wallet
from scripts.stack import demo_key
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


def test_a_refusing_wallet_and_a_wrong_chain_are_explained(
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


def test_a_locked_wallet_is_waited_for_and_one_locked_later_is_asked_again(
    world: World, contexts: Callable[..., BrowserContext], new_wallet: Callable[..., BrowserWallet]
) -> None:
    wallet = new_wallet()
    wallet.locked = True
    page = contexts(wallet).new_page()
    page.goto(world.url)
    page.get_by_role("banner").get_by_role("button", name="Connect").click()
    dialog = page.get_by_role("dialog", name="Connect a wallet")
    dialog.get_by_role("button", name="Test wallet").click()
    expect(dialog.get_by_text("the wallet may be locked")).to_be_visible()
    assert serious(page) == []
    page.keyboard.press("Escape")
    page.get_by_role("banner").get_by_role("button", name="Connect").click()
    dialog.get_by_role("button", name="Test wallet").click()
    expect(dialog.get_by_text("Your wallet has a request of this page open already")).to_be_visible()
    wallet.locked = False
    account = page.get_by_role("banner").get_by_role("button", name="your account")
    expect(account).to_be_visible()

    wallet.locked = True
    page.evaluate("window.__walletEmit('accountsChanged', [])")
    expect(account).to_have_count(0)
    page.reload()
    expect(page.get_by_role("banner").get_by_role("button", name="Connect")).to_be_visible()
    wallet.locked = False
    connect(page)
    expect(account).to_be_visible()


def test_a_preference_is_labeled_by_the_keys_a_and_b(
    world: World, contexts: Callable[..., BrowserContext], new_wallet: Callable[..., BrowserWallet]
) -> None:
    opened = world.preferences()
    wallet = new_wallet()
    page = contexts(wallet).new_page()
    page.goto(f"{world.url}/label/{opened.round}")
    connect(page)
    page.get_by_role("button", name="Sign once").click()
    expect(page.get_by_role("heading", name="Which answer helps more?")).to_be_visible()
    for number in range(1, len(opened.truth) + 1):
        expect(page.get_by_test_id("position")).to_have_text(f"Item {number} of {len(opened.truth)}")
        task = page.get_by_test_id("task")
        item = int(task.get_attribute("data-item") or "")
        for part in ("Prompt", "Answer A", "Answer B"):
            expect(task.get_by_role("heading", name=part)).to_be_visible()
        assert serious(page) == []
        page.keyboard.press("ab"[opened.truth[item]])
        page.keyboard.press("Enter")
    page.get_by_role("button", name="Send").click()
    expect(page.locator('[data-step="On chain"][data-state="done"]')).to_be_visible()
    headers = {} | Wallet(bytes(wallet.account.key)).access(world.api, "labels", opened.round)
    labels = world.api.get(f"/rounds/{opened.round}/labels", headers)
    assert {row["task"]: row["answer"] for row in labels} == dict(enumerate(opened.truth))


def test_a_settlement_that_takes_the_bond_says_why(
    world: World, finished: Open, contexts: Callable[..., BrowserContext], new_wallet: Callable[..., BrowserWallet]
) -> None:
    wallet = new_wallet("0x" + demo_key(f"{finished.round} lou").hex())
    page = contexts(wallet).new_page()
    page.goto(f"{world.url}/work")
    connect(page)
    page.get_by_role("button", name="Sign in with your wallet").click()
    work = page.get_by_role("region", name="Work by dataset").get_by_role("row").filter(has_text="Does it follow?")
    expect(work).to_contain_text("worse than guessing by the classes' shares")
    expect(page.get_by_text("differs").first).to_be_visible()
    expect(page.get_by_text("agrees", exact=True)).to_have_count(0)
    page.get_by_role("region", name="Submissions").get_by_role("link", name="Receipt").click()
    expect(page.get_by_text("LBL of your bond were taken. κ is -")).to_be_visible()
    expect(page.locator('[data-step="Paid"]')).to_contain_text("0 LBL and 0.0 shares")
    assert serious(page) == []


def test_a_submission_that_the_chain_refuses_says_why_and_the_items_are_free_again(
    world: World, contexts: Callable[..., BrowserContext], new_wallet: Callable[..., BrowserWallet]
) -> None:
    opened = world.digits(TASKS, 3)
    wallet = new_wallet()
    world.demo.rpc.call("anvil_setBalance", wallet.address, hex(10**18))
    page = contexts(wallet).new_page()
    page.goto(f"{world.url}/label/{opened.round}")
    connect(page)
    page.get_by_role("button", name="Sign once").click()
    label_by_keys(page, opened, TASKS)
    relayer = world.stack.pid("relayer")
    os.kill(relayer, signal.SIGSTOP)  # what is sent now waits, while the contributor takes the key away on chain
    try:
        page.get_by_role("button", name="Send").click()
        expect(page.locator('[data-step="Sent"][data-state="done"]')).to_be_visible()
        key = wallet.typed[0]["message"]["key"]
        world.chain.send(Wallet(bytes(wallet.account.key)), "LabelRegistry", "revokeSession", key)
    finally:
        os.kill(relayer, signal.SIGCONT)
    refused = page.locator('[data-step="On chain"][data-state="bad"]')
    expect(refused).to_contain_text("Your session key had expired or was revoked")
    expect(page.get_by_text("Nothing was taken from you. The items are free again")).to_be_visible()
    assert serious(page) == []
    page.get_by_role("link", name="Label more").click()
    expect(page.get_by_text("Your session key was revoked")).to_be_visible()
    page.get_by_role("button", name="Sign once").click()
    expect(page.get_by_test_id("position")).to_have_text(f"Item 1 of {TASKS}")


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
