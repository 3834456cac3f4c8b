"""Measure what ``corpus audit`` finds: ``python -m bench.quality.audit_planted [DETAILS]``.

It builds a corpus, writes 10,000 (``DETAILS``) invented details into the texts of its shards, in
every context of ``pii_contexts``, and one into every column and page beside them; then the audit's
independent detector reads all. A table gives the share found by entity and by context. The exit
status is 1 if less than .98 of the details of any entity in texts, or not every one beside the
texts, is found.
"""

from __future__ import annotations

import json
import random
import sys
import tempfile
from collections import defaultdict
from collections.abc import Collection, Iterator
from itertools import cycle
from pathlib import Path
from typing import NamedTuple

import polars as pl

import corpus
from bench.quality.contexts import CONTEXTS
from bench.quality.invented_details import MAKERS, NATIONAL_MAKERS
from bench.sample import write_sample
from corpus.journal import CorpusFiles
from corpus.maintenance.audit import audit
from corpus.maintenance.audit_files import check_files_for_contact_data, find_in_values
from corpus.maintenance.contact_data import ENTITIES, ContactDataDetector, DetectorSettings
from corpus.maintenance.national_numbers import NATIONAL_ENTITIES

_TARGET = 0.98
_MAKERS = {**MAKERS, **NATIONAL_MAKERS}
_COLUMNS = ("community", "license", "lang_hint", "source_file")


class Planted(NamedTuple):
    """A detail in the text of a row."""

    entity: str
    context: str
    text: str


def invent_texts(count: int, seed: int = 8) -> Iterator[Planted]:
    """Yield details, each with its context: every entity in every context that can have it."""
    rng = random.Random(seed)
    cells = [(context, entity) for context in CONTEXTS for entity in _MAKERS]
    made = 0
    for context, entity in cycle(cells):
        text = context.write(_MAKERS[entity](rng), entity, rng)
        if text is not None:
            yield Planted(entity, f"{context.group}: {context.name}", text)
            made += 1
        if made == count:
            return


def _build_corpus(folder: Path, posts: int) -> Path:
    described = write_sample(folder / "posts.jsonl", posts)
    fields = {"id": "id", "text": "text", "author": "author"}
    source = {"path": str(folder / "posts.jsonl"), "platform": "x", "fields": fields}
    out = folder / "out"
    corpus.build(
        {
            "sources": [{"table": source}],
            "stages": [{"consent": {}}, {"pii": {}}],
            "output": {"path": str(out)},
            "run": {"runner": "serial"},
        }
    )
    print(f"a corpus of {described}")
    return out


def main() -> int:
    """Build, plant, detect; print the shares and return the exit status."""
    wanted = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    settings = DetectorSettings(entities=(*ENTITIES, *NATIONAL_ENTITIES))
    detector = ContactDataDetector(settings)
    with tempfile.TemporaryDirectory() as name:
        out = _build_corpus(Path(name), wanted * 5 // 4)
        shards = sorted((out / "shards").glob("*.parquet"))
        posts = pl.concat(pl.read_parquet(shard) for shard in shards)
        before = detector.count(posts["text"])
        print(f"before planting: details in {len(before):,} of {posts.height:,} texts")
        for check in audit(out)["checks"]:
            print(f"  {'ok  ' if check['passed'] else 'FAIL'}  {check['name']}: {check['found']}")
        rows = [row for row in range(posts.height) if row not in before][:wanted]
        planted = list(invent_texts(len(rows)))
        texts = posts["text"].gather(rows).to_list()
        texts = [f"{text}\n\n{each.text}" for text, each in zip(texts, planted, strict=True)]
        found = detector.count(pl.Series(texts))
        low = _print_shares(planted, found.keys())
        missed = [*_plant_columns(posts, detector), *_plant_files(out, detector)]
        print(f"beside the texts, not found: {', '.join(missed) or 'nothing'}")
    return 1 if low or missed else 0


def _print_shares(planted: list[Planted], hits: Collection[int]) -> bool:
    """Print the shares by context and by entity; return whether an entity is below the target."""
    by_context: defaultdict[str, list[bool]] = defaultdict(list)
    by_entity: defaultdict[str, list[bool]] = defaultdict(list)
    for row, each in enumerate(planted):
        by_context[each.context].append(row in hits)
        by_entity[each.entity].append(row in hits)
    for group in (by_context, by_entity):
        for name, seen in group.items():
            print(f"{sum(seen) / len(seen):6.3f}  {name}")
        print()
    share = sum(row in hits for row in range(len(planted))) / len(planted)
    print(
        f"{share:.4f} of {len(planted):,} details planted in {len(by_context)} contexts are found"
    )
    low = [name for name, seen in by_entity.items() if sum(seen) / len(seen) < _TARGET]
    print(f"entities below {_TARGET}: {', '.join(low) or 'none'}")
    return bool(low)


def _plant_columns(posts: pl.DataFrame, detector: ContactDataDetector) -> Iterator[str]:
    """Plant one detail of each entity in each column; yield those that are not found."""
    rng = random.Random(9)
    for entity, make in _MAKERS.items():
        for column in _COLUMNS:
            detail = make(rng).text
            value = f"{detail}.jsonl" if column == "source_file" else detail
            values = posts[column].cast(pl.String).head(50).extend(pl.Series([value]))
            if value not in find_in_values(values, detector):
                yield f"{entity} in {column}"


def _plant_files(out: Path, detector: ContactDataDetector) -> Iterator[str]:
    """Plant one detail of each entity in each page beside the shards, and in a file's name."""
    rng = random.Random(10)
    before = check_files_for_contact_data(CorpusFiles(out), detector)
    print(f"files before planting: {before.found}")
    for page in ("manifest.json", "statistics.json", "plan.yaml", "README.md", "report.html"):
        path = out / page
        content = path.read_text(encoding="utf-8")
        for entity, make in _MAKERS.items():
            detail = make(rng).text
            path.write_text(_add_to_page(page, content, detail), encoding="utf-8")
            if page not in check_files_for_contact_data(CorpusFiles(out), detector).where:
                yield f"{entity} in {page}"
        path.write_text(content, encoding="utf-8")
    (out / "notes-anna.finch@beeswax.org.txt").touch()
    if check_files_for_contact_data(CorpusFiles(out), detector).passed:
        yield "an address in a file's name"


def _add_to_page(page: str, content: str, detail: str) -> str:
    if page.endswith(".json"):
        return json.dumps({**json.loads(content), "note": f"by {detail}"})
    if page.endswith(".html"):
        escaped = detail.replace("<", "&lt;")
        return content.replace("</body>", f"<p>by {escaped}</p></body>")
    if page.endswith(".yaml"):
        return content + f"note: {json.dumps(f'by {detail}')}\n"
    return content + f"\nby {detail}\n"


if __name__ == "__main__":
    sys.exit(main())
