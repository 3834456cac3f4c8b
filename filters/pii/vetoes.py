"""Discard spans that are surely no contact data: dates, decimals, versions, ids in addresses.

A veto only takes away: it sees one span and a bounded number of characters on each side, so the
time is linear in the number of spans. Each rule names the entities that it judges. A word such as
"call" or "tel." shortly before a number, a plus or an area code in brackets says that it is a phone
number; the rules that judge a number by its surroundings then do not apply.
"""

from __future__ import annotations

import ipaddress
import re
import string
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

from filters.pii import code
from filters.pii.spans import EntitySpan

#: Characters around a span that the rules see; an address is looked for in so many before it.
_BEFORE_CHARACTERS = 80
_AFTER_CHARACTERS = 40
_URL_CHARACTERS = 300

_NUMBERS = ("PHONE_NUMBER", "CREDIT_CARD", "US_SSN")


class Surroundings(NamedTuple):
    """What a rule sees of a span: its entity, its content, and the text on both sides."""

    entity: str
    content: str
    before: str
    after: str
    url: str  # the part of the address before the span, if the span is inside one
    in_code: bool = False  # whether the span is in a block of code

    @property
    def digits(self) -> str:
        """The decimal digits of the content, as ASCII."""
        return "".join(str(int(each)) for each in self.content if each.isdecimal())

    @property
    def groups(self) -> list[str]:
        """The runs of digits of the content."""
        return re.findall(r"\d+", self.content)


class Veto(NamedTuple):
    """A rule: its name, the entities that it judges, and whether a span is none."""

    name: str
    entities: tuple[str, ...]
    applies: Callable[[Surroundings], bool]


def drop_vetoed(text: str, spans: Iterable[EntitySpan]) -> list[EntitySpan]:
    """Return the spans that no rule discards, in their order.

    ``text`` is the text that the offsets of the spans are in.
    """
    blocks = find_code_blocks(text)
    return [span for span in spans if not find_veto(text, span, blocks)]


def find_code_blocks(text: str) -> list[code.CodeSpan]:
    """Return the blocks of code of a text; code inside of a line is none."""
    if "```" not in text and "~~~" not in text:
        return []
    return [span for span in code.find_code(text) if "\n" in text[span.start : span.end]]


def find_veto(text: str, span: EntitySpan, code_blocks: Sequence[code.CodeSpan] = ()) -> str:
    """Return the name of the rule that discards a span, or an empty string."""
    rules = _RULES_BY_ENTITY.get(span.entity)
    if not rules:
        return ""
    surroundings = Surroundings(
        span.entity,
        text[span.start : span.end],
        text[max(0, span.start - _BEFORE_CHARACTERS) : span.start],
        text[span.end : span.end + _AFTER_CHARACTERS],
        _find_url(text[max(0, span.start - _URL_CHARACTERS) : span.start]),
        bool(code_blocks) and code.is_in_code(code_blocks, span.start),
    )
    return next((rule.name for rule in rules if rule.applies(surroundings)), "")


# --- addresses of pages -------------------------------------------------------------------------

_URL_BEGINS = re.compile(
    r"(?:https?|ftp|file|git|ssh)://|www\.|(?<![@\w.-])(?:[a-z0-9-]{1,63}\.){1,5}[a-z]{2,12}/", re.I
)
# Parameters and paths that hold a phone number, and an address whose host is an IP address.
_PHONE_IN_URL = re.compile(
    r"(?:tel|phone|mobile|cell|msisdn|number|whatsapp|wa|sms|call|contact|dial)[a-z_-]{0,12}"
    r"(?:=|%3D|/|:)[^=&]{0,8}$|wa\.me/|viber|signal\.me|whatsapp\.com|t\.me/",
    re.I,
)


def _find_url(before: str) -> str:
    """Return the part of an address that ends where ``before`` ends; empty if there is none."""
    token = "" if before[-1:].isspace() else (before.rsplit(None, 1) or [""])[-1]
    for quote in "<>\"'`|":
        token = token.rpartition(quote)[2]
    found = _URL_BEGINS.search(token)
    return token[found.start() :] if found else ""


_ID_PARAMETER = re.compile(r"[?&](?:[\w.-]{0,20}id|v|p|t|set|u|gid|story|album|page|ref)=$", re.I)


def _is_id_in_url(seen: Surroundings) -> bool:
    if not seen.url or _PHONE_IN_URL.search(seen.url):
        return False
    if _is_named(seen, seen.url):
        return False
    # The value of a parameter is a detail if it is written as one; bare digits are an id.
    is_id = seen.content.isdecimal() and (
        seen.entity == "PHONE_NUMBER" or bool(_ID_PARAMETER.search(seen.url))
    )
    if seen.url.endswith("=") and not is_id:
        return False
    return not seen.url[-1].isalnum() and " " not in seen.content and "(" not in seen.content


# --- words before and after a number -------------------------------------------------------------

_CUE = re.compile(
    r"(?:\b(?:tele?ph?on\w*|tel|phone|phones|ph|mob|mobile|cell|call\w*|text|txt|sms|whats ?app|wa|"
    r"viber|signal|telegram|imo|fax|ring|dial|reach|contact\w*|hotline|handy|rufnummer|rufe?n?|"
    r"anruf\w*|erreichbar|téléphone|portable|appel\w*|joindre|teléfono|telefone|móvil|celular|"
    r"llam\w+|zap|ligue|ligar|liga|fone|cellulare|chiam\w+|тел|телефон\w*|звон\w+|моб|ara|arayın|"
    r"gsm|cep|zadzwoń|dzwoń|telefonisch|bel|ring|puh|puhelin|tlf|mobil|hp|hubungi|nomor|"
    r"my (?:new )?(?:number|digits|no)|(?:care|support|service|toll.?free|helpline|hotline|office) "
    r"(?:number|num|no|nr)|helpline|pager)\b|[\u260e\u2706\U0001f4de\U0001f4f1\U0001f4f2]|"
    r"电话|電話|手机|手機|联系|聯繫|致电|携帯|번호|전화|연락|문의|هاتف|جوال|موبايل|تلفن|फोन|मोबाइल|नंबर|"
    r"טלפון|โทร|โทรศัพท์)[^\n]{0,24}$",
    re.I,
)
_LABEL = re.compile(
    r"(?:\b(?:order|invoice|article|artikel\w*|item|product|shipment|parcel|ticket|case|bug|issue|request|report|revision|"
    r"commit|build|job|process|pid|thread|session|transaction|tx|block|reference|ref|catalog\w*|"
    r"patent|docket|bestell\w*|rechnung\w*|auftrag\w*|sendung\w*|commande|facture|pedido|"
    r"factura|pedido|ordine|fattura|заказ\w*|артикул|user ?id|channel|chat ?id|msg ?id|"
    r"message ?id|post ?id|tweet ?id|app ?id|steam ?id|uid|gid|guid|uuid|seed|port|offset|address|"
    r"score|xp|level|gold|elo|rating|timestamp|epoch|unix ?time|created_at|updated_at|time_t|hash|"
    r"checksum|crc|md5|sha\d*)"
    r"(?:[ _-]?(?:no|nr|n|num|number|nummer|id|code|#|n°|nº|№))?"
    r"(?: (?:is|was|are|=|of|ist|war|est|es))?[\s:.#=\"'(\[]{0,4}"
    r"|(?:订单号?|訂單編?號?|单号|快递|注文番号|再生数|주문번호|조회수|编号|編號)[\s:\uff1a]{0,3}"
    r"|(?:\b|_)id[\"']?\s{0,2}(?:=>|[:=])\s{0,2}[\"']?|<\w{0,20}id>)$",
    re.I,
)
_WEAK_LABEL = re.compile(r"(?:\b(?:no|nr|num|number|nummer|id|n°|nº)[.:# ]{0,3}|[#№]\s?)$", re.I)
_MAGNITUDES = "thousand|million|billion|trillion|mio|mrd|mill|bn|crore|lakh"
_UNIT = re.compile(
    rf"\s?(?:%|‰|°|[$€£¥₹₽₩₺₴₫฿]|(?:{_MAGNITUDES}|views?|hits|plays|streams|downloads|clicks|visits|"
    r"visitors|subs|subscribers?|followers?|likes?|votes?|upvotes|points?|pts|karma|users?|members|"
    r"people|persons|humans|inhabitants|children|deaths|cases|residents|voters|units|copies|pieces|"
    r"times|lines|rows|records|items|entries|files|words|characters|chars|tokens|posts|tweets|"
    r"comments|messages|pages|bytes?|bits|[kmgtp]i?b|kbps|mbps|[kmg]hz|hz|px|pixels|dpi|fps|rpm|"
    r"mm|cm|km|kms|miles?|meters?|metres?|feet|ft|inch(?:es)?|yards|acres|hectares|km2|m2|m²|m³|"
    r"kg|mg|tons?|tonnes|lbs?|pounds?|ounces?|liters?|litres?|gallons?|kwh|mwh|gwh|watts?|volts?|"
    r"joules?|m/s|km/h|calories|kcal|degrees|kelvin|seconds?|secs?|minutes?|mins?|hours?|hrs?|days?|weeks?|"
    r"months?|years?|yrs?|ms|ns|µs|usd|eur|gbp|inr|jpy|cny|rub|brl|cad|aud|chf|sek|nok|dkk|pln|huf|"
    r"krw|idr|vnd|php|ngn|kes|zar|btc|eth|sats?|satoshis?|dollars?|bucks|euros?|cents?|"
    r"rupees?|rs|yen|yuan|rmb|won|pesos?|reais|reales|rubles?|roubles?|zł|kr|ft|lira|"
    r"aufrufe|zuschauer|einwohner|stück|jahre|stunden|minuten|sekunden|tage|menschen|leute|"
    r"vues|abonnés|personnes|habitants|jours|heures|ans|vistas|visitas|seguidores|personas|"
    r"habitantes|días|horas|años|veces|visualizações|inscritos|pessoas|dias|anos|vezes|"
    r"visualizzazioni|iscritti|persone|abitanti|giorni|anni|volte|просмотр\w*|подписчик\w*|человек|"
    r"руб\w*|раз|лет|дней|izlenme|kişi|tl|penayangan|orang|rupiah)(?![\w])|[次回人件円元万億亿个個台](?![\u4e00-\u9fff])|[본원명회])",
    re.I,
)
_CURRENCY_BEFORE = re.compile(
    r"(?:[$€£¥₹₽₩₺₴₫฿]|\b(?:usd|eur|gbp|inr|jpy|cny|rub|brl|cad|aud|chf|rs|idr|rp|krw|ngn|btc|eth))"
    r"[.\s]?$",
    re.I,
)


# A word that says whose number a card's or a social security number is: "card no 4291...".
_CARD_CUE = re.compile(
    r"(?:\b(?:cards?|visa|master ?card|maestro|amex|american express|discover|diners|jcb|unionpay|"
    r"rupay|credit|debit|prepaid|cc|pan|\w*karten?\w*|cartes?|carta|carte|tarjetas?|"
    r"cart(?:ão|ao|ões)|kaart\w*|karta|kart[yęa]|kartı|kort\w*|kartu|thẻ|карт\w*|"
    r"ssn|itin|social(?: security)?|sin|tax ?id|taxpayer)\b"
    r"|카드|カード|卡|कार्ड|بطاق|כרטיס|บัตร)[^\n]{0,24}$",
    re.I,
)


def is_cued(before: str) -> bool:
    """Return whether a text that ends before a number says that it is a phone number."""
    return bool(_CUE.search(before))


def _is_named(seen: Surroundings, before: str) -> bool:
    """Return whether a text that ends before a card or a security number says that it is one."""
    return seen.entity != "PHONE_NUMBER" and bool(_CARD_CUE.search(before))


def _is_cued(seen: Surroundings) -> bool:
    """Return whether the text says that a number is a phone number."""
    begins = seen.content.lstrip("[\uff3b")  # a bracket before it counts as a part of a number
    return begins.startswith(("+", "\uff0b", "(")) or bool(_CUE.search(seen.before))


# What these name is never a phone number, however it is written.
_STRONG_LABEL = re.compile(
    r"\b(?:isbn|issn|ean|upc|barcode|sku|asin|doi|pmid|arxiv|gtin|imei|vin|patent|tracking|serial|"
    r"part|model|population|licen[cs]e|cas|iso(?:/iec)?|rfc|cve|kb)"
    r"(?:[ _-]?(?:10|13|no|nr|num|number|nummer|id|code|key|#|n°|nº|№))?[\s:.#=\"'(-]{0,3}$",
    re.I,
)


# What has as many digits as a card; "no. 4291..." is said of cards too.
_LABEL_OF_LONG_NUMBER = re.compile(
    r"\b(?:order|invoice|article|artikel\w*|item|shipment|parcel|ticket|bestell\w*|rechnung\w*|"
    r"auftrag\w*|sendung\w*|commande|facture|pedido|factura|ordine|fattura|tracking|serial|imei|"
    r"barcode|ean|upc|sku|gtin|timestamp|"
    r"(?:user|channel|chat|msg|message|post|tweet|app|steam) ?id)"
    r"(?:[ _-]?(?:no|nr|n|num|number|nummer|id|code|#|n°|nº|№))?"
    r"(?: (?:is|was|are|=|of|ist|war|est|es))?[\s:.#=\"'(\[]{0,4}\Z",
    re.I,
)
# Each label has one of these in its last characters, and most numbers have none before them.
_LABEL_NEAR = re.compile(r"[^\W\d_]|[#№]")
_LABEL_CHARACTERS = 24


def _is_labelled(seen: Surroundings) -> bool:
    if not _LABEL_NEAR.search(seen.before[-_LABEL_CHARACTERS:]):
        return False
    # Who writes the groups of a card or of a security number, or names it, means one.
    is_grouped = seen.entity != "PHONE_NUMBER" and not seen.content.isdecimal()
    if is_grouped or _is_named(seen, seen.before):
        return False
    if seen.entity == "CREDIT_CARD":
        return bool(_LABEL_OF_LONG_NUMBER.search(seen.before))
    if _STRONG_LABEL.search(seen.before) and not seen.content.startswith("+"):
        return True
    label = _LABEL.search(seen.before)
    if label and not seen.content.startswith("+"):
        # "order 415-555-2671" is a call to order; "order no. 415-555-2671" is not.
        return seen.content.isdecimal() or (
            bool(_WEAK_LABEL.search(seen.before)) and not _is_cued(seen)
        )
    return bool(_WEAK_LABEL.search(seen.before)) and seen.content.isdecimal() and not _is_cued(seen)


# Bare digits, or groups of three.
_COUNT = re.compile(r"\d+|\d{1,3}(?:[ \u00a0\u202f,.]\d{3})+")
_CHINESE_MOBILE = re.compile(r"1[3-9]\d{9}")


def _is_count(seen: Surroundings) -> bool:
    # Nobody counts 123-45-6789 days, nor 0171-2345678 of them.
    if seen.content.startswith(("+", "(", "0")) or not _COUNT.fullmatch(seen.content):
        return False
    unit = _UNIT.match(seen.after)
    if unit and not unit[0].isascii() and _CHINESE_MOBILE.fullmatch(seen.content):
        return False
    is_counted = unit or _CURRENCY_BEFORE.search(seen.before)
    return bool(is_counted) and not _CUE.search(seen.before)


# --- what is written in the number itself --------------------------------------------------------

_YEAR = r"(?:1[5-9]|20|2[1-4])\d\d"
_MONTH = r"(?:0?[1-9]|1[0-2])"
_DAY = r"(?:0?[1-9]|[12]\d|3[01])"
_HOUR = r"(?:[01]?\d|2[0-4])"
_DATE_SEPARATOR = r"[.\-/\u2010-\u2015 ]{1,3}"
_DATE = (
    rf"(?:{_YEAR}{_DATE_SEPARATOR}{_MONTH}{_DATE_SEPARATOR}{_DAY}"
    rf"|{_DAY}{_DATE_SEPARATOR}{_MONTH}{_DATE_SEPARATOR}{_YEAR}"
    rf"|{_MONTH}{_DATE_SEPARATOR}{_DAY}{_DATE_SEPARATOR}{_YEAR}"
    r"|(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])"
    # Without a year, and the hour behind: 03/18 0010.
    r"|(?:0[1-9]|[12]\d|3[01])[./](?:0[1-9]|[12]\d|3[01])(?=[ ,]{1,2}(?:[01]\d|2[0-3])[0-5]\d$))"
)
# The time may be cut by the colon in it, which no phone number contains.
_TIME = rf"{_HOUR}(?:[.\-]?[0-5]\d){{0,2}}"
_DATES = re.compile(
    rf"\(?{_DATE}[)\].]{{0,2}}(?:[ _./\u2010-\u2015T~-]{{1,3}}(?:{_DATE}|{_TIME})[)\].]?){{0,3}}"
)
_DATE_AND_TIME = re.compile(rf"{_DATE}[)\]. T_-]{{1,3}}{_HOUR}[:.][0-5]\d(?:[:.]\d\d)?")
# 30.09.25 12:00, cut by the colon; and Sept 30 2025 1800.
_SHORT_DATE = re.compile(r"\d\d([./-])(?:0[1-9]|1[0-2])\1\d\d,? (?:[01]?\d|2[0-4])")
_MONTH_BEFORE = re.compile(
    r"\b(?:jan|feb|mar|apr|may|jun|jul|aug|sept?|oct|nov|dec)[a-z]{0,6}\.? ?\Z", re.I
)
_DAY_AND_YEAR = re.compile(r"\d{1,2},? (?:19|20)\d\d(?: (?:[01]\d|2[0-4])[0-5]\d)?")
# The same without a separator: 20231012143000.
_TIME_STAMP = re.compile(
    r"(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])[-_ .]?"
    r"(?:[01]\d|2[0-3])[0-5]\d(?:[0-5]\d)?(?:\d{3})?"
)
_YEARS = re.compile(
    rf"\(?{_YEAR}(?:[ .,/\u2010-\u2015-]{{1,3}}{_YEAR})+\)?|\(?{_YEAR}[/\u2010-\u2015-]\d\d\)?"
)
_CLOCK = r"(?:[01]?\d|2[0-4])[.][0-5]\d"
_TIMES = re.compile(rf"{_CLOCK}(?: ?[-\u2013/] ?{_CLOCK})+")
# A range of round numbers: 3000 - 5000.
_ROUND_RANGE = re.compile(r"[1-9]\d{0,4}[05]0 ?[-\u2013] ?[1-9]\d{0,4}[05]0")
# 0400-0700, and 407-437 (2005.
_HOURS = re.compile(r"(?:[01]\d|2[0-4])[0-5][05] ?[-\u2013] ?(?:[01]\d|2[0-4])[0-5][05]")
_PAGES = re.compile(r"\d{1,5} ?[-\u2013] ?\d{1,5},? \((?:1[89]|20)\d\d\)?")
_TWO_YEARS = re.compile(r"(?:1[5-9]|20)\d\d(?:19|20)\d\d")
_DIMENSIONS = re.compile(r"\d{2,5}(?: ?[x\u00d7] ?\d{2,5})+", re.I)


def _is_date(seen: Surroundings) -> bool:
    content = seen.content.strip()
    if _DATES.fullmatch(content):
        has_separator = not content.isdecimal()
        return has_separator or not _is_cued(seen)
    if _TIME_STAMP.fullmatch(content):
        return not _is_cued(seen)
    if _SHORT_DATE.fullmatch(content) and re.match(r":[0-5]\d", seen.after):
        return True
    if _DAY_AND_YEAR.fullmatch(content) and _MONTH_BEFORE.search(seen.before):
        return True
    # "2023.10.12 14:30": the date was cut off in front, or the span begins in the middle of it.
    joined = re.search(r"[\d.\-/ ]{0,12}\Z", seen.before[-12:])
    rest = re.match(r"[\d.:]{0,8}", seen.after)
    whole = f"{joined[0] if joined else ''}{content}{rest[0] if rest else ''}".strip(" .-/:")
    return bool(_DATE_AND_TIME.fullmatch(whole))


def _is_time_or_year_range(seen: Surroundings) -> bool:
    content = seen.content.strip()
    if _TWO_YEARS.fullmatch(content):
        return int(content[:4]) < int(content[4:])
    if _YEARS.fullmatch(content):
        years = [group for group in seen.groups if len(group) == 4]
        return len(years) > 1 or not _is_cued(seen)
    if _ROUND_RANGE.fullmatch(content):
        return int(seen.groups[0]) < int(seen.groups[1])
    if _HOURS.fullmatch(content) and not _is_cued(seen):
        return True
    patterns = (_TIMES, _DIMENSIONS, _PAGES)
    return any(pattern.fullmatch(content) for pattern in patterns)


_WHOLE_PART = re.compile(r"(?<![\d.,])[-\u2212]?\d{1,9}[.,]\Z")
# Of a number with a point or a comma. A list and a date go on behind it.
_FRACTION = re.compile(r"(?:\.\d{1,4}|,\d{1,2})(?!\d|[.,]\d)")
_DEGREES = re.compile(r"\d{1,3} \d{1,2}\.\d{2,6}")


def _is_decimal(seen: Surroundings) -> bool:
    """Return whether the digits are, or follow, a decimal point or comma, or are an exponent."""
    if seen.before.endswith("^"):
        return True
    if seen.entity != "PHONE_NUMBER" and re.match(r"\d[.-]\Z", seen.before[-2:]):
        return True
    if seen.entity == "PHONE_NUMBER" and seen.content.startswith(("+", "(")):
        return False
    if seen.entity == "CREDIT_CARD":
        return bool(re.search(r"(?<![\d.,])[-\u2212]?[01]\.\Z", seen.before))
    if seen.content.isdecimal() and _WHOLE_PART.search(seen.before):
        return not (seen.before.endswith(",") and seen.after.startswith(","))
    if seen.content.isdecimal() and (cents := _FRACTION.match(seen.after)):
        # 1234567.89 and 1234567,89, but not two numbers with a comma between them.
        return cents[0][0] == "." or not seen.before.endswith((",", ";"))
    if _DEGREES.fullmatch(seen.content) and re.search(r"[NSEW] ?\Z", seen.before):
        return True
    whole, _, fraction = seen.content.partition(".")
    if not (whole.isdecimal() and fraction.isdecimal()):
        return False
    return (whole == "0" or whole[0] != "0") and (
        len(whole) < 3 or len(fraction) not in (6, 7, 8) or bool(_is_coordinate(seen))
    )


def _is_coordinate(seen: Surroundings) -> bool:
    """Return whether a decimal number has another one as its neighbour."""
    return bool(
        re.match(r"\s?°?\s?[NSEW]?\s?[,;/]\s?-?\d{1,3}\.\d{3}", seen.after)
        or re.search(r"\d{1,3}\.\d{3,12}°?\s?[NSEW]?\s?[,;/]\s?-?\Z", seen.before)
    )


def _is_epoch(seen: Surroundings) -> bool:
    """Return whether bare digits are a Unix time of 2001 to 2033, in seconds to nanoseconds."""
    is_time = re.fullmatch(r"1\d{9}(?:\d{3}){0,3}", seen.content.strip("()[]"))
    return bool(is_time) and not _CUE.search(seen.before)


_COUNTED = ("01234567890123456789", "98765432109876543210", "1234567891011121314151617")


def _is_sequence(seen: Surroundings) -> bool:
    """Return whether the numbers are counted up or down, or one digit is repeated.

    A card has a valid checksum, also 4242 4242 4242 4242: only one repeated digit is none.
    """
    if seen.entity == "CREDIT_CARD":
        return len(set(seen.digits)) == 1
    numbers = [int(group) for group in seen.groups]
    steps = {abs(b - a) for a, b in pairwise(numbers)}
    if len(numbers) > 3 and len(steps) == 1 and steps <= {1, 2, 5, 10, 100, 1000}:
        return True
    # Four equal groups can be a card: its checksum is valid, or it would be no hit.
    if len(numbers) > 2 and steps == {0} and len(seen.digits) < 13:
        return True
    if len(numbers) > 5 and max(numbers) < 100 and sorted(set(numbers)) == numbers:
        return True  # numbers that were drawn: 5 12 23 34 41 49
    digits = seen.digits
    if set(digits) <= {"0", "1"} or len(set(digits)) == 1:
        return True
    # 01 23 45 67 89 is a French number, and 12 345 67 89 a Polish one.
    is_written = seen.content.isdecimal() or (digits[:1] != "0" and len(digits) > 9)
    return is_written and any(digits in counted for counted in _COUNTED)


def _is_power_of_two(seen: Surroundings) -> bool:
    """Return whether bare digits are a power of two, or one less or more: 2147483647."""
    if not seen.content.isdecimal() or seen.content.startswith("0"):
        return False
    number = int(seen.content)
    return any(each & (each - 1) == 0 for each in (number - 1, number, number + 1))


_FILE_AFTER = re.compile(
    r"(?:[-_.][\w-]{1,20}){0,2}\.(?:log|txt|jpe?g|png|gif|webp|svg|bmp|mp[34]|mov|avi|mkv|wav|flac|pdf|docx?|"
    r"xlsx?|pptx?|csv|tsv|json|xml|html?|php|js|css|py|java|c|cpp|h|rb|go|rs|zip|gz|tar|rar|7z|exe|"
    r"dll|md|ya?ml|sql|db|bak|tmp|iso|bin|dat|ini|cfg)\b",
    re.I,
)
_PATH_BEFORE = re.compile(r"(?:[A-Za-z]:|[\w.~-])?[/\\](?:[\w.-]{1,60}[/\\]){1,10}[\w-]{0,40}\Z")


_KIND_BEFORE = re.compile(
    r"\b(?:articles?|posts?|items?|threads?|topics?|users?|ids?|status|questions?|answers?|products?|"
    r"videos?|photos?|stories|story|issues?|pull|comments?|news|node|pages?)/\Z",
    re.I,
)


def _is_file(seen: Surroundings) -> bool:
    """Return whether the digits are the name of a file, or a part of a path."""
    if _FILE_AFTER.match(seen.after):
        return True
    is_path = seen.content.isdecimal() and (
        _PATH_BEFORE.search(seen.before) or _KIND_BEFORE.search(seen.before)
    )
    if _is_named(seen, seen.before):
        return False
    return bool(is_path) and not _PHONE_IN_URL.search(seen.before)


_ASSIGNED_BEFORE = re.compile(r"\b(\w+)[\])]?\s?(?:[=!<>:]=|=|<|>)=?\s?[\"']?\Z")
_ASSIGNED_AFTER = re.compile(r"[\"']?\s?(?:[;)\],]|&&|\|\||AND\b|OR\b|$)")
_CALLED_SO = re.compile(
    r"tel|phone|mob|cell|num|call|contact|fax|whats|wa|sms|msisdn|text|ssn|social", re.I
)


def _is_assigned(seen: Surroundings) -> bool:
    """Return whether bare digits are compared with or assigned to a variable of a program."""
    if not seen.content.isdecimal():
        return False
    name = _ASSIGNED_BEFORE.search(seen.before)
    return (
        name is not None
        and not _CALLED_SO.search(name[1])
        and bool(_ASSIGNED_AFTER.match(seen.after))
    )


def _is_bare_in_code(seen: Surroundings) -> bool:
    is_bare = seen.content.strip("()[]").isdecimal()
    return seen.in_code and is_bare and not _CUE.search(seen.before)


def _is_round(seen: Surroundings) -> bool:
    content = seen.content
    return content.isdecimal() and content[0] != "0" and content.endswith("000000")


def _is_short_groups(seen: Surroundings) -> bool:
    """Return whether the groups are too many or too short for a phone number: 3 1 4 10 2."""
    groups = seen.groups
    if seen.content.startswith("+") or _is_cued(seen):
        return False
    sizes = {len(group) for group in groups}
    singles = sum(len(group) == 1 for group in groups)
    return len(groups) > 4 and len(sizes) > 1 and (sizes == {1, 2} or singles * 2 >= len(groups))


def _is_isbn(seen: Surroundings) -> bool:
    digits = seen.digits
    if len(digits) != 13 or not digits.startswith(("978", "979")):
        return False
    total = sum(int(digit) * (3 if at % 2 else 1) for at, digit in enumerate(digits))
    return total % 10 == 0


_WORD_SIGNS = f"{string.digits}{string.ascii_letters}-"


def _is_in_hex(seen: Surroundings) -> bool:
    """Return whether the span is part of a hash, a UUID or another word of digits and letters."""
    head = seen.before[len(seen.before.rstrip(_WORD_SIGNS)) :][-64:]
    tail = seen.after[: len(seen.after) - len(seen.after.lstrip(_WORD_SIGNS))][:64]
    token = f"{head}{seen.content}{tail}"
    if re.fullmatch(
        r"\{?[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\}?", token, re.I
    ):
        return True
    if re.fullmatch(r"0x[0-9a-f]+", token, re.I):
        return True
    joined = re.fullmatch(r"[0-9a-f]{16,}", token, re.I)
    return bool(joined and re.search("[a-f]", token, re.I))


# --- versions -------------------------------------------------------------------------------------

# No word for a computer ends here: server/9.2.3.4 and host-9.2.3.4 are addresses.
_HOST_WORDS = "ip host server addr address proxy gateway dns client peer"
_NO_HOST = "".join(f"(?<!{word})" for word in _HOST_WORDS.split())
_VERSION_BEFORE = re.compile(
    r"(?:\b(?:v|ver|vers|version|api|tag|changelog|sdk|versions|versión|versão|versione|release|rel|build|firmware|fw|"
    r"revision|rev|patch|update|upgrade|upgraded|upgrading|downgraded?|driver|kernel|assembly|"
    r"section|sec|chapter|clause|figure|fig|table|step|appendix|paragraph|rule|oid|"
    r"chrome|chromium|firefox|safari|opera|edge|ie|skype|itunes|flash|java|jdk|jre|python|ruby|php|"
    r"perl|mysql|mariadb|postgres\w*|oracle|sqlite|openssl|openssh|nginx|apache|tomcat|iis|jquery|"
    r"rails|django|spring|hibernate|android|ios|macos|windows|ubuntu|debian|fedora|centos|linux|"
    r"dotnet|\.net|framework|visual studio|xcode|gcc|clang|cmake|maven|gradle|npm|node|electron|"
    r"unity|unreal|directx|opengl|nuget|gem|pip|wordpress|drupal|joomla|magento|docker|kubernetes)"
    r"(?:(?: version| number| to| from| is| was|:|=|\s|[\"'(,.])){0,3}"
    r"|§\s?|(?:==|>=|<=|~>|\^|~=)\s?"
    r"|(?<![/.\w])[A-Z][A-Za-z]{2,20}" + _NO_HOST + r"/|[A-Za-z]" + _NO_HOST + r"-)\Z",
    re.I,
)
_VERSION_NEAR = re.compile(
    r"(?:version[\"'>)\]]{0,2}\s?[:=(<>,]{0,2}\s?[\"'(<]{0,2}|\.(?:so|dll|dylib)\.|"
    r"\b[a-z]\w{0,40}(?:\.\w{1,40}){1,5}:[\w.-]{1,60}:|"
    r"\bgem\s+[\"'][\w-]+[\"'],\s?[\"'][~>=< ]{0,4}|"
    r"\b(?:upgrad|updat|downgrad|migrat|bump)\w*[^\n]{0,40}(?:from|to|and|or|->|=>|,|-)\s)\Z",
    re.I,
)
_VERSION_AFTER = re.compile(
    r"\.\d|[-+~_](?:alpha|beta|rc|pre|dev|snapshot|release|final|ubuntu|deb|dfsg|el\d|fc\d|build|"
    r"hotfix|patch|\d{1,2}(?:ubuntu|deb|build|\.el|\.fc)|r\d|p\d|win|x86|x64|linux|amd64|arm)|"
    r"(?:alpha|beta|rc|b|a)\d|\s(?:release[ds]?|version|update|patch|build|beta|is out)\b|"
    r"(?:[-.][A-Za-z0-9]{1,12}){0,3}\.(?:tar|tgz|zip|jar|war|whl|gem|deb|rpm|"
    r"exe|msi|dll|so|nupkg|apk|ipa|dmg|pkg|js|css|gz|bz2|xz|7z|egg)\b",
    re.I,
)


# What ends in a way that one of the patterns needs, or has a word of one, is looked at closely.
_VERSION_END = re.compile(r"[^\W\d_]|[=<>~^§]")
_VERSION_WORDS = ("version", ".so.", ".dll.", ".dylib.", "gem", "grad", "updat", "migrat", "bump")


def _is_after_version(before: str) -> bool:
    return bool(_VERSION_END.search(before[-4:]) and _VERSION_BEFORE.search(before))


def _is_near_version(before: str) -> bool:
    folded = before.casefold()
    has_sign = before.endswith(":") or any(word in folded for word in _VERSION_WORDS)
    return has_sign and bool(_VERSION_NEAR.search(before))


# A port, or what only a computer is.
_AFTER_ADDRESS = re.compile(
    r":[0-9]{2,5}(?![0-9.])|"
    r"\s(?:is|was|went|goes) (?:now )?(?:down|up|offline|online|unreachable)\b"
)


def _is_version(seen: Surroundings) -> bool:
    if ":" in seen.content:
        return False
    if re.search(r"\d\.\Z", seen.before) or _VERSION_AFTER.match(seen.after):
        return True
    if re.search(r"://\Z", seen.before) or _AFTER_ADDRESS.match(seen.after):
        return False
    return _is_after_version(seen.before) or _is_near_version(seen.before)


def _is_dotted_version(seen: Surroundings) -> bool:
    """Return whether a "phone number" is a version of four parts or more: 10.0.19041.1234."""
    if not re.fullmatch(r"\d{1,5}(?:\.\d{1,6}){2,}", seen.content):
        return False
    groups = seen.groups
    if [len(group) for group in groups] == [1, 3, 3, 2, 2]:
        return False  # 8.912.345.67.89: a Russian number
    if seen.content[0] == "0" or len({len(group) for group in groups[1:]}) == 1:
        return _is_after_version(seen.before)
    return len(groups) > 3 or _is_after_version(seen.before)


_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_GLOBAL = ipaddress.ip_network("2000::/3")


def _is_no_global_ipv6(seen: Surroundings) -> bool:
    """Return whether an IPv6 address is outside of 2000::/3: A::B is a name of C++, Perl or Ruby.

    No other range is given to hosts. An IPv4 address inside an IPv6 address is judged elsewhere.
    """
    if ":" not in seen.content:
        return False
    address = ipaddress.ip_address(seen.content.split("/")[0].split("%")[0])
    if not isinstance(address, ipaddress.IPv6Address) or address.ipv4_mapped:
        return False
    return address not in _NAT64 and address not in _GLOBAL


def _is_in_hex_pairs(seen: Surroundings) -> bool:
    """Return whether a MAC address is a part of a longer row of bytes: a fingerprint, a dump."""
    return bool(
        re.search(r"(?<![A-Za-z0-9])[0-9A-Fa-f]{2}[:.-]\Z", seen.before)
        or re.match(r"[:.-][0-9A-Fa-f]{2}(?![A-Za-z0-9])", seen.after)
    )


_IMAGE_AT_SCALE = re.compile(r"@[1-4]x\.(?:png|jpe?g|gif|webp|svg|css|js)\b", re.I)


def _is_page(seen: Surroundings) -> bool:
    """Return whether an "e-mail address" is of a page with an @, or a file: icon@2x.png."""
    local, _, domain = seen.content.partition("@")
    return local.endswith("/") or bool(_IMAGE_AT_SCALE.match(f"@{domain}{seen.after}"))


_AT_A_POINT = re.compile(
    r"\bat [\w-]{1,40} point (?!(?:com|net|org|info|fr|be|ch|ca|eu|lu|re|edu|gouv|co|io)\b)\w",
    re.I,
)


def _is_at_a_point(seen: Surroundings) -> bool:
    """Return whether a spelled "address" is English: guess at this point is.

    "point" is the French word for the dot.
    """
    return bool(_AT_A_POINT.search(seen.content))


def _is_repository(seen: Surroundings) -> bool:
    """Return whether an e-mail address is the user that a repository is cloned as."""
    return bool(
        re.fullmatch(r"(?:git|hg|svn)@[\w.-]+", seen.content, re.I)
        and re.match(r"[:/]", seen.after)
    )


RULES = (
    Veto("id_in_url", _NUMBERS, _is_id_in_url),
    Veto("date", _NUMBERS, _is_date),
    Veto("time_or_year_range", _NUMBERS, _is_time_or_year_range),
    Veto("decimal", _NUMBERS, _is_decimal),
    Veto("epoch", ("PHONE_NUMBER",), _is_epoch),
    Veto("sequence", _NUMBERS, _is_sequence),
    Veto("power_of_two", ("PHONE_NUMBER",), _is_power_of_two),
    Veto("file", _NUMBERS, _is_file),
    Veto("assigned", ("PHONE_NUMBER", "US_SSN"), _is_assigned),
    Veto("code", ("PHONE_NUMBER", "US_SSN"), _is_bare_in_code),
    Veto("round", ("PHONE_NUMBER",), _is_round),
    Veto("short_groups", ("PHONE_NUMBER",), _is_short_groups),
    Veto("isbn", _NUMBERS, _is_isbn),
    Veto("label", _NUMBERS, _is_labelled),
    # Not of cards: few numbers of so many digits are counts, and most of these fail the checksum.
    Veto("count", ("PHONE_NUMBER", "US_SSN"), _is_count),
    Veto("hex", (*_NUMBERS, "IP_ADDRESS"), _is_in_hex),
    Veto("dotted_version", ("PHONE_NUMBER",), _is_dotted_version),
    Veto("version", ("IP_ADDRESS",), _is_version),
    Veto("no_global_ipv6", ("IP_ADDRESS",), _is_no_global_ipv6),
    Veto("hex_pairs", ("MAC_ADDRESS",), _is_in_hex_pairs),
    Veto("repository", ("EMAIL_ADDRESS",), _is_repository),
    Veto("page", ("EMAIL_ADDRESS",), _is_page),
    Veto("at_a_point", ("EMAIL_ADDRESS",), _is_at_a_point),
)
_RULES_BY_ENTITY = {
    entity: tuple(rule for rule in RULES if entity in rule.entities)
    for entity in {entity for rule in RULES for entity in rule.entities}
}
