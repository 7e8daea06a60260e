"""The operator's backend: HTTP API, relayer, keeper. The only writer of the app tables; holds no funds and decides nothing
that the chain does not check."""
