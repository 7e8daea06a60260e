"""What operators look at: is it alive, can it serve, and the figures to be warned by."""
