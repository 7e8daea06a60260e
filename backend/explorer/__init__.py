"""What happened on chain, each thing with its transaction: pages, and a live stream."""
