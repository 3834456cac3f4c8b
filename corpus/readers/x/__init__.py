"""Readers of X: the v1.1 stream, the v2 API, and accounts' archives."""
