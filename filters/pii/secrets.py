"""Find secrets: API tokens of large providers, private keys, JSON Web Tokens, passwords in URLs.

A token is known by the prefix that its provider gives it, and by its length. A word without a
prefix is a secret only where the text says so (``aws_secret_access_key = …``,
``Authorization: Bearer …``) and where its letters are mixed as in a random one. A token of one
repeated character, or with ``...`` or ``<…>`` for its body, is somebody's example and is kept.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import polars as pl

from filters.pii.spans import EntitySpan

_LONG = "[0-9A-Za-z_+/~-]{20}"
#: What a text with a secret matches: a long word, a URL with a user, a key. A pattern
#: for polars.
GATE = _LONG + r"|://[^\s/@]{1,300}@|---- ?BEGIN|Private-Lines"
_UUID = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
# Not inside of a longer word; a mark such as Markdown's underscore may touch the token.
_TOKEN = re.compile(
    r"(?<![0-9A-Za-z])(?:"
    + "|".join(
        (
            r"A(?:KIA|SIA|BIA|CCA)[A-Z2-7]{16}",  # AWS
            r"gh[pousr]_[A-Za-z0-9]{30,255}|github_pat_[A-Za-z0-9_]{22,255}",
            # GitLab; what "…" cuts short is no part of it.
            r"gl(?:pat|dt|rtr?|ptt|ft|cbt|imt|agent|soat|oas|ffct|wt)-(?:[A-Za-z0-9_-]|\.(?!\.)){20,300}|"
            r"GR1348941[A-Za-z0-9_-]{20}",
            r"xox[a-z]-[A-Za-z0-9-]{10,300}|xapp-\d-[A-Za-z0-9-]{20,300}",  # Slack
            r"AIza[0-9A-Za-z_-]{35}|ya29\.[0-9A-Za-z_-]{20,500}|GOCSPX-[0-9A-Za-z_-]{20,60}",
            r"[sr]k_(?:live|test)_[0-9A-Za-z]{16,250}|whsec_[0-9A-Za-z+/=]{24,100}",  # Stripe
            r"sk-(?:ant-|proj-|svcacct-|admin-|or-v1-|None-)[0-9A-Za-z_-]{20,300}",
            r"sk-[0-9A-Za-z]{32,100}",  # OpenAI, DeepSeek
            r"hf_[A-Za-z0-9]{30,60}|api_org_[A-Za-z]{30,40}",  # Hugging Face
            r"npm_[A-Za-z0-9]{36}|pypi-[A-Za-z0-9_-]{50,300}",
            r"rubygems_[0-9a-f]{48}|cio[A-Za-z0-9]{32}",
            r"SG\.[0-9A-Za-z_-]{16,32}\.[0-9A-Za-z_-]{16,64}|key-[0-9a-f]{32}|[0-9a-f]{32}-us\d{1,2}",
            r"(?:AC|SK)[0-9a-f]{32}",  # Twilio
            r"\d{8,10}:[0-9A-Za-z_-]{35}",  # a Telegram bot
            r"[MNO][0-9A-Za-z_-]{23,27}\.[0-9A-Za-z_-]{6}\.[0-9A-Za-z_-]{27,40}",  # a Discord bot
            r"do[opr]_v1_[0-9a-f]{64}|shp(?:at|ca|pa|ss|tka)_[0-9a-fA-F]{32}",
            r"sq0[a-z]{3}-[0-9A-Za-z_-]{22,50}|EAA[0-9A-Za-z]{60,300}|dapi[0-9a-f]{32}(?:-\d)?",
            r"lin_(?:api|oauth)_[0-9A-Za-z]{40,64}|secret_[0-9A-Za-z]{40,50}|ntn_[0-9A-Za-z]{40,60}",
            r"PMAK-[0-9a-f]{24}-[0-9a-f]{34}|NRAK-[A-Z0-9]{27}|"
            r"dp\.[a-z]{2,5}\.(?:[0-9a-z_-]{2,35}\.)?[0-9A-Za-z]{40,60}",  # Doppler
            r"gl(?:c|sa)_[0-9A-Za-z_+/=]{32,200}|hv[bsr]\.[0-9A-Za-z_-]{24,200}",
            r"[0-9A-Za-z]{14}\.atlasv1\.[0-9A-Za-z_=-]{60,70}|figd_[0-9A-Za-z_-]{40,60}",
            r"pat[0-9A-Za-z]{14}\.[0-9a-f]{64}|AGE-SECRET-KEY-1[A-Z0-9]{58}|r8_[0-9A-Za-z]{37}",
            r"gsk_[0-9A-Za-z]{52}|pplx-[0-9A-Za-z]{40,60}|xai-[0-9A-Za-z]{60,100}",
            r"tvly-[0-9A-Za-z-]{28,60}|dckr_[a-z]{3}_[0-9A-Za-z_-]{27,40}",
            r"sntry[a-z]_[0-9A-Za-z_+/=-]{40,300}",
            r"[0-9A-Za-z_~.-]{3}8Q~[0-9A-Za-z_~.-]{31,34}",  # Azure AD
            r"AT[AC]TT3[0-9A-Za-z_=-]{50,300}|ATBB[0-9A-Za-z]{28,40}",  # Atlassian, Bitbucket
            rf"pat-[a-z]{{2}}\d-{_UUID}|HRKU-[0-9A-Za-z_-]{{36,70}}",  # HubSpot, Heroku
            r"x(?:key|smtp)sib-[0-9a-f]{64}-[0-9A-Za-z]{16}",  # Brevo
            r"[0-9a-f]{32}-[0-9a-f]{8}-[0-9a-f]{8}(?!-)",  # Mailgun
            r"sbp_[0-9a-f]{40}|sb_secret_[0-9A-Za-z_-]{20,60}",  # Supabase
            r"nf[bcopu]_[0-9A-Za-z]{36}|pscale_(?:tkn|pw|oauth)_[0-9A-Za-z_-]{32,64}",
            r"dt0[a-z]\d\d\.[A-Z0-9]{8,24}\.[A-Z2-7]{64}",  # Dynatrace
            r"sk\.eyJ[0-9A-Za-z_-]{50,300}\.[0-9A-Za-z_-]{20,24}",  # Mapbox
            r"nvapi-[0-9A-Za-z_-]{50,80}|lsv2_(?:pt|sk)_[0-9a-f]{32}_[0-9a-f]{10}",
            r"pcsk_[0-9A-Za-z]{4,8}_[0-9A-Za-z]{50,70}",  # Pinecone
            r"LTAI[0-9A-Za-z]{16,20}|AKID[0-9A-Za-z]{32}",  # Alibaba, Tencent
            r"y[0-3]_[0-9A-Za-z_-]{45,70}|AQVN[0-9A-Za-z_-]{35,38}",  # Yandex
            r"t1\.[0-9A-Za-z_-]{20,400}={0,2}\.[0-9A-Za-z_-]{86}",
            r"tskey-(?:[a-z]{2,10}-)?[0-9A-Za-z]{6,20}-[0-9A-Za-z]{16,60}",  # Tailscale
            r"bkua_[0-9a-f]{40}|CCIP(?:AT|RJ)_[0-9A-Za-z]{22}_[0-9a-f]{40}|sq[apu]_[0-9a-f]{40}",
            r"pul-[0-9a-f]{40}|fo1_[0-9A-Za-z_-]{43}|fm[12][ar]?_[0-9A-Za-z+/]{60,3000}={0,2}",
            r"sl\.(?:[a-z]\.)?[0-9A-Za-z_-]{100,2000}",  # Dropbox
            r"1//0[0-9A-Za-z_-]{40,300}",  # Google
            r"oy2[0-9a-z]{43}|AKC[0-9A-Za-z]{60,100}|cmVmdGtu[0-9A-Za-z]{56}",  # NuGet, JFrog
            r"packagist_[a-z]{2,4}_[0-9a-f]{40,80}|CLOJARS_[0-9a-z]{60}",
            r"rzp_(?:live|test)_[0-9A-Za-z]{14}|FLWSECK(?:_TEST)?-[0-9A-Za-z-]{20,60}",
            r"shippo_(?:live|test)_[0-9a-f]{40}|EZ[AT]K[0-9A-Za-z]{54}",
            rf"duffel_(?:live|test)_[0-9A-Za-z_-]{{43}}|access-(?:production|sandbox)-{_UUID}",
            r"CFPAT-[0-9A-Za-z_-]{43}|sg[dp]_(?:(?:[0-9a-f]{16}|local)_)?[0-9a-f]{40}",
            r"ph[arsx]_[0-9A-Za-z]{40,60}|re_(?=[A-Za-z_]{0,33}\d)[0-9A-Za-z]{8}_[0-9A-Za-z]{24}",
            # 1Password
            r"ops_eyJ[0-9A-Za-z+/]{100,3000}={0,2}|"
            r"A3-[A-Z0-9]{6}-(?:[A-Z0-9]{11}|[A-Z0-9]{6}-[A-Z0-9]{5})(?:-[A-Z0-9]{5}){3}",
            r"ABSK[0-9A-Za-z+/]{100,300}={0,2}",  # Amazon Bedrock
            r"[0-9A-Za-z]{52}JQQJ9[0-9A-Za-z]{27}|[0-9A-Za-z]{76}AZDO[0-9A-Za-z]{4}",  # Azure
            r"mfa\.[0-9A-Za-z_-]{80,95}",  # a user of Discord
            r"aio_[0-9A-Za-z]{28}|fio-u-[0-9A-Za-z_=-]{64}|rdme_[0-9a-z]{70}|pnu_[0-9A-Za-z]{36}",
            r"tfp_[0-9A-Za-z_]{40,60}|sha256~[0-9A-Za-z_-]{43}|v1\.0-[0-9a-f]{24}-[0-9a-f]{146}",
            # An encrypted JSON Web Token: the key (none if both sides know it), a nonce, the
            # content and its tag.
            r"(?<![0-9A-Za-z][_-])eyJ[0-9A-Za-z_-]{17,1000}\.[0-9A-Za-z_-]{0,1000}\."
            r"[0-9A-Za-z_-]{16,24}\.[0-9A-Za-z_-]{1,8000}\.[0-9A-Za-z_-]{20,90}",
            # A JSON Web Token. An underscore before it is Markdown's, if no letter is before it.
            r"(?<![0-9A-Za-z][_-])eyJ[0-9A-Za-z_-]{10,400}\.eyJ[0-9A-Za-z_-]{10,8000}"
            r"(?:\.[0-9A-Za-z_-]{0,4000})?",
        )
    )
    + r")(?![0-9A-Za-z])"
)
_LONG_PART = re.compile(_LONG)
# What a token is made of; the shortest one has fifteen characters.
_LONG_WORD = re.compile(r"[\w+/=~.:-]{15,}")
# What follows these is the secret: the group is replaced, and the words before it are kept.
_AFTER_PREFIX = re.compile(
    r"hooks\.slack\.com/(?:services|workflows|triggers)/([0-9A-Za-z/+_-]{20,200})|"
    r"discord(?:app)?\.com/api/(?:v\d{1,2}/)?webhooks/(\d{15,21}/[0-9A-Za-z_-]{40,100})|"
    r"webhook\.office\.com/webhookb2/([0-9A-Za-z@/_-]{60,300})|"
    r"AccountKey=([0-9A-Za-z+/]{60,100}={0,2})|SharedAccessKey=([0-9A-Za-z+/]{30,100}={0,2})|"
    r"[?&]sig=([0-9A-Za-z%+/_-]{36,200}={0,2})|"
    # All of these two is the secret: a token of Braintree, one of an app of Twitter.
    r"(access_token\$(?:production|sandbox)\$[0-9a-z]{16}\$[0-9a-f]{32})|"
    r"(?<![0-9A-Za-z])((?-i:A{20,24})(?=[0-9A-Za-z]{0,80}%[23])[0-9A-Za-z%]{60,120})",
    re.I,
)
# A word that the text calls a secret. The value may be quoted; it is judged by its letters. A
# public key is none, and the key in a link may be that of a page.
_LABELLED = re.compile(
    r"\b(?:bearer|basic|authorization:\s{0,2}token)\s([0-9A-Za-z+/_.~=-]{20,2000})|"
    r"(?:secret|(?:api|access|private)[_ -]?key|"
    r"(?P<key>key(?<![?&;]key)(?<!publickey)(?<!public[_ -]key)(?<!publishable[_ -]key)"
    r"(?<!sitekey)(?<!site[_ -]key))|"
    r"token|passwd|password|pwd|passphrase|credentials?)(?:[_-]?(?:id|key|base|token)){0,2}"
    r"(?:[\"'\]]{0,2}\s{0,2}(?::=|=>|[:=])\s{0,2}[\"'`(]{0,2}|\s{1,2}[\"'`])"
    r"(?!AAAA[BCE])([0-9A-Za-z+/_.~=-]{20,300})(?![0-9A-Za-z+/_.~(-])",
    re.I,
)
# What a key of a row in a table often is.
_ROW_KEY = re.compile(_UUID, re.I)
_PASSWORD_IN_URL = re.compile(
    r"(?<![0-9A-Za-z])[a-z][a-z0-9+.-]{1,20}://"
    r"(([^\s/:@'\"<>`]{0,100}):([^\s/@'\"<>`]{1,200})@"
    r"(?:[0-9A-Za-z_.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\]))",
    re.I,
)
_PASSWORD_EXAMPLE = re.compile(
    r"(?:(?:your|my|the|some|db)?[_-]?(?:pass(?:word|wd|phrase)?|pwd|secret|token|api_?key|key|port|"
    r"hunter2|changeme|example|test))|[x*.#?_-]+|[${%\[(].*|\d{1,5}",
    re.I,
)
# The last form is that of PuTTY, whose blocks have no end.
_PEM = re.compile(
    r"----[ -](BEGIN|END) [A-Z0-9 ]{0,30}?PRIVATE KEY(?: BLOCK)?[ -]----|Private-Lines: \d{1,4}"
)
# The lines of a key: base64 without spaces in it, headers as in "Proc-Type: 4,ENCRYPTED". They may
# be quoted, or indented.
_PEM_BODY = re.compile(
    r"(?:\s{0,4}[ \t>|]{0,16}(?:[0-9A-Za-z+/=]{16,4000}(?![0-9A-Za-z ,.])|\\[nr]|"
    r"[A-Z][A-Za-z-]{3,20}: [^\n]{0,80}))*"
)


def find_secrets(texts: pl.Series) -> dict[int, list[EntitySpan]]:
    """Return by row the spans of secrets, in the order of the text; other rows have none."""
    rows = texts.str.contains(GATE).arg_true()
    found = {}
    for row, text in zip(rows.to_list(), texts.gather(rows).to_list(), strict=True):
        spans = sorted(set(_find_in_text(text)))
        if spans:
            found[row] = spans
    return found


def _find_in_text(text: str) -> Iterator[EntitySpan]:
    for word in _LONG_WORD.finditer(text):
        for match in _TOKEN.finditer(text, *word.span()):
            if not _is_example(match[0]):
                yield EntitySpan(match.start(), match.end(), "SECRET", 1.0)
    for match in _AFTER_PREFIX.finditer(text):
        if not _is_example(match[match.lastindex or 0]):
            yield EntitySpan(*match.span(match.lastindex or 0), "SECRET", 1.0)
    for match in _LABELLED.finditer(text):
        value = match[match.lastindex or 0]
        if _is_random(value) and not (match["key"] and _ROW_KEY.fullmatch(value)):
            yield EntitySpan(*match.span(match.lastindex or 0), "SECRET", 0.9)
    for match in _PASSWORD_IN_URL.finditer(text):
        if not _PASSWORD_EXAMPLE.fullmatch(match[3]):
            yield EntitySpan(*match.span(1), "SECRET", 1.0)
    yield from _find_private_keys(text)


def _is_example(token: str) -> bool:
    """Return whether a token's body is the same few characters again and again."""
    parts = re.split(r"[_.-]", token)
    body = parts[-1] if len(parts[-1]) > 8 else max(parts, key=len)
    return len(set(body)) < 5


def _is_random(word: str) -> bool:
    """Return whether a word looks random: digits and letters of both cases, or hexadecimal."""
    # Without a long part it does not pass the gate alone; an ending is that of a file or a host.
    if not _LONG_PART.search(word) or re.search(r"\.[A-Za-z]{2,5}\Z", word):
        return False
    digits = sum(each.isdecimal() for each in word)
    if re.fullmatch(r"[0-9a-f-]{32,128}|[0-9A-F-]{32,128}", word):
        return digits >= 6 and len(set(word)) > 7
    has_cases = any(each.islower() for each in word) and any(each.isupper() for each in word)
    # A path or a name in a program has few digits, and they stand at the end of a part.
    return digits >= 3 and has_cases and len(set(word)) >= 12 and word.count(".") < 3


def _find_private_keys(text: str) -> Iterator[EntitySpan]:
    """Yield blocks of PEM, SSH2 and PuTTY; one without an end goes as far as its letters do."""
    opened: re.Match[str] | None = None
    for match in (*_PEM.finditer(text), None):
        if opened:
            if match and match[1] == "END" and opened[1]:
                end = match.end()
            else:
                end = _end_of_body(text, opened.end(), match.start() if match else len(text))
            if opened[1] or end > opened.end():
                yield EntitySpan(opened.start(), end, "SECRET", 1.0)
        opened = match if match and match[1] != "END" else None


def _end_of_body(text: str, start: int, limit: int) -> int:
    """Return where the body at ``start`` ends, at most ``limit``: a body contains no other key."""
    body = _PEM_BODY.match(text, start, limit)
    stripped = text[start : body.end() if body else start].rstrip()
    return start + len(stripped)
