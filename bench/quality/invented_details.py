"""Invent contact details of every entity, with valid checksums.

The makers share no code with the product: a mistake in one of its checksums must not hide itself.
"""

from __future__ import annotations

import base64
import hashlib
import ipaddress
import json
import random
import re
from collections.abc import Callable
from functools import cache, partial
from typing import Any, NamedTuple

import phonenumbers

from filters.pii.national import NATIONAL_IDENTIFIERS

_LOWER = "abcdefghijklmnopqrstuvwxyz"
_DIGITS = "0123456789"
_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_BECH32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_BASE64URL = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
_ALNUM = _BASE64URL[:62]
_SUFFIXES = ("com", "org", "net", "de", "co.uk", "fr", "io", "com.br", "co.jp", "ru", "info")
_PHONE_REGIONS = ("US", "GB", "DE", "FR", "IL", "IN", "CA", "BR")


class Detail(NamedTuple):
    """A detail as a post has it; the parts of it that identify somebody; the post's platform."""

    text: str
    identifying: tuple[str, ...]
    platform: str = "x"


def _pick(rng: random.Random, alphabet: str, count: int) -> str:
    return "".join(rng.choices(alphabet, k=count))


def make_name(rng: random.Random, least: int = 6, most: int = 10) -> str:
    """Return letters that can be spoken and are no word of a language, of a given length."""
    letters = (rng.choice("bdfgklmnprstvz") + rng.choice("aeiou") for _ in range(most))
    return "".join(letters)[: rng.randint(least, most)]


def _whole(text: str, platform: str = "x") -> Detail:
    return Detail(text, (text,), platform)


def _email(rng: random.Random) -> Detail:
    first, last = make_name(rng, 4, 6), make_name(rng)
    local = rng.choice(
        (f"{first}.{last}", f"{first}{rng.randrange(10, 99)}", f"{first}_{last}", last,
         f"{first}-{last}", f"{first}+{last}", f"{first[0]}.{last}{rng.randrange(1950, 2010)}")
    )  # fmt: skip
    host = rng.choice((f"{make_name(rng)}.{rng.choice(_SUFFIXES)}", f"mail.{make_name(rng)}.com"))
    return _whole(f"{local}@{host}")


@cache
def _phone_patterns(region: str) -> tuple[str, ...]:
    """Return an example of each kind of number that people have in a region, national digits."""
    kinds = phonenumbers.PhoneNumberType
    examples = (
        phonenumbers.example_number_for_type(region, kind)
        for kind in (kinds.FIXED_LINE, kinds.MOBILE)
    )
    return tuple(str(example.national_number) for example in examples if example)


def make_phone(rng: random.Random, regions: tuple[str, ...] = _PHONE_REGIONS) -> str:
    """Return a valid number of one of the regions: national, or with a country code."""
    while True:
        region = rng.choice(regions)
        example = rng.choice(_phone_patterns(region))
        digits = example[:3] + _pick(rng, _DIGITS, len(example) - 3)
        number = phonenumbers.parse(digits, region)
        # Short numbers are no contact data to anybody; the product keeps what has six digits.
        if not phonenumbers.is_valid_number(number) or len(digits) < 8:
            continue
        forms = phonenumbers.PhoneNumberFormat
        form = rng.choice((forms.NATIONAL, forms.INTERNATIONAL, forms.INTERNATIONAL, forms.E164))
        text = phonenumbers.format_number(number, form)
        # A local number without its area code reaches nobody from elsewhere.
        if phonenumbers.is_valid_number(phonenumbers.parse(text, region)):
            return text


def _phone(rng: random.Random) -> Detail:
    return _whole(make_phone(rng))


def _ip_address(rng: random.Random) -> Detail:
    while True:
        if rng.random() < 0.75:
            address = ".".join(str(rng.randrange(1, 256)) for _ in range(4))
            if len(address) < 9:
                continue  # 1.2.3.4 is a version too
        else:
            groups = [f"{rng.randrange(65536):x}" for _ in range(rng.choice((3, 4, 6)))]
            address = f"2a02:{rng.randrange(4096, 65536):x}:" + ":".join(groups)
            address = str(ipaddress.ip_address(address + ("" if len(groups) == 6 else "::1")))
        if (
            ipaddress.ip_address(address).is_global
            and not ipaddress.ip_address(address).is_multicast
        ):
            return _whole(address)


def _luhn(digits: str) -> str:
    total = 0
    for at, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if at % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    return str(-total % 10)


def _credit_card(rng: random.Random) -> Detail:
    start, length, groups = rng.choice(
        (("4", 16, (4, 4, 4, 4)), ("5" + rng.choice("12345"), 16, (4, 4, 4, 4)),
         ("6011", 16, (4, 4, 4, 4)), ("37", 15, (4, 6, 5)), ("4", 16, (4, 4, 4, 4)),
         (str(rng.randint(2221, 2720)), 16, (4, 4, 4, 4)))
    )  # fmt: skip
    body = start + _pick(rng, _DIGITS, length - len(start) - 1)
    digits = body + _luhn(body)
    between = rng.choice(("", " ", "-"))
    parts, at = [], 0
    for size in groups:
        parts.append(digits[at : at + size])
        at += size
    return _whole(between.join(parts))


def _iban(rng: random.Random) -> Detail:
    country, form = rng.choice(
        (("DE", "n" * 18), ("GB", "aaaa" + "n" * 14), ("FR", "n" * 10 + "c" * 11 + "nn"),
         ("ES", "n" * 20), ("NL", "aaaa" + "n" * 10), ("IT", "a" + "n" * 10 + "c" * 12),
         ("AT", "n" * 16), ("PL", "n" * 24), ("CH", "nnnnn" + "c" * 12), ("PT", "n" * 21))
    )  # fmt: skip
    kinds = {"n": _DIGITS, "a": _LOWER.upper(), "c": _DIGITS}
    account = "".join(rng.choice(kinds[each]) for each in form)
    numbers = "".join(str(int(each, 36)) for each in f"{account}{country}00")
    plain = f"{country}{98 - int(numbers) % 97:02d}{account}"
    spaced = " ".join(plain[at : at + 4] for at in range(0, len(plain), 4))
    return _whole(rng.choice((plain, spaced)))


def _sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def _base58(data: bytes) -> str:
    value, text = int.from_bytes(data, "big"), ""
    while value:
        value, rest = divmod(value, 58)
        text = _BASE58[rest] + text
    return "1" * (len(data) - len(data.lstrip(b"\0"))) + text


def _base58_check(version: int, payload: bytes) -> str:
    data = bytes([version]) + payload
    return _base58(data + _sha256(_sha256(data))[:4])


def _bech32(prefix: str, version: int, program: bytes) -> str:
    bits = "".join(f"{byte:08b}" for byte in program)
    bits += "0" * (-len(bits) % 5)
    values = [version, *(int(bits[at : at + 5], 2) for at in range(0, len(bits), 5))]
    high = [ord(each) >> 5 for each in prefix]
    low = [ord(each) & 31 for each in prefix]
    checksum = 1
    for value in (*high, 0, *low, *values, 0, 0, 0, 0, 0, 0):
        top = checksum >> 25
        checksum = (checksum & 0x1FFFFFF) << 5 ^ value
        for at, generator in enumerate(
            (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
        ):
            checksum ^= generator if top >> at & 1 else 0
    checksum ^= 0x2BC830A3 if version else 1
    values += [checksum >> 5 * (5 - at) & 31 for at in range(6)]
    return f"{prefix}1" + "".join(_BECH32[value] for value in values)


def _bitcoin(rng: random.Random) -> Detail:
    return _whole(
        rng.choice(
            (_base58_check(0, rng.randbytes(20)), _base58_check(5, rng.randbytes(20)),
             _bech32("bc", 0, rng.randbytes(20)), _bech32("bc", 1, rng.randbytes(32)))
        )
    )  # fmt: skip


def _other_wallet(rng: random.Random) -> Detail:
    """Return an address of Ether, Litecoin, Dogecoin, Tron or Monero."""
    monero = bytes([18]) + rng.randbytes(68)
    blocks = (monero[at : at + 8] for at in range(0, 69, 8))
    sizes = (0, 2, 3, 5, 6, 7, 9, 10, 11)
    return _whole(
        rng.choice(
            ("0x" + rng.randbytes(20).hex(), _base58_check(48, rng.randbytes(20)),
             _bech32("ltc", 0, rng.randbytes(20)), _base58_check(30, rng.randbytes(20)),
             _base58_check(65, rng.randbytes(20)),
             "".join(_base58(block).rjust(sizes[len(block)], "1") for block in blocks))
        )
    )  # fmt: skip


def _us_ssn(rng: random.Random) -> Detail:
    area = rng.choice([*range(101, 666), *range(667, 773)])
    return _whole(f"{area}-{rng.randrange(10, 100)}-{rng.randrange(1000, 9999)}")


def _mac_address(rng: random.Random) -> Detail:
    octets = [f"{rng.randrange(256):02x}" for _ in range(5)]
    octets.insert(0, f"{rng.randrange(1, 64) * 4:02x}")  # of a maker's range, to one station
    dotted = ".".join("".join(octets[at : at + 2]) for at in (0, 2, 4))
    return _whole(rng.choice((":".join(octets), ":".join(octets), "-".join(octets), dotted)))


def _handle(rng: random.Random) -> Detail:
    first, last = make_name(rng, 5, 6), make_name(rng, 5, 7)
    plain = rng.choice((f"{first}_{last}", first + last, f"{first}{rng.randrange(100)}"))
    forms: tuple[tuple[str, str], ...] = (
        (f"@{plain}", plain), (f"@{plain}", plain), (f"@{plain}@{make_name(rng)}.social", plain),
        (f"@{first}.bsky.social", first), (f"u/{plain}", plain), (f"@{first}.{last}", last),
        (f"@{first}-{last}", last),
    )  # fmt: skip
    platforms = ("x", "telegram", "mastodon", "bluesky", "reddit", "instagram", "youtube")
    at = rng.randrange(len(forms))
    text, name = forms[at]
    return Detail(text, (name, first), platforms[at])


def _page(rng: random.Random) -> Detail:
    name, number = make_name(rng, 7, 12), rng.randrange(10**14, 10**15)
    return Detail(
        rng.choice(
            (f"https://t.me/{name}", f"https://x.com/{name}/status/{number}",
             f"https://www.instagram.com/{name}/", f"https://mas.to/@{name}",
             f"https://bsky.app/profile/{name}.bsky.social", f"https://www.tiktok.com/@{name}",
             f"https://www.linkedin.com/in/{name}", f"https://www.reddit.com/user/{name}")
        ),
        (name,),
    )  # fmt: skip


def _jwt(rng: random.Random) -> str:
    def encode(part: dict[str, str]) -> str:
        return base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")

    claims = {"sub": make_name(rng), "jti": rng.randbytes(6).hex()}
    head = encode({"alg": "HS256", "typ": "JWT"})
    return f"{head}.{encode(claims)}.{_pick(rng, _BASE64URL[:62], 43)}"


def _secret(rng: random.Random) -> Detail:
    """Return a token in the form of a large provider, or a JSON web token."""
    pick = _pick
    upper = _LOWER.upper() + "234567"
    return _whole(
        rng.choice(
            ("ghp_" + pick(rng, _ALNUM, 36), "github_pat_" + pick(rng, _ALNUM, 22) + "_"
             + pick(rng, _ALNUM, 59), "AKIA" + pick(rng, upper, 16),
             "AIza" + pick(rng, _ALNUM, 35),
             f"xoxb-{pick(rng, _DIGITS, 12)}-{pick(rng, _DIGITS, 12)}-{pick(rng, _ALNUM, 24)}",
             "sk_live_" + pick(rng, _ALNUM, 24), "glpat-" + pick(rng, _ALNUM, 20),
             "sk-proj-" + pick(rng, _ALNUM, 48), "hf_" + pick(rng, _ALNUM, 34),
             f"SG.{pick(rng, _ALNUM, 22)}.{pick(rng, _ALNUM, 43)}",
             f"{rng.randrange(10**8, 10**10)}:AA{pick(rng, _ALNUM, 33)}",
             "npm_" + pick(rng, _ALNUM, 36), _jwt(rng))
        )
    )  # fmt: skip


#: The maker of each entity. BITCOIN and WALLET are both CRYPTO, HANDLE and PAGE both HANDLE.
MAKERS: dict[str, Callable[[random.Random], Detail]] = {
    "EMAIL_ADDRESS": _email,
    "PHONE_NUMBER": _phone,
    "IP_ADDRESS": _ip_address,
    "CREDIT_CARD": _credit_card,
    "IBAN_CODE": _iban,
    "BITCOIN": _bitcoin,
    "WALLET": _other_wallet,
    "US_SSN": _us_ssn,
    "MAC_ADDRESS": _mac_address,
    "SECRET": _secret,
    "HANDLE": _handle,
    "PAGE": _page,
}

#: The forms of national identifiers: A a letter, # a digit, MM and DD a month and a day.
_NATIONAL_FORMS = {
    "AU_MEDICARE": "2### ##### #", "AU_TFN": "### ### ###", "CA_SIN": "5##-###-###",
    "DE_HEALTH_INSURANCE": "A#########", "DE_ID_CARD": "L########",
    "DE_SOCIAL_SECURITY": "##DDMM##A###", "DE_TAX_ID": "###########", "ES_NIE": "X#######A",
    "ES_NIF": "########A", "FI_PERSONAL_IDENTITY_CODE": "DDMM##-###A", "UK_NHS": "### ### ####",
    "UK_NINO": "AA######C", "IN_AADHAAR": "#### #### ####", "IN_PAN": "AAAPA####A",
    "IT_FISCAL_CODE": "AAAAAA##CDDA###A", "KR_RRN": "##MMDD-1######", "NG_NIN": "###########",
    "PL_PESEL": "##MMDD#####", "SE_PERSONNUMMER": "##MMDD-####", "SG_NRIC_FIN": "S#######A",
    "TH_TNIN": "1############", "TR_NATIONAL_ID": "1##########", "US_ITIN": "9##-7#-####",
    "ZA_ID_NUMBER": "##MMDD####08#",
}  # fmt: skip


@cache
def _load_recognizer(entity: str) -> Any:
    """Return Presidio's recognizer, whose checksums are not those of the audit's detector."""
    from presidio_analyzer import predefined_recognizers

    return getattr(predefined_recognizers, NATIONAL_IDENTIFIERS[entity].recognizer)()


def _national(rng: random.Random, entity: str) -> Detail:
    recognizer, form = _load_recognizer(entity), _NATIONAL_FORMS[entity]
    while True:
        text = form.replace("MM", f"{rng.randint(1, 12):02}")
        text = text.replace("DD", f"{rng.randint(1, 28):02}")
        text = re.sub("#", lambda _: rng.choice(_DIGITS), text)
        text = re.sub("A", lambda _: rng.choice(_LOWER.upper()), text)
        # Of the first ten digits of a German tax number exactly one occurs twice.
        if entity == "DE_TAX_ID" and len(set(text[:10])) != 9:
            continue
        if any(hit.score >= 0.5 for hit in recognizer.analyze(text, [entity])):
            return _whole(text)


#: The maker of each national identifier of ``filters.pii.national``.
NATIONAL_MAKERS: dict[str, Callable[[random.Random], Detail]] = {
    entity: partial(_national, entity=entity) for entity in _NATIONAL_FORMS
}
