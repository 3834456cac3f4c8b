"""The key must be secret and random, and encrypts files with AES-SIV."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import corpus
from corpus.errors import BuildError, PlanError
from corpus.privacy import keys
from tests.conftest import post, write_lines
from tests.support.commands import command

MakePlan = Callable[..., dict[str, Any]]

KEY = bytes(range(32))
#: Encrypted under ``KEY`` by the version before AES-SIV.
EARLIER_FORM = bytes.fromhex(
    "0250ad53c29d7ef8786ea78b2f1f11692d089012e92e9fdc11dbb8e478dcb6"
    "77c01e8829402b90b3c48ec38868582be6435257541c04ff3d8e4ba7fd6dcc"
)


def write_key(path: Path, digits: str, mode: int = 0o600) -> Path:
    path.write_text(digits + "\n", encoding="ascii")
    path.chmod(mode)
    return path


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660, 0o602, 0o777])
def test_a_key_that_others_can_read_or_write_is_refused(tmp_path: Path, mode: int) -> None:
    key = write_key(tmp_path / "k", secrets.token_hex(32), mode)
    with pytest.raises(PlanError, match=f"mode 0{mode:o}") as error:
        keys.load_key(key)
    assert f"run 'chmod 600 {key}'" in str(error.value)
    key.chmod(0o400)
    assert len(keys.load_key(key)) == 32


@pytest.mark.parametrize(
    "digits",
    [
        "0" * 64,
        "f" * 64,
        "0123456789abcdef" * 4,
        "abc" * 22,
        "12345" * 13 + "1",
        bytes(range(32)).hex(),
        bytes(range(255, 191, -2)).hex(),
        bytes(7 * n % 256 for n in range(40)).hex(),
        b"a pass phrase that somebody chose, and remembers".hex(),
        "d07674f5bb24a2b102b04ba8646e2168" * 2,
        "b87b0fec" + "00" * 28,
        "0123" * 15 + "2301",
    ],
)
def test_a_key_that_is_not_random_is_refused(tmp_path: Path, digits: str) -> None:
    with pytest.raises(PlanError, match="is not random"):
        keys.load_key(write_key(tmp_path / "k", digits))


def test_random_keys_of_any_length_are_taken(tmp_path: Path) -> None:
    assert not any(keys.is_guessable(secrets.token_bytes(32)) for _ in range(2000))
    for size in (32, 33, 48, 64):
        secret = secrets.token_bytes(size)
        assert keys.load_key(write_key(tmp_path / f"k{size}", secret.hex())) == secret


def test_a_build_and_a_takedown_refuse_a_bad_key_and_change_nothing(
    plan: MakePlan, tmp_path: Path
) -> None:
    write_lines(tmp_path / "posts.jsonl", [post(n) for n in range(5)])
    key = write_key(tmp_path / "corpus.key", "0" * 64)
    with pytest.raises(PlanError, match="is not random"):
        corpus.build(plan())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["corpus.key", "posts.jsonl"]
    write_key(key, secrets.token_hex(32))
    corpus.build(plan())
    before = (tmp_path / "out" / "manifest.json").read_bytes()
    (tmp_path / "ids").write_text("table:1\n")
    key.chmod(0o644)
    refused = command("takedown", str(tmp_path / "out"), "--ids", str(tmp_path / "ids"))
    assert refused.returncode == 2 and "chmod 600" in refused.stderr
    assert (tmp_path / "out" / "manifest.json").read_bytes() == before


def test_a_new_key_is_secret_and_random(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        keys.ensure_key(tmp_path / "k", tmp_path / "out")
    finally:
        os.umask(before)
    assert (tmp_path / "k").stat().st_mode & 0o777 == 0o600
    assert len(keys.load_key(tmp_path / "k")) == 32


# --------------------------------------------------------------------------- encrypted files


def test_the_cipher_is_aes_256_siv_with_a_key_derived_by_hkdf() -> None:
    from cryptography.hazmat.primitives.ciphers.aead import AESSIV
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    sealed = keys.encrypt(b"posts", KEY, "index")
    magic, body = sealed[:16], sealed[16:]
    derived = HKDF(SHA256(), 64, salt=None, info=b"corpus encrypts: index").derive(KEY)
    header = magic + (0).to_bytes(8, "big") + (1).to_bytes(8, "big")
    assert AESSIV(derived).decrypt(body, [header]) == b"posts"


def test_a_file_of_one_purpose_is_not_taken_for_one_of_another() -> None:
    sealed = keys.encrypt(b"posts", KEY, "index")
    assert keys.decrypt(sealed, KEY, "index") == b"posts"
    assert sealed[16:] != keys.encrypt(b"posts", KEY, "reserve")[16:]
    with pytest.raises(BuildError, match="damaged, or was made with another key"):
        keys.decrypt(sealed, KEY, "reserve")


@pytest.mark.parametrize("size", [0, 1, 9, 10, 11, 20, 35])
def test_no_segment_can_be_changed_moved_or_cut_off(
    monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    monkeypatch.setattr(keys, "_SEGMENT_BYTES", 10)
    data = bytes(range(size))
    sealed = keys.encrypt(data, KEY)
    assert keys.decrypt(sealed, KEY) == data
    body, step = sealed[16:], 26
    segments = [body[at : at + step] for at in range(0, len(body), step)]
    damaged = [sealed[:-1], sealed + b"x", sealed[:20]]
    damaged += [
        sealed[:at] + bytes([sealed[at] ^ 1]) + sealed[at + 1 :] for at in range(len(sealed))
    ]
    if len(segments) > 1:
        damaged += [sealed[:16] + b"".join(segments[:-1])]
        damaged += [sealed[:16] + b"".join([segments[1], segments[0], *segments[2:]])]
    for each in damaged:
        with pytest.raises(BuildError):
            keys.decrypt(each, KEY)


def test_files_of_the_version_before_are_decrypted() -> None:
    assert keys.decrypt(EARLIER_FORM, KEY) == b"an index of an earlier version"
    assert keys.decrypt(EARLIER_FORM, KEY, "index") == b"an index of an earlier version"
    for at in range(0, len(EARLIER_FORM), 7):
        damaged = EARLIER_FORM[:at] + bytes([EARLIER_FORM[at] ^ 1]) + EARLIER_FORM[at + 1 :]
        with pytest.raises(BuildError):
            keys.decrypt(damaged, KEY)


def test_the_names_of_authors_and_posts_under_a_key_never_change() -> None:
    assert keys.pseudonymize_author("reddit:Spez", KEY) == "8b737b124a515e76f73d216303330888"
    assert keys.make_id_pseudonymizer(KEY)("reddit:t1_c0abc") == "reddit:~4daec8bd83e524249e9b7865"
    assert keys.key_id(KEY) == "617eeb325e103fde"
