"""What nodes say to a transaction that is handed to them, and what to do about it. Pure.

No two clients use the same words, some use one message for several causes, and none of them is proof: whether a transaction took
effect is what receipts and the finalized nonce say. So a message only decides what is tried next, and one that nobody knows is
treated like silence: the same bytes are sent again while they have no receipt.
"""

from enum import Enum


class Answer(Enum):
    """What a node's refusal means for the bytes that are stored. The value is what the relayer says of it."""

    KNOWN = "the node has it: wait for the receipt"
    NONCE_USED = "a transaction with this nonce is on chain: receipts of all versions say whether it is ours"
    NONCE_AHEAD = "an earlier nonce is missing there: send the earlier ones again"
    UNDERPRICED = "the fees are too low: replace it by a dearer version"
    NO_FUNDS = "the operator's account has not enough for gas: top it up; nothing is lost"
    BUSY = "the node takes no more now: send the same bytes again later"
    REFUSED = "the node will never take these bytes: check its chain and limits; nothing is lost"
    UNKNOWN = "the answer says nothing certain: send the same bytes again while there is no receipt"


# The first line with a part of the message (in lower case) decides. Clients: see tests/unit/test_node_errors.py.
TABLE: tuple[tuple[Answer, tuple[str, ...]], ...] = (
    (
        Answer.BUSY,
        (
            "too many transactions in the queue",
            "txpool is full",
            "pool is full",
            "pool overflow",
            "l2 congestion",
            "rate limit",
            "too many requests",
            "request rate exceeded",
            "compute units",
            "exceeded the quota",
            "daily request count exceeded",
            "limit reached for delegated",
            "timeout",
            "timed out",
            "temporarily",
            "header not found",
            "syncing",
            "fee too low to compete",
            "feetoolowtocompete",
        ),
    ),
    (
        Answer.KNOWN,
        (
            "already known",
            "alreadyknown",
            "known transaction",
            "already imported",
            "alreadyimported",
            "existing tx with same hash",
            "already in the system",
            "already in mempool",
            "already exists",
            "already_exists",
            "duplicate transaction",
        ),
    ),
    (
        Answer.UNDERPRICED,
        (
            "underpriced",
            "replacementnotallowed",
            "could not replace existing",
            "another transaction with same nonce",
            "minimal gas price",
            "gas price too low",
            "gas price below",
            "gas price is below",
            "below configured minimum",
            "fee too low",
            "feetoolow",
            "less than block base fee",
            "less than the block's base fee",
            "lower than the current base fee",
            "below the current base fee",
            "future transaction tries to replace pending",
        ),
    ),
    (
        Answer.NONCE_USED,
        (
            "nonce too low",
            "nonce is too low",
            "is below sender account nonce",
            "oldnonce",
            "ownnoncealreadyused",
            "invalid transaction nonce",
            "doesn't have the correct nonce",
            "pool(stale)",
            "already finalized",
            "already mined",
        ),
    ),
    (Answer.NONCE_AHEAD, ("nonce too high", "nonce is too distant", "noncegap", "nonce gap", "gapped-nonce", "gapped nonce")),
    (
        Answer.NO_FUNDS,
        (
            "insufficient funds",
            "insufficientfunds",
            "insufficient balance",
            "not enough funds",
            "exceeds account balance",
            "enough balance",
            "have enough funds",
        ),
    ),
    (
        Answer.REFUSED,
        (
            "chain id",
            "chainid",
            "chain-id",
            "intrinsic gas",
            "gas is too low",
            "exceeds block gas limit",
            "exceeds current gas limit",
            "beyond limit",
            "gaslimitexceeded",
            "gas limit exceed",
            "exceeds max",
            "gas limit too high",
            "oversized",
            "too big",
            "maxtxsize",
            "exceeds the configured cap",
            "fee too high",
            "type not supported",
            "eip-155",
            "invalid sender",
            "invalid signature",
            "banned",
            "not permitted",
            "blacklist",
            "forbidden",
            "not an eoa",
            "senderiscontract",
            "rlp",
            "failed to decode",
        ),
    ),
)


def understand(message: str) -> Answer:
    """What a refusal of eth_sendRawTransaction means."""
    text = message.lower()
    if "int256overflow" in text or "uint64 overflow" in text:
        return Answer.REFUSED
    for answer, parts in TABLE:
        if any(part in text for part in parts):
            return answer
    return Answer.UNKNOWN


def is_revert(message: str, data: str | None) -> bool:
    """Whether eth_estimateGas failed because the call would, rather than the node."""
    text = message.lower()
    marks = ("revert", "invalid opcode", "out of gas", "gas required exceeds", "always failing transaction", "vm execution error")
    return (data is not None and len(data) >= 10) or any(mark in text for mark in marks)
