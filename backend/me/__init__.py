"""What an account sees of its own: work, audits, datasets, licenses, money."""
