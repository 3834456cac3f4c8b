"""Comments of YouTube: the Data API's, yt-dlp's and Takeout's."""

from __future__ import annotations

import json
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from corpus.readers import youtube
from corpus.readers.contract import Batch, Sample


def comment(name: str = "Ug1", **changes: Any) -> dict[str, Any]:
    snippet = {
        "authorDisplayName": "@ada",
        "authorChannelId": {"value": "UC1"},
        "textDisplay": "a &lt; <b>b</b><br>c",
        "videoId": "v1",
        "likeCount": 3,
        "publishedAt": "2024-01-31T10:00:00Z",
        "updatedAt": "2024-01-31T10:00:00Z",
        **changes,
    }
    return {"kind": "youtube#comment", "id": name, "snippet": snippet}


def thread(first: dict[str, Any], *replies: Any, **changes: Any) -> dict[str, Any]:
    snippet = {"videoId": "v1", "topLevelComment": first, "totalReplyCount": len(replies)}
    return {
        "kind": "youtube#commentThread",
        "id": first["id"],
        "snippet": {**snippet, "isPublic": True, **changes},
        "replies": {"comments": list(replies)},
    }


def page(*items: Any) -> dict[str, Any]:
    return {"kind": "youtube#commentThreadListResponse", "etag": "e", "items": list(items)}


def read(folder: Path, content: Any, name: str = "comments.json") -> Batch:
    path = folder / name
    path.write_text(content if isinstance(content, str) else json.dumps(content, indent=1))
    (found,) = youtube.read(str(path), youtube.Config(path=str(path)), 100)
    return found


def test_a_page_of_threads_has_comments_and_their_replies(tmp_path: Path) -> None:
    reply = comment("Ug1.9", textOriginal="yes <3", parentId="Ug1")
    found = read(tmp_path, page(thread(comment(), reply)))
    first, second = found.posts.rows(named=True)
    assert (first["id"], first["text"], first["author"]) == ("youtube:Ug1", "a < b\nc", "UC1")
    assert (first["author_name"], first["community"], first["score"]) == ("ada", "v1", 3)
    assert (first["kind"], first["replies"]) == ("post", 1)
    assert first["created_at"] == datetime(2024, 1, 31, 10, tzinfo=UTC)
    assert (second["text"], second["kind"]) == ("yes <3", "reply")
    assert second["parent_id"] == second["root_id"] == "youtube:Ug1"


def test_a_page_or_a_video_without_comments_is_counted(tmp_path: Path) -> None:
    assert read(tmp_path, page()).skipped == {"empty_page": 1}
    assert read(tmp_path, {"id": "v1", "comments": []}).skipped == {"empty_page": 1}


def test_edited_held_and_private_comments_are_withdrawn(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        page(
            thread(comment("Ug1", updatedAt="2024-01-31T11:00:00Z")),
            thread(comment("Ug2", moderationStatus="heldForReview")),
            thread(comment("Ug3"), isPublic=False),
            {"kind": "youtube#commentThread", "id": "Ug4"},
        ),
    )
    assert found.refused["reason"].to_list() == ["no_text"]  # the last one alone
    assert found.posts["withdrawn"].to_list() == [None, "removed", "private"]
    assert found.tombstones.select("value", "reason").rows() == [("youtube:Ug1", "superseded")]


def test_yt_dlp_s_comments_are_those_of_their_video(tmp_path: Path) -> None:
    row = {"id": "Ug1", "parent": "root", "text": "tea", "author": "@ada", "author_id": "UC1",
           "timestamp": 1706659200, "like_count": 2}  # fmt: skip
    reply = {**row, "id": "Ug1.9", "parent": "Ug1", "text": "yes"}
    video = {"id": "v1", "title": "Tea", "comments": [row, reply], "availability": "public"}
    found = read(tmp_path, video, "tea.info.json")
    assert found.posts.select("id", "community", "parent_id", "score").rows() == [
        ("youtube:Ug1", "v1", None, 2),
        ("youtube:Ug1.9", "v1", "youtube:Ug1", 2),
    ]
    found = read(tmp_path, {**video, "availability": "private"}, "tea.info.json")
    assert set(found.posts["withdrawn"]) == {"private"}
    assert read(tmp_path, json.dumps(row) + "\n").posts["text"].to_list() == ["tea"]


HEADER = (
    "Comment ID,Channel ID,Comment Create Timestamp,Price,Parent Comment ID,Post ID,Video ID,"
    "Comment Text,Top-Level Comment ID\n"
)
ROWS = (
    'Ug1,UC1,2023-05-01T12:00:00Z,0,,,v1,"{""text"":""tea, ""},{""text"":""@bob""}",\n'
    'Ug2,UC1,2023-05-01T12:00:00+00:00,0,,,v1,"{""takeoutSegments"":[{""text"":""x""}]}",\n'
    "Ug3,UC1,odd,0,Ug1,,v1,{plain},Ug1\n"
    ",UC1,2023-05-01T12:00:00Z,0,,,v1,tea,\n"
)


def test_the_table_of_takeout_has_segments(tmp_path: Path) -> None:
    found = read(tmp_path, HEADER + ROWS, "comments.csv")
    assert found.posts.select("text", "parent_id", "root_id", "community").rows() == [
        ("tea, @bob", None, None, "v1"),
        ("x", None, None, "v1"),
        ("{plain}", "youtube:Ug1", "youtube:Ug1", "v1"),
    ]
    assert found.posts["created_at"].null_count() == 1
    assert found.refused.select("source_row", "reason").rows() == [(5, "no_id")]


def test_a_table_in_another_language_is_read_by_what_its_cells_contain(tmp_path: Path) -> None:
    first, reply, channel = "Ug" + "a" * 24, "Ug" + "a" * 24 + ".9b", "UC" + "c" * 22
    table = (
        "ID des Kommentars,Kanal-ID,Erstellt,Preis,Oberer Kommentar,Beitrag,Video-ID,Text,Erster\n"
        f'{first},{channel},2023-05-01T12:00:00Z,0,,,abcdefghijk,"{{""text"":""tea""}}",\n'
        f'{reply},{channel},2023-05-01T12:00:00Z,0,{first},,abcdefghijk,"{{""text"":""x""}}",{first}\n'
        f"{first},{channel},2023-05-01T12:00:00Z,0,,,,,\n"
    )
    found = read(tmp_path, table, "kommentare.csv")
    assert found.posts.select("text", "parent_id", "root_id", "community", "author").rows() == [
        ("tea", None, None, "abcdefghijk", channel),
        ("x", f"youtube:{first}", f"youtube:{first}", "abcdefghijk", channel),
    ]
    assert found.refused.select("source_row", "reason").rows() == [(4, "no_text")]
    assert youtube.fits(Sample("kommentare.csv", (), table.encode())) == 1


def test_comments_of_youtube_comment_downloader_are_read(tmp_path: Path) -> None:
    row = {"cid": "Ug1", "text": "tea", "time": "1 year ago", "author": "@ada", "channel": "UC1",
           "votes": "3", "replies": "1", "reply": False, "time_parsed": 1706659200.0}  # fmt: skip
    rows = [row, {**row, "cid": "Ug1.9", "reply": True, "votes": "1.2K"}]
    text = "".join(json.dumps(each) + "\n" for each in rows)
    found = read(tmp_path, text, "c.jsonl")
    assert found.posts.select("id", "author", "parent_id", "score").rows() == [
        ("youtube:Ug1", "UC1", None, 3),
        ("youtube:Ug1.9", "UC1", "youtube:Ug1", None),
    ]
    assert found.posts["created_at"].null_count() == 0
    assert youtube.fits(Sample("c.jsonl", (), text.encode())) == 1


def test_a_takeout_zip_has_only_its_comments_read(tmp_path: Path) -> None:
    path = tmp_path / "takeout.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("Takeout/YouTube/subscriptions.csv", "Channel Id\nUC1\n")
        archive.writestr("Takeout/YouTube/comments/comments.csv", HEADER + ROWS)
    (found,) = youtube.read(str(path), youtube.Config(path=str(path)), 100)
    assert found.posts.height == 3 and found.skipped["other_file"] == 1


def test_a_read_resumes_at_every_batch(tmp_path: Path) -> None:
    path = tmp_path / "comments.csv"
    path.write_text(HEADER + ROWS)
    first = next(youtube.read(str(path), youtube.Config(path=str(path)), 1))
    (rest,) = youtube.read(str(path), youtube.Config(path=str(path)), 100, first.cursor)
    assert rest.posts["id"].to_list() == ["youtube:Ug2", "youtube:Ug3"]


def entry(sentence: str, text: str) -> str:
    return f"<li>{sentence}<br/>{text}</li>"


def link(target: str, label: str) -> str:
    return f'<a href="http://www.youtube.com/watch?v={target}">{label}</a>'


COMMENTS = "<html><head><title>c</title></head><body><ul>" + "".join((
    entry(
        f"You added a {link('v1&amp;lc=Ug1', 'comment')} on a {link('v1', 'video')} at 2020-05-24 "
        "20:10:05 UTC.",
        "tea &amp; <b>more</b><br/>tea",
    ),
    entry(
        f"{link('v2&amp;lc=Ug2.9', 'Antwort')} auf einen {link('v2&amp;lc=Ug2', 'Kommentar')} "
        "hinzugefügt: 2020-05-25 20:10:05 UTC.",
        "yes",
    ),
    entry(f"You added a {link('v1&amp;lc=Ug3', 'comment')} at an odd time.", "x"),
    entry(f"You liked a {link('v1', 'video')}.", "y"),
    f"<li>You added a {link('v1&amp;lc=Ug4', 'comment')}</li>",
)) + "</ul></body></html>"  # fmt: skip
MESSAGES = "<ul>" + "".join(
    entry(f"Sent at 2020-05-24 20:10:0{n} UTC while watching {link('v1', 'Tea')}.", text)
    for n, text in enumerate(("hello", "hello"))
)


def test_a_reply_without_a_dot_in_its_id_has_the_comment_that_its_sentence_links(
    tmp_path: Path,
) -> None:
    sentence = (
        f"You added a {link('v1&amp;lc=z7', 'reply')} to a {link('v1&amp;lc=z8', 'comment')} at "
        "2015-05-24 20:10:05 UTC."
    )
    found = read(tmp_path, f"<ul>{entry(sentence, 'tea')}</ul>", "my-comments.html")
    assert found.posts.select("id", "kind", "parent_id", "root_id").rows() == [
        ("youtube:z7", "reply", "youtube:z8", None)
    ]


def test_the_pages_of_an_old_takeout_have_comments_and_live_chat_messages(tmp_path: Path) -> None:
    found = read(tmp_path, COMMENTS, "my-comments.html")
    columns = ("id", "kind", "text", "community", "parent_id", "root_id")
    assert found.posts.select(columns).rows() == [
        ("youtube:Ug1", "post", "tea & more\ntea", "v1", None, None),
        ("youtube:Ug2.9", "reply", "yes", "v2", "youtube:Ug2", "youtube:Ug2"),
        ("youtube:Ug3", "post", "x", "v1", None, None),
    ]
    assert found.posts["created_at"][0] == datetime(2020, 5, 24, 20, 10, 5, tzinfo=UTC)
    assert found.refused.select("source_row", "reason").rows() == [(4, "no_id"), (5, "no_text")]
    assert found.unreadable == {"created_at": 1}
    chat = read(tmp_path, MESSAGES, "my-live-chat-messages.html").posts
    assert chat["text"].to_list() == ["hello", "hello"] and chat["id"].n_unique() == 2
    assert set(chat["community"]) == {"v1"} and chat["created_at"].null_count() == 0
    for text in (COMMENTS, MESSAGES):
        assert youtube.fits(Sample("c.html", (), text.encode())) == 1
    history = f"<div>Watched {link('v1', 'Tea')}<br>May 24, 2020, 8:10:05 PM UTC</div>"
    assert youtube.fits(Sample("watch-history.html", (), history.encode())) == 0


def test_a_page_is_read_by_entry_and_resumes(tmp_path: Path) -> None:
    path = tmp_path / "my-comments.html"
    path.write_text(COMMENTS.replace("tea &amp;", "x" * (1 << 20)))
    config = youtube.Config(path=str(path), max_line_mb=1)
    first, *rest = youtube.read(str(path), config, 1)
    assert first.refused.rows() == [(str(path), 1, "line_too_long")]
    assert [name for batch in rest for name in batch.posts["id"]] == [
        "youtube:Ug2.9",
        "youtube:Ug3",
    ]
    again = list(youtube.read(str(path), config, 100, rest[0].cursor))
    assert [name for batch in again for name in batch.posts["id"]] == ["youtube:Ug3"]
