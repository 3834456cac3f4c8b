"""Read Bluesky: Jetstream lines (v1, v2), repository exports (CAR) and firehose frames."""

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
