"""The protocol's rules as pure functions: signatures, trees, the draw, and the scoring rule `kappa-3`.

Nothing here reads a clock, an environment, a socket or a database; every result is the same bytes on every machine.
"""
