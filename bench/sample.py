"""Write the posts that the benchmarks read: one JSONL file that every contestant reads alike.

Real posts come first where ``../shared/data/plain`` is there (two times 10,000 tweets and 20,000
comments, none of them twice beyond what people repeat); the demo's invented dumps, read by our own
readers, fill up to the wanted number. A line is ``{"id", "text", "author", "created_at"}``.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

from corpus import demo, readers

REAL_FOLDER = Path(__file__).resolve().parents[2] / "shared" / "data" / "plain"
FILES = ("gurez.10000", "ile.10000", "youtube_first_20000")

_SPARE = 1.1  # a few generated posts have no text of their own
_MARKERS = ("[deleted]", "[removed]")  # consent would drop these before anybody else saw them
_START = datetime(2024, 5, 1, tzinfo=UTC)
_SOURCES: tuple[tuple[str, dict[str, Any]], ...] = (
    ("reddit", {"path": "reddit/*.zst"}),
    ("x_stream", {"path": "x/*.tar"}),
    ("x_api", {"path": "x/*.jsonl"}),
    (
        "table",
        {
            "path": "table/forum.csv",
            "platform": "forum",
            "fields": {"id": "post_id", "author": "username", "text": "body"},
        },
    ),
)


def write_sample(path: Path, posts: int, source: Path | None = None, seed: int = 1) -> str:
    """Write ``posts`` posts to ``path`` and say where they come from.

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
    """The texts of demo dumps, every source in proportion."""
    if posts <= 0:
        return []
    with tempfile.TemporaryDirectory() as folder:
        demo.write(Path(folder), posts=max(1000, int(posts * _SPARE)), seed=seed)
        texts = list(_texts_of_dumps(Path(folder)))
    # The sources come one after another: taking every so-manieth keeps their proportions.
    chosen = [texts[index * len(texts) // posts] for index in range(posts)]
    if len(texts) < posts:
        raise RuntimeError(f"the demo gave {len(texts)} texts where {posts} were asked for")
    return chosen


def _texts_of_dumps(folder: Path) -> Iterator[str]:
    for name, settings in _SOURCES:
        module = readers.find(name)
        for file in sorted(folder.glob(settings["path"])):
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
