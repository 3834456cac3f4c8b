"""What is stored for later builds is computed from the texts of the corpus, never from others."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import corpus
from corpus.dedup import dedup_index, output_texts
from corpus.dedup.config import Config
from corpus.errors import PlanError
from corpus.pipeline import replacements
from corpus.privacy import keys
from filters.pii.redactor import Redactor
from tests.conftest import post, sentence, write_lines

Built = Callable[..., dict[str, Any]]

WITH_DETAILS = [
    "ring the bakery on 415-555-2671 before noon and ask for the sourdough that nobody collected",
    "my sister wrote to marta.lindqvist@example.org about the violin lessons in the old library",
    "the server at 8.8.4.4 was slow again today so we mended the garden fence instead of working",
    "ask @tom_harbour how many kettles the harbour museum has sold since the spring of last year",
    "short call 415-555-0132",
]


@pytest.fixture
def built(tmp_path: Path) -> Built:
    """Build texts into a folder under one key, with dedup before the stages given."""

    def make(
        name: str, texts: list[Any], stages: list[Any], dedup: Any = None, **output: Any
    ) -> dict[str, Any]:
        rows = [
            row if isinstance(row, dict) else post(n, id=f"{name}{n}", text=row)
            for n, row in enumerate(texts)
        ]
        write_lines(tmp_path / f"{name}.jsonl", rows)
        fields = {"id": "id", "text": "text", "author": "user", "root_id": "root_id"}
        return corpus.build(
            {
                "sources": [{"table": {"path": str(tmp_path / f"{name}.jsonl"), "fields": fields}}],
                "stages": [{"dedup": dedup or {}}, *stages],
                "output": {"path": str(tmp_path / name), **output},
                "run": {"runner": "serial", "part_posts": 4},
            }
        )

    return make


def shard_rows(out: Path) -> pl.DataFrame:
    return pl.concat([pl.read_parquet(path) for path in sorted((out / "shards").glob("*"))])


def index_entries(out: Path) -> dict[str, tuple[list[int], list[int]]]:
    """By id: the text hash, and the shingles, of an index."""
    key, entries = keys.load_key(out.parent / "corpus.key"), {}
    for path in dedup_index.list_index_pieces(out):
        piece = dedup_index.load_piece(path, key)
        for row, name in enumerate(piece.ids):
            low, high = piece.shingle_offsets[row : row + 2]
            entries[name] = (
                piece.text_hashes[row].tolist(), sorted(piece.shingle_hashes[low:high].tolist())
            )  # fmt: skip
    return entries


def hashed(text: str) -> tuple[list[int], list[int]]:
    hashes = output_texts.hash_texts(pl.Series([text]), Config())
    return hashes.text_hashes[0].tolist(), sorted(hashes.shingle_hashes.tolist())


@pytest.mark.parametrize(
    "pii",
    [
        {},
        {"style": "mask"},
        {"style": "surrogate", "handles": "pseudonym"},
        pytest.param({"profile": "strict"}, marks=pytest.mark.slow),
    ],
)
def test_the_index_is_a_function_of_the_shards(
    built: Built, tmp_path: Path, pii: dict[str, Any]
) -> None:
    built("out", [*WITH_DETAILS, *(sentence(n) for n in range(5))], [{"pii": pii}])
    rows = shard_rows(tmp_path / "out")
    assert rows.height == 10
    assert rows["text"].is_in(WITH_DETAILS).sum() == 0
    entries = index_entries(tmp_path / "out")
    assert entries == {row["id"]: hashed(row["text"]) for row in rows.iter_rows(named=True)}


def test_a_redacted_number_cannot_be_tried_out_with_the_key_and_the_corpus(
    built: Built, tmp_path: Path
) -> None:
    built("out", WITH_DETAILS[:1], [{"pii": {}}])
    (row,) = shard_rows(tmp_path / "out").iter_rows(named=True)
    text_hash, shingles = index_entries(tmp_path / "out")[row["id"]]
    texts = [row["text"].replace("<PHONE_NUMBER>", f"415-555-{n:04d}") for n in range(10_000)]
    assert WITH_DETAILS[0] in texts
    tried = output_texts.hash_texts(pl.Series(texts), Config())
    assert not (tried.text_hashes == np.array(text_hash, np.uint64)).all(axis=1).any()
    # No number is nearer to what is stored than another: all share the same shingles with it.
    offsets = np.concatenate([[0], np.cumsum(tried.shingle_counts)])
    own = offsets[2671]
    shared = set(tried.shingle_hashes[own : offsets[2672]].tolist()) & set(shingles)
    others = set(tried.shingle_hashes[offsets[7] : offsets[8]].tolist()) & set(shingles)
    assert shared == others


def test_replacement_copies_have_the_hashes_of_their_redacted_texts(
    built: Built, tmp_path: Path
) -> None:
    rows = [post(n, text=text, user=f"u{n}") for n, text in enumerate(WITH_DETAILS * 2)]
    built("out", rows, [{"pii": {"max_spans": 9}}, {"quality": {"min_words": 4}}])
    (piece,) = replacements.list_pieces(tmp_path / "out" / "reserve")
    copies = replacements.load_piece(piece, keys.load_key(tmp_path / "corpus.key"))
    assert copies.height == 4  # the last text is too short
    assert copies["_reason"].to_list() == ["exact_duplicate"] * 4
    for row in copies.iter_rows(named=True):
        stored = ([row["_exact_one"], row["_exact_two"]], sorted(row["_shingles"]))
        assert stored == hashed(row["text"]) and row["text"] not in WITH_DETAILS


def test_the_posts_in_documents_are_indexed_without_their_details(
    built: Built, tmp_path: Path
) -> None:
    rows = [post(n, text=text, root_id="0") for n, text in enumerate(WITH_DETAILS)]
    stages = [{"conversations": {"mode": "tree"}}, {"pii": {}}]
    built("out", rows, stages, ids="original")
    entries = index_entries(tmp_path / "out")
    assert len(entries) == len(WITH_DETAILS)
    alone = output_texts.rewrite_texts(
        pl.DataFrame({"text": WITH_DETAILS}), (("pii", json.dumps({})),), ""
    )
    assert [entries[f"table:{n}"] for n in range(5)] == [hashed(text) for text in alone]
    again = built("new", WITH_DETAILS, stages, {"against": [str(tmp_path / "out")]})
    assert again["funnel"][1]["dropped"] == {"in_earlier_corpus": 5}


@pytest.mark.slow
def test_if_names_are_found_in_documents_the_index_has_ids_alone(
    built: Built, tmp_path: Path
) -> None:
    rows = [post(n, text=text, root_id="0") for n, text in enumerate(WITH_DETAILS)]
    stages = [{"conversations": {"mode": "tree"}}, {"pii": {"profile": "strict"}}]
    built("out", rows, stages, ids="original")
    entries = index_entries(tmp_path / "out")
    assert all(not shingles for _, shingles in entries.values())
    own = {tuple(hashed(text)[0]) for text in WITH_DETAILS}
    assert not own & {tuple(text_hash) for text_hash, _ in entries.values()}
    against = {"against": [str(tmp_path / "out")]}
    with pytest.raises(PlanError, match="put 'pii' before 'conversations' there"):
        built("new", rows, stages, against, ids="original")
    built("out2", rows, stages[::-1], ids="original")
    found = built("new", WITH_DETAILS, stages[::-1], {"against": [str(tmp_path / "out2")]})
    assert found["funnel"][1]["dropped"] == {"in_earlier_corpus": 5}


# --------------------------------------------------------------------------- against an index


def test_redacted_copies_of_an_earlier_corpus_are_recognized(built: Built, tmp_path: Path) -> None:
    built("old", WITH_DETAILS, [{"pii": {}}])
    near = f"{WITH_DETAILS[1]} indeed"
    texts = [*WITH_DETAILS, WITH_DETAILS[0].upper(), near, *(sentence(n) for n in range(20))]
    found = built("new", texts, [{"pii": {}}], {"against": [str(tmp_path / "old")]})
    assert found["funnel"][1]["dropped"] == {"in_earlier_corpus": 7}
    assert found["totals"]["kept"] == 20


def test_what_a_comparison_has_redacted_is_not_redacted_again(
    built: Built, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    built("old", [sentence(90)], [{"pii": {}}])
    seen: list[str] = []
    real = Redactor.__call__

    def redact(self: Any, texts: pl.Series, *rest: Any) -> Any:
        seen.extend(texts)
        return real(self, texts, *rest)

    monkeypatch.setattr(Redactor, "__call__", redact)
    texts = [*WITH_DETAILS, sentence(90), *(f"{sentence(n)} a{n}@b.org" for n in range(2))]
    texts += [f"{sentence(3)} 8.8.8.8 8.8.4.4 c@d.org"]
    stages = [{"repeats": {}}, {"quality": {"min_words": 3}}, {"pii": {"max_spans": 2}}]
    against = {"against": [str(tmp_path / "old")]}
    first = built("new", texts, stages, against, report_samples=0, ids="original")
    assert sorted(seen) == sorted(texts)
    assert {row["stage"]: row["dropped"] for row in first["funnel"]}["pii"] == {"too_much_pii": 1}
    files = {path.name: path.read_bytes() for path in (tmp_path / "new").rglob("*.parquet")}
    shutil.rmtree(tmp_path / "new")
    monkeypatch.setattr(output_texts, "find_judged", lambda *_: {})
    built("new", texts, stages, against, report_samples=0, ids="original")
    assert len(seen) > 2 * len(texts)
    assert {p.name: p.read_bytes() for p in (tmp_path / "new").rglob("*.parquet")} == files


def test_a_filter_that_changes_what_pii_reads_ends_what_is_taken_over(tmp_path: Path) -> None:
    folder = tmp_path / "rewritten" / "texts" / "000003"
    folder.mkdir(parents=True)
    for number in range(2):
        (folder / f"judged-{number}.parquet").touch()
    repeats, pii, language = (("repeats", "{}"), ("pii", "{}"), ("language", "{}"))
    files = [folder / "judged-0.parquet", folder / "judged-1.parquet"]
    found = output_texts.find_judged(tmp_path, 3, (("consent", "{}"), repeats, pii))
    assert found == {1: files[0], 2: files[1]}
    assert output_texts.find_judged(tmp_path, 3, (repeats, language, pii)) == {0: files[0]}
    assert output_texts.find_judged(tmp_path, 4, (repeats, pii)) == {}


@pytest.mark.parametrize("exact_only", [False, True])
def test_within_a_build_posts_with_other_details_stay_different_posts(
    built: Built, tmp_path: Path, exact_only: bool
) -> None:
    built("old", [sentence(n) for n in range(9)], [{"pii": {}}], {"exact_only": exact_only})
    texts = [*(f"short call 415-555-{n:04d}" for n in range(100, 130)), sentence(3)]
    settings = {"exact_only": exact_only, "against": [str(tmp_path / "old")]}
    found = built("new", texts, [{"pii": {}}], settings)
    assert found["funnel"][1]["dropped"] == {"in_earlier_corpus": 1}
    assert found["totals"]["kept"] == 30


def test_copies_of_a_recognized_post_go_with_it(built: Built, tmp_path: Path) -> None:
    built("old", WITH_DETAILS, [{"pii": {}}])
    against = {"against": [str(tmp_path / "old")]}
    rows = [
        post(1, text=WITH_DETAILS[4]),
        post(1, text="the same id with quite another text about a mountain and a bicycle"),
        post(2, text=WITH_DETAILS[4]),
        post(3, text=sentence(7)),
    ]
    found = built("new", rows, [{"pii": {}}], against)
    assert found["funnel"][1]["dropped"] == {"in_earlier_corpus": 3}
    assert found["totals"]["kept"] == 1


def test_an_index_of_the_version_before_is_read(
    built: Built, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:  # the hashes of the texts before redaction
        patch.setattr(output_texts, "replace_hashes", lambda measured, *_: measured)
        patch.setattr(dedup_index, "INDEX_FORMAT_VERSION", 1)
        built("old", WITH_DETAILS, [{"pii": {}}])
    assert dedup_index.read_index_file(tmp_path / "old")["format_version"] == 1
    found = built("new", WITH_DETAILS, [{"pii": {}}], {"against": [str(tmp_path / "old")]})
    assert found["funnel"][1]["dropped"] == {"in_earlier_corpus": 5}
