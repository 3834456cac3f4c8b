"""Which posts the report shows: redacted, never what was withdrawn, and gone after a takedown."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import corpus
from corpus.maintenance.audit import audit
from corpus.maintenance.takedown import take_down
from corpus.output import samples
from corpus.privacy import keys
from corpus.privacy.pseudonyms import Pseudonymizer
from filters.pii.presidio import EntityFinder
from tests.conftest import contents, post, sentence, write_lines
from tests.support.corpora import build_once

Build = Callable[..., Path]
SECRET = "please mail ann@example.org or call +1 212 555 0187 about the"


@pytest.fixture
def build(tmp_path: Path) -> Build:
    """Build posts of which some are withdrawn, junk, copies, and hold contact data."""

    def make(stages: list[Any] | None = None, name: str = "out", **output: Any) -> Path:
        rows = [post(n) for n in range(120)]
        rows += [post(200 + n, text=f"{SECRET} {sentence(n)}", user=f"ann{n}") for n in range(9)]
        rows += [post(300 + n, text=f"http://a.example/{n} http://b.example @joe_{n}")
                 for n in range(9)]  # fmt: skip
        rows += [post(400 + n, text=sentence(n).upper(), user=f"other{n}") for n in range(9)]
        rows += [post(500 + n, text="[deleted]") for n in range(9)]
        if not (tmp_path / "posts.jsonl").exists():
            write_lines(tmp_path / "posts.jsonl", rows)
        fields = {"id": "id", "text": "text", "author": "user"}
        more = output.pop("run", {"part_posts": 40})
        plan = {
            "sources": [{"table": {"path": str(tmp_path / "posts.jsonl"), "fields": fields}}],
            "stages": stages if stages is not None
            else [{"quality": {}}, {"dedup": {}}, {"pii": {}}],
            "output": {"path": str(tmp_path / name), "ids": "original", **output},
            "run": {"runner": "serial", **more},
        }  # fmt: skip
        build_once(tmp_path, plan)
        return tmp_path / name

    return make


def told(out: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((out / "statistics.json").read_text())["samples"]
    return found


def named(out: Path) -> set[str]:
    return {name for sample in told(out) for name in sample["ids"]}


def test_each_reason_has_its_samples_and_kept_posts_have_more(build: Build) -> None:
    found = told(build(report_samples=3))
    groups: dict[tuple[str, Any], int] = {}
    for sample in found:
        where = (sample["of"], sample["reason"])
        groups[where] = groups.get(where, 0) + 1
    assert groups[("dropped", "mostly_links")] == 3
    assert groups[("dropped", "exact_duplicate")] == 3
    assert groups[("kept", None)] == 12
    assert sum(sample["large"] for sample in found) == 9
    links = [sample for sample in found if sample["reason"] == "mostly_links"]
    assert all(sample["scores"]["quality_link_share"] > 0.5 for sample in links)


def test_what_consent_dropped_is_never_shown(build: Build) -> None:
    out = build(report_samples=20)
    assert {sample["stage"] for sample in told(out)} == {None, "quality", "dedup"}
    assert "[deleted]" not in (out / "report.html").read_text()


def test_a_post_is_not_shown_if_another_version_of_it_was_withdrawn(tmp_path: Path) -> None:
    tweet = {"created_at": "Wed May 01 10:00:00 +0000 2024", "user": {"id_str": "7"}}
    rows: list[Any] = [
        tweet | {"id_str": str(n), "text": f"http://a.example/{n} http://b.example/{n}"}
        for n in range(30)
    ]
    rows += [tweet | {"id_str": "90", "text": sentence(90)}]
    rows += [
        {"delete": {"status": {"id_str": str(n), "user_id_str": "7"}}} for n in range(0, 30, 2)
    ]
    write_lines(tmp_path / "stream.json", rows)
    corpus.build(
        {
            "sources": [{"x_stream": {"path": str(tmp_path / "stream.json")}}],
            "stages": [{"quality": {}}],
            "output": {"path": str(tmp_path / "out"), "ids": "original", "report_samples": 20},
            "run": {"runner": "serial", "part_posts": 8},
        }
    )
    shown = {int(name.split(":")[1]) for name in named(tmp_path / "out")}
    assert shown == {*range(1, 30, 2), 90}


def test_the_other_version_of_a_withdrawn_post_stays_unseen(tmp_path: Path) -> None:
    rows = [post(1, text="[removed]"), post(1, text="http://a.example http://b.example"),
            post(2, text="http://c.example http://d.example"), post(3)]  # fmt: skip
    write_lines(tmp_path / "posts.jsonl", rows)
    fields = {"id": "id", "text": "text", "author": "user"}
    corpus.build(
        {
            "sources": [{"table": {"path": str(tmp_path / "posts.jsonl"), "fields": fields}}],
            "stages": [{"quality": {}}],
            "output": {"path": str(tmp_path / "out"), "ids": "original"},
            "run": {"runner": "serial"},
        }
    )
    assert named(tmp_path / "out") == {"table:2", "table:3"}


@pytest.mark.parametrize(
    "stages",
    [[{"quality": {}}, {"dedup": {}}, {"pii": {}}], [{"quality": {}}], [],
     [{"quality": {}}, {"pii": {"style": "surrogate", "handles": "pseudonym"}}]],
)  # fmt: skip
def test_every_text_shown_is_redacted_also_without_a_pii_stage(
    build: Build, stages: list[Any]
) -> None:
    out = build(stages, report_samples=20)
    texts = [sample["text"] for sample in told(out)]
    assert any("please mail" in text for text in texts)
    for path in [*out.glob("*.html"), *out.glob("*.json"), *out.glob("*.md")]:
        whole = path.read_text()
        assert "ann@example.org" not in whole and "555 0187" not in whole, path.name
        assert not re.search(r"@joe_\d", whole), path.name


def test_people_and_ids_in_the_samples_are_keyed(build: Build, tmp_path: Path) -> None:
    out = build(ids="keyed")
    key = keys.load_key(tmp_path / "corpus.key")
    shard = set(corpus.load(out).scan().select("id").collect()["id"])
    assert {sample["id"] for sample in told(out) if sample["of"] == "kept"} <= shard
    assert Pseudonymizer(key, "keyed").pseudonymize_id("table:303") in named(
        build(ids="keyed", name="two", report_samples=20)
    )
    for sample in told(out):
        assert all(re.fullmatch("[0-9a-f]{32}", who) for who in sample["people"])
        assert all(keys.KEYED_ID.search(name) for name in sample["ids"])


def test_the_plan_can_ask_for_none(build: Build) -> None:
    out = build(report_samples=0)
    assert told(out) == []
    page = (out / "report.html").read_text()
    assert "<blockquote" not in page
    assert "No posts are shown." in page
    assert "Yesterday" not in page


def test_parts_change_no_choice(build: Build) -> None:
    # tests/pipeline/test_build.py shows it of samples by processes.
    one = contents(build(name="one", run={"part_posts": 17}))
    assert one == contents(build(name="two", run={"part_posts": 500}))


def test_another_cut_into_shards_is_looked_at_anew(build: Build) -> None:
    out = build(shard_mb=0.0005, keep_work=True)
    assert len(list((out / "shards").iterdir())) > 20
    (out / "manifest.json").unlink()  # stopped before the last task of the samples
    next(out.glob("work/samples/*/samples.json")).unlink()
    build(keep_work=True)
    assert len(list((out / "shards").iterdir())) == 1
    assert told(out) == told(build(name="clean"))


def test_samples_are_small_however_long_the_posts(tmp_path: Path) -> None:
    write_lines(tmp_path / "p.jsonl", [post(n, text="<&>汉 " * 5000 + str(n)) for n in range(30)])
    fields = {"id": "id", "text": "text", "author": "user"}
    corpus.build(
        {
            "sources": [{"table": {"path": str(tmp_path / "p.jsonl"), "fields": fields}}],
            "stages": [],
            "output": {"path": str(tmp_path / "out"), "report_samples": 20},
            "run": {"runner": "serial"},
        }
    )
    found = told(tmp_path / "out")
    assert len(found) == 30
    assert all(
        len(sample["text"]) <= samples.MAX_TEXT_CHARACTERS and sample["cut"] for sample in found
    )
    assert (tmp_path / "out" / "report.html").stat().st_size < 200_000


def test_a_long_post_is_cut_before_it_is_redacted_and_no_half_detail_is_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lengths = []
    find = EntityFinder.find_and_list_gated

    def watch(self: EntityFinder, texts: pl.Series, **options: Any) -> Any:
        lengths.extend(texts.str.len_chars())
        return find(self, texts, **options)

    monkeypatch.setattr(EntityFinder, "find_and_list_gated", watch)
    rows = [post(n, text=f"log {'abc'[n]}: " + "91.198.174.192 " * 3000) for n in range(3)]
    write_lines(tmp_path / "p.jsonl", rows)
    fields = {"id": "id", "text": "text", "author": "user"}
    plan = {
        "sources": [{"table": {"path": str(tmp_path / "p.jsonl"), "fields": fields}}],
        "stages": [],
        "output": {"path": str(tmp_path / "out"), "report_samples": 3},
        "run": {"runner": "serial"},
    }
    corpus.build(plan)
    texts = [sample["text"] for sample in told(tmp_path / "out")]
    assert len(texts) == 3 and all(
        re.fullmatch(r"log .:(?: <IP_ADDRESS>)+", text) for text in texts
    )
    assert max(lengths) <= 4 * samples.MAX_TEXT_CHARACTERS
    assert all(sample["cut"] for sample in told(tmp_path / "out"))


def test_a_takedown_takes_the_samples_along(build: Build) -> None:
    out = build(report_samples=20)
    kept = next(sample for sample in told(out) if sample["of"] == "kept")
    gone = next(sample for sample in told(out) if sample["reason"] == "mostly_links")
    texts = [kept["text"], gone["text"]]
    assert all(text in (out / "statistics.json").read_text() for text in texts)
    take_down(out, [kept["id"], gone["id"]])
    assert not named(out) & {kept["id"], gone["id"]}
    assert gone["id"] not in (out / "statistics.json").read_text()
    assert gone["text"] not in (out / "report.html").read_text()
    assert audit(out)["passed"]


def test_a_copy_of_what_is_taken_down_is_not_shown_as_dropped(build: Build) -> None:
    out = build([{"quality": {}}, {"dedup": {"reserve": False}}, {"pii": {}}], report_samples=20)
    copies = {sample["id"]: sample["ids"] for sample in told(out)
              if sample["reason"] == "exact_duplicate"}  # fmt: skip
    assert copies["table:403"] == ["table:3", "table:403"]
    take_down(out, ["table:3"])
    assert "table:403" not in named(out)


def test_who_moves_up_is_no_sample_of_what_was_dropped(build: Build) -> None:
    out = build(report_samples=20)
    assert take_down(out, ["table:3"])["elected"] == 1
    gone = [sample["id"] for sample in told(out) if sample["of"] == "dropped"]
    assert "table:403" not in gone and "table:404" in gone


def test_somebody_of_whom_only_the_report_knows_is_taken_out_of_it(build: Build) -> None:
    out = build([{"quality": {}}, {"dedup": {"reserve": False}}, {"pii": {}}], report_samples=20)
    row = next(sample for sample in told(out) if sample["reason"] == "exact_duplicate")
    who = row["people"][0]
    kept = corpus.load(out).scan().filter(pl.col("author") == who).collect()
    assert kept.height == 0, "all this person wrote was dropped"
    found = take_down(out, authors=[who])
    assert (found["removed"], found["unknown"]) == (0, [])
    assert who not in (out / "statistics.json").read_text()


def test_the_audit_reads_what_the_report_shows(build: Build) -> None:
    out = build()
    assert audit(out)["passed"]
    page = (out / "report.html").read_text()
    leaky = page.replace('dir="auto">', 'dir="auto">write to bob@example.org now ', 1)
    (out / "report.html").write_text(leaky)
    failed = {check["name"]: check for check in audit(out)["checks"] if not check["passed"]}
    assert failed["the documentation shows nothing private"]["where"] == ("report.html",)
    assert len(failed) == 2  # the other is that of the independent detector
    assert all("report.html" in str(check["where"]) for check in failed.values())
    assert "bob" not in json.dumps(failed)


def test_no_canary_is_shown_and_the_audit_would_notice(build: Build) -> None:
    out = build(canaries=50, report_samples=20)
    assert audit(out)["passed"]
    assert not [sample for sample in told(out) if sample["platform"] == "canary"]
    from corpus.privacy import canaries

    made = canaries.make_canaries(
        50, canaries.derive_seed(keys.load_key(out.parent / "corpus.key"))
    )
    secret = next(canary for canary in made if not canary.must_be_removed).secrets[0]
    (out / "README.md").write_text((out / "README.md").read_text() + secret)
    failed = [check for check in audit(out)["checks"] if not check["passed"]]
    assert [check["where"] for check in failed] == [("README.md",)]


def test_a_document_leaves_the_report_with_any_of_its_turns(tmp_path: Path) -> None:
    rows = [post(1, text="why does the kettle sing so loudly?", user="ann"),
            post(2, text="because the water in it boils", user="bob", to="1"),
            post(3, text="a post alone by itself here", user="cat")]  # fmt: skip
    write_lines(tmp_path / "posts.jsonl", rows)
    fields = {"id": "id", "text": "text", "author": "user", "parent_id": "to"}
    corpus.build(
        {
            "sources": [{"table": {"path": str(tmp_path / "posts.jsonl"), "fields": fields}}],
            "stages": [{"conversations": {"mode": "tree"}}, {"pii": {}}],
            "output": {"path": str(tmp_path / "out"), "ids": "original"},
            "run": {"runner": "serial"},
        }
    )
    out = tmp_path / "out"
    assert {"table:1", "table:2", "table:3"} <= named(out)
    take_down(out, ["table:2"])
    assert "table:1" not in named(out) and "table:3" in named(out)
    assert "water" not in (out / "report.html").read_text()


def test_longer_samples_use_what_short_ones_do_not() -> None:
    most = samples.MAX_TEXT_CHARACTERS
    assert samples._fit_length([]) == samples._fit_length([10] * 50) == most
    count = 2 * samples.MAX_SAMPLE_CHARACTERS // most
    assert samples._fit_length([most] * count) == samples.MAX_SAMPLE_CHARACTERS // count
    cut = samples._fit_length([10] * count + [most] * count)
    assert cut == (samples.MAX_SAMPLE_CHARACTERS - 10 * count) // count
