"""Replace contact data, handles and names by placeholders."""

from filters.pii.filter import (
    READS,
    VERSION,
    WRITES,
    Config,
    build,
    check,
    models,
    wants_key,
    writes,
)

__all__ = [
    "READS",
    "VERSION",
    "WRITES",
    "Config",
    "build",
    "check",
    "models",
    "wants_key",
    "writes",
]
