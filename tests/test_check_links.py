"""The checker of the site's links finds what is not there."""

from __future__ import annotations

from pathlib import Path

from scripts.check_links import find_broken_links


def test_missing_files_and_anchors_are_found(tmp_path: Path) -> None:
    (tmp_path / "how").mkdir()
    (tmp_path / "index.html").write_text(
        '<h1 id="top">a</h1><a href="#top">1</a><a href="#gone">2</a>'
        '<a href="how/b.html#here">3</a>'
        '<a href="how/b.html#there">4</a><a href="none.html">5</a><a href="https://a.example">6</a>'
        '<img src="how/none.png">'
    )
    (tmp_path / "how" / "b.html").write_text('<p id="here">b</p><a href="../index.html">up</a>')
    assert find_broken_links(tmp_path) == [
        "index.html: #gone",
        "index.html: how/b.html#there",
        "index.html: none.html",
        "index.html: how/none.png",
    ]
