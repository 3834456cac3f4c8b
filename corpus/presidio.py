"""Redact columns of texts as ``pii`` does, without building a corpus.

    from corpus.presidio import BatchRedactor

    redactor = BatchRedactor()
    redactor.redact(["write to joe@example.org"])  # ["write to <EMAIL_ADDRESS>"]
    redactor.find(["write to joe@example.org"])    # row, start, end, entity, score

Presidio's own recognizers find the details, in the texts that a regular expression admits; see
``filters.pii`` and docs/redaction-library.md. Nothing is downloaded, and no text is logged.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import accumulate
from typing import Any, Literal, TypeAlias, TypeVar, overload

import polars as pl
import pyarrow as pa

from corpus.errors import did_you_mean
from filters.pii import national, ner, patterns, presidio, redactor, span_recorder, spans, styles
from filters.text.languages import are_any_of, with_languages

HANDLE = "HANDLE"
#: What each profile finds.
PROFILES = {
    "contact": (*patterns.ENTITIES, HANDLE),
    "strict": (*patterns.ENTITIES, HANDLE, *ner.ENTITIES),
}
#: Every entity that can be asked for, under Presidio's names; HANDLE and SECRET are our own.
ENTITIES = (*PROFILES["strict"], *sorted(national.NATIONAL_IDENTIFIERS))
#: The columns of what :meth:`BatchRedactor.find` returns.
SPAN_COLUMNS = {
    "row": pl.UInt32(),
    "start": pl.UInt32(),
    "end": pl.UInt32(),
    "entity": pl.String(),
    "score": pl.Float64(),
}

_BATCH_TEXTS = 20_000
_MIN_KEY_BYTES = 32

_Texts = TypeVar("_Texts", pl.Series, pa.Array, pa.ChunkedArray)
Style = Literal["tag", "mask", "pseudonym"]
#: The language of all texts, or of each, as ISO 639 codes.
Languages: TypeAlias = str | Sequence[str | None] | pl.Series | pa.Array | pa.ChunkedArray


class BatchRedactor:
    """Finds and replaces contact data, handles and names in a column of texts.

    The result depends on the arguments and on each text alone: not on the other texts, their order,
    or the number of threads. Several threads may use one object; their calls run one after the
    other. It can be pickled, so that each process of a pool has its own (start them with ``spawn``
    or ``forkserver``: polars has threads that do not survive a fork). The pickle contains ``key``.
    """

    def __init__(
        self,
        profile: Literal["contact", "strict"] = "contact",
        *,
        languages: Collection[str] = (),
        style: Style = "tag",
        key: bytes = b"",
        entities: Collection[str] | None = None,
        min_scores: Mapping[str, float] | None = None,
        phone_regions: Collection[str] = ("auto",),
        public: Collection[str] = (),
        ner: str = "posts",
        presidio_only: bool = False,
    ) -> None:
        """Choose what is found and what replaces it; models are loaded when they are needed.

        ``profile="strict"`` finds people and places too. ``entities`` names exactly what is found
        instead; national identifiers (``UK_NHS``) only if it names them. ``languages`` are those in
        whose texts names are looked for; () is all. ``style`` is ``tag`` (``<EMAIL_ADDRESS>``),
        ``mask`` (``***@*******.***``) or ``pseudonym``: another detail of the same shape, always
        the same one under ``key``, which is at least 32 random bytes. Handles, people, places and
        national identifiers become tags with a keyed code, ``<HANDLE_jfiapcgbhdke>``.
        ``min_scores``, ``phone_regions``, ``public`` and ``ner`` are those of the stage ``pii``.

        ``presidio_only=True`` finds exactly what Presidio's ``AnalyzerEngine`` finds with its
        predefined recognizers of ``entities``, above ``min_scores``: no patterns of ours, no
        disguised details, nothing that a rule discards as a date or a version.

        Raises ValueError for an unknown name and for a style without its key.
        """
        self._arguments = {
            "profile": profile,
            "languages": tuple(languages),
            "style": style,
            "key": key,
            "entities": None if entities is None else tuple(entities),
            "min_scores": dict(min_scores or {}),
            "phone_regions": tuple(phone_regions),
            "public": tuple(public),
            "ner": ner,
            "presidio_only": presidio_only,
        }
        _require_one_of("profile", profile, PROFILES)
        _require_one_of("style", style, ("tag", "mask", "pseudonym"))
        if style == "pseudonym" and len(key) < _MIN_KEY_BYTES:
            raise ValueError(
                "style 'pseudonym' needs key=: at least 32 secret bytes, such as "
                "secrets.token_bytes(32), kept for the next call"
            )
        self._lock = threading.Lock()
        self._finder = (_PresidioOnly if presidio_only else _AllLayers)(self._arguments)

    def __getstate__(self) -> dict[str, Any]:
        return dict(self._arguments)

    def __setstate__(self, arguments: dict[str, Any]) -> None:
        BatchRedactor.__init__(self, **arguments)

    @property
    def entities(self) -> tuple[str, ...]:
        """The entities that are found."""
        return self._finder.entities

    @overload
    def redact(
        self, texts: Sequence[str | None], lang: Languages | None = None
    ) -> list[str | None]: ...
    @overload
    def redact(self, texts: _Texts, lang: Languages | None = None) -> _Texts: ...
    def redact(self, texts: Any, lang: Languages | None = None) -> Any:
        """Return the redacted texts in the kind of container that was given, nulls as nulls.

        A list (or another sequence) becomes a list; a polars Series keeps its name; an Arrow array
        or chunked array keeps its type and chunks. A second call over the result changes nothing,
        unless ``presidio_only``.
        Raises TypeError for anything else than texts.
        """
        column = _to_series(texts)
        codes = _to_languages(lang, len(column))
        with self._lock:
            parts = [self._finder.redact(*batch) for _, batch in _split(column, codes)]
        redacted = pl.concat(parts) if parts else column
        missing = pl.Series([None], dtype=pl.String)
        return _to_container(redacted.zip_with(column.is_not_null(), missing), texts)

    def find(self, texts: Any, lang: Languages | None = None) -> pl.DataFrame:
        """Return what ``redact`` replaces with tags: row, start, end, entity, score.

        Offsets count code points of the given text, as Presidio's do; ``end`` is exclusive. The
        spans of a row are in order and do not overlap, unless ``presidio_only``. Scores are
        Presidio's, or those of our patterns; a handle has 1, a name 0.85, as in Presidio.
        """
        column = _to_series(texts)
        codes = _to_languages(lang, len(column))
        with self._lock:
            rows = [
                (first + row, *span)
                for first, batch in _split(column, codes)
                for row, found in self._finder.find(*batch)
                for span in found
            ]
        return pl.DataFrame(rows, schema=SPAN_COLUMNS, orient="row")


#: Of each row in which anything was found, the spans in the order of the text.
_Found = Iterator[tuple[int, list[spans.EntitySpan]]]


class _AllLayers:
    """What the stage ``pii`` finds."""

    def __init__(self, arguments: Mapping[str, Any]) -> None:
        self.entities: tuple[str, ...] = arguments["entities"] or PROFILES[arguments["profile"]]
        for entity in self.entities:
            _require_one_of("entity", entity, ENTITIES)
        self._languages = arguments["languages"]
        self._by_language = arguments["ner"] == "posts"
        self._names = tuple(name for name in ner.ENTITIES if name in self.entities)
        handles: Literal["pseudonym", "placeholder", "keep"] = "keep"
        if HANDLE in self.entities:
            handles = "pseudonym" if arguments["style"] == "pseudonym" else "placeholder"
        self._redact = redactor.Redactor(
            tuple(name for name in self.entities if name not in (HANDLE, *ner.ENTITIES)),
            key=arguments["key"],
            style=_STYLES[arguments["style"]],
            handles=handles,
            phone_regions=arguments["phone_regions"],
            min_scores=arguments["min_scores"],
            public=arguments["public"],
            names=self._names,
            ner=arguments["ner"],
        )

    def redact(self, texts: pl.Series, codes: pl.Series | None) -> pl.Series:
        """Return the texts without what is found."""
        return self._run(texts, codes, None)

    def find(self, texts: pl.Series, codes: pl.Series | None) -> _Found:
        """Yield what is found in each row."""
        recorder = span_recorder.SpanRecorder()
        self._run(texts, codes, recorder)
        for row in recorder.rows:
            yield row, recorder.list_spans(row)

    def _run(
        self,
        texts: pl.Series,
        codes: pl.Series | None,
        recorder: span_recorder.SpanRecorder | None,
    ) -> pl.Series:
        rows, own = pl.repeat(True, len(texts), dtype=pl.Boolean, eager=True), None
        if self._names and (self._by_language or self._languages):
            own = codes if codes is not None else with_languages(texts.to_frame("text"))["lang"]
        if own is not None and self._languages:
            wanted = are_any_of(pl.col("lang"), self._languages).fill_null(True)
            rows = own.to_frame("lang").select(wanted).to_series()
        redacted, _ = self._redact(
            texts, None, None, codes, rows, own if self._by_language else None, recorder
        )
        return redacted


class _PresidioOnly:
    """What Presidio's recognizers find in the texts as they are written."""

    def __init__(self, arguments: Mapping[str, Any]) -> None:
        self.entities: tuple[str, ...] = arguments["entities"] or presidio.ENTITIES
        for entity in self.entities:
            known = (*presidio.ENTITIES, *national.NATIONAL_IDENTIFIERS)
            _require_one_of("entity with presidio_only", entity, known)
        regions = patterns.list_presidio_regions(arguments["phone_regions"])
        self._finder = presidio.EntityFinder(self.entities, regions, arguments["min_scores"])
        self._style: spans.ReplacementStyle = styles.make_placeholder
        if arguments["style"] == "mask":
            self._style = styles.mask_characters
        if arguments["style"] == "pseudonym":
            self._style = styles.SurrogateStyle(arguments["key"], self._contains_detail)

    def redact(self, texts: pl.Series, codes: pl.Series | None) -> pl.Series:
        """Return the texts without what is found, in one pass, as Presidio's anonymizer does."""
        redacted = {}
        for row, found in self._finder.find(texts).items():
            chosen = spans.resolve_overlaps(texts[row], found, reachable_only=False)
            redacted[row] = spans.replace_spans(texts[row], chosen, self._style)
        return texts.clone().scatter(list(redacted), list(redacted.values()))

    def find(self, texts: pl.Series, codes: pl.Series | None) -> _Found:
        """Yield what is found in each row."""
        yield from sorted(self._finder.find(texts).items())

    def _contains_detail(self, text: str) -> bool:
        return bool(self._finder.find(pl.Series([text])))


_STYLES: dict[str, Literal["placeholder", "mask", "surrogate"]] = {
    "tag": "placeholder",
    "mask": "mask",
    "pseudonym": "surrogate",
}


def _require_one_of(what: str, given: str, known: Collection[str]) -> None:
    if given not in known:
        raise ValueError(f"unknown {what} '{given}'{did_you_mean(given, known)}")


def _split(
    texts: pl.Series, codes: pl.Series | None
) -> Iterator[tuple[int, tuple[pl.Series, pl.Series | None]]]:
    """Yield the first row of each batch, and its texts and languages."""
    for first in range(0, len(texts), _BATCH_TEXTS):
        own = None if codes is None else codes.slice(first, _BATCH_TEXTS)
        yield first, (texts.slice(first, _BATCH_TEXTS).fill_null(""), own)


def _to_series(texts: Any) -> pl.Series:
    """Return the texts as a column of strings; nulls are kept."""
    if isinstance(texts, pl.Series):
        if texts.dtype not in (pl.String, pl.Null):
            raise TypeError(f"a Series of strings is needed, not of {texts.dtype}; cast it first")
        return texts.cast(pl.String)
    if isinstance(texts, pa.Array | pa.ChunkedArray):
        if not _is_text(texts.type):
            raise TypeError(f"an array of strings is needed, not of {texts.type}; cast it first")
        return pl.Series(pl.from_arrow(texts.cast(pa.large_string())), dtype=pl.String)
    if isinstance(texts, str | bytes) or not isinstance(texts, Sequence):
        kind = type(texts).__name__
        raise TypeError(f"a list of str, a polars Series or an Arrow array is needed, not {kind}")
    for row, text in enumerate(texts):
        if text is not None and not isinstance(text, str):
            raise TypeError(f"texts[{row}] is {type(text).__name__}; a str or None is needed")
    try:
        return pl.Series(list(texts), dtype=pl.String)
    except UnicodeEncodeError:
        pass
    row = next(row for row, text in enumerate(texts) if text and not _is_unicode(text))
    raise ValueError(  # not within the except: that error holds the text
        f"texts[{row}] contains half of a surrogate pair, which is no character; decode the bytes "
        "with errors='replace'"
    )


def _is_text(kind: pa.DataType) -> bool:
    return any(
        check(kind)
        for check in (
            pa.types.is_string,
            pa.types.is_large_string,
            pa.types.is_string_view,
            pa.types.is_null,
        )
    )


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _to_languages(lang: Languages | None, count: int) -> pl.Series | None:
    if lang is None:
        return None
    if isinstance(lang, str):
        return pl.repeat(lang, count, dtype=pl.String, eager=True)
    codes = _to_series(lang)
    if len(codes) != count:
        raise ValueError(f"lang has {len(codes):,} codes for {count:,} texts")
    return codes


def _to_container(redacted: pl.Series, given: Any) -> Any:
    """Return the column in the kind of container that was given."""
    if isinstance(given, pl.Series):
        return redacted.cast(given.dtype).rename(given.name)
    if not isinstance(given, pa.Array | pa.ChunkedArray):
        return redacted.to_list()
    if isinstance(given, pa.Array):
        return _to_arrow(redacted, given.type)
    ends = list(accumulate(len(chunk) for chunk in given.chunks))
    chunks = [
        _to_arrow(redacted.slice(end - len(chunk), len(chunk)), given.type)
        for end, chunk in zip(ends, given.chunks, strict=True)
    ]
    return pa.chunked_array(chunks, type=given.type)


def _to_arrow(texts: pl.Series, kind: pa.DataType) -> pa.Array:
    return pa.array(texts.to_list(), type=kind)
