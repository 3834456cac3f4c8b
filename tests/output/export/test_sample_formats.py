"""MDS, litdata and WebDataset, read by parsers of the tests' own."""

from __future__ import annotations

import json
import struct
import tarfile
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

import corpus
from corpus.output.export import row_table
from tests.conftest import contents
from tests.output.export.test_export_corpus import export
from tests.support.corpora import make

COLUMNS = "text,id,source_row,score,created_at"
JSON_COLUMNS = ("source_row", "score", "created_at")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("samples"), 100, shard_mb=0.002)


def parse_table(data: bytes, header: int) -> list[list[bytes]]:
    """The values of each row of a file; ``header`` is the number of bytes before the first row."""
    (count,) = struct.unpack_from("<I", data)
    offsets = struct.unpack_from(f"<{count + 1}I", data, 4)
    assert offsets[0] == 4 + 4 * (count + 1) + header and offsets[-1] == len(data)
    rows = []
    for begin, end in pairwise(offsets):
        row, columns = data[begin:end], len(COLUMNS.split(","))
        sizes, at = struct.unpack_from(f"<{columns}I", row), 4 * columns
        assert at + sum(sizes) == len(row)
        rows.append([row[at + sum(sizes[:n]) : at + sum(sizes[: n + 1])] for n in range(columns)])
    return rows


def parse_mds(folder: Path) -> list[dict[str, Any]]:
    samples = []
    index = json.loads((folder / "index.json").read_text())
    assert index["version"] == 2
    for shard in index["shards"]:
        data = (folder / shard["raw_data"]["basename"]).read_bytes()
        assert len(data) == shard["raw_data"]["bytes"]
        (count,) = struct.unpack_from("<I", data)
        own = {name: shard[name] for name in shard if name not in ("raw_data", "zip_data",
                                                                   "samples")}  # fmt: skip
        header = json.dumps(own, sort_keys=True).encode()
        assert data[8 + 4 * count :].startswith(header)
        rows = parse_table(data, len(header))
        assert len(rows) == count == shard["samples"]
        assert shard["column_names"] == sorted(COLUMNS.split(","))
        for row in rows:
            values = zip(shard["column_names"], shard["column_encodings"], row, strict=True)
            samples.append({name: value.decode() if kind == "str" else json.loads(value)
                            for name, kind, value in values})  # fmt: skip
    return samples


def parse_litdata(folder: Path) -> list[dict[str, Any]]:
    samples = []
    index = json.loads((folder / "index.json").read_text())
    _, shape = json.loads(index["config"]["data_spec"])
    names = json.loads(shape["context"])
    assert index["config"]["data_format"] == ["str"] * len(names)
    for chunk in index["chunks"]:
        data = (folder / chunk["filename"]).read_bytes()
        rows = parse_table(data, 0)
        assert (len(data), len(rows)) == (chunk["chunk_bytes"], chunk["chunk_size"])
        samples += [dict(zip(names, (each.decode() for each in row), strict=True)) for row in rows]
    for sample in samples:
        sample.update({name: json.loads(sample[name]) for name in JSON_COLUMNS})
    return samples


def parse_tars(folder: Path) -> list[dict[str, Any]]:
    samples: dict[str, dict[str, Any]] = {}
    for path in sorted(folder.glob("*.tar")):
        with tarfile.open(path) as tar:
            for member in tar:
                key, _, kind = member.name.partition(".")
                file = tar.extractfile(member)
                assert file is not None and (member.mtime, member.uid, member.uname) == (0, 0, "")
                value = file.read().decode()
                samples.setdefault(key, {}).update(
                    {"text": value} if kind == "txt" else json.loads(value)
                )
    return list(samples.values())


PARSERS = {"mds": parse_mds, "litdata": parse_litdata, "webdataset": parse_tars}
every_format = pytest.mark.parametrize("format", PARSERS)


@every_format
def test_every_document_and_its_columns_are_there(built: Path, tmp_path: Path, format: str) -> None:
    done = export(built, tmp_path / "to", "--columns", COLUMNS, format=format)
    assert done.returncode == 0, done.stderr
    documents = corpus.load(built).scan().select(COLUMNS.split(",")).collect().to_dicts()
    assert PARSERS[format](tmp_path / "to") == documents
    assert documents[0]["score"] is None, "a missing value is among them"


@every_format
def test_the_default_is_id_and_text(built: Path, tmp_path: Path, format: str) -> None:
    assert export(built, tmp_path / "to", format=format).returncode == 0
    manifest = json.loads((tmp_path / "to/export.json").read_text())
    assert (manifest["settings"]["columns"], manifest["documents"]) == (["id", "text"], 100)
    if format != "webdataset":
        assert "index.json" in [file["path"] for file in manifest["files"]]


@every_format
def test_a_shard_without_documents_has_no_samples(built: Path, tmp_path: Path, format: str) -> None:
    options = ("--columns", COLUMNS, "--where", "source_row > 95")
    assert export(built, tmp_path / "to", *options, format=format).returncode == 0
    rows = PARSERS[format](tmp_path / "to")
    assert [row["source_row"] for row in rows] == [96, 97, 98, 99, 100]


@pytest.mark.parametrize("format", ["mds", "litdata"])
def test_files_are_cut_by_size_and_resumed_to_the_same_bytes(
    built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, format: str
) -> None:
    monkeypatch.setattr(row_table, "FILE_BYTES", 1000)
    export(built, tmp_path / "to", "--columns", COLUMNS, format=format)
    whole = contents(tmp_path / "to")
    assert sum(name.startswith("part-00000-") for name in whole) > 1
    assert len(PARSERS[format](tmp_path / "to")) == 100
    # As if it had been killed in the second shard.
    manifest = json.loads(whole["export.json"])
    size = {file["path"]: file for file in manifest["files"]}
    first = manifest["shards"][0]
    tables = [[name, len(parse_rows(whole[name])), len(whole[name])] for name in first["files"]]
    entry = first | {"files": [size[name] for name in first["files"]], "skipped": {},
                     "facts": {"files": tables}}  # fmt: skip
    progress = {"settings": manifest["settings"], "shards": [entry]}
    (tmp_path / "to/.progress.json").write_text(json.dumps(progress))
    (tmp_path / "to/export.json").unlink()
    (tmp_path / "to/index.json").unlink()
    assert export(built, tmp_path / "to", "--columns", COLUMNS, format=format).returncode == 0
    assert contents(tmp_path / "to") == whole


def parse_rows(data: bytes) -> range:
    return range(struct.unpack_from("<I", data)[0])


def test_a_number_that_json_does_not_have_is_missing() -> None:
    import polars as pl

    from corpus.output.export.json_values import encode_rows, format_lines

    frame = pl.DataFrame({"id": ["a", "b"], "x": [float("nan"), float("inf")], "l": [[1], []]})
    assert list(encode_rows(frame, ["id", "x", "l"])) == [
        (b"a", b"null", b"[1]"),
        (b"b", b"null", b"[]"),
    ]
    assert [json.loads(line) for line in format_lines(frame).splitlines()] == [
        {"id": "a", "x": None, "l": [1]},
        {"id": "b", "x": None, "l": []},
    ]
