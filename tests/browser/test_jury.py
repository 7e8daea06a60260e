"""A juror: drawn over a dishonest settlement, has it computed in the page, seals, loses the tab, opens, sees the result."""

from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import BrowserContext, expect

from labelshare.client.api import wait_for
from labelshare.client.dispute import Juror, challenge
from scripts.stack import demo_key
from tests.browser.conftest import connect, serious
from tests.browser.disputes import PURSE, propose_wrongly
from tests.browser.wallet import BrowserWallet
from tests.browser.world import World, pairs


def test_a_juror_computes_seals_loses_the_tab_opens_and_sees_the_result(
    world: World, contexts: Callable[..., BrowserContext], new_wallet: Callable[..., BrowserWallet], tmp_path: Path
) -> None:
    metadata, tasks, truth = pairs()
    opened = world.open(metadata | {"name": "To be disputed"}, tasks, truth, 3, 128, challenge_window=120)
    opened.label("ann", "bob", "cid")
    due, published = propose_wrongly(opened)
    challenge(world.chain, world.account(f"{opened.round} challenger", PURSE), opened.round)
    disputes = f"/rounds/{opened.round}/disputes"
    jury = wait_for("a jury", lambda: next((one["jurors"] for one in world.api.get(disputes)["items"] if one["jurors"]), None))
    name = next(f"validator {i}" for i, v in enumerate(world.demo.validators) if v.address == jury[0])
    wallet = new_wallet("0x" + demo_key(name).hex())

    first = contexts(wallet)
    page = first.new_page()
    page.goto(f"{world.url}/validate")
    connect(page)
    page.get_by_role("button", name="Sign in with your wallet").click()
    duties = page.get_by_role("region", name="Duties").get_by_role("row").filter(has_text=f"Round {opened.round}")
    duties.filter(has_text="jury").get_by_role("link", name="Open", exact=True).click()
    expect(page.get_by_text("The published settlement is wrong: 1 entry differs")).to_be_visible()
    differing = page.get_by_role("region", name="Entries that differ").get_by_role("row").nth(1)
    expect(differing).to_contain_text(f"{due.account[:6]}…{due.account[-4:]}")
    expect(differing).to_contain_text(f"{published.reward // 10**18} LBL")
    page.get_by_text("What was taken from whom").click()
    expect(page.get_by_role("region", name="Sources")).to_contain_text("24 labels in 3 submissions")
    assert serious(page) == []
    wallet.prompts.clear()
    page.route("**/verdict-reveals", lambda route: route.abort())  # the tab dies before the verdict is handed in to be opened
    page.get_by_role("button", name="Seal my verdict").click()
    expect(page.get_by_text("The server cannot be reached").or_(page.get_by_text("It was not handed in")).first).to_be_visible()
    assert wallet.prompts == ["personal_sign", "eth_signTypedData_v4"]
    wait_for("the commitment", lambda: world.api.get(disputes)["items"][-1]["committed"] or None)
    first.close()

    others = [v for v in world.demo.validators if v.address in jury[1:]]
    access = others[0].access(world.api, "evidence", opened.round)
    body = {opened.round: world.api.get_bytes(f"/rounds/{opened.round}/evidence", access)}
    for juror in others:
        Juror(world.chain, juror).judge(opened.round, body, tmp_path / juror.address)

    wallet.connected = False
    page = contexts(wallet).new_page()
    page.goto(f"{world.url}/validate/jury/{opened.round}")
    connect(page)
    page.get_by_role("button", name="Sign in with your wallet").click()
    page.get_by_role("button", name="Unlock and open").click()
    expect(page.get_by_text("It is open: everyone can see your root").or_(page.get_by_text("overturned")).first).to_be_visible()
    assert serious(page) == []
    for juror in others:
        Juror(world.chain, juror).judge(opened.round, body, tmp_path / juror.address)
    expect(page.get_by_text("The jury overturned the settlement")).to_be_visible()
    expect(page.get_by_text("Your verdict was the majority's")).to_be_visible()
    assert serious(page) == []
    page.get_by_role("link", name="To your duties").click()
    past = page.get_by_role("region", name="Past audits").get_by_role("row").filter(has_text=f"Round {opened.round}")
    expect(past.filter(has_text="jury")).to_be_visible()
