"""Junk leaves with a reason; ordinary posts stay, three words or three hundred."""

from __future__ import annotations

import polars as pl
import pytest

from filters import quality


def reason(text: str, **config: object) -> str | None:
    posts = pl.DataFrame({"id": ["1"], "text": [text]})
    found: str | None = quality.build(quality.Config(**config))(posts)["reject"][0]  # type: ignore[arg-type]
    return found


@pytest.mark.parametrize(
    "text",
    [
        "good morning all",
        "Same here",
        "this is soooooo good 😂😂😂",
        "@ann thanks, see you tomorrow",
        "Great read https://example.org/a",
        "I can't believe it's already #December",
        "今日は天気がいい",
        "ขอบคุณมากนะคะ",
        "ok. so we met at 10:30, paid 5€ and left at 11",
        "no no no no no, please no",
        "haha hahaha hahahaha",
        "He said: «I'd rather not», and she laughed… then left",
        "My followers ask about the #1 thing: new followers' questions",
        "It rained all day; the wind was strong and the humidity awful",
        "I'm at the station and I liked a video about trains",
    ],
)
def test_ordinary_posts_stay(text: str) -> None:
    assert reason(text) is None


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("https://a.example https://b.example", "mostly_links"),
        ("look https://a.example http://b.example", "mostly_links"),
        ("#win #free #cash #prize today", "mostly_hashtags"),
        ("@a @b @c @d @e hello", "mostly_mentions"),
        ("", "too_few_words"),
        ("ok", "too_few_words"),
        ("😀😀 🎉", "too_few_words"),
        ("a1 :: 55555 / 88888 -- 33333 == 11111", "few_letters"),
        ("x" * 60 + " is a word", "long_word"),
        ("noooooooooooooo way man", "character_run"),
        ("buy now buy now buy now buy now buy now", "repeats_itself"),
        ("#NowPlaying Blue Song by Nobody on Radio Nine", "bot_template"),
        ("3 people followed me // automatically checked by fllwrs.example", "bot_template"),
        ("I just earned the 'Night Owl' badge on SomeApp", "bot_template"),
        ("I liked a @YouTube video from @someone", "bot_template"),
        ("I am a bot, and this action was performed automatically.", "bot_template"),
    ],
)
def test_junk_leaves_with_its_reason(text: str, why: str) -> None:
    assert reason(text) == why


def test_thresholds_move_what_leaves() -> None:
    assert reason("Same here", min_words=3) == "too_few_words"
    assert (
        reason("look here https://a.example http://b.example https://c.example") == "mostly_links"
    )
    linked = "look here https://a.example http://b.example https://c.example"
    assert reason(linked, max_link_share=0.7) is None
    assert reason("#NowPlaying Blue Song by Nobody", templates=False) is None


def test_scores_stay_as_columns_with_their_types() -> None:
    posts = pl.DataFrame({"id": ["1"], "text": ["see #this https://a.example @you"]})
    found = quality.build(quality.Config())(posts)
    assert {name: found.schema[name] for name in quality.WRITES} == quality.WRITES
    assert found["quality_link_share"][0] == 0.25
    assert found["quality_hashtag_share"][0] == 0.25
    assert found["quality_mention_share"][0] == 0.25
    assert found.columns == ["id", "text", *quality.WRITES, "reject"]


def test_a_megabyte_post_is_no_trouble() -> None:
    assert reason("a" * 1_000_000 + " b") == "long_word"
    assert reason("word " * 200_000) == "repeats_itself"


def test_every_template_holds_one_of_the_words_that_are_looked_for_first() -> None:
    texts = [
        "now playing: a song",
        "♫ anything",
        "🎵 now on air",
        "stats automatically posted by tool.example",
        "two people unfollowed me",
        "3 new unfollower today",
        "3 new tweeps today",
        "I've unlocked the Early Bird achievement",
        "wind: 3 mph",
        "Barometer 1003 hPa",
        "I'm at The Green Tree https://fsq.example",
        "I am at Home (w/ 3 others)",
        "I added a video to a YouTube playlist",
        "Your daily horoscope",
        "horoscope for today",
    ]
    series = pl.Series(texts)
    assert series.str.contains(quality._TEMPLATES).all()
    assert quality._templates(series).all()
