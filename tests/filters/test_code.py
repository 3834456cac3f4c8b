"""Code has no mentions: what Markdown marks, and the words of programming languages."""

from __future__ import annotations

import pytest

from filters.pii import code, handles

FINDER = handles.HandleFinder(lambda network, name, author: "<HANDLE>")


def redact(text: str, platform: str = "") -> str:
    return handles.replace_handles(text, FINDER.find_in_text(text, platform))


MARKED = [
    "```\n@Rosa\n```\n@finch",
    "```java\n@Rosa\npublic class A {}\n```\n\n@finch",
    "~~~\n@rosa\n~~~\n@finch",
    "~~~~\n@rosa\n~~~\n@hare\n~~~~\nu/finch",
    "````\n```\n@rosa\n```\n````\n@finch",
    "1. so\n\n   ```\n   @rosa\n   ```\n\n@finch",
    "> ```\n> @rosa\n> ```\n\n@finch",
    "use `@rosa` and `@hare(x)`, @finch",
    "use ``a ` @rosa`` now @finch",
    "so:\n\n    @rosa\n    def hare(): pass\n\n    @hare\n\n@finch",
    "so:\n\n\tu/rosa = @hare;\n\n@finch",
    "<pre><code>@rosa</code></pre> @finch",
    "[code]@rosa[/code] @finch",
]


@pytest.mark.parametrize("text", MARKED)
@pytest.mark.parametrize("platform", ["", "x", "stackexchange", "youtube"])
def test_marked_code_has_no_mentions_and_the_text_around_it_has(text: str, platform: str) -> None:
    assert redact(text, platform) == text.replace("@finch", "<HANDLE>").replace(
        "u/finch", "<HANDLE>"
    )


PROSE = {
    "it`s @rosa`s and @hare`s": "it`s <HANDLE>`s and <HANDLE>`s",
    "a ` alone @rosa": "a ` alone <HANDLE>",
    "```\n@rosa never closes it": "```\n<HANDLE> never closes it",
    "a `code\n\n@rosa` in two paragraphs": "a `code\n\n<HANDLE>` in two paragraphs",
    "poem:\n\n    for @rosa and\n    for @hare": "poem:\n\n    for <HANDLE> and\n    for <HANDLE>",
    "- a list\n\n    with @rosa; in it": "- a list\n\n    with <HANDLE>; in it",
    "\\`@rosa\\`": "\\`<HANDLE>\\`",
}


@pytest.mark.parametrize("text", PROSE)
def test_prose_that_only_looks_like_code_has_mentions(text: str) -> None:
    assert redact(text) == PROSE[text]


def test_an_indented_block_is_code_where_the_platform_shows_it_so() -> None:
    text = "so:\n\n    for @rosa and\n    for @hare\n\n@finch"
    assert redact(text, "reddit") == text.replace("@finch", "<HANDLE>")


def test_addresses_of_persons_are_replaced_in_code_too() -> None:
    assert redact("`@rosa@mas.to` `https://x.com/rosa`") == "`<HANDLE>` `https://x.com/<HANDLE>`"


WORDS = [
    "the @Override was missing",
    "see @media and @media print {",
    "a @property of the class",
    "@types/node, @babel/core and @angular/common/http",
    'import x from "@rosa/finch"',
    "npm install --save @rosa/finch",
    '@Query("select u from User u")',
    "@Max(10) int size",
    "@Component({selector: 'x'})",
    "@app.route('/finch')",
    "@rosa\ndef finch(hare):",
    "@Rosa(1)\npublic void finch() {",
    "@include finch;",
    "@if ($rosa) {",
    "/**\n * @author of it\n * @see finch\n */",
    "{@link Finch}",
    "SET @rosa = 5;",
    "DECLARE @rosa INT",
    "select @rosa := @rosa + 1",
    "SELECT a FROM b WHERE id = @rosa",
    "@rosa ||= Finch.new",
    "@rosa = Finch.new(1)",
    "my @rosa = (1, 2);",
    "@article{rosa2020,",
    '//div[@class="rosa"]',
    "@ORM\\Column",
    "lunch @2pm, @3x",
    "@font-face { font-family: rosa; }",
    "@extend .rosa;",
    "EXEC sp_finch @id = 5",
    "push @rosa, $x;",
    "for (@rosa) {",
    "@available(iOS 13, *)",
    "@State private var rosa = 0",
    "@functools.wraps(rosa)",
    "@tf.function",
    '//div[@class="x"]/@href',
]


@pytest.mark.parametrize("text", WORDS)
@pytest.mark.parametrize("platform", ["", "x", "reddit"])
def test_words_of_languages_are_no_mentions(text: str, platform: str) -> None:
    assert redact(text, platform) == text


MENTIONS = {
    "@rosa/@finch thanks": "<HANDLE>/<HANDLE> thanks",
    "@rosa(my friend) (@hare)": "<HANDLE>(my friend) (<HANDLE>)",
    "@rosa\nlet me know": "<HANDLE>\nlet me know",
    "@Test and @see @author": "<HANDLE> and <HANDLE> <HANDLE>",
    "@rosa = legend": "<HANDLE> = legend",
    "I LOVE YOU FROM HERE OR @rosa": "I LOVE YOU FROM HERE OR <HANDLE>",
    "love my @rosa; ok": "love my <HANDLE>; ok",
    "* @rosa said": "* <HANDLE> said",
    "via=@rosa": "via=<HANDLE>",
    "photo from @rosa/finch": "photo from <HANDLE>/finch",
    '"@rosa: hi"': '"<HANDLE>: hi"',
    "@2pm_fan hi": "<HANDLE> hi",
    "hi @rosa, $5 (@hare) {": "hi <HANDLE>, $5 (<HANDLE>) {",
    "@rosa-face": "<HANDLE>-face",
    "@model rosa": "<HANDLE> rosa",
}


@pytest.mark.parametrize("text", MENTIONS)
def test_a_mention_beside_such_signs_is_replaced(text: str) -> None:
    assert redact(text, "x") == MENTIONS[text]


def test_the_words_of_a_platform_for_programmers_and_for_everybody() -> None:
    assert redact("the @Test and @Max", "stackexchange") == "the @Test and <HANDLE>"
    assert redact("@everyone @here @rosa", "discord") == "@everyone @here <HANDLE>"
    assert redact("@everyone", "x") == "<HANDLE>"


def test_a_mention_that_the_platform_marked_is_one_even_in_code() -> None:
    spans = FINDER.find_in_text("`@rosa` @media", "x", authors_by_name={"rosa": "1", "media": "2"})
    assert [span.name for span in spans] == ["rosa", "media"]


def test_code_is_found_in_linear_pieces() -> None:
    text = "a `b` c\n\n```\nd\n```\n"
    assert [text[span.start : span.end] for span in code.find_code(text)] == [
        "`b`",
        "```\nd\n```\n",
    ]
    for part in ("```\n", "~~~\n\n", "`", "``a`", "    a;\n\n", "    a\n\n", "<code>", "[code]"):
        assert len(code.find_code(part * 20_000)) <= 20_000
