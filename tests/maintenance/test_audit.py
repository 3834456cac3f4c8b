"""The release gate: what an audit finds in a corpus that is not as it should be."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import corpus
from corpus.maintenance.audit import audit, format_audit
from corpus.manifest import find_imbalances
from corpus.privacy import canaries, keys, suppression
from corpus.tasks.files import file_sha256
from tests.conftest import contents, post, write_lines
from tests.support.commands import command
from tests.support.corpora import build_once

SAME_EYES = "no contact data or handles in the texts"
OTHER_EYES = "no contact data, by a second detector"
COLUMNS = "no contact data in the other columns"
FILES = "no contact data in the other files"


def build(folder: Path, pii: dict[str, Any] | None, **output: Any) -> Path:
    """100 posts, one of which holds an address and a handle."""
    rows = [post(n, user=f"user{n % 40}") for n in range(100)]
    rows.append(post(501, text="thanks"))  # dropped by quality
    rows.append(post(500, text="you can write to joe@example.org or to @joe about the garden"))
    write_lines(folder / "posts.jsonl", rows)
    fields = {"id": "id", "text": "text", "author": "user"}
    stages = [{"quality": {}}, {"dedup": {}}, *([] if pii is None else [{"pii": pii}])]
    plan: dict[str, Any] = {
        "sources": [{"table": {"path": str(folder / "posts.jsonl"), "fields": fields}}],
        "stages": stages,
        "output": {"path": str(folder / "out"), "canaries": 20, **output},
        "run": {"runner": "serial", "part_posts": 30},
    }
    build_once(folder, plan)
    return folder / "out"


def failed(out: Path, **how: Any) -> list[str]:
    return [check["name"] for check in audit(out, **how)["checks"] if not check["passed"]]


def rewrite(out: Path, *, hashes: bool = True, **columns: pl.Expr) -> None:
    """Change a shard by hand, and the manifest with it."""
    shard = out / "shards" / "part-00000.parquet"
    pl.read_parquet(shard).with_columns(**columns).write_parquet(shard)
    if hashes:
        manifest = json.loads((out / "manifest.json").read_text())
        manifest["shards"][0]["sha256"] = file_sha256(shard)
        (out / "manifest.json").write_text(json.dumps(manifest))


@pytest.mark.parametrize(
    "pii",
    [{}, {"style": "surrogate", "handles": "pseudonym"}, {"style": "mask"}, {"handles": "keep"}],
)
def test_a_corpus_of_ours_passes(tmp_path: Path, pii: dict[str, Any]) -> None:
    out = build(tmp_path, pii)
    found = audit(out, workers=2 if pii == {} else 1)
    assert found["passed"], format_audit(found)
    assert found["rows"] == len(corpus.load(out))
    assert find_imbalances(corpus.load(out).manifest) == []


def test_without_redaction_details_and_canaries_are_found(tmp_path: Path) -> None:
    out = build(tmp_path, None)
    assert failed(out) == [SAME_EYES, OTHER_EYES, "canaries with details"]
    printed = format_audit(audit(out))
    assert "EMAIL_ADDRESS" in printed and "shards/part-00000.parquet row" in printed
    assert "joe" not in printed, "no text in what is printed"
    assert failed(out, key=tmp_path / "no.key") == [SAME_EYES, OTHER_EYES]


def test_canaries_are_planted_once_counted_and_the_same_under_the_same_key(tmp_path: Path) -> None:
    out = build(tmp_path, {})
    frame = corpus.load(out).scan().collect()
    own = frame.filter(pl.col("platform") == "canary")
    made = canaries.make_canaries(20, canaries.derive_seed(keys.load_key(tmp_path / "corpus.key")))
    reciting = [canary for canary in made if not canary.must_be_removed]
    assert len(reciting) == 10
    everything = "\n".join(own["text"])
    assert all(everything.count(secret) == 1 for c in reciting for secret in c.secrets)
    assert not [s for c in made if c.must_be_removed for s in c.secrets if s in everything]
    manifest = corpus.load(out).manifest
    assert [source["path"] for source in manifest["sources"]][1:] == ["canaries"]
    assert manifest["totals"]["read"] == 122
    again = build(tmp_path, {}, path=str(tmp_path / "again"))
    assert contents(out) == contents(again)
    assert canaries.make_canaries(20, canaries.derive_seed(bytes(32))) != made


def test_a_canary_told_twice_is_noticed(tmp_path: Path) -> None:
    out = build(tmp_path, {})
    recited = (pl.col("platform") == "canary") & ~pl.col("text").str.contains("<", literal=True)
    doubled = pl.when(recited).then(pl.concat_str("text", pl.lit(" "), "text"))
    rewrite(out, text=doubled.otherwise("text"))
    assert failed(out) == ["canaries without details"]


def test_a_changed_shard_a_foreign_file_and_what_is_private_are_found(tmp_path: Path) -> None:
    out = build(tmp_path, {})
    name = "all files are there, and none is private"
    rewrite(out, hashes=False, score=pl.lit(7, pl.Int64))
    assert failed(out) == [name]
    rewrite(out, score=pl.lit(7, pl.Int64))
    assert failed(out) == []
    (out / "shards" / "more.parquet").write_bytes(b"x")
    assert failed(out) == [name]
    (out / "shards" / "more.parquet").unlink()
    shutil.copy(tmp_path / "corpus.key", out / "notes.txt")
    assert failed(out) == [name]
    (out / "notes.txt").unlink()
    (out / "work").mkdir()
    assert failed(out) == [name]


def test_names_of_posts_and_people_that_are_not_keyed_are_found(tmp_path: Path) -> None:
    out = build(tmp_path, {})
    rewrite(out, parent_id=pl.lit("table:7"), author=pl.lit("joe"))
    assert failed(out) == ["post ids are keyed", "authors are pseudonyms"]


def test_rare_strings_are_counted_by_authors_and_may_fail(tmp_path: Path) -> None:
    out = build(tmp_path, {}, canaries=0)
    assert failed(out, max_rare=0) == []
    token = pl.lit(" see ticket AB12-9931")
    rewrite(out, text=pl.col("text") + token)
    assert failed(out, max_rare=0) == [], "many authors have it"
    first = pl.int_range(pl.len()) == 3
    rewrite(out, text=pl.when(first).then(pl.col("text") + " key Zx81k0PqL").otherwise("text"))
    assert failed(out, max_rare=0) == ["rare strings"]
    assert failed(out, max_rare=1) == failed(out) == []


def test_the_command_prints_a_verdict_and_exits_by_it(tmp_path: Path) -> None:
    out = build(tmp_path, {})
    good = command("audit", str(out))
    assert (good.returncode, good.stdout.splitlines()[-1][:12]) == (0, "audit passed")
    rewrite(out, text=pl.col("text") + " 8.8.8.8")
    bad = command("audit", str(out), "--json")
    assert bad.returncode == 1
    found = json.loads(bad.stdout)
    assert not found["passed"] and not re.search(r"8\.8\.8\.8", bad.stdout)
    assert command("audit", str(tmp_path / "nowhere")).returncode == 2


def test_strict_looks_for_names(tmp_path: Path) -> None:
    out = build(tmp_path, {})
    rewrite(out, text=pl.col("text") + " with Barack Obama in London")
    assert failed(out) == []
    assert failed(out, strict=True) == [
        "no contact data or handles in the texts", "the documentation shows nothing private",
    ]  # fmt: skip


def test_the_detector_reads_what_the_filter_of_the_plan_does_not(tmp_path: Path) -> None:
    out = build(tmp_path, {"entities": ["EMAIL_ADDRESS"], "handles": "keep"}, canaries=0)
    rewrite(out, text=pl.col("text") + " @joe, 8.8.8.8")
    assert failed(out) == [], "the plan does not ask for them"
    spoken = pl.col("text") + " joe at beeswax dot org"
    is_planted = pl.int_range(pl.len()).is_in([2, 5])
    rewrite(out, text=pl.when(is_planted).then(spoken).otherwise("text"))
    assert OTHER_EYES in failed(out)
    assert audit(out)["rows_with_details"] == {"shards/part-00000.parquet": [2, 5]}


def test_every_column_beside_the_text_is_read(tmp_path: Path) -> None:
    out = build(tmp_path, {}, canaries=0)
    for column, value in (
        ("community", "joe@beeswax.org"),
        ("community", "u_joe"),
        ("license", "(c) +49 30 901820"),
        ("lang_hint", "@joe"),
        ("source_file", "/home/joe/posts.jsonl"),
    ):
        rewrite(out, **{column: pl.lit(value)})
        assert failed(out) == [COLUMNS]
        printed = format_audit(audit(out))
        assert f"row 0: {column}" in printed and "joe" not in printed and "901820" not in printed
        rewrite(out, **{column: pl.lit(None, pl.String)})
    assert failed(out) == []


def test_the_ledger_pages_and_file_names_are_read(tmp_path: Path) -> None:
    out = build(tmp_path, {}, canaries=0)
    pages = {
        "README.md": "\nmail joe@beeswax.org\n",
        "plan.yaml": "\nnote: call +49 30 901820\n",
        "report.html": "<p>joe&#64;beeswax.org</p>",
    }
    for page, more in pages.items():
        content = (out / page).read_text()
        (out / page).write_text(content + more)
        assert failed(out) == [FILES], page
        (out / page).write_text(content)
    statistics = json.loads((out / "statistics.json").read_text())
    (out / "statistics.json").write_text(json.dumps(statistics | {"by": {"joe@beeswax.org": 1}}))
    (ledger,) = (out / "dropped").rglob("*.parquet")
    frame = pl.read_parquet(ledger)
    frame.with_columns(source_file=pl.lit("joe@beeswax.org.csv")).write_parquet(ledger)
    (out / "of joe@beeswax.org.log").touch()
    (check,) = (check for check in audit(out)["checks"] if check["name"] == FILES)
    assert not check["passed"] and "EMAIL_ADDRESS 3" in check["found"]
    assert not any("joe" in where for where in check["where"])
    frame.with_columns(id=pl.lit("table:7")).write_parquet(ledger)
    assert "post ids are keyed" in failed(out)


def test_documents_of_two_authors_with_one_id_are_found(tmp_path: Path) -> None:
    out = build(tmp_path, {}, canaries=0)
    rewrite(out, id=pl.col("id").first(), author=pl.col("author").first())
    assert failed(out) == [], "a post that was read twice is no collision"
    rewrite(
        out, author=pl.when(pl.int_range(pl.len()) == 1).then(pl.lit("0" * 32)).otherwise("author")
    )
    assert failed(out) == ["keyed ids do not collide"]


def test_clear_names_of_authors_and_posts_are_found_with_the_key(tmp_path: Path) -> None:
    out = build(tmp_path, {}, canaries=0)
    name = "no names of authors or ids of posts in clear"
    first = pl.int_range(pl.len()) == 0
    rewrite(out, text=pl.when(first).then(pl.col("text") + " said user17").otherwise("text"))
    assert failed(out) == [] and failed(out, max_clear=1) == []
    assert failed(out, max_clear=0) == [name]
    assert failed(out, max_clear=0, key=tmp_path / "no.key") == []
    rewrite(out, license=pl.when(first).then(pl.lit("by user17")))
    assert failed(out) == [name]
    assert "user17" not in format_audit(audit(out))


def test_what_is_suppressed_is_found_with_the_key(tmp_path: Path) -> None:
    out = build(tmp_path, {}, canaries=0)
    name = "nothing from the suppression list"
    suppression.add(tmp_path / "corpus.key", names=["Rosa Finch"])
    assert failed(out) == []
    first = pl.int_range(pl.len()) == 0
    named = pl.col("text") + " as Rosa  FINCH said"
    rewrite(out, text=pl.when(first).then(named).otherwise("text"))
    assert failed(out) == [name]
    assert "inch" not in format_audit(audit(out)).lower()
    rewrite(out, text=pl.col("text").str.replace("FINCH", "Finchley"))
    assert failed(out) == []
    suppression.add(tmp_path / "corpus.key", authors=["table:user17"])
    assert failed(out) == [name]


def test_names_are_looked_for_in_the_languages_of_the_plan(tmp_path: Path) -> None:
    out = build(tmp_path, {"profile": "strict", "ner_langs": ["en"]}, canaries=0)
    place = pl.col("text") + " with Barack Obama in London"
    rewrite(out, text=place, lang=pl.lit("es"))
    assert failed(out) == []
    rewrite(out, lang=pl.lit("en"))
    assert failed(out) == [SAME_EYES]
