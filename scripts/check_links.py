"""Check every internal link of the built site: ``python -m scripts.check_links site``."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

from selectolax.lexbor import LexborHTMLParser

_LINKS = (("a[href]", "href"), ("link[href]", "href"), ("img[src]", "src"), ("script[src]", "src"))
#: A page that a server sends for any address, so that its relative links have no base.
_NOT_FOUND = "404.html"


def find_broken_links(site: Path) -> list[str]:
    """Return each link of a page to a file or an anchor that is not there, as ``page: link``."""
    pages = {
        path.resolve(): LexborHTMLParser(path.read_text(encoding="utf-8"))
        for path in sorted(site.rglob("*.html"))
        if path.name != _NOT_FOUND
    }
    anchors = {
        path: {node.attributes["id"] for node in page.css("[id]")} for path, page in pages.items()
    }
    broken = []
    for path, page in pages.items():
        for link in _list_links(page):
            address = urlsplit(link)
            if address.scheme or address.netloc:
                continue
            target = (path.parent / unquote(address.path)).resolve() if address.path else path
            target = target / "index.html" if target.is_dir() else target
            known = anchors.get(target)
            anchor = unquote(address.fragment)
            if not target.exists() or (anchor and known is not None and anchor not in known):
                broken.append(f"{path.relative_to(site.resolve())}: {link}")
    return broken


def _list_links(page: LexborHTMLParser) -> Iterator[str]:
    for selector, attribute in _LINKS:
        for node in page.css(selector):
            yield node.attributes[attribute] or ""


if __name__ == "__main__":
    found = find_broken_links(Path(sys.argv[1]))
    print("\n".join(found) or "no broken link")
    sys.exit(bool(found))
