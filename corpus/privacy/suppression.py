"""Keep the suppression list of a key: whose posts no later build under that key may contain.

The list is a file beside the key, ``corpus.key.suppressed`` beside ``corpus.key``. It has one line
for each request, in the order in which they were made, and it only grows:

* ``id`` and a keyed id, as in a corpus with ``ids: keyed``;
* ``author`` and the pseudonym of an author, as in the column ``author``;
* ``name`` and the name of a person, encrypted with the key: the words are redacted in every text.

So the file contains no text of a post and no name in clear, and whoever has the key can tell
whether a post or an author is on it. A *state* of the list is its number of entries and a keyed
digest of them. A corpus records the state that it honours, so that a list which has lost entries is
detected.
"""

from __future__ import annotations

import fcntl
import hmac
import os
import re
import secrets
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from corpus.errors import BuildError, PlanError
from corpus.privacy import keys
from corpus.storage import filesystem
from corpus.tasks.files import fsync_file, fsync_folder

#: What the name of the list's file has after the name of the key's file.
SUFFIX = ".suppressed"
#: The reason, at the stage ``consent``, under which the posts of a listed id or author are counted.
REASON = "suppressed"
#: What replaces a listed name in a text.
NAME_PLACEHOLDER = "<PERSON>"

_HEAD = re.compile(r"corpus suppression list 1 (?P<key_id>[0-9a-f]{16})")
_LINE = re.compile(r"id [^\s:]+:~[0-9a-f]{24}|author [0-9a-f]{32}|name (?:[0-9a-f]{2})+", re.ASCII)
#: The purpose of the derived key that encrypts names.
_PURPOSE = "suppression list"
_PSEUDONYM = re.compile(r"[0-9a-f]{32}")


class State(NamedTuple):
    """A state of a suppression list: how many entries it has, and a keyed digest of them."""

    entries: int
    digest: str

    def describe(self) -> dict[str, Any]:
        """The state as the manifest and the receipts of takedowns have it."""
        return self._asdict()

    @classmethod
    def parse(cls, value: object) -> State | None:
        """The state in a manifest or a receipt; None if there is none."""
        if isinstance(value, Mapping) and {"entries", "digest"} <= value.keys():
            return cls(int(value["entries"]), str(value["digest"]))
        return None


#: The state of a list without entries has no digest, so that it is the same under every key.
EMPTY = State(0, "")


@dataclass(frozen=True)
class Addition:
    """What an addition did: how many entries of each kind are new, and the list after it."""

    ids: int
    authors: int
    names: int
    listed: SuppressionList
    asked: frozenset[str] = field(repr=False)  # the lines of all requests, new or not

    @property
    def after(self) -> State:
        """The state of the list after the addition."""
        return self.listed.state

    def completes(self, honoured: State) -> bool:
        """Whether a corpus that honours ``honoured`` lacks none but the requests of this addition.

        Once these are done there, it honours :attr:`after`.
        """
        later = self.listed.lines[honoured.entries :]
        return self.listed.has_had(honoured) and self.asked.issuperset(later)


@dataclass(frozen=True)
class SuppressionList:
    """The suppression list of one key; without a file it is empty."""

    key: bytes = field(repr=False)
    lines: tuple[str, ...] = field(repr=False)

    @cached_property
    def ids(self) -> frozenset[str]:
        """The keyed ids, ``platform:~`` and 24 hex digits."""
        return self._values("id")

    @cached_property
    def authors(self) -> frozenset[str]:
        """The pseudonyms of authors, 32 hex digits."""
        return self._values("author")

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The names of people, in clear; they must be written nowhere."""
        return tuple(sorted(self.name_lines))

    @cached_property
    def name_lines(self) -> dict[str, str]:
        """The lines of the names of people, by the names in clear."""
        lines = (line for line in self.lines if line.startswith("name "))
        return {
            keys.decrypt(bytes.fromhex(line[5:]), self.key, _PURPOSE).decode(): line
            for line in lines
        }

    @cached_property
    def state(self) -> State:
        """How many entries the list has, and their digest."""
        return self._state_of(len(self.lines))

    def has_had(self, state: State) -> bool:
        """Whether ``state`` is one of this list: the present one, or that before an addition."""
        return state.entries <= len(self.lines) and self._state_of(state.entries) == state

    def includes_id(self, name: str) -> bool:
        """Whether a post is listed by its id, original or keyed."""
        return any(self._pseudonymize_id(each) in self.ids for each in spell_id(name))

    def includes_author(self, author: str) -> bool:
        """Whether an author is listed, given as ``platform:name`` or as a pseudonym."""
        return any(
            author_pseudonym(each, self.key) in self.authors for each in spell_author(author)
        )

    def includes_name(self, name: str) -> bool:
        """Whether the name of a person is listed."""
        return normalize_name(name).casefold() in {each.casefold() for each in self.names}

    def mark_ids(self, ids: pl.Series) -> pl.Series:
        """A mask of the ids, original or keyed, that are listed; False for null."""
        platforms = {name.partition(":")[0] for name in self.ids}
        is_possible = ids.str.split(":").list.first().is_in(list(platforms))
        found = _matching(ids.filter(is_possible), self._pseudonymize_id, self.ids)
        return ids.is_in(found).fill_null(False)

    def mark_authors(self, authors: pl.Series) -> pl.Series:
        """A mask of the authors, ``platform:name``, that are listed; False for null."""

        def pseudonymize(name: str) -> str:
            return keys.pseudonymize_author(name, self.key)

        return authors.is_in(_matching(authors, pseudonymize, self.authors)).fill_null(False)

    def _values(self, kind: str) -> frozenset[str]:
        found = (line.partition(" ") for line in self.lines)
        return frozenset(value for each, _, value in found if each == kind)

    @cached_property
    def _pseudonymize_id(self) -> Any:
        return keys.make_id_pseudonymizer(self.key)

    def _state_of(self, count: int) -> State:
        if not count:
            return EMPTY
        derived = hmac.digest(self.key, b"corpus suppression list", "sha256")
        content = "".join(f"{line}\n" for line in self.lines[:count]).encode()
        return State(count, hmac.digest(derived, content, "sha256").hex()[:32])


def _matching(values: pl.Series, pseudonymize: Any, listed: Collection[str]) -> list[str]:
    """Those of the distinct ``values`` whose pseudonyms are listed."""
    if not listed:
        return []
    return [value for value in values.unique().drop_nulls() if pseudonymize(value) in listed]


class Requests(NamedTuple):
    """Requests in clear, as a file of them has them."""

    ids: list[str]
    authors: list[str]
    names: list[str]


def spell_id(name: str) -> list[str]:
    """A post id as it was given, and with its platform in small letters if that is another."""
    platform, colon, rest = name.partition(":")
    return list(dict.fromkeys((name, f"{platform.lower()}{colon}{rest}")))


def spell_author(author: str) -> list[str]:
    """An author as given, and without the ``@`` before the name, as people write it, if it has one.

    Letter case is ignored in authors.
    """
    platform, colon, name = author.partition(":")
    return list(dict.fromkeys((author, f"{platform}{colon}{name.removeprefix('@') or name}")))


def parse_requests(text: str, where: str) -> Requests:
    """Read lines of ``id platform:id``, ``author platform:name`` and ``name First Last``.

    A byte order mark, blank lines and lines that begin with ``#`` are no requests.
    PlanError gives the number of a line that is none of these.
    """
    requests = Requests([], [], [])
    lists = dict(zip(("id", "author", "name"), requests, strict=True))
    for number, line in enumerate(text.removeprefix("\ufeff").splitlines(), start=1):
        kind, _, value = line.strip().partition(" ")
        if not kind or kind.startswith("#"):
            continue
        if kind not in lists or not value.strip():
            raise PlanError(
                f"{where}: line {number} is no request; write 'id platform:id', "
                "'author platform:name' or 'name First Last'"
            )
        lists[kind].append(value.strip())
    return requests


# --------------------------------------------------------------------------- the file


def list_path(key_path: Path | str) -> Path | str:
    """The file (or URL) of the suppression list of the key at ``key_path``.

    A link to a key is that key: the list is beside the file that it leads to. One that an earlier
    version made beside the link is used as long as it is the only one. PlanError if both exist.
    """
    if filesystem.is_url(key_path):
        return f"{key_path}{SUFFIX}"
    path = Path(f"{key_path}{SUFFIX}")
    real = Path(f"{keys.follow_links(key_path)}{SUFFIX}")
    if real == path or not path.exists():
        return real
    if not real.exists():
        return path
    if path.samefile(real):
        return real
    raise PlanError(
        f"'{key_path}' is a link, and there are suppression lists at '{path}' and '{real}'; append "
        "the lines of the first, without its first line, to the second, and move the first away"
    )


def load(key_path: Path | str) -> SuppressionList:
    """The suppression list of a key; it is empty if there is no file.

    PlanError if the file is damaged or is the list of another key.
    """
    key, path = _load_key(key_path), list_path(key_path)
    try:
        return _load_file(path, key)
    except FileNotFoundError:
        return SuppressionList(key, ())
    except OSError as error:
        raise PlanError(
            f"cannot read '{path}', the suppression list: {error.strerror or 'no access'}"
        ) from None


def add(
    key_path: Path | str,
    ids: Iterable[str] = (),
    authors: Iterable[str] = (),
    names: Iterable[str] = (),
) -> Addition:
    """Add requests to the suppression list of a key; return what was new.

    ``ids`` are post ids such as ``reddit:t1_c0abc``, or keyed ids; ``authors`` are
    ``platform:name``, or pseudonyms; ``names`` are the names of people, to redact in texts. When
    the function returns, the disk has stored the requests: a build that starts then honours them.
    Several processes may add at one time. PlanError if a request is wrong, or if the list cannot be
    written.
    """
    path = list_path(key_path)
    if not isinstance(path, Path):
        raise PlanError(
            f"'{path}' is at a URL, where it cannot be locked; download it and the key, add the "
            "requests with 'corpus suppress add', and upload it again"
        )
    key = _load_key(key_path)
    asked = {f"id {_keyed_id(each, key)}" for name in ids for each in spell_id(name)}
    asked |= {
        f"author {author_pseudonym(each, key)}" for name in authors for each in spell_author(name)
    }
    try:
        with _locked(path):
            present = load(key_path)
            asked |= set(_encrypt_names(names, present))
            new = sorted(asked - set(present.lines))
            listed = SuppressionList(key, (*present.lines, *new))
            if new:
                _write_file(path, listed)
    except OSError as error:
        raise PlanError(
            f"cannot write '{path}', the suppression list: {error.strerror}; make its folder "
            "writable"
        ) from None
    kinds = Counter(line.partition(" ")[0] for line in new)
    return Addition(kinds["id"], kinds["author"], kinds["name"], listed, frozenset(asked))


@lru_cache(maxsize=2)
def load_state(key_path: Path | str, state: State) -> SuppressionList:
    """The list as it was in ``state``, opened once in each process.

    Entries that were added later are not in it, so that all tasks of a build use the same list.
    BuildError if the list has lost entries meanwhile.
    """
    suppressed = load(key_path)
    if not suppressed.has_had(state):
        raise BuildError(
            f"'{list_path(key_path)}', the suppression list, lost entries while the build ran; "
            "restore it from a copy, then run again"
        )
    return SuppressionList(suppressed.key, suppressed.lines[: state.entries])


def _load_key(key_path: Path | str) -> bytes:
    return keys.load_key(key_path if filesystem.is_url(key_path) else Path(key_path))


def _keyed_id(name: str, key: bytes) -> str:
    platform, colon, rest = name.partition(":")
    if not (platform and colon and rest) or re.search(r"\s", platform):
        raise PlanError(
            f"'{name}' is not a post id; write 'platform:id', such as reddit:t1_c0abc, or a keyed "
            "id"
        )
    return keys.make_id_pseudonymizer(key)(name)


def author_pseudonym(author: str, key: bytes) -> str:
    """The pseudonym of an author, who is given as ``platform:name`` or as a pseudonym.

    PlanError if it is neither.
    """
    if _PSEUDONYM.fullmatch(author):
        return author
    if ":" not in author:
        raise PlanError(f"'{author}' is not an author; write 'platform:name', or a pseudonym")
    return keys.pseudonymize_author(author, key)


def _encrypt_names(names: Iterable[str], present: SuppressionList) -> Iterator[str]:
    """The lines of names; one that is listed in any letter case has the line of the list."""
    lines = {name.casefold(): line for name, line in present.name_lines.items()}
    for number, given in enumerate(names, start=1):
        name = normalize_name(given)
        if sum(map(str.isalpha, name)) < 2:
            raise PlanError(f"name number {number} has fewer than two letters; write the full name")
        line = f"name {keys.encrypt(name.encode(), present.key, _PURPOSE).hex()}"
        yield lines.setdefault(name.casefold(), line)


def _load_file(path: Path | str, key: bytes) -> SuppressionList:
    if isinstance(path, Path):
        return _parse(path.read_bytes(), str(path), key)
    if not filesystem.exists(path):
        return SuppressionList(key, ())
    return _parse(filesystem.read_file(path), path, key)


@lru_cache(maxsize=2)
def _parse(data: bytes, path: str, key: bytes) -> SuppressionList:
    head, *lines = data.decode(errors="replace").split("\n")
    match = _HEAD.fullmatch(head)
    # The last line ends with a line end too, or the file was cut off.
    if match is None or lines[-1:] != [""] or not all(map(_LINE.fullmatch, lines[:-1])):
        raise PlanError(
            f"'{path}' is no suppression list, or is damaged; restore it from a copy: without it "
            "a build would bring back posts that were taken down"
        )
    if match["key_id"] != keys.key_id(key):
        raise PlanError(
            f"'{path}' is the suppression list of another key; move it to where that key is, and "
            "give its requests to builds under the new key with 'output: {suppressed: FILE}'"
        )
    return SuppressionList(key, tuple(lines[:-1]))


def _write_file(path: Path, suppressed: SuppressionList) -> None:
    """Replace the file of the list, whole or not at all, readable by its owner alone."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}.tmp")
    head = f"corpus suppression list 1 {keys.key_id(suppressed.key)}"
    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        with os.fdopen(os.open(temporary, flags, 0o600), "w", encoding="utf-8") as file:
            file.writelines(f"{line}\n" for line in (head, *suppressed.lines))
        fsync_file(temporary)
        os.replace(temporary, path)
        fsync_folder(path.parent)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Wait for the lock of the list and hold it; a killed process does not hold it."""
    lock = path.with_name(f".{path.name}.lock")
    while True:
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        if _is_current(lock, descriptor):
            break
        os.close(descriptor)  # its holder removed the file after it was opened here
    try:
        yield
    finally:
        lock.unlink(missing_ok=True)
        os.close(descriptor)


def _is_current(lock: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), os.lstat(lock))
    except FileNotFoundError:
        return False


# --------------------------------------------------------------------------- posts


#: How a text begins that repeats another: the name of its author follows.
_REPOST_HEAD = "RT @"


def mark_listed(listed: SuppressionList, posts: pl.DataFrame) -> pl.Series:
    """A mask of the posts, with the readers' ids and authors, whose id or author is listed.

    A repost has the whole text of its original, so it is marked with it: by the id of the original
    in ``parent_id``, and by the author of the original, where the reader knows one or the text
    begins with ``RT @name:``.
    """
    original = pl.when(pl.col("kind") == "repost").then("parent_id").alias("original")
    is_listed = listed.mark_ids(posts["id"])
    is_listed |= listed.mark_ids(posts.select(original)["original"])
    is_listed |= _mark_authors(listed, posts, pl.col("author"))
    if "author_name" in posts.columns:
        is_listed |= _mark_authors(listed, posts, pl.col("author_name"))
    begins = posts["text"].str.starts_with(_REPOST_HEAD)
    if "original_author" in posts.columns:
        is_repost = (posts["kind"] == "repost").fill_null(False) | begins
        is_listed |= is_repost & _mark_authors(listed, posts, pl.col("original_author"))
    if begins.any():
        is_listed |= begins.scatter(
            begins.arg_true(), _mark_retweeted_authors(listed, posts.filter(begins))
        )
    return is_listed


def drop_listed(listed: SuppressionList, posts: pl.DataFrame) -> pl.DataFrame:
    """The posts that :func:`mark_listed` does not mark."""
    is_listed = mark_listed(listed, posts)
    return posts.filter(~is_listed) if is_listed.any() else posts


def _mark_authors(listed: SuppressionList, posts: pl.DataFrame, author: pl.Expr) -> pl.Series:
    qualified = pl.concat_str("platform", pl.lit(":"), author).alias("author")
    return listed.mark_authors(posts.select(qualified)["author"])


def _mark_retweeted_authors(listed: SuppressionList, posts: pl.DataFrame) -> pl.Series:
    """A mask of the posts ``RT @name: …`` of a listed author, whom ``mentions`` may have."""
    name = pl.col("text").str.extract(r"^RT @([^\s:]+):").str.to_lowercase()
    after_name = (
        pl.concat_str(pl.lit(" "), "mentions")
        .str.split(pl.concat_str(pl.lit(" "), name, pl.lit("=")))
        .list.get(1, null_on_oob=True)
    )
    mentioned = after_name.str.extract(r"^([^ ]+)")
    return _mark_authors(listed, posts, name) | _mark_authors(listed, posts, mentioned)


def redact_posts(listed: SuppressionList, posts: pl.DataFrame) -> pl.DataFrame:
    """The posts without the listed names in their text."""
    return posts.with_columns(redact_names(posts["text"], listed.names))


# --------------------------------------------------------------------------- names in texts


#: Scripts that put no spaces between words: a name's end cannot be recognized there.
_UNSPACED = ("CJK", "HIRAGANA", "KATAKANA", "HANGUL", "THAI", "LAO", "KHMER", "MYANMAR")
_WORD_START, _WORD_END = r"(?<![^\W_])", r"(?![^\W_]|[\u0300-\u036f])"


def normalize_name(name: str) -> str:
    """A name with composed letters and single spaces."""
    return " ".join(unicodedata.normalize("NFC", name).split())


def redact_names(texts: pl.Series, names: Collection[str]) -> pl.Series:
    """The texts with :data:`NAME_PLACEHOLDER` in place of each of ``names``; null for null.

    A name matches as whole words, in any letter case and with any white space between its words.
    """
    if not names:
        return texts
    by_anchor = _group_by_anchor(tuple(names))
    # One search for all names finds the few texts that may have one; those are searched in Python.
    lowered = texts.str.to_lowercase()
    is_possible = lowered.str.contains_any(list(by_anchor)).fill_null(False)
    if not is_possible.any():
        return texts
    found = lowered.filter(is_possible).str.extract_many(list(by_anchor), overlapping=True)
    changed = [
        _name_pattern(tuple(sorted({name for each in anchors for name in by_anchor[each]}))).sub(
            NAME_PLACEHOLDER, text
        )
        for text, anchors in zip(texts.filter(is_possible), found.to_list(), strict=True)
    ]
    rows = is_possible.arg_true()
    return texts.clone().scatter(rows, pl.Series(changed, dtype=pl.String))


@lru_cache(maxsize=4)
def _group_by_anchor(names: tuple[str, ...]) -> dict[str, list[str]]:
    """The names by their longest word in small letters, composed and decomposed."""
    grouped: dict[str, list[str]] = {}
    for name in names:
        longest = max(normalize_name(name).split(), key=len)
        for form in ("NFC", "NFD"):
            anchor = unicodedata.normalize(form, longest).lower()
            grouped.setdefault(anchor, []).append(name)
    return grouped


@lru_cache(maxsize=1024)
def _name_pattern(names: tuple[str, ...]) -> re.Pattern[str]:
    spellings = {
        unicodedata.normalize(form, normalize_name(name))
        for name in names
        for form in ("NFC", "NFD")
    }
    # The longer name first: of "Ann Lee" and "Ann" the first that matches is used.
    return re.compile(
        "|".join(_spelling_pattern(each) for each in sorted(spellings, key=lambda s: (-len(s), s))),
        re.IGNORECASE,
    )


def _spelling_pattern(name: str) -> str:
    start = "" if _is_unspaced(name[0]) else _WORD_START
    end = "" if _is_unspaced(unicodedata.normalize("NFC", name)[-1]) else _WORD_END
    return start + r"\s+".join(map(re.escape, name.split())) + end


def _is_unspaced(letter: str) -> bool:
    return unicodedata.name(letter, "").startswith(_UNSPACED)
