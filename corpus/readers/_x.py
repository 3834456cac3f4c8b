"""What X's stream and X's API have in common: ids, languages, countries."""

from __future__ import annotations

#: Codes of X's that are no language, and old codes that ISO 639-1 has replaced.
LANGUAGES: dict[str, str | None] = {
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
EVERYWHERE = frozenset(("XX", "XY"))
#: An id as JSON may hold it; see :func:`identifier`.
Id = str | int | float | None


def identifier(text: str | None, number: Id = None) -> str:
    """The id in digits: from its text form where there is one; empty if neither can be trusted."""
    if text is None and type(number) is str:
        text = number
    if text:
        return text if text.isdecimal() and text.isascii() else ""
    # A float has lost its last digits: it names another post.
    return str(number) if type(number) is int and number >= 0 else ""


def language(code: str | None) -> str | None:
    """The language that X named, as an ISO 639 code; null for its 'none' and 'unknown'."""
    return LANGUAGES.get(code, code) if code is not None else None
