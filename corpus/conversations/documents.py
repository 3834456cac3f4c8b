"""Make documents of threads: single posts, pairs, paths, whole trees, or questions and answers.

A post that a stage before has judged to be worth little by itself, for a turn reason, is a turn
where a post that is kept answers it, directly or through such posts. Without such an answer it is
dropped by that stage.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal, NamedTuple

import polars as pl
from pydantic import Field, field_validator

from corpus.conversations.templates import check_template, format_turns
from corpus.schema import (
    COUNTED_POSTS,
    COUNTED_POSTS_TYPE,
    TURN_COLUMNS,
    TURN_END_MARK,
    ledger_people,
)
from filters.contract import FilterConfig

READS = ("id", "kind", "author", "text", "parent_id", "score", "created_at")
#: ``post_ids``, ``authors`` and ``original_authors`` (pseudonyms, or null) of a document's turns,
#: in order, so that a takedown finds every document of a post or a person. ``turn_ends``: the end
#: of each turn in ``text``, in characters; null if a later stage has removed turns. It is filled in
#: when the document is written.
WRITES: dict[str, pl.DataType] = {
    "post_ids": pl.List(pl.String()),
    "authors": pl.List(pl.String()),
    "original_authors": pl.List(pl.String()),
    "turn_ends": pl.List(pl.Int64()),
}
#: In every mode but ``posts``: for each turn the reason for which a stage would have dropped the
#: post, had no kept post answered it; null for the others.
TURN_REASONS_COLUMN = "turn_reasons"
#: The columns of a document that a post does not have.
DOCUMENT_COLUMNS = (*WRITES, TURN_REASONS_COLUMN)
VERSION = 4
REASONS = (
    "no_parent",
    "short_thread",
    "no_reply",
    "not_best_reply",
    "not_on_path",
    "not_an_answer",
    "not_a_question",
    "no_answer",
    "low_score",
    "more_answers",
)
RESHAPES = True


class Config(FilterConfig):
    """Which documents are made of a thread, and how a turn is formatted."""

    mode: Literal["posts", "pair", "path", "tree", "qa"] = Field(
        "posts",
        description="posts: one each; pair: a post and its best reply; path: one chain from the "
        "thread's first post; tree: the whole thread, indented; qa: a question and its answers",
    )
    path: Literal["longest", "best_score"] = Field(
        "longest",
        description="which chain a path follows; of equals the better by the other measure",
    )
    turn: str = Field(
        "{speaker}: {text}",
        description="a turn, from {speaker}, {role}, {depth} and {text}; '{text}' alone is a turn "
        "without its speaker",
    )
    joiner: str = Field("\n\n", description="text between two turns")
    speaker: str = Field(
        "user_{n}", description="a speaker's label; {n} counts from 1 in order of appearance"
    )
    indent: str = Field("  ", description="tree: text before each line, for each level")
    max_answers: int = Field(3, ge=1, description="qa: the accepted answer and the best others")
    min_answer_score: int = Field(
        0, description="qa: an answer with a lower score is dropped, unless it is accepted"
    )
    min_posts: int = Field(1, ge=1, description="path and tree: a shorter document is dropped")
    max_characters: int = Field(
        100_000,
        ge=1,
        description="a longer document is split between turns; a turn is never split",
    )
    orphans: Literal["keep", "drop"] = Field(
        "keep", description="keep or drop a reply without its parent; a kept one begins a thread"
    )

    @field_validator("turn")
    @classmethod
    def _check_turn(cls, turn: str) -> str:
        return check_template(turn, ("speaker", "text", "depth", "role"), "text")

    @field_validator("speaker")
    @classmethod
    def _check_speaker(cls, speaker: str) -> str:
        return check_template(speaker, ("n",), "n")


def keeps_turns(config: Config) -> bool:
    """Whether answered posts are kept in spite of the turn reasons of earlier stages."""
    return config.mode != "posts"


def writes(config: Config) -> dict[str, pl.DataType]:
    """The columns of a document that a post does not have, under ``config``."""
    if not keeps_turns(config):
        return WRITES
    return WRITES | {TURN_REASONS_COLUMN: pl.List(pl.String())}


class Document(NamedTuple):
    """A document as rows of its bucket's posts."""

    id_row: int  # the post that gives the document its id
    turns: list[int]
    depths: list[int]
    counted: list[int]  # the turns that are counted in this document and in no other


class ReplyTrees:
    """The posts of a bucket as plain lists by row, with the replies to each, the best first."""

    def __init__(self, posts: pl.DataFrame, parent: list[int]) -> None:
        self.ids: list[str] = posts["id"].to_list()
        self.kinds: list[str | None] = posts["kind"].to_list()
        self.scores: list[int | None] = posts["score"].to_list()
        self.parent = parent
        self.replies: list[list[int]] = [[] for _ in parent]
        none = [None] * posts.height
        self.accepted = posts["accepted_id"].to_list() if "accepted_id" in posts.columns else none
        # A reply without its parent. The ``parent_id`` of a repost or a quote is its original.
        self.is_orphan = [
            row == -1 and name is not None and kind not in ("repost", "post", "quote")
            for row, name, kind in zip(
                parent, posts["parent_id"].to_list(), self.kinds, strict=True
            )
        ]
        #: Why a post is dropped unless a kept post answers it; null for the others.
        self.turn_reasons: Reasons = [None] * posts.height
        if "_turn_reason" in posts.columns:
            self.turn_reasons = posts["_turn_reason"].to_list()
        for reply, row in enumerate(parent):
            if row >= 0:
                self.replies[row].append(reply)
        times = posts["created_at"].cast(pl.Int64).to_list()

        def rank(row: int) -> tuple[int, int]:
            score, time = self.scores[row], times[row]
            return (
                2**63 if score is None else -score,
                2**63 if time is None else time,
            )

        for replies in self.replies:
            if len(replies) > 1:
                # By score, then time, then reading order, which a stable sort does not change.
                replies.sort(key=rank)

    def list_thread(self, root: int) -> list[int]:
        """The posts of a thread, each before the replies to it."""
        rows = [root]
        for row in rows:  # grows in the loop
            rows += self.replies[row]
        return rows


#: The reason to drop each post, by row, or null: a mode fills it in.
Reasons = list[str | None]


def make_documents(
    posts: pl.DataFrame, parent: list[int], config: Config
) -> tuple[pl.DataFrame, pl.Series]:
    """The documents of the threads in ``posts``, and the reason for each post that is in none.

    ``parent`` has the row of the post that each one replies to, or -1, and no cycles. Of a post
    with a ``_turn_reason`` that is in no document, that is the reason.
    """
    trees = ReplyTrees(posts, parent)
    reasons: Reasons = [None] * posts.height
    if config.orphans == "drop":
        dropped = [row for row, is_orphan in enumerate(trees.is_orphan) if is_orphan]
        while dropped:
            row = dropped.pop()
            reasons[row] = "no_parent"
            dropped += trees.replies[row]
    if any(trees.turn_reasons):
        _drop_unanswered_turns(trees, reasons)
    documents = [
        document
        for document in _MODES[config.mode](trees, reasons, config)
        if _has_min_posts(document, reasons, config)
    ]
    for row, turn_reason in enumerate(trees.turn_reasons):
        if turn_reason and reasons[row]:
            reasons[row] = turn_reason
    frame = _make_documents_frame(posts, documents, trees, config)
    return frame, pl.Series("reject", reasons, dtype=pl.String)


def _drop_unanswered_turns(trees: ReplyTrees, reasons: Reasons) -> None:
    """Drop the posts with a turn reason below which no other post is; changes both in place."""
    for root in list(_iterate_roots(trees, reasons)):
        for row in reversed(trees.list_thread(root)):  # replies before the post they reply to
            replies = [reply for reply in trees.replies[row] if reasons[reply] is None]
            trees.replies[row] = replies
            if not replies:
                reasons[row] = trees.turn_reasons[row]


def _has_min_posts(document: Document, reasons: Reasons, config: Config) -> bool:
    if config.mode not in ("path", "tree") or len(document.turns) >= config.min_posts:
        return True
    for row in document.counted:
        reasons[row] = "short_thread"
    return False


# --------------------------------------------------------------------------- the modes

DocumentMode = Callable[[ReplyTrees, Reasons, Config], Iterator[Document]]


def _iterate_roots(trees: ReplyTrees, reasons: Reasons) -> Iterator[int]:
    for row, parent in enumerate(trees.parent):
        if parent < 0 and reasons[row] is None:
            yield row


def _make_single_posts(trees: ReplyTrees, reasons: Reasons, config: Config) -> Iterator[Document]:
    """A document for each post."""
    for row, reason in enumerate(reasons):
        if reason is None:
            yield Document(row, [row], [0], [row])


def _make_pairs(trees: ReplyTrees, reasons: Reasons, config: Config) -> Iterator[Document]:
    """A post and its best reply. A chain of best replies gives a pair for each step."""
    best_reply = [replies[0] if replies else -1 for replies in trees.replies]
    for row, parent in enumerate(trees.parent):
        if reasons[row] is not None:
            continue
        if parent >= 0 and best_reply[parent] == row:
            # The second post of a pair is counted there. The first one is counted there too, unless
            # it is the second post of another pair.
            grandparent = trees.parent[parent]
            is_second = grandparent >= 0 and best_reply[grandparent] == parent
            yield Document(row, [parent, row], [0, 1], [row] if is_second else [parent, row])
        elif best_reply[row] < 0:
            reasons[row] = "no_reply" if parent < 0 else "not_best_reply"


def _make_paths(trees: ReplyTrees, reasons: Reasons, config: Config) -> Iterator[Document]:
    """The longest chain from the first post of each thread, or the one with the best scores."""
    longest = config.path == "longest"
    for root in _iterate_roots(trees, reasons):
        thread = trees.list_thread(root)
        measure: dict[int, tuple[int, int]] = {}  # of the best chain from a post on
        next_row: dict[int, int] = {}
        for row in reversed(thread):  # replies before the post they reply to
            best = (0, 0)
            for reply in trees.replies[row]:
                if row not in next_row or measure[reply] > best:
                    best, next_row[row] = measure[reply], reply
            score = trees.scores[row] or 0
            first, second = (1, score) if longest else (score, 1)
            measure[row] = (best[0] + first, best[1] + second)
        turns = [root]
        while turns[-1] in next_row:
            turns.append(next_row[turns[-1]])
        on_path = set(turns)
        for row in thread:
            if row not in on_path:
                reasons[row] = "not_on_path"
        yield Document(root, turns, list(range(len(turns))), turns)


def _make_trees(trees: ReplyTrees, reasons: Reasons, config: Config) -> Iterator[Document]:
    """The whole thread: each post is followed by the replies to it."""
    for root in _iterate_roots(trees, reasons):
        turns, depths, stack = [], [], [(root, 0)]
        while stack:
            row, depth = stack.pop()
            turns.append(row)
            depths.append(depth)
            stack += [(reply, depth + 1) for reply in reversed(trees.replies[row])]
        yield Document(root, turns, depths, turns)


def _make_question_documents(
    trees: ReplyTrees, reasons: Reasons, config: Config
) -> Iterator[Document]:
    """A question, its accepted answer, and the best other ones."""
    for root in _iterate_roots(trees, reasons):
        for row in trees.list_thread(root)[1:]:
            reasons[row] = "not_an_answer"
        if trees.is_orphan[root] or trees.kinds[root] == "repost":
            reasons[root] = "not_a_question"
            continue
        accepted = trees.accepted[root]
        answers = [
            row
            for row in trees.replies[root]
            # What answers an answer is kept nowhere, so an answer is no turn.
            if trees.kinds[row] != "comment" and not trees.turn_reasons[row]
        ]
        answers.sort(key=lambda row: accepted is None or trees.ids[row] != accepted)
        chosen: list[int] = []
        for row in answers:
            score = trees.scores[row]
            low = score is not None and score < config.min_answer_score
            if (low and trees.ids[row] != accepted) or len(chosen) >= config.max_answers:
                reasons[row] = "low_score" if low else "more_answers"
            else:
                chosen.append(row)
                reasons[row] = None
        if not chosen:
            reasons[root] = "no_answer"
            continue
        turns = [root, *chosen]
        yield Document(root, turns, [0] + [1] * len(chosen), turns)


_MODES: dict[str, DocumentMode] = {
    "posts": _make_single_posts,
    "pair": _make_pairs,
    "path": _make_paths,
    "tree": _make_trees,
    "qa": _make_question_documents,
}


# --------------------------------------------------------------------------- the frame


def _format_document(
    document: Document, authors: list[str | None], texts: list[str], config: Config
) -> Iterator[str]:
    """The text of each turn of a document."""
    if config.mode == "posts":
        return iter([texts[document.turns[0]]])
    return format_turns(
        [authors[row] for row in document.turns],
        [texts[row] for row in document.turns],
        document.depths,
        turn=config.turn,
        speaker=config.speaker,
        indent=config.indent if config.mode == "tree" else "",
        roles=("question", "answer") if config.mode == "qa" else ("post", "reply"),
    )


def _make_documents_frame(
    posts: pl.DataFrame, documents: list[Document], trees: ReplyTrees, config: Config
) -> pl.DataFrame:
    """A row for each document, or several for one that is split.

    A column has the value of the first turn, or that of :func:`_merge_column`.
    """
    authors: list[str | None] = posts["author"].to_list()
    texts: list[str] = posts["text"].str.replace_all(TURN_END_MARK, "", literal=True).to_list()
    ids: list[str] = []
    bodies: list[str] = []
    # The rows of turns, and of counted posts, each with the number of its document.
    turn_rows: list[int] = []
    turn_documents: list[int] = []
    counted_rows: list[int] = []
    counted_documents: list[int] = []
    for document in documents:
        turns = _format_document(document, authors, texts, config)
        is_counted = set(document.counted)
        for piece, (begin, piece_turns) in enumerate(_split_document(turns, config)):
            number = len(ids)
            post_id = trees.ids[document.id_row]
            ids.append(post_id if not piece else f"{post_id}#{piece + 1}")
            if len(piece_turns) > 1:
                piece_turns = [f"{turn}{TURN_END_MARK}" for turn in piece_turns]
            bodies.append(config.joiner.join(piece_turns))
            rows = document.turns[begin : begin + len(piece_turns)]
            turn_rows += rows
            turn_documents += [number] * len(rows)
            rows = [row for row in rows if row in is_counted]
            counted_rows += rows
            counted_documents += [number] * len(rows)
    columns = {name: dtype for name, dtype in posts.schema.items() if name not in TURN_COLUMNS}
    turn_reason = pl.Series(TURN_REASONS_COLUMN, trees.turn_reasons, dtype=pl.String)
    by_document = pl.Series("_document", turn_documents, dtype=pl.Int64)
    merged = (
        posts[turn_rows]
        .with_columns(by_document, turn_reason.gather(turn_rows))
        .group_by("_document", maintain_order=True)
        .agg(
            pl.col("id").alias("post_ids"),
            pl.col("author").alias("authors"),
            _original_author(posts).alias("original_authors"),
            pl.col(TURN_REASONS_COLUMN),
            *(_merge_column(name, dtype) for name, dtype in columns.items()),
        )
    )
    keys = posts.select(
        pl.struct("id", "source_file", "source_row", *ledger_people(posts)).alias(COUNTED_POSTS)
    )
    counted = pl.DataFrame(
        [
            pl.Series("_document", counted_documents, dtype=pl.Int64),
            keys.to_series().gather(counted_rows),
        ]
    )
    counted_posts = counted.group_by("_document", maintain_order=True).agg(COUNTED_POSTS)
    no_posts = pl.lit([], COUNTED_POSTS_TYPE)
    return (
        merged.join(counted_posts, on="_document", how="left", maintain_order="left")
        .with_columns(
            pl.Series("id", ids, dtype=pl.String),
            pl.Series("text", bodies, dtype=pl.String),
            pl.col(COUNTED_POSTS).cast(COUNTED_POSTS_TYPE).fill_null(no_posts),
            turn_ends=pl.lit(None, WRITES["turn_ends"]),
        )
        .select(*columns, *writes(config), COUNTED_POSTS)
    )


def _original_author(posts: pl.DataFrame) -> pl.Expr:
    if "original_author" in posts.columns:
        return pl.col("original_author")
    return pl.lit(None, pl.String)


def _split_document(turns: Iterator[str], config: Config) -> Iterator[tuple[int, list[str]]]:
    """Split a document between turns into pieces of at most ``max_characters``.

    Yields the number of the first turn of each piece, and its turns. A longer turn is a piece by
    itself.
    """
    piece: list[str] = []
    size = begin = 0
    for number, turn in enumerate(turns):
        grown = size + len(turn) + (len(config.joiner) if piece else 0)
        if piece and grown > config.max_characters:
            yield begin, piece
            piece, begin, grown = [], number, len(turn)
        piece.append(turn)
        size = grown
    if piece:
        yield begin, piece


def _merge_column(name: str, dtype: pl.DataType) -> pl.Expr:
    """A column of a document from its turns: the maximum of a measure, the sum of PII counts."""
    column = pl.col(name)
    if name in ("sensitive", "bot"):
        return pl.when(column.is_not_null().any()).then(column.any()).alias(name)
    if name == "consent":  # a document has consent only if all its turns have
        all_allowed = (column == "allowed").fill_null(False).all()
        return pl.when(all_allowed).then(pl.lit("allowed")).alias(name)
    if name == "license":
        return column.drop_nulls().unique(maintain_order=True).str.join("; ").replace("", None)
    if name == "mentions":
        return column.drop_nulls().str.join(" ").replace("", None)
    if name.startswith("pii_"):
        return column.sum().cast(dtype)
    return column.max() if dtype.is_float() else column.first()


# --------------------------------------------------------------------------- finished documents


def edit_turns(
    document: dict[str, Any], edits: Mapping[int, str | None], joiner: str
) -> tuple[dict[str, Any] | None, list[str]]:
    """A finished document with some turns changed or removed, and the ids of the removed posts.

    ``edits`` has for the number of a turn, from 0, its new text, or None to remove it. The document
    is None if no turn is kept, or if a turn is to be removed and the ends of the turns are not
    known. If the first turn is removed, the document gets the id and the author of the next one,
    and the columns that only the first turn gives become null.
    """
    ids, authors, ends = document["post_ids"], document["authors"], document["turn_ends"]
    kept = [number for number in range(len(ids)) if edits.get(number, "") is not None]
    if not edits:
        return document, []
    if not kept or ends is None or len(ends) != len(ids):
        return None, list(ids)
    text, new_ends = "", []
    for number, turn in enumerate(split_turns(document, joiner)):
        if number in kept:
            has_joiner = document["text"].startswith(joiner, ends[number - 1]) if number else False
            text += joiner if text and has_joiner else ""
            text += edits.get(number) or turn
            new_ends.append(len(text))
    changed: dict[str, Any] = {
        "text": text,
        "post_ids": [ids[number] for number in kept],
        "authors": [authors[number] for number in kept],
        "turn_ends": new_ends,
    }
    originals = document.get("original_authors")
    for column in ("original_authors", TURN_REASONS_COLUMN):
        if document.get(column) is not None:
            changed[column] = [document[column][number] for number in kept]
    if kept[0]:
        own = dict.fromkeys(("created_at", "score", "replies", "accepted_id", "cluster"))
        changed |= {name: value for name, value in own.items() if name in document}
        changed |= {"id": ids[kept[0]], "author": authors[kept[0]]}
        if "original_author" in document:
            changed["original_author"] = originals[kept[0]] if originals else None
    removed = set(range(len(ids))) - set(kept)
    return document | changed, [ids[number] for number in sorted(removed)]


def split_turns(document: dict[str, Any], joiner: str) -> list[str]:
    """The texts of a finished document's turns, without ``joiner``; one text if the ends differ."""
    ends = document["turn_ends"]
    if ends is None or len(ends) != len(document["post_ids"]):
        return [document["text"]]
    begins = [0, *ends[:-1]]
    turns = [document["text"][begin:end] for begin, end in zip(begins, ends, strict=True)]
    return [turns[0], *(turn.removeprefix(joiner) for turn in turns[1:])]
