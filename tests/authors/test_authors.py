"""Dropping and capping by author and community."""

from __future__ import annotations

import pickle
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from random import Random
from tempfile import mkdtemp
from typing import Any

import polars as pl
import pytest

import corpus
from corpus.authors import barrier as authors
from corpus.errors import PlanError
from corpus.partition import partitions
from corpus.schema import POST
from corpus.stages import BarrierInput, MeasuredPart
from corpus.tasks import array_store
from corpus.tasks.task import run_inline
from tests.conftest import sentence, write_lines


def make_barrier_input(folders: list[Path], work_dir: Path, run: Any = run_inline) -> BarrierInput:
    """The input of the barrier as a build makes it; each Config needs another ``work_dir``."""
    work_dir.mkdir(exist_ok=True)
    parts = [
        MeasuredPart(
            Path(), folder, work_dir / f"{number:06d}.verdict.parquet", work_dir / "unused"
        )
        for number, folder in enumerate(folders)
    ]
    return BarrierInput(parts, work_dir, Path(), run)


def verdicts(given: BarrierInput, settings: authors.Config) -> list[pl.DataFrame]:
    assert authors.decide(given, settings) == {}
    return [pl.read_parquet(part.verdict) for part in given.parts]


def decide_reasons(
    tmp_path: Path, rows: list[dict[str, Any]], **config: Any
) -> dict[str, str | None]:
    """The reason for each post, which is the same for any division into parts and any order."""
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
            array_store.save_arrays(authors.measure(part, settings), folders[-1])
        work_dir = Path(mkdtemp(dir=tmp_path))
        verdict = pl.concat(verdicts(make_barrier_input(folders, work_dir), settings))
        assert verdict.schema == {**authors.WRITES, "reject": pl.String()}
        found.append(dict(sorted(zip(posts["id"], verdict["reject"], strict=True))))
    assert found[0] == found[1] == found[2]
    return found[0]


def test_turns_are_not_counted_and_are_dropped_with_their_author() -> None:
    turns = {"_turn_reason": ["too_few_words", None, None, None, "too_few_words", None]}
    names = ["ann", "ann", "ann", "bob", "bob", None]
    times = [datetime(2020, 1, day, tzinfo=UTC) for day in range(1, 7)]
    blank = dict.fromkeys(POST) | {"platform": "x", "text": "hm"}
    posts = pl.DataFrame(
        [
            blank | {"id": str(n), "author": name, "created_at": time}
            for n, (name, time) in enumerate(zip(names, times, strict=True))
        ],
        schema=POST,
    ).with_columns(**{name: pl.Series(values) for name, values in turns.items()})

    def decide(**config: Any) -> list[str | None]:
        settings = authors.Config(**config)
        folder, work_dir = Path(mkdtemp()), Path(mkdtemp())
        array_store.save_arrays(authors.measure(posts, settings), folder)
        return verdicts(make_barrier_input([folder], work_dir), settings)[0]["reject"].to_list()

    none = [None] * 6
    assert decide(max_posts=2) == ["over_author_cap", *none[1:]]
    assert decide(max_posts=3) == none
    # The two authors of two posts and one: ann alone is one of the most active.
    assert decide(drop_most_active=0.5) == ["most_active"] * 3 + none[3:]
    assert decide(bots=["BOB"]) == [*none[:3], "listed_bot", "listed_bot", None]


def decide_dropped(tmp_path: Path, rows: list[dict[str, Any]], **config: Any) -> dict[str, str]:
    return {name: why for name, why in decide_reasons(tmp_path, rows, **config).items() if why}


def posts_by(*names: str | None, **more: Any) -> list[dict[str, Any]]:
    return [{"id": str(n), "author": name} | more for n, name in enumerate(names)]


def test_bots_are_dropped_each_with_its_reason(tmp_path: Path) -> None:
    rows = [
        *posts_by("ann", "Helper_Bot", "CABOT", "did:plc:zbot", "7", "Robo", None),
        {"id": "7", "author": "quiet", "bot": True},
        {"id": "8", "author": None, "bot": True},
    ]
    assert decide_dropped(tmp_path, rows, bots=("robo",)) == {
        "1": "bot_name", "5": "listed_bot", "7": "declared_bot", "8": "declared_bot",
    }  # fmt: skip
    assert decide_dropped(tmp_path, rows, drop_bots=False, bot_suffix=False) == {}


def test_lists_are_read_from_files_with_comments(tmp_path: Path) -> None:
    (tmp_path / "bots.txt").write_text("# known\nRobo   # a program\n\n")
    config = {"bots_file": str(tmp_path / "bots.txt")}
    assert decide_dropped(tmp_path, posts_by("robo", "ann"), **config) == {"0": "listed_bot"}
    assert authors.models(authors.Config(**config)) == [tmp_path / "bots.txt"]
    with pytest.raises(PlanError, match="cannot read the list"):
        authors.measure(pl.DataFrame(schema=POST), authors.Config(bots_file=str(tmp_path / "none")))


def test_communities_are_allowed_or_blocked_in_any_spelling(tmp_path: Path) -> None:
    spellings = ["Maths", "r/cats", "dogs", None]
    rows = [{"id": str(n), "author": "a", "community": name} for n, name in enumerate(spellings)]
    assert decide_dropped(tmp_path, rows, communities=("r/maths", "CATS")) == {
        "2": "community_not_allowed", "3": "community_not_allowed",
    }  # fmt: skip
    assert decide_dropped(tmp_path, rows, blocked_communities=("Cats",)) == {
        "1": "community_blocked"
    }


def test_the_most_active_share_is_dropped_and_equals_are_treated_alike(tmp_path: Path) -> None:
    rows = posts_by(*"aaaa", *"bbb", *"cc", *"dd", None, None, None, None, None)
    assert set(decide_dropped(tmp_path, rows, drop_most_active=0.25)) == {"0", "1", "2", "3"}
    assert len(decide_dropped(tmp_path, rows, drop_most_active=0.5)) == 7
    # c and d have equally many posts: neither is dropped as the third.
    assert len(decide_dropped(tmp_path, rows, drop_most_active=0.75)) == 7


def test_a_cap_keeps_the_earliest_the_best_or_a_sample(tmp_path: Path) -> None:
    rows = [
        {"id": str(n), "author": "a", "created_at": datetime(2020, 1, 9 - n, tzinfo=UTC),
         "score": (n * 7) % 5}
        for n in range(5)
    ]  # fmt: skip
    rows += [{"id": str(n), "author": None} for n in range(5, 9)]
    left = {str(n) for n in range(5)}
    assert left - set(decide_dropped(tmp_path, rows, max_posts=2)) == {"3", "4"}
    assert left - set(decide_dropped(tmp_path, rows, max_posts=2, keep="best_score")) == {"2", "4"}
    sample = decide_dropped(tmp_path, rows, max_posts=2, keep="sample")
    assert set(sample.values()) == {"over_author_cap"}
    assert len(sample) == 3


def test_a_cap_of_a_community_and_of_a_thread(tmp_path: Path) -> None:
    def row(number: int, **more: Any) -> dict[str, Any]:
        day = datetime(2020, 1, 1 + number, tzinfo=UTC)
        return {"id": str(number), "author": f"u{number}", "created_at": day} | more

    towns = [row(n, community=("r/Towns", "towns", None)[n % 3]) for n in range(9)]
    found = decide_dropped(tmp_path, towns, max_community_posts=2)
    assert found == dict.fromkeys(("3", "4", "6", "7"), "over_community_cap")
    # A post without a community, and the first post of a thread, which has no root.
    threads = [row(0), *(row(n, root_id="0") for n in (1, 2)), row(3), row(4, root_id="3")]
    found = decide_dropped(tmp_path, threads, max_thread_posts=2)
    assert found == {"2": "over_thread_cap"}
    # What an earlier rule drops takes no place below the cap.
    bots = [row(n, community="towns", author=f"robot{n}bot") for n in range(3)]
    more = [row(n, community="towns") for n in range(3, 6)]
    found = decide_dropped(tmp_path, [*bots, *more], max_community_posts=2)
    assert found == {"0": "bot_name", "1": "bot_name", "2": "bot_name", "5": "over_community_cap"}


def test_turns_are_the_first_above_a_cap(tmp_path: Path) -> None:
    settings = authors.Config(max_thread_posts=1)
    rows = [{"id": str(n), "platform": "x", "root_id": "r", "text": "hi"} for n in range(3)]
    posts = pl.DataFrame([dict.fromkeys(POST) | row for row in rows], schema=POST)
    posts = posts.with_columns(_turn_reason=pl.Series(["too_few_words", None, "too_few_words"]))
    array_store.save_arrays(authors.measure(posts, settings), tmp_path / "0")
    (verdict,) = verdicts(make_barrier_input([tmp_path / "0"], tmp_path / "work"), settings)
    assert verdict["reject"].to_list() == ["over_thread_cap", None, "over_thread_cap"]


def test_authors_who_repeat_themselves_are_dropped(tmp_path: Path) -> None:
    spam = [
        {"id": str(n), "author": "spam",
         "text": f"buy the finest garden kettles at our shop in the harbour today only {n}"}
        for n in range(12)
    ]  # fmt: skip
    person = [{"id": str(n), "author": "ann"} for n in range(100, 112)]
    both = [row | {"id": str(200 + n), "author": f"u{n}"} for n, row in enumerate(spam)]
    found = decide_dropped(tmp_path, [*spam, *person, *both], max_repeated=0.5)
    assert found == {str(n): "repetitive_author" for n in range(12)}
    assert decide_dropped(tmp_path, spam[:9], max_repeated=0.5) == {}


def test_a_part_without_posts_is_no_error(tmp_path: Path) -> None:
    config = {"max_posts": 1, "max_repeated": 0.1, "drop_most_active": 0.5}
    settings = authors.Config(**config)
    folder = tmp_path / "none"
    array_store.save_arrays(authors.measure(pl.DataFrame(schema=POST), settings), folder)
    (verdict,) = verdicts(make_barrier_input([folder], tmp_path / "work_dir"), settings)
    assert verdict.height == 0
    assert verdict.schema == {**authors.WRITES, "reject": pl.String()}
    assert verdicts(make_barrier_input([], tmp_path / "nothing"), settings) == []
    assert decide_dropped(tmp_path, posts_by(None, None), **config) == {}


# --------------------------------------------------------------------------- by ranges, in tasks

ALL_RULES: dict[str, Any] = {
    "bots": ("robo",), "communities": ("cats", "dogs", "maths"), "blocked_communities": ("cats",),
    "drop_most_active": 0.1, "max_repeated": 0.6, "min_posts": 3, "max_posts": 3,
    "max_community_posts": 60, "max_thread_posts": 7,
}  # fmt: skip


def random_posts(random: Random, count: int) -> pl.DataFrame:
    """A few authors have many posts; some authors repeat themselves; some posts have no author."""
    names = ["robo", "sumbot", *(f"user{n}" for n in range(count // 6))]
    rows: list[dict[str, Any]] = []
    for number in range(count):
        author = names[int(len(names) * random.random() ** 2)]
        text = " ".join(random.choices(("kettle", "harbour", "cloud", "seven", "walks"), k=20))
        if random.random() < len(author) * ord(author[-1]) % 5 / 5:  # a habit of some
            text = sentence(ord(author[-1]))
        rows.append(
            {
                "id": str(number), "text": text, "platform": random.choice("xy"),
                "author": None if random.random() < 0.1 else author,
                "community": random.choice(["Cats", "dogs", "r/dogs", "maths", "maths", None]),
                "root_id": random.choice([None, *(f"x:{n}" for n in range(20))]),
                "bot": random.choice([None, False, False, random.random() < 0.1]),
                "created_at": random.choice([None, datetime(2020, 1, 1, tzinfo=UTC)
                                             + timedelta(days=random.randrange(30))]),
                "score": random.choice([None, 1, 2, 3]),
            }
        )  # fmt: skip
    return pl.DataFrame([dict.fromkeys(POST) | row for row in rows], schema=POST)


def decide_plainly(
    folders: list[Path], config: authors.Config
) -> list[tuple[int | None, str | None]]:
    """What should become of each post, all of them at once in dictionaries."""
    posts: list[dict[str, Any]] = []
    for folder in folders:
        found = {
            name: array_store.load_array(folder, name)
            for name in ("author", "reason", "priority", "ids", "community", "thread")
            if (folder / f"{name}.npy").exists()
        }
        bands = array_store.load_array(folder, "bands") if config.max_repeated < 1 else None
        for row, author in enumerate(found["author"].tolist()):
            single = {name: found[name][row].item() for name in ("reason", "priority", "ids")}
            posts.append(single | {
                "groups": {name: tuple(found[name][row].tolist())
                           for name in ("community", "thread") if name in found},
                "who": tuple(author) if any(author) else None,
                "bands": [] if bands is None else bands[:, row].tolist(),
            })  # fmt: skip
    size = Counter(post["who"] for post in posts)

    def left() -> dict[Any, list[dict[str, Any]]]:
        table: dict[Any, list[dict[str, Any]]] = {}
        for post in posts:
            if post["who"] and not post["reason"]:
                table.setdefault(post["who"], []).append(post)
        return table

    def drop(those: Iterable[dict[str, Any]], reason: str) -> None:
        for post in those:
            post["reason"] = authors.REASONS.index(reason)

    table = left()
    wanted = int(len(table) * config.drop_most_active)
    if wanted:
        edge = sorted(map(len, table.values()), reverse=True)[wanted - 1]
        exact = sum(len(theirs) >= edge for theirs in table.values()) == wanted
        for theirs in table.values():
            if len(theirs) > edge or (exact and len(theirs) == edge):
                drop(theirs, "most_active")
    for theirs in left().values():
        times = Counter(band for post in theirs for band in enumerate(post["bands"]))
        again = sum(any(times[band] > 1 for band in enumerate(post["bands"])) for post in theirs)
        if len(theirs) >= config.min_posts and again > config.max_repeated * len(theirs):
            drop(theirs, "repetitive_author")
    if config.max_posts:
        for theirs in left().values():
            theirs.sort(key=lambda post: (post["priority"], post["ids"]))
            drop(theirs[config.max_posts :], "over_author_cap")
    for group, cap in (
        ("community", config.max_community_posts), ("thread", config.max_thread_posts)
    ):  # fmt: skip
        groups: dict[Any, list[dict[str, Any]]] = {}
        for post in posts:
            if cap and not post["reason"] and any(post["groups"][group]):
                groups.setdefault(post["groups"][group], []).append(post)
        for theirs in groups.values():
            theirs.sort(key=lambda post: (post["priority"], post["ids"]))
            drop(theirs[cap:], f"over_{group}_cap")
    return [
        (size[post["who"]] if post["who"] else None, authors.REASONS[post["reason"]] or None)
        for post in posts
    ]


@pytest.mark.parametrize(
    ("change", "unused"),
    [
        ({}, set()),
        ({"keep": "best_score", "drop_most_active": 0.05}, set()),
        (
            {
                "keep": "sample",
                "drop_most_active": 0.2,
                "max_posts": 1,
                "max_community_posts": 30,
                "max_thread_posts": 3,
            },
            set(),
        ),
        pytest.param({"max_repeated": 1.0}, {"repetitive_author"}, marks=pytest.mark.slow),
        pytest.param(
            {"max_posts": 0, "drop_most_active": 0.0},
            {"over_author_cap", "most_active"},
            marks=pytest.mark.slow,
        ),
        ({"max_posts": 0, "max_repeated": 1.0}, {"over_author_cap", "repetitive_author"}),
        pytest.param({"max_community_posts": 0}, {"over_community_cap"}, marks=pytest.mark.slow),
        ({"max_thread_posts": 0, "keep": "sample"}, {"over_thread_cap"}),
    ],
)
def test_any_ranges_and_blocks_give_the_result_of_one_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: dict[str, Any], unused: set[str]
) -> None:
    random = Random(str(change))
    settings = authors.Config(**(ALL_RULES | change))
    posts = random_posts(random, 600)
    edges = [0, 0, *sorted(random.sample(range(600), 9)), 600, 600]  # some parts are empty
    folders = []
    for number, (begin, end) in enumerate(pairwise(edges)):
        folders.append(tmp_path / f"{number}")
        array_store.save_arrays(authors.measure(posts[begin:end], settings), folders[-1])
    wanted = decide_plainly(folders, settings)
    assert [row[1] for row in wanted if row[0] is None].count(None) > 5
    assert {row[1] or "" for row in wanted} == {*authors.REASONS} - unused
    whole = verdicts(make_barrier_input(folders, tmp_path / "whole"), settings)
    monkeypatch.setattr(partitions, "RANGE_KEYS", 100)
    monkeypatch.setattr(partitions, "BLOCK_POSTS", 90)

    def run_in_any_order(tasks: Sequence[Any], step: str) -> Iterable[Any]:
        """In any order, and as if elsewhere."""
        return (pickle.loads(pickle.dumps(task))() for task in random.sample(tasks, len(tasks)))

    divided = verdicts(
        make_barrier_input(folders, tmp_path / "divided", run_in_any_order), settings
    )
    assert [frame.height for frame in divided] == [end - at for at, end in pairwise(edges)]
    assert all(one.equals(two) for one, two in zip(whole, divided, strict=True))
    assert pl.concat(divided).rows() == wanted
    assert pl.concat(divided).schema == {**authors.WRITES, "reject": pl.String()}
    assert len(list((tmp_path / "divided" / "all" / "decided").iterdir())) == 32
    assert len(list((tmp_path / "divided" / "all" / "verdicts").iterdir())) > 4


def test_tasks_that_are_done_are_not_run_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = authors.Config(**ALL_RULES)
    folder = tmp_path / "0"
    array_store.save_arrays(authors.measure(random_posts(Random(1), 100), settings), folder)
    first = verdicts(make_barrier_input([folder], tmp_path / "work_dir"), settings)

    def refuse(task: object) -> None:
        raise AssertionError("done twice")

    for kind in (authors.ScatterByAuthor, authors.CountAuthors, authors.DecideAuthors):
        monkeypatch.setattr(kind, "compute", refuse)
    (tmp_path / "work_dir" / "000000.verdict.parquet").unlink()
    assert verdicts(make_barrier_input([folder], tmp_path / "work_dir"), settings)[0].equals(
        first[0]
    )
    monkeypatch.setattr(authors.WriteAuthorVerdicts, "write", refuse)
    assert verdicts(make_barrier_input([folder], tmp_path / "work_dir"), settings)[0].equals(
        first[0]
    )


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


def test_a_missing_list_is_an_error_of_the_plan(
    tmp_path: Path, plan: Callable[..., dict[str, Any]]
) -> None:
    write_lines(tmp_path / "posts.jsonl", [{"id": "1", "text": "hi", "user": "u"}])
    with pytest.raises(PlanError, match="cannot read"):
        corpus.build(plan([{"authors": {"bots_file": str(tmp_path / "none.txt")}}]))
