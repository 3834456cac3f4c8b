"""Change bytes of fastText model files, and check that each is refused or predicts.

``python -m bench.faults.fuzz_models [--flips 2000] [MODEL …]``. Without models: lid.176, and one of
``corpus train`` in either form. Every changed file is loaded in a process of its own, which may
raise an error and must not crash.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import struct
import sys
import tempfile
import warnings
from collections import Counter
from pathlib import Path

import numpy as np
import polars as pl

from corpus.training import fit_fasttext
from filters import language
from filters.text import fasttext

TEXTS = ["hello there my friends", "kettle violin soup", "", "né 東京 😀", "a " * 300]
#: Values that sizes and offsets are changed to.
_SIZES = (-1, 0, 1, 2, 255, 256, 1 << 16, (1 << 31) - 1, -(1 << 31))


def models(folder: Path) -> list[Path]:
    """Return the models to change if none are given."""
    topics = ("kettle soup oven spoon", "violin drum chord song")
    texts = pl.Series([f"{topics[n % 2]} number {n}" for n in range(400)])
    settings = fit_fasttext.TrainingSettings(min_chars=1)
    fitted = fit_fasttext.fit(texts, np.arange(400, dtype=np.int32) % 2, 2, settings)
    for name in ("own.bin", "own.ftz"):
        fit_fasttext.save(fitted, ["food", "music"], [200, 200], folder / name)
    return [language.models(language.Config())[0], folder / "own.bin", folder / "own.ftz"]


def changed(whole: bytes, chance: random.Random) -> bytes:
    """Return the file with one to three changes, mostly at the beginning, where its sizes are."""
    found = bytearray(whole)
    for _ in range(chance.randrange(1, 4)):
        at = chance.randrange(chance.choice((100, 4000, len(found))))
        at = min(at, len(found) - 8)
        how = chance.randrange(4)
        if how == 0:
            found[at] ^= 1 << chance.randrange(8)
        elif how == 1:
            found[at] = chance.randrange(256)
        elif how == 2:
            struct.pack_into("<i", found, at - at % 4, chance.choice(_SIZES))
        else:
            struct.pack_into("<q", found, at - at % 4, chance.choice(_SIZES))
    return bytes(found)


def tried(path: Path) -> int:
    """Load and predict in a process of its own; return its exit status, or minus the signal."""
    child = os.fork()
    if child == 0:
        signal.alarm(60)  # a process that never ends is as bad as a crash
        try:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
            fasttext.predict_labels(fasttext.load_model(path), TEXTS, 3)
        except (ValueError, MemoryError, RuntimeError, OSError):
            os._exit(1)
        except BaseException:
            os._exit(2)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def fuzz(sources: list[Path], flips: int, folder: Path) -> Counter[str]:
    """Return how many changed files predicted, were refused, crashed or raised another error."""
    outcomes = {0: "predicted", 1: "refused", 2: "another error"}
    found: Counter[str] = Counter()
    for source in sources:
        whole, chance = source.read_bytes(), random.Random(source.name)
        path = folder / f"changed{source.suffix}"
        for number in range(flips):
            path.write_bytes(changed(whole, chance))
            outcome = outcomes.get(tried(path), "crashed")
            found[outcome] += 1
            if outcome in ("crashed", "another error"):
                print(f"{source.name}, change {number}: {outcome}")
    return found


def main() -> int:
    """Fuzz, print the counts, and return 1 if a process crashed or raised another error."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--flips", type=int, default=2000, help="changed files a model")
    parser.add_argument("models", nargs="*", type=Path)
    wanted = parser.parse_args()
    # No thread of this process holds a lock that a child needs: only models are loaded.
    warnings.filterwarnings("ignore", "This process.*is multi-threaded", DeprecationWarning)
    with tempfile.TemporaryDirectory() as name:
        found = fuzz(wanted.models or models(Path(name)), wanted.flips, Path(name))
    print(
        "fastText models: " + ", ".join(f"{count:,} {outcome}" for outcome, count in found.items())
    )
    return 1 if found["crashed"] or found["another error"] else 0


if __name__ == "__main__":
    sys.exit(main())
