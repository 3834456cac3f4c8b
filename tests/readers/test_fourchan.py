"""4chan's threads and posts."""

from __future__ import annotations

import gzip
import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from corpus import readers
from corpus.readers import contract, fourchan, fourchan_dump
from corpus.readers.contract import Batch, Post, Refused, Sample, Skipped
from corpus.readers.fourchan import Config
from tests.conftest import write_lines

OPENER: dict[str, Any] = {
    "no": 100,
    "resto": 0,
    "now": "04/19/10(Mon)13:52:00",
    "time": 1_271_699_520,
    "name": "Anonymous",
    "sub": "Kettles &amp; pots",
    "com": 'Which one?<br><span class="quote">&gt;not blue</span><br>a long<wbr>word',
    "filename": "kettle",
    "replies": 2,
    "sticky": 1,
    "country": "BE",
}
REPLY: dict[str, Any] = {
    "no": 101,
    "resto": 100,
    "time": 1_271_699_521,
    "name": "Anonymous",
    "com": '<a href="#p100" class="quotelink">&gt;&gt;100</a><br>The blue one.',
}
LATER: dict[str, Any] = {
    **REPLY,
    "no": 102,
    "com": '<a href="#p101" class="quotelink">&gt;&gt;101</a><br>'
    '<a href="#p100" class="quotelink">&gt;&gt;100</a><br>'
    '<span class="quote">&gt;The blue one.</span><br>No.',
}
THREAD: dict[str, Any] = {"posts": [OPENER, REPLY, LATER]}


def decode(row: object, told: str = "g", **config: Any) -> list[contract.Record]:
    made = fourchan.make_decoder(Config(path="x", **config), told)
    return list(made(json.dumps(row).encode()))


def post(row: dict[str, Any], **changes: Any) -> Post:
    (record,) = decode({**row, **changes})
    assert isinstance(record, Post)
    return record


def test_the_first_post_opens_the_thread() -> None:
    assert Post(
        id="4chan:g/100",
        text="Kettles & pots\n\nWhich one?\n>not blue\na longword",
        community="g",
        created_at=1_271_699_520_000_000,
        root_id="4chan:g/100",
        replies=2,
        sensitive=False,
    ) == post(OPENER)


def test_the_parent_of_a_reply_is_the_first_post_that_it_quotes() -> None:
    (_, reply, later) = decode(THREAD)
    assert (
        Post(
            id="4chan:g/101",
            text="The blue one.",
            kind="reply",
            community="g",
            created_at=1_271_699_521_000_000,
            parent_id="4chan:g/100",
            root_id="4chan:g/100",
            sensitive=False,
        )
        == reply
    )
    assert isinstance(later, Post)
    assert (">The blue one.\nNo.", "4chan:g/101", "4chan:g/100") == (
        later.text, later.parent_id, later.root_id,
    )  # fmt: skip
    assert decode(THREAD) == [post(row) for row in (OPENER, REPLY, LATER)]


def link(address: str, number: int) -> str:
    return f'<a href="{address}" class="quotelink">&gt;&gt;{number}</a>'


@pytest.mark.parametrize(
    ("com", "bare", "threaded"),
    [
        ("nothing quoted", 100, 100),
        (link("#p101", 101), 101, 101),
        (link("#p55", 55), 55, 100),  # deleted since, or never there
        (link("/g/thread/100#p101", 101), 101, 101),
        (link("/g/thread/100/kettles#p101", 101), 101, 101),
        (link("/g/thread/77#p78", 78) + link("#p101", 101), 101, 101),
        (link("/g/thread/77/kettles#p78", 78), 100, 100),
        ('<span class="deadlink">&gt;&gt;101</span>', 100, 101),
        (link("#p102", 102), 100, 100),  # itself
        (link("#p103", 103), 100, 100),  # what comes after it
        (link("#p" + "9" * 5000, 1), 100, 100),
    ],
)
def test_only_an_earlier_post_of_the_thread_is_a_parent(com: str, bare: int, threaded: int) -> None:
    assert f"4chan:g/{bare}" == post(LATER, com=com).parent_id
    last = decode({"posts": [OPENER, REPLY, {**LATER, "com": com}, {**LATER, "no": 103}]})[2]
    assert isinstance(last, Post)
    assert f"4chan:g/{threaded}" == last.parent_id


@pytest.mark.parametrize(
    ("com", "text"),
    [
        (link("#p100", 100), ""),
        (link("#p100", 100) + " " + link("#p101", 101) + "<br><br>hi", "hi"),
        (link("#p100", 100) + " (OP)<br>hi", "hi"),
        (link("#p100", 100) + " hi", ">>100 hi"),
        ("hi<br>" + link("#p100", 100), "hi\n>>100"),
        ('<span class="quote">&gt;green</span>', ">green"),
        ('<span class="quote">&gt;&gt;green</span>', ">>green"),
        ('<a class="quotelink" href="//x/v/">&gt;&gt;&gt;/v/</a> hi', ">>>/v/ hi"),
        ("<s>spoiler</s> &amp;lt;", "spoiler &lt;"),
        ('<pre class="prettyprint">a<br>  b</pre>', "```\na\n  b\n```"),
    ],
)
def test_only_lines_that_quote_a_number_are_dropped(com: str, text: str) -> None:
    assert text == post(LATER, com=com).text


@pytest.mark.parametrize(
    ("changes", "author"),
    [
        ({}, None),
        ({"name": "Ada"}, "g/100/name:Ada"),
        ({"name": "Ada", "id": "Xy12"}, "g/100/Xy12"),
        ({"trip": "!abc", "id": "Xy12"}, "g/100/!abc"),
    ],
)
def test_an_author_is_identified_within_one_thread_only(
    changes: dict[str, Any], author: str | None
) -> None:
    assert author == post(REPLY, **changes).author


def test_the_board_decides_what_is_sensitive() -> None:
    assert not post(OPENER).sensitive
    (record,) = decode(OPENER, "b")
    assert isinstance(record, Post) and record.sensitive
    (record,) = decode(OPENER, "b", worksafe=("b",))
    assert isinstance(record, Post) and not record.sensitive


@pytest.mark.parametrize(
    ("row", "around", "config", "board"),
    [
        (None, None, {}, "g"),
        ("pol", None, {}, "pol"),
        ("/Pol/", None, {}, "pol"),
        (None, "v", {}, "v"),
        ("pol", "v", {}, "pol"),
        ("pol", "v", {"board": "x"}, "x"),
        ("../..", None, {}, "g"),
    ],
)
def test_the_board_is_from_the_config_the_post_or_the_file_name(
    row: str | None, around: str | None, config: dict[str, str], board: str
) -> None:
    (record,) = decode({"board": around, "posts": [{**OPENER, "board": row}]}, **config)
    assert isinstance(record, Post)
    assert f"4chan:{board}/100" == record.id


@pytest.mark.parametrize(
    ("path", "member", "board"),
    [
        ("pol_0616-1119_labeled.ndjson", "", "pol"),
        ("d/g.json.gz", "", "g"),
        ("d/g/thread/100.json", "", "g"),
        ("d/g/100.json", "", "g"),
        ("d/all.tar", "v/res/100.json", "v"),
        ("d/pol.tar", "100.json", "pol"),
        ("d/e/f/g/h/100.json", "", "h"),
        ("d/g/kettles/100.json", "", ""),
        ("", "", ""),
    ],
)
def test_the_board_is_found_in_the_names_of_files_and_folders(
    path: str, member: str, board: str
) -> None:
    assert board == fourchan.find_board(path, member)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"no": 100.0}, "no_id"),
        ({"no": None}, "no_id"),
        ({"no": "9" * 5000}, "no_id"),
        ({"resto": None}, "no_thread"),
        ({"com": None}, "no_text"),
    ],
)
def test_what_cannot_be_a_post_is_refused(changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(Refused, match=reason):
        post(REPLY, **changes)
    (refused,) = decode({"posts": [{**REPLY, **changes}]})
    assert isinstance(refused, Refused) and reason == refused.reason
    with pytest.raises(Refused, match="no_board"):
        decode(REPLY, "")


def test_a_picture_without_text_is_a_post_with_empty_text() -> None:
    assert "" == post({**REPLY, "com": None}, tim=12).text


def test_a_malformed_post_does_not_refuse_its_thread() -> None:
    records = decode({"posts": [OPENER, {**REPLY, "com": []}, 5, LATER]})
    kinds = sorted(type(record).__name__ for record in records)
    assert ["Post", "Post", "Refused", "Refused"] == kinds
    assert [Skipped("empty_thread")] == decode({"posts": []})


def read(path: Path, part_posts: int = 1000, **config: Any) -> list[Batch]:
    made = Config(path=str(path), **{"board": "g", **config})
    return list(fourchan.read(str(path), made, part_posts))


def numbers(batches: list[Batch]) -> list[tuple[int, int]]:
    rows = [row for batch in batches for row in batch.posts.select("id", "source_row").rows()]
    return [(int(name.split("/")[1]), row) for name, row in rows]


def reasons(batches: list[Batch]) -> list[tuple[int, str]]:
    return [row for batch in batches for row in batch.refused.drop("source_file").rows()]


PRETTY = json.dumps(THREAD, indent=2).encode()
ONE_A_LINE = b'{"posts": [\n' + b",\n".join(json.dumps(p).encode() for p in THREAD["posts"]) + b"]}"


@pytest.mark.parametrize(
    ("content", "rows"),
    [
        (json.dumps(THREAD).encode(), (1, 1, 1)),
        (b"\xef\xbb\xbf" + PRETTY, (1, 1, 1)),
        (b"\r\n" + PRETTY.replace(b"\n", b"\r\n"), (1, 1, 1)),
        (ONE_A_LINE, (1, 1, 1)),
        (b"[\n" + ONE_A_LINE + b"\n]\n", (1, 1, 1)),
        (json.dumps(THREAD["posts"], indent=1).encode(), (1, 1, 1)),
        (b"\n".join(json.dumps(p).encode() for p in THREAD["posts"]), (1, 2, 3)),
        (b"\n".join(json.dumps(p, indent=1).encode() for p in THREAD["posts"]), (1, 2, 3)),
    ],
)
def test_a_thread_may_fill_a_line_or_a_file(
    content: bytes, rows: tuple[int, ...], tmp_path: Path
) -> None:
    path = tmp_path / "thread.json"
    path.write_bytes(content)
    batches = read(path)
    assert list(zip((100, 101, 102), rows, strict=True)) == numbers(batches)
    assert [] == reasons(batches)


def test_a_file_that_is_one_value_is_bounded(tmp_path: Path) -> None:
    path = tmp_path / "thread.json"
    path.write_bytes(PRETTY.replace(b"Which one?", b"x" * (1 << 20)))
    assert [(1, "line_too_long")] == reasons(read(path, max_line_mb=1))
    assert 3 == len(numbers(read(path, max_line_mb=2)))


def test_a_cut_thread_is_refused_once(tmp_path: Path) -> None:
    path = tmp_path / "thread.json"
    path.write_bytes(PRETTY[:-40])
    assert [(1, "truncated_stream")] == reasons(read(path))
    packed = tmp_path / "thread.json.gz"
    packed.write_bytes(gzip.compress(PRETTY)[:-40])
    (refusal,) = reasons(read(packed))
    assert "truncated_stream" == refusal[1]


def test_a_line_of_one_opening_bracket_does_not_refuse_the_others(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "posts.jsonl", [b'{"posts":[{', OPENER, REPLY])
    batches = read(path)
    assert ([(100, 2), (101, 3)], [(1, "malformed_json")]) == (numbers(batches), reasons(batches))


def thread(number: int) -> dict[str, Any]:
    return {"posts": [{**OPENER, "no": number}, {**REPLY, "no": number + 1, "resto": number}]}


def test_lines_are_read_to_the_end_and_resume(tmp_path: Path) -> None:
    half = json.dumps(thread(70)).replace("Which", "\\ud83d").encode()
    lines: list[Any] = [
        thread(10), b"", thread(20), b'{"posts": [', {**OPENER, "no": []}, half, {"posts": 5},
        OPENER, b"{",
    ]  # fmt: skip
    path = write_lines(tmp_path / "threads.ndjson", lines)
    batches = read(path, 2)
    expected = [(10, 1), (11, 1), (20, 3), (21, 3), (70, 6), (71, 6), (100, 8)]
    assert expected == numbers(batches)
    faults = [(4, "malformed_json"), (5, "wrong_type"), (7, "wrong_type"), (9, "malformed_json")]
    assert faults == reasons(batches)
    config = Config(path=str(path), board="g")
    for number, batch in enumerate(batches[:-1]):
        rest = list(fourchan.read(str(path), config, 2, batch.cursor))
        assert [b.posts.rows() for b in batches[number + 1 :]] == [b.posts.rows() for b in rest]


@pytest.mark.parametrize(
    ("head", "share"),
    [
        (json.dumps(THREAD).encode(), 1.0),
        (json.dumps(OPENER).encode() + b"\n" + json.dumps(REPLY).encode(), 1.0),
        (PRETTY[:400], 1.0),
        (b'{"posts": [{"id": 1}]}', 0.0),
        (b'{\n "posts": [\n  {"id": 1}', 0.0),
        (b'{"no": 1, "text": "x"}', 0.0),
        (b"", 0.0),
    ],
)
def test_threads_are_detected(head: bytes, share: float) -> None:
    assert share == fourchan.fits(Sample("x", (), head))


# --------------------------------------------------------------------------- FoolFuuka

FUUKA: dict[str, Any] = {
    "doc_id": "9",
    "num": "100",
    "subnum": "0",
    "thread_num": "100",
    "op": "1",
    "timestamp": 1_714_521_600,
    "name": "Anonymous",
    "trip": None,
    "poster_hash": None,
    "title": "Tea &amp; cake",
    "comment": "which <kettle>?",
    "comment_processed": "which &lt;kettle&gt;?",
    "deleted": "0",
    "nreplies": 2,
    "board": {"name": "Technology", "shortname": "g"},
    "media": None,
}


def fuuka(number: str, comment: str, **changes: Any) -> dict[str, Any]:
    row = {**FUUKA, "num": number, "op": "0", "title": None, "comment": comment}
    return {**row, "nreplies": None, **changes}


def decode_fuuka(row: Any) -> list[Any]:
    config = fourchan.Config(path="x")
    return list(fourchan.make_decoder(config, "")(json.dumps(row).encode()))


def test_threads_of_an_archive_are_read_with_their_quotes() -> None:
    replies = [
        fuuka("101", ">>100\na black one"),
        fuuka("102", ">>101\nno, red", deleted="1"),
        fuuka("102", "written in the archive", subnum="1"),
    ]
    posts = {one["num"] + "_" + one["subnum"]: one for one in replies}
    found = decode_fuuka({"100": {"op": FUUKA, "posts": posts}})
    columns = [(one.id, one.kind, one.parent_id, one.text, one.withdrawn) for one in found]
    assert columns == [
        ("4chan:g/100", "post", None, "Tea & cake\n\nwhich <kettle>?", None),
        ("4chan:g/101", "reply", "4chan:g/100", "a black one", None),
        ("4chan:g/102", "reply", "4chan:g/101", "no, red", "deleted_later"),
        ("4chan:g/102_1", "reply", "4chan:g/102", "written in the archive", None),
    ]
    assert {one.root_id for one in found} == {"4chan:g/100"}
    assert (found[0].community, found[0].created_at, found[0].replies) == (
        "g",
        1_714_521_600_000_000,
        2,
    )


def test_searches_and_single_posts_of_an_archive_are_read() -> None:
    search = {"0": {"posts": [FUUKA, fuuka("101", "x")]}, "meta": {"total_found": 2}}
    assert [one.id for one in decode_fuuka(search)] == ["4chan:g/100", "4chan:g/101"]
    assert [one.id for one in decode_fuuka(FUUKA)] == ["4chan:g/100"]
    for row in (search, FUUKA, {"100": {"op": FUUKA, "posts": {}}}):
        assert fourchan.fits(Sample("x", (), json.dumps(row).encode())) == 1


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"num": None}, "no_id"),
        ({"thread_num": "x"}, "no_thread"),
        ({"board": None}, "no_board"),
        ({"comment": None, "title": None}, "no_text"),
        ({"comment": 7}, "wrong_type"),
    ],
)
def test_a_malformed_post_of_an_archive_is_refused(changes: dict[str, Any], reason: str) -> None:
    first, last = decode_fuuka({"0": {"posts": [{**FUUKA, **changes}, fuuka("101", "x")]}})
    (refused,) = (one for one in (first, last) if not isinstance(one, Post))
    assert refused.reason == reason


# --------------------------------------------------------------------------- database dumps


def dump_row(number: str, comment: str, **changes: str) -> str:
    """Return a row as MySQL writes it: fields in quotes, and the null without."""
    values = dict.fromkeys(fourchan_dump.COLUMNS, "0") | {
        "num": number,
        "thread_num": "100",
        "timestamp": "1271685120",  # 2010-04-19 13:52:00 in New York
        **dict.fromkeys(("media_hash", "media_filename", "trip", "title", "exif"), "\\N"),
        **dict.fromkeys(("poster_hash", "poster_country", "preview_orig", "media_orig"), "\\N"),
        "name": "Anonymous",
        "comment": comment,
        **changes,
    }
    return ",".join(cell if cell == "\\N" else f'"{cell}"' for cell in values.values())


DUMP_ROWS = (
    dump_row("100", 'Which \\"kettle\\"?\\\n>not blue', title="Kettles", op="1"),
    dump_row("101", ">>100\\\nThe C:\\\\\\\\blue one, [spoiler]or[/spoiler] not"),
    dump_row("102", ">>101\\\n>>99\\\n[code]\\\nx = 1\\\n[/code]", trip="!ada"),
    dump_row("102", "said in the archive", subnum="1"),
    dump_row("103", "spam", deleted="1"),
    dump_row("104", "\\N", media_hash="qrtz=="),
    dump_row("105", "\\N"),
    dump_row("106", "no time", timestamp="1"),
)


def read_dump(folder: Path, text: str, name: str = "g.csv", **config: Any) -> Batch:
    path = folder / name
    path.write_text(text)
    (found,) = fourchan.read(str(path), Config(path=str(path), **config), 100)
    return found


def test_a_database_dump_without_a_header_is_read(tmp_path: Path) -> None:
    found = read_dump(tmp_path, "\n".join(DUMP_ROWS) + "\n")
    assert found.posts.select("id", "text", "parent_id", "author", "withdrawn").rows() == [
        ("4chan:g/100", 'Kettles\n\nWhich "kettle"?\n>not blue', None, None, None),
        ("4chan:g/101", "The C:\\\\blue one, or not", "4chan:g/100", None, None),
        ("4chan:g/102", "```\nx = 1\n```", "4chan:g/101", "g/100/!ada", None),
        ("4chan:g/102_1", "said in the archive", "4chan:g/102", None, None),
        ("4chan:g/103", "spam", "4chan:g/100", None, "deleted_later"),
        ("4chan:g/104", "", "4chan:g/100", None, None),
        ("4chan:g/106", "no time", "4chan:g/100", None, None),
    ]
    assert set(found.posts["root_id"]) == {"4chan:g/100"}
    assert found.posts["created_at"].dt.epoch("s").to_list() == [1_271_699_520] * 6 + [None]
    assert found.refused.rows() == [(str(tmp_path / "g.csv"), 7, "no_text")]
    assert found.unreadable == {"created_at": 1}


@pytest.mark.parametrize("prefix", [("doc_id",), ("doc_id", "media_id", "poster_ip")])
@pytest.mark.parametrize("has_header", [True, False])
def test_the_columns_of_a_dump_are_found(
    prefix: tuple[str, ...], has_header: bool, tmp_path: Path
) -> None:
    columns = (*prefix, *fourchan_dump.COLUMNS)
    rows = [*[",".join(columns)] * has_header, '"7",' * len(prefix) + DUMP_ROWS[1]]
    found = read_dump(tmp_path, "\n".join(rows), name="dump.csv", board="po")
    assert found.posts.select("id", "source_row").rows() == [("4chan:po/101", len(rows))]
    head = "\n".join(rows).encode()
    assert fourchan.fits(Sample("dump.csv", (), head)) == 1
    assert readers.find("table").fits(Sample("dump.csv", (), head)) < 0.5


def test_a_dump_goes_on_where_a_batch_ended(tmp_path: Path) -> None:
    path = tmp_path / "g.csv"
    path.write_text("\n".join(DUMP_ROWS))
    first, *_ = fourchan.read(str(path), Config(path=str(path)), 3)
    rest = list(fourchan.read(str(path), Config(path=str(path)), 100, first.cursor))
    ids = [*first.posts["id"], *(name for batch in rest for name in batch.posts["id"])]
    assert ids == read_dump(tmp_path, "\n".join(DUMP_ROWS)).posts["id"].to_list()


@pytest.mark.parametrize(
    "written, hours",
    [
        ("2024-01-15T12:00", 5),
        ("2024-07-15T12:00", 4),
        ("2024-03-10T01:59", 5),
        ("2024-03-10T03:00", 4),
        ("2024-11-03T00:59", 4),
        ("2024-11-03T02:00", 5),
        ("2006-04-02T03:00", 4),
        ("2006-03-15T12:00", 5),
        ("2006-10-29T02:00", 5),
        ("2006-10-28T12:00", 4),
    ],
)
def test_times_of_dumps_are_those_of_new_york(written: str, hours: int) -> None:
    local = int(datetime.fromisoformat(f"{written}+00:00").timestamp())
    assert fourchan_dump.parse_new_york_seconds(str(local)) == local + 3600 * hours
