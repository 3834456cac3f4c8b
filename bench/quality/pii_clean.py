"""Measure what ``pii`` changes in posts without contact data.

    python -m bench.quality.pii_clean [--list FILE]

42,000 real posts of ``../shared/data/plain``, by platform: how many are changed, and by which
entity. Handles are counted apart: a mention is changed rightly. ``--list`` writes every change with
the text around it to a file, to be read by a person, but for mentions in their usual form; delete
the file afterwards, since it contains what the posts contain.
"""

from __future__ import annotations

import argparse
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import polars as pl

from bench.measure import SHARED_DATA
from filters import pii

FILES = {
    "gurez.10000": "x",
    "ile.10000": "x",
    "youtube_first_20000": "youtube",
    "redd.tok.uniq": "reddit",
    "stacko-src": "stackexchange",
}
_CONTEXT = 60
_PLACEHOLDER = re.compile(r"<([A-Z_]+)>")
# "RT @name: …", "hi @name,", "/u/name": what nobody has to read.
_USUAL_MENTION = re.compile(r"(?:^|[\s.(\"'\u2018\u201c,:;!?/-])@?$")


class Change(NamedTuple):
    """A placeholder in a post: the platform, the entity, what it replaced, and the text around."""

    platform: str
    entity: str
    content: str
    before: str
    after: str


def read_posts() -> pl.DataFrame:
    """Return the posts: text and platform."""
    rows = [
        (line, platform)
        for name, platform in FILES.items()
        for line in (SHARED_DATA / "plain" / name).read_text(errors="replace").split("\n")
        if line.strip()
    ]
    return pl.DataFrame(rows, schema=["text", "platform"], orient="row")


def list_changes(posts: pl.DataFrame) -> list[list[Change]]:
    """Return the changes of each post, in the order of the text."""
    redacted = pii.build(pii.Config())(posts)["text"]
    return [
        list(_compare(platform, text, new)) if text != new else []
        for (text, platform), new in zip(posts.iter_rows(), redacted, strict=True)
    ]


def _compare(platform: str, text: str, new: str) -> Iterator[Change]:
    """Yield the changes of a text: what is between the parts that both versions have."""
    parts = _PLACEHOLDER.split(new)
    kept, entities = parts[::2], parts[1::2]
    end = len(kept[0])
    for number, entity in enumerate(entities):
        following = kept[number + 1]
        start = end
        last = number == len(entities) - 1
        end = len(text) - len(following) if last else text.find(following or " ", start + 1)
        end = end if end >= start else len(text)
        before = text[max(0, start - _CONTEXT) : start]
        yield Change(platform, entity, text[start:end], before, text[end : end + _CONTEXT])
        end += len(following)


def is_usual_mention(change: Change) -> bool:
    """Return whether a change is a mention that nobody has to read."""
    return (
        change.entity == "HANDLE"
        and bool(_USUAL_MENTION.search(change.before))
        and bool(re.fullmatch(r"@\w{2,}|/?u/[\w-]+", change.content, re.ASCII))
        and bool(re.match(r"$|[\s:,.!?)\"'\u2019\u2026;]", change.after))
        and not re.match(r"[({=/\\]", change.after)
    )


def main(arguments: list[str] | None = None) -> None:
    """Print the table, and write the list."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--list", type=Path, help="a file to write every change to")
    options = parser.parse_args(arguments)
    if not SHARED_DATA.is_dir():
        raise SystemExit("no ../shared/data here: no data to measure on")
    posts = read_posts()
    changes = list_changes(posts)
    by_platform: defaultdict[str, list[list[Change]]] = defaultdict(list)
    for platform, of_post in zip(posts["platform"], changes, strict=True):
        by_platform[platform].append(of_post)
    print("posts without contact data: changed by another entity than a handle; by a handle")
    for platform, of_platform in by_platform.items():
        count = len(of_platform)
        details = [each for post in of_platform for each in post if each.entity != "HANDLE"]
        hit = sum(any(each.entity != "HANDLE" for each in post) for post in of_platform)
        mentions = sum(any(each.entity == "HANDLE" for each in post) for post in of_platform)
        by_entity = dict(Counter(each.entity for each in details))
        print(
            f"  {platform:14} {hit:4} of {count:6,} ({hit / count:.3%}); "
            f"handles {mentions:6,} ({mentions / count:.2%})  {by_entity}"
        )
    if options.list:
        lines = [
            f"{each.platform}\t{each.entity}\t{each.before!r} [[{each.content}]] {each.after!r}\n"
            for post in changes
            for each in post
            if not is_usual_mention(each)
        ]
        options.list.write_text("".join(lines), encoding="utf-8")
        print(f"  {len(lines):,} changes to read are in {options.list}")


if __name__ == "__main__":
    main()
