"""Find an export format by its name."""

from __future__ import annotations

from importlib import import_module
from typing import cast

from corpus.errors import CorpusError, did_you_mean
from corpus.output.export.contract import Format

#: Each format: its module, and what reads it.
FORMATS: dict[str, tuple[str, str]] = {
    "jsonl": ("corpus.output.export.jsonl", "JSON lines, compressed with zstd"),
    "megatron": ("corpus.output.export.megatron", "token ids with an index, for Megatron"),
    "ds": ("corpus.output.export.ds", "token ids as datatrove writes them, for nanotron"),
    "mds": ("corpus.output.export.mds", "shards of MosaicML's streaming"),
    "litdata": ("corpus.output.export.litdata", "chunks of Lightning's litdata"),
    "webdataset": ("corpus.output.export.webdataset", "tar files of WebDataset"),
    "chat": ("corpus.output.export.chat", "conversations as messages, for fine-tuning"),
}


def find_format(name: str) -> Format:
    """Return the module of a format; CorpusError if there is none of this name."""
    if name not in FORMATS:
        raise CorpusError(f"unknown format '{name}'{did_you_mean(name, FORMATS)}")
    return cast(Format, import_module(FORMATS[name][0]))
