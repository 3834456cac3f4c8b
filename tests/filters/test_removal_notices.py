"""Notices that stand in place of a text are recognized by their form, as whole texts only."""

from __future__ import annotations

import polars as pl
import pytest

from filters.text.removal_notices import (
    MAX_CHARACTERS,
    find_notice,
    find_notices,
    is_random_words,
)

DELETED = [
    # Reddit, Lemmy, Hacker News, Stack Exchange
    "[deleted]",
    " [Deleted] \n",
    "[Deleted By User]",
    "[ comment removed by OP ]",
    "[content removed by author, sorry]",
    "[redacted]",
    "deleted",
    "*deleted by creator*",
    "*permanently deleted*",
    "This comment was deleted by its author.",
    "This answer has been deleted by the owner",
    # other languages
    "[gelöscht]",
    "_[supprimé]_",
    "[удалено]",
    "[УДАЛЕНО]",
    "*Gelöscht*",
    "[削除済み]",
    # X, WhatsApp, Telegram, Discord
    "This Post was deleted by the Post author. Learn more",
    "This message was deleted",
    "You deleted this message",
    "*Original message was deleted.*",
    # overwritten by a tool or by hand
    "This post was mass deleted and anonymized with Redact",
    "*This post was mass deleted and anonymized with [Redact](https://redact.dev)*",
    "kettle wise seven harbour obtainable violin\n\n"
    " *This post was mass deleted and anonymized with [Redact](https://redact.dev/home)*",
    "crab oven tulip brave"
    "*This post was mass deleted and anonymized with [Redact](https://r.example)*",
    "[deleted using Power Delete Suite]",
    "lake tulip ` this message was mass deleted/edited with redact.dev `",
    "This comment has been edited with PowerDeleteSuite",
    "Comment removed (using [Power Delete Suite](https://t.example/pds)) as I no longer want it.",
    "*[This comment was overwritten by the user using a script]*",
    "Overwritten by the user using a script.",
    "This comment has been overwritten by an open source script to protect this user's privacy.\n\n"
    "If you would like to do the same, add a browser extension and this open source script.",
    "My comments were nuked with Nuke Reddit History",
    "[overwritten with shreddit]",
    "[This user has deleted this comment in protest]",
    "[content removed in protest of the new terms of 2031]",
    "All my posts were deleted in protest of the new terms.",
]
REMOVED = [
    # Reddit
    "[removed]",
    "removed",
    "[ Removed by Reddit ]",
    "[removed]\n\n[View Poll](https://reddit.example/poll/1)",
    "[ Removed by Reddit in response to a trademark notice. ]",
    "[ Removed by reddit on account of breaking the [rules](/help/rules). ]",
    "[ removed by moderator ]",
    "[unavailable]",
    "[deleted by moderators]",
    "Post removed by community moderators",
    "This comment was removed for violating our guidelines",
    # Lemmy, Mastodon, Hacker News
    "*Removed by mod*",
    "[flagged] [dead]",
    "[dead]",
    "This status has been removed by a moderator",
    # X
    "This Tweet is unavailable.",
    "This Post is no longer available.",
    "This Post is from a suspended account. Learn more",
    "This Tweet is from an account that no longer exists.",
    "This Post violated the X Rules. Learn more",
    # Facebook, YouTube, Telegram, 4chan, Stack Exchange
    "This content isn't available right now\nWhen this happens, it\u2019s usually because the "
    "owner only shared it with a small group of people.",
    "Video unavailable",
    "This channel can't be displayed because it violated the terms of service.",
    "(USER WAS BANNED FOR THIS POST)",
    "File deleted.",
    "This comment was minimized by the moderators on the site",
    "[entfernt]",
]
#: Posts that quote a notice, talk about one, or are made of the same words.
TEXTS = [
    "he said [deleted] to me",
    "Why does it say [removed]?",
    "> [removed]\n\nWhat did they say?",
    "[removed] was what it said [sic]",
    "[Removed hinges](https://a.example) from the door",
    "[Deleted scene] the one with the harbour is better",
    "deleted scenes are the best part",
    "Removed the old kettle and painted the wall",
    "\"This Tweet is unavailable\" is all I see now",
    "This is unavailable in my country",
    "My post was removed by a moderator and I don't know why.",
    "This comment was removed by the mods because they hate fun, can anyone tell me what it said?",
    "Does anyone know how the user deleted this comment?",
    "The video was removed.",
    "My tweet was deleted",
    "dead",
    "hidden gem",
    "The account was suspended for no reason and I want it back",
    "I keep seeing 'This post was mass deleted and anonymized with Redact', why?",
    "She wrote: This post was mass deleted and anonymized with Redact",
    "I used Power Delete Suite to wipe my account last night and it worked great",
    "All my comments were deleted with redact, what now?",
    "The script has overwritten my config file",
    "The video was edited with a script.",
    "My comment was edited by a bot.",
    "This post has been edited to add the link",
    "Edited by me: fixed typos",
    "quiet lamp oven seven brave tulip",
    "red, blue, green",
    "",
    "   ",
    "*",
]  # fmt: skip


@pytest.mark.parametrize("text", DELETED)
def test_what_an_author_put_in_place_of_a_text_is_a_deletion(text: str) -> None:
    assert find_notice(text) == "deleted"


@pytest.mark.parametrize("text", REMOVED)
def test_what_a_platform_put_in_place_of_a_text_is_a_removal(text: str) -> None:
    assert find_notice(text) == "removed"


@pytest.mark.parametrize("text", TEXTS)
def test_a_text_that_quotes_a_notice_or_talks_about_one_is_none(text: str) -> None:
    assert find_notice(text) is None


def test_the_gate_over_a_batch_loses_no_notice() -> None:
    texts = [*DELETED, *REMOVED, *TEXTS, None]
    expected = [find_notice(text) if text is not None else None for text in texts]
    assert find_notices(pl.Series(texts)).to_list() == expected
    assert find_notices(pl.Series([], dtype=pl.String)).to_list() == []
    assert find_notices(pl.Series(TEXTS)).to_list() == [None] * len(TEXTS)


def test_a_long_text_is_no_notice() -> None:
    assert find_notice("[removed " + "x" * MAX_CHARACTERS + "]") is None


def test_the_text_below_a_title_is_looked_at_in_a_post_only() -> None:
    below = [
        "What a harbour!\n\n[removed]",
        "[deleted by user]\n\nThe harbour in the rain.",
        "What a harbour!\n\n*This post was mass deleted and anonymized with [Redact](https://r.example)*",
        "What a harbour!\n\nThey said [removed]",
        "Deleted\n\nI deleted my account and feel better.",
    ]
    kinds = pl.Series(["post"] * 5 + ["reply"] * 5)
    found = find_notices(pl.Series(below * 2), kinds).to_list()
    assert found == ["removed", "deleted", "deleted", None, None] + [None] * 5


@pytest.mark.parametrize(
    ("text", "is_random"),
    [
        ("Lorem ipsum dolor sit amet, consectetur elit.", True),
        ("et dolor minim quis nisi magna", True),
        ("Lorem ipsum dolor sit amet, says the page.", False),
        ("sit et ad non in", False),
        ("k3JxUuv90QmZpLr4TeXa", True),
        ("k3jxuuv90qmzplr4texa", False),
        ("see k3JxUuv90QmZpLr4TeXa", False),
        ("lantern obtainable wise seven harbour grotesque crab", True),
        ("lantern obtainable wise seven harbour grotesque crab\noven tulip", True),
        ("lantern wise seven harbour crab", False),  # five words are a list
        ("lantern, obtainable, wise, seven, harbour, grotesque", False),
        ("lantern crab lantern crab lantern crab lantern", False),
        ("yesterday the old kettle fell off our shelf", False),
        ("nobody could find their lantern near harbour yesterday", False),
        ("el gato negro duerme sobre las piedras calientes del puerto", False),
        ("Lantern obtainable wise seven harbour grotesque crab", False),
        ("", False),
    ],
)
def test_random_words_are_told_from_sentences_and_lists(text: str, is_random: bool) -> None:
    assert is_random_words(text) == is_random
