"""Nothing beside the text names a person: columns, files of the output, the folder of the dump."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml

import corpus
from corpus.errors import PlanError
from tests.conftest import contents, post, sentence, write_lines
from tests.formats.test_car import repo
from tests.support.archives import zipped
from tests.support.commands import command

PLANTED = (b"rosa", b"finch", b"marlow")
FIELDS = {
    "id": "id",
    "text": "text",
    "author": "user",
    "community": "place",
    "license": "terms",
    "lang_hint": "tongue",
}


def write_table(home: Path) -> dict[str, Any]:
    rows: list[Any] = [
        post(0, place="rosa.finch@example.org", user="rosafinch88"),
        post(1, place="u_rosafinch88"),
        post(2, place="@rosafinch88@tea.example", terms="ask rosa.finch@example.org"),
        post(3, place="https://www.facebook.com/rosa.finch", tongue="rosa.finch@example.org"),
        post(4, place="Marlow", user="marlow"),
        post(5, place="tea lovers", terms="CC BY-SA 4.0", tongue="en-GB"),
        {"id": "6"},
    ]
    write_lines(home / "rosa.finch" / "facebook-rosafinch88.jsonl", rows)
    return {"table": {"path": str(home), "platform": "forum", "fields": FIELDS}}


def write_archive(home: Path) -> dict[str, Any]:
    account = [{"account": {"accountId": "12", "username": "rosafinch88"}}]
    tweets = [
        {"tweet": {"id_str": f"{n}", "full_text": sentence(n), "created_at": CREATED}}
        for n in range(100, 104)
    ]
    files = {
        name: f"window.YTD.{part}.part0 = {json.dumps(rows)}".encode()
        for name, part, rows in (
            ("data/account.js", "account", account),
            ("data/tweets.js", "tweets", [*tweets, {"tweet": {"id_str": "1"}}]),
        )
    }
    home.mkdir(parents=True)
    (home / "twitter-rosafinch88.zip").write_bytes(zipped(files))
    return {"x_archive": {"path": str(home / "*.zip")}}


def write_repository(home: Path) -> dict[str, Any]:
    home.mkdir(parents=True)
    posts = {
        f"app.bsky.feed.post/3k{n}": {"$type": "app.bsky.feed.post", "text": sentence(n)}
        for n in range(3)
    }
    (home / "rosafinch88.example.car").write_bytes(repo(posts))
    return {"bluesky": {"path": str(home / "rosafinch88.example.car")}}


CREATED = "Mon Apr 19 17:52:00 +0000 2010"
WRITERS = {"table": write_table, "x_archive": write_archive, "bluesky": write_repository}


def make_plan(folder: Path, sources: list[Any], **output: Any) -> dict[str, Any]:
    return {
        "sources": sources,
        "stages": [{"quality": {"min_words": 8}}, {"dedup": {}}, {"pii": {}}],
        "output": {"path": str(folder / "out"), "key": str(folder / "corpus.key"), **output},
        "run": {"runner": "serial"},
    }


def assert_holds_none_planted(out: Path) -> None:
    for name, data in contents(out, timings=True).items():
        if name.endswith(".parquet"):
            frame = pl.read_parquet(out / name, glob=False)
            data = frame.drop("text", strict=False).write_ndjson().encode()
        found = [word for word in PLANTED if word in data.lower() + name.lower().encode()]
        assert not found, (name, found)


@pytest.mark.parametrize("reader", WRITERS)
def test_no_file_of_the_output_names_the_person_of_the_dump(reader: str, tmp_path: Path) -> None:
    source = WRITERS[reader](tmp_path / "home" / "rosa.finch" / "dumps")
    manifest = corpus.build(make_plan(tmp_path, [source]))
    assert manifest["totals"]["kept"] >= 3
    assert_holds_none_planted(tmp_path / "out")
    (entry,) = manifest["sources"]
    frame = corpus.load(tmp_path / "out").scan().collect()
    assert frame["source_file"].str.starts_with(entry["path"]).all()
    assert len(entry["sha256"]) == 64 and entry["bytes"] > 0


def test_columns_beside_the_text_are_redacted_by_value(tmp_path: Path) -> None:
    source = write_table(tmp_path / "dumps")
    corpus.build(make_plan(tmp_path, [source], ids="original"))
    frame = corpus.load(tmp_path / "out").scan().collect().sort("id")
    communities = frame["community"].to_list()
    assert communities[0] == "<EMAIL_ADDRESS>"
    assert all(each.startswith("u_") and len(each) == 34 for each in communities[1:5])
    assert communities[1] == f"u_{frame['author'][0]}"  # the page is joined with its owner
    assert communities[4] == f"u_{frame['author'][4]}"
    assert communities[5] == "tea lovers"
    assert frame["license"].to_list()[2] == "ask <EMAIL_ADDRESS>"
    assert frame["license"].to_list()[5] == "CC BY-SA 4.0"
    assert frame["lang_hint"].to_list()[3] == "<EMAIL_ADDRESS>"
    assert frame["lang_hint"].to_list()[5] == "en-GB"


def test_without_pii_pages_of_people_are_keyed_and_words_stay(tmp_path: Path) -> None:
    source = write_table(tmp_path / "dumps")
    corpus.build({**make_plan(tmp_path, [source], ids="original"), "stages": []})
    communities = corpus.load(tmp_path / "out").scan().collect().sort("id")["community"].to_list()
    assert communities[0] == "rosa.finch@example.org"
    assert communities[1].startswith("u_") and len(communities[1]) == 34


def test_a_lemmy_community_is_no_mail_address(tmp_path: Path) -> None:
    rows = [post(0, place="tea@forum.example"), post(1, place="rosa@gmail.com")]
    write_lines(tmp_path / "posts.jsonl", rows)
    table = {"path": str(tmp_path / "posts.jsonl"), "platform": "lemmy", "fields": FIELDS}
    corpus.build(make_plan(tmp_path, [{"table": table}], ids="original"))
    frame = corpus.load(tmp_path / "out").scan().collect().sort("id")
    assert frame["community"].to_list() == ["tea@forum.example", "<EMAIL_ADDRESS>"]


# --------------------------------------------------------------------------- the dump's folder


def test_the_same_dumps_in_another_folder_give_the_same_bytes(tmp_path: Path) -> None:
    made = []
    for folder in (tmp_path / "one", tmp_path / "two" / "deeper"):
        sources = [write(folder / reader) for reader, write in WRITERS.items()]
        write_lines(folder / "good" / "posts.jsonl", [post(n) for n in range(200, 230)])
        write_lines(folder / "more" / "posts.jsonl", [{"text": sentence(300)}, b"{cut"])
        fields = {"id": "id", "text": "text", "author": "user"}
        sources += [
            {"table": {"path": str(folder / "good" / "posts.jsonl"), "fields": fields}},
            {"table": {"path": str(folder / "more" / "*.jsonl"), "fields": {"text": "text"}}},
        ]
        (folder / "lists").mkdir()
        (folder / "lists" / "public.txt").write_text("teahouse\n")
        document = make_plan(tmp_path, sources, path=str(folder / "out"), canaries=10)
        document["stages"] = [
            {"quality": {}},
            {"dedup": {"prefer_sources": [f"{folder}/good/*"]}},
            {"pii": {"public_file": str(folder / "lists" / "public.txt")}},
        ]
        document["output"] |= {"shuffle": True, "validation": 0.2}
        corpus.build(document)
        made.append(contents(folder / "out"))
    assert made[0].keys() == made[1].keys()
    assert [name for name in made[0] if made[0][name] != made[1][name]] == []


def test_equal_names_of_two_sources_stay_apart(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        write_lines(tmp_path / folder / "posts.jsonl", [{"text": sentence(ord(folder))}])
    sources = [
        {"table": {"path": str(tmp_path / folder / "posts.jsonl"), "fields": {"text": "text"}}}
        for folder in ("a", "b")
    ]
    manifest = corpus.build(make_plan(tmp_path, sources, ids="original"))
    assert [entry["path"] for entry in manifest["sources"]] == ["posts.jsonl", "2/posts.jsonl"]
    rows = corpus.load(tmp_path / "out").scan().select("id", "source_file").collect().rows()
    assert rows == [
        ("table:posts.jsonl:1", "posts.jsonl"),
        ("table:2/posts.jsonl:1", "2/posts.jsonl"),
    ]


def test_a_preferred_source_is_found_by_its_path(tmp_path: Path) -> None:
    for folder in ("first", "rosa"):
        write_lines(tmp_path / folder / "posts.jsonl", [post(1, id=folder)])
    fields = {"id": "id", "text": "text"}
    sources = [
        {"table": {"path": str(tmp_path / folder / "posts.jsonl"), "fields": fields}}
        for folder in ("first", "rosa")
    ]
    document = make_plan(tmp_path, sources, ids="original")
    document["stages"] = [{"dedup": {"prefer_sources": [f"{tmp_path}/rosa/*"]}}]
    corpus.build(document)
    assert corpus.load(tmp_path / "out").scan().collect()["id"].to_list() == ["table:rosa"]
    assert_holds_none_planted_in_plan(tmp_path / "out")


def assert_holds_none_planted_in_plan(out: Path) -> None:
    assert not any(word in (out / "plan.yaml").read_bytes() for word in PLANTED)


def test_a_build_is_complete_wherever_its_dump_is_moved(tmp_path: Path) -> None:
    sources = [WRITERS["x_archive"](tmp_path / "a" / "x")]
    write_lines(tmp_path / "a" / "posts.jsonl", [post(n) for n in range(5)])
    fields = {"id": "id", "text": "text"}
    sources += [{"table": {"path": str(tmp_path / "a" / "posts.jsonl"), "fields": fields}}]
    first = corpus.build(make_plan(tmp_path, sources))
    (tmp_path / "a").rename(tmp_path / "b")
    moved = json.loads(json.dumps(sources).replace(f"{tmp_path}/a", f"{tmp_path}/b"))
    assert corpus.build(make_plan(tmp_path, moved)) == first


def test_parts_that_were_read_are_used_again_after_the_dump_was_moved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_lines(tmp_path / "a" / "posts.jsonl", [post(n) for n in range(5)])
    fields = {"id": "id", "text": "text"}
    sources = [{"table": {"path": str(tmp_path / "a"), "fields": fields}}]
    corpus.build(make_plan(tmp_path, sources, keep_work=True))
    (tmp_path / "a").rename(tmp_path / "b")
    monkeypatch.setattr(
        "corpus.pipeline.read_files.save_part", lambda *given: pytest.fail("read again")
    )
    sources = [{"table": {"path": str(tmp_path / "b"), "fields": fields}}]
    document = make_plan(tmp_path, sources, keep_work=True)
    document["stages"][0] = {"quality": {"min_words": 100}}
    assert corpus.build(document)["totals"]["kept"] == 0


def test_a_private_plan_is_no_dump(tmp_path: Path) -> None:
    document = make_plan(tmp_path, [write_table(tmp_path / "dumps")])
    corpus.build(document)
    table = {"path": str(tmp_path / "*.plans" / "*.json"), "fields": {"text": "text"}}
    again = make_plan(tmp_path, [{"table": table}])
    with pytest.raises(PlanError, match="belongs to the output"):
        corpus.build(again)


def test_another_dump_of_the_same_name_and_size_is_another_build(tmp_path: Path) -> None:
    fields = {"id": "id", "text": "text"}
    for folder, number in (("a", 1), ("b", 2)):
        write_lines(tmp_path / folder / "posts.jsonl", [post(number)])
    plans = [
        make_plan(
            tmp_path,
            [{"table": {"path": str(tmp_path / folder / "posts.jsonl"), "fields": fields}}],
        )
        for folder in ("a", "b")
    ]
    corpus.build(plans[0])
    with pytest.raises(PlanError, match="from other sources"):
        corpus.build(plans[1])


def test_source_columns_can_be_left_out_of_the_shards(tmp_path: Path) -> None:
    source = write_table(tmp_path / "dumps")
    manifest = corpus.build(make_plan(tmp_path, [source], source_columns=False))
    loaded = corpus.load(tmp_path / "out")
    assert not {"source_file", "source_row"} & set(loaded.scan().collect_schema())
    assert {"source_file", "source_row"} <= set(loaded.dropped().collect_schema())
    assert (
        corpus.Plan.parse(make_plan(tmp_path, [source])).fingerprint()
        != (manifest["plan_fingerprint"])
    )
    found = command("tune", str(tmp_path / "out"), "quality.min_words=3")
    assert found.returncode == 0, found.stderr


# --------------------------------------------------------------------------- the plan


def test_the_plan_in_the_output_is_public_and_the_private_one_is_beside_the_key(
    tmp_path: Path,
) -> None:
    (tmp_path / "rosa.txt").write_text("teahouse\n")
    source = write_table(tmp_path / "home" / "rosa.finch")
    document = make_plan(tmp_path, [source], contact="tea@corpus.example")
    document["stages"][-1] = {
        "pii": {"public": ["marlow"], "public_file": str(tmp_path / "rosa.txt")}
    }
    corpus.build(document)
    text = (tmp_path / "out" / "plan.yaml").read_text()
    assert text.startswith("# The plan as resolved: every default filled in.")
    assert "public form" in text.split("sources:")[0]
    assert str(tmp_path) not in text and "marlow" not in text and "corpus.key:" not in text
    public = yaml.safe_load(text)
    assert public["sources"][0]["table"]["path"] == "."
    assert public["output"]["contact"] == "tea@corpus.example"
    assert public["reduced"] == ["sources[0].path", "pii.public", "pii.public_file"]
    folder = tmp_path / "corpus.key.plans"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    for path in folder.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    (private,) = folder.glob("out-*.yaml")
    kept = yaml.safe_load(private.read_text())
    assert kept["sources"][0]["table"]["path"] == str(tmp_path / "home" / "rosa.finch")
    assert kept["stages"][-1]["pii"]["public"] == ["marlow"]
    assert kept["output"]["key"] == str(tmp_path / "corpus.key")


def test_a_corpus_is_built_again_from_its_private_plan(tmp_path: Path) -> None:
    source = write_table(tmp_path / "dumps")
    first = corpus.build(make_plan(tmp_path, [source]))
    assert corpus.build(tmp_path / "out" / "plan.yaml") == first
    (private,) = (tmp_path / "corpus.key.plans").glob("*.yaml")
    again = tmp_path / "again"
    corpus.build(private, out=str(again), runner="serial")
    assert contents(again) == contents(tmp_path / "out")


def test_a_public_plan_alone_is_refused_in_words(tmp_path: Path) -> None:
    corpus.build(make_plan(tmp_path, [write_table(tmp_path / "dumps")]))
    alone = tmp_path / "plan.yaml"
    alone.write_bytes((tmp_path / "out" / "plan.yaml").read_bytes())
    with pytest.raises(PlanError, match=r"public form of a plan.*'\.plans'"):
        corpus.build(alone)


def test_an_audit_that_needs_the_private_plan_says_so(tmp_path: Path) -> None:
    document = make_plan(tmp_path, [write_table(tmp_path / "dumps")])
    document["stages"][-1] = {"pii": {"public": ["teahouse"]}}
    corpus.build(document)
    assert command("audit", str(tmp_path / "out")).returncode == 0
    (tmp_path / "corpus.key.plans").rename(tmp_path / "elsewhere")
    found = command("audit", str(tmp_path / "out"))
    assert found.returncode == 2
    assert "'pii.public' of" in found.stderr and "'.plans'" in found.stderr


def test_a_build_goes_on_where_the_private_plan_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "corpus.key.plans").write_text("the user's")
    write_table(tmp_path / "dumps")
    document = make_plan(tmp_path, [{"table": write_table(tmp_path / "dumps")["table"]}])
    (tmp_path / "p.json").write_text(json.dumps(document))
    found = command("build", str(tmp_path / "p.json"))
    assert found.returncode == 0
    assert "not kept beside the key" in found.stderr
    assert (tmp_path / "corpus.key.plans").read_text() == "the user's"
