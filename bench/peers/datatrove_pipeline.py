"""Run datatrove's equivalent of a build, in which every post passes through every stage.

    python bench/peers/datatrove_pipeline.py POSTS.jsonl FOLDER LID_MODEL [--as-configured]

It runs in datatrove's own virtual environment (``bench.speed.end_to_end`` makes it and runs this
file), without network. The stages, their order and their settings are those of datatrove's FineWeb
recipe, without those for web pages (URL filter, HTML extraction, C4) and the token counter:
JsonlReader, LanguageFilter, GopherRepetitionFilter, GopherQualityFilter, FineWebQualityFilter,
JsonlWriter (plain, not gzip, which saves it time); then MinHash in four steps (14 buckets of 8
hashes, 5-grams), PIIFormatter, ParquetWriter. One task, one worker.

Gopher's and FineWeb's rules reject nearly every post, so with their own thresholds the later stages
would have nothing to do. Here no post can break a threshold, but no rule is switched off: each one
measures each post, and passes it on. ``--as-configured`` uses datatrove's own thresholds.

The language model is a local file: ``FT176LID.MODEL_URL`` names a path instead of an address and
datatrove "downloads" it by copying. It is lid.176.ftz, as in our own filter; datatrove's default
is the larger lid.176.bin, which would need the network.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

_NEVER = float("inf")
_PASS_QUALITY: dict[str, Any] = {
    "min_doc_words": -1,
    "max_doc_words": _NEVER,
    "min_avg_word_length": -1,
    "max_avg_word_length": _NEVER,
    "max_symbol_word_ratio": _NEVER,
    "max_bullet_lines_ratio": _NEVER,
    "max_ellipsis_lines_ratio": _NEVER,
    "max_non_alpha_words_ratio": -1,
    "min_stop_words": -1,
}
_PASS_REPETITION: dict[str, Any] = {
    "dup_line_frac": _NEVER,
    "dup_para_frac": _NEVER,
    "dup_line_char_frac": _NEVER,
    "dup_para_char_frac": _NEVER,
    "top_n_grams": tuple((n, _NEVER) for n in (2, 3, 4)),
    "dup_n_grams": tuple((n, _NEVER) for n in (5, 6, 7, 8, 9, 10)),
}
_PASS_FINEWEB: dict[str, Any] = {
    "line_punct_thr": -1,
    "short_line_thr": _NEVER,
    "char_duplicates_ratio": _NEVER,
    "new_line_ratio": _NEVER,
}


def main(posts: Path, folder: Path, model: Path, as_configured: bool) -> None:
    """Run the pipeline and write ``steps.json``: the posts and the seconds of each step."""
    # Before datatrove is imported, which reads them: its cache here, and no network.
    os.environ["HF_HOME"] = str(folder / "cache")
    os.environ["HF_HUB_OFFLINE"] = "1"
    runs = _runs(posts, folder, model, as_configured)
    steps: list[dict[str, Any]] = []
    for name, (tasks, pipeline) in runs.items():
        steps += _run(name, pipeline, tasks, folder / "logs" / name)
        if not any(
            (folder / "judged").glob("*")
        ):  # no post was kept, and datatrove would stop here
            break
    (folder / "steps.json").write_text(json.dumps(steps, indent=1), encoding="utf-8")


def _runs(
    posts: Path, folder: Path, model: Path, as_configured: bool
) -> dict[str, tuple[int, list[Any]]]:
    """Return the runs in order: name, number of tasks, pipeline."""
    from datatrove.pipeline.dedup import (  # type: ignore[import-not-found]
        MinhashDedupBuckets,
        MinhashDedupCluster,
        MinhashDedupFilter,
        MinhashDedupSignature,
    )
    from datatrove.pipeline.dedup.minhash import MinhashConfig  # type: ignore[import-not-found]
    from datatrove.pipeline.filters import (  # type: ignore[import-not-found]
        FineWebQualityFilter,
        GopherQualityFilter,
        GopherRepetitionFilter,
        LanguageFilter,
    )
    from datatrove.pipeline.formatters import PIIFormatter  # type: ignore[import-not-found]
    from datatrove.pipeline.readers import JsonlReader  # type: ignore[import-not-found]
    from datatrove.pipeline.writers import (  # type: ignore[import-not-found]
        JsonlWriter,
        ParquetWriter,
    )
    from datatrove.utils.lid import FT176LID  # type: ignore[import-not-found]

    FT176LID.MODEL_URL = str(model)
    judged, signatures = str(folder / "judged"), str(folder / "signatures")
    buckets, remove = str(folder / "buckets"), str(folder / "remove")
    minhash = MinhashConfig(num_buckets=14, hashes_per_bucket=8, n_grams=5)
    judge = [
        JsonlReader(str(posts.parent), glob_pattern=posts.name),
        # label_only writes the language of each post and keeps the post.
        LanguageFilter("en", label_only=not as_configured),
        GopherRepetitionFilter(**({} if as_configured else _PASS_REPETITION)),
        GopherQualityFilter(**({} if as_configured else _PASS_QUALITY)),
        FineWebQualityFilter(**({} if as_configured else _PASS_FINEWEB)),
        JsonlWriter(judged, compression=None),
    ]
    return {
        "judge": (1, judge),
        "signatures": (1, [JsonlReader(judged), MinhashDedupSignature(signatures, minhash)]),
        "buckets": (
            minhash.num_buckets,
            [MinhashDedupBuckets(signatures, buckets, config=minhash)],
        ),
        "cluster": (1, [MinhashDedupCluster(buckets, remove, config=minhash)]),
        "finish": (
            1,
            [
                JsonlReader(judged),
                MinhashDedupFilter(remove),
                PIIFormatter(),
                ParquetWriter(str(folder / "out"), compression="zstd"),
            ],
        ),
    }


def _run(name: str, pipeline: list[Any], tasks: int, logs: Path) -> list[dict[str, Any]]:
    from datatrove.executor import LocalPipelineExecutor  # type: ignore[import-not-found]

    began = time.perf_counter()
    LocalPipelineExecutor(pipeline, tasks=tasks, workers=1, logging_dir=str(logs)).run()
    wall = time.perf_counter() - began
    steps = json.loads((logs / "stats.json").read_text(encoding="utf-8"))
    return [
        {
            "run": name,
            "wall": wall,
            "step": step["name"],
            "seconds": _total(step["time_stats"]),
            "posts": _total(step["stats"].get("total", 0)),
            "kept": _total(step["stats"].get("forwarded", 0)),
        }
        for step in steps
    ]


def _total(value: Any) -> float:
    return float(value["total"] if isinstance(value, dict) else value)


if __name__ == "__main__":
    paths = [Path(argument).resolve() for argument in sys.argv[1:4]]
    main(paths[0], paths[1], paths[2], "--as-configured" in sys.argv[4:])
