"""Load the templates of the report and the documents, and escape whatever is put into them.

Two rules keep the HTML templates readable:

* A line break with its indentation is not part of the page after a tag, before a closing tag and
  before a ``{% statement %}``. Everywhere else it is one space.
* ``{{ value }}`` is escaped for text. In an attribute write ``{{ value | attribute }}``; a template
  that forgets it does not load.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, TemplateSyntaxError
from jinja2.ext import Extension
from markupsafe import Markup

from corpus.report.markdown import escape_cell, escape_markdown, fence_code
from corpus.report.numbers import shorten
from corpus.report.tables import Bar

_PACKAGE = "corpus.report"
#: Controls and direction marks: they would act on the page, or on whoever copies from it.
_CONTROL_CHARACTERS = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufff0-\ufffb\ufeff]"
)
_ATTRIBUTE_VALUE = re.compile(r'=("[^"]*"|\{\{)')
# All white space around a line break, from its first character: linear.
_LINE_BREAK = re.compile(r"(?<!\s)[^\S\n]*+\n\s*+")
_LINE_BREAK_BESIDE_TAG = re.compile(r"(?<=[>}])[^\S\n]*+\n\s*+|(?<!\s)[^\S\n]*+\n\s*+(?=</|\{%)")
_UNESCAPED_VALUE = re.compile(r"\{\{(?![^}]*\| *attribute *\}\})")


class JoinLines(Extension):
    """Make one line of an HTML template, and refuse an attribute that is not escaped as one."""

    def preprocess(self, source: str, name: str | None, filename: str | None = None) -> str:
        """Apply the two rules of this module to the source of a template."""
        for attribute in _ATTRIBUTE_VALUE.finditer(source):
            if attribute[1].startswith("{{") or _UNESCAPED_VALUE.search(attribute[1]):
                line = source.count("\n", 0, attribute.start()) + 1
                reason = "an attribute needs quotes and '| attribute'"
                raise TemplateSyntaxError(reason, line, name, filename)
        joined = _LINE_BREAK_BESIDE_TAG.sub("", source)
        return _LINE_BREAK.sub(" ", joined)


def render_html(template: str, **context: Any) -> str:
    """Render an HTML template; the style, the script and the policy of the page are put in."""
    style, script = _read_asset("style.css"), _read_asset("script.js")
    policy = (
        f"default-src 'none'; style-src 'sha256-{_hash_for_policy(style)}'; "
        f"script-src 'sha256-{_hash_for_policy(script)}'; base-uri 'none'; form-action 'none'"
    )
    context |= {"style": Markup(style), "script": Markup(script), "policy": Markup(policy)}
    return html_environment().get_template(template).render(context)


def render_markdown(template: str, **context: Any) -> str:
    """Render a Markdown template. Nothing is escaped by itself: use ``escape_markdown``."""
    return markdown_environment().get_template(template).render(context)


def replace_control_characters(text: str) -> str:
    """Return text in which controls and direction marks are replaced by a visible sign."""
    return _CONTROL_CHARACTERS.sub("\N{REPLACEMENT CHARACTER}", text)


def escape_text(value: object) -> Markup:
    """Escape a value for the text of an element; an integer gets its thousands separators."""
    if isinstance(value, Markup):
        return value
    if value is None:
        return Markup()
    if isinstance(value, int):
        return Markup(f"{value:,}")
    return Markup(html.escape(replace_control_characters(str(value)), quote=False))


def escape_attribute(value: str | int | float) -> Markup:
    """Escape a value for a quoted attribute; a float is rounded to hundredths."""
    if isinstance(value, Markup):
        return value
    if isinstance(value, float):
        return Markup(f"{value:.2f}".rstrip("0").rstrip("."))
    return Markup(html.escape(replace_control_characters(str(value)), quote=True))


def allow_line_breaks(value: str | int) -> Markup:
    """Escape a name, and let it break after its underscores, slashes and dots."""
    if isinstance(value, int):
        return escape_text(value)
    return Markup(re.sub(r"([_/.])", r"\1<wbr>", str(escape_text(value))))


def _encode_data(value: object) -> Markup:
    """Encode JSON for a ``<script>`` element, which no text in the data can end."""
    text = json.dumps(value, ensure_ascii=True, separators=(",", ":"))
    return Markup(text.replace("<", "\\u003c"))


@cache
def html_environment(package: str = _PACKAGE) -> Environment:
    """Return the environment of the HTML templates of a package."""
    environment = Environment(
        loader=PackageLoader(package),
        autoescape=True,
        finalize=escape_text,
        undefined=StrictUndefined,
        extensions=[JoinLines],
    )
    environment.filters |= {
        "attribute": escape_attribute,
        "allow_line_breaks": allow_line_breaks,
        "data": _encode_data,
        "shorten": shorten,
    }
    environment.tests["bar"] = lambda value: isinstance(value, Bar)
    return environment


@cache
def markdown_environment() -> Environment:
    """Return the environment of the Markdown templates."""
    environment = Environment(
        loader=PackageLoader(_PACKAGE),
        finalize=lambda value: f"{value:,}" if isinstance(value, int) else value,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "cell": escape_cell,
        "escape_markdown": escape_markdown,
        "fence_code": fence_code,
    }
    return environment


def read_style() -> str:
    """Return the style of the report's pages."""
    return _read_asset("style.css")


def _read_asset(name: str) -> str:
    return (files(_PACKAGE) / name).read_text(encoding="utf-8")


def _hash_for_policy(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode("utf-8")).digest()).decode("ascii")
