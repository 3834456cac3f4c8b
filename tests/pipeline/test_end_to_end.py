"""The demo: its dumps hold planted junk, copies and contact data, and its corpus does not."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl
import pytest
import yaml

import corpus
from corpus import demo
from corpus.manifest import find_imbalances
from corpus.privacy import keys
from corpus.privacy.pseudonyms import Pseudonymizer
from tests.conftest import ROOT


class KeyedIds(dict[str, str]):
    """The demo's ids as the corpus has them."""

    def __init__(self, out: Path) -> None:
        self._pseudonymizer = Pseudonymizer(keys.load_key(out.parent / "corpus.key"), "keyed")

    def __missing__(self, name: str) -> str:
        self[name] = self._pseudonymizer.pseudonymize_id(name) or ""
        return self[name]


class Built(NamedTuple):
    """A finished demo: what was planted, the manifest, the documents and the ledger."""

    out: Path
    planted: dict[str, Any]
    manifest: dict[str, Any]
    kept: pl.DataFrame
    dropped: pl.DataFrame
    keyed_ids: KeyedIds

    def category(self, name: str) -> set[str]:
        return {self.keyed_ids[each] for each in self.planted["ids"]["categories"][name]}

    def copied(self, copy: str) -> str:
        """The id of the original of a planted copy."""
        copies = {self.keyed_ids[a]: self.keyed_ids[b] for a, b in self.planted["copies"].items()}
        return copies[copy]

    def kept_ids(self) -> set[str]:
        return set(self.kept["id"])

    def reasons(self, ids: set[str]) -> set[str]:
        return set(self.dropped.filter(pl.col("id").is_in(list(ids)))["reason"])


def no_network(*_: object, **__: object) -> Any:
    raise AssertionError("the build used the network")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Built]:
    """The demo plan over 4,000 demo posts, built with the network cut off."""
    folder = tmp_path_factory.mktemp("demo")
    planted = json.loads(json.dumps(demo.write(folder / "dumps", posts=4000, seed=7)))
    text = (ROOT / "configs" / "demo.yaml").read_text()
    document = yaml.safe_load(text.replace("dumps/demo", str(folder / "dumps")))
    document["run"] = {"runner": "serial", "part_posts": 500}
    with pytest.MonkeyPatch.context() as patch:
        for name in ("connect", "connect_ex", "sendto"):
            patch.setattr(socket.socket, name, no_network)
        patch.setattr(socket, "getaddrinfo", no_network)
        manifest = corpus.build(document, out=str(folder / "out"))
    opened = corpus.load(folder / "out")
    yield Built(
        folder / "out",
        planted,
        manifest,
        opened.scan().collect(),
        opened.dropped().collect(),
        KeyedIds(folder / "out"),
    )


def test_every_post_is_accounted_for(built: Built) -> None:
    assert find_imbalances(built.manifest) == []
    totals = built.manifest["totals"]
    lines = [file["other_lines"] for file in built.planted["files"].values()]
    bad = ("cut_json", "invalid_utf8", "wrong_type", "bad_row")
    refused = sum(line.get(kind, 0) for line in lines for kind in bad)
    assert totals["refused"] == refused > 0
    assert totals["read"] == built.planted["posts"] + refused
    assert built.kept.height + built.dropped.height == totals["read"]
    assert built.kept.height == totals["kept"]


def test_withdrawn_posts_are_dropped(built: Built) -> None:
    for name, reason in (
        ("deleted_later", "deleted_later"),
        ("delete_notice", "deleted_later"),
        ("protected", "protected"),
        ("superseded", "superseded"),
    ):
        ids = built.category(name)
        assert ids, name
        assert not ids & built.kept_ids(), name
        assert built.reasons(ids) == {reason}, name
    assert not built.category("deleted_marker") & built.kept_ids()


def test_of_exact_copies_one_is_kept(built: Built) -> None:
    copies = {copy: built.copied(copy) for copy in built.category("exact_duplicate")}
    kept = built.kept_ids()
    assert len(copies) > 50
    assert not [copy for copy, original in copies.items() if {copy, original} <= kept]
    assert built.kept["text"].n_unique() == built.kept.height
    assert built.kept["id"].n_unique() == built.kept.height


def test_most_near_copies_are_dropped_and_ordinary_posts_are_kept(built: Built) -> None:
    kept = built.kept_ids()
    copies = built.category("near_duplicate")
    both = [copy for copy in copies if {copy, built.copied(copy)} <= kept]
    assert len(both) / len(copies) < 0.35  # one word in a short post is no near copy at 0.8
    ordinary = built.category("ordinary")
    assert len(ordinary & kept) / len(ordinary) > 0.9


def test_posts_of_three_words_are_kept(built: Built) -> None:
    short = built.category("short")
    assert len(short & built.kept_ids()) / len(short) > 0.8


def test_junk_and_most_toxic_posts_are_dropped(built: Built) -> None:
    kept = built.kept_ids()
    # A submission has an ordinary title above its junk, so it is not all junk.
    planted = built.planted["ids"]["categories"]["junk"]
    junk = {built.keyed_ids[one] for one in planted if not one.startswith("reddit:t3_")}
    toxic = built.category("toxic")
    assert len(junk & kept) / len(junk) < 0.1
    assert len(toxic & kept) / len(toxic) < 0.5
    benign = built.dropped.filter(pl.col("reason") == "toxic", ~pl.col("id").is_in(list(toxic)))
    assert benign.height / built.kept.height < 0.01


def test_no_planted_contact_data_is_in_any_file(built: Built) -> None:
    everything = "\n".join(built.kept["text"])
    leaked = [value for value in built.planted["pii_values"].values() if value in everything]
    assert leaked == []
    for path in built.out.rglob("*"):
        if path.suffix in (".json", ".html", ".md", ".yaml"):
            text = path.read_text()
            assert not [v for v in built.planted["pii_values"].values() if v in text]
    pii = built.kept.filter(pl.col("id").is_in(list(built.category("pii"))))
    assert pii["text"].str.contains(r"<[A-Z_]+>").all()


def test_no_handle_is_in_the_text(built: Built) -> None:
    handles = re.compile(r"(?<![\w@.])@[a-z_]\w{2,}", re.IGNORECASE)
    assert [text for text in built.kept["text"] if handles.search(text)] == []


def test_languages_are_distinguished(built: Built) -> None:
    judged = pl.concat([built.kept.select("id", "lang"), built.dropped.select("id", "lang")])
    found = dict(judged.drop_nulls().iter_rows())
    for lang, planted in built.planted["ids"]["languages"].items():
        ids = [built.keyed_ids[each] for each in planted]
        known = [found[one] for one in ids if one in found]
        if lang != "und":
            assert known.count(lang) / len(known) > 0.85, lang


def test_work_is_removed_and_authors_are_pseudonyms(built: Built) -> None:
    assert not (built.out / "work").exists()
    assert built.kept["author"].drop_nulls().str.contains("^[0-9a-f]{32}$").all()


def test_the_report_fetches_nothing(built: Built) -> None:
    page = (built.out / "report.html").read_text()
    assert not re.search(r"""\ssrc\s*=|href="[^#]|@import|url\(|<link|<img|<iframe""", page)
    assert "default-src 'none'" in page
    assert ">dedup</th>" in page


def test_the_report_shows_no_post_that_was_withdrawn(built: Built) -> None:
    samples = json.loads((built.out / "statistics.json").read_text())["samples"]
    shown = {name for sample in samples for name in sample["ids"]}
    withdrawn = set(built.dropped.filter(pl.col("stage") == "consent")["id"])
    assert len(samples) > 60
    assert not shown & withdrawn
    assert {sample["stage"] for sample in samples} == {
        None,
        "language",
        "quality",
        "toxicity",
        "dedup",
    }


def test_the_card_is_one_that_datasets_reads(built: Built) -> None:
    card = (built.out / "README.md").read_text()
    head = yaml.safe_load(card.split("---")[1])
    assert head["configs"][0]["data_files"] == [{"split": "train", "path": "shards/*.parquet"}]
