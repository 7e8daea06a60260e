import pytest
from eth_abi import encode
from msgspec.structs import replace

from labelshare.chain import events as e
from labelshare.chain.decode import MalformedLog, decode
from labelshare.chain.events import Credit, Entry
from tests.unit.logs import address, log_of, word

ENTRY = Entry(role=1, account=address(5), reward=2**96 - 1, slash=0, shares=2**64 - 1, waiting=7)


@pytest.mark.parametrize(
    "event",
    [
        e.LedgerMoved(from_=word(1), to=word(2), amount=2**256 - 1),
        e.LedgerMovedBatch(from_=word(1), credits=(Credit(word(2), 3), Credit(word(4), 0))),
        e.SettlementChunkPublished(round=1, chunk=2, chunk_hash=word(9), entries=(ENTRY,) * 100),
        e.AuditBoardPanelDrawn(1, 0, word(3), (address(1), address(2)), (1, 2), 99),
        e.AuditBoardBallotRevealed(1, address(1), 0, 2, "0x0001ff", word(8)),
        e.DatasetSharesTransferBatch(address(1), address(2), address(3), (1, 2), (3, 4)),
        e.FaucetServed(address(1), 5, True),
    ],
)
def test_an_event_encoded_by_its_abi_decodes_to_itself(event: e.Event) -> None:
    assert decode(event.CONTRACT, log_of(event)) == event


def test_addresses_come_out_in_lower_case() -> None:
    event = decode("Faucet", log_of(e.FaucetServed("0x" + "aB" * 20, 5, True)))
    assert isinstance(event, e.FaucetServed)
    assert event.to == "0x" + "ab" * 20


def test_an_unknown_topic_is_no_event() -> None:
    log = log_of(e.LedgerMoved(word(1), word(2), 3))
    assert decode("Ledger", replace(log, topics=(word(7),))) is None
    assert decode("Ledger", replace(log, topics=())) is None
    assert decode("Staking", log) is None


@pytest.mark.parametrize("data", ["0x", "0x00", "0x" + "00" * 31])
def test_short_data_is_malformed(data: str) -> None:
    log = replace(log_of(e.LedgerMoved(word(1), word(2), 3)), data=data)
    with pytest.raises(MalformedLog, match="LedgerMoved"):
        decode("Ledger", log)


def test_a_missing_topic_is_malformed() -> None:
    log = log_of(e.LedgerMoved(word(1), word(2), 3))
    with pytest.raises(MalformedLog, match="LedgerMoved"):
        decode("Ledger", replace(log, topics=log.topics[:2]))


def test_bytes_that_are_no_text_do_not_stop_the_decoder() -> None:
    log = replace(log_of(e.DatasetSharesURI("", 1)), data="0x" + encode(["bytes"], [b"\xff\x00ok"]).hex())
    event = decode("DatasetShares", log)
    assert isinstance(event, e.DatasetSharesURI)
    assert event.value == "\\xff\\x00ok"
