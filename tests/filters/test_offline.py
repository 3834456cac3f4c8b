"""Redaction opens no connection and resolves no address."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

# A new interpreter: a suffix list that another test downloaded or cached would hide a failure.
CODE = """
import socket

asked = []

def refuse(*args, **kwargs):
    asked.append(args)
    raise OSError("a privacy stage used the network")

socket.socket.connect = refuse
socket.socket.connect_ex = refuse
socket.getaddrinfo = refuse
socket.create_connection = refuse

import polars as pl
from filters import pii

redact = pii.build(pii.Config(profile="strict", countries=("DE",)))
posts = pl.DataFrame({"id": ["1"], "text": [
    "joe@example.co.uk, phone 415-555-2671, 8.8.8.8, @a@example.org, a@b.qqqqqq, Barack Obama"
]})
print(redact(posts)["text"][0], asked)
"""


def test_redaction_works_with_every_socket_blocked(tmp_path: Path) -> None:
    # Only the bundled suffix list may be used, not one that another program has cached.
    environment = {**os.environ, "TLDEXTRACT_CACHE": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", CODE], cwd=ROOT, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    details = "<EMAIL_ADDRESS>, phone <PHONE_NUMBER>, <IP_ADDRESS>, <HANDLE>"
    assert done.stdout.strip() == f"{details}, a@b.qqqqqq, <PERSON> []"
    assert done.stderr == ""
