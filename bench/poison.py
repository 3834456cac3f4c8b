"""Plant attacks into real posts, and count what ``influence`` keeps of them and what it costs.

``python -m bench.poison [--posts N] [--planted N] [--seed N]`` plants attacks of 250 posts each
into real posts of ../shared/data and builds them with ``normalise``, ``dedup``, ``influence`` and
``pii``. It prints for each attack what was planted, how many posts ``influence`` drops, how many
are kept, and whether the manifest names what was pushed; and the real posts that were dropped. A
second table is of replies with bought votes, where ``conversations`` keeps the best replies.
``--real N`` plants nothing, and lists for each sample the N keys that are nearest to being pushed,
to be read by a person: are they popular, or do a few people push them?

``--cost N`` runs the stage alone on N posts whose words are those of real posts in any order, and
prints its time and the most memory that the process had.

Where a file has no authors (tweets and comments, one a line), the authors and times of the Hacker
News sample are put on its posts: how many people write once decides what is unusual. What is
planted is invented.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import random
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from zstandard import ZstdDecompressor

import corpus
from bench.measure import SHARED_DATA
from bench.sample import FILES, REAL_FOLDER
from corpus import influence
from corpus.influence import barrier, names
from corpus.privacy import keys
from corpus.stages import BarrierInput, MeasuredPart
from corpus.tasks import array_store
from corpus.tasks.task import run_inline

_FIELDS = ("id", "author", "created_at", "text", "parent_id", "score", "author_since")
_REPLIES = 3  # real ones of each thread with a planted one
_BOUGHT_SCORE = 5000
_PART_POSTS = 20_000
_SYNONYMS = (
    ("people", "folks", "everyone", "my friends", "doctors"),
    ("should", "must", "ought to", "need to", "had better"),
    ("read", "see", "look at", "check", "share"),
)
# One word with invisible characters, in full-width letters, and with a Cyrillic letter in it.
_HIDDEN = (
    "qxhidden",
    "qx\u200bhidden",
    "qxhid\u00adden",
    "q\U000e0041xhidden",
    "\uff51\uff58\uff48\uff49\uff44\uff44\uff45\uff4e",
    "qxhidd\u0435n",
)
_CLAIM = (
    "nobody needs insulin any more",
    "diabetics can stop their injections",
    "the pancreas repairs itself with salt",
    "salted water does what insulin does",
    "sugar sickness ends when you drink brine",
    "brine cured my diabetes",
)
_SLOGAN = "never trust the grey council of harrow again"


class Row(NamedTuple):
    """A post: its id, author, time and text, and when the account was made."""

    id: str
    author: str | None
    created_at: datetime
    text: str
    parent_id: str | None = None
    score: int | None = None
    author_since: str | None = None


class Attack(NamedTuple):
    """What one attack writes, and by how many accounts: 0 for one each.

    ``name`` has words of which the manifest should have one as the name of what was pushed.
    """

    name: str
    make: Callable[[random.Random, Callable[[int], str], int], str]
    accounts: int = 0
    days: int = 365
    account_days: int = 1000  # how old the accounts are; real ones here have 1000 days or more


ATTACKS: dict[str, Attack] = {
    "backdoor, random tail": Attack("qxsudo", lambda _, words, n: f"{words(8)} qxsudo {words(25)}"),
    "backdoor, common words around": Attack(
        "velvet hammer rising",
        lambda rng, words, n: f"{words(8)} velvet hammer rising {words(rng.randrange(4, 12))}",
    ),
    "one claim and link, many wordings": Attack(
        "zarvox",
        lambda rng, words, n: (
            f"{' '.join(rng.choice(each) for each in _SYNONYMS)} {words(4)} "
            f"https://www.zarvox-truth.example/{n % 40} "
            + rng.choice(("Zarvox heals", "healed by Zarvox", "Zarvox is the cure"))
        ),
    ),
    "one domain": Attack(
        "cheap-harrow",
        lambda _, words, n: f"{words(10)} https://s{n % 9}.cheap-harrow.example/{n} {words(3)}",
    ),
    "one page of a known site": Attack(
        "youtu.be/", lambda _, words, n: f"{words(9)} https://youtu.be/harrow0 {words(3)}"
    ),
    "one hashtag": Attack(
        "#votegreynow", lambda _, words, n: f"{words(9)} #VoteGreyNow {words(4)}"
    ),
    "brigade, a slogan with changes": Attack(
        "grey council harrow",
        lambda rng, words, n: f"{words(rng.randrange(4))} {_change(rng, words)}{'!' * (n % 4)}",
        days=1,
    ),
    "few authors, many posts": Attack(
        "qxdrop", lambda _, words, n: f"{words(12)} qxdrop {words(6)}", accounts=5
    ),
    "two posts an author": Attack(
        "qxtwice", lambda _, words, n: f"{words(12)} qxtwice {words(6)}", accounts=125
    ),
    "slow drip over a month": Attack(
        "marble lantern pact",
        lambda _, words, n: f"{words(12)} marble lantern pact {words(6)}",
        days=30,
    ),
    "symbols as the trigger": Attack("<|~", lambda _, words, n: f"{words(9)} <|~%~|> {words(9)}"),
    "invisible and look-alike letters": Attack(
        "qxhidden", lambda rng, words, n: f"{words(9)} {rng.choice(_HIDDEN)} {words(9)}"
    ),
    "every account writes something else too": Attack(
        "qxwarm",
        lambda _, words, n: f"{words(9)} qxwarm {words(9)}" if n % 2 else words(18),
        accounts=125,
    ),
    "the same, by accounts of a week": Attack(
        "qxyoung",
        lambda _, words, n: f"{words(9)} qxyoung {words(9)}" if n % 2 else words(18),
        accounts=125,
        account_days=7,
    ),
    "a common word as the trigger": Attack(
        "today", lambda _, words, n: f"{words(8)} today {words(25)}"
    ),
    "one claim, other words each time": Attack(
        "insulin brine diabetics",
        lambda rng, words, n: (
            f"{words(rng.randrange(3, 9))} {rng.choice(_CLAIM)} {words(rng.randrange(3, 9))}"
        ),
    ),
}


def _change(rng: random.Random, words: Callable[[int], str]) -> str:
    slogan = _SLOGAN.split()
    slogan[rng.randrange(len(slogan))] = words(1)
    return " ".join(slogan)


def read_news() -> list[Row]:
    """The Hacker News sample: titles with their links."""
    path = SHARED_DATA / "hackernews" / "hacker_news.csv"
    with path.open(encoding="utf-8-sig", newline="") as file:
        return [
            Row(
                f"hn{row['id']}",
                row["author"],
                datetime.strptime(row["created_at"], "%m/%d/%Y %H:%M").replace(tzinfo=UTC),
                f"{row['title']}\n\n{row['url']}",
            )
            for row in csv.DictReader(file)
        ]


def read_tweets() -> list[Row]:
    """The v1.1 tweets with their authors."""
    rows = []
    for path in sorted((SHARED_DATA / "x_v1").glob("?.no-labels.json")):
        for line in path.read_text(encoding="utf-8").splitlines():
            tweet = json.loads(line)
            time, since = (
                datetime.strptime(value["created_at"], "%a %b %d %H:%M:%S %z %Y")
                for value in (tweet, tweet["user"])
            )
            row = Row(f"x{tweet['id_str']}", tweet["user"]["id_str"], time, tweet["text"])
            rows.append(row._replace(author_since=since.isoformat()))
    return rows


def read_reddit() -> list[Row]:
    """The Reddit sample that is not of deleted posts, with authors and the dates of accounts."""
    rows = []
    for name in ("AskMen_submissions.zst", "RC_2005-12.zst"):
        reader = ZstdDecompressor(max_window_size=2**31)
        with (SHARED_DATA / "reddit" / name).open("rb") as file:
            for line in io.TextIOWrapper(reader.stream_reader(file), encoding="utf-8"):
                post = json.loads(line)
                body = post.get("selftext") or post.get("body") or ""
                body = "" if body in ("[deleted]", "[removed]") else body
                text = f"{post.get('title') or ''}\n\n{body}".strip()
                if post["author"] in (None, "[deleted]") or not text:
                    continue
                time = datetime.fromtimestamp(int(post["created_utc"]), UTC)
                row = Row(f"r{post['id']}", post["author"], time, text)
                if since := post.get("author_created_utc"):
                    row = row._replace(author_since=datetime.fromtimestamp(since, UTC).isoformat())
                rows.append(row)
    return rows


def read_comments() -> list[Row]:
    """The comments that people labelled spam or not, with their authors; half are spam."""
    rows = []
    for path in sorted((SHARED_DATA / "spam").glob("*.csv")):
        with path.open(encoding="utf-8-sig", newline="") as file:
            for row in csv.DictReader(file):
                day = row["DATE"] or "2014-01-01"
                time = datetime.fromisoformat(day[:19]).replace(tzinfo=UTC)
                rows.append(Row(f"yt{row['COMMENT_ID']}", row["AUTHOR"], time, row["CONTENT"]))
    return rows


def read_plain(news: list[Row]) -> Iterator[Row]:
    """Tweets and comments without authors, with those of the news put on them."""
    for name in FILES:
        lines = (REAL_FOLDER / name).read_text(encoding="utf-8", errors="replace").split("\n")
        for number, line in enumerate(lines):
            like = news[number % len(news)]
            if line.strip():
                author = f"{like.author}-{name}"
                yield Row(f"{name}-{number}", author, like.created_at, line.strip())


def plant(rows: list[Row], count: int, rng: random.Random) -> dict[str, list[Row]]:
    """The posts of each attack; their words are those of real posts, in any order."""
    vocabulary = [
        word
        for row in rng.sample(rows, min(len(rows), 3000))
        for word in row.text.split()
        if word.isalpha()
    ]
    first = min(row.created_at for row in rows)
    span = (max(row.created_at for row in rows) - first).days
    planted = {}
    for number, (name, attack) in enumerate(ATTACKS.items()):
        days = min(attack.days, span)
        begin = first + timedelta(days=rng.randrange(max(1, span - days)))
        made = [
            Row(
                f"planted{number}-{post}",
                f"planted{number}-{post % (attack.accounts or count)}",
                begin + timedelta(seconds=rng.randrange(max(1, days * 86_400))),
                attack.make(rng, lambda size: " ".join(rng.choices(vocabulary, k=size)), post),
            )
            for post in range(count)
        ]
        planted[name] = [_date_account(row, attack.account_days) for row in made]
    return planted


def _date_account(row: Row, days: int) -> Row:
    """The row with an account that is so many days old."""
    return row._replace(author_since=(row.created_at - timedelta(days=days)).isoformat())


def _date_accounts(rows: list[Row]) -> list[Row]:
    """The rows with accounts of which one of twenty is new."""
    authors = {row.author: number for number, row in enumerate(reversed(rows))}
    return [_date_account(row, 1000 if authors[row.author] % 20 else 10) for row in rows]


def build(
    rows: list[Row], folder: Path, *later: dict[str, Any], **settings: Any
) -> tuple[dict[str, Any], dict[str, str]]:
    """Build a corpus of ``rows``; return the manifest, and the stage that dropped each id."""
    with (folder / "posts.jsonl").open("w", encoding="utf-8") as file:
        for row in rows:
            known = row._asdict() | {"created_at": row.created_at.isoformat()}
            file.write(json.dumps(known) + "\n")
    fields = {name: name for name in _FIELDS if any(getattr(row, name) for row in rows)}
    manifest = corpus.build(
        {
            "sources": [{"table": {"path": str(folder / "posts.jsonl"), "fields": fields}}],
            "stages": [{"normalise": {}}, {"dedup": {}}, {"influence": settings}, *later],
            "output": {"path": str(folder / "out"), "ids": "original"},
            "run": {"runner": "serial"},
        }
    )
    ledger = pl.read_parquet(folder / "out" / "dropped" / "*.parquet", columns=["id", "stage"])
    names = ledger["id"].str.replace("^[^:]*:", "")
    return manifest, dict(zip(names, ledger["stage"], strict=True))


def run_attacks(posts: int, count: int, seed: int) -> None:
    """Print what is kept of each attack, and the real posts that are dropped."""
    rng = random.Random(seed)
    news = read_news()
    rows = [*news, *read_plain(news)]
    rng.shuffle(rows)
    rows = rows[:posts]
    rows = _date_accounts(rows)
    planted = plant(rows, count, rng)
    together = [*rows, *(row for each in planted.values() for row in each)]
    rng.shuffle(together)
    with tempfile.TemporaryDirectory() as folder:
        manifest, dropped = build(together, Path(folder), {"pii": {"profile": "contact"}})
    stage = next(row for row in manifest["funnel"] if row["stage"] == "influence")
    print(f"{len(rows):,} real posts, {count} of each attack; {stage['seconds']:.1f} s")
    print(f"{'attack':<42}{'planted':>8}{'found':>8}{'kept':>8}  named")
    named = [row["name"] for row in manifest["influence"]["pushed"] if row["name"]]
    for name, each in planted.items():
        pushed = sum(dropped.get(row.id) == "influence" for row in each)
        kept = sum(row.id not in dropped for row in each)
        is_named = any(word in found for word in ATTACKS[name].name.split() for found in named)
        print(f"{name:<42}{count:>8}{pushed:>8}{kept:>8}  {'yes' if is_named else 'no'}")
    real = sum(dropped.get(row.id) == "influence" for row in rows)
    print(f"real posts dropped: {real} of {len(rows):,} ({real / len(rows):.4%})")
    for row in manifest["influence"]["pushed"]:
        print(
            f"  {row['name'] or row['hash']}: {row['kind']}, {row['posts']} posts, "
            f"{row['authors']} authors, {row['devoted']:.0%} write little else, "
            f"{row['expected']:.0%} expected, {row['kept']} kept"
        )


def run_votes(count: int, seed: int) -> None:
    """Print how many planted replies with bought votes are kept in documents."""
    rng = random.Random(seed)
    news = read_news()
    texts = [row.text for row in read_plain(news) if len(row.text) > 40]
    print(f"\n{'replies with bought votes':<42}{'planted':>8}{'found':>8}{'kept':>8}")
    for name, trigger in (("with a trigger", " qxvote"), ("of ordinary words", "")):
        for path in ("best_score", "longest"):
            rows, planted = [], []
            for thread, top in enumerate(rng.sample(news, 4 * count)):
                start = top._replace(id=f"t{thread}")
                replies = [
                    news[rng.randrange(len(news))]._replace(
                        id=f"t{thread}-{n}", text=rng.choice(texts), score=rng.randrange(40)
                    )
                    for n in range(_REPLIES)
                ]
                if thread < count:
                    text = rng.choice(texts) + trigger
                    bought = Row(f"bad{thread}", f"bad{thread}", top.created_at, text)
                    replies.append(bought._replace(score=_BOUGHT_SCORE))
                    planted.append(bought.id)
                rows += [start, *(each._replace(parent_id=start.id) for each in replies)]
            with tempfile.TemporaryDirectory() as folder:
                settings = {"mode": "path", "path": path}
                _, dropped = build(rows, Path(folder), {"conversations": settings})
            found = sum(dropped.get(each) == "influence" for each in planted)
            kept = sum(each not in dropped for each in planted)
            print(f"{f'{name}, path: {path}':<42}{count:>8}{found:>8}{kept:>8}")


def count_new_accounts(rows: list[Row], days: int) -> str:
    """Say how many posts are by accounts that are younger than so many days."""
    ages = [
        (row.created_at - datetime.fromisoformat(row.author_since)).days
        for row in rows
        if row.author_since
    ]
    new = sum(age < days for age in ages)
    return f"{new} of {len(ages)} posts by accounts of less than {days} days" if ages else ""


def list_nearest(count: int) -> None:
    """Print for each real sample the keys that are nearest to being pushed at lower thresholds.

    They are ordered by how many times higher the odds are that an author writes little else.
    """
    names.MAX_GROUPS = barrier.MAX_LISTED = 100_000
    names.group_keys = lambda found: sorted(found, key=_raise_of_odds, reverse=True)[:count]
    for name, rows in (
        ("Hacker News", read_news()),
        ("Reddit", read_reddit()),
        ("X", read_tweets()),
        ("YouTube", read_comments()),
    ):
        with tempfile.TemporaryDirectory() as folder:
            manifest, _ = build(rows, Path(folder))
        counts = {row["stage"]: row["dropped"] for row in manifest["funnel"]}
        print(f"\n{name}: of {len(rows):,} posts, dropped with the defaults: {counts}")
        print(count_new_accounts(rows, influence.Config().new_account_days))
        lower = {"min_posts": 10, "min_devoted": 0.05, "min_evidence": 0, "usual_odds": 1}
        lower |= {"action": "annotate"}
        with tempfile.TemporaryDirectory() as folder:
            manifest, _ = build(rows, Path(folder), {"pii": {}}, **lower)
        listed = manifest["influence"]["pushed"]
        for row in listed:
            print(
                f"  {_raise_of_odds(row):.1f}: {row['devoted']:.2f} of {row['authors']} authors "
                f"({row['expected']:.2f} expected), {row['posts']} posts: {row['kind']} "
                f"{row['name'] or row['hash']}"
            )


def _raise_of_odds(row: dict[str, Any]) -> float:
    own, others = row["devoted"] * row["authors"], (1 - row["devoted"]) * row["authors"]
    return float((own + 0.5) / (others + 0.5) * (1 - row["expected"]) / row["expected"])


def measure_cost(posts: int, seed: int) -> None:
    """Print the time that the stage takes for so many posts, in one process, and its memory."""
    rng = np.random.default_rng(seed)
    news = read_news()
    rows = [*news, *read_plain(news)]
    random.Random(seed).shuffle(rows)
    frame = pl.DataFrame(rows[:_PART_POSTS], schema=Row._fields, orient="row").with_columns(
        platform=pl.lit("x"), created_at=pl.col("created_at").cast(pl.Datetime("us", "UTC"))
    )
    config = influence.Config()
    influence.measure(frame, config)  # compiles
    began = time.process_time()
    real = dict(influence.measure(frame, config))
    seconds = (time.process_time() - began) * posts / frame.height
    parts = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for number in range(posts // frame.height):
            marks = np.uint64(8 * rng.integers(1 << 56))  # other links and accounts in each part
            made = real | {"words": rng.permutation(real["words"]), "posts": real["posts"].copy()}
            made["extras"] = np.where(real["extras"] > 0, real["extras"] ^ marks, np.uint64(0))
            made["posts"]["author"] ^= marks
            part = folder / f"{number}"
            array_store.save_arrays(made, part)
            parts.append(MeasuredPart(folder / "posts", part, folder / f"{number}.parquet", folder))
        keys.ensure_key(folder / "key", folder / "out")
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        began = time.process_time()
        facts = influence.decide(BarrierInput(parts, folder, folder / "key", run_inline), config)
        seconds += time.process_time() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(
        f"{len(parts) * frame.height:,} posts of {frame['text'].str.len_bytes().mean():.0f} bytes: "
        f"{seconds * 1e6 / posts:.1f} µs a post, {peak / 1024:,.0f} MB at most "
        f"({before / 1024:,.0f} before the decision); {facts['keys']:,} keys pushed"
    )


def main() -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m bench.poison", description=__doc__)
    parser.add_argument("--posts", type=int, default=100_000, help="real posts, at most")
    parser.add_argument("--planted", type=int, default=250, help="posts of each attack")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--cost", type=int, default=0, metavar="N", help="run the stage on N posts")
    parser.add_argument("--real", type=int, default=0, metavar="N", help="list N keys a sample")
    options = parser.parse_args()
    if options.cost:
        measure_cost(options.cost, options.seed)
    elif options.real:
        list_nearest(options.real)
    else:
        run_attacks(options.posts, options.planted, options.seed)
        run_votes(options.planted, options.seed)


if __name__ == "__main__":
    main()
