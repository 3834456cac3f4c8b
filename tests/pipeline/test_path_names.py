"""Folders whose names have the signs of patterns, quotes or shells: every command takes them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

import corpus
from tests.conftest import post, sentence, write_lines
from tests.support.commands import command

NAME = "a [b] {c} %20 'd' \"e\" *? $HOME ~ #;&é:"
FIELDS = {"id": "id", "text": "text", "author": "user", "parent_id": "up"}


def write_plan(folder: Path, name: str, source: Path, stages: list[Any], **output: Any) -> str:
    """A plan for the corpus ``folder/name [o]``, with the key in a folder of its own."""
    plan = {
        "sources": [{"table": {"path": str(source), "fields": FIELDS}}],
        "stages": stages,
        "output": {
            "path": str(folder / f"{name} [o]"),
            "key": str(folder / "keys [k]" / "corpus.key"),
            **output,
        },
        "run": {"runner": "serial", "part_posts": 20},
    }
    path = folder / f"{name} [p].yaml"
    path.write_text(yaml.safe_dump(plan, allow_unicode=True))
    return str(path)


@pytest.mark.slow
def test_every_command_takes_a_folder_with_the_signs_of_patterns(tmp_path: Path) -> None:
    folder = tmp_path / NAME
    (folder / "keys [k]").mkdir(parents=True)
    key = str(folder / "keys [k]" / "corpus.key")
    rows = [post(n, up=str(n - 1) if n % 4 else None) for n in range(60)]
    write_lines(folder / "in [1]" / "posts [2].jsonl", rows)
    write_lines(folder / "older" / "posts.jsonl", [post(50), post(51)])
    gold = write_lines(folder / "gold [x].jsonl", [{"text": sentence(7)}])
    (folder / "bots [1].txt").write_text("u6\n")
    (folder / "ids [1].txt").write_text("table:12\n")
    (folder / "listed [1].txt").write_text("id table:33\n")

    def run(*arguments: object) -> str:
        found = command(*map(str, arguments))
        assert found.returncode == 0, (arguments[0], found.stdout[-500:], found.stderr[-500:])
        return found.stdout

    older, out = folder / "older [o]", folder / "new [o]"
    run("build", write_plan(folder, "older", folder / "older", [{"dedup": {}}]), "-q")
    stages = [
        {"authors": {"bots_file": str(folder / "bots [1].txt")}},
        *({name: {}} for name in ("language", "language_context", "quality", "toxicity")),
        {"decontaminate": {"against": [str(gold)]}},
        {"dedup": {"against": [str(older)]}},
        {"conversations": {"mode": "tree"}},
        {"repeats": {}},
        {"pii": {}},
    ]
    plan = write_plan(
        folder,
        "new",
        folder / "in [1]",
        stages,
        shuffle=True,
        canaries=2,
        validation=0.2,
        keep_work=True,
        suppressed=str(folder / "listed [1].txt"),
    )
    run("check", plan)
    run("build", plan, "--dry-run")
    run("build", plan, "-q")
    manifest = json.loads((out / "manifest.json").read_text())
    assert {row["stage"]: row["dropped"] for row in manifest["funnel"] if row["dropped"]} == {
        "consent": {"suppressed": 1},
        "authors": {"listed_bot": 8},
        "decontaminate": {"contaminated": 1},
        "dedup": {"in_earlier_corpus": 2},
    }
    (origin,) = manifest["origins"]
    assert origin["kept"] == 48  # and two canaries, which are of no source
    assert NAME not in (out / "plan.yaml").read_text()

    dropped = ("peek", out, "--dropped", "decontaminate", "--text", "--key", key)
    assert sentence(7) in run(*dropped)
    shutil.rmtree(out / "work")
    assert sentence(7) in run(*dropped)
    moved = folder / "moved [m]"
    (folder / "in [1]").rename(moved)
    assert sentence(7) in run(*dropped, "--dumps", moved)

    run("status", out)
    run("report", out, "--html", folder / "page [1].html")
    run("peek", out, "--key", key)
    run("explain", out, "table:8", "--key", key)
    run("tune", out, "toxicity.max_score=0.5", "--key", key)
    run("diff", out, older, "--posts")
    run("suppress", "add", "--ids", folder / "ids [1].txt", "--key", key)
    run("takedown", out, "--ids", folder / "ids [1].txt", "--key", key)
    run("verify", out)
    run("publish", out, f"file://{folder}/there")
    assert (folder / "there" / "manifest.json").exists()
    texts = corpus.load(out).scan().collect()["text"]
    assert texts.str.contains(sentence(8), literal=True).any()
    assert not texts.str.contains(sentence(12), literal=True).any()
