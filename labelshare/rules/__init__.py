"""The protocol's rules as pure functions: signatures, trees, the draw, and the scoring rule `kappa-2`.

Nothing here reads a clock, an environment, a socket or a database; every result is the same bytes on every machine.
"""

from eth_utils.crypto import keccak

RULE = "kappa-2"  # the scoring rule that is implemented here
RULE_ID = "0x" + keccak(text=RULE).hex()  # as a dataset's terms name it
