"""Juries: verdicts that jurors hand in to be relayed."""
