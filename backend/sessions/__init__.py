"""Session keys, allowances, and the development faucet: what a contributor needs before the first label."""
