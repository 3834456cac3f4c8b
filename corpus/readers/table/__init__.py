"""Read any JSONL, CSV, TSV or Parquet by a map of its columns."""

from corpus.readers.table.reader import (
    PLATFORM,
    TOMBSTONES,
    VERSION,
    Config,
    fits,
    read,
)

__all__ = ["PLATFORM", "TOMBSTONES", "VERSION", "Config", "fits", "read"]
