"""Read the posts of a file of JSON lines by a map of its keys."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from operator import attrgetter
from typing import Any

import msgspec

from corpus.readers.batches import read_lines
from corpus.readers.contract import Batch, Cursor, Decode, Record
from corpus.readers.table.mapping import Config, build_post_maker


def read(path: str, config: Config, part_posts: int, start: Cursor | None) -> Iterator[Batch]:
    """Yield the posts of a file of JSON lines in batches."""
    decode = _make_decoder(config.model_dump_json())
    return read_lines(
        path, config, decode, platform=config.platform, part_posts=part_posts, start=start
    )


@lru_cache(maxsize=8)  # it takes as long as reading a small file
def _make_decoder(settings: str) -> Decode:
    config = Config.model_validate_json(settings)
    columns = config.list_columns()
    make_post = build_post_maker(config)
    paths = [column.split(".") for column in columns]
    # Only the mapped keys are decoded. A dotted name may be a path, or a key with a dot in it.
    keys = list(dict.fromkeys([*columns, *(path[0] for path in paths)]))
    slots = {key: f"f{number}" for number, key in enumerate(keys)}
    row_type = msgspec.defstruct(
        "Row",
        [(slot, Any, None) for slot in slots.values()],
        rename={slot: key for key, slot in slots.items()},
    )
    parse = msgspec.json.Decoder(row_type).decode
    # attrgetter returns a tuple only for two names or more, so the first is repeated.
    get_values = attrgetter(*slots.values(), slots[keys[0]])
    nested = [(keys.index(path[0]), path[1:]) for path in paths]

    def decode(line: bytes) -> Sequence[Record]:
        values = list(get_values(parse(line)))
        for index, (top, path) in enumerate(nested):
            if path and values[index] is None:
                values[index] = _get_path(values[top], path)
        return make_post(values)

    return decode


def _get_path(value: object, path: Sequence[str]) -> object:
    for key in path:
        if not isinstance(value, dict):
            return None
        value = value.get(key)
    return value
