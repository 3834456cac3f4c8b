"""Compile numba's kernels once, before several processes of tests would each compile them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl

from tests.support.processes import ROOT

#: Functions of this module that take about the same time.
_GROUPS = ("compile_filters", "compile_build")


def compile_once() -> None:
    """Compile them in two processes, unless numba's cache beside the sources has them."""
    if any((ROOT / "filters" / "quality" / "__pycache__").glob("token_kernel.*.nbi")):
        return
    code = "from tests.support import kernels\nkernels.{}()"
    processes = [
        subprocess.Popen([sys.executable, "-W", "ignore", "-c", code.format(group)], cwd=ROOT)
        for group in _GROUPS
    ]
    for process in processes:
        process.wait()  # if one has failed, the tests compile, and say why


def compile_filters() -> None:
    """Call the kernels of some filters."""
    import filters
    from tests.conftest import write_lines

    texts = ["a few words to be measured, and a few more of them", "> quoted\n\nand\nanswered"]
    posts = pl.DataFrame({"id": ["x:1", "x:2"], "text": texts, "platform": ["x", "x"]})
    with TemporaryDirectory() as folder:
        gold = write_lines(Path(folder, "gold.jsonl"), [{"text": text} for text in texts])
        settings: list[tuple[str, dict[str, Any]]] = [
            ("toxicity", {}),
            ("decontaminate", {"against": [str(gold)]}),
            *(("quality", {"preset": [preset]}) for preset in filters.find("quality").PRESETS),
        ]
        for name, config in settings:
            module = filters.find(name)
            module.build(module.Config(**config))(posts)


def compile_build() -> None:
    """Call the other kernels, in a small build."""
    import corpus
    from tests.conftest import post, write_lines

    with TemporaryDirectory() as name:
        folder = Path(name)
        rows = [post(n, up=str(n - 1) if n % 3 else None) for n in range(40)]
        copies = [{**row, "id": f"a{n}"} for n, row in enumerate(rows)]
        write_lines(folder / "posts.jsonl", [*rows, *copies])
        fields = {"id": "id", "text": "text", "author": "user", "parent_id": "up"}
        corpus.build(
            {
                "sources": [{"table": {"path": str(folder / "posts.jsonl"), "fields": fields}}],
                "stages": [
                    {"language": {}},
                    {"language_context": {}},
                    {"dedup": {}},
                    {"conversations": {"mode": "tree"}},
                ],
                "output": {"path": str(folder / "out"), "shuffle": True},
                "run": {"runner": "serial", "part_posts": 30},
            }
        )
