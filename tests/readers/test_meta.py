"""The exports of Facebook and Instagram accounts."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from corpus.formats.archives.bundle import Bundle
from corpus.readers import meta
from corpus.readers.contract import Batch, Sample
from corpus.readers.meta import common

POSTS = "your_facebook_activity/posts/your_posts__check_ins__photos_and_videos_1.json"
COMMENTS = "your_facebook_activity/comments_and_reactions/comments.json"
PROFILE = "personal_information/profile_information/profile_information.json"
GRAM = "your_instagram_activity/media/posts_1.json"
GRAM_COMMENTS = "your_instagram_activity/comments/post_comments_1.json"
GRAM_PROFILE = "personal_information/personal_information/personal_information.json"


def spoilt(text: str) -> str:
    """A text as the exports spell it: its UTF-8 taken for Latin-1."""
    return text.encode().decode("latin-1")


POST: dict[str, Any] = {
    "timestamp": 1_651_406_400,
    "data": [{"post": spoilt("Caf\u00e9 \U0001f600")}, {"update_timestamp": 1_651_406_500}],
    "title": "Ada updated her status.",
}
COMMENT: dict[str, Any] = {
    "timestamp": 1_651_406_400,
    "data": [
        {
            "comment": {
                "timestamp": 1_651_406_300,
                "comment": spoilt("tr\u00e8s bien"),
                "author": spoilt("Ad\u00e8le Lee"),
            }
        }
    ],
    "title": "Ad commented on Bob's post.",
}
PERSON = {"profile_v2": {"name": {"full_name": spoilt("Ad\u00e8le Lee")}, "emails": {}}}


def written(folder: Path, files: dict[str, Any]) -> str:
    """A folder with the files; content given as bytes is written as it is."""
    for name, content in files.items():
        file = folder / "export" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    return str(folder / "export")


def zipped(folder: Path, files: dict[str, Any]) -> str:
    path = folder / "export.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(
                name, content if isinstance(content, bytes) else json.dumps(content).encode()
            )
    return str(path)


def batches(path: str, part_posts: int = 1000, **settings: Any) -> list[Batch]:
    config = meta.Config(path=path, **{"consented": True, **settings})
    return list(meta.read(path, config, part_posts))


def batch(folder: Path, files: dict[str, Any], **settings: Any) -> Batch:
    (found,) = batches(written(folder, files), **settings)
    return found


def row(folder: Path, name: str, record: Any, **settings: Any) -> dict[str, Any]:
    found = batch(folder, {name: [record]}, **settings)
    assert (1, 0) == (found.posts.height, found.refused.height)
    return found.posts.row(0, named=True)


def refusals(found: Batch) -> list[str]:
    return found.refused["reason"].to_list()


def test_a_facebook_export_has_posts_and_comments(tmp_path: Path) -> None:
    found = batch(tmp_path, {POSTS: [POST], COMMENTS: {"comments_v2": [COMMENT]}, PROFILE: PERSON})
    columns = ("platform", "kind", "author", "community", "text", "consent", "withdrawn")
    assert [
        ("facebook", "reply", "Ad\u00e8le Lee", None, "tr\u00e8s bien", "allowed", None),
        ("facebook", "post", "Ad\u00e8le Lee", None, "Caf\u00e9 \U0001f600", "allowed", None),
    ] == found.posts.select(columns).rows()
    times = [moment.timestamp() for moment in found.posts["created_at"].to_list()]
    assert [1_651_406_300, 1_651_406_400] == times
    places = [f"{tmp_path}/export/{name}" for name in (COMMENTS, POSTS)]
    assert places == found.posts["source_file"].to_list()
    assert [] == refusals(found)


def test_an_instagram_export_has_posts_and_comments(tmp_path: Path) -> None:
    user = {"string_map_data": {"Username": {"value": "ada.lee"}, "Private Account": {}}}
    album = {
        "media": [{"uri": "a.jpg", "creation_timestamp": 5, "title": ""}, {"title": "b"}],
        "title": spoilt("Caf\u00e9"),
        "creation_timestamp": 1_651_406_400,
    }
    single = {"media": [{"uri": "a.jpg", "creation_timestamp": 1_651_406_500, "title": "one"}]}
    comment = {
        "media_list_data": [{"uri": ""}],
        "string_map_data": {
            "Comment": {"value": "nice"},
            "Media Owner": {"value": "bob"},
            "Time": {"timestamp": 1_651_406_600},
        },
    }
    files = {
        GRAM: [album, single],
        GRAM_COMMENTS: [comment],
        GRAM_PROFILE: {"profile_user": [user]},
    }
    found = batch(tmp_path, files)
    columns = ("platform", "kind", "author", "text")
    assert [
        ("instagram", "reply", "ada.lee", "nice"),
        ("instagram", "post", "ada.lee", "Caf\u00e9\n\nb"),
        ("instagram", "post", "ada.lee", "one"),
    ] == found.posts.select(columns).rows()
    times = [moment.timestamp() for moment in found.posts["created_at"].to_list()]
    assert [1_651_406_600, 1_651_406_400, 1_651_406_500] == times


def attached(*media: Any) -> list[Any]:
    return [{"data": [{"media": one} for one in media]}, {"data": [{"external_context": {}}]}, []]


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"data": [{"post": "a"}, {"post": "b"}]}, "a\n\nb"),
        ({"attachments": attached({"description": "c"}), "data": []}, "c"),
        ({"attachments": attached({"description": "a"}, {"description": "c"})}, "a\n\nc"),
        ({"attachments": attached([], {"title": "x"}, {"description": "a"})}, "a"),
        ({"data": [{"post": "a"}, []]}, "a"),
        ({"data": [{"post": "@[10:2048:Ada Lee] and @[11:2048:B\\]b]"}]}, "@user and @user"),
        ({"data": [{"post": "\u00c3"}]}, "\u00c3"),
        ({"data": [{"post": "\u4e2d\u00e9"}]}, "\u4e2d\u00e9"),
        ({"data": [{"post": "\ud83d"}]}, "\ufffd"),
    ],
)
def test_the_texts_of_a_post_are_joined_and_repaired(
    tmp_path: Path, changes: dict[str, Any], text: str
) -> None:
    assert text == row(tmp_path, POSTS, {**POST, "data": [{"post": "a"}], **changes})["text"]


def test_a_time_of_zero_is_null(tmp_path: Path) -> None:
    for moment in (0, "0", None):
        assert row(tmp_path, POSTS, {**POST, "timestamp": moment})["created_at"] is None


def test_tagged_names_are_kept_if_configured(tmp_path: Path) -> None:
    post = {**POST, "data": [{"post": "@[10:2048:Ada]"}]}
    assert "@[10:2048:Ada]" == row(tmp_path, POSTS, post, mask_mentions=False)["text"]


@pytest.mark.parametrize(
    ("name", "record"),
    [
        (POSTS, {"timestamp": 1, "title": "Ada shared a link.", "attachments": attached({})}),
        (POSTS, {"timestamp": 1, "data": [{"post": " "}]}),
        (POSTS, {"timestamp": 1, "data": []}),
        (COMMENTS, {"timestamp": 1, "data": [{"comment": {"timestamp": 1, "comment": ""}}]}),
        (GRAM, {"media": [{"uri": "a.jpg", "title": ""}]}),
        (GRAM, {"media": {"uri": "a.jpg"}}),
        (GRAM_COMMENTS, {"string_map_data": {"Media Owner": {"value": "bob"}}}),
        (GRAM_COMMENTS, {"string_map_data": []}),
    ],
)
def test_a_post_without_text_is_skipped(tmp_path: Path, name: str, record: Any) -> None:
    found = batch(tmp_path, {name: [record]})
    assert ({"no_words": 1}, 0, []) == (found.skipped, found.posts.height, refusals(found))


@pytest.mark.parametrize(
    ("record", "text"),
    [
        ({"string_map_data": {"Opmerking": {"value": "mooi"}, "Tijd": {"timestamp": 5}}}, "mooi"),
        ({"string_map_data": {spoilt("Coment\u00e1rio"): {"value": "bom", "timestamp": 5}}}, "bom"),
        ({"title": "bob", "string_list_data": [{"value": "nice", "timestamp": 5}]}, "nice"),
    ],
)
def test_a_comment_is_found_in_other_languages_and_older_exports(
    tmp_path: Path, record: Any, text: str
) -> None:
    found = row(tmp_path, GRAM_COMMENTS, record)
    assert (text, 5) == (found["text"], found["created_at"].timestamp())


FILES = {POSTS: [POST, {**POST, "timestamp": 2}], COMMENTS: [COMMENT], PROFILE: PERSON}


def test_without_consent_posts_are_only_counted(tmp_path: Path) -> None:
    found = batch(tmp_path, FILES, consented=False)
    kept = {
        name for name in found.posts.columns if found.posts[name].null_count() < found.posts.height
    }
    assert {"id", "platform", "kind", "text", "withdrawn", "source_file", "source_row"} == kept
    assert {("", "private")} == set(found.posts.select("text", "withdrawn").rows())
    assert 3 == found.posts.height


SECRET = {
    "your_facebook_activity/messages/inbox/bob_1/message_1.json": [POST],
    "your_facebook_activity/messages/inbox/bob_1/posts/your_posts_1.json": [POST],
    "your_facebook_activity/posts/archive.json": [POST],
    "your_facebook_activity/posts/trash.json": [POST],
    "your_facebook_activity/posts/media/your_posts_1.json/x.json": [POST],
    "your_facebook_activity/groups/your_posts_in_groups.json": {"group_posts_v2": [POST]},
    "your_facebook_activity/stories/archived_stories.json": [POST],
    "security_and_login_information/account_activity.json": [POST],
    "ads_information/advertisers.json": [POST],
    "your_instagram_activity/messages/inbox/bob_1/message_1.json": [POST],
    "your_instagram_activity/media/archived_posts.json": [POST],
    "your_instagram_activity/media/recently_deleted_content.json": [POST],
    "your_instagram_activity/media/stories.json": [POST],
    "logged_information/search/your_search_history.json": [POST],
}


@pytest.mark.parametrize("make", [written, zipped])
@pytest.mark.parametrize("consented", [True, False])
def test_messages_and_other_private_files_are_never_opened(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    make: Callable[[Path, dict[str, Any]], str],
    consented: bool,
) -> None:
    opened: list[str] = []
    really = Bundle.open

    def watched(bundle: Bundle, name: str) -> Any:
        opened.append(name)
        return really(bundle, name)

    monkeypatch.setattr(Bundle, "open", watched)
    (found,) = batches(make(tmp_path, FILES | SECRET), consented=consented)
    assert [*([PROFILE] if consented else []), COMMENTS, POSTS] == opened
    assert 3 == found.posts.height


def test_of_messages_alone_nothing_is_read(tmp_path: Path) -> None:
    found = batch(tmp_path, SECRET)
    assert (0, ["no_posts"]) == (found.posts.height, refusals(found))


def test_ids_do_not_depend_on_the_path_of_the_export(tmp_path: Path) -> None:
    there = batch(tmp_path, FILES).posts["id"].to_list()
    moved = {f"facebook-ada/{name}": content for name, content in FILES.items()}
    (again,) = batches(zipped(tmp_path, moved))
    assert again.posts["id"].to_list() == there
    assert 3 == len(set(there))
    assert all(name.startswith("facebook:") and len(name) == 33 for name in there)
    # Consent changes nothing in what a post is called.
    (withheld,) = batches(zipped(tmp_path, moved), consented=False)
    assert withheld.posts["id"].to_list() == there


def test_ids_do_not_depend_on_the_account_or_the_text(tmp_path: Path) -> None:
    one = row(tmp_path, POSTS, POST, account="Ada")
    other = row(tmp_path, POSTS, {**POST, "data": [{"post": "something else"}]}, account="Bob")
    assert one["id"] == other["id"]
    assert ("Ada", "Bob") == (one["author"], other["author"])
    later = row(tmp_path, POSTS, {**POST, "timestamp": 1_651_406_401})
    assert later["id"] != one["id"]


def test_posts_of_one_second_have_ids_of_their_own(tmp_path: Path) -> None:
    assert 3 == batch(tmp_path, {POSTS: [POST] * 3}).posts["id"].n_unique()


@pytest.mark.parametrize(
    ("content", "posts", "reasons"),
    [
        ([], 0, []),
        ({}, 0, ["no_posts"]),
        (POST, 1, []),
        ({"posts_v2": [POST]}, 1, []),
        ({"posts_v2": {}}, 0, ["wrong_type"]),
        ({"profile_v2": [POST]}, 0, ["no_posts"]),
        ([POST, 5, POST], 2, ["wrong_type"]),
        ([POST, {**POST, "data": "x"}, POST], 2, ["wrong_type"]),
        ([POST, {**POST, "timestamp": []}], 1, ["wrong_type"]),
        ([POST, {**POST, "timestamp": 0}, {**POST, "timestamp": None}], 3, []),
        (b"", 0, ["truncated_stream"]),
        (json.dumps([POST, POST]).encode()[:-50], 1, ["truncated_stream"]),
        (b"[1}", 0, ["wrong_type", "malformed_json"]),
        (b'[{"timestamp": 1, "data": [{"post": "\xff"}]}]', 0, ["invalid_utf8"]),
        (b"\xef\xbb\xbf" + json.dumps([POST]).encode(), 1, []),
    ],
)
def test_every_value_of_an_odd_file_is_counted(
    tmp_path: Path, content: Any, posts: int, reasons: list[str]
) -> None:
    found = batch(tmp_path, {POSTS: content})
    assert (posts, reasons) == (found.posts.height, refusals(found))
    assert found.cursor is None


def test_an_unreadable_profile_is_refused_and_the_posts_are_read(tmp_path: Path) -> None:
    profiles = {
        b"{": "malformed_json",
        b'{"profile_v2": 5}': "wrong_type",
        b'{"profile_v2": {"name": {}}}': None,
        b'{"x": "' + b"y" * (2 << 20): "line_too_long",
    }
    for content, reason in profiles.items():
        found = batch(tmp_path, {POSTS: [POST], PROFILE: content}, max_line_mb=1)
        assert [reason] * bool(reason) == refusals(found)
        assert [None] == found.posts["author"].to_list()


def test_an_older_profile_has_the_name_elsewhere() -> None:
    assert "Ada" == common.parse_owner(b'{"profile": {"name": "Ada"}}')
    assert "Ada" == common.parse_owner(b'{"profile": {"name": {"full_name": "Ada"}}}')
    assert common.parse_owner(b"{}") is None


def test_an_export_of_both_platforms_needs_the_platform_in_the_config(tmp_path: Path) -> None:
    files = {POSTS: [POST], GRAM: [{"title": "a", "creation_timestamp": 5}]}
    assert ["facebook_and_instagram"] == refusals(batch(tmp_path, files))
    for platform in ("facebook", "instagram"):
        found = batch(tmp_path, files, platform=platform)
        assert [platform] == found.posts["platform"].to_list()


def test_an_unreadable_export_is_refused_with_its_reason(tmp_path: Path) -> None:
    assert ["html_not_json"] == refusals(batch(tmp_path, {"other/your_posts.html": b"<p>"}))
    assert ["no_posts"] == refusals(batch(tmp_path, {"posts/your_posts_1.html": b"<p>"}))
    plain = tmp_path / "your_posts_1.json"
    plain.write_text(json.dumps([POST]))
    (found,) = batches(str(plain))
    assert ["not_an_archive"] == refusals(found)
    (found,) = batches(zipped(tmp_path, {POSTS: [POST]}), platform="instagram")
    assert ["no_posts"] == refusals(found)


def test_parts_are_read_in_order_and_reading_resumes_after_any_batch(tmp_path: Path) -> None:
    names = [POSTS.replace("_1.", f"_{n}.") for n in (1, 2, 10)]
    files = {
        name: [{**POST, "timestamp": 10 * n + k} for k in (1, 2, 3)] for n, name in enumerate(names)
    }
    path = zipped(tmp_path, dict(reversed(files.items())))
    whole = batches(path, 2)
    times = [moment.timestamp() for one in whole for moment in one.posts["created_at"].to_list()]
    assert [1, 2, 3, 11, 12, 13, 21, 22, 23] == times
    config = meta.Config(path=path, consented=True)
    for number, one in enumerate(whole[:-1]):
        rest = list(meta.read(path, config, 2, one.cursor))
        assert [b.posts.rows() for b in whole[number + 1 :]] == [b.posts.rows() for b in rest]


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ((POSTS, PROFILE), 1.0),
        (("x/posts/your_posts_1.json",), 1.0),
        ((COMMENTS, PROFILE), 0.9),
        ((GRAM, GRAM_PROFILE), 1.0),
        (("content/posts_1.json", "personal_information/personal_information.json"), 0.9),
        (("content/posts_1.json",), 0.6),
        (tuple(SECRET), 0.0),
        ((), 0.0),
    ],
)
def test_its_own_archives_are_detected(members: tuple[str, ...], expected: float) -> None:
    assert expected == meta.fits(Sample("export.zip", members, b"[]"))


def comment(**changes: Any) -> dict[str, Any]:
    return {**COMMENT, "data": [{"comment": {**COMMENT["data"][0]["comment"], **changes}}]}


@pytest.mark.parametrize(
    "row",
    [
        comment(group="Tea"),
        {**COMMENT, "title": "Ad\u00e8le Lee commented on a post in Tea."},
        {**POST, "title": "Ad\u00e8le Lee posted in Tea."},
        {**POST, "title": "Ad\u00e8le Lee wrote on Bob Ray's timeline."},
        {**POST, "title": spoilt("Ad\u00e8le Lee a publi\u00e9 dans Th\u00e9.")},
        {**POST, "title": "Ada Lee hat in Tee gepostet."},
        {**POST, "group": {"name": "Tea"}},
        {**POST, "data": [{"post": "tea"}, {"group": "Tea"}]},
        {**POST, "audience": "Friends"},
        {**POST, "privacy": {"value": "SELF"}},
        {**POST, "label_values": [{"label": "Audience", "value": "Only me"}]},
    ],
)
@pytest.mark.parametrize("alone", [True, False])
def test_what_was_written_for_others_is_withdrawn_whatever_its_file(
    tmp_path: Path, row: dict[str, Any], alone: bool
) -> None:
    found = batch(tmp_path, {POSTS: row if alone else [row, POST], PROFILE: PERSON})
    columns = ("text", "author", "community", "withdrawn")
    assert found.posts.select(columns).row(0) == ("", None, None, "private")
    assert alone or found.posts["withdrawn"].to_list() == ["private", None]


@pytest.mark.parametrize(
    "row",
    [
        comment(group=""),
        {**POST, "title": "Ada updated her status."},
        {**POST, "title": "Ada Lee added a photo to her album."},
        {**POST, "audience": "Public"},
        {**POST, "privacy": {"value": "EVERYONE"}},
        {**POST, "label_values": [{"label": "Place", "value": "Tea room"}]},
    ],
)
def test_what_was_written_for_everybody_or_says_nothing_is_read(
    tmp_path: Path, row: dict[str, Any]
) -> None:
    assert batch(tmp_path, {POSTS: [row]}).posts["withdrawn"].to_list() == [None]


def test_posts_of_threads_are_read(tmp_path: Path) -> None:
    media = {"uri": "", "creation_timestamp": 1_651_406_400, "title": spoilt("th\u00e9")}
    name = "your_instagram_activity/threads/threads_and_replies.json"
    found = batch(tmp_path, {name: {"text_post_app_text_posts": [{"media": [media]}]}})
    columns = ("platform", "kind", "text")
    assert found.posts.select(columns).rows() == [("instagram", "post", "th\u00e9")]
    assert meta.fits(Sample("export", (name,), b"")) == 1
    (empty,) = batches(written(tmp_path, {name: {}}), consented=False)
    assert empty.posts.height == 0


# --------------------------------------------------------------------------- HTML

PAGE = POSTS.replace(".json", ".html")
COMMENT_PAGE = COMMENTS.replace(".json", ".html")
GRAM_PAGE, GRAM_COMMENT_PAGE = (name.replace(".json", ".html") for name in (GRAM, GRAM_COMMENTS))
TIME = "May 01, 2022 2:00:05 pm"


def block(heading: str, body: str, time: str = TIME) -> str:
    """A post as the pages show it since 2021."""
    heading = f'<h2 class="_2ph_ _a6-h _a6-i" id="u_0">{heading}</h2>' if heading else ""
    return (
        f'<section class="_3-95 _a6-g" aria-labelledby="u_0">{heading}'
        f'<div class="_2ph_ _a6-p">{body}</div><footer class="_3-94 _a6-o">'
        f'<a href="https://www.facebook.com/dyi/l/?l=x"><div class="_a72d">{time}</div></a>'
        "</footer></section>"
    )


def old_block(heading: str, body: str) -> str:
    """A post as the pages showed it until 2020."""
    return (
        '<div class="pam _3-95 _2pi0 _2lej uiBoxWhite noborder">'
        f'<div class="_3-96 _2pio _2lek _2lel">{heading}</div><div class="_3-96 _2let">{body}</div>'
        '<div class="_3-94 _2lem">May 1, 2022, 2:00 PM</div></div>'
    )


def pin(html: str) -> str:
    return f'<div class="_2pin"><div>{html}</div></div>'


def html_page(*blocks: str) -> bytes:
    style = "<style>._a6-g{margin:0}.uiBoxWhite{color:red}</style>"
    return f"<html><head>{style}</head><body><main>{''.join(blocks)}</main></body></html>".encode()


def test_pages_in_html_have_the_texts_of_posts_and_comments(tmp_path: Path) -> None:
    picture = pin('<div class="_a7nf"><a href="x.jpg"><img src="x.jpg"/></a>Mobile uploads</div>')
    files = {
        PAGE: html_page(
            block("Ada updated her status.", pin("tea &amp; <br/>more tea")),
            block("", pin("no heading") + pin("Updated May 02, 2022 2:00:05 pm")),
            block("Ada added a new photo.", f"<div>{pin('my pot')}{picture}</div>"),
            block("Ada shared a link.", pin('<a href="http://a.example">http://a.example</a>')),
            block("Ada was in Oslo.", pin("Place: Oslo<div>Address: a street</div>")),
            old_block("Ada updated her status.", pin("caf\u00e9")),
        ),
        COMMENT_PAGE: html_page(block("Ada commented on Bob's post.", pin("yes"))),
        "start_here.html": b"<aside>Generated by Ad&#232;le Lee on <time>x</time></aside>",
    }
    found = batch(tmp_path, files, utc_offset_minutes=120)
    assert found.posts.select("kind", "text", "author", "withdrawn", "source_row").rows() == [
        ("reply", "yes", "Ad\u00e8le Lee", None, 1),
        ("post", "tea &\nmore tea", "Ad\u00e8le Lee", None, 1),
        ("post", "no heading", "Ad\u00e8le Lee", None, 2),
        ("post", "my pot", "Ad\u00e8le Lee", None, 3),
        ("post", "caf\u00e9", "Ad\u00e8le Lee", None, 6),
    ]
    assert found.skipped == {"no_words": 2} and not refusals(found)
    times = [moment.timestamp() for moment in found.posts["created_at"].to_list()]
    assert times == [1_651_406_405] * 4 + [1_651_406_400]
    assert set(found.posts["consent"]) == {"allowed"}
    unzoned = batch(tmp_path, files)
    assert unzoned.posts["created_at"].null_count() == 5
    assert unzoned.unreadable == {"created_at": 5}
    assert unzoned.posts["id"].to_list() == found.posts["id"].to_list()


@pytest.mark.parametrize(
    "written, seconds",
    [
        ("May 01, 2022 12:00:00am", 1_651_363_200),
        ("May 1, 2022, 12:30 PM", 1_651_408_200),
        ("May 01, 2022 14:00:05", 1_651_413_605),
        ("1 mei 2022 14:00", None),
        ("May 41, 2022 2:00 pm", None),
        ("May 1, 2022 13:00 pm", None),
        ("", None),
    ],
)
def test_a_time_is_the_one_that_a_page_shows(
    written: str, seconds: int | None, tmp_path: Path
) -> None:
    files = {PAGE: html_page(block("Ada updated her status.", pin("tea"), written))}
    (moment,) = batch(tmp_path, files, utc_offset_minutes=0).posts["created_at"].to_list()
    assert (moment and moment.timestamp()) == seconds


@pytest.mark.parametrize(
    "heading, body",
    [
        ("Ada posted in Tea Club.", pin("tea")),
        ("Ada wrote on Bob's timeline.", pin("tea")),
        ("Ada commented on Bob's post in Tea Club.", pin("tea")),
        ("Ada updated her status.", pin("tea") + pin("Group: Tea Club")),
        (
            "Ada commented on a post.",
            pin("tea")
            + '<section class="_a6-g"><div class="_a6-p"><table><tr><td class="_a6_q">Group</td>'
            '<td class="_a6_r">Tea Club</td></tr></table></div></section>',
        ),
        (
            "Ada updated her status.",
            pin("tea")
            + '<table><tr><td class="_a6_q">Audience<div>Friends</div></td></tr></table>',
        ),
    ],
)
@pytest.mark.parametrize("name", [PAGE, COMMENT_PAGE])
def test_a_block_for_a_group_or_a_few_people_is_withdrawn_whatever_its_page(
    name: str, heading: str, body: str, tmp_path: Path
) -> None:
    public = block("Ada commented on Bob's post.", pin("kept"))
    found = batch(tmp_path, {name: html_page(block(heading, body), public)})
    assert found.posts.select("text", "withdrawn").rows() == [("", "private"), ("kept", None)]


def test_instagram_s_pages_have_captions_and_comments(tmp_path: Path) -> None:
    table = "".join(
        f'<tr><td colspan="2" class="_2pin _a6_q">{label}<div><div>{value}</div></div></td></tr>'
        for label, value in (("Comment", "nice"), ("Media Owner", "bob"))
    ) + (
        '<tr><td class="_2pin _a6_q">Time</td><td class="_2pin _2piu _a6_r">'
        "May 01, 2022 4:00 am</td></tr>"
    )
    files = {
        GRAM_PAGE: html_page(block("a caption<br>of two lines", "<img src='x'>", TIME)),
        GRAM_COMMENT_PAGE: html_page(
            '<div class="pam _3-95 _2ph- _a6-g uiBoxWhite noborder"><div class="_a6-p"><table>'
            f"{table}</table></div></div>"
        ),
        "personal_information/personal_information/personal_information.html": html_page(
            '<table><tr><td colspan="2" class="_2pin _a6_q">Username<div><div>ada.lee</div></div>'
            "</td></tr></table>"
        ),
    }
    found = batch(tmp_path, files)
    assert found.posts.select("platform", "kind", "author", "text").rows() == [
        ("instagram", "reply", "ada.lee", "nice"),
        ("instagram", "post", "ada.lee", "a caption\nof two lines"),
    ]
    times = [moment.timestamp() for moment in found.posts["created_at"].to_list()]
    assert times == [1_651_406_400, 1_651_442_405]  # 12:00 and 22:00:05: eight hours later


def test_pages_without_consent_are_only_counted(tmp_path: Path) -> None:
    files = {PAGE: html_page(block("Ada updated her status.", pin("tea")))}
    found = batch(tmp_path, files, consented=False)
    assert found.posts.select("text", "author", "withdrawn").rows() == [("", None, "private")]
    assert not found.unreadable


def test_the_posts_of_a_profile_of_many_are_read(tmp_path: Path) -> None:
    files = {"this_profile's_activity_across_facebook/posts/profile_posts_1.json": [POST]}
    assert batch(tmp_path, files).posts["text"].to_list() == ["Caf\u00e9 \U0001f600"]


def test_a_block_that_is_a_page_of_its_own_costs_no_other_block(tmp_path: Path) -> None:
    odd = '<div class="_a6-g"><html class="_a6-p _a7nf"><body class="_a6-h _a7nf">x</html></div>'
    files = {PAGE: html_page(odd, block("Ada updated her status.", pin("tea")))}
    assert batch(tmp_path, files).posts["text"].to_list()[-1] == "tea"


def test_of_an_export_in_both_forms_the_json_is_read(tmp_path: Path) -> None:
    files = {POSTS: [POST], PAGE: html_page(block("Ada updated her status.", pin("tea")))}
    assert batch(tmp_path, files).posts.height == 1


def test_exports_in_html_are_detected(tmp_path: Path) -> None:
    for names, expected in (
        ((PAGE,), 1.0),
        (("posts/your_posts_1.html", "comments/comments.html"), 1.0),
        ((GRAM_PAGE,), 1.0),
        (("this_profile's_activity_across_facebook/posts/profile_posts_1.html",), 1.0),
        (("messages/inbox/bob/message_1.html",), 0.0),
    ):
        assert meta.fits(Sample("export", names, b"")) == expected
    assert refusals(batch(tmp_path, {"messages/inbox/b/message_1.html": b"x"})) == ["no_posts"]
