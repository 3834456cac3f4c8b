"""Handles of every platform: placeholders, pseudonyms, an allow list, pages of persons."""

from __future__ import annotations

import hmac
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filters import pii
from filters.pii import handles
from filters.pii.styles import encode_digest_as_letters
from tests.support.examples import examples

KEY = bytes(range(32))


def redact(text: str, platform: str = "x", **config: Any) -> str:
    posts = pl.DataFrame({"text": [text], "platform": [platform]})
    redacted: str = pii.build(pii.Config(**config), key=KEY)(posts)["text"][0]
    return redacted


REPLACED = {
    "<@123456789012345678> and <@!123456789012345678>!": "<HANDLE> and <HANDLE>!",
    "see https://t.me/alice_x/123 ok": "see https://t.me/<HANDLE> ok",
    "join t.me/+AbCdEf_123": "join t.me/<HANDLE>",
    "tg://resolve?domain=bob&start=1 x": "tg://resolve?domain=<HANDLE> x",
    "https://twitter.com/Joe_B/status/12345?s=20 wow": "https://twitter.com/<HANDLE> wow",
    "(x.com/joe)": "(x.com/<HANDLE>)",
    "https://mastodon.social/@alice/1099 x": "https://mastodon.social/@<HANDLE> x",
    "https://mas.to/users/alice/statuses/1": "https://mas.to/users/<HANDLE>",
    "https://bsky.app/profile/a.bsky.social/post/3k": "https://bsky.app/profile/<HANDLE>",
    "https://bsky.app/profile/did:plc:abc123": "https://bsky.app/profile/<HANDLE>",
    "instagram.com/jane.doe": "instagram.com/<HANDLE>",
    "facebook.com/profile.php?id=100012345": "facebook.com/profile.php?id=<HANDLE>",
    "m.facebook.com/jane.doe.5": "m.facebook.com/<HANDLE>",
    "youtube.com/channel/UCabc": "youtube.com/channel/<HANDLE>",
    "https://www.tiktok.com/@jane/video/7": "https://www.tiktok.com/@<HANDLE>",
    "https://www.linkedin.com/in/joe-b-12/": "https://www.linkedin.com/in/<HANDLE>",
    "https://reddit.com/user/Spez/comments/abc": "https://reddit.com/user/<HANDLE>",
    "https://lemmy.world/u/alice": "https://lemmy.world/u/<HANDLE>",
    "news.ycombinator.com/user?id=pg": "news.ycombinator.com/user?id=<HANDLE>",
    "stackoverflow.com/users/22656/jon": "stackoverflow.com/users/<HANDLE>",
    "see github.com/octocat.": "see github.com/<HANDLE>.",
    "flickr.com/photos/1002897@N08/albums/7": "flickr.com/photos/<HANDLE>",
    "facebook.com/Rosa-Finch-18103/?ref=b": "facebook.com/<HANDLE>",
    "cash.app/$joe": "cash.app/$<HANDLE>",
    "x@a@host.org": "x@<EMAIL_ADDRESS>",
    "joe@example.org @joe": "<EMAIL_ADDRESS> <HANDLE>",
}


@pytest.mark.parametrize("text", REPLACED)
def test_a_handle_or_a_page_of_a_person_is_replaced(text: str) -> None:
    assert REPLACED[text] == redact(text)
    assert REPLACED[text] == redact(REPLACED[text])


@pytest.mark.parametrize(
    "text",
    [
        "x.com/home",
        "https://x.com/i/web/status/12",
        "https://t.co/abcDEF",
        "https://www.instagram.com/p/abc",
        "https://youtube.com/watch?v=abc",
        "facebook.com/groups/12",
        "https://t.me/c/12/34",
        "github.com/octocat/hello",
        "https://www.reddit.com/r/aww/comments/abc",
        "reddit.com/r/u/x",
        "https://example.org/about/us",
        "max.com/joe netflix.com/x",
        "so much @_@ and @__@",
        "<@&123456789012345678> <#123456789012345678>",
    ],
)
def test_other_pages_of_a_site_are_kept(text: str) -> None:
    assert text == redact(text)


NAMES = [
    ("instagram", "with @rosa.finch and @ben_o.hare.", "with <HANDLE> and <HANDLE>."),
    ("threads", "@rosa.finch: it starts", "<HANDLE>: it starts"),
    ("youtube", "@rosafinch-ab1cd2 you are right", "<HANDLE> you are right"),
    ("youtube", "@\u5c0f\u660e thanks", "<HANDLE> thanks"),
    ("tumblr", "thanks @rosa-finch-draws-", "thanks <HANDLE>-"),
    ("", "see @rosa_finch. It starts", "see <HANDLE>. It starts"),
    ("", "see @rosa_finch.It starts", "see <HANDLE>.It starts"),
    ("table", "@Rosa.Finch, @rosa-finch... and", "<HANDLE>, <HANDLE>... and"),
    ("table", "@Jos\u00e9 and @\u0438\u0432\u0430\u043d", "<HANDLE> and <HANDLE>"),
    ("table", "\u6e0b\u8c37@\u6771\u4eac", "\u6e0b\u8c37@\u6771\u4eac"),
    ("x", "@rosa.thanks @rosa-ly @Jos\u00e9", "<HANDLE>.thanks <HANDLE>-ly <HANDLE>"),
    ("x", "my insta is @rosa.finch, IG: @ben-o", "my insta is <HANDLE>, IG: <HANDLE>"),
    ("x", "RT @350: see @350 and @1_2", "RT <HANDLE>: see @350 and <HANDLE>"),
    ("x", "@63804 yes, @63804 no", "<HANDLE> yes, @63804 no"),
    ("telegram", "@rosa_finch.Hi", "<HANDLE>.Hi"),
    ("vk", "[id123|Rosa F.] and @rosa.finch", "<HANDLE> and <HANDLE>"),
    ("facebook", "@[100001234567:2048:Rosa F.] hi", "<HANDLE> hi"),
]


@pytest.mark.parametrize(("platform", "text", "redacted"), NAMES)
def test_a_name_goes_whole_by_the_platform_s_rule(platform: str, text: str, redacted: str) -> None:
    assert redact(text, platform) == redacted


def pseudonym(author: str) -> str:
    digest = hmac.digest(KEY, author.encode(), "sha256").hex()
    return f"<HANDLE_{encode_digest_as_letters(digest[:12])}>"


SAME = [
    ("u/Spez", "x", "reddit:spez"),
    ("https://reddit.com/u/spez/", "x", "reddit:spez"),
    ("@Joe", "x", "x:joe"),
    ("https://x.com/joe/status/1", "reddit", "x:joe"),
    ("@a@mas.to", "x", "mastodon:a@mas.to"),
    ("https://mas.to/@a", "x", "mastodon:a@mas.to"),
    ("<@123456789012345678>", "discord", "discord:123456789012345678"),
    ("@alice.bsky.social", "bluesky", "bluesky:alice.bsky.social"),
    ("t.me/alice", "telegram", "telegram:alice"),
    ("@Rosa.Finch", "instagram", "instagram:rosa.finch"),
    ("@rosafinch-ab1cd2", "youtube", "youtube:rosafinch-ab1cd2"),
    ("IG @rosa.finch", "x", "instagram:rosa.finch"),
    ("[id123|Rosa]", "vk", "vk:id123"),
    ("@a@mas.to", "misskey", "mastodon:a@mas.to"),
    ("https://mas.to/@a", "misskey", "mastodon:a@mas.to"),
    ("https://msk.example/@a@Mas.to", "misskey", "mastodon:a@mas.to"),
]


@pytest.mark.parametrize(("text", "platform", "author"), SAME)
def test_a_pseudonym_equals_that_of_the_author_column(
    text: str, platform: str, author: str
) -> None:
    assert redact(text, platform, handles="pseudonym").endswith(pseudonym(author))


def test_a_listed_mention_with_a_host_gets_the_pseudonym_of_its_author_s_address() -> None:
    address = "https://far.example/u/bob"
    text = f"hi [@Bob@far.example]({address}) and @eve@far.example"
    posts = pl.DataFrame(
        {"text": [text], "platform": ["lemmy"], "mentions": [f"bob@far.example={address}"]}
    )
    redacted = pii.build(pii.Config(handles="pseudonym"), key=KEY)(posts)["text"][0]
    bob, eve = pseudonym(f"lemmy:{address}"), pseudonym("mastodon:eve@far.example")
    assert redacted == f"hi [{bob}](https://far.example/u/{bob}) and {eve}"


def test_pseudonyms_depend_on_the_key_and_have_no_digit() -> None:
    posts = pl.DataFrame({"text": ["@joe"], "platform": ["x"]})
    one, two = (
        pii.build(pii.Config(handles="pseudonym"), key=key)(posts)["text"][0]
        for key in (KEY, bytes(32))
    )
    assert one != two
    assert not any(each.isdigit() for each in one)


def test_without_a_key_there_is_no_pseudonym() -> None:
    with pytest.raises(ValueError, match="key of at least 32 bytes"):
        pii.build(pii.Config(handles="pseudonym"))


def test_public_accounts_keep_their_names(tmp_path: Path) -> None:
    (tmp_path / "public.txt").write_text("@NASA  # everywhere\nx:bbc\nu/spez\n@a@mas.to\n")
    allow_list = {"public_file": str(tmp_path / "public.txt"), "public": ("who",)}
    text = "@nasa @bbc @joe u/Spez @a@mas.to @WHO"
    assert redact(text, **allow_list) == "@nasa @bbc <HANDLE> u/Spez @a@mas.to @WHO"
    assert redact("@bbc", "bluesky", **allow_list) == "<HANDLE>"


@settings(max_examples=examples(200))
@given(
    st.lists(
        st.sampled_from([*REPLACED, "@", "u/", "<@", "joe", ".com/", " ", "::", "+1 4155552671"])
    ).map("".join)
)
def test_a_second_run_changes_nothing(text: str) -> None:
    once = redact(text, handles="pseudonym")
    assert once == redact(once, handles="pseudonym")


PLAIN = [
    "RT @rosa: hi .@finch, @_hare_ and @a1!",
    "hi @rosa. @finch, ok",
    "@rosa's @finch",
]
NOT_PLAIN = [
    "@rosa.finch", "@rosa-finch", "@Override", "`@rosa`", "a@b.org", "@1 @2pm", "@ros\u00e9", "@@a",
    "x.com/rosa @finch", "u/rosa @finch", "\uff20rosa @finch", "<@123456789012345678> @a", "@_@ @a",
    "[id1|Rosa] @finch", "@everyone", "SELECT @rosa", "@rosa(1)", "@rosa@mas.to", "@ rosa", "no",
]  # fmt: skip


def test_plain_mentions_are_replaced_at_once_as_the_finder_would() -> None:
    texts = pl.Series([*PLAIN, *NOT_PLAIN])
    selected = handles.select_plain_mentions(texts)
    assert selected.to_list() == [True] * len(PLAIN) + [False] * len(NOT_PLAIN)
    plain = texts.filter(selected)
    replaced, counts = handles.replace_plain_mentions(plain, "<HANDLE>")
    finder = handles.HandleFinder(lambda network, name, author: "<HANDLE>")
    for platform in ("", "x", "stackexchange", "youtube"):
        found = finder.replace_in_column(plain, pl.Series([platform] * len(plain)), None)
        assert list(found.values()) == list(zip(replaced, counts, strict=True))


@settings(max_examples=examples(300))
@given(
    st.lists(
        st.sampled_from(
            ["@", "a", "B1", "_", " ", ".", "-", "\n", "`", "(", ":", "u/", "1", "\u00e9"]
        )
    ).map("".join)
)
def test_what_is_selected_as_plain_has_the_handles_of_the_finder(text: str) -> None:
    texts = pl.Series([text])
    if handles.select_plain_mentions(texts)[0]:
        replaced, _ = handles.replace_plain_mentions(texts, "<HANDLE>")
        finder = handles.HandleFinder(lambda network, name, author: "<HANDLE>")
        spans = finder.find_in_text(text, "")
        assert handles.replace_handles(text, spans) == replaced[0]


def test_the_filter_s_quick_way_changes_no_text_and_no_count() -> None:
    posts = pl.DataFrame({"text": [*PLAIN, *NOT_PLAIN, *REPLACED, "@rosa, insta: rosa.finch"]})
    quick = pii.build(pii.Config())(posts)
    slow = pii.build(pii.Config(public=("x:nobody",)))(posts)  # an allow list needs every name
    assert quick.equals(slow) and quick["pii_handle"].sum() > 30


TEXT_PIECES = [
    *("@", "@@", "a", "B1", "_", "1", ".", "-", "/", ":", "<", "[", "(", " ", "!", "#", "\n"),
    *("u", "U", "u/", "\u00e9", "\uff20", "\u0438", "\u0130", "\u017f", "@_", "@joe", " @Ann. "),
    *("<@12345678901234567>", "@[12345:x]", "[id1|", "[\u0130d1|x]", "RT @1:", ".com"),
]


@settings(max_examples=examples(600))
@given(st.sampled_from(["", "x", "youtube"]), st.lists(st.sampled_from(TEXT_PIECES)).map("".join))
def test_a_text_without_a_page_has_the_handles_of_the_pattern_of_all_forms(
    platform: str, text: str
) -> None:
    finder = handles.HandleFinder(lambda network, name, author: "<HANDLE>")
    assert finder.find_in_text(text, platform, False) == finder.find_in_text(text, platform, True)


def test_a_plain_mention_ends_where_the_pattern_of_all_forms_ends_it() -> None:
    finder = handles.HandleFinder(lambda network, name, author: "<HANDLE>")
    texts = [
        "@joe",
        "a@joe",
        "@joe. Ann",
        "@joe.Ann",
        "@joe.ann",
        "@joe-ann",
        "@joe..ann",
        "@joe@b.org",
    ]
    texts += [
        "\u00e9@joe",
        "@jo\u00e9",
        "@_@",
        "@__@1",
        "(@joe)",
        "_@joe",
        "@@joe",
        "@joe\u2019s",
        "@joe.com",
    ]
    for text in texts:
        for platform in ("", "x", "youtube"):
            spans = finder.find_in_text(text, platform, False)
            assert spans == finder.find_in_text(text, platform, True), text
