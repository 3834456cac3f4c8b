"""Limit what a few people push: the barrier ``influence``."""

from corpus.influence.barrier import (
    READS,
    WRITES,
    decide,
    measure,
    movable,
    thresholds,
    verdict,
)
from corpus.influence.config import VERSION, Config

__all__ = [
    "READS",
    "VERSION",
    "WRITES",
    "Config",
    "decide",
    "measure",
    "movable",
    "thresholds",
    "verdict",
]
