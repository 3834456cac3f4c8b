"""Find the lines of a text that repeat earlier ones, and remove them.

Lines are compared by their *key*: NFKC, lower case, runs of white space as one space, without the
punctuation and quote marks at the ends. A paragraph's key is its lines' keys joined by a space, so
that it is the same where it is quoted or wrapped otherwise. A blank line has no key: it is null.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

import polars as pl

from filters.text.rows import change_where

# ASCII signs that have a meaning of their own at the end of a word are not here: `C++`, `100%`,
# `$5`, `#tag`, `@name`. The last character marks the ends of a document's turns until the document
# is written.
_STRIPPED_AT_ENDS = (
    " !\"'()*,-./:;<=>?[\\]^_`{|}~–—“”„‘’‚«»‹›¡¿·•‣◦、。「」『』【】〈〉《》।؟،؛\U0010fffd"
)
_IRREGULAR_SPACE = r"\s\s|[^\S ]"
# A text of only these characters is in NFKC: ASCII, plain letters of Latin, Cyrillic, kana, Han and
# Hangul, dashes and quotes, the joiner and selector of emoji, and most emoji.
_NOT_NFKC = (
    r"[^\x00-\x7F\x{C0}-\x{131}\x{400}-\x{45F}\x{3041}-\x{3096}\x{30A1}-\x{30FA}"
    r"\x{4E00}-\x{9FFF}\x{AC00}-\x{D7A3}\x{2013}\x{2014}\x{2018}-\x{201F}\x{200D}\x{FE0F}"
    r"\x{1F300}-\x{1F64F}\x{1F680}-\x{1F6D7}\x{1F900}-\x{1F9FF}\x{2600}-\x{27BF}]"
)

# The first line of a block of code, also within a quote or a list. An inline ```x``` is none.
_FENCE = re.compile(r"(?:[\s>]|[-*+]\s|[0-9]{1,9}[.)]\s)*+(`{3,}+|~{3,}+)[^`]*+$")
_INDENTED = ("    ", "\t")


class RepeatRules(NamedTuple):
    """The characters that a key must have to be compared; None compares no key of that kind."""

    min_line_chars: int | None
    min_paragraph_chars: int | None
    label_pattern: str  # what may come before the text of a turn


class RepeatLine(NamedTuple):
    """A line of a text."""

    key: str | None
    has_label: bool  # a turn begins here
    text_start: int  # where the line's own words begin, after the turn's margin and label
    is_code: bool


def build_label_pattern(templates: tuple[str, ...]) -> str:
    """Return the pattern of a line's margin and a label after it; ``{n}`` is any number."""
    if not templates:
        return r"[^\s\S]"
    labels = "|".join(re.escape(label).replace(r"\{n\}", "[0-9]+") for label in templates)
    return rf"^([ \t]*)(?:{labels})"


def find_candidates(
    texts: pl.Series, rules: RepeatRules
) -> tuple[pl.Series, list[list[str | None]]]:
    """Return the indices of texts with a repeated key, and the keys of all their lines.

    Lines of code are included, so a text may have no repeat in the end.
    """
    parts = texts.str.split("\n")
    lines = parts.explode(empty_as_null=False, keep_nulls=False)
    text_numbers = pl.int_range(len(texts), eager=True).repeat_by(parts.list.len()).explode()
    nonblank = (lines.str.strip_chars() != "").arg_true()
    labelled_lines = lines.gather(nonblank)
    unlabelled_lines = labelled_lines.str.replace(rules.label_pattern, "")
    folded = fold_lines(unlabelled_lines)
    had_label = unlabelled_lines.str.len_bytes() != labelled_lines.str.len_bytes()
    table = _tabulate_lines(text_numbers.gather(nonblank), nonblank, folded, had_label)
    candidates = _find_texts_with_repeats(table, rules)
    keys = pl.repeat(None, len(lines), dtype=pl.String, eager=True)
    if len(candidates):
        keys = keys.scatter(nonblank, folded)
    starts = parts.list.len().cum_sum().shift(1, fill_value=0)
    counts = parts.list.len().gather(candidates)
    ranges = zip(starts.gather(candidates), counts, strict=True)
    return candidates, [keys.slice(start, count).to_list() for start, count in ranges]


def _tabulate_lines(
    text_numbers: pl.Series, line_numbers: pl.Series, keys: pl.Series, had_label: pl.Series
) -> pl.DataFrame:
    """Return a row for each line with words: its text, its key, and its part in a paragraph.

    ``begins`` is true where a paragraph begins, ``alone`` where the line is all of it.
    """
    after_blank = (line_numbers.diff() != 1).fill_null(True)
    new_text = (text_numbers.diff() != 0).fill_null(True)
    begins = had_label | after_blank | new_text
    alone = begins & begins.shift(-1, fill_value=True)
    return pl.DataFrame({"text": text_numbers, "key": keys, "begins": begins, "alone": alone})


def _find_texts_with_repeats(lines: pl.DataFrame, rules: RepeatRules) -> pl.Series:
    """Return the numbers of texts that contain a key twice, as line or as paragraph, in order.

    Lines and paragraphs are compared with each other and by hash: a text that is found by chance
    only costs time.
    """
    min_chars = min(
        number for number in (rules.min_line_chars, rules.min_paragraph_chars) if number is not None
    )
    compares_lines = pl.lit(rules.min_line_chars is not None)
    pieces = [lines.lazy().filter(compares_lines | pl.col("alone"))]
    if rules.min_paragraph_chars is not None:
        numbered = lines.lazy().with_columns(paragraph=pl.col("begins").cum_sum())
        pieces.append(
            numbered.filter(~pl.col("alone"))
            .group_by("text", "paragraph")
            .agg(pl.col("key").str.join(" "))
        )
    hashed = pl.concat(
        [
            piece.filter(pl.col("key").str.len_chars() >= min_chars).select(
                "text", hash=pl.col("key").hash() + pl.col("text").hash()
            )
            for piece in pieces
        ]
    ).collect()
    return hashed.filter(pl.col("hash").is_duplicated())["text"].unique().sort()


def fold_lines(lines: pl.Series) -> pl.Series:
    """Return the keys of ``lines``. Steps that change few lines search for those lines first."""
    non_ascii = lines.str.len_bytes() != lines.str.len_chars()
    lines = change_where(lines, non_ascii, _normalize_nfkc)
    irregular = lines.str.contains(_IRREGULAR_SPACE)
    lines = change_where(lines, irregular, lambda some: some.str.replace_all(r"\s+", " "))
    return lines.str.strip_chars(_STRIPPED_AT_ENDS).str.to_lowercase()


def _normalize_nfkc(lines: pl.Series) -> pl.Series:
    # The ellipsis of truncated tweets is the most frequent character that NFKC changes; replacing
    # it first gives the same result.
    lines = lines.str.replace_all("…", "...", literal=True)
    return change_where(
        lines, lines.str.contains(_NOT_NFKC), lambda some: some.str.normalize("NFKC")
    )


def remove_repeats(text: str, keys: list[str | None], rules: RepeatRules) -> tuple[str, float]:
    """Return the text without its repeats, and the share of its lines' characters removed."""
    parts = text.split("\n")
    lines = list(_parse_lines(parts, keys, re.compile(rules.label_pattern)))
    removed = _mark_repeats(lines, rules)
    if True not in removed:
        return text, 0.0
    sizes = [len(part[line.text_start :].strip()) for part, line in zip(parts, lines, strict=True)]
    removed_size = sum(size for size, is_repeat in zip(sizes, removed, strict=True) if is_repeat)
    return _join_kept_lines(parts, lines, removed), removed_size / sum(sizes)


def _parse_lines(
    parts: list[str], keys: list[str | None], label: re.Pattern[str]
) -> Iterator[RepeatLine]:
    margin = fence = ""
    for part, key in zip(parts, keys, strict=True):
        # A fence contains no label. One without an end reaches to the end of the text.
        turn = label.match(part) if key is not None and not fence else None
        if turn:
            margin, start = turn[1], turn.end()
        else:
            start = len(margin) if part.startswith(margin) else 0
        is_code = bool(fence) or part.startswith(_INDENTED, start)
        if "```" in part or "~~~" in part:
            if fence:
                rest = part[start:].strip(" \t\r>")
                if len(rest) >= len(fence) and not rest.strip(fence[0]):
                    fence = ""
            elif opening := _FENCE.match(part, start):
                fence, is_code = opening[1], True
        yield RepeatLine(key, turn is not None, start, is_code)


def _iter_paragraphs(lines: list[RepeatLine]) -> Iterator[range]:
    begin = 0
    for number, line in enumerate(lines):
        if line.key is None or line.has_label:
            if number > begin:
                yield range(begin, number)
            begin = number + (line.key is None)
    if len(lines) > begin:
        yield range(begin, len(lines))


def _mark_repeats(lines: list[RepeatLine], rules: RepeatRules) -> list[bool]:
    """Return which lines are removed. Kept lines are remembered, so a second run finds none."""
    removed = [False] * len(lines)
    keys = [line.key or "" for line in lines]
    seen_lines, seen_paragraphs = set[str](), set[str]()

    def is_known_paragraph(numbers: list[int]) -> bool:
        """Return whether these lines are an earlier paragraph; if not, remember them as one."""
        whole = " ".join([keys[number] for number in numbers])
        if rules.min_paragraph_chars is None or len(whole) < rules.min_paragraph_chars:
            return False
        if any(lines[number].is_code for number in numbers):
            return False
        before = len(seen_paragraphs)
        seen_paragraphs.add(whole)
        return len(seen_paragraphs) == before

    def is_new_line(number: int) -> bool:
        """Return whether a line is no earlier one; if so, remember it."""
        if rules.min_line_chars is None or lines[number].is_code:
            return True
        if len(keys[number]) < rules.min_line_chars:
            return True
        before = len(seen_lines)
        seen_lines.add(keys[number])
        return len(seen_lines) > before

    for paragraph in _iter_paragraphs(lines):
        numbers = list(paragraph)
        kept = []
        if not is_known_paragraph(numbers):
            kept = [number for number in numbers if is_new_line(number)]
        # What remains of a paragraph may be a paragraph of its own elsewhere.
        if len(kept) < len(numbers) and is_known_paragraph(kept):
            kept = []
        for number in numbers:
            removed[number] = True
        for number in kept:
            removed[number] = False
    return removed


def _join_kept_lines(parts: list[str], lines: list[RepeatLine], removed: list[bool]) -> str:
    """Join the lines that are kept. A turn whose first line is removed begins with its next one.

    Blank lines after a removed line are removed with it if a blank line comes before it.
    """
    out: list[str] = []
    # The label of the turn that lost its first line, and where in ``out`` that line was; -1: none.
    label, label_index = "", -1
    skips_blank = False
    removed = _mark_empty_turns(parts, lines, removed)
    for part, line, is_removed in zip(parts, lines, removed, strict=True):
        if line.has_label:
            label_index = -1
        if is_removed:
            skips_blank = bool(out) and not out[-1].strip()
            if line.has_label:
                label, label_index = part[: line.text_start], len(out)
        elif line.key is None:
            if not skips_blank:
                out.append(part)
        else:
            if label_index >= 0:
                del out[label_index:]
                part, label_index = label + part[line.text_start :], -1
            out.append(part)
            skips_blank = False
    last = max(number for number, line in enumerate(lines) if line.key is not None)
    if removed[last]:
        while not out[-1].strip():
            out.pop()
        if parts[-1]:
            out[-1] = out[-1].removesuffix("\r")
        else:
            out.append("")
    return "\n".join(out)


def _mark_empty_turns(parts: list[str], lines: list[RepeatLine], removed: list[bool]) -> list[bool]:
    """Return ``removed`` with the bare labels of turns that have lost all their lines."""
    removed = removed.copy()
    keeps_line = loses_line = False
    for number in range(len(lines) - 1, -1, -1):
        line = lines[number]
        is_bare = line.has_label and not parts[number][line.text_start :].strip()
        if is_bare and loses_line and not keeps_line:
            removed[number] = True
        keeps_line = keeps_line or not (is_bare or removed[number] or line.key is None)
        loses_line = loses_line or removed[number]
        if line.has_label:
            keeps_line = loses_line = False
    return removed
