"""Measure how many offensive posts are still found when their swear words are disguised.

The model's features undo the disguises down to fullwidth letters; the others are not supported.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

import polars as pl

from bench.quality.toxicity_peers import ToxicityScorer
from filters.toxicity.linear_model import MASKED_WORDS

#: Swear words and insults to disguise.
WORDS = (
    *MASKED_WORDS,
    "fucking",
    "fucked",
    "fucker",
    "shitty",
    "bitches",
    "assholes",
    "idiot",
    "idiots",
    "stupid",
    "moron",
    "dumb",
    "dumbass",
    "bullshit",
)
_ANY = re.compile(rf"\b({'|'.join(sorted(WORDS, key=len, reverse=True))})\b", re.IGNORECASE)
_VOWEL = re.compile("[aeiou]", re.IGNORECASE)
_LEET = str.maketrans("oieastOIEAST", "013457013457")
_SIGNS = str.maketrans("aisAIS", "@!$@!$")
_CYRILLIC = str.maketrans("aceopxy", "асеорху")

DISGUISES: dict[str, Callable[[str], str]] = {
    "as written": lambda word: word,
    "leet, all letters (5h17)": lambda word: word.translate(_LEET),
    "signs (a$$, sh!t)": lambda word: word[0] + word[1:].translate(_SIGNS),
    "a star for the vowel (f*ck)": lambda word: (
        _VOWEL.sub("*", word, count=1)
        if word[0].lower() not in "aeiou"
        else word[0] + "*" + word[2:]
    ),
    "stars (f***)": lambda word: word[0] + "*" * (len(word) - 1),
    "stretched (fuuuuuck)": lambda word: _VOWEL.sub(lambda found: found[0] * 5, word, count=1),
    "spelt out (f u c k)": " ".join,
    "dotted (f.u.c.k)": ".".join,
    "a zero-width space inside": lambda word: word[:2] + "\u200b" + word[2:],
    "fullwidth letters": lambda word: "".join(chr(ord(letter) + 0xFEE0) for letter in word),
    "no vowels (fck)": lambda word: word[0] + _VOWEL.sub("", word[1:]),
    "last letters swapped (fukc)": lambda word: word[:-2] + word[-1] + word[-2],
    "Cyrillic look-alikes": lambda word: word.lower().translate(_CYRILLIC),
    "left out": lambda _: "",
}


def disguise_words(texts: pl.Series, way: str) -> pl.Series:
    """Return the texts with each of ``WORDS`` in the disguise of that name."""
    change = DISGUISES[way]
    return pl.Series([_ANY.sub(lambda found: change(found[0]), text) for text in texts])


def print_disguises(
    test: pl.DataFrame, judges: Mapping[str, ToxicityScorer], max_score: float
) -> None:
    """Print for each disguise the share of posts above ``max_score``, and above .5."""
    swears = pl.col("text").str.contains(f"(?i){_ANY.pattern}")
    rows = test.filter(pl.col("set") == "olid", pl.col("offensive"), swears)["text"]
    print(
        f"\n{len(rows)} offensive OLID test posts with a swear word or insult, in disguise: "
        f"above {max_score} / above .5"
    )
    print(" " * 30 + "".join(f"{who:>21}" for who in judges))
    for way in DISGUISES:
        texts = disguise_words(rows, way)
        scored = [judge(texts) for judge in judges.values()]
        shares = [f"{(s > max_score).mean():.1%} / {(s > 0.5).mean():.1%}" for s in scored]
        print(f"{way:30}" + "".join(f"{share:>21}" for share in shares))
