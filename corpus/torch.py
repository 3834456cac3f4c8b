"""Tokens for PyTorch: the public names of :mod:`corpus.loader.torch`."""

from corpus.loader.torch import TokenBlocks, attention_mask

__all__ = ["TokenBlocks", "attention_mask"]
