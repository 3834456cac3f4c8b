"""Build many small files, and the same posts in one file: what each file costs.

    python -m bench.speed.small_files [--files N] [--workers N] [--kinds KIND ...]

Each file has ten invented posts. KIND is jsonl, gz, zst, or zip: one archive with a member a file.
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import zstandard

from bench import measure

_POSTS = 10
_WORDS = (
    "tea garden river stone bread window letter market summer winter paper music train coffee "
    "mountain harbour lantern kettle bicycle library carpet orchard"
)
_FIELDS = {"id": "id", "text": "text", "author": "user", "created_at": "date"}
_KINDS = ("jsonl", "gz", "zst", "zip")


def main(arguments: Sequence[str] | None = None) -> None:
    """Build all and print the table."""
    parser = argparse.ArgumentParser(prog="python -m bench.speed.small_files", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--kinds", nargs="+", choices=_KINDS, default=["jsonl"], metavar="KIND")
    options = parser.parse_args(arguments)
    posts = f"{options.files * _POSTS:,} posts"
    print("| files | wall s | CPU s | ms a file | more than in one file, ms | peak MB |")
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        with (folder / "one.jsonl").open("wb") as file:
            file.writelines(_generate_files(options.files))
        whole = _measure_build(folder / "one.jsonl", folder / "one", options.workers)
        _print_row(f"one, {posts}", whole, whole, options.files)
        for kind in options.kinds:
            dump = folder / ("many.zip" if kind == "zip" else f"many-{kind}")
            _write_dump(dump, kind, options.files)
            measured = _measure_build(dump, folder / kind, options.workers)
            what = "members of a zip" if kind == "zip" else f".{kind}"
            _print_row(f"{options.files:,} {what}", measured, whole, options.files)


def _generate_files(count: int) -> Iterator[bytes]:
    """Yield the content of each file."""
    choose, words = random.Random(1), _WORDS.split()
    for number in range(count):
        rows = [
            {
                "id": str(post),
                "text": f"{' '.join(choose.choices(words, k=30))} {post}",
                "user": f"u{post % 5000}",
                "date": 1_700_000_000 + post,
            }
            for post in range(number * _POSTS, (number + 1) * _POSTS)
        ]
        yield "".join(json.dumps(row) + "\n" for row in rows).encode()


def _write_dump(path: Path, kind: str, count: int) -> None:
    """Write the files into a folder, a thousand in each folder below it, or into one archive."""
    if kind == "zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for number, content in enumerate(_generate_files(count)):
                archive.writestr(f"part-{number // 1000:03d}/part-{number:06d}.jsonl", content)
        return
    suffix, pack = {
        "jsonl": (".jsonl", bytes),
        "gz": (".jsonl.gz", gzip.compress),
        "zst": (".jsonl.zst", zstandard.ZstdCompressor().compress),
    }[kind]
    for number, content in enumerate(_generate_files(count)):
        folder = path / f"part-{number // 1000:03d}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"part-{number:06d}{suffix}").write_bytes(pack(content))


def _measure_build(dump: Path, folder: Path, workers: int) -> measure.Measurement:
    plan = {"sources": [{"table": {"path": str(dump), "fields": _FIELDS}}], "stages": []}
    return measure.measure_build(plan, folder, workers)[0]


def _print_row(
    what: str, measured: measure.Measurement, whole: measure.Measurement, files: int
) -> None:
    each, more = measured.seconds / files, (measured.seconds - whole.seconds) / files
    print(
        f"| {what} | {measured.seconds:.1f} | {measured.cpu_seconds:.1f} | {1000 * each:.3f} "
        f"| {1000 * more:.3f} | {measured.peak_mb:,.0f} |",
        flush=True,
    )


if __name__ == "__main__":
    try:
        main()
    except measure.CommandFailed as error:
        sys.exit(f"bench: a build failed:\n{error}")
