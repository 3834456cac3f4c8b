"""The texts of dropped posts, found again and redacted."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import corpus
from corpus.errors import ManifestError, PlanError
from corpus.maintenance.dropped_texts import DroppedTexts
from corpus.privacy import suppression
from tests.conftest import sentence, write_lines
from tests.support.commands import command

FIELDS = {name: name for name in ("id", "text", "author")}
SHORT = "Mail mary.poppins@example.org"


def row(number: int, text: str | None = None, **more: Any) -> dict[str, Any]:
    own = {"id": f"n{number}", "text": text or sentence(number), "author": f"u{number}"}
    return own | more


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A corpus of a file and of an archive; the posts of odd numbers have few words."""
    folder = tmp_path_factory.mktemp("dropped")
    rows = [row(number, SHORT if number % 2 else None) for number in range(10)]
    write_lines(folder / "dumps" / "plain.jsonl", rows)
    packed = [row(number, f"Short {number}" if number % 2 else None) for number in range(20, 26)]
    packed += [row(30, "[removed by moderator]"), row(30, "Gone now")]
    with zipfile.ZipFile(folder / "dumps" / "packed.zip", "w") as archive:
        archive.writestr("inside/a.jsonl", "\n".join(map(json.dumps, packed)))
    return folder


def build(folder: Path, name: str, **output: Any) -> Path:
    out = folder / name
    corpus.build(
        {
            "sources": [
                {"table": {"path": str(folder / "dumps" / file), "platform": "t", "fields": FIELDS}}
                for file in ("plain.jsonl", "packed.zip")
            ],
            "stages": [{"quality": {"min_words": 4}}, {"pii": {}}],
            "output": {"path": str(out), "report_samples": 0} | output,
            "run": {"runner": "serial"},
        }
    )
    return out


@pytest.fixture(scope="module")
def out(folder: Path) -> Path:
    return build(folder, "out")


def ledger(out: Path, stage: str = "quality") -> pl.DataFrame:
    return corpus.load(out).dropped().filter(pl.col("stage") == stage).collect()


REDACTED = ["Mail <EMAIL_ADDRESS>"] * 5 + [f"Short {number}" for number in (21, 23, 25)]


def texts(found: pl.DataFrame) -> list[str | None]:
    return found.filter(pl.col("reason") == "too_few_words")["text"].to_list()


def test_texts_are_read_again_from_the_dumps_and_redacted(out: Path) -> None:
    rows = ledger(out)
    found = DroppedTexts(out).add_texts(rows)
    assert [text for text in texts(found) if text] == REDACTED
    assert found.select(rows.columns).equals(rows)
    assert found["platform"].drop_nulls().unique().to_list() == ["t"]


def test_no_version_of_a_withdrawn_post_is_shown(out: Path) -> None:
    assert ledger(out, "consent").height == 2
    assert DroppedTexts(out).add_texts(ledger(out, "consent"))["text"].to_list() == [None, None]


def test_work_has_the_texts_where_the_plan_keeps_it(folder: Path) -> None:
    kept = build(folder, "kept", keep_work=True)
    gone = folder / "dumps" / "plain.jsonl"
    gone.rename(folder / "elsewhere.jsonl")
    try:
        assert texts(DroppedTexts(kept).add_texts(ledger(kept))) == REDACTED
    finally:
        (folder / "elsewhere.jsonl").rename(gone)


def test_dumps_that_moved_are_found_in_the_folder_that_is_given(folder: Path, out: Path) -> None:
    moved = folder / "moved" / "deeper"
    moved.parent.mkdir()
    (folder / "dumps").rename(moved)
    try:
        with pytest.raises(PlanError, match=r"no dump 'p.*' at .* --dumps"):
            DroppedTexts(out).add_texts(ledger(out))
        assert texts(DroppedTexts(out, dumps=moved).add_texts(ledger(out))) == REDACTED
        with pytest.raises(PlanError, match="no dump"):
            DroppedTexts(out, dumps=folder / "moved").add_texts(ledger(out))
    finally:
        moved.rename(folder / "dumps")


def test_the_key_and_the_plan_beside_it_are_needed(folder: Path, out: Path) -> None:
    plans, key = folder / "corpus.key.plans", folder / "corpus.key"
    plans.rename(folder / "hidden")
    try:
        with pytest.raises(ManifestError, match="the plan beside its key"):
            DroppedTexts(out).add_texts(ledger(out))
    finally:
        (folder / "hidden").rename(plans)
    key.rename(folder / "hidden")
    try:
        with pytest.raises(PlanError, match="--key"):
            DroppedTexts(out)
    finally:
        (folder / "hidden").rename(key)


def test_peek_shows_them_but_none_that_is_suppressed_since(folder: Path, out: Path) -> None:
    asked = ("--dropped", "quality", "--reason", "too_few_words", "-n", "100", "--text")
    shown = command("peek", str(out), *asked)
    assert shown.returncode == 0, shown.stderr
    assert (
        shown.stdout.count("Mail <EMAIL_ADDRESS>\n  quality: too_few_words · quality_words ") == 5
    )
    assert "poppins" not in shown.stdout
    suppression.add(folder / "corpus.key", *suppression.parse_requests("author t:u3\nid t:n21", ""))
    try:
        less = command("peek", str(out), *asked).stdout
    finally:
        Path(suppression.list_path(folder / "corpus.key")).unlink()
    assert less.count("Mail <EMAIL_ADDRESS>\n") == 4
    assert "Short 23\n" in less and "Short 21\n" not in less
    assert less.count("(no text to show)") == 2
