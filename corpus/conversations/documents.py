"""Make documents of threads: single posts, pairs, paths, whole trees, or questions and answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Literal, NamedTuple

import polars as pl
from pydantic import Field, field_validator

from corpus.errors import did_you_mean
from filters.contract import FilterConfig

READS = ("id", "kind", "author", "text", "parent_id", "score", "created_at")
#: ``post_ids`` and ``authors`` (pseudonyms, null for nobody) of a document's turns, in order, so
#: that a later takedown finds every document a post or a person is in.
#: ``turn_ends``: where in ``text`` each turn ends, in characters; null if a stage behind this one
#: has cut turns. It is filled in when the document is written.
WRITES: dict[str, pl.DataType] = {
    "post_ids": pl.List(pl.String()),
    "authors": pl.List(pl.String()),
    "turn_ends": pl.List(pl.Int64()),
}
VERSION = 2
RESHAPES = True

#: Behind each of several turns of a document until it is written: a private character, which no
#: stage changes, so that turns are found again after redaction has moved everything.
TURN_END_MARK = "\U0010fffd"

#: The posts that a document accounts for: each kept post is at home in exactly one document, also
#: where several quote it. Internal; what is counted behind this stage is counted by it.
COUNTED_POSTS = "_home"
COUNTED_POSTS_TYPE = pl.List(
    pl.Struct({"id": pl.String, "source_file": pl.String, "source_row": pl.Int64})
)

_PLACEHOLDERS = ("speaker", "text", "depth", "role")
_MAX_INDENT_DEPTH = (
    16  # indentation stops here: a chain of a million answers would be mostly spaces
)


class Config(FilterConfig):
    """Which documents a thread becomes, and how a turn looks in them."""

    mode: Literal["posts", "pair", "path", "tree", "qa"] = Field(
        "posts",
        description="posts: one each; pair: a post and its best reply; path: one chain from the "
        "thread's first post; tree: the whole thread, indented; qa: a question and its answers",
    )
    path: Literal["longest", "best_score"] = Field(
        "longest", description="which chain a path follows; the other measure decides ties"
    )
    turn: str = Field(
        "{speaker}: {text}",
        description="how a turn looks; of {speaker}, {role}, {depth} and {text}. '{text}' alone "
        "leaves the speakers out",
    )
    joiner: str = Field("\n\n", description="what stands between two turns")
    speaker: str = Field(
        "user_{n}", description="a speaker's label; {n} counts from 1 in order of appearance"
    )
    indent: str = Field("  ", description="in a tree, what stands before each line, per level")
    max_answers: int = Field(3, ge=1, description="qa: the accepted answer and the best others")
    min_answer_score: int = Field(
        0, description="qa: an answer below leaves, unless it is the accepted one"
    )
    min_posts: int = Field(1, ge=1, description="path and tree: a shorter document leaves")
    max_characters: int = Field(
        100_000,
        ge=1,
        description="a longer document is split between turns; one turn is never cut",
    )
    orphans: Literal["keep", "drop"] = Field(
        "keep", description="an answer whose parent is not there: begins a thread, or leaves"
    )

    @field_validator("turn")
    @classmethod
    def _check_turn(cls, turn: str) -> str:
        return _check_template(turn, _PLACEHOLDERS, "text")

    @field_validator("speaker")
    @classmethod
    def _check_speaker(cls, speaker: str) -> str:
        return _check_template(speaker, ("n",), "n")


def _check_template(template: str, known: tuple[str, ...], needed: str) -> str:
    import string

    try:
        names = [name for _, name, _, _ in string.Formatter().parse(template) if name is not None]
    except ValueError as error:
        raise ValueError(f"{error}; write '{{{{' for a brace") from None
    for name in names:
        if name not in known:
            raise ValueError(f"unknown placeholder '{name}'{did_you_mean(name, known)}")
    template.format(**dict.fromkeys(known, "x"))
    if needed not in names:
        raise ValueError(f"{{{needed}}} is missing")
    return template


class Document(NamedTuple):
    """A document as row numbers of its thread's frame."""

    id_row: int  # the post whose id the document bears
    turns: list[int]
    depths: list[int]
    counted: list[int]  # the turns it accounts for


class ReplyTrees:
    """The posts of one bucket as plain lists; a thread is what hangs on a root."""

    def __init__(self, posts: pl.DataFrame, parent: list[int]) -> None:
        self.ids: list[str] = posts["id"].to_list()
        self.kinds: list[str | None] = posts["kind"].to_list()
        self.scores: list[int | None] = posts["score"].to_list()
        self.parent = parent
        self.children: list[list[int]] = [[] for _ in parent]
        none = [None] * posts.height
        self.accepted = posts["accepted_id"].to_list() if "accepted_id" in posts.columns else none
        named = posts["parent_id"].to_list()
        # A null is no parent; a repost's parent is its original.
        self.orphan = [
            at == -1 and name is not None and kind not in ("repost", "post", "quote")
            for at, name, kind in zip(parent, named, self.kinds, strict=True)
        ]
        when = posts["created_at"].cast(pl.Int64).to_list()
        for child, at in enumerate(parent):
            if at >= 0:
                self.children[at].append(child)
        lowest = -(2**63)
        for replies in self.children:
            if len(replies) > 1:
                # The best first; a post without a score comes last; then the earlier, and last the
                # order of reading, which the sort keeps.
                replies.sort(
                    key=lambda at: (
                        -(lowest if self.scores[at] is None else self.scores[at]),  # type: ignore[operator]
                        2**63 if when[at] is None else when[at],
                    )
                )


def make_documents(
    posts: pl.DataFrame, parent: list[int], config: Config
) -> tuple[pl.DataFrame, pl.Series]:
    """The documents of the threads in ``posts``, and why each post that is in none leaves.

    ``parent`` holds the row of the post that each answers, or -1; there are no rings in it.
    """
    thread = ReplyTrees(posts, parent)
    reasons: list[str | None] = [None] * posts.height
    if config.orphans == "drop":
        lost = [at for at, orphan in enumerate(thread.orphan) if orphan]
        while lost:
            at = lost.pop()
            reasons[at] = "no_parent"
            lost += thread.children[at]
    made = [
        document
        for document in _MODES[config.mode](thread, reasons, config)
        if _has_min_posts(document, reasons, config)
    ]
    return _make_documents_frame(posts, made, thread, config), pl.Series(
        "reject", reasons, dtype=pl.String
    )


def _has_min_posts(document: Document, reasons: list[str | None], config: Config) -> bool:
    if config.mode not in ("path", "tree") or len(document.turns) >= config.min_posts:
        return True
    for at in document.counted:
        reasons[at] = "short_thread"
    return False


# --------------------------------------------------------------------------- the modes

DocumentMode = Callable[[ReplyTrees, list[str | None], Config], Iterator[Document]]


def _iterate_roots(thread: ReplyTrees, reasons: list[str | None]) -> Iterator[int]:
    for at, above in enumerate(thread.parent):
        if above < 0 and reasons[at] is None:
            yield at


def _make_single_posts(
    thread: ReplyTrees, reasons: list[str | None], config: Config
) -> Iterator[Document]:
    for at, reason in enumerate(reasons):
        if reason is None:
            yield Document(at, [at], [0], [at])


def _make_pairs(
    thread: ReplyTrees, reasons: list[str | None], config: Config
) -> Iterator[Document]:
    """A post and its best reply. A chain of best replies gives a pair for each step of it."""
    chosen = [replies[0] if replies else -1 for replies in thread.children]
    for at, above in enumerate(thread.parent):
        if reasons[at] is not None:
            continue
        is_best = above >= 0 and chosen[above] == at
        if is_best:
            # A reply is at home in the pair that it ends; what no pair ends in, where it begins.
            grand = thread.parent[above]
            also = not (grand >= 0 and chosen[grand] == above)
            yield Document(at, [above, at], [0, 1], [above, at] if also else [at])
        elif chosen[at] < 0:
            reasons[at] = "no_reply" if above < 0 else "not_best_reply"


def _make_paths(
    thread: ReplyTrees, reasons: list[str | None], config: Config
) -> Iterator[Document]:
    longest = config.path == "longest"
    for root in _iterate_roots(thread, reasons):
        order = _list_thread(root, thread)
        best: dict[int, tuple[int, int]] = {}
        onward: dict[int, int] = {}
        for at in reversed(order):  # answers before what they answer
            top = (0, 0)
            for child in thread.children[at]:
                if at not in onward or best[child] > top:
                    top, onward[at] = best[child], child
            own = thread.scores[at] or 0
            step = (top[0] + 1, top[1] + own) if longest else (top[0] + own, top[1] + 1)
            best[at] = step
        turns = [root]
        while turns[-1] in onward:
            turns.append(onward[turns[-1]])
        on = set(turns)
        for at in order:
            if at not in on:
                reasons[at] = "not_on_path"
        yield Document(root, turns, list(range(len(turns))), turns)


def _make_trees(
    thread: ReplyTrees, reasons: list[str | None], config: Config
) -> Iterator[Document]:
    for root in _iterate_roots(thread, reasons):
        turns, depths, stack = [], [], [(root, 0)]
        while stack:
            at, depth = stack.pop()
            turns.append(at)
            depths.append(depth)
            stack += [(child, depth + 1) for child in reversed(thread.children[at])]
        yield Document(root, turns, depths, turns)


def _make_question_documents(
    thread: ReplyTrees, reasons: list[str | None], config: Config
) -> Iterator[Document]:
    for root in _iterate_roots(thread, reasons):
        order = _list_thread(root, thread)
        for at in order[1:]:
            reasons[at] = "not_an_answer"
        if thread.orphan[root] or thread.kinds[root] == "repost":
            reasons[root] = "not_a_question"
            continue
        accepted = thread.accepted[root]
        answers = [at for at in thread.children[root] if thread.kinds[at] != "comment"]
        answers.sort(key=lambda at: accepted is None or thread.ids[at] != accepted)
        chosen: list[int] = []
        for at in answers:
            score = thread.scores[at]
            low = score is not None and score < config.min_answer_score
            if (low and thread.ids[at] != accepted) or len(chosen) >= config.max_answers:
                reasons[at] = "low_score" if low else "more_answers"
            else:
                chosen.append(at)
                reasons[at] = None
        if not chosen:
            reasons[root] = "no_answer"
            continue
        turns = [root, *chosen]
        yield Document(root, turns, [0] + [1] * len(chosen), turns)


def _list_thread(root: int, thread: ReplyTrees) -> list[int]:
    """A thread's posts, what is answered before its answers."""
    order = [root]
    for at in order:  # grows as it goes
        order += thread.children[at]
    return order


_MODES: dict[str, DocumentMode] = {
    "posts": _make_single_posts,
    "pair": _make_pairs,
    "path": _make_paths,
    "tree": _make_trees,
    "qa": _make_question_documents,
}


# --------------------------------------------------------------------------- the text

_ROLES = {"qa": ("question", "answer")}


def _format_turns(
    document: Document, authors: list[str | None], texts: list[str], config: Config
) -> Iterator[str]:
    """Each turn as it stands in the document."""
    labels: dict[str, str] = {}
    first, other = _ROLES.get(config.mode, ("post", "reply"))
    for at, depth in zip(document.turns, document.depths, strict=True):
        author = authors[at]
        if author is None:
            label = "anonymous"
        else:
            label = labels.setdefault(author, config.speaker.format(n=len(labels) + 1))
        text = config.turn.format(
            speaker=label, text=texts[at], depth=depth, role=other if depth else first
        )
        if config.mode == "tree" and depth:
            margin = config.indent * min(depth, _MAX_INDENT_DEPTH)
            text = margin + text.replace("\n", "\n" + margin)
        yield text


def _make_documents_frame(
    posts: pl.DataFrame, made: list[Document], thread: ReplyTrees, config: Config
) -> pl.DataFrame:
    """A row for each document: its first turn's columns, but for what several turns decide."""
    authors: list[str | None] = posts["author"].to_list()
    texts: list[str] = posts["text"].str.replace_all(TURN_END_MARK, "", literal=True).to_list()
    names: list[str] = []
    bodies: list[str] = []
    owner: list[int] = []
    rows: list[int] = []
    homes: list[int] = []
    home_owner: list[int] = []
    for document in made:
        shown = (
            iter([texts[document.turns[0]]])
            if config.mode == "posts"
            else _format_turns(document, authors, texts, config)
        )
        accounted = set(document.counted)
        for piece, (begin, pieces) in enumerate(_split_document(shown, config)):
            number = len(names)
            own = thread.ids[document.id_row]
            names.append(own if not piece else f"{own}#{piece + 1}")
            marked = [f"{turn}{TURN_END_MARK}" for turn in pieces] if len(pieces) > 1 else pieces
            bodies.append(config.joiner.join(marked))
            inside = document.turns[begin : begin + len(pieces)]
            rows += inside
            owner += [number] * len(inside)
            here = [at for at in inside if at in accounted]
            homes += here
            home_owner += [number] * len(here)
    found = posts[rows].with_columns(pl.Series("_document", owner, dtype=pl.Int64))
    merged = found.group_by("_document", maintain_order=True).agg(
        pl.col("id").alias("post_ids"),
        pl.col("author").alias("authors"),
        *(_merge_column(name, dtype) for name, dtype in posts.schema.items()),
    )
    place = posts.select(
        pl.struct("id", "source_file", "source_row").alias(COUNTED_POSTS)
    ).to_series()
    at_home = pl.DataFrame(
        [
            pl.Series("_document", home_owner, dtype=pl.Int64),
            place.gather(homes).alias(COUNTED_POSTS),
        ]
    )
    by_home = at_home.group_by("_document", maintain_order=True).agg(COUNTED_POSTS)
    return (
        merged.join(by_home, on="_document", how="left", maintain_order="left")
        .with_columns(
            pl.Series("id", names, dtype=pl.String),
            pl.Series("text", bodies, dtype=pl.String),
            pl.col(COUNTED_POSTS)
            .cast(COUNTED_POSTS_TYPE)
            .fill_null(pl.lit([], COUNTED_POSTS_TYPE)),
            turn_ends=pl.lit(None, WRITES["turn_ends"]),
        )
        .select(*posts.columns, *WRITES, COUNTED_POSTS)
    )


def extract_turn_ends(posts: pl.DataFrame) -> pl.DataFrame:
    """Take the marks behind the turns out of the texts, and say where they were."""
    split = posts.select(
        turns=pl.col("text").str.split(TURN_END_MARK), count=pl.col("post_ids").list.len()
    ).with_columns(
        ends=pl.col("turns").list.eval(pl.element().str.len_chars().cast(pl.Int64).cum_sum()),
        marks=pl.col("turns").list.len() - 1,
    )
    several = (pl.col("marks") == pl.col("count")) & (pl.col("turns").list.last() == "")
    one = (pl.col("marks") == 0) & (pl.col("count") == 1)
    told = split.select(
        text=pl.col("turns").list.join(""),
        turn_ends=pl.when(several)
        .then(pl.col("ends").list.head(pl.col("marks")))
        .when(one)
        .then(pl.col("ends")),
    )
    return posts.with_columns(told["text"], told["turn_ends"])


def _split_document(turns: Iterator[str], config: Config) -> Iterator[tuple[int, list[str]]]:
    """Cut a document between turns so that no piece is too long; and where each piece begins."""
    pieces: list[str] = []
    size = begin = 0
    for number, turn in enumerate(turns):
        grown = size + len(turn) + (len(config.joiner) if pieces else 0)
        if pieces and grown > config.max_characters:
            yield begin, pieces
            pieces, begin, grown = [], number, len(turn)
        pieces.append(turn)
        size = grown
    if pieces:
        yield begin, pieces


def _merge_column(name: str, dtype: pl.DataType) -> pl.Expr:
    """What a document says of its turns: the gravest of measures, the sum of found PII."""
    column = pl.col(name)
    if name in ("sensitive", "bot"):
        return pl.when(column.is_not_null().any()).then(column.any()).alias(name)
    if name == "consent":  # one turn without consent leaves the document without
        every = (column == "allowed").fill_null(False).all()
        return pl.when(every).then(pl.lit("allowed")).alias(name)
    if name == "license":
        return column.drop_nulls().unique(maintain_order=True).str.join("; ").replace("", None)
    if name == "mentions":
        return column.drop_nulls().str.join(" ").replace("", None)
    if name.startswith("pii_"):
        return column.sum().cast(dtype)
    return column.max() if dtype.is_float() else column.first()
