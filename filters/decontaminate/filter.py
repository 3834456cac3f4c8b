"""Drop posts that hold an item of your evaluation sets, and name the item.

A text of a set is cut to its n-grams of tokens; a text of fewer tokens is one gram as a whole, for
a question of ten words is short for a benchmark and long for a post. Case, punctuation and spaces
do not count. A row's texts are compared each by itself, so that a question without its answers is
whole; only where each is too short to say anything are they read as one. No set, nothing leaves.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

import polars as pl
from pydantic import Field

from filters.contract import Filter, FilterConfig
from filters.decontaminate import evaluation_sets

if TYPE_CHECKING:
    from filters.decontaminate.ngram_index import NgramIndex, TokenizedTexts

READS = ("text",)
WRITES: dict[str, pl.DataType] = {
    "contaminated_by": pl.String(),
    "contaminated_share": pl.Float64(),
}
VERSION = 1


class Config(FilterConfig):
    """The sets and what counts as finding one of their items; tokens are words, or characters
    where a script sets no spaces."""

    against: tuple[str, ...] = Field(
        (), description="JSONL, CSV, TSV or Parquet files, or globs; with none, nothing leaves"
    )
    columns: tuple[str, ...] = Field(
        (), description="those to compare, in any of the sets; () is every text of every column"
    )
    ngram: int = Field(
        13, ge=1, le=1000, description="tokens in a row that make a match (GPT-3, 2020: 8 to 13)"
    )
    min_tokens: int = Field(8, ge=1, description="a shorter item is not looked for")
    max_items: int = Field(
        10, ge=1, description="an n-gram that more different items share is boilerplate"
    )
    max_repeats: int = Field(
        100, ge=1, description="a text that more rows repeat is an instruction, no item"
    )
    min_share: float = Field(
        0, ge=0, le=1, description="of an item's n-grams, the share a post must hold; 0 is any one"
    )
    action: Literal["drop", "annotate"] = "drop"


class ItemIndex(NamedTuple):
    """What is looked for: the grams, each passage's name, and what became of each set's rows."""

    ngram_index: NgramIndex
    item_names: pl.Series
    set_counts: pl.DataFrame


def models(config: Config) -> list[Path]:
    """The evaluation files, whose content decides as much as a model's."""
    return evaluation_sets.expand_patterns(config.against)


def check(config: Config) -> None:
    """Read the sets once: a ValueError says which is broken, or that there is none."""
    if not config.against:
        raise ValueError("decontaminate: no sets; name them: 'against: [evals/*.jsonl]'")
    _index_items(config)


def count_items(config: Config) -> pl.DataFrame:
    """A row a set: its ``rows``, those ``used``, those ``too_short`` and those ``boilerplate``."""
    return _index_items(config).set_counts


def build(config: Config) -> Filter:
    """Read and index the sets; the filter writes the best matched item and its share."""
    known = _index_items(config) if config.against else None
    found = pl.col("contaminated_by").is_not_null()
    leaves = found & (pl.col("contaminated_share") >= config.min_share)
    if config.action == "annotate":
        leaves = pl.lit(False)

    def decontaminate(posts: pl.DataFrame) -> pl.DataFrame:
        names, shares = _match_items(posts["text"], known)
        return posts.with_columns(contaminated_by=names, contaminated_share=shares).with_columns(
            reject=pl.when(leaves).then(pl.lit("contaminated")).otherwise(pl.lit(None, pl.String))
        )

    decontaminate(pl.DataFrame({"text": ["compile"]}))  # what compiles on first use does so here
    return decontaminate


def _match_items(texts: pl.Series, known: ItemIndex | None) -> tuple[pl.Series, pl.Series]:
    if known is None:
        return pl.repeat(None, len(texts), dtype=pl.String, eager=True), pl.repeat(
            0.0, len(texts), dtype=pl.Float64, eager=True
        )
    from filters.decontaminate import ngram_index

    best, shares = ngram_index.find_matches(texts, known.ngram_index)
    # The name of none is the null behind the last one.
    return known.item_names.gather(best % len(known.item_names)), pl.Series(shares)


def _index_items(config: Config) -> ItemIndex:
    """Index the different passages of all sets; what stands in several is the first one's."""
    from filters.decontaminate import ngram_index

    paths = models(config)
    for path in paths:
        if not path.is_file():
            raise FileNotFoundError(f"decontaminate: no file at '{path}'; give files or a glob")
    try:
        read = evaluation_sets.read_evaluation_sets(paths, config.columns)
    except ValueError as error:
        raise ValueError(f"decontaminate: {error}") from None
    tokens = ngram_index.tokenize_words(pl.Series([text for found in read for text in found.texts]))
    passages = _select_passages(read, tokens, config.min_tokens)
    items = (
        passages.group_by("words", maintain_order=True)
        .agg(pl.first("set", "row", "first", "end"), repeats=pl.len())
        .filter(pl.col("repeats") <= config.max_repeats)
    )
    index = ngram_index.build_index(
        tokens, items["first"].to_numpy(), items["end"].to_numpy(), config.ngram, config.max_items
    )
    items = items.select("words", "set", "row", grams=pl.Series(index.passage_ngrams))
    sets = _count_set_rows(read, passages.join(items.select("words", "grams"), "words", how="left"))
    if not sets["used"].sum():
        raise ValueError(
            f"decontaminate: of {sets['rows'].sum()} items none can be looked for: "
            f"{sets['too_short'].sum()} are too short (lower 'min_tokens'), "
            f"{sets['boilerplate'].sum()} too common (raise 'max_items' or 'max_repeats')"
        )
    named = pl.Series([found.name for found in read])
    names = items.select(pl.format("{}:{}", named.gather(items["set"]), "row")).to_series()
    return ItemIndex(index, names.extend(pl.Series([None], dtype=pl.String)), sets)


def _select_passages(
    read: list[evaluation_sets.EvaluationSet], tokens: TokenizedTexts, min_tokens: int
) -> pl.DataFrame:
    """The texts long enough to look for, and the rows that are so only as a whole."""
    number = [place for place, found in enumerate(read) for _ in found.row_numbers]
    rows = [row for found in read for row in found.row_numbers]
    texts = pl.DataFrame(
        {
            "set": number,
            "row": rows,
            "first": tokens.text_offsets[:-1],
            "end": tokens.text_offsets[1:],
        }
    ).with_columns(long=pl.col("end") - pl.col("first") >= min_tokens)
    whole = (
        texts.filter(~pl.col("long").any().over("set", "row"))
        .group_by("set", "row", maintain_order=True)
        .agg(pl.min("first"), pl.max("end"))  # a row's texts stand side by side
        .filter(pl.col("end") - pl.col("first") >= min_tokens)
    )
    found = pl.concat([texts.filter("long").drop("long"), whole]).sort("first")
    data = tokens.data.tobytes()
    ranges = zip(
        *(tokens.token_offsets[found[edge].to_numpy()] for edge in ("first", "end")), strict=True
    )
    words = pl.Series("words", [data[begin:end] for begin, end in ranges], dtype=pl.Binary)
    return found.with_columns(words)


def _count_set_rows(
    read: list[evaluation_sets.EvaluationSet], passages: pl.DataFrame
) -> pl.DataFrame:
    """What became of each set's rows; each row counts once."""
    rows = passages.group_by("set", "row").agg(used=(pl.col("grams") > 0).any())
    counts = rows.group_by("set").agg(pl.sum("used"), boilerplate=(~pl.col("used")).sum())
    names, heights = [found.name for found in read], [found.row_count for found in read]
    every = pl.DataFrame({"set": range(len(read)), "name": names, "rows": heights})
    return (
        every.join(counts, "set", how="left", maintain_order="left")
        .with_columns(pl.col("used", "boilerplate").fill_null(0).cast(pl.Int64))
        .with_columns(too_short=pl.col("rows") - pl.col("used") - pl.col("boilerplate"))
        .drop("set")
    )
