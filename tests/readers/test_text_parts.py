"""The parts of texts that readers share: fences of code, quotes, descriptions of pictures."""

from __future__ import annotations

import pytest

from corpus.formats.html import html_to_text
from corpus.readers.telegram_text import Entity, join_pieces, split_text
from corpus.readers.text_parts import fence, fence_code, fence_indented, join_alts, quote_lines


@pytest.mark.parametrize(
    ("written", "fenced"),
    [
        ("see\n\n    x = 1\n\n    y\n\nso", "see\n\n```\nx = 1\n\ny\n```\n\nso"),
        ("    x\n\n\n", "```\nx\n```\n\n\n"),
        ("    a ``` b", "````\na ``` b\n````"),
        ("see\n    no code", "see\n    no code"),
        (
            "1. one\n\n    more of one\n\nso\n\n    x",
            "1. one\n\n    more of one\n\nso\n\n```\nx\n```",
        ),
        ("```\n\n    x\n```\n\n    y", "```\n\n    x\n```\n\n```\ny\n```"),
        ("a\n\n    \nb", "a\n\n    \nb"),
    ],
)
def test_indented_code_is_fenced_but_not_in_lists_and_fences(written: str, fenced: str) -> None:
    assert fence_indented(written) == fenced
    assert fence_indented(fenced) == fenced


@pytest.mark.parametrize(
    ("written", "fenced"),
    [
        ("a ```x``` b", "a \n```\nx\n```\n b"),
        ("```py\nx = 1```", "```py\nx = 1\n```"),
        ("a\n\n```\nx\n\n y\n```\n\nb", "a\n\n```\nx\n\n y\n```\n\nb"),
        ("``` open", "``` open"),
        ("``````", "``````"),
    ],
)
def test_fences_are_on_lines_of_their_own(written: str, fenced: str) -> None:
    assert fence_code(written) == fenced


def test_a_fence_is_longer_than_those_in_the_code() -> None:
    assert fence("a\n````\n", "md") == "`````md\na\n````\n`````"


def test_each_line_of_a_quotation_is_marked() -> None:
    assert quote_lines("a\n\nb") == "> a\n>\n> b"
    assert quote_lines("") == ""


def test_descriptions_are_behind_the_text_once_and_only_if_they_are_texts() -> None:
    assert join_alts("tide", ["a gull", None, " ", 3, "a gull ", "tide", "mud"]) == (
        "tide\n\na gull\n\nmud"
    )
    assert join_alts("", ["a gull"]) == "a gull"
    assert join_alts("tide", []) == "tide"


def test_images_of_html_are_described_on_request() -> None:
    html = '<p>a<img alt="&lt;gull&gt;  grey">b <a href="https://a.example"><img></a></p>'
    assert html_to_text(html) == "ab"
    assert html_to_text(html, with_alt=True) == "a <gull> grey b"


def test_parts_of_a_message_lie_within_each_other_in_units_of_utf_16() -> None:
    text = "\U0001f600 high x y\nlow Bob Lee z = 1 end"
    entities = [
        Entity(3, 15, "blockquote"),
        Entity(8, 9, "code"),
        Entity(16, 23, "mention_name"),
        Entity(16, 19, "pre"),
        Entity(24, 29, "pre", "py"),
        Entity(99, 200, "code"),
        Entity(5, 5, "code"),
    ]
    assert join_pieces(split_text(text, entities)) == (
        "\U0001f600 \n> high `x` y\n> low\n @user \n```py\nz = 1\n```\n end"
    )
