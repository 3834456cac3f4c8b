"""Load the peers of our model: alt-profanity-check, fastText on the same rows, our last model.

Each is measured in the same run as ours. alt-profanity-check runs in an interpreter of its own
(``python -m venv peers; peers/bin/pip install alt-profanity-check``); our last model is loaded from
a folder with an earlier checkout of this repository.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from filters.contract import Filter
from filters.text.cleaning import clean_text
from filters.toxicity.scorers import load_scorer

ToxicityScorer = Callable[[pl.Series], NDArray[np.float32]]

_LOOP = (
    "import json, sys\nfor line in sys.stdin:\n    texts = json.loads(line)\n    print(json.dumps("
)
_PROFANITY = f"{_LOOP}[float(p) for p in predict_prob(texts)]), flush=True)\n"
_BEFORE = (
    f"{_LOOP}judge(pl.DataFrame({{'text': texts}}))['toxicity'].fill_null(0).to_list()), "
    "flush=True)\n"
)


def score_by(judge: Filter, *columns: str) -> ToxicityScorer:
    """Return a scorer of texts by the highest of a filter's ``columns``.

    A post in a language that no model knows has no score and is kept, so it scores 0.
    """

    def score(texts: pl.Series) -> NDArray[np.float32]:
        judged = judge(texts.to_frame("text"))
        highest = judged.select(pl.max_horizontal(columns).fill_null(0)).to_series()
        return np.asarray(highest.to_numpy(), dtype=np.float32)

    return score


def load_scorers(
    seen: pl.DataFrame, python: Path | None, before: Path | None
) -> dict[str, ToxicityScorer]:
    """Return the peers that are available, by name; ``seen`` are the posts to train fastText on."""
    return {**load_peers(python, before), "fastText, same rows": _train_fasttext(seen)}


def load_peers(python: Path | None, before: Path | None) -> dict[str, ToxicityScorer]:
    """Return alt-profanity-check and our last model, if they are available."""
    found: dict[str, ToxicityScorer] = {}
    if before:
        head = (
            "import polars as pl\nfrom filters import toxicity\n"
            "judge = toxicity.build(toxicity.Config())\n"
        )
        found["ours, before"] = _score_in_process(Path(sys.executable), head + _BEFORE, before)
    if python:
        head = "from profanity_check import predict_prob\n"
        found["alt-profanity-check"] = _score_in_process(python, head + _PROFANITY)
    else:
        print("no --peers, so alt-profanity-check is not measured\n")
    return found


def _score_in_process(python: Path, program: str, folder: Path | None = None) -> ToxicityScorer:
    """Return a scorer that runs in a process of its own, which ends with ours."""
    where = {"PYTHONPATH": str(folder.resolve())} if folder else {}
    peer = subprocess.Popen(
        [str(python), "-W", "ignore", "-c", program],
        text=True,
        cwd=folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=os.environ | where,
    )
    assert peer.stdin and peer.stdout
    requests, answers = peer.stdin, peer.stdout

    def score(texts: pl.Series) -> NDArray[np.float32]:
        requests.write(json.dumps(texts.to_list()) + "\n")
        requests.flush()
        line = answers.readline()
        if not line:
            raise SystemExit(f"the scorer in {python} ended early")
        return np.array(json.loads(line), dtype=np.float32)

    return score


def _train_fasttext(seen: pl.DataFrame) -> ToxicityScorer:
    """Train on words, word pairs and pieces of 2 to 5 letters, cleaned as ours are."""
    import fasttext

    def lines(texts: pl.Series) -> pl.Series:
        return texts.to_frame("text").select(clean_text("text").str.to_lowercase()).to_series()

    marked = seen.select(
        pl.when("offensive").then(pl.lit("__label__toxic ")).otherwise(pl.lit("__label__fine "))
        + pl.Series("text", lines(seen["text"]))
    ).to_series()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.txt"
        path.write_text("\n".join(marked.shuffle(seed=1)) + "\n", encoding="utf-8")
        # With n threads this build initializes only n tenths of its input matrix.
        model = fasttext.train_supervised(
            str(path),
            dim=50,
            epoch=6,
            lr=0.3,
            wordNgrams=2,
            minn=2,
            maxn=5,
            bucket=200_000,
            thread=10,
            seed=1,
            verbose=0,
        )
        model.save_model(str(Path(folder) / "model.bin"))
        score = load_scorer(str(Path(folder) / "model.bin"), "toxic")
    return lambda texts: score(lines(texts))
