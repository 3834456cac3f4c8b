"""A model file is validated against its own counts before fastText reads it."""

from __future__ import annotations

import struct
import subprocess
import sys
from pathlib import Path

import pytest

from filters import language
from filters.text import fasttext, fasttext_file
from tests.conftest import ROOT
from tests.training.test_train_classifier import train_on_recipes

# The offsets of the header's numbers.
_ARG_NAMES = (
    *("dim", "ws", "epoch", "min_count", "neg", "word_ngrams"),
    *("loss", "model", "bucket", "minn", "maxn"),
)
ARGS = {name: 8 + 4 * index for index, name in enumerate(_ARG_NAMES)}
SIZE, WORDS, LABELS, PRUNED = 64, 68, 72, 84
ENTRIES = 92


@pytest.fixture(scope="module")
def model_bytes(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return train_on_recipes(tmp_path_factory.mktemp("model"), "small.ftz").model.read_bytes()


def test_valid_models_are_read(model_bytes: bytes, tmp_path: Path) -> None:
    (tmp_path / "m.ftz").write_bytes(model_bytes)
    assert len(fasttext_file.read_validated_labels(tmp_path / "m.ftz")) == 2
    assert len(fasttext_file.read_validated_labels(language.models(language.Config())[0])) == 176


@pytest.mark.parametrize(
    ("at", "form", "value"),
    [
        (4, "<i", 9), (ARGS["dim"], "<i", 0), (ARGS["dim"], "<i", 17), (ARGS["loss"], "<i", 7),
        (ARGS["bucket"], "<i", 0), (ARGS["bucket"], "<i", -5), (ARGS["bucket"], "<i", 1 << 30),
        (ARGS["minn"], "<i", -1), (ARGS["maxn"], "<i", -(1 << 31)), (ARGS["word_ngrams"], "<i", -1),
        (SIZE, "<i", 1 << 30), (SIZE, "<i", -1), (WORDS, "<i", -3), (WORDS, "<i", 1 << 20),
        (LABELS, "<i", 3), (LABELS, "<i", 0), (PRUNED, "<q", 0), (PRUNED, "<q", 1 << 40),
    ],
)  # fmt: skip
def test_an_impossible_number_is_refused(
    model_bytes: bytes, tmp_path: Path, at: int, form: str, value: int
) -> None:
    changed = bytearray(model_bytes)
    struct.pack_into(form, changed, at, value)
    (tmp_path / "m.ftz").write_bytes(changed)
    with pytest.raises(ValueError, match=r"m\.ftz is not a usable fastText model"):
        fasttext.load_model(tmp_path / "m.ftz")


def test_a_label_among_the_words_is_refused(model_bytes: bytes, tmp_path: Path) -> None:
    tail = model_bytes.index(b"\0", ENTRIES) + 9
    assert model_bytes[tail] == 0, "the first entry is a word"
    (tmp_path / "m.ftz").write_bytes(model_bytes[:tail] + b"\1" + model_bytes[tail + 1 :])
    with pytest.raises(ValueError, match="cut short or damaged"):
        fasttext.load_model(tmp_path / "m.ftz")


def test_random_changes_do_not_crash_the_process() -> None:
    command = [sys.executable, "-m", "bench.faults.fuzz_models", "--flips", "24"]
    result = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert (result.returncode, result.stderr) == (0, "")
    assert "predicted" in result.stdout and "refused" in result.stdout
    assert "crashed" not in result.stdout
