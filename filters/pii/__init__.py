"""The filter ``pii``: replace contact details, handles and, if asked, names in posts."""

from filters.pii.filter import (
    READS,
    REASONS,
    VERSION,
    WRITES,
    Config,
    build,
    check,
    languages,
    models,
    wants_key,
    writes,
)
from filters.pii.ner import nlp_engine

__all__ = [
    "READS",
    "REASONS",
    "VERSION",
    "WRITES",
    "Config",
    "build",
    "check",
    "languages",
    "models",
    "nlp_engine",
    "wants_key",
    "writes",
]
