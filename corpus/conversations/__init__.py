"""Make documents of threads: reply links, templates, and the barrier ``conversations``."""

from corpus.conversations.documents import (
    READS,
    VERSION,
    WRITES,
    Config,
)

__all__ = ["READS", "VERSION", "WRITES", "Config"]
