"""Read Mastodon: statuses of its API and streams, and account archives; public posts only."""

from corpus.readers.mastodon.reader import (
    FOLDERS,
    PLATFORM,
    TOMBSTONES,
    VERSION,
    Config,
    fits,
    read,
)

__all__ = ["FOLDERS", "PLATFORM", "TOMBSTONES", "VERSION", "Config", "fits", "read"]
