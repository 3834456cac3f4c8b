"""What X's stream and X's API have in common: ids, languages, countries."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

#: Codes of X's that are no language, and old codes that ISO 639-1 has replaced.
LANGUAGE_CODES: dict[str, str | None] = {
    "in": "id",
    "iw": "he",
    "und": None,
    "qam": None,
    "qct": None,
    "qht": None,
    "qme": None,
    "qst": None,
    "zxx": None,
    "art": None,
    "": None,
}
#: In a list of countries: everywhere (XX), and everywhere by a copyright claim (XY).
EVERYWHERE_CODES = frozenset(("XX", "XY"))
#: An id as JSON may hold it; see :func:`identifier`.
JsonId = str | int | float | None


def parse_x_id(text: str | None, number: JsonId = None) -> str:
    """The id in digits: from its text form where there is one; empty if neither can be trusted."""
    if text is None and type(number) is str:
        text = number
    if text:
        return text if text.isdecimal() and text.isascii() else ""
    # A float has lost its last digits: it names another post.
    return str(number) if type(number) is int and number >= 0 else ""


class _MentionedUser(msgspec.Struct, gc=False):
    """Somebody named in a text, as API v1.1 has it, or v2 (``username``)."""

    id: JsonId = None
    id_str: str | None = None
    screen_name: str | None = None
    username: str | None = None


class _Entities(msgspec.Struct, gc=False):
    user_mentions: list[_MentionedUser] | None = None
    mentions: list[_MentionedUser] | None = None


_parse_entities = msgspec.json.Decoder(_Entities).decode


def iter_mentioned_users(*entities: msgspec.Raw) -> Iterator[tuple[str | None, str]]:
    """Name and id of everybody whom ``entities`` name; a fault in them costs only themselves."""
    for raw in entities:
        try:
            held = _parse_entities(raw) if bytes(raw) else _Entities()
        except msgspec.DecodeError:
            continue
        for each in (*(held.user_mentions or ()), *(held.mentions or ())):
            yield each.screen_name or each.username, parse_x_id(each.id_str, each.id)


def normalize_language(code: str | None) -> str | None:
    """The language that X named, as an ISO 639 code; null for its 'none' and 'unknown'."""
    return LANGUAGE_CODES.get(code, code) if code is not None else None
