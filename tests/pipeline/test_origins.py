"""What became of the posts of each source and platform, and what a build warns of."""

from __future__ import annotations

import zipfile
from typing import Any

import pytest

import corpus
from tests.conftest import sentence, write_lines

FIELDS = {name: name for name in ("id", "text", "author", "created_at", "parent_id")}


def row(number: int, text: str = "", **more: Any) -> dict[str, Any]:
    own = {"id": f"n{number}", "text": text or sentence(number), "author": f"u{number}"}
    return own | {"created_at": 1_600_000_000 + number} | more


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Two files of one platform, an archive of another, in trees."""
    folder = tmp_path_factory.mktemp("origins")
    talk = [row(number, parent_id=f"n{number - 1}" if number % 4 else None) for number in range(40)]
    short = [row(number, "hm", created_at=None) for number in range(100, 106)]
    write_lines(folder / "a.jsonl", talk)
    write_lines(folder / "b.jsonl", [*short, *(row(n, created_at=None) for n in range(110, 114))])
    copy = write_lines(
        folder / "copy.jsonl", [row(number + 500, sentence(number)) for number in (1, 999)]
    )
    with zipfile.ZipFile(folder / "copies.zip", "w") as archive:
        archive.write(copy, "in/copy.jsonl")
    sources = [("a.jsonl", "talk"), ("b.jsonl", "talk"), ("copies.zip", "else")]
    return corpus.build(
        {
            "sources": [
                {"table": {"path": str(folder / name), "platform": platform, "fields": FIELDS}}
                for name, platform in sources
            ],
            "stages": [{"quality": {}}, {"dedup": {}}, {"conversations": {"mode": "tree"}}],
            "output": {"path": str(folder / "out"), "canaries": 3},
            "run": {"runner": "serial", "part_posts": 7},
        }
    ) | {"page": (folder / "out" / "report.html").read_text()}


def test_the_manifest_counts_by_source_and_platform(manifest: Any) -> None:
    assert manifest["origins"] == [
        {"source": 1, "reader": "table", "platform": "talk", "kept": 40, "dropped": {}},
        {"source": 2, "reader": "table", "platform": "talk", "kept": 4, "dropped": {"quality": 6}},
        {"source": 3, "reader": "table", "platform": "else", "kept": 1, "dropped": {"dedup": 1}},
    ]


def test_a_build_warns_of_stages_that_drop_much_and_of_empty_columns(manifest: Any) -> None:
    assert manifest["warnings"] == [
        "source 2 (table): no post has a value in 'created_at'",
        "source 2 (table): no post has a value in 'parent_id'",
        "source 3 (table): no post has a value in 'parent_id'",
        "source 2 (table): quality drops 6 of 10 posts (60.0%)",
        "source 3 (table): dedup drops 1 of 2 posts (50.0%)",
    ]


def test_the_report_opens_with_the_warnings_and_has_both_tables(manifest: Any) -> None:
    page = manifest["page"]
    first = page.index("quality drops 6 of 10 posts")
    assert first < page.index("What was dropped, where and why")
    assert "Posts by source, and those that each stage dropped" in page
    assert "Posts by platform, and those that each stage dropped" in page
