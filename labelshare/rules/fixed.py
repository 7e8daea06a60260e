"""Fixed-point log2 and 2^-x for the scoring rule, by tables that any machine computes alike (specification K1).

Values are integers in units of 1/ONE, ONE = 2^16. The tables have 4,096 steps and come from integer arithmetic only:
log2 by repeated squaring, 2^-x from integer square roots. Their hash is pinned in `TABLES_SHA256`.
"""

import hashlib
from functools import cache
from math import isqrt

import numpy as np
import numpy.typing as npt

ONE = 1 << 16
STEPS = 4096
TABLES_SHA256 = "fd84af9a48cea662cd2158b6d19ab2df2a3f19828ebc5c8ed4a5193176f8d5ef"

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


def _log2_step(i: int) -> int:
    """round(ONE * log2(1 + (i + 1/2) / STEPS)): the binary digits of a logarithm by repeated squaring."""
    scale, digits = 1 << 100, 20
    x, result = ((2 * (STEPS + i) + 1) * scale) // (2 * STEPS), 0
    for _ in range(digits):
        x = x * x // scale
        result <<= 1
        if x >= 2 * scale:
            result |= 1
            x >>= 1
    return (result + 8) >> 4


def _exp2_steps() -> list[int]:
    """floor(ONE * 2^(-i / STEPS)): products of 2^(-1/2), 2^(-1/4), …, each the square root of the one before."""
    scale = 1 << 160
    roots, root = [], scale // 2
    for _ in range(12):
        root = isqrt(root * scale)
        roots.append(root)
    steps = []
    for i in range(STEPS):
        value = scale
        for bit, root in enumerate(roots):
            if i >> (11 - bit) & 1:
                value = value * root // scale
        steps.append(value * ONE // scale)
    return steps


@cache
def tables() -> tuple[Ints, Ints]:
    """(log2 table, 2^-x table), each int64[STEPS]. Raises RuntimeError if they differ from the pinned hash."""
    log2 = np.array([_log2_step(i) for i in range(STEPS)], dtype=np.int64)
    exp2 = np.array(_exp2_steps(), dtype=np.int64)
    digest = hashlib.sha256(log2.astype("<i8").tobytes() + exp2.astype("<i8").tobytes()).hexdigest()
    if digest != TABLES_SHA256:
        raise RuntimeError(f"The fixed-point tables hash to {digest}, not {TABLES_SHA256}: this build would settle differently.")
    return log2, exp2


def log2(n: npt.ArrayLike) -> Ints:
    """log2(n) in units of 1/ONE for 0 <= n < 2^62; log2(0) is taken as log2(1). Any shape."""
    values = np.maximum(np.asarray(n, dtype=np.int64), 1)
    below = values >> 1  # becomes, for each value, all ones below its highest bit
    for shift in (1, 2, 4, 8, 16, 32):
        below |= below >> shift
    exponent = np.bitwise_count(below).astype(np.int64)
    mantissa = values << (62 - exponent) >> 50  # its highest 13 bits, the first of them 1
    result: Ints = exponent * ONE + tables()[0].take(mantissa - STEPS)
    return result


def exp2_negative(x: npt.ArrayLike) -> Ints:
    """ONE * 2^(-x / ONE) for x >= 0, floored. Any shape."""
    values = np.asarray(x, dtype=np.int64)
    step = (values & (ONE - 1)) >> 4  # of STEPS in ONE
    result: Ints = tables()[1].take(step) >> np.minimum(values >> 16, 62)
    return result
