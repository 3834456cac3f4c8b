"""Replace contact details and handles in posts with typed placeholders, offline.

``Write to joe@example.org or @joe`` becomes ``Write to <EMAIL_ADDRESS> or <HANDLE>``. The
details are what Presidio's pattern recognizers find (see ``_presidio``). A dotted quad of
numbers is an address even where the author meant a version: nothing tells the two apart, and
1.2.3.4 is a public address. What reaches nobody stays: private, loopback and reserved
addresses, and "phone numbers" as short as a year or a postcode.
"""

from __future__ import annotations

import ipaddress
from collections import Counter, defaultdict
from collections.abc import Mapping
from itertools import chain
from typing import Literal

import polars as pl
from pydantic import Field, field_validator

from filters._presidio import ENTITIES, PHONE_REGIONS, Finder, Span
from filters.contract import Filter, FilterConfig

READS = ("text",)
WRITES: Mapping[str, pl.DataType] = {
    "text": pl.String(),
    **{f"pii_{entity.lower()}": pl.UInt16() for entity in (*ENTITIES, "HANDLE")},
}
VERSION = 1

_MOST = 65535  # what a count column holds

# To libphonenumber 1648 is a German pager, and so is the postcode 16801. A number that reaches
# someone is longer, or written with a plus.
_DIALLED = 7

# A name may be followed by a host (Mastodon) or be a domain (Bluesky). Only these endings make
# it a domain: "@bob.Thanks" is a name, a full stop and a word. A name needs a letter, or
# "lunch @12" would be one. It starts where no word goes on: in "joe@localhost" there is none.
_NAME = r"[0-9_]*[A-Za-z_][A-Za-z0-9_]*"
_HOST = r"(?:[.-][A-Za-z0-9_-]+)*@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.[A-Za-z][A-Za-z0-9-]+"
_ENDINGS = "social|bsky[.]team|com|net|org|edu|gov|io|dev|xyz|uk|de|fr|jp|br|eu|ca|au"
_DOMAIN = rf"(?:[.-][A-Za-z0-9-]+)*?\.(?:{_ENDINGS})\b"
_REDDITOR = "[A-Za-z0-9_-]{3,20}"
_BEFORE = r"\p{Latin}\p{N}_"
HANDLE = (
    rf"(^|[^{_BEFORE}@\u{{FF20}}])[@\u{{FF20}}]{_NAME}(?:{_HOST}|{_DOMAIN})?"
    rf"|(^|[^{_BEFORE}/])/?u/{_REDDITOR}|(reddit\.com)/u(?:ser)?/{_REDDITOR}"
)


class Config(FilterConfig):
    """Which details to replace.

    ``handles="keep"`` leaves ``@name`` alone, yet ``@a@host.org`` still holds what Presidio calls
    an e-mail address. ``max_spans`` counts details, not handles: a reply names many people.
    """

    profile: Literal["contact"] = "contact"
    entities: tuple[str, ...] = ENTITIES
    phone_regions: tuple[str, ...] = PHONE_REGIONS
    handles: Literal["placeholder", "keep"] = "placeholder"
    max_spans: int = Field(default=0, ge=0)

    @field_validator("entities")
    @classmethod
    def _known_entities(cls, entities: tuple[str, ...]) -> tuple[str, ...]:
        return _known("entity", entities, ENTITIES)

    @field_validator("phone_regions")
    @classmethod
    def _known_regions(cls, regions: tuple[str, ...]) -> tuple[str, ...]:
        if regions == PHONE_REGIONS:
            return regions  # a plan that is only checked need not load phonenumbers
        from phonenumbers import SUPPORTED_REGIONS

        return _known("phone region", regions, tuple(sorted(SUPPORTED_REGIONS)))


def build(config: Config) -> Filter:
    """Load the recognizers (about a second, most of it importing Presidio)."""
    finder = Finder(config.entities, config.phone_regions)
    handles = config.handles == "placeholder"

    def redact(posts: pl.DataFrame) -> pl.DataFrame:
        texts, counts = _redact(posts["text"], finder, handles)
        posts = posts.with_columns(texts, *_count_columns(counts, posts.height))
        return posts.with_columns(reject=_reject(posts, config.max_spans))

    return redact


def _known(what: str, given: tuple[str, ...], known: tuple[str, ...]) -> tuple[str, ...]:
    for name in given:
        if name not in known:
            raise ValueError(f"unknown {what} '{name}'; known: {', '.join(known)}")
    return given


def _redact(
    texts: pl.Series, finder: Finder, handles: bool
) -> tuple[pl.Series, dict[int, Counter[str]]]:
    """The texts with placeholders, and what was replaced in each row that held any.

    A placeholder ends the word beside it, which can bring out another detail: a phone number
    run into a wallet address. So rows that changed are read again until none does, and a second
    run over a finished corpus finds nothing to do. No detail or handle spans a ``<``, so every
    round leaves less to find.
    """
    counts: defaultdict[int, Counter[str]] = defaultdict(Counter)
    done = texts.fill_null("").rename("text").cast(pl.String)
    rows = pl.Series(range(len(done)), dtype=pl.UInt32)
    while len(rows):
        before = done.gather(rows)
        after = _redact_details(before, finder, handles, rows, counts)
        if handles:
            after = _redact_handles(after, rows, counts)
        changed = before != after
        rows = rows.filter(changed)
        done = done.scatter(rows, after.filter(changed))
    return done, counts


def _redact_details(
    texts: pl.Series,
    finder: Finder,
    handles: bool,
    rows: pl.Series,
    counts: defaultdict[int, Counter[str]],
) -> pl.Series:
    redacted: dict[int, str] = {}
    for place, spans in finder.find(texts).items():
        text = texts[place]
        chosen = choose(text, spans)
        if handles:
            chosen = [_as_handle(text, span) for span in chosen]
        redacted[place] = replace(text, chosen)
        counts[rows[place]].update(span.entity for span in chosen)
    return texts.clone().scatter(list(redacted), list(redacted.values())) if redacted else texts


def _redact_handles(
    texts: pl.Series, rows: pl.Series, counts: defaultdict[int, Counter[str]]
) -> pl.Series:
    found = texts.str.count_matches(HANDLE)
    for place in (found > 0).arg_true():
        counts[rows[place]]["HANDLE"] += found[place]
    return texts.str.replace_all(HANDLE, "${1}${2}${3}<HANDLE>")


def choose(text: str, spans: list[Span]) -> list[Span]:
    """Settle overlaps: a span gives way to one around it, else to the higher score, then length.

    The winner covers the whole overlap, so no half of a loser is left to read. What reaches
    nobody is let go in between: the address 10.20.30.40 is no phone number either.
    """
    outer = [span for span in spans if not any(_gives_way(span, other) for other in spans)]
    groups: list[list[Span]] = []
    for span in sorted(span for span in outer if not _reaches_nobody(text, span)):
        if groups and span.start < max(other.end for other in groups[-1]):
            groups[-1].append(span)
        else:
            groups.append([span])
    return [_winner(group) for group in groups]


def _gives_way(span: Span, other: Span) -> bool:
    """Whether ``span`` lies within ``other``; of two on the same place, the lower score."""
    if (span.start, span.end) == (other.start, other.end):
        return (span.score, span.entity) < (other.score, other.entity)
    return other.start <= span.start and span.end <= other.end


def _winner(group: list[Span]) -> Span:
    best = max(group, key=lambda span: (span.score, span.end - span.start, span.entity))
    return best._replace(start=group[0].start, end=max(span.end for span in group))


def _reaches_nobody(text: str, span: Span) -> bool:
    held = text[span.start : span.end]
    if span.entity == "PHONE_NUMBER":
        return not held.startswith(("+", "\uff0b")) and sum(map(str.isdecimal, held)) < _DIALLED
    if span.entity == "IP_ADDRESS":
        address = ipaddress.ip_address(held.split("/")[0].split("%")[0])
        return not (getattr(address, "ipv4_mapped", None) or address).is_global
    return False


def _as_handle(text: str, span: Span) -> Span:
    """``@a@host.org`` is a handle, though its end reads as an e-mail address."""
    if span.entity == "EMAIL_ADDRESS" and text[: span.start].endswith("@"):
        return span._replace(start=span.start - 1, entity="HANDLE")
    return span


def replace(text: str, spans: list[Span]) -> str:
    """The text with each span, by its offsets, turned into its placeholder."""
    starts = [0, *(span.end for span in spans)]
    ends = [*(span.start for span in spans), len(text)]
    kept = [text[start:end] for start, end in zip(starts, ends, strict=True)]
    holders = [*(f"<{span.entity}>" for span in spans), ""]
    return "".join(chain.from_iterable(zip(kept, holders, strict=True)))


def _count_columns(counts: Mapping[int, Counter[str]], height: int) -> list[pl.Series]:
    columns = []
    for entity in (*ENTITIES, "HANDLE"):
        column = [0] * height
        for row, counted in counts.items():
            column[row] = min(counted[entity], _MOST)
        columns.append(pl.Series(f"pii_{entity.lower()}", column, dtype=pl.UInt16))
    return columns


def _reject(posts: pl.DataFrame, max_spans: int) -> pl.Expr:
    """An earlier reason stands; ours is given where there is none."""
    columns = (pl.col(f"pii_{entity.lower()}").cast(pl.UInt32) for entity in ENTITIES)
    details = pl.sum_horizontal(columns)
    too_much = (details > max_spans) & pl.lit(max_spans > 0)
    ours = pl.when(too_much).then(pl.lit("too_much_pii"))
    return pl.coalesce("reject", ours) if "reject" in posts.columns else ours
