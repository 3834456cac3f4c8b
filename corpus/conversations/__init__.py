"""Make documents of threads: reply links, templates, and the barrier ``conversations``."""

from corpus.conversations.documents import (
    DOCUMENT_COLUMNS,
    READS,
    REASONS,
    RESHAPES,
    VERSION,
    WRITES,
    Config,
    keeps_turns,
    writes,
)

__all__ = [
    "DOCUMENT_COLUMNS",
    "READS",
    "REASONS",
    "RESHAPES",
    "VERSION",
    "WRITES",
    "Config",
    "keeps_turns",
    "writes",
]
