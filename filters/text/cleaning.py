"""Text measures and cleanings that several filters share, as polars expressions.

Every function takes a column's name and returns an expression over it. Nulls stay null.
"""

from __future__ import annotations

import polars as pl

# A link with a scheme, a bare www host, or the two short hosts that X writes without a scheme.
_URL = r"(?i)\b(?:https?://|www\.|pic\.twitter\.com/|t\.co/)\S+"

# "RT @user:" in front, once per time the post was passed on.
_RETWEET_HEAD = r"^\s*(?:RT\s*:?\s*@\w+\s*:?\s*)+"

# @user, @user@host.tld (Mastodon), @name.bsky.social (Bluesky). Something that can end a word
# must not stand before it: in `a@b.org` the `@` makes an e-mail address, not a mention.
_MENTION = r"(^|[^\w@])@\w+(?:[.@-]\w+)*"

# `#word` and its full-width form; "C#" and "#1 fan" keep or lose nothing that a reader misses.
_HASHTAG_MARK = r"[#＃](\w)"


def flatten_whitespace(column: str) -> pl.Expr:
    """The text on one line: every run of whitespace, newlines included, is one space."""
    return pl.col(column).str.replace_all(r"\s+", " ").str.strip_chars()


def strip_links_and_mentions(column: str) -> pl.Expr:
    """The text without its links, mentions and retweet heads; hashtags keep their marks.

    What a link or a mention leaves is a space, never a join of its neighbours.
    """
    return (
        pl.col(column)
        .str.replace(_RETWEET_HEAD, "")
        .str.replace_all(_URL, " ")
        .str.replace_all(_MENTION, "${1} ")
    )


def clean_text(column: str) -> pl.Expr:
    """The author's own words on one line.

    Links, mentions and retweet heads go, a hashtag keeps its word and loses its mark, and every
    run of whitespace is one space.
    """
    return (
        strip_links_and_mentions(column)
        .str.replace_all(_HASHTAG_MARK, "${1}")
        .str.replace_all(r"\s+", " ")
        .str.strip_chars()
    )


def fold_text(column: str) -> pl.Expr:
    """The cleaned text, lower case and without accents, styled letters or invisible characters.

    For models that compare spellings: ``Ｆｕｃｋ``, ``𝐟𝐮𝐜𝐤`` and ``fück`` all become ``fuck``.
    """
    return (
        clean_text(column)
        .str.normalize("NFKD")
        # Combining marks, and format characters such as the zero-width space.
        .str.replace_all(r"[\p{Mn}\p{Cf}]+", "")
        .str.to_lowercase()
    )


def tokenize_text(column: str) -> pl.Expr:
    """The text as ``corpus train`` reads it: lower case, a space between tokens.

    A link is the token ``LINK`` and a mention ``USER``, which nothing else is; each punctuation
    mark and symbol is a token, so that no text holds fastText's own ``__label__`` or ``</s>``.
    A model holds on to what this gives: another result needs another name in its note.
    """
    return (
        pl.col(column)
        .str.normalize("NFKC")
        .str.replace_all(r"\p{Cf}+", "")
        .str.to_lowercase()
        .str.replace_all(r"\p{Cc}", " ")
        .str.replace_all(_URL, " LINK ")
        .str.replace_all(_MENTION, "${1} USER ")
        .str.replace_all(r"([\p{P}\p{S}])", " ${1} ")
        .str.replace_all(r"\s+", " ")
        .str.strip_chars()
    )
