"""Find the phone numbers that libphonenumber's matcher finds, with one walk over the text.

The matcher looks for one region at a time, and most of its time goes to what is the same in all of
them: it cuts candidates out of the text, and tries parts of each. Here a text is cut once, and what
may be a number in a region is parsed for that region, by libphonenumber.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple

from filters.pii.phone_regions import has_country_code, list_possible_regions


class _Part(NamedTuple):
    """A part of a candidate that the matcher tries, and in which regions it may be a number."""

    offset: int
    written: str
    regions: frozenset[str]


class _Candidate(NamedTuple):
    """The parts of a candidate in the order of trying, and where the search goes on if none is."""

    parts: tuple[_Part, ...]
    end: int


class PhoneMatcher:
    """Finds in one text what ``phonenumbers.PhoneNumberMatcher`` finds in each of some regions.

    It tries all candidates. libphonenumber gives up after 65,535 failures, which a text of less
    than 60,000 characters does not have.
    """

    def __init__(self, text: str, regions: tuple[str, ...], leniency: int) -> None:
        self._text = text
        self._regions = regions
        self._leniency = leniency
        self._library = _load_library()
        self._candidates: dict[int, _Candidate | None] = {}
        #: The numbers that are the same in every region, by the offset and what is written.
        self._known: dict[tuple[int, str], Any] = {}

    def find(self, region: str) -> Iterator[Any]:
        """Yield libphonenumber's matches for one region, in the order of the text."""
        matcher = self._library.PhoneNumberMatcher(self._text, region, leniency=self._leniency)
        index = 0
        while (candidate := self._find_candidate(index)) is not None:
            match = self._match(candidate, region, matcher)
            index = match.end if match else candidate.end
            if match:
                yield match

    def _match(self, candidate: _Candidate, region: str, matcher: Any) -> Any:
        """Return the first part that is a number in a region, as libphonenumber's match."""
        for part in candidate.parts:
            if region not in part.regions:
                continue
            place = part.offset, part.written
            match = self._known.get(place) or matcher._parse_and_verify(part.written, part.offset)
            if match is None:
                continue
            if has_country_code(part.written, match.number.country_code):
                self._known[place] = match
            return match
        return None

    def _find_candidate(self, index: int) -> _Candidate | None:
        """Return the first candidate at ``index`` or after it."""
        if index not in self._candidates:
            self._candidates[index] = self._cut_candidate(index)
        return self._candidates[index]

    def _cut_candidate(self, index: int) -> _Candidate | None:
        library = self._library
        match = library._PATTERN.search(self._text, index)
        if match is None:
            return None
        start = match.start()
        written = _cut_before(library._SECOND_NUMBER_START_PATTERN, match[0])
        end = start + len(written)
        if library._SLASH_SEPARATED_DATES.search(written) or (
            library._TIME_STAMPS.search(written)
            and library._TIME_STAMPS_SUFFIX.match(self._text, end)
        ):
            return _Candidate((), end)
        parts = (
            _Part(start + offset, part, list_possible_regions(part, self._regions))
            for offset, part in _list_parts(written)
        )
        return _Candidate(tuple(part for part in parts if part.regions), end)


def _list_parts(written: str) -> Iterator[tuple[int, str]]:
    """Yield the parts of a candidate, each with its offset, in the order of libphonenumber.

    All of it; then, by each kind of separator, what is before the first one and after each.
    """
    library = _load_library()
    yield 0, written
    for separator in library._INNER_MATCHES:
        match = separator.search(written)
        if match:
            yield 0, _cut_before(library._UNWANTED_END_CHAR_PATTERN, written[: match.start()])
        while match:
            yield match.start(1), _cut_before(library._UNWANTED_END_CHAR_PATTERN, match[1])
            match = separator.search(written, match.start() + 1)


def _cut_before(pattern: Any, written: str) -> str:
    match = pattern.search(written)
    return written[: match.start()] if match else written


@cache
def _load_library() -> Any:
    """Return libphonenumber's module of the matcher, whose patterns cut the candidates."""
    from phonenumbers import phonenumbermatcher

    return phonenumbermatcher
