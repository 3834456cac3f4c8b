"""Convert HTML to plain text with its paragraphs, lists, code and quotes.

Code becomes a fenced Markdown block and not an indented one, so that it keeps its own indentation
and its language, and is readable in a list. The targets of links that have a text are dropped, and
so are images, whose descriptions are read on request.
"""

from __future__ import annotations

import re
from html import unescape

from selectolax.lexbor import LexborHTMLParser, LexborNode

# The parser takes quadratic time for nested tags and for the attributes of one tag. HTML that is
# larger than any real post only has its tags removed.
_MAX_TAGS = 8192
_MAX_PARSED_CHARS = 1 << 18
# Quotes and lists below this level are not indented further.
_MAX_INDENT_LEVELS = 16

_SPACES = " \t\n\r\f"
_TAG = re.compile(r"(<[^<>]*>)")
_ATTRIBUTES = r"((?:[ \n]+[a-zA-Z-]+(?:=\"[^\"<>]*\")?)*)[ \n]*>"
_SPAN = re.compile(r"<span" + _ATTRIBUTES)
_ANCHOR = re.compile(r"<a" + _ATTRIBUTES)
_HREF = re.compile(r' href="([^"]*)"', re.IGNORECASE)
_STRUCTURE = re.compile(r"<(?:code|pre|[uo]l|blockquote|img|h[1-6]|div|table)\b")
_ENTITY = re.compile(r"&#?\w+;")
_FENCE = re.compile(r"`+")
_LANGUAGE = re.compile(r"\blang(?:uage)?-([\w+#.-]+)")
_TAG_NAME = re.compile(r"</?([a-zA-Z][a-zA-Z0-9]*)")

#: The tags of short posts, and the text that replaces each.
_SIMPLE_TAGS = {
    "<p>": "\n\n",
    "</p>": "\n\n",
    "<br>": "\n",
    "<br/>": "\n",
    "<br />": "\n",
    **{f"<{end}{name}>": "" for name in ("i", "b", "em", "strong", "u", "s") for end in ("", "/")},
    "</span>": "",
    "<wbr>": "",
}
_IGNORED_TAGS = frozenset(
    ("head", "title", "script", "style", "template", "iframe", "noembed", "noframes", "img")
)
#: The number of newlines before and after these elements.
_BLOCK_NEWLINES = {
    **dict.fromkeys(("p", "h1", "h2", "h3", "h4", "h5", "h6", "table", "dl", "hr"), 2),
    **dict.fromkeys(("div", "section", "article", "header", "footer", "aside", "main"), 1),
    **dict.fromkeys(("figure", "figcaption", "details", "summary", "tr", "dt", "dd", "form"), 1),
}
_LINE_BREAK_TAGS = frozenset((*_BLOCK_NEWLINES, "br", "li", "ul", "ol", "pre", "blockquote"))
_SCRIPT_MARKS = {"sup": "^", "sub": "_"}


def html_to_text(html: str, hidden_class: str = "", with_alt: bool = False) -> str:
    """Convert a post's HTML to text; entities are decoded once.

    Elements of the class ``hidden_class`` are left out with all that is in them. ``with_alt``: an
    image becomes its description.

    Paragraphs are separated by a blank line, ``<br>`` is a newline, list items begin with ``- `` or
    ``1. ``, and quoted lines with ``> ``; code is put between backticks. A link becomes its text,
    or the complete address if the text is a shortened form of it.
    """
    if "<" not in html:
        return unescape(html) if "&" in html else html
    text = None if hidden_class else _convert_simple_html(html)
    if text is None:
        is_small = _is_small(html)
        text = _convert_parsed_html(html, hidden_class, with_alt) if is_small else _strip_tags(html)
    return text


def _is_small(html: str) -> bool:
    return len(html) <= _MAX_PARSED_CHARS and html.count("<") <= _MAX_TAGS


def _convert_simple_html(html: str) -> str | None:
    """Convert HTML of paragraphs, breaks and links only; null for any other.

    Most posts are of this kind, and setting up the parser takes longer than this function.
    """
    if _STRUCTURE.search(html):
        return None
    html = _collapse_spaces(html)
    if "&#" in html and "<&" not in html:  # Hacker News escapes each slash and apostrophe
        html = html.replace("&#x2F;", "/").replace("&#x27;", "'")
        html = html.replace("&#39;", "'").replace("&#039;", "'")
    html = html.replace("</p><p>", "<p>")
    # Texts and tags take turns. Each becomes the text that replaces it.
    pieces = _TAG.split(html)
    if html.count("<") > len(pieces) // 2:
        return None
    if "&" in html:
        for number in range(0, len(pieces), 2):
            text = pieces[number]
            if "&" in text:
                text = text.replace("&gt;", ">").replace("&quot;", '"')  # mostly all of them
                if "&" in text:  # an escaped newline is white space, too
                    text = _collapse_spaces(unescape(text))
                pieces[number] = text
    href, link_start, is_hidden = "", 0, False  # the number of the open link's tag, or 0
    for number in range(1, len(pieces), 2):
        tag = pieces[number]
        if (simple := _SIMPLE_TAGS.get(tag)) is not None:
            if simple and link_start:
                return None
            pieces[number] = simple
        elif tag == "</a>":
            if not link_start:
                return None
            pieces[number] = ""
            text = "".join(pieces[link_start:number])
            pieces[link_start:number] = [""] * (number - link_start)
            pieces[link_start] = _format_link(text, href, is_hidden)
            link_start = 0
        elif match := _ANCHOR.fullmatch(tag):
            if link_start:
                return None
            target = _HREF.search(match[1])
            href = target[1] if target else ""
            if "&" in href:
                href = _ENTITY.sub(lambda entity: unescape(entity[0]), href)
            pieces[number], link_start, is_hidden = "", number, False
        elif match := _SPAN.fullmatch(tag):
            pieces[number], is_hidden = "", is_hidden or "invisible" in match[1]
        else:
            return None
    return None if link_start else _trim_lines("".join(pieces))


def _collapse_spaces(text: str) -> str:
    """Replace each run of white space by one space; faster than a regular expression."""
    if "\n" in text or "\t" in text or "\r" in text or "\f" in text:
        for space in "\n\t\r\f":
            text = text.replace(space, " ")
    while "  " in text:
        text = text.replace("  ", " ")
    return text


def _trim_lines(text: str) -> str:
    """Strip each line, and keep at most one blank line between two."""
    text = text.strip(_SPACES)
    if "\n" in text:
        has_spaces = " \n" in text or "\n " in text
        if has_spaces or "\t" in text or "\r" in text or "\f" in text:
            text = "\n".join([line.strip(_SPACES) for line in text.split("\n")])
        while "\n\n\n" in text:
            text = text.replace("\n\n\n", "\n\n")
    while "  " in text:
        text = text.replace("  ", " ")
    return text


def _format_link(text: str, href: str, has_hidden_parts: bool) -> str:
    """Return the text of a link, or its complete address if the text is a shortened form of it.

    ``has_hidden_parts``: a part of the text is hidden, as in Mastodon's long addresses.
    """
    if has_hidden_parts:
        return href if "://" in href else text
    if text.endswith(("...", "\u2026")):
        start = text.rstrip(".\u2026")
        if start and (href.startswith(start) or href.partition("://")[2].startswith(start)):
            return href
    return text


def _convert_parsed_html(html: str, hidden_class: str = "", with_alt: bool = False) -> str:
    parser = LexborHTMLParser(html)
    for element in parser.css(f".{hidden_class}") if hidden_class else ():
        if element.tag == "html":
            return ""  # the parser removes no whole page
        element.decompose()
    root = parser.root
    page = _TextWriter(with_alt)
    node = root.child if root is not None else None
    ancestors: list[tuple[LexborNode, str]] = []
    # Without recursion, because the depth of nesting is not bounded.
    while node is not None:
        tag = node.tag or ""
        if tag == "-text":
            page.write(node.text_content or "")
        else:
            child = node.child if page.enter_element(node, tag) else None
            if child is not None:
                ancestors.append((node, tag))
                node = child
                continue
            page.exit_element(tag)
        while (following := node.next) is None and ancestors:
            node, tag = ancestors.pop()
            page.exit_element(tag)
        node = following
    return "".join(page.out)


class _TextWriter:
    """Builds the text, with pending line breaks and spaces before the next word."""

    def __init__(self, with_alt: bool = False) -> None:
        self.with_alt = with_alt
        self.out: list[str] = []
        self.pending_newlines = 0  # newlines
        self.pending_space = False
        self.indents: list[_Indent] = []
        self.shared_indents = 0  # the number of indents that were open at the last word
        self.list_numbers: list[
            int
        ] = []  # the number of the next item of each open list; 0 for a list without numbers
        self.open_links = 0

    def enter_element(self, node: LexborNode, tag: str) -> bool:
        """Begin an element, and return whether to visit its children."""
        if tag == "br":
            self.break_lines(min(2, self.pending_newlines + 1))
        elif tag in _BLOCK_NEWLINES:
            self.break_lines(_BLOCK_NEWLINES[tag])
            return True
        elif tag == "a":
            return self._anchor(node)
        elif tag == "code":
            self._code(node)
        elif tag == "pre":
            self._block(node)
        elif tag == "blockquote":
            self.break_lines(2)
            self.indents.append(_Indent("> ", None))
            return True
        elif tag in ("ul", "ol"):
            self.break_lines(1 if self.list_numbers else 2)
            self.list_numbers.append(_first_list_number(node) if tag == "ol" else 0)
            return True
        elif tag == "li":
            self._item()
            return True
        elif tag in ("td", "th"):
            if node.prev is not None and not self.pending_newlines:
                self.write(" | ")
            return True
        elif tag == "img" and self.with_alt:
            self.write(f" {node.attributes.get('alt') or ''} ")
        elif tag not in _IGNORED_TAGS:
            if tag in _SCRIPT_MARKS:
                self.write(_SCRIPT_MARKS[tag])
            return True
        return False

    def exit_element(self, tag: str) -> None:
        """End an element."""
        if tag in _BLOCK_NEWLINES:
            self.break_lines(_BLOCK_NEWLINES[tag])
        elif tag == "a":
            self.open_links -= 1
        elif tag in ("blockquote", "li"):
            self.indents.pop()
            self.shared_indents = min(self.shared_indents, len(self.indents))
            self.break_lines(2 if tag == "blockquote" else 1)
        elif tag in ("ul", "ol"):
            self.list_numbers.pop()
            self.break_lines(1 if self.list_numbers else 2)

    def break_lines(self, newlines: int) -> None:
        """Require at least ``newlines`` line breaks before the next word."""
        self.pending_newlines = max(self.pending_newlines, newlines)
        self.pending_space = False

    def write(self, text: str) -> None:
        """Append text, with each run of white space as one space."""
        words = text.strip(_SPACES)
        if not words:
            self.pending_space = self.pending_space or bool(text)
            return
        goes_on = self.out and not self.pending_newlines
        if not goes_on:
            self._begin_line()
        elif self.pending_space or text[0] in _SPACES:
            self.out.append(" ")
        self.out.append(_collapse_spaces(words))
        self.pending_space = text[-1] in _SPACES

    def _begin_line(self) -> None:
        """Write the pending line breaks and indents."""
        if self.out:
            if self.pending_newlines > 1:
                shared = "".join(level.prefix for level in self.indents[: self.shared_indents])
                self.out.append("\n" + shared.rstrip())
            self.out.append("\n")
        self.out.append(
            "".join([level.take_prefix() for level in self.indents[:_MAX_INDENT_LEVELS]])
        )
        self.pending_newlines, self.pending_space, self.shared_indents = (
            0,
            False,
            min(len(self.indents), _MAX_INDENT_LEVELS),
        )

    def _item(self) -> None:
        number = self.list_numbers[-1] if self.list_numbers else 0
        mark = f"{number}. " if number else "- "
        if number:
            self.list_numbers[-1] += 1
        self.break_lines(1)
        self.indents.append(_Indent(" " * len(mark), mark))

    def _anchor(self, node: LexborNode) -> bool:
        self.open_links += 1
        if self.open_links > 1:  # a nested link, which browsers do not display
            return True
        href = node.attributes.get("href") or ""
        text = node.text()
        formatted = _format_link(text, href, _has_hidden_parts(node))
        if formatted == text:
            return True
        self.write(formatted)
        return False

    def _code(self, node: LexborNode) -> None:
        code = _collapse_spaces(_read_raw_text(node))
        if not code.strip(" "):
            return self.write(code)
        marks = "`" * (1 + _longest_backtick_run(code)) if "`" in code else "`"
        # Markdown's syntax for code that contains a backtick.
        self.write(f"{marks} {code.strip(' ')} {marks}" if "`" in code else f"`{code}`")

    def _block(self, node: LexborNode) -> None:
        lines = _read_raw_text(node).replace("\r\n", "\n").strip("\n").split("\n")
        self.break_lines(2)
        if lines != [""]:
            fence = "`" * max(3, 1 + _longest_backtick_run("\n".join(lines)))
            for line in (fence + _find_code_language(node), *lines, fence):
                self.break_lines(1)
                self._begin_line()
                self.out[-1] = (self.out[-1] + line) if line else self.out[-1].rstrip(" ")
        self.break_lines(2)


class _Indent:
    """The prefix of the lines of a quote or of a list item; the first line may have its own."""

    def __init__(self, prefix: str, first_prefix: str | None) -> None:
        self.prefix = prefix
        self._mark = first_prefix

    def take_prefix(self) -> str:
        mark, self._mark = self._mark, None
        return self.prefix if mark is None else mark


def _first_list_number(node: LexborNode) -> int:
    start = node.attributes.get("start") or ""
    return int(start) if start.isdecimal() and len(start) < 10 and int(start) else 1


def _has_hidden_parts(node: LexborNode) -> bool:
    child = node.child
    while child is not None:
        if child.tag == "span" and "invisible" in (child.attributes.get("class") or ""):
            return True
        child = child.next
    return False


def _read_raw_text(node: LexborNode) -> str:
    """Return all text in an element with its white space; a break is a newline."""
    pieces: list[str] = []
    unread = False
    for inner in node.traverse(include_text=True):
        tag = inner.tag
        if tag == "-text" and not unread:
            pieces.append(inner.text_content or "")
        elif tag == "br":
            pieces.append("\n")
        unread = tag in ("script", "style")  # the next node is its text
    return "".join(pieces)


def _longest_backtick_run(code: str) -> int:
    return max((len(run) for run in _FENCE.findall(code)), default=0)


def _find_code_language(node: LexborNode) -> str:
    """Return the language in the class of the block or of the code in it, or empty."""
    for element in (node, node.child):
        if element is not None and element.is_element_node:
            match = _LANGUAGE.search(element.attributes.get("class") or "")
            if match and match[1] not in ("none", "default"):
                return match[1]
    return ""


def _strip_tags(html: str) -> str:
    """Return the text between the tags, for HTML that is too large to parse."""
    out: list[str] = []
    unread = ""  # the script or style that is open
    for number, piece in enumerate(_TAG.split(html)):
        if not number & 1:
            if not unread:
                out.append(piece)
            continue
        match = _TAG_NAME.match(piece)
        name = match[1].lower() if match else ""
        if unread:
            if name == unread and piece[1] == "/":
                unread = ""
        elif name in ("script", "style") and piece[1] != "/":
            unread = name
        elif name in _LINE_BREAK_TAGS:
            out.append("\n")
    return _trim_lines(unescape("".join(out)))
