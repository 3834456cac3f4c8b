"""The reader that fits a file is detected, and a wrong reader is refused with a hint."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from corpus.errors import PlanError
from corpus.plan import detect_format
from corpus.plan.model import Plan
from corpus.storage import filesystem
from tests.conftest import write_lines
from tests.support.commands import command

REDDIT = {
    "id": "c1", "author": "ada", "body": "the engine weaves", "subreddit": "maths",
    "link_id": "t3_q", "parent_id": "t3_q", "created_utc": 1_200_000_000, "score": 3,
}  # fmt: skip


def test_sniff_names_the_reader_the_plan_and_the_posts(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "dump", [b"{broken", REDDIT, REDDIT | {"id": "c2"}])
    done = command("sniff", str(path), "-n", "1")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("reddit  Read Reddit")
    assert f'- reddit: {{"path": "{path}"}}' in done.stdout
    assert done.stdout.count("the engine weaves") == 1
    assert "id: reddit:t1_c1" in done.stdout
    assert "refused so far: malformed_json 1" in done.stdout


def test_sniff_proposes_the_fields_of_a_table(tmp_path: Path) -> None:
    path = tmp_path / "posts.csv"
    path.write_text("Id,Body,who\n7,hello there,ada\n")
    done = command("sniff", str(path))
    assert '"fields": {"id": "Id", "text": "Body"}' in done.stdout
    assert "hello there" in done.stdout


@pytest.mark.parametrize("content", [b"", b"\x00\x01\x02" * 99, b"just words\n"])
def test_a_file_that_no_reader_fits_is_an_error(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "odd"
    path.write_bytes(content)
    done = command("sniff", str(path))
    assert done.returncode == 2
    assert "no reader knows" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_wrong_path_is_an_error(tmp_path: Path) -> None:
    done = command("sniff", str(tmp_path / "absent"))
    assert (done.returncode, "no file or folder at" in done.stderr) == (2, True)


def test_a_wrong_reader_is_refused_with_the_right_one(
    tmp_path: Path, plan: Callable[..., dict[str, Any]]
) -> None:
    path = write_lines(tmp_path / "dump", [REDDIT])
    made = plan(sources=[{"x_stream": {"path": str(path)}}])
    with pytest.raises(PlanError, match=r"looks like 'reddit' \(corpus sniff .*dump\)"):
        Plan.parse(made).check_paths()
    Plan.parse(plan(sources=[{"reddit": {"path": str(path)}}])).check_paths()


def test_a_file_that_no_reader_fits_for_certain_is_accepted(
    tmp_path: Path, plan: Callable[..., dict[str, Any]]
) -> None:
    path = write_lines(tmp_path / "dump", [{"some": "thing"}])
    Plan.parse(plan(sources=[{"reddit": {"path": str(path)}}])).check_paths()


def write_archive(folder: Path, name: str) -> Path:
    data = folder / name / "data"
    data.mkdir(parents=True)
    (data / "account.js").write_text(
        'window.YTD.account.part0 = [{"account": {"accountId": "7", "username": "ada"}}]'
    )
    tweet = {"id_str": "1", "full_text": "hi", "created_at": "Mon Apr 19 17:52:00 +0000 2010"}
    (data / "tweets.js").write_text("window.YTD.tweets.part0 = " + json.dumps([{"tweet": tweet}]))
    return folder / name


def test_a_folder_is_one_archive_or_a_folder_of_archives(tmp_path: Path) -> None:
    one = write_archive(tmp_path / "all", "one")
    two = tmp_path / "all" / "two.zip"
    with zipfile.ZipFile(two, "w") as file:
        for path in sorted((one / "data").iterdir()):
            file.write(path, f"data/{path.name}")
    assert detect_format.list_inputs("x_archive", str(one)) == [str(one)]
    assert detect_format.list_inputs("x_archive", str(tmp_path / "all")) == [str(one), str(two)]
    assert detect_format.list_inputs("x_archive", str(tmp_path / "all" / "*")) == [
        str(one),
        str(two),
    ]
    assert detect_format.list_inputs("x_archive", str(tmp_path / "none")) == []
    assert {detect_format.rank_readers(str(path))[0][0] for path in (one, two)} == {"x_archive"}
    size, _ = filesystem.size_and_mtime(str(one))
    assert size == sum(path.stat().st_size for path in (one / "data").iterdir())
