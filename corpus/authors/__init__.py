"""Drop posts by who wrote them and where: bots, the most active, the repetitive, above a cap."""

from corpus.authors.barrier import READS, REASONS, VERSION, WRITES, Config, decide, measure, models

__all__ = [
    "READS",
    "REASONS",
    "VERSION",
    "WRITES",
    "Config",
    "decide",
    "measure",
    "models",
]
