"""Read Mastodon: API statuses and events, and accounts' archives."""

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
