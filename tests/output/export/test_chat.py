"""Conversations become messages with roles."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest

import corpus
from corpus.conversations.messages import NO_ANSWER, NO_QUESTION, NO_TURNS, TurnFormat
from corpus.maintenance.takedown import take_down
from tests.conftest import write_lines
from tests.output.export.test_export_corpus import export, load_lines

ROWS = [
    {"id": "q", "user": "ann", "text": "How do I mend\na kettle?", "score": 9},
    {"id": "a", "user": "bob", "text": "Solder: it works", "to": "q", "score": 5},
    {"id": "b", "user": "ann", "text": "Thank you very much", "to": "a", "score": 5},
    {"id": "c", "user": "cat", "text": "  And it holds", "to": "b", "score": 2},
    {"id": "d", "user": "dan", "text": "Buy a new one", "to": "q", "score": 1},
    {"id": "alone", "user": "eve", "text": "Nobody answers me here", "score": 1},
]


def build(folder: Path, **settings: Any) -> Path:
    write_lines(folder / "posts.jsonl", ROWS)
    fields = {"id": "id", "text": "text", "author": "user", "parent_id": "to", "score": "score"}
    corpus.build(
        {
            "sources": [{"table": {"path": str(folder / "posts.jsonl"), "fields": fields}}],
            "stages": [{"conversations": settings}],
            "output": {"path": str(folder / "out"), "ids": "original"},
            "run": {"runner": "serial"},
        }
    )
    return folder / "out"


def exported(out: Path, *options: str) -> list[dict[str, Any]]:
    done = export(out, None, *options, format="chat")
    assert done.returncode == 0, done.stderr
    return load_lines(out / "exports/chat")


def test_the_first_author_is_the_user_and_all_others_are_the_assistant(tmp_path: Path) -> None:
    out = build(tmp_path, mode="path")
    assert exported(out) == [
        {
            "id": "table:q",
            "messages": [
                {"role": "user", "content": "How do I mend\na kettle?"},
                {"role": "assistant", "content": "Solder: it works"},
                {"role": "user", "content": "Thank you very much"},
                {"role": "assistant", "content": ROWS[3]["text"]},
            ],
        }
    ]


def test_sharegpt_has_its_own_names(tmp_path: Path) -> None:
    (row,) = exported(build(tmp_path, mode="pair"), "--chat-form", "sharegpt", "--where",
                      "id = 'table:a'")  # fmt: skip
    assert row == {
        "id": "table:a",
        "conversations": [
            {"from": "human", "value": "How do I mend\na kettle?"},
            {"from": "gpt", "value": "Solder: it works"},
        ],
    }


def test_an_unknown_form_is_refused(tmp_path: Path) -> None:
    done = export(build(tmp_path, mode="pair"), None, "--chat-form", "openia", format="chat")
    assert done.returncode == 2 and "unknown form 'openia'; did you mean 'openai'?" in done.stderr


@pytest.mark.parametrize(
    "turn", ["{speaker}: {text}", "{text}", "<{role}>\n{text}\n</{role}>", "{depth} {text}"]
)
def test_the_template_and_the_indent_of_a_tree_are_removed(tmp_path: Path, turn: str) -> None:
    rows = exported(build(tmp_path, mode="tree", turn=turn, joiner="\n---\n"))
    assert rows[0]["messages"] == [
        {"role": "user", "content": "How do I mend\na kettle?"},
        {"role": "assistant", "content": "Solder: it works"},
        {"role": "user", "content": "Thank you very much"},
        {"role": "assistant", "content": f"{rows_text('c', turn)}\n\nBuy a new one"},
    ]


def rows_text(name: str, turn: str) -> str:
    """The text of a post; spaces before it are the indent where no label is between them."""
    text = next(str(row["text"]) for row in ROWS if row["id"] == name)
    return text.lstrip() if turn == "{text}" else text


def test_a_question_gets_its_best_answer(tmp_path: Path) -> None:
    (row,) = exported(build(tmp_path, mode="qa"))
    assert [message["content"] for message in row["messages"]] == [
        "How do I mend\na kettle?",
        "Solder: it works",
    ]


def test_what_has_no_answer_is_counted_by_reason(tmp_path: Path) -> None:
    out = build(tmp_path, mode="path")
    done = export(out, None, format="chat")
    assert "1 document in 1 file" in done.stdout and "1 not exported: no_answer" in done.stdout


def test_a_taken_down_question_makes_no_question_of_its_answer(tmp_path: Path) -> None:
    out = build(tmp_path, mode="qa")
    take_down(out, ["table:q"])
    done = export(out, None, format="chat")
    assert "1 not exported: no_question" in done.stdout
    assert load_lines(out / "exports/chat") == []


def test_a_corpus_of_posts_has_no_conversations(tmp_path: Path) -> None:
    done = export(build(tmp_path, mode="posts"), None, format="chat")
    assert done.returncode == 2 and "the corpus has no conversations" in done.stderr


def test_turns_are_taken_apart_by_their_ends() -> None:
    columns = {"id": "q", "text": "user_1: a\n\nuser_2: b", "post_ids": ["q", "a"]}
    authors = {"authors": ["x", "y"]}
    rows = [
        columns | authors | {"turn_ends": [9, 20]},
        columns | authors | {"turn_ends": None},
        columns | authors | {"id": "q#2", "turn_ends": [9, 20]},
        columns | authors | {"turn_ends": [9, 20], "text": "user_2: a\n\nuser_3: b"},
        {"id": "q", "text": "user_1: a", "post_ids": ["q"], "authors": ["x"], "turn_ends": [9]},
    ]
    turns = TurnFormat.of({"mode": "qa"})
    assert turns is not None
    assert turns.make_messages(pl.DataFrame(rows)) == [
        [("user", "a"), ("assistant", "b")],
        NO_TURNS,
        NO_QUESTION,
        NO_QUESTION,
        NO_ANSWER,
    ]
