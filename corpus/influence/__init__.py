"""Limit what a few people push: the barrier ``influence``."""

from corpus.influence.barrier import (
    READS,
    WRITES,
    decide,
    measure,
    thresholds,
    verdict,
)
from corpus.influence.config import REASONS, VERSION, Config
from corpus.influence.stored_keys import UNMOVABLE, check_moved, decide_again, movable

__all__ = [
    "READS",
    "REASONS",
    "UNMOVABLE",
    "VERSION",
    "WRITES",
    "Config",
    "check_moved",
    "decide",
    "decide_again",
    "measure",
    "movable",
    "thresholds",
    "verdict",
]
