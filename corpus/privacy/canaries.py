"""Make canaries: planted posts that show afterwards what a corpus did not remove.

Half of the canaries hold contact data of people who do not exist: none of it may be in the corpus.
The others hold a phrase of random words: a model that completes it has memorized it (Carlini et
al., The Secret Sharer, 2019), and the audit lists the phrases that are in the corpus. All canaries
are made with the corpus's key, so that its owner can make them again; their platform is ``canary``.
"""

from __future__ import annotations

import hmac
import random
from dataclasses import dataclass

SOURCE_NAME = "canaries"
PLATFORM = "canary"
# None of them is a name, or `profile: strict` would redact it.
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
    """A planted post: its text, and the strings in it that the audit looks for."""

    id: str
    text: str
    secrets: tuple[str, ...]
    must_be_removed: bool  # whether the secrets may not be in the corpus


def derive_seed(key: bytes) -> bytes:
    """The seed of a corpus's canaries, 32 bytes; the key cannot be computed from it."""
    return hmac.digest(key, b"corpus canaries", "sha256")


def make_canaries(count: int, seed: bytes) -> list[Canary]:
    """Make ``count`` canaries; the same seed gives the same ones."""
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
        "handle": f"{letters[:4]}_{letters[4:8]}.{letters[8:]}",
    }
    text = rng.choice(_DETAIL_TEXTS)
    # A plan may keep handles; where it does not, another check of the audit looks for them.
    secret = [name for name in details if name != "handle" and "{" + name + "}" in text]
    held = tuple(details[name] for name in secret)
    return Canary(name, text.format(**details), held, True)


def _make_iban(digits: str) -> str:
    """Return a German account number with the check digits of ISO 13616."""
    return f"DE{98 - int(digits + '131400') % 97:02d}{digits}"


def _make_card_number(digits: str) -> str:
    """Return a card number with Luhn's check digit."""
    doubled = [int(digit) * (2 if at % 2 == 0 else 1) for at, digit in enumerate(digits)]
    total = sum(value - 9 if value > 9 else value for value in doubled)
    return digits + str(-total % 10)
