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

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import polars as pl
from pydantic import Field, field_validator

from filters.contract import UNJUDGED, Filter, FilterConfig
from filters.pii import national, ner, ner_model
from filters.pii.patterns import ENTITIES
from filters.pii.phones import AUTO
from filters.pii.redactor import Redactor
from filters.text.languages import are_any_of, find_unknown_languages, with_languages

READS = ("text",)
WRITES: Mapping[str, pl.DataType] = {
    "text": pl.String(),
    **{f"pii_{entity.lower()}": pl.UInt16() for entity in (*ENTITIES, "HANDLE")},
}
VERSION = 10
REASONS = ("too_much_pii",)

_MAX_COUNT = 65535  # of the count columns' type


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
    redactor = _build_redactor(config, key)
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


def _build_redactor(config: Config, key: bytes) -> Redactor:
    public = (*config.public, *_read_account_list(config.public_file))
    return Redactor(
        config.list_pattern_entities(),
        key=key,
        style=config.style,
        handles=config.handles,
        phone_regions=config.phone_regions,
        min_scores=config.min_scores,
        public=public,
        names=ner.ENTITIES if config.profile == "strict" else (),
        ner=config.ner,
    )


def _select_rows_for_ner(posts: pl.DataFrame, config: Config) -> pl.Series:
    """Return which posts the model for names can read; all, if their language is unknown."""
    if not config.ner_langs or "lang" not in posts.columns:
        return pl.repeat(True, posts.height, dtype=pl.Boolean, eager=True)
    wanted = are_any_of(pl.col("lang"), config.ner_langs).fill_null(True)
    return posts.select(wanted).to_series()


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
