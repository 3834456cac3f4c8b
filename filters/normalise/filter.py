"""Normalise the text of posts: one Unicode form, plain spaces, no invisible or garbled characters.

What a platform adds to a post's words is removed (``RT @name:``, ``t.co`` links); the plan decides
what else is removed. A text that is normalised already does not change, and a second run changes
nothing. HTML in a column of a table is not removed here.
"""

from __future__ import annotations

from collections.abc import Callable
from html import unescape
from typing import Literal

import polars as pl
from pydantic import Field

from filters.contract import Filter, FilterConfig
from filters.normalise import characters, links, mojibake
from filters.normalise.homoglyphs import repair_homoglyphs
from filters.normalise.links import HashtagPolicy, LinkPolicy
from filters.text.model_tokens import neutralise_model_tokens
from filters.text.rows import change_where

READS = ("text",)
WRITES: dict[str, pl.DataType] = {"text": pl.String()}
VERSION = 2
REASONS = (
    "empty_text",
    "repost",
)

_ENTITY = r"&(?:#\d|#[xX][0-9A-Fa-f]|[A-Za-z])"


class Config(FilterConfig):
    """How the text is changed. Spaces, newlines and invisible characters are always cleaned."""

    unicode: characters.UnicodeForm = Field(
        default="nfc",
        description="the Unicode form; nfkc also makes plain letters of styled ones, and 1⁄2 of ½",
    )
    mojibake: bool = Field(
        default=True,
        description="repair UTF-8 that was decoded as something else, by ftfy's heuristics",
    )
    entities: bool = Field(
        default=False,
        description="decode HTML entities, once; for tables, as readers of dumps have done so",
    )
    model_tokens: Literal["neutralise", "keep"] = Field(
        default="neutralise",
        description="spaces within what models read as marks of turns and ends, '<|im_start|>'",
    )
    homoglyphs: Literal["repair", "keep"] = Field(
        default="repair", description="words in letters of two scripts that look alike"
    )
    links: LinkPolicy = Field(
        default="keep",
        description="keep them, or replace them by '<url>', by the host, or by nothing",
    )
    tco: Literal["remove", "keep"] = Field(
        default="remove",
        description="t.co and pic.twitter.com links, which do not show their target, under any "
        "policy",
    )
    hashtags: HashtagPolicy = Field(
        default="keep", description="keep them, only their words, those in the text, or none"
    )
    trailing_hashtags: int = Field(
        default=3, ge=1, description="so many at the end are a block, for hashtags: drop_trailing"
    )
    retweet_head: Literal["strip", "keep"] = Field(
        default="strip", description="'RT @name:' before the words of another author"
    )
    reposts: Literal["keep", "drop"] = Field(
        default="keep", description="posts that only repeat another post"
    )


def build(config: Config) -> Filter:
    """Return the filter; ftfy loads here."""
    normalise_once = _make_round(config)

    def normalise(posts: pl.DataFrame) -> pl.DataFrame:
        texts = posts["text"].fill_null("")
        if config.entities:
            texts = _decode_entities(texts)
        texts = _apply_until_stable(texts, normalise_once)
        posts = posts.with_columns(texts.alias("text"))
        return posts.with_columns(_reject_reason(posts, config.reposts == "drop").alias("reject"))

    return normalise


def _make_round(config: Config) -> Callable[[pl.Series], pl.Series]:
    """Return the function that applies every change of ``config`` once."""
    fix_mojibake = mojibake.load_mojibake_fixer() if config.mojibake else None

    def one_round(texts: pl.Series) -> pl.Series:
        if fix_mojibake:
            texts = fix_mojibake(texts)
        texts = characters.replace_special_characters(texts)
        texts = characters.normalize_unicode(texts, config.unicode)
        if config.homoglyphs == "repair":
            texts = repair_homoglyphs(texts)
        if config.model_tokens == "neutralise":
            texts = neutralise_model_tokens(texts)
        if config.retweet_head == "strip":
            texts = links.strip_retweet_heads(texts)
        if config.tco == "remove":
            texts = links.remove_short_links(texts)
        texts = links.apply_link_policy(texts, config.links)
        texts = links.apply_hashtag_policy(texts, config.hashtags, config.trailing_hashtags)
        return characters.trim_whitespace(texts)

    return one_round


def _apply_until_stable(texts: pl.Series, one_round: Callable[[pl.Series], pl.Series]) -> pl.Series:
    """Repeat ``one_round`` on the rows that it changes, until it changes none.

    A removal can join two pieces to something that must be removed as well. Each round removes
    characters for good, or replaces a piece by a shorter or by a fixed one, so the rounds end.
    """
    result = one_round(texts)
    rows = (result != texts).arg_true()
    while len(rows):
        before = result.gather(rows)
        after = one_round(before)
        changed = before != after
        rows = rows.filter(changed)
        result = result.clone().scatter(rows, after.filter(changed))
    return result


def _decode_entities(texts: pl.Series) -> pl.Series:
    has_entity = texts.str.contains(_ENTITY)
    return change_where(texts, has_entity, lambda some: [unescape(text) for text in some])


def _reject_reason(posts: pl.DataFrame, drop_reposts: bool) -> pl.Expr:
    """Keep the reason of an earlier filter; else give ours, for a repost before an empty text."""
    reasons = [pl.when(pl.col("text") == "").then(pl.lit("empty_text"))]
    if drop_reposts and "kind" in posts.columns:
        reasons.insert(0, pl.when(pl.col("kind") == "repost").then(pl.lit("repost")))
    given = [pl.col("reject")] if "reject" in posts.columns else []
    return pl.coalesce(*given, *reasons)
