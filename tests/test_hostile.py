"""Posts, dumps, plans and models come from strangers; none of them can hang or own the machine.

What must be linear is run on a long text in a process of its own under a generous limit of
processor time: what takes the square of a long text takes longer, and the square of a megabyte
hours.
"""

from __future__ import annotations

import ast
import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import filters
from corpus import readers
from corpus.errors import PlanError
from corpus.plan.model import Plan
from corpus.report.terminal import make_printable
from filters import quality
from filters.pii import presidio
from filters.text import fasttext
from tests.conftest import ROOT, write_lines
from tests.support.commands import command
from tests.support.processes import run_limited
from tests.test_contract import NEEDED

MakePlan = Callable[..., dict[str, Any]]


# Such a pattern takes 5 seconds or more for 100 kB; none of ours takes half a second. The limit is
# for each text, so that it is far from both.
@pytest.mark.parametrize(
    ("size", "few", "cpu_seconds"),
    [(100_000, 1, 3), pytest.param(1_000_000, 6, 60, marks=pytest.mark.slow)],
    ids=["100 kB", "1 MB"],
)
def test_every_pattern_of_ours_is_linear(size: int, few: int, cpu_seconds: int) -> None:
    found = run_limited(
        "from tests.support import patterns\n"
        f"print(patterns.all_linear({size}, {few}, seed=1, cpu_seconds={cpu_seconds}))\n",
        cpu_seconds=3600,
    )
    assert found.returncode == 0, found.stderr[-500:]
    assert int(found.stdout) > 60


def test_a_pattern_that_takes_the_square_does_not_pass() -> None:
    code = "import re\nre.compile(r'\\s*x').search(' ' * 1_000_000)\n"
    assert run_limited(code, cpu_seconds=1).returncode < 0


# A quadratic filter takes 5 seconds or more for 100 kB; the slowest of ours takes .15 s.
@pytest.mark.parametrize(
    ("size", "cpu_seconds", "each"),
    [(100_000, 3, 4), pytest.param(1_000_000, 60, 1, marks=pytest.mark.slow)],
    ids=["100 kB", "1 MB"],
)
def test_every_filter_is_linear(size: int, cpu_seconds: int, each: int) -> None:
    names = [name for name in filters.names() if name not in ("classifier", "decontaminate", "pii")]
    names += [f"quality:{preset}" for preset in quality.PRESETS if preset != "social"]
    found = run_limited(
        "from tests.support import patterns\n"
        f"patterns.filters_linear({names!r}, {size}, {cpu_seconds}, {each})\n",
        cpu_seconds=3600,
    )
    assert found.returncode == 0, found.stderr[-500:]


def test_thousands_of_mentions_in_a_megabyte_are_no_square() -> None:
    found = run_limited(
        "from corpus.readers import discord\n"
        "names = [discord._NamedObject(name=f'a{n:05d}') for n in range(50_000)]\n"
        "print(len(discord._mask_mentions('@a0' * 333_333 + '@a00007', names)))\n",
        cpu_seconds=30,
    )
    assert found.returncode == 0, found.stderr[-500:]
    assert int(found.stdout) == 999_999 + len("@user")


def test_a_label_holds_one_number_or_it_would_take_the_square() -> None:
    config = filters.find("repeats").Config
    with pytest.raises(ValueError, match="more than once"):
        config(labels=("{n}1{n}1{n}: ",))


def test_no_recognizer_sees_more_than_a_piece_and_long_texts_lose_no_hit() -> None:
    seen = []
    finder = presidio.EntityFinder(presidio.ENTITIES, ("US", "DE"))
    for recognizer in finder.recognizers:
        real = recognizer.analyze

        def watched(text: str, *rest: Any, real: Any = real) -> Any:
            seen.append(len(text))
            return real(text, *rest)

        recognizer.analyze = watched
    line = "write to a.b@example.org or 192.168.1.7, and say who you are. "
    texts = ["short", line * 500, "c@example.org"]
    found = finder.find(pl.Series(texts))
    assert max(seen) <= presidio.PIECE_CHARACTERS
    assert [span.entity for span in found[2]] == ["EMAIL_ADDRESS"]
    hits = [(s.start % len(line), s.end - s.start, s.entity) for s in found[1]]
    whole = finder.find(pl.Series([line]))[0]
    assert hits == [(s.start, s.end - s.start, s.entity) for s in whole] * 500


# --------------------------------------------------------------------------- dumps

DEEP = b'{"id": "1", "text": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"
HUGE = b'{"id": ' + b"9" * 100_000 + b', "text": "hello there", "score": 1e99999}'


@pytest.mark.parametrize("name", sorted(readers.names()))
@pytest.mark.parametrize("line", [DEEP, HUGE], ids=["nested 100,000 deep", "huge numbers"])
def test_deep_nesting_and_huge_numbers_are_records_like_others(
    name: str, line: bytes, tmp_path: Path
) -> None:
    path = write_lines(tmp_path / "board-site-dump.json", [line, line])
    module = readers.find(name)
    extra = {"consented": True} if name == "meta" else {}
    settings = {"path": str(path), **NEEDED.get(name, {}), **extra}
    try:
        for batch in module.read(str(path), module.Config.model_validate(settings), 100, None):
            assert batch.posts.height + batch.refused.height + sum(batch.skipped.values()) <= 4
    except PlanError:
        pass  # such as a site that no name tells


# --------------------------------------------------------------------------- the terminal

TRICKS = "\x1b[31mred\x1b]0;title\x07 \x9b2J \u202eevil\u2066 \r gone \x00 \u200f"


def test_nothing_that_acts_on_a_terminal_is_printed() -> None:
    shown = make_printable(TRICKS + "\nnext")
    assert not set(shown) & set("\x1b\x07\x9b\u202e\u2066\r\x00\u200f")
    assert "red" in shown
    assert "\nnext" in shown


@pytest.mark.parametrize("verb", ["peek", "explain", "sniff", "audit", "report", "check", "status"])
def test_no_command_lets_a_post_or_a_plan_act_on_the_terminal(
    verb: str, plan: MakePlan, tmp_path: Path
) -> None:
    import yaml

    rows = [{"id": f"{n}{TRICKS}", "text": f"a few words {n} {TRICKS}", "user": TRICKS}
            for n in range(30)]  # fmt: skip
    dump = write_lines(tmp_path / "posts.jsonl", rows)
    file = tmp_path / "plan.yaml"
    file.write_text(yaml.safe_dump(plan([])))
    assert command("build", str(file), "-q").returncode == 0
    arguments = {
        "peek": ("peek", str(tmp_path / "out")),
        "explain": ("explain", str(tmp_path / "out"), f"table:1{TRICKS}".replace("\0", "")),
        "sniff": ("sniff", str(dump)),
        "audit": ("audit", str(tmp_path / "out")),
        "report": ("report", str(tmp_path / "out")),
        "check": ("check", str(file)),
        "status": ("status", str(tmp_path / "out")),
    }[verb]
    found = command(*arguments)
    assert "Traceback" not in found.stderr
    assert not set(found.stdout + found.stderr) & set("\x1b\x07\x9b\u202e\u2066\r\x00\u200f")


# --------------------------------------------------------------------------- plans

_LAUGHS = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{chr(98 + n)}: &{chr(98 + n)} [{', '.join([f'*{chr(97 + n)}'] * 9)}]\n" for n in range(9)
)
PLANS = {
    "billions of aliases": (_LAUGHS + "sources: [reddit: {path: *j}]\n", "aliases written out"),
    "in itself": ("sources: &a [*a]\n", "aliases written out"),
    "deep": ("sources: " + "[" * 50_000, "nested too deep"),
    "a call": ("sources: !!python/object/apply:os.system ['true']\n", "determine a constructor"),
    "a name": ("!!python/name:os.system", "determine a constructor"),
    "a long number": ("run: {workers: " + "9" * 5000 + "}\n", "too long a number"),
    "a long time": ("run: {workers: " + ":".join(["59"] * 5000) + "}\n", "too long a number"),
    "large": ("# " + "x" * (300 << 10), "larger than 256 kB"),
    "zero in a path": (
        'sources: [reddit: {path: x}]\noutput: {path: "a\\0b"}\n', "cannot hold a zero character"
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", PLANS)
def test_a_hostile_plan_is_refused_in_a_line(what: str, tmp_path: Path) -> None:
    text, message = PLANS[what]
    file = tmp_path / "plan.yaml"
    file.write_text(text)
    with pytest.raises(PlanError, match=message) as raised:
        Plan.load(file)
    assert len(str(raised.value)) < 400


@pytest.mark.parametrize("name", ["a*." + "9" * 400, "b" * 400, "c/" + "d" * 9000])
def test_a_path_that_no_disk_would_hold_is_refused(name: str, tmp_path: Path) -> None:
    document = {"sources": [{"reddit": {"path": name}}], "output": {"path": str(tmp_path / "out")}}
    with pytest.raises(PlanError, match=r"cannot look at|no file") as raised:
        Plan.parse(document).check_paths()
    assert len(str(raised.value)) <= 2001


def test_a_plan_may_use_a_few_aliases(tmp_path: Path) -> None:
    file = tmp_path / "plan.yaml"
    file.write_text("sources:\n  - reddit: &it {path: a.zst}\n  - x_api: *it\n")
    assert [source.config.path for source in Plan.load(file).sources] == ["a.zst", "a.zst"]


# --------------------------------------------------------------------------- code in data


def dotted_name(node: ast.expr) -> str:
    """The name of what is called, such as ``yaml.load``; '' if it is none."""
    if isinstance(node, ast.Attribute):
        return f"{dotted_name(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def test_nothing_of_ours_reads_pickles_or_runs_what_it_reads() -> None:
    # The Ray runner pickles its own tasks for its own workers, as multiprocessing does.
    banned = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "marshal", "shelve"}
    for package in ("corpus", "filters"):
        for path in sorted((ROOT / package).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Import) and path.name != "ray_runner.py":
                    assert not banned & {alias.name for alias in node.names}, path
                elif isinstance(node, ast.ImportFrom):
                    assert node.module not in banned, path
                elif isinstance(node, ast.Call):
                    name = dotted_name(node.func)
                    assert name not in (
                        "eval",
                        "exec",
                        "yaml.unsafe_load",
                        "yaml.full_load",
                        "torch.load",
                        "os.system",
                    ), path
                    for keyword in node.keywords:
                        if keyword.arg in ("allow_pickle", "shell"):
                            assert ast.unparse(keyword.value) == "False", path
                    if name == "yaml.load":
                        assert ast.unparse(node.args[1]) == "_PlainDataLoader", path


def test_an_array_of_objects_is_never_loaded(tmp_path: Path) -> None:
    import numpy as np

    from corpus.tasks import array_store

    np.save(tmp_path / "x.npy", np.array([{"a": 1}], dtype=object))
    for read in (array_store.map_array, array_store.load_array):
        with pytest.raises(ValueError, match=r"pickle|object"):
            read(tmp_path, "x")


# --------------------------------------------------------------------------- models


def test_a_model_file_that_is_cut_is_refused_and_never_ends_the_process(
    tmp_path: Path,
) -> None:
    code = (
        "import sys\nfrom pathlib import Path\nfrom tests.support import patterns\n"
        f"print(patterns.models_hold(Path({str(tmp_path)!r}), 60))\n"
    )
    found = run_limited(code)
    assert found.returncode == 0, found.stderr[-500:]
    assert int(found.stdout) == 60


def test_a_model_file_of_endless_counts_is_refused_at_once(tmp_path: Path) -> None:
    path = tmp_path / "model.bin"
    classifier = struct.pack("<12id", 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0.0)
    counts = struct.pack("<iiiqq", 2**31 - 1, 0, 0, 0, 0)
    path.write_bytes(struct.pack("<ii", 793712314, 12) + classifier + counts)
    with pytest.raises(ValueError, match="cut short or damaged"):
        fasttext.load_model(path)


def test_a_note_behind_a_model_that_is_nested_deep_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.bin"
    deep = b"[" * 100_000 + b"]" * 100_000
    path.write_bytes(b"model" + deep + struct.pack("<q", len(deep)) + b"corpus-note-1\n")
    with pytest.raises(ValueError, match="note at the end of the file is damaged"):
        fasttext.read_note(path)


def test_a_log_of_json_lines_holds_no_text(plan: MakePlan, tmp_path: Path) -> None:
    import yaml

    rows = [{"id": str(n), "text": f"secret words number {n}", "user": "ada"} for n in range(30)]
    write_lines(tmp_path / "posts.jsonl", rows)
    file = tmp_path / "plan.yaml"
    file.write_text(yaml.safe_dump(plan()))
    found = command("build", str(file), "--log-json")
    assert found.returncode == 0
    lines = [json.loads(line) for line in found.stderr.splitlines()]
    assert {line["event"] for line in lines} >= {"start", "step", "stage"}
    assert "secret" not in found.stderr
    assert "ada" not in found.stderr
    assert json.loads(command("status", str(tmp_path / "out"), "--json").stdout)["state"] == "done"
