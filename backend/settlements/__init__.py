"""Settlements: the rule applied to a round, and its steps on chain."""
