"""The commands as a user meets them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

import corpus
from tests.conftest import post, sentence, write_lines
from tests.support.commands import command, command_process


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A small corpus built by the command itself."""
    folder = tmp_path_factory.mktemp("built")
    rows: list[Any] = [post(n) for n in range(40)]
    rows += [post(90, text=sentence(3) + "!"), post(91, text="ok"), b"{cut"]
    rows += [post(92, text="escape \x1b[31mred\x07 and \u202eturned for you")]
    write_lines(folder / "posts.jsonl", rows)
    fields = {"id": "id", "text": "text", "author": "user"}
    document = {
        "sources": [{"table": {"path": str(folder / "posts.jsonl"), "fields": fields}}],
        "stages": [{"quality": {}}, {"dedup": {}}],
        "output": {"path": str(folder / "out"), "ids": "original"},
        "run": {"runner": "serial"},
    }
    (folder / "plan.yaml").write_text(yaml.safe_dump(document))
    found = command_process("build", str(folder / "plan.yaml"))
    assert found.returncode == 0, found.stderr
    assert "41 of 44 posts kept in 1 shard" in found.stdout
    assert f"report  {folder / 'out' / 'report.html'}" in found.stdout
    assert "the plan has no 'pii' stage" in found.stderr
    assert "writing 100%" in found.stderr  # lines, as standard error is no terminal
    assert "\x1b" not in found.stderr + found.stdout
    yield folder


def test_a_second_build_has_nothing_to_do(built: Path) -> None:
    found = command("build", str(built / "plan.yaml"))
    assert found.returncode == 0
    assert "41 of 44 posts kept" in found.stdout
    assert re.search(
        rf"already built: '{re.escape(str(built / 'out'))}', finished 20\d\d-\d\d-\d\d "
        r"\d\d:\d\d UTC; ",
        found.stderr,
    )


def test_report_prints_the_funnel(built: Path) -> None:
    found = command("report", str(built / "out"))
    lines = [line.split() for line in found.stdout.splitlines()]
    quality = next(line for line in lines if line[:1] == ["quality"])
    assert ["quality", "43", "42", "1"] == quality[:4]
    assert ["read", "44", "43", "1", "malformed_json", "1"] in lines


def test_explain_says_kept_dropped_and_unknown(built: Path) -> None:
    out = str(built / "out")
    kept = command("explain", out, "table:7")
    assert kept.returncode == 0
    assert "table:7: kept, in shards/part-00000.parquet" in kept.stdout
    assert "quality_words: " in kept.stdout
    gone = command("explain", out, "table:90")
    assert "table:90: dropped by dedup: exact_duplicate" in gone.stdout
    assert "cluster: table:3" in gone.stdout
    short = command("explain", out, "table:91")
    assert "table:91: dropped by quality: too_few_words" in short.stdout
    assert "quality_words: 1" in short.stdout
    assert "'min_words': 2" in short.stdout
    unknown = command("explain", out, "table:none")
    assert unknown.returncode == 2
    assert "no post 'table:none'" in unknown.stderr


def test_explain_prints_no_text(built: Path) -> None:
    found = command("explain", str(built / "out"), "table:7")
    assert "Yesterday" not in found.stdout


def test_peek_shows_documents_and_ledger_rows(built: Path) -> None:
    shown = command("peek", str(built / "out"), "-n", "3")
    assert shown.stdout.count("Yesterday") == 3
    assert shown.stdout.count("\n  table · ") == 3, "a line of facts under each text"
    whole = command("peek", str(built / "out"), "-n", "1", "--all")
    assert "quality_words: " in whole.stdout
    gone = command("peek", str(built / "out"), "--dropped", "read")
    assert "  read: malformed_json · " in gone.stdout
    assert ", row 43" in gone.stdout
    short = command("peek", str(built / "out"), "--dropped", "quality", "--reason", "too_few_words")
    assert "quality_words 1 (min_words 2)" in short.stdout
    none = command("peek", str(built / "out"), "--dropped", "quality", "--reason", "to_few_words")
    assert none.returncode == 2 and "did you mean 'too_few_words'?" in none.stderr
    stray = command("peek", str(built / "out"), "--text")
    assert stray.returncode == 2 and "--dropped" in stray.stderr
    assert (
        command("peek", str(built / "out"), "--dropped", "consent").stdout
        == "'consent' dropped no post\n"
    )
    wrong = command("peek", str(built / "out"), "--dropped", "dedupe")
    assert wrong.returncode == 2
    assert "did you mean 'dedup'?" in wrong.stderr


def test_a_post_cannot_act_on_the_terminal(built: Path) -> None:
    shown = command("peek", str(built / "out"), "-n", "41")
    assert "escape" in shown.stdout
    assert not {"\x1b", "\x07", "\u202e"} & set(shown.stdout)


def test_check_prints_what_would_be_built(built: Path) -> None:
    found = command("check", str(built / "plan.yaml"))
    assert found.returncode == 0
    assert "stages   consent → quality → dedup" in found.stdout


def test_check_warns_of_what_is_refused_or_not_understood_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text("id,body,at\n1,tea,2021-03-04\n2,tea,soon\n,tea,later\n")
    plan = tmp_path / "plan.yaml"
    source = f"{tmp_path}/p.csv, fields: {{id: id, text: body, created_at: at}}"
    text = f"sources:\n  - table: {{path: {source}}}\noutput: {{path: {tmp_path}/out}}\n"
    plan.write_text(text)
    found = command("check", str(plan))
    assert found.returncode == 0
    assert "source 1 (table): of the first 3 records, 1 refused: no_id" in found.stderr
    assert "of the first 2 posts, 1 without a readable 'created_at'" in found.stderr
    plan.write_text(text.replace("text: body", "text: boody"))
    wrong = command("check", str(plan))
    assert wrong.returncode == 2 and "did you mean 'body'?" in wrong.stderr


def test_the_lists_of_readers_and_stages() -> None:
    assert "reddit  " in command("readers").stdout
    listed = command("filters").stdout
    assert "language  Identify the language of posts" in listed
    assert "min_score: 0.5" in listed
    assert "dedup  " in listed


def test_a_folder_that_is_no_corpus_is_refused(tmp_path: Path) -> None:
    for name in ("report", "peek"):
        found = command(name, str(tmp_path))
        assert found.returncode == 2
        assert "holds no finished corpus" in found.stderr
    (tmp_path / "manifest.json").write_text(json.dumps({"format_version": 99}))
    assert "format version 99" in command("report", str(tmp_path)).stderr
    (tmp_path / "manifest.json").write_text("{")
    assert "cannot be read as a manifest" in command("report", str(tmp_path)).stderr
    assert "no folder" in command("report", str(tmp_path / "none")).stderr


def test_an_unknown_command_or_option_exits_with_2() -> None:
    assert command("biuld", "x").returncode == 2
    assert command("build", "x", "--no-such").returncode == 2
    assert command("--help").returncode == 0
    assert command("--version").stdout.split() == ["social-corpus", corpus.__version__]


def test_a_command_without_a_plan_uses_that_of_init(built: Path, tmp_path: Path) -> None:
    for name in ("check", "build"):
        found = command(name, cwd=tmp_path)
        assert found.returncode == 2
        assert "no 'corpus.yaml' in this folder" in found.stderr
    (tmp_path / "corpus.yaml").write_text((built / "plan.yaml").read_text())
    assert "corpus.yaml: no errors" in command("check", cwd=tmp_path).stdout
    assert "41 of 44 posts kept" in command("build", cwd=tmp_path).stdout


def test_a_misspelt_preset_is_corrected(tmp_path: Path) -> None:
    write_lines(tmp_path / "posts.jsonl", [post(1)])
    source = {"path": str(tmp_path / "posts.jsonl"), "fields": {"id": "id", "text": "text"}}
    document = {
        "sources": [{"table": source}],
        "stages": [{"quality": {"preset": ["gopher", "socal"]}}],
        "output": {"path": str(tmp_path / "out")},
    }
    (tmp_path / "plan.yaml").write_text(yaml.safe_dump(document))
    found = command("check", str(tmp_path / "plan.yaml"))
    assert "'preset': unknown preset 'socal'; did you mean 'social'?" in found.stderr
