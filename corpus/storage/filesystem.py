"""Open, list, write and remove files: local paths, or URLs that fsspec knows.

URLs are ``s3://``, ``gs://``, ``hf://``, ``https://`` (to read only) and any other that fsspec
knows. An operation that fails is repeated after a pause that doubles each time. Credentials come
from the environment, never from a URL, because URLs are recorded in the ledger and the manifest.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import hashlib
import os
import re
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from stat import S_ISDIR
from typing import IO, Any, NamedTuple, TypeVar, cast

from corpus.errors import BuildError, PlanError
from corpus.storage.read_ahead import ReadAheadFile
from corpus.tasks.files import atomic_write

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_CREDENTIAL = re.compile(
    r"://[^/?#]*@|[?&](x-amz-(signature|credential|security-token)|x-goog-signature|sig|signature"
    r"|token|access_token|awsaccesskeyid)=",
    re.IGNORECASE,
)
#: The extra that installs the package fsspec needs for each scheme.
_EXTRAS = {
    "s3": "s3",
    "s3a": "s3",
    "gs": "gcs",
    "gcs": "gcs",
    "hf": "hf",
    "http": "http",
    "https": "http",
}
#: Schemes whose file systems cache what they know of a file, unless told to refresh it.
_CACHING_SCHEMES = ("s3", "s3a", "hf")
_MAX_TRIES = 6
_FIRST_PAUSE_SECONDS = 0.5
#: Errors that a second try does not change.
_PERMANENT_ERRORS = (
    FileNotFoundError,
    PermissionError,
    IsADirectoryError,
    NotADirectoryError,
    NotImplementedError,
    ImportError,
    TypeError,
    PlanError,
    BuildError,
)

Result = TypeVar("Result")


class FileInfo(NamedTuple):
    """The size of a file in bytes, and its time of modification in nanoseconds since 1970.

    Where the time is unknown, a number derived from the file's checksum stands for it.
    """

    size: int
    modified_ns: int


def is_url(path: str | Path) -> bool:
    """Whether a path is a URL; ``Path`` objects never are."""
    return isinstance(path, str) and _URL.match(path) is not None


def require_usable_url(url: str) -> None:
    """PlanError for a URL that contains a credential, or for which a package is missing."""
    if _CREDENTIAL.search(url):
        shown = re.sub(r"://[^/?#]*@", "://", url).partition("?")[0]
        raise PlanError(
            f"the URL '{shown}' contains a credential, which would be recorded in the manifest; "
            "remove it and set it in the environment"
        )
    _filesystem(url)


def open_file(path: str | Path) -> IO[bytes]:
    """Open a file for reading and seeking. OSError if it is missing or may not be read."""
    if not is_url(path):
        return open(path, "rb")
    url = str(path)
    files, name = _filesystem(url)
    # An object store may list a new file before it can be read.
    info = _load_info(url, retried=(FileNotFoundError,))
    size = info.get("size")
    if size is None:
        raise BuildError(f"'{url}' has no known size, so it cannot be read by ranges; download it")
    fetch = _make_range_reader(files, name, url)

    def require_unchanged() -> None:
        if _parse_info(info) != stat(url):
            raise BuildError(f"'{url}' was replaced while it was read; build again")

    return cast("IO[bytes]", ReadAheadFile(fetch, int(size), require_unchanged))


def stat(path: str | Path) -> FileInfo:
    """Return the size of a file and the time of its last modification."""
    if is_url(path):
        return _parse_info(_load_info(str(path)))
    status = os.stat(path)
    return FileInfo(status.st_size, status.st_mtime_ns)


def exists(path: str | Path) -> bool:
    """Return whether a file or a folder exists."""
    if not is_url(path):
        return os.path.exists(path)
    files, name = _filesystem(str(path))
    return bool(_retry(lambda: files.exists(name), str(path)))


def is_folder(path: str | Path) -> bool:
    """Return whether a path is a folder; in an object store, whether it is a prefix of names."""
    if not is_url(path):
        return os.path.isdir(path)
    files, name = _filesystem(str(path))
    if _scheme(str(path)) in ("http", "https"):
        return False
    return bool(_retry(lambda: files.isdir(name), str(path)))


def list_folder(url: str) -> list[str]:
    """Return the entries of a remote folder as URLs, sorted."""
    files, name = _filesystem(url)
    entries = _retry(lambda: files.ls(name, detail=False, refresh=True), url)
    return sorted(_as_url(url, entry) for entry in entries if entry.strip("/") != name)


def walk(url: str) -> list[str]:
    """Return all files below a remote folder as URLs, sorted."""
    files, name = _filesystem(url)
    return sorted(_as_url(url, file) for file in _retry(lambda: files.find(name), url))


def size_and_mtime(path: str) -> tuple[int, int]:
    """The bytes of a file, or of all files in a folder, and the last change of any, in ns."""
    if is_url(path):
        with contextlib.suppress(IsADirectoryError):
            return stat(path)
        infos = [stat(file) for file in walk(path)]
        return sum(s.size for s in infos), max((s.modified_ns for s in infos), default=0)
    status = os.stat(path)
    if not S_ISDIR(status.st_mode):
        return status.st_size, status.st_mtime_ns
    stats = [file.lstat() for file in Path(path).rglob("*") if not file.is_dir()]
    return sum(s.st_size for s in stats), max((s.st_mtime_ns for s in stats), default=0)


def list_matching_files(url: str) -> list[str]:
    """Return the files of a URL, sorted: the file, those below the folder, or of the pattern."""
    if is_folder(url):
        return walk(url)
    return [url] if exists(url) else glob(url)


def glob(url: str) -> list[str]:
    """Return the remote files that match a pattern, sorted; ``https://`` has no patterns."""
    files, name = _filesystem(url)
    if _scheme(url) in ("http", "https") or not any(mark in url for mark in "*?["):
        return []
    matches = _retry(lambda: files.glob(name, detail=True), url)
    names = [match for match, info in matches.items() if info.get("type") == "file"]
    return sorted(_as_url(url, match) for match in names)


def read_file(path: str | Path) -> bytes:
    """Return the content of a small file."""
    with open_file(path) as file:
        return file.read()


def read_range(url: str, begin: int, end: int) -> bytes:
    """Return the bytes ``begin`` to ``end`` of a remote file, without the last."""
    return _make_range_reader(*_filesystem(url), url)(begin, end)


def hash_file(path: str | Path) -> str:
    """Return the SHA-256 of a local or remote file, in hex."""
    digest = hashlib.sha256()
    with open_file(path) as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def local_path(url: str) -> Path | None:
    """The path that a URL of this machine's disk names; None for any other URL."""
    return Path(_filesystem(url)[1]) if _scheme(url) in ("file", "local") else None


def upload_file(local: Path, url: str) -> None:
    """Upload a local file; return when the store reports its full size."""
    files, name = _filesystem(url)

    def upload() -> None:
        if local_path(url) is None:
            files.put_file(str(local), name)
        else:  # the file that is there may have other names, whose content must stay
            with _replaced_file(Path(name)) as temporary:
                shutil.copyfile(local, temporary)
        _require_uploaded(local, url)

    _retry(upload, url, retried=(FileNotFoundError,))  # some stores show a new object only later


def _require_uploaded(local: Path, url: str) -> None:
    if _parse_info(_request_info(url)).size != local.stat().st_size:
        raise OSError(errno.EIO, "only a part of the file was uploaded", url)


def upload_files(pairs: Sequence[tuple[Path, str]]) -> None:
    """Upload local files, in one commit if the store makes a commit for each change."""
    if not _uses_commits([url for _, url in pairs]):
        for local, url in pairs:
            upload_file(local, url)
        return
    from huggingface_hub import CommitOperationAdd

    def upload() -> None:
        added = [
            CommitOperationAdd(_resolve_hub_path(url).path_in_repo, str(local))
            for local, url in pairs
        ]
        _commit(pairs[0][1], added, "Add")
        for local, url in pairs:
            _require_uploaded(local, url)

    _retry(upload, pairs[0][1], retried=(FileNotFoundError,))


def _uses_commits(urls: Sequence[str]) -> bool:
    """Whether each change is a commit, as in a repository of the Hub, but not in a bucket there."""
    if not urls or _scheme(urls[0]) != "hf":
        return False
    return _retry(lambda: hasattr(_resolve_hub_path(urls[0]), "repo_id"), urls[0])


def _resolve_hub_path(url: str) -> Any:
    files, name = _filesystem(url)
    return files.resolve_path(name)


def _open_repository(url: str) -> tuple[Any, Any]:
    """Return the Hub's interface, and the repository that a URL names."""
    from huggingface_hub import HfApi

    files = _filesystem(url)[0]
    return HfApi(endpoint=files.endpoint, token=files.token), _resolve_hub_path(url)


def _commit(url: str, operations: Sequence[Any], verb: str) -> None:
    api, repository = _open_repository(url)
    api.create_commit(
        repository.repo_id,
        operations,
        commit_message=f"{verb} files of a corpus: {len(operations)}",
        repo_type=repository.repo_type,
        revision=repository.revision,
    )


def _request_info(url: str) -> dict[str, Any]:
    """Ask the store for what it knows of a file now, past any cache."""
    files, name = _filesystem(url)
    options = {"refresh": True} if _scheme(url) in _CACHING_SCHEMES else {}
    return dict(files.info(name, **options))


def write_file(url: str, data: bytes) -> None:
    """Write a small remote file."""
    files, name = _filesystem(url)
    if local_path(url) is None:
        _retry(lambda: files.pipe_file(name, data), url)
        return
    with _replaced_file(Path(name)) as temporary:
        temporary.write_bytes(data)


@contextlib.contextmanager
def _replaced_file(path: Path) -> Iterator[Path]:
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(path) as temporary:
        yield temporary


def remove_file(url: str) -> None:
    """Remove a remote file, if it exists."""
    files, name = _filesystem(url)
    with contextlib.suppress(FileNotFoundError):
        if _scheme(url) == "hf":  # the Hub has another error for a missing file
            _load_info(url)
        _retry(lambda: files.rm_file(name), url)


def remove_files(urls: Sequence[str]) -> None:
    """Remove remote files, in one commit if the store makes a commit for each change."""
    if not _uses_commits(urls):
        for url in urls:
            remove_file(url)
        return
    from huggingface_hub import CommitOperationDelete

    def remove() -> None:
        names = [_resolve_hub_path(url).path_in_repo for url in urls]
        _commit(urls[0], [CommitOperationDelete(name) for name in names], "Remove")

    _retry(remove, urls[0])


# --------------------------------------------------------------------------- what a store keeps


class Commit(NamedTuple):
    """A commit of a repository, which holds all files as they were then."""

    name: str  # the hexadecimal digits of its hash
    day: str  # when it was made, YYYY-MM-DD


def list_commits(url: str) -> list[Commit]:
    """Return the commits of the repository at a URL, the newest first; other stores have none."""
    if not _uses_commits([url]):
        return []

    def request() -> list[Commit]:
        api, repository = _open_repository(url)
        found = api.list_repo_commits(
            repository.repo_id, repo_type=repository.repo_type, revision=repository.revision
        )
        return [Commit(each.commit_id, f"{each.created_at:%Y-%m-%d}") for each in found]

    return _retry(request, url)


def squash_commits(url: str) -> None:
    """Make one commit of all of the repository at a URL, which removes what earlier ones held.

    PlanError where a store has no commits.
    """
    if not _uses_commits([url]):
        raise PlanError(f"'{url}' is no repository with commits; only hf:// has them")

    def squash() -> None:
        api, repository = _open_repository(url)
        api.super_squash_history(
            repository.repo_id, repo_type=repository.repo_type, branch=repository.revision
        )

    _retry(squash, url)


def count_older_versions(urls: Sequence[str]) -> dict[str, int] | None:
    """Return how many older versions of remote files a store keeps; None if it cannot be asked.

    By URL, of those that have any.
    """
    if not urls or local_path(urls[0]) is not None:
        return {}
    files, name = _filesystem(urls[0])
    if not hasattr(files, "is_bucket_versioned"):
        return None
    bucket = name.partition("/")[0]
    if not _retry(lambda: files.is_bucket_versioned(bucket), urls[0]):
        return {}
    keys = {_filesystem(url)[1].partition("/")[2]: url for url in urls}
    request = {"Bucket": bucket, "Prefix": os.path.commonprefix(list(keys))}  # noqa: RUF071
    counts: Counter[str] = Counter()
    while True:
        list_page = functools.partial(files.call_s3, "list_object_versions", **request)
        page = _retry(list_page, urls[0])
        counts.update(
            keys[each["Key"]]
            for each in page.get("Versions", ())
            if each["Key"] in keys and not each["IsLatest"]
        )
        if not page.get("IsTruncated"):
            return dict(counts)
        request["KeyMarker"] = page["NextKeyMarker"]
        request["VersionIdMarker"] = page["NextVersionIdMarker"]


# --------------------------------------------------------------------------- fsspec


def _scheme(url: str) -> str:
    return url.partition("://")[0].lower()


def _filesystem(url: str) -> tuple[Any, str]:
    """Return fsspec's file system for a URL, and the name of the file in it."""
    return _filesystem_of(url, os.getpid())  # a forked process needs a file system of its own


@functools.lru_cache(maxsize=256)
def _filesystem_of(url: str, process: int) -> tuple[Any, str]:
    try:
        import fsspec
        import fsspec.core

        # A build must see the files that exist now, so listings are not cached.
        options = {"use_listings_cache": False} if _scheme(url) in _EXTRAS else {}
        return cast("tuple[Any, str]", fsspec.core.url_to_fs(url, **options))
    except ImportError:
        extra = _EXTRAS.get(_scheme(url))
        remedy = f"pip install 'social-corpus[{extra}]'" if extra else "install what fsspec needs"
        raise PlanError(f"'{url}' cannot be opened: {remedy}") from None
    except ValueError:
        raise PlanError(f"'{url}': unknown kind of URL; fsspec knows s3, gs, hf, https …") from None


def _as_url(url: str, name: str) -> str:
    """Return a file system's name of a file as a URL of the same scheme as ``url``."""
    if _URL.match(name):
        return name
    return f"{url.partition('://')[0]}://{name if _scheme(url) == 'file' else name.lstrip('/')}"


def _load_info(url: str, retried: tuple[type[Exception], ...] = ()) -> dict[str, Any]:
    info = _retry(lambda: _request_info(url), url, retried)
    if info.get("type") == "directory":
        raise IsADirectoryError(errno.EISDIR, "it is a folder", url)
    return info


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
    # Without a time, a number that changes with the content stands for it. Read as a time, it is in
    # 1970, before any build.
    checksums = str([info.get(key) for key in ("ETag", "etag", "md5Hash", "blob_id", "crc32c")])
    number = int.from_bytes(hashlib.sha256(checksums.encode()).digest()[:5], "big")
    return FileInfo(int(info["size"] or 0), number)


def _make_range_reader(files: Any, name: str, url: str) -> Callable[[int, int], bytes]:
    if _scheme(url) in ("http", "https"):
        no_ranges = f"the server of '{url}' gives no ranges; download the file"
        # Unlike cat_file, it does not download the whole file if the server has no ranges.
        file = _retry(lambda: files.open(name, "rb", cache_type="none", block_size=1 << 20), url)

        def request(begin: int, end: int) -> bytes:
            if not hasattr(file, "_fetch_range"):
                raise BuildError(no_ranges)
            try:
                return bytes(file._fetch_range(begin, end))
            except ValueError:
                raise BuildError(no_ranges) from None
    else:

        def request(begin: int, end: int) -> bytes:
            return bytes(files.cat_file(name, start=begin, end=end))

    def read_whole_range(begin: int, end: int) -> bytes:
        data = request(begin, end)
        if len(data) != end - begin:
            raise OSError(errno.EIO, "the store sent only a part of a range", url)
        return data

    def fetch(begin: int, end: int) -> bytes:
        return _retry(lambda: read_whole_range(begin, end), url, retried=(FileNotFoundError,))

    return fetch


def _retry(
    action: Callable[[], Result], url: str, retried: tuple[type[Exception], ...] = ()
) -> Result:
    """Run an action; if it fails, run it again after a pause that doubles each time.

    ``retried`` are errors that are otherwise permanent and may pass here.
    """
    pause = _FIRST_PAUSE_SECONDS
    for tries_left in reversed(range(_MAX_TRIES)):
        try:
            return action()
        except Exception as error:
            missing = isinstance(error, FileNotFoundError) and not tries_left
            if missing or (isinstance(error, _PERMANENT_ERRORS) and not isinstance(error, retried)):
                raise _sanitize_error(error, url) from None
            if not tries_left:
                raise BuildError(_format_failure(error, url)) from None
        time.sleep(pause)
        pause *= 2
    raise AssertionError


def _sanitize_error(error: Exception, url: str) -> Exception:
    """Return an error of the same class with our message: a library's may quote a header."""
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
