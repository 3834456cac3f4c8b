"""Read Facebook and Instagram exports, only with the consent of their owners."""

from corpus.readers.meta.reader import (
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
