"""The filter ``consent`` drops withdrawn posts, with a reason."""

from __future__ import annotations

import polars as pl

from filters import consent


def reasons(posts: pl.DataFrame, **config: object) -> list[str | None]:
    filtered = consent.build(consent.Config(**config))(posts)  # type: ignore[arg-type]
    return filtered["reject"].to_list()


def test_a_post_that_is_only_a_deletion_marker_is_dropped() -> None:
    texts = ["[deleted]", " [removed] ", "[ Removed by Reddit ]", "he said [deleted] to me"]
    posts = pl.DataFrame({"id": list("abcd"), "text": texts})
    assert reasons(posts) == ["deleted", "removed", "removed", None]


def test_the_withdrawn_column_takes_precedence_over_the_text() -> None:
    withdrawn = ["protected", "deleted_later", None]
    posts = pl.DataFrame({"id": list("abc"), "text": ["hi"] * 3, "withdrawn": withdrawn})
    assert reasons(posts) == ["protected", "deleted_later", None]


def test_a_reason_that_is_not_honoured_does_not_hide_another() -> None:
    posts = pl.DataFrame({"id": ["a"], "text": ["[deleted]"], "withdrawn": ["withheld"]})
    assert reasons(posts, drop=("deleted",)) == ["deleted"]


def test_a_kind_of_withdrawal_can_be_excluded() -> None:
    posts = pl.DataFrame({"id": ["a", "b"], "text": ["hi"] * 2, "withdrawn": ["withheld", None]})
    assert reasons(posts, drop=("deleted",)) == [None, None]


def test_required_consent_must_be_declared() -> None:
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
