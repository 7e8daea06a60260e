import pytest

from labelshare.chain import CONTRACTS, abi
from labelshare.chain.events import EVENTS
from tests.unit.logs import kind


@pytest.mark.parametrize("name", CONTRACTS)
def test_every_event_of_a_contract_has_a_type(name: str) -> None:
    topics = {topic for contract, topic in EVENTS if contract == name}
    assert len(topics) == len([item for item in abi(name) if item["type"] == "event"])
    assert bool(topics) == (name != "Limits")


@pytest.mark.parametrize("name", CONTRACTS)
def test_abis_are_sorted_so_that_their_files_are_stable(name: str) -> None:
    keys = [(i["type"], i.get("name", ""), ",".join(kind(a) for a in i.get("inputs", []))) for i in abi(name)]
    assert keys == sorted(keys)


def test_inherited_events_are_there() -> None:
    assert {"DatasetSharesTransferBatch", "LabelTokenTransfer"} <= {event.__name__ for event in EVENTS.values()}
