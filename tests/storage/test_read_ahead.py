"""Reading by ranges, and what is said of URLs where fsspec is not installed."""

from __future__ import annotations

import io
import random
import sys
from collections.abc import Callable
from typing import Any

import pytest

import corpus
from corpus.errors import PlanError
from corpus.storage import filesystem, read_ahead


def test_windows_read_any_range() -> None:
    data = random.Random(5).randbytes(3 * read_ahead.BLOCK_BYTES + 17)
    asked: list[tuple[int, int]] = []
    ends: list[None] = []

    def fetch(begin: int, end: int) -> bytes:
        asked.append((begin, end))
        return data[begin:end]

    file = read_ahead.ReadAheadFile(fetch, len(data), lambda: ends.append(None))
    chance = random.Random(3)
    for _ in range(200):
        place, size = chance.randrange(len(data)), chance.randrange(1 << 16)
        file.seek(place)
        assert file.read(size) == data[place : place + size]
    assert max(end - begin for begin, end in asked) <= read_ahead.BLOCK_BYTES
    file.seek(0)
    buffer = io.BufferedReader(file)
    assert buffer.read() == data
    assert ends == [None]
    file.close()


def test_without_fsspec_a_url_says_what_to_install(
    plan: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "fsspec", None)
    filesystem._filesystem_of.cache_clear()
    fields = {"id": "id", "text": "text"}
    document = plan(sources=[{"table": {"path": "s3://dumps/posts.jsonl", "fields": fields}}])
    with pytest.raises(PlanError, match=r"pip install 'social-corpus\[s3\]'"):
        corpus.build(document)
