"""Read any JSON lines, CSV, TSV or Parquet, by a map from the post's columns to the file's."""

from corpus.readers.table.reader import (
    PLATFORM,
    TOMBSTONES,
    VERSION,
    Config,
    assign_ids,
    fits,
    read,
)

__all__ = ["PLATFORM", "TOMBSTONES", "VERSION", "Config", "assign_ids", "fits", "read"]
