"""Find the ends of turns in finished documents."""

from __future__ import annotations

import polars as pl

from corpus.schema import TURN_END_MARK


def extract_turn_ends(posts: pl.DataFrame) -> pl.DataFrame:
    """Remove the marks after turns from the texts and fill in the column ``turn_ends``.

    ``turn_ends`` is null where a stage has removed or added turns.
    """
    split = posts.select(
        turns=pl.col("text").str.split(TURN_END_MARK), count=pl.col("post_ids").list.len()
    ).with_columns(
        ends=pl.col("turns").list.eval(pl.element().str.len_chars().cast(pl.Int64).cum_sum()),
        marks=pl.col("turns").list.len() - 1,
    )
    several = (pl.col("marks") == pl.col("count")) & (pl.col("turns").list.last() == "")
    one = (pl.col("marks") == 0) & (pl.col("count") == 1)
    texts = split.select(
        text=pl.col("turns").list.join(""),
        turn_ends=pl.when(several)
        .then(pl.col("ends").list.head(pl.col("marks")))
        .when(one)
        .then(pl.col("ends")),
    )
    return posts.with_columns(texts["text"], texts["turn_ends"])
