"""Drop posts that hold an item of an evaluation set."""

from filters.decontaminate.filter import (
    READS,
    VERSION,
    WRITES,
    Config,
    build,
    check,
    models,
)

__all__ = ["READS", "VERSION", "WRITES", "Config", "build", "check", "models"]
