"""People's names on platforms, in the forms that posts write them, and links to their pages.

``@name`` (X and most others), ``@name@host`` (Mastodon), ``@name.bsky.social``, ``u/name``
(Reddit), ``<@123>`` (Discord), and addresses of pages such as ``t.me/name`` or
``x.com/name/status/1``, of which what follows the name goes too: the number of a post leads to
its author as well as the name does.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from functools import cache
from typing import Any, NamedTuple

import polars as pl

# A name may be followed by a host (Mastodon) or be a domain (Bluesky). Only these endings make
# it a domain: "@bob.Thanks" is a name, a full stop and a word. A name needs a letter, or
# "lunch @12" would be one. It starts where no word goes on: in "joe@localhost" there is none.
_NAME = r"[0-9_]*[A-Za-z_][A-Za-z0-9_]*"
_HOST = r"(?:[.-][A-Za-z0-9_-]+)*@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.[A-Za-z][A-Za-z0-9-]+"
_ENDINGS = "social|bsky[.]team|com|net|org|edu|gov|io|dev|xyz|uk|de|fr|jp|br|eu|ca|au"
_DOMAIN = rf"(?:[.-][A-Za-z0-9-]+)*?\.(?:{_ENDINGS})\b"
_REDDITOR = "[A-Za-z0-9_-]{3,20}"
_BEFORE = r"\p{Latin}\p{N}_"

# What is left of an address behind the name in it.
_REST = r"(?:[/?#][^\s<>\"'()\[\]{}]*)?"
_WWW = r"(?:(?:www|m|mobile|old|new|np|i|web|[a-z]{2}-[a-z]{2})\.)?"
# A path that is a page of the site, not of a person.
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


# Hosts whose pages of persons have a form of their own.
_OWN_FORM = (
    r"(?:[a-z0-9-]+\.)*(?:bsky\.app|reddit\.com|redd\.it|snapchat\.com|discord(?:app)?\.com|"
    r"stackoverflow\.com|stackexchange\.com|serverfault\.com|superuser\.com|askubuntu\.com|"
    r"mathoverflow\.net|stackapps\.com)/"
)


class Form(NamedTuple):
    """A form of naming somebody: whose names they are, and the pattern around ``{name}``.

    ``network`` is empty where the names are those of the post's own platform.
    """

    network: str
    before: str
    name: str
    after: str = ""


def _site(network: str, hosts: str, name: str, pages: str = "") -> Form:
    """``host/name``, but for the site's own pages."""
    own = rf"(?!(?:{pages})(?:[/?#\s]|$))" if pages else ""
    return Form(network, rf"\b{_WWW}(?:{hosts})/{own}", name, _REST)


_PAGES = (
    _site("x", r"twitter\.com|x\.com|nitter\.net", r"@?[A-Za-z0-9_]{1,15}", _SITE_PAGES["x"]),
    _site("instagram", r"instagram\.com/stories|instagram\.com|instagr\.am", r"[A-Za-z0-9._]{1,30}",
          _SITE_PAGES["instagram"]),
    Form("facebook", rf"\b{_WWW}(?:facebook|fb)\.com/(?:people/[^/\s]+/|profile\.php\?id=)",
         r"\d{5,}", r"(?:[/?&#][^\s<>\"'()\[\]{}]*)?"),
    _site("facebook", r"facebook\.com|fb\.com|fb\.me", r"[A-Za-z0-9.]{3,50}",
          _SITE_PAGES["facebook"]),
    _site("telegram", r"(?:t|telegram)\.me/s|(?:t|telegram)\.me|telegram\.dog",
          r"(?:\+|joinchat/)?[A-Za-z0-9_-]{3,32}", _SITE_PAGES["telegram"]),
    Form("telegram", r"\btg://(?:resolve\?domain=|user\?id=)", r"[A-Za-z0-9_]+", r"(?:&\S*)?"),
    _site("youtube", r"youtube\.com/(?:user|c|channel)", r"[\w.-]{1,60}"),
    _site("linkedin", r"linkedin\.com/in", r"[\w%.-]{2,100}"),
    _site("bluesky", r"(?:bsky\.app|staging\.bsky\.app)/profile", r"[A-Za-z0-9.:_-]{3,255}"),
    _site("snapchat", r"snapchat\.com/add", r"[A-Za-z0-9._-]{3,30}"),
    _site("reddit", r"(?:reddit|redd)\.(?:com|it)/u(?:ser)?", _REDDITOR),
    Form("hackernews", r"\bnews\.ycombinator\.com/user\?id=", r"[A-Za-z0-9_-]{2,15}"),
    _site("stackexchange", r"(?:[a-z]{1,63}\.){0,4}(?:stackoverflow|stackexchange|serverfault|"
          r"superuser|askubuntu|mathoverflow|stackapps)\.(?:com|net)/users", r"\d+"),
    _site("discord", r"(?:discord|discordapp)\.com/users", r"\d{15,21}"),
    _site("github", r"github\.com", r"[A-Za-z0-9-]{1,39}(?=/?(?:[\s?#)\]>\"',;!]|\.?$|\.\s))",
          _SITE_PAGES["github"]),
    _site("twitch", r"twitch\.tv", r"[A-Za-z0-9_]{4,25}", _SITE_PAGES["twitch"]),
    _site("vk", r"vk\.com", r"[A-Za-z0-9_.]{3,32}", _SITE_PAGES["vk"]),
    _site("pages", r"patreon\.com|onlyfans\.com|keybase\.io|ko-fi\.com|linktr\.ee|paypal\.me|"
          r"venmo\.com(?:/u)?|soundcloud\.com|curiouscat\.(?:me|qa|live)",
          r"[A-Za-z0-9_.-]{2,40}", "about|login|search|pricing|help|signup|posts|explore"),
    Form("cashapp", r"\bcash\.app/\$", r"[A-Za-z0-9_-]{1,20}"),
    # Any host's page of somebody: Mastodon, Lemmy, Threads, TikTok, Medium, YouTube, Pixelfed.
    Form("fediverse", rf"https?://(?!{_OWN_FORM})[A-Za-z0-9.-]+/(?:@|users/@?|u/|profile/@?)",
         r"[A-Za-z0-9_.-]+(?:@[A-Za-z0-9.-]+)?", _REST),
)  # fmt: skip
_PLAIN = (
    Form("discord", "<@!?", r"\d{15,21}", ">"),
    Form("reddit", rf"(?:^|(?<=[^{_BEFORE}/]))/?u/", _REDDITOR),
    Form("", rf"(?:^|(?<=[^{_BEFORE}@\uFF20]))[@\uFF20]", rf"{_NAME}(?:{_HOST}|{_DOMAIN})?"),
)

#: What an address of a page holds, and what the other forms do: polars looks for these first, in
#: any letter case, before Python is asked.
_PAGE_SIGNS = [
    "twitter.com/", "x.com/", "nitter.net/", "instagram.com/", "instagr.am/", "facebook.com/",
    "fb.com/", "fb.me/", "t.me/", "telegram.me/", "telegram.dog/", "tg://", "youtube.com/",
    "linkedin.com/", "bsky.app/", "snapchat.com/", "reddit.com/u", "redd.it/u", "user?id=",
    "/users/", "/profile/", "github.com/", "twitch.tv/", "vk.com/", "patreon.com/",
    "onlyfans.com/", "keybase.io/", "ko-fi.com/", "linktr.ee/", "paypal.me/", "venmo.com/",
    "soundcloud.com/", "curiouscat.", "cash.app/", "/@", "/u/",
]  # fmt: skip
_PLAIN_SIGNS = ["@", "\uff20", "u/"]

#: (network, name, author if that is something else) to what stands in its place, or null.
Shown = Callable[[str, str, "str | None"], "str | None"]
NOBODY: Mapping[str, str] = {}


class Handles:
    """Find handles of every form and put something else in their place.

    ``show`` is given whose names they are (the platform of the post, where the form does not say)
    and the name in lower case; null leaves a handle as it is.
    """

    def __init__(self, show: Shown) -> None:
        self._show = show

    def replace(
        self, texts: pl.Series, platforms: pl.Series | None, mentions: pl.Series | None
    ) -> dict[int, tuple[str, int]]:
        """By row: the new text, and how many handles were replaced. Other rows have none.

        ``mentions`` holds ``name=author`` pairs where authors go by something else than names.
        """
        pages = texts.str.contains_any(_PAGE_SIGNS, ascii_case_insensitive=True)
        plain = texts.str.contains_any(_PLAIN_SIGNS, ascii_case_insensitive=True)
        rows = (pages | plain).arg_true()
        own = platforms.gather(rows).to_list() if platforms is not None else [None] * len(rows)
        found: dict[int, tuple[str, int]] = {}
        people = mentions.gather(rows).to_list() if mentions is not None else [None] * len(rows)
        chosen = zip(
            rows.to_list(), own, texts.gather(rows), pages.gather(rows), people, strict=True
        )
        for row, platform, text, has_page, named in chosen:
            known = dict(pair.split("=", 1) for pair in named.split(" ")) if named else {}
            new, count = self.replace_one(text, platform or "", has_page, known)
            if count:
                found[row] = (new, count)
        return found

    def begins(self, text: str, at: int) -> bool:
        """Whether a handle begins at a place in a text."""
        return _pattern(_PLAIN).match(text, at) is not None

    def replace_one(
        self, text: str, platform: str, has_page: bool = True, known: Mapping[str, str] = NOBODY
    ) -> tuple[str, int]:
        """A text with its handles replaced, and how many there were."""
        forms = (*_PAGES, *_PLAIN) if has_page else _PLAIN
        count = 0

        def instead(match: Any) -> str:
            nonlocal count
            form = forms[match.lastindex // 3 - 1]
            before, name, _ = match.group(*range(match.lastindex - 2, match.lastindex + 1))
            network, called = _whose(form.network or platform, name, before)
            shown = self._show(network, called, known.get(called) if network == platform else None)
            if shown is None:
                return str(match.group())
            count += 1
            return shown if form in _PLAIN else before + shown

        return _pattern(forms).sub(instead, text), count


def _whose(network: str, name: str, before: str) -> tuple[str, str]:
    """The network that a name is of, and the name as its posts' author column would have it."""
    name = name.lower().lstrip("@").rstrip(".")
    if "@" in name:
        return "mastodon", name
    if network == "fediverse":
        host = before.split("//", 1)[1].split("/", 1)[0].lower()
        known = {"tiktok.com": "tiktok", "youtube.com": "youtube", "medium.com": "medium",
                 "threads.net": "threads", "threads.com": "threads"}  # fmt: skip
        bare = host.removeprefix("www.").removeprefix("m.")
        return (known[bare], name) if bare in known else ("mastodon", f"{name}@{host}")
    if name.startswith("did:") or name.endswith(".bsky.social"):
        return "bluesky", name
    if network == "discord":
        return network, name.strip("<@!>")
    return network, name


@cache
def _pattern(forms: tuple[Form, ...]) -> Any:
    """Forms in one pattern, three groups to a form: what stands before, the name, the rest."""
    import regex

    parts = [f"({form.before})({form.name})({form.after})" for form in forms]
    return regex.compile("|".join(parts), regex.IGNORECASE)


def public(names: Collection[str]) -> frozenset[tuple[str, str]]:
    """An allow list, ready: ``nasa`` anywhere, ``x:nasa`` on X, ``@a@host`` on Mastodon."""
    return frozenset(_public(name) for name in names if name.strip())


def _public(name: str) -> tuple[str, str]:
    network, colon, rest = name.strip().lower().partition(":")
    if not colon or re.fullmatch(r"did", network):
        network, rest = "", name.strip().lower()
    return network, rest.removeprefix("/").removeprefix("u/").lstrip("@\uff20")


def is_public(network: str, name: str, listed: frozenset[tuple[str, str]]) -> bool:
    """Whether somebody is on an allow list."""
    return ("", name) in listed or (network, name) in listed
