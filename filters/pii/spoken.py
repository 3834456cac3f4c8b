"""Find e-mail addresses that are spelled out: "anna at example dot org", "anna [at] example.org".

An address is sure if a sign of it is set off ("[at]", "(dot)", "_at_"), is the field's word in
another language ("arroba", "punkt"), or stands alone ("anna @ example . org"). A bare "at" is an
ordinary word, so it needs a spelled dot and a word before it that is none of the usual ones ("look
at example dot com"), or a mailbox of a large provider ("anna at gmail.com"). After an @, such a
mailbox is one however the rest is written: "anna@gmail,com", "anna@gmail".
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

import polars as pl

_AT_WORDS = (
    "at|arroba|arobase|arrobase|chiocciola|ät|klammeraffe|apenstaartje|snabel-?a|małpa|malpa|kukac|"
    "zavináč|zavinac|собака|собачка|αt|παπάκι|שטרודל|골뱅이|アットマーク|アット|艾特"
)
_DOT_WORDS = (
    "dot|d0t|punkt|punto|ponto|point|punt|prik|nokta|kropka|tečka|tecka|bodka|piste|точка|тчк|"
    "τελεία|נקודה|ドット|닷|점|点|點"
)
_OPEN, _CLOSE = r"[\[({<*_~|-]{1,3}[ ]?", r"[ ]?[\])}>*_~|-]{1,3}"

# Each group says how sure the sign is: set off, a foreign word, the word "at", the sign itself.
_AT = re.compile(
    rf"[ ]{{0,2}}{_OPEN}(?P<bracketed>{_AT_WORDS}|@|a){_CLOSE}[ ]{{0,2}}"
    rf"|[ ]{{1,2}}(?P<word>{_AT_WORDS})[ ]{{1,2}}"
    r"|[ ]{0,2}(?P<sign>@)[ ]{0,2}",
    re.I,
)
_DOT = re.compile(
    rf"[ ]{{0,2}}{_OPEN}(?P<bracketed>{_DOT_WORDS}|\.){_CLOSE}[ ]{{0,2}}"
    rf"|[ ]{{1,2}}(?P<word>{_DOT_WORDS})[ ]{{1,2}}"
    r"|(?P<spaced>[ ]{1,2}\.[ ]{1,2})"
    r"|(?P<sign>\.)",
    re.I,
)
_LABEL = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?")
_MAX_LABELS = 5
# "annaATexampleDOTorg"
_CAPITALS = re.compile(
    r"(?<![A-Za-z0-9._+-])[a-z0-9._+-]{2,64}(?:AT|@)[a-z0-9-]{2,63}DOT(?P<suffix>[a-z]{2,10})(?![A-Za-z])"
)
# The words before an "at", back from it: a name, or names joined by spelled marks.
_JOINS = (
    rf"(?:[ ]?[\[({{<][ ]?(?:{_DOT_WORDS}|\.)[ ]?[\])}}>][ ]?|[ ](?:{_DOT_WORDS}|underscore|"
    r"unterstrich|guion bajo|guión bajo|tiret du bas|hyphen|dash|bindestrich|minus|plus)[ ])"
)
_NAME = "[A-Za-z0-9\u00c0-\u024f_][A-Za-z0-9\u00c0-\u024f._+-]{0,63}"
_LOCAL = re.compile(rf"(?<![A-Za-z0-9\u00c0-\u024f._+-])(?:{_NAME}{_JOINS}){{0,3}}{_NAME}\Z", re.I)
_LOCAL_CHARACTERS = 120
_MAILBOX = re.compile(rf"(?<![A-Za-z0-9\u00c0-\u024f._+-]){_NAME}\Z")

_PROVIDERS_LIST = (
    "126 163 abv alice aol arcor att azet bellsouth bk bol btinternet centrum comcast cox daum "
    "disroot duck fastmail foxmail free freenet globo gmail gmx googlemail hanmail hey hotmail "
    "hushmail icloud ig inbox interia laposte libero live mac mail mailbox mailinator me msn "
    "mynet naver ntlworld o2 onet orange outlook pm posteo proton protonmail qq rambler "
    "rediffmail riseup rocketmail sbcglobal seznam sfr sina sky t-online talktalk terra tin "
    "tiscali tuta tutanota ukr uol verizon virgilio virginmedia wanadoo web wp ya yahoo yandex "
    "ymail zoho "
)
_PROVIDERS = frozenset(_PROVIDERS_LIST.split())
# What comes after an @ is a mailbox there, however the rest is written: gmail,com or nothing.
_MAIL_HOSTS = (
    "126|163|aol|foxmail|gmail|gmx|googlemail|hanmail|hotmail|icloud|naver|outlook|proton(?:mail)?|"
    "qq|rediffmail|rocketmail|yahoo|yandex|ymail"
)
_IS_MAIL_HOST = re.compile(_MAIL_HOSTS)
_MISSPELLED = re.compile(
    rf"@(?:{_MAIL_HOSTS})(?:[.,;:]{{0,2}}[ ]?(?:co[., ]uk|com?|con|cmo|cim|vom|net|org|de|fr|ru)"
    r"(?![A-Za-z0-9])|(?![A-Za-z0-9@-]|\.[A-Za-z0-9]))",
    re.I,
)
#: Words that come before an ordinary "at", and are nobody's mailbox.
_ORDINARY_LIST = (
    "a about account ads aimed all alone also am amazed an and angry another any anyone anything "
    "app apply apps are area article as ask attend available away back bad be because been being "
    "best better big blog book books bought bug but buy by came can chat check clearly click code "
    "come comes coming contact contacts course currently data date day days deal deals details "
    "did do documentation does doing done down download due early else email emails employee "
    "employees engineer enjoy even event ever everyone everything excellent experience expert "
    "find fine first for found founder free friend friends from full fun get gets getting glad go "
    "goes going good got great guy guys had happened happening happy hard has have he held help "
    "her here hi him home hosted house how i if important in info interested internship is it "
    "item items its job jobs join just keep kept know last late latest laugh laughing learn least "
    "left life like link links list listed live lives location logged login long look looked "
    "looking looks lot lots love mad made mail man many me meet meeting message met money month "
    "more most movie much music my name near need new news next nice night no not nothing now of "
    "off offer offers office ok old on once one online only open or order ordered orders other "
    "others our out over page part parties party past people photo photos place play played "
    "playing please point post posted posts present price prices product products project "
    "published purchase purchased put questions read reading ready register registered reply "
    "review reviews right sale sales same save saw say says school second see seen sell selling "
    "send sent server set she shop shopping shot show shows sign signed site sitting so sold some "
    "someone something soon spend spot start started starting starts stay still stop store story "
    "stream streaming stuff submit support sure take taken talk talking team tech text than "
    "thanks that the their them then there these they thing things think this those thought threw "
    "throw tickets time times to today together tomorrow tonight too top tour try tweet two up "
    "update updates us use used useful user users using video videos view visit visiting visits "
    "wait waiting want was watch watching way we web website week welcome well went were what "
    "when where which while who will with work worked working works world worth would write "
    "writing wrote year years yell yes yesterday yet you your yours "
)
_ORDINARY = frozenset(_ORDINARY_LIST.split())
#: Top-level domains that are ordinary words after a full stop.
_WORD_SUFFIXES_LIST = (
    "all am and are art as at be best big boo boy buy by can car care cat cool day do dog eat fan "
    "fit food fun fyi game get go good got here hm hot how if in ink is it kim la land live lol "
    "love man map me men moe mom ms music my new news nice no now of off ok on one ooo open or "
    "page party phone photo pics pink place play plus pm post pub read red rest review run safe "
    "sale save saw school search sex she shop show site ski so star stream study style talk team "
    "tips to today top town toys try us video vote vs watch we wed win work world wow wtf yes you "
    "zero "
)
_WORD_SUFFIXES = frozenset(_WORD_SUFFIXES_LIST.split())

# What a spelled address contains: a sign that is set off, or a word between spaces. The word "at"
# is too frequent to be a sign.
_OTHER_AT_WORDS = _AT_WORDS.partition("|")[2]
_SIGN = (
    rf"(?i)[\[({{<*_~|-] ?(?:{_AT_WORDS}|{_DOT_WORDS}|@|\.|a) ?[\])}}>*_~|-]"
    rf"| (?:{_DOT_WORDS}|{_OTHER_AT_WORDS}) | at (?:{'|'.join(sorted(_PROVIDERS))})\."
)
# "anna @ example.org", "anna @ example . org"
_SPACED = r"[A-Za-z0-9](?: @ ?|@ )[A-Za-z0-9-]{1,63} ?\. ?[A-Za-z]"
_BOTH = (
    rf"(?i)(?:[ \[({{<*_~|-](?:{_AT_WORDS}|a)[ \])}}>*_~|-]|@).{{1,80}}"
    rf"(?:[ \[({{<*_~|-](?:{_DOT_WORDS})[ \])}}>*_~|-]|\.)"
)


_MISSPELLED_SIGN = rf"[A-Za-z0-9_]@(?i:{_MAIL_HOSTS})(?:[^A-Za-z0-9.@-]|com|\.(?:[^A-Za-z0-9]|$)|$)"


def may_contain_spoken_address(texts: pl.Series) -> pl.Series:
    """Return which texts contain the signs of a spelled address."""
    marked = texts.str.contains(_SIGN)
    rows = marked.arg_true()
    marked = marked.scatter(rows, texts.gather(rows).str.contains(_BOTH)) if len(rows) else marked
    return marked | texts.str.contains(
        f"{_SPACED}|[a-z0-9](?:AT|@)[a-z0-9-]{{2,63}}DOT[a-z]|{_MISSPELLED_SIGN}"
    )


def find_spoken_addresses(text: str, suffixes: Collection[str]) -> Iterator[tuple[int, int]]:
    """Yield the offsets of spelled addresses; ``suffixes`` are the top-level domains."""
    for match in _CAPITALS.finditer(text):
        if match["suffix"].lower() in suffixes:
            yield match.span()
    for found in _MISSPELLED.finditer(text):
        local = _MAILBOX.search(text, max(0, found.start() - _LOCAL_CHARACTERS), found.start())
        if local:
            yield local.start(), found.end()
    last_end = 0
    for at in _AT.finditer(text):
        local = _LOCAL.search(text, max(last_end, at.start() - _LOCAL_CHARACTERS), at.start())
        if not local:
            continue
        end = _find_domain_end(text, at, local.group(), suffixes)
        if end:
            last_end = end
            yield local.start(), end


def _find_domain_end(
    text: str, at: re.Match[str], local: str, suffixes: Collection[str]
) -> int | None:
    """Return where the longest domain after an "at" ends, if all makes an address."""
    label = _LABEL.match(text, at.end())
    if not label:
        return None
    first, found = label.group().lower(), None
    spelled = False
    for _ in range(_MAX_LABELS):
        dot = _DOT.match(text, label.end())
        label = _LABEL.match(text, dot.end()) if dot else None
        if not dot or not label:
            break
        spelled = spelled or dot["sign"] is None
        suffix = label.group().lower()
        if suffix not in suffixes or (dot["spaced"] and suffix in _WORD_SUFFIXES):
            continue
        if _is_address(at, local, first, spelled=spelled):
            found = label.end()
    return found


def _is_address(at: re.Match[str], local: str, domain: str, *, spelled: bool) -> bool:
    """Return whether the parts make an address; ``spelled``: one of its dots is no plain dot."""
    if at["bracketed"]:
        is_set_off = at.group()[0] in " [({<" and at["bracketed"] not in "aA"
        return is_set_off or spelled or "@" in at.group() or domain in _PROVIDERS
    if at["sign"] and at.group() == "@":
        return spelled  # otherwise it is an address as it is, and not ours to judge
    is_name = local.lower() not in _ORDINARY and len(local) > 1
    if at["sign"] and not at.group().endswith(" "):
        # Otherwise it is a mention after a word.
        return is_name and (spelled or bool(_IS_MAIL_HOST.fullmatch(domain)))
    if at["word"] and at["word"].lower() != "at":
        return is_name and (spelled or domain in _PROVIDERS)
    if spelled:
        return is_name
    is_mailbox = is_name and domain in _PROVIDERS
    return is_mailbox or bool(at["word"] and re.search(r"[0-9_]|[a-z]\.[a-z]", local, re.I))
