"""Find duplicates: normal form, MinHash, candidates, clusters, and the barrier ``dedup``."""

from corpus.dedup.barrier import (
    READS,
    REASONS,
    TURN_REASONS,
    WRITES,
    decide,
    list_earlier_corpora,
    measure,
    models,
    resolved,
)
from corpus.dedup.config import VERSION, Config
from corpus.dedup.minhash import hash32

__all__ = [
    "READS",
    "REASONS",
    "TURN_REASONS",
    "VERSION",
    "WRITES",
    "Config",
    "decide",
    "hash32",
    "list_earlier_corpora",
    "measure",
    "models",
    "resolved",
]
