"""Make documents of threads: reply links, templates, and the barrier ``conversations``."""

from corpus.conversations.documents import (
    READS,
    RESHAPES,
    VERSION,
    WRITES,
    Config,
)

__all__ = ["READS", "RESHAPES", "VERSION", "WRITES", "Config"]
