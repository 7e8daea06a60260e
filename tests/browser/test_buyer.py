"""A buyer from the landing page to a verified file, and the shareholders' page that shows the sale."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import BrowserContext, expect

from labelshare.rules.eip712 import address_of
from scripts.stack import ROOT, demo_key
from tests.browser.conftest import connect, serious
from tests.browser.wallet import BrowserWallet
from tests.browser.world import Open, World


def test_a_license_takes_one_prompt_and_the_download_verifies(
    world: World, finished: Open, contexts: Callable[..., BrowserContext], new_wallet: Callable[..., BrowserWallet], tmp_path: Path
) -> None:
    wallet = new_wallet("0x" + demo_key("buyer").hex())
    page = contexts(wallet, accept_downloads=True).new_page()
    page.goto(world.url)
    connect(page)
    page.get_by_role("navigation").get_by_role("link", name="Datasets").click()
    page.get_by_label("Search").fill("follow")
    page.get_by_role("link", name="Does it follow?").click()
    expect(page.get_by_text("Audited tasks: a panel drawn by lot")).to_be_visible()
    for tab in ("Quality", "Owners", "Provenance", "Sales", "Sample"):
        page.get_by_role("tab", name=tab).click()
        expect(page.get_by_role("tabpanel").locator("table, .thumbs, .bars, p").first).to_be_visible()
    assert serious(page) == []

    wallet.prompts.clear()
    wallet.refuse = True
    page.get_by_role("button", name="Buy a license").click()
    expect(page.get_by_text("You declined in your wallet")).to_be_visible()
    wallet.prompts.clear()
    page.get_by_role("button", name="Buy a license").click()
    expect(page.get_by_text("You hold a license until")).to_be_visible()
    assert wallet.prompts == ["eth_signTypedData_v4", "eth_sendTransaction"]

    with page.expect_download() as caught:
        page.get_by_role("button", name="Download").click()
    file = tmp_path / "dataset.json"
    caught.value.save_as(file)
    command = [sys.executable, "-m", "labelshare.cli", "verify", str(file), "--rpc", world.rpc_url]
    command += ["--manifest", str(world.stack.manifest)]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    assert serious(page) == []


def test_a_sale_shows_at_the_shareholder_who_claims_and_withdraws(
    world: World, finished: Open, contexts: Callable[..., BrowserContext], new_wallet: Callable[..., BrowserWallet]
) -> None:
    key = demo_key(f"{finished.round} ann")
    wallet = new_wallet("0x" + key.hex())
    assert wallet.address == address_of(key)
    world.demo.rpc.call("anvil_setBalance", wallet.address, hex(10**18))
    page = contexts(wallet).new_page()
    page.goto(f"{world.url}/work")
    connect(page)
    page.get_by_role("button", name="Sign in with your wallet").click()
    page.get_by_role("button", name="Claim").click()
    expect(page.get_by_role("heading", name="Money over time")).to_be_visible()
    expect(page.get_by_role("region", name="Payments").get_by_text("revenue").first).to_be_visible()
    expect(page.get_by_role("heading", name="Audited tasks")).to_be_visible()
    assert serious(page) == []
    page.get_by_text("Withdraw to your wallet").click()
    page.get_by_role("button", name="Withdraw", exact=True).click()
    expect(page.get_by_text("It is in your wallet")).to_be_visible()


def test_a_wallet_that_takes_calls_together_asks_once(
    world: World, finished: Open, contexts: Callable[..., BrowserContext], new_wallet: Callable[..., BrowserWallet]
) -> None:
    wallet = new_wallet()
    wallet.batches = True
    world.equip(wallet)
    page = contexts(wallet).new_page()
    page.goto(f"{world.url}/datasets/{finished.dataset}")
    connect(page)
    wallet.prompts.clear()
    page.get_by_role("button", name="Buy a license").click()
    expect(page.get_by_text("You hold a license until")).to_be_visible()
    assert wallet.prompts == ["wallet_sendCalls"]
