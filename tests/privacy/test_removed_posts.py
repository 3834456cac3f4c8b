"""What repeats a removed post is found in other posts, without a word of it on the disk."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from corpus.privacy import removed_posts, suppression
from corpus.schema import POST
from tests.conftest import folded
from tests.support.keys import DIGITS

KETTLE = "The old copper kettle sings every morning before the harbour wakes up again"
GULLS = "nine grey gulls argued about a sandwich on the roof of the customs house"


@pytest.fixture
def key_path(tmp_path: Path) -> Path:
    path = tmp_path / "corpus.key"
    path.write_text(DIGITS)
    path.chmod(0o600)
    return path


def frame(*rows: dict[str, Any]) -> pl.DataFrame:
    base = dict.fromkeys(POST) | {"platform": "x", "kind": "post", "author": "5"}
    filled = [base | {"id": f"x:{100 + n}"} | row for n, row in enumerate(rows)]
    return pl.DataFrame(filled, schema=POST)


#: Posts 1 and 2 are by otto, account 7; a third is by ada.
REMOVED = (
    {"id": "x:1", "author": "7", "author_name": "Otto", "text": KETTLE},
    {"id": "x:2", "author": "7", "author_name": "Otto", "text": "so it is"},
    {"id": "x:3", "author": "9", "author_name": "ada", "text": GULLS},
)


def remove(
    key_path: Path, posts: pl.DataFrame, ids: list[str], authors: list[str], read: Any = REMOVED
) -> pl.DataFrame:
    """The posts after removal, where some ids and authors are listed."""
    suppression.add(key_path, ids, authors)
    listed = suppression.load(key_path)
    dropped = frame(*read)
    dropped = dropped.filter(suppression.mark_listed(listed, dropped))
    rows = removed_posts.describe_listed(listed, dropped)
    assert rows["value"].str.contains("^[0-9a-f]{32}$").all()  # no id, name or word
    tables = [folded(key_path.parent / "tables", rows)] if rows.height else []
    return removed_posts.RepeatRemover(tables, listed)(posts)


def test_columns_name_no_removed_post_whether_it_was_read_or_not(key_path: Path) -> None:
    posts = frame(
        {"text": "a", "parent_id": "x:1", "root_id": "x:1"},
        {"text": "b", "parent_id": "x:77", "root_id": "x:3"},
        {"text": "c", "accepted_id": "x:1", "parent_id": "x:4"},
    )
    found = remove(key_path, posts, ["x:77"], ["x:7"])
    assert found.select("parent_id", "root_id", "accepted_id").rows() == [
        (None, None, None),
        (None, "x:3", None),
        ("x:4", None, None),
    ]


def test_a_reply_has_no_lines_that_quote_a_removed_post(key_path: Path) -> None:
    posts = frame(
        {"text": f"> {KETTLE}\n\nnot in our house\n> {GULLS}", "parent_id": "x:1"},
        {"text": "> the Old copper Kettle…\n&gt; every morning, befo...\nwhy?", "root_id": "x:1"},
        {"text": f"> {KETTLE}\n\nin an answer to another post", "parent_id": "x:8"},
        {"text": f"> {KETTLE[:40]}\n\nkept: no whole line", "parent_id": "x:8"},
        {"text": "> an unread post\nof which the words are not known", "parent_id": "x:77"},
        {"text": "> the kettle is copper\nother words", "parent_id": "x:1"},
        {"text": f"> {KETTLE}", "parent_id": "x:1"},
    )
    found = remove(key_path, posts, ["x:1", "x:77"], [])
    assert found["text"].to_list() == [
        f"not in our house\n> {GULLS}",
        "why?",
        "in an answer to another post",
        f"> {KETTLE[:40]}\n\nkept: no whole line",
        "of which the words are not known",
        "> the kettle is copper\nother words",
    ]


def test_quoted_lines_are_compared_by_character_where_words_have_no_spaces(key_path: Path) -> None:
    read = ({"id": "x:1", "text": "港の古い銅のやかんは毎朝歌います"},)
    posts = frame({"text": "> 銅のやかんは毎朝\nそうですね\n> 銅の猫", "parent_id": "x:1"})
    found = remove(key_path, posts, ["x:1"], [], read)
    assert found["text"].to_list() == ["そうですね\n> 銅の猫"]


@pytest.mark.parametrize("listed", [(["x:1", "x:2"], []), ([], ["x:7"]), ([], ["x:otto"])])
def test_reposts_by_text_are_removed_and_quotations_cut(
    key_path: Path, listed: tuple[list[str], list[str]]
) -> None:
    posts = frame(
        {"text": f"RT @Otto: {KETTLE}", "original_author": "otto"},
        {"text": f"RT @otto: {KETTLE[:50]}…", "original_author": "otto"},
        {"text": "RT @otto: so it is", "original_author": "otto"},
        {"text": f"RT @otto {KETTLE} http://a.example", "original_author": "7"},
        {"text": f"How true! RT @otto: {KETTLE}", "original_author": "otto"},
        {"text": f"RT @otto2: {KETTLE}", "original_author": "otto2"},
        {"text": f"RT @ada: {GULLS}", "original_author": "ada"},
        {"text": KETTLE},
        {"text": "RT @otto: the old", "original_author": "otto"},
    )
    found = remove(key_path, posts, *listed)
    kept = ["How true!", f"RT @otto2: {KETTLE}", f"RT @ada: {GULLS}", KETTLE]
    of_the_author = [] if listed[1] else ["RT @otto: the old"]  # of another post of his
    assert found["text"].to_list() == kept + of_the_author
    of_quotation = None if listed[1] else "otto"
    assert found["original_author"].to_list()[:3] == [of_quotation, "otto2", "ada"]


def test_a_repost_goes_with_the_post_that_it_names(key_path: Path) -> None:
    posts = frame(
        {"text": "as it was", "kind": "repost", "parent_id": "x:1"},
        {"text": "as it was", "kind": "repost", "parent_id": "x:3"},
    )
    assert remove(key_path, posts, [], ["x:7"])["id"].to_list() == ["x:101"]


@pytest.mark.parametrize("reason", ["deleted_later", "protected", "superseded", "private"])
def test_reposts_by_text_of_withdrawn_posts_are_withdrawn(key_path: Path, reason: str) -> None:
    rows = ({**row, "withdrawn": reason if row["id"] != "x:3" else None} for row in REMOVED)
    described = removed_posts.describe_withdrawn(frame(*rows), DIGITS.encode())
    posts = frame(
        {"text": f"RT @otto: {KETTLE}", "original_author": "otto"},
        {"text": f"RT @ada: {GULLS}", "original_author": "ada"},
        {"text": f"How true! RT @otto: {KETTLE}", "original_author": "otto"},
    )
    table = folded(key_path.parent / "tables", described)
    listed = suppression.SuppressionList(DIGITS.encode(), ())
    found = removed_posts.RepeatRemover([table], listed)(posts)
    of_every_copy = reason in ("deleted_later", "protected")
    assert found["withdrawn"].to_list() == [reason if of_every_copy else None, None, None]
    assert found["text"].equals(posts["text"])
