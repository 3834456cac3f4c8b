"""A model file is held to its own counts before fastText trusts them."""

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

# Where the header's numbers stand.
ARGS = {name: 8 + 4 * at for at, name in enumerate(
    ("dim", "ws", "epoch", "min_count", "neg", "word_ngrams", "loss", "model", "bucket", "minn",
     "maxn"))}  # fmt: skip
SIZE, WORDS, LABELS, PRUNED = 64, 68, 72, 84
ENTRIES = 92


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return train_on_recipes(tmp_path_factory.mktemp("model"), "small.ftz").model.read_bytes()


def test_sound_models_are_read(whole: bytes, tmp_path: Path) -> None:
    (tmp_path / "m.ftz").write_bytes(whole)
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
def test_a_number_that_cannot_be_is_refused(
    whole: bytes, tmp_path: Path, at: int, form: str, value: int
) -> None:
    changed = bytearray(whole)
    struct.pack_into(form, changed, at, value)
    (tmp_path / "m.ftz").write_bytes(changed)
    with pytest.raises(ValueError, match=r"m\.ftz is not a usable fastText model"):
        fasttext.load_model(tmp_path / "m.ftz")


def test_words_and_labels_stand_where_they_should(whole: bytes, tmp_path: Path) -> None:
    tail = whole.index(b"\0", ENTRIES) + 9
    assert whole[tail] == 0, "the first entry is a word"
    (tmp_path / "m.ftz").write_bytes(whole[:tail] + b"\1" + whole[tail + 1 :])
    with pytest.raises(ValueError, match="cut short or damaged"):
        fasttext.load_model(tmp_path / "m.ftz")


def test_changed_bytes_end_no_process() -> None:
    command = [sys.executable, "-m", "bench.faults.fuzz_models", "--flips", "60"]
    found = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert (found.returncode, found.stderr) == (0, "")
    assert "predicted" in found.stdout and "refused" in found.stdout
    assert "crashed" not in found.stdout
