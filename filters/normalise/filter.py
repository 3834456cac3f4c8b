"""Put the text of posts in order: one Unicode form, plain spaces, nothing invisible or garbled.

What a platform puts around a post's words goes too (``RT @name:``, ``t.co`` links); what else may
go is the plan's to say. A text that is in order already is not touched, and to put one in order
twice changes nothing more. HTML in a column of a table is not taken out here.
"""

from __future__ import annotations

from collections.abc import Callable
from html import unescape
from typing import Literal

import polars as pl
from pydantic import Field

from filters.contract import Filter, FilterConfig
from filters.normalise import characters
from filters.normalise import links as _links
from filters.normalise import mojibake as _mojibake

READS = ("text",)
WRITES: dict[str, pl.DataType] = {"text": pl.String()}
VERSION = 1

_ENTITY = r"&(?:#\d|#[xX][0-9A-Fa-f]|[A-Za-z])"


class Config(FilterConfig):
    """What is done to the text. Spaces, newlines and invisible characters are always tidied."""

    unicode: characters.UnicodeForm = Field(
        default="nfc",
        description="the Unicode form; nfkc also makes plain letters of styled ones, and 1⁄2 of ½",
    )
    mojibake: bool = Field(
        default=True, description="mend UTF-8 that was read as something else, by ftfy's heuristics"
    )
    entities: bool = Field(
        default=False,
        description="decode HTML entities, once; for tables, as readers of dumps have done so",
    )
    links: _links.LinkPolicy = Field(
        default="keep",
        description="keep them, or leave '<url>', the host, or nothing in their place",
    )
    tco: Literal["remove", "keep"] = Field(
        default="remove",
        description="t.co and pic.twitter.com links, which say nothing, under any policy",
    )
    hashtags: _links.HashtagPolicy = Field(
        default="keep", description="keep them, only their words, those in the text, or none"
    )
    trailing_hashtags: int = Field(
        default=3, ge=1, description="so many at the end are a block, for hashtags: drop_trailing"
    )
    retweet_head: Literal["strip", "keep"] = Field(
        default="strip", description="'RT @name:' in front of somebody else's words"
    )
    reposts: Literal["keep", "drop"] = Field(
        default="keep", description="whether posts that only pass on another's stay"
    )


def build(config: Config) -> Filter:
    """Return the filter; ftfy loads here."""
    steps = _make_round(config)

    def normalise(posts: pl.DataFrame) -> pl.DataFrame:
        texts = posts["text"].fill_null("")
        if config.entities:
            texts = _decode_entities(texts)
        posts = posts.with_columns(_apply_until_stable(texts, steps).alias("text"))
        return posts.with_columns(_reject_reason(posts, config.reposts == "drop").alias("reject"))

    return normalise


def _make_round(config: Config) -> Callable[[pl.Series], pl.Series]:
    """One round of all that is to be done."""
    mend = _mojibake.load_mojibake_fixer() if config.mojibake else None

    def steps(texts: pl.Series) -> pl.Series:
        if mend:
            texts = mend(texts)
        texts = characters.normalize_unicode(
            characters.replace_special_characters(texts), config.unicode
        )
        if config.retweet_head == "strip":
            texts = _links.strip_retweet_heads(texts)
        if config.tco == "remove":
            texts = _links.remove_short_links(texts)
        texts = _links.apply_link_policy(texts, config.links)
        texts = _links.apply_hashtag_policy(texts, config.hashtags, config.trailing_hashtags)
        return characters.trim_whitespace(texts)

    return steps


def _apply_until_stable(texts: pl.Series, one_round: Callable[[pl.Series], pl.Series]) -> pl.Series:
    """The texts after as many rounds as change them.

    What leaves can bring together what then must leave as well. Each round takes something away
    for good, or puts a shorter or a fixed thing in its place, so there is a last one.
    """
    done = one_round(texts)
    rows = (done != texts).arg_true()
    while len(rows):
        before = done.gather(rows)
        after = one_round(before)
        changed = before != after
        rows = rows.filter(changed)
        done = done.clone().scatter(rows, after.filter(changed))
    return done


def _decode_entities(texts: pl.Series) -> pl.Series:
    rows = texts.str.contains(_ENTITY).arg_true()
    if not len(rows):
        return texts
    plain = [unescape(text) for text in texts.gather(rows)]
    return texts.clone().scatter(rows, pl.Series(plain, dtype=pl.String))


def _reject_reason(posts: pl.DataFrame, drop_reposts: bool) -> pl.Expr:
    """An earlier reason stands; of ours a repost's comes first."""
    reasons = [pl.when(pl.col("text") == "").then(pl.lit("empty_text"))]
    if drop_reposts and "kind" in posts.columns:
        reasons.insert(0, pl.when(pl.col("kind") == "repost").then(pl.lit("repost")))
    given = [pl.col("reject")] if "reject" in posts.columns else []
    return pl.coalesce(*given, *reasons)
