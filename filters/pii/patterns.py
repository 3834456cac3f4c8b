"""Find what Presidio does not: phones by language, more cards, wallets, secrets, labelled ids."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping

import polars as pl

from filters.pii import cards, edges, phones, presidio, secrets, social_security, wallets
from filters.pii.spans import EntitySpan

#: What ``pii`` looks for if a plan does not say what.
ENTITIES = (*presidio.ENTITIES, "SECRET")

#: Called with texts and their languages; returns the spans by row.
_Find = Callable[[pl.Series, "pl.Series | None"], dict[int, list[EntitySpan]]]


def list_presidio_regions(phone_regions: tuple[str, ...]) -> tuple[str, ...]:
    """Return the regions in which Presidio looks for phone numbers: its own, with ``auto``."""
    defaults = presidio.PHONE_REGIONS if phones.AUTO in phone_regions else ()
    listed = (region for region in phone_regions if region != phones.AUTO)
    return tuple(dict.fromkeys((*defaults, *listed)))


class PatternFinder:
    """Our own patterns for ``entities``; phones only if ``phone_regions`` contains ``auto``."""

    def __init__(
        self,
        entities: tuple[str, ...],
        phone_regions: tuple[str, ...],
        min_scores: Mapping[str, float] | None = None,
    ) -> None:
        self._entities = frozenset(entities)
        self._min_scores = min_scores or {}
        self._finders: list[tuple[str, _Find]] = []  # each with its gate
        if phones.AUTO in phone_regions and "PHONE_NUMBER" in entities:
            self._finders.append((phones.GATE, phones.PhoneFinder().find))
        if self._entities & {"CRYPTO", "SECRET"}:
            # Every text that matches the gate of wallets matches that of secrets.
            gate = secrets.GATE if "SECRET" in self._entities else wallets.GATE
            self._finders.append((gate, _of_any_language(wallets.find_wallets)))
        if "SECRET" in self._entities:
            self._finders.append((secrets.GATE, _of_any_language(secrets.find_secrets)))
        if "CREDIT_CARD" in self._entities:
            self._finders.append((cards.GATE, _of_any_language(cards.find_cards)))
        if "US_SSN" in self._entities:
            find = social_security.find_social_security_numbers
            self._finders.append((social_security.GATE, _of_any_language(find)))
        if "IBAN_CODE" in self._entities:
            self._finders.append((edges.IBAN_GATE, _of_any_language(_find_ibans)))

    def find(
        self, texts: pl.Series, languages: pl.Series | None = None
    ) -> dict[int, list[EntitySpan]]:
        """Return by row the spans that our patterns find, in no order; other rows have none.

        ``languages`` has codes of ISO 639; null, or no column, is unknown.
        """
        return self.find_and_list_gated(texts, languages)[0]

    def find_and_list_gated(
        self, texts: pl.Series, languages: pl.Series | None = None
    ) -> tuple[dict[int, list[EntitySpan]], set[int]]:
        """Return what ``find`` returns, and the rows that match a gate."""
        if texts.is_empty():
            return {}, set()
        found: defaultdict[int, list[EntitySpan]] = defaultdict(list)
        gates = list(dict.fromkeys(gate for gate, _ in self._finders))
        matches = list(presidio.list_matches(texts, gates))
        for gate, find in self._finders:
            number = gates.index(gate)
            rows = [row for row, _, matched in matches if matched[number]]
            if rows:
                selected = pl.Series([text for _, text, matched in matches if matched[number]])
                own_languages = None if languages is None else languages.gather(rows)
                for index, spans in find(selected, own_languages).items():
                    found[rows[index]] += (span for span in spans if self._is_wanted(span))
        return {row: spans for row, spans in found.items() if spans}, {each[0] for each in matches}

    def _is_wanted(self, span: EntitySpan) -> bool:
        return span.entity in self._entities and span.score >= self._min_scores.get(span.entity, 0)


def _of_any_language(find: Callable[[pl.Series], dict[int, list[EntitySpan]]]) -> _Find:
    """Return a finder that has no use for the languages of the texts."""
    return lambda texts, _: find(texts)


def _find_ibans(texts: pl.Series) -> dict[int, list[EntitySpan]]:
    """Return by row the account numbers of countries that Presidio does not know."""
    return {
        row: [EntitySpan(*span, "IBAN_CODE", 1.0) for span in edges.find_ibans(text)]
        for row, text in enumerate(texts)
    }
