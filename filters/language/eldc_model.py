"""Ask a second model for each post's language: ``eldc`` (Apache-2.0), 60 languages.

It was trained on other texts than lid.176, and fails on other posts. It names one language and no
probability, so its answer is one more reason for that language. Where lid.176 and our correction
favour a language that it does not know, or knows badly, it is not asked.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Collection
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from filters.text.arrays import I32, Booleans

#: The languages in which it is wrong more often than right: Basque, and Malay, because it takes
#: Indonesian, which it does not know, for Malay.
DISTRUSTED = frozenset({"eu", "ms"})


@lru_cache(maxsize=1)
def _load() -> Any:
    import eldc

    eldc.init()
    return eldc


def find_data_file() -> Path:
    """Return the file that eldc's model was compiled from, which its package contains."""
    package = importlib.util.find_spec("eldc")
    if package is None or not package.submodule_search_locations:
        raise FileNotFoundError("a model of languages is missing: install eldc")
    return Path(package.submodule_search_locations[0]) / "large_db.h"


def list_languages() -> frozenset[str]:
    """Return the codes of the languages in which eldc's answer counts."""
    return frozenset(_load().LANGUAGES) - DISTRUSTED


def mark_known(labels: list[str]) -> Booleans:
    """Return which of ``labels`` are among :func:`list_languages`; shape ``(labels,)``."""
    import numpy as np

    known = list_languages()
    return np.array([label in known for label in labels])


def identify(lines: list[str], labels: list[str], known: Collection[str]) -> I32:
    """Return the language of each line as an index of ``labels``; -1 for none that is ``known``."""
    import numpy as np

    detect = _load().detect
    numbers = {label: number for number, label in enumerate(labels) if label in known}
    return np.fromiter(
        (numbers.get(detect(line), -1) if line else -1 for line in lines), np.int32, len(lines)
    )
