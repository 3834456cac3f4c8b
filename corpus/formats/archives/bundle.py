"""Read some files of a folder or a zip, and open none that was not asked for."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

from corpus.errors import BuildError
from corpus.formats import seekable_file
from corpus.formats.archives.names import (
    escape_invalid_bytes,
    is_system_file,
    make_unique,
    natural_sort_key,
)
from corpus.formats.archives.zip_archive import ZipArchive, ZipEntry
from corpus.formats.byte_source import (
    CHUNK,
    STREAM_ERRORS,
    ByteSource,
    Unreadable,
    get_refusal_reason,
)
from corpus.formats.seekable_file import SeekableFile
from corpus.readers.contract import Refused
from corpus.storage import filesystem

__all__ = ["Bundle", "Lost"]


class Lost(Unreadable, Refused):
    """Raised where a file of the bundle cannot be read on, with the reason to refuse it for."""


class _BundleFile(NamedTuple):
    """A file of the bundle: its own name, why it must not be opened, and how to open it."""

    name: str
    problem: str
    open: Callable[[], ByteSource]
    path: Path | str | None = None  # of a folder: where it lies


class Bundle:
    """A folder or a zip of which only the files that are asked for are ever opened."""

    def __init__(self, path: str) -> None:
        self.path = path
        #: The place and the reason of each member that must not be opened.
        self.problems: list[tuple[str, str]] = []
        self._files: dict[str, _BundleFile] = {}
        self._opened: set[str] = set()
        self._disks: list[SeekableFile] = []
        self._closing = ExitStack()
        self._folder = filesystem.is_folder(path)
        self._zip: ZipArchive | None = None
        seen: dict[str, int] = {}
        for file in self._walked() if self._folder else self._zipped():
            if is_system_file(file.name):
                continue
            if file.problem:
                self.problems.append((self.source_file(file.name), file.problem))
            else:
                self._files[make_unique(file.name, seen)] = file

    def __enter__(self) -> Bundle:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._closing.close()

    def _zipped(self) -> Iterator[_BundleFile]:
        raw = self._closing.enter_context(seekable_file.open_seekable(self.path))
        self._zip = archive = ZipArchive(raw)
        if archive.problem:
            self.problems.append((self.path, archive.problem))
        for entry in archive.entries:
            yield _BundleFile(entry.name, entry.problem, partial(_open_entry, archive, entry))

    def _walked(self) -> Iterator[_BundleFile]:
        if filesystem.is_url(self.path):
            for url in filesystem.walk(self.path):
                name = escape_invalid_bytes(url.removeprefix(self.path.rstrip("/") + "/"))
                yield _BundleFile(name, "", partial(self._from_disk, url), url)
            return
        root = Path(self.path)
        home = root.resolve()
        for file in _walk_folder(root):
            name = escape_invalid_bytes(file.relative_to(root).as_posix())
            problem = ""
            if file.is_symlink():
                target = Path(os.path.realpath(file))  # unlike resolve(), takes loops as they are
                if not target.is_relative_to(home) or not target.exists():
                    problem = "symlink"
                elif target.is_dir():
                    continue  # its files are met under their own names
            if not problem and not stat.S_ISREG(file.stat().st_mode):
                problem = "not_a_file"  # to open a pipe would be to wait for ever
            yield _BundleFile(name, problem, partial(self._from_disk, file), file)

    def _from_disk(self, file: Path | str) -> ByteSource:
        disk = self._closing.enter_context(seekable_file.open_seekable(file))
        self._disks.append(disk)
        return disk

    def names(self) -> list[str]:
        """The names of the files, sorted; opens none of them."""
        return sorted(self._files)

    def find_files(self, *patterns: str) -> list[str]:
        """The names whose end fits a glob, part by part; ``part2`` comes before ``part10``."""
        wanted = [pattern.split("/") for pattern in patterns]
        found = []
        for shown, file in self._files.items():
            parts = file.name.split("/")
            if any(
                len(globs) <= len(parts) and all(map(fnmatchcase, parts[-len(globs) :], globs))
                for globs in wanted
            ):
                found.append(shown)
        return sorted(found, key=natural_sort_key)

    def open(self, name: str) -> ByteSource:
        """The content of a file; its ``read`` raises :class:`Lost` where it breaks off."""
        self._opened.add(name)
        return _RefusingSource(self._files[name].open)

    def source_file(self, name: str) -> str:
        """Where a file is, for provenance."""
        return f"{self.path.rstrip('/')}/{name}" if self._folder else f"{self.path}!{name}"

    @property
    def position(self) -> int:
        """Bytes consumed so far, compressed ones where it is a zip."""
        return self._zip.bytes_read if self._zip else sum(file.bytes_read for file in self._disks)

    def sha256(self) -> str:
        """The hash of the zip, or of the names and contents of the files that were opened."""
        if not self._folder:
            return seekable_file.digest_file(self.path).hex()
        whole = hashlib.sha256()
        for name in sorted(self._opened):
            disk = self._files[name].path
            assert disk
            # Digests have one length, so that no name can pass for the start of a content.
            whole.update(hashlib.sha256(name.encode()).digest() + seekable_file.digest_file(disk))
        return whole.hexdigest()


def _open_entry(archive: ZipArchive, entry: ZipEntry) -> ByteSource:
    return archive.open(entry)[0]


class _RefusingSource:
    """A file's content that says in the contract's words why it breaks off."""

    def __init__(self, opener: Callable[[], ByteSource]) -> None:
        self._opener = opener
        self._source: ByteSource | None = None

    def read(self, size: int = CHUNK, /) -> bytes:
        try:
            if self._source is None:
                self._source = self._opener()
            return self._source.read(CHUNK if size < 0 else size)
        except STREAM_ERRORS as error:
            raise Lost(get_refusal_reason(error)) from None


def _walk_folder(root: Path) -> Iterator[Path]:
    """Everything in a folder that is no folder, and links to folders, in the order of names."""

    def complain(error: OSError) -> None:
        raise BuildError(f"cannot list '{error.filename}': {error.strerror}")

    for place, folders, files in os.walk(root, onerror=complain):
        folders.sort()
        here = Path(place)
        yield from (here / name for name in folders if (here / name).is_symlink())
        yield from (here / name for name in sorted(files))
