"""Datasets and rounds as the mirror shows them, and drafts of rounds to open."""
