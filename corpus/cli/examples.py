"""Examples for the help of each command."""

from __future__ import annotations

from typing import Any

EXAMPLES: dict[str, tuple[str, ...]] = {
    "build": (
        "corpus build my.yaml",
        "corpus build my.yaml --out out/again --workers 4",
        "corpus build my.yaml --dry-run",
        "corpus build my.yaml --log-json 2> build.log",
    ),
    "status": ("corpus status out/reddit-en", "watch corpus status out/reddit-en"),
    "check": ("corpus check my.yaml",),
    "sniff": ("corpus sniff dumps/RC_2024-05.zst", "corpus sniff export.zip -n 10"),
    "demo": ("corpus demo dumps/demo", "corpus demo dumps/large --posts 100000 --seed 2"),
    "report": ("corpus report out/reddit-en",),
    "peek": (
        "corpus peek out/reddit-en -n 20 --seed 3",
        "corpus peek out/reddit-en --dropped quality",
    ),
    "explain": ("corpus explain out/reddit-en reddit:t1_c0abc",),
    "takedown": (
        "corpus takedown out/reddit-en --ids ids.txt",
        "corpus takedown out/reddit-en --authors authors.txt --key keys/corpus.key",
    ),
    "audit": (
        "corpus audit out/reddit-en",
        "corpus audit out/reddit-en --strict --json > audit.json",
    ),
    "readers": ("corpus readers",),
    "filters": ("corpus filters",),
}


def add_examples(app: Any) -> None:
    """Put the examples under the help of each command that has some."""
    for command in app.registered_commands:
        name = command.name or command.callback.__name__
        if name in EXAMPLES and not command.epilog:
            # A line of its own each: a blank line ends a paragraph.
            command.epilog = "\n\n".join(["Examples:", *EXAMPLES[name]])
