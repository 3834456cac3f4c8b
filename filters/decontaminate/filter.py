"""Drop posts that contain an item of your evaluation sets, and name the item.

A text of a set is split into its n-grams of tokens; a text of fewer tokens is one n-gram as a
whole, because a question of ten words is short for a benchmark and long for a post. Case,
punctuation and spaces do not count. Each text of a row is compared on its own, so that a question
is found without its answers; only where every text of a row is too short are they joined to one.
Without a set, no post is dropped.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

import polars as pl
from pydantic import Field

from filters.contract import Filter, FilterConfig
from filters.decontaminate import evaluation_sets

if TYPE_CHECKING:
    from filters.decontaminate.evaluation_sets import EvaluationSet
    from filters.decontaminate.ngram_index import NgramIndex, TokenizedTexts

READS = ("text",)
WRITES: dict[str, pl.DataType] = {
    "contaminated_by": pl.String(),
    "contaminated_share": pl.Float64(),
}
VERSION = 1
REASONS = ("contaminated",)


class Config(FilterConfig):
    """The sets, and what counts as a match with one of their items.

    Tokens are words, or characters in scripts without spaces between words.
    """

    against: tuple[str, ...] = Field(
        (), description="JSONL, CSV, TSV or Parquet files, or globs; with none, no post is dropped"
    )
    columns: tuple[str, ...] = Field(
        (), description="those to compare, in any of the sets; () is every text of every column"
    )
    ngram: int = Field(
        13, ge=1, le=1000, description="tokens in a row that make a match (GPT-3, 2020: 8 to 13)"
    )
    min_tokens: int = Field(8, ge=1, description="a shorter item is not searched for")
    max_items: int = Field(
        10, ge=1, description="an n-gram that more different items share is boilerplate"
    )
    max_repeats: int = Field(
        100, ge=1, description="a text that more rows repeat is an instruction, no item"
    )
    min_share: float = Field(
        0,
        ge=0,
        le=1,
        description="of an item's n-grams, the share that a post must contain; 0 is any one",
    )
    action: Literal["drop", "annotate"] = "drop"


class ItemIndex(NamedTuple):
    """What to search for: the n-grams of all items, and how many rows of each set became items."""

    ngram_index: NgramIndex
    item_names: pl.Series  # of each passage of the index, and a null at the end
    set_counts: pl.DataFrame


def models(config: Config) -> list[Path]:
    """Return the evaluation files: like a model's, their content decides the result."""
    return evaluation_sets.expand_patterns(config.against)


def check(config: Config) -> None:
    """Read the sets once; a ValueError says which one is broken, or that there is none."""
    if not config.against:
        raise ValueError("decontaminate: no sets; name them: 'against: [evals/*.jsonl]'")
    _index_items(config)


def count_items(config: Config) -> pl.DataFrame:
    """Count the rows of each set: ``name``, ``rows``, ``used``, ``boilerplate``, ``too_short``."""
    return _index_items(config).set_counts


def build(config: Config) -> Filter:
    """Read and index the sets; the filter writes the best matching item and its share."""
    index = _index_items(config) if config.against else None
    contaminated = pl.col("contaminated_by").is_not_null()
    dropped = contaminated & (pl.col("contaminated_share") >= config.min_share)
    if config.action == "annotate":
        dropped = pl.lit(False)

    def decontaminate(posts: pl.DataFrame) -> pl.DataFrame:
        names, shares = _match_items(posts["text"], index)
        return posts.with_columns(contaminated_by=names, contaminated_share=shares).with_columns(
            reject=pl.when(dropped).then(pl.lit("contaminated")).otherwise(pl.lit(None, pl.String))
        )

    decontaminate(pl.DataFrame({"text": ["compile"]}))  # numba compiles here, not in the first part
    return decontaminate


def _match_items(texts: pl.Series, index: ItemIndex | None) -> tuple[pl.Series, pl.Series]:
    """Return the name of each text's best matching item, or null, and the share of its n-grams."""
    if index is None:
        names = pl.repeat(None, len(texts), dtype=pl.String, eager=True)
        return names, pl.repeat(0.0, len(texts), dtype=pl.Float64, eager=True)
    from filters.decontaminate import ngram_index

    best, shares = ngram_index.find_matches(texts, index.ngram_index)
    # Passage -1 stands for no match; modulo the length, it is the null at the end of the names.
    return index.item_names.gather(best % len(index.item_names)), pl.Series(shares)


def _index_items(config: Config) -> ItemIndex:
    """Index the distinct passages of all sets; one that is in several sets belongs to the first."""
    from filters.decontaminate import ngram_index

    paths = models(config)
    for path in paths:
        if not path.is_file():
            raise FileNotFoundError(f"decontaminate: no file at '{path}'; give files or a glob")
    try:
        sets = evaluation_sets.read_evaluation_sets(paths, config.columns)
    except ValueError as error:
        raise ValueError(f"decontaminate: {error}") from None
    tokens = ngram_index.tokenize_words(pl.Series([text for each in sets for text in each.texts]))
    passages = _select_passages(sets, tokens, config.min_tokens)
    items = (
        passages.group_by("words", maintain_order=True)
        .agg(pl.first("set", "row", "first", "end"), repeats=pl.len())
        .filter(pl.col("repeats") <= config.max_repeats)
    )
    index = ngram_index.build_index(
        tokens, items["first"].to_numpy(), items["end"].to_numpy(), config.ngram, config.max_items
    )
    items = items.select("words", "set", "row", grams=pl.Series(index.passage_ngrams))
    passages = passages.join(items.select("words", "grams"), "words", how="left")
    counts = _count_set_rows(sets, passages)
    if not counts["used"].sum():
        raise ValueError(
            f"decontaminate: of {counts['rows'].sum()} items none can be searched for: "
            f"{counts['too_short'].sum()} are too short (lower 'min_tokens'), "
            f"{counts['boilerplate'].sum()} too common (raise 'max_items' or 'max_repeats')"
        )
    set_names = pl.Series([each.name for each in sets])
    names = items.select(pl.format("{}:{}", set_names.gather(items["set"]), "row")).to_series()
    return ItemIndex(index, names.extend(pl.Series([None], dtype=pl.String)), counts)


def _select_passages(
    sets: list[EvaluationSet], tokens: TokenizedTexts, min_tokens: int
) -> pl.DataFrame:
    """Return the texts of ``min_tokens`` or more, and the rows that have so many only as a whole.

    Columns: ``set``, ``row``, ``first`` and ``end`` (token indices), ``words`` (the tokens' bytes).
    """
    set_numbers = [number for number, each in enumerate(sets) for _ in each.row_numbers]
    row_numbers = [row for each in sets for row in each.row_numbers]
    texts = pl.DataFrame(
        {
            "set": set_numbers,
            "row": row_numbers,
            "first": tokens.text_offsets[:-1],
            "end": tokens.text_offsets[1:],
        }
    ).with_columns(long=pl.col("end") - pl.col("first") >= min_tokens)
    whole_rows = (
        texts.filter(~pl.col("long").any().over("set", "row"))
        .group_by("set", "row", maintain_order=True)
        .agg(pl.min("first"), pl.max("end"))  # the texts of a row are adjacent
        .filter(pl.col("end") - pl.col("first") >= min_tokens)
    )
    passages = pl.concat([texts.filter("long").drop("long"), whole_rows]).sort("first")
    data = tokens.data.tobytes()
    byte_ranges = zip(
        tokens.token_offsets[passages["first"].to_numpy()],
        tokens.token_offsets[passages["end"].to_numpy()],
        strict=True,
    )
    words = pl.Series("words", [data[begin:end] for begin, end in byte_ranges], dtype=pl.Binary)
    return passages.with_columns(words)


def _count_set_rows(sets: list[EvaluationSet], passages: pl.DataFrame) -> pl.DataFrame:
    """Count the rows of each set by what they are used for; each row counts once."""
    rows = passages.group_by("set", "row").agg(used=(pl.col("grams") > 0).any())
    counts = rows.group_by("set").agg(pl.sum("used"), boilerplate=(~pl.col("used")).sum())
    all_sets = pl.DataFrame(
        {
            "set": range(len(sets)),
            "name": [each.name for each in sets],
            "rows": [each.row_count for each in sets],
        }
    )
    return (
        all_sets.join(counts, "set", how="left", maintain_order="left")
        .with_columns(pl.col("used", "boilerplate").fill_null(0).cast(pl.Int64))
        .with_columns(too_short=pl.col("rows") - pl.col("used") - pl.col("boilerplate"))
        .drop("set")
    )
