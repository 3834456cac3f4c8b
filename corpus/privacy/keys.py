"""The key of pseudonyms and of encrypted files; it is never written to the output.

The key is 32 random bytes. What is made with it is made with keys of its own:

* names of authors and posts: HMAC-SHA256. This never changes, because corpora, ``dedup: {against:
  ...}`` and lists of suppressed authors are joined by these names. A keyed BLAKE2b takes 0.8 us a
  name in Python and HMAC-SHA256 2.7 us, but the same HMAC in a compiled loop takes 0.8 us
  (:mod:`corpus.partition.hmac_kernel`): a key file needs no version for a second form of names.
* encrypted files: AES-256-SIV (RFC 5297), which gives the same bytes for the same content, so that
  builds do. HKDF-SHA256 (RFC 5869) derives a key for each purpose, so that a file of one kind is
  not taken for one of another.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
import stat
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from corpus.errors import BuildError, PlanError
from corpus.storage import filesystem

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESSIV

KEYED_ID = re.compile(r":~[0-9a-f]{24}\Z")

#: What an encrypted file begins with; files of earlier versions begin with 32 arbitrary bytes.
_MAGIC = b"corpus AES-SIV 1"
#: The bytes that are encrypted at a time; AES-SIV takes less than 2 GiB.
_SEGMENT_BYTES = 1 << 30
_TAG_BYTES = 16  # that AES-SIV adds to each segment
#: A random key has fewer distinct bytes, differences or digits once in a billion times at most.
_MIN_DISTINCT_BYTES, _MIN_DISTINCT_DIGITS = 16, 10


def ensure_key(path: Path | str, out: Path) -> str:
    """Create the pseudonym key (mode 0600) if it is absent; return the key's public id.

    A key at a URL must exist: its owner decides who may read it, so a build makes none there.
    PlanError if the key is inside ``out`` or cannot be written.
    """
    if isinstance(path, str):
        return key_id(load_key(path))
    if out.resolve() in path.resolve().parents:
        raise PlanError(f"the key '{path}' is inside the output; set 'output: {{key: ...}}'")
    if not path.exists():
        try:
            _create_key(path)
        except OSError as error:
            raise PlanError(
                f"cannot write to '{path.parent}', the pseudonym key's folder: {error.strerror}; "
                "give another --out, or set 'output: {key: ...}'"
            ) from None
    return key_id(load_key(path))


def follow_links(path: Path | str) -> Path:
    """The file of a key: where a link leads, and any other path unchanged."""
    given = Path(path)
    return given.resolve() if given.is_symlink() else given


def key_id(key: bytes) -> str:
    """A public identifier of a key, 16 hex digits."""
    return hmac.digest(key, b"corpus key id", "sha256").hex()[:16]


def _create_key(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(secrets.token_hex(32) + "\n")
    with suppress(FileExistsError):  # another build may have made the key meanwhile
        os.link(temporary, path)
    temporary.unlink()


def load_key(path: Path | str) -> bytes:
    """The key's bytes, at least 32, from a file or (as a string) a URL.

    PlanError if it is none, if it is not random, or if other users may read or write the file.
    """
    try:
        key = parse_key(_download_key(path) if isinstance(path, str) else _read_private_file(path))
    except OSError:
        key = b""
    if not key and isinstance(path, str):
        raise PlanError(
            f"'{path}' holds no pseudonym key; upload one ('openssl rand -hex 32' makes it), and "
            "see that the credentials in the environment may read it"
        )
    if not key:
        raise PlanError(
            f"'{path}' holds no pseudonym key (64 hex digits); move it away to have one made"
        )
    if is_guessable(key):
        raise PlanError(
            f"the key in '{path}' is not random, so it can be guessed; move it away to have one "
            "made, or write one with 'openssl rand -hex 32', and build again the corpora made with "
            "it"
        )
    return key


def parse_key(data: bytes) -> bytes:
    """The key in the content of a key file; empty if it holds none."""
    try:
        key = bytes.fromhex(data.decode("ascii").strip())
    except ValueError:
        return b""
    return key if len(key) >= 32 else b""


def _read_private_file(path: Path) -> bytes:
    with open(path, "rb") as file:
        mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
        if mode & 0o077:
            raise PlanError(
                f"others may read or write the key '{path}' (mode {mode:04o}); run "
                f"'chmod 600 {path}', and if others have seen it, move it away to have one made"
            )
        return file.read()


def is_guessable(key: bytes) -> bool:
    """Whether a key has a pattern that random bytes do not have.

    Few distinct bytes, hex digits or differences of neighbours (which a sequence has), a repeated
    part, or printable text.
    """
    digits = key.hex()
    differences = {(after - before) % 256 for before, after in pairwise(key)}
    return (
        min(len(set(key)), len(differences)) < _MIN_DISTINCT_BYTES
        or len(set(digits)) < _MIN_DISTINCT_DIGITS
        or any(digits[period:] == digits[:-period] for period in range(1, len(digits) // 2 + 1))
        or all(32 <= byte < 127 for byte in key)
    )


@lru_cache(maxsize=4)
def _download_key(url: str) -> bytes:
    return filesystem.read_file(url)


def load_corpus_key(
    corpus: Path, manifest: Mapping[str, Any], key_path: str | Path | None
) -> bytes:
    """The key of a finished corpus, by default from ``corpus.key`` next to its folder.

    PlanError if there is none, or if it is not the key that the corpus was built with.
    """
    path = Path(key_path) if key_path else corpus.parent / "corpus.key"
    if not path.exists():
        raise PlanError(f"no key at '{path}'; give the corpus's key with --key")
    secret = load_key(path)
    if key_id(secret) != manifest["author_key_id"]:
        raise PlanError(f"'{path}' is not this corpus's key; give the right one with --key")
    return secret


def pseudonymize_author(author: str, key: bytes) -> str:
    """HMAC-SHA256 of ``platform:author``, 32 hex digits: stable under one key.

    Letter case is ignored, as platforms do: ``u/Spez`` is ``u/spez``. An account of the fediverse
    is the same on every server, so ``misskey:ada@host`` has the pseudonym of ``mastodon:ada@host``.
    """
    name = author.lower()
    if name.startswith("misskey:") and "@" in name:
        name = name.replace("misskey:", "mastodon:", 1)
    return hmac.digest(key, name.encode("utf-8"), "sha256").hex()[:32]


def make_id_pseudonymizer(key: bytes) -> Callable[[str], str]:
    """Return a function from ids to keyed ids: ``reddit:t1_c0abc`` to ``reddit:~``, 24 hex digits.

    96 bits of HMAC-SHA256: of ten billion posts, two get the same id with a probability of one in
    a billion. An id that is keyed already is returned unchanged.
    """
    derived = derive_id_key(key)

    def keyed(name: str) -> str:
        if KEYED_ID.search(name):
            return name
        platform = name.partition(":")[0]
        return f"{platform}:~{hmac.digest(derived, name.encode('utf-8'), 'sha256').hex()[:24]}"

    return keyed


def derive_id_key(key: bytes) -> bytes:
    """The key of the HMAC of ids."""
    return _derive_key(key, b"post id")


def encrypt(data: bytes | memoryview, key: bytes, purpose: str = "file") -> bytes:
    """Encrypt ``data`` with AES-256-SIV; the same data, key and purpose give the same bytes.

    The key is derived for ``purpose``, which :func:`decrypt` must be given too.
    """
    cipher = _make_cipher(key, purpose)
    count = max(1, -(-len(data) // _SEGMENT_BYTES))
    segments = [
        cipher.encrypt(
            data[number * _SEGMENT_BYTES : (number + 1) * _SEGMENT_BYTES],
            [_segment_header(number, count)],
        )
        for number in range(count)
    ]
    return b"".join([_MAGIC, *segments])


def decrypt(data: bytes, key: bytes, purpose: str = "file") -> bytes:
    """Decrypt what :func:`encrypt` returned, in this version or an earlier one.

    BuildError if it is damaged, or if the key or the purpose is another.
    """
    from cryptography.exceptions import InvalidTag

    if not data.startswith(_MAGIC):
        return _decrypt_earlier_form(data, key)
    cipher, body = _make_cipher(key, purpose), data[len(_MAGIC) :]
    size = _SEGMENT_BYTES + _TAG_BYTES
    count = max(1, -(-len(body) // size))
    try:
        segments = [
            cipher.decrypt(
                body[number * size : (number + 1) * size], [_segment_header(number, count)]
            )
            for number in range(count)
        ]
    except (InvalidTag, ValueError):
        raise BuildError(_DAMAGED) from None
    return b"".join(segments)


_DAMAGED = "an encrypted file is damaged, or was made with another key"


def _make_cipher(key: bytes, purpose: str) -> AESSIV:
    from cryptography.hazmat.primitives.ciphers.aead import AESSIV
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    info = b"corpus encrypts: " + purpose.encode("utf-8")
    return AESSIV(HKDF(SHA256(), length=64, salt=None, info=info).derive(key))


def _segment_header(number: int, count: int) -> bytes:
    """What is authenticated with a segment, so that none can be moved or cut off."""
    return _MAGIC + number.to_bytes(8, "big") + count.to_bytes(8, "big")


def _decrypt_earlier_form(data: bytes, key: bytes) -> bytes:
    """Decrypt a file of a version before AES-SIV: HMAC-SHA256 of the data, which is the nonce too.

    SHAKE-256 of key and nonce gives the key stream.
    """
    nonce = data[:32]
    stream = hashlib.shake_256(_derive_key(key, b"stream") + nonce).digest(len(data[32:]))
    opened = (np.frombuffer(data[32:], np.uint8) ^ np.frombuffer(stream, np.uint8)).tobytes()
    if not hmac.compare_digest(nonce, hmac.digest(_derive_key(key, b"seal"), opened, "sha256")):
        raise BuildError(_DAMAGED)
    return opened


def _derive_key(key: bytes, purpose: bytes) -> bytes:
    return hmac.digest(key, b"corpus " + purpose, "sha256")
