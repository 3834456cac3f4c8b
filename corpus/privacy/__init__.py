"""The pseudonym key, keyed names, and announced deletions."""
