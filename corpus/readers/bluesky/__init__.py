"""Read Bluesky: Jetstream lines (v1, v2), repository exports (CAR) and firehose frames."""

from corpus.readers.bluesky.reader import PLATFORM, TOMBSTONES, VERSION, Config, fits, read

__all__ = ["PLATFORM", "TOMBSTONES", "VERSION", "Config", "fits", "read"]
