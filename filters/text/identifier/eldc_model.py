"""Ask a second model for each post's language: ``eldc`` (Apache-2.0), 60 languages.

It was trained on other texts than lid.176, and fails on other posts. Its scores are no
probabilities: its answer is one more reason for a language, and for the near ones that it does not
know, and a score below the best one is a reason against. It is not asked where lid.176 and our
correction are so sure that it would hardly change anything.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Collection
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from filters.text.arrays import F32, I32, Booleans

#: The languages in which it is wrong more often than right.
DISTRUSTED = frozenset({"eu"})
#: What else its answer may be: it does not know these languages, or not in Latin letters.
STANDS_FOR = {
    "bg": ("mk",),
    "hi": ("ne",),
    "hr": ("sr", "bs"),
    "ku": ("ckb",),
    "ms": ("id",),
    "ru": ("mk",),
    "sr": ("mk", "bs"),
}


@lru_cache(maxsize=1)
def _load() -> Any:
    import eldc

    eldc.init()
    eldc.set_scores(eldc.MAX_SCORES)
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


def list_votes(labels: list[str]) -> Booleans:
    """Return for each answer the languages that it counts for; shape ``(labels, labels)``."""
    import numpy as np

    votes = np.zeros((len(labels), len(labels)), dtype=bool)
    for code in list_languages() & set(labels):
        meant = np.isin(labels, (code, *STANDS_FOR.get(code, ())))
        votes[labels.index(code)] = meant
    return votes


def score_languages(
    lines: list[str], labels: list[str], known: Collection[str]
) -> tuple[I32, I32, F32, I32]:
    """Return the language of each line, -1 for none, and the scores of the likeliest ones.

    The scores are three arrays: the language of each as an index of ``labels``, -1 for one that is
    not ``known``; the scores themselves, from 0 to 1; and how many of them each line has.
    """
    import numpy as np

    detect = _load().detect_details
    answers = {label: number for number, label in enumerate(labels)}
    numbers = {label: number for label, number in answers.items() if label in known}
    found = [detect(line) for line in lines]
    scores = [each.scores for each in found]
    counts = np.fromiter((len(each) for each in scores), np.int32, len(lines))
    total = int(counts.sum())
    return (
        np.fromiter((answers.get(each.language, -1) for each in found), np.int32, len(lines)),
        np.fromiter((numbers.get(code, -1) for each in scores for code in each), np.int32, total),
        np.fromiter((score for each in scores for score in each.values()), np.float32, total),
        counts,
    )


def identify(lines: list[str], labels: list[str], known: Collection[str]) -> I32:
    """Return the language of each line as an index of ``labels``; -1 for none that is ``known``."""
    import numpy as np

    detect = _load().detect
    numbers = {label: number for number, label in enumerate(labels) if label in known}
    return np.fromiter(
        (numbers.get(detect(line), -1) if line else -1 for line in lines), np.int32, len(lines)
    )
