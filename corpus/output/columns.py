"""Make the columns of the output: pseudonyms for people, and no contact data beside the text.

``text`` is redacted by the plan's stage ``pii``. The other columns with words of people, such as
``community``, are redacted here by the same filter, each distinct value once. Names of people and
places are not looked for in them: a model for posts finds names in half of all forums.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path

import polars as pl

from corpus import stages
from corpus.output.turn_ends import extract_turn_ends
from corpus.privacy import keys
from corpus.privacy.pseudonyms import Pseudonymizer, PseudonymSettings
from corpus.schema import INTERNAL_COLUMNS, POST
from filters import contract

#: The columns with words that a reader takes from a dump, but for ids, authors and the text.
WORD_COLUMNS = ("platform", "community", "lang_hint", "license")
SOURCE_COLUMNS = ("source_file", "source_row")
#: Values that no recognizer can match: a short word without as many digits as the shortest detail
#: has, the tag of a language, the usual names of licences.
_HARMLESS = re.compile(
    r"(?!(?:\D*\d){7})[A-Za-z0-9_]{1,24}|[A-Za-z]{2,3}(?:[-_][A-Za-z]{2,4}){1,2}"
    r"|CC[ -](?:BY|0)[A-Za-z0-9 .-]{0,20}|https?://creativecommons\.org/[\w./-]*"
)
#: ``name@host``, as Lemmy names communities, and mail hosts, where it is an address.
_LEMMY_COMMUNITY = re.compile(r"!?[A-Za-z0-9_]+@((?:[a-z0-9-]+\.)+[a-z]{2,})")
_MAIL_HOST = re.compile(
    r"(?>(?:.*\.)?(?:g(?:oogle)?mail|yahoo|outlook|hotmail|live|msn|gmx|icloud|me|mac|aol|proton(?:mail)?"
    r"|pm|web|t-online|freenet|mail|email|yandex|qq|163|126|naver|orange|wanadoo|free|libero|seznam"
    r"|zoho|fastmail|tutanota|posteo|mailbox)\.(?=[a-z.]))[a-z.]+"
)


@dataclass(frozen=True)
class OutputColumns:
    """How the columns of a shard are made, as a task holds it."""

    pseudonyms: PseudonymSettings
    pii_config: str  # the settings of the plan's stage pii as JSON; '' if it has none
    has_source: bool = True  # whether the shards have source_file and source_row
    only: tuple[str, ...] = ()  # the columns that the shards have; all if there are none
    #: Makes the column of turns of finished documents, which is the last; None for no such column.
    make_turns: Callable[[pl.DataFrame], pl.Series] | None = None

    def load(self) -> ColumnMaker:
        """Read the key; return the function that makes the columns."""
        redact = None
        if self.pii_config:
            redact = _load_redactor(self.pii_config, self.pseudonyms.key_path)
        return ColumnMaker(
            self.pseudonyms.load(), redact, self.has_source, self.only, self.make_turns
        )


class ColumnMaker:
    """Makes the columns of a shard."""

    def __init__(
        self,
        pseudonyms: Pseudonymizer,
        redact: WordRedactor | None,
        has_source: bool,
        only: tuple[str, ...] = (),
        make_turns: Callable[[pl.DataFrame], pl.Series] | None = None,
    ) -> None:
        self.pseudonyms = pseudonyms
        self._redact = redact
        self._has_source, self._only, self._make_turns = has_source, only, make_turns

    def replace_people(self, posts: pl.DataFrame) -> pl.DataFrame:
        """The posts with pseudonyms of people and ids, and redacted words beside the text."""
        posts = self.redact_words(self.pseudonyms.replace_author_columns(posts))
        return self.pseudonyms.replace_id_columns(posts)

    def redact_words(self, posts: pl.DataFrame) -> pl.DataFrame:
        """The posts with redacted words beside the text, if the plan redacts."""
        return posts if self._redact is None else self._redact(posts)

    def select(self, posts: pl.DataFrame, scores: tuple[str, ...]) -> pl.DataFrame:
        """The columns of a shard, ``text`` first, with pseudonyms for authors and posts."""
        if "turn_ends" in posts.columns:
            posts = extract_turn_ends(posts)
        left_out = ("text", *INTERNAL_COLUMNS, *(() if self._has_source else SOURCE_COLUMNS))
        names = ["text", *(name for name in POST if name not in left_out), *scores]
        if self._only:
            names = [name for name in names if name in self._only]
            posts = posts.select(name for name in posts.columns if name in {*names, "platform"})
        documents = self.replace_people(posts).select(names)
        if self._make_turns is None:
            return documents
        return documents.with_columns(self._make_turns(documents))


class WordRedactor:
    """Redacts the columns with words beside the text; remembers the values that it has redacted."""

    def __init__(self, load_filter: Callable[[], contract.Filter]) -> None:
        self._load_filter = load_filter
        self._filter: contract.Filter | None = None
        self._known: dict[tuple[str, str], str] = {}

    def __call__(self, posts: pl.DataFrame) -> pl.DataFrame:
        """The posts with redacted words."""
        for column in WORD_COLUMNS:
            if column not in posts.columns or posts[column].null_count() == posts.height:
                continue
            pairs = posts.select("platform", pl.col(column).alias("text")).unique().drop_nulls()
            self._redact_values(pairs)
            changed = [(*pair, self._known[pair]) for pair in pairs.rows()]
            changed = [row for row in changed if row[1] != row[2]]
            if changed:
                posts = posts.with_columns(_replace(posts, column, changed))
        return posts

    def _redact_values(self, pairs: pl.DataFrame) -> None:
        """Remember the redacted form of each pair of a platform and a value."""
        new = [pair for pair in pairs.rows() if pair not in self._known]
        self._known |= {pair: pair[1] for pair in new if _is_harmless(*pair)}
        unsure = sorted(pair for pair in new if pair not in self._known)
        if not unsure:
            return
        self._filter = self._filter or self._load_filter()
        schema = {"platform": pl.String, "text": pl.String}
        values = pl.DataFrame(unsure, schema=schema, orient="row")
        values = values.with_columns(id=pl.int_range(pl.len()).cast(pl.String))
        self._known |= dict(zip(unsure, self._filter(values)["text"], strict=True))


def _replace(posts: pl.DataFrame, column: str, changed: list[tuple[str, str, str]]) -> pl.Series:
    """A column with new values; ``changed`` are platform, old value and new value."""
    schema = {"_platform": pl.String, "_old": pl.String, "_new": pl.String}
    table = pl.DataFrame(changed, schema=schema, orient="row")
    values = posts.select(pl.col("platform").alias("_platform"), pl.col(column).alias("_old"))
    joined = values.join(table, on=["_platform", "_old"], how="left", maintain_order="left")
    return joined.select(pl.coalesce("_new", "_old").alias(column)).to_series()


def _is_harmless(platform: str, value: str) -> bool:
    if _HARMLESS.fullmatch(value):
        return True
    community = _LEMMY_COMMUNITY.fullmatch(value) if platform == "lemmy" else None
    return community is not None and not _MAIL_HOST.fullmatch(community[1])


@lru_cache(maxsize=4)
def _load_redactor(pii_config: str, key_path: Path | str) -> WordRedactor:
    def load_filter() -> contract.Filter:
        module = stages.find("pii")
        config = module.Config.model_validate_json(pii_config)
        config = config.model_copy(update={"profile": "contact", "max_spans": 0})
        load_key = partial(keys.load_key, key_path)
        return stages.build_filter("pii", config.model_dump_json(), load_key)

    return WordRedactor(load_filter)
