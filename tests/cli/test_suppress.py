"""``corpus suppress`` adds requests, counts them, and says what is listed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.commands import Finished, command
from tests.support.keys import DIGITS


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a key and files of requests."""
    key = tmp_path / "corpus.key"
    key.write_text(DIGITS)
    key.chmod(0o600)
    (tmp_path / "ids.txt").write_text("forum:7\n\nforum:8\n")
    (tmp_path / "authors.txt").write_text("forum:rosa\n")
    (tmp_path / "names.txt").write_text("Rosa Finch\n")
    return tmp_path


def suppress(folder: Path, *arguments: str) -> Finished:
    return command("suppress", *arguments, cwd=folder)


def test_requests_are_added_listed_and_looked_up(folder: Path) -> None:
    added = suppress(
        folder, "add", "--ids", "ids.txt", "--authors", "authors.txt", "--names", "names.txt"
    )
    assert (added.returncode, added.stderr) == (0, "")
    assert "added 2 ids, 1 author, 1 name; corpus.key.suppressed now has 4 entries" in added.stdout
    again = suppress(folder, "add", "--ids", "ids.txt", "--key", str(folder / "corpus.key"))
    assert "added 0 ids" in again.stdout and "4 entries" in again.stdout

    listed = suppress(folder, "list")
    lines = listed.stdout.splitlines()
    assert lines[0] == "2 ids, 1 author, 1 name" and len(lines) == 4
    assert all(line.startswith(("id forum:~", "author ")) for line in lines[1:])
    assert "osa" not in listed.stdout and "inch" not in listed.stdout
    found = json.loads(suppress(folder, "list", "--json").stdout)
    assert (len(found["ids"]), len(found["authors"]), found["names"]) == (2, 1, 1)

    (folder / "ids.txt").write_text("forum:7\nforum:9\n")
    (folder / "names.txt").write_text("Ada Lane\nROSA finch\n")
    checked = suppress(
        folder, "check", "--ids", "ids.txt", "--authors", "authors.txt", "--names", "names.txt"
    )
    assert checked.returncode == 0
    assert checked.stdout.splitlines() == [
        "listed      id forum:7",
        "not listed  id forum:9",
        "listed      author forum:rosa",
        "not listed  name number 1",
        "listed      name number 2",
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("add",), "nothing to add"),
        (("check",), "nothing to look up"),
        (("add", "--ids", "none.txt"), "cannot read 'none.txt'"),
        (("list", "--key", "other.key"), "no key at 'other.key'"),
        (("add", "--authors", "names.txt"), "is not an author"),
    ],
)
def test_a_wrong_command_ends_with_status_2_and_adds_nothing(
    folder: Path, arguments: tuple[str, ...], message: str
) -> None:
    done = suppress(folder, *arguments)
    assert done.returncode == 2 and message in done.stderr
    assert not (folder / "corpus.key.suppressed").exists()


def test_help_shows_the_commands() -> None:
    done = command("suppress", "--help")
    assert all(f" {name} " in done.stdout for name in ("add", "list", "check"))
