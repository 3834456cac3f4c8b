"""Take records from the start of a file of JSON, and find the arrays of records in a document."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

import msgspec

from corpus.formats.byte_source import PeekedSource, Refused
from corpus.formats.json_records import starts_document
from corpus.formats.json_stream import walk_records

_MAX_OBJECTS = 200
_MAX_ARRAY_DEPTH = 4  # of an array of records, in keys
#: A head of this size may be cut in the middle of a document; a shorter one is the whole file.
_CUT_BYTES = 1 << 20
_TOKEN = re.compile(rb'"(?:[^"\\]|\\[\s\S])*+("?)|[\[\]{},]')


def sample_objects(head: bytes, records: str = "") -> list[dict[str, Any]]:
    """Return the first objects in the lines of a file, or in its document at ``records``."""
    is_document = bool(records) or starts_document(PeekedSource(io.BytesIO(head)), len(head) + 1)
    if not is_document:
        lines = (line.removeprefix(b"\xef\xbb\xbf") for line in head.split(b"\n")[:_MAX_OBJECTS])
        objects = list(_iter_objects(lines))
    if is_document or (not objects and len(head) >= _CUT_BYTES):
        objects = _sample_document(head, records) or _sample_document(_close(head), records)
    return objects


def _sample_document(head: bytes, records: str) -> list[dict[str, Any]]:
    found = walk_records(io.BytesIO(head), records, len(head) + 1)
    whole = (data for data in found if not isinstance(data, Refused))
    return list(islice(_iter_objects(whole), _MAX_OBJECTS))


def find_record_arrays(head: bytes) -> list[str]:
    """Return the keys to each array of objects within the first objects, the outer ones first.

    An object whose values are objects with similar keys counts as such an array.
    """
    found: dict[str, None] = {}
    level = [("", value) for value in sample_objects(head)[:20]]
    for _ in range(_MAX_ARRAY_DEPTH):
        inner = []
        for path, row in level:
            if _is_map_of_records(row):
                found.setdefault(f"{path}.*" if path else "*")
            for key, value in row.items():
                name = f"{path}.{key}" if path else key
                if not key or "." in key or key == "*":
                    continue
                if isinstance(value, list) and any(isinstance(item, dict) for item in value):
                    found.setdefault(name)
                    inner += [(name, item) for item in value[:20] if isinstance(item, dict)]
                elif isinstance(value, dict):
                    inner.append((name, value))
        level = inner
    return list(found)


def _is_map_of_records(row: dict[str, Any]) -> bool:
    """Return whether all values are objects that share most of their keys."""
    values = [value for value in row.values() if isinstance(value, dict)]
    if len(values) < max(2, len(row)):
        return False
    keys = [value.keys() for value in values[:20]]
    return bool(keys[0]) and all(2 * len(one & keys[0]) > len(keys[0]) for one in keys)


def _iter_objects(values: Iterable[bytes]) -> Iterator[dict[str, Any]]:
    for data in values:
        try:
            value = msgspec.json.decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            continue
        if isinstance(value, dict):
            yield value


def _close(head: bytes) -> bytes:
    """Cut the start of a document behind its last whole member, and close what is open there."""
    depth, cut = 0, 0
    for match in _TOKEN.finditer(head):
        token = match[0][:1]
        if token == b'"' and not match[1]:
            break  # a string that is cut
        depth += (token in b"{[") - (token in b"}]")
        if token == b"," and depth > 0:
            cut = match.start()
    if depth <= 0:
        return head
    is_open = bytearray()
    for match in _TOKEN.finditer(head, 0, cut):
        token = match[0][:1]
        if token in b"{[":
            is_open += b"}" if token == b"{" else b"]"
        elif token in b"}]":
            del is_open[-1:]
    return head[:cut] + bytes(reversed(is_open))
