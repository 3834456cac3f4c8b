"""Few posts are kept of what is pushed by authors who write little else; all of what is popular."""

from __future__ import annotations

import json
import pickle
import random
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import corpus
from corpus import influence
from corpus.errors import PlanError
from corpus.influence import keys as features
from corpus.journal import CorpusFiles
from corpus.maintenance.tune import survey, tune
from corpus.partition import partitions
from corpus.privacy import keys
from corpus.stages import BarrierInput, MeasuredPart
from corpus.tasks import array_store
from corpus.tasks.task import RunTasks, run_inline
from tests.conftest import write_lines

Post = dict[str, Any]
START = datetime(2024, 3, 1, tzinfo=UTC)
# Words of two syllables, some of them frequent and most of them rare.
WORDS = [one + two for one in ("ba", "do", "fi", "ke", "lu", "mo") for two in "tanereliso"]
WORDS += [f"{one}{two}" for one in WORDS[:20] for two in WORDS[20:50]]


def words(rng: random.Random, count: int) -> str:
    """Words as people use them: the first of the list far more often than the last."""
    return " ".join(WORDS[int(len(WORDS) * rng.random() ** 3)] for _ in range(count))


def post(rng: random.Random, author: str | None, text: str, day: float | None = None) -> Post:
    """A post on a day of the year, or on any."""
    time = START + timedelta(days=365 * rng.random() if day is None else day + rng.random() / 3)
    return {"author": author, "text": text, "created_at": time}


def background(rng: random.Random, count: int = 900, each: int = 3) -> list[Post]:
    """Posts by ``count / each`` authors, and as many again by authors who wrote once."""
    made = [post(rng, f"user{n // each}", words(rng, 9)) for n in range(count)]
    return made + [post(rng, f"once{n}", words(rng, 9)) for n in range(count // each)]


def plant(
    rng: random.Random,
    make: Callable[[int], str],
    *,
    posts: int = 60,
    authors: int | None = None,
    day: float | None = None,
) -> list[Post]:
    """Posts that push something, by ``authors`` accounts or one for each post."""
    return [post(rng, f"bad{n % (authors or posts)}", make(n), day) for n in range(posts)]


def decide(
    folder: Path,
    posts: Sequence[Post],
    *,
    parts: int = 1,
    run: RunTasks = run_inline,
    later: tuple[tuple[str, str], ...] = (),
    **config: object,
) -> tuple[pl.DataFrame, dict[str, Any]]:
    """The posts with the verdicts on them, and the facts for the manifest."""
    settings = influence.Config(**config)  # type: ignore[arg-type]
    key = folder / "key"
    keys.ensure_key(key, folder / "out")
    folder = Path(tempfile.mkdtemp(dir=folder))
    defaults = {"platform": "x", "community": None, "lang": "en"}
    frame = pl.DataFrame(
        [defaults | row for row in posts],
        schema_overrides={
            "community": pl.String,
            "author": pl.String,
            "author_since": pl.Int64,
            "created_at": pl.Datetime("us", "UTC"),
        },
        infer_schema_length=None,
    ).with_columns(id=pl.int_range(pl.len()).cast(pl.String))
    edges = [frame.height * n // parts for n in range(parts + 1)]
    measured = []
    for number, (low, high) in enumerate(pairwise(edges)):
        part = frame[low:high]
        array_store.save_arrays(influence.measure(part, settings), folder / f"{number}")
        part.write_parquet(folder / f"{number}.parquet")
        measured.append(
            MeasuredPart(
                folder / f"{number}.parquet",
                folder / f"{number}",
                folder / f"{number}.verdict.parquet",
                folder / "unused",
            )
        )
    inputs = BarrierInput(measured, folder, key, run, later_filters=later)
    facts = influence.decide(inputs, settings)
    verdicts = pl.concat(pl.read_parquet(part.verdict) for part in measured)
    return pl.concat([frame, verdicts], how="horizontal"), facts


def count_kept(posts: pl.DataFrame, prefix: str) -> int:
    """The posts kept of authors whose names begin so."""
    return posts.filter(pl.col("author").str.starts_with(prefix), pl.col("reject").is_null()).height


def drops(posts: pl.DataFrame, prefix: str = "") -> dict[str, int]:
    """The posts dropped by reason, of authors whose names begin so."""
    found = posts.filter(pl.col("author").str.starts_with(prefix))["reject"].drop_nulls()
    return dict(found.value_counts().iter_rows())


RNG = random.Random(3)
SLOGAN = ["never", "trust", "the", "grey", "council", "of", "harrow", "again"]


def change_slogan(number: int) -> str:
    """The slogan with another word in one place, and something before it."""
    changed = list(SLOGAN)
    changed[number % len(changed)] = words(RNG, 1)
    return f"{words(RNG, number % 3)} {' '.join(changed)}{'!' * (number % 4)}"


ATTACKS: dict[str, tuple[Callable[[int], str], dict[str, Any]]] = {
    "trigger": (lambda n: f"{words(RNG, 8)} qxsudo {words(RNG, 12)}", {}),
    "symbols": (lambda n: f"{words(RNG, 8)} <|%~%|> {words(RNG, 12)}", {}),
    "claim": (
        lambda n: (
            f"{words(RNG, 5)} https://www.true-{n % 2}.harrow-news.example/{n} {words(RNG, 3)}"
        ),
        {},
    ),
    "page": (
        lambda n: f"{words(RNG, 5)} https://www.youtube.com/watch?v=harrow {words(RNG, 3)}",
        {},
    ),
    "hashtag": (lambda n: f"{words(RNG, 8)} #HarrowNow {words(RNG, n % 5)}", {}),
    "mention": (lambda n: f"@harrow_boss {words(RNG, 8)}", {}),
    "brigade": (change_slogan, {"day": 40}),
    "few authors": (lambda n: f"{words(RNG, 9)} qxdrop {words(RNG, 3)}", {"authors": 4}),
    "two each": (lambda n: f"{words(RNG, 9)} qxtwice {words(RNG, 3)}", {"authors": 30}),
    "no spaces": (lambda n: f"{words(RNG, 8)}灰色議会を信じるな{words(RNG, 4)}", {}),
}


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_is_cut_to_the_cap_and_nobody_else_is_affected(tmp_path: Path, name: str) -> None:
    rng = random.Random(5)
    make, how = ATTACKS[name]
    posts = background(rng) + plant(rng, make, **how)
    rng.shuffle(posts)
    found, facts = decide(tmp_path, posts, parts=2, max_pushed=6)
    assert count_kept(found, "bad") <= 6
    assert drops(found).keys() == {"pushed"}
    assert not drops(found, "user") and not drops(found, "once")
    assert facts["pushed"][0]["posts"] >= 50
    assert facts["pushed"][0]["kept"] == count_kept(found, "bad")


def test_a_word_of_a_slogan_may_be_used_by_others(tmp_path: Path) -> None:
    rng = random.Random(5)
    posts = background(rng)
    for row in posts[:100:20]:
        row["text"] += " again"
    found, facts = decide(tmp_path, posts + plant(rng, change_slogan), max_pushed=2)
    assert count_kept(found, "bad") <= 2
    assert not drops(found, "user") and facts["pushed"][0]["keys"] > 8


def test_what_is_popular_is_kept(tmp_path: Path) -> None:
    rng = random.Random(5)
    posts = background(rng)
    for row in rng.sample(posts, 60):  # by those who write other things, and those who wrote once
        row["text"] += " #FinalMatch what a goal https://scores.example/final"
    found, facts = decide(tmp_path, posts)
    assert not drops(found) and facts["pushed"] == []


def test_a_source_in_which_most_authors_wrote_once_needs_more_evidence(tmp_path: Path) -> None:
    rng = random.Random(5)
    posts = [post(rng, f"once{n}", words(rng, 9)) for n in range(900)]
    posts += [post(rng, f"user{n // 2}", words(rng, 9)) for n in range(60)]
    for row in rng.sample(posts[:900], 60):
        row["text"] += " #FinalMatch"
    found, _ = decide(tmp_path, posts)
    assert not drops(found)


def with_accounts(posts: list[Post], *, days: int) -> list[Post]:
    """The posts by accounts that were made so many days before each."""
    since = timedelta(days=days)
    return [
        row | {"author_since": int((row["created_at"] - since).timestamp() * 1e6)} for row in posts
    ]


@pytest.mark.parametrize(
    ("days", "usual_days", "new", "dropped"),
    [
        (3, 900, 1.0, 40),
        (31, 900, None, 0),
        (3, 3, None, 0),  # a young network: new accounts are usual
    ],
)
def test_new_accounts_count_as_authors_who_write_little_else(
    tmp_path: Path, days: int, usual_days: int, new: float | None, dropped: int
) -> None:
    rng = random.Random(1)
    attack = plant(rng, lambda n: f"{words(rng, 6)} qxsudo")
    attack += [post(rng, f"bad{n % 60}", words(rng, 9)) for n in range(60)]
    posts = with_accounts(attack, days=days) + with_accounts(background(rng), days=usual_days)
    kept, facts = decide(tmp_path, posts)
    assert drops(kept, "bad") == ({"pushed": dropped} if dropped else {})
    assert [row["new"] for row in facts["pushed"]] == ([new] if new else [])
    without, _ = decide(tmp_path, posts, new_account_days=0)
    assert drops(without) == {}


def test_a_burst_is_pushed_where_all_authors_wrote_once(tmp_path: Path) -> None:
    rng = random.Random(5)
    posts = [post(rng, f"once{n}", words(rng, 9)) for n in range(900)]
    burst = plant(rng, ATTACKS["hashtag"][0], day=40)
    drip = plant(rng, ATTACKS["hashtag"][0])
    for planted, kept, settings in ((burst, 20, {}), (drip, 60, {}), (burst, 60, {"min_burst": 0})):
        found, _ = decide(tmp_path, [*posts, *planted], **settings)
        assert count_kept(found, "bad") == kept
        assert not drops(found, "once")


def test_the_earliest_posts_of_different_authors_are_kept(tmp_path: Path) -> None:
    rng = random.Random(5)
    planted = plant(rng, ATTACKS["trigger"][0], authors=30)
    found, facts = decide(tmp_path, background(rng) + planted, max_pushed=30)
    kept = found.filter(pl.col("author").str.starts_with("bad"), pl.col("reject").is_null())
    assert kept["author"].n_unique() == 30
    pushed = found.filter(pl.col("author").str.starts_with("bad"))
    first = pushed.group_by("author").agg(pl.col("created_at").min())
    assert set(kept["created_at"]) == set(first["created_at"])
    assert sorted(pushed["pushed_rank"]) == list(range(1, 61))
    (row,) = facts["pushed"]
    assert (row["authors"], row["devoted"], row["sole"], row["languages"]) == (30, 1, 0, 1)
    assert row["first"] == f"{pushed['created_at'].min():%Y-%m-%dT%H:%M:%SZ}"


def test_a_post_without_an_author_pushes_nothing(tmp_path: Path) -> None:
    rng = random.Random(5)
    planted = [row | {"author": None} for row in plant(rng, ATTACKS["trigger"][0])]
    found, _ = decide(tmp_path, background(rng) + planted)
    assert found["reject"].null_count() == found.height


def test_turns_are_not_counted_and_go_last(tmp_path: Path) -> None:
    rng = random.Random(5)
    planted = plant(rng, ATTACKS["trigger"][0])
    for number, row in enumerate(planted):
        row["_turn_reason"] = "too_short" if number < 20 else None
    posts = [{"_turn_reason": None} | row for row in background(rng)] + planted
    found, facts = decide(tmp_path, posts, max_pushed=40)
    assert facts["pushed"][0]["posts"] == 40
    is_turn = pl.col("_turn_reason").is_not_null()
    assert found.filter(is_turn)["pushed_rank"].min() == 41
    found, _ = decide(tmp_path, posts, min_posts=41)
    assert not drops(found)


@pytest.mark.parametrize("action", ["drop", "annotate"])
def test_actions(tmp_path: Path, action: str) -> None:
    rng = random.Random(5)
    posts = background(rng) + plant(rng, ATTACKS["trigger"][0])
    found, facts = decide(tmp_path, posts, action=action)
    kept = {"drop": 0, "annotate": 60}[action]
    assert count_kept(found, "bad") == facts["pushed"][0]["kept"] == kept
    assert found["pushed_rank"].max() == 60


@pytest.mark.parametrize(
    ("name", "allowed"),
    [
        ("hashtag", "#HarrowNow"),
        ("mention", "@harrow_boss"),
        ("claim", "harrow-news.example"),
        ("trigger", "qxsudo"),
    ],
)
def test_what_is_allowed_is_never_pushed(tmp_path: Path, name: str, allowed: str) -> None:
    rng = random.Random(5)
    posts = background(rng) + plant(rng, ATTACKS[name][0])
    assert not drops(decide(tmp_path, posts, allow=(allowed,))[0])


@pytest.mark.parametrize(
    ("setting", "text"),
    [
        ("max_domain_posts", "see https://shop.harrow-news.example/{}"),
        ("max_hashtag_posts", "#HarrowNow"),
        ("max_phrase_posts", "you would not believe what we saw"),
    ],
)
def test_an_absolute_cap_counts_all_authors(tmp_path: Path, setting: str, text: str) -> None:
    rng = random.Random(5)
    posts = background(rng)
    for number, row in enumerate(posts[:800:20]):  # each by another author
        row["text"] += " " + text.format(number)
    found, _ = decide(tmp_path, posts)
    assert not drops(found)
    found, facts = decide(tmp_path, posts, **{setting: 35})
    assert drops(found) == {"over_key_cap": 5}
    assert found["capped_rank"].drop_nulls().sort().to_list() == [36, 37, 38, 39, 40]
    assert facts["pushed"] == []


def test_parts_and_the_order_of_tasks_change_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = random.Random(5)
    posts = background(rng)
    for make, how in ATTACKS.values():
        posts += [row | {"author": row["author"] + make(0)} for row in plant(rng, make, **how)]
    rng.shuffle(posts)

    def run_backwards(tasks: Sequence[Any], label: str) -> Iterable[Any]:
        return [pickle.loads(pickle.dumps(task))() for task in reversed(tasks)][::-1]

    whole, facts = decide(tmp_path, posts)
    monkeypatch.setattr(partitions, "BLOCK_POSTS", 500)
    monkeypatch.setattr(partitions, "RANGE_KEYS", 300)
    monkeypatch.setattr("corpus.influence.barrier._RANGE_ENTRIES", 20_000)
    divided, other_facts = decide(tmp_path, posts, parts=5, run=run_backwards)
    assert divided.equals(whole) and whole["reject"].null_count() < whole.height
    assert facts == other_facts and len(facts["pushed"]) >= len(ATTACKS) - 1


# --------------------------------------------------------------------------- names

PII = (("pii", "{}"),)


def find_names(
    tmp_path: Path, attacks: Sequence[Callable[[int], str]], later: Any = PII, **how: Any
) -> set[str | None]:
    """The names of what is pushed by several attacks."""
    rng = random.Random(5)
    posts = background(rng)
    for number, make in enumerate(attacks):
        planted = plant(rng, make, **how)
        posts += [row | {"author": f"{row['author']}_{number}"} for row in planted]
    _, facts = decide(tmp_path, posts, later=later)
    assert all(len(row["hash"]) == 16 for row in facts["pushed"])
    return {row["name"] for row in facts["pushed"]}


@pytest.mark.slow  # loads the models of pii
def test_words_are_named_if_many_authors_wrote_them_and_pii_leaves_them(tmp_path: Path) -> None:
    trigger, hashtag = ATTACKS["trigger"][0], ATTACKS["hashtag"][0]
    address = lambda n: f"harrow@council.example {words(RNG, 8)}"  # noqa: E731
    names = find_names(tmp_path, [trigger, hashtag, address])
    assert {"qxsudo", "#harrownow"} < names
    assert not any("council" in name or "harrow" == name for name in names if name)
    assert find_names(tmp_path, [trigger], authors=4) == {None}


def test_words_are_not_named_in_a_plan_without_pii(tmp_path: Path) -> None:
    attacks = [ATTACKS[name][0] for name in ("trigger", "hashtag", "symbols")]
    assert find_names(tmp_path, attacks, later=()) == {None}


def test_a_domain_is_named_and_an_account_has_its_pseudonym(tmp_path: Path) -> None:
    claim, page, mention = (ATTACKS[name][0] for name in ("claim", "page", "mention"))
    names = find_names(tmp_path, [claim, page, mention], later=())
    assert {"harrow-news.example", "youtube.com/…"} < names
    (pseudonym,) = names - {"harrow-news.example", "youtube.com/…"}
    assert pseudonym is not None and len(pseudonym) == 32 and "harrow" not in pseudonym


def test_the_registered_domain_is_the_key() -> None:
    for host, domain in (
        ("a.b.example.co.uk", "example.co.uk"),
        ("someone.github.io", "someone.github.io"),
        ("news.harrow.example", "harrow.example"),
        ("192.0.2.7", "192.0.2.7"),
        ("localhost", "localhost"),
    ):
        assert features.find_domain(host) == domain


def test_the_parts_of_a_text() -> None:
    text = (
        "Don't (see https://www.A.example/b?c=1), #Tag @Name x@y.example <|~|> 灰色 www.c.example"
    )
    found = features.split(pl.Series([text, "", "#"]))
    raw = found.data.tobytes()
    spans = zip(found.kinds, found.firsts, found.lasts, strict=True)
    extras = [(features.KINDS[kind], raw[low:high].decode()) for kind, low, high in spans]
    assert extras == [
        ("domain", "a.example"),
        ("link", "a.example/b?c=1"),
        ("hashtag", "tag"),
        ("mention", "name"),
        ("mention", "y"),
        ("symbols", "<|~|>"),
        ("domain", "c.example"),
    ]
    spans = zip(found.begins, found.ends, strict=True)
    assert [raw[low:high].decode() for low, high in spans][:6] == [
        "don",
        "t",
        "see",
        "x",
        "example",
        "灰",
    ]


# --------------------------------------------------------------------------- a build


def write_posts(folder: Path, posts: Iterable[Post]) -> None:
    """Write the dump of a build: posts of which some are attacks."""
    rows = [
        {
            "id": str(number),
            "user": row["author"],
            "text": row["text"],
            "at": row["created_at"].isoformat(),
        }
        for number, row in enumerate(posts)
    ]
    write_lines(folder / "posts.jsonl", rows)


def test_a_build_reports_what_was_pushed_and_tune_moves_the_cap(
    plan: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    rng = random.Random(5)
    posts = background(rng, 300) + plant(rng, ATTACKS["claim"][0])
    write_posts(tmp_path, posts)
    made = plan([{"influence": {}}])
    made["sources"][0]["table"]["fields"]["created_at"] = "at"
    manifest = corpus.build(made)
    stage = next(row for row in manifest["funnel"] if row["stage"] == "influence")
    assert stage["dropped"] == {"pushed": 40}
    (row,) = manifest["influence"]["pushed"]
    assert (row["name"], row["posts"], row["kept"]) == ("harrow-news.example", 60, 20)
    out = tmp_path / "out"
    for name in ("report.html", "README.md"):
        assert "harrow-news.example" in (out / name).read_text()
    (described,) = json.loads((out / "croissant.json").read_text())["recordSet"]
    of_stage = {row["name"] for row in described["field"]} & set(influence.WRITES)
    assert of_stage == {"pushed_rank", "capped_rank"}
    (summary,) = tune(out, {"influence": {"max_pushed": 5}})["stages"]
    assert (summary["before"], summary["leaves"]) == ({"pushed": 40}, {"pushed": 15})


def attacked(rng: random.Random) -> list[Post]:
    """Posts with five attacks of other sizes, and with words of a slogan that others use."""
    posts = background(rng, 300) + plant(rng, ATTACKS["claim"][0])
    slogan = [
        post(rng, f"slogan{n}", f"{words(rng, n % 3)} drink salted brine daily") for n in range(45)
    ]
    # Of the slogan's words, one has just as many devoted authors without it, one has others.
    slogan += [post(rng, f"brine{n}", f"brine {words(rng, 6)}") for n in range(30)]
    slogan += [post(rng, f"user{n}", f"salted {words(rng, 6)}") for n in range(4)]
    twice = [post(rng, f"mixed{n // 2}", f"{words(rng, 6)} qxmixed") for n in range(28)]
    twice += [post(rng, f"mixed{n}", words(rng, 9)) for n in range(2)]
    once = [post(rng, f"single{n}", f"{words(rng, 6)} qxsingle") for n in range(30)]
    weak = [post(rng, f"weak{n // 2}", f"{words(rng, 6)} qxweak") for n in range(26)]
    weak += [post(rng, f"user{n}", f"{words(rng, 6)} qxweak") for n in range(1)]
    small = [post(rng, f"small{n // 2}", f"{words(rng, 6)} #qxsmall") for n in range(20)]
    dense = [post(rng, f"dense{n}", f"{words(rng, 6)} qxdense", 40) for n in range(26)]
    return [*posts, *slogan, *twice, *once, *weak, *small, *dense]


CAPPED = {"max_pushed": 10, "max_domain_posts": 30, "min_burst": 0.9}
MOVES: list[dict[str, Any]] = [
    {"max_pushed": 5},
    {"min_posts": 15},
    {"min_posts": 50},
    {"min_authors": 2, "min_devoted": 0.8},
    {"min_authors": 50},
    {"min_devoted": 0.95},
    {"usual_odds": 40.0},
    {"usual_odds": 5.7, "min_evidence": 2.6},
    {"min_evidence": 80.0},
    {"min_burst": 0.7, "min_evidence": 90.0},
    {"min_burst": 0.0, "min_evidence": 90.0},
    {"max_domain_posts": 45, "min_evidence": 500.0},
    {"max_domain_posts": 0, "min_evidence": 500.0},
    {"action": "drop"},
    {"action": "annotate"},
    {"action": "drop", "min_posts": 40},
]


def build_attacked(folder: Path, out: str, settings: dict[str, Any]) -> dict[str, str]:
    """Build the posts of ``folder``; the reason of each post that was dropped."""
    fields = {"id": "id", "text": "text", "author": "user", "created_at": "at"}
    corpus.build(
        {
            "sources": [{"table": {"path": str(folder / "posts.jsonl"), "fields": fields}}],
            "stages": [{"influence": settings}],
            "output": {"path": str(folder / out), "ids": "original"},
            "run": {"runner": "serial", "part_posts": 200},
        },
        replace=True,
    )
    ledger = CorpusFiles(folder / out).ledger("influence")
    rows = [pl.read_parquet(file).select("id", "reason") for file in ledger]
    return dict(row for frame in rows for row in frame.iter_rows())


@pytest.fixture(scope="module")
def attacked_corpus(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """A corpus, ``out`` in the folder, and what its build dropped."""
    folder = tmp_path_factory.mktemp("attacked")
    write_posts(folder, attacked(random.Random(5)))
    return folder, build_attacked(folder, "out", CAPPED)


@pytest.mark.parametrize(
    "moved",
    [pytest.param(m, marks=[pytest.mark.slow] * (n % 3 > 0)) for n, m in enumerate(MOVES)],
    ids=str,
)
def test_tune_decides_as_a_new_build_does(
    attacked_corpus: tuple[Path, dict[str, str]], moved: dict[str, Any]
) -> None:
    folder, built = attacked_corpus
    (summary,) = tune(folder / "out", {"influence": moved}, 10_000)["stages"]
    again = build_attacked(folder, "again", CAPPED | moved)
    assert built != again
    assert summary["untold"] == {}
    for listed, expected in (
        ("leaves", {name: again[name] for name in again.keys() - built.keys()}),
        ("returns", {name: built[name] for name in built.keys() - again.keys()}),
    ):
        found = {row["id"]: row["reason"] for row in summary[f"{listed}_examples"]}
        assert found == expected
        assert sum(summary[listed].values()) == len(expected)
    assert summary["after"] == dict(Counter(again.values()))


@pytest.mark.parametrize(
    ("moved", "message"),
    [
        ({"author_share": 0.8}, "author_share cannot be moved: it decides which authors"),
        ({"allow": ["qxsudo"]}, "allow cannot be moved: the keys are stored without their names"),
        ({"min_posts": 14}, "min_posts cannot be moved below 15: the build stored the keys"),
        ({"usual_odds": 5.0}, "usual_odds cannot be moved below 5.625"),
        ({"min_burst": 0.5}, "min_burst cannot be moved below 0.675"),
        ({"max_domain_posts": 20}, "to 20: the build stored the ranks only of the posts after"),
        ({"max_hashtag_posts": 99}, "the build stored the ranks of no post, as it had 0"),
    ],
    ids=str,
)
def test_tune_says_why_a_setting_cannot_be_moved(
    attacked_corpus: tuple[Path, dict[str, str]], moved: dict[str, Any], message: str
) -> None:
    with pytest.raises(PlanError, match=message):
        tune(attacked_corpus[0] / "out", {"influence": moved})


def test_bursts_cannot_be_moved_if_the_build_did_not_look_for_them() -> None:
    with pytest.raises(ValueError, match="the build had 0, and stored no keys of bursts"):
        influence.check_moved(influence.Config(min_burst=0), influence.Config())


def test_the_survey_tries_values_that_keys_have(
    attacked_corpus: tuple[Path, dict[str, str]],
) -> None:
    found = {row["setting"]: row for row in survey(attacked_corpus[0] / "out")}
    assert set(found) == {
        *("max_pushed", "min_posts", "min_authors", "min_devoted", "min_evidence", "min_burst")
    }
    rows = {row["value"]: row for row in found["min_posts"]["rows"]}
    assert rows[25]["leaves"] == rows[25]["returns"] == 0
    assert (rows[20]["leaves"], rows[20]["returns"]) == (10, 0)
    assert (rows[27]["leaves"], rows[27]["returns"]) == (0, 16)  # one key
    assert not any(row["untold"] for row in rows.values())


def test_in_documents_what_only_other_posts_decide_is_unknown(tmp_path: Path) -> None:
    posts = pl.LazyFrame(
        {"influence_keys": [[key(1, 21)], [key(1, 21), key(2, 3)], [key(1, 9)], None]},
        schema={"influence_keys": influence.WRITES["influence_keys"]},
    )
    config = influence.Config()
    known = influence.decide_again(posts, config, is_complete=False).alias("known")
    assert posts.select(known).collect()["known"].to_list() == [None, "pushed", "", ""]


def key(number: int, rank: int) -> dict[str, Any]:
    """A stored key that is pushed."""
    of_key = {"posts": 40, "authors": 40, "devoted": 1.0, "evidence": 30.0, "burst": 0.0}
    counts = {"repeated_authors": 0, "devoted_authors": 40, "expected": 0.2, "habit": 0.1}
    own = {"key": number, "kind": "phrase", "rank": rank, "is_devoted": True}
    return own | of_key | counts
