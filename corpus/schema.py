"""The columns of a post and of the other records of a build, with their types."""

from __future__ import annotations

import polars as pl

#: Every column that a reader fills, in order. Nullable unless said otherwise.
#:
#: ``id``: global string such as ``reddit:t1_c0abc``, never null. ``kind``: post, reply, repost,
#: quote, or comment (a remark beneath a post where replies are answers). ``author``: the raw
#: author id or name; in the output it is a keyed pseudonym. ``created_at``: UTC. ``text``:
#: entities decoded, a title joined in front with a blank line, never null. ``accepted_id``: of a
#: question, the answer its asker accepted. ``consent``: what the author has declared about use in
#: datasets: allowed, denied, or null for no declaration, which is not consent. ``withdrawn``: why
#: the source itself says the post should not be used (one of :data:`WITHDRAWAL_REASONS`), or null.
#: ``seen_at``: when the source recorded this version of the post, in microseconds, where a source
#: has it; only tombstones of a later time withdraw the post, and of copies with one id dedup keeps
#: the last; negative for a version that is older than every edit. ``edited_at``: when the author
#: last changed the text, in microseconds, where a source says so. ``author_since``: when the
#: author's account was made, in microseconds, where a source says so. ``mentions``:
#: ``name=author`` of each person that the text names, separated by spaces, where the author column
#: holds ids.
#: ``original_author``: of a repost, and of a text that repeats another one after ``RT @name:``, the
#: author of the original, as ``author`` has it, or the name in the text where the dump does not
#: say whose it is. ``author_name``: the author's name in texts, where the author column holds ids.
#: ``source_file`` and ``source_row``: provenance; rows count from 1.
POST: dict[str, pl.DataType] = {
    "id": pl.String(),
    "platform": pl.String(),
    "kind": pl.String(),
    "author": pl.String(),
    "community": pl.String(),
    "created_at": pl.Datetime("us", "UTC"),
    "text": pl.String(),
    "lang_hint": pl.String(),
    "parent_id": pl.String(),
    "root_id": pl.String(),
    "score": pl.Int64(),
    "replies": pl.Int64(),
    "sensitive": pl.Boolean(),
    "bot": pl.Boolean(),
    "license": pl.String(),
    "accepted_id": pl.String(),
    "original_author": pl.String(),
    "consent": pl.String(),
    "withdrawn": pl.String(),
    "seen_at": pl.Int64(),
    "edited_at": pl.Int64(),
    "author_since": pl.Int64(),
    "mentions": pl.String(),
    "author_name": pl.String(),
    "source_file": pl.String(),
    "source_row": pl.Int64(),
}

#: What ``withdrawn`` may hold, the most serious first. ``deleted``: by its author; ``removed``: by
#: a moderator or the platform; ``deleted_later``: deleted after it was collected, as a later copy
#: or a deletion notice says; ``opted_out``: its author declared that posts must not be used so;
#: ``private``: never meant for the public; ``protected``: from a protected account; ``withheld``:
#: withheld by law; ``superseded``: an older version of an edited post; ``away``: of an account that
#: its owner has deactivated for now.
WITHDRAWAL_REASONS = (
    "deleted",
    "removed",
    "deleted_later",
    "opted_out",
    "private",
    "protected",
    "withheld",
    "superseded",
    "away",
)

#: Reasons of tombstones that lift earlier ones of the same post or author, and which.
LIFTED_REASONS = {
    "returned": ("away", "removed"),
    "undeleted": ("deleted_later",),
    "unprotected": ("protected",),
}

#: A source's notice that a post, or every post of an author, must not be used. ``target``: ``id``
#: or ``author``; ``value``: the global post id, or ``platform:author``; ``reason``: one of
#: :data:`WITHDRAWAL_REASONS`, or ``allowed`` where an author declares consent and ``undeclared``
#: where the declaration is taken back. ``said_at``: when, in microseconds: posts seen before then
#: are meant; null means all posts. Of an author's declarations (``opted_out``, ``allowed``,
#: ``undeclared``) the last counts, for all posts. A reason of :data:`LIFTED_REASONS` takes back
#: what was said before its own time; without times nothing is taken back.
TOMBSTONE: dict[str, pl.DataType] = {
    "target": pl.String(),
    "value": pl.String(),
    "reason": pl.String(),
    "said_at": pl.Int64(),
}

#: Targets of tombstones by which a build finds what repeats removed posts. Their values are keyed
#: hashes: of the post's id; of its id and a few words of it in a row; of the name of its author; of
#: its author and the beginning of its text, and of the longest beginning that is compared; and of
#: each of its lines.
REMOVED_TARGETS = (
    "removed_id",
    "removed_words",
    "removed_author",
    "removed_beginning",
    "removed_text",
    "removed_line",
)

#: A record that could not be read. It has no text, so that it discloses nothing private.
REFUSAL: dict[str, pl.DataType] = {
    "source_file": pl.String(),
    "source_row": pl.Int64(),
    "reason": pl.String(),
}

#: Columns that are not in the output: private, or of no meaning after the build.
INTERNAL_COLUMNS = (
    *("withdrawn", "seen_at", "edited_at", "author_since", "mentions", "author_name"),
)


#: Columns that the shards have in any case: takedowns, audits and the report need them. Those of
#: documents and clusters are there if a stage writes them.
REQUIRED_COLUMNS = (
    "text",
    "id",
    "platform",
    "kind",
    "author",
    "created_at",
    "parent_id",
    "original_author",
    "cluster",
    "cluster_size",
)


def empty_posts() -> pl.DataFrame:
    """A frame of no posts with every column of :data:`POST`."""
    return pl.DataFrame(schema=POST)


#: The first columns of every row of ``dropped/``; the plan's scores follow. ``stage`` is ``read``
#: for a refused record, which has no id.
LEDGER_COLUMNS: dict[str, pl.DataType] = {
    "id": pl.String(),
    "stage": pl.String(),
    "reason": pl.String(),
    "source_file": pl.String(),
    "source_row": pl.Int64(),
}


def ledger_people(posts: pl.DataFrame) -> list[pl.Expr]:
    """Return the expressions of :data:`LEDGER_PEOPLE` for some posts; null for a missing column."""
    columns = set(posts.columns)

    def named(column: str) -> pl.Expr:
        if not {"platform", column} <= columns:
            return pl.lit(None, pl.String)
        return pl.concat_str("platform", pl.lit(":"), column)

    original = pl.lit(None, pl.String)
    if {"kind", "parent_id"} <= columns:
        original = pl.when(pl.col("kind") == "repost").then(pl.col("parent_id"))
    return [
        named("author").alias("_author"),
        named("original_author").alias("_original_author"),
        original.alias("_original"),
    ]


#: The columns that identify a ledger row.
LEDGER_KEY = ("id", "source_file", "source_row")

#: The column of a document with the posts that are counted in it: each kept post is counted in
#: exactly one document, also if several contain it. All counts after ``conversations`` are counts
#: of these. The column is internal: no shard has it.
COUNTED_POSTS = "_counted_posts"
COUNTED_POSTS_TYPE = pl.List(
    pl.Struct(
        {
            "id": pl.String,
            "source_file": pl.String,
            "source_row": pl.Int64,
            "_author": pl.String,
            "_original_author": pl.String,
            "_original": pl.String,
        }
    )
)

#: Columns of ledger rows in ``work/`` that no file of ``dropped/`` has: they are encrypted in
#: ``people/``, so that a takedown finds the rows. ``_author`` and ``_original_author`` are
#: ``platform:author``; ``_original`` is the id of the post that a repost repeats.
LEDGER_PEOPLE: dict[str, pl.DataType] = {
    "_author": pl.String(),
    "_original_author": pl.String(),
    "_original": pl.String(),
}

#: The columns of the posts of a build that makes documents of threads: the stage that drops a post
#: unless a kept post answers it, and the reason; null for a post that is kept in any case. They are
#: internal: no shard has them.
TURN_COLUMNS: dict[str, pl.DataType] = {"_turn_stage": pl.String(), "_turn_reason": pl.String()}

#: A private-use character after each turn of a document with several turns, until the document is
#: written. No stage changes it, so that the turns are found after redaction has changed the text.
TURN_END_MARK = "\U0010fffd"
