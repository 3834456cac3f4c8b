"""The audit's detector: what it finds in texts as people write them, and what it does not take."""

from __future__ import annotations

import hashlib
from collections import Counter
from itertools import cycle

import polars as pl
import pytest

from corpus.maintenance.audit_files import find_in_values
from corpus.maintenance.checksums import is_card_number, is_iban, is_wallet
from corpus.maintenance.contact_data import ContactDataDetector, DetectorSettings, sum_counts
from corpus.maintenance.national_numbers import NATIONAL_ENTITIES
from corpus.maintenance.visible_text import normalize_visible
from filters import pii
from filters.pii.national import COUNTRIES, NATIONAL_IDENTIFIERS
from filters.pii.styles import SurrogateStyle
from tests.filters.test_secrets import TOKENS

MAIL = "rosa.finch@beeswax.org"
CARD = "4000 0012 3456 7899"
TOKEN = "ghp_" + "a8Kd93jfLq0ZpXw71mVbTr5Yc2NhGs64UeQo"


def find(*texts: str, **settings: object) -> list[list[str]]:
    """The entities in each text, sorted."""
    detector = ContactDataDetector(DetectorSettings(**settings))  # type: ignore[arg-type]
    found = detector.count(pl.Series(texts, dtype=pl.String))
    return [sorted(found.get(row, Counter())) for row in range(len(texts))]


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("rosa.finch＠beeswax.org", "rosa.finch@beeswax.org"),
        ("rosa&#46;finch&commat;bees\u00adwax.org", "rosa.finch@beeswax.org"),
        ("rosa%2540beeswax.org", "rosa@beeswax.org"),
        (r"u/rosa\_finch", "u/rosa_finch"),
        ("邮箱rosa@beeswax.org谢谢", "\nrosa@beeswax.org\n"),
        ("+4930\u200b123\u00a0456\u2011٧٨", "+4930123 456-78"),
        ("a <EMAIL_ADDRESS> b <PERSON_abcdefghijkl> <b>", "a \n b \n <b>"),
        ("was…8.8.8.8—ok", "was\n8.8.8.8\nok"),
        ("?phone=%2B49+30&n=1", "?phone=+49 30&n=1"),
    ],
)
def test_texts_are_read_as_a_reader_sees_them(text: str, seen: str) -> None:
    assert normalize_visible(pl.Series([text])).to_list() == [seen]


@pytest.mark.parametrize(
    ("entity", "text"),
    [
        ("EMAIL_ADDRESS", f"我的邮箱是{MAIL}谢谢"),
        ("EMAIL_ADDRESS", f"**_{MAIL}_** or {MAIL}Thanks"),
        ("EMAIL_ADDRESS", "rosa at beeswax dot org"),
        ("EMAIL_ADDRESS", "rosa [at] beeswax.org"),
        ("EMAIL_ADDRESS", "escribe a rosa arroba beeswax punto org"),
        ("PHONE_NUMBER", "電話は+49 30 901820です"),
        ("PHONE_NUMBER", "_(415) 555-2671_"),
        ("PHONE_NUMBER", "ruf an: 030 / 901820"),
        ("PHONE_NUMBER", "call me 4155552671"),
        ("PHONE_NUMBER", "https://wa.me/4930901820"),
        ("IP_ADDRESS", "host 8.8.4.4, up"),
        ("IP_ADDRESS", "2a00:1450:4001:81b::200e"),
        ("CREDIT_CARD", f"卡号{CARD}谢谢"),
        ("CREDIT_CARD", f"card {CARD.replace(' ', '')}Thanks"),
        ("IBAN_CODE", "_DE02 1203 0000 0000 2020 51_"),
        ("IBAN_CODE", "nl02abna0123456789"),
        ("CRYPTO", "send to 1BoatSLRHtKNngkdXEeobR76b53LETtpyT"),
        ("CRYPTO", "bitcoin:bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4?amount=1"),
        ("CRYPTO", "0x" + "5e" * 20),
        ("US_SSN", "it is 219-44-8471"),
        ("MAC_ADDRESS", "its mac is 3c:22:fb:10:9a:7e"),
        ("SECRET", f"export TOKEN={TOKEN}"),
        ("SECRET", "-----BEGIN OPENSSH PRIVATE KEY-----"),
        ("SECRET", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJyb3NhIn0.c2lnbmF0dXJl"),
        ("HANDLE", ".@rosa_finch is back"),
        ("HANDLE", "_@rosa.finch_"),
        ("HANDLE", r"thanks u/rosa\_finch"),
        ("HANDLE", "https://mas.to/@rosafinch"),
        ("HANDLE", "snap: rosa_finch"),
        ("HANDLE", "message me on kik, rosa_finch"),
        ("HANDLE", "微信：rosa_finch"),
        ("HANDLE", "**_u/rosa_finch_**"),
        ("PHONE_NUMBER", "1-415-555-2671"),
        ("HANDLE", "<@123456789012345678>"),
    ],
)
def test_each_entity_is_found(entity: str, text: str) -> None:
    assert entity in find(text)[0]


@pytest.mark.parametrize(
    "text",
    [
        "<EMAIL_ADDRESS>, <HANDLE_abcdefghijkl>, ***@*******.*** and abc@qwer.example",
        "192.0.2.44, 10.0.0.1, 2001:db8::1:2, 00:00:5e:00:53:af, 666-12-3456",
        "opened 2023.10.12 14:30, 12/10/2023, 2008/2009, 1614834367 and 1 2 3 4 5 6 7 8 9 10",
        "version 1.2.3.4, v10.4.2.1, Chrome/91.0.4472.124, pi is 3.14159265358979",
        "12 345 678 people, 1,234,567,890 views, order 4155552671, #4155552671",
        "4000 0012 3456 7890 has a wrong digit, DE03 1203 0000 0000 2020 51 too",
        "call us at 2-960-408-4601 or mob.3988569238",
        "the test card 4242 4242 4242 4242",
        "https://beeswax.test/item/4000001234567899?id=4155552671",
        "sha256 4f0327149832f3ca62864ce8",
        "a1Lp5K9qXw2Zr8Tn4Vb7Yc3Mh6Gs0Jd1f is no address",
        "```\n@Override\npublic\n``` and `@rosa` and @media (max-width: 1px) and @types/node",
        "lunch @12, doors @6pm and @7p.m., a @ b, at this point in life, the dot at noon",
        "https://x.com/home https://t.me/s https://www.facebook.com/groups/bees",
        "sk-this-is-not-a-token, ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
        "discord: yes, dumps of reddit, x_stream and table, on reddit today, twitter is down",
    ],
)
def test_what_reaches_nobody_is_not_found(text: str) -> None:
    assert find(text) == [[]]


def test_the_settings_of_the_plan_are_respected() -> None:
    texts = (f"{MAIL} or @rosa_finch", "(415) 555-2671", "0176 12345678", "@nasa and @rosa_finch")
    assert find(*texts, entities=("PHONE_NUMBER",), phone_regions=("DE",)) == [
        [], [], ["PHONE_NUMBER"], [],
    ]  # fmt: skip
    assert find("@nasa, x.com/nasa", public=frozenset(("nasa",))) == [[]]
    plan = {
        "entities": ["EMAIL_ADDRESS", "US_SSN"],
        "handles": "keep",
        "phone_regions": ["US"],
        "countries": [],
        "min_scores": {"US_SSN": 0.8},
    }
    settings = DetectorSettings.from_plan(plan, ["x:NASA", "@bees@mas.to"])
    assert settings.entities == ("EMAIL_ADDRESS",)
    assert {"nasa", "bees", "bees@mas.to"} <= settings.public


def test_details_are_counted_by_row() -> None:
    detector = ContactDataDetector(DetectorSettings())
    found = detector.count(pl.Series(["tea", f"{MAIL} {MAIL}", None, "8.8.4.4"]))
    assert found == {1: Counter(EMAIL_ADDRESS=2), 3: Counter(IP_ADDRESS=1)}
    assert sum_counts(found) == Counter(EMAIL_ADDRESS=2, IP_ADDRESS=1)


@pytest.mark.parametrize(
    ("is_valid", "valid", "wrong"),
    [
        (is_card_number, "378282246310005", "378282246310006"),
        (is_card_number, "2221000000000009", "1221000000000009"),
        (is_iban, "GB33BUKB20201555555555", "GB34BUKB20201555555555"),
        (is_wallet, "3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy", "3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLz"),
        (
            is_wallet,
            "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0",
            "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj9",
        ),
        (is_wallet, "TJRabPrwbZy45sbavfcjinPJC18kjpRTv8", "TJRabPrwbZy45sbavfcjinPJC18kjpRTv9"),
    ],
)
def test_checksums_decide(is_valid: object, valid: str, wrong: str) -> None:
    assert is_valid(valid) and not is_valid(wrong)  # type: ignore[operator]


# --- what a build writes is no detail -----------------------------------------------------------

SHAPES = {
    "EMAIL_ADDRESS": (
        "a@b.co", "joe+tag-x_1@mail.bees.wax.co.uk", "4915112345678@web.de", "x-ab_9.f@t.me",
        "rosa at beeswax dot org",
    ),
    "PHONE_NUMBER": (
        "+49 30 901820", "+4915112345678", "(415) 555-2671", "+1 415-555-2671 ext. 123456",
        "030 1234567 / 0151 1234567", "06 12 34 56 78", "1-800-FLOWERS1", "0151-12345678",
    ),
    "CREDIT_CARD": (CARD, "4000001234567899", "3782-822463-10005", "4000 0012 3456 7899 123"),
    "IBAN_CODE": (
        "DE02 1203 0000 0000 2020 51", "GB33BUKB20201555555555", "BE71 0961 2345 6769",
        "MU17 BOMM 0101 1010 3030 0200 000M UR",
    ),
    "CRYPTO": (
        "1BoatSLRHtKNngkdXEeobR76b53LETtpyT", "0x" + "12" * 20,
        "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4",
    ),
    "US_SSN": ("219-44-8471", "219 44 8471", "219.44.8471"),
    "MAC_ADDRESS": ("3c:22:fb:10:9a:7e", "3C-22-FB-10-9A-7E", "3c22.fb10.9a7e"),
    "IP_ADDRESS": ("8.8.4.4", "2a00:1450:4001:81b::200e"),
    "SECRET": (TOKEN, "sk-" + "a1B2c3" * 6, "ab-key_9x.q1", "1234567890:AA" + "h8e3uGaQ" * 4 + "z"),
}  # fmt: skip
AROUND = (
    "{}", "call me {} now", "write to {}. In the morning", "snap: {} yes", "my number is {}. So",
    "{} / {}", "12 {} 34", "signal {}", "ig {} and on telegram, {}", "({}), 2020", "v{}",
    "https://bees.test/unsub?e={}&page=2", "电话{}谢谢", "**{}**", "Rosa <{}>",
)  # fmt: skip


def test_no_surrogate_under_any_key_is_taken_for_a_detail() -> None:
    # None is made again: by its form alone a surrogate must be nobody's.
    texts, languages = [], []
    around, codes = cycle(AROUND), cycle(("en", "es", None, "de", "ar", "ja", "pt", "nl", "it"))
    for number in range(80):
        make = SurrogateStyle(hashlib.sha256(bytes([number])).digest(), lambda text: False)
        for entity, details in SHAPES.items():
            for detail in details:
                surrogate = make(entity, detail)
                assert surrogate != detail
                texts += [next(around).replace("{}", surrogate), f"{surrogate} {surrogate}"]
                languages += [next(codes), None]
    detector = ContactDataDetector(DetectorSettings())
    found = detector.count(pl.Series(texts), pl.Series(languages))
    assert not found, [(texts[row], counts) for row, counts in found.items()][:5]


def test_hashes_and_keyed_names_are_never_taken_for_details() -> None:
    detector = ContactDataDetector(DetectorSettings())
    # Such names occur once in some thousand keys.
    assert find(
        "sha256 4580588393964a7bf834f0d6ca919cf3 and 56f85f708d5acf6440596423884925377c7207686b5"
        "26f87f3a29bdb9f0c990a", "06051177676cebac", "4425498947393844309e7ed9",
    ) == [[], [], []]  # fmt: skip
    names = [
        "~4770887907628143.jsonl", "~06051177676cebac.csv", "table:~ad0783e01e8f645e0374d4d4",
        "u_2c863ed7e9591e93d4e4583304761001", "~be5648bf92cc484d/posts.jsonl",
    ]  # fmt: skip
    assert find_in_values(pl.Series(names), detector) == {}
    assert find_in_values(pl.Series(["posts 4770887907628143.jsonl"]), detector)
    digests = (hashlib.sha256(bytes([a, b])).hexdigest() for a in range(250) for b in range(40))
    values = [f"{form}{digest[:length]}" for digest in digests
              for form, length in (("~", 16), ("x:~", 24), ("u_", 32), ("", 64))]  # fmt: skip
    assert find_in_values(pl.Series(values), detector) == {}


def test_an_address_under_a_reserved_domain_is_nobodys_also_before_a_sentence() -> None:
    assert find("rosa@beeswax.example. In May", "rosa@beeswax.test . So", "a@b.example") == [[]] * 3
    assert find("rosa@mail.example.org", "rosa@example.com. In") == [["EMAIL_ADDRESS"]] * 2


def test_the_address_after_the_name_of_a_service_is_no_handle() -> None:
    assert find("ig: rosa9.finch_1@beeswax.org") == [["EMAIL_ADDRESS"]]


# --- accounts and national identifiers ----------------------------------------------------------


def test_accounts_of_countries_that_joined_the_registry_late_are_found_and_redacted() -> None:
    accounts = (
        "ST23000100010051845310146", "SV62CENR00000000000000700025", "TL38 0080 0123 4567 8910 157",
        "LY83002048000020100120361", "MN121234123456789123", "OM810180000001299123456",
        "fk88sc123456789012", "SO211000001001000100141",
    )  # fmt: skip
    assert find(*accounts) == [["IBAN_CODE"]] * len(accounts)
    redacted = pii.build(pii.Config())(pl.DataFrame({"text": accounts}))["text"].to_list()
    assert redacted == ["<IBAN_CODE>"] * len(accounts)
    wrong = [f"{account[:2]}99{account[4:]}" for account in accounts]
    assert find(*wrong) == [[]] * len(accounts)


#: By entity: a valid identifier, and one with a wrong check digit or form.
IDENTIFIERS = {
    "AU_MEDICARE": ("2123 45670 1", "2123 45680 1"), "AU_TFN": ("876 543 210", "876 543 211"),
    "CA_SIN": ("130 692 544", "130 692 545"),
    "DE_HEALTH_INSURANCE": ("A123456780", "A123456781"), "DE_ID_CARD": ("L01X00T44", "L01X00T45"),
    "DE_SOCIAL_SECURITY": ("65180539W001", "65180539W002"),
    "DE_TAX_ID": ("86095742719", "86095742718"), "ES_NIE": ("X1234567L", "X1234567M"),
    "ES_NIF": ("12345678Z", "12345678A"),
    "FI_PERSONAL_IDENTITY_CODE": ("131052-308T", "131052-308U"),
    "UK_NHS": ("943 476 5919", "943 476 5918"), "UK_NINO": ("AB 12 34 56 C", "QQ 12 34 56 C"),
    "IN_AADHAAR": ("2341 2341 2346", "2341 2341 2347"), "IN_PAN": ("ABCPE1234F", "ABCDE1234F"),
    "IT_FISCAL_CODE": ("RSSMRA85T10A562S", "RSSMRA85T10A562T"),
    "KR_RRN": ("900101-1234568", "901301-1234568"), "NG_NIN": ("12345678902", "12345678903"),
    "PL_PESEL": ("44051401359", "44051401358"), "SE_PERSONNUMMER": ("811218-9876", "811218-9877"),
    "SG_NRIC_FIN": ("S1234567D", "A1234567D"), "TH_TNIN": ("1101700230708", "1101700230709"),
    "TR_NATIONAL_ID": ("10000000146", "10000000147"), "US_ITIN": ("912-70-1234", "912-40-1234"),
    "ZA_ID_NUMBER": ("8001015009087", "8001015009088"),
}  # fmt: skip


def test_each_national_identifier_is_found_by_its_check_digit() -> None:
    assert set(IDENTIFIERS) == set(NATIONAL_ENTITIES) == set(NATIONAL_IDENTIFIERS)
    for entity, (valid, wrong) in IDENTIFIERS.items():
        texts = (f"it is {valid}.", f"号码{valid}谢谢", f"it is {wrong}.", f"a{valid}", f"{valid}7")
        found = find(*texts, entities=(entity,))
        assert found == [[entity], [entity], [], [], []], entity


def test_national_identifiers_are_looked_for_in_the_countries_of_the_plan() -> None:
    plan = {"entities": [], "handles": "keep", "phone_regions": ["US"], "countries": ["GB", "SE"]}
    settings = DetectorSettings.from_plan(plan, [])
    assert settings.entities == ("UK_NHS", "UK_NINO", "SE_PERSONNUMMER")
    by_country = {
        country: DetectorSettings.from_plan({**plan, "countries": [country]}, []).entities
        for country in COUNTRIES
    }
    assert sorted(each for listed in by_country.values() for each in listed) == sorted(
        NATIONAL_IDENTIFIERS
    )
    assert all(
        NATIONAL_IDENTIFIERS[each].country == country
        for country, listed in by_country.items() for each in listed
    )  # fmt: skip


def test_the_audit_knows_tokens_of_the_providers_that_the_filter_knows() -> None:
    known = [token for token in TOKENS if "SECRET" in find(f"here {token} ok")[0]]
    assert len(known) >= 48
    begin = ("AT" + "BB", "pat" + "-na1", "sb" + "p_", "nv" + "api-", "rzp" + "_", "ph" + "x_")
    for each in begin:
        assert any(token.startswith(each) for token in known), each
