"""Details that no pattern matches as they are written: the view of a text, and what it adds."""

from __future__ import annotations

import html
import unicodedata
from collections.abc import Callable
from functools import cache
from itertools import pairwise
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filters import pii
from filters.pii import contacts, edges, spoken, vetoes
from filters.pii.handles import HandleSpan, merge_spans
from filters.pii.patterns import PatternFinder
from filters.pii.phones import AUTO
from filters.pii.presidio import ENTITIES, PHONE_REGIONS, EntityFinder
from filters.pii.redactor import _MAX_ROUNDS, Redactor
from filters.pii.spans import EntitySpan, resolve_overlaps, widen_to_words
from filters.pii.view import (
    approximate_views,
    make_view,
    separate_emphasis,
    separate_numbers,
    separate_scripts,
)
from filters.pii.view_finder import ViewFinder, find_suffix
from tests.filters.test_pii import SEEDS, make_edge_strings
from tests.support.examples import examples

KEY = bytes(range(32))
DETAILS = {
    "EMAIL_ADDRESS": "rosa.finch77@posteo.de",
    "PHONE_NUMBER": "+1 415-555-2671",
    "IP_ADDRESS": "91.198.174.192",
    "CREDIT_CARD": "4111 1111 1111 1111",
    "IBAN_CODE": "GB82 WEST 1234 5698 7654 32",
    "CRYPTO": "1BoatSLRHtKNngkdXEeobR76b53LETtpyT",
    "US_SSN": "536-22-1234",
    "MAC_ADDRESS": "00:1A:2B:3C:4D:5E",
}
AROUND = (
    "我的联系方式是{}谢谢", "れんらくは{}まで", "メール{}デス", "연락처는{}로", "ติดต่อ{}ครับ",
    "пиши{}сюда",
    "γράψε{}εδώ", "ईमेल{}पर", "راسلني{}شكرا", "כתבו{}תודה", "📧{}📞", "_{}_", "**_{}_**", "__{}__",
    "mail_{}_now", "`{}`", "「{}」", "at\u00a0{}\u00a0or",
    "\u200e\u2066{}\u2069", "this\u2014{}\u2014is",
)  # fmt: skip


WRITTEN_PARTS = (
    *"ab1 _", "é", "e\u0301", "\u200b", "&#64;", "%40", "\\_", "①", "ﬁ", "漢", "\ufe0f",
)  # fmt: skip


def to_full_width(text: str) -> str:
    return "".join(chr(ord(each) + 0xFEE0) if "!" <= each <= "~" else each for each in text)


def to_references(text: str) -> str:
    return "".join(each if each.isalnum() or each == " " else f"&#{ord(each)};" for each in text)


WRITTEN: dict[str, Callable[[str], str]] = {
    "full-width": to_full_width,
    "no-break spaces": lambda text: text.replace(" ", "\u00a0"),
    "narrow spaces": lambda text: text.replace(" ", "\u202f"),
    "hard hyphens": lambda text: text.replace("-", "\u2011"),
    "soft hyphen": lambda text: f"{text[:7]}\u00ad{text[7:]}",
    "zero width": lambda text: f"{text[:3]}\u200b{text[3:9]}\u2060{text[9:]}",
    "variation selector": lambda text: f"{text[:5]}\ufe0f{text[5:]}",
    "references": to_references,
    "doubly escaped": lambda text: html.escape(to_references(text)),
    "markdown": lambda text: "".join(f"\\{c}" if c in "_.-+()" else c for c in text),
    "percent": lambda text: "".join(c if c.isalnum() else f"%{ord(c):02X}" for c in text),
}


@cache
def default_filter() -> Any:
    return pii.build(pii.Config())


def redact(*texts: str, key: bytes = b"", **config: Any) -> list[str]:
    run = pii.build(pii.Config(**config), key=key) if config else default_filter()
    return list(run(pl.DataFrame({"text": list(texts)}, schema={"text": pl.String}))["text"])


# --- the view -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("a&#64;b&#x2e;c&commat;d&period;", "a@b.c@d."),
        ("&amp;#64; &amp;amp; &amp; &foo; &#0; &#xD800;", "@ & & &foo; &#0; &#xD800;"),
        ("%40 %2540 %252540 %2e 100% %zz %0A", "@ @ @ . 100% %zz \n"),
        (r"a\_b \@ \\ \n \u0040 \x2e", r"a_b @ \ \n @ ."),
        (r"\u2060\ud83d\u00e9", r"\ud83dé"),
        (r"a\n@b\t4\r+1 C:\new \n", "a\n@b\n4\n+1 C:\new \\n"),
        ("8[.]8(dot)8 dot 8 x[.]y 1[:]a[:]:2 a[:]x", "8.8.8.8 x[.]y 1:a::2 a[:]x"),
        ("<b>a</b>b<br>c<!-- x -->d<span class=y>e", "ab<br>cde"),
        ("Ｆｕｌｌ＠ｘ﹫𝐛𝐨𝐥𝐝", "Full@x@bold"),
        ("٤١٥ ४ ④ ² 4\ufe0f\u20e3", "415 4 4 2 4"),
        ("a\u00adb\u200bc\u2060d\ufeffe\u034ff", "abcdef"),
        ("a\u00a0b\u202fc\u2011d\u2212e。f", "a b c-d-e.f"),
        ("邮箱 e\u0301 é ﬁ", "邮箱 e é fi"),
    ],
)
def test_a_view_is_the_text_as_it_is_read(written: str, read: str) -> None:
    assert make_view(written).text == read


def test_a_span_of_the_view_is_whole_characters_and_whole_escapes_of_the_text() -> None:
    text = "x &#64; ﬁ 4\ufe0f\u20e35 %2540\u200b\\_"
    view = make_view(text)
    assert view.text == "x @ fi 45 @_"
    pieces = [text[slice(*view.locate(at, at + 1))] for at in range(len(view.text))]
    assert pieces == [
        "x",
        " ",
        "&#64;",
        " ",
        "ﬁ",
        "ﬁ",
        " ",
        "4\ufe0f\u20e3",
        "5",
        " ",
        "%2540",
        "\\_",
    ]
    assert text[slice(*view.locate(2, 8))] == "&#64; ﬁ 4\ufe0f\u20e3"


@settings(max_examples=examples(300))
@given(st.lists(st.sampled_from(WRITTEN_PARTS)))
def test_offsets_of_a_view_never_go_back_and_cover_the_text(parts: list[str]) -> None:
    text = "".join(parts)
    view = make_view(text)
    spans = [view.locate(at, at + 1) for at in range(len(view.text))]
    assert all(0 <= start < end <= len(text) for start, end in spans)
    assert all(one[0] <= other[0] and one[1] <= other[1] for one, other in pairwise(spans))
    if spans:
        assert view.locate(0, len(view.text)) == (spans[0][0], spans[-1][1])
    for separate in (separate_emphasis, separate_numbers, separate_scripts):
        assert len(separate(view.text)) == len(view.text)


# --- what it adds -------------------------------------------------------------------------------


@pytest.mark.parametrize("entity", DETAILS)
def test_a_detail_is_found_whatever_touches_it(entity: str) -> None:
    texts = [each.format(DETAILS[entity]) for each in AROUND]
    for text, after in zip(texts, redact(*texts), strict=True):
        assert f"<{entity}>" in after, text


@pytest.mark.parametrize("written", WRITTEN)
def test_a_detail_is_found_however_its_characters_are_written(written: str) -> None:
    texts = [f"it is {WRITTEN[written](detail)} now" for detail in DETAILS.values()]
    assert redact(*texts) == [f"it is <{entity}> now" for entity in DETAILS]


def test_a_detail_between_letters_is_found_to_its_longest_valid_end() -> None:
    email, card = DETAILS["EMAIL_ADDRESS"], DETAILS["CREDIT_CARD"]
    assert redact(
        f"{email}Thanks", f"{email}.Thanks", "rosa@finch.co.ukiin", "rosa@posteo.dex",
        f"Card{card}now", "Call415-555-2671now", f"{DETAILS['MAC_ADDRESS']}Thanks",
        "GB82WEST12345698765432Thanks", "unsub?e=rosa%40posteo.de&p=2",
        f"text=%0A{card}%0D%0A",
        "<b>rosa</b>@posteo.de", "８．８．４．４", "rosa＠例え.jp",
        "5096.182e.\u034f\u034fe266", "بي383f.faaf.affdشك",
        "\U0001d482\U0001d483\U0001d484\U0001d485.5eec.ebc7",
        r"ask glpat\-JxOTAjQXjEsqMLBztTFB", "so...glpat-M25dVRiArPNZeixh55Jx...x",
        "[[+49 30 1990199]]", "- [ ] +33 6 12 19 12 60", r"a\n4111111111111111\nb",
        "ip:2a02:2770:1::1", "so 2a02:a785:3181:672d:75b3:583f:0:1: x",
        "8.8.4[.]4", "9[.]9[.]9[.]10:53", "hxxp://91.198(dot)174.192/a",
        "91 dot 198 dot 174 dot 192",
        "2a02[:]2770[:]1[:]2[:]3[:]4[:]5[:]6", "10[.]0[.]0[.]1",
        "[+33 6 12 39 84 32](https://a.test)",
        "?c=4111+1111+1111+1111&p=2",
    ) == [
        "<EMAIL_ADDRESS>Thanks", "<EMAIL_ADDRESS>.Thanks", "<EMAIL_ADDRESS>iin", "<EMAIL_ADDRESS>x",
        "Card<CREDIT_CARD>now", "Call<PHONE_NUMBER>now", "<MAC_ADDRESS>Thanks",
        "<IBAN_CODE>Thanks", "unsub?e=<EMAIL_ADDRESS>&p=2",
        "text=%0A<CREDIT_CARD>%0D%0A",
        "<b><EMAIL_ADDRESS>", "<IP_ADDRESS>", "<EMAIL_ADDRESS>",
        "<MAC_ADDRESS>", "بي<MAC_ADDRESS>شك", "<MAC_ADDRESS>",
        "ask <SECRET>", "so...<SECRET>...x",
        "[[<PHONE_NUMBER>]]", "- [ ] <PHONE_NUMBER>", r"a\n<CREDIT_CARD>\nb",
        "ip:<IP_ADDRESS>", "so <IP_ADDRESS>: x",
        "<IP_ADDRESS>", "<IP_ADDRESS>:53", "hxxp://<IP_ADDRESS>/a", "<IP_ADDRESS>",
        "<IP_ADDRESS>", "10[.]0[.]0[.]1",
        "<PHONE_NUMBER>](https://a.test)",
        "?c=<CREDIT_CARD>&p=2",
    ]  # fmt: skip


HANDLES = {
    r"thanks u/rosa\_finch\_77 for it": "thanks <HANDLE> for it",
    r"[u/rosa\_finch](https://www.reddit.com/user/rosa_finch)":
        "[<HANDLE>](https://www.reddit.com/user/<HANDLE>)",
    "_@rosa_finch77_ and **_@rosa_**": "_<HANDLE>_ and **_<HANDLE>_**",
    "ask @ro\u200bsa_f\u00adinch or ＠ｒｏｓａ": "ask <HANDLE> or <HANDLE>",
    "ask &#64;rosa_finch": "ask <HANDLE>",
    "ask &#117;/rosa or ｕ／ｒｏｓａ": "ask <HANDLE> or <HANDLE>",
    "this\u2014@rosa.kefinch\u2014is it": "this\u2014<HANDLE>\u2014is it",
    "ask @rosa&shy;_finch or @ro&#8203;sa, u/ro&zwnj;sa": "ask <HANDLE> or <HANDLE>, <HANDLE>",
    r"ask \x40rosa_finch\n@rosa": r"ask <HANDLE>\n<HANDLE>",
    "ask @rosa<b></b>_finch or %75%2Frosa": "ask <HANDLE> or <HANDLE>",
    "ask \U0001d42e/\U0001d42bosa": "ask <HANDLE>",
    r"u\/rosa_finch or ?u=u%2Frosa_finch": "<HANDLE> or ?u=<HANDLE>",
}  # fmt: skip


@pytest.mark.parametrize("text", HANDLES)
def test_a_handle_goes_whole_however_it_is_written(text: str) -> None:
    assert redact(text) == [HANDLES[text]]


def test_a_written_name_and_its_plain_form_have_one_pseudonym() -> None:
    posts = pl.DataFrame({"text": [r"u/rosa\_finch", "u/rosa_finch"], "platform": ["reddit"] * 2})
    one, other = pii.build(pii.Config(handles="pseudonym"), key=KEY)(posts)["text"]
    assert one == other != "<HANDLE>"


def test_of_overlapping_handles_the_longest_is_kept_over_the_whole_overlap() -> None:
    short, long = HandleSpan(2, 6, "x", "rosa", "<A>"), HandleSpan(2, 13, "x", "rosa_finch", "<B>")
    assert merge_spans([short, long]) == [long]
    assert merge_spans([HandleSpan(0, 4, "", "", "<C>"), long]) == [long._replace(start=0)]
    assert merge_spans([HandleSpan(0, 2, "", "", "<C>"), long])[1] == long


# --- the layers ---------------------------------------------------------------------------------


@cache
def finder() -> EntityFinder:
    return EntityFinder(ENTITIES, PHONE_REGIONS)


@cache
def patterns() -> PatternFinder:
    return PatternFinder(ENTITIES, (AUTO,))


def keep_all(text: str, spans: Any) -> list[EntitySpan]:
    return list(spans)


def test_the_view_only_adds_and_the_vetoes_only_take_away() -> None:
    texts = pl.Series([*SEEDS, *make_edge_strings(examples(600), seed=3)])
    found, gate_rows = finder().find_and_list_gated(texts)
    added, _ = ViewFinder(finder(), patterns(), ENTITIES, keep_all).find(
        texts, None, gate_rows, contacts.may_contain_contact(texts)
    )
    vetoed, _ = ViewFinder(finder(), patterns(), ENTITIES, vetoes.drop_vetoed).find(
        texts, None, gate_rows, contacts.may_contain_contact(texts)
    )
    assert added and all(set(vetoed.get(row, ())) <= set(spans) for row, spans in added.items())

    def cover(row: int, spans: list[EntitySpan]) -> set[int]:
        resolved = resolve_overlaps(texts[row], spans)
        return {offset for span in resolved for offset in range(span.start, span.end)}

    for row, spans in found.items():
        assert cover(row, spans) <= cover(row, [*spans, *added.get(row, ())]), repr(texts[row])


def test_the_gates_of_the_view_miss_nothing() -> None:
    texts = [
        around.format(WRITTEN[name](detail))
        for name in ("full-width", "zero width", "references", "markdown", "percent")
        for detail in DETAILS.values()
        for around in AROUND[::4]
    ]
    view_finder = ViewFinder(finder(), patterns(), ENTITIES, keep_all)
    gated = redact(*texts)
    view_finder._select_candidates = lambda texts, rows: pl.repeat(  # type: ignore[method-assign]
        True, len(texts), eager=True
    )
    every, _ = view_finder.find(
        pl.Series(texts), None, set(), contacts.may_contain_contact(pl.Series(texts))
    )
    assert len(every) > len(texts) * 0.9
    assert [texts[row] for row in every if "<" not in gated[row]] == []


def test_what_is_not_wanted_is_not_added() -> None:
    texts = [
        "邮箱rosa@posteo.de谢谢",
        "rosa at posteo dot de",
        "wa.me/4915123456789",
        "snap: rosa_77",
    ]
    assert redact(*texts, entities=("IP_ADDRESS",), handles="keep") == texts
    assert redact("snap: rosa_77 or ig: nasa_1", public=("nasa_1",)) == [
        "snap: <HANDLE> or ig: nasa_1"
    ]


@pytest.mark.parametrize("style", ["placeholder", "mask", "surrogate"])
def test_a_second_run_over_what_the_view_redacted_changes_nothing(style: str) -> None:
    texts = [around.format(detail) for around in AROUND for detail in DETAILS.values()]
    texts += [f"it is {write(detail)}" for write in WRITTEN.values() for detail in DETAILS.values()]
    texts += [*SPOKEN, *CONTACTS, *HANDLES]
    run = pii.build(pii.Config(style=style), key=KEY)
    once = run(pl.DataFrame({"text": texts}))["text"]
    assert run(pl.DataFrame({"text": once}))["text"].to_list() == once.to_list()


# --- spelled addresses ----------------------------------------------------------------------------

SPOKEN = (
    "rosa.finch at posteo dot de", "rosa AT posteo DOT de", "rosa[at]posteo.de",
    "rosa (at) posteo (dot) de",
    "rosafinch at posteo dot co dot uk", "rosa {at} posteo {dot} de", "rosa<at>posteo<dot>de",
    "rosafinch @ posteo . de", "rosa77@posteo dot de", "rosa_at_posteo_dot_de",
    "rosa -at- posteo -dot- de", "rosa arroba posteo punto es", "rosa (ät) posteo punkt de",
    "rosa arobase posteo point fr", "rosa chiocciola posteo punto it", "rosa@posteo[.]de",
    "rosa.finch at gmail.com", "rosafinch at gmail.com", "rosa dot finch at posteo dot de",
    "rosa собака yandex точка ru", "rosa [at] posteo.de", "rosa@posteo(dot)de",
    "rosa.finch@gmail,com", "rosa77@gmail. com", "rosa77@hotmail..com", "rosa77@yahoo com",
    "rosa77@gmail", "rosa77@@gmail.com", "rosafinch @gmail.com", "rosa77@yahoo,co.uk",
    "rosa (a) gmail.com", "rosa_at_gmail.com", "rosaATposteoDOTde", "rosa@posteoDOTde",
)  # fmt: skip
NOT_SPOKEN = (
    "look at example dot com for more", "see you at noon . It is late", "meet me at gmail.com",
    "buy it at shop.example.com", "lunch @ noon . It was good", "live @ cafe.com tonight",
    "at that point it is", "we are at a dot in time", "more at news.com", "I am at work . Me too",
    "a mail @ gmail, com is no name",
    "the array at index[.]x", "look at the dot com bubble",
)  # fmt: skip


@pytest.mark.parametrize("text", SPOKEN)
def test_a_spelled_address_is_found(text: str) -> None:
    assert redact(f"so: {text} thanks") == ["so: <EMAIL_ADDRESS> thanks"]


def test_an_ordinary_at_is_no_address() -> None:
    assert redact(*NOT_SPOKEN) == list(NOT_SPOKEN)


# --- contacts -----------------------------------------------------------------------------------

CONTACTS = {
    "https://wa.me/4915123456789": "https://wa.me/<PHONE_NUMBER>",
    "https://api.whatsapp.com/send?phone=4915123456789&text=hi":
        "https://api.whatsapp.com/send?phone=<PHONE_NUMBER>&text=hi",
    "viber://chat?number=%2B4915123456789": "viber://chat?number=<PHONE_NUMBER>",
    "sms:015123456789?body=hi": "sms:<PHONE_NUMBER>?body=hi",
    "signal.me/#p/+4915123456789": "signal.me/#p/<PHONE_NUMBER>",
    "WhatsApp me 015123456789": "WhatsApp me <PHONE_NUMBER>",
    "skype:rosa.finch77?call": "skype:<HANDLE>",
    "xmpp:rosa@jabber.example": "xmpp:<HANDLE>",
    "find me as @rosa:matrix.org now": "find me as <HANDLE> now",
    "https://kik.me/rosafinch": "https://kik.me/<HANDLE>",
    "snap: rosa_finch": "snap: <HANDLE>",
    "add me on telegram rosa.finch": "add me on telegram <HANDLE>",
    "my insta is rosafinch": "my insta is <HANDLE>",
    "discord: rosa#1234": "discord: <HANDLE>",
    "kik me at rosa77f": "kik me at <HANDLE>",
    "mein insta ist rosa_finch": "mein insta ist <HANDLE>",
    "mi snap es rosa_finch": "mi snap es <HANDLE>",
    "ajoute moi sur snap rosa.finch": "ajoute moi sur snap <HANDLE>",
    "加我微信rosa_77": "加我微信<HANDLE>",
    "微信：rosa_77": "微信：<HANDLE>",
    "мой телеграм rosa_77": "мой телеграм <HANDLE>",
    "snap\U0001f47b: rosa77": "snap\U0001f47b: <HANDLE>",
    "SC//rosa_77": "SC//<HANDLE>",
    "IG: rosa_77, SC: rosafinch": "IG: <HANDLE>, SC: <HANDLE>",
    "line ID rosafinch": "line ID <HANDLE>",
    "add my snap rosafinch": "add my snap <HANDLE>",
    "my snapchat's rosafinch": "my snapchat's <HANDLE>",
    "on insta I am rosa_77": "on insta I am <HANDLE>",
    "reach me at rosa_77 on telegram": "reach me at <HANDLE> on telegram",
    "rosa_77 is my snap": "<HANDLE> is my snap",
    "微信号rosa_77": "微信号<HANDLE>",
    "加V：rosa_77": "加V：<HANDLE>",
    "扣扣 123456789": "扣扣 <HANDLE>",
    "QQ123456789 谢谢": "QQ<HANDLE> 谢谢",
    "QQ号12345678": "QQ号<HANDLE>",
    "qq群 123456789": "qq群 <HANDLE>",
    "加q 123456789": "加q <HANDLE>",
    "需要请联系 vx rosa_77": "需要请联系 vx <HANDLE>",
    "viber +380 67 123 4567": "viber <PHONE_NUMBER>",
    f"session 05{'0a' * 32}": "session <HANDLE>",
    "Kik: 7tinka88": "Kik: <HANDLE>",
    "snap: 7tinka": "snap: <HANDLE>",
    "PSN: 7tinka88": "PSN: <HANDLE>",
    "Snap - 7Tinka, 19": "Snap - <HANDLE>, 19",
    "kik 44tin.ka and hi": "kik <HANDLE> and hi",
    "my insta is 7tinka_x": "my insta is <HANDLE>",
    "my insta is 7tinka": "my insta is <HANDLE>",
    "add me on telegram 7tinka": "add me on telegram <HANDLE>",
    "Discord: 7tinka#1234": "Discord: <HANDLE>",
    "line ID 7tinka8": "line ID <HANDLE>",
    "add my snap 7tinka": "add my snap <HANDLE>",
    "reach me at 7tinka8 on telegram": "reach me at <HANDLE> on telegram",
    "7tinka8 is my snap": "<HANDLE> is my snap",
    "IG: tin_ka7, SC: 4everyn": "IG: <HANDLE>, SC: <HANDLE>",
    "微信：7tinka8": "微信：<HANDLE>",
    "мой телеграм 7tinka8": "мой телеграм <HANDLE>",
    "mi snap es 7tinka8": "mi snap es <HANDLE>",
}  # fmt: skip
NO_CONTACTS = (
    "snap: that was close", "my insta is down again", "discord: a mess",
    "add me on telegram please",
    "Twitter: what a day", "line: 12", "signal = foo_bar", "my discord is private",
    "session: abc_1 + 2", "扣扣 100000 个用户", "微信 50000人", "QQ 12345", "qq 500000 users",
    "telegram v8.5 is out", "kik is dead", "my snap is broken.",
    "facebook sdk-4.1 and twitter api_v2",
    "Instagram: covid-19 rules", "follow us on facebook", "reddit is fun_app", "whatsapp: see 12.5",
    "snap: 3 times", "snap: 3times", "snap: 24hours, then gone", "Kik: 18 only", "kik: 18plus",
    "insta: 10k followers", "insta 1st_try", "my snap is 100percent dead", "add 2nd_one on snap",
    "telegram: 5min_late", "discord: 2fa_code", "discord: 404_not_found", "telegram: 2nd",
    "line: 4tab_7", "insta: 50off", "kik 18female", "twitter: 280chars", "snap: 4ever",
    "session: 4ab9_f2", "session id: 5f3e9c2ab1", "snap: 2023-10-12", "my insta is 4everything",
    "instagram: 1080x1350", "telegram 10.2.1", "kik: 7tinka.com", "skype: 8.5beta",
)  # fmt: skip


@pytest.mark.parametrize("text", CONTACTS)
def test_a_contact_that_a_post_names_is_found(text: str) -> None:
    assert redact(text) == [CONTACTS[text]]


def test_the_name_of_a_service_alone_is_no_contact() -> None:
    assert redact(*NO_CONTACTS) == list(NO_CONTACTS)


# --- linear -------------------------------------------------------------------------------------


def test_a_text_of_nothing_but_details_is_analyzed_in_linear_work() -> None:
    finder = EntityFinder(ENTITIES, ("US",))
    seen = 0
    for recognizer in finder.recognizers:
        real = recognizer.analyze

        def watched(text: str, *rest: Any, real: Any = real) -> Any:
            nonlocal seen
            seen += len(text)
            return real(text, *rest)

        recognizer.analyze = watched
    redactor = Redactor(pii.Config().entities, phone_regions=("US",))
    redactor._finder = finder
    redactor._view_finder = ViewFinder(finder, patterns(), ENTITIES, vetoes.drop_vetoed)

    def count(text: str) -> int:
        nonlocal seen
        seen = 0
        no_rows = pl.Series([False])
        redactor(pl.Series([text]), None, None, None, no_rows, None)
        return seen

    for detail in DETAILS.values():
        for text in (f"{detail} ", detail, f"_{detail}_"):
            size = 2_000 // len(text)
            assert 0 < count(text * 2 * size) <= 2.5 * count(text * size), detail


def test_rounds_are_limited_even_if_every_round_finds_more(monkeypatch: Any) -> None:
    rounds = 0

    def find_one_more(self: Any, texts: pl.Series, *_: Any) -> Any:
        nonlocal rounds
        rounds += 1
        at = texts[0].rfind("x ")
        return {0: [EntitySpan(at, at + 1, "CRYPTO", 1.0)]} if at >= 0 else {}, set()

    monkeypatch.setattr(Redactor, "_find_details", find_one_more)
    redactor = Redactor(pii.Config().entities)
    no_rows = pl.Series([False])
    redacted, _ = redactor(pl.Series(["x " * 40]), None, None, None, no_rows, None)
    assert redacted.to_list() == ["<CRYPTO>"]
    assert rounds == _MAX_ROUNDS + 2


def test_a_widened_span_is_the_words_it_touches_and_no_placeholder() -> None:
    text = "ab cd<X>efg hi"
    spans = [
        EntitySpan(9, 10, "A", 1.0),
        EntitySpan(10, 11, "B", 1.0),
        EntitySpan(12, 13, "C", 1.0),
    ]
    assert widen_to_words(text, spans) == [
        EntitySpan(8, 11, "A", 1.0),
        EntitySpan(12, 14, "C", 1.0),
    ]


def test_a_name_has_to_be_a_domain() -> None:
    assert (find_suffix("posteo.de"), find_suffix("a.co.uk")) == ("de", "co.uk")
    assert not find_suffix("co.uk") and not find_suffix("posteo.dex") and not find_suffix("de")
    assert list(edges.find_email_addresses("a@b.invalid c@d", find_suffix)) == []
    assert list(spoken.find_spoken_addresses("a at b dot invalid", {"de"})) == []
    assert list(contacts.find_contacts("tel:12")) == []


def test_the_rough_view_has_a_hyphen_for_every_dash() -> None:
    dashes = [chr(each) for each in range(0x110000) if unicodedata.category(chr(each)) == "Pd"]
    texts = pl.Series([f"1{dash}2\u3002" for dash in [*dashes, "\u2212"]])
    assert set(approximate_views(texts)) == {"1-2."}
