"""Audits: the sample for the panel, ballots, evidence."""
