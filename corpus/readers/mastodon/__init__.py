"""Read Mastodon: statuses of its API and streams, and account archives; public posts only."""

from corpus.readers.mastodon.reader import (
    ACCOUNT_FILES,
    FOLDERS,
    PLATFORM,
    TOMBSTONES,
    VERSION,
    Config,
    fits,
    read,
)

__all__ = [
    "ACCOUNT_FILES",
    "FOLDERS",
    "PLATFORM",
    "TOMBSTONES",
    "VERSION",
    "Config",
    "fits",
    "read",
]
