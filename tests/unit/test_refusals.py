"""What nodes say when a range of logs is too much for them, and what they say for other reasons."""

import pytest

from indexer.refusals import is_too_much, suggested_span

TOO_MUCH = (
    "query returned more than 10000 results",
    "query returned more than 10000 results. Try with this block range [0x1A4, 0x1B8].",
    "Log response size exceeded. You can make eth_getLogs requests with up to a 2K block range and no limit on the response size",
    "eth_getLogs is limited to a 10,000 range",
    "eth_getLogs and eth_newFilter are limited to a 10,000 blocks range",
    "exceed maximum block range: 5000",
    "exceed maximum block range 50000",
    "block range is too wide",
    "block range too large",
    "block range limit exceeded",
    "Block range is too large. Max range is 800",
    "requested too many blocks from 0 to 16777216, maximum is set to 2048",
    "query timeout exceeded",
    "query timed out",
    "request timed out",
    "logs matched by query exceeds limit of 10000",
    "Too many logs requested. Max logs per request is 100000",
    "eth_getLogs block range too large, range: 20000, max: 10000",
    "backend response too large",
    "response is too big",
    "Response size is larger than 150MB limit.",
    "Query returned more than 20000 results. Please use a smaller block range.",
    "Please limit the query to at most 1000 blocks",
    "ranges over 10000 blocks are not supported on freetier",
    "You have exceeded the maximum block range of 3500 blocks for this plan",
    "Exceeded max range limit for eth_getLogs: 1000",
    "The block range should work: [0x1, 0x2]",
    "getLogs request exceeded max allowed range",
    "max results per response is 20000, results exceeded",
)
OTHER = (
    "header not found",
    "missing trie node",
    "rate limit exceeded",
    "daily request count exceeded, request rate limited",
    "Unauthorized",
    "invalid argument 0: hex string has length 65, want 64 for common.Hash",
    "the method eth_getBlockReceipts does not exist/is not available",
    "filter not found",
    "insufficient funds for gas * price + value",
    "Internal error",
)


@pytest.mark.parametrize("message", TOO_MUCH)
def test_a_node_that_says_it_is_too_much_is_asked_for_less(message: str) -> None:
    assert is_too_much(message)


@pytest.mark.parametrize("message", OTHER)
def test_a_node_that_fails_otherwise_is_not_asked_for_less(message: str) -> None:
    assert not is_too_much(message)


def test_what_range_a_node_would_take_is_taken_from_its_words() -> None:
    assert suggested_span("query returned more than 10000 results. Try with this block range [0x1A4, 0x1B8].", 0x1A4) == 0x15
    assert suggested_span("Try [420, 440].", 420) == 21
    assert suggested_span("Try [420, 440].", 421) is None
    assert suggested_span("too much", 1) is None
