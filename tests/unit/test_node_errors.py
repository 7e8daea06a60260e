"""What nodes really say to a transaction, and what the relayer makes of it. One row a message, with the client that says it."""

import pytest

from backend.relay.node_errors import Answer, is_revert, understand

MESSAGES = [
    (Answer.KNOWN, "geth", "already known"),
    (Answer.KNOWN, "geth, old", "known transaction: 0x7f657507aee0511e36d2d1972a6b22e917cc89f92b6c12c4dbd57eaabb236960"),
    (Answer.KNOWN, "geth, light", "Known transaction (7f65)"),
    (Answer.KNOWN, "besu", "Known transaction"),
    (Answer.KNOWN, "nethermind", "AlreadyKnown"),
    (Answer.KNOWN, "erigon", "INTERNAL_ERROR: existing tx with same hash"),
    (Answer.KNOWN, "erigon 3", "ALREADY_EXISTS: already known"),
    (Answer.KNOWN, "openethereum", "Transaction with the same hash was already imported."),
    (Answer.KNOWN, "anvil", "transaction already imported"),
    (Answer.KNOWN, "reth", "already known"),
    (Answer.KNOWN, "zkSync", "known transaction. transaction with hash 0x12 is already in the system"),
    (Answer.KNOWN, "moonriver", "submit transaction to pool failed: Pool(AlreadyImported)"),
    (Answer.NONCE_USED, "geth", "nonce too low: next nonce 5, tx nonce 4"),
    (Answer.NONCE_USED, "geth, old", "nonce too low"),
    (Answer.NONCE_USED, "anvil", "nonce too low"),
    (Answer.NONCE_USED, "erigon", "INTERNAL_ERROR: nonce too low"),
    (Answer.NONCE_USED, "besu", "Nonce too low"),
    (Answer.NONCE_USED, "besu, validation", "transaction nonce 4 is below sender account nonce 5"),
    (Answer.NONCE_USED, "nethermind", "OldNonce, Current nonce: 55, nonce of rejected tx: 54"),
    (Answer.NONCE_USED, "nethermind, own account", "OwnNonceAlreadyUsed"),
    (Answer.NONCE_USED, "openethereum", "Transaction nonce is too low. Try incrementing the nonce."),
    (Answer.NONCE_USED, "arbitrum", "transaction rejected: nonce too low"),
    (Answer.NONCE_USED, "arbitrum, old", "invalid transaction nonce"),
    (Answer.NONCE_USED, "avalanche", "nonce too low: address 0x0499BEA33347 current nonce (5833) > tx nonce (5511)"),
    (Answer.NONCE_USED, "ganache", "the tx doesn't have the correct nonce. account has nonce of: 5 tx has nonce of: 4"),
    (Answer.NONCE_USED, "moonriver", "submit transaction to pool failed: Pool(Stale)"),
    (Answer.NONCE_USED, "harmony", "transaction already finalized"),
    (Answer.NONCE_AHEAD, "geth", "nonce too high"),
    (Answer.NONCE_AHEAD, "nethermind", "NonceGap, Future nonce. Expected nonce: 4"),
    (Answer.NONCE_AHEAD, "besu", "Transaction nonce is too distant from current sender nonce"),
    (Answer.NONCE_AHEAD, "geth, delegated accounts", "gapped-nonce tx from delegated accounts"),
    (Answer.UNDERPRICED, "geth", "replacement transaction underpriced"),
    (Answer.UNDERPRICED, "geth, below the pool's minimum", "transaction underpriced: tip needed 1000000, tip permitted 0"),
    (Answer.UNDERPRICED, "geth, simulation", "max fee per gas less than block base fee: address 0x12, maxFeePerGas: 1, baseFee: 7"),
    (Answer.UNDERPRICED, "geth, queue", "future transaction tries to replace pending"),
    (Answer.UNDERPRICED, "erigon", "could not replace existing tx"),
    (Answer.UNDERPRICED, "erigon, pool", "underpriced"),
    (Answer.UNDERPRICED, "anvil", "replacement transaction underpriced"),
    (Answer.UNDERPRICED, "anvil, base fee", "max fee per gas less than block base fee"),
    (Answer.UNDERPRICED, "besu", "Replacement transaction underpriced"),
    (Answer.UNDERPRICED, "besu, minimum", "Gas price below configured minimum gas price"),
    (Answer.UNDERPRICED, "nethermind", "ReplacementNotAllowed, existing tx would be replaced"),
    (Answer.UNDERPRICED, "nethermind, minimum", "FeeTooLow, MaxFeePerGas too low"),
    (Answer.UNDERPRICED, "optimism", "fee too low: 30365610000000, use at least tx.gasLimit = 5874374 and tx.gasPrice = 15000000"),
    (Answer.UNDERPRICED, "arbitrum", "gas price too low"),
    (
        Answer.UNDERPRICED,
        "openethereum",
        "Transaction gas price 100wei is too low. There is another transaction with same nonce in the queue with gas price 150wei. "
        "Try increasing the gas price or incrementing the nonce.",
    ),
    (
        Answer.UNDERPRICED,
        "openethereum, minimum",
        "Transaction gas price is too low. It does not satisfy your node's minimal gas price (minimal: 100 got: 50).",
    ),
    (Answer.NO_FUNDS, "geth", "insufficient funds for gas * price + value: balance 0, tx cost 21000, overshot 21000"),
    (Answer.NO_FUNDS, "geth, transfer", "insufficient funds for transfer"),
    (Answer.NO_FUNDS, "geth, old", "insufficient balance for transfer"),
    (Answer.NO_FUNDS, "anvil", "Insufficient funds for gas * price + value"),
    (Answer.NO_FUNDS, "reth", "insufficient funds for gas * price + value: have 1 want 2"),
    (Answer.NO_FUNDS, "besu", "Upfront cost exceeds account balance"),
    (Answer.NO_FUNDS, "nethermind", "InsufficientFunds, Account balance: 0, cumulative cost: 42000"),
    (Answer.NO_FUNDS, "arbitrum", "not enough funds for gas"),
    (
        Answer.NO_FUNDS,
        "openethereum",
        "Insufficient funds. The account you tried to send transaction from does not have enough funds. Required 100 and got: 50.",
    ),
    (Answer.NO_FUNDS, "ganache", "sender doesn't have enough funds to send tx. The upfront cost is: 10"),
    (Answer.BUSY, "geth", "txpool is full"),
    (Answer.BUSY, "reth", "txpool is full"),
    (Answer.BUSY, "erigon", "pending sub-pool is full"),
    (Answer.BUSY, "nethermind", "FeeTooLowToCompete"),
    (
        Answer.BUSY,
        "openethereum",
        "There are too many transactions in the queue. Your transaction was dropped due to limit. Try increasing the fee.",
    ),
    (Answer.BUSY, "arbitrum", "tx dropped due to L2 congestion"),
    (Answer.BUSY, "geth, delegated accounts", "in-flight transaction limit reached for delegated accounts"),
    (Answer.BUSY, "a provider", "Your app has exceeded its compute units per second capacity."),
    (Answer.BUSY, "a provider", "daily request count exceeded, request rate limited"),
    (Answer.BUSY, "a provider", "project ID request rate exceeded"),
    (Answer.BUSY, "a provider", "Too Many Requests"),
    (Answer.BUSY, "a provider", "request timed out"),
    (Answer.REFUSED, "geth", "exceeds block gas limit"),
    (Answer.REFUSED, "geth", "intrinsic gas too low: gas 20000, minimum needed 21000"),
    (Answer.REFUSED, "geth", "invalid chain id for signer: have 1 want 31337"),
    (Answer.REFUSED, "geth", "tx fee (1.10 ether) exceeds the configured cap (1.00 ether)"),
    (Answer.REFUSED, "geth", "oversized data: transaction size 140000, limit 131072"),
    (Answer.REFUSED, "geth", "only replay-protected (EIP-155) transactions allowed over RPC"),
    (Answer.REFUSED, "geth", "transaction type not supported"),
    (Answer.REFUSED, "geth", "invalid sender"),
    (Answer.REFUSED, "geth", "gas uint64 overflow"),
    (Answer.REFUSED, "nethermind", "Int256Overflow"),
    (Answer.REFUSED, "nethermind", "SenderIsContract"),
    (Answer.REFUSED, "nethermind", "GasLimitExceeded, Gas limit: 30000000"),
    (Answer.REFUSED, "optimism", "fee too high: 5835750750000000, use less than 467550750000000 * 0.700000"),
    (Answer.REFUSED, "openethereum", "Sender is banned in local queue."),
    (Answer.REFUSED, "openethereum", "Transaction gas is too low. There is not enough gas to cover minimal cost."),
    (Answer.REFUSED, "anvil", "Failed to decode transaction"),
    (Answer.UNKNOWN, "besu", "Internal error"),
    (Answer.UNKNOWN, "nobody", "some words that no client has said yet"),
    (Answer.UNKNOWN, "nobody", ""),
]


def test_there_are_more_than_thirty_and_every_answer_is_among_them() -> None:
    assert len({message for _, _, message in MESSAGES}) >= 30
    assert {answer for answer, _, _ in MESSAGES} == set(Answer)


@pytest.mark.parametrize(("answer", "client", "message"), MESSAGES)
def test_a_message_is_understood_alone_and_wrapped_by_a_proxy(answer: Answer, client: str, message: str) -> None:
    assert understand(message) is answer, client
    assert understand(f"call failed: {message}") is answer, client
    assert understand(message.upper()) is answer, client


@pytest.mark.parametrize(
    ("message", "data", "reverts"),
    [
        ("execution reverted", None, True),
        ("execution reverted: NotOpen", "0x12345678", True),
        ("custom error 0x12345678", "0x12345678", True),
        ("VM execution error.", None, True),
        ("gas required exceeds allowance (30000000)", None, True),
        ("always failing transaction", None, True),
        ("header not found", None, False),
        ("insufficient funds for transfer", None, False),
        ("Too Many Requests", None, False),
        ("", "0x", False),
    ],
)
def test_only_a_call_that_fails_itself_is_blamed_on_the_call(message: str, data: str | None, reverts: bool) -> None:
    assert is_revert(message, data) is reverts
