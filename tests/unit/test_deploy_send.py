"""Sending planned contracts against a node that misbehaves."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from eth_utils import to_checksum_address

from labelshare.chain.rpc import RpcError, RpcUnavailable
from scripts.deploy_key import PASSWORD_FILE, Keystore, create
from scripts.deploy_plan import Creation, DeploymentError, address_setting, predict_address
from scripts.deploy_send import GWEI, Patience, Sender

DEPLOYER = "0x" + "d0" * 20
PATIENCE = Patience(pause=1, looks=3, raises=4, lag=3)
CREATION = Creation("Ledger", predict_address(DEPLOYER, 5), 5, b"\x60\x01", b"")


class Chain:
    """A node whose pool mines a transaction once it pays `price`; `refuses` gives the error of a sending, if any."""

    def __init__(self, price: int = 0) -> None:
        self.price, self.nonce, self.code, self.status = price, 5, "0x6001", "0x1"
        self.sent: list[dict[str, Any]] = []
        self.hidden = 0
        self.refuses: Callable[[dict[str, Any]], Exception | None] = lambda _: None

    def integer(self, method: str, *parameters: Any) -> int:
        return int(self.call(method, *parameters), 16)

    def block(self) -> dict[str, str]:
        return {"baseFeePerGas": hex(GWEI)}

    def call(self, method: str, *parameters: Any) -> Any:
        if method == "eth_getCode":
            self.hidden -= self.nonce > 5
            return self.code if self.nonce > 5 and self.hidden < 0 else "0x"
        if method == "eth_sendTransaction":
            self.sent.append(parameters[0])
            error = self.refuses(parameters[0])
            if int(parameters[0]["maxFeePerGas"], 16) >= self.price and not isinstance(error, RpcError):
                self.nonce = 6
            if error is not None:
                raise error
            return f"0x{len(self.sent):064x}"
        return {
            "eth_getTransactionCount": hex(self.nonce),
            "eth_estimateGas": hex(100_000),
            "eth_maxPriorityFeePerGas": hex(GWEI),
            "eth_getTransactionReceipt": {"status": self.status},
        }[method]


def sender(chain: Chain, max_fee: int | None = None) -> Sender:
    return Sender(chain, 1, DEPLOYER, None, PATIENCE, max_fee, say=lambda _: None, pause=lambda _: None)  # type: ignore[arg-type]


def offers(chain: Chain) -> list[float]:
    return [int(t["maxFeePerGas"], 16) / GWEI for t in chain.sent]


def test_a_transaction_that_stays_in_the_pool_is_replaced_at_the_same_nonce_for_more() -> None:
    chain = Chain(price=5 * GWEI)
    sender(chain).create(CREATION)
    assert {t["nonce"] for t in chain.sent} == {"0x5"}
    assert offers(chain) == pytest.approx([3, 3.75, 4.6875, 5.859375])


def test_fees_stay_within_the_limit_and_the_error_names_it() -> None:
    chain = Chain(price=5 * GWEI)
    with pytest.raises(DeploymentError, match=r"not mined .* higher LABELSHARE_MAX_FEE_GWEI"):
        sender(chain, max_fee=4 * GWEI).create(CREATION)
    assert max(offers(chain)) == 4
    with pytest.raises(DeploymentError, match="more than LABELSHARE_MAX_FEE_GWEI allows"):
        sender(Chain(), max_fee=GWEI // 2).create(CREATION)


def test_a_pool_that_holds_a_dearer_transaction_is_outbid() -> None:
    chain = Chain()
    chain.refuses = lambda t: RpcError("replacement transaction underpriced") if int(t["maxFeePerGas"], 16) < 4 * GWEI else None
    sender(chain).create(CREATION)
    assert len(chain.sent) == 3


def test_an_answer_that_is_lost_is_no_reason_to_send_again() -> None:
    chain = Chain()
    chain.refuses = lambda _: RpcUnavailable("lost")
    sender(chain).create(CREATION)
    assert len(chain.sent) == 1


def test_a_transaction_of_an_earlier_run_is_waited_for_not_sent_again() -> None:
    chain = Chain()
    chain.nonce = 6
    sender(chain).create(CREATION)
    assert chain.sent == []


def test_code_that_a_lagging_node_does_not_show_yet_is_waited_for() -> None:
    chain = Chain()
    chain.hidden = 2
    sender(chain).create(CREATION)
    assert len(chain.sent) == 1


@pytest.mark.parametrize(("status", "said"), [("0x1", "used for something else"), ("0x0", "failed on chain")])
def test_a_nonce_that_gave_no_contract_is_said_with_the_way_out(status: str, said: str) -> None:
    chain = Chain()
    chain.code, chain.status = "0x", status
    with pytest.raises(DeploymentError, match=f"{said}.*Move the manifest of this chain away"):
        sender(chain).create(CREATION)


@pytest.mark.parametrize(
    ("refusal", "said"),
    [
        ("insufficient funds for gas * price + value", "Send ether there and run again"),
        ("intrinsic gas too low", "refused the transaction"),
    ],
)
def test_a_refusal_is_said(refusal: str, said: str) -> None:
    chain = Chain()
    chain.refuses = lambda _: RpcError(refusal)
    with pytest.raises(DeploymentError, match=said):
        sender(chain).create(CREATION)


# The key and the addresses


def test_a_keystore_opens_with_the_password_of_the_file_only(tmp_path: Path) -> None:
    path, password = tmp_path / "key.json", tmp_path / "password"
    address = create(path, "right", iterations=2)
    assert path.stat().st_mode & 0o777 == 0o600
    password.write_text("right\n")
    assert Keystore.find(str(path), {PASSWORD_FILE: str(password)}).open().address == address
    password.write_text("wr0ng")
    with pytest.raises(DeploymentError, match=f"file that {PASSWORD_FILE} names does not open") as caught:
        Keystore(path, {PASSWORD_FILE: str(password)}).open()
    assert "wr0ng" not in str(caught.value)
    with pytest.raises(FileExistsError):
        create(path, "other", iterations=2)


@pytest.mark.parametrize("content", [None, "", "\n", "0xabc"])
def test_a_password_file_of_no_use_is_said(tmp_path: Path, content: str | None) -> None:
    path, password = tmp_path / "key.json", tmp_path / "password"
    create(path, "right", iterations=2)
    if content is not None:
        password.write_text(content)
    with pytest.raises(DeploymentError, match=PASSWORD_FILE):
        Keystore(path, {PASSWORD_FILE: str(password)}).open()


@pytest.mark.parametrize("content", [None, "{", "[]", json.dumps({"crypto": {}})])
def test_what_is_no_keystore_is_said(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "key.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(DeploymentError, match="keystore"):
        Keystore.find(str(path), {})


@pytest.mark.parametrize("value", ["0x12", "nobody.eth", "0x" + "00" * 20, "0x" + "Ab" * 20, "ab" * 20])
def test_an_address_with_a_fault_is_refused(value: str) -> None:
    with pytest.raises(DeploymentError, match="LABELSHARE_TREASURY is not an address"):
        address_setting({"LABELSHARE_TREASURY": value}, "LABELSHARE_TREASURY")


def test_an_address_may_be_missing_or_in_lower_case() -> None:
    assert address_setting({}, "LABELSHARE_GOVERNOR") is None
    assert address_setting({"LABELSHARE_GOVERNOR": "0x" + "ab" * 20}, "LABELSHARE_GOVERNOR") == to_checksum_address(
        "0x" + "ab" * 20
    )
