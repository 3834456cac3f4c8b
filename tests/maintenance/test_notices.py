"""A newer dump's notices of deletion are applied to a corpus that was built before."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import corpus
from corpus.errors import PlanError
from corpus.maintenance import verify
from corpus.maintenance.notices import find_announced
from corpus.privacy import suppression
from tests.conftest import sentence, write_lines
from tests.support.commands import command

Built = Callable[..., Path]


def tweet(number: int, author: int, **more: Any) -> dict[str, Any]:
    """A post in the form of an X API response, one day later than the one before it."""
    return {
        "id": str(number),
        "author_id": str(author),
        "text": sentence(number),
        "created_at": f"2024-05-{1 + number % 28:02d}T12:00:00.000Z",
    } | more


@pytest.fixture
def built(tmp_path: Path) -> Built:
    """Build posts 1 to 40 of X; author 1 has 1, 11, 21 and 31, author 2 has 2, 12, …"""

    def make(ids: str = "keyed", stages: list[Any] | None = None) -> Path:
        rows = [tweet(n, n % 10) for n in range(1, 41)]
        write_lines(tmp_path / "x" / "tweets.jsonl", [{"data": row} for row in rows])
        corpus.build(
            {
                "sources": [{"x_api": {"path": str(tmp_path / "x" / "tweets.jsonl")}}],
                "stages": stages or [{"dedup": {}}],
                "output": {"path": str(tmp_path / "out"), "ids": ids, "shard_mb": 0.001},
                "run": {"runner": "serial"},
            }
        )
        return tmp_path / "out"

    return make


def compliance(folder: Path, *rows: dict[str, Any]) -> str:
    path = folder / "new" / "compliance.jsonl"
    return str(write_lines(path, rows))


def texts(out: Path) -> set[str]:
    return set(corpus.load(out).scan().collect()["text"])


@pytest.mark.parametrize("ids", ["keyed", "original"])
def test_announced_deletions_are_applied_and_listed(built: Built, tmp_path: Path, ids: str) -> None:
    out = built(ids)
    source = compliance(
        tmp_path,
        {"delete": {"status": {"id": 5, "id_str": "5", "user_id": 5}, "timestamp_ms": "1"}},
        {"delete": {"status": {"id": 99, "id_str": "99", "user_id": 5}, "timestamp_ms": "1"}},
        {"user_protect": {"id": 2, "timestamp_ms": "1767225600000"}},
    )
    found = find_announced(out, source)
    assert (found.notices, len(found.ids), len(found.authors)) == (3, 1, 1)
    done = command("takedown", str(out), "--notices", source)
    assert done.returncode == 0, done.stderr
    assert "3 deletion notices; this corpus has 1 post and 1 author of them" in done.stdout
    gone = {sentence(n) for n in (5, 2, 12, 22, 32)}
    assert not texts(out) & gone and len(texts(out)) == 35
    assert verify.verify(out)["passed"]
    listed = suppression.load(tmp_path / "corpus.key")
    assert listed.includes_id("x:5") and not listed.includes_id("x:99")
    assert listed.includes_author("x:2")
    again = command("takedown", str(out), "--notices", source)
    assert again.returncode == 0 and "0 posts removed" in again.stdout


def event(number: int, day: int, **more: Any) -> dict[str, Any]:
    """A Bluesky post of a day in May 2024, as Jetstream sends it."""
    record = {"text": sentence(number), "createdAt": f"2024-05-{day:02d}T12:00:00Z"}
    commit = {
        "operation": "create",
        "collection": "app.bsky.feed.post",
        "rkey": f"3k{number}",
        "record": record,
    }
    seen = (1_714_521_600 + (day - 1) * 86_400 + 43_200) * 1_000_000  # noon
    return {"did": "did:plc:ada", "time_us": seen, "kind": "commit", "commit": commit} | more


@pytest.mark.parametrize(("status", "counts"), [("suspended", (2, 0)), ("deleted", (0, 1))])
def test_posts_from_after_a_notice_of_their_author_are_kept(
    tmp_path: Path, status: str, counts: tuple[int, int]
) -> None:
    posts = [event(n, day) for n, day in ((1, 2), (2, 12), (3, 4), (4, 22))]
    path = write_lines(tmp_path / "events.jsonl", posts)
    plan = {"sources": [{"bluesky": {"path": str(path)}}], "run": {"runner": "serial"}}
    corpus.build(plan | {"output": {"path": str(tmp_path / "out")}})
    account = {"active": False, "did": "did:plc:ada", "status": status}
    notice = event(0, 0, kind="account", account=account, time_us=1_715_299_200_000_000)  # 10 May
    del notice["commit"]
    found = find_announced(tmp_path / "out", compliance(tmp_path, notice))
    assert (len(found.ids), len(found.authors)) == counts
    command("takedown", str(tmp_path / "out"), "--notices", compliance(tmp_path, notice))
    kept = {sentence(n) for n in (2, 4)} if status == "suspended" else set()
    assert texts(tmp_path / "out") == kept


def test_a_newer_dump_s_state_of_a_post_is_a_notice(built: Built, tmp_path: Path) -> None:
    out = built()
    rows = [tweet(7, 7, withheld={"copyright": False}), tweet(8, 8)]
    source = write_lines(tmp_path / "new" / "tweets.jsonl", [{"data": row} for row in rows])
    found = find_announced(out, str(source))
    assert len(found.ids) == 1 and not found.authors


def test_a_format_that_announces_nothing_and_a_missing_file_are_refused(
    built: Built, tmp_path: Path
) -> None:
    out = built()
    table = tmp_path / "list.csv"
    table.write_text("id,text\n1,hello\n")
    for source, message in ((table, "no reader knows"), (tmp_path / "none.jsonl", "no file at")):
        with pytest.raises(PlanError, match=message):
            find_announced(out, str(source))
    done = command("takedown", str(out))
    assert done.returncode == 2 and "--notices SOURCE" in done.stderr


def test_the_ledger_s_ids_and_the_replacement_copies_are_looked_up(
    built: Built, tmp_path: Path
) -> None:
    rows = [tweet(n, n % 10) for n in range(1, 41)] + [tweet(77, 7, text=sentence(3).upper())]
    out = built()
    write_lines(tmp_path / "x" / "tweets.jsonl", [{"data": row} for row in rows])
    plan: dict[str, Any] = {
        "sources": [{"x_api": {"path": str(tmp_path / "x" / "tweets.jsonl")}}],
        "stages": [{"dedup": {}}],
        "output": {"path": str(tmp_path / "two")},
    }
    corpus.build(plan | {"run": {"runner": "serial"}})
    notice = {"delete": {"status": {"id": 77, "id_str": "77", "user_id": 7}, "timestamp_ms": "1"}}
    found = find_announced(tmp_path / "two", compliance(tmp_path, notice))
    ledger = corpus.load(tmp_path / "two").dropped().collect()
    assert found.ids == set(ledger.filter(pl.col("stage") == "dedup")["id"])
    assert not find_announced(out, compliance(tmp_path, notice)).ids
