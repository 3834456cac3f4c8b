"""Read selected files of a folder or a zip, and open no others."""

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
from corpus.formats.archives.names import (
    escape_invalid_bytes,
    is_system_file,
    make_unique,
    natural_sort_key,
)
from corpus.formats.archives.zip_archive import ZipArchive, ZipEntry
from corpus.formats.byte_source import CHUNK, STREAM_ERRORS, ByteSource, Refused, get_refusal_reason
from corpus.formats.seekable_file import SeekableFile, digest_file, open_seekable
from corpus.storage import filesystem


class _BundleFile(NamedTuple):
    """A file of the bundle."""

    name: str
    problem: str  # why it must not be opened, or empty
    open: Callable[[], ByteSource]
    path: Path | str | None = None  # null in a zip


class Bundle:
    """A folder or a zip, such as an account archive; opens only the files a reader names."""

    def __init__(self, path: str) -> None:
        self.path = path
        #: (source file, reason) of each member that must not be opened.
        self.problems: list[tuple[str, str]] = []
        self._files: dict[str, _BundleFile] = {}
        self._opened: set[str] = set()
        self._open_files: list[SeekableFile] = []
        self._exit_stack = ExitStack()
        self._is_folder = filesystem.is_folder(path)
        self._zip: ZipArchive | None = None
        seen: dict[str, int] = {}
        for file in self._list_folder() if self._is_folder else self._list_zip():
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
        self._exit_stack.close()

    def _list_zip(self) -> Iterator[_BundleFile]:
        raw = self._exit_stack.enter_context(open_seekable(self.path))
        self._zip = archive = ZipArchive(raw)
        if archive.problem:
            self.problems.append((self.path, archive.problem))
        for entry in archive.entries:
            yield _BundleFile(entry.name, entry.problem, partial(_open_entry, archive, entry))

    def _list_folder(self) -> Iterator[_BundleFile]:
        if filesystem.is_url(self.path):
            for url in filesystem.walk(self.path):
                name = escape_invalid_bytes(url.removeprefix(self.path.rstrip("/") + "/"))
                yield _BundleFile(name, "", partial(self._open_path, url), url)
            return
        root = Path(self.path)
        real_root = root.resolve()
        for file in _walk_folder(root):
            name = escape_invalid_bytes(file.relative_to(root).as_posix())
            problem = ""
            if file.is_symlink():
                target = Path(
                    os.path.realpath(file)
                )  # unlike resolve(), does not fail at a loop of links
                if not target.is_relative_to(real_root) or not target.exists():
                    problem = "symlink"
                elif target.is_dir():
                    continue  # its files are listed under their own names
            if not problem and not stat.S_ISREG(file.stat().st_mode):
                problem = "not_a_file"  # opening a pipe would block
            yield _BundleFile(name, problem, partial(self._open_path, file), file)

    def _open_path(self, file: Path | str) -> ByteSource:
        opened = self._exit_stack.enter_context(open_seekable(file))
        self._open_files.append(opened)
        return opened

    def names(self) -> list[str]:
        """Return the sorted names of the files; opens none of them."""
        return sorted(self._files)

    def find_files(self, *patterns: str) -> list[str]:
        """Return the names whose last path parts match one of the glob ``patterns``.

        The names are sorted with ``part2`` before ``part10``.
        """
        pattern_parts = [pattern.split("/") for pattern in patterns]
        names = []
        for unique_name, file in self._files.items():
            parts = file.name.split("/")
            if any(
                len(globs) <= len(parts) and all(map(fnmatchcase, parts[-len(globs) :], globs))
                for globs in pattern_parts
            ):
                names.append(unique_name)
        return sorted(names, key=natural_sort_key)

    def open(self, name: str) -> ByteSource:
        """Return the content of a file; its ``read`` raises :class:`Refused` at a break."""
        self._opened.add(name)
        return _RefusingSource(self._files[name].open)

    def source_file(self, name: str) -> str:
        """Return how the posts of a file name it in ``source_file``."""
        return f"{self.path.rstrip('/')}/{name}" if self._is_folder else f"{self.path}!{name}"

    @property
    def position(self) -> int:
        """Bytes read so far; compressed bytes if this is a zip."""
        return (
            self._zip.bytes_read if self._zip else sum(file.bytes_read for file in self._open_files)
        )

    def sha256(self) -> str:
        """Return the hash of the zip, or of the names and contents of the opened files."""
        if not self._is_folder:
            return digest_file(self.path).hex()
        combined = hashlib.sha256()
        for name in sorted(self._opened):
            path = self._files[name].path
            assert path
            # Digests have a fixed length, so a name cannot run into the content after it.
            combined.update(hashlib.sha256(name.encode()).digest() + digest_file(path))
        return combined.hexdigest()


def _open_entry(archive: ZipArchive, entry: ZipEntry) -> ByteSource:
    return archive.open(entry)[0]


class _RefusingSource:
    """A file's content, opened at the first read; every error becomes a :class:`Refused`."""

    def __init__(self, opener: Callable[[], ByteSource]) -> None:
        self._opener = opener
        self._source: ByteSource | None = None

    def read(self, size: int = CHUNK, /) -> bytes:
        try:
            if self._source is None:
                self._source = self._opener()
            return self._source.read(CHUNK if size < 0 else size)
        except STREAM_ERRORS as error:
            raise Refused(get_refusal_reason(error)) from None


def _walk_folder(root: Path) -> Iterator[Path]:
    """Yield the files and the links below a folder, in the order of their names."""

    def raise_error(error: OSError) -> None:
        raise BuildError(f"cannot list '{error.filename}': {error.strerror}")

    for parent, folders, files in os.walk(root, onerror=raise_error):
        folders.sort()
        folder = Path(parent)
        yield from (folder / name for name in folders if (folder / name).is_symlink())
        yield from (folder / name for name in sorted(files))
