"""The mirror: chain events into SQL. The only writer of the mirror's tables."""
