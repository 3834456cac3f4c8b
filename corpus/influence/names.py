"""Name what was pushed, in the manifest and the report, without publishing what people wrote.

A domain or hashtag is named if many authors wrote it, a phrase only if also the plan's ``pii``
leaves it as it is. An account is named by its pseudonym. All else has a hash under the corpus' key.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from corpus.dedup import output_texts
from corpus.influence import keys
from corpus.partition.partitions import PartIndex, Rows
from corpus.privacy.keys import load_key
from corpus.privacy.pseudonyms import Pseudonymizer
from corpus.stages import BarrierInput
from corpus.tasks.task import ResumableTask, Written, run_tasks

#: The groups that the manifest lists, those with the most posts.
MAX_GROUPS = 100
#: The least number of authors of a hashtag, domain or phrase that is named.
_MIN_AUTHORS = 10
_MARKS = 4
_BY_KIND = ("link", "domain", "hashtag", "mention", "long_phrase", "phrase", "symbols")
# A key with nearly as many posts as the largest of its group may stand for it.
_NEARLY = 0.9
#: The kinds that are named by words of a post.
_TEXT_KINDS = ("symbols", "hashtag", "phrase", "long_phrase")
_PRIVATE = ("key", "example", "marks")


def identify_key(rows: Rows) -> dict[str, Any]:
    """The key as text, the row index of its first post, and marks that keys of equal posts share.

    ``rows`` are the posts of one key.
    """
    order = np.lexsort((rows["row_index"], rows["time"]))
    indices = rows["row_index"].astype(np.uint64)
    marks = []
    for seed in range(1, _MARKS + 1):
        mixed = (indices + np.uint64(seed)) * np.uint64(0x9E3779B97F4A7C15 + 2 * seed)
        mixed = (mixed ^ (mixed >> np.uint64(31))) * np.uint64(0xBF58476D1CE4E5B9)
        marks.append(f"{seed}:{int(np.min(mixed ^ (mixed >> np.uint64(29))))}")
    return {
        "key": f"{int(rows['key'][0]):016x}",
        "example": int(rows["row_index"][order[0]]),
        "marks": marks,
    }


def group_keys(found: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """One key for each group of keys of nearly the same posts, those with the most posts first.

    ``keys`` is added: how many keys the group has.
    """
    parent = list(range(len(found)))

    def find_root(at: int) -> int:
        while parent[at] != at:
            parent[at] = parent[parent[at]]
            at = parent[at]
        return at

    first: dict[str, int] = {}
    for number, row in enumerate(found):
        for mark in row["marks"]:
            one, other = find_root(first.setdefault(mark, number)), find_root(number)
            parent[max(one, other)] = min(one, other)
    groups: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for number, row in enumerate(found):
        groups[find_root(number)].append(row)
    chosen = []
    for rows in groups.values():
        most = max(row["posts"] for row in rows)
        best = min(
            (row for row in rows if row["posts"] >= _NEARLY * most),
            key=lambda row: (_BY_KIND.index(row["kind"]), -row["posts"], row["key"]),
        )
        chosen.append(best | {"keys": len(rows)})
    return sorted(chosen, key=lambda row: (-row["posts"], row["key"]))[:MAX_GROUPS]


def name_groups(
    inputs: BarrierInput, parts: PartIndex, groups: Sequence[dict[str, Any]]
) -> list[dict[str, Any]]:
    """The facts about groups as the manifest lists them, with ``name`` or null, and ``hash``."""
    pseudonymizer = Pseudonymizer(load_key(inputs.key_path), "keyed")
    by_part: dict[int, list[tuple[str, int, int]]] = defaultdict(list)
    for number, group in enumerate(groups):
        part = int(np.searchsorted(parts.part_offsets[1:], group["example"], side="right"))
        row = group["example"] - int(parts.part_offsets[part])
        by_part[part].append((group["key"], row, number))
    tasks = [
        NameKeys(
            inputs.parts[part].posts,
            parts.work_dir / "named" / f"{part:06d}.json",
            tuple(wanted),
            inputs.later_filters,
            inputs.key_path,
        )
        for part, wanted in sorted(by_part.items())
    ]
    found: dict[int, str | None] = {}
    for facts in run_tasks(inputs.run, tasks, "naming"):
        found.update((number, name) for number, name in facts["names"])
    hashes = pseudonymizer.pseudonymize_authors(
        pl.Series([f"influence:{group['key']}" for group in groups], dtype=pl.String)
    )
    return [
        {
            "name": found[number] if _is_nameable(group) else None,
            "hash": code[:16],
            **{name: value for name, value in group.items() if name not in _PRIVATE},
        }
        for number, (group, code) in enumerate(zip(groups, hashes, strict=True))
    ]


def _is_nameable(group: dict[str, Any]) -> bool:
    """Whether so many authors wrote the key that it says nothing of one of them."""
    return bool(group["kind"] == "mention" or group["authors"] >= _MIN_AUTHORS)


@dataclass(frozen=True)
class NameKeys(ResumableTask):
    """Name keys by posts of one part that have them.

    ``wanted`` has for each the key, the row of the post and a number. The facts are the numbers
    with the names, null for what has none.
    """

    posts: Path
    receipt: Path
    wanted: tuple[tuple[str, int, int], ...]
    later_filters: output_texts.StageChain
    key_path: Path | str

    def write(self) -> Written:
        """Find the names; there are no files."""
        posts = output_texts.read_posts(self.posts)[[row for _, row, _ in self.wanted]]
        found = [int(key, 16) for key, _, _ in self.wanted]
        names = [self._name_key(posts[at], key) for at, key in enumerate(found)]
        is_shown = [keys.KINDS[key & 7] not in _TEXT_KINDS for key in found]
        if self._can_redact():
            chain = output_texts.select_text_stages(self.later_filters)
            shown = posts.with_columns(pl.Series("text", names, dtype=pl.String))
            both = output_texts.rewrite_texts(pl.concat([shown, posts]), chain, self.key_path)
            alone = both[: len(found)]
            posts = posts.with_columns(both[len(found) :].alias("text"))
            is_shown = [
                is_shown[at]
                or (alone[at] == names[at] and self._name_key(posts[at], key) is not None)
                for at, key in enumerate(found)
            ]
        numbered = zip((number for _, _, number in self.wanted), names, is_shown, strict=True)
        return Written([], {"names": [[n, name if show else None] for n, name, show in numbered]})

    def _can_redact(self) -> bool:
        """Whether ``pii`` will see the posts, or has."""
        columns = pl.scan_parquet(self.posts, glob=False).collect_schema().names()
        later = any(name == "pii" for name, _ in self.later_filters)
        return later or any(name.startswith("pii_") for name in columns)

    def _name_key(self, post: pl.DataFrame, key: int) -> str | None:
        """The name of a key, from a post that has it; None if the post has not."""
        from corpus.influence import kernel

        features = keys.split(post["text"])
        kind = keys.KINDS[key & 7]
        where, first, last = kernel.find_phrase(
            features.words, features.extras, features.kinds, np.uint64(key)
        )
        if where < 0:
            return None
        if where == 0:
            span = features.begins[first], features.ends[last - 1]
        else:
            span = features.firsts[first], features.lasts[first]
        text = features.data[int(span[0]) : int(span[1])].tobytes().decode()
        if kind == "mention":
            pseudonymizer = Pseudonymizer(load_key(self.key_path), "keyed")
            name = pl.Series([f"{post['platform'][0]}:{text}"])
            return str(pseudonymizer.pseudonymize_authors(name)[0])
        if kind in ("domain", "link"):
            domain = keys.find_domain(text.partition("/")[0])
            return domain if kind == "domain" else f"{domain}/…"
        return f"#{text}" if kind == "hashtag" else text
