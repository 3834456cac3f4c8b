"""Hooks of mkdocs: pages of the site whose text lies outside docs/.

The home page is README.md; the model cards and CONTRIBUTING.md, SECURITY.md and CHANGELOG.md are
pages too. Links between them and docs/ are changed to where the site has the page, and a link to a
file of the code becomes its name.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
#: The page of the site for each file outside docs/; paths are relative to docs/ and to the root.
PAGES = {
    "index.md": "README.md",
    **{f"project/{name}.md": f"{name}.md" for name in ("CONTRIBUTING", "SECURITY", "CHANGELOG")},
    **{
        f"models/{path.name}": f"filters/models/{path.name}"
        for path in sorted((ROOT / "filters" / "models").glob("*.md"))
    },
}
_SITE_PAGES = {source: page for page, source in PAGES.items()}
_LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^)#:\s]+)(#[\w-]+)?\)")


def on_files(files: Any, config: Any) -> Any:
    """Add the pages whose text lies outside docs/."""
    from mkdocs.structure.files import File

    for page, source in PAGES.items():
        text = (ROOT / source).read_text(encoding="utf-8")
        files.append(File.generated(config, page, content=text))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Any) -> str:
    """Change the links of a page to where the site has what they lead to."""
    return change_links(markdown, page.file.src_uri)


def on_page_content(html: str, page: Any, config: Any, files: Any) -> str:
    """Show a docstring's ``:class:`~corpus.Plan``` as ``corpus.Plan``."""
    return re.sub(
        r":(?:class|func|meth|mod|exc|data):<code>~?([\w.]+)</code>", r"<code>\1</code>", html
    )


def change_links(markdown: str, page: str) -> str:
    """Return a page's text with links that are valid in the site; code is left as it is."""
    source = PAGES.get(page, f"docs/{page}")

    def change(match: re.Match[str]) -> str:
        bang, label, target, anchor = match.groups()
        path = posixpath.normpath(posixpath.join(posixpath.dirname(source), target))
        if path in _SITE_PAGES:
            there = _SITE_PAGES[path]
        elif path.startswith("docs/"):
            there = path.removeprefix("docs/")
        else:
            return str(label)
        link = posixpath.relpath(there, posixpath.dirname(page) or ".")
        return f"{bang}[{label}]({link}{anchor or ''})"

    # Fenced blocks are every second part.
    parts = re.split(r"(^ *```.*?^ *```$)", markdown, flags=re.DOTALL | re.MULTILINE)
    return "".join(
        part if index % 2 else _LINK.sub(change, part) for index, part in enumerate(parts)
    )
