"""HTML to plain text."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus.formats.html import (
    _convert_parsed_html,
    _convert_simple_html,
    _strip_tags,
    html_to_text,
)
from tests.support.examples import examples
from tests.support.processes import run_limited

LONG = "https://example.com/a/very/long/address"
HIDDEN = (
    f'<a href="{LONG}" rel="nofollow noopener" target="_blank"><span class="invisible">https://'
    '</span><span class="ellipsis">example.com/a/very</span><span class="invisible">/long/address'
    "</span></a>"
)


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("", ""),
        ("plain\n  as it stands", "plain\n  as it stands"),
        ("tea &amp; cake", "tea & cake"),
        ("&amp;lt;b&amp;gt;", "&lt;b&gt;"),
        ("<p>&amp;lt;b&amp;gt;</p>", "&lt;b&gt;"),
        ("<p>1 &lt; 2 &#x27;so&#x27;</p>", "1 < 2 'so'"),
        ("<p>&amp;#x27;</p>", "&#x27;"),
        ("<p>one</p><p>two</p>", "one\n\ntwo"),
        ("one<p>two<p>three", "one\n\ntwo\n\nthree"),
        ("<P>one</P>\n<P>two</P>", "one\n\ntwo"),
        ("one<br>two<br/>three<br />four", "one\ntwo\nthree\nfour"),
        ("one<br><br><br>two", "one\n\ntwo"),
        ("<br>one<br>", "one"),
        ("<p>one<br></p><p>two</p>", "one\n\ntwo"),
        ("a long<wbr>word", "a longword"),
        ("<p>a <i> <p>b</i>", "a\n\nb"),
        ("a <i>very</i> <b> big</b>  dog", "a very big dog"),
        ("<p>one\n two\t\tthree</p>", "one two three"),
        ("<p>a&nbsp;b</p>", "a\xa0b"),
        ("one<script>alert('<p>')</script> two<style>p{}</style>", "one two"),
        ("one<!-- <p>no --> two", "one two"),
        ("<div>one</div><div>two</div>", "one\ntwo"),
        ("<h2>Title</h2>text", "Title\n\ntext"),
        ("one<hr>two", "one\n\ntwo"),
        ("10<sup>5</sup> x<sub>1</sub>", "10^5 x_1"),
        ('a<img src="x" alt="enter image description here">b', "ab"),
        ("<table><tr><td>a<td>b<tr><td>c<td>d</table>", "a | b\nc | d"),
        ("a < b and <p>c > d", "a < b and\n\nc > d"),
        ("<frameset><frame>", ""),
        ("half a tag <p", "half a tag"),
        ("1 <&#x2F;p> 2", "1 </p> 2"),
    ],
)
def test_the_text_of_html_is_as_a_browser_displays_it(html: str, text: str) -> None:
    assert text == html_to_text(html)


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<ul><li>a</li>\n<li>b</li></ul>", "- a\n- b"),
        ("<ol><li>a<li>b</ol>", "1. a\n2. b"),
        ('<ol start="9"><li>a<li>b</ol>', "9. a\n10. b"),
        ("x<ul><li>a<ol><li>b<li>c</ol><li>d</ul>y", "x\n\n- a\n  1. b\n  2. c\n- d\n\ny"),
        ("<ul><li><p>a</p><p>b</p></li></ul>", "- a\n\n  b"),
        ("<ul><li>a<br>b</ul>", "- a\n  b"),
        ("<ul><li></li><li>b</li></ul>", "- b"),
        ("<li>a", "- a"),
    ],
)
def test_lists_keep_their_marks_and_their_nesting(html: str, text: str) -> None:
    assert text == html_to_text(html)


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<blockquote>a<br>b</blockquote>c", "> a\n> b\n\nc"),
        ("a<blockquote><p>b</p><p>c</p></blockquote><p>d</p>", "a\n\n> b\n>\n> c\n\nd"),
        ("<blockquote>a<blockquote>b</blockquote>c</blockquote>", "> a\n>\n> > b\n>\n> c"),
        ("<blockquote>a</blockquote><blockquote>b</blockquote>", "> a\n\n> b"),
        ("<blockquote><ul><li>a<li>b</ul></blockquote>", "> - a\n> - b"),
    ],
)
def test_quotes_are_marked_line_by_line(html: str, text: str) -> None:
    assert text == html_to_text(html)


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("use <code>a &lt; b</code>, ok", "use `a < b`, ok"),
        ("<code>a`b</code>", "`` a`b ``"),
        ("a<code> </code>b", "a b"),
        ("x<pre><code>def f():\n    return 1\n</code></pre>y",
         "x\n\n```\ndef f():\n    return 1\n```\n\ny"),
        ('<pre class="lang-py prettyprint"><code>x  = 1\n\n\ny</code></pre>',
         "```py\nx  = 1\n\n\ny\n```"),
        ('<pre><code class="language-c++">x</code></pre>', "```c++\nx\n```"),
        ("<pre>```\nx</pre>", "````\n```\nx\n````"),
        ("<pre>a<br>b<wbr>c<script>no</script></pre>", "```\na\nbc\n```"),
        ("<pre></pre>", ""),
        ("<blockquote><pre>a\n\nb</pre></blockquote>", "> ```\n> a\n>\n> b\n> ```"),
        ("<p><pre><code>  if x:\n    y</code></pre>\nafter", "```\n  if x:\n    y\n```\n\nafter"),
    ],
)  # fmt: skip
def test_code_is_fenced_and_unchanged(html: str, text: str) -> None:
    assert text == html_to_text(html)


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ('see <a href="https://example.com">this page</a>.', "see this page."),
        (f"see {HIDDEN}.", f"see {LONG}."),
        (f"<div>see {HIDDEN}.</div>", f"see {LONG}."),
        (f'<a href="{LONG}">https://example.com/a/ve...</a>', LONG),
        (f'<div><a href="{LONG}">https://example.com/a/ve...</a></div>', LONG),
        (f'<a href="{LONG}">example.com/a/ve…</a>', LONG),
        (f'<a href="{LONG}">wait...</a>', "wait..."),
        (f'<a href="{LONG}">...</a>', "..."),
        ('<a href="https:&#x2F;&#x2F;a.b&#x2F;?c=1&amp;d=2">https:&#x2F;&#x2F;a.b&#x2F;...</a>',
         "https://a.b/?c=1&d=2"),
        ('<a href="https://m.example/@bob" class="u-url mention">@<span>bob</span></a>', "@bob"),
        ('<a href="#p1" class="quotelink">&gt;&gt;1</a>', ">>1"),
        ("<a>no address</a>", "no address"),
        ('<a href="x"><span class="invisible">h</span>y</a>', "hy"),
        ('<a href="x">never closed', "never closed"),
    ],
)  # fmt: skip
def test_a_link_s_text_is_kept_and_a_shortened_address_completed(html: str, text: str) -> None:
    assert text == html_to_text(html)


def test_hostile_html_is_read_in_linear_time() -> None:
    code = """
from corpus.formats.html import html_to_text

TAGS = ("<div>", "<ul><li>", "<blockquote>", "<b>", "<table><tr><td>", "<script></p>")
for tag in TAGS:
    html_to_text(tag * 100_000 + "deep")
html_to_text("<p " + " ".join(f"a{n}=1" for n in range(100_000)) + ">deep")
html_to_text("<" * 300_000)
"""
    result = run_limited(code)
    assert result.returncode == 0, result.stderr[-500:]


def test_a_page_too_large_to_parse_only_loses_its_tags() -> None:
    html = "<p>one &amp; two</p><script>x <b>no</b></script>" * 10_000 + "<ul><li>end"
    assert _strip_tags(html) == html_to_text(html)
    assert "one & two\n\none & two\n" == html_to_text(html)[:21]
    assert html_to_text(html).endswith("one & two\n\nend")


def test_nesting_is_indented_only_so_far() -> None:
    mark = "> " * 16
    assert f"{mark}a\n{mark.strip()}\n{mark}b" == html_to_text("<blockquote>" * 40 + "a<p>b")
    assert max(map(len, html_to_text("<ul><li>a<br>b" * 2_000).split("\n"))) < 40


WORDS = st.text(st.characters(exclude_characters="<&", exclude_categories=()), max_size=12)
SIMPLE = st.sampled_from([
    "<p>", "</p>", "<br>", "<br />", "<i>", "</i>", "<wbr>", "</span>", '<span class="quote">',
    HIDDEN, '<a href="/x?a&amp;b">see...</a>', " ", "  ", "\n", "&amp;", "&gt;", "&#x27;", "a",
])  # fmt: skip
ANY = st.sampled_from([
    "<ul>", "<ol>", "<li>", "</ul>", "</ol>", "<pre>", "</pre>", "<code>", "</code>", "`", "<a>",
    "<blockquote>", "</blockquote>", "<table>", "<td>", "<div>", "</div>", "<!--", "<svg>", "<",
    "<script>", "</script>", "<select>", "<template>", "<body>", "<frameset>", "&#0;", "</a>",
    "<a href='y'>", "<title>", "<plaintext>", "</sup>", "<sup>", "\ud800",
])  # fmt: skip


@given(WORDS)
def test_plain_text_is_unchanged(text: str) -> None:
    assert text == html_to_text(text)


@settings(max_examples=examples(300))
@given(st.lists(SIMPLE, max_size=20))
def test_the_fast_path_and_the_parser_give_the_same_text(pieces: list[str]) -> None:
    html = "<p>" + "".join(pieces)
    assert _convert_parsed_html(html) == _convert_simple_html(html)
    assert "<p>" not in html_to_text(html)


@settings(max_examples=examples(300))
@given(st.lists(st.one_of(SIMPLE, ANY, WORDS), max_size=30))
def test_any_text_is_read_without_an_error(pieces: list[str]) -> None:
    text = html_to_text("".join(pieces))
    assert text.strip(" \t\n\r\f") == text or not any("<" in piece for piece in pieces)
    assert html_to_text("".join(pieces)) == text


@pytest.mark.parametrize("tag", ["html", "body"])
def test_a_page_of_a_hidden_class_has_no_text(tag: str) -> None:
    assert html_to_text(f'<{tag} class="quote-inline">tea</{tag}>', "quote-inline") == ""


def test_elements_of_a_hidden_class_are_left_out() -> None:
    html = '<p>one<span class="a aside"><br>two <a href="/x"><b>three</b></a></span></p><p>four</p>'
    assert html_to_text(html, "aside") == "one\n\nfour"
    assert html_to_text(html) == "one\ntwo three\n\nfour"
