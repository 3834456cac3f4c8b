"""During a takedown and after its interruption, a reader sees all of the old corpus or the new."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import corpus
from corpus import report
from corpus.errors import BuildError, CorpusError, ManifestError, ShardError
from corpus.journal import JOURNAL_NAME, STAGING_FOLDER, read_consistently
from corpus.maintenance import audit, verify
from corpus.maintenance.takedown import take_down
from corpus.manifest import load_manifest
from corpus.storage import unfinished_takedown
from tests.conftest import ROOT, contents, post, sentence, write_lines
from tests.support.commands import command
from tests.support.examples import is_wide

IDS, AUTHORS = ["table:3", "table:9", "table:80"], ["table:u5"]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A corpus of 110 posts in several shards, 10 of them with a copy, with index and reserve."""
    folder = tmp_path_factory.mktemp("atomic")
    rows = [post(n) for n in range(100)]
    rows += [post(300 + n, text=sentence(n).upper(), user=f"other{n}") for n in range(10)]
    write_lines(folder / "posts.jsonl", rows)
    fields = {"id": "id", "text": "text", "author": "user"}
    corpus.build(
        {
            "sources": [{"table": {"path": str(folder / "posts.jsonl"), "fields": fields}}],
            "stages": [{"quality": {}}, {"dedup": {}}, {"pii": {}}],
            "output": {
                "path": str(folder / "out"),
                "shard_mb": 0.003,
                "row_group_mb": 0.0004,
                "ids": "original",
                "canaries": 0,
            },
            "run": {"runner": "serial"},
        }
    )
    return folder / "out"


@pytest.fixture(scope="module")
def whole(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same corpus after the takedown."""
    copy = copy_of(built, tmp_path_factory.mktemp("whole"))
    run_takedown(copy)
    return copy


def copy_of(out: Path, folder: Path) -> Path:
    """A copy of a corpus with its key, its suppression list and its private plan."""
    folder.mkdir(exist_ok=True)
    for path in out.parent.glob("corpus.*"):
        if path.is_file():
            shutil.copy2(path, folder)
        else:
            shutil.copytree(path, folder / path.name)
    return Path(shutil.copytree(out, folder / "out"))


def run_takedown(out: Path) -> dict[str, Any]:
    return take_down(out, IDS, AUTHORS)


def view(out: Path) -> dict[str, Any]:
    """What the readers of a corpus see of it."""
    opened = corpus.load(out)
    stream = [batch["id"].to_list() for batch in opened.stream(columns=("id",), batch_size=7)]
    statistics = report.load_statistics(out)
    return {
        "manifest": opened.manifest,
        "documents": opened.scan().collect().rows(),
        "streamed": [name for batch in stream for name in batch],
        "ledger": sorted(map(str, opened.dropped().collect().rows())),
        "lengths": statistics["lengths"],
        "verified": verify.verify(out),
    }


class Killed(BaseException):
    """Stands for the end of the process."""


@pytest.fixture
def stop_at(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[int], None]]:
    """Let only a number of renames happen, as if the process were killed at the next one."""
    real = os.replace

    def arm(allowed: int) -> None:
        count = 0

        def replace(source: Any, target: Any) -> None:
            nonlocal count
            if count == allowed:
                raise Killed
            count += 1
            real(source, target)

        monkeypatch.setattr(os, "replace", replace)

    yield arm
    monkeypatch.setattr(os, "replace", real)


def test_killed_at_any_rename_readers_see_all_or_nothing_and_verify_finishes_it(
    built: Path, whole: Path, tmp_path: Path, stop_at: Callable[[int], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    old, new = view(built), view(whole)
    real, seen = os.replace, []
    for allowed in range(0, 200, 1 if is_wide() else 13):
        out = copy_of(built, tmp_path / f"copy{allowed}")
        stop_at(allowed)
        try:
            run_takedown(out)
        except Killed:
            pass
        else:
            break
        finally:
            monkeypatch.setattr(os, "replace", real)
        committed = (out / JOURNAL_NAME).exists()
        with monkeypatch.context() as patch:  # as in a folder that cannot be written to
            patch.setattr(unfinished_takedown.folder_lock, "locked", refuse)
            patch.setattr(verify.folder_lock, "locked", refuse)
            before = contents(out)
            assert view(out) == (new if committed else old), allowed
            assert contents(out) == before
        seen.append(committed)
        done = verify.verify(out)
        assert done["passed"]
        assert not (out / STAGING_FOLDER).exists()
        assert contents(out) == contents(whole if committed else built), allowed
        shutil.rmtree(out.parent)
    assert sorted(seen) == seen and {True, False} == set(seen)


def refuse(*_: Any, **__: Any) -> None:
    raise BuildError("the folder cannot be written to")


@pytest.fixture(autouse=True)
def do_not_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unfinished_takedown, "_MAX_WAIT_SECONDS", 0.0)


def test_a_reader_beside_a_takedown_sees_all_or_nothing(
    built: Path, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = copy_of(built, tmp_path / "a")
    old, new = view(built), view(whole)
    hashes = {
        row["path"]: {row["sha256"], after["sha256"]}
        for row, after in zip(
            load_manifest(built)["shards"], load_manifest(whole)["shards"], strict=True
        )
    }
    real, seen, moved = os.replace, [], 0

    def replace(source: Any, target: Any) -> None:
        nonlocal moved
        real(source, target)
        if STAGING_FOLDER in str(target) and Path(target).name != "moves.json":
            return  # the corpus is not touched before the commit
        moved += 1
        if moved > 4 and moved % 4 and not is_wide():
            return
        seen.append(view(out) == new)
        if not seen[-1]:
            assert view(out) == old
        # Whoever lists shards/ sees each shard before or after, and no other file.
        files = {f"shards/{path.name}": path for path in (out / "shards").iterdir()}
        assert files.keys() == hashes.keys()
        for name, path in files.items():
            assert verify.hash_file(str(path)) in hashes[name]
        listed = pl.read_parquet(out / "shards" / "*.parquet")["id"]
        assert listed.n_unique() == listed.len()

    monkeypatch.setattr(os, "replace", replace)
    run_takedown(out)
    assert moved > 8 and seen == sorted(seen) and {True, False} == set(seen)


def test_a_killed_process_leaves_a_takedown_that_the_next_reader_finishes(
    built: Path, whole: Path, tmp_path: Path
) -> None:
    out = copy_of(built, tmp_path / "a")
    code = (
        "import os, signal, sys\n"
        "from corpus.maintenance.takedown import take_down\n"
        "real = os.replace\n"
        "def replace(a, b):\n"
        "    if str(b).endswith('part-00002.parquet') and 'unfinished' not in str(b):\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
        "    real(a, b)\n"
        "os.replace = replace\n"
        f"take_down(sys.argv[1], {IDS}, {AUTHORS})\n"
    )
    arguments = [sys.executable, "-c", code, str(out)]
    ended = subprocess.run(arguments, cwd=ROOT, check=False)
    assert ended.returncode == -signal.SIGKILL
    assert (out / JOURNAL_NAME).exists()
    assert set(corpus.load(out).scan().collect()["id"]) == set(
        corpus.load(whole).scan().collect()["id"]
    )
    assert contents(out) == contents(whole)


@pytest.mark.parametrize("name", ["report", "peek", "audit", "tune"])
def test_every_command_finishes_a_committed_takedown(
    built: Path, whole: Path, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = committed(built, tmp_path, monkeypatch)
    done = command(name, str(out))
    assert done.returncode == 0, done.stderr
    assert contents(out) == contents(whole)


def committed(built: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A corpus of which no file is moved after the commit of its takedown."""
    out = copy_of(built, folder / "committed")
    with monkeypatch.context() as patch:
        patch.setattr("corpus.maintenance.takedown.finish", lambda folder: None)
        run_takedown(out)
    return out


def test_audit_reads_through_the_journal_where_it_may_not_write(
    built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = committed(built, tmp_path, monkeypatch)
    monkeypatch.setattr(unfinished_takedown.folder_lock, "locked", refuse)
    found = audit.audit(out)
    assert found["passed"] and found["rows"] == load_manifest(out)["totals"]["documents"]
    assert (out / JOURNAL_NAME).exists()


def test_the_next_takedown_finishes_the_one_before(
    built: Path, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = committed(built, tmp_path, monkeypatch)
    take_down(out, ["table:21"])
    other = copy_of(whole, tmp_path / "other")
    take_down(other, ["table:21"])
    assert contents(out) == contents(other)


def test_a_journal_of_the_form_of_0_1_0_is_finished(
    built: Path, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = committed(built, tmp_path, monkeypatch)
    staging = out / STAGING_FOLDER
    moves = {}
    for name in json.loads((out / JOURNAL_NAME).read_text()):
        folder, _, file = name.rpartition("/")
        flat = f"{folder}-{file}" if folder in ("dropped", "index", "reserve") else file
        flat = flat.replace("index-index.json", "index-card.json")
        flat = name if folder == "people" else flat  # a folder that 0.1.0 did not have
        (staging / name).rename(staging / flat)
        moves[flat] = name
    (out / JOURNAL_NAME).write_text(json.dumps(moves, sort_keys=True))
    assert len(corpus.load(out)) == len(corpus.load(whole))
    shutil.rmtree(out / "takedowns" / "unfinished", ignore_errors=True)
    assert contents(out) == contents(whole)


@pytest.mark.parametrize("name", ["../elsewhere", "/etc/passwd", "notes.txt"])
def test_a_journal_moves_nothing_but_files_of_the_corpus(
    built: Path, tmp_path: Path, name: str
) -> None:
    out = copy_of(built, tmp_path / "a")
    (out / STAGING_FOLDER).mkdir(parents=True)
    (out / JOURNAL_NAME).write_text(json.dumps([name]))
    before = contents(out)
    with pytest.raises(CorpusError):
        run_takedown(out)
    assert contents(out) == before


def test_a_damaged_journal_is_reported(built: Path, tmp_path: Path) -> None:
    out = copy_of(built, tmp_path / "a")
    (out / STAGING_FOLDER).mkdir(parents=True)
    (out / JOURNAL_NAME).write_text("[")
    with pytest.raises(ManifestError, match="is damaged"):
        corpus.load(out)


def test_an_upload_does_not_begin_before_a_takedown_is_finished(
    built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from corpus.storage.folder_lock import locked_corpus

    out = committed(built, tmp_path, monkeypatch)
    with (
        pytest.raises(BuildError, match="run 'corpus verify' there to finish it"),
        locked_corpus(out, "upload"),
    ):
        pass


def test_what_was_read_of_two_versions_is_read_again(built: Path, tmp_path: Path) -> None:
    out = copy_of(built, tmp_path / "a")
    reads = []

    def read() -> int:
        count = corpus.load(out).scan().collect().height
        if not reads:
            run_takedown(out)
        reads.append(count)
        return count

    assert read_consistently(out, read) == reads[1] < reads[0]
    turn = 0

    def change() -> None:
        nonlocal turn
        turn += 1
        (out / "manifest.json").write_text(json.dumps(load_manifest(out) | {"turn": turn}))

    with pytest.raises(CorpusError, match="was changed while it was read"):
        read_consistently(out, change)


def test_a_takedown_before_its_commit_is_discarded_by_verify_and_named(
    built: Path, tmp_path: Path, stop_at: Callable[[int], None]
) -> None:
    out = copy_of(built, tmp_path / "a")
    stop_at(1)  # after the request is listed
    with pytest.raises(Killed):
        run_takedown(out)
    assert (out / STAGING_FOLDER).exists()
    found = verify.verify(out)
    assert found["passed"]
    name = "a takedown was interrupted before it changed anything; repeat it"
    assert found["checks"][-1]["name"] == name
    assert contents(out) == contents(built)


# --------------------------------------------------------------------------- streams


def texts(stream: Any) -> list[str]:
    return [text for batch in stream for text in batch["id"].to_list()]


@pytest.fixture
def out(built: Path, tmp_path: Path) -> Path:
    return copy_of(built, tmp_path / "a")


def test_a_running_stream_stops_with_the_reason(out: Path, built: Path) -> None:
    stream = corpus.load(out).stream(columns=("id",), batch_size=4)
    next(stream)
    run_takedown(out)
    with pytest.raises(ShardError, match="was changed by a takedown or a build since this corpus"):
        texts(stream)


def test_an_open_corpus_scans_no_shard_of_another_version(out: Path, built: Path) -> None:
    opened = corpus.load(out)
    run_takedown(out)
    with pytest.raises(ShardError, match="was changed by a takedown"):
        opened.scan()
    assert corpus.load(out).scan().collect().height


def test_a_shard_that_was_copied_again_is_the_same(out: Path) -> None:
    stream = corpus.load(out).stream(columns=("id",), batch_size=4)
    first = next(stream)["id"].to_list()
    for path in (out / "shards").iterdir():
        data = path.read_bytes()
        path.unlink()
        path.write_bytes(data)
    assert first + texts(stream) == texts(corpus.load(out).stream(columns=("id",)))


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("world", [1, 3])
def test_a_state_from_before_takedowns_goes_on_less_what_they_removed(
    out: Path, built: Path, shuffle: bool, world: int
) -> None:
    how: dict[str, Any] = {"columns": ("id",), "batch_size": 4, "shuffle": shuffle, "seed": 5}
    expected, resumed = [], []
    streams = [corpus.load(out).stream(rank, world, **how) for rank in range(world)]
    for stream in streams:
        for _ in range(3):
            next(stream)
    states = [json.loads(json.dumps(stream.state_dict())) for stream in streams]
    for stream in streams:
        expected += texts(stream) + texts(iter(stream))  # the next epoch too
    run_takedown(out)
    second = corpus.load(out).scan().select("id").collect()["id"].to_list()[40:52]
    take_down(out, second)  # removes whole row groups
    removed = set(corpus.load(built).scan().collect()["id"]) - set(
        corpus.load(out).scan().collect()["id"]
    )
    for rank, state in enumerate(states):
        stream = corpus.load(out).stream(rank, world, **how)
        stream.load_state_dict(state)
        first = next(stream)["id"].to_list()
        again = corpus.load(out).stream(rank, world, **how)
        again.load_state_dict(stream.state_dict())  # a state that was saved after resuming
        rest = texts(stream) + texts(iter(stream))
        assert texts(again) + texts(iter(again)) == rest
        resumed += first + rest
    copies = {f"table:{number}": f"table:{300 + number}" for number in (3, 5, 9)}
    kept = [copies.get(name, name) for name in expected if name not in removed or name in copies]
    assert resumed == kept
    assert len(removed) > 12 and {"table:303", "table:305", "table:309"} <= set(resumed)


def test_a_mixture_goes_on_less_what_was_removed(out: Path, built: Path) -> None:
    def mixed() -> Any:
        pair = [(corpus.load(out), 0.8), (corpus.load(built), 0.2)]
        return corpus.mix(pair).stream(columns=("id",), batch_size=9, shuffle=True)

    stream = mixed()
    next(stream)
    state = stream.state_dict()
    expected = texts(stream)
    take_down(out, [], AUTHORS)
    after = mixed()
    after.load_state_dict(state)
    resumed = [name.replace("table:305", "table:5") for name in texts(after)]
    remaining = iter(expected)
    assert all(name in remaining for name in resumed), "the same order, with gaps"
    assert len(resumed) < len(expected)


def test_a_state_is_refused_if_no_receipt_leads_back(out: Path, built: Path) -> None:
    stream = corpus.load(out).stream()
    next(stream)
    state = stream.state_dict()
    run_takedown(out)
    receipt = out / "takedowns" / "00001.json"
    receipt.write_text(receipt.read_text().replace("removed_rows", "removed"))
    with pytest.raises(CorpusError, match="the corpus has changed since this state was saved"):
        corpus.load(out).stream().load_state_dict(state)


def test_token_blocks_go_on_less_what_was_removed(out: Path, built: Path) -> None:
    pytest.importorskip("torch")
    from corpus.torch import TokenBlocks

    def encode(given: list[str]) -> list[list[int]]:
        return [list(text.encode()) for text in given]

    def blocks() -> Any:
        return TokenBlocks(out, encode, 64, separator=256, shuffle=True, batch_size=8)

    def decoded(found: list[Any]) -> bytes:
        ids = [token for block in found for token in block["input_ids"].tolist()]
        return bytes(token if token < 256 else 10 for token in ids)

    started = blocks()
    blocks_read = iter(started)
    for _ in range(5):
        next(blocks_read)
    state = started.state_dict()
    before = decoded(list(blocks_read)).strip(b"\n").split(b"\n")
    take_down(out, ["table:80"], AUTHORS)
    resumed = blocks()
    resumed.load_state_dict(state)
    found = decoded(list(iter(resumed))).strip(b"\n").split(b"\n")
    kept = set(corpus.load(out).scan().collect()["text"])
    assert found[1:] == [text for text in before[1:] if text.decode() in kept]
    assert len(found) < len(before)


def test_a_build_over_a_committed_takedown_finishes_it_first(
    built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = committed(built, tmp_path, monkeypatch)
    manifest = corpus.build(out / "plan.yaml", out=str(out), runner="serial", replace=True)
    assert not (out / STAGING_FOLDER).exists()
    assert json.loads((out / "manifest.json").read_text()) == manifest
    assert verify.verify(out)["passed"]
    assert not {"table:3", "table:9", "table:80"} & set(corpus.load(out).scan().collect()["id"])
