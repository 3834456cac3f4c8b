"""What was withdrawn does not come back."""

from __future__ import annotations

import polars as pl

from filters import consent


def reasons(posts: pl.DataFrame, **config: object) -> list[str | None]:
    judged = consent.build(consent.Config(**config))(posts)  # type: ignore[arg-type]
    return judged["reject"].to_list()


def test_markers_in_place_of_a_text_leave() -> None:
    texts = ["[deleted]", " [removed] ", "[ Removed by Reddit ]", "he said [deleted] to me"]
    posts = pl.DataFrame({"id": list("abcd"), "text": texts})
    assert reasons(posts) == ["deleted", "removed", "removed", None]


def test_what_the_source_says_counts_more_than_the_text() -> None:
    withdrawn = ["protected", "deleted_later", None]
    posts = pl.DataFrame({"id": list("abc"), "text": ["hi"] * 3, "withdrawn": withdrawn})
    assert reasons(posts) == ["protected", "deleted_later", None]


def test_a_reason_that_is_let_through_hides_no_other() -> None:
    posts = pl.DataFrame({"id": ["a"], "text": ["[deleted]"], "withdrawn": ["withheld"]})
    assert reasons(posts, drop=("deleted",)) == ["deleted"]


def test_a_kind_can_be_let_through_on_purpose() -> None:
    posts = pl.DataFrame({"id": ["a", "b"], "text": ["hi"] * 2, "withdrawn": ["withheld", None]})
    assert reasons(posts, drop=("deleted",)) == [None, None]


def test_without_a_declaration_there_is_no_consent() -> None:
    run = consent.build(consent.Config(require_consent=True))
    posts = pl.DataFrame(
        {
            "id": ["a", "b", "c", "d"],
            "text": ["x", "y", "z", "[deleted]"],
            "consent": ["allowed", "denied", None, "allowed"],
        }
    )
    assert run(posts)["reject"].to_list() == [None, "no_consent", "no_consent", "deleted"]
    assert run(posts.drop("consent"))["reject"].to_list()[:3] == ["no_consent"] * 3
