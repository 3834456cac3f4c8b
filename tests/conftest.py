"""What several tests need: a small dump, a plan over it, and the real samples if they are there."""

from __future__ import annotations

import gc
import json
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from xdist import is_xdist_controller

from corpus.privacy import tombstones
from corpus.tasks.task import run_inline
from tests.support import kernels
from tests.support.examples import register_profiles

register_profiles()
# Frames and parsed records are many small objects without cycles, of which the collector would find
# nothing; the workers of a build set the same.
gc.set_threshold(100_000, 20, 50)

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared" / "data"

TOPICS = ("kettle", "harbour", "bicycle", "violin", "garden", "library", "bakery", "mountain")
VERBS = ("mended", "painted", "borrowed", "described", "visited", "forgot", "measured", "sold")
PLACES = ("in Ghent", "near the canal", "before breakfast", "with my aunt", "on a Tuesday")


@pytest.fixture(autouse=True, scope="session")
def quick_fsync() -> Iterator[None]:
    """Skip fsync in the tests' own process: a test stops processes, never the machine."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda descriptor: None)
        yield


def sentence(number: int) -> str:
    """An English sentence that no other number gives."""
    topic, verb = TOPICS[number % 8], VERBS[number // 8 % 8]
    place = PLACES[number // 64 % 5]
    return f"Yesterday I {verb} the old {topic} {place} and counted {number} reasons to smile"


def write_lines(path: Path, rows: Iterable[Any]) -> Path:
    """Write JSON lines; a row given as bytes is written as it is."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "wb") as file:
        for row in rows:
            file.write(row if isinstance(row, bytes) else json.dumps(row).encode())
            file.write(b"\n")
    return path


def post(number: int, **more: Any) -> dict[str, Any]:
    """A row of the small dump."""
    return {"id": str(number), "text": sentence(number), "user": f"u{number % 7}"} | more


def pytest_sessionstart(session: pytest.Session) -> None:
    """Compile once what each process of pytest-xdist would compile, if all tests are run."""
    config = session.config
    if is_xdist_controller(session) and config.args_source is config.ArgsSource.TESTPATHS:
        kernels.compile_once()


def pytest_make_parametrize_id(val: Any, argname: str) -> str | None:
    """Name a case by its bytes only if they are text: compressed bytes may hold the time.

    The processes of pytest-xdist must all collect the same names.
    """
    if isinstance(val, bytes) and not val.isascii():
        return argname
    return None


@pytest.fixture
def plan(tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """Make a plan, as data, over ``posts.jsonl`` in the test's folder."""

    def make(stages: list[Any] | None = None, **changes: Any) -> dict[str, Any]:
        fields = {"id": "id", "text": "text", "author": "user"}
        made: dict[str, Any] = {
            "sources": [{"table": {"path": str(tmp_path / "posts.jsonl"), "fields": fields}}],
            "stages": stages if stages is not None else [{"quality": {}}, {"dedup": {}}],
            "output": {"path": str(tmp_path / "out"), "ids": "original"},
            "run": {"runner": "serial"},
        }
        return made | changes

    return make


@pytest.fixture
def shared() -> Path:
    """The folder of real samples, or a skipped test."""
    if not SHARED.is_dir():
        pytest.skip("the real samples (../shared/data) are not here")
    return SHARED


def contents(folder: Path, *, timings: bool = False) -> dict[str, bytes]:
    """Every file of a corpus; the manifest without its seconds and ``run`` unless ``timings``."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            data = path.read_bytes()
            if path.name == "manifest.json" and not timings:
                manifest = json.loads(data)
                manifest.pop("run", None)
                for row in manifest["funnel"]:
                    row.pop("seconds")
                data = json.dumps(manifest).encode()
            found[str(path.relative_to(folder))] = data
    return found


def folded(room: Path, *frames: pl.DataFrame) -> tombstones.TombstoneTable:
    """Notices of deletion folded as a build does it, each frame from a file of its own."""
    room.mkdir()
    paths = [room / f"{number}.parquet" for number in range(len(frames))]
    for path, frame in zip(paths, frames, strict=True):
        frame.write_parquet(path)
    tombstones.fold_tombstones(
        room / "all", paths, sum(frame.height for frame in frames), run_inline
    )
    return tombstones.TombstoneTable(room / "all")
