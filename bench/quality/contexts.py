"""Write a contact detail as posts do: scripts, markup, punctuation, casing, words and links."""

from __future__ import annotations

import html
import random
import re
import unicodedata
from collections.abc import Callable
from typing import NamedTuple
from urllib.parse import quote, quote_plus, unquote

from bench.quality.invented_details import Detail, make_name, make_phone

#: Returns the text of a post with the detail; None where nobody would write it so.
Write = Callable[[Detail, str, random.Random], "str | None"]


class Context(NamedTuple):
    """A way to write a detail: its group, its name, and the function that writes it."""

    group: str
    name: str
    write: Write


#: Numbers, of which a reader sees the ends also between letters.
_NUMBERS = ("PHONE_NUMBER", "IP_ADDRESS", "CREDIT_CARD", "US_SSN")
_NAMES = ("HANDLE", "PAGE")
_AT_SIGNS = ("EMAIL_ADDRESS", "HANDLE")
#: Details that are the same in another letter case.
_ANY_CASE = ("EMAIL_ADDRESS", "IP_ADDRESS", "IBAN_CODE", "MAC_ADDRESS", "HANDLE")


def _around(template: str) -> Write:
    return lambda detail, entity, rng: template.format(detail.text)


#: What a detail is called by who gives it; a rule must not take the words around it for a label
#: that makes of a number no contact data.
_CALLED = {
    "EMAIL_ADDRESS": ("email", "mail", "e-mail address"),
    "PHONE_NUMBER": ("phone", "mobile", "tel", "whatsapp"),
    "IP_ADDRESS": ("ip", "ip address", "server"),
    "CREDIT_CARD": ("card", "credit card", "visa", "cc"),
    "IBAN_CODE": ("iban", "account"),
    "BITCOIN": ("wallet", "btc"),
    "WALLET": ("wallet", "xmr"),
    "US_SSN": ("ssn", "social security"),
    "MAC_ADDRESS": ("mac", "device"),
}


def _called(template: str) -> Write:
    """Return a context in which the detail, ``{d}``, is called by its name, ``{w}``."""

    def write(detail: Detail, entity: str, rng: random.Random) -> str | None:
        words = _CALLED.get(entity)
        return template.format(w=rng.choice(words), d=detail.text) if words else None

    return write


def _unless(write: Write, *entities: str) -> Write:
    return lambda detail, entity, rng: None if entity in entities else write(detail, entity, rng)


def _unless_colons(write: Write) -> Write:
    """Return the context for details without colons: next to one, they have no clear end."""
    return lambda detail, entity, rng: (
        None if ":" in detail.text and entity != "PAGE" else write(detail, entity, rng)
    )


def _only(write: Write, *entities: str) -> Write:
    return lambda detail, entity, rng: write(detail, entity, rng) if entity in entities else None


def _change(template: str, change: Callable[[str], str]) -> Write:
    """Return a context that changes characters of the detail; None where nothing changes."""

    def write(detail: Detail, entity: str, rng: random.Random) -> str | None:
        changed = change(detail.text)
        return None if changed == detail.text else template.format(changed)

    return write


def _insert(*characters: str) -> Write:
    """Return a context with invisible characters at two positions inside of the detail."""

    def write(detail: Detail, entity: str, rng: random.Random) -> str | None:
        text = detail.text
        if entity == "PAGE":
            return None  # a link with an invisible character in it opens nothing
        for _ in range(2):
            at = rng.randrange(1, len(text))
            text = text[:at] + rng.choice(characters) + text[at:]
        return f"you find me here {text} any time"

    return write


def _entities(form: str) -> Callable[[str], str]:
    def encode(text: str) -> str:
        marks = {each for each in text if not each.isalnum()} - {" ", "/"} or {text[0]}
        return "".join(form.format(ord(each)) if each in marks else each for each in text)

    return encode


def _escape_markdown(text: str) -> str:
    return "".join(f"\\{each}" if each in "_.-+#()[]" else each for each in text)


def _full_width(text: str) -> str:
    return "".join(chr(ord(each) + 0xFEE0) if "!" <= each <= "~" else each for each in text)


def _full_width_digits(text: str) -> str:
    return "".join(_full_width(each) if each.isdigit() else each for each in text)


def _spaces(space: str) -> Callable[[str], str]:
    return lambda text: text.replace(" ", space)


def _parameter(encode: Callable[[str], str]) -> Write:
    def write(detail: Detail, entity: str, rng: random.Random) -> str | None:
        # Bare digits in a URL are an id of something; a number with a plus is a phone.
        if entity == "PAGE" or (entity == "PHONE_NUMBER" and not detail.text.startswith("+")):
            return None
        return f"https://shop.beeswax.test/unsub?e={encode(detail.text)}&page=2"

    return write


def _raw_parameter(text: str) -> str:
    return text if " " not in text else quote_plus(text)


_SCRIPTS = {
    "han": "我的联系方式是{}谢谢你",
    "hiragana": "れんらくは{}までおねがい",
    "katakana": "メール{}デス",
    "hangul": "연락처는{}로 연락 주세요",
    "thai": "ติดต่อ{}ครับ",
    "lao": "ຕິດຕໍ່{}ເດີ",
    "khmer": "ទាក់ទង{}បាន",
    "cyrillic": "пиши{}сюда",
    "greek": "γράψε{}εδώ",
    "devanagari": "ईमेल{}पर",
    "bengali": "ইমেইল{}এ",
    "tamil": "தொடர்பு{}க்கு",
    "arabic": "راسلني{}شكرا",
    "hebrew": "כתבו{}תודה",
    "armenian": "գրիր{}այստեղ",
    "georgian": "მომწერე{}აქ",
    "amharic": "ጻፍልኝ{}እዚህ",
    "emoji": "reach me 📧{}📞 any time",
}
_MARKUP = {
    "italics": "please use _{}_ for this",
    "bold": "please use **{}** for this",
    "bold italics": "please use **_{}_** for this",
    "underlined": "please use __{}__ for this",
    "struck out": "not ~~{}~~ any more",
    "spoiler": "guess: ||{}|| or >!nothing!<",
    "link text": "see [{}](https://beeswax.test/contact) for more",
    "table": "| who | what |\n|---|---|\n|me|{}|",
    "quote": "> {}\n\nthat is what was said",
    "list": "* one\n* {}\n* two",
    "HTML tag": "<p>so it is <b>{}</b> now</p>",
    "JSON": '{{"name": "rosa", "contact": "{}", "n": 1}}',
    "CSV": "rosa,{},yes",
    "CSV of numbers": "7,{},34",
    "semicolons": "7;{};34",
}
_PUNCTUATION = {
    "words": "you can find me at {} or in the garden",
    "start": "{} is where I am",
    "end": "this is where I am: {}",
    "alone": "{}",
    "parentheses": "it is mine ({}), so ask",
    "brackets": "it is mine [{}], so ask",
    "angle brackets": "Rosa Finch <{}> said so",
    "CJK brackets": "これ「{}」です",
    "full-width brackets": "联系（{}）谢谢",
    "quotes": 'they wrote "{}" on it',
    "curly quotes": "they wrote “{}” on it",
    "guillemets": "on a mis «{}» dessus",
    "equals": "contact={};next",
    "comma": "one,{},two",
    "full stop": "It is {}. Thanks",
    "exclamation": "use {}! now",
    "question": "is it {}?",
    "ellipsis": "it was…{}…ok",
    "dashes": "this—{}—is it",
    "bar": "me|{}|you",
    "line breaks": "first\n{}\nlast",
    "tabs": "name\t{}\tyes",
    "NBSP around": "at\u00a0{}\u00a0or",
    "ideographic space": "邮箱\u3000{}\u3000谢谢",
    "direction marks": "me \u200e\u2066{}\u2069\u200f there",
}
_LABELS = {
    "no": "my {w} no {d} is new",
    "no.": "{w} no. {d}",
    "nr.": "{w} nr. {d}, thanks",
    "number": "the {w} number: {d}",
    "number is": "the {w} number is {d}",
    "hash sign": "{w} #{d}",
    "id": "{w} id: {d}",
    "code": "{w} code {d}",
    "value": "{w} = {d}",
    "JSON": '{{"{w}": "{d}"}}',
    "count": "{w} {d} people asked",
    "days": "it was {w} {d} days ago",
    "path": "{w}/{d}",
    "hyphen": "{w}-{d}",
}

CONTEXTS: tuple[Context, ...] = (
    *(Context("scripts", name, _around(text)) for name, text in _SCRIPTS.items()),
    *(Context("markup", name, _around(text)) for name, text in _MARKUP.items()),
    Context("punctuation", "colon", _unless_colons(_around("contact:{} thanks"))),
    # In code an @word is a decorator.
    Context("markup", "inline code", _unless(_around("set `{}` there"), *_NAMES)),
    Context("markup", "HTML entities", _unless(_change("mail {} now", _entities("&#{};")), "PAGE")),
    Context("markup", "hex entities", _unless(
        _change("mail {} now", _entities("&#x{:x};")), "PAGE")),
    Context("markup", "named entities", _only(
        _change("mail {} now", lambda text: text.replace("@", "&commat;")), *_AT_SIGNS)),
    Context("markup", "markdown escapes", _unless(_change("ask {} now", _escape_markdown), "PAGE")),
    # A handle behind an escape that is no parameter's: nobody writes so.
    Context("markup", "line breaks, encoded", _unless(_around("text=%0A{}%0D%0A"), "HANDLE")),
    Context("markup", "parameter, encoded", _parameter(lambda text: quote(text, safe=""))),
    Context("markup", "parameter, plus", _parameter(quote_plus)),
    Context("markup", "parameter, plain", _parameter(_raw_parameter)),
    *(Context("punctuation", name, _around(text)) for name, text in _PUNCTUATION.items()),
    Context("characters", "full-width", _unless(_change("请写信 {} 谢谢", _full_width), "PAGE")),
    Context("characters", "full-width digits", _unless(
        _change("mail {} now", _full_width_digits), "PAGE")),
    Context("characters", "full-width @", _only(
        _change("mail {} now", lambda text: text.replace("@", "\uff20")), *_AT_SIGNS)),
    Context("characters", "small @", _only(
        _change("mail {} now", lambda text: text.replace("@", "\ufe6b")), *_AT_SIGNS)),
    Context("characters", "Arabic digits", _only(
        _change("هاتف {} شكرا", lambda text: text.translate(
            {ord("0") + n: 0x0660 + n for n in range(10)})), "PHONE_NUMBER")),
    Context("characters", "NBSP", _change("it is {} now", _spaces("\u00a0"))),
    Context("characters", "narrow NBSP", _change("it is {} now", _spaces("\u202f"))),
    Context("characters", "thin spaces", _change("it is {} now", _spaces("\u2009"))),
    Context("characters", "figure spaces", _change("it is {} now", _spaces("\u2007"))),
    Context("characters", "hard hyphens", _unless(
        _change("it is {} now", lambda text: text.replace("-", "\u2011")), *_NAMES)),
    Context("characters", "en dashes", _only(
        _change("it is {} now", lambda text: text.replace("-", "\u2013")),
        "PHONE_NUMBER", "CREDIT_CARD", "US_SSN")),
    Context("characters", "soft hyphens", _insert("\u00ad")),
    Context("characters", "zero width", _insert("\u200b", "\u200c", "\u200d", "\u2060", "\ufeff")),
    Context("characters", "direction marks in it", _insert("\u200e", "\u200f", "\u202a", "\u202c")),
    Context("characters", "variation selectors", _insert("\ufe0e", "\ufe0f")),
    Context("characters", "grapheme joiners", _insert("\u034f")),
    *(Context("labels", name, _called(text)) for name, text in _LABELS.items()),
    Context("casing", "upper", _only(_change("MAIL {} NOW", str.upper), *_ANY_CASE)),
    Context("casing", "lower", _only(_change("mail {} now", str.lower), *_ANY_CASE)),
    Context("casing", "title", _only(_change("Mail {} Now", str.title), "EMAIL_ADDRESS", "HANDLE")),
    Context("glued", "mail_x_now", _unless(_around("mail_{}_now"), "HANDLE", "SECRET")),
    Context("glued", "xThanks", _only(_around("{}Thanks"), "EMAIL_ADDRESS", *_NUMBERS)),
    Context("glued", "Callxnow", _only(_around("Call{}now"), *_NUMBERS)),
    Context("glued", "xiin", _only(_around("{}iin yazdim"), "EMAIL_ADDRESS")),
)  # fmt: skip


# --------------------------------------------------------------------------- spoken, links, phrases


class Phrase(NamedTuple):
    """A form with a detail of its own: its group, its name, and what makes text and detail."""

    group: str
    name: str
    make: Callable[[random.Random], tuple[str, Detail]]


def _spoken(template: str) -> Callable[[random.Random], tuple[str, Detail]]:
    """Return a maker of an address in words: ``{n}`` its name, ``{d}`` its domain, ``{s}`` .com."""

    def make(rng: random.Random) -> tuple[str, Detail]:
        name, domain = make_name(rng), make_name(rng)
        suffix = rng.choice(("com", "org", "net", "de", "fr"))
        text = template.format(n=name, d=domain, s=suffix)
        return text, Detail(f"{name}@{domain}.{suffix}", (name, domain))

    return make


def _by_name(template: str, platform: str = "x") -> Callable[[random.Random], tuple[str, Detail]]:
    def make(rng: random.Random) -> tuple[str, Detail]:
        first, last = make_name(rng, 5, 7), make_name(rng, 5, 7)
        name = rng.choice((f"{first}_{last}", f"{first}{rng.randrange(10, 99)}", f"{first}.{last}"))
        return template.format(name), Detail(name, (first,), platform)

    return make


def _by_number(template: str, plus: str = "+") -> Callable[[random.Random], tuple[str, Detail]]:
    def make(rng: random.Random) -> tuple[str, Detail]:
        number = ""
        while not number.startswith("+"):
            number = make_phone(rng)
        digits = "".join(filter(str.isdigit, number))
        return template.format(plus + digits), Detail(digits, (digits,))

    return make


_SPOKEN = (
    "write to {n} at {d} dot {s} please", "write to {n} AT {d} DOT {s} please",
    "{n}[at]{d}.{s}", "{n} [at] {d} [dot] {s} is mine", "mine is {n}(at){d}(dot){s}",
    "mine is {n} (at) {d}.{s}", "{n} {{at}} {d} {{dot}} {s}", "{n}<at>{d}<dot>{s}",
    "use {n} @ {d} . {s} for that", "use {n} @ {d} dot {s}", "{n}@{d} dot {s}",
    "escribe a {n} arroba {d} punto {s}", "schreib an {n} (ät) {d} punkt {s}",
    "{n} arobase {d} point {s}", "{n}_at_{d}_dot_{s}", "{n} [AT] {d} [DOT] {s}",
    "{n} -at- {d} -dot- {s}", "{n}@{d}[.]{s}", "{n}@{d}(dot){s}",
    "{n} chiocciola {d} punto {s}",
)  # fmt: skip
_LINKS = (
    ("wa.me", _by_number("write https://wa.me/{}", "")),
    ("wa.me, plus", _by_number("write wa.me/{} now")),
    ("api.whatsapp.com", _by_number("https://api.whatsapp.com/send?phone={}&text=hi", "")),
    ("whatsapp://", _by_number("whatsapp://send?phone={}")),
    ("tel:", _by_number("<a href='tel:{}'>call</a>")),
    ("sms:", _by_number("sms:{}?body=hi")),
    ("callto:", _by_number("callto:{}")),
    ("facetime:", _by_number("facetime:{}")),
    ("viber://", _by_number("viber://chat?number=%2B{}", "")),
    ("viber.click", _by_number("https://viber.click/{} is mine", "")),
    ("signal.me", _by_number("https://signal.me/#p/{}")),
    ("t.me, number", _by_number("https://t.me/{}")),
    ("tg://, number", _by_number("tg://resolve?phone={}", "")),
    ("imo.im", _by_number("https://call.imo.im/{}", "")),
    ("t.me", _by_name("t.me/{}")),
    ("tg://", _by_name("tg://resolve?domain={}&start=1")),
    ("skype:", _by_name("skype:{}?call")),
    ("xmpp:", _by_name("xmpp:{}@jabber.example")),
    ("m.me", _by_name("https://m.me/{}")),
    ("ig.me", _by_name("https://ig.me/m/{}")),
    ("line.me", _by_name("https://line.me/ti/p/~{}")),
    ("kik.me", _by_name("https://kik.me/{}")),
    ("snapchat.com", _by_name("https://www.snapchat.com/add/{}")),
    ("weixin://", _by_name("weixin://dl/chat?{}")),
    ("matrix.to", _by_name("https://matrix.to/#/@{}:matrix.org")),
    ("matrix", _by_name("find me as @{}:matrix.org")),
)  # fmt: skip
_PHRASES = (
    "snap: {}", "my snap is {} add me", "add me on snapchat {}", "sc: {}", "snapchat - {}",
    "add me on telegram {}", "telegram: {}", "tg: {}", "my telegram is {}", "telegram id {}",
    "my insta is {}", "ig: {}", "IG - {}", "follow me on instagram: {}", "insta {} if you like",
    "kik: {}", "kik me at {}", "my kik is {}", "discord: {}", "my discord is {}",
    "add me on discord {}", "discord name: {}", "skype: {}", "my skype id is {}",
    "line id: {}", "LINE ID {}", "wechat: {}", "my wechat id is {}", "微信：{}", "vk: {}",
    "wire: {}", "my twitter is {}", "twitter: {}", "dm me on twitter {}", "my tiktok is {}",
    "psn: {}", "my gamertag is {}", "steam: {}", "battlenet: {}", "find me on facebook as {}",
    "my reddit username is {}", "hmu on snap {}", "message me on kik, {}", "whatsapp: {}",
    "viber: {}", "cashapp: ${}", "venmo: {}", "paypal: {}",
)  # fmt: skip

PHRASES: tuple[Phrase, ...] = (
    *(Phrase("spoken", text, _spoken(text)) for text in _SPOKEN),
    *(Phrase("messenger links", name, make) for name, make in _LINKS),
    *(Phrase("contact phrases", text, _by_name(text)) for text in _PHRASES),
)


# --------------------------------------------------------------------------- what remains


_PART = 4  # letters or digits in a row that identify
_REPLACEMENT = re.compile(r"<[A-Z][A-Z_]*(?:_[a-p]{12})?>")


def _squeeze(text: str) -> str:
    """Return the ASCII letters and digits that a reader sees in a text, without what is between."""
    seen = unquote(html.unescape(text))
    digits = {ord(each): unicodedata.digit(each) for each in set(seen) if each.isdecimal()}
    folded = unicodedata.normalize("NFKC", seen.translate({c: str(d) for c, d in digits.items()}))
    return "".join(each for each in folded.casefold() if each.isascii() and each.isalnum())


def _list_parts(letters: str) -> set[str]:
    return {letters[at : at + _PART] for at in range(len(letters) - _PART + 1)}


def is_left(detail: Detail, before: str, after: str) -> bool:
    """Return whether ``after`` still contains four letters or digits in a row of the detail.

    Marks between the letters do not count, however they are encoded. What the text contains beside
    the detail, such as the name of a host, is no part of it.
    """
    written = [_squeeze(part) for part in detail.identifying]
    around = _squeeze(before)
    for part in sorted(written, key=len, reverse=True):
        around = around.replace(part, " ")
    parts = {part for each in written for part in _list_parts(each)}
    for each in around.split(" "):
        parts -= _list_parts(each)
    pieces = (_squeeze(piece) for piece in _REPLACEMENT.split(after))
    return any(part in piece for piece in pieces for part in parts)
