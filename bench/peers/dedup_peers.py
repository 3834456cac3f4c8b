"""Deduplicate posts with a peer's MinHash, as its documentation shows it.

    python bench/peers/dedup_peers.py PEER POSTS.jsonl FOLDER THRESHOLD BANDS ROWS

It runs in the peers' own virtual environment (``bench.peers.environment`` makes it), without
network, on one core. A line of POSTS has ``id``, ``text`` (normalized already) and ``shingles``
(texts). FOLDER/kept.json gets the ids that are kept, the seconds for signatures alone, and the
seconds for all. The settings are ours: bands, rows, shingles of two words.

* ``datatrove``: its four steps. It makes its own shingles of the same width.
* ``datasketch``: ``MinHash.bulk``, then ``MinHashLSH``: a post with any earlier post in one of its
  buckets is dropped. No candidate is verified: its documentation, and the tools built on it, use it
  in this way.
* ``rensa``: ``RMinHash`` and ``RMinHashLSH``; a candidate is verified by the signatures' estimate.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

Posts = list[dict[str, Any]]


def datatrove(posts: Path, folder: Path, threshold: float, bands: int, rows: int) -> Any:
    """Run four steps; bands and rows alone make the threshold."""
    os.environ["HF_HOME"] = str(folder / "cache")
    os.environ["HF_HUB_OFFLINE"] = "1"
    from datatrove.executor import LocalPipelineExecutor  # type: ignore[import-not-found]
    from datatrove.pipeline.dedup import (  # type: ignore[import-not-found]
        MinhashDedupBuckets,
        MinhashDedupCluster,
        MinhashDedupFilter,
        MinhashDedupSignature,
    )
    from datatrove.pipeline.dedup.minhash import MinhashConfig  # type: ignore[import-not-found]
    from datatrove.pipeline.readers import JsonlReader  # type: ignore[import-not-found]
    from datatrove.pipeline.writers import JsonlWriter  # type: ignore[import-not-found]

    config = MinhashConfig(num_buckets=bands, hashes_per_bucket=rows, n_grams=2)
    reader = JsonlReader(str(posts.parent), glob_pattern=posts.name)
    folders = {name: str(folder / name) for name in ("signatures", "buckets", "remove", "kept")}
    writer = JsonlWriter(folders["kept"], compression=None)
    steps = [
        (1, [reader, MinhashDedupSignature(folders["signatures"], config)]),
        (bands, [MinhashDedupBuckets(folders["signatures"], folders["buckets"], config=config)]),
        (1, [MinhashDedupCluster(folders["buckets"], folders["remove"], config=config)]),
        (1, [reader, MinhashDedupFilter(folders["remove"]), writer]),
    ]
    signing = 0.0
    for number, (tasks, pipeline) in enumerate(steps):
        logs = folder / "logs" / str(number)
        LocalPipelineExecutor(pipeline, tasks=tasks, workers=1, logging_dir=str(logs)).run()
        if number == 0:
            statistics = json.loads((logs / "stats.json").read_text(encoding="utf-8"))
            # The time of a step includes that of the reader it pulls from, which is subtracted.
            taken = [step["time_stats"]["total"] for step in statistics]
            signing = taken[-1] if len(taken) == 1 else max(taken) - min(taken)
    kept = []
    for file in sorted(Path(folders["kept"]).iterdir()):
        kept += [json.loads(line)["id"] for line in file.read_text(encoding="utf-8").splitlines()]
    return kept, signing


def datasketch(posts: Path, folder: Path, threshold: float, bands: int, rows: int) -> Any:
    """Make signatures in bulk; then query and insert one post after another."""
    from datasketch import MinHash, MinHashLSH

    known = _load(posts)
    sets = [[piece.encode() for piece in row["shingles"]] for row in known]
    began = time.perf_counter()
    sketches = MinHash.bulk(sets, num_perm=bands * rows)
    signing = time.perf_counter() - began
    lsh = MinHashLSH(num_perm=bands * rows, params=(bands, rows))
    kept = []
    for row, sketch in zip(known, sketches, strict=True):
        if not lsh.query(sketch):
            lsh.insert(row["id"], sketch)
            kept.append(row["id"])
    return kept, signing


def rensa(posts: Path, folder: Path, threshold: float, bands: int, rows: int) -> Any:
    """Make signatures; then query, verify by the estimate, and insert."""
    from rensa import RMinHash, RMinHashLSH  # type: ignore[import-not-found]

    known = _load(posts)
    began = time.perf_counter()
    sketches = RMinHash.from_token_sets([row["shingles"] for row in known], bands * rows, 42)
    signing = time.perf_counter() - began
    lsh = RMinHashLSH(threshold, bands * rows, bands)
    kept = []
    for number, row in enumerate(known):
        sketch = sketches[number]
        if not any(sketches[other].jaccard(sketch) >= threshold for other in lsh.query(sketch)):
            lsh.insert(number, sketch)
            kept.append(row["id"])
    return kept, signing


def _load(posts: Path) -> Posts:
    return [json.loads(line) for line in posts.read_text(encoding="utf-8").splitlines()]


PEERS = {"datatrove": datatrove, "datasketch": datasketch, "rensa": rensa}

if __name__ == "__main__":
    name, file, where = sys.argv[1], Path(sys.argv[2]).resolve(), Path(sys.argv[3]).resolve()
    begin = time.perf_counter()
    kept_ids, seconds = PEERS[name](
        file, where, float(sys.argv[4]), int(sys.argv[5]), int(sys.argv[6])
    )
    answer = {"kept": kept_ids, "signing": seconds, "seconds": time.perf_counter() - begin}
    (where / "kept.json").write_text(json.dumps(answer), encoding="utf-8")
