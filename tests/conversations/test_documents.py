"""Documents made of threads."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from pydantic import ValidationError

import corpus
from corpus.conversations import Config
from corpus.conversations import documents as conversations
from corpus.output.turn_ends import extract_turn_ends
from corpus.schema import COUNTED_POSTS, POST, TURN_END_MARK
from tests.conftest import contents, write_lines

# A question with two answers; the second has two replies.
ROWS: list[dict[str, Any]] = [
    {"id": "q", "kind": "post", "author": "ann", "text": "why?", "score": 9},
    {"id": "a", "author": "bob", "text": "because", "parent_id": "q", "score": 1},
    {"id": "b", "author": "cat", "text": "so that", "parent_id": "q", "score": 5},
    {"id": "c", "author": "ann", "text": "thanks", "parent_id": "b", "score": 2},
    {"id": "d", "author": None, "text": "no\nway", "parent_id": "b", "score": None},
]


def made(
    rows: list[dict[str, Any]] | None = None, **config: Any
) -> tuple[pl.DataFrame, dict[str, str]]:
    """The documents, and the reason for each post in none."""
    rows = ROWS if rows is None else rows
    blank = dict.fromkeys(POST) | {"platform": "t", "kind": "reply", "source_file": "f"}
    filled = [blank | {"source_row": n} | row for n, row in enumerate(rows, start=1)]
    posts = pl.DataFrame(filled, schema=POST)
    row_of_id = {row["id"]: at for at, row in enumerate(rows)}
    parent = [row_of_id.get(row.get("parent_id"), -1) for row in rows]
    found, reject = conversations.make_documents(posts, parent, Config(**config))
    found = extract_turn_ends(found)
    for row in found.iter_rows(named=True):
        assert len(row["turn_ends"]) == len(row["post_ids"])
        assert row["turn_ends"][-1] == len(row["text"])
    why = {name: reason for name, reason in zip(posts["id"], reject, strict=True) if reason}
    counted = [post["id"] for posts in found[COUNTED_POSTS] for post in posts]
    assert sorted([*counted, *why]) == sorted(row_of_id), "each post is counted once or dropped"
    return found, why


def test_posts_are_documents_with_their_own_text() -> None:
    found, why = made(mode="posts")
    assert found["text"].to_list() == [row["text"] for row in ROWS]
    assert found["post_ids"].to_list() == [[row["id"]] for row in ROWS]
    assert why == {}


def test_a_pair_is_a_post_and_its_best_reply() -> None:
    found, why = made(mode="pair")
    assert found["text"].to_list() == [
        "user_1: why?\n\nuser_2: so that",
        "user_1: so that\n\nuser_2: thanks",
    ]
    assert found["id"].to_list() == ["b", "c"]
    assert found["post_ids"].to_list() == [["q", "b"], ["b", "c"]]
    assert found["authors"].to_list() == [["ann", "cat"], ["cat", "ann"]]
    assert why == {"a": "not_best_reply", "d": "not_best_reply"}


def test_a_post_alone_makes_no_pair() -> None:
    assert made([ROWS[0]], mode="pair")[1] == {"q": "no_reply"}


def test_a_reply_that_is_not_the_best_can_begin_a_pair() -> None:
    rows = [*ROWS, {"id": "e", "text": "hm", "parent_id": "a", "author": "dan"}]
    found, why = made(rows, mode="pair")
    assert found["post_ids"].to_list() == [["q", "b"], ["b", "c"], ["a", "e"]]
    assert why == {"d": "not_best_reply"}


def test_a_path_is_the_longest_chain_or_the_best_scored() -> None:
    found, why = made(mode="path")
    assert found["text"].to_list() == ["user_1: why?\n\nuser_2: so that\n\nuser_1: thanks"]
    assert found["id"].to_list() == ["q"]
    assert why == {"a": "not_on_path", "d": "not_on_path"}
    rows = [*ROWS, {"id": "e", "text": "well", "parent_id": "a", "score": 90}]
    assert made(rows, mode="path")[0]["post_ids"].to_list() == [["q", "a", "e"]]
    rows = [*ROWS, {"id": "e", "text": "well", "parent_id": "q", "score": 90}]
    assert made(rows, mode="path")[0]["post_ids"].to_list() == [["q", "b", "c"]]
    best = made(rows, mode="path", path="best_score")[0]
    assert best["post_ids"].to_list() == [["q", "e"]]


def test_a_tree_is_indented_with_the_best_reply_first() -> None:
    found, why = made(mode="tree", joiner="\n")
    assert found["text"].item() == (
        "user_1: why?\n"
        "  user_2: so that\n"
        "    user_1: thanks\n"
        "    anonymous: no\n"
        "    way\n"
        "  user_3: because"
    )
    assert why == {}


def test_a_question_has_its_accepted_answer_first_and_the_best_others() -> None:
    rows = [ROWS[0] | {"accepted_id": "a"}, *ROWS[1:]]
    rows += [
        {"id": "e", "text": "e", "parent_id": "q", "score": -1},
        {"id": "f", "text": "f", "parent_id": "q", "score": 4},
        {"id": "g", "text": "g", "parent_id": "q", "kind": "comment", "score": 50},
    ]
    found, why = made(rows, mode="qa", turn="{role}: {text}", max_answers=2)
    assert found["text"].item() == "question: why?\n\nanswer: because\n\nanswer: so that"
    assert found["post_ids"].to_list() == [["q", "a", "b"]]
    assert why == {
        "c": "not_an_answer", "d": "not_an_answer", "e": "low_score", "f": "more_answers",
        "g": "not_an_answer",
    }  # fmt: skip


def test_an_accepted_answer_is_kept_whatever_its_score() -> None:
    rows = [ROWS[0] | {"accepted_id": "a"}, ROWS[1] | {"score": -7}]
    assert made(rows, mode="qa")[0]["post_ids"].to_list() == [["q", "a"]]


def test_a_question_without_an_answer_is_dropped() -> None:
    assert made([ROWS[0]], mode="qa")[1] == {"q": "no_answer"}


@pytest.mark.parametrize("mode", ["pair", "path", "tree", "qa"])
def test_a_reply_without_its_parent_begins_a_thread_or_is_dropped_with_its_branch(
    mode: str,
) -> None:
    rows = [row for row in ROWS if row["id"] != "b"]
    kept = made(rows, mode=mode)[0]
    assert ["q", "a"] in kept["post_ids"].to_list()
    rows = [*rows, {"id": "e", "text": "under c", "parent_id": "c"}]
    found, why = made(rows, mode=mode, orphans="drop")
    assert why == {"c": "no_parent", "d": "no_parent", "e": "no_parent"}
    assert found["post_ids"].to_list() == [["q", "a"]]


def test_a_long_document_is_split_between_turns_and_labels_continue() -> None:
    found, _ = made(mode="path", max_characters=30)
    assert found["text"].to_list() == ["user_1: why?\n\nuser_2: so that", "user_1: thanks"]
    assert found["id"].to_list() == ["q", "q#2"]
    assert found["post_ids"].to_list() == [["q", "b"], ["c"]]
    one, _ = made(mode="path", max_characters=1)
    assert one["id"].to_list() == ["q", "q#2", "q#3"]


def test_threads_with_fewer_than_min_posts_are_dropped() -> None:
    rows = [*ROWS, {"id": "lone", "kind": "post", "text": "hello"}]
    assert made(rows, mode="tree", min_posts=2)[1] == {"lone": "short_thread"}


def test_a_document_has_the_maximum_of_the_measures_of_its_posts() -> None:
    rows = [
        ROWS[0] | {"consent": "allowed", "license": "CC BY-SA 3.0"},
        ROWS[2] | {"sensitive": True, "license": "CC BY-SA 4.0", "consent": "allowed"},
        ROWS[3] | {"sensitive": False, "license": "CC BY-SA 3.0"},
    ]
    found, _ = made(rows, mode="tree")
    columns = ("sensitive", "bot", "license", "consent", "score", "author")
    assert found.select(columns).row(0) == (
        True, None, "CC BY-SA 3.0; CC BY-SA 4.0", None, 9, "ann",
    )  # fmt: skip


@pytest.mark.parametrize("count", [4_000, pytest.param(100_000, marks=pytest.mark.slow)])
def test_a_long_chain_of_replies_works_in_every_mode(count: int) -> None:
    rows = [{"id": "0", "kind": "post", "text": "x", "author": "a"}]
    rows += [
        {"id": str(n), "text": "x", "author": f"u{n % 9}", "parent_id": str(n - 1)}
        for n in range(1, count)
    ]
    for mode in ("pair", "path", "tree"):
        found, why = made(rows, mode=mode)
        assert why == {}
        assert found["text"].str.len_chars().max() <= 100_000  # type: ignore[operator]
    _, why = made(rows, mode="qa")
    assert len(why) == count - 2


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"turn": "{txt}"}, "did you mean"),
        ({"turn": "{speaker}"}, "{text} is missing"),
        ({"turn": "{text"}, "for a brace"),
        ({"turn": "{text.__class__}"}, "unknown placeholder"),
        ({"speaker": "user"}, "{n} is missing"),
        ({"mode": "forest"}, "tree"),
    ],
)
def test_a_wrong_template_is_refused(config: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Config(**config)


# --------------------------------------------------------------------------- the whole build

FIELDS = {
    "id": "id", "text": "text", "author": "author", "parent_id": "parent_id", "score": "score",
    "kind": "kind",
}  # fmt: skip


def forum(tmp_path: Path, threads: int) -> list[dict[str, Any]]:
    """Sources of threads of four posts over two files: answers first, then the questions."""
    answers, questions = [], []
    for number in range(threads):
        questions.append(
            {"id": f"q{number}", "kind": "post", "author": f"u{number}", "score": 1,
             "text": f"What would thread number {number} be about, and how many will answer it?"}
        )  # fmt: skip
        for reply in range(3):
            parent = f"q{number}" if reply < 2 else f"r{number}-0"
            answers.append(
                {"id": f"r{number}-{reply}", "kind": "reply", "author": f"u{reply}",
                 "score": reply, "parent_id": parent,
                 "text": f"The answer numbered {reply} to {number} mails me{number}@example.org"}
            )  # fmt: skip
    write_lines(tmp_path / "answers.jsonl", answers)
    write_lines(tmp_path / "questions.jsonl", questions)
    return [
        {"table": {"path": str(tmp_path / f"{name}.jsonl"), "fields": FIELDS}}
        for name in ("answers", "questions")
    ]


def build(
    tmp_path: Path, name: str, make: Any, stages: list[Any], *, threads: int = 100, **run: Any
) -> Any:
    document = make(
        stages,
        sources=forum(tmp_path, threads),
        output={"path": str(tmp_path / name), "key": str(tmp_path / "key")},
        run={"runner": "serial"} | run,
    )
    corpus.build(document)
    return corpus.load(tmp_path / name)


def test_files_of_one_platform_join_in_one_thread(tmp_path: Path, plan: Callable[..., Any]) -> None:
    stages = [{"conversations": {"mode": "tree"}}, {"pii": {}}]
    built = build(tmp_path, "out", plan, stages)
    frame = built.scan().collect()
    assert frame.height == 100
    assert frame["post_ids"].list.len().to_list() == [4] * 100
    assert "example.org" not in "".join(frame["text"])
    assert not set(frame["authors"].explode()) & {f"u{n}" for n in range(100)}
    assert frame["authors"].list.first().to_list() == frame["author"].to_list()
    totals = built.manifest["totals"]
    assert (totals["read"], totals["kept"], totals["documents"]) == (400, 400, 100)


def test_a_dropped_post_separates_its_branch_and_the_ledger_balances(
    tmp_path: Path, plan: Callable[..., Any]
) -> None:
    stages = [
        {"quality": {}},
        {"conversations": {"mode": "qa", "max_answers": 1}},
        {"pii": {"max_spans": 1}},
    ]
    built = build(tmp_path, "out", plan, stages)
    funnel = {row["stage"]: row for row in built.manifest["funnel"]}
    talks = funnel["conversations"]
    assert talks["dropped"] == {"more_answers": 100, "not_an_answer": 100}
    assert (talks["read"], talks["kept"], talks["documents"]) == (400, 200, 100)
    dropped = built.dropped().collect()
    assert dropped.filter(pl.col("stage") == "conversations").height == 200
    assert not {"authors", "post_ids"} & set(dropped.columns)


def test_the_ledger_has_each_post_of_a_dropped_document(
    tmp_path: Path, plan: Callable[..., Any]
) -> None:
    stages = [{"conversations": {"mode": "pair"}}, {"pii": {"max_spans": 1}}]
    built = build(tmp_path, "out", plan, stages)
    dropped = built.dropped().filter(pl.col("stage") == "pii").collect()
    row = next(row for row in built.manifest["funnel"] if row["stage"] == "pii")
    assert row["dropped"] == {"too_much_pii": dropped.height}
    assert dropped.height > 0
    assert dropped["source_row"].null_count() == 0
    totals = built.manifest["totals"]
    assert totals["read"] == totals["refused"] + totals["dropped"] + totals["kept"]


@pytest.mark.parametrize(
    "mode",
    [
        "posts",
        "tree",
        *(pytest.param(each, marks=pytest.mark.slow) for each in ("pair", "path", "qa")),
    ],
)
def test_the_bytes_do_not_depend_on_parts_workers_or_interruptions(
    tmp_path: Path, plan: Callable[..., Any], mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from corpus.partition import buckets

    monkeypatch.setattr(buckets, "_BUCKET_BYTES", 1_500)  # several buckets
    stages = [{"conversations": {"mode": mode}}]
    first = contents(build(tmp_path, "one", plan, stages, threads=30).path)
    second = contents(build(tmp_path, "two", plan, stages, threads=30, part_posts=7).path)
    assert json.loads(first["manifest.json"])["totals"]["kept"] > 0
    assert first == second


def test_turn_ends_are_those_of_the_written_text() -> None:
    found, _ = made(mode="tree")
    row = found.row(0, named=True)
    begins = [0, *row["turn_ends"][:-1]]
    turns = [row["text"][a:b].strip() for a, b in zip(begins, row["turn_ends"], strict=True)]
    assert [turn.split(": ")[1].split("\n")[0] for turn in turns] == [
        "why?", "so that", "thanks", "no", "because",
    ]  # fmt: skip


def test_turn_ends_are_null_if_a_later_stage_removed_a_turn() -> None:
    texts = [f"a{TURN_END_MARK}\n\nb{TURN_END_MARK}", "a\n\nb", "a"]
    frame = pl.DataFrame({"text": texts, "post_ids": [["1", "2"], ["1", "2"], ["1"]]})
    assert extract_turn_ends(frame)["turn_ends"].to_list() == [[1, 4], None, [1]]


def test_a_turn_mark_in_a_post_is_removed() -> None:
    rows = [row | {"text": f"{row['text']}{TURN_END_MARK}!"} for row in ROWS]
    found, _ = made(rows, mode="path")
    assert found["text"].to_list() == ["user_1: why?!\n\nuser_2: so that!\n\nuser_1: thanks!"]
