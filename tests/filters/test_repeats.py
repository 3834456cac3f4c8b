"""The filter ``repeats`` removes repeated lines and changes nothing else."""

from __future__ import annotations

import re
import unicodedata
from typing import Any

import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from filters import repeats
from filters.repeats import repeated_lines
from tests.support.examples import examples

CHANT = "What do we want? Everything, and now!"
OTHER = "Nobody knows who came up with that one."
FOOTER = "I am a bot, and this action was performed automatically."
FENCED = f"```py\n{CHANT}\n\n{CHANT}\n```"


def run_filter(texts: list[str | None], **options: Any) -> pl.DataFrame:
    ids = [str(row) for row in range(len(texts))]
    posts = pl.DataFrame({"id": ids, "text": texts}, schema={"id": pl.String, "text": pl.String})
    return repeats.build(repeats.Config(**{"min_chars": 1, **options}))(posts)


def cut(text: str, **options: Any) -> str:
    result: str = run_filter([text], **options)["text"].item()
    return result


@pytest.mark.parametrize(
    "again",
    [
        CHANT,
        CHANT.upper(),
        f"  {CHANT}  ",
        f"> {CHANT}",
        f"> > {CHANT}",
        f"- {CHANT}",
        f"“{CHANT}”…",
        CHANT.replace(" ", "\u00a0 "),
        CHANT.replace("W", "Ｗ").rstrip("!"),
    ],
)
def test_a_line_that_repeats_an_earlier_one_is_removed(again: str) -> None:
    assert cut(f"{CHANT}\n{OTHER}\n{again}\nthe end") == f"{CHANT}\n{OTHER}\nthe end"


@pytest.mark.parametrize(
    "text",
    [
        "yes\nno\nyes\nno\nyes",
        "---\nlol\n---\nlol",
        "thank you so much!\n\nthank you so much!",
        f"{CHANT}\n{OTHER}",
        f"{CHANT}\n100% {CHANT}",
        f"{CHANT}\n\n\n\n{OTHER}\n\n",
        f"{CHANT} {CHANT} {CHANT}",
        "🔥" * 40 + "\nand\n" + "🔥" * 39,
        "-" * 60 + "\nwords\n" + "-" * 60,
    ],
)
def test_a_text_without_long_repeats_does_not_change(text: str) -> None:
    result = run_filter([text])
    assert result["text"].item() == text
    assert result["repeats_cut"].item() == 0
    assert result["reject"].item() is None


def test_short_lines_may_repeat_but_not_a_paragraph_of_them() -> None:
    poem = "Roses are red,\nviolets are blue,\nsugar is sweet"
    assert cut(f"{poem}\n\nand\n\n{poem}\n\nbye") == f"{poem}\n\nand\n\nbye"


def test_a_paragraph_is_the_same_when_quoted_or_wrapped_elsewhere() -> None:
    wrapped = "Roses are red and\nviolets are blue and sugar\nis sweet"
    again = "> roses are red and violets\n> are blue and sugar is sweet."
    assert cut(f"{wrapped}\n\n{again}\n\nTrue!") == f"{wrapped}\n\nTrue!"


def test_the_rest_of_a_paragraph_after_a_cut_may_be_a_repeat() -> None:
    poem = "Roses are red,\nviolets are blue,\nsugar is sweet"
    text = f"{poem}\n\n{CHANT}\n\n{poem}\n{CHANT}\n\nbye"
    assert cut(text) == f"{poem}\n\n{CHANT}\n\nbye"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"{CHANT}\n\n{CHANT}\n\n{OTHER}", f"{CHANT}\n\n{OTHER}"),
        (f"{CHANT}\n{CHANT}\n\n{OTHER}", f"{CHANT}\n\n{OTHER}"),
        (f"{CHANT}\n\n{CHANT}\n{OTHER}", f"{CHANT}\n\n{OTHER}"),
        (f"{CHANT}\n\n\n{CHANT}\n{OTHER}", f"{CHANT}\n\n\n{OTHER}"),
        (f"{CHANT}\n\n{CHANT}", CHANT),
        (f"{CHANT}\n\n{CHANT}\n", f"{CHANT}\n"),
        (f"{CHANT}\n\n{CHANT}\n\n\n", f"{CHANT}\n"),
        (f"{CHANT}\r\n\r\n{CHANT}\r\n{OTHER}\r\n", f"{CHANT}\r\n\r\n{OTHER}\r\n"),
        (f"{CHANT}\r\n\r\n{CHANT}\r\n", f"{CHANT}\r\n"),
        (f"{CHANT}\r\n\r\n{CHANT}", CHANT),
    ],
)
def test_blank_lines_are_removed_with_a_cut(text: str, expected: str) -> None:
    assert cut(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        f"{CHANT}\n\n{FENCED}",
        f"{CHANT}\n\n~~~\n{CHANT}\n```\n{CHANT}\n~~~",
        f"{CHANT}\n\n    {CHANT}\n\t{CHANT}",
        "```\nfor number in all_numbers:\n    print(number, end=1)\n```\n\n" * 2,
        f"{CHANT}\n\n- ```\n  {CHANT}\n  {CHANT}\n  ```",
        f"{CHANT}\n\n> ````\n> {CHANT}\n> ```\n> {CHANT}\n> ````",
        f"{CHANT}\n\n```\nnobody closes this\n{CHANT}",
        f"user_1: {CHANT}\n\nuser_2: {FENCED}",
        f"```\nuser_1: {CHANT}\nuser_2: {CHANT}\n```",
    ],
)
def test_code_does_not_change(text: str) -> None:
    assert cut(text) == text


def test_lines_after_code_are_compared_again() -> None:
    assert cut(f"{CHANT}\n{FENCED}\n{CHANT}\nend") == f"{CHANT}\n{FENCED}\nend"
    assert cut(f"{CHANT}\n```{CHANT}```\n{CHANT}\nend") == f"{CHANT}\nend"


def test_a_turn_that_loses_its_first_line_begins_with_the_next() -> None:
    text = f"user_1: {CHANT}\n\nuser_2: > {CHANT}\n\n{OTHER}\n\nanonymous: bye"
    assert cut(text) == f"user_1: {CHANT}\n\nuser_2: {OTHER}\n\nanonymous: bye"
    code = f"user_1: {CHANT}\n\nuser_2: {CHANT}\n{FENCED}"
    assert cut(code) == f"user_1: {CHANT}\n\nuser_2: {FENCED}"


def test_a_turn_of_only_repeats_is_removed_with_its_label() -> None:
    text = f"user_1: {CHANT}\n\nuser_2: {CHANT}\n\nuser_10: {CHANT}\n\nuser_1: bye"
    assert cut(text) == f"user_1: {CHANT}\n\nuser_1: bye"
    bare = f"user_1: {CHANT}\n\nuser_2: \n{CHANT}\n\nuser_3: bye"
    assert cut(bare) == f"user_1: {CHANT}\n\nuser_3: bye"


def test_the_margin_of_a_thread_is_no_code() -> None:
    text = f"user_1: {CHANT}\n\n    user_2: > {CHANT}\n    {OTHER}\n        {OTHER}\n\n    {OTHER}"
    expected = f"user_1: {CHANT}\n\n    user_2: {OTHER}\n        {OTHER}"
    assert cut(text) == expected


def test_labels_are_a_setting() -> None:
    text = f"[A+1] {CHANT}\n\n[A+2] {CHANT}\n\n[A+2] bye"
    assert cut(text) == text
    assert cut(text, labels=("[A+{n}] ",)) == f"[A+1] {CHANT}\n\n[A+2] bye"
    assert cut(f"user_1: {CHANT}\nuser_2: {CHANT}", labels=()).count("\n") == 1


def test_lines_and_paragraphs_are_compared_only_on_request() -> None:
    text = f"{CHANT}\n{OTHER}\n\n{CHANT}\n\n{CHANT}\n{OTHER}"
    assert cut(text, lines=False) == f"{CHANT}\n{OTHER}\n\n{CHANT}"
    assert cut(text, lines=False, paragraphs=False) == text
    poem = "Roses are red,\nviolets are blue,\nsugar is sweet"
    assert cut(f"{poem}\n\n{poem}", paragraphs=False) == f"{poem}\n\n{poem}"


def test_short_texts_do_not_change() -> None:
    short, long = f"{CHANT}\n{CHANT}", f"{CHANT}\n{CHANT}\n{OTHER * 8}"
    result = run_filter([short, None, long], min_chars=300)
    assert result["text"].to_list() == [short, None, f"{CHANT}\n{OTHER * 8}"]


def test_a_text_of_mostly_repeats_is_dropped_and_one_pasted_twice_is_kept() -> None:
    texts = [CHANT, f"{CHANT}\n\n{CHANT}", f"{CHANT}\n{CHANT}\n{CHANT}", "\n".join([CHANT] * 99)]
    result = run_filter(texts)
    assert result["text"].to_list() == [CHANT] * 4
    assert result["reject"].to_list() == [None, None, "repeated_lines", "repeated_lines"]
    assert result["repeats_cut"].to_list() == pytest.approx([0, 1 / 2, 2 / 3, 98 / 99])
    assert run_filter(texts, max_share=0.2)["reject"].null_count() == 1


def test_drop_does_not_change_texts_and_annotate_drops_none() -> None:
    texts = [f"{CHANT}\n{CHANT}", f"{CHANT}\n{CHANT}\n{CHANT}"]
    dropped, annotated = run_filter(texts, action="drop"), run_filter(texts, action="annotate")
    assert dropped["text"].to_list() == annotated["text"].to_list() == texts
    assert dropped["reject"].to_list() == [None, "repeated_lines"]
    assert annotated["reject"].to_list() == [None, None]
    assert annotated["repeats_cut"].to_list() == pytest.approx([1 / 2, 2 / 3])


@pytest.mark.parametrize(
    ("what", "text"),
    [
        ("newlines", "\n" * 1_000_000),
        ("one line", f"{CHANT}\n" * 30_000),
        ("one short line", "no\n" * 330_000),
        ("no newline", "a" * 1_000_000),
        ("one paragraph", f"{CHANT}\n{OTHER}\n\n" * 13_000),
        ("labels", f"user_1: {CHANT}\n" * 23_000),
        ("fences", f"```\n{CHANT}\n" * 25_000),
        ("marks", f"{CHANT}\n{CHANT}\n" + "- > " * 125_000 + "```" + "`" * 500_000),
    ],
)
def test_texts_of_a_megabyte_are_searched(what: str, text: str) -> None:
    assert run_filter([text]).height == 1


def test_characters_that_skip_nfkc_do_not_need_it() -> None:
    all_characters = [chr(code) for code in range(0x20000) if not 0xD800 <= code < 0xE000]
    skipped = pl.Series(all_characters).str.contains(repeated_lines._NOT_NFKC).not_()
    for character in pl.Series(all_characters).filter(skipped):
        assert unicodedata.is_normalized("NFKC", f"e{character}{character}")
        assert not unicodedata.combining(character)


# --------------------------------------------------------------------------- any text

PLAIN = ("", " ", "ab", "AB!", "> ab", "abc abc", "abc", "ﬀ ß", "ff  SS", "ab abc", "...", "é1")
WORDS = st.sampled_from((*PLAIN, "```", "~~~", "    ab", "\tabc", "  ab", "- ```", "\r", "ab\r"))
HEADS = st.sampled_from(("", "", "", "user_1: ", "  user_2: ", "    anonymous: "))
SMALL = {"min_line_chars": 3, "min_paragraph_chars": 2}


@given(st.lists(st.tuples(HEADS, WORDS), max_size=14))
@settings(max_examples=examples(400))
@example([("user_1: ", "abc"), ("user_2: ", "abc"), ("", ""), ("", "    ab")])
def test_a_second_run_changes_nothing_and_no_turn_is_empty(
    result: list[tuple[str, str]],
) -> None:
    text = "\n".join(head + words for head, words in result)
    once = run_filter([text], **SMALL)
    again = run_filter(once["text"].to_list(), **SMALL)
    assert again["text"].to_list() == once["text"].to_list()
    assert again["repeats_cut"].item() == 0
    bare = r"(?m)^[ \t]*(?:user_\d+|anonymous): *\r?$"
    assert len(re.findall(bare, once["text"].item())) <= len(re.findall(bare, text))
    expected = iter(text)
    assert all(
        character in expected for character in once["text"].item()
    )  # the filter only removes


@given(st.lists(st.lists(st.sampled_from(PLAIN), max_size=12), max_size=5), st.integers(1, 4))
@settings(max_examples=examples(300))
def test_cuts_equal_those_of_a_plain_implementation_in_any_batches(
    result: list[list[str]], size: int
) -> None:
    texts: list[str | None] = ["\n".join(parts) for parts in result]
    together = run_filter(texts, **SMALL)
    assert together["text"].to_list() == [cut_by_definition(text or "", 3, 2) for text in texts]
    if texts:
        batches = [run_filter(texts[at : at + size], **SMALL) for at in range(0, len(texts), size)]
        assert pl.concat(batches).drop("id").equals(together.drop("id"))


def make_key(line: str) -> str:
    words = " ".join(unicodedata.normalize("NFKC", line).split())
    return words.strip(" .>!").lower()


def cut_by_definition(text: str, min_line_chars: int, min_paragraph_chars: int) -> str:
    """Cut repeats by the definitions, for texts without labels and code."""
    lines = text.split("\n")
    removed: set[int] = set()
    whole: list[str] = []  # every earlier paragraph, before and after cuts
    single: list[str] = []  # every earlier line that was compared
    at = 0
    while at < len(lines):
        end = at
        while end < len(lines) and lines[end].strip():
            end += 1
        numbers = list(range(at, end))
        for cut_lines in (False, True):
            expected = numbers
            if cut_lines:
                expected = []
                for number in numbers:
                    line = make_key(lines[number])
                    if len(line) < min_line_chars or line not in single:
                        expected.append(number)
                        single.append(line)
            paragraph = " ".join(make_key(lines[number]) for number in expected)
            is_known = len(paragraph) >= min_paragraph_chars and paragraph in whole
            if is_known and not (cut_lines and expected == numbers):
                removed.update(numbers)
                break
            whole.append(paragraph)
            removed.update(set(numbers) - set(expected))
        at = max(end, at) + 1
    return join_kept(lines, removed)


def join_kept(lines: list[str], removed: set[int]) -> str:
    if not removed:
        return "\n".join(lines)
    kept = [number for number in range(len(lines)) if number not in removed]
    kept_lines = [number for number in kept if lines[number].strip()]
    out = [lines[number] for number in kept if number < kept_lines[0]]
    for number, after in zip(kept_lines, [*kept_lines[1:], len(lines)], strict=True):
        out.append(lines[number])
        # Of the blank lines up to the next line, those before or after the first cut.
        between = range(number + 1, after)
        cuts = [other for other in between if other in removed]
        runs, run = [], []
        for other in between:
            if other in removed:
                runs.append(run)
                run = []
            else:
                run.append(lines[other])
        runs.append(run)
        if after == len(lines) and cuts:
            out += [""] if not lines[-1] else []
        else:
            out += next((run for run in runs if run), [])
    return "\n".join(out)
