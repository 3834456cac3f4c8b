"""Open, list, look at and write files wherever they are: paths of this machine, or fsspec URLs.

``s3://``, ``gs://``, ``hf://``, ``https://`` (to read) and whatever else fsspec knows. What fails
on the way is tried again with a growing pause. Credentials come from the environment, never from
a URL: a URL stands in the ledger and in the manifest.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import hashlib
import os
import re
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import IO, Any, NamedTuple, TypeVar, cast

from corpus.errors import BuildError, PlanError
from corpus.storage.read_ahead import ReadAheadFile

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_CREDENTIAL = re.compile(
    r"://[^/?#]*@|[?&](x-amz-(signature|credential|security-token)|x-goog-signature|sig|signature"
    r"|token|access_token|awsaccesskeyid)=",
    re.IGNORECASE,
)
#: The package for each kind of URL that fsspec itself does not bring, and the extra that has it.
_EXTRAS = {"s3": "s3", "s3a": "s3", "gs": "gcs", "gcs": "gcs", "hf": "hf", "http": "http",
           "https": "http"}  # fmt: skip
#: Kinds of place whose file systems remember what they were told, unless asked not to.
_CACHING_SCHEMES = ("s3", "s3a", "hf")
_MAX_TRIES = 6
_FIRST_PAUSE_SECONDS = 0.5
#: What no second try mends.
_PERMANENT_ERRORS = (
    FileNotFoundError, PermissionError, IsADirectoryError, NotADirectoryError, NotImplementedError,
    ImportError, TypeError, PlanError, BuildError,
)  # fmt: skip

Result = TypeVar("Result")


class FileInfo(NamedTuple):
    """A file's bytes, and a number that changes when it does: nanoseconds since 1970 if known."""

    size: int
    modified_ns: int


def is_url(path: str | Path) -> bool:
    """Whether a path is a URL; ``Path`` objects never are."""
    return isinstance(path, str) and _URL.match(path) is not None


def require_usable_url(url: str) -> None:
    """PlanError for a URL that carries a secret, or for which a package is missing."""
    if _CREDENTIAL.search(url):
        shown = re.sub(r"://[^/?#]*@", "://", url).partition("?")[0]
        raise PlanError(
            f"the URL '{shown}' carries a credential, which would end up in the manifest; take it "
            "out and set it in the environment"
        )
    _filesystem(url)


def open_file(path: str | Path) -> IO[bytes]:
    """Open a file for reading; it can be sought. OSError if it is not there or not allowed."""
    if not is_url(path):
        return open(path, "rb")
    url = str(path)
    files, name = _filesystem(url)
    # What was listed a moment ago may not be there for everybody yet.
    before = _load_info(url, retried=(FileNotFoundError,))
    size = before.get("size")
    if size is None:
        raise BuildError(f"'{url}' tells no size, so it cannot be read by ranges; download it")
    fetch = _make_range_reader(files, name, url)

    def unchanged() -> None:
        if _parse_info(before) != stat(url):
            raise BuildError(f"'{url}' was replaced while it was read; build again")

    return cast("IO[bytes]", ReadAheadFile(fetch, int(size), unchanged))


def stat(path: str | Path) -> FileInfo:
    """The bytes of a file and when it changed."""
    if is_url(path):
        return _parse_info(_load_info(str(path)))
    told = os.stat(path)
    return FileInfo(told.st_size, told.st_mtime_ns)


def exists(path: str | Path) -> bool:
    """Whether there is a file or a folder."""
    if not is_url(path):
        return os.path.exists(path)
    files, name = _filesystem(str(path))
    return bool(_retry(lambda: files.exists(name), str(path)))


def is_folder(path: str | Path) -> bool:
    """Whether it is a folder; in an object store, whether names begin with it and a slash."""
    if not is_url(path):
        return os.path.isdir(path)
    files, name = _filesystem(str(path))
    if _scheme(str(path)) in ("http", "https"):
        return False
    return bool(_retry(lambda: files.isdir(name), str(path)))


def list_folder(url: str) -> list[str]:
    """What lies directly in a folder elsewhere, sorted."""
    files, name = _filesystem(url)
    listed = _retry(lambda: files.ls(name, detail=False, refresh=True), url)
    return sorted(_as_url(files, url, found) for found in listed if found.strip("/") != name)


def walk(url: str) -> list[str]:
    """All files in a folder elsewhere and in the folders in it, sorted."""
    files, name = _filesystem(url)
    return sorted(_as_url(files, url, found) for found in _retry(lambda: files.find(name), url))


def list_matching_files(url: str) -> list[str]:
    """The files that a URL stands for, sorted: a file, all files of a folder, or a pattern's."""
    if is_folder(url):
        return walk(url)
    return [url] if exists(url) else glob(url)


def glob(url: str) -> list[str]:
    """The files elsewhere that a pattern stands for, sorted; ``https://`` has no patterns."""
    files, name = _filesystem(url)
    if _scheme(url) in ("http", "https") or not any(mark in url for mark in "*?["):
        return []
    found = _retry(lambda: files.glob(name, detail=True), url)
    return sorted(_as_url(files, url, n) for n, told in found.items() if told.get("type") == "file")


def read_file(path: str | Path) -> bytes:
    """The whole of a small file."""
    with open_file(path) as file:
        return file.read()


def read_range(url: str, begin: int, end: int) -> bytes:
    """The bytes of a file elsewhere from ``begin`` to before ``end``."""
    return _make_range_reader(*_filesystem(url), url)(begin, end)


def hash_file(path: str | Path) -> str:
    """SHA-256 of a file, in hex."""
    whole = hashlib.sha256()
    with open_file(path) as file:
        while piece := file.read(1 << 20):
            whole.update(piece)
    return whole.hexdigest()


def upload_file(local: Path, url: str) -> None:
    """Write a local file elsewhere; back only when a look at it there shows all of it."""
    files, name = _filesystem(url)
    size = local.stat().st_size

    def put() -> None:
        files.put_file(str(local), name)
        if _parse_info(_request_info(url)).size != size:
            raise OSError(errno.EIO, "only a part of it arrived", url)

    _retry(put, url, retried=(FileNotFoundError,))  # some stores show a new object only later


def upload_files(pairs: Sequence[tuple[Path, str]]) -> None:
    """Write local files elsewhere, in one commit where a place counts commits."""
    if not _uses_commits([url for _, url in pairs]):
        for local, url in pairs:
            upload_file(local, url)
        return
    from huggingface_hub import CommitOperationAdd

    def put() -> None:
        within = [(_resolve_hub_path(url).path_in_repo, local) for local, url in pairs]
        new = [CommitOperationAdd(name, str(local)) for name, local in within]
        _commit(pairs[0][1], new, "Add")
        for local, url in pairs:
            if _parse_info(_request_info(url)).size != local.stat().st_size:
                raise OSError(errno.EIO, "only a part of it arrived", url)

    _retry(put, pairs[0][1], retried=(FileNotFoundError,))


def _uses_commits(urls: Sequence[str]) -> bool:
    """Whether each change there is a commit: in a repository of the Hub, but not in a bucket."""
    if not urls or _scheme(urls[0]) != "hf":
        return False
    return _retry(lambda: hasattr(_resolve_hub_path(urls[0]), "repo_id"), urls[0])


def _resolve_hub_path(url: str) -> Any:
    files, name = _filesystem(url)
    return files.resolve_path(name)


def _commit(url: str, operations: Sequence[Any], verb: str) -> None:
    from huggingface_hub import HfApi

    files, place = _filesystem(url)[0], _resolve_hub_path(url)
    HfApi(endpoint=files.endpoint, token=files.token).create_commit(
        place.repo_id,
        operations,
        commit_message=f"{verb} files of a corpus: {len(operations)}",
        repo_type=place.repo_type,
        revision=place.revision,
    )


def _request_info(url: str) -> dict[str, Any]:
    """What the place says of a file now; some remember what they have said before."""
    files, name = _filesystem(url)
    anew = {"refresh": True} if _scheme(url) in _CACHING_SCHEMES else {}
    return dict(files.info(name, **anew))


def write_file(url: str, data: bytes) -> None:
    """Write a small file elsewhere."""
    files, name = _filesystem(url)
    _retry(lambda: files.pipe_file(name, data), url)


def remove_file(url: str) -> None:
    """Remove a file elsewhere; it need not be there."""
    files, name = _filesystem(url)
    with contextlib.suppress(FileNotFoundError):
        if _scheme(url) == "hf":  # to delete what is not there is another error there
            _load_info(url)
        _retry(lambda: files.rm_file(name), url)


def remove_files(urls: Sequence[str]) -> None:
    """Remove files elsewhere, in one commit where a place counts commits."""
    if not _uses_commits(urls):
        for url in urls:
            remove_file(url)
        return
    from huggingface_hub import CommitOperationDelete

    def take() -> None:
        within = [_resolve_hub_path(url).path_in_repo for url in urls]
        _commit(urls[0], [CommitOperationDelete(name) for name in within], "Remove")

    _retry(take, urls[0])


# --------------------------------------------------------------------------- fsspec


def _scheme(url: str) -> str:
    return url.partition("://")[0].lower()


def _filesystem(url: str) -> tuple[Any, str]:
    """What fsspec has for a URL, and the name that it calls the file by."""
    return _filesystem_of(url, os.getpid())  # a forked process must have one of its own


@functools.lru_cache(maxsize=256)
def _filesystem_of(url: str, process: int) -> tuple[Any, str]:
    try:
        import fsspec
        import fsspec.core

        # Listings are not remembered: what a build reads is what is there now.
        options = {"use_listings_cache": False} if _scheme(url) in _EXTRAS else {}
        return cast("tuple[Any, str]", fsspec.core.url_to_fs(url, **options))
    except ImportError:
        extra = _EXTRAS.get(_scheme(url))
        remedy = f"pip install 'corpus-builder[{extra}]'" if extra else "install what fsspec needs"
        raise PlanError(f"'{url}' cannot be opened: {remedy}") from None
    except ValueError:
        raise PlanError(f"'{url}': unknown kind of URL; fsspec knows s3, gs, hf, https …") from None


def _as_url(files: Any, url: str, name: str) -> str:
    """A name as a URL of the same kind as ``url``."""
    if _URL.match(name):
        return name
    return f"{url.partition('://')[0]}://{name if _scheme(url) == 'file' else name.lstrip('/')}"


def _load_info(url: str, retried: tuple[type[Exception], ...] = ()) -> dict[str, Any]:
    told = _retry(lambda: _request_info(url), url, retried)
    if told.get("type") == "directory":
        raise IsADirectoryError(errno.EISDIR, "it is a folder", url)
    return dict(told)


def _parse_info(info: dict[str, Any]) -> FileInfo:
    for key in ("LastModified", "last_modified", "mtime", "updated", "created", "Last-Modified"):
        moment = info.get(key)
        if isinstance(moment, str):
            try:
                moment = (
                    parsedate_to_datetime(moment)
                    if key == "Last-Modified"
                    else datetime.fromisoformat(moment)
                )
            except ValueError:
                continue
        if isinstance(moment, datetime):
            moment = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
        if isinstance(moment, (int, float)):
            return FileInfo(int(info["size"] or 0), int(moment * 1_000_000) * 1000)
    # Without a time, a mark that changes with the content: a moment in 1970, long before any build.
    mark = str([info.get(key) for key in ("ETag", "etag", "md5Hash", "blob_id", "crc32c")])
    number = int.from_bytes(hashlib.sha256(mark.encode()).digest()[:5], "big")
    return FileInfo(int(info["size"] or 0), number)


def _make_range_reader(files: Any, name: str, url: str) -> Callable[[int, int], bytes]:
    if _scheme(url) in ("http", "https"):
        # Unlike cat_file, it does not swallow a whole file where a server knows no ranges.
        file = _retry(lambda: files.open(name, "rb", cache_type="none", block_size=1 << 20), url)

        def ask(begin: int, end: int) -> bytes:
            if not hasattr(file, "_fetch_range"):
                raise BuildError(f"the server of '{url}' gives no ranges; download the file")
            try:
                return bytes(file._fetch_range(begin, end))
            except ValueError:
                raise BuildError(
                    f"the server of '{url}' gives no ranges; download the file"
                ) from None
    else:

        def ask(begin: int, end: int) -> bytes:
            return bytes(files.cat_file(name, start=begin, end=end))

    def fetch(begin: int, end: int) -> bytes:
        def whole() -> bytes:
            data = ask(begin, end)
            if len(data) != end - begin:
                raise OSError(errno.EIO, "only a part of a range arrived", url)
            return data

        return _retry(whole, url, retried=(FileNotFoundError,))

    return fetch


def _retry(
    action: Callable[[], Result], url: str, retried: tuple[type[Exception], ...] = ()
) -> Result:
    """Do it, and where it fails do it again after a pause, twice as long each time."""
    pause = _FIRST_PAUSE_SECONDS
    for left in reversed(range(_MAX_TRIES)):
        try:
            return action()
        except Exception as error:
            missing = isinstance(error, FileNotFoundError) and not left
            if missing or (isinstance(error, _PERMANENT_ERRORS) and not isinstance(error, retried)):
                raise _sanitize_error(error, url) from None
            if not left:
                raise BuildError(_format_failure(error, url)) from None
        time.sleep(pause)
        pause *= 2
    raise AssertionError


def _sanitize_error(error: Exception, url: str) -> Exception:
    """The same kind of error in words of ours: a library's may quote a header."""
    if isinstance(error, PermissionError):
        why = "not allowed; are the credentials in the environment right?"
        return PermissionError(errno.EACCES, why, url)
    if isinstance(error, FileNotFoundError):
        return FileNotFoundError(errno.ENOENT, "not there", url)
    return error


def _format_failure(error: Exception, url: str) -> str:
    kind = type(error).__name__
    hint = "are there credentials in the environment?" if "Credential" in kind else "try later"
    return f"'{url}' failed {_MAX_TRIES} times, at last with {kind}; {hint}, and run again to go on"
