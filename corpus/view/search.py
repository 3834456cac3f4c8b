"""Find kept documents and ledger rows that match a search, a page at a time.

Files are scanned lazily, and a search ends at :data:`MAX_MATCHES` of each side. So the memory
depends on the size of a row group and of a page, not on the size of the corpus.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import polars as pl

from corpus import stages
from corpus.errors import PlanError, did_you_mean
from corpus.maintenance.replay import BuiltCorpus
from corpus.privacy import canaries, suppression
from corpus.schema import LEDGER_COLUMNS

#: Posts on a page.
PAGE_POSTS = 25
#: Matches that can be paged through, of kept documents and of dropped posts each.
MAX_MATCHES = 10_000
#: The longest word or id that can be searched for.
MAX_CHARACTERS = 200

Side = Literal["both", "kept", "dropped"]
SIDES: tuple[Side, ...] = ("both", "kept", "dropped")
#: The stage of records that could not be read.
READ = "read"


@dataclass(frozen=True)
class Search:
    """What is searched for; an empty value means any."""

    side: Side = "both"
    text: str = ""
    id: str = ""
    stage: str = ""
    reason: str = ""
    lang: str = ""
    platform: str = ""
    file: str = ""
    score: str = ""
    low: float | None = None
    high: float | None = None
    page: int = 1
    dropped_texts: bool = False

    @classmethod
    def parse(cls, fields: Mapping[str, str]) -> Search:
        """Read the fields of the form; PlanError for a value that is none."""
        side = fields.get("side", "both")
        if side not in SIDES:
            raise PlanError(f"unknown side '{side[:20]}'{did_you_mean(side, SIDES)}")
        words = {
            name: fields.get(name, "").strip()
            for name in ("text", "id", "stage", "reason", "lang", "platform", "file", "score")
        }
        for name, value in words.items():
            if len(value) > MAX_CHARACTERS:
                raise PlanError(f"{name}: at most {MAX_CHARACTERS} characters")
        low, high = (_parse_number(name, fields.get(name, "")) for name in ("low", "high"))
        if (low is not None or high is not None) and not words["score"]:
            raise PlanError("choose the score that the numbers are for")
        page = fields.get("page", "1")
        if not (page.isascii() and page.isdecimal() and 1 <= int(page[:9]) <= _LAST_PAGE):
            raise PlanError(f"page: a number from 1 to {_LAST_PAGE}")
        return cls(
            side,
            **words,
            low=low,
            high=high,
            page=int(page),
            dropped_texts=bool(fields.get("dropped_texts")),
        )

    def list_fields(self) -> dict[str, str]:
        """Return the fields of the form that are not empty, for the address of another page."""
        values = {**vars(self), "dropped_texts": "1" if self.dropped_texts else ""}
        fields = {
            name: format_number(value) if isinstance(value, float) else str(value)
            for name, value in values.items()
            if value not in ("", None)
        }
        del fields["page"]
        return {name: value for name, value in fields.items() if (name, value) != ("side", "both")}


@dataclass(frozen=True)
class Matches:
    """A page of matches: kept documents first, then ledger rows.

    The counts end at :data:`MAX_MATCHES`; ``more`` says that there are more of one of them.
    """

    kept: pl.DataFrame
    dropped: pl.DataFrame
    kept_count: int
    dropped_count: int
    more: bool

    @property
    def count(self) -> int:
        """How many matches can be paged through."""
        return self.kept_count + self.dropped_count

    @property
    def pages(self) -> int:
        """How many pages they fill."""
        return max(1, math.ceil(self.count / PAGE_POSTS))


_LAST_PAGE = 2 * MAX_MATCHES // PAGE_POSTS


def find_matches(corpus: BuiltCorpus, search: Search) -> Matches:
    """Return the page of matches that is asked for; PlanError for a stage or score it has not."""
    kept, dropped = _select_kept(corpus, search), _select_dropped(corpus, search)
    kept_count, dropped_count = (_count(each) for each in (kept, dropped))
    more = max(kept_count, dropped_count) > MAX_MATCHES
    kept_count, dropped_count = (min(each, MAX_MATCHES) for each in (kept_count, dropped_count))
    first = (search.page - 1) * PAGE_POSTS
    of_kept = min(max(kept_count - first, 0), PAGE_POSTS)
    first_dropped = max(first - kept_count, 0)
    of_dropped = min(max(dropped_count - first_dropped, 0), PAGE_POSTS - of_kept)
    return Matches(
        _slice(kept, first, of_kept),
        _slice(dropped, first_dropped, of_dropped),
        kept_count,
        dropped_count,
        more,
    )


def find_by_id(corpus: BuiltCorpus, ids: list[str]) -> Matches:
    """Return the kept documents and ledger rows of some ids; there may be several of one."""
    frames = (scan_kept(corpus), scan_dropped(corpus))
    kept, dropped = (
        frame.filter(pl.col("id").is_in(ids)).head(PAGE_POSTS * 4).collect(engine="streaming")
        for frame in frames
    )
    return Matches(kept, dropped, kept.height, dropped.height, False)


def scan_kept(corpus: BuiltCorpus) -> pl.LazyFrame:
    """Scan the documents, but for planted canaries."""
    shards = [corpus.files.path(shard["path"]) for shard in corpus.manifest["shards"]]
    if not shards:
        return pl.LazyFrame(schema={"id": pl.String, "text": pl.String})
    return pl.scan_parquet(shards, glob=False).filter(
        ~pl.col("id").str.starts_with(f"{canaries.PLATFORM}:")
    )


def scan_dropped(corpus: BuiltCorpus) -> pl.LazyFrame:
    """Scan the ledger, but for the rows of posts that the suppression list kept out."""
    ledger = corpus.files.ledger()
    if not ledger:
        return pl.LazyFrame(schema=LEDGER_COLUMNS)
    is_suppressed = (pl.col("stage") == stages.REQUIRED) & (pl.col("reason") == suppression.REASON)
    return pl.scan_parquet(ledger, glob=False).filter(~is_suppressed)


def list_scores(corpus: BuiltCorpus) -> list[str]:
    """Return the columns with numbers by which posts can be searched, sorted."""
    schemas = (scan_kept(corpus).collect_schema(), scan_dropped(corpus).collect_schema())
    return sorted(
        {
            name
            for schema in schemas
            for name, dtype in schema.items()
            if dtype.is_numeric() and name != "source_row"
        }
    )


def list_reasons(corpus: BuiltCorpus) -> dict[str, dict[str, int]]:
    """Return the stages that dropped posts, in order, with how many for each reason."""
    counts = {READ: dict(corpus.manifest["refused"])}
    counts |= {row["stage"]: dict(row["dropped"]) for row in corpus.manifest["funnel"]}
    if stages.REQUIRED in counts:
        counts[stages.REQUIRED].pop(suppression.REASON, None)
    return {stage: reasons for stage, reasons in counts.items() if reasons}


def _select_kept(corpus: BuiltCorpus, search: Search) -> pl.LazyFrame | None:
    if search.side == "dropped" or search.stage or search.reason:
        return None
    documents = scan_kept(corpus)
    conditions = _list_conditions(documents.collect_schema(), search)
    if search.text:
        pattern = f"(?i){pl.escape_regex(search.text)}"
        conditions = (
            None if conditions is None else [*conditions, pl.col("text").str.contains(pattern)]
        )
    return None if conditions is None else documents.filter(*conditions)


def _select_dropped(corpus: BuiltCorpus, search: Search) -> pl.LazyFrame | None:
    known = list_reasons(corpus)
    if search.stage and search.stage not in known:
        raise PlanError(f"'{search.stage}' dropped no post{did_you_mean(search.stage, known)}")
    if search.side == "kept" or search.text:  # the ledger has no texts
        return None
    rows = scan_dropped(corpus)
    conditions = _list_conditions(rows.collect_schema(), search)
    if conditions is None:
        return None
    if search.stage:
        conditions.append(pl.col("stage") == search.stage)
    if search.reason:
        conditions.append(pl.col("reason") == search.reason)
    return rows.filter(*conditions)


def _list_conditions(schema: pl.Schema, search: Search) -> list[pl.Expr] | None:
    """Return what both sides are searched by; None if a column is missing, so nothing matches."""
    conditions = []
    if search.id:
        is_wanted = pl.col("id") == search.id
        if "post_ids" in schema:
            is_wanted |= pl.col("post_ids").list.contains(search.id)
        conditions.append(is_wanted)
    if search.platform:
        conditions.append(pl.col("id").str.starts_with(f"{search.platform}:"))
    if search.lang:
        if "lang" not in schema:
            return None
        conditions.append(pl.col("lang") == search.lang)
    if search.file:
        if "source_file" not in schema:
            return None
        conditions.append(pl.col("source_file").str.contains(search.file, literal=True))
    if search.score:
        if search.score not in schema or not schema[search.score].is_numeric():
            return None
        score = pl.col(search.score)
        conditions.append(score.is_not_null())
        if search.low is not None:
            conditions.append(score >= search.low)
        if search.high is not None:
            conditions.append(score <= search.high)
    return conditions


def _count(matches: pl.LazyFrame | None) -> int:
    """Return how many there are, one more than can be paged through at most."""
    if matches is None:
        return 0
    found = matches.head(MAX_MATCHES + 1).select(pl.len())
    return int(found.collect(engine="streaming").item())


def _slice(matches: pl.LazyFrame | None, first: int, count: int) -> pl.DataFrame:
    if matches is None or not count:
        return pl.DataFrame(schema={"id": pl.String})
    return matches.slice(first, count).collect(engine="streaming")


def _parse_number(name: str, text: str) -> float | None:
    text = text.strip()
    if not text:
        return None
    try:
        value = float(text[:MAX_CHARACTERS])
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise PlanError(f"{name}: a number is needed, such as 0.5")
    return value


def format_number(value: float) -> str:
    """Return a number as short as possible."""
    return repr(value).removesuffix(".0")
