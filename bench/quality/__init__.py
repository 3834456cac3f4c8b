"""Measure how well the stages decide: ``python -m bench.quality [NAME ...]``."""
