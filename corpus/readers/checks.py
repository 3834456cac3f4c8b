"""What must be true of every reader: the names that its module has, and what it yields.

A plan's readers of the user's own are checked by these before and during a build, and
``corpus.testing`` offers them to the tests of whoever writes a reader.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import polars as pl

from corpus import schema, user_code
from corpus.readers.contract import Batch, ReaderConfig

_PLATFORM = re.compile(r"[a-z0-9][a-z0-9._-]*")
_FUNCTIONS = {
    "fits": "fits(sample), how well a file fits the format, from 0 to 1",
    "read": "read(path, config, part_posts, start=None), which yields batches",
}


class ReaderContractError(AssertionError):
    """A reader breaks its contract; the message says what, and the remedy."""


def list_missing_parts(module: Any) -> list[str]:
    """Return what is wrong with the names of a reader's module; often nothing."""
    found = []
    config = getattr(module, "Config", None)
    if not (isinstance(config, type) and issubclass(config, ReaderConfig)):
        found.append(
            "it has no 'Config' that extends ReaderConfig; write 'class Config(ReaderConfig)', "
            "imported from corpus.readers.contract"
        )
    elif next(iter(config.model_fields)) != "path":
        found.append("the first field of its 'Config' must be 'path'; do not declare it again")
    version = getattr(module, "VERSION", None)
    if not isinstance(version, int) or isinstance(version, bool):
        found.append("it has no 'VERSION', a whole number; write VERSION = 1")
    platform = getattr(module, "PLATFORM", None)
    if not isinstance(platform, str) or not _PLATFORM.fullmatch(platform):
        found.append(
            "it has no 'PLATFORM', the first part of each id; write PLATFORM = 'guestbook'"
        )
    if not isinstance(getattr(module, "TOMBSTONES", None), bool):
        found.append(
            "it has no 'TOMBSTONES', whether a record can withdraw a post; write TOMBSTONES = False"
        )
    for name, form in _FUNCTIONS.items():
        if not callable(getattr(module, name, None)):
            found.append(f"it has no '{name}'; write {form}")
    return found


def describe_failure(reader: str, error: Exception) -> str:
    """Return what went wrong in a reader of the user's own, and where, without a post's text."""
    is_ours = isinstance(error, ReaderContractError)  # Python's messages may quote the post
    what = str(error) if is_ours else f"{type(error).__name__} in the reader"
    return what + user_code.load(reader, user_code.READERS).locate(error)


def check_batch(batch: object) -> Batch:
    """Return what a reader has yielded if it is a batch of posts; else ReaderContractError."""
    if not isinstance(batch, Batch):
        raise ReaderContractError(
            f"the reader yielded {type(batch).__name__} and must yield batches; pass its records "
            "to read_lines or read_records of corpus.readers.batches"
        )
    for name, types in (
        ("posts", schema.POST),
        ("refused", schema.REFUSAL),
        ("tombstones", schema.TOMBSTONE),
    ):
        _check_columns(name, getattr(batch, name), types)
    for name in ("id", "text"):
        if batch.posts[name].null_count():
            raise ReaderContractError(
                f"a post has no '{name}'; refuse the record: raise Refused('no_{name}')"
            )
    if not batch.posts["id"].str.contains(":", literal=True).all():
        raise ReaderContractError(
            "the id of a post does not begin with its platform; write id=f'{PLATFORM}:{number}'"
        )
    return batch


def _check_columns(name: str, found: object, types: Mapping[str, pl.DataType]) -> None:
    if not isinstance(found, pl.DataFrame):
        raise ReaderContractError(f"'{name}' of a batch is {type(found).__name__}, not a frame")
    for column, dtype in types.items():
        if found.schema.get(column) != dtype:
            is_there = found.schema.get(column, "missing")
            raise ReaderContractError(
                f"'{name}' of a batch: the column '{column}' is {is_there} and must be {dtype}"
            )
