"""Posts of Tumblr's API, in blocks and of the older types."""

from __future__ import annotations

import json
import zipfile
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from corpus.plan import detect_format
from corpus.readers import tumblr
from corpus.readers.contract import Batch, Post, Record, Refused, Sample

POST: dict[str, Any] = {
    "object_type": "post",
    "type": "blocks",
    "id": 7011,
    "id_string": "7011",
    "blog_name": "gull",
    "blog": {"name": "gull"},
    "state": "published",
    "timestamp": 1714521600,
    "tags": ["tides", "low water"],
    "note_count": 3,
    "reblog_key": "k",
    "content": [{"type": "text", "text": "low water"}],
    "layout": [],
    "trail": [],
}
ITEM: dict[str, Any] = {
    "post": {"id": "6001"},
    "blog": {"name": "tern"},
    "content": [{"type": "text", "text": "high tide"}],
    "layout": [],
}
OLD = {key: POST[key] for key in POST if key not in ("content", "layout", "type")}


def decode(row: object, **settings: Any) -> list[Record]:
    config = tumblr.Config(path="posts.jsonl", **settings)
    return list(tumblr.PostDecoder(config).decode(json.dumps(row).encode()))


def post_of(row: object, **settings: Any) -> Post:
    (post,) = decode(row, **settings)
    assert isinstance(post, Post)
    return post


def text_of(*blocks: Any, **changes: Any) -> str:
    return post_of({**POST, "content": list(blocks), **changes}).text


def test_a_post_of_blocks_is_read() -> None:
    assert post_of(POST) == Post(
        "tumblr:7011",
        "low water",
        author="gull",
        created_at=1_714_521_600_000_000,
        root_id="tumblr:7011",
        score=3,
    )
    assert post_of(POST, with_tags=True).text == "low water\n\n#tides #low water"


def test_blocks_become_lines_and_paragraphs() -> None:
    def line(text: str, subtype: str) -> dict[str, str]:
        return {"type": "text", "text": text, "subtype": subtype}

    poll = {"type": "poll", "question": "which?", "answers": [{"answer_text": "ebb"}]}
    assert text_of(line("Tides", "heading1"), {"type": "text", "text": "mud"}, poll) == (
        "Tides\n\nmud\n\nwhich?\n- ebb"
    )
    assert text_of(
        line("a", "unordered-list-item"), line("b", "unordered-list-item"), line("c", "quote")
    ) == ("- a\n- b\n\n> c")
    picture = {"type": "image", "alt_text": "a grey gull", "media": []}
    assert text_of(picture, {"type": "link", "url": "https://a.example", "title": "A"}) == ""
    assert post_of({**POST, "content": [picture]}, with_alt=True).text == "a grey gull"


def test_a_question_is_marked_as_a_quote() -> None:
    ask = [{"type": "ask", "blocks": [0], "attribution": {"blog": {"name": "tern"}}}]
    question, answer = {"type": "text", "text": "when?"}, {"type": "text", "text": "at noon"}
    assert text_of(question, answer, layout=ask) == "> when?\n\nat noon"
    old = {**OLD, "type": "answer", "question": "when?", "answer": "<p>at noon</p>"}
    assert post_of(old).text == "> when?\n\nat noon"


def test_reblogs_are_reposts_and_with_words_quotes() -> None:
    first = {**ITEM, "post": {"id": "5001"}, "blog": {"name": "auk"}}
    repost = post_of({**POST, "content": [], "trail": [first, ITEM]})
    assert (repost.kind, repost.text, repost.original_author) == ("repost", "high tide", "tern")
    assert (repost.parent_id, repost.root_id) == ("tumblr:6001", "tumblr:5001")
    quote = post_of({**POST, "trail": [first, ITEM]})
    assert (quote.kind, quote.text, quote.original_author) == ("quote", "low water", None)
    assert (quote.parent_id, quote.root_id) == ("tumblr:6001", "tumblr:5001")


def test_reblogs_in_html_are_read_without_the_quoted_posts() -> None:
    body = '<p><a class="tumblr_blog" href="https://tern.example/6001">tern</a>:</p>'
    body += "<blockquote><p>high tide</p></blockquote>"
    before = {"post": {"id": "6001"}, "blog": {"name": "tern"}, "content_raw": "<p>high tide</p>"}
    own = {"post": {"id": "7011"}, "blog": {"name": "gull"}, "is_current_item": True}
    old = {**OLD, "type": "text", "body": body + "<p>low water</p>"}
    quote = post_of({**old, "trail": [before, {**own, "content_raw": "<p>low water</p>"}]})
    assert (quote.kind, quote.text) == ("quote", "low water")
    commented = post_of({**old, "trail": [before], "reblog": {"comment": "<p>low water</p>"}})
    assert commented == quote
    repost = post_of({**OLD, "type": "text", "body": body, "trail": [before, own]})
    assert (repost.kind, repost.text, repost.original_author) == ("repost", "high tide", "tern")
    bare = post_of({**old, "trail": None, "reblogged_from_id": "6001"})
    assert (bare.kind, bare.text) == ("repost", "> high tide\n\nlow water")


@pytest.mark.parametrize(
    ("post", "text"),
    [
        (
            {"type": "text", "title": "Tides", "body": "<p>low &amp; high</p>"},
            "Tides\n\nlow & high",
        ),
        ({"type": "photo", "caption": "<p>mud</p>"}, "mud"),
        (
            {"type": "quote", "text": "low water", "source": "a <b>book</b>"},
            "> low water\n\na book",
        ),
        ({"type": "link", "title": "Its page", "description": "<p>see</p>"}, "see"),
        (
            {"type": "chat", "dialogue": [{"label": "A:", "phrase": "hi"}, {"phrase": "yo"}]},
            "A: hi\nyo",
        ),
    ],
)
def test_each_older_type_has_its_parts(post: Any, text: str) -> None:
    assert post_of({**OLD, **post}).text == text


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"state": "private"}, "private"),
        ({"state": "draft"}, "private"),
        ({"state": "queued"}, "private"),
        ({"blog": {"is_password_protected": True}}, "private"),
        ({"blog_name": "gull-deactivated20240501"}, "deleted"),
        (
            {"content": [], "trail": [{**ITEM, "blog": {"name": "tern-deactivated20240501"}}]},
            "deleted",
        ),
        (
            {"content": [], "trail": [{**ITEM, "blog": None, "broken_blog_name": "a-deactivated"}]},
            "deleted",
        ),
    ],
)
def test_what_is_not_public_is_withdrawn_without_text(change: Any, reason: str) -> None:
    post = post_of({**POST, **change})
    assert (post.text, post.withdrawn) == ("", reason)


def test_answers_of_the_api_are_read(tmp_path: Path) -> None:
    rows = [
        {"meta": {"status": 200}, "response": {"posts": [POST, {**POST, "id_string": None}]}},
        {"response": [{**POST, "id_string": "7012"}, {"blog_name": "gull", "id": 1.5}]},
        {"response": {"posts": [{"object_type": "title"}]}},
        {"response": {"posts": []}},
        {"errors": [{"title": "Not Found"}]},
        {**POST, "id_string": "7013"},
    ]
    path = tmp_path / "posts.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    (batch,) = tumblr.read(str(path), tumblr.Config(path=str(path)), 100)
    ids = ["tumblr:7011", "tumblr:7011", "tumblr:7012", "tumblr:7013"]
    assert batch.posts["id"].to_list() == ids
    assert batch.skipped == {"not_a_post": 1, "empty_page": 1, "error": 1}
    assert batch.refused.rows() == [(str(path), 2, "no_id")]


def test_a_post_without_content_is_refused() -> None:
    with pytest.raises(Refused, match="no_text"):
        decode(OLD)


# --------------------------------------------------------------------------- export


def xml_post(inside: str, number: int = 7011, **changes: str) -> str:
    attributes = {
        "id": str(number),
        "type": "regular",
        "unix-timestamp": "1714521600",
        "state": "published",
        "tumblelog": "gull",
        **changes,
    }
    shown = " ".join(f'{name.replace("_", "-")}="{value}"' for name, value in attributes.items())
    return f"<post {shown.replace('is-reblog', 'is_reblog')}>{inside}</post>\n"


def xml_file(*posts: str) -> bytes:
    head = '<?xml version="1.0" encoding="UTF-8"?>\n<tumblr version="1.0"><posts total="9">\n'
    return f"{head}{''.join(posts)}</posts></tumblr>".encode()


QUOTED = (
    "<![CDATA[<p><a class='tumblr_blog' href='https://tern.example/post/6001/x'>tern</a>:</p>"
    "<blockquote><p>high <b>tide</b></p></blockquote>%s]]>"
)
XML = xml_file(
    xml_post(
        "<regular-title>Low</regular-title><regular-body>a &lt;b&gt;low&lt;/b&gt; &amp;amp; wet"
        "</regular-body><tag>tides</tag>"
    ),
    xml_post("<question>Why?</question><answer><![CDATA[<p>So.</p>]]></answer>", 2, type="answer"),
    xml_post(f"<regular-body>{QUOTED % '<p>yes</p>'}</regular-body>", 3, is_reblog="true"),
    xml_post(f"<photo-caption>{QUOTED % ''}</photo-caption>", 4, type="photo", is_reblog="true"),
    xml_post("<regular-body>x</regular-body>", 5, state="draft"),
    xml_post("<regular-body>x</regular-body>", 6, private="true"),
    xml_post("<regular-body>x</regular-title>", 7),
    xml_post("<quote-text>tea</quote-text><quote-source>Ada</quote-source>", 8, type="quote"),
    xml_post(
        "<conversation-title>T</conversation-title>"
        "<conversation><line name='a' label='a:'>hm</line></conversation>",
        9,
        type="conversation",
    ),
)


def page(body: str, time: str = "May 1st, 2024 2:00pm") -> bytes:
    return (
        f"<!DOCTYPE HTML><html><head><meta charset='utf-8'/></head><body>{body}"
        f'<div id="footer"><span id="timestamp"> {time} </span><span class="tag">tides</span></div>'
        "</body></html>"
    ).encode()


def read_files(folder: Path, files: dict[str, bytes], **settings: Any) -> Batch:
    for name, content in files.items():
        file = folder / "export" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    return read_path(folder / "export", **settings)


def read_path(path: Path, **settings: Any) -> Batch:
    (found,) = tumblr.read(str(path), tumblr.Config(path=str(path), **settings), 100)
    return found


def zip_of(files: dict[str, bytes]) -> bytes:
    content = BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return content.getvalue()


def test_the_posts_of_an_account_s_export_are_read(tmp_path: Path) -> None:
    found = read_files(tmp_path, {"posts/posts.xml": XML, "messages/messages.xml": b"<messages>"})
    columns = ("id", "kind", "text", "parent_id", "original_author", "withdrawn")
    assert found.posts.select(columns).rows() == [
        ("tumblr:7011", "post", "Low\n\na low & wet", None, None, None),
        ("tumblr:2", "post", "> Why?\n\nSo.", None, None, None),
        ("tumblr:3", "quote", "yes", "tumblr:6001", None, None),
        ("tumblr:4", "repost", "high tide", "tumblr:6001", "tern", None),
        ("tumblr:5", "post", "", None, None, "private"),
        ("tumblr:6", "post", "", None, None, "private"),
        ("tumblr:8", "post", "> tea\n\nAda", None, None, None),
        ("tumblr:9", "post", "T\n\na: hm", None, None, None),
    ]
    assert found.refused.select("source_row", "reason").rows() == [(7, "malformed_xml")]
    assert set(found.posts["author"]) == {"gull"} and found.posts["created_at"].null_count() == 0
    assert set(found.posts["source_file"]) == {f"{tmp_path}/export/posts/posts.xml"}


def test_an_export_is_read_in_every_packing(tmp_path: Path) -> None:
    expected = read_files(tmp_path, {"posts/posts.xml": XML}).posts["id"].to_list()
    inner = zip_of({"posts.xml": XML})
    outer = zip_of({"posts.zip": inner, "media.zip": zip_of({"a.jpg": b"\xff\xd8"})})
    for name, content in (("posts.zip", inner), ("gull.zip", outer), ("any.xml", XML)):
        (tmp_path / name).write_bytes(content)
        assert read_path(tmp_path / name).posts["id"].to_list() == expected, name
        assert dict(detect_format.rank_readers(str(tmp_path / name)))["tumblr"] > 0.5
    found = read_files(tmp_path / "new", {"posts.zip": inner, "media.zip": b"PK"})
    assert found.posts["id"].to_list() == expected and found.refused.height == 1
    folder = str(tmp_path / "export")
    assert detect_format.rank_readers(folder)[0] == ("tumblr", 1.0)
    assert detect_format.list_inputs("tumblr", folder) == [folder]


def test_the_pages_of_older_exports_need_consent(tmp_path: Path) -> None:
    reblog = (
        '<p>Reblogged from <a href="https://tern.example/post/6001/x">tern</a></p>'
        "<blockquote><p>high tide</p></blockquote>"
    )
    files = {
        "posts/html/7011.html": page("<h1>Low</h1><p>a &amp; b</p>"),
        "posts/html/7012.html": page(reblog, "odd"),
        "posts/html/submissions/7013.html": page("<p>of somebody else</p>"),
        "media/7011.jpg": b"\xff\xd8",
    }
    found = read_files(tmp_path, files)
    assert set(found.posts["withdrawn"]) == {"private"} and set(found.posts["text"]) == {""}
    settings: dict[str, Any] = {"consented": True, "account": "gull", "utc_offset_minutes": 120}
    found = read_files(tmp_path, files, **settings)
    assert found.posts.select("id", "kind", "text", "author", "withdrawn").rows() == [
        ("tumblr:7011", "post", "Low\n\na & b", "gull", None),
        ("tumblr:7012", "repost", "high tide", "gull", None),
        ("tumblr:7013", "post", "", None, "private"),
    ]
    assert found.posts["created_at"].dt.epoch("s").to_list() == [1_714_564_800, None, None]
    assert found.unreadable == {"created_at": 1}
    assert detect_format.rank_readers(str(tmp_path / "export"))[0] == ("tumblr", 1.0)
    assert tumblr.fits(Sample("7011.html", (), files["posts/html/7011.html"])) == 1


def test_a_page_that_is_all_footer_costs_no_other_page(tmp_path: Path) -> None:
    files = {
        "posts/html/7011.html": b'<html id="footer"><span id="timestamp">x</span>tea</html>',
        "posts/html/7012.html": page("<p>low water</p>"),
    }
    found = read_files(tmp_path, files, consented=True)
    assert found.posts["id"].to_list() == ["tumblr:7011", "tumblr:7012"]


def test_an_export_without_posts_is_refused(tmp_path: Path) -> None:
    assert read_files(tmp_path, {"a.txt": b"x"}).refused["reason"].to_list() == ["no_posts"]
    found = read_files(tmp_path / "b", {"posts/posts.xml": b"<tumblr><posts></posts></tumblr>"})
    assert found.refused["reason"].to_list() == ["no_posts"]
