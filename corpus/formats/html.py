"""HTML to plain text that keeps paragraphs, lists, code and quotes.

Code becomes a Markdown fence rather than an indented block: it keeps its own indentation, its
language where the page names one, and stays readable inside a list. Images, and the targets of
links that have a name, are left out.
"""

from __future__ import annotations

import re
from html import unescape

from selectolax.lexbor import LexborHTMLParser, LexborNode

# The parser's time grows with the square of the nesting and of the attributes of one tag: what is
# larger than any post a person writes only has its tags taken out.
_MOST_TAGS = 8192
_LONGEST = 1 << 18
# Quotes and lists nested deeper than this are indented no further.
_DEEPEST = 16

_SPACES = " \t\n\r\f"
_TAG = re.compile(r"(<[^<>]*>)")
_ATTRIBUTES = r"((?:[ \n]+[a-zA-Z-]+(?:=\"[^\"<>]*\")?)*)[ \n]*>"
_PLAIN = re.compile(r"<span" + _ATTRIBUTES)
_ANCHOR = re.compile(r"<a" + _ATTRIBUTES)
_HREF = re.compile(r' href="([^"]*)"', re.IGNORECASE)
_STRUCTURE = re.compile(r"<(?:code|pre|[uo]l|blockquote|img|h[1-6]|div|table)\b")
_ENTITY = re.compile(r"&#?\w+;")
_FENCE = re.compile(r"`+")
_LANGUAGE = re.compile(r"\blang(?:uage)?-([\w+#.-]+)")
_NAME = re.compile(r"</?([a-zA-Z][a-zA-Z0-9]*)")

#: The tags of short posts, and the break that stands for each.
_SIMPLE = {
    "<p>": "\n\n",
    "</p>": "\n\n",
    "<br>": "\n",
    "<br/>": "\n",
    "<br />": "\n",
    **{f"<{end}{name}>": "" for name in ("i", "b", "em", "strong", "u", "s") for end in ("", "/")},
    "</span>": "",
    "<wbr>": "",
}
_UNREAD = frozenset(
    ("head", "title", "script", "style", "template", "iframe", "noembed", "noframes", "img")
)
#: How many newlines part these from what is around them.
_GAPS = {
    **dict.fromkeys(("p", "h1", "h2", "h3", "h4", "h5", "h6", "table", "dl", "hr"), 2),
    **dict.fromkeys(("div", "section", "article", "header", "footer", "aside", "main"), 1),
    **dict.fromkeys(("figure", "figcaption", "details", "summary", "tr", "dt", "dd", "form"), 1),
}
_STRIPPED_BREAKS = frozenset((*_GAPS, "br", "li", "ul", "ol", "pre", "blockquote"))
_MARKS = {"sup": "^", "sub": "_"}


def text_of(html: str) -> str:
    """The text of a post's HTML, entities decoded once.

    Paragraphs are parted by a blank line, ``<br>`` is a newline, list items begin with ``- `` or
    ``1. ``, quoted lines with ``> ``; code stands between backticks. A link gives its text, and
    where that is a shortened form of its address, the whole address.
    """
    if "<" not in html:
        return unescape(html) if "&" in html else html
    found = _quickly(html)
    if found is None:
        found = _parsed(html) if _is_small(html) else _stripped(html)
    return found


def _is_small(html: str) -> bool:
    return len(html) <= _LONGEST and html.count("<") <= _MOST_TAGS


def _quickly(html: str) -> str | None:
    """The text of HTML with no more than paragraphs, breaks and links in it; null for any other.

    Most posts are of this kind, and the parser takes longer to set up than this takes.
    """
    if _STRUCTURE.search(html):
        return None
    html = _folded(html)
    if "&#" in html and "<&" not in html:  # Hacker News escapes each slash and apostrophe
        html = html.replace("&#x2F;", "/").replace("&#x27;", "'").replace("&#39;", "'")
    out: list[str] = []
    href, start, split = "", -1, False
    for number, piece in enumerate(_TAG.split(html)):
        if not number & 1:
            if "<" in piece:
                return None
            if "&" in piece:
                piece = _folded(unescape(piece))  # an escaped newline is white space too
            out.append(piece)
        elif (simple := _SIMPLE.get(piece)) is not None:
            if simple and start >= 0:
                return None
            out.append(simple)
        elif piece == "</a>":
            if start < 0:
                return None
            text = "".join(out[start:])
            del out[start:]
            out.append(_link(text, href, split))
            start = -1
        elif match := _ANCHOR.fullmatch(piece):
            if start >= 0:
                return None
            target = _HREF.search(match[1])
            href = target[1] if target else ""
            if "&" in href:
                href = _ENTITY.sub(lambda entity: unescape(entity[0]), href)
            start, split = len(out), False
        elif match := _PLAIN.fullmatch(piece):
            split = split or "invisible" in match[1]
        else:
            return None
    if start >= 0:
        return None
    text = "".join(out)
    return _tidied(text)


def _folded(text: str) -> str:
    """Each run of white space as one space. No regex: they walk through a text far more slowly."""
    for space in "\n\t\r\f":
        if space in text:
            text = text.replace(space, " ")
    while "  " in text:
        text = text.replace("  ", " ")
    return text


def _tidied(text: str) -> str:
    """Lines without space around them, and no more than one blank line between two."""
    if "\n" in text:
        text = "\n".join([line.strip(_SPACES) for line in text.split("\n")])
    while "\n\n\n" in text:
        text = text.replace("\n\n\n", "\n\n")
    while "  " in text:
        text = text.replace("  ", " ")
    return text.strip(_SPACES)


def _link(text: str, href: str, split: bool) -> str:
    """What stands for a link: its text, or all of its address where the text is part of that.

    ``split``: parts of the text are hidden, as Mastodon does with long addresses.
    """
    if split:
        return href if "://" in href else text
    if text.endswith(("...", "\u2026")):
        shown = text.rstrip(".\u2026")
        if shown and (href.startswith(shown) or href.partition("://")[2].startswith(shown)):
            return href
    return text


def _parsed(html: str) -> str:
    root = LexborHTMLParser(html).root
    page = _Page()
    node = root.child if root is not None else None
    above: list[LexborNode] = []
    # No recursion: a post may nest as deep as it likes.
    while node is not None:
        child = node.child if page.enter(node) else None
        if child is not None:
            above.append(node)
            node = child
            continue
        page.leave(node)
        while (following := node.next) is None and above:
            node = above.pop()
            page.leave(node)
        node = following
    return "".join(page.out)


class _Page:
    """The text so far, and what is to come before the next word of it."""

    def __init__(self) -> None:
        self.out: list[str] = []
        self.gap = 0  # newlines
        self.space = False
        self.levels: list[_Level] = []
        self.shared = 0  # of the levels, how many have been open since the last word
        self.lists: list[int] = []  # the number of each open list's next item; 0: no numbers
        self.links = 0

    def enter(self, node: LexborNode) -> bool:
        """Begin an element, or write a text; whether to look inside."""
        tag = node.tag
        if tag == "-text":
            self.write(node.text_content or "")
        elif tag == "br":
            self.part(min(2, self.gap + 1))
        elif tag in _GAPS:
            self.part(_GAPS[tag])
            return True
        elif tag == "a":
            return self._anchor(node)
        elif tag == "code":
            self._code(node)
        elif tag == "pre":
            self._block(node)
        elif tag == "blockquote":
            self.part(2)
            self.levels.append(_Level("> ", None))
            return True
        elif tag in ("ul", "ol"):
            self.part(1 if self.lists else 2)
            self.lists.append(_first(node) if tag == "ol" else 0)
            return True
        elif tag == "li":
            self._item()
            return True
        elif tag in ("td", "th"):
            if node.prev is not None and not self.gap:
                self.write(" | ")
            return True
        elif tag not in _UNREAD:
            if tag in _MARKS:
                self.write(_MARKS[tag])
            return True
        return False

    def leave(self, node: LexborNode) -> None:
        """End an element."""
        tag = node.tag
        if tag in _GAPS:
            self.part(_GAPS[tag])
        elif tag == "a":
            self.links -= 1
        elif tag in ("blockquote", "li"):
            self.levels.pop()
            self.shared = min(self.shared, len(self.levels))
            self.part(2 if tag == "blockquote" else 1)
        elif tag in ("ul", "ol"):
            self.lists.pop()
            self.part(1 if self.lists else 2)

    def part(self, newlines: int) -> None:
        """Ask for so many newlines before the next word."""
        self.gap = max(self.gap, newlines)
        self.space = False

    def write(self, text: str) -> None:
        """Add running text, its white space folded."""
        text = _folded(text)
        words = text.strip(" ")
        if not words:
            self.space = self.space or bool(text)
            return
        if not self._begin_line() and (self.space or text[0] == " "):
            self.out.append(" ")
        self.out.append(words)
        self.space = text[-1] == " "

    def _begin_line(self) -> bool:
        """Write the newlines asked for and what each line begins with; whether there were any."""
        if self.out and not self.gap:
            return False
        if self.out:
            if self.gap > 1:
                shared = "".join(level.indent for level in self.levels[: self.shared])
                self.out.append("\n" + shared.rstrip())
            self.out.append("\n")
        self.out.append("".join([level.next() for level in self.levels[:_DEEPEST]]))
        self.gap, self.space, self.shared = 0, False, min(len(self.levels), _DEEPEST)
        return True

    def _item(self) -> None:
        number = self.lists[-1] if self.lists else 0
        mark = f"{number}. " if number else "- "
        if number:
            self.lists[-1] += 1
        self.part(1)
        self.levels.append(_Level(" " * len(mark), mark))

    def _anchor(self, node: LexborNode) -> bool:
        self.links += 1
        if self.links > 1:  # one in another, which no page shows
            return True
        href = node.attributes.get("href") or ""
        text = node.text()
        shown = _link(text, href, _has_hidden(node))
        if shown == text:
            return True
        self.write(shown)
        return False

    def _code(self, node: LexborNode) -> None:
        code = _folded(_verbatim(node))
        if not code.strip(" "):
            return self.write(code)
        marks = "`" * (1 + _longest_run(code)) if "`" in code else "`"
        # Markdown's own way with code that holds a backtick.
        self.write(f"{marks} {code.strip(' ')} {marks}" if "`" in code else f"`{code}`")

    def _block(self, node: LexborNode) -> None:
        lines = _verbatim(node).replace("\r\n", "\n").strip("\n").split("\n")
        self.part(2)
        if lines != [""]:
            fence = "`" * max(3, 1 + _longest_run("\n".join(lines)))
            for line in (fence + _language(node), *lines, fence):
                self.part(1)
                self._begin_line()
                self.out[-1] = (self.out[-1] + line) if line else self.out[-1].rstrip(" ")
        self.part(2)


class _Level:
    """What the lines of a quote or of a list's item begin with: the first, and the others."""

    def __init__(self, indent: str, mark: str | None) -> None:
        self.indent = indent
        self._mark = mark

    def next(self) -> str:
        mark, self._mark = self._mark, None
        return self.indent if mark is None else mark


def _first(node: LexborNode) -> int:
    start = node.attributes.get("start") or ""
    return int(start) if start.isdecimal() and len(start) < 10 and int(start) else 1


def _has_hidden(node: LexborNode) -> bool:
    child = node.child
    while child is not None:
        if child.tag == "span" and "invisible" in (child.attributes.get("class") or ""):
            return True
        child = child.next
    return False


def _verbatim(node: LexborNode) -> str:
    """All text inside, as it stands; a break is a newline."""
    found: list[str] = []
    unread = False
    for inner in node.traverse(include_text=True):
        tag = inner.tag
        if tag == "-text" and not unread:
            found.append(inner.text_content or "")
        elif tag == "br":
            found.append("\n")
        unread = tag in ("script", "style")  # its one child is its text
    return "".join(found)


def _longest_run(code: str) -> int:
    return max((len(run) for run in _FENCE.findall(code)), default=0)


def _language(node: LexborNode) -> str:
    """The language that the block, or the code right in it, says it is in; '' if none."""
    for named in (node, node.child):
        if named is not None and named.is_element_node:
            match = _LANGUAGE.search(named.attributes.get("class") or "")
            if match and match[1] not in ("none", "default"):
                return match[1]
    return ""


def _stripped(html: str) -> str:
    """The text between the tags, for HTML too large to parse."""
    out: list[str] = []
    unread = ""  # the script or style that is open
    for number, piece in enumerate(_TAG.split(html)):
        if not number & 1:
            if not unread:
                out.append(piece)
            continue
        match = _NAME.match(piece)
        name = match[1].lower() if match else ""
        if unread:
            if name == unread and piece[1] == "/":
                unread = ""
        elif name in ("script", "style") and piece[1] != "/":
            unread = name
        elif name in _STRIPPED_BREAKS:
            out.append("\n")
    return _tidied(unescape("".join(out)))
