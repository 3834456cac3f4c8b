"""Disturb builds on purpose, and check that no byte is lost: ``python -m bench.faults``."""
