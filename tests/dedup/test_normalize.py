"""The form in which posts are compared."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection
from pathlib import Path

import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from corpus.dedup import normalize
from corpus.dedup.normalize import FOLDS
from tests.support.examples import examples

SPACES = {*map(chr, range(0x21)), *map(chr, range(0x7F, 0xA1)), "\u1680", "\u2028", "\u2029"}
SPACES |= {*map(chr, range(0x2000, 0x200B)), "\u202f", "\u205f", "\u3000"}


def is_word(char: str) -> bool:
    kind = unicodedata.category(char)
    return (kind[0] in "LMN" or kind == "Pc") and not is_dropped(char)


def is_dropped(char: str) -> bool:
    code = ord(char)
    selector = 0xFE00 <= code < 0xFE10 or 0xE0100 <= code < 0xE01F0 or code == 0x20E3
    return (unicodedata.category(char) == "Cf" or selector) and char not in SPACES


def small(char: str) -> str:
    return "σ" if char == "ς" else char.lower()[0]


def reference(text: str, folds: Collection[str] = FOLDS) -> str:
    """The definition in plain Python, one replacement after another."""
    if "unicode" in folds:
        text = unicodedata.normalize("NFKC", text)
        text = "".join(char for char in text if not is_dropped(char))
    if "case" in folds:
        text = "".join(map(small, text))
    # So that \s and \w mean what they mean here.
    spaced = "".join(" " if char in SPACES else char for char in text)
    whole = " ".join(spaced.split(" ")).strip()
    word = "[" + re.escape("".join({char for char in spaced if is_word(char)} or {"a"})) + "]"
    if "reposts" in folds:
        spaced = re.sub(rf"^(?: *[rR][tT] +@(?:{word}|[.@])+:?(?= |$))+", "", spaced)
    if "urls" in folds:
        link = rf"[hH][tT][tT][pP][sS]?://[^ ]*|(?<!{word})[wW]{{3}}\.(?={word})[^ ]*"
        spaced = re.sub(link, " ", spaced)
    if "mentions" in folds:
        name = rf"(?<!{word})(?<![@/.])@(?:{word}|\.)+(?:@(?:{word}|[.-])*{word})?"
        spaced = re.sub(name, " ", spaced)
    if "hashtags" in folds:
        spaced = re.sub(rf"(?<={word})#(?={word})", " ", spaced)
        spaced = re.sub(rf"#(?={word})", "", spaced)
    out = []
    for char in spaced:
        kind = unicodedata.category(char)
        mark = "punctuation" in folds and kind[0] == "P" and char not in "#%&@"
        picture = "emoji" in folds and kind in ("So", "Sk")
        out.append(" " if mark or picture else char)
    folded = re.sub(" +", " ", "".join(out)).strip(" ")
    if "stretched" in folds:
        folded = re.sub(
            r"(.)\1{2,}",
            lambda run: run[0] if unicodedata.category(run[1])[0] != "L" else run[1] * 2,
            folded,
        )
    return folded or re.sub(" +", " ", whole)


_PIECES = (
    "RT @ann: |rt @b |@joe.b|@x@y.example-z|http://t.co/a|HTTPS://É.x/ |www.a|www. |#tag|#|a#b"
    "|##x|C#|soooo|😀|👍🏽|ﬁ|ｆ|e\u0301|é|…|İ|ß|Σας|\u200d|\ufe0f|\u200b|5️⃣|한|\u1100\u1161|ﾞ|ｶﾞ"
    "|¨|_|don't|50%|R&D|$|+|^|`|\n|\t| |\u3000|我們|ไทย|م\u200cن|a.b@c|@"
)
PIECES = st.sampled_from(_PIECES.split("|"))


@settings(max_examples=examples(600))
@given(
    st.lists(PIECES | st.text(max_size=5), max_size=12).map("".join),
    st.sets(st.sampled_from(FOLDS)) | st.just(set(FOLDS)),
)
@example("@a@", set(FOLDS))
@example("rt @a", set(FOLDS))
@example("@http://t.co/a", set(FOLDS))
@example("@joehttp://t.co/a", set(FOLDS))
@example("@a@bhttp://t.co/a", set(FOLDS))
@example("@a.www.b", set(FOLDS))
@example("@a@b.www.c", set(FOLDS))
@example("\ufdfa" * 70, set(FOLDS))
def test_the_kernel_normalizes_as_the_plain_definition(text: str, folds: set[str]) -> None:
    text = text.encode("utf-8", "ignore").decode()
    if any(unicodedata.category(char) == "Cn" for char in text):
        return  # not assigned in every Unicode version
    expected = reference(text, folds)
    assert normalize.normalize_to_series(pl.Series([text]), folds).item() == expected


def test_the_kernel_normalizes_real_posts_as_the_plain_definition(shared: Path) -> None:
    lines = (shared / "plain" / "ile.10000").read_text(errors="replace").split("\n")[::3]
    found = normalize.normalize_to_series(pl.Series(lines)).to_list()
    wrong = [at for at, line in enumerate(lines) if reference(line) != found[at]]
    assert wrong == []


def test_differences_that_do_not_count() -> None:
    same = [
        "RT @joe: Look at THIS  great thing!! https://t.co/abc",
        "look at this great #thing 😀 https://example.org/other?x=1",
        "Look at this, @ann.b great thing…",
        "Ｌｏｏｋ at this greattttt thing",
    ]
    found = normalize.normalize_to_series(pl.Series(same)).to_list()
    assert found == ["look at this great thing"] * 3 + ["look at this greatt thing"]


def test_differences_that_count_are_not_removed() -> None:
    texts = ["I love C++", "I love C#", "2 > 1", "2 < 1", "joe@example.org", "5 $", "5 €", "1000",
             "10000", "awww.cute"]  # fmt: skip
    found = normalize.normalize_to_series(pl.Series(texts)).to_list()
    assert len(set(found)) == len(texts)


@pytest.mark.parametrize(
    ("without", "text", "kept"),
    [
        ("case", "Ab", "Ab"),
        ("reposts", "RT @a: b", "rt b"),
        ("urls", "x http://a.b", "x http a b"),
        ("mentions", "hi @joe", "hi @joe"),
        ("hashtags", "#tag x", "#tag x"),
        ("stretched", "sooo", "sooo"),
        ("punctuation", "a, b", "a, b"),
        ("emoji", "a 😀", "a 😀"),
        ("unicode", "ﬁ", "ﬁ"),
    ],
)
def test_each_fold_can_be_omitted(without: str, text: str, kept: str) -> None:
    folds = [name for name in FOLDS if name != without]
    assert normalize.normalize_to_series(pl.Series([text]), folds).item() == kept


def test_null_and_empty_texts_are_empty_and_do_not_change_their_neighbours() -> None:
    texts = pl.Series([None, "", "  ", "a", None, "b"], dtype=pl.String)
    assert normalize.normalize_to_series(texts).to_list() == ["", "", "", "a", "", "b"]
    assert normalize.normalize_to_series(texts.slice(3, 2)).to_list() == ["a", ""]
    assert normalize.normalize_to_series(texts.head(0)).to_list() == []


def test_long_posts_grow_the_buffers() -> None:
    text = "\ufdfa " * 50_000
    assert normalize.normalize_to_series(pl.Series([text, "x"])).to_list() == [reference(text), "x"]
