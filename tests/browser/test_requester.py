"""A requester: a bad file refused with line and reason, a good one, images dragged in, the cost, created and funded in one flow,
progress, and what was not spent taken back."""

import base64
from collections.abc import Callable

from playwright.sync_api import BrowserContext, Page, expect

from labelshare.chain.naming import user_account
from scripts.stack import demo_key
from tests.browser.conftest import connect, serious
from tests.browser.wallet import BrowserWallet
from tests.browser.world import Open, World, digit_image

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


def drop(page: Page, files: dict[str, tuple[str, bytes]]) -> None:
    """Drags files from outside onto the page: name, media type, bytes."""
    rows = [{"name": name, "type": kind, "body": base64.b64encode(body).decode()} for name, (kind, body) in files.items()]
    transfer = page.evaluate_handle(
        """(rows) => { const carried = new DataTransfer();
             for (const { name, type, body } of rows)
               carried.items.add(new File([Uint8Array.from(atob(body), (c) => c.charCodeAt(0))], name, { type }));
             return carried; }""",
        rows,
    )
    for event in ("dragenter", "dragover", "drop"):
        page.locator(".drop").dispatch_event(event, {"dataTransfer": transfer})


def test_images_are_dragged_in_and_become_a_round(
    world: World, contexts: Callable[..., BrowserContext], new_wallet: Callable[..., BrowserWallet]
) -> None:
    wallet = new_wallet("0x" + demo_key("requester").hex())
    page = contexts(wallet).new_page()
    page.goto(f"{world.url}/request/new")
    connect(page)
    page.get_by_role("button", name="Sign in with your wallet").click()
    pictures = {f"{digit}.png": ("image/png", digit_image(digit, 40 + digit)) for digit in (1, 5, 8)}
    drop(page, pictures | {"bad.png": ("image/png", b"<svg xmlns='http://www.w3.org/2000/svg'/>")})
    expect(page.get_by_text("bad.png")).to_be_visible()
    expect(page.get_by_text("tasks taken")).to_have_count(0)
    drop(page, pictures)
    expect(page.get_by_text("3 tasks taken: Images")).to_be_visible()
    for image in page.locator(".thumbs img").all():
        image.evaluate("(image) => image.decode()")  # fails unless the picture that was kept can be shown
    assert page.locator(".thumbs img").count() == 3
    page.get_by_label("Name").fill("Three digits")
    page.get_by_label("Question").fill("Which digit?")
    page.get_by_label("Classes, one a line").fill("1\n5\n8")
    assert serious(page) == []
    wallet.refuse = True
    page.get_by_role("button", name="Create and fund").click()
    expect(page.get_by_text("You declined in your wallet")).to_be_visible()
    page.get_by_role("button", name="Create and fund").click()
    page.get_by_role("link", name="Three digits").click()
    page.get_by_role("main").get_by_role("link", name="Label", exact=True).click()
    page.get_by_role("button", name="Sign once").click()
    expect(page.get_by_test_id("task").locator("img")).to_be_visible()
    page.keyboard.press("5")
    expect(page.get_by_role("radio", name="5")).to_be_checked()


def test_what_was_not_spent_is_taken_back(
    world: World, finished: Open, contexts: Callable[..., BrowserContext], new_wallet: Callable[..., BrowserWallet]
) -> None:
    wallet = new_wallet("0x" + demo_key("requester").hex())
    free = world.chain.read("DatasetRegistry", "freeOf", finished.dataset)
    account = user_account(wallet.address)
    before = world.chain.read("Ledger", "balanceOf", bytes.fromhex(account[2:]))
    assert free > 0
    page = contexts(wallet).new_page()
    page.goto(f"{world.url}/request")
    connect(page)
    page.get_by_role("button", name="Sign in with your wallet").click()
    card = page.locator("section").filter(has=page.get_by_role("link", name="Does it follow?"))
    take = card.get_by_role("button", name="LBL back")
    expect(take).to_be_visible()  # before anything is refused: signing in must not be
    wallet.refuse = True
    take.click()
    expect(card.get_by_text("You declined in your wallet")).to_be_visible()
    take.click()
    expect(card.get_by_text("It is in your Ledger account")).to_be_visible()
    expect(take).to_have_count(0)
    assert world.chain.read("DatasetRegistry", "freeOf", finished.dataset) == 0
    assert world.chain.read("Ledger", "balanceOf", bytes.fromhex(account[2:])) == before + free
    assert serious(page) == []


def test_content_is_deleted_on_request_and_the_outcome_is_shown(
    world: World, finished: Open, contexts: Callable[..., BrowserContext], new_wallet: Callable[..., BrowserWallet]
) -> None:
    asker = contexts().new_page()
    asker.goto(f"{world.url}/datasets/{finished.dataset}")
    thumb = asker.locator(".thumb").filter(has_text="crows").first
    text = thumb.locator(".text").first.inner_text()
    thumb.get_by_role("link", name="Ask for deletion").click()
    expect(asker.get_by_role("heading", name="What happens then")).to_be_visible()
    expect(asker.locator("form").get_by_text(text)).to_be_visible()
    expect(asker.get_by_role("button", name="Ask for deletion")).to_be_disabled()
    asker.get_by_label("Why").fill("These are my crows.")
    assert serious(asker) == []
    asker.get_by_role("button", name="Ask for deletion").click()
    expect(asker.get_by_text("waiting for a decision")).to_be_visible()

    page = contexts(new_wallet("0x" + demo_key("requester").hex())).new_page()
    page.goto(f"{world.url}/request")
    connect(page)
    page.get_by_role("button", name="Sign in with your wallet").click()
    expect(page.get_by_text("These are my crows.")).to_be_visible()
    assert serious(page) == []
    page.get_by_role("button", name="Delete the content").click()
    expect(page.get_by_text("These are my crows.")).to_have_count(0)

    expect(asker.get_by_text("deleted: the content is gone")).to_be_visible()
    assert serious(asker) == []
    asker.goto(f"{world.url}/datasets/{finished.dataset}")
    expect(asker.get_by_text("This content was deleted on request.")).to_be_visible()
    expect(asker.locator(".thumbs").get_by_text(text)).to_have_count(0)
