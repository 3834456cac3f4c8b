"""The articles in an X archive (``article.js``): long texts with a title, each shown by a tweet.

X documents no fields of this file, so those names are looked for that its API and its pages have.
The tweet that shows an article consists of the link to it, or of a remark and the link.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import msgspec

from corpus.formats.times import parse_given_micros
from corpus.readers.contract import JsonScalar, Refused
from corpus.readers.text_parts import join_title
from corpus.readers.x.common import parse_x_id

_ADDRESS = re.compile(r"https?://(?:www\.|mobile\.)?(?:x|twitter)\.com/i/articles?/([0-9]{1,19})\b")
_PUBLISHED = ("published", "live", "active", "public")


class Article(NamedTuple):
    """An article of the archive's owner."""

    id: str
    tweet: str  # the id of the tweet that shows it, or empty
    text: str  # with its title
    created: int | None  # microseconds
    is_public: bool  # whether it is published, or does not say so
    source_file: str = ""
    source_row: int = 0


class Articles:
    """The articles of an archive, by the tweets that show them."""

    def __init__(self, articles: Iterable[Article] = ()) -> None:
        self._rest = dict(enumerate(articles))
        self._by_id = {article.id: number for number, article in self._rest.items()}
        self._by_tweet = {
            article.tweet: number for number, article in self._rest.items() if article.tweet
        }

    def __bool__(self) -> bool:
        """Return whether there are articles that no tweet has shown so far."""
        return bool(self._rest)

    def add_to(self, text: str, tweet: str, targets: Iterable[tuple[str, str]]) -> str:
        """Return a tweet's text with the article that it shows in place of the link to it.

        ``targets`` are the links in the tweet: as the text may have them, and where they lead.
        """
        written = ((found[0], found[0]) for found in _ADDRESS.finditer(text))
        for shown, target in (*targets, *written):
            found = _ADDRESS.match(target)
            article = self._take(self._by_id.get(found[1])) if found else None
            if article is not None:
                remark = text.replace(target, "").replace(shown, "").strip()
                return "\n\n".join(filter(None, (remark, article.text)))
        article = self._take(self._by_tweet.get(tweet))
        return text if article is None else "\n\n".join(filter(None, (text.strip(), article.text)))

    def _take(self, number: int | None) -> Article | None:
        """Return an article that is public, and that no tweet has shown so far."""
        article = self._rest.get(number) if number is not None else None
        if number is None or article is None or not article.is_public:
            return None
        return self._rest.pop(number)

    def iter_rest(self) -> Iterator[Article]:
        """Yield the articles that no tweet has shown, drafts among them."""
        yield from self._rest.values()


_parse = msgspec.json.Decoder(dict[str, Any]).decode


def parse_article(element: bytes) -> Article:
    """Parse an element of ``article.js``; raises ``Refused`` without an id or a text."""
    row = _parse(element)
    for key in ("article", "articleMetadata"):
        if isinstance(row.get(key), dict):
            row = row[key]
    name = _find_id(row, "id", "articleId", "article_id", "rest_id", "restId")
    if not name:
        raise Refused("no_id")
    body = _find_body(row)
    title = _find_text(row, "title", "articleTitle")
    if not body and not title:
        raise Refused("no_text")
    state = _find_text(row, "lifecycleState", "lifecycle_state", "status", "state")
    return Article(
        name,
        _find_id(row, "tweetId", "tweet_id", "postId", "post_id"),
        join_title(title, body),
        parse_given_micros(
            _find(row, "publishedAt", "firstPublishedAt", "createdAt", "created_at")
        ),
        not state or state.lower() in _PUBLISHED,
    )


def _find(row: dict[str, Any], *keys: str) -> JsonScalar:
    values = (row.get(key) for key in keys)
    return next((value for value in values if isinstance(value, str | int | float)), None)


def _find_id(row: dict[str, Any], *keys: str) -> str:
    return next(filter(None, (parse_x_id(None, _find(row, key)) for key in keys)), "")


def _find_text(row: dict[str, Any], *keys: str) -> str:
    return next((row[key] for key in keys if isinstance(row.get(key), str) and row[key]), "")


def _find_body(row: dict[str, Any]) -> str:
    """Return the text of an article: the paragraphs of its blocks, or its plain text."""
    for key in ("contentState", "content_state", "content", "body"):
        content = row.get(key)
        blocks = content.get("blocks") if isinstance(content, dict) else None
        if isinstance(blocks, list):
            lines = [block.get("text") for block in blocks if isinstance(block, dict)]
            shown = [line.strip() for line in lines if isinstance(line, str)]
            return "\n\n".join(filter(None, shown))
    keys = ("plainText", "plain_text", "text", "body", "content", "previewText", "preview_text")
    return _find_text(row, *keys).strip()
