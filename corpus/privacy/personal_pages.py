"""Recognize communities that are one person's page, by the forms that platforms give these names.

``u_ada`` on Reddit, ``user/ada``, ``@ada``, ``@ada@host``, ``wall123`` and links to people's pages.
"""

from __future__ import annotations

import re

_FORMS = tuple(
    re.compile(form, re.IGNORECASE)
    for form in (
        r"(?:/?r/)?u_([\w-]{2,})",
        r"/?(?:u|users?|profiles?|people|persons?|members?|accounts?|authors?|wall|timeline)"
        r"[/:]\s*@?(.+)",
        r"[@\uff20]([\w.-]+(?:[@:\uff20][\w.-]+)?)",
        r"(?:wall|id)(\d+)",
        # Pages of people on any host, such as https://host/@ada, and on those of people only.
        r"(?:https?://)?(?:[\w-]+\.)+[a-z]{2,}/(?:@|u/|users?/|profile/|in/|people/|~)"
        r"([\w.@:-]+)(?:[/?#].*)?",
        r"(?:https?://)?(?:[\w-]+\.)*facebook\.com/profile\.php\?id=(\d+).*",
        r"(?:https?://)?(?:[\w-]+\.)*(?:facebook|fb|instagram|twitter|x|vk|threads|telegram|t)"
        r"\.(?:com|me|net|ru)/(?!groups?/|pages?/|watch|events?/|club\d|public\d|event\d|i/|r/|c/|"
        r"joinchat|\+|s/|hashtag/|explore/)([\w.]+)/?(?:[?#].*)?",
    )
)


def find_owner(community: str) -> str | None:
    """Return the name of the person whose page a community is; None if it is another's."""
    community = community.strip()
    for form in _FORMS:
        if match := form.fullmatch(community):
            return match[1].rstrip("/") or None
    return None
