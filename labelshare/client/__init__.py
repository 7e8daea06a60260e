"""The SDK: what contributors, validators, requesters and buyers do, over HTTP and with a wallet."""
