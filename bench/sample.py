"""Write the posts that the benchmarks read: one JSONL file for all systems that are compared.

Real posts come first where ``../shared/data/plain`` exists (two times 10,000 tweets and 20,000
comments, which repeat only what people repeat). Posts of the demo's dumps, read by our own
readers, are added up to the wanted number. A line is ``{"id", "text", "author", "created_at"}``.
"""

from __future__ import annotations

import json
import random
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import polars as pl

from bench.measure import SHARED_DATA
from corpus import demo, readers
from corpus.dedup.normalize import normalize_to_series

REAL_FOLDER = SHARED_DATA / "plain"
FILES = ("gurez.10000", "ile.10000", "youtube_first_20000")

_SPARE = 1.1  # a few generated posts have no text of their own
_MARKERS = ("[deleted]", "[removed]")  # consent would drop these before any other stage
_START = datetime(2024, 5, 1, tzinfo=UTC)
_WORDS = ("the", "a", "so", "lol", "@friend", "RT", "today", "https://t.co/abc", "#mood", "2")
_DETAILS = ("call 415-555-2671", "joe@example.org", "at 8.8.8.8", "since 2015", "4111111111111111")
_FORUM_FIELDS = {"id": "post_id", "author": "username", "text": "body", "created_at": "posted_at"}


def demo_sources(folder: Path) -> list[dict[str, dict[str, Any]]]:
    """Return the sources of a plan over the demo dumps in ``folder``."""
    forum = {"path": str(folder / "table/forum.csv"), "platform": "forum", "fields": _FORUM_FIELDS}
    return [
        {"reddit": {"path": str(folder / "reddit/*.zst")}},
        {"x_stream": {"path": str(folder / "x/*.tar")}},
        {"x_api": {"path": str(folder / "x/*.jsonl")}},
        {"table": forum},
    ]


def write_sample(path: Path, posts: int, source: Path | None = None, seed: int = 1) -> str:
    """Write ``posts`` posts to ``path`` and return a description of their sources.

    ``source`` is a JSONL file with a ``text`` key to take them from instead.
    """
    if source is not None:
        count = _write_posts(path, islice(_texts_of(source), posts))
        return f"{count:,} posts of {source.name}"
    found = list(islice(_real_texts(), posts))
    made = _generated_texts(posts - len(found), seed)
    count = _write_posts(path, (*found, *made))
    return f"{len(found):,} real posts and {count - len(found):,} generated ones"


def write_generated_sample(path: Path, posts: int, seed: int = 1) -> None:
    """Write ``posts`` invented posts to ``path``."""
    _write_posts(path, _generated_texts(posts, seed))


def read_posts(files: Sequence[str]) -> tuple[str, list[str]]:
    """Return a description of the sources, and the posts of files with one post a line.

    Without files they are the real tweets or, where these are missing, 20,000 invented posts.
    """
    paths = [Path(name) for name in files] or [REAL_FOLDER / name for name in FILES[:2]]
    if files or all(path.exists() for path in paths):
        lines = (path.read_text(errors="replace").split("\n") for path in paths)
        posts = [line for file in lines for line in file if line]
        return " and ".join(path.name for path in paths), posts
    return "a generator (no shared data here)", _invent_posts(20_000)


def _invent_posts(count: int) -> list[str]:
    """Return posts of common words; one in fifty holds a personal detail."""
    rng = random.Random(7)
    posts = [" ".join(rng.choices(_WORDS, k=14)) for _ in range(count)]
    return [f"{post} {rng.choice(_DETAILS)}" if rng.random() < 0.02 else post for post in posts]


def read_distinct_posts(folder: Path) -> pl.Series:
    """Return the real posts in ``folder``, each normalized text once."""
    found: list[str] = []
    for name in (*FILES, "redd.tok.uniq", "stacko-src"):
        lines = (folder / name).read_text(encoding="utf-8", errors="replace").split("\n")
        found += [line.strip() for line in lines if line.strip()]
    posts = pl.DataFrame({"text": found}).with_columns(
        normalize_to_series(pl.Series(found)).alias("normalized")
    )
    return posts.unique("normalized", keep="first", maintain_order=True)["text"]


def _real_texts() -> Iterator[str]:
    for name in FILES:
        if (REAL_FOLDER / name).exists():
            with (REAL_FOLDER / name).open(
                encoding="utf-8", errors="replace", newline="\n"
            ) as lines:
                yield from (line.strip() for line in lines if line.strip())


def _texts_of(source: Path) -> Iterator[str]:
    with source.open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            text = json.loads(line).get("text") if line.strip() else None
            if isinstance(text, str) and text.strip():
                yield text.strip()


def _generated_texts(posts: int, seed: int) -> list[str]:
    """Return the texts of demo dumps, each source in proportion."""
    if posts <= 0:
        return []
    with tempfile.TemporaryDirectory() as folder:
        demo.write(Path(folder), posts=max(1000, int(posts * _SPARE)), seed=seed)
        texts = list(_texts_of_dumps(Path(folder)))
    # The sources follow one another: posts at equal distances keep their proportions.
    chosen = [texts[index * len(texts) // posts] for index in range(posts)]
    if len(texts) < posts:
        raise RuntimeError(f"the demo gave {len(texts)} texts where {posts} were asked for")
    return chosen


def _texts_of_dumps(folder: Path) -> Iterator[str]:
    for name, settings in (item for source in demo_sources(folder) for item in source.items()):
        module = readers.find(name)
        for file in sorted(folder.glob(str(Path(settings["path"]).relative_to(folder)))):
            config = module.Config.model_validate(settings | {"path": str(file)})
            for batch in module.read(str(file), config, 20_000):
                texts = (text.strip() for text in batch.posts["text"].to_list())
                yield from (text for text in texts if text and text not in _MARKERS)


def _write_posts(path: Path, texts: Iterable[str]) -> int:
    count = 0
    with path.open("w", encoding="utf-8") as out:
        for text in texts:
            post = {
                "id": f"{count:08d}",
                "text": text,
                "author": f"user{count * 7919 % 20_011}",
                "created_at": (_START + timedelta(seconds=count)).isoformat(),
            }
            out.write(json.dumps(post, ensure_ascii=False) + "\n")
            count += 1
    return count
