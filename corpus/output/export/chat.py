"""Write conversations as messages: one file for each shard, an object for each conversation.

``openai``: ``{"messages": [{"role": "user", "content": "…"}, …]}``. ``sharegpt``:
``{"conversations": [{"from": "human", "value": "…"}, …]}``. Other columns stand in front.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import polars as pl

from corpus.errors import CorpusError, did_you_mean
from corpus.output.export.contract import DocumentCounter, Options, ShardFiles
from corpus.output.export.json_values import format_lines
from corpus.output.export.zstd_lines import open_zstd

DEFAULT_COLUMNS: tuple[str, ...] | None = ("id",)
TOKENS = False
#: Of each form: the column, the fields of a message, and the names of the roles.
_FORMS = {
    "openai": ("messages", ("role", "content"), {"user": "user", "assistant": "assistant"}),
    "sharegpt": ("conversations", ("from", "value"), {"user": "human", "assistant": "gpt"}),
}
#: What the messages of a document are made of.
_TURN_COLUMNS = ("id", "text", "post_ids", "authors", "turn_ends")


class ChatWriter:
    """Writes the messages of each document that has an answer."""

    def __init__(self, folder: Path, options: Options) -> None:
        if options.chat_form not in _FORMS:
            raise CorpusError(
                f"unknown form '{options.chat_form}'{did_you_mean(options.chat_form, _FORMS)}"
            )
        if options.make_messages is None:
            raise CorpusError(
                "the corpus has no conversations: its plan has no stage 'conversations' with the "
                "mode pair, path, tree or qa"
            )
        self._folder, self._columns = folder, options.columns
        self._column, self._fields, self._roles = _FORMS[options.chat_form]
        if self._column in options.columns:
            raise CorpusError(f"--columns: '{self._column}' is the name of the messages")
        self._make_messages = options.make_messages
        self.reads = tuple(dict.fromkeys((*options.columns, *_TURN_COLUMNS)))

    def write_shard(self, name: str, frames: Iterator[pl.DataFrame]) -> ShardFiles:
        """Write the conversations of a shard to one file."""
        file_name, counter = f"{name}.jsonl.zst", DocumentCounter()
        with open_zstd(self._folder / file_name) as file:
            for frame in frames:
                file.write(format_lines(self._make_rows(frame, counter)))
        return ShardFiles(counter.documents, (file_name,), {}, counter.skipped)

    def _make_rows(self, frame: pl.DataFrame, counter: DocumentCounter) -> pl.DataFrame:
        rows, messages = [], []
        for row, found in enumerate(self._make_messages(frame)):
            if isinstance(found, str):
                counter.skip(found)
                continue
            rows.append(row)
            messages.append(
                [
                    dict(zip(self._fields, (self._roles[role], text), strict=True))
                    for role, text in found
                ]
            )
        counter.documents += len(rows)
        dtype = pl.List(pl.Struct(dict.fromkeys(self._fields, pl.String)))
        kept = frame.select(self._columns)[rows]
        return kept.with_columns(pl.Series(self._column, messages, dtype=dtype))

    def finish(self, shards: Sequence[ShardFiles]) -> tuple[str, ...]:
        """Write nothing more."""
        return ()


def open_writer(folder: Path, options: Options, finished: Sequence[ShardFiles]) -> ChatWriter:
    """Return the writer; CorpusError if the corpus has no conversations."""
    return ChatWriter(folder, options)
