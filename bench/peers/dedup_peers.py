"""Deduplicate posts with a peer's MinHash, as its documentation has it.

    python bench/dedup_peers.py PEER POSTS.jsonl FOLDER THRESHOLD BANDS ROWS

It runs in the peers' own virtual environment (``bench.peers.environment`` makes it and starts this file),
without network, on one core. A line of POSTS holds ``id``, ``text`` (folded already) and
``shingles`` (texts). The answer, in FOLDER/kept.json: the ids that stay, the seconds for
signatures alone, and for all. The settings are ours: bands, rows, shingles of two words.

* ``datatrove``: its four steps. It makes its own shingles of the same width.
* ``datasketch``: ``MinHash.bulk``, then ``MinHashLSH``: a post with any earlier post in one of its
  buckets leaves. No candidate is verified: that is how its documentation and the tools built on
  it use it.
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
    """Four steps, one task each but for the buckets. The threshold is what bands and rows make."""
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
    places = {name: str(folder / name) for name in ("signatures", "buckets", "remove", "kept")}
    writer = JsonlWriter(places["kept"], compression=None)
    steps = [
        (1, [reader, MinhashDedupSignature(places["signatures"], config)]),
        (bands, [MinhashDedupBuckets(places["signatures"], places["buckets"], config=config)]),
        (1, [MinhashDedupCluster(places["buckets"], places["remove"], config=config)]),
        (1, [reader, MinhashDedupFilter(places["remove"]), writer]),
    ]
    signing = 0.0
    for number, (tasks, pipeline) in enumerate(steps):
        logs = folder / "logs" / str(number)
        LocalPipelineExecutor(pipeline, tasks=tasks, workers=1, logging_dir=str(logs)).run()
        if number == 0:
            told = json.loads((logs / "stats.json").read_text(encoding="utf-8"))
            # The reader's time is inside that of the step that pulls on it, so it is taken off.
            taken = [step["time_stats"]["total"] for step in told]
            signing = taken[-1] if len(taken) == 1 else max(taken) - min(taken)
    kept = []
    for file in sorted(Path(places["kept"]).iterdir()):
        kept += [json.loads(line)["id"] for line in file.read_text(encoding="utf-8").splitlines()]
    return kept, signing


def datasketch(posts: Path, folder: Path, threshold: float, bands: int, rows: int) -> Any:
    """Signatures in bulk; then ask and insert, one after another."""
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
    """Signatures; then ask, verify by the estimate, and insert."""
    from rensa import RMinHash, RMinHashLSH  # type: ignore[import-not-found]

    known = _load(posts)
    began = time.perf_counter()
    sketches = RMinHash.from_token_sets([row["shingles"] for row in known], bands * rows, 42)
    signing = time.perf_counter() - began
    lsh = RMinHashLSH(threshold, bands * rows, bands)
    kept = []
    for place, row in enumerate(known):
        sketch = sketches[place]
        if not any(sketches[other].jaccard(sketch) >= threshold for other in lsh.query(sketch)):
            lsh.insert(place, sketch)
            kept.append(row["id"])
    return kept, signing


def _load(posts: Path) -> Posts:
    return [json.loads(line) for line in posts.read_text(encoding="utf-8").splitlines()]


PEERS = {"datatrove": datatrove, "datasketch": datasketch, "rensa": rensa}

if __name__ == "__main__":
    name, file, where = sys.argv[1], Path(sys.argv[2]).resolve(), Path(sys.argv[3]).resolve()
    begin = time.perf_counter()
    stays, seconds = PEERS[name](
        file, where, float(sys.argv[4]), int(sys.argv[5]), int(sys.argv[6])
    )
    answer = {"kept": stays, "signing": seconds, "seconds": time.perf_counter() - begin}
    (where / "kept.json").write_text(json.dumps(answer), encoding="utf-8")
