"""Feed a PyTorch training loop: documents as token blocks of one size, resumable to the token.

This module needs the extra ``torch``; ``import corpus`` does not load it. Its public names are in
:mod:`corpus.torch`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import IterableDataset, get_worker_info

from corpus.errors import CorpusError
from corpus.loader.load import Corpus, Mixture, load
from corpus.loader.shares import Consumer
from corpus.loader.stream import Stream
from corpus.loader.token_encoder import make_encoder

STATE_VERSION = 1
IGNORED_LABEL = -100  # the label that PyTorch's cross entropy ignores
_PADDING_DOCUMENT = -1  # the document id of padding
_MAX_WORKERS = 1024

Block = dict[str, torch.Tensor]
TokenArray = NDArray[np.int64]


class TokenBlocks(IterableDataset[Block]):  # type: ignore[misc]
    """Blocks of ``block_size`` tokens of a corpus, for DataLoader and StatefulDataLoader.

    Documents are concatenated, each followed by the separator, and cut where a block is full. A
    block holds four ``int64`` tensors of ``block_size``:

    * ``input_ids``: the tokens;
    * ``labels``: the same, but -100 for the first token of each document, so that none is
      predicted from another document's end (a model of ``transformers`` shifts them itself;
      otherwise compare ``logits[:, :-1]`` with ``labels[:, 1:]``);
    * ``position_ids``: counted from 0 at the beginning of each document in the block;
    * ``document_ids``: 0 for the block's first document, 1 for the next; -1 for padding.
      :func:`attention_mask` makes the attention mask from them.

    ``source`` is a corpus, its folder or a mixture; ``tokenizer`` and ``separator`` are as for
    :func:`corpus.loader.token_encoder.make_encoder`. Rank and world size, unless given, are those
    of ``torch.distributed`` or of the variables ``RANK`` and ``WORLD_SIZE``; workers are detected.
    The last tokens of an epoch, fewer than a block, are padded, or dropped with ``tail="drop"``.

    Iterating again yields the next epoch, in another order. ``state_dict()`` is a few hundred
    bytes and exact to the token.
    """

    def __init__(
        self,
        source: Corpus | Mixture | str | Path,
        tokenizer: Any,
        block_size: int,
        *,
        separator: str | int | None = None,
        shuffle: bool = True,
        seed: int = 0,
        epoch: int = 0,
        rank: int | None = None,
        world_size: int | None = None,
        tail: Literal["pad", "drop"] = "pad",
        split: str = "train",
        batch_size: int = 256,
        column: str = "text",
    ) -> None:
        if block_size < 2:
            raise ValueError("block_size must be at least 2")
        if tail not in ("pad", "drop"):
            raise ValueError(f"tail must be 'pad' or 'drop'; got '{tail}'")
        self._source = load(source) if isinstance(source, (str, Path)) else source
        if isinstance(self._source, Corpus):
            self._source.split(split).shard_index().require_rows()
        self._encoder = make_encoder(tokenizer, separator)
        self.block_size, self._tail, self._column = block_size, tail, column
        self._split, self._shuffle, self._seed, self._batch_size = split, shuffle, seed, batch_size
        self._rank, self._world_size = rank, world_size
        self._epoch = epoch
        self._stream: Stream | None = None
        self._state_loaded = self._started = self._epoch_finished = False
        self._reset_buffer()
        # The epoch that each worker begins next, in shared memory: a loader may start new workers
        # for each epoch, and these know nothing else of earlier epochs.
        self._next_epoch = torch.zeros(_MAX_WORKERS, dtype=torch.int64).share_memory_()

    def _reset_buffer(self, row: int = 0, token: int = 0) -> None:
        """Empty the buffer; the next block begins at a token of a row of this worker's share."""
        self._token_ids = self._token_rows = self._token_positions = np.empty(0, np.int64)
        self._buffer_offset, self._next_row, self._skipped_tokens = 0, row, token

    def set_epoch(self, epoch: int) -> None:
        """Continue at the beginning of an epoch."""
        self._epoch = epoch
        self._next_epoch.zero_()
        self._stream, self._state_loaded = None, False
        self._reset_buffer()

    def _open_stream(self) -> Stream:
        """Return the stream of this rank and worker."""
        worker = get_worker_info()
        number, count = (worker.id, worker.num_workers) if worker else (0, 1)
        consumer = Consumer(*_resolve_rank(self._rank, self._world_size), number, count)
        if self._stream is not None and self._stream.consumer != consumer:
            # This object was copied to a worker, and its stream is that of the main process.
            if self._state_loaded:
                raise CorpusError(
                    "a state was loaded in the main process, and this is a worker; load it with "
                    "StatefulDataLoader's load_state_dict, which gives each worker its own"
                )
            self._stream = None
            self._reset_buffer()
        if self._stream is None:
            epoch = max(self._epoch, int(self._next_epoch[number]))
            self._stream = self._source.stream(
                consumer.rank,
                consumer.world_size,
                worker=number,
                num_workers=count,
                batch_size=self._batch_size,
                columns=[self._column],
                shuffle=self._shuffle,
                seed=self._seed,
                epoch=epoch,
                arrow=True,
                split=self._split,
            )
        return self._stream

    def state_dict(self) -> dict[str, Any]:
        """Return where the next block begins: plain data of a few hundred bytes."""
        state = self._open_stream().state_dict()
        row, token = self._next_row, self._skipped_tokens
        if self._buffer_offset < self._token_ids.size:
            row = int(self._token_rows[self._buffer_offset])
            token = int(self._token_positions[self._buffer_offset])
        return {
            "version": STATE_VERSION,
            "stream": state | {"row": row},
            "token": token,
            "block_size": self.block_size,
            "separator": self._encoder.separator,
            "tokenizer": self._encoder.identity[:16],
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore the position of a :meth:`state_dict`; the same blocks follow.

        Raises :class:`~corpus.errors.CorpusError` if the corpus, the tokenizer or the settings
        have changed, or if ranks and workers have changed in the middle of an epoch.
        """
        current = self.state_dict()
        if int(state.get("version", 0)) > STATE_VERSION:
            raise CorpusError(
                f"the state has version {state['version']} and this tool reads up to "
                f"{STATE_VERSION}; install a newer version of social-corpus"
            )
        for name in ("stream", "token", "block_size", "separator", "tokenizer"):
            if name not in state:
                raise CorpusError(f"this is not a state of token blocks: '{name}' is missing")
            if name not in ("stream", "token") and state[name] != current[name]:
                raise CorpusError(
                    f"the state was saved with another {name} ({state[name]!r}, here "
                    f"{current[name]!r}); give the same"
                )
        stream = self._open_stream()
        stream.load_state_dict(state["stream"])
        restored = stream.state_dict()
        token = 0 if restored["done"] else int(state["token"])
        if token and list(state["stream"]["place"]) != restored["place"]:
            raise CorpusError(
                f"this state was saved in the middle of epoch {stream.epoch} by other ranks or "
                "workers; they can change between epochs only: finish the epoch as it was, or "
                "begin it again with set_epoch()"
            )
        self._reset_buffer(restored["row"], token)
        self._state_loaded, self._started = True, False
        self._epoch_finished = bool(restored["done"])

    def __iter__(self) -> Iterator[Block]:
        worker = get_worker_info()
        if worker and self._started:
            # The loader starts again and has discarded the blocks that it had prefetched.
            self._stream, self._state_loaded = None, False
            self._reset_buffer()
        stream = self._open_stream()
        if worker and self._epoch_finished:
            # Other workers have not yielded all blocks of this epoch; this one has none.
            self._epoch_finished, self._next_epoch[worker.id] = False, stream.epoch + 1
            return iter(())
        epoch, stream = stream.epoch, iter(stream)  # begins the next epoch if this one is finished
        if stream.epoch != epoch:
            self._reset_buffer()
        if worker:
            self._started = True
            self._next_epoch[worker.id] = stream.epoch + 1
        return self._iterate_blocks(stream)

    def _iterate_blocks(self, stream: Stream) -> Iterator[Block]:
        size = self.block_size
        while self._fill_buffer(stream, size):
            block = self._take(slice(self._buffer_offset, self._buffer_offset + size))
            self._buffer_offset += size
            yield _make_block(*block)
        remaining = self._token_ids.size - self._buffer_offset
        last = self._take(slice(self._buffer_offset, None))
        self._reset_buffer(stream.state_dict()["row"])
        if remaining and self._tail == "pad":
            padding = size - remaining
            yield _make_block(*last, padding=padding, padding_id=self._encoder.separator)

    def _take(self, tokens: slice) -> tuple[TokenArray, TokenArray, TokenArray]:
        """Return ids, rows and positions of a slice of the buffered tokens."""
        return self._token_ids[tokens], self._token_rows[tokens], self._token_positions[tokens]

    def _fill_buffer(self, stream: Stream, size: int) -> bool:
        """Buffer at least ``size`` tokens; return False if the epoch has no more."""
        while self._token_ids.size - self._buffer_offset < size:
            batch = next(stream, None)
            if batch is None:
                return False
            ids, sizes = self._encoder(batch[self._column].to_pylist())
            rows = np.repeat(stream.batch_rows, sizes)
            begins = np.cumsum(sizes) - sizes
            positions = np.arange(ids.size) - np.repeat(begins, sizes)
            # A takedown may have removed the row in which the state was saved, or put a copy there.
            is_saved_row = stream.batch_rows[0] == self._next_row
            skipped = min(self._skipped_tokens, int(sizes[0])) if is_saved_row else 0
            new, self._skipped_tokens = slice(skipped, None), 0
            keep = slice(self._buffer_offset, None)
            self._token_ids = np.concatenate([self._token_ids[keep], ids[new]])
            self._token_rows = np.concatenate([self._token_rows[keep], rows[new]])
            self._token_positions = np.concatenate([self._token_positions[keep], positions[new]])
            self._buffer_offset = 0
            self._next_row = int(stream.state_dict()["row"])
        return True


def _make_block(
    ids: TokenArray,
    rows: TokenArray,
    token_positions: TokenArray,
    padding: int = 0,
    padding_id: int = 0,
) -> Block:
    """Return a block; document and position ids are counted from the block's first document."""
    documents = np.cumsum(np.diff(rows, prepend=rows[:1]) != 0)  # rows that were removed count 0
    positions = np.where(documents == 0, token_positions - token_positions[0], token_positions)
    labels = np.where(positions == 0, IGNORED_LABEL, ids)
    columns = {
        "input_ids": (ids, padding_id),
        "labels": (labels, IGNORED_LABEL),
        "position_ids": (positions, 0),
        "document_ids": (documents, _PADDING_DOCUMENT),
    }
    return {
        name: torch.from_numpy(np.concatenate([values, np.full(padding, filler, np.int64)]))
        for name, (values, filler) in columns.items()
    }


def attention_mask(document_ids: torch.Tensor) -> torch.Tensor:
    """Return a causal mask in which each token attends only to its own document.

    ``document_ids`` has the shape (…, T), the mask of booleans (…, T, T), as
    ``scaled_dot_product_attention`` takes it (with one more axis for the heads).
    """
    same = document_ids.unsqueeze(-1) == document_ids.unsqueeze(-2)
    return same & torch.ones_like(same).tril()


def _resolve_rank(rank: int | None, world_size: int | None) -> tuple[int, int]:
    """Return the rank of this process and the number of ranks."""
    if rank is not None and world_size is not None:
        return rank, world_size
    if rank is not None or world_size is not None:
        raise ValueError("give both rank and world_size, or neither")
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        return torch.distributed.get_rank(), torch.distributed.get_world_size()
    return int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))
