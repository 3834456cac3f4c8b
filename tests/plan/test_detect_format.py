"""The reader that fits a file is detected, and the plan's reader is used with a warning."""

from __future__ import annotations

import html
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml

import corpus
from corpus import readers
from corpus.cli.plan import sniff
from corpus.errors import BuildError, PlanError
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


POSTS = [
    {"id": str(n), "text": f"the heron came back to pool {n}", "user": {"username": f"u{n}"},
     "created_at": f"2024-05-0{n}T10:00:00Z", "likes": n, "thread_id": "1"}
    for n in range(1, 5)
]  # fmt: skip
NAMES = ("id", "text", "by", "date", "likes", "thread_id")
CELLS = [
    (p["id"], p["text"], p["user"]["username"], p["created_at"], p["likes"], p["thread_id"])
    for p in POSTS
]


def write_csv(delimiter: str = ",", line_end: str = "\n") -> str:
    return "".join(delimiter.join(map(str, row)) + line_end for row in (NAMES, *CELLS))


def write_parquet() -> bytes:
    file = io.BytesIO()
    pl.DataFrame(CELLS, schema=NAMES, orient="row").write_parquet(file)
    return file.getvalue()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("lines.jsonl", "\n".join(map(json.dumps, POSTS))),
        ("header.jsonl", "\n".join(map(json.dumps, [{"_meta": {"made": "x"}}, *POSTS]))),
        ("line.json", json.dumps(POSTS)),
        ("pretty.json", json.dumps(POSTS, indent=2)),
        ("objects.json", "\n".join(json.dumps(post, indent=2) for post in POSTS)),
        ("key.json", json.dumps({"next": None, "data": {"items": POSTS}}, indent=1)),
        ("video.json", json.dumps({"id": "v", "title": "A song", "comments": POSTS})),
        ("by_id.json", json.dumps({"posts": {f"p{post['id']}": post for post in POSTS}})),
        ("index.json", json.dumps({post["id"]: post for post in POSTS}, indent=1)),
        ("commas.json", ",\n".join(map(json.dumps, POSTS))),
        ("commas_pretty.json", ",\n".join(json.dumps(post, indent=1) for post in POSTS)),
        ("lines.csv", "\n".join(map(json.dumps, POSTS))),
        ("commas.csv", write_csv()),
        ("semicolons.csv", write_csv(";")),
        ("pipes.txt", write_csv("|")),
        ("tabs.csv", write_csv("\t")),
        ("tabs.txt", write_csv("\t")),
        ("commas.tsv", write_csv()),
        ("returns.csv", write_csv(line_end="\r")),
        ("trailing.csv", write_csv(line_end=",\n")),
        ("excel.txt", write_csv("\t", "\r\n").encode("utf-16")),
        ("comment.csv", "# from a forum, by hand\n" + write_csv()),
        ("escaped.csv", write_csv().replace("the heron came", r'"the \"heron\", it came"')),
        ("latin.csv", write_csv().replace("heron", "h\u00e9ron").encode("cp1252")),
        ("rows.parquet", write_parquet()),
    ],
)
def test_the_plan_that_sniff_proposes_reads_the_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, content: str | bytes
) -> None:
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    sniff(str(path), rows=1)
    shown = capsys.readouterr().out
    pasted = shown[shown.index("sources:") : shown.index("\n\n", shown.index("output:"))]
    plan_path = tmp_path / "plan.yaml"
    plan_path.write_text(pasted)
    (source,) = Plan.load(plan_path).sources
    assert source.reader == "table"
    batches = list(readers.find("table").read(str(path), source.config, 100, None))
    posts = pl.concat(batch.posts for batch in batches)
    assert posts["id"].to_list() == [f"table:{n}" for n in range(1, 5)]
    assert all("ron" in text for text in posts["text"])
    assert posts["author"].to_list() == ["u1", "u2", "u3", "u4"]
    assert posts["created_at"].dt.day().to_list() == [1, 2, 3, 4]
    assert posts["score"].to_list() == [1, 2, 3, 4]
    assert posts["root_id"].to_list() == ["table:1"] * 4
    refused = [reason for batch in batches for reason in batch.refused["reason"]]
    assert refused == (["no_id"] if name == "header.jsonl" else [])


@pytest.mark.slow
def test_a_plan_of_sniff_builds(tmp_path: Path) -> None:
    (tmp_path / "found.json").write_text(json.dumps({"comments": POSTS}, indent=1))
    shown = command("sniff", "found.json", cwd=tmp_path).stdout
    assert '"records": "comments"' in shown
    pasted = shown[shown.index("sources:") : shown.index("\n\n", shown.index("output:"))]
    (tmp_path / "plan.yaml").write_text(pasted + "\nrun: {runner: serial}\n")
    done = command("build", "plan.yaml", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    manifest = json.loads((tmp_path / "out/found/manifest.json").read_text())
    assert (manifest["totals"]["read"], manifest["totals"]["refused"]) == (4, 0)


def test_records_of_a_known_reader_are_found_under_their_key(tmp_path: Path) -> None:
    path = tmp_path / "page.json"
    path.write_text(json.dumps({"after": None, "data": {"found": [REDDIT, REDDIT]}}, indent=1))
    best = detect_format.propose_sources(str(path))[0]
    assert (best.reader, best.settings) == ("reddit", {"path": str(path), "records": "data.found"})


def test_a_post_with_one_answer_is_a_post(tmp_path: Path) -> None:
    path = tmp_path / "post.json"
    for answers, records in ((POSTS[:1], None), (POSTS[:2], "answers")):
        path.write_text(json.dumps({"id": "1", "text": "tea?", "answers": answers}, indent=1))
        best = detect_format.propose_sources(str(path))[0]
        assert best.settings.get("records") == records


@pytest.mark.parametrize("content", [b"", b"\x00\x01\x02" * 99, b"just words\n"])
def test_a_file_that_no_reader_fits_is_an_error(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "odd"
    path.write_bytes(content)
    done = command("sniff", str(path))
    assert done.returncode == 2
    assert "no reader fits" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_wrong_path_is_an_error(tmp_path: Path) -> None:
    done = command("sniff", str(tmp_path / "absent"))
    assert (done.returncode, "no file or folder at" in done.stderr) == (2, True)


TWEET = {
    "created_at": "Mon Apr 19 17:52:00 +0000 2010", "id": 1, "id_str": "1", "text": "tea",
    "user": {"id": 12, "id_str": "12", "screen_name": "ada", "protected": False}, "lang": "en",
}  # fmt: skip


def test_the_head_of_a_file_never_overrides_the_reader_of_the_plan(
    tmp_path: Path, plan: Callable[..., dict[str, Any]]
) -> None:
    path = write_lines(tmp_path / "dump", [*[REDDIT] * 300, TWEET])
    made = plan(sources=[{"x_stream": {"path": str(path)}}], stages=[])
    warning = (
        "source 1 (x_stream): its first file looks like 'reddit' and is read by x_stream, as the "
        "plan says; 'corpus sniff' shows the posts in it"
    )
    manifest = corpus.build(made)
    assert (manifest["totals"]["kept"], manifest["totals"]["refused"]) == (1, 300)
    assert manifest["warnings"][0] == warning
    assert warning in html.unescape((tmp_path / "out" / "report.html").read_text())
    (tmp_path / "plan.yaml").write_text(yaml.safe_dump(made))
    done = command("check", str(tmp_path / "plan.yaml"))
    assert (done.returncode, f"warning: {warning}" in done.stderr) == (0, True)
    assert (
        "warning: source 1 (x_stream): of the first 301 records, 300 refused: no_id" in done.stderr
    )


def test_a_file_that_looks_like_another_reader_s_may_end_the_build(
    tmp_path: Path, plan: Callable[..., dict[str, Any]]
) -> None:
    path = write_lines(tmp_path / "dump", [*[REDDIT] * 3, TWEET])
    source = {"x_archive": {"path": str(path)}}
    with pytest.raises(PlanError, match=r"looks like 'reddit', and 'x_archive' finds no post"):
        corpus.build(plan(sources=[source], stages=[]))
    source = {"x_stream": {"path": str(path), "max_refused": 0.5}}
    with pytest.raises(BuildError, match=r"3 of 4 records were refused .* max_refused is 0.5"):
        corpus.build(plan(sources=[source], stages=[]), out=str(tmp_path / "other"))
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


def test_files_beside_the_dumps_of_a_folder_are_listed_and_not_read(tmp_path: Path) -> None:
    folder = tmp_path / "dumps"
    folder.mkdir()
    record = '{"id": "c1", "body": "tea", "link_id": "t3_1", "subreddit": "maths"}\n'
    for name in ("RC_2024.jsonl", "notes.txt", "broken.jsonl", "index.json", "part-1"):
        (folder / name).write_text(record if name not in ("notes.txt", "broken.jsonl") else "x")
    (folder / "chat.txt").write_text(record)
    for name in ("README.md", "README", "LICENSE", "SHA256SUMS", ".DS_Store", "RC.zst.sha256"):
        (folder / name).write_text("what this is\n")
    found = detect_format.list_inputs("reddit", str(folder))
    names = ["RC_2024.jsonl", "broken.jsonl", "chat.txt", "index.json", "part-1"]
    assert [Path(file).name for file in found] == names, "a damaged dump is a dump"
    beside = [Path(file).name for file in detect_format.list_beside("reddit", str(folder))]
    assert beside == [
        ".DS_Store", "LICENSE", "RC.zst.sha256", "README", "README.md", "SHA256SUMS", "notes.txt",
    ]  # fmt: skip
    # Whoever names a file wants it.
    assert detect_format.list_inputs("reddit", str(folder / "README")) == [f"{folder}/README"]
    assert len(detect_format.list_inputs("reddit", f"{folder}/*.md")) == 1
    plan = tmp_path / "plan.yaml"
    plan.write_text(f"sources:\n  - reddit: {{path: {folder}}}\noutput: {{path: {tmp_path}/out}}\n")
    checked = command("check", str(plan))
    assert checked.returncode == 0 and "sources  5 files" in checked.stdout
    assert (
        "source 1 (reddit): these files do not look like dumps and are not read: .DS_Store, LICENSE"
        in (checked.stderr)
    )
    for name in names:
        (folder / name).unlink()
    assert f"folder '{folder}' has no dump of this reader" in command("check", str(plan)).stderr
