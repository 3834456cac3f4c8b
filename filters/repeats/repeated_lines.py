"""Which lines of a text repeat earlier ones, and the text without them.

Lines are compared in a folded form: NFKC, lower case, runs of white space as one space, nothing of
punctuation or quotes' marks at the ends. A paragraph's form is that of its lines joined by a space,
so that it is the same quoted or wrapped elsewhere. A blank line has no form: its key is null.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

import polars as pl

# Of ASCII, not what carries a meaning of its own there: `C++`, `100%`, `$5`, `#tag`, `@name`.
# The last is what stands behind a document's turns until it is written.
_STRIPPED_AT_ENDS = (
    " !\"'()*,-./:;<=>?[\\]^_`{|}~–—“”„‘’‚«»‹›¡¿·•‣◦、。「」『』【】〈〉《》।؟،؛\U0010fffd"
)
_IRREGULAR_SPACE = r"\s\s|[^\S ]"
# Without a character beyond these a text is in NFKC: ASCII, plain letters of Latin, Cyrillic,
# kana, Han and Hangul, dashes and quotes, the joiner and selector of emoji, and most emoji.
_NOT_NFKC = (
    r"[^\x00-\x7F\x{C0}-\x{131}\x{400}-\x{45F}\x{3041}-\x{3096}\x{30A1}-\x{30FA}"
    r"\x{4E00}-\x{9FFF}\x{AC00}-\x{D7A3}\x{2013}\x{2014}\x{2018}-\x{201F}\x{200D}\x{FE0F}"
    r"\x{1F300}-\x{1F64F}\x{1F680}-\x{1F6D7}\x{1F900}-\x{1F9FF}\x{2600}-\x{27BF}]"
)

# A block of code begins, within a quote or a list too. An inline ```x``` is none.
_FENCE = re.compile(r"(?:[\s>]|[-*+]\s|[0-9]{1,9}[.)]\s)*+(`{3,}+|~{3,}+)[^`]*+$")
_INDENTED = ("    ", "\t")


class RepeatRules(NamedTuple):
    """From how many folded characters on lines and paragraphs are compared; null is never."""

    min_line_chars: int | None
    min_paragraph_chars: int | None
    label_pattern: str  # the pattern of what may stand before a turn


class RepeatLine(NamedTuple):
    """What a line of a text is."""

    key: str | None
    has_label: bool  # a turn begins here
    text_start: int  # where its own words do, behind the turn's margin and label
    is_code: bool


def build_label_pattern(templates: tuple[str, ...]) -> str:
    """The pattern of a line's margin and of a label behind it; ``{n}`` is a number."""
    if not templates:
        return r"[^\s\S]"
    known = "|".join(re.escape(label).replace(r"\{n\}", "[0-9]+") for label in templates)
    return rf"^([ \t]*)(?:{known})"


def find_candidates(
    texts: pl.Series, rules: RepeatRules
) -> tuple[pl.Series, list[list[str | None]]]:
    """Where in ``texts`` a line or a paragraph repeats, code or not, and the keys of the lines."""
    parts = texts.str.split("\n")
    raw = parts.explode(empty_as_null=False, keep_nulls=False)
    numbers = pl.int_range(len(texts), eager=True).repeat_by(parts.list.len()).explode()
    full = (raw.str.strip_chars() != "").arg_true()
    worded = raw.gather(full)
    own = worded.str.replace(rules.label_pattern, "")
    folded = fold_lines(own)
    pieces = _tabulate_lines(
        numbers.gather(full), full, folded, own.str.len_bytes() != worded.str.len_bytes()
    )
    found = _find_texts_with_repeats(pieces, rules)
    keys = pl.repeat(None, len(raw), dtype=pl.String, eager=True)
    if len(found):
        keys = keys.scatter(full, folded)
    starts = parts.list.len().cum_sum().shift(1, fill_value=0)
    counts = parts.list.len().gather(found)
    spans = zip(starts.gather(found), counts, strict=True)
    return found, [keys.slice(start, count).to_list() for start, count in spans]


def _tabulate_lines(
    texts: pl.Series, places: pl.Series, keys: pl.Series, heads: pl.Series
) -> pl.DataFrame:
    """The lines with words in them: whose, where, and whether they begin a paragraph or are one."""
    begins = heads | (places.diff() != 1).fill_null(True) | (texts.diff() != 0).fill_null(True)
    alone = begins & begins.shift(-1, fill_value=True)
    return pl.DataFrame({"text": texts, "key": keys, "begins": begins, "alone": alone})


def _find_texts_with_repeats(pieces: pl.DataFrame, rules: RepeatRules) -> pl.Series:
    """The texts that hold a key twice, as lines or as paragraphs, in order.

    Lines and paragraphs go into one pool: what meets there by chance only costs time.
    """
    least = min(
        number for number in (rules.min_line_chars, rules.min_paragraph_chars) if number is not None
    )
    pool = [pieces.lazy().filter(pl.lit(rules.min_line_chars is not None) | pl.col("alone"))]
    if rules.min_paragraph_chars is not None:
        several = pieces.lazy().with_columns(paragraph=pl.col("begins").cum_sum())
        pool.append(
            several.filter(~pl.col("alone"))
            .group_by("text", "paragraph")
            .agg(pl.col("key").str.join(" "))
        )
    held = pl.concat(
        [
            some.filter(pl.col("key").str.len_chars() >= least).select(
                "text", mark=pl.col("key").hash() + pl.col("text").hash()
            )
            for some in pool
        ]
    ).collect()
    return held.filter(pl.col("mark").is_duplicated())["text"].unique().sort()


def fold_lines(lines: pl.Series) -> pl.Series:
    """The form in which lines are compared; what is done to few lines looks for those first."""
    foreign = lines.str.len_bytes() != lines.str.len_chars()
    lines = _change_where(lines, foreign, _normalize_nfkc)
    uneven = lines.str.contains(_IRREGULAR_SPACE)
    lines = _change_where(lines, uneven, lambda found: found.str.replace_all(r"\s+", " "))
    return lines.str.strip_chars(_STRIPPED_AT_ENDS).str.to_lowercase()


def _normalize_nfkc(lines: pl.Series) -> pl.Series:
    # What ends a cut tweet is the commonest of all that NFKC changes, and this is the same.
    lines = lines.str.replace_all("…", "...", literal=True)
    return _change_where(
        lines, lines.str.contains(_NOT_NFKC), lambda odd: odd.str.normalize("NFKC")
    )


def _change_where(
    lines: pl.Series, which: pl.Series, change: Callable[[pl.Series], pl.Series]
) -> pl.Series:
    rows = which.arg_true()
    return lines.clone().scatter(rows, change(lines.gather(rows))) if len(rows) else lines


def remove_repeats(text: str, keys: list[str | None], rules: RepeatRules) -> tuple[str, float]:
    """The text without what repeats in it, and the share of its lines' characters that went."""
    parts = text.split("\n")
    lines = list(_parse_lines(parts, keys, re.compile(rules.label_pattern)))
    gone = _mark_repeats(lines, rules)
    if True not in gone:
        return text, 0.0
    sizes = [len(part[line.text_start :].strip()) for part, line in zip(parts, lines, strict=True)]
    share = sum(size for size, leaves in zip(sizes, gone, strict=True) if leaves) / sum(sizes)
    return _join_kept_lines(parts, lines, gone), share


def _parse_lines(
    parts: list[str], keys: list[str | None], label: re.Pattern[str]
) -> Iterator[RepeatLine]:
    margin = fence = ""
    for part, key in zip(parts, keys, strict=True):
        # Nothing within a fence is a label. One that nobody closes reaches to the text's end.
        turn = label.match(part) if key is not None and not fence else None
        if turn:
            margin, start = turn[1], turn.end()
        else:
            start = len(margin) if part.startswith(margin) else 0
        code = bool(fence) or part.startswith(_INDENTED, start)
        if "```" in part or "~~~" in part:
            if fence:
                rest = part[start:].strip(" \t\r>")
                if len(rest) >= len(fence) and not rest.strip(fence[0]):
                    fence = ""
            elif begins := _FENCE.match(part, start):
                fence, code = begins[1], True
        yield RepeatLine(key, turn is not None, start, code)


def _iter_paragraphs(lines: list[RepeatLine]) -> Iterator[range]:
    begin = 0
    for at, line in enumerate(lines):
        if line.key is None or line.has_label:
            if at > begin:
                yield range(begin, at)
            begin = at + (line.key is None)
    if len(lines) > begin:
        yield range(begin, len(lines))


def _mark_repeats(lines: list[RepeatLine], rules: RepeatRules) -> list[bool]:
    """Which lines leave. What stays is remembered, so that a second round finds nothing new."""
    gone = [False] * len(lines)
    keys = [line.key or "" for line in lines]
    seen, seen_paragraphs = set[str](), set[str]()

    def known(places: list[int]) -> bool:
        """Whether these lines are an earlier paragraph; if not, later ones may be these."""
        whole = " ".join([keys[at] for at in places])
        if rules.min_paragraph_chars is None or len(whole) < rules.min_paragraph_chars:
            return False
        if any(lines[at].is_code for at in places):
            return False
        before = len(seen_paragraphs)
        seen_paragraphs.add(whole)
        return len(seen_paragraphs) == before

    def fresh(at: int) -> bool:
        """Whether a line is no earlier one; if so, later ones may be this."""
        if (
            rules.min_line_chars is None
            or lines[at].is_code
            or len(keys[at]) < rules.min_line_chars
        ):
            return True
        before = len(seen)
        seen.add(keys[at])
        return len(seen) > before

    for paragraph in _iter_paragraphs(lines):
        places = list(paragraph)
        left = [] if known(places) else [at for at in places if fresh(at)]
        # What is left of a paragraph may be one that stands alone elsewhere.
        if len(left) < len(places) and known(left):
            left = []
        for at in places:
            gone[at] = True
        for at in left:
            gone[at] = False
    return gone


def _join_kept_lines(parts: list[str], lines: list[RepeatLine], gone: list[bool]) -> str:
    """The lines that stay. A turn whose first line leaves begins with its next one instead.

    Blank lines behind a cut leave with it where one stands before it.
    """
    out: list[str] = []
    label, mark = "", -1  # of the turn that lost its first line, and where that stood
    skip = False
    for part, line, leaves in zip(parts, lines, _mark_empty_turns(parts, lines, gone), strict=True):
        if line.has_label:
            mark = -1
        if leaves:
            skip = bool(out) and not out[-1].strip()
            if line.has_label:
                label, mark = part[: line.text_start], len(out)
        elif line.key is None:
            if not skip:
                out.append(part)
        else:
            if mark >= 0:
                del out[mark:]
                part, mark = label + part[line.text_start :], -1
            out.append(part)
            skip = False
    last = max(at for at, line in enumerate(lines) if line.key is not None)
    if gone[last]:
        while not out[-1].strip():
            out.pop()
        if parts[-1]:
            out[-1] = out[-1].removesuffix("\r")
        else:
            out.append("")
    return "\n".join(out)


def _mark_empty_turns(parts: list[str], lines: list[RepeatLine], gone: list[bool]) -> list[bool]:
    """``gone``, and the bare labels of turns of which nothing else is left."""
    gone = gone.copy()
    left = lost = False
    for at in range(len(lines) - 1, -1, -1):
        line = lines[at]
        bare = line.has_label and not parts[at][line.text_start :].strip()
        if bare and lost and not left:
            gone[at] = True
        left = left or not (bare or gone[at] or line.key is None)
        lost = lost or gone[at]
        if line.has_label:
            left = lost = False
    return gone
