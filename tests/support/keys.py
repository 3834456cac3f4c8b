"""A key file's content for tests that need the same key twice; it protects nobody."""

from __future__ import annotations

import hashlib

#: 64 hex digits without a pattern: a key that is not random is refused.
DIGITS = hashlib.sha256(b"the key of the tests").hexdigest()
