"""The report in a real browser: it renders, fetches nothing, and no post can act in it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import dropwhile
from pathlib import Path
from typing import Any

import pytest
from jinja2 import TemplateSyntaxError

import corpus
from corpus import report
from corpus.maintenance.diff import compare_corpora
from corpus.output import samples
from corpus.report import statistics
from corpus.report.comparison_page import render_comparison
from corpus.report.templates import (
    escape_attribute,
    escape_text,
    html_environment,
    render_html,
    replace_control_characters,
)
from tests.conftest import post, sentence, write_lines
from tests.support.browser import Browser, browsing

ATTACKS = [
    "<script>document.title = 'caught'</script>",
    "</script><script>document.title = 'caught'</script>",
    "<img src=x onerror=\"document.title = 'caught'\"> what a garden",
    "<!-- an open comment about the garden",
    "</blockquote></li></ul></details></section></main><h1 id=caught>mine</h1>",
    "<style>body { display: none }</style> the kettle sang again",
    "<a href=javascript:document.title='caught'>come and see the garden</a>",
    "<svg onload=document.title='caught'> <base href=http://a.example> all day long",
    "text \u2028 with \u2029 line ends and \x1b[31m red \x07 and \u202e turned \u2066 round",
    "<iframe srcdoc=\"<script>top.document.title='caught'</script>\"> of the old harbour",
    "<meta http-equiv=refresh content=0;url=http://a.example> by the canal",
    "&lt;script&gt; stays as it was written &amp; read",
]


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build corpora whose posts, communities and file names are all attacks."""
    folder = tmp_path_factory.mktemp("hostile")
    rows = [
        post(n, text=f"{attack} {n}", sub=attack, user=attack, at=1714557600 + n * 86400)
        for n, attack in enumerate(ATTACKS)
    ]
    rows += [
        post(100 + n, text=f"http://a.example {attack}", sub=attack)
        for n, attack in enumerate(ATTACKS)
    ]
    rows += [post(200 + n, text=sentence(n), at=1714557600 + n * 3600) for n in range(60)]
    rows += [post(300 + n, text=sentence(n).upper(), at=1714557600) for n in range(5)]
    rows[-1] = post(304, text="EXTRAORDINARILY GOOD", at=1714557600)  # mostly one word
    name = "<script>document.title='caught'<!--.jsonl"
    write_lines(folder / "in" / name.replace("/", "_"), rows)
    fields = {"id": "id", "text": "text", "author": "user", "community": "sub", "created_at": "at"}
    for number in (1, 2):
        corpus.build(
            {
                "sources": [{"table": {"path": str(folder / "in" / "*.jsonl"), "fields": fields}}],
                "stages": [
                    {"quality": {"max_link_share": 0.2 * number}},
                    {"toxicity": {}},
                    {"dedup": {}},
                    {"pii": {}},
                ],
                "output": {
                    "path": str(folder / f"out{number}"),
                    "report_samples": 20,
                    "title": "<script>document.title='caught'</script>",
                    "contact": "<b>me</b> | `x`",
                },
                "run": {"runner": "serial"},
            }
        )
    pair = folder / "out1", folder / "out2"
    (folder / "against.html").write_text(render_comparison(*pair, compare_corpora(*pair)))
    return folder


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browsing(tmp_path_factory.mktemp("profile")) as found:
        yield found


def pages(folder: Path) -> list[Path]:
    return [folder / "out1" / "report.html", folder / "against.html"]


def test_nothing_is_fetched_and_no_error_is_logged(hostile: Path, browser: Browser) -> None:
    for page in pages(hostile):
        for width, dark in ((1280, False), (390, True)):
            browser.open(page, width=width, dark=dark)
            assert browser.run("return document.readyState") == "complete"
            assert browser.fetched() == [page.resolve().as_uri()]
            assert browser.log("browser") == []


def test_no_text_becomes_markup(hostile: Path, browser: Browser) -> None:
    for page in pages(hostile):
        browser.open(page)
        assert "caught" not in browser.run("return document.title").split("<")[0]
        assert browser.run("return document.getElementById('caught')") is None
        found = browser.run("return [...document.querySelectorAll('main *')].map(e => e.localName)")
        assert not {"script", "img", "style", "iframe", "meta", "base"} & set(found)
        assert browser.run("return document.querySelectorAll('script').length") == 2
        assert browser.run("return document.querySelectorAll('h1').length") == 1
        handlers = (
            "return [...document.querySelectorAll('*')].filter(e => "
            "[...e.attributes].some(a => /^on/i.test(a.name) || /script:/i.test(a.value))).length"
        )
        assert browser.run(handlers) == 0


def test_posts_are_shown_word_for_word(hostile: Path, browser: Browser) -> None:
    browser.open(hostile / "out1" / "report.html")
    shown = browser.run(
        "return [...document.querySelectorAll('#samples blockquote')].map(e => e.textContent)"
    )
    counts = json.loads((hostile / "out1" / "statistics.json").read_text())["samples"]
    wanted = [
        replace_control_characters(sample["text"]) for sample in counts if sample["of"] != "cluster"
    ]
    assert sorted(shown) == sorted(wanted)
    assert any("<script>document.title = 'caught'</script> 0" in text for text in shown)
    assert not any("\u202e" in text or "\x1b" in text for text in shown)


def test_nothing_is_wider_than_a_phone(hostile: Path, browser: Browser) -> None:
    for page in pages(hostile):
        browser.open(page, width=390)
        browser.run("document.querySelectorAll('details').forEach(each => { each.open = true })")
        assert browser.run("return document.documentElement.scrollWidth") == 390
        small = (
            "return [...document.querySelectorAll('main *')].filter(e => "
            "e.children.length == 0 && e.textContent.trim() && !e.closest('svg, .unseen') && "
            "parseFloat(getComputedStyle(e).fontSize) < 12).length"
        )
        assert browser.run(small) == 0


CONTRAST = """
const luminance = (c) => c.map((v) => v / 255).map((v) =>
  v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
  .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
const colour = (text) => text.match(/[\\d.]+/g).map(Number);
const behind = (e) => {
  for (; e; e = e.parentElement) {
    const c = colour(getComputedStyle(e).backgroundColor);
    if (c.length < 4 || c[3] > 0) return c.slice(0, 3);
  }
  return [255, 255, 255];
};
document.querySelectorAll('details').forEach((each) => { each.open = true });
let worst = 99;
for (const e of document.querySelectorAll('body *')) {
  const own = [...e.childNodes].some((n) => n.nodeType == 3 && n.data.trim());
  if (!own || e.closest('script, style, svg')) continue;
  const [a, b] = [colour(getComputedStyle(e).color).slice(0, 3), behind(e)].map(luminance);
  worst = Math.min(worst, (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05));
}
return worst;
"""


def test_text_has_enough_contrast_in_the_light_and_the_dark_scheme(
    hostile: Path, browser: Browser
) -> None:
    for page in pages(hostile):
        for dark in (False, True):
            browser.open(page, dark=dark)
            ground = browser.run("return getComputedStyle(document.body).backgroundColor")
            assert (ground == "rgb(255, 255, 255)") is not dark
            assert browser.run(CONTRAST) >= 4.5, "WCAG 2.1, AA"


def test_a_screen_reader_finds_names_headings_and_tables(hostile: Path, browser: Browser) -> None:
    for page in pages(hostile):
        browser.open(page)
        tree = browser.devtools("Accessibility.getFullAXTree", {})["nodes"]
        names: dict[str, list[str]] = {}
        for node in tree:
            role = node.get("role", {}).get("value", "")
            names.setdefault(role, []).append(node.get("name", {}).get("value", ""))
        assert "main" in names and "navigation" in names and "banner" in names
        assert all(names["table"]) and all(names["heading"])
        assert all(names.get("slider", ["-"])), "every slider has a label"
        assert browser.run("return document.documentElement.lang") == "en"
        bare = (
            "return [...document.querySelectorAll('main svg')].filter(e => "
            "e.getAttribute('aria-hidden') != 'true').length"
        )
        assert browser.run(bare) == 0, "charts are hidden, their tables are not"
        orphans = (
            "return [...document.querySelectorAll('figure')].filter(e => "
            "!e.querySelector('table')).length"
        )
        assert browser.run(orphans) == 0


def test_a_slider_shows_what_another_threshold_would_do(hostile: Path, browser: Browser) -> None:
    browser.open(hostile / "out1" / "report.html")
    counts = json.loads((hostile / "out1" / "statistics.json").read_text())
    bounded = [score for score in counts["scores"] if score["threshold"]]
    number = next(n for n, s in enumerate(bounded) if s["column"] == "quality_link_share")
    score = bounded[number]
    whole, own = sum(score["kept"]), sum(score["own"])
    for at in (0, 10, 20, 100):
        browser.run(
            f"const i = document.getElementById('score-{number}'); i.value = {at};"
            "i.dispatchEvent(new Event('input'))"
        )
        shown_text = browser.run(
            f"return document.getElementById('score-{number}').closest('.what-if').innerText"
        )
        dropped, passing = sum(score["kept"][at:]), sum(score["own"][:at])
        assert f"max_link_share were {at / 100:g}?" in shown_text
        assert f"{dropped} of {whole} kept posts would be dropped" in shown_text
        assert f"{passing} of {own} dropped as mostly_links would be kept here" in shown_text
    assert own > 0


def test_a_slider_of_a_measure_that_does_not_decide_alone_says_at_most(
    hostile: Path, browser: Browser
) -> None:
    browser.open(hostile / "out1" / "report.html")
    counts = json.loads((hostile / "out1" / "statistics.json").read_text())
    bounded = [score for score in counts["scores"] if score["threshold"]]
    number = next(n for n, s in enumerate(bounded) if s["column"] == "quality_longest_word_share")
    kept, now = bounded[number]["kept"], bounded[number]["edges"].index(0.3)
    assert sum(kept[now:]) > 0, "short words may be much of a post"
    effect = f"document.getElementById('score-{number}').closest('.what-if')"
    assert f"0 of {sum(kept)} kept posts would be dropped" in browser.run(
        f"return {effect}.innerText"
    )
    browser.run(
        f"const i = document.getElementById('score-{number}'); i.value = {now - 1};"
        "i.dispatchEvent(new Event('input'))"
    )
    shown_text = browser.run(f"return {effect}.innerText")
    assert (
        f"At most {sum(kept[now - 1 :])} of {sum(kept)} kept posts would be dropped" in shown_text
    )


def test_the_search_shows_the_posts_that_have_the_word(hostile: Path, browser: Browser) -> None:
    browser.open(hostile / "out1" / "report.html")
    shown = (
        "return [...document.querySelectorAll('#samples li')]"
        ".filter(each => each.checkVisibility()).map(each => each.textContent)"
    )
    search = (
        "const input = document.querySelector('input[data-search]');"
        "input.value = {}; input.dispatchEvent(new Event('input'))"
    )
    every = browser.run(
        "return [...document.querySelectorAll('#samples li')].map(e => e.textContent)"
    )
    word = max(every[0].split(), key=len)[:6].lower()
    browser.run(search.format(json.dumps(word)))
    assert browser.run(shown) == [text for text in every if word in text.lower()] != []
    browser.run(search.format("'no post has this'"))
    assert browser.run(shown) == []
    browser.run(search.format("''"))
    assert browser.run("return document.querySelectorAll('#samples li[hidden]').length") == 0


def test_sliders_and_folded_parts_work_by_keyboard(hostile: Path, browser: Browser) -> None:
    browser.open(hostile / "out1" / "report.html")
    pressed = [browser.press_tab() for _ in range(60)]
    order = list(dropwhile(lambda name: name == "body", pressed))  # keys before the page listens
    assert order[0] == "a", "the link that skips to the report"
    assert {"a", "summary", "input", "div"} <= set(order)


def test_without_scripts_only_the_sliders_are_missing(hostile: Path, browser: Browser) -> None:
    hidden = "return [...document.querySelectorAll('.what-if, button')].every(e => e.hidden)"
    browser.devtools("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        browser.open(hostile / "out1" / "report.html")
        assert browser.run("return document.querySelectorAll('#samples blockquote').length") > 20
        assert browser.run(hidden)
    finally:
        browser.devtools("Emulation.setScriptExecutionDisabled", {"value": False})


# --------------------------------------------------------------------------- without a browser


def test_values_in_a_template_are_escaped() -> None:
    template = html_environment().from_string('<p title="{{ title | attribute }}">{{ text }}</p>')
    shown = template.render(title='"<', text="a < b & c")
    assert shown == '<p title="&quot;&lt;">a &lt; b &amp; c</p>'
    assert template.render(title=0.5, text=1234) == '<p title="0.5">1,234</p>'
    assert escape_text("a\x1b\u202e\u2028b\nc\u200d") == "a\ufffd\ufffd\ufffdb\nc\u200d"
    assert escape_attribute("it's \u202e") == "it&#x27;s \ufffd"
    assert escape_text(None) == ""


def test_a_template_whose_attribute_is_not_escaped_as_one_does_not_load() -> None:
    for wrong in (
        '<p title="{{ x }}">',
        '<p title="a {{ x | shorten }} b">',
        '<p title="{{ x | attribute }} {{ y }}">',
        "<p title={{ x | attribute }}>",
    ):
        with pytest.raises(TemplateSyntaxError, match="an attribute needs"):
            html_environment().from_string(wrong)


def test_a_line_break_in_a_template_is_a_space_only_between_words() -> None:
    source = (
        "<p>\n  two\n  words, <b>\n    three\n  </b>\n  {% if yes %}\n  more\n  {% endif %}\n</p>\n"
    )
    assert html_environment().from_string(source).render(yes=True) == (
        "<p>two words, <b>three</b>more</p>"
    )


def test_data_in_the_page_cannot_end_its_element() -> None:
    data = {"x": "</script><!--<script>\u2028"}
    page = render_html(
        "report.html.jinja",
        title="t",
        summary="",
        warnings=[],
        tiles=[],
        sections=[],
        slider_data=data,
    )
    shown = page.split('id="data">')[1].split("</script>")[0]
    assert "<" not in shown and "\u2028" not in shown
    assert json.loads(shown) == data


def test_the_policy_admits_exactly_the_style_and_the_script_of_the_page(hostile: Path) -> None:
    import base64
    import hashlib
    import re

    page = (hostile / "out1" / "report.html").read_text()
    for name in ("style", "script"):
        (inside,) = re.findall(rf"<{name}>(.*?)</{name}>", page, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(inside.encode()).digest()).decode()
        assert f"{name}-src 'sha256-{digest}'" in page
    assert "style=" not in page and "unsafe" not in page


def test_the_largest_report_stays_below_a_megabyte(hostile: Path) -> None:
    out = hostile / "out1"
    manifest = json.loads((out / "manifest.json").read_text())
    counted: dict[str, Any] = statistics.load_statistics(out)
    wide = "\u6c49<&" * 200
    manifest["funnel"] = [
        row | {"dropped": {f"reason_{n}_{wide[:40]}": 10**11 - n for n in range(3000)}}
        for row in manifest["funnel"] * 3
    ]
    manifest["sources"] = [manifest["sources"][0] | {"path": f"{wide}/{n}"} for n in range(5000)]
    manifest["dedup"]["largest"] *= 1000
    manifest["dedup"]["campaigns"] = [
        {"first": "2024-05-01T00:00:00Z", "posts": 10**9, "authors": 10**9, "cluster": "x"}
    ] * 5000
    for name, most in (("communities", 30), ("platforms", 20), ("kinds", 20), ("licenses", 20)):
        counted[name]["top"] = [[wide[:200], 10**12]] * most
    counted["languages"] = {"distinct": 60, "rest": [0, 0, 0]}
    counted["languages"]["top"] = [["en", 10**12, 10**12, 10**12]] * 60
    counted["scores"] = counted["scores"] * 3
    sample = next(sample for sample in counted["samples"] if sample["of"] == "dropped")
    count = 25 * (samples.MAX_REASONS + samples.KEPT_PER_DROPPED) + samples.MAX_CLUSTERS
    counted["samples"] = [sample | {"text": wide[: samples.MAX_SAMPLE_CHARACTERS // count]}] * count
    found = report.render_documentation(manifest, (out / "plan.yaml").read_text(), counted)
    assert {
        name: len(text.encode()) for name, text in found.items() if len(text.encode()) > 1_000_000
    } == {}
