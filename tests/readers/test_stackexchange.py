"""Stack Exchange's dumps."""

from __future__ import annotations

import gzip
import io
import random
import tarfile
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

import py7zr
import pytest

from corpus.errors import PlanError
from corpus.formats.html import html_to_text
from corpus.readers import contract, stackexchange
from corpus.readers.contract import Post, Refused, Sample, Skipped
from corpus.readers.stackexchange import Config

SITE = "kettles.stackexchange.com"
QUESTION = {
    "Id": "4",
    "PostTypeId": "1",
    "AcceptedAnswerId": "7",
    "CreationDate": "2012-07-31T21:42:52.667",
    "Score": "-3",
    "Body": "<p>How do I <em>descale</em> it?\n&amp;amp; why</p>\n\n"
    "<pre><code>x < 1\n</code></pre>",
    "OwnerUserId": "8",
    "Title": "Is a <kettle> a pot?",
    "Tags": "|tea|",
    "AnswerCount": "2",
    "ContentLicense": "CC BY-SA 4.0",
}
ANSWER = {
    "Id": "7",
    "PostTypeId": "2",
    "ParentId": "4",
    "CreationDate": "2012-07-31T22:17:57.883",
    "Score": "29",
    "Body": "<p>Vinegar.</p>",
    "OwnerDisplayName": 'a "b" \u00e9',
}
COMMENT = {
    "Id": "11",
    "PostId": "7",
    "Score": "1",
    "Text": "Use `List<String>` &amp; <b>not</b> a list",
    "CreationDate": "2019-07-31T22:17:57.883",
    "UserId": "9",
}


def row(fields: dict[str, str]) -> str:
    given = " ".join(f"{name}={quoteattr(value)}" for name, value in fields.items())
    return f"  <row {given} />\n".replace("&#10;", "&#xA;")


def table(name: str, *rows: dict[str, str] | str) -> bytes:
    body = "".join(one if isinstance(one, str) else row(one) for one in rows)
    return f'\ufeff<?xml version="1.0" encoding="utf-8"?>\n<{name}>\n{body}</{name}>'.encode()


def decode(fields: dict[str, str | None], name: str = "posts") -> contract.Record:
    given = {key: value for key, value in fields.items() if value is not None}
    made = stackexchange.make_decoder(name, SITE)
    (record,) = made(row(given).strip().removeprefix("<row").encode())
    if isinstance(record, Refused):
        raise record
    return record


def post(fields: dict[str, str], name: str = "posts", **changes: str | None) -> Post:
    record = decode({**fields, **changes}, name)
    assert isinstance(record, Post)
    return record


def read(path: Path, part_posts: int = 1000, **config: Any) -> list[contract.Batch]:
    made = Config(path=str(path), **{"site": SITE, **config})
    return list(stackexchange.read(str(path), made, part_posts))


def write(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def test_a_question_opens_a_thread_and_names_the_answer_it_accepted() -> None:
    assert Post(
        id=f"stackexchange:{SITE}/4",
        text="Is a <kettle> a pot?\n\nHow do I descale it? &amp; why\n\n```\nx < 1\n```",
        author=f"{SITE}/8",
        community=SITE,
        created_at=1_343_770_972_667_000,
        root_id=f"stackexchange:{SITE}/4",
        score=-3,
        replies=2,
        license="CC BY-SA 4.0",
        accepted_id=f"stackexchange:{SITE}/7",
    ) == post(QUESTION)


def test_an_answer_replies_to_its_question() -> None:
    assert Post(
        id=f"stackexchange:{SITE}/7",
        text="Vinegar.",
        kind="reply",
        author=f'{SITE}/name:a "b" \u00e9',
        community=SITE,
        created_at=1_343_773_077_883_000,
        parent_id=f"stackexchange:{SITE}/4",
        root_id=f"stackexchange:{SITE}/4",
        score=29,
        license="CC BY-SA 3.0",
    ) == post(ANSWER)


def test_a_comment_is_read_as_it_was_typed() -> None:
    assert Post(
        id=f"stackexchange:{SITE}/c11",
        text="Use `List<String>` &amp; <b>not</b> a list",
        kind="comment",
        author=f"{SITE}/9",
        community=SITE,
        created_at=1_564_611_477_883_000,
        parent_id=f"stackexchange:{SITE}/7",
        score=1,
        license="CC BY-SA 4.0",
    ) == post(COMMENT, "comments")


@pytest.mark.parametrize(
    ("day", "name"),
    [
        ("2011-04-07T23:59:59.999", "CC BY-SA 2.5"),
        ("2011-04-08T00:00:00.000", "CC BY-SA 3.0"),
        ("2018-05-01T23:59:59.999", "CC BY-SA 3.0"),
        ("2018-05-02T00:00:00.000", "CC BY-SA 4.0"),
        ("once", None),
    ],
)
def test_a_missing_license_is_set_by_the_date(day: str, name: str | None) -> None:
    assert name == post(ANSWER, CreationDate=day).license


def test_the_community_account_is_a_bot_and_an_unknown_account_is_null() -> None:
    community = post(ANSWER, OwnerUserId="-1")
    assert (community.author, community.bot) == (f"{SITE}/-1", True)
    assert None is post(ANSWER, OwnerDisplayName=None).author


@pytest.mark.parametrize(
    ("kind", "what"), [("4", "tag_wiki_excerpt"), ("5", "tag_wiki"), ("99", "other")]
)
def test_what_is_no_question_and_no_answer_is_skipped(kind: str, what: str) -> None:
    assert Skipped(f"not_a_post: {what}") == decode({**ANSWER, "PostTypeId": kind})


@pytest.mark.parametrize("number", ["1000000001", "1000000010"])
def test_the_two_posts_that_no_site_has_are_skipped(number: str) -> None:
    assert Skipped("fabricated") == decode({**ANSWER, "Id": number})
    assert "c" in post({**COMMENT, "Id": number}, "comments").id


def test_a_deleted_post_is_withdrawn_even_without_its_text() -> None:
    gone = post(ANSWER, Body=None, DeletionDate="2013-01-01T00:00:00")
    assert ("", "deleted") == (gone.text, gone.withdrawn)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({**ANSWER, "Id": "7.0"}, "no_id"),
        ({**ANSWER, "Id": None}, "no_id"),
        ({**ANSWER, "Body": None}, "no_text"),
        ({**ANSWER, "PostTypeId": None, "PostId": None, "Body": "x"}, "no_type"),
    ],
)
def test_a_row_that_lacks_what_a_post_needs_is_refused(
    fields: dict[str, str | None], reason: str
) -> None:
    with pytest.raises(Refused, match=reason):
        decode(fields)


@pytest.mark.parametrize(
    ("attributes", "text"),
    [
        ("Body='&lt;p&gt;it&apos;s&lt;/p&gt;'", "it's"),
        ('Body = "a > b"', "a > b"),
        ('\n Body="&#x41;&#66;"\n', "AB"),
        ('Body="a&#x0;b&#xD800;&#1114112;"', "a\ufffdb\ufffd\ufffd"),
        ('Body="&amp;amp;lt; &amp;#65;"', "&lt; A"),
        ('Body="/&gt; />"', "/> />"),
    ],
)
def test_attributes_are_read_as_xml_has_them(attributes: str, text: str) -> None:
    made = stackexchange.make_decoder("posts", SITE)
    (record,) = made(f' Id="7" PostTypeId="2" {attributes}/>'.encode())
    assert isinstance(record, Post)
    assert text == record.text


BROKEN = [
    '  <row Id="5" PostTypeId="2" Body="never closed />\n',
    '  <row Id="5" PostTypeId="2" Body="a &nbsp; b" />\n',
    '  <row Id="5" PostTypeId="2" Body="a & b" />\n',
    '  <row Id="5" PostTypeId="2" Body="<p>" />\n',
    '  <row Id="5" PostTypeId=2 Body="x" />\n',
    '  <row Id="5" PostTypeId="2" Body="x"\n',
    '  <rwo Id="5" PostTypeId="2" Body="x" />\n',
]


@pytest.mark.parametrize("broken", BROKEN)
@pytest.mark.parametrize("chunk", [1, 7, 1 << 20])
def test_a_malformed_row_is_refused_alone(
    broken: str, chunk: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stackexchange, "_CHUNK_BYTES", chunk)
    path = write(tmp_path / "Posts.xml", table("posts", QUESTION, broken, ANSWER))
    (batch,) = read(path)
    assert [f"stackexchange:{SITE}/{n}" for n in (4, 7)] == batch.posts["id"].to_list()
    assert ["malformed_xml"] == batch.refused["reason"].to_list()
    torn = "<rwo" in broken
    assert [1 if torn else 2] == batch.refused["source_row"].to_list()
    assert [1, 2 if torn else 3] == batch.posts["source_row"].to_list()


def test_rows_need_no_lines(tmp_path: Path) -> None:
    content = table("posts", QUESTION, ANSWER).replace(b"\n", b"").replace(b" />", b"></row>")
    (batch,) = read(write(tmp_path / "Posts.xml", content))
    assert (2, 0) == (batch.posts.height, batch.refused.height)


def test_a_row_over_the_limit_is_refused_and_the_next_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stackexchange, "_CHUNK_BYTES", 1 << 16)
    long = {**QUESTION, "Body": "x" * (1 << 21)}
    path = write(tmp_path / "Posts.xml", table("posts", ANSWER, long, ANSWER, long))
    (batch,) = read(path, max_line_mb=1)
    assert [1, 3] == batch.posts["source_row"].to_list()
    assert [(2, "line_too_long"), (4, "line_too_long")] == batch.refused.drop("source_file").rows()


def test_a_file_that_is_cut_off_is_read_up_to_the_cut(tmp_path: Path) -> None:
    whole = table("posts", QUESTION, ANSWER)
    (batch,) = read(write(tmp_path / "Posts.xml", whole[:-60]))
    assert (["malformed_xml"], 1) == (batch.refused["reason"].to_list(), batch.posts.height)
    packed = gzip.compress(whole)[:-30]
    (batch,) = read(write(tmp_path / "Posts.xml.gz", packed))
    assert ["truncated_stream"] == batch.refused["reason"].to_list()


def test_declared_entities_and_doctypes_are_not_expanded(tmp_path: Path) -> None:
    evil = b'<!DOCTYPE posts [<!ENTITY a "b">]>'
    content = table("posts", ANSWER).replace(b"<posts>", evil + b"<posts>", 1)
    (batch,) = read(write(tmp_path / "Posts.xml", content))
    assert (0, ["doctype"]) == (batch.posts.height, batch.refused["reason"].to_list())


@pytest.mark.parametrize(
    ("content", "reasons"),
    [
        (b"", []),
        (table("posts"), []),
        (b"<posts />", []),
        (b"\x00\x01" * 300, ["not_text"]),
        (b"no xml\nat all\n", ["malformed_xml"] * 2),
        (b"<!--" * 100_000, ["malformed_xml"]),
        (b'<posts><row Id="1" PostTypeId="2" Body="x\xff"/></posts>', ["invalid_utf8"]),
    ],
)
def test_a_file_without_posts_has_none(content: bytes, reasons: list[str], tmp_path: Path) -> None:
    (batch,) = read(write(tmp_path / "Posts.xml", content))
    assert (0, reasons) == (batch.posts.height, batch.refused["reason"].to_list())


def test_rows_without_a_table_element_are_detected_by_their_attributes(tmp_path: Path) -> None:
    (batch,) = read(write(tmp_path / "x.xml", (row(ANSWER) + row(COMMENT)).encode()))
    assert [f"stackexchange:{SITE}/{n}" for n in ("7", "c11")] == batch.posts["id"].to_list()


def test_other_tables_are_skipped_as_a_whole(tmp_path: Path) -> None:
    path = write(tmp_path / "Users.xml", table("users", {"Id": "1", "DisplayName": "Ada"}))
    (batch,) = read(path, site="")
    assert (0, 0, {"table_users": 1}) == (
        batch.posts.height, batch.refused.height, batch.skipped,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("path", "member", "site"),
    [
        ("cstheory.meta.stackexchange.com.7z", "Posts.xml", "cstheory.meta.stackexchange.com"),
        ("d/stackoverflow.com-Posts.7z", "Posts.xml", "stackoverflow.com"),
        ("d/stackoverflow.com-Comments.7z", "Comments.xml", "stackoverflow.com"),
        ("d/mathoverflow.net/Posts.xml", "", "mathoverflow.net"),
        ("d/superuser.com/Comments.xml.zst", "", "superuser.com"),
        ("d/all.zip", "dump/askubuntu.com/Posts.xml", "askubuntu.com"),
        ("d/superuser.com.tar.gz", "Posts.xml#2", "superuser.com"),
    ],
)
def test_the_site_is_found_in_the_names_of_files_and_folders(
    path: str, member: str, site: str
) -> None:
    assert site == stackexchange.find_site(path, member, Config(path=path))
    assert "a.b" == stackexchange.find_site(path, member, Config(path=path, site="a.b"))


def test_a_site_that_is_in_no_name_must_be_set(tmp_path: Path) -> None:
    path = write(tmp_path / "dump" / "Posts.xml", table("posts", ANSWER))
    with pytest.raises(PlanError, match="set `site:`"):
        read(path, site="")


def archive(path: Path, members: dict[str, bytes]) -> Path:
    if path.suffix == ".7z":
        with py7zr.SevenZipFile(path, "w") as packed:
            for name, content in members.items():
                packed.writestr(content, name)
        return path
    with tarfile.open(path, "w") as tar:
        for name, content in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return path


def numbered(fields: dict[str, str], count: int) -> list[dict[str, str] | str]:
    return [{**fields, "Id": str(n)} for n in range(1, count + 1)]


@pytest.mark.parametrize("kind", ["7z", "tar"])
def test_the_posts_and_comments_of_an_archive_are_read_and_resume(
    kind: str, tmp_path: Path
) -> None:
    members = {
        "Badges.xml": b"never read",
        "Comments.xml": table("comments", *numbered(COMMENT, 5)),
        "Posts.xml": table("posts", *numbered(ANSWER, 5)),
    }
    path = archive(tmp_path / f"{SITE}.{kind}", members)
    batches = read(path, 2, site="")
    ids = [name for batch in batches for name in batch.posts["id"].to_list()]
    expected = [f"c{n}" for n in range(1, 6)] + [str(n) for n in range(1, 6)]
    assert [f"stackexchange:{SITE}/{name}" for name in expected] == ids
    assert f"{path}!Posts.xml" == batches[-2].posts["source_file"][-1]
    for number, batch in enumerate(batches[:-1]):
        config = Config(path=str(path))
        rest = list(stackexchange.read(str(path), config, 2, batch.cursor))
        assert [b.posts.rows() for b in batches[number + 1 :]] == [b.posts.rows() for b in rest]


def test_of_an_archive_only_posts_and_comments_are_opened() -> None:
    wanted = ["Posts.xml", "x.com/Comments.xml", "stackoverflow.com-Posts.xml", "posts.xml.gz"]
    other = ["PostLinks.xml", "PostHistory.xml", "Users.xml", "Votes.xml", "readme.txt"]
    assert wanted == [name for name in wanted + other if stackexchange.is_posts_or_comments(name)]


@pytest.mark.parametrize(
    ("sample", "share"),
    [
        (Sample("Posts.xml", (), table("posts", QUESTION)[:512]), 1.0),
        (Sample("Comments.xml", (), table("comments", COMMENT)[:512]), 0.9),
        (Sample("x.7z", ("Badges.xml", "Posts.xml"), b""), 1.0),
        (Sample("x.7z", ("Posts.xml",), b""), 0.9),
        (Sample("Users.xml", (), table("users", {"Id": "1"})), 0.0),
        (Sample("x", (), b'{"PostTypeId": 1}'), 0.0),
        (Sample("x", ("a.json",), b""), 0.0),
        (Sample("x", (), b""), 0.0),
    ],
)
def test_a_dump_is_detected(sample: Sample, share: float) -> None:
    assert share == stackexchange.fits(sample)


def test_a_real_site_is_read_as_an_xml_parser_reads_it(shared: Path) -> None:
    path = shared / "stackexchange" / "Posts.xml"
    (batch,) = read(path, 10_000)
    rows = [element.attrib for element in ET.parse(path).getroot()]
    kinds = [fields["PostTypeId"] for fields in rows]
    assert (1915, 1911) == (len(rows), batch.posts.height)
    assert (0, 4) == (batch.refused.height, sum(batch.skipped.values()))
    assert {"post": kinds.count("1"), "reply": kinds.count("2")} == dict(
        batch.posts["kind"].value_counts().iter_rows()
    )
    expected = {
        f"stackexchange:{SITE}/{fields['Id']}": "\n\n".join(
            filter(None, (fields.get("Title"), html_to_text(fields["Body"])))
        )
        for fields in rows
        if fields["PostTypeId"] in ("1", "2")
    }
    assert expected == dict(batch.posts.select("id", "text").iter_rows())
    parents = batch.posts["parent_id"].drop_nulls()
    assert parents.is_in(batch.posts["id"].implode()).sum() > 1300


def test_a_row_that_is_split_at_its_quotes_has_the_attributes_of_the_patterns() -> None:
    rng, split = random.Random(5), 0
    pieces = (
        *(' Id="1"', " Body=\"a &lt;b&gt; 'c'\"", "\n  Score = '2'", ' Text=""', ' x:y-z="="'),
        *(' Id="2"', " /", ">", "/>", "/>\n  ", '"', "<", "'", "=", " ", ' Title="/>"', "\x1f"),
    )
    for _ in range(5000):
        row = "".join(rng.choices(pieces, k=rng.randint(0, 4))) + rng.choice(("/>", "/>\n", ""))
        fields = stackexchange._split_row(row)
        if fields is None:
            continue
        split += 1
        match = stackexchange._ROW.match(row)
        assert match is not None, row
        assert not row[match.end() :].strip(), row
        found = stackexchange._PAIRS.findall(match[0])
        assert fields == {name: quoted or single for name, quoted, single in found}, row
    assert split > 500
    assert stackexchange._split_row(' Id="1" Text="it is &lt; 2" />\r\n') is not None
