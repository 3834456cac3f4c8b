"""Feed a PyTorch training loop: documents as token blocks of one size, resumable to the token.

Needs the extra ``torch``. ``import corpus`` does not load this module.
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
from corpus.loader import token_encoder
from corpus.loader.load import Corpus, Mixture, load
from corpus.loader.stream import Stream
from corpus.partition.permutation import Consumer

STATE_VERSION = 1
IGNORED_LABEL = -100  # the label that PyTorch's cross entropy leaves out
_PADDING_DOCUMENT = -1  # the document id of padding
_MAX_WORKERS = 1024

Block = dict[str, torch.Tensor]
TokenArray = NDArray[np.int64]


class TokenBlocks(IterableDataset[Block]):  # type: ignore[misc]
    """Blocks of ``block_size`` tokens of a corpus, for DataLoader and StatefulDataLoader.

    Documents follow one another, each ended by the separator, and are cut where a block is full.
    A block holds four ``int64`` tensors of ``block_size``:

    * ``input_ids``: the tokens;
    * ``labels``: the same, but -100 for the first token of each document, so that none is
      predicted from another document's end (a model of ``transformers`` shifts them itself;
      otherwise compare ``logits[:, :-1]`` with ``labels[:, 1:]``);
    * ``position_ids``: counted from 0 from the beginning of each document in the block;
    * ``document_ids``: 0 for the block's first document, 1 for the next; -1 for padding.
      :func:`attention_mask` makes of them who may look at whom.

    ``source`` is a corpus, its folder or a mixture; ``tokenizer`` and ``separator`` are as for
    :func:`corpus.loader.token_encoder.make`. Rank and world size are found by
    ``torch.distributed``, or the variables ``RANK`` and ``WORLD_SIZE``, unless given; workers by themselves. What is left at
    the end of an epoch, less than a block, is padded, or left out with ``tail="drop"``.

    Going through it again goes through the next epoch, in another order. ``state_dict()`` is a
    few hundred bytes and exact to the token.
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
        self._encoder = token_encoder.make_encoder(tokenizer, separator)
        self.block_size, self._tail, self._column = block_size, tail, column
        self._split, self._shuffle, self._seed, self._batch_size = split, shuffle, seed, batch_size
        self._rank, self._world_size = rank, world_size
        self._epoch = epoch
        self._stream: Stream | None = None
        self._state_loaded = self._started = self._epoch_finished = False
        self._reset_buffer()
        # What epoch a worker begins next, by its number: workers that a loader starts anew for
        # each epoch know nothing else of those before.
        self._next_epoch = torch.zeros(_MAX_WORKERS, dtype=torch.int64).share_memory_()

    def _reset_buffer(self, row: int = 0, token: int = 0) -> None:
        """Hold nothing; the next block begins at a token of a row of this worker's share."""
        self._token_ids = self._token_rows = self._token_positions = np.empty(0, np.int64)
        self._buffer_offset, self._next_row, self._skipped_tokens = 0, row, token

    def set_epoch(self, epoch: int) -> None:
        """Go to the beginning of an epoch."""
        self._epoch = epoch
        self._next_epoch.zero_()
        self._stream, self._state_loaded = None, False
        self._reset_buffer()

    # ------------------------------------------------------------------------- where it is

    def _open_stream(self) -> Stream:
        """The stream of this rank and worker."""
        worker = get_worker_info()
        number, count = (worker.id, worker.num_workers) if worker else (0, 1)
        place = Consumer(*_resolve_rank(self._rank, self._world_size), number, count)
        if self._stream is not None and self._stream.consumer != place:
            # This is a worker's copy, and what it copied is the main process's.
            if self._state_loaded:
                raise CorpusError(
                    "a state was loaded in the main process and this is a worker of it; load it "
                    "by StatefulDataLoader's load_state_dict, which gives each worker its own"
                )
            self._stream = None
            self._reset_buffer()
        if self._stream is None:
            epoch = max(self._epoch, int(self._next_epoch[number]))
            self._stream = self._source.stream(
                place.rank,
                place.world_size,
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
        """Where the next block begins: plain data of a few hundred bytes."""
        state = self._open_stream().state_dict()
        row, token = self._next_row, self._skipped_tokens
        if self._buffer_offset < self._token_ids.size:
            row, token = (
                int(self._token_rows[self._buffer_offset]),
                int(self._token_positions[self._buffer_offset]),
            )
        return {
            "version": STATE_VERSION,
            "stream": state | {"row": row},
            "token": token,
            "block_size": self.block_size,
            "separator": self._encoder.separator,
            "tokenizer": self._encoder.identity[:16],
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go where :meth:`state_dict` was taken; what follows is the same, block for block.

        Raises :class:`~corpus.errors.CorpusError` if the corpus, the tokenizer or the settings
        are not what they were, or if ranks and workers are others and the epoch was not over.
        """
        own = self.state_dict()
        if int(state.get("version", 0)) > STATE_VERSION:
            raise CorpusError(
                f"the state has version {state['version']} and this tool reads up to "
                f"{STATE_VERSION}; install a newer version of corpus-builder"
            )
        for name in ("stream", "token", "block_size", "separator", "tokenizer"):
            if name not in state:
                raise CorpusError(f"this is no state of token blocks: '{name}' is missing")
            if name not in ("stream", "token") and state[name] != own[name]:
                raise CorpusError(
                    f"the state was saved with another {name} ({state[name]!r}, here "
                    f"{own[name]!r}); give the same"
                )
        stream = self._open_stream()
        stream.load_state_dict(state["stream"])
        there = stream.state_dict()
        token = 0 if there["done"] else int(state["token"])
        if token and list(state["stream"]["place"]) != there["place"]:
            raise CorpusError(
                f"this state was saved in the middle of epoch {stream.epoch} by other ranks or "
                "workers; they can change between epochs only: finish the epoch as it was, or "
                "begin it again with set_epoch()"
            )
        self._reset_buffer(there["row"], token)
        self._state_loaded, self._started, self._epoch_finished = True, False, bool(there["done"])

    # ------------------------------------------------------------------------- going through

    def __iter__(self) -> Iterator[Block]:
        worker = get_worker_info()
        if worker and self._started:
            # A loader that starts anew has thrown away what it had fetched ahead.
            self._stream, self._state_loaded = None, False
            self._reset_buffer()
        stream = self._open_stream()
        if worker and self._epoch_finished:
            # Other workers have something left of this epoch; this one has not.
            self._epoch_finished, self._next_epoch[worker.id] = False, stream.epoch + 1
            return iter(())
        before, stream = stream.epoch, iter(stream)  # the next epoch, if this one is over
        if stream.epoch != before:
            self._reset_buffer()
        if worker:
            self._started = True
            self._next_epoch[worker.id] = stream.epoch + 1
        return self._iterate_blocks(stream)

    def _iterate_blocks(self, stream: Stream) -> Iterator[Block]:
        size = self.block_size
        while self._fill_buffer(stream, size):
            here = slice(self._buffer_offset, self._buffer_offset + size)
            self._buffer_offset += size
            yield _make_block(
                self._token_ids[here], self._token_rows[here], self._token_positions[here]
            )
        left = self._token_ids.size - self._buffer_offset
        here = slice(self._buffer_offset, None)
        last = self._token_ids[here], self._token_rows[here], self._token_positions[here]
        self._reset_buffer(stream.state_dict()["row"])
        if left and self._tail == "pad":
            yield _make_block(*last, padding=size - left, padding_id=self._encoder.separator)

    def _fill_buffer(self, stream: Stream, size: int) -> bool:
        """Have at least ``size`` tokens at hand; False if the epoch has no more."""
        while self._token_ids.size - self._buffer_offset < size:
            batch = next(stream, None)
            if batch is None:
                return False
            ids, sizes = self._encoder(batch[self._column].to_pylist())
            rows = np.repeat(np.arange(self._next_row, self._next_row + sizes.size), sizes)
            begins = np.cumsum(sizes) - sizes
            places = np.arange(ids.size) - np.repeat(begins, sizes)
            new, self._skipped_tokens = slice(self._skipped_tokens, None), 0
            keep = slice(self._buffer_offset, None)
            self._token_ids = np.concatenate([self._token_ids[keep], ids[new]])
            self._token_rows = np.concatenate([self._token_rows[keep], rows[new]])
            self._token_positions = np.concatenate([self._token_positions[keep], places[new]])
            self._buffer_offset = 0
            self._next_row += sizes.size
        return True


def _make_block(
    ids: TokenArray,
    rows: TokenArray,
    token_positions: TokenArray,
    padding: int = 0,
    padding_id: int = 0,
) -> Block:
    documents = rows - rows[0]
    positions = np.where(documents == 0, token_positions - token_positions[0], token_positions)
    labels = np.where(positions == 0, IGNORED_LABEL, ids)
    found = {
        "input_ids": (ids, padding_id),
        "labels": (labels, IGNORED_LABEL),
        "position_ids": (positions, 0),
        "document_ids": (documents, _PADDING_DOCUMENT),
    }
    return {
        name: torch.from_numpy(np.concatenate([values, np.full(padding, filling, np.int64)]))
        for name, (values, filling) in found.items()
    }


def attention_mask(document_ids: torch.Tensor) -> torch.Tensor:
    """Who may look at whom: what is before it in the same document, and itself.

    Takes ``document_ids`` of shape (…, T) and gives booleans of shape (…, T, T), as
    ``scaled_dot_product_attention`` wants them (with one more axis for the heads).
    """
    same = document_ids.unsqueeze(-1) == document_ids.unsqueeze(-2)
    return same & torch.ones_like(same).tril()


def _resolve_rank(rank: int | None, world_size: int | None) -> tuple[int, int]:
    """This process's rank and how many there are."""
    if rank is not None and world_size is not None:
        return rank, world_size
    if rank is not None or world_size is not None:
        raise ValueError("give both rank and world_size, or neither")
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        return torch.distributed.get_rank(), torch.distributed.get_world_size()
    return int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))
