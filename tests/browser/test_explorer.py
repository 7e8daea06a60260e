"""The explorer: from a number to the transaction behind it, as the chain has it."""

from collections.abc import Callable

from playwright.sync_api import BrowserContext, expect

from labelshare.chain.events import SettlementChunkPaid
from labelshare.client.chain import topic
from tests.browser.conftest import serious
from tests.browser.world import LBL, Open, World


def test_a_reward_is_traced_to_its_transaction(world: World, finished: Open, contexts: Callable[..., BrowserContext]) -> None:
    (paid,) = [log.transaction_hash for log, _ in world.chain.events(SettlementChunkPaid, topic(finished.round))]
    settlement = world.api.get(f"/rounds/{finished.round}/settlement")
    best = max(settlement["entries"], key=lambda entry: int(entry["reward"]))
    page = contexts().new_page()
    page.goto(world.url)
    page.get_by_role("navigation").get_by_role("link", name="Explorer").click()
    expect(page.get_by_text("adds up")).to_be_visible()
    page.get_by_role("tab", name="Rounds").click()
    page.get_by_role("link", name=f"Round {finished.round}", exact=True).click()
    row = page.get_by_role("region", name="Entries").get_by_role("row").filter(has_text=best["account"][-4:])
    expect(row).to_contain_text(f"{int(best['reward']) // LBL}")
    assert serious(page) == []
    link = row.get_by_role("link")
    assert link.get_attribute("href") == f"/tx/{paid}"
    link.click()
    expect(page.get_by_text("succeeded")).to_be_visible()
    events = page.get_by_role("list", name="Events of the transaction").get_by_role("listitem")
    expect(events.filter(has_text="ChunkPaid")).to_be_visible()
    credit = f"{int(best['reward']) + finished.bond} "  # pay and bond come in one credit
    expect(events.filter(has_text="MovedBatch").get_by_text(best["account"])).to_contain_text(credit)
    assert serious(page) == []


def test_events_are_found_by_topic_and_lead_to_their_round(
    world: World, finished: Open, contexts: Callable[..., BrowserContext]
) -> None:
    page = contexts().new_page()
    page.goto(f"{world.url}/explorer")
    page.get_by_label("About").select_option("settlement")
    rows = page.get_by_role("region", name="Events").get_by_role("row")
    number = page.get_by_role("link", name=str(finished.round), exact=True)
    row = rows.filter(has_text="SettlementFinalized").filter(has=number).first
    row.get_by_role("link", name=str(finished.round), exact=True).last.click()
    expect(page.get_by_role("heading", name=f"Round {finished.round}", exact=True)).to_be_visible()
