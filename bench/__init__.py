"""Measure speed and memory, beside datatrove and Presidio where there is something to compare."""
