"""Find details by every pattern: Presidio's recognizers, national phones, wallets, secrets."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

import polars as pl

from filters.pii import phones, presidio, secrets, wallets
from filters.pii.spans import EntitySpan

#: What ``pii`` looks for if a plan does not say what.
ENTITIES = (*presidio.ENTITIES, "SECRET")


class PatternFinder:
    """Presidio's recognizers, and ours for what they do not know.

    ``phone_regions`` may contain ``auto``: then Presidio looks in its own default regions, and
    ``phones`` in those of each post's language.
    """

    def __init__(
        self,
        entities: tuple[str, ...],
        phone_regions: tuple[str, ...],
        min_scores: Mapping[str, float] | None = None,
    ) -> None:
        self._entities = frozenset(entities)
        self._min_scores = min_scores or {}
        is_auto = phones.AUTO in phone_regions
        listed = tuple(region for region in phone_regions if region != phones.AUTO)
        defaults = presidio.PHONE_REGIONS if is_auto else ()
        regions = tuple(dict.fromkeys((*defaults, *listed)))
        self.presidio = presidio.EntityFinder(entities, regions, min_scores)
        wants_phones = is_auto and "PHONE_NUMBER" in entities
        self._phones = phones.PhoneFinder() if wants_phones else None

    def find(
        self, texts: pl.Series, languages: pl.Series | None = None
    ) -> dict[int, list[EntitySpan]]:
        """Return by row the spans of all patterns, sorted; other rows have none."""
        found = self.presidio.find(texts)
        more = self.find_without_presidio(texts, languages)
        for row, spans in more.items():
            found[row] = sorted({*found.get(row, ()), *spans})
        return dict(sorted(found.items())) if more else found

    def find_without_presidio(
        self, texts: pl.Series, languages: pl.Series | None = None
    ) -> dict[int, list[EntitySpan]]:
        """Return by row the spans that our own patterns find, in no order."""
        finders = []
        if self._phones:
            finders.append(self._phones.find(texts, languages))
        if self._entities & {"CRYPTO", "SECRET"}:
            finders.append(wallets.find_wallets(texts))
        if "SECRET" in self._entities:
            finders.append(secrets.find_secrets(texts))
        found: defaultdict[int, list[EntitySpan]] = defaultdict(list)
        for spans_by_row in finders:
            for row, spans in spans_by_row.items():
                found[row] += (span for span in spans if self._is_wanted(span))
        return {row: spans for row, spans in found.items() if spans}

    def _is_wanted(self, span: EntitySpan) -> bool:
        return span.entity in self._entities and span.score >= self._min_scores.get(span.entity, 0)
