"""The filter ``pii``: what it replaces and keeps, and that its gates miss nothing."""

from __future__ import annotations

import logging
import random
import re
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from filters import pii
from filters.pii import national, presidio
from filters.pii.presidio import ENTITIES, MIN_SCORES, PHONE_REGIONS, EntityFinder
from filters.pii.spans import EntitySpan, is_unreachable, resolve_overlaps
from tests.support.examples import examples, is_wide

ROOT = Path(__file__).resolve().parents[2]
TWEETS = [ROOT.parent / "shared" / "data" / "plain" / name for name in ("gurez.10000", "ile.10000")]
WALLET = "1BoatSLRHtKNngkdXEeobR76b53LETtpyT"


@cache
def default_filter() -> Any:
    return pii.build(pii.Config())


@cache
def finder() -> EntityFinder:
    return EntityFinder(ENTITIES, PHONE_REGIONS)


def redact(*texts: str, **config: Any) -> list[str]:
    posts = pl.DataFrame({"id": [str(row) for row in range(len(texts))], "text": list(texts)})
    run = pii.build(pii.Config(**config)) if config else default_filter()
    return list(run(posts)["text"])


# --- what is replaced ---------------------------------------------------------------------------

REPLACED = {
    "write to joe@example.org today": "write to <EMAIL_ADDRESS> today",
    "o'brien.j+x@mail.example.co.uk": "<EMAIL_ADDRESS>",
    "call (415) 555-2671 now": "call <PHONE_NUMBER> now",
    "(415) - 555 - 2671": "<PHONE_NUMBER>",
    "+44 20 7946 0018": "<PHONE_NUMBER>",
    "mapped ::ffff:8.8.8.8": "mapped <IP_ADDRESS>",
    "from 8.8.8.8 again": "from <IP_ADDRESS> again",
    "2606:4700:4700::1111 too": "<IP_ADDRESS> too",
    "card 4111 1111 1111 1111 ok": "card <CREDIT_CARD> ok",
    "GB82 WEST 1234 5698 7654 32": "<IBAN_CODE>",
    "pay gb82west12345698765432": "pay <IBAN_CODE>",
    f"tip {WALLET}": "tip <CRYPTO>",
    "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4": "<CRYPTO>",
    "ssn 536-22-1234": "ssn <US_SSN>",
    "mac 00:1A:2B:3C:4D:5E": "mac <MAC_ADDRESS>",
    "mac 0012.3456.789a": "mac <MAC_ADDRESS>",
}


@pytest.mark.parametrize("text", REPLACED)
def test_a_detail_becomes_its_placeholder(text: str) -> None:
    assert [REPLACED[text]] == redact(text)


def test_a_dotted_quad_is_an_address_unless_the_text_says_that_it_is_a_version() -> None:
    assert redact("at 1.2.3.4", "version 1.2.3.4", "v1.2.3.4", "version 1.2.3") == [
        "at <IP_ADDRESS>",
        "version 1.2.3.4",
        "v1.2.3.4",
        "version 1.2.3",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "10/10 would watch again",
        "never forget 9/11",
        "u2 and b4 are not licences",
        "std :: vector ::",
        "born in 1987, back in 2015",
        "peace in 1648, revolution in 1688",  # German pagers, to libphonenumber
        "State College, PA 16801",
        "only $1,999.99 or 50% off",
        "from 10:30 to 12:45 on 2012-01-02 08:00:00",
        "ok.so what",
        "joe@localhost",
        "lunch @12 today",
        "r/AskReddit and/or w/e",
        "private 10.0.0.1, 192.168.0.17 and 127.0.0.1",
        "loopback ::1 and ::",
        "mapped ::ffff:10.0.0.1",
        "mapped ::ffff:100.64.0.1",  # a carrier's own network
        "4111 1111 1111 1112 fails its checksum",
    ],
)
def test_a_text_without_details_does_not_change(text: str) -> None:
    assert [text] == redact(text)


HANDLES = {
    "RT @name: hi": "RT <HANDLE>: hi",
    ".@name, w/@other (@third)": ".<HANDLE>, w/<HANDLE> (<HANDLE>)",
    "@a @b\n@c": "<HANDLE> <HANDLE>\n<HANDLE>",
    "hey @alice@mastodon.social!": "hey <HANDLE>!",
    "hey @alice@toot.example-unknown!": "hey <HANDLE>!",
    "via @alice.bsky.social.": "via <HANDLE>.",
    "thanks @bob.Great stuff": "thanks <HANDLE>.Great stuff",
    "u/spez and /u/spez": "<HANDLE> and <HANDLE>",
    "https://www.reddit.com/user/spez/": "https://www.reddit.com/user/<HANDLE>",
    "こんにちは@taro さん": "こんにちは<HANDLE> さん",
}


@pytest.mark.parametrize("text", HANDLES)
def test_a_handle_becomes_a_placeholder(text: str) -> None:
    assert [HANDLES[text]] == redact(text)


def test_a_part_of_an_email_address_is_no_handle() -> None:
    assert redact("joe@example.org or @joe") == ["<EMAIL_ADDRESS> or <HANDLE>"]
    assert redact("joe@example.org or @joe", entities=("PHONE_NUMBER",)) == [
        "joe@example.org or <HANDLE>"
    ]


def test_handles_are_kept_on_request_except_those_that_match_as_an_email() -> None:
    assert redact("@name u/spez @a@example.org", handles="keep") == [
        "@name u/spez @<EMAIL_ADDRESS>"
    ]


# --- the frame ----------------------------------------------------------------------------------


def test_every_replacement_is_counted_in_its_column() -> None:
    run = default_filter()
    posts = pl.DataFrame({"id": ["1", "2"], "text": ["@a a@b.com c@d.com @e@f.com", "hi"]})
    filtered = run(posts)
    counted = filtered.select(
        "pii_email_address", "pii_handle", "pii_phone_number", "reject"
    ).rows()
    assert counted == [(2, 2, 0, None), (0, 0, 0, None)]


def test_no_posts_get_all_columns() -> None:
    posts = pl.DataFrame(schema={"id": pl.String, "text": pl.String})
    filtered = default_filter()(posts)
    assert {"id": pl.String(), **pii.WRITES, "reject": pl.String()} == dict(filtered.schema)


def test_a_post_with_too_many_details_is_dropped_with_a_reason() -> None:
    posts = pl.DataFrame({"id": ["1", "2"], "text": ["a@b.com c@d.com", "a@b.com @x @y"]})
    assert list(pii.build(pii.Config(max_spans=1))(posts)["reject"]) == ["too_much_pii", None]
    assert list(default_filter()(posts)["reject"]) == [None, None]


def test_an_earlier_reason_is_kept() -> None:
    posts = pl.DataFrame({"id": ["1"], "text": ["a@b.com c@d.com"], "reject": ["too_short"]})
    assert list(pii.build(pii.Config(max_spans=1))(posts)["reject"]) == ["too_short"]


def test_only_the_wanted_entities_are_replaced() -> None:
    assert redact("joe@example.org 8.8.8.8", entities=("IP_ADDRESS",)) == [
        "joe@example.org <IP_ADDRESS>"
    ]


def test_an_unknown_entity_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ValidationError, match=r"unknown entity 'EMAIL'; known: EMAIL_ADDRESS, P"):
        pii.Config(entities=("EMAIL",))


def test_an_unknown_phone_region_is_refused() -> None:
    with pytest.raises(ValidationError, match=r"unknown phone region 'UK'; known: .*GB"):
        pii.Config(phone_regions=("UK",))


def test_a_national_number_is_read_in_the_configured_regions() -> None:
    assert redact("044 668 18 00", phone_regions=("US",)) == ["044 668 18 00"]
    assert redact("044 668 18 00", phone_regions=("CH",)) == ["<PHONE_NUMBER>"]


# --- overlaps -----------------------------------------------------------------------------------


def resolve(*spans: EntitySpan) -> list[EntitySpan]:
    return resolve_overlaps("5" * 99, list(spans))


def test_a_span_around_another_is_kept_at_any_score() -> None:
    around, inside = EntitySpan(0, 9, "PHONE_NUMBER", 0.4), EntitySpan(2, 5, "CRYPTO", 1.0)
    assert [around] == resolve(around, inside) == resolve(inside, around)


def test_of_two_equal_spans_the_higher_score_is_kept() -> None:
    low, high = EntitySpan(0, 9, "PHONE_NUMBER", 0.4), EntitySpan(0, 9, "US_SSN", 0.5)
    assert [high] == resolve(low, high) == resolve(high, low)


def test_a_partial_overlap_gets_the_entity_of_the_higher_score_then_of_the_longer_span() -> None:
    left, right = EntitySpan(0, 9, "PHONE_NUMBER", 0.4), EntitySpan(5, 12, "CREDIT_CARD", 1.0)
    assert [EntitySpan(0, 12, "CREDIT_CARD", 1.0)] == resolve(left, right) == resolve(right, left)
    even = EntitySpan(5, 12, "US_SSN", 0.4)
    assert [EntitySpan(0, 12, "PHONE_NUMBER", 0.4)] == resolve(left, even)


def test_adjacent_spans_are_both_kept() -> None:
    left, right = EntitySpan(0, 7, "PHONE_NUMBER", 0.4), EntitySpan(7, 9, "CRYPTO", 1.0)
    assert [left, right] == resolve(right, left)


def test_a_second_run_changes_nothing() -> None:
    # Once the wallet is replaced, the phone number that was joined to it can be found.
    texts = [*REPLACED, *HANDLES, "2025552222bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4", "@a@b"]
    once = redact(*texts)
    assert once == redact(*once)
    assert "<PHONE_NUMBER><CRYPTO>" in once


# --- the gates ----------------------------------------------------------------------------------

PIECES = [
    *"0123456789", *"abcfABCFZkKsS", *"-.:/ ,()+@x#_\n\t%", "\u0661", "\u0967", "\uff14", "\u00b2",
    "\u017f", "\u212a", "\u0130", "\u0131", "\u2013", "\u00a0", "\uff0d", "\uff0b", "\u200b",
    "10", "555", "0012", "::", "bc1", "GB82", " ext. 12", "xx", "@a", ".com", "é", "漢",
    "ssn ", "phone ", "ip ", "<CRYPTO>", "\U0001e4f1",
]  # fmt: skip
SEEDS = [
    *REPLACED, "16412", "01641", "+49 1234", "+43 1234", "0800 1111", "*6500", "310 1234",
    "078-05-1121", "219 09 9999", "\u0664\u0661\u0665 555 2671", "DE89370400440532013000",
    "\uff0b\uff14\uff14 20 7946 0018", "4111\u0661111 1111 1111", "gb82we\u017ft12345698765432",
    "::ffff:8.8.8.8", "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:8.8.8.8", "::/12", "phone 555 xx 415 5552671",
    "+1 415 555 2671 x12", "1\uff0d800\uff0d555\uff0d2671", "phone 5362 21234", "ssn 536221234",
]  # fmt: skip


def make_edge_strings(count: int, seed: int) -> list[str]:
    """Make details with characters replaced, removed and inserted, alone and in pairs."""
    random_source = random.Random(seed)
    return [make_edge_string(random_source) for _ in range(count)]


def make_edge_string(random_source: random.Random) -> str:
    if random_source.random() < 0.3:
        return "".join(random_source.choices(PIECES, k=random_source.randint(1, 24)))
    parts = list("".join(random_source.sample(SEEDS, random_source.randint(1, 2))))
    for _ in range(random_source.randint(0, 3)):
        index = random_source.randrange(len(parts))
        parts[index : index + random_source.randint(0, 1)] = [random_source.choice(PIECES)]
    return "".join(parts)


def assert_gates_miss_nothing(texts: list[str]) -> set[str]:
    series = pl.Series("text", texts, dtype=pl.String)
    gated, ungated = finder().find(series), finder().find(series, gated=False)
    for row in gated.keys() | ungated.keys():
        assert ungated.get(row) == gated.get(row), repr(texts[row])
    return {span.entity for spans in ungated.values() for span in spans}


def test_the_gates_miss_nothing_on_generated_edge_strings() -> None:
    assert set(ENTITIES) == assert_gates_miss_nothing(
        [*SEEDS, *make_edge_strings(examples(2500), seed=1)]
    )


@settings(max_examples=examples(40))
@given(st.lists(st.lists(st.sampled_from([*PIECES, *SEEDS])).map("".join), max_size=8))
def test_the_gates_miss_nothing_on_strings_of_hypothesis(texts: list[str]) -> None:
    assert_gates_miss_nothing(texts)


def test_the_gates_match_every_character_that_the_patterns_match() -> None:
    import regex

    all_characters = [chr(code) for code in range(0x110000) if not 0xD800 <= code < 0xE000]
    characters = pl.Series(all_characters)
    separator, letter = presidio._PHONE_SEPARATOR, f"[{national.LETTER}]"
    from phonenumbers.phonenumberutil import _VALID_PUNCTUATION

    pairs: list[tuple[Any, str]] = [
        (re.compile(r"\d"), national.DIGIT),
        (regex.compile(r"\d"), national.DIGIT),
        (regex.compile(r"\w"), r"\S"),
        (regex.compile("[A-Z]", regex.IGNORECASE), letter),
        (re.compile(f"[{_VALID_PUNCTUATION}]", re.IGNORECASE), separator),
        (regex.compile("[0-9A-Fa-f]", regex.IGNORECASE), "[0-9A-Fa-f]"),
    ]
    for pattern, gate in pairs:
        passed = set(characters.filter(characters.str.contains(f"^(?:{gate})$")))
        assert set() == set(pattern.findall("".join(all_characters))) - passed, gate


# --- the phone gate, from libphonenumber's metadata ---------------------------------------------


def test_no_country_has_an_international_number_shorter_than_assumed() -> None:
    from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, PhoneMetadata

    metadata: Any = PhoneMetadata.metadata_for_region_or_calling_code

    def digits(code: int, regions: tuple[str, ...]) -> int:
        lengths = (metadata(code, region).general_desc.possible_length for region in regions)
        rule = metadata(code, regions[0]).national_prefix_transform_rule or ""
        shortest: int = min(map(min, lengths))
        return len(str(code)) + shortest - len(re.sub(r"\\\d", "", rule))

    assert (
        min(digits(code, regions) for code, regions in COUNTRY_CODE_TO_REGION_CODE.items())
        == presidio.MIN_INTERNATIONAL_DIGITS
    )


def test_the_phone_gate_needs_no_more_digits_than_a_region_s_numbers_have() -> None:
    expected = {"US": 6, "GB": 6, "DE": 4, "FR": 6, "IL": 6, "IN": 6, "CA": 6, "BR": 6}
    assert expected == {
        region: presidio.compute_min_phone_digits(region) for region in PHONE_REGIONS
    }
    # A written Jersey number may omit the four digits of its area code.
    assert presidio.compute_min_phone_digits("JE") == 3


@pytest.mark.parametrize("region", PHONE_REGIONS)
def test_fewer_digits_than_the_gate_needs_are_no_number(region: str) -> None:
    from phonenumbers import PhoneNumberMatcher

    random_source = random.Random(region)
    max_digits = presidio.compute_min_phone_digits(region) - 1
    texts = [str(number).zfill(size) for size in (2, 3) for number in range(10**size)]
    texts += [
        "".join(random_source.choices("0123456789", k=max_digits)) for _ in range(examples(1000))
    ]
    texts += [
        "".join(random_source.choices("+0123456789xx- ()", k=max_digits + 4))
        for _ in range(examples(1000))
    ]
    texts = [text for text in texts if sum(map(str.isdigit, text)) <= max_digits]
    assert [text for text in texts if list(PhoneNumberMatcher(text, region))] == []


def test_the_gate_of_reachable_numbers_stops_only_numbers_that_reach_nobody() -> None:
    reachable = EntityFinder(ENTITIES, PHONE_REGIONS, reachable_only=True)
    extensions = ["16412 ext. 12", "01641x123", "16412 # 123", "0800 1111 int 22", "+49 1641"]
    texts = pl.Series([*SEEDS, *extensions, *make_edge_strings(examples(2500), seed=4)])
    every, some = finder().find(texts), reachable.find(texts)

    def keep(row: int, spans: list[EntitySpan]) -> set[EntitySpan]:
        return {span for span in spans if not is_unreachable(texts[row], span)}

    for row, spans in every.items():
        assert keep(row, spans) == keep(row, some.get(row, [])), repr(texts[row])
    assert sum(map(len, some.values())) < sum(map(len, every.values()))


# --- Presidio itself ----------------------------------------------------------------------------


@cache
def analyzer() -> Any:
    """Return ``AnalyzerEngine`` as its users build it, with a blank tokenizer, offline."""
    import spacy
    import tldextract
    from presidio_analyzer import AnalyzerEngine
    from presidio_analyzer.nlp_engine import SpacyNlpEngine

    tldextract.extract = tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None)
    engine: Any = SpacyNlpEngine

    class LowerCaseLemmas(engine):  # type: ignore[misc]
        def _doc_to_nlp_artifact(self, doc: Any, language: str) -> Any:
            for token in doc:
                token.lemma_ = token.lower_
            return super()._doc_to_nlp_artifact(doc, language)

    nlp = LowerCaseLemmas()
    nlp.nlp = {"en": spacy.blank("en")}
    make_analyzer: Any = AnalyzerEngine
    analyzer = make_analyzer(nlp_engine=nlp, supported_languages=["en"])
    for recognizer in analyzer.registry.recognizers:
        entities = set(recognizer.supported_entities) & set(ENTITIES)
        recognizer.score_thresholds = {entity: MIN_SCORES[entity] for entity in entities}
    return analyzer


def find_with_presidio(text: str) -> list[EntitySpan]:
    try:
        found = analyzer().analyze(text, language="en", entities=list(ENTITIES))
    except ValueError:  # its card checksum cannot read every digit that its pattern matches
        return []
    return sorted(EntitySpan(each.start, each.end, each.entity_type, each.score) for each in found)


def assert_spans_equal_presidios(texts: list[str]) -> None:
    found = finder().find(pl.Series("text", texts))
    for row, text in enumerate(texts):
        assert find_with_presidio(text) == found.get(row, []), f"row {row}"


def test_spans_and_scores_equal_those_of_the_analyzer_engine() -> None:
    texts = [
        text
        for text in [*SEEDS, *make_edge_strings(examples(1500), seed=2)]
        if "\U0001e4f1" not in text
    ]
    assert_spans_equal_presidios(texts)


def test_spans_on_real_posts_equal_those_of_the_analyzer_engine() -> None:
    missing = [str(file) for file in TWEETS if not file.exists()]
    if missing:
        pytest.skip(f"no real posts here: {', '.join(missing)}")
    texts = [line for file in TWEETS for line in file.read_text(errors="replace").split("\n")]
    # A sample, and every post with enough digits for a detail.
    rich = [text for text in texts if sum(map(str.isdigit, text)) > 6 or text.count("@") > 2]
    some = texts[:: 10 if is_wide() else 40] + rich
    assert_spans_equal_presidios(some)
    assert_gates_miss_nothing(some)


def test_a_context_word_raises_a_score() -> None:
    [plain], [near] = finder().find(pl.Series(["so 415-555-2671", "phone 415-555-2671"])).values()
    assert (plain.score, near.score) == (0.4, 0.75)


# --- imports and logs -----------------------------------------------------------------------------


def test_importing_the_filter_loads_no_model_library() -> None:
    code = (
        "import sys, filters.pii; filters.pii.Config()\n"
        "print([m for m in ('presidio_analyzer', 'spacy', 'phonenumbers') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_no_post_text_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    default_filter()
    with caplog.at_level(logging.DEBUG):
        # The Kelvin sign passes the IBAN pattern and breaks its checksum, which Presidio logs.
        redact("GB82 WE\u212aT 1234 5698 7654 32 and 4" + "\U0001e4f1" * 15)
    assert "1234 5698" not in caplog.text
    assert "1234" not in caplog.text
