"""Spoil builds on purpose, and see that no byte is lost: ``python -m bench.faults``."""
