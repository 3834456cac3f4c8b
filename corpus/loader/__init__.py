"""Read a finished corpus: lazy frames, streams for training, token blocks and token files."""
