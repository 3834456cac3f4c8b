"""Token ids as Megatron and datatrove have them, read by parsers of the tests' own."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import corpus
from corpus.errors import CorpusError
from corpus.loader.find_tokenizer import find_tokenizer
from corpus.output.export import ds, megatron
from tests.conftest import contents
from tests.loader.test_memmap import trained
from tests.output.export.test_export_corpus import export
from tests.support.commands import command
from tests.support.corpora import make

tokenizers = pytest.importorskip(
    "tokenizers", reason="the package 'tokenizers' is not installed (the extra 'tokens')"
)


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trained(tmp_path_factory.mktemp("tokenizer") / "tokenizer.json", "<|endoftext|>")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("tokens"), 100, shard_mb=0.002)


def parse_megatron(prefix: Path) -> list[list[int]]:
    """The documents of an indexed dataset, each of one sequence."""
    index, tokens = prefix.with_suffix(".idx").read_bytes(), prefix.with_suffix(".bin").read_bytes()
    assert index[:9] == b"MMIDIDX\x00\x00"
    version, code, sequences, documents = struct.unpack_from("<QBQQ", index, 9)
    dtype: Any = {8: np.dtype("<u2"), 4: np.dtype("<i4")}[code]
    assert (version, documents) == (1, sequences + 1)
    at = 34
    sizes = np.frombuffer(index, "<i4", sequences, at)
    begins = np.frombuffer(index, "<i8", sequences, at + 4 * sequences)
    firsts = np.frombuffer(index, "<i8", documents, at + 12 * sequences)
    assert len(index) == at + 12 * sequences + 8 * documents
    assert firsts.tolist() == list(range(documents))
    return [np.frombuffer(tokens, dtype, size, begin).tolist()
            for size, begin in zip(sizes, begins, strict=True)]  # fmt: skip


def parse_ds(path: Path, dtype: str = "<u2") -> list[list[int]]:
    ids = np.fromfile(path, dtype).tolist()
    ends = np.fromfile(f"{path}.index", "<u8").tolist()
    assert ends[-1] == len(ids)
    return [ids[begin:end] for begin, end in zip([0, *ends], ends, strict=False)]


def decode(tokenizer: Path, documents: list[list[int]]) -> list[str]:
    known = tokenizers.Tokenizer.from_file(str(tokenizer))
    end = known.token_to_id("<|endoftext|>")
    assert {document[-1] for document in documents} == {end}
    return [known.decode(document[:-1], skip_special_tokens=False) for document in documents]


def test_megatron_gets_every_document_with_its_end(
    built: Path, tokenizer: Path, tmp_path: Path
) -> None:
    done = export(built, tmp_path / "to", "--tokenizer", str(tokenizer), format="megatron")
    assert done.returncode == 0, done.stderr
    prefixes = sorted(path.with_suffix("") for path in (tmp_path / "to").glob("*.idx"))
    assert len(prefixes) == len(corpus.load(built).shards) > 2
    documents = [document for prefix in prefixes for document in parse_megatron(prefix)]
    assert decode(tokenizer, documents) == corpus.load(built).scan().collect()["text"].to_list()
    manifest = json.loads((tmp_path / "to/export.json").read_text())
    assert manifest["tokens"] == sum(map(len, documents))
    assert manifest["settings"]["dtype"] == "uint16"
    assert f"100 documents, {manifest['tokens']:,} tokens, in " in done.stdout


def test_nanotron_gets_every_document_with_its_end(
    built: Path, tokenizer: Path, tmp_path: Path
) -> None:
    done = export(built, tmp_path / "to", "--tokenizer", str(tokenizer), format="ds")
    assert done.returncode == 0, done.stderr
    paths = sorted((tmp_path / "to").glob("*.ds"))
    documents = [document for path in paths for document in parse_ds(path)]
    assert decode(tokenizer, documents) == corpus.load(built).scan().collect()["text"].to_list()
    about = Path(f"{paths[0]}.metadata").read_text().split("\n")
    assert about[0] == "tokenizer.json|2"
    assert int(about[1]) == sum(map(len, parse_ds(paths[0])))


def test_only_chosen_documents_have_tokens(built: Path, tokenizer: Path, tmp_path: Path) -> None:
    for name, where in (("some", "source_row <= 3"), ("none", "source_row < 0")):
        done = export(built, tmp_path / name, "--tokenizer", str(tokenizer), "--where", where,
                      format="megatron")  # fmt: skip
        assert done.returncode == 0, done.stderr
    assert len(parse_megatron(tmp_path / "some/part-00000")) == 3
    assert parse_megatron(tmp_path / "none/part-00000") == []


@pytest.mark.parametrize("module", [megatron, ds])
def test_ids_are_as_wide_as_the_vocabulary_needs(module: Any) -> None:
    wide = {megatron: "int32", ds: "uint32"}[module]
    assert [module.choose_dtype(highest) for highest in (9, 65_535, 65_536)] == [
        "uint16", "uint16", wide,
    ]  # fmt: skip


def test_wide_ids_are_four_bytes(built: Path, tmp_path: Path) -> None:
    words = {f"w{number}": number for number in range(70_000)} | {"[UNK]": 70_000, "</s>": 70_001}
    model = tokenizers.Tokenizer(tokenizers.models.WordLevel(words, unk_token="[UNK]"))
    model.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    model.save(str(tmp_path / "wide.json"))
    for format in ("megatron", "ds"):
        done = export(built, tmp_path / format, "--tokenizer", str(tmp_path / "wide.json"),
                      format=format)  # fmt: skip
        assert done.returncode == 0, done.stderr
    first = parse_megatron(tmp_path / "megatron/part-00000")
    assert first == parse_ds(tmp_path / "ds/part-00000.ds", "<u4")
    assert set(first[0]) == {70_000, 70_001}


@pytest.mark.parametrize(
    ("format", "options", "message"),
    [
        ("megatron", [], "has token ids; name a tokenizer with --tokenizer"),
        ("ds", ["--tokenizer", "FILE", "--columns", "id"], "only token ids of the texts; omit"),
        ("jsonl", ["--tokenizer", "FILE"], "has texts, not token ids; omit --tokenizer"),
        ("ds", ["--tokenizer", "nobody/nothing"], "no tokenizer at 'nobody/nothing', and none of"),
        ("ds", ["--tokenizer", "FILE", "--separator", "</t>"], "has no token '</t>'"),
    ],
)
def test_wrong_options_are_refused(
    built: Path, tokenizer: Path, tmp_path: Path, format: str, options: list[str], message: str
) -> None:
    options = [str(tokenizer) if option == "FILE" else option for option in options]
    done = export(built, tmp_path / "to", *options, format=format)
    assert done.returncode == 2 and message in done.stderr
    assert not (tmp_path / "to").exists()


def in_cache(folder: Path, tokenizer: Path, config: dict[str, Any]) -> Path:
    """A cache of the Hub with one model of two versions."""
    model = folder / "hub/models--owner--model"
    for commit in ("a" * 40, "b" * 40):
        (model / "snapshots" / commit).mkdir(parents=True)
    (model / "refs").mkdir()
    (model / "refs/main").write_text("b" * 40)
    (model / "snapshots" / ("b" * 40) / "tokenizer.json").write_bytes(tokenizer.read_bytes())
    (model / "snapshots" / ("b" * 40) / "tokenizer_config.json").write_text(json.dumps(config))
    return folder


@pytest.mark.parametrize("token", ["<end>", {"content": "<end>", "lstrip": False}])
def test_a_tokenizer_is_found_by_its_name_in_the_cache_of_the_hub(
    built: Path, tmp_path: Path, token: Any
) -> None:
    own = trained(tmp_path / "own.json", "<|endoftext|>", "<end>")
    cache = in_cache(tmp_path / "home", own, {"eos_token": token})
    settings = ("--format", "ds", "--tokenizer", "owner/model", "--to", str(tmp_path / "to"))
    done = command("export", str(built), *settings, HF_HOME=str(cache), HF_HUB_CACHE="")
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "to/export.json").read_text())["settings"]
    end = tokenizers.Tokenizer.from_file(str(own)).token_to_id("<end>")
    assert (found["tokenizer"]["name"], found["separator"]) == ("owner/model", end)
    assert parse_ds(tmp_path / "to/part-00000.ds")[0][-1] == end
    assert (tmp_path / "to/part-00000.ds.metadata").read_text().startswith("owner/model|2\n")


def test_a_folder_has_a_tokenizer(tokenizer: Path) -> None:
    assert find_tokenizer(str(tokenizer.parent)).path == tokenizer


def test_a_name_without_a_tokenizer_says_what_to_download(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(CorpusError, match=r"download it first: hf download gpt2 tokenizer\.json"):
        find_tokenizer("gpt2")


def test_another_tokenizer_is_another_export(built: Path, tokenizer: Path, tmp_path: Path) -> None:
    export(built, tmp_path / "to", "--tokenizer", str(tokenizer), format="ds")
    whole = contents(tmp_path / "to")
    other = trained(tmp_path / "tokenizer.json", "<|endoftext|>", "<other>")
    done = export(built, tmp_path / "to", "--tokenizer", str(other), format="ds")
    assert done.returncode == 2 and "an export with another tokenizer" in done.stderr
    assert contents(tmp_path / "to") == whole
