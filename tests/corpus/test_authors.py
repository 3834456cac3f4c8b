"""Dropping and capping by author and community."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import corpus
from corpus import arrays, authors
from corpus.errors import PlanError
from corpus.gathered import Gathered, here
from corpus.schema import POST
from tests.conftest import sentence, write_lines


def gathered(folders: list[Path]) -> Gathered:
    return Gathered(folders, [], Path(), Path(), here)


def judged(tmp_path: Path, rows: list[dict[str, Any]], **config: Any) -> dict[str, str | None]:
    """The reason for each post; the same however the posts are cut into parts and ordered."""
    found = []
    for turn, size in enumerate((len(rows) or 1, 2, 1)):
        order = rows[::-1] if turn == 2 else rows
        blank = dict.fromkeys(POST) | {"platform": "x"}
        filled = [blank | {"text": sentence(int(row["id"]))} | row for row in order]
        posts = pl.DataFrame(filled, schema=POST)
        settings = authors.Config(**config)
        folders = []
        for number, begin in enumerate(range(0, len(rows), size)):
            folders.append(tmp_path / f"{turn}-{size}-{number}")
            part = posts.slice(begin, size)
            arrays.save(authors.measure(part, settings), folders[-1])
        verdict = pl.concat(authors.decide(gathered(folders), settings))
        assert verdict.schema == {**authors.WRITES, "reject": pl.String()}
        found.append(dict(sorted(zip(posts["id"], verdict["reject"], strict=True))))
    assert found[0] == found[1] == found[2]
    return found[0]


def gone(tmp_path: Path, rows: list[dict[str, Any]], **config: Any) -> dict[str, str]:
    return {name: why for name, why in judged(tmp_path, rows, **config).items() if why}


def by(*names: str | None, **more: Any) -> list[dict[str, Any]]:
    return [{"id": str(n), "author": name} | more for n, name in enumerate(names)]


def test_bots_leave_each_for_its_reason(tmp_path: Path) -> None:
    rows = [
        *by("ann", "Helper_Bot", "CABOT", "did:plc:zbot", "7", "Robo", None),
        {"id": "7", "author": "quiet", "bot": True},
        {"id": "8", "author": None, "bot": True},
    ]
    assert gone(tmp_path, rows, bots=("robo",)) == {
        "1": "bot_name", "5": "listed_bot", "7": "declared_bot", "8": "declared_bot",
    }  # fmt: skip
    assert gone(tmp_path, rows, drop_bots=False, bot_suffix=False) == {}


def test_lists_come_from_files_with_notes(tmp_path: Path) -> None:
    (tmp_path / "bots.txt").write_text("# known\nRobo   # a program\n\n")
    config = {"bots_file": str(tmp_path / "bots.txt")}
    assert gone(tmp_path, by("robo", "ann"), **config) == {"0": "listed_bot"}
    assert authors.models(authors.Config(**config)) == [tmp_path / "bots.txt"]
    with pytest.raises(PlanError, match="cannot read the list"):
        authors.measure(pl.DataFrame(schema=POST), authors.Config(bots_file=str(tmp_path / "none")))


def test_communities_are_allowed_or_blocked_in_any_spelling(tmp_path: Path) -> None:
    places = ["Maths", "r/cats", "dogs", None]
    rows = [{"id": str(n), "author": "a", "community": place} for n, place in enumerate(places)]
    assert gone(tmp_path, rows, communities=("r/maths", "CATS")) == {
        "2": "community_not_allowed", "3": "community_not_allowed",
    }  # fmt: skip
    assert gone(tmp_path, rows, blocked_communities=("Cats",)) == {"1": "community_blocked"}


def test_the_most_active_share_leaves_and_equals_are_treated_alike(tmp_path: Path) -> None:
    rows = by(*"aaaa", *"bbb", *"cc", *"dd", None, None, None, None, None)
    assert set(gone(tmp_path, rows, drop_most_active=0.25)) == {"0", "1", "2", "3"}
    assert len(gone(tmp_path, rows, drop_most_active=0.5)) == 7
    # c and d have equally many: neither goes for the third place.
    assert len(gone(tmp_path, rows, drop_most_active=0.75)) == 7


def test_a_cap_keeps_the_earliest_the_best_or_a_sample(tmp_path: Path) -> None:
    rows = [
        {"id": str(n), "author": "a", "created_at": datetime(2020, 1, 9 - n, tzinfo=UTC),
         "score": (n * 7) % 5}
        for n in range(5)
    ]  # fmt: skip
    rows += [{"id": str(n), "author": None} for n in range(5, 9)]
    left = {str(n) for n in range(5)}
    assert left - set(gone(tmp_path, rows, max_posts=2)) == {"3", "4"}
    assert left - set(gone(tmp_path, rows, max_posts=2, keep="best_score")) == {"2", "4"}
    sample = gone(tmp_path, rows, max_posts=2, keep="sample")
    assert set(sample.values()) == {"over_author_cap"}
    assert len(sample) == 3


def test_who_says_the_same_again_and_again_leaves(tmp_path: Path) -> None:
    spam = [
        {"id": str(n), "author": "spam",
         "text": f"buy the finest garden kettles at our shop in the harbour today only {n}"}
        for n in range(12)
    ]  # fmt: skip
    person = [{"id": str(n), "author": "ann"} for n in range(100, 112)]
    both = [row | {"id": str(200 + n), "author": f"u{n}"} for n, row in enumerate(spam)]
    found = gone(tmp_path, [*spam, *person, *both], max_repeated=0.5)
    assert found == {str(n): "repetitive_author" for n in range(12)}
    assert gone(tmp_path, spam[:9], max_repeated=0.5) == {}


def test_no_posts_are_no_trouble(tmp_path: Path) -> None:
    config = {"max_posts": 1, "max_repeated": 0.1, "drop_most_active": 0.5}
    settings = authors.Config(**config)
    folder = tmp_path / "none"
    arrays.save(authors.measure(pl.DataFrame(schema=POST), settings), folder)
    (verdict,) = authors.decide(gathered([folder]), settings)
    assert verdict.height == 0
    assert gone(tmp_path, by(None, None), **config) == {}


def test_a_build_counts_each_author_s_posts(
    tmp_path: Path, plan: Callable[..., dict[str, Any]]
) -> None:
    rows = [{"id": str(n), "text": sentence(n), "user": f"u{n % 3}"} for n in range(30)]
    rows += [{"id": "b", "text": sentence(99), "user": "sumBot"}]
    write_lines(tmp_path / "posts.jsonl", rows)
    corpus.build(plan([{"authors": {"max_posts": 4}}], run={"runner": "serial", "part_posts": 7}))
    found = corpus.load(tmp_path / "out")
    assert found.manifest["funnel"][1]["dropped"] == {"bot_name": 1, "over_author_cap": 18}
    assert found.scan().collect()["author_posts"].to_list() == [10] * 12


def test_a_list_that_is_not_there_is_the_plan_s_mistake(
    tmp_path: Path, plan: Callable[..., dict[str, Any]]
) -> None:
    write_lines(tmp_path / "posts.jsonl", [{"id": "1", "text": "hi", "user": "u"}])
    with pytest.raises(PlanError, match="cannot read"):
        corpus.build(plan([{"authors": {"bots_file": str(tmp_path / "none.txt")}}]))
