"""Find duplicates: normal form, MinHash, candidates, clusters, and the barrier ``dedup``."""

from corpus.dedup.barrier import (
    READS,
    VERSION,
    WRITES,
    Config,
    decide,
    hash32,
    list_earlier_corpora,
    measure,
    models,
    resolved,
)

__all__ = [
    "READS",
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
