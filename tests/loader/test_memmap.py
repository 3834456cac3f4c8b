"""`corpus tokenize` writes arrays that numpy maps, the same however often it is stopped."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import corpus
from corpus.errors import CorpusError
from corpus.loader import memmap, token_encoder
from corpus.maintenance.takedown import take_down
from corpus.maintenance.verify import verify
from tests.support.commands import command
from tests.support.corpora import edited, make

tokenizers = pytest.importorskip(
    "tokenizers", reason="the package 'tokenizers' is not installed (the extra 'tokens')"
)


def trained(path: Path, *specials: str, size: int = 400) -> Path:
    """A small byte-level BPE tokenizer."""
    made = tokenizers.Tokenizer(tokenizers.models.BPE())
    made.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = tokenizers.decoders.ByteLevel()
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=size, special_tokens=list(specials), show_progress=False,
        initial_alphabet=tokenizers.pre_tokenizers.ByteLevel.alphabet(),
    )  # fmt: skip
    made.train_from_iterator(["Yesterday I mended the old kettle in Ghent"] * 9, trainer)
    made.save(str(path))
    return path


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trained(tmp_path_factory.mktemp("tokenizer") / "tokenizer.json", "<|endoftext|>")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("memmap"), 120, shard_mb=0.002)


@pytest.fixture
def copy(built: Path, tmp_path: Path) -> Path:
    shutil.copy(built.parent / "corpus.key", tmp_path)
    return Path(shutil.copytree(built, tmp_path / "out"))


def test_the_arrays_hold_every_document_and_where_it_begins(copy: Path, tokenizer: Path) -> None:
    index = memmap.tokenize(copy, tokenizer)
    tokens = np.memmap(copy / "tokens" / "tokens.bin", np.uint16, "r")
    begins = np.fromfile(copy / "tokens" / "documents.bin", "<u8")
    known = tokenizers.Tokenizer.from_file(str(tokenizer))
    end = known.token_to_id("<|endoftext|>")
    texts = corpus.load(copy).scan().collect()["text"].to_list()
    assert (index["dtype"], index["documents"], begins.size) == ("uint16", 120, 121)
    assert index["tokens"] == tokens.size == begins[-1]
    for number, text in enumerate(texts):
        piece = tokens[begins[number] : begins[number + 1]]
        assert piece[-1] == end
        assert known.decode(piece[:-1].tolist(), skip_special_tokens=False) == text


def test_the_index_tells_of_each_shard_which_documents_and_tokens_are_its_own(
    copy: Path, tokenizer: Path
) -> None:
    index = memmap.tokenize(copy, tokenizer)
    manifest = corpus.load(copy).manifest
    begins = np.fromfile(copy / "tokens" / "documents.bin", "<u8")
    assert len(index["shards"]) == len(manifest["shards"]) > 2
    documents = tokens = 0
    for mine, shard in zip(index["shards"], manifest["shards"], strict=True):
        assert (mine["path"], mine["sha256"]) == (shard["path"], shard["sha256"])
        assert (mine["first_document"], mine["first_token"]) == (documents, tokens)
        assert (mine["documents"], begins[documents]) == (shard["rows"], tokens)
        documents, tokens = documents + mine["documents"], tokens + mine["tokens"]
    assert (documents, tokens) == (index["documents"], index["tokens"])


def test_the_type_is_as_wide_as_the_ids_need_or_as_asked(
    copy: Path, tokenizer: Path, tmp_path: Path
) -> None:
    wide = memmap.tokenize(copy, tokenizer, dtype="uint32")
    assert (copy / "tokens" / "tokens.bin").stat().st_size == 4 * wide["tokens"]
    encoder = token_encoder.make_encoder(tokenizer)
    encoder.vocabulary = 65_536
    assert memmap._choose_dtype(encoder, "auto") == np.uint16
    encoder.vocabulary = 65_537
    assert memmap._choose_dtype(encoder, "auto") == np.uint32
    with pytest.raises(CorpusError, match=r"go up to 65,536 and uint16 holds 65,535; omit"):
        memmap._choose_dtype(encoder, "uint16")


def test_stopped_anywhere_it_goes_on_to_the_same_bytes(
    copy: Path, tokenizer: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    memmap.tokenize(copy, tokenizer, destination=tmp_path / "straight")
    real, calls = token_encoder.TokenEncoder.__call__, [0]

    def failing(self: Any, texts: list[str]) -> Any:
        calls[0] += 1
        if calls[0] % 4 == 0:
            raise KeyboardInterrupt
        return real(self, texts)

    monkeypatch.setattr(token_encoder.TokenEncoder, "__call__", failing)
    stopped = 0
    while True:
        try:
            memmap.tokenize(copy, tokenizer, destination=tmp_path / "stopped")
            break
        except KeyboardInterrupt:
            stopped += 1
            names = {path.name for path in (tmp_path / "stopped").iterdir()}
            assert not names & {"tokens.bin", "documents.bin", "index.json"}
        assert stopped < 50
    assert stopped > 2
    for name in ("tokens.bin", "documents.bin", "index.json"):
        assert (tmp_path / "stopped" / name).read_bytes() == (
            tmp_path / "straight" / name
        ).read_bytes()
    left = {path.name for path in (tmp_path / "stopped").iterdir()}
    assert left == {"tokens.bin", "documents.bin", "index.json"}


def test_other_tokens_are_not_written_over(copy: Path, tokenizer: Path, tmp_path: Path) -> None:
    first = memmap.tokenize(copy, tokenizer)
    assert memmap.tokenize(copy, tokenizer) == first
    with pytest.raises(CorpusError, match="made with another dtype; remove them, or give another"):
        memmap.tokenize(copy, tokenizer, dtype="uint32")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("x")
    with pytest.raises(CorpusError, match=r"holds 'thesis\.txt', which is not a token file"):
        memmap.tokenize(copy, tokenizer, destination=tmp_path / "mine")


def test_a_text_that_spells_a_special_token_does_not_end_there(tokenizer: Path) -> None:
    encoder = token_encoder.make_encoder(tokenizer)
    ids, sizes = encoder(["a<|endoftext|>b", ""])
    assert ids.tolist().count(encoder.separator) == 2
    assert sizes.tolist() == [ids.size - 1, 1]


def test_a_tokenizer_without_a_separator_is_refused_with_a_remedy(
    copy: Path, tmp_path: Path
) -> None:
    bare = trained(tmp_path / "bare.json", "<pad>", size=300)
    with pytest.raises(CorpusError, match=r"no token that ends a text .*--separator TOKEN"):
        memmap.tokenize(copy, bare)
    with pytest.raises(CorpusError, match="has no token '</s>'; name one that it has"):
        memmap.tokenize(copy, bare, separator="</s>")
    assert not (copy / "tokens").exists()
    assert memmap.tokenize(copy, bare, separator="<pad>")["separator"] == 0


def test_what_is_no_tokenizer_is_refused(copy: Path, tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"no tokenizer at '.*none\.json'"):
        memmap.tokenize(copy, tmp_path / "none.json")
    (tmp_path / "bad.json").write_text("{}")
    with pytest.raises(CorpusError, match=r"bad\.json' cannot be read as a tokenizer"):
        memmap.tokenize(copy, tmp_path / "bad.json")


def test_truncation_and_padding_of_a_tokenizer_are_left_aside(tokenizer: Path) -> None:
    known = tokenizers.Tokenizer.from_file(str(tokenizer))
    whole = token_encoder.make_encoder(known)(["Yesterday I mended the old kettle", "x"])
    known.enable_truncation(3)
    known.enable_padding(length=64)
    found = token_encoder.make_encoder(known)(["Yesterday I mended the old kettle", "x"])
    assert [one.tolist() for one in found] == [one.tolist() for one in whole]
    assert known.truncation is not None  # the caller's own is as it was


def test_a_takedown_takes_the_tokens_away_and_verify_looks_at_them(
    copy: Path, tokenizer: Path
) -> None:
    memmap.tokenize(copy, tokenizer)
    assert verify(copy)["passed"]
    edited_tokens = bytearray((copy / "tokens" / "tokens.bin").read_bytes())
    edited_tokens[5] ^= 1
    (copy / "tokens" / "tokens.bin").write_bytes(edited_tokens)
    assert not verify(copy)["passed"]
    assert take_down(copy, ["table:999"])["tokens_removed"] is False
    assert take_down(copy, ["table:3"])["tokens_removed"] is True
    assert not (copy / "tokens").exists()
    assert verify(copy)["passed"]
    assert memmap.tokenize(copy, tokenizer)["documents"] == 119


def test_tokens_of_the_corpus_as_it_was_are_noticed(copy: Path, tokenizer: Path) -> None:
    memmap.tokenize(copy, tokenizer)
    shards = corpus.load(copy).manifest["shards"]
    edited(copy, shards=shards[::-1])
    wrong = {one["name"]: one["where"] for one in verify(copy)["checks"] if not one["passed"]}
    assert "an earlier state of the corpus; run 'corpus tokenize' again" in wrong["the tokens"][0]


def test_the_command_says_what_it_wrote(copy: Path, tokenizer: Path, tmp_path: Path) -> None:
    done = command("tokenize", str(copy), "--tokenizer", str(tokenizer))
    assert done.returncode == 0, done.stderr
    index = json.loads((copy / "tokens" / "index.json").read_text())
    assert done.stdout == (
        f"{index['tokens']:,} tokens of 120 documents as uint16\ntokens  {copy / 'tokens'}\n"
    )
    bare = trained(tmp_path / "bare.json", size=300)
    done = command("tokenize", str(copy), "--tokenizer", str(bare), "--to", str(tmp_path / "t"))
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert command("tokenize", str(copy), "--tokenizer", "x", "--dtype", "int8").returncode == 2


def test_tokenizers_of_transformers_are_taken_as_they_are(tokenizer: Path) -> None:
    transformers = pytest.importorskip("transformers", reason="transformers is not installed")
    fast = transformers.PreTrainedTokenizerFast(
        tokenizer_file=str(tokenizer), eos_token="<|endoftext|>"
    )
    own, theirs = token_encoder.make_encoder(tokenizer), token_encoder.make_encoder(fast)
    texts = ["Yesterday <|endoftext|> I", "été 東京"]
    assert [a.tolist() for a in own(texts)] == [a.tolist() for a in theirs(texts)]
    assert own.separator == theirs.separator
