"""Every cell of the table in docs/readers.md: what it says is read is read, and nothing is missing.

``python -m tests.readers.test_features`` prints the table, for docs/readers.md.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from corpus import readers
from tests.readers.features import FEATURES, OTHER_FORMS, READERS, Absent, Cell, Unread, Yes
from tests.support.readings import read_dump

DOCS = Path(__file__).resolve().parents[2] / "docs" / "readers.md"
READ = [
    pytest.param(name, feature, cell, id=f"{name}-{feature}")
    for name, cells in READERS.items()
    for feature, cell in cells.items()
    if isinstance(cell, Yes)
]


def write(folder: Path, content: Any) -> Path:
    """Write a source: lines, a text, or an export of one or several files."""
    if not isinstance(content, dict):
        path = folder / "dump.jsonl"
        rows = content if isinstance(content, str) else "\n".join(map(json.dumps, content)) + "\n"
        path.write_text(rows)
        return path
    for name, part in content.items():
        path = folder / "export" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(part if isinstance(part, str) else json.dumps(part))
    return path if len(content) == 1 and path.parent.name == "export" else folder / "export"


OTHERS = [pytest.param(*each, id=f"{each[0]}-{each[1]}") for each in OTHER_FORMS]


@pytest.mark.parametrize(("name", "feature", "cell"), [*READ, *OTHERS])
def test_what_the_table_says_is_read(name: str, feature: str, cell: Yes, tmp_path: Path) -> None:
    path = write(tmp_path, cell.content)
    (batch,) = read_dump(name, path, cell.settings)
    assert batch.refused.is_empty()
    expected = dict(cell.expected)
    if "tombstone" in expected:
        found = batch.tombstones.select("target", "value", "reason").rows()
        assert expected.pop("tombstone") in found
    if "posts" in expected:
        assert len(batch.posts) == expected.pop("posts")
    if expected:
        post = batch.posts.row(-1, named=True)
        time = post["created_at"]
        post["created_at"] = time.isoformat() if time is not None else None
        assert expected == {column: post[column] for column in expected}


def test_every_reader_has_a_cell_for_every_feature() -> None:
    assert list(READERS) == readers.names()
    for cells in READERS.values():
        assert list(cells) == list(FEATURES)


def test_readers_of_descriptions_have_the_setting_and_no_others() -> None:
    for name, cells in READERS.items():
        has_setting = "with_alt" in readers.find(name).Config.model_fields
        is_read = isinstance(cells["alt"], Yes) and name != "table"
        assert (name, has_setting) == (name, is_read)


def make_table() -> str:
    """Return the table and its notes as docs/readers.md has them."""
    lines = [("reader", *FEATURES), ("---",) * (1 + len(FEATURES))]
    lines += [(f"`{name}`", *map(show, cells.values())) for name, cells in READERS.items()]
    table = "".join(f"| {' | '.join(line)} |\n" for line in lines)
    reasons = {name: list_reasons(cells) for name, cells in READERS.items()}
    notes = "".join(f"| `{name}` | {why} |\n" for name, why in reasons.items() if why)
    return f"{table}\n| reader | why not |\n| --- | --- |\n{notes}"


def show(cell: Cell) -> str:
    return "yes" if isinstance(cell, Yes) else "no" if isinstance(cell, Unread) else "–"


def list_reasons(cells: dict[str, Cell]) -> str:
    """Return why each feature is not read; features with the same reason are named together."""
    by_reason: dict[str, list[str]] = {}
    for feature, cell in cells.items():
        if isinstance(cell, Absent | Unread):
            by_reason.setdefault(cell.why, []).append(feature)
    return "; ".join(f"{', '.join(named)}: {why}" for why, named in by_reason.items())


def make_legend() -> str:
    """Return what a "yes" says in each column of the table."""
    return "".join(f"* **{feature}**: {what}\n" for feature, what in FEATURES.items())


@pytest.mark.parametrize(("name", "make"), [("legend", make_legend), ("table", make_table)])
def test_the_documentation_has_these_cells(name: str, make: Callable[[], str]) -> None:
    begin, end = f"<!-- features: {name} -->\n", f"<!-- /features: {name} -->"
    assert DOCS.read_text(encoding="utf-8").partition(begin)[2].partition(end)[0] == make()


if __name__ == "__main__":
    print(make_legend(), make_table(), sep="\n", end="")
