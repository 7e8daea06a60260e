"""The generated decoders against eth_abi: on every event of words, on random values, and on logs that are not in the plain form."""

import random
from dataclasses import fields
from typing import Any

import pytest
from msgspec.structs import replace

from labelshare.chain import abi
from labelshare.chain.decode import Log, MalformedLog, cut, decode, decode_by_abi
from labelshare.chain.events import EVENTS, Event
from labelshare.chain.slices import SLICES
from tests.unit.logs import log_of

HEX = "0123456789abcdef"


def inputs(kind: type[Event]) -> list[dict[str, Any]]:
    name = kind.__name__[len(kind.CONTRACT) :]
    return next(item["inputs"] for item in abi(kind.CONTRACT) if item["type"] == "event" and item["name"] == name)


def some(argument: dict[str, Any], pick: random.Random) -> Any:
    kind = argument["type"]
    if kind == "address":
        return f"0x{pick.getrandbits(160):040x}"
    if kind == "bytes32":
        return f"0x{pick.getrandbits(256):064x}"
    if kind == "bool":
        return pick.random() < 0.5
    bits = int(kind[4:])
    return pick.choice([0, 1, 2**bits - 1, pick.getrandbits(bits)])


def made(kind: type[Event], pick: random.Random) -> Log:
    values = [some(argument, pick) for argument in inputs(kind)]
    return log_of(kind(**{f.name: value for f, value in zip(fields(kind), values, strict=True)}))


def outcome(kind: type[Event], log: Log, read: Any) -> Any:
    try:
        return read(kind.CONTRACT, kind, log)
    except MalformedLog:
        return "malformed"


@pytest.mark.parametrize("kind", SLICES, ids=lambda kind: kind.__name__)
def test_slices_give_what_the_abi_gives(kind: type[Event]) -> None:
    pick = random.Random(kind.__name__)
    for _ in range(20):
        log = made(kind, pick)
        assert cut(kind, log) == decode_by_abi(kind.CONTRACT, kind, log) == decode(kind.CONTRACT, log)


@pytest.mark.parametrize("kind", SLICES, ids=lambda kind: kind.__name__)
def test_a_log_that_is_not_in_the_plain_form_is_judged_as_by_the_abi(kind: type[Event]) -> None:
    pick = random.Random(kind.__name__)
    for _ in range(40):
        log = broken(made(kind, pick), pick)
        assert outcome(kind, log, lambda contract, _, log: decode(contract, log)) == outcome(kind, log, decode_by_abi)


def broken(log: Log, pick: random.Random) -> Log:
    """One letter of the data or of a topic another one, or the data longer or shorter."""
    data, topics = log.data, list(log.topics)
    how = pick.randrange(4)
    if how == 0 and len(data) > 2:
        place = pick.randrange(2, len(data))
        data = data[:place] + pick.choice(HEX) + data[place + 1 :]
    elif how == 1 and len(topics) > 1:
        which, place = pick.randrange(1, len(topics)), pick.randrange(2, 66)
        topics[which] = topics[which][:place] + pick.choice(HEX) + topics[which][place + 1 :]
    elif how == 2:
        data = data[: -2 * pick.randrange(1, 33)] if len(data) > 66 else data
    else:
        data += "00" * pick.randrange(1, 40)
    return replace(log, data=data, topics=topics)


def test_text_that_python_takes_for_a_number_is_no_hex() -> None:
    kind = next(kind for kind in SLICES if kind.__name__ == "LedgerMoved")
    log = made(kind, random.Random(1))
    for odd in ("_", " ", "+"):
        with pytest.raises(MalformedLog):
            decode("Ledger", replace(log, data="0x" + "1" + odd + log.data[4:]))


def test_every_event_of_words_has_a_slice() -> None:
    words = ("uint", "address", "bool", "bytes32")
    plain = {kind for kind in EVENTS.values() if all(i["type"].startswith(words) and "[" not in i["type"] for i in inputs(kind))}
    assert plain == set(SLICES)
