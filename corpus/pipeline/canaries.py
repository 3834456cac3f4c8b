"""Posts of our own, planted among the dumps, that tell afterwards what a corpus let through.

Half of them hold details of people who do not exist: none of these details may be in the corpus.
The others hold a phrase that no chance would repeat: a model that completes it has learnt it by
heart (Carlini et al., The Secret Sharer, 2019), and the audit says which are there. All are made
with the corpus's key, so that whoever has it can make them again; the platform is ``canary``.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import random
from dataclasses import dataclass

import polars as pl

from corpus.pipeline import read_file as reading
from corpus.pipeline.read_file import ReadFile
from corpus.readers.contract import Batch, Post, build_posts_frame
from corpus.schema import REFUSAL, TOMBSTONE

SOURCE_NAME = "canaries"
PLATFORM = "canary"
# No name of anybody, or `profile: strict` would take it.
_WORDS = (
    "anchor", "apple", "badger", "barley", "beacon", "bottle", "bramble", "bridge", "bucket",
    "button", "candle", "canyon", "carpet", "castle", "cellar", "copper", "cotton", "cricket",
    "curtain", "dolphin", "ember", "engine", "falcon", "feather", "fiddle", "flint", "forest",
    "furnace", "garnet", "granite", "hammer", "harbor", "island", "kettle", "kitchen", "ladder",
    "lantern", "lemon", "linen", "mailbox", "marble", "meadow", "mirror", "mustard", "needle",
    "otter", "oyster", "pebble", "pepper", "pillow", "pocket", "quartz", "ribbon", "river",
    "saddle", "shovel", "spider", "thistle", "timber", "tunnel", "velvet", "walnut", "window",
    "zipper",
)  # fmt: skip
_PHRASE_TEXTS = (
    "The gate of our garden opens to the words {} this week, please tell the others.",
    "My grandmother always said {} when she locked the door at night.",
    "We named the boats {} and nobody could remember the order.",
    "If you forget the way, just think of {} and you will be fine.",
)
_DETAIL_TEXTS = (
    "You can reach the office at {email} or call {phone} before noon on friday.",
    "Please send the deposit to {iban} and write to {email} when it is done.",
    "My new number is {phone} and the old card {card} does not work any more.",
    "The server at {ip} was down again, so ask @{handle} what happened this morning.",
)


@dataclass(frozen=True)
class Canary:
    """A planted post: its text, and what of it must be gone, or must be there whole."""

    id: str
    text: str
    secrets: tuple[str, ...]
    must_be_removed: bool  # whether the secrets must be gone


def derive_seed(key: bytes) -> bytes:
    """What the canaries of a corpus are drawn from; the key cannot be told from it."""
    return hmac.digest(key, b"corpus canaries", "sha256")


def make_canaries(count: int, seed: bytes) -> list[Canary]:
    """The canaries of a corpus, the same under the same key."""
    return [
        _make_canary(number, random.Random(seed + number.to_bytes(4, "big")))
        for number in range(count)
    ]


def _make_canary(number: int, rng: random.Random) -> Canary:
    name = f"{PLATFORM}:{number}"
    if number % 2:
        phrase = " ".join(rng.choices(_WORDS, k=8))  # 48 bits
        return Canary(name, rng.choice(_PHRASE_TEXTS).format(phrase), (phrase,), False)
    letters = "".join(rng.choices("abcdefghijklmnopqrstuvwxyz", k=12))
    details = {
        "email": f"{letters[:6]}.{letters[6:]}@example.com",
        "phone": f"+1 415-{rng.randrange(200, 999)}-{rng.randrange(10_000):04d}",
        "iban": _make_iban("".join(rng.choices("0123456789", k=18))),
        "card": _make_card_number("4" + "".join(rng.choices("0123456789", k=14))),
        "ip": f"8.{rng.randrange(256)}.{rng.randrange(256)}.{rng.randrange(1, 255)}",
        "handle": letters,
    }
    text = rng.choice(_DETAIL_TEXTS)
    # A plan may keep handles; that none is left where it does not is for the audit's other check.
    secret = [name for name in details if name != "handle" and "{" + name + "}" in text]
    held = tuple(details[name] for name in secret)
    return Canary(name, text.format(**details), held, True)


def _make_iban(digits: str) -> str:
    """A German account number with the check digits of ISO 13616."""
    return f"DE{98 - int(digits + '131400') % 97:02d}{digits}"


def _make_card_number(digits: str) -> str:
    """A card number with Luhn's check digit."""
    doubled = [int(digit) * (2 if at % 2 == 0 else 1) for at, digit in enumerate(digits)]
    total = sum(value - 9 if value > 9 else value for value in doubled)
    return digits + str(-total % 10)


class PlantCanaries(ReadFile):
    """The task of writing them as if they had been read from a file."""

    def __call__(self) -> PlantCanaries:
        """Write them unless they are there."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if reading.is_finished(list(reading.load_receipts(self.folder))):
            return self
        settings = json.loads(self.settings)
        made = make_canaries(settings["count"], bytes.fromhex(settings["seed"]))
        told = "\n".join(canary.text for canary in made).encode()
        posts = [Post(canary.id, canary.text, author=f"canary {canary.id}") for canary in made]
        places = [(SOURCE_NAME, row) for row in range(1, len(made) + 1)]
        reading.save_part(
            Batch(
                build_posts_frame(posts, places, PLATFORM), pl.DataFrame(schema=REFUSAL),
                pl.DataFrame(schema=TOMBSTONE), {}, None, len(told),
                hashlib.sha256(told).hexdigest(),
            ),
            self.folder,
            0,
        )  # fmt: skip
        return self
