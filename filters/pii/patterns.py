"""Find what Presidio does not know: phones by language, wallets, secrets, some accounts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

import polars as pl

from filters.pii import edges, phones, presidio, secrets, wallets
from filters.pii.spans import EntitySpan

#: What ``pii`` looks for if a plan does not say what.
ENTITIES = (*presidio.ENTITIES, "SECRET")


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
        wants_phones = phones.AUTO in phone_regions and "PHONE_NUMBER" in entities
        self._phones = phones.PhoneFinder() if wants_phones else None

    def _select(self, texts: pl.Series) -> pl.Series:
        """Return which texts match a gate of our patterns."""
        gates = [phones.GATE] if self._phones else []
        gates += [wallets.GATE] if self._entities & {"CRYPTO", "SECRET"} else []
        gates += [secrets.GATE] if "SECRET" in self._entities else []
        gates += [edges.IBAN_GATE] if "IBAN_CODE" in self._entities else []
        if not gates:
            return pl.repeat(False, len(texts), dtype=pl.Boolean, eager=True)
        return texts.str.contains("|".join(gates))

    def find(
        self, texts: pl.Series, languages: pl.Series | None = None
    ) -> dict[int, list[EntitySpan]]:
        """Return by row the spans that our patterns find, in no order; other rows have none.

        ``languages`` has codes of ISO 639; null, or no column, is unknown.
        """
        return self.find_and_list_gated(texts, languages)[0]

    def find_and_list_gated(
        self, texts: pl.Series, languages: pl.Series | None = None
    ) -> tuple[dict[int, list[EntitySpan]], list[int]]:
        """Return what ``find`` returns, and the rows that match a gate."""
        gated = self._select(texts).arg_true()
        rows = gated.to_list()
        # The gate of each finder runs on these rows only.
        texts = texts.gather(gated)
        languages = None if languages is None else languages.gather(gated)
        finders = []
        if self._phones:
            finders.append(self._phones.find(texts, languages))
        if self._entities & {"CRYPTO", "SECRET"}:
            finders.append(wallets.find_wallets(texts))
        if "SECRET" in self._entities:
            finders.append(secrets.find_secrets(texts))
        if "IBAN_CODE" in self._entities:
            finders.append(_find_ibans(texts))
        found: defaultdict[int, list[EntitySpan]] = defaultdict(list)
        for spans_by_index in finders:
            for index, spans in spans_by_index.items():
                found[rows[index]] += (span for span in spans if self._is_wanted(span))
        return {row: spans for row, spans in found.items() if spans}, rows

    def _is_wanted(self, span: EntitySpan) -> bool:
        return span.entity in self._entities and span.score >= self._min_scores.get(span.entity, 0)


def _find_ibans(texts: pl.Series) -> dict[int, list[EntitySpan]]:
    """Return by row the account numbers of countries that Presidio does not know."""
    rows = texts.str.contains(edges.IBAN_GATE).arg_true()
    return {
        row: [EntitySpan(*span, "IBAN_CODE", 1.0) for span in edges.find_ibans(text)]
        for row, text in zip(rows.to_list(), texts.gather(rows).to_list(), strict=True)
    }
