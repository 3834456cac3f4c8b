"""Measure speed and memory: ``python -m bench.speed [NAME ...]``."""
