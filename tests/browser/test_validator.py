"""A validator: stake by permit, be drawn, audit blind, close the tab between sealing and opening, sign the evidence."""

from collections.abc import Callable
from pathlib import Path
from threading import Thread

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from labelshare.chain.events import AuditBoardOpenAttested, LabelRegistryOpenResolved
from labelshare.client.api import wait_for
from labelshare.client.chain import topic
from labelshare.client.open_path import show_to_operator
from scripts.stack import demo_key
from tests.browser.conftest import connect, serious
from tests.browser.wallet import BrowserWallet
from tests.browser.world import Open, World, pairs


@pytest.fixture(scope="module")
def closed(world: World) -> Open:
    """A round that is full, so that its panel is drawn."""
    metadata, tasks, truth = pairs()
    opened = world.open(metadata | {"name": "To be audited"}, tasks, truth, 2, 64)
    opened.label("gus", "hal")
    return opened


def signed_in(page: Page, world: World, path: str) -> None:
    page.goto(f"{world.url}{path}")
    connect(page)
    page.get_by_role("button", name="Sign in with your wallet").click()


@pytest.mark.parametrize("batches", [False, True], ids=["by a permit and transactions", "with one prompt"])
def test_seats_are_bought(
    world: World, contexts: Callable[..., BrowserContext], new_wallet: Callable[..., BrowserWallet], batches: bool
) -> None:
    wallet = new_wallet()
    wallet.batches = batches
    world.equip(wallet)
    page = contexts(wallet).new_page()
    signed_in(page, world, "/validate")
    expect(page.get_by_role("heading", name="What can be lost, and why")).to_be_visible()
    asked = len(wallet.prompts)
    page.get_by_role("button", name="Stake").click()
    expect(page.get_by_text("Staked. You can be drawn")).to_be_visible()
    one_by_one = ["eth_signTypedData_v4", *["eth_sendTransaction"] * 3]
    assert wallet.prompts[asked:] == (["wallet_sendCalls"] if batches else one_by_one)
    assert serious(page) == []
    page.get_by_role("button", name="Leave one seat").click()
    expect(page.get_by_role("button", name="Leave one seat")).to_have_count(0)


def answer_by_keys(page: Page, opened: Open) -> None:
    """The whole sample, one keystroke and Enter an item."""
    expect(page.get_by_test_id("position")).to_be_visible()
    while page.get_by_test_id("position").count():
        item = int(page.get_by_test_id("task").get_attribute("data-item") or "")
        before = page.get_by_test_id("position").inner_text()
        page.keyboard.press("12"[opened.truth[item]])
        page.keyboard.press("Enter")
        moved_on = page.get_by_test_id("position").filter(has_not_text=before)
        expect(page.get_by_text("That was the sample").or_(moved_on)).to_be_visible()


def validator_key(world: World, address: str) -> str:
    name = next(f"validator {i}" for i, v in enumerate(world.demo.validators) if v.address == address)
    return "0x" + demo_key(name).hex()


def test_a_closed_tab_between_sealing_and_opening_loses_nothing(
    world: World, closed: Open, contexts: Callable[..., BrowserContext], new_wallet: Callable[..., BrowserWallet]
) -> None:
    member = closed.panel()[0]
    wallet = new_wallet(validator_key(world, member))
    others = Thread(target=closed.audit, args=(member,))

    first = contexts(wallet)
    page = first.new_page()
    signed_in(page, world, "/validate")
    duty = page.get_by_role("region", name="Duties").get_by_role("row").filter(has_text=f"Round {closed.round}")
    duty.get_by_role("link", name="Open", exact=True).click()
    page.get_by_role("button", name="Unlock").click()
    expect(page.get_by_test_id("position")).to_be_visible()
    assert serious(page) == []
    page.route("**/reveals", lambda route: route.abort())  # the tab dies before the answers are handed in to be opened
    answer_by_keys(page, closed)
    page.get_by_role("button", name="Seal and hand in").click()
    expect(page.get_by_text("The server cannot be reached")).to_be_visible()
    wait_for("the commitment", lambda: world.api.get(f"/rounds/{closed.round}")["committed"] or None)
    first.close()

    others.start()
    wallet.connected = False
    page = contexts(wallet).new_page()
    signed_in(page, world, f"/validate/{closed.round}")
    page.get_by_role("button", name="Unlock").click()
    page.get_by_role("button", name="Sign the evidence").click(timeout=60_000)
    others.join()
    closed.settled()
    page.goto(f"{world.url}/validate")
    expect(page.get_by_role("region", name="Past audits").get_by_text(f"Round {closed.round}")).to_be_visible()
    assert serious(page) == []


def test_open_labels_are_attested_by_their_roots_on_chain(
    world: World, contexts: Callable[..., BrowserContext], new_wallet: Callable[..., BrowserWallet], tmp_path: Path
) -> None:
    metadata, tasks, truth = pairs()
    opened = world.open(metadata | {"name": "With open labels"}, tasks, truth, 3, 64, budget=2 * len(tasks) + 3)
    files = {name: tmp_path / f"{name}.json" for name in ("ida", "jon", "kim")}
    people = {name: opened.label_openly(name, file) for name, file in files.items()}
    show_to_operator(world.api, opened.round, files["ida"])
    opened.label("gus", "hal")
    member = opened.panel()[0]
    wallet = new_wallet(validator_key(world, member))
    others = Thread(target=opened.audit, args=(member, [files["ida"], files["jon"]]))
    others.start()

    page = contexts(wallet).new_page()
    signed_in(page, world, f"/validate/{opened.round}")
    page.get_by_role("button", name="Unlock").click()
    answer_by_keys(page, opened)
    page.get_by_role("button", name="Seal and hand in").click()
    table = page.get_by_role("region", name="Open submissions")
    rows = {name: table.get_by_role("row").filter(has_text=person.address[-4:]) for name, person in people.items()}
    expect(rows["ida"]).to_contain_text("by the operator: the root on chain")
    expect(rows["jon"]).to_contain_text("not shown")
    page.get_by_label("Labels files").set_input_files({"name": "no.json", "mimeType": "application/json", "buffer": b"{}"})
    expect(page.get_by_text("no.json: the chain accepted no open submission")).to_be_visible()
    page.get_by_label("Labels files").set_input_files(files["jon"])
    expect(rows["jon"]).to_contain_text("by jon.json: the root on chain")
    assert serious(page) == []
    show_to_operator(world.api, opened.round, files["jon"])  # else the operator lacks a submission that counts
    page.get_by_role("button", name="Attest 2 of 3 submissions").click()
    page.get_by_role("button", name="Sign the evidence").click(timeout=60_000)
    others.join()
    opened.settled()
    said = {event.validator: event.shown for _, event in world.chain.events(AuditBoardOpenAttested, topic(opened.round))}
    assert said[member] == 0b011
    counted = {event.contributor: event.counted for _, event in world.chain.events(LabelRegistryOpenResolved, topic(opened.round))}
    assert counted == {person.address: name != "kim" for name, person in people.items()}
