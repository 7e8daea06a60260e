"""Signed submissions: verified, kept, receipted, relayed."""
