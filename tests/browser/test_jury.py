"""A dishonest settlement: appealed against by the contributor whom it robs; a juror has it computed in the page, seals, loses the
tab, opens, sees the result."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from labelshare.chain.naming import user_account
from labelshare.client.api import wait_for
from labelshare.client.dispute import Juror
from labelshare.rules.entries import Entry
from scripts.stack import demo_key
from tests.browser.conftest import connect, serious
from tests.browser.disputes import PURSE, propose_wrongly
from tests.browser.wallet import BrowserWallet
from tests.browser.world import LBL, Open, World, pairs


@pytest.fixture(scope="module")
def disputed(world: World) -> Open:
    """A round whose panel has labeled; nothing is proposed yet."""
    metadata, tasks, truth = pairs()
    opened = world.open(metadata | {"name": "To be disputed"}, tasks, truth, 3, 128, challenge_window=120)
    opened.label("ann", "bob", "cid")
    return opened


@pytest.fixture(scope="module")
def wrong(world: World, disputed: Open) -> dict[str, tuple[Entry, Entry]]:
    """By account, what is due and what was published instead."""
    return propose_wrongly(disputed, world.demo.person(f"{disputed.round} ann").address)


def signed_in(page: Page, url: str) -> None:
    page.goto(url)
    connect(page)
    page.get_by_role("button", name="Sign in with your wallet").click()


def test_a_contributor_appeals_against_the_settlement_that_robs_them(
    world: World,
    disputed: Open,
    wrong: dict[str, tuple[Entry, Entry]],
    contexts: Callable[..., BrowserContext],
    new_wallet: Callable[..., BrowserWallet],
) -> None:
    wallet = new_wallet("0x" + demo_key(f"{disputed.round} ann").hex())
    world.demo.from_treasury("Ledger", "deposit", user_account(wallet.address), PURSE)
    assert wrong[wallet.address][1].reward == 0
    page = contexts(wallet).new_page()
    signed_in(page, f"{world.url}/work")
    page.get_by_role("region", name="Submissions").get_by_role("link", name="Receipt").click()
    expect(page.get_by_text("The published settlement gives you 0 LBL")).to_be_visible()
    page.get_by_role("button", name="Appeal against this settlement").click()
    dialog = page.get_by_role("dialog", name="Appeal")
    expect(dialog.get_by_text("You put up")).to_be_visible()
    assert serious(page) == []
    wallet.refuse = True
    dialog.get_by_role("button", name="Put up the bond and challenge").click()
    expect(dialog.get_by_text("You declined in your wallet")).to_be_visible()
    dialog.get_by_role("button", name="Put up the bond and challenge").click()
    expect(dialog.get_by_text("Challenged:")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_text("is challenged: a jury computes it again")).to_be_visible()
    (dispute,) = world.api.get(f"/rounds/{disputed.round}/disputes")["items"]
    assert dispute["challenger"] == wallet.address


def test_a_juror_computes_seals_loses_the_tab_opens_and_sees_the_result(
    world: World,
    disputed: Open,
    wrong: dict[str, tuple[Entry, Entry]],
    contexts: Callable[..., BrowserContext],
    new_wallet: Callable[..., BrowserWallet],
    tmp_path: Path,
) -> None:
    disputes = f"/rounds/{disputed.round}/disputes"
    jury = wait_for("a jury", lambda: next((one["jurors"] for one in world.api.get(disputes)["items"] if one["jurors"]), None))
    name = next(f"validator {i}" for i, v in enumerate(world.demo.validators) if v.address == jury[0])
    wallet = new_wallet("0x" + demo_key(name).hex())

    first = contexts(wallet)
    page = first.new_page()
    signed_in(page, f"{world.url}/validate")
    duties = page.get_by_role("region", name="Duties").get_by_role("row").filter(has_text=f"Round {disputed.round}")
    duties.filter(has_text="jury").get_by_role("link", name="Open", exact=True).click()
    expect(page.get_by_text("The published settlement is wrong: 2 entries differ")).to_be_visible()
    for account, (due, published) in wrong.items():
        row = page.get_by_role("region", name="Entries that differ").get_by_role("row").filter(has_text=account[-4:])
        expect(row).to_contain_text(f"{due.reward // LBL}.")
        expect(row).to_contain_text(f"{published.reward // LBL} LBL")
    page.get_by_text("What was taken from whom").click()
    expect(page.get_by_role("region", name="Sources")).to_contain_text("24 labels in 3 submissions")
    assert serious(page) == []
    wallet.prompts.clear()
    page.route("**/verdict-reveals", lambda route: route.abort())  # the tab dies before the verdict is handed in to be opened
    page.get_by_role("button", name="Seal my verdict").click()
    expect(page.get_by_text("The server cannot be reached").or_(page.get_by_text("Nobody but you can open it yet")).first).to_be_visible()
    assert wallet.prompts == ["personal_sign", "eth_signTypedData_v4"]
    wait_for("the commitment", lambda: world.api.get(disputes)["items"][-1]["committed"] or None)
    first.close()

    others = [v for v in world.demo.validators if v.address in jury[1:]]
    access = others[0].access(world.api, "evidence", disputed.round)
    body = {disputed.round: world.api.get_bytes(f"/rounds/{disputed.round}/evidence", access)}
    for juror in others:
        Juror(world.chain, juror).judge(disputed.round, body, tmp_path / juror.address)

    wallet.connected = False
    page = contexts(wallet).new_page()
    signed_in(page, f"{world.url}/validate/jury/{disputed.round}")
    page.get_by_role("button", name="Unlock and hand in").click()
    expect(page.get_by_text("It is open: everyone can see your root").or_(page.get_by_text("overturned")).first).to_be_visible()
    assert serious(page) == []
    for juror in others:
        Juror(world.chain, juror).judge(disputed.round, body, tmp_path / juror.address)
    expect(page.get_by_text("The jury overturned the settlement")).to_be_visible()
    expect(page.get_by_text("Your verdict was the majority's")).to_be_visible()
    assert serious(page) == []
    page.get_by_role("link", name="To your duties").click()
    past = page.get_by_role("region", name="Past audits").get_by_role("row").filter(has_text=f"Round {disputed.round}")
    expect(past.filter(has_text="jury")).to_be_visible()
