"""The filter ``quality`` drops junk with a reason and keeps ordinary posts of any length."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest
from pydantic import ValidationError

from filters import quality
from filters.quality import spam, spam_phrases, spam_signs, templates
from tests.support.examples import is_wide

CASES = Path(__file__).with_name("social_cases.tsv")


def run_filter(texts: list[str], **config: Any) -> pl.DataFrame:
    posts = pl.DataFrame({"id": [str(n) for n in range(len(texts))], "text": texts})
    return quality.build(quality.Config(**config))(posts)


def reason(text: str, **config: Any) -> str | None:
    result: str | None = run_filter([text], **config)["reject"][0]
    return result


def read_cases() -> list[tuple[str, str, str]]:
    lines = CASES.read_text(encoding="utf-8").split("\n")[1:]
    rows = [line.split("\t") for line in lines if line]
    return [(text.replace("\\n", "\n"), expected, note) for text, expected, note in rows]


def test_every_case_of_the_sheet_gets_its_reason() -> None:
    sheet = read_cases()
    assert len(sheet) >= 300
    result = run_filter([text for text, _, _ in sheet])["reject"].fill_null("keep").to_list()
    wrong = [
        (text, expected, actual)
        for (text, expected, _), actual in zip(sheet, result, strict=True)
        if actual != expected
    ]
    assert wrong == []


def test_the_sheet_has_every_reason_of_the_preset() -> None:
    reasons = {rule.reason for rule in quality.PRESETS["social"].rules}
    assert {expected for _, expected, _ in read_cases()} == {"keep", *reasons}


def test_thresholds_decide_which_posts_are_dropped() -> None:
    assert reason("Same here", min_words=3) == "too_few_words"
    linked = "look here https://a.example http://b.example https://c.example"
    assert reason(linked) == "mostly_links"
    assert reason(linked, max_link_share=0.7) is None
    assert reason("#NowPlaying Blue Song by Nobody", templates=False) is None
    assert reason("Check out my channel", max_spam=10) is None
    assert reason("Check out my channel", min_words=9) == "spam", "a short advert is no turn"
    assert reason("aaaaaaaaaaaaa eh 5 6 7 8", max_run_share=0.5) == "character_run"
    assert reason("aaaaaaaaaaaaa eh 5 6 7 8") is None
    assert reason(f"w{'o' * 30}{'!' * 30}18611") == "character_run", "emphasis hides no run"
    assert reason("good morning all", min_compressed=1, min_letter_share=1) is None


def test_scores_are_written_to_columns_with_their_types() -> None:
    result = run_filter(["see #this https://a.example @you"])
    assert {name: result.schema[name] for name in quality.WRITES} == quality.WRITES
    assert result["quality_link_share"][0] == 0.25
    assert result["quality_hashtag_share"][0] == 0.25
    assert result["quality_mention_share"][0] == 0.25
    assert result.columns == ["id", "text", *quality.WRITES, "reject", "unjudged"]


@pytest.mark.parametrize("name", quality.PRESETS)
def test_the_verdict_needs_only_the_stored_columns(name: str) -> None:
    texts = [text for text, _, _ in read_cases()] + [
        "One. Two. Three. Four. Five.\nthe end of it\n" * 9
    ]
    config = quality.Config(preset=name)  # type: ignore[arg-type]
    result = run_filter(texts, preset=name)
    scores = result.select(*quality.PRESETS[name].columns())
    assert (
        scores.select(quality.verdict(config)).to_series().to_list() == result["reject"].to_list()
    )


@pytest.mark.parametrize("name", quality.PRESETS)
def test_every_preset_writes_its_columns_for_any_text(name: str) -> None:
    config = quality.Config(preset=name)  # type: ignore[arg-type]
    texts = [
        "",
        " \n\t ",
        "😀",
        None,
        "\x00\x1c",
        "a" * 5000,
        "ok then",
        "\u202etxet\u200b",
        "e\u0301",
    ]
    posts = pl.DataFrame({"id": [str(n) for n in range(len(texts))], "text": texts})
    posts = posts.with_columns(lang=pl.lit("en"))  # some are in a language without rules
    result = quality.build(config)(posts)
    assert result["id"].to_list() == posts["id"].to_list()
    for column, dtype in quality.writes(config).items():
        assert result.schema[column] == dtype, column
        # Only Reddit's own columns may be unknown; the null in `text` is kept.
        assert name == "dolma_reddit" or column == "text" or result[column].null_count() == 0
    assert result.slice(4, 3).drop("id").equals(quality.build(config)(posts.slice(4, 3)).drop("id"))


def test_presets_are_applied_in_order_and_each_writes_its_columns() -> None:
    config = quality.Config(preset=("gopher_repetition", "gopher"))
    result = run_filter(["a b c d", ""], preset=["gopher_repetition", "gopher"])
    assert result["reject"].to_list() == ["top_2_gram", "empty"]
    assert {"quality_top_2_gram", "quality_stop_words"} <= set(quality.writes(config))
    reversed_order = run_filter(["a b c d", ""], preset=["gopher", "gopher_repetition"])
    assert reversed_order["reject"].to_list() == ["gopher_short_doc", "gopher_short_doc"]


def test_a_setting_of_another_preset_is_an_error_that_names_the_preset() -> None:
    with pytest.raises(ValidationError, match="'min_words' is a setting of the preset social"):
        quality.Config(preset="gopher", min_words=3)
    with pytest.raises(ValidationError, match="min_doc_words, min_stop_words"):
        quality.Config(preset="gopher", new_line_ratio=0.1)
    with pytest.raises(ValidationError, match="each once"):
        quality.Config(preset=("c4", "c4"))
    with pytest.raises(ValidationError, match="each once"):
        quality.Config(preset=())
    with pytest.raises(ValidationError, match="Extra inputs"):
        quality.Config(preset="gopher", min_dok_words=1)  # type: ignore[call-arg]


def test_a_config_dumps_only_settings_with_an_effect_and_loads_again() -> None:
    config = quality.Config(preset=("gopher", "c4"), min_doc_words=10)
    again = quality.Config.model_validate_json(config.model_dump_json())
    assert again == config
    assert "max_spam" not in config.model_dump()
    assert config.model_dump()["min_doc_words"] == 10


def read_texts(reason: str) -> pl.Series:
    return pl.Series([text for text, expected, _ in read_cases() if expected == reason])


@pytest.mark.parametrize("template", templates.TEMPLATES, ids=lambda template: template.name)
def test_every_template_has_a_case_that_contains_one_of_its_key_words(
    template: templates.BotTemplate,
) -> None:
    texts = read_texts("bot_template")
    matched = texts.filter(texts.str.contains(f"(?i){template.pattern}"))
    assert len(matched) >= 1
    assert matched.str.contains_any(template.words.split("|"), ascii_case_insensitive=True).all()
    assert spam.match_templates(matched).all()


@pytest.mark.parametrize("group", spam_signs.SPAM_WEIGHTS)
def test_every_group_of_signs_has_a_case_and_key_words(group: str) -> None:
    lower = read_texts("spam").str.to_lowercase() if group != "report" else read_texts("keep")
    matched = lower.filter(lower.str.to_lowercase().str.contains(spam.GROUP_PATTERNS[group]))
    assert len(matched) >= 1
    found = matched.str.contains_any(spam_signs.SPAM_WORDS.split("|"), ascii_case_insensitive=True)
    # A post with links, figures or news alone is not searched.
    assert group in ("link", "layout", "feed", "report") or found.all()


@pytest.mark.parametrize("lang", spam_phrases.SPAM_PHRASES)
def test_every_language_has_cases_of_its_phrases(lang: str) -> None:
    listed = [p for some in spam_phrases.SPAM_PHRASES[lang].values() for p in some.split("|")]
    assert min(map(len, listed)) >= 2
    for phrase in listed:  # polars folds the case of what is searched, so none may have capitals
        assert pl.Series([phrase]).str.to_lowercase()[0] == phrase
    found = read_texts("spam").str.to_lowercase().str.contains_any(listed)
    assert found.any()


def test_no_phrase_of_another_language_is_found_in_ordinary_posts() -> None:
    kept = read_texts("keep").str.to_lowercase()
    heavy = ("promotion", "gain", "prizes", "scam", "begging")
    listed = [phrase for group in heavy for phrase in spam.GROUP_PHRASES[group]]
    assert kept.filter(kept.str.contains_any(listed)).to_list() == []


def test_spam_is_not_scored_in_a_language_without_rules() -> None:
    advert = "Subscribe to my channel and follow me, free iphone giveaway"
    posts = pl.DataFrame(
        {
            "text": [advert] * 5,
            "lang": ["en", "sw", "sw", None, "hi-Latn"],
            "lang_score": [0.9, 0.9, 0.3, None, 0.9],
        }
    )
    config = quality.Config()
    result = quality.build(config)(posts)
    assert result["reject"].to_list() == ["spam", None, "spam", "spam", "spam"]
    assert result["unjudged"].to_list() == [None, "sw", None, None, None]
    assert result["quality_spam"].is_null().to_list() == [False, True, False, False, False]
    assert set(quality.languages(config)) >= {"en", *spam_phrases.SPAM_PHRASES}


def test_stop_words_are_not_counted_in_another_language_than_english() -> None:
    text = "Der Bus kam wieder zu spät und alle warteten im Regen an der Straße. " * 8
    posts = pl.DataFrame({"text": [text, text], "lang": ["de", "en"]})
    result = quality.build(quality.Config(preset="gopher"))(posts)
    assert result["reject"].to_list() == [None, "gopher_enough_stop_words"]
    assert result["unjudged"].to_list() == ["de", None]
    assert quality.languages(quality.Config(preset="gopher", min_stop_words=0)) == ()
    assert quality.languages(quality.Config(preset="fineweb")) == ()


def test_the_presets_patterns_fit_in_the_cache_of_compiled_ones() -> None:
    # polars keeps 32; a pattern that is compiled again for each batch costs more than a match.
    own = [*spam.TEMPLATE_PATTERNS, *spam.GROUP_PATTERNS.values()]
    words, cleaning, filler = 4, 5, 1
    assert len(own) + words + cleaning + filler <= 32


def score(text: str, platform: str | None = None) -> float:
    platforms = pl.Series([platform]) if platform else None
    return round(float(spam.score_spam(pl.Series([text]), platforms)[0]), 2)


def test_a_group_of_signs_counts_once() -> None:
    assert score("check out my channel") == score("check out my channel, see my videos") == 5.6
    assert score("subscribe to me") == score("subscribe to me, come subscribe") == 3.0


def test_signs_of_spam_weigh_less_in_a_forum() -> None:
    text = "Try our new landing page builder, follow me on twitter"
    assert score(text) == 3.0
    for platform in ("hackernews", "reddit", "stackexchange", "lemmy"):
        assert score(text, platform) == 1.5
    linked = f"{text} https://www.a.example/b"
    assert score(linked) == 4.0
    assert score(linked, "reddit") == 3.0
    assert score(text, "youtube") == score(text, "somewhere") == 3.0


def test_a_microblog_s_offers_are_found_without_their_links() -> None:
    offer = "9 Things You Will Never Be Able To Forget"
    assert score(offer) == score(offer, "youtube") == 1.6
    assert score(offer, "x") == score(f"{offer} https://t.co/a1") == 2.6
    titles = "#milf anal free tube"
    assert score(titles) == 0
    assert score(titles, "mastodon") == score(f"{titles} https://t.co/a1")
    assert score("I like this anal free tube of my neighbour", "x") == 0


def test_a_frame_s_platform_decides_how_spam_is_scored() -> None:
    text = ["Follow me on twitter for our new page"] * 2
    posts = pl.DataFrame({"id": ["1", "2"], "text": text, "platform": ["hackernews", "youtube"]})
    kept = quality.build(quality.Config())(posts)
    assert kept["reject"].to_list() == [None, "spam"]
    nulls = posts.with_columns(platform=pl.lit(None, dtype=pl.String))
    assert quality.build(quality.Config())(nulls)["reject"].to_list() == ["spam", "spam"]


def test_a_link_counts_once_though_it_begins_twice() -> None:
    shares = run_filter(["Our pond https://t.co/abc", "a https://www.b.example"])
    assert shares["quality_link_share"].to_list() == pytest.approx([1 / 3, 0.5])


def test_one_word_is_kept_if_it_says_something() -> None:
    assert reason("Turnstile") is None
    assert reason("Turnstile", keep_single_words=False) == "too_few_words"
    assert reason("Turnstile", min_words=3) == "too_few_words"
    assert reason("haha") == reason("#turnstile https://a.example") == "too_few_words"
    assert reason("haha", min_words=1) is None


def test_a_post_with_enough_words_is_not_mostly_links_or_tags() -> None:
    linked = "look here now https://a.example http://b.example https://c.example https://d.example"
    assert reason(linked) is None
    assert reason(linked, enough_words=4) == "mostly_links"
    tagged = "#a #b #c #d we meet there"
    assert reason(tagged) is None
    assert reason(tagged, enough_words=4) == "mostly_hashtags"
    assert reason("@a @b @c @d @e @f @g @h you are right") is None


def test_in_a_long_post_signs_of_spam_weigh_less() -> None:
    long_text = "We walked along the river until the bridge and talked about the winter. " * 30
    assert reason("Please check out my channel") == "spam"
    other_rules_off = {"max_repeated_share": 1, "min_compressed": 0, "min_distinct_words": 0}
    assert reason(f"Please check out my channel. {long_text}", **other_rules_off) is None


#: Each is a megabyte made to be slow: long words, runs, near matches of patterns, no spaces.
HEAVY = {
    "one word": "a" * 1_000_000 + " b",
    "words": "word " * 200_000,
    "brackets": "(" * 1_000_000,
    "brackets closed": "a" + ")" * 999_999,
    "dots": "." * 1_000_000,
    "apostrophes": "'s" * 500_000,
    "hyphens": "a-" * 500_000,
    "lines": "\n" * 1_000_000,
    "bullets": "- a\n" * 250_000,
    "citations": "[1" * 500_000,
    "near templates": "I'm at " * 140_000,
    "near spam": "check out " * 100_000,
    "mentions": "@a " * 333_000,
    "Han": "日本語" * 110_000,
    "emoji": "😂" * 250_000,
    "digits": "1234567890" * 100_000,
    "tokens alike": "ab a b " * 140_000,
}


@pytest.mark.parametrize("what", HEAVY)
def test_posts_of_a_megabyte_are_measured(what: str) -> None:
    # An algorithm of quadratic time would not finish; datatrove does not. (make test: a tenth.)
    text = HEAVY[what][: None if is_wide() else 100_000]
    presets = ["social", "gopher", "gopher_repetition", "c4", "fineweb", "dolma_reddit"]
    run = quality.build(quality.Config(preset=presets))  # type: ignore[arg-type]
    result = run(pl.DataFrame({"id": ["1"], "text": [text]}))
    assert result["id"].to_list() == ["1"]


def test_social_drops_heavy_junk_with_a_reason() -> None:
    assert reason(HEAVY["one word"]) == "character_run"
    assert reason(HEAVY["words"]) == "repeats_itself"
    assert reason(HEAVY["Han"]) == "compressible"
    assert reason(HEAVY["lines"]) == "too_few_words"


REDDIT = {
    "id": ["c", "s", "old", "low", "gone", "club", "long", "none", "untold"],
    "kind": ["comment", "post", *["comment"] * 7],
    "text": [
        "word " * 120, "A title\n\n" + "word " * 90, "word " * 120, "word " * 120, "[removed]",
        "word " * 120, "word " * 9000, "word " * 120, "word " * 120,
    ],
    "score": [2, 2, 2, 1, 9, 9, 9, 9, None],
    "sensitive": [False, False, True, False, False, False, None, None, None],
    "community": ["a", "a", "a", "a", "a", "Loud", "a", "[deleted]", "a"],
}  # fmt: skip


def test_dolma_uses_reddit_s_columns_where_they_exist(tmp_path: Path) -> None:
    blocklist = tmp_path / "blocked.txt"
    blocklist.write_text("loud\n\n", encoding="utf-8")
    posts = pl.DataFrame(REDDIT)
    config = quality.Config(preset="dolma_reddit", subreddit_blocklist=str(blocklist))
    assert quality.models(config) == [blocklist]
    assert quality.build(config)(posts)["reject"].to_list() == [
        None,
        None,
        "over_18",
        "low_score",
        "deleted",
        "blocked_community",
        "too_long",
        "deleted",
        "low_score",
    ]
    alone = quality.build(config)(posts.select("id", "text"))["reject"].to_list()
    assert alone == [None, "short_comment", None, None, "deleted", None, "too_long", None, None]
    title = posts.with_columns(text=pl.lit("Only a title, " + "and " * 200))
    assert quality.build(config)(title)["reject"][1] == "short_submission"


@pytest.mark.parametrize("name", quality.PRESETS)
def test_thresholds_name_columns_and_settings_of_their_preset(name: str) -> None:
    config = quality.Config.model_validate({"preset": name})
    bounds = quality.thresholds(config)
    assert bounds and {bound.column for bound in bounds} <= set(quality.writes(config))
    assert {bound.setting for bound in bounds} <= set(config.model_dump())


def test_a_post_beyond_the_side_of_a_threshold_is_dropped() -> None:
    config = quality.Config()
    paired_columns = {
        "max_word_chars": "quality_longest_word_share",
        "max_word_share": "quality_longest_word",
    }
    for bound in quality.thresholds(config):
        value = getattr(config, bound.setting)
        beyond, within = (value + 1, value) if bound.side == "max" else (value - 1, value)
        within_bounds = {"quality_template": False, "quality_single_word": False} | {
            each.column: getattr(config, each.setting) for each in quality.thresholds(config)
        }
        if bound.setting in paired_columns:
            within_bounds[paired_columns[bound.setting]] = 99
        rows = [{**within_bounds, bound.column: number} for number in (beyond, within)]
        posts = pl.DataFrame(rows, strict=False, infer_schema_length=None)
        verdicts = posts.select(quality.verdict(config).alias("why"))["why"].to_list()
        assert verdicts == [bound.reason, None], bound
