"""The programs that an export is for read it, in an environment of their own.

The environment is made once, in a cache folder of the user, with pip; ``CONSUMERS_VENV`` names
another one. Where no package registry answers, the tests are skipped.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

import corpus
from tests.loader.test_memmap import trained
from tests.output.export.test_export_corpus import export
from tests.support.corpora import make

pytestmark = pytest.mark.slow

#: First with what they depend on; then alone, as the clients of stores that these name are many.
WITH_DEPENDENCIES = ["torch==2.13.0", "numpy", "packaging", "tqdm", "requests", "pyyaml"]
ALONE = [
    "webdataset==1.0.2", "braceexpand", "megatron-core", "litdata==0.2.76",
    "lightning-utilities", "tifffile", "boto3", "botocore", "s3transfer", "jmespath",
    "python-dateutil", "six", "obstore", "mosaicml-streaming==0.13.0", "Brotli", "python-snappy",
    "zstd", "xxhash", "pillow", "cramjam", "catalogue", "omegaconf", "antlr4-python3-runtime",
    "datatrove==0.10.1", "dill", "multiprocess", "humanize", "loguru", "huggingface_hub", "hf-xet",
    "transformers", "regex", "tokenizers", "safetensors", "httpx2", "httpcore2", "anyio", "h11",
    "truststore", "typer",
]  # fmt: skip
INSTALL_SECONDS = 1200
READ_SECONDS = 300

MDS = """
import importlib.machinery
# streaming imports torchvision, which is bound to one build of torch, for its images alone.
for name in ("", ".datasets", ".transforms", ".transforms.functional"):
    module = types.ModuleType("torchvision" + name)
    module.__path__ = []
    module.__spec__ = importlib.machinery.ModuleSpec(module.__name__, None)
    sys.modules[module.__name__] = module
sys.modules["torchvision.datasets"].VisionDataset = object
sys.modules["torchvision.transforms.functional"].to_tensor = None
import streaming

data = streaming.StreamingDataset(local=folder, batch_size=1, shuffle=False)
found = [data[number] for number in range(len(data))]
"""
LITDATA = """
import litdata

data = litdata.StreamingDataset(folder)
found = [data[number] for number in range(len(data))]
"""
WEBDATASET = """
import glob, webdataset

tars = sorted(glob.glob(folder + "/*.tar"))
samples = webdataset.WebDataset(tars, shardshuffle=False).decode()
found = [sample["json"] | {"text": sample["txt"]} for sample in samples]
"""
MEGATRON = """
import glob
from megatron.core.datasets.indexed_dataset import IndexedDataset

found = []
for path in sorted(glob.glob(folder + "/*.idx")):
    data = IndexedDataset(path.removesuffix(".idx"))
    assert data.document_indices.tolist() == list(range(len(data) + 1))
    found += [data[number].tolist() for number in range(len(data))]
"""
DATATROVE = """
from datatrove.utils.dataset import DatatroveFolderDataset

data = DatatroveFolderDataset(folder, 16, token_size=2, return_positions=True)
found = [[block["input_ids"].tolist(), block["positions"].tolist()] for block in data]
"""


@pytest.fixture(scope="module")
def python() -> str:
    """A Python that has the programs."""
    if given := os.environ.get("CONSUMERS_VENV"):
        return f"{given}/bin/python"
    digest = hashlib.sha256(json.dumps([WITH_DEPENDENCIES, ALONE]).encode()).hexdigest()[:12]
    caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = caches / "social-corpus-tests" / f"consumers-{digest}"
    if not (folder / "installed").exists():
        pip = [str(folder / "bin/python"), "-m", "pip", "install", "--quiet", "--no-input"]
        steps = [
            [sys.executable, "-m", "venv", "--clear", str(folder)],
            [*pip, *WITH_DEPENDENCIES],
            [*pip, "--no-deps", *ALONE],
        ]
        for step in steps:
            _run_or_skip(step)
        (folder / "installed").touch()
    return str(folder / "bin/python")


def _run_or_skip(step: Sequence[str]) -> None:
    try:
        done = subprocess.run(step, capture_output=True, text=True, timeout=INSTALL_SECONDS)
        problem = (done.stderr.strip().splitlines() or [""])[-1] if done.returncode else ""
    except (OSError, subprocess.TimeoutExpired) as error:
        problem = type(error).__name__
    if problem:
        pytest.skip(f"the programs that read exports cannot be installed here: {problem[:200]}")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("consumers"), 100, shard_mb=0.002)


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("tokenizers", reason="the package 'tokenizers' is not installed")
    return trained(tmp_path_factory.mktemp("tokenizer") / "tokenizer.json", "<|endoftext|>")


def read(python: str, script: str, folder: Path) -> Any:
    """What a program finds in an export."""
    code = f"import json, sys, types\nfolder = {str(folder)!r}\n{script}\nprint(json.dumps(found))"
    environment = {**os.environ, "HOME": str(folder.parent), "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run(
        [python, "-c", code], capture_output=True, text=True, timeout=READ_SECONDS,
        env=environment, cwd=folder.parent,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize(
    ("format", "script"), [("mds", MDS), ("litdata", LITDATA), ("webdataset", WEBDATASET)]
)
def test_samples_are_read_by_their_program(
    python: str, built: Path, tmp_path: Path, format: str, script: str
) -> None:
    options = ("--columns", "id,text,score,source_row")
    assert export(built, tmp_path / "to", *options, format=format).returncode == 0
    found = read(python, script, tmp_path / "to")
    if format == "litdata":
        found = [row | {name: json.loads(row[name]) for name in ("score", "source_row")}
                 for row in found]  # fmt: skip
    documents = corpus.load(built).scan().select("id", "text", "score", "source_row").collect()
    assert found == documents.to_dicts()


def test_token_ids_are_read_by_megatron_and_datatrove(
    python: str, built: Path, tokenizer: Path, tmp_path: Path
) -> None:
    from tokenizers import Tokenizer

    known = Tokenizer.from_file(str(tokenizer))
    texts = corpus.load(built).scan().collect()["text"].to_list()
    end = known.token_to_id("<|endoftext|>")
    expected = [[*known.encode(text).ids, end] for text in texts]
    for format in ("megatron", "ds"):
        done = export(built, tmp_path / format, "--tokenizer", str(tokenizer), format=format)
        assert done.returncode == 0, done.stderr
    assert read(python, MEGATRON, tmp_path / "megatron") == expected
    blocks = read(python, DATATROVE, tmp_path / "ds")
    first_shard = json.loads((tmp_path / "ds/export.json").read_text())["shards"][0]["documents"]
    ids = [token for document in expected[:first_shard] for token in document]
    positions = [number for document in expected for number in range(len(document))]
    assert [block[0] for block in blocks[:20]] == [
        ids[begin : begin + 17] for begin in range(0, 340, 17)
    ]
    # A block begins at position 0, and counts anew after the end of a document in it.
    assert blocks[0][1] == positions[:17]
