"""Posts that are worth little by themselves are turns where a kept post answers them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest

import corpus
from corpus import dedup
from corpus.conversations import Config, documents
from corpus.maintenance.verify import verify
from corpus.schema import POST, TURN_COLUMNS
from tests.conftest import contents, write_lines

# --------------------------------------------------------------------------- which are turns


def make(
    rows: list[tuple[str, str | None, str | None]], **config: Any
) -> tuple[list[list[str]], list[list[str | None]], dict[str, str]]:
    """The ids of the turns of each document, their turn reasons, and why the others are dropped.

    A row is an id, the id of the parent, and the turn reason.
    """
    blank = dict.fromkeys(POST) | {"platform": "t", "source_file": "f", "author": "a"}
    filled = [
        blank
        | {"id": name, "parent_id": parent, "kind": "reply" if parent else "post", "text": name}
        | {"source_row": number, "_turn_reason": reason, "_turn_stage": reason and "quality"}
        for number, (name, parent, reason) in enumerate(rows)
    ]
    posts = pl.DataFrame(filled, schema=POST | TURN_COLUMNS)
    row_of_id = {name: at for at, (name, *_) in enumerate(rows)}
    parents = [row_of_id.get(parent or "", -1) for _, parent, _ in rows]
    found, reject = documents.make_documents(posts, parents, Config(**config))
    assert not {*TURN_COLUMNS} & set(found.columns)
    why = {name: reason for name, reason in zip(posts["id"], reject, strict=True) if reason}
    return found["post_ids"].to_list(), found["turn_reasons"].to_list(), why


THREAD = [
    ("q", None, None),
    ("yes", "q", "too_few_words"),
    ("really", "yes", "unsure_language"),
    ("story", "really", None),
    ("lol", "story", "no_language"),
    ("ok", "lol", "too_few_words"),
]


def test_a_post_that_a_kept_post_answers_is_a_turn_and_the_others_are_dropped() -> None:
    turns, reasons, why = make(THREAD, mode="tree")
    assert turns == [["q", "yes", "really", "story"]]
    assert reasons == [[None, "too_few_words", "unsure_language", None]]
    assert why == {"lol": "no_language", "ok": "too_few_words"}


def test_a_thread_of_such_posts_alone_is_dropped() -> None:
    turns, _, why = make([("a", None, "no_language"), ("b", "a", "too_few_words")], mode="tree")
    assert turns == []
    assert why == {"a": "no_language", "b": "too_few_words"}


def test_a_short_first_post_begins_the_thread() -> None:
    turns, *_ = make([("a", None, "no_language"), ("b", "a", None)], mode="tree", min_posts=2)
    assert turns == [["a", "b"]]


def test_what_the_mode_drops_has_the_reason_of_the_earlier_stage() -> None:
    aside = ("aside", "q", "too_few_words"), ("remark", "aside", None)
    _, _, why = make([*THREAD, *aside], mode="path")
    assert why["aside"] == "too_few_words"
    assert why["remark"] == "not_on_path"
    orphan = ("hm", "gone", "no_language"), ("long", "hm", None)
    assert make([*orphan], mode="tree", orphans="drop")[2] == {
        "hm": "no_language",
        "long": "no_parent",
    }
    assert make([*orphan], mode="tree", min_posts=3)[2] == {
        "hm": "no_language",
        "long": "short_thread",
    }


def test_pairs_go_on_through_a_turn() -> None:
    turns, _, why = make(THREAD, mode="pair")
    assert turns == [["q", "yes"], ["yes", "really"], ["really", "story"]]
    assert why == {"lol": "no_language", "ok": "too_few_words"}


def test_an_answer_is_no_turn_but_a_question_is() -> None:
    rows = [
        ("why", None, "too_few_words"),
        ("so", "why", "too_few_words"),
        ("because", "why", None),
    ]
    turns, _, why = make([*rows, ("thanks", "so", None)], mode="qa")
    assert turns == [["why", "because"]]
    assert why == {"so": "too_few_words", "thanks": "not_an_answer"}


def test_a_document_without_a_turn_lacks_its_reason() -> None:
    row = {
        "id": "a", "text": "ab", "author": "u", "post_ids": ["a", "b"], "authors": ["u", "v"],
        "turn_ends": [1, 2], "turn_reasons": [None, "no_language"],
    }  # fmt: skip
    edited, removed = documents.edit_turns(row, {0: None}, "")
    assert edited is not None
    assert edited["turn_reasons"] == ["no_language"]
    assert removed == ["a"]


def test_dedup_prefers_every_other_copy_to_a_turn() -> None:
    posts = pl.DataFrame(
        {"id": ["a", "b"], "text": ["well said"] * 2, "score": [9, 1]},
    ).with_columns(created_at=pl.lit(None, POST["created_at"]), _turn_reason=pl.Series([None, "x"]))
    for reasons in (["x", None], [None, "x"]):
        marked = posts.with_columns(_turn_reason=pl.Series(reasons, dtype=pl.String))
        priority = dedup.measure(marked, dedup.Config(keep="best_score"))["priority"]
        assert reasons[int(priority.argmin())] is None


# --------------------------------------------------------------------------- whole builds

FIELDS = {name: name for name in ("id", "text", "author", "parent_id", "kind", "created_at")}
THANKS = "Thank you so much for telling me"
STAGES: list[Any] = [
    {"quality": {"min_words": 3}},
    {"authors": {"bots": ["robo"]}},
    {"dedup": {}},
]


def threads(count: int) -> list[dict[str, Any]]:
    """Threads of a question, a common answer, and what is said to it; and a few loose ends."""
    rows: list[dict[str, Any]] = []
    for number in range(count):
        name = f"t{number}"
        turns = {
            "q": (None, f"How would one mend the {number} broken legs of this old table?"),
            "yes": ("q", "Glue"),
            "glue": ("yes", f"I used {number} drops of hide glue and two clamps"),
            "thanks": ("glue", THANKS),
            "done": ("thanks", f"Now it has stood for {number} days without a creak"),
            "end": ("done", "Great"),
            "more": ("done", THANKS),
        }
        for own, (parent, text) in turns.items():
            row = {"id": f"{name}-{own}", "text": text, "author": f"u{number}"}
            row["parent_id"] = f"{name}-{parent}" if parent else None
            row["kind"] = "reply" if parent else "post"
            rows.append(row | {"created_at": 1_600_000_000 + len(rows)})
    more = [
        {"id": "bot", "parent_id": "t0-q", "text": "Beep", "author": "robo"},
        {"id": "to-bot", "parent_id": "bot", "text": "What does that robot want from us?"},
        {"id": "t1-yes", "parent_id": "t1-q", "text": "Glue"},
    ]
    return [*rows, *({"author": "u0", "kind": "reply"} | row for row in more)]


@pytest.fixture(scope="module")
def dump(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_lines(tmp_path_factory.mktemp("turns") / "posts.jsonl", threads(4))


def build(dump: Path, name: str, mode: str, **run: Any) -> Path:
    out = dump.parent / name
    corpus.build(
        {
            "sources": [{"table": {"path": str(dump), "platform": "t", "fields": FIELDS}}],
            "stages": [*STAGES, {"conversations": {"mode": mode}}],
            "output": {"path": str(out), "ids": "original", "report_samples": 0},
            "run": {"runner": "serial"} | run,
        }
    )
    return out


@pytest.fixture(scope="module")
def tree(dump: Path) -> Path:
    return build(dump, "tree", "tree")


def funnel(out: Path) -> dict[str, dict[str, Any]]:
    return {row["stage"]: row for row in corpus.load(out).manifest["funnel"]}


def test_threads_keep_their_common_and_short_turns(tree: Path) -> None:
    found = corpus.load(tree).scan().collect()
    whole = ["q", "yes", "glue", "thanks", "done"]
    for number in range(4):
        row = found.filter(id=f"t:t{number}-q").row(0, named=True)
        assert row["post_ids"] == [f"t:t{number}-{turn}" for turn in whole]
        duplicate = "exact_duplicate" if number else None
        assert row["turn_reasons"] == [None, "too_few_words", None, duplicate, None]
    assert found.height == 5
    assert "t:to-bot" in found["id"], "a post by a listed bot is no turn"


def test_the_funnel_and_the_ledger_count_each_post_at_its_stage(tree: Path) -> None:
    rows = funnel(tree)
    assert rows["quality"]["dropped"] == {"too_few_words": 4}
    assert rows["quality"]["kept_as_turns"] == {"too_few_words": 4}
    assert rows["authors"]["dropped"] == {"listed_bot": 1}
    assert rows["dedup"]["dropped"] == {"exact_duplicate": 4, "same_id": 1}
    assert rows["dedup"]["kept_as_turns"] == {"exact_duplicate": 3}
    assert rows["conversations"]["dropped"] == {}
    assert [row["read"] for row in rows.values()] == [31, 31, 27, 26, 21]
    dropped = corpus.load(tree).dropped().collect()
    own = dropped.filter(stage="quality")
    assert sorted(own["id"]) == [f"t:t{number}-end" for number in range(4)]
    assert own["quality_words"].to_list() == [1] * 4
    assert verify(tree)["passed"]


def test_single_posts_are_dropped_as_before(dump: Path) -> None:
    rows = funnel(build(dump, "posts", "posts"))
    assert rows["quality"]["dropped"] == {"too_few_words": 10}
    assert rows["dedup"]["dropped"] == {"exact_duplicate": 7}
    assert "kept_as_turns" not in rows["quality"]
    assert "turn_reasons" not in corpus.load(dump.parent / "posts").scan().collect_schema()


def test_the_size_of_parts_changes_no_byte(dump: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from corpus.partition import buckets

    monkeypatch.setattr(buckets, "_BUCKET_BYTES", 400)  # several buckets
    parts = [contents(build(dump, f"of-{size}", "tree", part_posts=size)) for size in (5, 1000)]
    assert parts[0] == parts[1]


def test_another_mode_in_the_same_folder_begins_anew(
    dump: Path, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a build for single posts has left in ``work/`` is of no use for threads."""
    from corpus.pipeline import write_outputs

    def stop(*args: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(write_outputs, "write_shards", stop)
        build(dump, "resumed", "posts")
    assert contents(build(dump, "resumed", "tree")) == contents(tree)


def test_the_index_has_the_ids_of_turns(dump: Path, tree: Path, tmp_path: Path) -> None:
    again = [
        row | {"text": f"An edit of {row['id']} that shares {number} words with nothing else"}
        for number, row in enumerate(threads(4))
        if row["id"].endswith("-thanks")
    ]
    path = write_lines(tmp_path / "again.jsonl", again)
    corpus.build(
        {
            "sources": [{"table": {"path": str(path), "platform": "t", "fields": FIELDS}}],
            "stages": [{"dedup": {"against": [str(tree)]}}],
            "output": {
                "path": str(tmp_path / "out"), "key": str(dump.parent / "corpus.key"),
                "report_samples": 0,
            },
            "run": {"runner": "serial"},
        }
    )  # fmt: skip
    assert funnel(tmp_path / "out")["dedup"]["dropped"] == {"in_earlier_corpus": 4}
