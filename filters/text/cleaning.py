"""Clean texts for models and measures, as polars expressions.

Every function takes a column's name and returns an expression over that column. Nulls stay null.
"""

from __future__ import annotations

import polars as pl

# A link with a scheme, a bare www host, or one of the two short hosts that X writes without a
# scheme.
_URL = r"(?i)\b(?:https?://|www\.|pic\.twitter\.com/|t\.co/)\S+"

#: "RT @user:" at the start, once per time the post was passed on.
RETWEET_HEAD = r"^\s*(?:RT\s*:?\s*@\w+\s*:?\s*)+"

# @user, @user@host.tld (Mastodon), @name.bsky.social (Bluesky). No character that can end a word
# may come before it: in `a@b.org` the `@` is part of an e-mail address, not a mention.
_MENTION = r"(^|[^\w@])@\w+(?:[.@-]\w+)*"

# Marks that people leave out (accents of Latin, Greek and Cyrillic, vowel signs of Hebrew and
# Arabic), and format characters such as the zero-width space.
_OPTIONAL_MARKS = r"[\u{300}-\u{36F}\u{591}-\u{5C7}\u{610}-\u{61A}\u{64B}-\u{65F}\u{670}\p{Cf}]+"

# `#word` and its full-width form. "C#" and "#1 fan" do not need their mark to be understood.
_HASHTAG_MARK = r"[#＃](\w)"


def flatten_whitespace(column: str) -> pl.Expr:
    """Put the text on one line: each run of whitespace, newlines included, becomes one space."""
    return pl.col(column).str.replace_all(r"\s+", " ").str.strip_chars()


def strip_links_and_mentions(column: str) -> pl.Expr:
    """Remove links, mentions and retweet heads; hashtags keep their marks.

    A space replaces each link or mention, so that its neighbours are not joined to one word.
    """
    return (
        pl.col(column)
        .str.replace(RETWEET_HEAD, "")
        .str.replace_all(_URL, " ")
        .str.replace_all(_MENTION, "${1} ")
    )


def clean_text(column: str) -> pl.Expr:
    """Reduce the text to the author's own words on one line.

    Links, mentions and retweet heads are removed, a hashtag keeps its word and loses its mark, and
    every run of whitespace becomes one space.
    """
    return (
        strip_links_and_mentions(column)
        .str.replace_all(_HASHTAG_MARK, "${1}")
        .str.replace_all(r"\s+", " ")
        .str.strip_chars()
    )


def fold_text(column: str) -> pl.Expr:
    """Clean the text, lower its case, and remove accents, styled letters, invisible characters.

    For models that compare spellings: ``Ｆｕｃｋ``, ``𝐟𝐮𝐜𝐤`` and ``fück`` all become ``fuck``.
    """
    return (
        clean_text(column)
        .str.normalize("NFKD")
        # Combining marks, and format characters such as the zero-width space.
        .str.replace_all(r"[\p{Mn}\p{Cf}]+", "")
        .str.to_lowercase()
    )


def fold_characters(column: str) -> pl.Expr:
    """Clean the text and reduce it to words, for models that read characters of any script.

    Case, accents, styled letters and punctuation are removed. Vowel signs and other marks without
    which a word of its script is another one stay, as in Devanagari and Thai.
    """
    return (
        clean_text(column)
        .str.normalize("NFKD")
        .str.replace_all(_OPTIONAL_MARKS, "")
        .str.normalize("NFKC")
        .str.to_lowercase()
        .str.replace_all(r"[^\p{L}\p{M}\p{N}\p{So}]+", " ")
        .str.strip_chars()
    )


def tokenize_text(column: str) -> pl.Expr:
    """Tokenize the text as ``corpus train`` does: lower case, one space between tokens.

    A link becomes the token ``LINK`` and a mention ``USER``; as all other text is lower case, no
    word equals them. Each punctuation mark and symbol is a token, so that no text contains
    fastText's own ``__label__`` or ``</s>``. A trained model depends on this result: a change needs
    a new name in the model's note.
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
