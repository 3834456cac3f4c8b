"""Train a text classifier on labelled posts."""
