"""What a transaction pays: enough for a rising base fee, replaced at a tenth more at least, never above the cap."""

import random

from backend.relay.fees import TIP, Fees, first_fees, is_too_low, raised_fees

GWEI = 10**9
CAP = 500 * GWEI


def test_the_first_fees_stand_five_full_blocks() -> None:
    base_fee = 30 * GWEI
    fees = first_fees(base_fee, CAP)
    assert fees == Fees(2 * base_fee + TIP, TIP)
    for _ in range(5):
        assert not is_too_low(fees, base_fee)
        base_fee = base_fee * 9 // 8


def test_nothing_is_ever_above_the_cap_and_no_tip_above_the_fee() -> None:
    numbers = random.Random(1)
    for _ in range(2_000):
        cap, base_fee = numbers.randint(1, 1000 * GWEI), numbers.randint(0, 1000 * GWEI)
        fees: Fees | None = first_fees(base_fee, cap)
        while fees is not None:
            assert 0 <= fees.tip <= fees.most <= cap
            before, fees = fees, raised_fees(fees, base_fee, cap)
            if fees is not None:
                # What nodes ask for: a tenth more of each.
                assert fees.most * 10 >= before.most * 11
                assert fees.tip * 10 >= before.tip * 11


def test_a_replacement_is_enough_for_the_base_fee_as_it_is_now() -> None:
    raised = raised_fees(Fees(3 * GWEI, GWEI), 40 * GWEI, CAP)
    assert raised is not None
    assert raised.most >= 80 * GWEI
    assert not is_too_low(raised, 40 * GWEI)


def test_a_version_at_the_cap_is_not_replaced() -> None:
    assert raised_fees(Fees(CAP, GWEI), 1, CAP) is None
    assert raised_fees(Fees(CAP * 8 // 9, GWEI), 1, CAP) == Fees(CAP, GWEI * 9 // 8)
