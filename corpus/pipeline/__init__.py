"""Build a corpus: read, filter, apply barriers, write."""
