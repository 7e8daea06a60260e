"""Licensed downloads."""
