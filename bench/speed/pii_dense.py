"""Time ``pii`` on texts of nothing but details.

    python -m bench.speed.pii_dense [MB] [ENTITY …]

For each entity, apart, run together and in disguise: the seconds for a text of a quarter, half and
the whole of MB megabytes (0.4 if not given), and how many times as long twice the text takes.
Linear is 2.0; a square is 4.0.
"""

from __future__ import annotations

import os

os.environ.setdefault("POLARS_MAX_THREADS", "1")

import sys
import time
from itertools import pairwise
from typing import Any

import polars as pl

from filters import pii

DETAILS = {
    "EMAIL_ADDRESS": "rosa.finch@posteo.de",
    "PHONE_NUMBER": "+1 415-555-2671",
    "IP_ADDRESS": "91.198.174.192",
    "CREDIT_CARD": "4111 1111 1111 1111",
    "IBAN_CODE": "GB82WEST12345698765432",
    "CRYPTO": "1BoatSLRHtKNngkdXEeobR76b53LETtpyT",
    "US_SSN": "536-22-1234",
    "MAC_ADDRESS": "00:1A:2B:3C:4D:5E",
    "SECRET": "ghp_x7Kq2mZt9LwB4nRv6YcD1sHf8GjP3eUa5TqW",
    "HANDLE": "@rosa_finch",
    "spelled": "rosa.finch at posteo dot de",
    "contact": "snap: rosa_finch",
}
FORMS = {
    "apart": "{} ",
    "together": "{}",
    "in disguise": "_{}\u200b_",
}


def measure(redact: Any, text: str) -> float:
    """Return the processor time in seconds for one post."""
    start = time.process_time()
    redact(pl.DataFrame({"id": ["1"], "text": [text]}))
    return time.process_time() - start


def main(arguments: list[str]) -> None:
    """Print the table."""
    megabytes = float(arguments[0]) if arguments else 0.4
    redact = pii.build(pii.Config())
    redact(pl.DataFrame({"id": ["1"], "text": [" ".join(DETAILS.values())]}))
    print(f"{'':28}{'MB':>7}{'seconds':>9}{'MB/s':>7}  twice the text takes")
    for entity in arguments[1:] or DETAILS:
        for name, form in FORMS.items():
            piece = form.format(DETAILS[entity])
            seconds = []
            for share in (4, 2, 1):
                size = int(megabytes * 1e6) // share
                seconds.append(measure(redact, piece * (size // len(piece))))
            ratios = ", ".join(f"{after / before:.1f}" for before, after in pairwise(seconds))
            rate = megabytes / seconds[-1]
            print(f"{entity:15}{name:13}{megabytes:>7}{seconds[-1]:>9.1f}{rate:>7.2f}  {ratios}")


if __name__ == "__main__":
    main(sys.argv[1:])
