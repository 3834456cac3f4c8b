"""Read a finished corpus: frames, streams for training, token files."""
