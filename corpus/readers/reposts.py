"""Find whose text a post repeats where only the text says so: ``RT @name: …``."""

from __future__ import annotations

import polars as pl

#: Words and signs before the name of the person whose post is repeated.
_SIGN = r"(?:RT|MT|QT|Repost(?:ed)?(?: from| by)?|Regrann(?: from)?|♻\x{FE0F}?|🔁|🔄)"
_AT = r"[@\x{FF20}]"
_NAME = _AT + r"([\p{L}\p{N}_](?:[\p{L}\p{N}_.@-]*[\p{L}\p{N}_])?)"
#: At the beginning of a text: the whole text is repeated. The last of several names is the author.
_HEAD = rf"(?i)^[\s\p{{P}}]{{0,5}}(?:{_SIGN}\s*:?\s*{_NAME}[\s:,]*)+"
#: Behind the words of the post's own author: the rest of the text is repeated.
_QUOTED = rf"(?i)(?:^|[\s\p{{P}}])RT\s*:?\s*{_NAME}\s*:"


def fill_original_authors(posts: pl.DataFrame) -> pl.DataFrame:
    """Fill ``original_author`` from the texts, where the reader has not found it in the record.

    A name in a text becomes the author if the post's ``mentions`` say whose it is; else the name is
    given, in lower case, as pseudonyms ignore the case.
    """
    text = pl.col("text")
    names = posts.select(
        pl.when(pl.col("original_author").is_null() & text.str.contains(_AT))
        .then(pl.coalesce(text.str.extract(_HEAD), text.str.extract(_QUOTED)))
        .str.to_lowercase()
        .alias("name"),
        "mentions",
    )
    rows = names["name"].is_not_null().arg_true()
    if not rows.len():
        return posts
    found = posts["original_author"].to_list()
    for row, name, mentions in zip(rows, *names[rows].get_columns(), strict=True):
        accounts = dict(pair.rsplit("=", 1) for pair in (mentions or "").split() if "=" in pair)
        found[row] = accounts.get(name, name)
    return posts.with_columns(pl.Series("original_author", found, dtype=pl.String))
