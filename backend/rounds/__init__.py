"""Rounds as the mirror shows them: phases, windows, what comes next."""
