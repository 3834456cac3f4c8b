"""Redaction opens no connection and asks for no address."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

# A fresh interpreter: a suffix list that another test fetched or cached would hide a lapse.
CODE = """
import socket

def refuse(*args, **kwargs):
    raise AssertionError("a privacy stage went to the network")

socket.socket.connect = refuse
socket.socket.connect_ex = refuse
socket.getaddrinfo = refuse
socket.create_connection = refuse

import polars as pl
from filters import pii

redact = pii.build(pii.Config())
posts = pl.DataFrame({"id": ["1"], "text": [
    "joe@example.co.uk, phone 415-555-2671, 8.8.8.8, @a@example.org, a@b.notasuffix"
]})
print(redact(posts)["text"][0])
"""


def test_redaction_works_with_every_socket_blocked() -> None:
    done = subprocess.run([sys.executable, "-c", CODE], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (
        done.stdout.strip()
        == "<EMAIL_ADDRESS>, phone <PHONE_NUMBER>, <IP_ADDRESS>, <HANDLE>, a@b.notasuffix"
    )
    assert done.stderr == ""
