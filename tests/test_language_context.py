"""The other posts of an author, a thread and a community count in the decision on a language."""

from __future__ import annotations

import pickle
import random
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import corpus
from corpus import language_context
from corpus.partition import partitions
from corpus.stages import BarrierInput, MeasuredPart
from corpus.tasks import array_store
from corpus.tasks.task import RunTasks, run_inline
from filters import language
from tests.support.examples import is_wide

Row = tuple[str | None, str | None, str, float, str | None, float]


def get_platform(row: Row) -> str:
    """The platform that the rows of these tests are of."""
    return "y" if row[1] == "17" else "x"


def get_community(row: Row) -> str | None:
    """The community of a row: that of all authors with the same first letter."""
    return row[0][0] if row[0] else None


def decide_verdicts(
    folder: Path, parts: list[list[Row]], run: RunTasks = run_inline, **config: object
) -> pl.DataFrame:
    """The verdicts on all posts; each call has its own work folder."""
    settings = language_context.Config(**config)  # type: ignore[arg-type]
    folder.mkdir(exist_ok=True)
    folder = Path(tempfile.mkdtemp(dir=folder))
    folders, files, number = [], [], 0
    for index, rows in enumerate(parts):
        posts = pl.DataFrame(
            rows,
            schema={
                "author": pl.String,
                "root_id": pl.String,
                "lang": pl.String,
                "lang_score": pl.Float32,
                "lang2": pl.String,
                "lang2_score": pl.Float32,
            },
            orient="row",
        ).with_columns(
            id=(pl.int_range(pl.len()) + number).cast(pl.String),
            platform=pl.Series(list(map(get_platform, rows)), dtype=pl.String),
            community=pl.Series(list(map(get_community, rows)), dtype=pl.String),
        )
        number += posts.height
        folders.append(folder / f"{index}")
        array_store.save_arrays(language_context.measure(posts, settings), folders[-1])
        files.append(folder / f"{index}.parquet")
        posts.write_parquet(files[-1])
    measured = [
        MeasuredPart(posts, measures, folder / f"{index}.verdict.parquet", folder / "unused")
        for index, (posts, measures) in enumerate(zip(files, folders, strict=True))
    ]
    inputs = BarrierInput(measured, folder, folder / "key", run)
    assert language_context.decide(inputs, settings) == {}
    return pl.concat(pl.read_parquet(part.verdict) for part in measured)


SURE: Row = ("ana", None, "es", 0.95, "pt", 0.03)
TORN: Row = ("ana", None, "en", 0.45, "es", 0.40)


def test_the_other_posts_of_an_author_decide_an_uncertain_language(tmp_path: Path) -> None:
    found = decide_verdicts(tmp_path, [[SURE, SURE, SURE, TORN]])
    assert found["lang"].to_list() == ["es"] * 4
    assert found["lang2"][3] == "en"


def test_the_posts_of_other_authors_count_little(tmp_path: Path) -> None:
    others: list[Row] = [("bea", None, "es", 0.95, "pt", 0.03)] * 3
    found = decide_verdicts(tmp_path, [[*others, TORN]], community_weight=0)
    assert found["lang"][3] == "en"


def test_posts_without_an_author_are_not_of_one_author(tmp_path: Path) -> None:
    rows: list[Row] = [(None, None, *SURE[2:])] * 3 + [(None, None, *TORN[2:])]  # type: ignore[list-item]
    found = decide_verdicts(tmp_path, [rows], community_weight=0)
    assert (found["lang"][3], round(found["lang_score"][3], 2)) == ("en", 0.45)


def test_the_other_posts_of_a_thread_count_too(tmp_path: Path) -> None:
    rows: list[Row] = [(name, "t1", "es", 0.95, "pt", 0.03) for name in "abcdefgh"]
    rows.append(("z", "t1", "en", 0.45, "es", 0.43))
    assert decide_verdicts(tmp_path, [rows], community_weight=0)["lang"][8] == "es"
    found = decide_verdicts(tmp_path, [rows], thread_weight=0, community_weight=0)
    assert found["lang"][8] == "en"


def test_context_does_not_replace_a_rare_near_language(tmp_path: Path) -> None:
    rows: list[Row] = [("ana", None, "es", 0.95, "gl", 0.04)] * 3
    rows.append(("ana", None, "gl", 0.70, "es", 0.25))
    assert decide_verdicts(tmp_path, [rows], near_weight=0)["lang"][3] == "gl"
    assert decide_verdicts(tmp_path, [rows], near_weight=1, author_weight=2)["lang"][3] == "es"


def test_an_uncertain_title_of_an_english_site_is_english(tmp_path: Path) -> None:
    sure: list[Row] = [(None, None, "en", 0.97, "de", 0.01)] * 40
    title: Row = (None, None, "jv", 0.6, "en", 0.3)
    clear: Row = (None, None, "jv", 0.97, "en", 0.01)
    found = decide_verdicts(tmp_path, [sure, [title, clear]])
    assert found["lang"].to_list()[-2:] == ["en", "jv"]
    assert found["lang_score"][-2] > 0.7
    without = decide_verdicts(tmp_path, [sure, [title, clear]], community_weight=0)
    assert without["lang"].to_list()[-2:] == ["jv", "jv"]


def test_a_community_s_prior_is_its_own_and_not_its_platform_s(tmp_path: Path) -> None:
    english: list[Row] = [(f"a{number}", None, "en", 0.97, "de", 0.01) for number in range(300)]
    german: list[Row] = [(f"d{number}", None, "de", 0.97, "en", 0.01) for number in range(60)]
    torn: list[Row] = [
        ("a-torn", None, "nl", 0.4, "en", 0.3), ("d-torn", None, "nl", 0.4, "de", 0.3),
        ("d-other", None, "nl", 0.4, "en", 0.3),
    ]  # fmt: skip
    found = decide_verdicts(tmp_path, [english, german, torn])
    assert found["lang"].to_list()[-3:-1] == ["en", "de"]
    assert found["lang_score"][-1] < found["lang_score"][-3] - 0.1


def test_unsure_posts_make_no_prior(tmp_path: Path) -> None:
    unsure: list[Row] = [(None, None, "en", 0.7, "de", 0.2)] * 40
    sure: list[Row] = [(None, None, "de", 0.95, "en", 0.02)] * 4
    torn: Row = (None, None, "en", 0.4, "de", 0.38)
    assert decide_verdicts(tmp_path, [unsure, sure, [torn]], near_weight=1)["lang"][-1] == "en"
    assert decide_verdicts(tmp_path, [sure * 10, [torn]])["lang"][-1] == "de"


def test_a_post_without_words_has_no_language(tmp_path: Path) -> None:
    found = decide_verdicts(
        tmp_path, [[SURE, SURE, ("ana", None, "und", 0.0, None, 0.0)]], keep=("es",)
    )
    assert found.row(2) == ("und", 0.0, None, 0.0, "no_language")


def test_context_can_raise_a_language_above_the_least_score(tmp_path: Path) -> None:
    lone: Row = ("ana", None, "und", 0.18, "es", 0.18)
    assert decide_verdicts(tmp_path, [[lone]])["lang"].to_list() == ["und"]
    assert decide_verdicts(tmp_path, [[SURE, SURE, SURE, lone]])["lang"][3] == "es"


def test_the_reasons_are_those_of_language(tmp_path: Path) -> None:
    rows: list[Row] = [
        ("a", None, "en", 0.9, "es", 0.05), ("b", None, "es", 0.9, "gl", 0.05),
        ("c", None, "en", 0.4, "de", 0.2), ("d", None, "de", 0.9, "en", 0.05),
        ("e", None, "gl", 0.8, "es", 0.1),
    ]  # fmt: skip
    found = decide_verdicts(tmp_path, [rows], keep=("en", "es"))
    assert found["reject"].to_list() == [
        None, None, "unsure_language", "other_language", "near_language",
    ]  # fmt: skip


def test_the_division_into_parts_changes_nothing(tmp_path: Path) -> None:
    rows = [
        SURE,
        TORN,
        ("bea", "t", "fr", 0.5, "en", 0.3),
        SURE,
        TORN,
        ("bea", "t", "en", 0.4, "fr", 0.3),
    ] * 7
    whole = decide_verdicts(tmp_path / "one", [rows])
    pieces = decide_verdicts(tmp_path / "two", [rows[:5], [], rows[5:6], rows[6:]])
    assert whole.equals(pieces)


def test_no_posts_at_all(tmp_path: Path) -> None:
    assert decide_verdicts(tmp_path, [[]]).height == 0


def wild(seed: int, posts: int = 240) -> list[list[Row]]:
    """Posts of few authors and threads, with all that may be missing; some parts are empty."""
    chance = random.Random(seed)
    codes = ["es", "pt", "gl", "ca", "en", "de", "no", "da", "sw", "xx"]
    parts: list[list[Row]] = [[] for _ in range(9)]
    for index in range(posts):
        author = chance.choice([None, *"abcd", f"few-{index % 50}", f"once-{index}"])
        root = chance.choice([None, None, "t1", "t2", "t3", "17"])
        first, second = chance.sample(codes, 2)
        score = chance.uniform(0.05, 1)
        score2 = chance.uniform(0, min(score, 1 - score))
        kind = chance.random()
        if kind < 0.1:
            row: Row = (author, root, "und", 0.0, None, 0.0)
        elif kind < 0.25:
            row = (author, root, "und", 0.15, first, 0.15)
        elif kind < 0.35:
            row = (author, root, first, score, None, 0.0)
        else:
            row = (author, root, first, score, second, score2)
        parts[chance.choice((0, 1, 3, 4, 4, 5, 7))].append(row)
    return parts


Settled = tuple[str, float, str | None, float]


def plainly(rows: list[Row], config: language_context.Config) -> list[Settled]:
    """The result of :func:`language_context.decide` for posts that are all in memory."""
    candidates: list[list[tuple[str, float]]] = []
    for _, _, lang, score, lang2, score2 in rows:
        if lang == "und":
            candidates.append([(lang2, float(np.float32(score2)))] if lang2 else [])
        else:
            pair = [(lang, float(np.float32(score)))]
            candidates.append(pair + ([(lang2, float(np.float32(score2)))] if lang2 else []))
    share: dict[str, float] = defaultdict(float)
    for found in candidates:
        for code, score in found:
            share[code] += score / len(rows)
    sure = [
        found[0][0] if found and found[0][1] >= np.float32(0.9) else None for found in candidates
    ]
    groups: dict[str, dict[str, list[int]]] = {"author": {}, "thread": {}}
    for index, (author, root, *_) in enumerate(rows):
        if author is not None:
            groups["author"].setdefault(f"{get_platform(rows[index])} {author}", []).append(index)
        groups["thread"].setdefault(str(index) if root is None else root, []).append(index)
    settled: list[Settled] = []
    for index, found in enumerate(candidates):
        chance = [score for _, score in found]
        rest = max(1 - sum(chance), 1e-6)
        near = len(found) == 2 and any(
            found[0][0] in family and found[1][0] in family for family in language.NEAR
        )
        for kind, weight in (("author", config.author_weight), ("thread", config.thread_weight)):
            mine = [posts for posts in groups[kind].values() if index in posts]
            if not mine or len(mine[0]) < 2:
                continue
            others = [post for post in mine[0] if post != index]
            supports = []
            for code, _ in found:
                total = sum(
                    score for at in others for name, score in candidates[at] if name == code
                )
                prior = config.smoothing * share[code]
                supports.append(min((total + prior) / (len(others) + config.smoothing), 1.0))
            both = max(sum(supports), 1e-9)
            inside = weight * (config.near_weight if near else 1)
            chance = [
                score * (support / both) ** inside * both**weight
                for score, support in zip(chance, supports, strict=True)
            ]
            rest *= min(max(1 - sum(supports), 1e-6), 1) ** weight
        if weight := config.community_weight:
            mates = [
                [
                    at
                    for at, row in enumerate(rows)
                    if at != index and level(row) == level(rows[index])
                ]
                for level in (get_platform, lambda row: (get_platform(row), get_community(row)))
            ]
            if get_community(rows[index]) is None:
                mates.pop()
            priors = []
            for code, _ in found:
                prior = share[code]
                for group in mates:
                    count = sum(sure[at] == code for at in group)
                    size = sum(sure[at] is not None for at in group)
                    prior = (count + 20 * prior) / (size + 20)
                priors.append(max(prior, 0.002))
            both = sum(priors)
            if found:
                inside = weight * (config.near_weight if near else 1)
                chance = [
                    score * (prior / both) ** inside * both**weight
                    for score, prior in zip(chance, priors, strict=True)
                ]
                # Where there is one candidate, the other has the least prior.
                rest *= min(max(1 - both - 0.002 * (len(found) == 1), 0.002), 1) ** weight
        whole = max(sum(chance) + rest, 1e-12)
        ranked = sorted(
            ((score / whole, code) for score, (code, _) in zip(chance, found, strict=True)),
            key=lambda pair: -pair[0],
        )
        (score, code), (score2, code2) = (*ranked, (0.0, None), (0.0, None))[:2]
        if code is None:
            settled.append(("und", 0.0, None, 0.0))
        elif 0 < score < config.und_below:
            settled.append(("und", score, code, score))
        else:
            settled.append((code, score, code2, score2))
    return settled


def small(patch: pytest.MonkeyPatch) -> None:
    """Many blocks and ranges for few posts."""
    patch.setattr(partitions, "BLOCK_POSTS", 7)
    patch.setattr(partitions, "RANGE_KEYS", 40)


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"keep": ("es", "en"), "author_weight": 2, "near_weight": 0.1},
        {"author_weight": 0, "thread_weight": 1.5, "smoothing": 0.3, "near": "together"},
        {"thread_weight": 0, "und_below": 0.4, "keep": ("es",), "min_score": 0.7},
        {"author_weight": 0, "thread_weight": 0},
        {"author_weight": 0, "thread_weight": 0, "community_weight": 0},
        {"community_weight": 1.5, "near_weight": 0.3},
    ],
)
def test_any_ranges_give_the_result_of_one_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, config: dict[str, Any]
) -> None:
    small(monkeypatch)
    settings = language_context.Config(**config)
    for seed in (1, 2) if is_wide() else (1,):
        parts = wild(seed)
        found = decide_verdicts(tmp_path, parts, **config)
        expected = pl.DataFrame(
            plainly([row for part in parts for row in part], settings),
            schema=language_context.WRITES,
            orient="row",
        ).with_columns(language_context.verdict(settings).alias("reject"))
        assert found.schema == expected.schema
        exact = ["lang", "lang2", "reject"]
        assert found.select(exact).equals(expected.select(exact))
        for name in ("lang_score", "lang2_score"):
            assert np.abs(found[name].to_numpy() - expected[name].to_numpy()).max() < 1e-6


def run_twice_from_the_end(tasks: Sequence[Any], step: str) -> Iterable[Any]:
    """Do each task in another order than it was given, as another process would, and again."""
    return [pickle.loads(pickle.dumps(task))() for task in [*reversed(tasks), *tasks]]


def test_blocks_ranges_and_the_order_of_tasks_change_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = wild(3)
    whole = decide_verdicts(tmp_path, [[row for part in parts for row in part]])
    assert decide_verdicts(tmp_path, parts).equals(whole)
    small(monkeypatch)
    assert decide_verdicts(tmp_path, parts).equals(whole)
    assert decide_verdicts(tmp_path, parts, run_twice_from_the_end).equals(whole)


def test_finished_tasks_are_not_run_again(tmp_path: Path) -> None:
    settings = language_context.Config()
    posts = pl.DataFrame(
        {"id": ["1", "2"], "platform": "x", "community": None, "author": "ana", "root_id": None,
         "lang": "es", "lang_score": 0.9, "lang2": "en", "lang2_score": 0.1}
    ).cast(
        {"root_id": pl.String, "community": pl.String} | dict.fromkeys(
            ("lang_score", "lang2_score"), pl.Float32)
    )  # fmt: skip
    array_store.save_arrays(language_context.measure(posts, settings), tmp_path / "0")
    posts.write_parquet(tmp_path / "0.parquet")
    part = MeasuredPart(
        tmp_path / "0.parquet", tmp_path / "0", tmp_path / "verdict.parquet", tmp_path / "unused"
    )
    inputs = BarrierInput([part], tmp_path, tmp_path / "key", run_inline)
    assert language_context.decide(inputs, settings) == {}
    before = {path: path.stat().st_ino for path in tmp_path.rglob("*.npy")}
    written = part.verdict.stat().st_ino
    assert language_context.decide(inputs, settings) == {}
    assert {path: path.stat().st_ino for path in tmp_path.rglob("*.npy")} == before
    assert part.verdict.stat().st_ino == written


def test_no_parts_at_all(tmp_path: Path) -> None:
    inputs = BarrierInput([], tmp_path, tmp_path / "key", run_inline)
    assert language_context.decide(inputs, language_context.Config()) == {}


def test_a_build_uses_the_author_s_posts_of_all_parts(tmp_path: Path) -> None:
    texts = [
        ("ana", "hoy no tengo ganas de nada, la verdad"), ("ana", "mañana por la tarde nos vemos"),
        ("ana", "no me lo puedo creer, qué alegría"), ("ana", "que gran"), ("bea", "que gran"),
        ("bea", "I have no idea what you are talking about"), ("bea", "see you tomorrow then"),
        ("bea", "what a lovely day it is today"), (None, ""), ("cleo", "das ist ja wunderbar"),
    ]  # fmt: skip
    rows = [
        {"id": str(number), "author": author, "text": text}
        for number, (author, text) in enumerate(texts * 3)
    ]
    pl.DataFrame(rows).write_ndjson(tmp_path / "posts.jsonl")
    found = []
    other = {"runner": "processes", "workers": 2} if is_wide() else {"runner": "serial"}
    for name, run in (
        ("one", {"runner": "serial", "part_posts": 4}),
        ("two", other | {"part_posts": 100}),
    ):
        plan = {
            "sources": [
                {
                    "table": {
                        "path": str(tmp_path / "posts.jsonl"),
                        "fields": {"id": "id", "text": "text", "author": "author"},
                    }
                }
            ],
            "stages": [
                {"language": {}},
                {"language_context": {"keep": ["es", "en"], "author_weight": 2}},
            ],
            "output": {"path": str(tmp_path / name), "ids": "original"},
            "run": run,
        }
        manifest = corpus.build(plan)
        funnel = {row["stage"]: row["dropped"] for row in manifest["funnel"]}
        assert funnel["language"] == {}
        assert funnel["language_context"] == {
            "no_language": 3,
            "other_language": 3,
            "unsure_language": 3,
        }
        found.append(corpus.load(tmp_path / name).scan().collect())
    assert found[0].equals(found[1])
    short = found[0].filter(pl.col("text") == "que gran")
    assert short["id"].to_list() == ["table:3", "table:13", "table:23"]
    assert set(short["lang"]) == {"es"}
