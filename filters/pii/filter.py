"""Replace contact details, handles and, if asked, names in posts; offline.

``Write to joe@example.org or @joe`` becomes ``Write to <EMAIL_ADDRESS> or <HANDLE>``. Details are
found in three layers: what Presidio's recognizers and our own patterns find in the text as it is
written (see ``presidio`` and ``patterns``); what they find in the text as it is read, without
escapes, invisible characters and letters that touch it, with spelled addresses and contacts (see
``view_finder``); less what a rule says is no contact data: dates, decimals, versions (see
``vetoes``). The handles are those of every platform (see ``handles``); the profile ``strict`` adds
people and places (see ``ner``). Private, loopback and reserved addresses are kept, because they
reach nobody, and so are "phone numbers" as short as a year or a postcode.
"""

from __future__ import annotations

import hmac
from collections import Counter, defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import polars as pl
from pydantic import Field, field_validator

from filters.contract import UNJUDGED, Filter, FilterConfig
from filters.pii import contacts, handles, national, ner, ner_model, styles, vetoes
from filters.pii.patterns import ENTITIES, PatternFinder, list_presidio_regions
from filters.pii.phones import AUTO
from filters.pii.presidio import EntityFinder
from filters.pii.spans import (
    EntitySpan,
    ReplacementStyle,
    replace_spans,
    resolve_overlaps,
    widen_to_words,
)
from filters.pii.view import make_view
from filters.pii.view_finder import ViewFinder, ViewHandleFinder
from filters.text.languages import are_any_of, find_unknown_languages, with_languages

READS = ("text",)
WRITES: Mapping[str, pl.DataType] = {
    "text": pl.String(),
    **{f"pii_{entity.lower()}": pl.UInt16() for entity in (*ENTITIES, "HANDLE")},
}
VERSION = 9

_MAX_COUNT = 65535  # of the count columns' type
#: Rounds after which a surrogate that is a detail next to its neighbours becomes a placeholder, and
#: a detail is replaced with the whole word around it.
_SURROGATE_ROUNDS = 6
#: Rounds after which nothing of a text that still changes is kept.
_MAX_ROUNDS = 12
#: A placeholder that touches more than the marks around a word: another handle may show next to it.
_TOUCHES_PLACEHOLDER = r"[^\s(\"'\[.:]<[A-Z]|[A-Za-z]>[^\s:,.!?;)]"

#: By entity: how many details were replaced in each row.
_Counts = defaultdict[str, Counter[int]]


class Config(FilterConfig):
    """Which details are replaced, and by what.

    ``handles="keep"`` keeps ``@name``, yet ``@a@host.org`` still contains what Presidio takes for
    an e-mail address. ``max_spans`` counts details, not handles: a reply names many people.
    """

    profile: Literal["contact", "strict"] = Field(
        "contact", description="strict: people and places too, by ner"
    )
    entities: tuple[str, ...] = ENTITIES
    countries: tuple[str, ...] = Field(
        (), description=f"national identifiers too, of any of {', '.join(national.COUNTRIES)}"
    )
    min_scores: dict[str, float] = Field({}, description="scores below which a hit is ignored")
    phone_regions: tuple[str, ...] = Field(
        (AUTO,), description="auto: those of the post's language (lang); or a list of regions"
    )
    style: Literal["placeholder", "surrogate", "mask"] = Field(
        "placeholder", description="surrogate: another of the same shape, by the corpus's key"
    )
    handles: Literal["placeholder", "pseudonym", "keep"] = Field(
        "placeholder", description="pseudonym: <HANDLE_…>, from the author column's own"
    )
    public: tuple[str, ...] = Field((), description="accounts to keep by name: nasa, x:nasa")
    public_file: str = Field("", description="a file of such accounts, one a line; # begins a note")
    ner: str = Field(
        "posts",
        description="posts, spacy:NAME, stanza:CODE, transformers:FOLDER, gliner:FOLDER",
    )
    ner_langs: tuple[str, ...] = Field(
        (), description="look for names in posts of these languages only (lang); () is all"
    )
    max_spans: int = Field(
        default=0, ge=0, description="a post with more is dropped; 0 for no limit"
    )

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
            identifier = national.NATIONAL_IDENTIFIERS.get(entity)
            if identifier and score < identifier.min_score:
                # The gates of national identifiers match no weaker form.
                raise ValueError(f"{entity}: the least score is {identifier.min_score}")
        return scores

    @field_validator("phone_regions", mode="before")
    @classmethod
    def _listed_regions(cls, regions: object) -> object:
        return (regions,) if isinstance(regions, str) else regions

    @field_validator("phone_regions")
    @classmethod
    def _known_regions(cls, regions: tuple[str, ...]) -> tuple[str, ...]:
        if set(regions) <= {AUTO}:
            return regions  # a plan that is only checked need not load phonenumbers
        from phonenumbers import SUPPORTED_REGIONS

        return _require_known("phone region", regions, (AUTO, *sorted(SUPPORTED_REGIONS)))

    @field_validator("ner")
    @classmethod
    def _known_ner(cls, engine: str) -> str:
        if engine.partition(":")[0] not in ner.ENGINE_KINDS:
            ner.check_engine(engine)
        return engine

    def list_pattern_entities(self) -> tuple[str, ...]:
        """Return every entity that Presidio's patterns look for."""
        return (*self.entities, *national.list_identifiers(self.countries))


def writes(config: Config) -> Mapping[str, pl.DataType]:
    """Return the columns it adds under a Config: a count for each entity that is looked for."""
    names = ner.ENTITIES if config.profile == "strict" else ()
    more = (*national.list_identifiers(config.countries), *names)
    return {**WRITES, **{f"pii_{entity.lower()}": pl.UInt16() for entity in more}}


def models(config: Config) -> list[Path]:
    """Return the files that decide: the models for names, the list of public accounts."""
    lists = [Path(config.public_file)] if config.public_file else []
    if not _chooses_model(config):
        return lists
    return [
        *lists,
        ner_model.NER_MODEL_PATH,
        *map(ner_model.get_linear_path, ner_model.LINEAR_LANGUAGES),
    ]


def languages(config: Config) -> tuple[str, ...]:
    """Return the languages in which names are found; contact data are found in all."""
    if config.profile != "strict":
        return ()
    return config.ner_langs or (ner.POSTS_LANGUAGES if config.ner == "posts" else ())


def _chooses_model(config: Config) -> bool:
    """Return whether names are found by a model of the post's language."""
    return config.profile == "strict" and config.ner == "posts"


def check(config: Config) -> None:
    """Raise ValueError if the model for names does not exist."""
    if config.profile == "strict":
        ner.check_engine(config.ner)


def wants_key(config: Config) -> bool:
    """Return whether the Config asks for surrogates or pseudonyms, which need the corpus's key."""
    return config.style == "surrogate" or config.handles == "pseudonym"


def build(config: Config, key: bytes = b"") -> Filter:
    """Return the filter, which imports Presidio (about a second) once a text has passed a gate.

    ``key`` is the corpus's pseudonym key, for surrogates and pseudonyms.
    """
    if wants_key(config) and len(key) < 32:
        raise ValueError("surrogates and pseudonyms are made with a key of at least 32 bytes")
    redactor = _Redactor(config, key)
    count_columns = [name for name in writes(config) if name != "text"]
    known = languages(config)

    def redact(posts: pl.DataFrame) -> pl.DataFrame:
        platforms, mentions, languages = (
            posts[name] if name in posts.columns else None
            for name in ("platform", "mentions", "lang")
        )
        ner_rows = _select_rows_for_ner(posts, config)
        named = with_languages(posts) if known else posts  # once, by the text as it was written
        ner_languages = named["lang"] if _chooses_model(config) else None
        texts, counts = redactor(
            posts["text"], platforms, mentions, languages, ner_rows, ner_languages
        )
        posts = posts.with_columns(texts, *_make_count_columns(counts, posts.height, count_columns))
        posts = posts.with_columns(reject=_reject_reason(posts, config.max_spans, count_columns))
        if known:
            posts = posts.with_columns(find_unknown_languages(named, known).alias(UNJUDGED))
        return posts

    return redact


def _require_known(what: str, given: tuple[str, ...], known: tuple[str, ...]) -> tuple[str, ...]:
    for name in given:
        if name not in known:
            raise ValueError(f"unknown {what} '{name}'; known: {', '.join(known)}")
    return given


class _Redactor:
    """Replaces details, handles and names under one Config."""

    def __init__(self, config: Config, key: bytes) -> None:
        entities = config.list_pattern_entities()
        regions = list_presidio_regions(config.phone_regions)
        self._finder = EntityFinder(entities, regions, config.min_scores, reachable_only=True)
        self._patterns = PatternFinder(entities, config.phone_regions, config.min_scores)
        self._view_finder = ViewFinder(self._finder, self._patterns, entities, vetoes.drop_vetoed)
        self._style: ReplacementStyle = styles.make_placeholder
        if config.style == "mask":
            self._style = _replace_as_read(styles.mask_characters)
        if config.style == "surrogate":
            self._style = _replace_as_read(styles.SurrogateStyle(key, self._contains_detail))
        public = (*config.public, *_read_account_list(config.public_file))
        self._public = handles.parse_allow_list(public)
        self._key = key if config.handles == "pseudonym" else b""
        self._handles: handles.HandleFinder | None = None
        if config.handles != "keep":
            self._handles = handles.HandleFinder(self._replacement_for_handle)
            self._view_handles = ViewHandleFinder(self._handles, self._replacement_for_handle)
        self._ner = ner.load_engine(config.ner) if config.profile == "strict" else None

    def __call__(
        self,
        texts: pl.Series,
        platforms: pl.Series | None,
        mentions: pl.Series | None,
        languages: pl.Series | None,
        ner_rows: pl.Series,
        ner_languages: pl.Series | None,
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
        """
        counts: _Counts = defaultdict(Counter)
        redacted = texts.fill_null("").rename("text").cast(pl.String)
        rows = pl.Series(range(len(redacted)), dtype=pl.UInt32)
        rounds = 0
        while len(rows):
            widen = rounds >= _SURROGATE_ROUNDS
            style = styles.make_placeholder if widen else self._style
            before = redacted.gather(rows)
            own_languages = languages.gather(rows) if languages is not None else None
            has_contact = contacts.may_contain_contact(before)
            found, candidates = self._find_details(before, own_languages, has_contact)
            after = self._redact_details(before, found, rows, counts, style, widen=widen)
            is_open = (before != after).scatter(sorted(candidates), True)
            after = self._redact_handles(after, platforms, mentions, has_contact, rows, counts)
            after = self._redact_names(after, ner_rows, ner_languages, rows, counts, style)
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
        if handles.is_allowed(network, name, self._public):
            return None
        if not self._key:
            return "<HANDLE>"
        account = handles.name_account(network, author or name).encode()
        digest = hmac.digest(self._key, account, "sha256").hex()
        return f"<HANDLE_{styles.encode_digest_as_letters(digest[:12])}>"

    def _redact_details(
        self,
        texts: pl.Series,
        found: Mapping[int, list[EntitySpan]],
        rows: pl.Series,
        counts: _Counts,
        style: ReplacementStyle,
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
            found[index] = handles.merge_spans([*found.get(index, ()), *spans])
        indices = list(found)
        redacted = {}
        for index, row, text in zip(
            indices, rows.gather(indices).to_list(), texts.gather(indices).to_list(), strict=True
        ):
            counts["HANDLE"][row] += len(found[index])
            redacted[index] = handles.replace_handles(text, found[index])
        replaced, mention_counts = handles.replace_plain_mentions(texts.gather(plain), "<HANDLE>")
        for row, count in zip(rows.gather(plain).to_list(), mention_counts.to_list(), strict=True):
            counts["HANDLE"][row] += count
        return _scatter_texts(texts, redacted).clone().scatter(plain, replaced)

    def _select_plain_mentions(self, texts: pl.Series, excluded: list[int]) -> pl.Series:
        """Return the indices of the texts whose handles are all plain and get one placeholder."""
        if self._key or self._public:
            return pl.Series([], dtype=pl.UInt32)
        return handles.select_plain_mentions(texts).scatter(excluded, False).arg_true()

    def _redact_names(
        self,
        texts: pl.Series,
        ner_rows: pl.Series,
        languages: pl.Series | None,
        rows: pl.Series,
        counts: _Counts,
        style: ReplacementStyle,
    ) -> pl.Series:
        if not self._ner:
            return texts
        redacted: dict[int, str] = {}
        indices = ner_rows.gather(rows).arg_true().to_list()
        selected: list[str] = texts.gather(indices).to_list()
        codes = languages.gather(rows).gather(indices).to_list() if languages is not None else ()
        for index, text, found in zip(indices, selected, self._ner(selected, codes), strict=True):
            if found:
                spans = resolve_overlaps(text, found)
                redacted[index] = replace_spans(text, spans, style)
                for span in spans:
                    counts[span.entity][rows[index]] += 1
        return _scatter_texts(texts, redacted)


def _replace_as_read(style: ReplacementStyle) -> ReplacementStyle:
    """Return a style that gets the content of a span as it is read, without escapes."""
    return lambda entity, content: style(entity, make_view(content).text)


def _select_rows_for_ner(posts: pl.DataFrame, config: Config) -> pl.Series:
    """Return which posts the model for names can read; all, if their language is unknown."""
    if not config.ner_langs or "lang" not in posts.columns:
        return pl.repeat(True, posts.height, dtype=pl.Boolean, eager=True)
    wanted = are_any_of(pl.col("lang"), config.ner_langs).fill_null(True)
    return posts.select(wanted).to_series()


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


def _read_account_list(path: str) -> list[str]:
    if not path:
        return []
    lines = Path(path).read_text(encoding="utf-8").splitlines()
    return [line.partition("#")[0].strip() for line in lines]


def _make_count_columns(
    counts: Mapping[str, Counter[int]], height: int, names: list[str]
) -> list[pl.Series | pl.Expr]:
    columns: list[pl.Series | pl.Expr] = []
    for name in names:
        by_row: Mapping[int, int] = counts.get(name.removeprefix("pii_").upper(), {})
        if not by_row:
            columns.append(pl.lit(0, dtype=pl.UInt16).alias(name))
            continue
        column = pl.zeros(height, dtype=pl.UInt16, eager=True)
        values = [min(count, _MAX_COUNT) for count in by_row.values()]
        columns.append(column.scatter(list(by_row), values).rename(name))
    return columns


def _reject_reason(posts: pl.DataFrame, max_spans: int, count_columns: list[str]) -> pl.Expr:
    """Keep the reason of an earlier filter; else give ours for a post with too many details."""
    counts = (pl.col(name).cast(pl.UInt32) for name in count_columns if name != "pii_handle")
    details = pl.sum_horizontal(counts)
    has_too_many = (details > max_spans) & pl.lit(max_spans > 0)
    reason = pl.when(has_too_many).then(pl.lit("too_much_pii"))
    return pl.coalesce("reject", reason) if "reject" in posts.columns else reason
