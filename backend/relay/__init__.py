"""Relaying: what is to be sent, by whom, exactly once."""
