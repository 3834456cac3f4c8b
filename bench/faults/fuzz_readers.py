"""Feed every reader mutated rows and documents, and check that no error escapes.

    python -m bench.faults.fuzz_readers [--rows 100000] [--documents 20000] [READER ...]

Rows are lines of JSON, and those of :mod:`bench.faults.fuzz_forms`, such as messages of chats and
mails, of which each form gets as many. Seeds are the samples of the tests and, where
../shared/data exists, real lines. A reader must raise nothing, and must return each row that is not
blank as a post, a refused record, a tombstone or a skipped one, and no row as two posts. Documents
are mutated without regard to their rows. A failure prints the number of its round, never the text.
"""

from __future__ import annotations

import argparse
import io
import json
import random
import sys
import tempfile
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import zstandard

from bench.faults.fuzz_forms import FORMS, Files, Form, mutate_bytes, mutate_value
from bench.measure import SHARED_DATA
from corpus import readers
from corpus.errors import PlanError
from tests.readers.test_fits import SAMPLES
from tests.test_contract import NEEDED

REAL = {
    "reddit": ("reddit/RC_2005-12.zst", "reddit/AskMen_submissions.zst"),
    "x_stream": ("x_v1/a.no-labels.json", "x_v1/stream_2010.json"),
    "x_api": ("x_v2/entities_test.jsonl", "x_v2/flat.jsonl", "x_v2/tweets_compliance.jsonl"),
    "bluesky": ("bluesky/expected_v1.jsonl",),
    "stackexchange": ("stackexchange/Posts.xml",),
    "table": ("hackernews/hacker_news.csv",),
}
# Exports that are archives: the member for the document, and other members that the reader needs.
ARCHIVE_MEMBERS = {
    "meta": ("your_facebook_activity/posts/your_posts_1.json", {}),
    "slack": (
        "tea/2024-01-31.json",
        {"channels.json": b'[{"id": "C1", "name": "tea"}]', "users.json": b'[{"id": "U1"}]'},
    ),
    "x_archive": (
        "data/tweets.js",
        {"data/account.js": b'window.YTD.account.part0 = [{"account": {"accountId": "7"}}]'},
    ),
}
SETTINGS: dict[str, dict[str, Any]] = {
    "meta": {"consented": True},
    "whatsapp": {"consented": True, "dates": "dmy"},
    "slack": {"consented": True},
    "discord": {"consented": True, "private": True},
    "telegram": {"consented": True},
    "tumblr": {"consented": True, "utc_offset_minutes": 60},
}
#: Readers of records that are not one line each.
JOINED_LINES = ("mbox", "stackexchange", "table", "whatsapp")
DOCUMENTS = ("telegram", "discord", "meta", "slack", "x_archive")
ROWS_A_FILE = 500


def load_seeds(name: str) -> list[bytes]:
    """Return lines (or whole documents) to mutate."""
    heads = [found.head for found in SAMPLES[name] if found.head]
    if name in DOCUMENTS:
        return heads
    if name == "mastodon":
        heads = heads[:1]  # the other samples are whole documents
    found = [line for head in heads for line in head.split(b"\n") if line.strip()]
    if name in FORMS and name not in JOINED_LINES:
        found = [line for line in found if line[:1] in b"{["]  # the others are rows of forms
    for file in REAL.get(name, ()):
        path = SHARED_DATA / file
        if not path.is_file():
            continue
        with open(path, "rb") as raw:
            stream: Any = raw
            if path.suffix == ".zst":
                context = zstandard.ZstdDecompressor(max_window_size=2**31)
                stream = io.BufferedReader(context.stream_reader(raw))
            found += [stream.readline().strip() for _ in range(300)]
    return [line for line in found if line]


def mutate(seed: bytes, chance: random.Random) -> bytes:
    """Return the seed with a few errors: in bytes, spans, or the types of JSON values."""
    if chance.random() < 0.5 and seed[:1] in b"{[":
        try:
            return json.dumps(mutate_value(json.loads(seed), chance)).encode()
        except (ValueError, RecursionError):
            pass
    return mutate_bytes(seed, chance)


def fuzz_inputs(name: str, count: int, chance: random.Random) -> Iterator[tuple[bytes, int]]:
    """Yield files, each with the least number of records that a reader must return."""
    known = load_seeds(name)
    if name in DOCUMENTS:
        for _ in range(count):
            yield mutate(chance.choice(known), chance), 0
        return
    for _ in range(0, count, 1000):
        lines = [mutate(chance.choice(known), chance).replace(b"\n", b" ") for _ in range(1000)]
        least = 0 if name in JOINED_LINES else sum(bool(x.strip()) for x in lines)
        lines[0] = known[0]  # so that the file still has this format
        if name == "table":
            lines[0] = b"id,text,num_points,num_comments,author,created_at"
        yield b"\n".join(lines), least
    if name not in JOINED_LINES:
        for _ in range(count // 20):  # arrays on one line or on several
            separator = chance.choice((b", ", b",\n"))
            rows = separator.join(chance.choices(known, k=5))
            yield mutate(b"[" + separator[1:] + rows + b"]", chance), 0


def write_input(name: str, content: bytes, folder: Path) -> Path:
    """Write a file for a reader, and return its path."""
    if name not in ARCHIVE_MEMBERS:
        path = folder / "board-site-dump.json"
        path.write_bytes(content)
        return path
    path = folder / "export.zip"
    member_name, others = ARCHIVE_MEMBERS[name]
    with zipfile.ZipFile(path, "w") as archive:
        for member, data in {**others, member_name: content}.items():
            archive.writestr(member, data)
    return path


def write_files(files: Files, folder: Path) -> Path:
    """Write the files of a form, as an archive if they are several, and return the path."""
    ((name, content), *others) = files.items()
    if not others and "/" not in name:
        path = folder / name
        path.write_bytes(content)
        return path
    path = folder / "export.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for member, data in files.items():
            archive.writestr(member, data)
    return path


def form_inputs(form: Form, count: int, chance: random.Random) -> Iterator[tuple[Files, int, int]]:
    """Yield files of ``count`` rows in all, each with the least and the most rows that it has."""
    for done in range(0, count, ROWS_A_FILE):
        wanted = min(ROWS_A_FILE, count - done)
        rows = [form.mutate(chance.choice(form.seeds), chance) for _ in range(wanted)]
        files = form.pack([row for row, _ in rows])
        lines = sum(row.count(b"\n") + 1 for row, _ in rows)
        # A row whose start is broken may be a part of the one before, or several by its lines.
        is_whole = all(counted for _, counted in rows)
        most = wanted if is_whole and not form.splits else lines
        yield files, sum(counted for _, counted in rows), most + 2  # with the rows around them


def fuzz(name: str, rows: int, documents: int, folder: Path) -> bool:
    """Run one reader, print its rows of the table, and return whether it passed."""
    chance = random.Random(f"fuzz {name}")
    count = documents if name in DOCUMENTS else rows
    inputs = (
        (write_input(name, content, folder), least, None)
        for content, least in fuzz_inputs(name, count, chance)
    )
    passed = _check(name, name, f"{count:,}", inputs)
    for form in FORMS.get(name, ()):
        made = (
            (write_files(files, folder), least, most)
            for files, least, most in form_inputs(form, rows, chance)
        )
        passed &= _check(name, f"{name}: {form.name}", f"{rows:,}", made)
    return passed


def _check(
    name: str, label: str, count: str, inputs: Iterator[tuple[Path, int, int | None]]
) -> bool:
    """Read each input, check its balance, print the counts, and return whether all passed."""
    module = readers.find(name)
    wanted = {**NEEDED.get(name, {}), **SETTINGS.get(name, {})}
    totals: Counter[str] = Counter()
    passed = True
    for number, (path, least, most) in enumerate(inputs):
        config = module.Config.model_validate({"path": str(path), **wanted})
        got = made = 0
        try:
            for batch in module.read(str(path), config, 500, None):
                found = {
                    "posts": batch.posts.height,
                    "refused": batch.refused.height,
                    "tombstones": batch.tombstones.height,
                    "skipped": sum(batch.skipped.values()),
                }
                totals.update(found)
                if set(batch.refused["reason"]) & {"not_text", "truncated_stream"}:
                    least = 0  # a file that begins like an image is refused as a whole
                got += sum(found.values())
                made += found["posts"] + found["refused"]
        except PlanError:
            continue
        except Exception as error:  # what the fuzzing looks for
            print(f"{label}: {type(error).__name__} in round {number}", flush=True)
            passed = False
            continue
        if got < least or (most is not None and made > most):
            problem = f"{least - got} rows are missing" if got < least else f"{made} of {most} rows"
            print(f"{label}: {problem} in round {number}", flush=True)
            passed = False
    shown = ", ".join(f"{key} {value:,}" for key, value in totals.items())
    print(f"| {label} | {count} | {shown} | {'passed' if passed else 'FAILED'} |", flush=True)
    return passed


def main() -> None:
    """Fuzz the readers named, or all."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("readers", nargs="*", default=readers.names())
    parser.add_argument("--rows", "--lines", type=int, default=100_000)
    parser.add_argument("--documents", type=int, default=20_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        passed = [
            fuzz(name, options.rows, options.documents, Path(folder)) for name in options.readers
        ]
    sys.exit(0 if all(passed) else 1)


if __name__ == "__main__":
    main()
