"""Measure speed, quality and robustness, and prove that a change alters no byte."""
