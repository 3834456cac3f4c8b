"""Other people's readers open a finished corpus as it is."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pyarrow.dataset as ds
import pytest

import corpus
from tests.support.corpora import make


@pytest.fixture(scope="module", params=["zstd", "lz4", "chunked"])
def built(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    how = {
        "zstd": {"zstd_level": 9},
        "lz4": {"compression": "lz4"},
        "chunked": {"content_defined_chunking": True},
    }[request.param]
    return make(tmp_path_factory.mktemp("consumers"), 150, **how)


@pytest.fixture(scope="module")
def texts(built: Path) -> list[str]:
    found: list[str] = corpus.load(built).scan().collect()["text"].to_list()
    return found


def test_polars_reads_the_shards(built: Path, texts: list[str]) -> None:
    frame = pl.read_parquet(built / "shards" / "*.parquet")
    assert frame["text"].to_list() == texts
    assert frame.columns[0] == "text"


def test_arrow_s_dataset_reads_and_filters_the_shards(built: Path, texts: list[str]) -> None:
    found = ds.dataset(built / "shards", format="parquet")
    assert found.to_table(columns=["text"])["text"].to_pylist() == texts
    assert found.count_rows(filter=ds.field("id") == "table:7") == 1


def test_duckdb_reads_the_shards(built: Path, texts: list[str]) -> None:
    duckdb = pytest.importorskip("duckdb", reason="duckdb is not installed")
    with duckdb.connect() as connection:
        rows = connection.execute(
            "select text from read_parquet(?)", [f"{built}/shards/*.parquet"]
        ).fetchall()
    assert [row[0] for row in rows] == texts


@pytest.mark.parametrize("streaming", [False, True])
def test_datasets_loads_the_folder(
    built: Path, texts: list[str], streaming: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    datasets = pytest.importorskip("datasets", reason="datasets is not installed")
    found = datasets.load_dataset(
        str(built), split="train", streaming=streaming, cache_dir=str(tmp_path / "cache")
    )
    assert [row["text"] for row in found] == texts
