"""`corpus verify` finds whatever is not as it was built."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import corpus
from corpus.maintenance.takedown import take_down
from corpus.maintenance.verify import verify
from tests.conftest import post, sentence, write_lines
from tests.support.commands import command
from tests.support.corpora import edited, flip


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """200 posts of which some are short, some copies and one line is no JSON."""
    folder = tmp_path_factory.mktemp("verify")
    rows: list[Any] = [post(n) for n in range(200)] + [post(300, text="thanks"), b"{no json"]
    rows += [post(400 + n, text=sentence(n).upper()) for n in range(10)]
    write_lines(folder / "posts.jsonl", rows)
    fields = {"id": "id", "text": "text", "author": "user"}
    corpus.build(
        {
            "sources": [{"table": {"path": str(folder / "posts.jsonl"), "fields": fields}}],
            "stages": [{"quality": {}}, {"dedup": {}}],
            "output": {"path": str(folder / "out"), "shard_mb": 0.004, "row_group_mb": 0.001},
            "run": {"runner": "serial"},
        }
    )
    return folder / "out"


@pytest.fixture
def copy(built: Path, tmp_path: Path) -> Path:
    shutil.copy(built.parent / "corpus.key", tmp_path)
    return Path(shutil.copytree(built, tmp_path / "out"))


def failed(out: Path, **how: Any) -> dict[str, list[str]]:
    found = verify(out, **how)
    wrong = {one["name"]: list(one["where"]) for one in found["checks"] if not one["passed"]}
    assert found["passed"] is not bool(wrong)
    return wrong


def test_what_was_just_built_is_whole(built: Path) -> None:
    assert failed(built) == {}
    assert failed(built, quick=True) == {}
    assert verify(built)["documents"] == 200
    names = [one["name"] for one in verify(built)["checks"]]
    assert {"hashes", "schemas", "rows", "totals", "the ledger", "the index"} <= set(names)


def test_what_was_taken_down_from_is_whole(copy: Path) -> None:
    take_down(copy, ["table:0", "table:50"])
    assert failed(copy) == {}
    (copy / "takedowns" / "00001.json").write_text("{}")
    assert failed(copy) == {"takedowns": ["takedowns/00001.json"]}


def test_a_flipped_bit_is_found_by_the_hash_and_not_by_the_size(copy: Path) -> None:
    flip(copy / "shards" / "part-00001.parquet", 300)
    assert failed(copy, quick=True) == {}
    assert failed(copy)["hashes"] == ["shards/part-00001.parquet"]


def test_a_missing_a_cut_and_a_strange_file_are_named(copy: Path) -> None:
    (copy / "shards" / "part-00000.parquet").unlink()
    cut = copy / "shards" / "part-00001.parquet"
    size = cut.stat().st_size
    cut.write_bytes(cut.read_bytes()[:100])
    (copy / "shards" / "notes.txt").write_text("x")
    wrong = failed(copy, quick=True)
    assert wrong["sizes"] == [
        "shards/part-00000.parquet is missing",
        f"shards/part-00001.parquet has 100 bytes, not {size:,}",
    ]
    assert wrong["no unknown files beside the shards"] == ["shards/notes.txt"]
    assert failed(copy)["schemas"] == [
        "shards/part-00000.parquet cannot be read",
        "shards/part-00001.parquet cannot be read",
    ]


def rewritten(out: Path, change: Callable[[pl.DataFrame], pl.DataFrame]) -> None:
    """Change the first shard, and the manifest's hash of it."""
    from corpus.tasks.files import file_sha256

    shards = json.loads((out / "manifest.json").read_text())["shards"]
    path = out / shards[0]["path"]
    change(pl.read_parquet(path)).write_parquet(path, row_group_size=shards[0]["row_groups"][0])
    shards[0] |= {"bytes": path.stat().st_size, "sha256": file_sha256(path)}
    edited(out, shards=shards)


def test_other_columns_and_missing_rows_and_texts_are_noticed(copy: Path) -> None:
    whole = (copy / "shards/part-00000.parquet").read_bytes(), (copy / "manifest.json").read_text()
    rewritten(copy, lambda posts: posts.drop("score"))
    assert any("other columns" in one for one in failed(copy)["schemas"])
    (copy / "shards/part-00000.parquet").write_bytes(whole[0])
    (copy / "manifest.json").write_text(whole[1])
    rewritten(copy, lambda posts: posts.head(posts.height - 1))
    wrong = failed(copy)
    assert set(wrong) == {"rows", "totals"}
    assert [name.split(":")[0] for name in wrong["totals"]] == ["documents", "kept", "characters"]
    (copy / "shards/part-00000.parquet").write_bytes(whole[0])
    (copy / "manifest.json").write_text(whole[1])
    rewritten(copy, lambda posts: posts.with_columns(text=None).cast({"text": pl.String}))
    assert any("without a text" in one for one in failed(copy)["schemas"])


def test_a_ledger_or_a_funnel_that_lost_a_row_is_noticed(copy: Path) -> None:
    path = copy / "dropped" / "dedup-00000.parquet"
    ledger = pl.read_parquet(path)
    assert ledger.height == 10
    ledger.head(9).write_parquet(path)
    assert failed(copy) == {
        "the ledger": ["dedup: exact_duplicate: 9 rows, and the manifest says 10"]
    }
    ledger.write_parquet(path)
    totals = json.loads((copy / "manifest.json").read_text())["totals"]
    edited(copy, totals=totals | {"read": totals["read"] + 1})
    assert failed(copy, quick=True) == {"the counts balance": ["at totals", "at consent"]}


def test_the_index_and_the_reserve_are_looked_at(copy: Path) -> None:
    for room in ("index", "reserve"):
        piece = next(path for path in (copy / room).iterdir() if path.suffix != ".json")
        flip(piece, 40)
    wrong = failed(copy)
    assert set(wrong) == {"the index", "the replacement copies"}
    (copy / "index" / "index.json").unlink()
    assert failed(copy)["the index"] == ["index/index.json cannot be read"]


def test_the_command_exits_with_1_and_names_the_remedy(copy: Path) -> None:
    done = command("verify", str(copy))
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "verification passed")
    flip(copy / "shards" / "part-00001.parquet", 300)
    done = command("verify", str(copy))
    assert done.returncode == 1
    assert "FAIL  hashes: 1 wrong\n        shards/part-00001.parquet" in done.stdout
    assert "copy the files named above again, or build again" in done.stdout
    done = command("verify", str(copy), "--quick", "--json")
    assert done.returncode == 0
    assert json.loads(done.stdout)["passed"] is True


def test_no_corpus_and_a_newer_one_are_another_matter(copy: Path, tmp_path: Path) -> None:
    assert command("verify", str(tmp_path / "none")).returncode == 2
    edited(copy, format_version=9)
    done = command("verify", str(copy))
    assert done.returncode == 2
    assert "install a newer version" in done.stderr
    edited(copy, format_version=1, totals={})
    done = command("verify", str(copy))
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
