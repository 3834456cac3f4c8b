"""The key of pseudonyms and of encrypted files; it is never written to the output."""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from corpus.errors import BuildError, PlanError
from corpus.storage import filesystem

KEYED_ID = re.compile(r":~[0-9a-f]{24}\Z")


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
    """The key's bytes, at least 32, from a file or (as a string) a URL; PlanError if it is none."""
    try:
        data = _download_key(path) if isinstance(path, str) else path.read_bytes()
        key = bytes.fromhex(data.decode("ascii").strip())
    except (ValueError, OSError):
        key = b""
    if len(key) < 32 and isinstance(path, str):
        raise PlanError(
            f"'{path}' holds no pseudonym key; upload one ('openssl rand -hex 32' makes it), and "
            "see that the credentials in the environment may read it"
        )
    if len(key) < 32:
        raise PlanError(
            f"'{path}' holds no pseudonym key (64 hex digits); move it away to have one made"
        )
    return key


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

    Letter case is ignored, as platforms do: ``u/Spez`` is ``u/spez``.
    """
    return hmac.digest(key, author.lower().encode("utf-8"), "sha256").hex()[:32]


def make_id_pseudonymizer(key: bytes) -> Callable[[str], str]:
    """Return a function from ids to keyed ids: ``reddit:t1_c0abc`` to ``reddit:~``, 24 hex digits.

    96 bits of HMAC-SHA256: of ten billion posts, two get the same id with a probability of one in
    a billion. An id that is keyed already is returned unchanged.
    """
    derived = _derive_key(key, b"post id")

    def keyed(name: str) -> str:
        if KEYED_ID.search(name):
            return name
        platform = name.partition(":")[0]
        return f"{platform}:~{hmac.digest(derived, name.encode('utf-8'), 'sha256').hex()[:24]}"

    return keyed


def encrypt(data: bytes, key: bytes) -> bytes:
    """Encrypt ``data``; the same key gives the same bytes, so that builds do.

    The first 32 bytes are HMAC-SHA256 of the data, which is the nonce too (a synthetic IV, as in
    RFC 5297); SHAKE-256 of key and nonce gives the key stream.
    """
    nonce = hmac.digest(_derive_key(key, b"seal"), data, "sha256")
    return nonce + _xor_key_stream(data, nonce, key)


def decrypt(data: bytes, key: bytes) -> bytes:
    """Decrypt what :func:`encrypt` returned; BuildError if it is damaged or the key is another."""
    nonce = data[:32]
    opened = _xor_key_stream(data[32:], nonce, key)
    if not hmac.compare_digest(nonce, hmac.digest(_derive_key(key, b"seal"), opened, "sha256")):
        raise BuildError("an encrypted file is damaged, or was made with another key")
    return opened


def _derive_key(key: bytes, purpose: bytes) -> bytes:
    return hmac.digest(key, b"corpus " + purpose, "sha256")


def _xor_key_stream(data: bytes, nonce: bytes, key: bytes) -> bytes:
    stream = hashlib.shake_256(_derive_key(key, b"stream") + nonce).digest(len(data))
    return (np.frombuffer(data, np.uint8) ^ np.frombuffer(stream, np.uint8)).tobytes()
