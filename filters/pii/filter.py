"""Replace contact details, handles and, if asked, names in posts; offline.

``Write to joe@example.org or @joe`` becomes ``Write to <EMAIL_ADDRESS> or <HANDLE>``. The
details are what Presidio's recognizers find (see ``_presidio``), the handles those of every
platform (``_handles``); the profile ``strict`` adds people and places (``_ner``). A dotted quad
of numbers is an address even where the author meant a version: nothing tells the two apart, and
1.2.3.4 is a public address. What reaches nobody stays: private, loopback and reserved addresses,
and "phone numbers" as short as a year or a postcode.
"""

from __future__ import annotations

import hmac
from collections import Counter, defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import polars as pl
from pydantic import Field, field_validator

from filters.contract import Filter, FilterConfig
from filters.pii import handles as _handles
from filters.pii import national, ner_model, redaction
from filters.pii import ner as _ner
from filters.pii.handles import HandleFinder
from filters.pii.presidio import ENTITIES, MIN_SCORES, PHONE_REGIONS, EntityFinder, EntitySpan
from filters.pii.redaction import replace_spans, resolve_overlaps

READS = ("text",)
WRITES: Mapping[str, pl.DataType] = {
    "text": pl.String(),
    **{f"pii_{entity.lower()}": pl.UInt16() for entity in (*ENTITIES, "HANDLE")},
}
VERSION = 2

_MAX_COUNT = 65535  # what a count column holds
#: Rounds after which a surrogate that its neighbours make a detail of becomes a placeholder.
_SURROGATE_ROUNDS = 6


class Config(FilterConfig):
    """Which details to replace, and by what.

    ``handles="keep"`` leaves ``@name`` alone, yet ``@a@host.org`` still holds what Presidio calls
    an e-mail address. ``max_spans`` counts details, not handles: a reply names many people.
    """

    profile: Literal["contact", "strict"] = Field(
        "contact", description="strict: people and places too, by ner"
    )
    entities: tuple[str, ...] = ENTITIES
    countries: tuple[str, ...] = Field(
        (), description=f"national identifiers too, of any of {', '.join(national.COUNTRIES)}"
    )
    min_scores: dict[str, float] = Field({}, description="scores below which a hit is let go")
    phone_regions: tuple[str, ...] = PHONE_REGIONS
    style: Literal["placeholder", "surrogate", "mask"] = Field(
        "placeholder", description="surrogate: another of the same shape, by the corpus's key"
    )
    handles: Literal["placeholder", "pseudonym", "keep"] = Field(
        "placeholder", description="pseudonym: <HANDLE_…>, from the author column's own"
    )
    public: tuple[str, ...] = Field((), description="accounts whose names stay: nasa, x:nasa")
    public_file: str = Field("", description="a file of such accounts, one a line; # begins a note")
    ner: str = Field(
        "posts",
        description="posts, spacy:NAME, stanza:CODE, transformers:FOLDER, gliner:FOLDER",
    )
    ner_langs: tuple[str, ...] = Field(
        (), description="look for names in posts of these languages only (lang); () is all"
    )
    max_spans: int = Field(default=0, ge=0, description="a post with more leaves; 0 for no limit")

    @field_validator("entities")
    @classmethod
    def _known_entities(cls, entities: tuple[str, ...]) -> tuple[str, ...]:
        return _require_known("entity", entities, ENTITIES)

    @field_validator("countries")
    @classmethod
    def _known_countries(cls, countries: tuple[str, ...]) -> tuple[str, ...]:
        return _require_known("country", countries, national.COUNTRIES)

    @field_validator("min_scores")
    @classmethod
    def _known_scores(cls, scores: dict[str, float]) -> dict[str, float]:
        _require_known("entity", tuple(scores), (*ENTITIES, *national.NATIONAL_IDENTIFIERS))
        for entity, score in scores.items():
            least = {
                name: each.min_score for name, each in national.NATIONAL_IDENTIFIERS.items()
            } | MIN_SCORES
            if entity in national.NATIONAL_IDENTIFIERS and score < least[entity]:
                # The gates of national identifiers let no weaker form through.
                raise ValueError(f"{entity}: the least score is {least[entity]}")
        return scores

    @field_validator("phone_regions")
    @classmethod
    def _known_regions(cls, regions: tuple[str, ...]) -> tuple[str, ...]:
        if regions == PHONE_REGIONS:
            return regions  # a plan that is only checked need not load phonenumbers
        from phonenumbers import SUPPORTED_REGIONS

        return _require_known("phone region", regions, tuple(sorted(SUPPORTED_REGIONS)))

    @field_validator("ner")
    @classmethod
    def _known_ner(cls, ner: str) -> str:
        if ner.partition(":")[0] not in _ner.ENGINE_KINDS:
            _ner.check_engine(ner)
        return ner

    def list_pattern_entities(self) -> tuple[str, ...]:
        """Every entity that Presidio's patterns look for."""
        return (*self.entities, *national.list_identifiers(self.countries))


def writes(config: Config) -> Mapping[str, pl.DataType]:
    """The columns it adds under a Config: a count for each entity that is looked for."""
    more = (
        *national.list_identifiers(config.countries),
        *(_ner.ENTITIES if config.profile == "strict" else ()),
    )
    return {**WRITES, **{f"pii_{entity.lower()}": pl.UInt16() for entity in more}}


def models(config: Config) -> list[Path]:
    """The files that decide: the model for names, the list of public accounts."""
    ner = config.profile == "strict" and config.ner == "posts"
    lists = [Path(config.public_file)] if config.public_file else []
    return [*lists, *([ner_model.NER_MODEL_PATH] if ner else [])]


def check(config: Config) -> None:
    """A ValueError if the model for names is not there."""
    if config.profile == "strict":
        _ner.check_engine(config.ner)


def wants_key(config: Config) -> bool:
    """Whether the Config asks for what only the corpus's key can give."""
    return config.style == "surrogate" or config.handles == "pseudonym"


def build(config: Config, key: bytes = b"") -> Filter:
    """Load the recognizers (about a second, most of it importing Presidio).

    ``key`` is the corpus's pseudonym key, for surrogates and pseudonyms.
    """
    if wants_key(config) and len(key) < 32:
        raise ValueError("surrogates and pseudonyms are made with a key of at least 32 bytes")
    redactor = _Redactor(config, key)
    counted = [name for name in writes(config) if name != "text"]

    def redact(posts: pl.DataFrame) -> pl.DataFrame:
        platforms, mentions = (
            posts[name] if name in posts.columns else None for name in ("platform", "mentions")
        )
        texts, counts = redactor(
            posts["text"], platforms, mentions, _select_rows_for_ner(posts, config)
        )
        posts = posts.with_columns(texts, *_make_count_columns(counts, posts.height, counted))
        return posts.with_columns(reject=_reject_reason(posts, config.max_spans, counted))

    return redact


def _require_known(what: str, given: tuple[str, ...], known: tuple[str, ...]) -> tuple[str, ...]:
    for name in given:
        if name not in known:
            raise ValueError(f"unknown {what} '{name}'; known: {', '.join(known)}")
    return given


class _Redactor:
    """What replaces details, handles and names under one Config."""

    def __init__(self, config: Config, key: bytes) -> None:
        self._finder = EntityFinder(
            config.list_pattern_entities(), config.phone_regions, config.min_scores
        )
        self._style: redaction.ReplacementStyle = redaction.make_placeholder
        if config.style == "mask":
            self._style = redaction.mask_characters
        if config.style == "surrogate":
            self._style = redaction.SurrogateStyle(key, self._contains_detail)
        self._public = _handles.parse_allow_list(
            (*config.public, *_read_account_list(config.public_file))
        )
        self._key = key if config.handles == "pseudonym" else b""
        self._handles = (
            None if config.handles == "keep" else HandleFinder(self._replacement_for_handle)
        )
        self._ner = _ner.load_engine(config.ner) if config.profile == "strict" else None

    def __call__(
        self,
        texts: pl.Series,
        platforms: pl.Series | None,
        mentions: pl.Series | None,
        readable: pl.Series,
    ) -> tuple[pl.Series, dict[int, Counter[str]]]:
        """The texts redacted, and what was replaced in each row that held any.

        A placeholder ends the word beside it, which can bring out another detail: a phone number
        run into a wallet address. So rows that changed are read again until none does, and a
        second run over a finished corpus finds nothing to do. No detail, handle or name spans a
        ``<``, so every round leaves less to find; a surrogate gets some rounds, then a placeholder.
        """
        counts: defaultdict[int, Counter[str]] = defaultdict(Counter)
        done = texts.fill_null("").rename("text").cast(pl.String)
        rows = pl.Series(range(len(done)), dtype=pl.UInt32)
        rounds = 0
        while len(rows):
            style = self._style if rounds < _SURROGATE_ROUNDS else redaction.make_placeholder
            before = done.gather(rows)
            after = self._redact_details(before, rows, counts, style)
            after = self._redact_handles(after, platforms, mentions, rows, counts)
            after = self._redact_names(after, readable.gather(rows), rows, counts, style)
            changed = before != after
            rows = rows.filter(changed)
            done = done.scatter(rows, after.filter(changed))
            rounds += 1
        return done, counts

    def _contains_detail(self, text: str) -> bool:
        """Whether a text holds a detail."""
        found = self._finder.find(pl.Series([text]))
        return any(resolve_overlaps(text, spans) for spans in found.values())

    def _replacement_for_handle(self, network: str, name: str, author: str | None) -> str | None:
        if _handles.is_allowed(network, name, self._public):
            return None
        if not self._key:
            return "<HANDLE>"
        whose = f"{network}:{author or name}".lower().encode()
        digest = hmac.digest(self._key, whose, "sha256").hex()
        return f"<HANDLE_{redaction.encode_digest_as_letters(digest[:12])}>"

    def _redact_details(
        self,
        texts: pl.Series,
        rows: pl.Series,
        counts: defaultdict[int, Counter[str]],
        style: redaction.ReplacementStyle,
    ) -> pl.Series:
        redacted: dict[int, str] = {}
        for place, spans in self._finder.find(texts).items():
            text = texts[place]
            chosen = resolve_overlaps(text, spans)
            if self._handles:  # what reads as an address behind an @ is a handle's host
                chosen = [span for span in chosen if not self._is_host_of_handle(text, span)]
            redacted[place] = replace_spans(text, chosen, style)
            counts[rows[place]].update(span.entity for span in chosen)
        return _scatter_texts(texts, redacted)

    def _is_host_of_handle(self, text: str, span: EntitySpan) -> bool:
        """``@a@host.org`` is a handle, though its end reads as an e-mail address."""
        behind = text[max(0, span.start - 1) : span.start] in ("@", "\uff20")
        return (
            span.entity == "EMAIL_ADDRESS"
            and behind
            and self._handles is not None
            and self._handles.matches_at(text, span.start - 1)
        )

    def _redact_handles(
        self,
        texts: pl.Series,
        platforms: pl.Series | None,
        mentions: pl.Series | None,
        rows: pl.Series,
        counts: defaultdict[int, Counter[str]],
    ) -> pl.Series:
        if not self._handles:
            return texts
        own, people = (
            column.gather(rows) if column is not None else None for column in (platforms, mentions)
        )
        found = self._handles.replace_in_column(texts, own, people if self._key else None)
        for place, (_, count) in found.items():
            counts[rows[place]]["HANDLE"] += count
        return _scatter_texts(texts, {place: text for place, (text, _) in found.items()})

    def _redact_names(
        self,
        texts: pl.Series,
        readable: pl.Series,
        rows: pl.Series,
        counts: defaultdict[int, Counter[str]],
        style: redaction.ReplacementStyle,
    ) -> pl.Series:
        if not self._ner:
            return texts
        redacted: dict[int, str] = {}
        places = readable.arg_true().to_list()
        listed: list[str] = texts.gather(places).to_list()
        for place, text, spans in zip(places, listed, self._ner(listed), strict=True):
            if spans:
                chosen = resolve_overlaps(text, spans)
                redacted[place] = replace_spans(text, chosen, style)
                counts[rows[place]].update(span.entity for span in chosen)
        return _scatter_texts(texts, redacted)


def _select_rows_for_ner(posts: pl.DataFrame, config: Config) -> pl.Series:
    """Which posts the model for names can read; where nobody has said, all."""
    if not config.ner_langs or "lang" not in posts.columns:
        return pl.repeat(True, posts.height, dtype=pl.Boolean, eager=True)
    return posts["lang"].is_in(list(config.ner_langs)).fill_null(True)


def _scatter_texts(texts: pl.Series, changed: Mapping[int, str]) -> pl.Series:
    return texts.clone().scatter(list(changed), list(changed.values())) if changed else texts


def _read_account_list(path: str) -> list[str]:
    if not path:
        return []
    lines = Path(path).read_text(encoding="utf-8").splitlines()
    return [line.partition("#")[0].strip() for line in lines]


def _make_count_columns(
    counts: Mapping[int, Counter[str]], height: int, names: list[str]
) -> list[pl.Series]:
    columns = []
    for name in names:
        column = [0] * height
        entity = name.removeprefix("pii_").upper()
        for row, counted in counts.items():
            column[row] = min(counted[entity], _MAX_COUNT)
        columns.append(pl.Series(name, column, dtype=pl.UInt16))
    return columns


def _reject_reason(posts: pl.DataFrame, max_spans: int, counted: list[str]) -> pl.Expr:
    """An earlier reason stands; ours is given where there is none."""
    columns = (pl.col(name).cast(pl.UInt32) for name in counted if name != "pii_handle")
    details = pl.sum_horizontal(columns)
    too_much = (details > max_spans) & pl.lit(max_spans > 0)
    ours = pl.when(too_much).then(pl.lit("too_much_pii"))
    return pl.coalesce("reject", ours) if "reject" in posts.columns else ours
