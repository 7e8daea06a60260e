"""Leases: tasks kept for a contributor for a while."""
