"""Read Bluesky: Jetstream, recorded firehose frames, repositories as CAR."""

from corpus.readers.bluesky.reader import (
    PLATFORM,
    TOMBSTONES,
    VERSION,
    Config,
    fits,
    read,
)

__all__ = ["PLATFORM", "TOMBSTONES", "VERSION", "Config", "fits", "read"]
