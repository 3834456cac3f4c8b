"""Build a corpus from each real sample in ../shared/data and print its funnel.

``python -m bench.quality.real_funnels [DATA] [OUT]`` reads every post of every file, and checks
that the counts balance.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import yaml

import corpus
from bench.measure import ROOT, SHARED_DATA
from corpus.manifest import find_imbalances

# The stages of the shipped plan for English.
STAGES: list[dict[str, Any]] = yaml.safe_load(
    (ROOT / "configs" / "reddit.yaml").read_text(encoding="utf-8")
)["stages"]
NEWS = {
    "platform": "hackernews",
    "fields": {
        "id": "id",
        "text": "title",
        "author": "author",
        "created_at": "created_at",
        "score": "num_points",
        "replies": "num_comments",
    },
}


def sources(data: Path) -> list[tuple[str, Path, dict[str, Any]]]:
    """Return reader, file and settings for each real sample."""
    found = [("reddit", path, {}) for path in sorted((data / "reddit").glob("*.zst"))]
    found += [("x_stream", path, {}) for path in sorted((data / "x_v1").glob("*.json"))]
    found += [("x_stream", path, {}) for path in sorted((data / "x_v1/extended").glob("*.json"))]
    found += [("x_api", path, {}) for path in sorted((data / "x_v2").glob("*.json*"))]
    return [*found, ("table", data / "hackernews" / "hacker_news.csv", NEWS)]


def main(data: Path, out: Path) -> None:
    """Build each file by itself; print a line for each file and its drops by stage."""
    for number, (reader, path, settings) in enumerate(sources(data)):
        plan = {
            "sources": [{reader: {"path": str(path), **settings}}],
            "stages": STAGES,
            "output": {"path": str(out / f"{number:02d}")},
            "run": {"runner": "serial"},
        }
        name = path.relative_to(data)
        try:
            manifest = corpus.build(plan, replace=True)
        except corpus.errors.BuildError as error:
            print(f"{name}: {error}")
            continue
        totals = manifest["totals"]
        print(
            f"{name}: read {totals['read']} = refused {totals['refused']} "
            f"{manifest['refused'] or ''} + dropped {totals['dropped']} + kept {totals['kept']}"
            f"{'' if not find_imbalances(manifest) else '  DOES NOT BALANCE'}"
        )
        for row in manifest["funnel"]:
            if row["dropped"]:
                print(f"    {row['stage']}: {row['dropped']}")
        redacted = corpus.load(out / f"{number:02d}").scan().collect()
        pii = {c[4:]: int(redacted[c].sum()) for c in redacted.columns if c.startswith("pii_")}
        print(f"    redacted: { {name: count for name, count in pii.items() if count} }")


if __name__ == "__main__":
    given = [Path(argument) for argument in sys.argv[1:]]
    main(*(given + [SHARED_DATA, Path("out/real")][len(given) :]))
