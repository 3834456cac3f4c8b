"""Find what the recognizers miss in a text as it is written: details in its view.

The second of three layers. The first are Presidio's recognizers on the text itself, whose spans
equal Presidio's (see ``presidio``); this one only adds spans; the third discards those that are no
contact data (see ``vetoes``). Few rows can gain anything: those that a gate admits after a rough
view in polars (see ``view``), and those with signs of a spelled address or a messenger.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from typing import TypeVar

import polars as pl

from filters.pii import contacts, edges, spoken
from filters.pii.handles import HandleFinder, HandleReplacement, HandleSpan
from filters.pii.patterns import PatternFinder
from filters.pii.presidio import EntityFinder, load_suffix_list
from filters.pii.spans import EntitySpan, is_unreachable
from filters.pii.view import (
    INVISIBLE,
    SEPARATOR,
    View,
    approximate_views,
    has_escapes,
    make_view,
    separate_emphasis,
    separate_numbers,
    separate_parameters,
    separate_scripts,
)

AnySpan = TypeVar("AnySpan", EntitySpan, HandleSpan)
#: Discards spans of a text that are no contact data.
DropVetoed = Callable[[str, Iterable[EntitySpan]], list[EntitySpan]]

_CAN_CHANGE = r"[^\x00-\x7f]|_"
_MAY_BE_DISGUISED = r"[\p{N}@\x{ff20}\x{fe6b}]|%40|&|[A-Za-z]{16}"
_ADDRESS = r"\S@[^\s.]+\.\S"
# A word touches a number, or brackets or a colon that belong to no number.
_TOUCHES_WORD = (
    r"[0-9][A-Za-z]{2}|[A-Za-z]{2}[(+]?[0-9]|\[\[|\[[ xX]?\] ?[+(0-9]|"
    r":[0-9A-Fa-f]{1,4}:(?:\s|$)|[G-Zg-z]:[23][0-9A-Fa-f]{3}:"
)
# What is in every text whose view may contain a detail: numerals with little in between, an at
# sign, groups with colons, a long word.
_MAY_BE_DETAIL = (
    r"(?:\p{N}[^\p{N}\n]{0,8}){3}\p{N}|\S[@\x{ff20}\x{fe6b}]|::|"
    rf"(?:[0-9A-Fa-f]{{1,4}}[^0-9A-Za-z\s]{{1,3}}){{4}}|"
    r"[0-9A-Fa-f]{4}\.[0-9A-Fa-f]{4}\.|[0-9A-Za-z]{16}|[A-Za-z]{2}[0-9]{2}|"
    r"[\x{ff10}-\x{ff5a}\x{1d400}-\x{1d7ff}]{3}|"
    rf"[0-9A-Za-z][{INVISIBLE}\p{{Cf}}\p{{Mn}}\x{{ff01}}-\x{{ff5e}}]|"
    rf"[{INVISIBLE}\p{{Cf}}][0-9A-Za-z]"
)
#: Entities of digits and marks, which end where a word begins.
_OF_DIGITS = ("PHONE_NUMBER", "IP_ADDRESS", "CREDIT_CARD", "US_SSN")

# What a view changes of a handle: an escape or an emphasis next to it, a character inside it.
_STYLED = r"\x{ff01}-\x{ff5e}\x{1d400}-\x{1d7ff}\x{24b6}-\x{24e9}"
_HANDLE_CHANGES = (
    r"\\[_.@/-]|\\u[0-9A-Fa-f]{4}|\\x(?:40|5[fF]|2[dDeEfF])|\\[nrt](?:@|/?u/)|"
    r"(?:^|[^A-Za-z0-9@/])_+(?:@|/?u/)|"
    r"&(?:amp;)*(?:#0*(?:64|95|46|45|47|117|173|820[3-7]|8288|65279);?|commat|lowbar|period|UnderBar|"
    r"#[xX]0*(?:40|5[fF]|2[eEdDfF]|75|[aA][dD]|200[b-fB-F]|2060|[fF][eE][fF]{2})|shy|zwn?j|[lr]rm|"
    r"NoBreak|ZeroWidthSpace)|"
    r"(?:@|u/)[A-Za-z0-9_.-]{0,40}"
    r"<(?:/?(?:b|i|em|strong|u|s|span|font|mark|small|big|tt)[ />]|wbr|!--)|"
    r"%(?:25)*(?:40|5[fF]|75)|[\x{1d400}-\x{1d7ff}\x{24b6}-\x{24e9}\x{ff35}\x{ff55}][/\x{ff0f}]|"
    r"[uU]%(?:25)*2[fF]|\x{fe6b}|[uU\x{ff35}\x{ff55}]\x{ff0f}|"
    rf"[A-Za-z0-9_@/.-][{INVISIBLE}\p{{Cf}}\p{{Mn}}\p{{Me}}]+[A-Za-z0-9_@/.-]|"
    rf"(?:@|\x{{ff20}}|u/)[A-Za-z0-9_.]{{0,40}}[{_STYLED}]"
)

# A run in which a detail other than an e-mail address could be: digits with marks between them, an
# IPv4 address, a number in groups with letters, an IPv6 or hardware address, a long word.
_RUN_PATTERN = (
    r"[+(]{0,2}[0-9](?:[ ().:/+-]{0,3}[0-9]){5,}"
    r"|[0-9]{1,3}(?:\.[0-9]{1,3}){3}"
    r"|[A-Za-z]{2}[0-9]{2}(?:[ -]?[A-Za-z0-9]{4}){2}[ 0-9A-Za-z-]*"
    r"|[0-9A-Fa-f]{1,4}(?::[0-9A-Fa-f]{0,4}){2,8}|::[0-9A-Fa-f.:]{2,}"
    r"|[0-9A-Fa-f]{4}\.[0-9A-Fa-f]{4}\.[0-9A-Fa-f]{4}|[0-9A-Fa-f]{2}(?:-[0-9A-Fa-f]{2}){5}"
    r"|[0-9A-Za-z]{20,}|[A-Za-z]{0,15}[0-9][0-9A-Za-z]{11,}|[A-Za-z]{6}[0-9]{2}[A-Za-z][0-9]{2}[A-Za-z][0-9]{3}[A-Za-z]"
)
_RUN = re.compile(_RUN_PATTERN)
_RUN_OR_ADDRESS = f"{_RUN_PATTERN}|{_ADDRESS}"
_REST_OF_WORD = re.compile(r"[0-9A-Za-z.:-]{0,40}")


class ViewFinder:
    """Finds details in the views of texts, with the recognizers of ``finder`` and with its own.

    ``drop_vetoed`` judges the spans in the view, where they read as they are meant.
    """

    def __init__(
        self,
        finder: EntityFinder,
        patterns: PatternFinder,
        entities: tuple[str, ...],
        drop_vetoed: DropVetoed,
    ) -> None:
        self._finder = finder
        self._patterns = patterns
        self._entities = entities
        self._drop_vetoed = drop_vetoed
        of_digits = tuple(entity for entity in _OF_DIGITS if entity in entities)
        self._digit_finder = finder.restrict(of_digits)
        self._email_finder = finder.restrict(("EMAIL_ADDRESS",))

    def find(
        self,
        texts: pl.Series,
        languages: pl.Series | None,
        gate_rows: set[int],
        has_contact: pl.Series,
    ) -> tuple[dict[int, list[EntitySpan]], list[int]]:
        """Return by row the spans of what is in the view, by their offsets in the text.

        And the rows of which a view was made. ``gate_rows`` are the rows that match a gate as they
        are written; ``has_contact`` is what ``contacts.may_contain_contact`` returned. Most of the
        spans are found in the text itself too.
        """
        is_candidate = self._select_candidates(texts, gate_rows)
        is_spoken = spoken.may_contain_spoken_address(texts)
        rows = (is_candidate | has_contact | is_spoken).arg_true().to_list()
        views = [make_view(text) for text in texts.gather(rows).to_list()]
        found = [
            list(self._find_in_view(view, spelled))
            for view, spelled in zip(views, is_spoken.gather(rows).to_list(), strict=True)
        ]
        shown = [separate_parameters(view.text) for view in views]
        written = texts.gather(rows).to_list()
        self._add_presidio_spans(written, views, shown, found)
        own_languages = None if languages is None else languages.gather(rows)
        self._add_pattern_spans(written, own_languages, shown, found)
        result = {}
        named = has_contact.gather(rows).to_list()
        for row, view, text, spans, is_named in zip(rows, views, shown, found, named, strict=True):
            reachable = (span for span in spans if not is_unreachable(text, span))
            numbers = self._find_numbers(view.text) if is_named else ()
            kept = [*self._drop_vetoed(text, reachable), *numbers]
            if kept:
                result[row] = [_locate(view, span) for span in kept]
        return result, rows

    def _select_candidates(self, texts: pl.Series, gate_rows: set[int]) -> pl.Series:
        """Return which texts may contain a detail that shows only in the view."""
        escaping = has_escapes(texts).arg_true()
        escaping = _keep_matching(texts, escaping, _MAY_BE_DISGUISED)
        changing = texts.str.contains(_CAN_CHANGE).arg_true()
        changing = _keep_matching(texts, changing, _MAY_BE_DETAIL)
        shown = approximate_views(texts.gather(changing))
        changing = changing.filter(shown.str.contains(_RUN_OR_ADDRESS))
        gated = pl.Series(sorted(gate_rows), dtype=pl.UInt32)
        gated = _keep_matching(texts, gated, f"{_TOUCHES_WORD}|{_ADDRESS}")
        touching = _keep_matching(texts, gated, _RUN_OR_ADDRESS)
        selected = pl.repeat(False, len(texts), dtype=pl.Boolean, eager=True)
        for rows in (escaping, changing, touching):
            selected = selected.scatter(rows, True)
        return selected

    def _find_in_view(self, view: View, spelled: bool) -> Iterator[EntitySpan]:
        """Yield what needs no recognizer of Presidio."""
        text = view.text
        if "EMAIL_ADDRESS" in self._entities and "@" in text:
            for start, end in edges.find_email_addresses(text, find_suffix):
                yield EntitySpan(start, end, "EMAIL_ADDRESS", 1.0)
        if "EMAIL_ADDRESS" in self._entities and spelled:
            for start, end in spoken.find_spoken_addresses(text, load_top_level_domains()):
                yield EntitySpan(start, end, "EMAIL_ADDRESS", 1.0)
        if "IP_ADDRESS" in self._entities:
            for start, end in edges.find_ipv6_addresses(text):
                yield EntitySpan(start, end, "IP_ADDRESS", 0.6)
        if "IBAN_CODE" in self._entities:
            for start, end in edges.find_ibans(text):
                yield EntitySpan(start, end, "IBAN_CODE", 1.0)
        if "MAC_ADDRESS" in self._entities:
            for start, end in edges.find_mac_addresses(text):
                yield EntitySpan(start, end, "MAC_ADDRESS", 0.6)

    def _find_numbers(self, text: str) -> Iterator[EntitySpan]:
        """Yield the numbers that a link or a phrase says are phone numbers."""
        if "PHONE_NUMBER" in self._entities:
            for contact in contacts.list_contacts(text):
                if not contact.name:
                    yield EntitySpan(contact.start, contact.end, "PHONE_NUMBER", 1.0)

    def _add_presidio_spans(
        self,
        texts: list[str],
        views: list[View],
        shown_texts: list[str],
        found: list[list[EntitySpan]],
    ) -> None:
        """Add the spans of the recognizers in the rows whose runs read otherwise in the view."""
        separated = [separate_scripts(separate_numbers(text)) for text in shown_texts]
        rows = [
            row
            for row, view in enumerate(views)
            if _reads_otherwise(texts[row], view, separated[row])
        ]
        shown = pl.Series([separated[row] for row in rows], dtype=pl.String)
        for index, spans in self._finder.find(shown).items():
            found[rows[index]] += spans
        rows = [row for row, view in enumerate(views) if "@" in view.text != texts[row]]
        shown = pl.Series([views[row].text for row in rows], dtype=pl.String)
        for index, spans in self._email_finder.find(shown).items():
            found[rows[index]] += spans
        apart = [edges.separate_numbers_from_words(each, SEPARATOR) for each in separated]
        rows = [row for row, each in enumerate(apart) if each != separated[row]]
        shown = pl.Series([apart[row] for row in rows], dtype=pl.String)
        for index, spans in self._digit_finder.find(shown).items():
            found[rows[index]] += spans

    def _add_pattern_spans(
        self,
        texts: list[str],
        languages: pl.Series | None,
        shown_texts: list[str],
        found: list[list[EntitySpan]],
    ) -> None:
        """Add the spans of our own patterns: in names underscores count, numbers end at them."""
        for separate in (separate_emphasis, separate_numbers):
            shown = [separate(text) for text in shown_texts]
            rows = [row for row, text in enumerate(texts) if text != shown[row]]
            series = pl.Series([shown[row] for row in rows], dtype=pl.String)
            own_languages = None if languages is None else languages.gather(rows)
            for index, spans in self._patterns.find(series, own_languages).items():
                found[rows[index]] += spans


class ViewHandleFinder:
    """Finds handles in the views of texts, and the names that posts give for a service."""

    def __init__(self, finder: HandleFinder, replacement: HandleReplacement) -> None:
        self._finder = finder
        self._replacement = replacement

    def find(
        self,
        texts: pl.Series,
        platforms: pl.Series | None,
        mentions: pl.Series | None,
        has_contact: pl.Series,
    ) -> dict[int, list[HandleSpan]]:
        """Return by row the handles, by their offsets in the text, as ``HandleFinder`` does.

        ``has_contact`` is what ``contacts.may_contain_contact`` returned.
        """
        found: defaultdict[int, list[HandleSpan]] = defaultdict(list)
        changing = texts.str.contains(_HANDLE_CHANGES).arg_true()
        views = [make_view(text) for text in texts.gather(changing).to_list()]
        shown = pl.Series([separate_emphasis(view.text) for view in views], dtype=pl.String)
        own = (None if each is None else each.gather(changing) for each in (platforms, mentions))
        for index, spans in self._finder.find_in_column(shown, *own).items():
            found[changing[index]] += (_locate(views[index], span) for span in spans)
        named = has_contact.arg_true()
        for row, text in zip(named.to_list(), texts.gather(named).to_list(), strict=True):
            view = make_view(text)
            spans = [_locate(view, span) for span in self._find_contacts(view.text)]
            if spans:
                found[row] += spans
        return found

    def _find_contacts(self, text: str) -> Iterator[HandleSpan]:
        for contact in contacts.list_contacts(text):
            if contact.name:
                replacement = self._replacement(contact.network, contact.name, None)
                if replacement is not None:
                    yield HandleSpan(*contact, replacement)


def _keep_matching(texts: pl.Series, rows: pl.Series, pattern: str) -> pl.Series:
    """Return those of the rows whose texts match a pattern."""
    return rows.filter(texts.gather(rows).str.contains(pattern)) if len(rows) else rows


def _reads_otherwise(text: str, view: View, separated: str) -> bool:
    """Return whether a run that may contain a detail is not in the text as it is in the view."""
    if text == separated:
        return False
    for match in _RUN.finditer(separated):
        if any(map(str.isdigit, match.group())):
            rest = _REST_OF_WORD.match(separated, match.end())
            end = rest.end() if rest else match.end()
            start, end = max(0, match.start() - 2), min(len(separated), end + 1)
            first, last = view.locate(start, end)
            if text[first:last] != separated[start:end]:
                return True
    return False


def _locate(view: View, span: AnySpan) -> AnySpan:
    """Return a span of the view with its offsets in the text."""
    start, end = view.locate(span.start, span.end)
    return span._replace(start=start, end=end)


@cache
def load_top_level_domains() -> frozenset[str]:
    """Return the top-level domains in ASCII."""
    return frozenset(suffix for suffix in load_suffix_list().tlds if "." not in suffix)


def find_suffix(name: str) -> str:
    """Return the public suffix of a domain in lower case; empty if it is no domain."""
    if name.rpartition(".")[2] not in load_top_level_domains():
        return ""
    parts = load_suffix_list()(name)
    return str(parts.suffix) if parts.fqdn else ""
