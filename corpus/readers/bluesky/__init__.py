"""Read Bluesky: Jetstream, Tap, repository exports (CAR), firehose frames, views of the API."""

from corpus.readers.bluesky.reader import (
    ACCOUNT_FILES,
    PLATFORM,
    TOMBSTONES,
    VERSION,
    Config,
    fits,
    read,
)

__all__ = ["ACCOUNT_FILES", "PLATFORM", "TOMBSTONES", "VERSION", "Config", "fits", "read"]
