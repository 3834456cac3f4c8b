"""Pages of the documentation's site whose text lies outside docs/ have valid links there."""

from __future__ import annotations

import pytest
import yaml

from scripts.site_hooks import PAGES, change_links
from tests.conftest import ROOT


@pytest.mark.parametrize(
    ("page", "link", "expected"),
    [
        ("index.md", "[plan](docs/plan.md#sources)", "[plan](plan.md#sources)"),
        ("index.md", "![it](docs/images/report.png)", "![it](images/report.png)"),
        ("index.md", "[how](CONTRIBUTING.md)", "[how](project/CONTRIBUTING.md)"),
        ("privacy.md", "[card](../filters/models/ner.md)", "[card](models/ner.md)"),
        ("models/toxicity.md", "[it](../../docs/toxicity.md)", "[it](../toxicity.md)"),
        ("readers.md", "[notices.py](../filters/text/notices.py)", "notices.py"),
        ("plan.md", "[own](https://docs.pola.rs/a.html)", "[own](https://docs.pola.rs/a.html)"),
        ("plan.md", "[own](#sources)", "[own](#sources)"),
    ],
)
def test_a_link_leads_to_where_the_site_has_its_page(page: str, link: str, expected: str) -> None:
    assert change_links(f"see {link}.", page) == f"see {expected}."


def test_links_in_code_are_left_as_they_are() -> None:
    text = "```python\n[a](docs/a.md)\n```\n"
    assert change_links(text, "index.md") == text


def test_the_navigation_has_every_page_once() -> None:
    site = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))
    written = {path.relative_to(ROOT / "docs").as_posix() for path in ROOT.glob("docs/**/*.md")}
    assert sorted(_list_pages(site["nav"])) == sorted({*PAGES, *written})


def _list_pages(nav: object) -> list[str]:
    if isinstance(nav, str):
        return [nav]
    entries = nav.values() if isinstance(nav, dict) else nav
    assert not isinstance(entries, str)
    return [page for entry in entries for page in _list_pages(entry)]  # type: ignore[attr-defined]
