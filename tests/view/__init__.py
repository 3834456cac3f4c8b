"""Tests of ``corpus view``."""
