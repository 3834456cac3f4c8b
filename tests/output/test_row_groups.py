"""Memory does not grow with the size of a shard: shards are read one row group at a time."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow.parquet as pq
import pytest

from corpus.errors import BuildError
from corpus.maintenance.audit import audit
from corpus.maintenance.verify import verify
from corpus.storage.parquet_columns import read_row_groups, write_frames
from tests.conftest import post, sentence, write_lines
from tests.support.corpora import build_once


def _build(folder: Path, row_group_mb: float) -> Path:
    rows = [post(n, text=f"{sentence(n)} https://host{n % 7}.example/{n}") for n in range(90)]
    rows += [post(100 + n, text=f"http://a.example/{n} http://b.example") for n in range(10)]
    folder.mkdir()
    write_lines(folder / "posts.jsonl", rows)
    fields = {"id": "id", "text": "text", "author": "user"}
    plan = {
        "sources": [{"table": {"path": str(folder / "posts.jsonl"), "fields": fields}}],
        "stages": [{"quality": {}}, {"dedup": {}}, {"pii": {}}],
        "output": {"path": str(folder / "out"), "row_group_mb": row_group_mb, "ids": "original"},
        "run": {"runner": "serial", "part_posts": 40},
    }
    build_once(folder, plan)
    return folder / "out"


@pytest.fixture
def whole_reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The reads of a whole shard, which are recorded while the test runs."""
    found: list[str] = []

    def record(owner: Any, name: str, describe: Callable[..., str]) -> None:
        original = getattr(owner, name)

        def recorded(*given: Any, **options: Any) -> Any:
            if "shards/" in (source := describe(*given)):
                found.append(f"{name}: {source}")
            return original(*given, **options)

        monkeypatch.setattr(owner, name, recorded)

    record(pl, "read_parquet", str)
    record(pq, "read_table", str)
    record(pl.LazyFrame, "collect", lambda frame: frame.explain())
    for name in ("read", "read_row_groups", "iter_batches"):
        record(pq.ParquetFile, name, lambda *_: "shards/")
    return found


def test_no_command_that_makes_or_checks_a_corpus_reads_a_whole_shard(
    tmp_path: Path, whole_reads: list[str]
) -> None:
    out = _build(tmp_path / "a", 0.001)
    (shard,) = (out / "shards").glob("*.parquet")
    assert pq.ParquetFile(shard).num_row_groups > 3
    assert verify(out)["passed"]
    audit(out)
    assert whole_reads == []
    pl.read_parquet(shard)  # so the fixture would have recorded one
    assert whole_reads == [f"read_parquet: {shard}"]


def test_row_groups_change_no_count_and_no_sample(tmp_path: Path) -> None:
    small, large = _build(tmp_path / "a", 0.001), _build(tmp_path / "b", 8)
    counts = [json.loads((out / "statistics.json").read_text()) for out in (small, large)]
    for each in counts:
        assert [sample.pop("people") for sample in each["samples"]]  # each build has another key
    assert counts[0] == counts[1]
    domains = [row["name"] for row in counts[0]["largest"] if row["kind"] == "domain"]
    assert domains == ["host0.example"]


def test_a_file_without_row_groups_has_one_empty_frame_with_its_columns(tmp_path: Path) -> None:
    path = tmp_path / "empty.parquet"
    schema = pq.read_schema(_write(tmp_path / "full.parquet", pl.DataFrame({"a": ["x"], "b": [1]})))
    pq.ParquetWriter(path, schema).close()
    assert pq.ParquetFile(path).num_row_groups == 0
    (frame,) = read_row_groups(path, ["b"])
    assert frame.schema == {"b": pl.Int64} and frame.height == 0


def test_a_missing_column_is_an_error_and_not_left_out(tmp_path: Path) -> None:
    path = _write(tmp_path / "a.parquet", pl.DataFrame({"a": ["x"]}))
    with pytest.raises(pl.exceptions.ColumnNotFoundError):
        list(read_row_groups(path, ["a", "b"]))


def _write(path: Path, frame: pl.DataFrame) -> Path:
    frame.write_parquet(path)
    return path


def test_frames_are_written_as_they_come_with_the_bytes_of_a_whole_write(tmp_path: Path) -> None:
    whole = pl.DataFrame({"a": [f"post {n % 13}" for n in range(100)], "b": range(100)})
    requested: list[int] = []

    def frames() -> Iterator[pl.DataFrame]:
        for start in range(0, 100, 9):
            requested.append(start)
            yield whole[start : start + 9]

    write_frames(tmp_path / "frames.parquet", frames(), whole.schema, 30)
    assert requested == [*range(0, 100, 9)]
    whole.write_parquet(tmp_path / "whole.parquet", compression="zstd", row_group_size=30)
    assert (tmp_path / "frames.parquet").read_bytes() == (tmp_path / "whole.parquet").read_bytes()
    assert pq.ParquetFile(tmp_path / "frames.parquet").num_row_groups == 4


def test_an_error_of_the_frames_keeps_its_type(tmp_path: Path) -> None:
    def frames() -> Iterator[pl.DataFrame]:
        yield pl.DataFrame({"a": ["x"]})
        raise BuildError("the part is missing")

    with pytest.raises(BuildError, match="the part is missing"):
        write_frames(tmp_path / "a.parquet", frames(), {"a": pl.String()}, 30)
