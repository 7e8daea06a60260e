"""What a transaction pays (EIP-1559), in wei a unit of gas. Pure."""

from dataclasses import dataclass

TIP = 10**9
REPLACE_AFTER = 3  # blocks that a version is given before it is replaced by a dearer one


@dataclass(frozen=True)
class Fees:
    """`most`: maxFeePerGas, `tip`: maxPriorityFeePerGas."""

    most: int
    tip: int


def first_fees(base_fee: int, cap: int) -> Fees:
    """Enough for six full blocks in a row; never above the cap."""
    most = min(cap, 2 * base_fee + TIP)
    return Fees(most, min(TIP, most))


def raised_fees(before: Fees, base_fee: int, cap: int) -> Fees | None:
    """Fees that nodes take in place of `before`: both an eighth higher (10 % are asked for), and enough for the base fee as it is;
    None when the cap does not allow it."""
    least = Fees(_eighth_more(before.most), _eighth_more(before.tip))
    if least.most > cap or least.tip > cap:
        return None
    return Fees(min(cap, max(least.most, 2 * base_fee + least.tip)), least.tip)


def is_too_low(fees: Fees, base_fee: int) -> bool:
    """Whether the block after one at this base fee may have to pass it over: the base fee grows by an eighth a block at most."""
    return fees.most < _eighth_more(base_fee)


def _eighth_more(fee: int) -> int:
    return fee + max(1, -(-fee // 8))
