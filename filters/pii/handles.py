"""Find people's handles in the forms that posts write them, and addresses of their pages.

``@name`` (X and most others), ``@name@host`` (Mastodon), ``@name.bsky.social``, ``u/name``
(Reddit), ``<@123>`` (Discord), and addresses of pages such as ``t.me/name`` or
``x.com/name/status/1``. What follows the name in an address is replaced too: the number of a post
identifies its author as well as the name does.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

import polars as pl

from filters.pii import code
from filters.pii.spans import EntitySpan

# A name needs a letter, or "lunch @12" would be one. No word character may come before it: in
# "joe@localhost" there is none. It may be followed by a host (Mastodon) or be a domain (Bluesky).
# Accents are part of a name everywhere: where a platform does not allow them, it is no mention, yet
# it is somebody's name.
_STRICT_NAME = r"[0-9]*+[\p{Latin}_][\p{Latin}\p{M}0-9_]*+"
# A name of digits alone: where X wrote the mention itself, or begins a reply.
_NUMBER_NAME = r"(?<=\bRT [@\uFF20])\d{1,15}(?=:)|(?<=^[@\uFF20])\d{5,15}(?![\d:.,%])"
# Of other scripts, the letters of those that put spaces between words: otherwise it is not known
# where a name ends, but on platforms that show names in such scripts.
_LETTERS = (
    r"\p{Cyrillic}\p{Greek}\p{Arabic}\p{Hebrew}\p{Armenian}\p{Georgian}\p{Devanagari}\p{Bengali}"
    r"\p{Tamil}\p{Telugu}"
)
_CJK_LETTERS = rf"{_LETTERS}\p{{Han}}\p{{Hiragana}}\p{{Katakana}}\p{{Hangul}}\p{{Thai}}"
_HOST = r"(?:[.-]{1,3}[A-Za-z0-9_]+)*@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.[A-Za-z][A-Za-z0-9-]+"
_DOMAIN_SUFFIXES = "social|bsky[.]team|com|net|org|edu|gov|io|dev|xyz|uk|de|fr|jp|br|eu|ca|au"
_DOMAIN = rf"(?:[.-]{{1,3}}[A-Za-z0-9]+)*?\.(?:{_DOMAIN_SUFFIXES})\b"
_REDDIT_NAME = "[A-Za-z0-9_-]{3,20}"
_WORD_CHARACTERS = r"\p{Latin}\p{N}_"

# The rest of an address after the name in it.
_URL_REST = r"(?:[/?#][^\s<>\"'()\[\]{}]*)?"
_WWW = r"(?:(?:www|m|mobile|old|new|np|i|web|[a-z]{2}-[a-z]{2})\.)?"
# Paths of pages that belong to the site, not to a person.
_SITE_PAGES = {
    "x": "home|search|hashtag|i|intent|share|explore|settings|notifications|messages|login|tos|"
    "privacy|about|compose|jobs|download|signup|who_to_follow|statuses",
    "instagram": "p|reel|reels|explore|tv|accounts|about|developer|legal|direct|stories",
    "facebook": "groups|pages|events|watch|photo|photos|photo\\.php|story\\.php|permalink\\.php|"
    "sharer|sharer\\.php|share|share\\.php|login|help|marketplace|hashtag|gaming|plugins|dialog|"
    "policies|media|notes|reel|video\\.php|l\\.php|ads|business|legal|privacy|profile\\.php|people",
    "telegram": "c|addstickers|addemoji|share|proxy|socks|iv|login|addtheme|setlanguage|"
    "bg|invoice|s|addlist",
    "github": "features|topics|trending|about|pricing|login|join|explore|marketplace|sponsors|"
    "orgs|search|settings|security|enterprise|collections|events",
    "twitch": "directory|videos|p|downloads|jobs|turbo|settings|store|search",
    "vk": "feed|video|audio|wall[-0-9_]+|photo[-0-9_]+|away\\.php|share\\.php|search|app[0-9_]+",
}

# Hosts that write the pages of persons in a form of their own.
_HOSTS_WITH_OWN_FORM = (
    r"(?:[a-z0-9-]+\.)*(?:bsky\.app|reddit\.com|redd\.it|snapchat\.com|discord(?:app)?\.com|"
    r"stackoverflow\.com|stackexchange\.com|serverfault\.com|superuser\.com|askubuntu\.com|"
    r"mathoverflow\.net|stackapps\.com)/"
)


class HandleForm(NamedTuple):
    """A form of a handle: the network it belongs to, and the patterns around and of the name.

    ``network`` is empty if the name is one of the post's own platform.
    """

    network: str
    before: str
    name: str
    after: str = ""


def _make_page_form(network: str, hosts: str, name: str, site_pages: str = "") -> HandleForm:
    """Return the form ``host/name``, except for the site's own pages."""
    excluded = rf"(?!(?:{site_pages})(?:[/?#\s]|$))" if site_pages else ""
    return HandleForm(network, rf"\b{_WWW}(?:{hosts})/{excluded}", name, _URL_REST)


_PAGE_FORMS = (
    _make_page_form(
        "x", r"twitter\.com|x\.com|nitter\.net", r"@?[A-Za-z0-9_]{1,15}", _SITE_PAGES["x"]
    ),
    _make_page_form(
        "instagram",
        r"instagram\.com/stories|instagram\.com|instagr\.am",
        r"[A-Za-z0-9._]{1,30}",
        _SITE_PAGES["instagram"],
    ),
    HandleForm(
        "facebook",
        rf"\b{_WWW}(?:facebook|fb)\.com/(?:people/[^/\s]+/|profile\.php\?id=)",
        r"\d{5,}",
        r"(?:[/?&#][^\s<>\"'()\[\]{}]*)?",
    ),
    _make_page_form(
        "facebook",
        r"facebook\.com|fb\.com|fb\.me",
        r"[A-Za-z0-9.-]{3,80}",
        _SITE_PAGES["facebook"],
    ),
    _make_page_form(
        "telegram",
        r"(?:t|telegram)\.me/s|(?:t|telegram)\.me|telegram\.dog",
        r"(?:\+|joinchat/)?[A-Za-z0-9_-]{3,32}",
        _SITE_PAGES["telegram"],
    ),
    HandleForm(
        "telegram", r"\btg://(?:resolve\?domain=|user\?id=)", r"[A-Za-z0-9_]+", r"(?:&\S*)?"
    ),
    _make_page_form("youtube", r"youtube\.com/(?:user|c|channel)", r"[\w.-]{1,60}"),
    _make_page_form("linkedin", r"linkedin\.com/in", r"[\w%.-]{2,100}"),
    _make_page_form(
        "bluesky", r"(?:bsky\.app|staging\.bsky\.app)/profile", r"[A-Za-z0-9.:_-]{3,255}"
    ),
    _make_page_form(
        "flickr", r"flickr\.com/(?:photos|people)", r"[A-Za-z0-9@_-]{2,60}", "tags|new"
    ),
    _make_page_form("snapchat", r"snapchat\.com/add", r"[A-Za-z0-9._-]{3,30}"),
    _make_page_form("reddit", r"(?:reddit|redd)\.(?:com|it)/u(?:ser)?", _REDDIT_NAME),
    HandleForm("hackernews", r"\bnews\.ycombinator\.com/user\?id=", r"[A-Za-z0-9_-]{2,15}"),
    _make_page_form(
        "stackexchange",
        r"(?:[a-z]{1,63}\.){0,4}(?:stackoverflow|stackexchange|serverfault|"
        r"superuser|askubuntu|mathoverflow|stackapps)\.(?:com|net)/users",
        r"\d+",
    ),
    _make_page_form("discord", r"(?:discord|discordapp)\.com/users", r"\d{15,21}"),
    _make_page_form(
        "github",
        r"github\.com",
        r"[A-Za-z0-9-]{1,39}(?=/?(?:[\s?#)\]>\"',;!]|\.?$|\.\s))",
        _SITE_PAGES["github"],
    ),
    _make_page_form("twitch", r"twitch\.tv", r"[A-Za-z0-9_]{4,25}", _SITE_PAGES["twitch"]),
    _make_page_form("vk", r"vk\.com", r"[A-Za-z0-9_.]{3,32}", _SITE_PAGES["vk"]),
    _make_page_form(
        "pages",
        r"patreon\.com|onlyfans\.com|keybase\.io|ko-fi\.com|linktr\.ee|paypal\.me|"
        r"venmo\.com(?:/u)?|soundcloud\.com|curiouscat\.(?:me|qa|live)",
        r"[A-Za-z0-9_.-]{2,40}",
        "about|login|search|pricing|help|signup|posts|explore",
    ),
    HandleForm("cashapp", r"\bcash\.app/\$", r"[A-Za-z0-9_-]{1,20}"),
    # A person's page on any host: Mastodon, Lemmy, Threads, TikTok, Medium, YouTube, Pixelfed.
    HandleForm(
        "fediverse",
        rf"https?://(?!{_HOSTS_WITH_OWN_FORM})[A-Za-z0-9.-]+/(?:@|users/@?|u/|profile/@?)",
        r"[A-Za-z0-9_.-]+(?:@[A-Za-z0-9.-]+)?",
        _URL_REST,
    ),
)
# "@_@" is a face.
_AT = rf"(?:^|(?<=[^{_WORD_CHARACTERS}@\uFF20]))[@\uFF20](?!_{{1,3}}@(?![A-Za-z]))"
_MENTION = HandleForm("", _AT, rf"{_STRICT_NAME}(?:{_HOST}|{_DOMAIN})?|{_NUMBER_NAME}")


def _make_mention(letters: str) -> HandleForm:
    """Return the form of ``@name`` with dots and hyphens in it, also in these letters.

    A full stop or hyphen belongs to the name if a letter, digit or underscore follows it. After a
    name that begins in lower case, a capital letter begins a sentence: ``@bob.Thanks``.
    """
    name = rf"(?:{_STRICT_NAME}|[0-9]*+[{letters}][{letters}\p{{Latin}}\p{{M}}0-9_]*+)"
    part = rf"[{letters}\p{{Latin}}\p{{M}}0-9_]++"
    capital = r"(?-i:\p{Lu})"
    first_capital = rf"[0-9]*+{capital}"
    return HandleForm(
        "",
        _AT,
        rf"(?={first_capital}){name}(?:{_HOST}|{_DOMAIN}|(?:[.-]{part})*+)"
        rf"|{name}(?:{_HOST}|{_DOMAIN}|(?:[.-](?!{capital}){part})*+)|{_NUMBER_NAME}",
    )


_OTHER_TEXT_FORMS = (
    HandleForm("discord", "<@!?", r"\d{15,21}", ">"),
    HandleForm("reddit", rf"(?:^|(?<=[^{_WORD_CHARACTERS}/]))/?u/", _REDDIT_NAME),
    # How VK and Facebook write a mention: [id1|Name], @[1:Name], @[1:2048:Name].
    HandleForm("vk", r"\[", r"id\d{1,12}", r"\|[^\]\[\n]{1,100}\]"),
    HandleForm("facebook", r"@\[", r"\d{5,20}", r"(?::\d{1,5})?:[^\]\[\n]{1,100}\]"),
)

#: Where a name has no dots and hyphens: what follows them is another word.
_STRICT_PLATFORMS = ("x", "twitter", "telegram", "twitch")
_CJK_PLATFORMS = (
    *("youtube", "weibo", "bilibili", "douyin", "zhihu", "xiaohongshu", "tieba", "douban"),
    *("naver", "kakao", "line", "niconico"),
)
_TEXT_FORMS = {
    "strict": (*_OTHER_TEXT_FORMS, _MENTION),
    "any": (*_OTHER_TEXT_FORMS, _make_mention(_LETTERS)),
    "cjk": (*_OTHER_TEXT_FORMS, _make_mention(_CJK_LETTERS)),
}
# Where a form that is no page may begin. The group is the name of a mention between spaces and
# marks of ASCII, which is the same in each of ``_TEXT_FORMS``: most mentions are such, and the
# pattern of all forms takes several times as long for one.
_MARKS_BEFORE = r" \t\n\r!-/:-?\[-\^`{-~"
_MARKS_AFTER = r" \t\n\r!-,/:-?\[-\^`{-~"
_BEGINNING = re.compile(
    rf"@(?:(?<![^{_MARKS_BEFORE}]@)([A-Za-z_][A-Za-z0-9_]*+)(?![.-]?+[^{_MARKS_AFTER}]))?"
    r"|\uFF20|<(?=@)|u(?=/)|U(?=/)|/(?=[uU]/)|\["
)
# What names another network in front of a mention: "IG: @rosa.finch" on X.
_OTHER_NETWORK = re.compile(
    r"\b(ig|insta|instagram|tik ?tok|threads|snap|snapchat|youtube|yt|github|tumblr|venmo|bluesky|"
    r"bsky|mastodon|discord|pinterest|facebook|fb)(?: (?:is|handle|account|name|page|at|me|on|as))*"
    r"[^\w@]{0,6}$",
    re.I,
)
_NETWORK_NAMES = {
    "ig": "instagram",
    "insta": "instagram",
    "tik tok": "tiktok",
    "snap": "snapchat",
    "yt": "youtube",
    "bsky": "bluesky",
    "fb": "facebook",
}

#: What an address of a page contains, and what the other forms do. polars searches for these, in
#: any letter case, before Python runs on a text.
_PAGE_MARKERS = [
    *("twitter.com/", "x.com/", "nitter.net/", "instagram.com/", "instagr.am/", "facebook.com/"),
    *("fb.com/", "fb.me/", "t.me/", "telegram.me/", "telegram.dog/", "tg://", "youtube.com/"),
    *("linkedin.com/", "bsky.app/", "snapchat.com/", "reddit.com/u", "redd.it/u", "user?id="),
    *("/users/", "/profile/", "github.com/", "twitch.tv/", "vk.com/", "patreon.com/"),
    *("onlyfans.com/", "keybase.io/", "ko-fi.com/", "linktr.ee/", "paypal.me/", "venmo.com/"),
    *("flickr.com/", "soundcloud.com/", "curiouscat.", "cash.app/", "/@", "/u/"),
]
_TEXT_MARKERS = ["@", "\uff20", "u/", "[id"]

# A mention as most posts have it: "@name" between spaces and marks. A text is plain if it has such
# mentions and no other handle, no code and no word of a language.
_PLAIN_MENTION = "@[A-Za-z0-9_]+"
_NOT_PLAIN = (
    rf"[{_WORD_CHARACTERS}@\u{{FF20}}]@|@(?:[^A-Za-z_]|$)|"
    r"@[A-Za-z0-9_]*(?:[^\x00-\x7F]|[.\-][^\s]|@)"
)
_NOT_PLAIN_MARKERS = [*_PAGE_MARKERS, "\uff20", "u/", "[id"]
_NOT_PLAIN_WORDS = [f"@{word}" for word in code.KNOWN_WORDS]


def select_plain_mentions(texts: pl.Series) -> pl.Series:
    """Return which texts have handles of the form ``@name`` and nothing that is judged closely."""
    selected = texts.str.contains_any(["@"])
    rows = selected.arg_true()
    candidates = texts.gather(rows)
    other = candidates.str.contains(_NOT_PLAIN) | candidates.str.contains(code.SIGNS)
    for words in (_NOT_PLAIN_MARKERS, _NOT_PLAIN_WORDS):  # apart, polars is twice as fast
        other |= candidates.str.contains_any(words, ascii_case_insensitive=True)
    return selected.scatter(rows, ~other)


def replace_plain_mentions(texts: pl.Series, replacement: str) -> tuple[pl.Series, pl.Series]:
    """Return texts that ``select_plain_mentions`` selected, replaced, and the mentions of each."""
    return (
        texts.str.replace_all(_PLAIN_MENTION, replacement),
        texts.str.count_matches(_PLAIN_MENTION),
    )


def find_plain_mentions(text: str) -> list[EntitySpan]:
    """Return the spans that ``replace_plain_mentions`` replaces in a text that is selected."""
    return [EntitySpan(*match.span(), "HANDLE", 1.0) for match in re.finditer(_PLAIN_MENTION, text)]


# Sites that write ``host/@name`` and are no Mastodon servers.
_SITES_WITH_AT_PAGES = {
    "tiktok.com": "tiktok",
    "youtube.com": "youtube",
    "medium.com": "medium",
    "threads.net": "threads",
    "threads.com": "threads",
}

#: Called with the network, the name, and the author if that is another string; returns what
#: replaces the handle, or None to keep it.
HandleReplacement = Callable[[str, str, "str | None"], "str | None"]
NO_AUTHORS: Mapping[str, str] = {}


class HandleSpan(NamedTuple):
    """What is replaced of a handle: offsets in characters, the account, and the replacement.

    In an address of a page, the span begins at the name.
    """

    start: int
    end: int
    network: str
    name: str
    replacement: str


class HandleFinder:
    """Finds handles of every form and replaces them.

    ``replacement`` is called with the network of the handle (the post's platform, where the form
    does not name one) and the name in lower case; None keeps a handle as it is.
    """

    def __init__(self, replacement: HandleReplacement) -> None:
        self._replacement = replacement

    def find_in_column(
        self, texts: pl.Series, platforms: pl.Series | None, mentions: pl.Series | None
    ) -> dict[int, list[HandleSpan]]:
        """Return by row the handles to replace, in the order of the text; other rows have none.

        ``mentions`` has ``name=author`` pairs where the author's id is not the name.
        """
        if texts.is_empty():
            return {}
        has_page = texts.str.contains_any(_PAGE_MARKERS, ascii_case_insensitive=True)
        has_text_form = texts.str.contains_any(_TEXT_MARKERS, ascii_case_insensitive=True)
        rows = (has_page | has_text_form).arg_true()

        def select(column: pl.Series | None) -> list[str | None]:
            return column.gather(rows).to_list() if column is not None else [None] * len(rows)

        selected = texts.gather(rows)
        candidates = zip(
            rows.to_list(),
            selected,
            has_page.gather(rows),
            selected.str.contains(code.SIGNS),
            select(platforms),
            select(mentions),
            strict=True,
        )
        found: dict[int, list[HandleSpan]] = {}
        for row, text, text_has_page, has_signs, platform, pairs in candidates:
            authors = dict(pair.split("=", 1) for pair in pairs.split(" ")) if pairs else {}
            spans = self.find_in_text(text, platform or "", text_has_page, authors, has_signs)
            if spans:
                found[row] = spans
        return found

    def replace_in_column(
        self, texts: pl.Series, platforms: pl.Series | None, mentions: pl.Series | None
    ) -> dict[int, tuple[str, int]]:
        """Return by row the new text and the number of handles replaced; other rows have none."""
        found = self.find_in_column(texts, platforms, mentions)
        return {
            row: (replace_handles(texts[row], spans), len(spans)) for row, spans in found.items()
        }

    def matches_at(self, text: str, position: int) -> bool:
        """Return whether a handle begins at ``position`` in a text."""
        return _load_forms("any", False)[0].match(text, position) is not None

    def find_in_text(
        self,
        text: str,
        platform: str,
        has_page: bool = True,
        authors_by_name: Mapping[str, str] = NO_AUTHORS,
        has_signs_of_code: bool = True,
    ) -> list[HandleSpan]:
        """Return the handles to replace, in the order of the text.

        ``has_page=False`` says that the text contains no address of a page, and
        ``has_signs_of_code=False`` that it does not match ``code.SIGNS``. A name in
        ``authors_by_name`` is one that the platform itself marked as a mention: it is none of code.
        """
        kind = _select_forms(platform)
        pattern, forms, first_text_form = _load_forms(kind, has_page)
        mention = len(forms)
        spans: list[HandleSpan] = []
        code_spans: list[code.CodeSpan] | None = None
        last_end = 0
        matches = pattern.finditer(text) if has_page else _find_text_forms(pattern, text)
        for match in matches:
            start, end = match.span()
            if start < last_end:
                continue  # of a name that was extended
            number = mention if match.re is _BEGINNING else match.lastindex // 3
            is_short = number == mention  # what code may contain too
            if is_short:
                name, network, before = text[start + 1 : end], platform, ""
                if kind == "strict" and text[end : end + 1] in (".", "-"):
                    network, end = _extend_name(text, start, end, network)
                    name = text[start + 1 : end]
            else:
                before, name = match.group(number * 3 - 2, number * 3 - 1)
                network = forms[number - 1].network
                is_short = network == "reddit" and number > first_text_form
            if "." in name or "@" in name or before:
                network, account = _identify_account(network, name, before)
            else:
                account = name.lower()
            if "@" in account and account in authors_by_name:
                network = platform  # on which authors have addresses (Lemmy), not names like these
            is_marked = account in authors_by_name and network == platform
            if is_short and not is_marked and (has_signs_of_code or code.is_known_word(name)):
                if code_spans is None:
                    code_spans = code.find_code(text, platform)
                if _is_code(text, start, end, platform, code_spans):
                    continue
            author = authors_by_name[account] if is_marked else None
            replacement = self._replacement(network, account, author)
            if replacement is not None:
                start += len(before) if number <= first_text_form else 0
                spans.append(HandleSpan(start, end, network, account, replacement))
                last_end = end
        return spans


def _find_text_forms(pattern: Any, text: str) -> Iterator[Any]:
    """Yield the matches of a pattern of ``_TEXT_FORMS``; of a plain mention that of _BEGINNING."""
    end = 0
    for beginning in _BEGINNING.finditer(text):
        if beginning.start() < end:
            continue
        match = beginning if beginning[1] else pattern.match(text, beginning.start())
        if match:
            end = match.end()
            yield match


def _select_forms(platform: str) -> str:
    """Return the name of the forms of handles in texts of a platform.

    Where the platform is unknown, a name may have what it may have anywhere.
    """
    if platform in _STRICT_PLATFORMS:
        return "strict"
    return "cjk" if platform in _CJK_PLATFORMS else "any"


@cache
def _load_forms(kind: str, has_page: bool) -> tuple[Any, tuple[HandleForm, ...], int]:
    """Return a pattern, its forms, and the number of the first that is no page; last the mention.

    ``kind`` is of ``_TEXT_FORMS``.
    """
    pages = _PAGE_FORMS if has_page else ()
    forms = (*pages, *_TEXT_FORMS[kind])
    return _compile_forms(forms), forms, len(pages)


def _extend_name(text: str, start: int, end: int, network: str) -> tuple[str, int]:
    """Return the network and the end of a mention after the name of another network."""
    named = _OTHER_NETWORK.search(text, max(0, start - 40), start)
    if not named:
        return network, end
    match = _load_forms("any", False)[0].match(text, start)
    word = named[1].lower()
    return _NETWORK_NAMES.get(word, word), match.end() if match else end


def _is_code(
    text: str, start: int, end: int, platform: str, code_spans: list[code.CodeSpan]
) -> bool:
    """Return whether a mention is code. One with a host is somebody's address even there."""
    if code_spans and code.is_in_code(code_spans, start):
        name = text[start + 1 : end]
        return "@" not in name and not name.endswith(".bsky.social")
    if text[start] not in "@\uff20":
        return False
    if code.is_code_word(text, start, end, platform):
        return True
    root = text.find(".", start, end)
    return root > start + 1 and code.is_code_word(text, start, root, platform)


def merge_spans(spans: Iterable[HandleSpan]) -> list[HandleSpan]:
    """Return handles without overlaps, in the order of the text; the longest one is kept.

    It is extended over the whole overlap.
    """
    merged: list[HandleSpan] = []
    for span in sorted(spans, key=lambda span: (span.start, -span.end)):
        if merged and span.start < merged[-1].end:
            last = merged[-1]
            longest = max(last, span, key=lambda each: each.end - each.start)
            merged[-1] = longest._replace(start=last.start, end=max(last.end, span.end))
        else:
            merged.append(span)
    return merged


def replace_handles(text: str, spans: Sequence[HandleSpan]) -> str:
    """Return the text with each handle replaced; the spans are in the order of the text."""
    parts, end = [], 0
    for span in spans:
        parts += [text[end : span.start], span.replacement]
        end = span.end
    return "".join([*parts, text[end:]])


def _identify_account(network: str, name: str, before: str) -> tuple[str, str]:
    """Return the network of a name, and the name as the author column of its posts has it."""
    name = name.lower().lstrip("@").rstrip(".")
    if "@" in name:
        return "mastodon", name
    if network == "fediverse":
        host = before.split("//", 1)[1].split("/", 1)[0].lower()
        site = _SITES_WITH_AT_PAGES.get(host.removeprefix("www.").removeprefix("m."))
        return (site, name) if site else ("mastodon", f"{name}@{host}")
    if name.startswith("did:") or name.endswith(".bsky.social"):
        return "bluesky", name
    if network == "discord":
        return network, name.strip("<@!>")
    return network, name


def name_account(network: str, name: str) -> str:
    """Return ``network:name`` as the pseudonym of an author is made from it, in lower case.

    A Misskey account's is that of the same account on Mastodon.
    """
    network = "mastodon" if network == "misskey" and "@" in name else network
    return f"{network}:{name}".lower()


@cache
def _compile_forms(forms: tuple[HandleForm, ...]) -> Any:
    """Return one pattern of all forms; each has three groups: before, the name, after."""
    import regex

    parts = [f"({form.before})({form.name})({form.after})" for form in forms]
    return regex.compile("|".join(parts), regex.IGNORECASE)


def parse_allow_list(names: Collection[str]) -> frozenset[tuple[str, str]]:
    """Return the accounts of an allow list, as network and name; an empty network is any.

    ``nasa`` is an account on any network, ``x:nasa`` one on X, ``@a@host`` one on Mastodon.
    """
    return frozenset(_parse_allowed_account(name) for name in names if name.strip())


def _parse_allowed_account(name: str) -> tuple[str, str]:
    network, colon, rest = name.strip().lower().partition(":")
    if not colon or network == "did":
        network, rest = "", name.strip().lower()
    return network, rest.removeprefix("/").removeprefix("u/").lstrip("@\uff20")


def is_allowed(network: str, name: str, allow_list: frozenset[tuple[str, str]]) -> bool:
    """Return whether an account is on an allow list."""
    return ("", name) in allow_list or (network, name) in allow_list
