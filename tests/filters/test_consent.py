"""The filter ``consent`` drops withdrawn posts, with a reason."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from pydantic import ValidationError

from filters import consent
from filters.contract import DUMP_END


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


END = datetime(2024, 6, 1, 12, tzinfo=UTC)


def hours_before(*hours: float | None) -> list[datetime | None]:
    return [None if each is None else END - timedelta(hours=each) for each in hours]


def settling_posts() -> pl.DataFrame:
    edited = [None, None, None, 1, 80, None]
    return pl.DataFrame(
        {
            "id": list("abcdef"),
            "text": ["hi"] * 5 + ["[deleted]"],
            "created_at": hours_before(0, 47.9, 48, 100, None, 1),
            "edited_at": [
                None if each is None else int(each.timestamp() * 1e6)
                for each in hours_before(*edited)
            ],
            DUMP_END: [END] * 6,
        },
        schema_overrides={
            "created_at": pl.Datetime("us", "UTC"),
            DUMP_END: pl.Datetime("us", "UTC"),
        },
    )


def test_posts_written_or_edited_just_before_the_end_are_unsettled() -> None:
    found = reasons(settling_posts(), settle="48h")
    assert found == ["unsettled", "unsettled", None, "unsettled", None, "deleted"]
    assert reasons(settling_posts()) == [None] * 5 + ["deleted"]


@pytest.mark.parametrize(
    ("dump_end", "count"),
    [("2024-06-01T12:00:00Z", 3), ("2024-06-01T16:00:00+04:00", 3), ("2024-06-03", 0)],
)
def test_the_end_can_be_stated(dump_end: str, count: int) -> None:
    posts = settling_posts().drop(DUMP_END)
    assert reasons(posts, settle="2d", dump_end=dump_end).count("unsettled") == count


def test_what_is_no_time_is_refused() -> None:
    for settings in ({"settle": "48"}, {"dump_end": "June"}):
        with pytest.raises(ValidationError):
            consent.Config.model_validate(settings)
