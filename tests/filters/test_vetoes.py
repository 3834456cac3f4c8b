"""What is surely no contact data is unchanged; a detail in the same surroundings is redacted."""

from __future__ import annotations

import random
from functools import cache
from typing import Any

import polars as pl
import pytest

from bench.quality.contexts import is_left
from bench.quality.pii_contexts import make_cases
from filters import pii
from filters.pii import vetoes
from filters.pii.spans import EntitySpan

#: By rule: a text that does not change, and one with a detail in like surroundings.
BOTH_WAYS = [
    ("date", "as it stands (2024.08.31. 17:00) and no more", "from 2024.08.31. on: 415-555-2671"),
    ("date", "Stand 31.08.2024 11:30 Uhr", "Stand 31.08.2024: 030 12345678"),
    ("date", "on 2024-08-31 at 9", "2024-08-31 (415) 555-2671"),
    ("date", "backup 20240831 113000 done", "backup 20240831, call 4155552671"),
    ("date", "the 03/18 0010 drop", "the 03/18 drop 030 12345678"),
    ("time_or_year_range", "Vietnam 1955-1975 and 2016-2017 2018", "1955-1975: 202-555-0175"),
    ("time_or_year_range", "open 10.30-14.00 16.30-19.45", "open 10.30-14.00, 415-555-2671"),
    ("time_or_year_range", "at 0400-0700 and 1700-1830", "at 0400-0700: 415-555-2671"),
    ("time_or_year_range", "10(4): 407-437 (2005)", "10(4): 407-437 (415) 555-2671"),
    ("time_or_year_range", "the telephone call: 18762007", "a telephone call: 4155552671"),
    ("time_or_year_range", "it costs 3000 - 5000 here", "it costs 3000, 415-555-2671"),
    ("decimal", "article 11.307.39.1820 is out", "article 11. 307-39-1820"),
    ("short_groups", "floors 9 11 1 15 17 19", "floors 9 11, 4 1 5 5 5 5 2 6 7 1"),
    ("hex", "3f2b8c1d9e7a4155552671aa", "3f2b 4155552671"),
    ("hex", "123e4567-e89b-12d3-a456-426614174000", "123e4567: 4155552671"),
    ("id_in_url", "https://n.example/?v=4111111111111111", "https://n.example/x 4111111111111111"),
    ("decimal", "e^14155552671 is much", "e: 14155552671 is much"),
    ("sequence", "509 509 509 or 510 510 510", "509 509, 415 555 2671"),
    ("sequence", "509 509 509 or 510 510 510", "the card 4242 4242 4242 4242"),
    ("decimal", "e is 2.718281828 and 1234567890.5", "e is 2.7 415-555-2671"),
    ("decimal", "at 52.520008, 13.404954 in town", "at 52.520008, 13.404954: +49 30 1234567"),
    ("epoch", "since 1700000123 it is 1700000123456", "since 1700000123: 202-555-0175"),
    ("epoch", "created 1700000123", "whatsapp 1512345678"),
    ("sequence", "1 2 3 4 5 6 7 8 9 10", "1 2 3 4: 415-555-2671"),
    ("sequence", "loooool 1111111111 and 1234567890", "loooool 111 4155552671"),
    ("sequence", "drawn: 05 12 23 34 41 49", "drawn: 05 12 23 and 030 12345678"),
    ("sequence", "0 1 1 0 1 0 0 1 and 1010101010", "4 1 5 5 5 5 2 6 7 1"),
    ("power_of_two", "2147483647 and 4294967296", "2147483647: 4155552671"),
    ("file", "see /var/log/x/4155552671.log", "log this: 4155552671."),
    ("file", "img_4155552671.jpg", "img_1.jpg 4155552671"),
    ("assigned", "if (id == 4155552671) {", "phone = 4155552671;"),
    ("assigned", "int n = 4155552671;", "that is = 4155552671 ok"),
    ("round", "about 3000000000 of them", "about 3000000000, 3012345678"),
    ("count", "it has 4155552671 views", "it has no views, 4155552671 works"),
    ("count", "it costs $4155552671", "it costs $415, 4155552671"),
    ("count", "it took 123456789 days", "it was 536-22-1234 days ago"),
    ("decimal", "0.4111111111111111", "[1,4111111111111111,2] and 4111111111111111.12.25"),
    ("decimal", "1,4155552671 and 4155552671,50", "1,4155552671,2 and rosa,4155552671,34"),
    ("count", "it has 4155552671 days", "it is 0171-2345678 days"),
    ("count", "it has 1 234 567 890 people", "it has 415-555-2671 people"),
    ("count", "it has 4155552671人", "080-1234-5678人事部"),
    ("file", "/var/log/4111111111111111", "/var/card/4111111111111111"),
    ("id_in_url", "https://n.example/a/536-22-1234/x", "https://n.example/ssn/536-22-1234/x"),
    ("label", "serial 4111111111111111", "serial 4111 1111 1111 1111"),
    ("label", "tracking no. 4111111111111111", "report 4111111111111111"),
    ("version", "docker 9.2.3.4", "docker 9.2.3.4:8080 and node 9.2.3.4 is down"),
    ("label", "order no. 415-555-2671 came", "to order 415-555-2671"),
    ("label", "order no. 4111111111111111", "my credit card no. 4111111111111111"),
    ("label", "order no. 4111111111111111", "it says no. 4111111111111111"),
    ("label", "contact id: 4155552671", "contact id: (415) 555-2671"),
    ("label", "ISBN: 4155552671", "an ISBN? 4155552671"),
    ("label", "ISBN 0-306-40615-2, ISSN 2049-3630", "ISBN? 415-555-2671"),
    ("isbn", "978-3-16-148410-0 is out", "978-3-16-148410-0 is at 415-555-2671"),
    ("id_in_url", "https://n.example/a/032/4155552671?x=1", "https://n.example/a 4155552671"),
    ("id_in_url", "www.n.example/?p=4155552671", "https://wa.me/14155552671"),
    ("id_in_url", "https://n.example/536-22-1234/x", "https://n.example/?e=536-22-1234&x=1"),
    ("id_in_url", "https://n.example/?e=4155552671", "https://n.example/?e=+14155552671"),
    ("id_in_url", "https://n.example/4111111111111111", "https://n.example/?e=4111111111111111"),
    ("dotted_version", "build 10.0.19041.1234567", "build 10.0, 06.12.34.56.78"),
    ("version", "version 1.2.3.4 and Version=4.0.0.0", "version at 8.8.4.4"),
    ("version", "pip install thing==9.2.3.4", "the ip=9.2.3.4"),
    ("version", "thing-9.2.3.4.tar.gz", "http://9.2.3.4/x.tar.gz"),
    ("version", "9.2.3.4.5 and 9.2.3.4-beta", "9.2.3.4-9.2.3.9"),
    ("version", '"version": "9.2.3.4", libx.so.9.2.3.4', '"ip": "9.2.3.4", host.9.2.3'),
    ("version", "Chrome/9.2.3.4 and libx-9.2.3.4", "server/9.2.3.4 and host-9.2.3.4"),
    ("version", "upgrade from 9.2.3.4 to 9.2.3.5", "connect from 9.2.3.4 to 9.2.3.5"),
    ("no_global_ipv6", "A::B and dead::beef", "2606:4700:4700::1111"),
    ("hex_pairs", "a1:1a:2b:3c:4d:5e:6f:70", "mac 20:1a:2b:3c:4d:5e"),
    ("hex_pairs", "a1:1a:2b:3c:4d:5e:6f:70", "device-20:1a:2b:3c:4d:5e-added"),
    ("page", "https://maps.example.org/maps/@52.520008,15z", "https://maps.example.org/a@b.org"),
    ("code", "```\nf(4155552671)\n```", "```\nf()\n``` 4155552671, call `4155552671`"),
    ("at_a_point", "my best guess at this point is no", "my address: finch at example point fr"),
    ("repository", "git clone git@host.example.org:a/b.git", "mail git@example.org"),
]


@cache
def run() -> Any:
    config: dict[str, Any] = {"phone_regions": ("US", "GB", "DE", "FR", "IN")}
    return pii.build(pii.Config(**config))


def run_default() -> Any:
    return pii.build(pii.Config())


def redact(text: str) -> str:
    redacted: str = run()(pl.DataFrame({"text": [text]}))["text"][0]
    return redacted


@pytest.mark.parametrize(("rule", "kept", "redacted"), BOTH_WAYS)
def test_a_veto_keeps_what_is_no_detail_and_takes_nothing_else(
    rule: str, kept: str, redacted: str
) -> None:
    assert redact(kept) == kept
    assert "<" in redact(redacted)


#: By rule: a span that it discards, and one in like surroundings that no rule discards.
SPANS = [
    ("id_in_url", "PHONE_NUMBER", "https://n.example/?p=[4155552671]", "n.example [4155552671]"),
    ("id_in_url", "CREDIT_CARD", "https://n.example/[4111111111111111]", "x/ [4111111111111111]"),
    ("date", "PHONE_NUMBER", "on [2024.08.31 17]:00", "on [2024.08.31 99]:00"),
    ("date", "PHONE_NUMBER", "([31-08-2024] 11:30)", "([31-38-2024] 11:30)"),
    ("date", "PHONE_NUMBER", "backup [20240831 113000]", "backup [20240831 993000]"),
    ("date", "PHONE_NUMBER", "born [20240831] ok", "call [20240831] ok"),
    ("date", "PHONE_NUMBER", "the [03/18 0010] drop", "the [03/18 7710] drop"),
    ("time_or_year_range", "PHONE_NUMBER", "from [1955-1975] on", "from [1955-9975] on"),
    ("time_or_year_range", "PHONE_NUMBER", "open [10.30-14.00] ok", "open [10.80-14.00] ok"),
    ("time_or_year_range", "PHONE_NUMBER", "[407-437 (2005)", "[407-437 (3005]"),
    ("time_or_year_range", "PHONE_NUMBER", "costs [3000 - 5000] ok", "costs [3000 - 5001] ok"),
    ("time_or_year_range", "PHONE_NUMBER", "at [0400-0700] ok", "call [0400-0700] ok"),
    ("time_or_year_range", "PHONE_NUMBER", "life: [18762007] ok", "life: [18762307] ok"),
    ("decimal", "PHONE_NUMBER", "pi is [3.1415926535]", "pi is [031.4159265]"),
    ("decimal", "PHONE_NUMBER", "pi is 3.[1415926535]", "pi is 3. [2415926535]"),
    ("decimal", "PHONE_NUMBER", "at 52.520008, [113.404954]", "at 52 [113.404954]"),
    ("decimal", "PHONE_NUMBER", "e^[24155552671]", "e [24155552671]"),
    ("decimal", "US_SSN", "no 11.[307.39.1820]", "no 11 [307.39.1820]"),
    ("epoch", "PHONE_NUMBER", "since [1700000123] it", "call [1700000123] it"),
    ("epoch", "PHONE_NUMBER", "at [1700000123456]", "at [2700000123456]"),
    ("sequence", "CREDIT_CARD", "[4444 4444 4444 4444]", "[4242 4242 4242 4242]"),
    ("sequence", "PHONE_NUMBER", "[1 2 3 4 5 6 7 8 9 10]", "[1 2 3 4 5 6 7 8 9 1 2]"),
    ("sequence", "PHONE_NUMBER", "[10 9 8 7 6 5 4 3]", "[01 23 45 67 89]"),
    ("sequence", "PHONE_NUMBER", "loool [7777777777]", "loool [7777777772]"),
    ("sequence", "PHONE_NUMBER", "[509 509 509]", "[509 509 508]"),
    ("sequence", "PHONE_NUMBER", "it is [2345678901]", "it is [2345678912]"),
    ("date", "PHONE_NUMBER", "on [30.09.25 12]:00", "on [30.19.25 12]:00"),
    ("date", "PHONE_NUMBER", "Sept [30 2025 1800]", "Anna [30 2025 1800]"),
    (
        "label",
        "PHONE_NUMBER",
        "\u8ba2\u5355\u53f7\uff1a[4155552671]",
        "\u7535\u8bdd\uff1a[4155552671]",
    ),
    ("label", "PHONE_NUMBER", "user_id: [4155552671],", "user: [4155552671],"),
    ("file", "PHONE_NUMBER", "article/[4155552671]", "Anna/[4155552671]"),
    ("version", "IP_ADDRESS", "ver. [9.2.3.4]", "even. [9.2.3.4]"),
    ("version", "IP_ADDRESS", "org.n.a:b:[9.2.3.4]", "a:b:[9.2.3.4]"),
    ("version", "IP_ADDRESS", "the [9.2.3.4] release", "the [9.2.3.4] host"),
    ("at_a_point", "EMAIL_ADDRESS", "my [guess at this point is] no", "[rosa at n point fr] no"),
    ("page", "EMAIL_ADDRESS", "[icon@2x.pn]g", "[icon@2x.pn]"),
    ("sequence", "PHONE_NUMBER", "[123-456-7890]", "[12 345 67 89]"),
    ("page", "EMAIL_ADDRESS", "[n.example/maps/@52.5]", "[n.example/?e=a@b.org]"),
    ("code", "PHONE_NUMBER", "```\nf([4155552671])\n```", "```\ncall([4155552671])\n```"),
    ("power_of_two", "PHONE_NUMBER", "max [4294967295]", "max [4294967293]"),
    ("file", "PHONE_NUMBER", "see /var/log/[4155552671]", "see var [4155552671]"),
    ("assigned", "PHONE_NUMBER", "id = [4155552671];", "tel = [4155552671];"),
    ("round", "PHONE_NUMBER", "about [3001000000]", "about [3001000001]"),
    ("short_groups", "PHONE_NUMBER", "[9 11 1 15 17 19]", "[9 1 1 1 5 1 7 1 9]"),
    ("isbn", "PHONE_NUMBER", "[978-3-16-148410-0]", "[978-3-16-148410-1]"),
    ("label", "PHONE_NUMBER", "order no. [415-555-2671]", "to order [415-555-2671]"),
    ("count", "PHONE_NUMBER", "[4155552671] views", "[4155552671] viewers call"),
    ("count", "PHONE_NUMBER", "costs $[4155552671]", "costs [4155552671]"),
    ("hex", "PHONE_NUMBER", "3f2b8c1d9e7a[4155552671]aa", "3f2b [4155552671]"),
    ("hex", "PHONE_NUMBER", "0x[4155552671]", "0 [4155552671]"),
    ("dotted_version", "PHONE_NUMBER", "build [10.0.19041.1234]", "tel [06.12.34.56.78]"),
    ("version", "IP_ADDRESS", "v[9.2.3.4]", "at [9.2.3.4]"),
    ("no_global_ipv6", "IP_ADDRESS", "[dead::beef]", "[2606:4700::1111]"),
    ("hex_pairs", "MAC_ADDRESS", "a1:[1a:2b:3c:4d:5e:6f]", "a1 [1a:2b:3c:4d:5e:6f]"),
    ("repository", "EMAIL_ADDRESS", "[git@n.example]:a/b", "[git@n.example] a/b"),
]


# A word, a number or a path at the end of the line before belongs to no number.
LINES = [
    ("CREDIT_CARD", "that is a\n[4111111111111111]"),
    ("PHONE_NUMBER", "it was 2019.\n[4155552671]"),
    ("PHONE_NUMBER", "see ~/a/b/c\n[4155552671]"),
    ("US_SSN", "it was 2019.\n[536-22-1234]"),
    ("IP_ADDRESS", "it was 2019.\n[9.2.3.4]"),
    ("MAC_ADDRESS", "it is in 20:\n[1a:2b:3c:4d:5e:6f]"),
]


def find_veto(marked: str, entity: str) -> str:
    before, _, rest = marked.partition("[")
    content, _, after = rest.partition("]")
    text = before + content + after
    span = EntitySpan(len(before), len(before + content), entity, 0.5)
    return vetoes.find_veto(text, span, vetoes.find_code_blocks(text))


@pytest.mark.parametrize(("rule", "entity", "discarded", "kept"), SPANS)
def test_a_rule_discards_its_spans_and_no_others(
    rule: str, entity: str, discarded: str, kept: str
) -> None:
    assert find_veto(discarded, entity) == rule
    assert find_veto(kept, entity) == ""


@pytest.mark.parametrize(("entity", "marked"), LINES)
def test_what_ends_the_line_before_is_no_part_of_a_number(entity: str, marked: str) -> None:
    assert find_veto(marked, entity) == ""
    assert find_veto(marked.replace("\n", ""), entity) != ""


def test_every_rule_has_a_test_both_ways() -> None:
    names = {rule.name for rule in vetoes.RULES}
    assert {rule for rule, _, _ in BOTH_WAYS} == names == {rule for rule, *_ in SPANS}


def test_spans_keep_their_order_and_other_entities_are_not_judged() -> None:
    text = "2024.08.31 17 and 2024.08.31 17"
    spans = [EntitySpan(0, 13, "PHONE_NUMBER", 0.4), EntitySpan(18, 31, "PERSON", 0.85)]
    assert vetoes.drop_vetoed(text, spans) == spans[1:]


def test_no_veto_discards_a_detail_in_the_contexts_of_the_recall(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cases = list(make_cases(1, seed=5))
    posts = pl.DataFrame(
        {
            "platform": [case.detail.platform for case in cases],
            "text": [case.text for case in cases],
        }
    )
    with_vetoes = run_default()(posts)["text"]
    monkeypatch.setattr(vetoes, "drop_vetoed", lambda text, spans: list(spans))
    without = run_default()(posts)["text"]
    lost = [
        case.text
        for case, one, other in zip(cases, with_vetoes, without, strict=True)
        if is_left(case.detail, case.text, one) and not is_left(case.detail, case.text, other)
    ]
    assert len(cases) > 800 and not lost


#: What stands before numbers, as pieces: words of the patterns, signs and other characters.
_PIECES = (
    *(
        "order",
        "no",
        "nr.",
        "№",
        "#",
        "id",
        "ISBN",
        "订单号",
        "<user_id>",
        "userid=",
        "patent",
        "is",
    ),
    *("version", "v", "v.", "Chrome/", "upgraded from", "libfoo.so.", "gem 'x',", ">=", "§", "x-"),
    *("org.acme:core:", "VERSION", "migrated", "a", "9", "10.", "é", " ", "  ", ":", ".", '"', "("),
    *("=", "-", "/", "~>", "\n", "\u00a0", "_", "ver\u017fion", "٣"),
)


def test_no_early_check_hides_what_a_pattern_finds() -> None:
    rng = random.Random(5)
    found = dict.fromkeys(("label", "version", "near"), 0)
    for _ in range(30_000):
        before = "".join(rng.choice(_PIECES) for _ in range(rng.randrange(1, 7)))
        labels = (vetoes._STRONG_LABEL, vetoes._LABEL, vetoes._WEAK_LABEL)
        if any(pattern.search(before) for pattern in labels):
            assert vetoes._LABEL_NEAR.search(before[-vetoes._LABEL_CHARACTERS :]), before
            found["label"] += 1
        is_after = vetoes._VERSION_BEFORE.search(before) is not None
        assert vetoes._is_after_version(before) == is_after, before
        is_near = vetoes._VERSION_NEAR.search(before) is not None
        assert vetoes._is_near_version(before) == is_near, before
        found["version"] += is_after
        found["near"] += is_near
    assert min(found.values()) > 500
