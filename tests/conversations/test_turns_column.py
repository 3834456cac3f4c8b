"""The column of turns says what the text says, also after redaction and takedowns."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import corpus
from corpus.errors import PlanError
from corpus.maintenance.takedown import take_down
from corpus.maintenance.verify import verify
from tests.conftest import write_lines

ROWS = [
    {"id": "q", "user": "ann", "text": "How do I mend\na kettle?", "score": 9},
    {"id": "a", "user": "bob", "text": "Write to bob.miller@example.com", "to": "q", "score": 5},
    {"id": "b", "user": "ann", "text": "Thank you very much", "to": "a", "score": 5},
    {"id": "c", "user": "cat", "text": "Anna Schmidt knows it", "to": "b", "score": 2},
]


def make_plan(folder: Path, stages: list[Any], **output: Any) -> dict[str, Any]:
    write_lines(folder / "posts.jsonl", ROWS)
    fields = {"id": "id", "text": "text", "author": "user", "parent_id": "to", "score": "score"}
    return {
        "sources": [{"table": {"path": str(folder / "posts.jsonl"), "fields": fields}}],
        "stages": stages,
        "output": {"path": str(folder / "out"), "ids": "original", **output},
        "run": {"runner": "serial"},
    }


def build(folder: Path, **output: Any) -> Path:
    stages = [{"conversations": {"mode": "path"}}, {"pii": {"profile": "contact"}}]
    corpus.build(make_plan(folder, stages, **{"turns": True, **output}))
    return folder / "out"


def turns_of(out: Path) -> list[tuple[str, str]]:
    (document,) = corpus.load(out).scan().collect().to_dicts()
    assert [turn["id"] for turn in document["turns"]] == document["post_ids"]
    assert [turn["author"] for turn in document["turns"]] == document["authors"]
    for turn in document["turns"]:
        assert turn["text"] in document["text"]
    return [(turn["id"].removeprefix("table:"), turn["text"]) for turn in document["turns"]]


def test_turns_are_redacted_and_without_their_labels(tmp_path: Path) -> None:
    out = build(tmp_path)
    found = turns_of(out)
    assert [found[0], *found[2:]] == [
        ("q", "How do I mend\na kettle?"),
        ("b", "Thank you very much"),
        ("c", "Anna Schmidt knows it"),
    ]
    assert found[1][0] == "a" and "bob.miller" not in found[1][1]
    assert corpus.load(out).scan().collect_schema().names()[-1] == "turns"


def test_a_takedown_cuts_the_turns_too(tmp_path: Path) -> None:
    out = build(tmp_path)
    take_down(out, ["table:b"], names=["Anna Schmidt"])
    found = turns_of(out)
    assert [name for name, _ in found] == ["q", "a", "c"]
    assert found[2][1] == "<PERSON> knows it"
    assert verify(out)["passed"]


def test_chosen_columns_can_have_turns(tmp_path: Path) -> None:
    out = build(tmp_path, columns=["text"])
    assert "lang_hint" not in corpus.load(out).scan().collect_schema()
    assert len(turns_of(out)) == 4


def test_posts_have_no_turns(tmp_path: Path) -> None:
    for stages in ([], [{"conversations": {"mode": "posts"}}]):
        with pytest.raises(PlanError, match="output: turns: no stage makes documents of several"):
            corpus.Plan.parse(make_plan(tmp_path, stages, turns=True))


def test_a_plan_without_turns_is_as_it_was(tmp_path: Path) -> None:
    stages = [{"conversations": {"mode": "path"}}]
    plain = corpus.Plan.parse(make_plan(tmp_path, stages))
    other = corpus.Plan.parse(make_plan(tmp_path, stages, turns=True))
    assert "turns" not in plain.resolved()["output"] and other.resolved()["output"]["turns"]
    assert plain.fingerprint() != other.fingerprint()
