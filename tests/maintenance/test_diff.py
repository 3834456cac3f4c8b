"""What moved between two builds."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import corpus
from corpus.errors import CorpusError
from corpus.maintenance import diff
from tests.conftest import post, sentence, write_lines
from tests.support.commands import command
from tests.support.corpora import build_once

Make = Callable[..., Path]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Build corpora of nearly the same posts."""

    def build(name: str, stages: list[Any], rows: list[Any] | None = None, **output: Any) -> Path:
        given = rows if rows is not None else [post(n) for n in range(20)]
        given = [*given, post(90, text=sentence(3).upper()), post(91, text="ok"), b"{cut"]
        write_lines(tmp_path / f"{name}.jsonl", given)
        fields = {"id": "id", "text": "text", "author": "user", "parent_id": "to"}
        build_once(
            tmp_path,
            {
                "sources": [{"table": {"path": str(tmp_path / f"{name}.jsonl"), "fields": fields}}],
                "stages": stages,
                "output": {"path": str(tmp_path / name), "ids": "original", **output},
                "run": {"runner": "serial"},
            },
        )
        return tmp_path / name

    return build


def moved(one: Path, two: Path) -> list[tuple[str, str, str]]:
    return [tuple(each) for each in diff.compare_posts(one, two)]  # type: ignore[misc]


def test_settings_counts_and_posts_that_differ(make: Make) -> None:
    one = make("one", [{"quality": {}}, {"dedup": {}}])
    two = make("two", [{"quality": {"min_words": 1}}], [post(n) for n in range(1, 21)])
    found = diff.compare_corpora(one, two)
    settings = {row["name"]: (row["before"], row["after"]) for row in found["settings"]}
    assert settings["quality.min_words"] == (2, 1)
    assert settings["dedup.jaccard"] == (0.8, None)
    assert settings["order"] == (["consent", "quality", "dedup"], ["consent", "quality"])
    stages = {row["stage"]: row for row in found["stages"]}
    assert stages["quality"]["gone"] == [1, 0]
    assert stages["quality"]["reasons"] == [{"name": "too_few_words", "before": 1, "after": None}]
    assert stages["dedup"]["kept"] == [20, None]
    assert moved(one, two) == [
        ("table:0", "kept", "absent"),
        ("table:20", "absent", "kept"),
        ("table:90", "dedup: exact_duplicate", "kept"),
        ("table:91", "quality: too_few_words", "kept"),
    ]


def test_a_corpus_does_not_differ_from_itself(make: Make) -> None:
    one = make("one", [{"quality": {}}, {"dedup": {}}])
    assert moved(one, one) == []
    told = diff.format_differences(diff.compare_corpora(one, one))
    assert "the same counts" in told and "settings" not in told


def test_shares_of_ids_give_what_all_at_once_gives(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = make("one", [{"quality": {}}])
    two = make("two", [{"quality": {"max_word_chars": 7, "max_word_share": 0}}])
    whole = moved(one, two)
    monkeypatch.setattr(diff, "_POSTS_PER_BATCH", 5)
    assert sorted(moved(one, two)) == whole and len(whole) > 3


def test_posts_inside_documents_are_kept(make: Make) -> None:
    rows = [post(0), post(1, to="0"), post(2, to="1")]
    one = make("one", [{"quality": {}}], rows)
    two = make("two", [{"quality": {}}, {"conversations": {"mode": "tree"}}], rows)
    assert corpus.load(two).manifest["totals"]["documents"] < 4
    assert moved(one, two) == []


def test_an_id_with_a_kept_and_a_dropped_version_is_kept(make: Make) -> None:
    rows = [post(1), post(1, text="a"), post(2, text="b"), post(2, text="http://a.example")]
    one = make("one", [{"quality": {}}], rows)
    two = make("two", [{"quality": {"min_words": 0, "max_link_share": 1}}], rows)
    found = {name: (before, after) for name, before, after in moved(one, two)}
    assert "table:1" not in found
    assert found["table:2"] == ("quality: mostly_links; quality: too_few_words", "kept")


@pytest.mark.parametrize(
    ("value", "words"),
    [(None, "not there"), (["en", "pt"], "en, pt"), ([], "none"), (True, "true"), ("", "empty"),
     (0.5, "0.5"), ("x" * 81, "x" * 79 + "…"), ("x" * 80, "x" * 80)],
)  # fmt: skip
def test_a_setting_reads_as_in_a_plan(value: object, words: str) -> None:
    assert diff.format_setting(value) == words


def test_ids_of_different_keys_cannot_be_compared_and_the_remedy_is_told(
    make: Make, tmp_path: Path
) -> None:
    one = make("one", [], ids="keyed")
    same = make("same", [{"quality": {}}], ids="keyed")
    other = make("other", [], ids="keyed", key=str(tmp_path / "other.key"))
    plain = make("plain", [])
    assert len(moved(one, same)) == 1
    for folder, remedy in ((other, "the same key"), (plain, "ids: original")):
        with pytest.raises(CorpusError, match=remedy):
            moved(one, folder)
        found = command("diff", str(one), str(folder), "--posts")
        assert found.returncode == 2
        assert "posts cannot be compared" in found.stderr and remedy in found.stderr
        without = command("diff", str(one), str(folder))
        assert without.returncode == 0 and "note: posts cannot be compared" in without.stdout


def test_the_command_in_words_and_in_json(make: Make) -> None:
    one = make("one", [{"quality": {}}])
    two = make("two", [{"quality": {"min_words": 1}}])
    said = command("diff", str(one), str(two), "--posts")
    assert said.returncode == 0, said.stderr
    assert "quality.min_words: 2 → 1" in said.stdout
    assert "quality: kept 21 → 22 (+1), dropped 1 → 0 (-1)" in said.stdout
    assert said.stdout.endswith(
        "table:91: quality: too_few_words → kept\n1 post with another outcome\n"
    )
    lines = command("diff", str(one), str(two), "--posts", "--json").stdout.splitlines()
    assert json.loads(lines[0])["comparable"] is True
    assert json.loads(lines[1]) == {
        "id": "table:91", "before": "quality: too_few_words", "after": "kept",
    }  # fmt: skip


def test_what_is_no_corpus_or_lacks_a_part_is_told(make: Make, tmp_path: Path) -> None:
    one = make("one", [])
    found = command("diff", str(one), str(tmp_path / "none"))
    assert found.returncode == 2 and "no folder" in found.stderr
    (one / "shards" / "part-00000.parquet").unlink()
    found = command("diff", str(one), str(one), "--posts")
    assert found.returncode == 2 and "part-00000.parquet' is missing" in found.stderr
    (one / "plan.yaml").unlink()
    found = command("diff", str(one), str(one))
    assert found.returncode == 2 and "plan.yaml' is missing" in found.stderr


def test_an_id_cannot_act_on_the_terminal(make: Make) -> None:
    one = make("one", [], [post(1, id="\x1b[31m7\u202e")])
    two = make("two", [], [])
    shown = command("diff", str(one), str(two), "--posts").stdout
    assert "[31m7" in shown and not {"\x1b", "\u202e"} & set(shown)
