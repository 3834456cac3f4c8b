"""Tests of the contract, for filters and readers of your own.

    from corpus.testing import check_filter
    from my_pkg import emoji_count

    def test_it_keeps_the_contract_of_a_filter():
        check_filter(emoji_count)

Each function raises :class:`ContractError`, an AssertionError, whose message says what is wrong and
the remedy. ``corpus new filter NAME`` and ``corpus new reader NAME`` write a module with its tests.
"""

from __future__ import annotations

import gzip
import tempfile
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import polars as pl
from pydantic import ValidationError

from corpus import filter_checks
from corpus.errors import CorpusError
from corpus.filter_checks import ContractError, describe_error, make_posts
from corpus.plan import detect_format
from corpus.readers import checks
from corpus.readers.contract import Batch, ReaderConfig, ReaderModule
from filters.contract import FilterConfig, FilterModule

__all__ = [
    "HOSTILE_FILES",
    "ContractError",
    "check_filter",
    "check_hostile_file",
    "check_reader",
    "make_posts",
]

#: Contents of files that no reader may fail at: it refuses their records, or finds none.
HOSTILE_FILES = {
    "empty": b"",
    "newlines": b"\n\n\r\n\n",
    "a mark only": b"\xef\xbb\xbf",
    "binary": bytes(range(256)) * 64,
    "no utf-8": b'{"id": "1", "text": "caf\xe9"}\n',
    "a number": b"12\n",
    "null": b"null\n",
    "an empty object": b"{}\n",
    "an empty list": b"[]",
    "a list of wrongs": b'[1, null, "x", [], {}]',
    "deep": b"[" * 100_000,
    "an open string": b'{"id": "' + b"x" * 5000,
    "a cut gz": gzip.compress(b'{"id": "1", "text": "x"}\n' * 30)[:-20],
    "a cut zip": b"PK\x03\x04" + b"\0" * 40,
    "a cut 7z": b"7z\xbc\xaf\x27\x1c" + b"\0" * 40,
    "a cut car": b"\x3a\xa2eroots",
    "a cut parquet": b"PAR1" + b"\0" * 40,
    "markup": b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "c">]><posts><row Id="1"',
    "script": b"window.YTD.tweets.part0 = [ {",
    "half an emoji": b'{"id": "1", "text": "\\ud83d", "body": "\\ud83d"}\n',
    "wrong types": b'{"id": {}, "text": [], "user": 1, "posts": {}, "messages": 3, "data": "x"}\n',
}
_MAX_RESUMED = 5  # cursors from which a file is read again


def check_filter(
    module: FilterModule,
    config: FilterConfig | None = None,
    types: Mapping[str, pl.DataType] | None = None,
) -> None:
    """Check all that the contract of a filter asks for (see ``filters.contract``).

    The module has its parts, its ``Config`` refuses unknown settings, the filter keeps rows and
    order, writes the columns of ``WRITES`` and no others, decides about each post alone, accepts a
    batch without posts, and its thresholds and its verdict, if it has these, fit what it writes.
    It is tried on invented posts (see :func:`make_posts`) under ``config``, by default its
    defaults. ``types`` are those of columns of earlier stages that it reads.
    """
    filter_checks.check_filter(module, config, types)
    _check_config(module.Config, {})
    filter_checks.check_verdict(module, config, types)


def check_reader(
    module: ReaderModule, path: str | Path, settings: Mapping[str, Any] | None = None
) -> pl.DataFrame:
    """Check all that the contract of a reader asks for, with a file of its format.

    The module has its parts and describes its settings; it yields batches of posts with global ids;
    it reads the same posts in small batches, and again from each of their cursors; and it survives
    the hostile files. ``settings`` are those besides ``path``. Returns the posts of the file.
    """
    missing = checks.list_missing_parts(module)
    if missing:
        raise ContractError("; ".join(missing))
    settings = dict(settings or {})
    _check_config(module.Config, {"path": "x", **settings})
    for name, field in module.Config.model_fields.items():
        if not field.description:
            raise ContractError(
                f"the setting '{name}' has no description; write Field(description=…)"
            )
    config = module.Config.model_validate({"path": str(path), **settings})
    posts = _join(_read(module, config, 1_000_000))
    if posts.is_empty():
        raise ContractError(f"the reader finds no post in '{Path(path).name}'")
    batches = _read(module, config, 2)
    if not _join(batches).equals(posts):
        raise ContractError(
            "the reader finds other posts when it reads two at a time (part_posts=2); the batches "
            "of a file must have all of its posts, in one order"
        )
    for number, batch in enumerate(batches[:-1][:_MAX_RESUMED], start=1):
        if not _join(_read(module, config, 2, batch.cursor)).equals(_join(batches[number:])):
            raise ContractError(
                f"the reader finds other posts from the cursor of batch {number} on; a build that "
                "was interrupted would lose posts, or have them twice"
            )
    fit = module.fits(detect_format.take_sample(str(path)))
    if not 0 < fit <= 1:
        raise ContractError(f"fits() is {fit} for a file of the format; it must be above 0, to 1")
    for name, content in HOSTILE_FILES.items():
        check_hostile_file(module, name, content, settings)
    return posts


def check_hostile_file(
    module: ReaderModule, name: str, content: bytes, settings: Mapping[str, Any]
) -> None:
    """Check that a reader survives a file of ``content``, which the messages call ``name``."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "board-site-dump.json"
        path.write_bytes(content)
        config = module.Config.model_validate({"path": str(path), **settings})
        try:
            _read(module, config, 2)
            fit = module.fits(detect_format.take_sample(str(path)))
        except ContractError as error:
            raise ContractError(f"a file with {name}: {error}") from error.__cause__
    if not 0 <= fit <= 1:
        raise ContractError(f"a file with {name}: fits() is {fit}; it must be from 0 to 1")


def _check_config(model: type[FilterConfig] | type[ReaderConfig], needed: dict[str, Any]) -> None:
    try:
        model.model_validate({**needed, "no_such_key": 1})
    except ValidationError as error:
        if any(found["type"] == "extra_forbidden" for found in error.errors()):
            return
    raise ContractError("'Config' accepts unknown settings; do not change its model_config")


def _read(
    module: ReaderModule, config: ReaderConfig, part_posts: int, start: Any = None
) -> list[Batch]:
    """The batches of a file, each and their ends checked."""
    try:
        batches = list(module.read(config.path, config, part_posts, start))
    except CorpusError:
        raise
    except Exception as error:
        raise ContractError(f"the reader raised {describe_error(error)}") from error
    if not batches:
        raise ContractError("the reader yields no batch; a file without posts has one, the last")
    for batch in batches:
        try:
            checks.check_batch(batch)
        except checks.ReaderContractError as error:
            raise ContractError(str(error)) from None
        except UnicodeEncodeError as error:
            raise ContractError(
                "a post has half of a character (a lone surrogate), as json.loads makes it of "
                "'\\ud83d'; decode with msgspec.json, which refuses it"
            ) from error
        except Exception as error:  # frames are made when they are used
            raise ContractError(
                f"its records make no posts: {describe_error(error)}; decode a line into a "
                "msgspec.Struct, which refuses values of other types"
            ) from error
    last = batches[-1]
    if last.cursor is not None or len(last.sha256 or "") != 64:
        raise ContractError(
            "the last batch has a cursor or no SHA-256 of the file; pass the records to read_lines "
            "or read_records of corpus.readers.batches"
        )
    if any(batch.cursor is None for batch, _ in pairwise(batches)):
        raise ContractError("a batch before the last has no cursor, from which a build resumes")
    return batches


def _join(batches: list[Batch]) -> pl.DataFrame:
    return pl.concat([batch.posts for batch in batches])
