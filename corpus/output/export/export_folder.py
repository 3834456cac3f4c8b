"""The folder of an export: what is finished, its manifest, and whose files are in it."""

from __future__ import annotations

import fcntl
import json
import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from corpus.errors import BuildError, CorpusError
from corpus.output.export.contract import ShardFiles
from corpus.storage.export_files import (
    CORPUS_MANIFEST,
    EXPORT_MANIFEST,
    LOCK,
    PROGRESS,
    describes_export,
    is_export_file,
    is_unfinished,
)
from corpus.tasks.files import canonical_json, file_sha256, fsync_folder, write_json


class ExportFolder:
    """A folder that one export writes to. ``settings`` decide the bytes of its files."""

    def __init__(self, path: Path, settings: Mapping[str, Any]) -> None:
        self.path = path
        self._settings = dict(settings)
        self._shards: list[dict[str, Any]] = []

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Let one process at a time write to the folder, and none to one with other files in it."""
        self._refuse_foreign_files()
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            lock = (self.path / LOCK).open("ab")
        except OSError as error:
            raise CorpusError(f"cannot write to '{self.path}': {error.strerror}") from None
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise BuildError(
                    f"another process is writing to '{self.path}'; wait for it"
                ) from None
            for entry in sorted(self.path.iterdir()):
                if is_unfinished(entry.name) and not entry.is_symlink():
                    entry.unlink()
            try:
                yield
            finally:
                (self.path / LOCK).unlink(missing_ok=True)

    def _refuse_foreign_files(self) -> None:
        """CorpusError if the folder has a file that no export wrote; a link is such a file."""
        if self.path.is_symlink() or not os.path.lexists(self.path):
            if self.path.is_symlink():
                raise CorpusError(f"'{self.path}' is a symbolic link; name a folder with --to")
            return
        if not self.path.is_dir():
            raise CorpusError(f"'{self.path}' is a file; name a folder with --to")
        is_known = any(describes_export(self.path / name) for name in (EXPORT_MANIFEST, PROGRESS))
        for entry in sorted(self.path.iterdir()):
            if entry.name.startswith(".") and entry.name not in (LOCK, PROGRESS):
                continue  # of the system; an export writes no hidden files but these
            status = entry.lstat()
            is_ours = stat.S_ISREG(status.st_mode) and is_export_file(entry.name)
            if entry.name == LOCK:
                is_ours &= status.st_size == 0 and status.st_nlink == 1
            else:
                is_ours &= is_known
            if not is_ours:
                raise CorpusError(
                    f"'{self.path}' has '{entry.name}', which no export wrote; give another "
                    "folder with --to"
                )

    def load_finished_export(self) -> dict[str, Any] | None:
        """Return the manifest of the export if it is finished; CorpusError if it is another one."""
        path = self.path / EXPORT_MANIFEST
        if not path.exists():
            return None
        manifest = _load_object(path)
        self._require_same_settings(manifest.get("settings"))
        for file in manifest["files"]:
            found = self.path / file["path"]
            if not found.is_file() or found.stat().st_size != file["bytes"]:
                raise CorpusError(
                    f"'{found}' is not as it was exported; remove '{self.path}' and export again"
                )
        return manifest

    def begin(self) -> list[ShardFiles]:
        """Return what an interrupted run has finished; CorpusError if it was another export."""
        if (self.path / PROGRESS).exists():
            progress = _load_object(self.path / PROGRESS)
            self._require_same_settings(progress.get("settings"))
            for entry in progress["shards"]:
                if not all(self._has_size(file) for file in entry["files"]):
                    break
                self._shards.append(entry)
        self._save_progress()
        return [
            ShardFiles(
                entry["documents"],
                tuple(file["path"] for file in entry["files"]),
                entry["facts"],
                entry["skipped"],
            )
            for entry in self._shards
        ]

    def record(self, shard: Mapping[str, Any], written: ShardFiles) -> None:
        """Record that a shard of the corpus is exported; its files are on the disk."""
        fsync_folder(self.path)
        self._shards.append(
            {
                "path": shard["path"],
                "sha256": shard["sha256"],
                "documents": written.documents,
                "skipped": dict(written.skipped),
                "facts": dict(written.facts),
                "files": [self._describe(name) for name in written.files],
            }
        )
        self._save_progress()

    def finish(
        self, more_files: Sequence[str], corpus_manifest: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Write the copy of the corpus's manifest, then the export's, and return that."""
        write_json(self.path / CORPUS_MANIFEST, corpus_manifest, pretty=True, durable=True)
        names = ("path", "bytes", "sha256")  # in one order, also after reading them again
        files = [
            {name: file[name] for name in names} for row in self._shards for file in row["files"]
        ]
        files += [self._describe(name) for name in (*more_files, CORPUS_MANIFEST)]
        skipped: dict[str, int] = {}
        for entry in self._shards:
            for reason, count in entry["skipped"].items():
                skipped[reason] = skipped.get(reason, 0) + count
        manifest = {
            "settings": self._settings,
            "documents": sum(entry["documents"] for entry in self._shards),
            "skipped": dict(sorted(skipped.items())),
            **self._sum_tokens(),
            "shards": [
                {
                    "path": entry["path"],
                    "sha256": entry["sha256"],
                    "documents": entry["documents"],
                    "files": [file["path"] for file in entry["files"]],
                }
                for entry in self._shards
            ],
            "files": files,
        }
        write_json(self.path / EXPORT_MANIFEST, manifest, pretty=True, durable=True)
        (self.path / PROGRESS).unlink()
        return manifest

    def _sum_tokens(self) -> dict[str, int]:
        counts = [entry["facts"]["tokens"] for entry in self._shards if "tokens" in entry["facts"]]
        return {"tokens": sum(counts)} if counts else {}

    def _describe(self, name: str) -> dict[str, Any]:
        path = self.path / name
        return {"path": name, "bytes": path.stat().st_size, "sha256": file_sha256(path)}

    def _has_size(self, file: Mapping[str, Any]) -> bool:
        path = self.path / file["path"]
        return path.is_file() and bool(path.stat().st_size == file["bytes"])

    def _save_progress(self) -> None:
        progress = {"settings": self._settings, "shards": self._shards}
        write_json(self.path / PROGRESS, progress, durable=True)

    def _require_same_settings(self, settings: Any) -> None:
        given = settings if isinstance(settings, dict) else {}
        for name in sorted({*given, *self._settings}):
            if canonical_json(given.get(name)) != canonical_json(self._settings.get(name)):
                raise CorpusError(
                    f"'{self.path}' has an export with another {name}; remove it, or give another "
                    "folder with --to"
                )


def _load_object(path: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        _ = found["settings"], found["shards"]
    except (OSError, ValueError, KeyError, TypeError):
        raise CorpusError(
            f"'{path}' cannot be read; remove '{path.parent}' and export again"
        ) from None
    return found
