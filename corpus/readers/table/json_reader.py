"""JSON lines of any shape, as the table reader takes them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from operator import attrgetter
from typing import Any

import msgspec

from corpus.readers.contract import Batch, Cursor, Decode, Record, read_lines
from corpus.readers.table.mapping import Config, build_post_maker


def read(path: str, config: Config, part_posts: int, start: Cursor | None) -> Iterator[Batch]:
    """Yield the posts of a file of JSON lines."""
    return read_lines(
        path,
        config,
        _make_decoder(config),
        platform=config.platform,
        part_posts=part_posts,
        start=start,
    )


def _make_decoder(config: Config) -> Decode:
    wanted = config.list_columns()
    make = build_post_maker(config)
    paths = [source.split(".") for source in wanted]
    # Only the wanted keys are decoded. A dotted one may be a path, or a key with a dot in it.
    keys = list(dict.fromkeys([*wanted, *(path[0] for path in paths)]))
    slots = {key: f"f{number}" for number, key in enumerate(keys)}
    row_type = msgspec.defstruct(
        "Row",
        [(slot, Any, None) for slot in slots.values()],
        rename={slot: key for key, slot in slots.items()},
    )
    parse = msgspec.json.Decoder(row_type).decode
    plain = attrgetter(*slots.values(), slots[keys[0]])  # two names at least: always a tuple
    nested = [(keys.index(path[0]), path[1:]) for path in paths]

    def decode(line: bytes) -> Sequence[Record]:
        values = list(plain(parse(line)))
        for at, (top, path) in enumerate(nested):
            if path and values[at] is None:
                values[at] = _get_path(values[top], path)
        return (make(values),)

    return decode


def _get_path(value: object, path: Sequence[str]) -> object:
    for key in path:
        if not isinstance(value, dict):
            return None
        value = value.get(key)
    return value
