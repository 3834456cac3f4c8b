"""A folder of dumps becomes a plan that check accepts, whatever is in the folder."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

import corpus
from corpus.plan import find_sources as module
from corpus.plan.find_sources import find_sources
from corpus.plan.model import Plan
from corpus.plan.propose_plan import HEAD, count_languages, propose_plan
from tests.conftest import post, sentence, write_lines
from tests.support.commands import command

REDDIT = {
    "name": "t1_c0abc", "id": "c0abc", "body": "lovely tea", "author": "ada", "subreddit": "tea",
    "created_utc": 1714521600, "parent_id": "t3_x", "link_id": "t3_x",
}  # fmt: skip


def write_reddit(path: Path, count: int = 3) -> None:
    rows = [REDDIT | {"id": f"c{n}", "name": f"t1_c{n}", "body": sentence(n)} for n in range(count)]
    write_lines(path, rows)


def write_export(folder: Path) -> None:
    """An unpacked archive of an account on X."""
    (folder / "data").mkdir(parents=True)
    account = [{"account": {"accountId": "12", "username": "ada"}}]
    created = "Wed May 01 12:00:00 +0000 2024"
    tweets = [
        {"tweet": {"id_str": f"{n}", "full_text": sentence(n), "created_at": created}}
        for n in range(3)
    ]
    for name, rows in (("account", account), ("tweets", tweets)):
        text = f"window.YTD.{name}.part0 = {json.dumps(rows)}"
        (folder / "data" / f"{name}.js").write_text(text)
    (folder / "Your archive.html").write_text("<html></html>")


def list_paths(folder: Path) -> list[tuple[str, str]]:
    """The readers and paths, below the folder, that are found in it."""
    found = find_sources(str(folder)).sources
    return [(each.reader, os.path.relpath(each.settings["path"], folder)) for each in found]


def test_files_of_one_reader_are_one_source_by_the_shortest_pattern(tmp_path: Path) -> None:
    write_reddit(tmp_path / "reddit" / "2024" / "RC_2024-01.jsonl")
    write_reddit(tmp_path / "reddit" / "2025" / "RC_2025-01.jsonl")
    assert list_paths(tmp_path / "reddit") == [("reddit", "**/*.jsonl")]
    write_lines(tmp_path / "reddit" / "2024" / "forum.jsonl", [post(1), post(2)])
    assert list_paths(tmp_path / "reddit") == [
        ("reddit", "**/RC_*.jsonl"),
        ("table", "2024/forum.jsonl"),
    ]


def test_archives_of_accounts_are_found_beside_other_dumps(tmp_path: Path) -> None:
    write_export(tmp_path / "twitter-ada")
    assert list_paths(tmp_path / "twitter-ada") == [("x_archive", ".")]
    (tmp_path / "forum.csv").write_text("id,body,user\n1,tea with milk,ada\n2,more tea,bob\n")
    assert list_paths(tmp_path) == [("table", "forum.csv"), ("x_archive", "twitter-ada")]
    write_export(tmp_path / "twitter-bob")
    assert list_paths(tmp_path)[1] == ("x_archive", "twitter-*")


def test_unknown_files_corpora_and_descriptions_are_told_apart(tmp_path: Path) -> None:
    write_reddit(tmp_path / "dumps" / "RC_2024-01.jsonl")
    (tmp_path / "dumps" / "notes.bin").write_bytes(bytes(range(256)))
    (tmp_path / "dumps" / "settings.json").write_text('{"colour": "red"}')
    (tmp_path / "dumps" / "README.md").write_text("# about\n")
    (tmp_path / "dumps" / "out" / "work").mkdir(parents=True)
    (tmp_path / "dumps" / "out" / "work" / "begun.json").write_text("{}")
    write_reddit(tmp_path / "dumps" / "out" / "RC_2024-02.jsonl")
    survey = find_sources(str(tmp_path / "dumps"))
    assert [len(source.files) for source in survey.sources] == [1]
    assert [os.path.basename(name) for name in survey.unknown] == ["notes.bin", "settings.json"]
    assert [os.path.basename(name) for name in survey.beside] == ["README.md"]
    assert [os.path.basename(name) for name in survey.corpora] == ["out"]


def test_many_files_of_like_names_are_sampled_and_each_is_looked_into_if_they_differ(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_at: list[str] = []
    detect = module._detect
    monkeypatch.setattr(module, "_detect", lambda path: looked_at.append(path) or detect(path))
    for number in range(50):
        write_reddit(tmp_path / f"RC_{number}.jsonl", 1)
    assert list_paths(tmp_path) == [("reddit", "*.jsonl")]
    assert len(looked_at) == 6
    first = min(path.name for path in tmp_path.iterdir())
    write_lines(tmp_path / first, [post(1), post(2)])
    assert sorted(reader for reader, _ in list_paths(tmp_path))[-1] == "table"


def test_tables_get_platforms_of_their_own(tmp_path: Path) -> None:
    text = "id,body,user\n1,tea with milk,ada\n2,more tea,bob\n"
    for name in ("a/posts.csv", "b/posts.csv", "b/reddit.csv"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text.replace("body", "text") if "reddit" in name else text)
    platforms = [each.settings["platform"] for each in find_sources(str(tmp_path)).sources]
    assert len(set(platforms)) == len(platforms) and "reddit" not in platforms


def test_a_source_that_lacks_a_setting_is_commented_out_beside_others(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "Posts.xml").write_text(
        '<posts><row Id="1" PostTypeId="1" Body="tea"/></posts>'
    )
    alone = find_sources(str(tmp_path / "d"))
    text = propose_plan(alone, count_languages(alone.sources), "out/d")
    assert "does not contain a site" in text and "\n  - stackexchange:\n" in text
    write_reddit(tmp_path / "d" / "RC_2024-01.jsonl")
    survey = find_sources(str(tmp_path / "d"))
    (tmp_path / "p.yaml").write_text(propose_plan(survey, count_languages(survey.sources), "o"))
    assert [source.reader for source in Plan.load_checked(tmp_path / "p.yaml").sources] == [
        "reddit"
    ]


def test_the_plan_keeps_the_languages_of_the_dumps(tmp_path: Path) -> None:
    german = "Heute Nachmittag gehe ich mit meiner Schwester in den Garten und trinke Tee, Nummer"
    rows = [{"id": n, "text": f"{german} {n}.", "user": "ada"} for n in range(20)]
    write_lines(tmp_path / "d" / "posts.jsonl", rows)
    survey = find_sources(str(tmp_path / "d"))
    languages = count_languages(survey.sources)
    assert languages.posts == 20 and languages.common == ["de"]
    assert "- language: {keep: [de]}" in propose_plan(survey, languages, "o")


def test_a_plan_that_init_writes_passes_check_and_builds(tmp_path: Path) -> None:
    write_reddit(tmp_path / "my dumps" / "RC_2024-01.jsonl", 30)
    write_lines(tmp_path / "my dumps" / "forum [new].jsonl", [post(n) for n in range(40, 60)])
    done = command("init", "my dumps", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "'my dumps/RC_2024-01.jsonl'" not in done.stderr
    plan = tmp_path / "corpus.yaml"
    assert plan.read_text().startswith(HEAD)
    checked = command("check", "corpus.yaml", cwd=tmp_path)
    assert checked.returncode == 0, checked.stderr
    before = os.getcwd()
    os.chdir(tmp_path)
    try:
        manifest = corpus.build("corpus.yaml", runner="serial")
    finally:
        os.chdir(before)
    assert manifest["totals"]["read"] == 50 and manifest["totals"]["kept"] > 20


def test_init_replaces_only_a_plan_of_its_own_and_only_if_asked(tmp_path: Path) -> None:
    write_reddit(tmp_path / "d" / "RC_2024-01.jsonl")
    plan = tmp_path / "corpus.yaml"
    plan.write_text("mine\n")
    for arguments, expected in (
        (["d"], "'corpus.yaml' exists; give another file with --out"),
        (["d", "--force"], "was not written by 'corpus init'"),
        (["nowhere"], "'nowhere' does not exist"),
    ):
        found = command("init", *arguments, cwd=tmp_path)
        assert (found.returncode, expected in found.stderr) == (2, True), found.stderr
    assert plan.read_text() == "mine\n"
    plan.write_text(HEAD + "\nold\n")
    assert command("init", "d", "--force", cwd=tmp_path).returncode == 0
    assert "\nold\n" not in plan.read_text()
    (tmp_path / "empty").mkdir()
    none = command("init", "empty", "--out", "other.yaml", cwd=tmp_path)
    assert none.returncode == 2 and "no dump found in 'empty'" in none.stderr
    assert not (tmp_path / "other.yaml").exists()
