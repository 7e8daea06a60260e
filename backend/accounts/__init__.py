"""Signing in: Sign-In with Ethereum, sessions, and what the chain says an account is."""
