"""Map the columns of any table to the columns of a post, and convert their values."""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Sequence
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from corpus.errors import PlanError, did_you_mean
from corpus.formats import times
from corpus.formats.times import parse_int64, parse_micros, parse_with_format
from corpus.readers.contract import JsonConfig, Post, Record, Refused, Tombstone, Unreadable
from corpus.schema import WITHDRAWAL_REASONS

ColumnPaths = tuple[str, ...]
MakePost = Callable[[Sequence[object]], Sequence[Record]]

_POST_COLUMNS = Post._fields
_KIND_SLOT = _POST_COLUMNS.index("kind")
_KINDS = frozenset(("post", "reply", "repost", "quote", "comment"))
#: Columns of a post that several columns of a file may give: joined to one text, time or id.
_JOINED = ("text", "created_at", "id", "parent_id", "root_id", "accepted_id")
_TRUE = frozenset(("true", "t", "yes", "1", "1.0"))
_FALSE = frozenset(("false", "f", "no", "0", "0.0"))
# How CSV tools write an integer that they read as a float. Without the plus sign it could be a
# base-36 or a hexadecimal id.
_DECIMAL = re.compile(r"(-?\d+)\.0*")
_EXPONENT = re.compile(r"-?\d(\.\d+)?[eE]\+\d+")
_MAX_EXACT_FLOAT = 2**53  # floats represent every integer up to this one


class Config(JsonConfig):
    """What to read, and which column of the file is which column of the post."""

    fields: dict[str, str | ColumnPaths] = Field(
        description="the post's column: the file's column, a dotted path into JSON, or a list of "
        "those: texts, the parts of created_at (date, time, zone) or of ids ([channel_id, id])"
    )
    format: Literal["detect", "jsonl", "csv", "tsv", "parquet"] = Field(
        default="detect", description="'detect' decides by the file's first bytes and its name"
    )
    platform: str = Field(
        default="table",
        min_length=1,
        description="the posts' platform; the first part of each id",
    )
    encoding: str = Field(
        default="utf-8-sig", description="of CSV and TSV; the default skips a byte-order mark"
    )
    delimiter: str = Field(default="", max_length=1, description="empty: a comma, or in TSV a tab")
    quotes: bool = Field(default=True, description="whether a double quote opens a quoted field")
    escape: str = Field(
        default="",
        max_length=1,
        description="of CSV and TSV, the character before a quote or a separator in a field, such "
        "as a backslash; empty: quotes in a field are doubled",
    )
    skip_lines: int = Field(
        default=0, ge=0, description="of CSV and TSV, the lines before the header row"
    )
    columns: ColumnPaths = Field(
        default=(), description="the columns of a CSV or TSV that has no header row"
    )
    time_format: str = Field(
        default="", description="of created_at, a format of strptime; empty: try many"
    )

    @field_validator("fields")
    @classmethod
    def _check_fields(cls, fields: dict[str, str | ColumnPaths]) -> dict[str, str | ColumnPaths]:
        found = [error for name, source in fields.items() if (error := _check_field(name, source))]
        if "text" not in fields:
            found.append("'text' must name the column of the text")
        if found:
            raise ValueError("; ".join(found))
        return fields

    @model_validator(mode="after")
    def _check_records(self) -> Config:
        if self.records and self.format not in ("detect", "jsonl"):
            raise ValueError(f"'records' names keys of JSON; drop it, or 'format: {self.format}'")
        return self

    @field_validator("encoding")
    @classmethod
    def _check_encoding(cls, encoding: str) -> str:
        try:
            codecs.lookup(encoding)
        except LookupError:
            raise ValueError(f"no encoding '{encoding}'; try utf-8 or latin-1") from None
        return encoding

    def get_sources(self, name: str) -> ColumnPaths:
        """Return the columns of the file that are mapped to the post's column ``name``."""
        source = self.fields.get(name, ())
        return (source,) if isinstance(source, str) else source

    def list_columns(self) -> list[str]:
        """Return the distinct columns of the file that are read."""
        return list(
            dict.fromkeys(source for name in self.fields for source in self.get_sources(name))
        )


def _check_field(name: str, source: str | ColumnPaths) -> str:
    """What is wrong with an entry of ``fields``, or ''."""
    if name == "platform":
        return "'platform' is one for all posts: set it next to 'fields'"
    if name not in _POST_COLUMNS:
        return f"a post has no column '{name}'{did_you_mean(name, _POST_COLUMNS)}"
    if not isinstance(source, str) and name not in _JOINED:
        return f"'{name}' takes one column; only {', '.join(_JOINED)} join several"
    if not all([source] if isinstance(source, str) else source or [""]):
        return f"'{name}' names no column"
    return ""


def build_post_maker(config: Config) -> MakePost:
    """Return a function from the values of ``config.list_columns()`` in a row to its post.

    Behind the post come the columns of it whose values could not be understood, and the notice that
    copies of it are superseded which were seen before this one.
    """
    columns = config.list_columns()
    prefix = config.platform + ":"
    id_indexes = [columns.index(source) for source in config.get_sources("id")]
    text_indexes = [columns.index(source) for source in config.get_sources("text")]
    convert_by = build_converters(config)
    rest = [
        (slot, columns.index(config.get_sources(name)[0]), convert_by[name])
        for slot, name in enumerate(Post._fields)
        if len(config.get_sources(name)) == 1 and name not in ("id", "text")
    ]
    joined = [
        (slot, [columns.index(source) for source in config.get_sources(name)], convert_by[name])
        for slot, name in enumerate(Post._fields)
        if len(config.get_sources(name)) > 1 and name not in ("id", "text")
    ]
    blank: list[Any] = list(Post("", ""))
    is_versioned = has_versions(config)

    def make(values: Sequence[object]) -> Sequence[Record]:
        fields = blank.copy()
        if id_indexes:
            name = join_ids([values[index] for index in id_indexes])
            if not name:
                raise Refused("no_id")
            fields[0] = prefix + name
        parsed = [_parse_text(values[index]) for index in text_indexes]
        texts = [text for text in parsed if text is not None]
        if not texts:
            raise Refused("no_text")
        fields[1] = texts[0] if len(texts) == 1 else "\n\n".join(filter(None, texts))
        unreadable: tuple[Unreadable, ...] = ()
        for slot, index, convert in rest:
            value = values[index]
            if value is None:
                continue
            fields[slot] = convert(value)
            if fields[slot] is None and not is_blank(value):
                unreadable += (Unreadable(Post._fields[slot]),)
        for slot, indexes, convert in joined:
            parts = tuple(values[index] for index in indexes)
            fields[slot] = convert(parts)
            if fields[slot] is None and not is_blank(parts):
                unreadable += (Unreadable(Post._fields[slot]),)
        fields[_KIND_SLOT] = fields[_KIND_SLOT] or "post"
        post = Post._make(fields)
        if is_versioned and post.seen_at is not None:
            return (post, *unreadable, Tombstone("id", post.id, "superseded", post.seen_at))
        return (post, *unreadable)

    return make


def has_versions(config: Config) -> bool:
    """Return whether the rows may be versions of a post, told apart by when they were seen."""
    return {"id", "seen_at"} <= config.fields.keys()


def is_blank(value: object) -> bool:
    """Return whether a value stands for none.

    Of several columns (a tuple) the last one says so: a channel without the id in it is no id, and
    a day without a time of day is one.
    """
    return times.is_blank(value[-1] if isinstance(value, tuple) else value)


def join_ids(values: Sequence[object]) -> str:
    """Return the ids of a row as one, as in ``12/345``; empty if any is missing.

    Refuses floats that have lost digits.
    """
    if len(values) == 1:
        return parse_table_id(values[0])
    names = [parse_table_id(value) for value in values]
    return "/".join(names) if all(names) else ""


def build_converters(config: Config) -> dict[str, Callable[[Any], Any]]:
    """Return, for each column of a post, a function that converts a value of any type."""

    def make_reference(value: object) -> str | None:
        try:
            name = join_ids(value if isinstance(value, tuple) else (value,))
        except Refused:
            return None
        return f"{config.platform}:{name}" if name else None

    def parse_time(value: object) -> int | None:
        if isinstance(value, tuple):  # a date, a time of day, a zone
            value = " ".join(str(part).strip() for part in value if not is_blank(part))
        if config.time_format and isinstance(value, str):
            return parse_with_format(value, config.time_format)
        return parse_micros(value)

    return {
        "kind": lambda value: value if isinstance(value, str) and value in _KINDS else None,
        "author": _parse_name,
        "community": _parse_name,
        "created_at": parse_time,
        "lang_hint": _parse_name,
        "parent_id": make_reference,
        "root_id": make_reference,
        "score": parse_int64,
        "replies": parse_int64,
        "sensitive": _parse_flag,
        "bot": _parse_flag,
        "license": _parse_name,
        "withdrawn": _parse_withdrawn,
        "accepted_id": make_reference,
        "consent": _parse_consent,
        "seen_at": parse_time,
        "edited_at": parse_time,
        "author_since": parse_time,
        "mentions": _parse_name,
        "original_author": _parse_name,
        "author_name": _parse_name,
    }


def parse_table_id(value: object) -> str:
    """Return the id as text; empty if there is none. Refuse a float that has lost digits."""
    if isinstance(value, str):
        value = value.strip()
        if "." in value or "+" in value:
            if _EXPONENT.fullmatch(value):
                raise Refused("float_id")
            decimal = _DECIMAL.fullmatch(value)
            if decimal and (len(decimal[1]) > 20 or abs(int(decimal[1])) > _MAX_EXACT_FLOAT):
                raise Refused("float_id")
            return decimal[1] if decimal else value
        return value
    if isinstance(value, float):
        if value != value:  # NaN: null in data frames
            return ""
        if abs(value) > _MAX_EXACT_FLOAT or not value.is_integer():
            raise Refused("float_id")
        return str(int(value))
    if isinstance(value, (dict, list)):
        raise Refused("wrong_type")
    return "" if value is None else str(value)


def _parse_name(value: object) -> str | None:
    try:
        return parse_table_id(value) or None
    except Refused:
        return None


def _parse_text(value: object) -> str | None:
    if isinstance(value, str) or value is None:
        return value
    if isinstance(value, list) and not any(isinstance(item, (dict, list)) for item in value):
        return "\n".join(str(item) for item in value if item) or None  # paragraphs, turns
    if isinstance(value, (dict, list)):
        raise Refused("wrong_type")
    return None if value != value else str(value)


def _parse_flag(value: object) -> bool | None:
    word = str(value).strip().lower()
    return True if word in _TRUE else False if word in _FALSE else None


def _parse_withdrawn(value: object) -> str | None:
    if value is None or value == "" or value != value or _parse_flag(value) is False:
        return None
    # A value that is not in the schema still marks the post as withdrawn.
    return value if isinstance(value, str) and value in WITHDRAWAL_REASONS else "removed"


def _parse_consent(value: object) -> str | None:
    if isinstance(value, str) and value in ("allowed", "denied"):
        return value
    flag = _parse_flag(value)
    return None if flag is None else "allowed" if flag else "denied"


def missing_columns_error(
    file: str, config: Config, columns: Sequence[str], missing: Sequence[str]
) -> PlanError:
    """Return the error for a file of ``columns`` without those that are ``missing``."""
    # Without a header these are the cells of the first post; long ones are not names.
    shown = [column if len(column) <= 40 else "…" for column in columns[:50]]
    messages = []
    for name in missing:
        field = next(field for field in config.fields if name in config.get_sources(field))
        hint = did_you_mean(name, shown)
        hint = hint if "did you mean" in hint else ""
        messages.append(
            f"{file} has no column '{name}', which 'fields' maps to '{field}'{hint}; "
            f"its columns: {', '.join(shown)}"
        )
    return PlanError(*messages)
