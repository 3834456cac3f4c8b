"""The filter ``normalise`` cleans texts, and does not change clean ones."""

from __future__ import annotations

import json
import unicodedata
from functools import partial
from pathlib import Path
from typing import Any

import ftfy
import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from filters import normalise
from filters.normalise import characters, mojibake
from tests.support.examples import examples

FAMILY = "\U0001f469\u200d\U0001f469\u200d\U0001f467"
ENGLAND = "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f"

CAFE = "café au lait"
QUOTE = "don’t “quote” me — ever…"
SMILE = "😀 so happy ❤"
HELLO = "Привет, мир"
VOWELS = "naïve über ångström"


is_nfc = partial(unicodedata.is_normalized, "NFC")


def run_filter(texts: list[str], /, columns: dict[str, Any] | None = None, **options: Any) -> Any:
    ids = [str(row) for row in range(len(texts))]
    posts = pl.DataFrame({"id": ids, "text": texts, **(columns or {})})
    return normalise.build(normalise.Config(**options))(posts)


def normalise_text(raw: str, **options: Any) -> str:
    found: str = run_filter([raw], **options)["text"].item()
    return found


@pytest.mark.parametrize(
    "clean",
    [
        "good morning all",
        "Great read https://example.org/a_(b) and www.example.org, you know",
        "two\n\nparagraphs, and a\ttab",
        "code:\n\n    def f():\n        return 1\n\nend",
        "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",  # Persian: a non-joiner within a word
        "\u0915\u094d\u200d\u0937 \u0930\u094d\u200c\u092f",  # Hindi: a joiner, a non-joiner
        "\u0d28\u0d4d\u200d",  # Malayalam: a joiner that ends a word
        "\u0dc1\u0dca\u200d\u0dbb\u0dd3",  # Sinhala: Sri
        f"{FAMILY} {ENGLAND} 🏳\ufe0f\u200d\U0001f308 ❤\ufe0f 1\ufe0f\u20e3",
        "🕵\U0001f3fb\u200d♂\ufe0f 👍\U0001f3fd \U0001f1e7\U0001f1ea",
        "葛\U000e0100",  # a Han character in the form that a name needs
        "NÃO, NÃO É VERDADE! IRMÃ E MANHÃ Â NOITE",
        "À BIENTÔT, ÂME ÉPRISE… « OÙ ? »",
        "TIẾNG VIỆT ĐẸP LẮM ÂN TÌNH",
        "İSTANBUL'DA ÇOK GÜZEL ŞEYLER… ÜĞİŞ",
        "WIE GROß“ SIND DIE MÜHEN… Grüße",
        "ŻÓŁW ZJADŁ ŁÓDŻ",
        "Рік Сёмга «Раз»",
        "® © ™ é",
        "RT if you agree, RT @ no one",
        "#happy #joy",
        "tom&jerry &amp; co",
        "C# and F#",
    ],
)
def test_a_normalised_text_does_not_change(clean: str) -> None:
    assert normalise_text(clean) == clean
    assert run_filter([clean])["reject"].to_list() == [None]


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("a\r\nb\rc\u2028d\u2029e\x0bf\x0cg", "a\nb\nc\nd\ne\nf\ng"),
        ("a\x00b\x07c\x1bd\x7fe\tf", "abcde\tf"),
        ("a\u00a0b\u2009c\u3000d\u202fe", "a b c d e"),
        ("a\u200bb\ufeffc\u2060d\u00ade\u200ef", "abcdef"),
        ("\u202eabc\u202c \u2067def\u2069", "abc def"),
        ("hi\U000e0068\U000e0069 \U000e0001", "hi"),
        (f"{ENGLAND[:3]}!", "🏴!"),  # a flag that its last tag does not end
        (f"x{ENGLAND[1:]}", "x"),
        (f"🏴{ENGLAND[1:-1] * 2}{ENGLAND[-1]}", "🏴"),  # no region: a hidden message
        ("a\ufe0fb\u200dc \u200d❤", "abc ❤"),
        ("❤\ufe0f\ufe0f\U000e0100", "❤\ufe0f"),
        ("a\u200cb", "ab"),
        ("\u0645\u06cc\u200c\u200c\u200d\u062e", "\u0645\u06cc\u200c\u062e"),
        ("\ufdd0a\uffff\ufffc", "a"),
        ("a  \nb\t\n\n\n\n\nc \n\n", "a\nb\n\n\nc"),
        ("\n \n  a", "a"),
        ("\n    code()\n", "    code()"),
    ],
)
def test_spaces_newlines_and_invisible_characters_are_normalised(raw: str, expected: str) -> None:
    assert normalise_text(raw) == expected


def test_the_unicode_form_is_a_setting() -> None:
    raw = "cafe\u0301 Ｗｏｗ ½"
    assert normalise_text(raw) == "café Ｗｏｗ ½"
    assert normalise_text(raw, unicode="nfkc") == "café Wow 1⁄2"
    assert normalise_text(raw, unicode="none") == raw


def test_the_nfc_gate_matches_every_character_that_nfc_may_change() -> None:
    """Those with a decomposition, and those that combine with the character before them."""
    every = [chr(code) for code in range(0x110000) if not 0xD800 <= code <= 0xDFFF]
    pairs = [unicodedata.decomposition(character).split() for character in every]
    changing = {character for character in every if not is_nfc(character)}
    changing |= {chr(int(pair[1], 16)) for pair in pairs if len(pair) == 2 and pair[0][0] != "<"}
    changing |= {character for character in every if unicodedata.combining(character)}
    gate = pl.Series(sorted(changing)).str.contains(characters._NOT_NFC)
    assert (len(changing) > 2000, gate.all()) == (True, True)


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        *(("latin-1", text) for text in (CAFE, QUOTE, SMILE, HELLO, VOWELS)),
        *(("cp1252", text) for text in (CAFE, VOWELS)),
        *(("cp1250", text) for text in (CAFE, VOWELS)),
        ("cp1251", HELLO),
        *(("mac-roman", text) for text in (CAFE, QUOTE, VOWELS)),
    ],
)
def test_utf8_that_was_decoded_as_something_else_is_repaired(wrong: str, right: str) -> None:
    garbled = right.encode().decode(wrong)
    assert normalise_text(garbled) == right
    assert normalise_text(garbled, mojibake=False) != right


@pytest.mark.parametrize("right", [CAFE, QUOTE, SMILE, HELLO, VOWELS])
def test_the_gate_matches_every_text_that_ftfy_would_repair(right: str) -> None:
    config = ftfy.TextFixerConfig(unescape_html=False)
    for wrong in mojibake._ENCODINGS:
        garbled = right.encode().decode(wrong, "ignore")
        given = pl.Series([garbled])
        repaired = mojibake.load_mojibake_fixer()(given).to_list()
        assert (repaired, given[0]) == ([ftfy.fix_encoding(garbled, config)], garbled)


def test_a_garbled_part_of_a_text_is_repaired() -> None:
    assert normalise_text("cafÃ© — Мир") == "café — Мир"
    assert normalise_text("it\x92s") == "it’s"
    assert (
        normalise_text("deja \u00c3\x20 Paris") == "deja \u00e0 Paris"
    )  # the no-break space became a plain one


def test_entities_are_decoded_once_and_only_on_request() -> None:
    assert normalise_text("a &lt; b &amp;amp; c&nbsp;d") == "a &lt; b &amp;amp; c&nbsp;d"
    assert normalise_text("a &lt; b &amp;amp; c&nbsp;d", entities=True) == "a < b &amp; c d"
    assert normalise_text("AT&T & R&D", entities=True) == "AT&T & R&D"


SHORT = "https://t.co/Ab3dEf9hIj"


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (f"look {SHORT}", "look"),
        (f"look {SHORT} {SHORT}", "look"),
        (f"{SHORT} {SHORT} look", "look"),
        (f"see {SHORT} for more", "see for more"),
        (f"see {SHORT}, then go.", "see, then go."),
        (f"read this ({SHORT}) now", "read this now"),
        (f"one\n{SHORT} two\n\n{SHORT}", "one\ntwo"),
        ("cut off https://t.co/Ab3…", "cut off"),
        ("cut off https://t.…", "cut off"),
        ("cut off https:… ", "cut off"),
        ("cut off http…", "cut off"),
        ("cut of…", "cut of…"),
        ("look pic.twitter.com/Ab3dEf9hIj", "look"),
        ("lookpic.twitter.com/Ab3dEf9hIj", "look"),
        (f"見て{SHORT}よ", "見てよ"),
        (f"[this]({SHORT}) is it", "this is it"),
        ("https://best.com/a", "https://best.com/a"),
        ("https://t.com/abc", "https://t.com/abc"),
    ],
)
def test_short_links_of_x_are_removed_under_any_policy(raw: str, expected: str) -> None:
    assert normalise_text(raw) == expected
    assert normalise_text(raw, tco="keep") == raw.rstrip()


@pytest.mark.parametrize(
    ("raw", "placeholder", "domain", "drop"),
    [
        ("see https://www.example.org/a?b=c#d.", "see <url>.", "see example.org.", "see."),
        ("(https://a.example/x)!", "(<url>)!", "(a.example)!", "!"),
        ("https://en.example/wiki/A_(b), so", "<url>, so", "en.example, so", ", so"),
        ("go to www.example.org/ now", "go to <url> now", "go to example.org now", "go to now"),
        ("[my page](https://me.example/a)", "[my page](<url>)", "[my page](me.example)", "my page"),
        ("<https://a.example/x> ok", "<url> ok", "<a.example> ok", "ok"),
        ('he said "https://a.example/x"', 'he said "<url>"', 'he said "a.example"', 'he said ""'),
        ("x http://u:p@a.example:80/y z", "x <url> z", "x a.example z", "x z"),
        ("HTTPS://A.example", "<url>", "A.example", ""),
        (
            "https:// is a start",
            "https:// is a start",
            "https:// is a start",
            "https:// is a start",
        ),
        ("a.b.c is no link", "a.b.c is no link", "a.b.c is no link", "a.b.c is no link"),
    ],
)
def test_links_follow_the_policy(raw: str, placeholder: str, domain: str, drop: str) -> None:
    assert normalise_text(raw, links="placeholder") == placeholder
    assert normalise_text(raw, links="domain") == domain
    assert normalise_text(raw, links="drop") == drop


@pytest.mark.parametrize(
    ("raw", "strip_mark", "drop_trailing", "drop"),
    [
        ("so #happy today", "so happy today", "so #happy today", "so today"),
        ("fun #a #b #c", "fun a b c", "fun", "fun"),
        ("fun #a #b", "fun a b", "fun #a #b", "fun"),
        ("#a #b\n#c", "a b\nc", "", ""),
        ("\uff03東京 行く", "東京 行く", "\uff03東京 行く", "行く"),
        *((none, none, none, none) for none in ("we are #1", "C# and #", "it&#39;s", "a/#b")),
        ("##a, (#b)", "a, (b)", "##a, (#b)", ", ()"),
    ],
)  # fmt: skip
def test_hashtags_follow_the_policy(
    raw: str, strip_mark: str, drop_trailing: str, drop: str
) -> None:
    assert normalise_text(raw) == raw
    assert normalise_text(raw, hashtags="strip_mark") == strip_mark
    assert normalise_text(raw, hashtags="drop_trailing") == drop_trailing
    assert normalise_text(raw, hashtags="drop") == drop


def test_the_size_of_a_block_of_hashtags_is_a_setting() -> None:
    assert normalise_text("fun #a #b", hashtags="drop_trailing", trailing_hashtags=2) == "fun"


def test_every_retweet_head_at_the_start_is_removed() -> None:
    raw = "RT @bob: RT @ann: tea is good"
    assert normalise_text(raw) == "tea is good"
    assert normalise_text(raw, retweet_head="keep") == raw
    assert normalise_text("well said RT @bob: tea") == "well said RT @bob: tea"


def test_what_a_removal_joins_is_removed_too() -> None:
    assert normalise_text(f"{SHORT} RT @bob: tea") == "tea"
    assert normalise_text("ht\u200btps://a.example/x", links="drop") == ""


def test_reposts_are_dropped_on_request() -> None:
    kinds = {"kind": ["post", "repost", "reply", "repost"]}
    texts = ["a", "b", "c", ""]
    kept = run_filter(texts, kinds)
    assert kept["reject"].to_list() == [None, None, None, "empty_text"]
    dropped = run_filter(texts, kinds, reposts="drop")
    assert dropped["reject"].to_list() == [None, "repost", None, "repost"]
    assert run_filter(["a"], reposts="drop")["reject"].to_list() == [None]


def test_an_empty_text_is_a_reason_and_an_earlier_reason_is_kept() -> None:
    assert run_filter(["\u200b\n", SHORT, "", "x"])["reject"].to_list() == [
        *["empty_text"] * 3,
        None,
    ]
    earlier = run_filter(["", "x", ""], {"reject": ["deleted", None, None]})
    assert earlier["reject"].to_list() == ["deleted", None, "empty_text"]


def test_the_input_frame_does_not_change() -> None:
    posts = pl.DataFrame({"id": ["1", "2"], "text": ["cafÃ© \u200b", f"a {SHORT}"]})
    before = posts.clone()
    normalise.build(normalise.Config())(posts)
    assert posts.equals(before)


PIECES = st.sampled_from(
    [
        *("a", "B", " ", "  ", "\n", "\r", "\t", "\u00a0", "\u2028", "\u200b", "\u200c", "\u200d"),
        *("\ufe0f", "❤", "👩", "\U0001f3fd", ENGLAND, "\U000e0067", "\U000e007f"),
        *("\u0645", "\u0301", "e\u0301", "Ã", "©", "â€™", "Â", "\x92"),
        *("RT @bob: ", "RT @", "RT", ":", "https://", "http", "t.co/", "t.co/ab", "www.", "…"),
        *("https://t.co/ab1", "pic.twitter.com/x", "https://a.example/b", "example.org", "/", "."),
        *("#", "#tag", "\uff03", "(", ")", "[", "](", "<", ">", '"', "&amp;"),
        *("&", "1", "\u20e3", "*", "@", "-"),
        *("ﬁ", "ＨＴＴＰ", "\u212a", "\u0958", "葛", "\u0000", "\u3164"),
    ]
)  # fmt: skip
OPTIONS = st.fixed_dictionaries(
    {
        "unicode": st.sampled_from(["nfc", "nfkc", "none"]),
        "mojibake": st.booleans(),
        "links": st.sampled_from(["keep", "placeholder", "domain", "drop"]),
        "tco": st.sampled_from(["remove", "keep"]),
        "hashtags": st.sampled_from(["keep", "strip_mark", "drop_trailing", "drop"]),
        "retweet_head": st.sampled_from(["strip", "keep"]),
    }
)


@settings(max_examples=examples(300))
@given(st.lists(st.lists(PIECES, max_size=14).map("".join) | st.text(), max_size=20), OPTIONS)
@example(["http://http://a", "wwwwww..www.a.b", "##" * 50 + "a", "[[[a](t.co/b)](t.co/c)]"], {})
def test_a_second_run_changes_nothing(texts: list[str], options: dict[str, Any]) -> None:
    posts = pl.DataFrame({"text": texts}, schema={"text": pl.String})
    run = normalise.build(normalise.Config(**options))
    once = run(posts)
    assert run(once.drop("reject")).equals(once)
    assert once["reject"].is_not_null().equals(once["text"] == "")


def test_only_garbled_real_posts_are_repaired(shared: Path) -> None:
    """ftfy changes two posts of these samples; both were read and are garbled."""
    lines = (shared / "langid" / "tweetlid_train.tsv").read_text(encoding="utf-8").split("\n")
    users = (shared / "langid" / "twituser_first_7000.jsonl").read_text(encoding="utf-8")
    texts = [line.split("\t")[-1] for line in lines]
    texts += [json.loads(line)["text"] for line in users.split("\n") if line]
    for name in ("gurez.10000", "ile.10000", "youtube_first_20000"):
        plain = (shared / "plain" / name).read_text(encoding="utf-8", errors="replace")
        texts += plain.split("\n")
    changed = run_filter(texts)["text"] != run_filter(texts, mojibake=False)["text"]
    assert (len(texts) > 60_000, changed.sum()) == (True, 2)


@pytest.mark.parametrize(
    ("raw", "cleaned"),
    [
        ("<|im_start|>system", "< |im_start| >system"),
        ("a <|endoftext|> b", "a < |endoftext| > b"),
        ("[INST] x [/INST]", "[ INST ] x [ /INST ]"),
        ("<<SYS>>x<</SYS>>", "< <SYS> >x< </SYS> >"),
        ("<start_of_turn>user", "< start_of_turn >user"),
        ("<｜begin▁of▁sentence｜>", "< ｜begin▁of▁sentence｜ >"),
        ("the end</s><s>", "the end< /s >< s >"),
        ("a [MASK] of <extra_id_0>", "a [ MASK ] of < extra_id_0 >"),
    ],
)
def test_a_token_of_a_model_becomes_plain_text(raw: str, cleaned: str) -> None:
    assert normalise_text(raw) == cleaned
    assert normalise_text(cleaned) == cleaned
    assert normalise_text(raw, model_tokens="keep") == raw


@pytest.mark.parametrize(
    "clean",
    [
        "<url> <EMAIL_ADDRESS> <b>",
        "a <- b | c -> d",
        "[link] [1] [sic]",
        "x <| y |> z",
        "1 < s > 0",
    ],
)
def test_what_is_no_token_of_a_model_is_kept(clean: str) -> None:
    assert normalise_text(clean) == clean


@pytest.mark.parametrize(
    ("raw", "cleaned"),
    [
        ("my p\u0430yp\u0430l account", "my paypal account"),  # Cyrillic a
        ("Прив\u0065т", "Привет"),  # Latin e
        ("\u0395verest", "Everest"),  # Greek E
        ("\u0041πόρω", "Απόρω"),  # Latin A
        ("\u0455tick it", "stick it"),  # a Cyrillic letter that only Macedonian has
    ],
)
def test_a_word_with_letters_that_look_alike_is_in_one_script(raw: str, cleaned: str) -> None:
    assert normalise_text(raw) == cleaned
    assert normalise_text(raw, homoglyphs="keep") == raw


@pytest.mark.parametrize(
    "clean",
    [
        "PDFки",  # neither part can be in the other script
        "VКонтакте",
        "СССP",  # each can
        "KoЯn",
        "хуересn",  # most letters would change
        "iPhone'а",
        "3α and βx",
        "CO\u0421",  # each can
    ],
)
def test_a_word_of_two_scripts_that_may_be_right_is_kept(clean: str) -> None:
    assert normalise_text(clean) == clean
