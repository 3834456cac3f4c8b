"""Corpora built against earlier ones."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import corpus
from corpus import dedup
from corpus.dedup import dedup_index
from corpus.errors import BuildError, PlanError
from corpus.privacy import keys
from tests.conftest import post, sentence, write_lines
from tests.support.examples import examples

Built = Callable[..., dict[str, Any]]


@pytest.fixture
def built(tmp_path: Path) -> Built:
    """Build posts into a folder under one key."""

    def make(name: str, rows: list[Any], stages: Any = None, **dedup: Any) -> dict[str, Any]:
        write_lines(tmp_path / f"{name}.jsonl", rows)
        fields = {"id": "id", "text": "text", "author": "author", "root_id": "root_id"}
        plan = {
            "sources": [{"table": {"path": str(tmp_path / f"{name}.jsonl"), "fields": fields}}],
            "stages": [{"dedup": dedup}, *(stages or [])],
            "output": {"path": str(tmp_path / name), "ids": "original"},
            "run": {"runner": "serial", "part_posts": 40},
        }
        return corpus.build(plan)

    return make


def posts(begin: int, end: int) -> list[dict[str, Any]]:
    return [post(n, text=sentence(n)) for n in range(begin, end)]


def left(tmp_path: Path, name: str) -> pl.DataFrame:
    return pl.concat(
        [pl.read_parquet(path) for path in sorted((tmp_path / name / "dropped").glob("dedup-*"))]
    )


def test_posts_of_an_earlier_corpus_are_dropped_with_a_reason(built: Built, tmp_path: Path) -> None:
    built("old", posts(0, 100))
    again = [
        post(500, text=sentence(7).upper()),
        post(501, text=sentence(8) + " indeed"),
        post(9, text="an edited text of a post that is known by its id"),
    ]
    found = built("new", posts(200, 300) + again, against=[str(tmp_path / "old")])
    assert found["totals"]["kept"] == 100
    assert found["funnel"][-1]["dropped"] == {"in_earlier_corpus": 3}
    rows = left(tmp_path, "new").sort("id").select("id", "cluster").rows()
    assert rows == [("table:500", "table:7"), ("table:501", "table:8"), ("table:9", "table:9")]


@pytest.mark.parametrize("ids", [("keyed", "keyed"), ("keyed", "original"), ("original", "keyed")])
def test_a_post_is_known_by_its_id_whatever_form_ids_have(
    ids: tuple[str, str], tmp_path: Path
) -> None:
    for name, text, style in zip(("old", "new"), ("first", "another"), ids, strict=True):
        rows = [{"id": "1", "text": f"{text} text about harbours and kettles", "kind": "post"}]
        if name == "new":
            rows += [{"id": "2", "text": "as it was", "kind": "repost", "of": "1"}]
            rows += [{"id": "3", "text": "a post that is only here", "kind": "post"}]
        write_lines(tmp_path / f"{name}.jsonl", rows)
        fields = {"id": "id", "text": "text", "kind": "kind", "parent_id": "of"}
        against = {} if name == "old" else {"against": [str(tmp_path / "old")]}
        manifest = corpus.build(
            {
                "sources": [{"table": {"path": str(tmp_path / f"{name}.jsonl"), "fields": fields}}],
                "stages": [{"dedup": against}],
                "output": {"path": str(tmp_path / name), "ids": style},
                "run": {"runner": "serial"},
            }
        )
    assert manifest["funnel"][-1]["dropped"] == {"in_earlier_corpus": 2}


def test_a_corpus_that_was_redacted_in_another_way_is_named_in_a_note(
    built: Built, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    notes: list[str] = []
    monkeypatch.setattr(
        "corpus.tasks.observer.SilentObserver.note", lambda _, text: notes.append(text)
    )
    public = {"handles": "keep", "public": ["x:nasa"]}
    built("old", posts(0, 9), [{"pii": public}])
    assert "nasa" not in (tmp_path / "old" / "index" / "index.json").read_text()
    against = [str(tmp_path / "old")]
    built("same", posts(0, 9), [{"pii": public | {"max_spans": 9}}], against=against)
    assert notes == []
    built("new", posts(0, 9), [{"pii": {}}], against=against)
    assert "with another 'pii: handles' (and 1 more): posts with contact data may" in notes[0]
    built("raw", posts(0, 9), against=against)
    assert "by 'pii', which this plan lacks: posts with contact data may" in notes[1]
    built("of raw", posts(0, 9), [{"pii": {}}], against=[str(tmp_path / "raw")])
    assert len(notes) == 2


def test_a_corpus_built_against_a_corpus_of_the_same_dump_is_empty(
    built: Built, tmp_path: Path
) -> None:
    built("old", posts(0, 250))
    found = built("new", posts(0, 250), against=[str(tmp_path / "old")])
    assert found["totals"]["kept"] == 0
    assert found["funnel"][-1]["dropped"] == {"in_earlier_corpus": 250}


def test_the_index_has_only_posts_of_the_shards(built: Built, tmp_path: Path) -> None:
    built("old", posts(0, 50), stages=[{"quality": {"min_words": 5}}])
    assert built("short", [post(1, text="too short")], [{"quality": {"min_words": 5}}])
    found = built("new", [post(900, text="too short")], against=[str(tmp_path / "short")])
    assert found["totals"]["kept"] == 1


def test_the_index_has_the_posts_in_documents(built: Built, tmp_path: Path) -> None:
    thread = [post(n, text=sentence(n), root_id="0") for n in range(6)]
    built("old", thread, stages=[{"conversations": {"mode": "tree"}}])
    found = built("new", posts(3, 9), against=[str(tmp_path / "old")])
    assert found["totals"]["kept"] == 3


def test_other_thresholds_and_bands_can_be_compared(built: Built, tmp_path: Path) -> None:
    built("old", posts(0, 30))
    words = sentence(3).split()
    changed = [post(500, text=" ".join([*words[:5], "other", *words[6:]]))]
    against = [str(tmp_path / "old")]
    assert built("strict", changed, against=against)["totals"]["kept"] == 1
    lax = built("lax", changed, against=against, jaccard=0.5, permutations=64)
    assert lax["funnel"][-1]["dropped"] == {"in_earlier_corpus": 1}


def test_posts_are_compared_with_all_earlier_corpora(built: Built, tmp_path: Path) -> None:
    built("a", posts(0, 20))
    built("b", posts(10, 40))
    found = built("c", posts(0, 50), against=[str(tmp_path / "a"), str(tmp_path / "b")])
    assert found["totals"]["kept"] == 10


def test_the_division_of_the_index_into_pieces_changes_nothing_but_files(
    built: Built, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dedup_index, "PIECE_POSTS", 33)
    built("old", posts(0, 100))
    assert len(dedup_index.list_index_pieces(tmp_path / "old")) == 4
    found = built("new", posts(0, 120), against=[str(tmp_path / "old")])
    assert found["totals"]["kept"] == 20


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ({"index": False}, {}, "has no index; build it with 'dedup: {index: true}'"),
        ({"shingle_words": 3}, {}, "was compared with shingle_words 3 and this plan has 2"),
        ({"fold": ["case"]}, {}, 'was compared with fold ["case"]'),
        ({"exact_only": True}, {}, "was built with exact_only, so its index has no shingles"),
    ],
)
def test_an_index_that_is_not_comparable_is_refused_before_anything_is_read(
    built: Built, tmp_path: Path, old: dict[str, Any], new: dict[str, Any], message: str
) -> None:
    built("old", posts(0, 10), **old)
    with pytest.raises(PlanError, match="against") as error:
        built("new", posts(0, 10), **new, against=[str(tmp_path / "old")])
    assert message in str(error.value)
    assert not (tmp_path / "new").exists()


def test_exact_only_can_use_an_index_with_shingles(built: Built, tmp_path: Path) -> None:
    built("old", posts(0, 10))
    found = built("new", posts(0, 12), against=[str(tmp_path / "old")], exact_only=True)
    assert found["totals"]["kept"] == 2


def test_another_key_is_refused_before_anything_is_read(built: Built, tmp_path: Path) -> None:
    built("old", posts(0, 10))
    (tmp_path / "corpus.key").unlink()
    with pytest.raises(PlanError, match="made with another key"):
        built("new", posts(0, 10), against=[str(tmp_path / "old")])


def test_no_corpus_its_own_output_and_a_newer_format_are_refused(
    built: Built, tmp_path: Path
) -> None:
    with pytest.raises(PlanError, match="no corpus at"):
        built("new", posts(0, 3), against=[str(tmp_path / "nowhere")])
    built("old", posts(0, 3))
    with pytest.raises(PlanError, match="is the output itself"):
        built("old", posts(0, 3), against=[str(tmp_path / "old")])
    card = tmp_path / "old" / "index" / "index.json"
    index = json.loads(card.read_text())
    card.write_text(json.dumps(index | {"format_version": 99}))
    with pytest.raises(PlanError, match="newer version"):
        built("new", posts(0, 3), against=[str(tmp_path / "old")])
    card.write_text("{")
    with pytest.raises(PlanError, match="cannot be read as an index"):
        built("new", posts(0, 3), against=[str(tmp_path / "old")])


def test_a_damaged_piece_stops_the_build(built: Built, tmp_path: Path) -> None:
    built("old", posts(0, 10))
    (piece,) = dedup_index.list_index_pieces(tmp_path / "old")
    data = bytearray(piece.read_bytes())
    data[len(data) // 2] ^= 1
    piece.write_bytes(data)
    with pytest.raises(BuildError, match="missing or damaged"):
        built("new", posts(0, 10), against=[str(tmp_path / "old")])


def test_an_index_has_neither_ids_nor_hashes_in_clear(built: Built, tmp_path: Path) -> None:
    built("old", [post(n, text=sentence(0) + f" {n}") for n in range(50)], jaccard=1)
    (piece,) = dedup_index.list_index_pieces(tmp_path / "old")
    data = piece.read_bytes()
    assert b"table:" not in data and b"PAR1" not in data
    first = " ".join(sentence(0).split()[:2]).lower().encode()
    shared = dedup.hash32(first).to_bytes(4, "little")
    assert data.count(shared) == 0


def test_a_build_without_an_index_removes_the_earlier_one(built: Built, tmp_path: Path) -> None:
    built("old", posts(0, 10))
    assert (tmp_path / "old" / "index").is_dir()
    built("other", posts(0, 10), index=False)
    assert not (tmp_path / "other" / "index").exists()


@settings(max_examples=examples(100))
@given(st.binary(max_size=300), st.binary(min_size=32, max_size=32))
def test_only_the_same_key_decrypts(data: bytes, key: bytes) -> None:
    sealed = keys.encrypt(data, key)
    assert sealed == keys.encrypt(data, key)
    assert keys.decrypt(sealed, key) == data
    with pytest.raises(BuildError):
        keys.decrypt(sealed, bytes(reversed(key)) + b"x")
    if data:
        with pytest.raises(BuildError):
            keys.decrypt(sealed[:-1] + bytes([sealed[-1] ^ 1]), key)


def test_the_index_has_a_row_for_each_kept_post(built: Built, tmp_path: Path) -> None:
    twice = [*posts(0, 40), post(3, text=sentence(3)), post(4, text="another text, the same id")]
    found = built("old", twice)
    assert found["index"]["rows"] == found["totals"]["kept"] == 40
