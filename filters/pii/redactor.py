"""Replace the details, handles and names that the finders see, until nothing more is found."""

from __future__ import annotations

import hmac
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping
from typing import Literal

import polars as pl

from filters.pii import contacts, styles, vetoes
from filters.pii.handles import (
    HandleFinder,
    find_plain_mentions,
    is_allowed,
    merge_spans,
    name_account,
    parse_allow_list,
    replace_handles,
    replace_plain_mentions,
    select_plain_mentions,
)
from filters.pii.ner import load_engine
from filters.pii.patterns import PatternFinder, list_presidio_regions
from filters.pii.phones import AUTO
from filters.pii.presidio import EntityFinder
from filters.pii.span_recorder import SpanRecorder
from filters.pii.spans import (
    EntitySpan,
    ReplacementStyle,
    replace_spans,
    resolve_overlaps,
    widen_to_words,
)
from filters.pii.view import make_view
from filters.pii.view_finder import ViewFinder, ViewHandleFinder
from filters.text.languages import with_languages

#: Rounds after which a surrogate that is a detail next to its neighbours becomes a placeholder, and
#: a detail is replaced with the whole word around it.
_SURROGATE_ROUNDS = 6
#: Rounds after which nothing of a text that still changes is kept.
_MAX_ROUNDS = 12
#: A placeholder that touches more than the marks around a word: another handle may show next to it.
_TOUCHES_PLACEHOLDER = r"[^\s(\"'\[.:]<[A-Z]|[A-Za-z]>[^\s:,.!?;)]"

#: By entity: how many details were replaced in each row.
_Counts = defaultdict[str, Counter[int]]


class Redactor:
    """Replaces details, handles and names in columns of texts."""

    def __init__(
        self,
        entities: tuple[str, ...],
        *,
        key: bytes = b"",
        style: Literal["placeholder", "surrogate", "mask"] = "placeholder",
        handles: Literal["placeholder", "pseudonym", "keep"] = "placeholder",
        phone_regions: tuple[str, ...] = (AUTO,),
        min_scores: Mapping[str, float] | None = None,
        public: Collection[str] = (),
        names: Collection[str] = (),
        ner: str = "posts",
    ) -> None:
        """Find ``entities`` by patterns, and those of ``names`` with the model ``ner``.

        The other arguments are those of ``pii``'s Config; ``key`` is for surrogates and pseudonyms.
        """
        regions = list_presidio_regions(phone_regions)
        self._finder = EntityFinder(entities, regions, min_scores, reachable_only=True)
        self._patterns = PatternFinder(entities, phone_regions, min_scores)
        self._view_finder = ViewFinder(self._finder, self._patterns, entities, vetoes.drop_vetoed)
        self._style: ReplacementStyle = styles.make_placeholder
        if style == "mask":
            self._style = _replace_as_read(styles.mask_characters)
        if style == "surrogate":
            self._style = _replace_as_read(styles.SurrogateStyle(key, self._contains_detail))
        self._public = parse_allow_list(public)
        self._key = key if handles == "pseudonym" else b""
        self._handles: HandleFinder | None = None
        if handles != "keep":
            self._handles = HandleFinder(self._replacement_for_handle)
            self._view_handles = ViewHandleFinder(self._handles, self._replacement_for_handle)
        self._names = names
        self._ner = load_engine(ner) if names else None

    def __call__(
        self,
        texts: pl.Series,
        platforms: pl.Series | None,
        mentions: pl.Series | None,
        languages: pl.Series | None,
        ner_rows: pl.Series,
        ner_languages: pl.Series | None,
        recorder: SpanRecorder | None = None,
    ) -> tuple[pl.Series, _Counts]:
        """Return the redacted texts, and what was replaced in each row that contained anything.

        A placeholder separates the words around it, which can make another detail visible: a phone
        number that was joined to a wallet address. So rows that changed are read again until none
        changes, and a second run over a finished corpus finds nothing to do. A row that matched no
        gate needs no second reading if only handles were replaced, with spaces around them. No
        detail, handle or name contains a ``<``, so every round has less to find; surrogates are
        used for a number of rounds, then placeholders. The number of rounds is limited, so that the
        time is linear in the length of the text: a text that changes in the last one becomes its
        first placeholder.

        ``recorder`` gets every span that is replaced; details then become placeholders.
        """
        counts: _Counts = defaultdict(Counter)
        redacted = texts.fill_null("").rename("text").cast(pl.String)
        rows = pl.Series(range(len(redacted)), dtype=pl.UInt32)
        rounds = 0
        while len(rows):
            widen = rounds >= _SURROGATE_ROUNDS
            style = styles.make_placeholder if widen or recorder else self._style
            before = redacted.gather(rows)
            own_languages = languages.gather(rows) if languages is not None else None
            has_contact = contacts.may_contain_contact(before)
            found, candidates = self._find_details(before, own_languages, has_contact)
            after = self._redact_details(before, found, rows, counts, style, recorder, widen=widen)
            is_open = (before != after).scatter(sorted(candidates), True)
            after = self._redact_handles(
                after, platforms, mentions, has_contact, rows, counts, recorder
            )
            after = self._redact_names(
                after, ner_rows, ner_languages, rows, counts, style, recorder
            )
            if ner_languages is not None and languages is None:
                # So that a second run, which identifies the redacted text, finds no more names.
                ner_languages = _identify_again(after, before, ner_languages, rows)
            changed = before != after
            if self._ner is None:  # a name may show once anything else of the text has changed
                unread = (changed & ~is_open).arg_true()
                touches = after.gather(unread).str.contains(_TOUCHES_PLACEHOLDER)
                again = (changed & is_open).scatter(unread, touches)
            else:
                again = changed
            if rounds == _MAX_ROUNDS:
                first = after.str.extract("(<[A-Z_a-z]+>)").fill_null("")
                if recorder:
                    for index in again.arg_true():
                        recorder.record_whole(rows[index], after[index], first[index])
                after = after.scatter(again.arg_true(), first.filter(again))
            redacted = redacted.scatter(rows.filter(changed), after.filter(changed))
            rows = rows.filter(again)
            rounds += 1
        return redacted, counts

    def _contains_detail(self, text: str) -> bool:
        texts = pl.Series([text])
        found, _ = self._find_details(texts, None, contacts.may_contain_contact(texts))
        return any(found.values())

    def _find_details(
        self, texts: pl.Series, languages: pl.Series | None, has_contact: pl.Series
    ) -> tuple[dict[int, list[EntitySpan]], set[int]]:
        """Return by row what the patterns find and the view adds, less what a veto discards.

        And the rows in which there could have been a detail.
        """
        found, candidates = self._finder.find_and_list_gated(texts)
        own, gated = self._patterns.find_and_list_gated(texts, languages)
        candidates.update(gated)
        for row, spans in own.items():
            found[row] = [*found.get(row, ()), *spans]
        kept = {row: vetoes.drop_vetoed(texts[row], spans) for row, spans in found.items()}
        added, shown = self._view_finder.find(texts, languages, candidates, has_contact)
        for row, spans in added.items():
            kept[row] = [*kept.get(row, ()), *spans]
        details = {row: resolve_overlaps(texts[row], spans) for row, spans in kept.items()}
        return details, candidates.union(shown)

    def _replacement_for_handle(self, network: str, name: str, author: str | None) -> str | None:
        """Return the placeholder or pseudonym of an account; None for one that is kept."""
        if is_allowed(network, name, self._public):
            return None
        if not self._key:
            return "<HANDLE>"
        account = name_account(network, author or name).encode()
        digest = hmac.digest(self._key, account, "sha256").hex()
        return f"<HANDLE_{styles.encode_digest_as_letters(digest[:12])}>"

    def _redact_details(
        self,
        texts: pl.Series,
        found: Mapping[int, list[EntitySpan]],
        rows: pl.Series,
        counts: _Counts,
        style: ReplacementStyle,
        recorder: SpanRecorder | None,
        *,
        widen: bool,
    ) -> pl.Series:
        redacted: dict[int, str] = {}
        for index, spans in found.items():
            text = texts[index]
            if self._handles:
                spans = [span for span in spans if not self._is_host_of_handle(text, span)]
            spans = widen_to_words(text, spans) if widen else spans
            redacted[index] = replace_spans(text, spans, style)
            for span in spans:
                counts[span.entity][rows[index]] += 1
            if recorder:
                recorder.record(rows[index], spans)
        return _scatter_texts(texts, redacted)

    def _is_host_of_handle(self, text: str, span: EntitySpan) -> bool:
        """Return whether the span is part of a handle: ``a@host.org`` in ``@a@host.org``."""
        follows_at = text[max(0, span.start - 1) : span.start] in ("@", "\uff20")
        return (
            span.entity == "EMAIL_ADDRESS"
            and follows_at
            and self._handles is not None
            and self._handles.matches_at(text, span.start - 1)
        )

    def _redact_handles(
        self,
        texts: pl.Series,
        platforms: pl.Series | None,
        mentions: pl.Series | None,
        has_contact: pl.Series,
        rows: pl.Series,
        counts: _Counts,
        recorder: SpanRecorder | None,
    ) -> pl.Series:
        if not self._handles:
            return texts
        own_platforms, own_mentions = (
            column.gather(rows) if column is not None else None for column in (platforms, mentions)
        )
        in_view = self._view_handles.find(texts, own_platforms, own_mentions, has_contact)
        plain = self._select_plain_mentions(texts, list(in_view))
        others = texts.clone().scatter(plain, "")
        found = self._handles.find_in_column(others, own_platforms, own_mentions)
        for index, spans in in_view.items():
            found[index] = merge_spans([*found.get(index, ()), *spans])
        indices = list(found)
        redacted = {}
        for index, row, text in zip(
            indices, rows.gather(indices).to_list(), texts.gather(indices).to_list(), strict=True
        ):
            counts["HANDLE"][row] += len(found[index])
            redacted[index] = replace_handles(text, found[index])
            if recorder:
                recorder.record_handles(row, found[index])
        if recorder:
            mentions_in = map(find_plain_mentions, texts.gather(plain).to_list())
            for row, marked in zip(rows.gather(plain).to_list(), mentions_in, strict=True):
                recorder.record(row, marked)
        replaced, mention_counts = replace_plain_mentions(texts.gather(plain), "<HANDLE>")
        for row, count in zip(rows.gather(plain).to_list(), mention_counts.to_list(), strict=True):
            counts["HANDLE"][row] += count
        return _scatter_texts(texts, redacted).clone().scatter(plain, replaced)

    def _select_plain_mentions(self, texts: pl.Series, excluded: list[int]) -> pl.Series:
        """Return the indices of the texts whose handles are all plain and get one placeholder."""
        if self._key or self._public:
            return pl.Series([], dtype=pl.UInt32)
        return select_plain_mentions(texts).scatter(excluded, False).arg_true()

    def _redact_names(
        self,
        texts: pl.Series,
        ner_rows: pl.Series,
        languages: pl.Series | None,
        rows: pl.Series,
        counts: _Counts,
        style: ReplacementStyle,
        recorder: SpanRecorder | None,
    ) -> pl.Series:
        if not self._ner:
            return texts
        redacted: dict[int, str] = {}
        indices = ner_rows.gather(rows).arg_true().to_list()
        selected: list[str] = texts.gather(indices).to_list()
        codes = languages.gather(rows).gather(indices).to_list() if languages is not None else ()
        for index, text, found in zip(indices, selected, self._ner(selected, codes), strict=True):
            wanted = [span for span in found if span.entity in self._names]
            if wanted:
                spans = resolve_overlaps(text, wanted)
                redacted[index] = replace_spans(text, spans, style)
                for span in spans:
                    counts[span.entity][rows[index]] += 1
                if recorder:
                    recorder.record(rows[index], spans)
        return _scatter_texts(texts, redacted)


def _replace_as_read(style: ReplacementStyle) -> ReplacementStyle:
    """Return a style that gets the content of a span as it is read, without escapes."""
    return lambda entity, content: style(entity, make_view(content).text)


def _identify_again(
    after: pl.Series, before: pl.Series, languages: pl.Series, rows: pl.Series
) -> pl.Series:
    """Return the languages of all posts, those of ``rows`` by their changed texts."""
    changed = (after != before).arg_true()
    if changed.is_empty():
        return languages
    found = with_languages(pl.DataFrame({"text": after.gather(changed)}))["lang"]
    return languages.clone().scatter(rows.gather(changed), found)


def _scatter_texts(texts: pl.Series, changed: Mapping[int, str]) -> pl.Series:
    return texts.clone().scatter(list(changed), list(changed.values())) if changed else texts
