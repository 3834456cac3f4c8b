"""Name the languages of codes in English, as ISO 639 names them."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path

_NAMES_FILE = Path(__file__).with_name("language_names.json")
_SCRIPTS = {"Arab": "Arabic", "Cyrl": "Cyrillic", "Deva": "Devanagari", "Latn": "Latin"}


@lru_cache(maxsize=1)
def load_names() -> dict[str, str]:
    """Return the name of each language by its code."""
    names: dict[str, str] = json.loads(_NAMES_FILE.read_text(encoding="utf-8"))
    return names


def name_language(code: str) -> str:
    """Return a language's name, such as ``Hindi in Latin letters``; an unknown code as it is."""
    language, _, script = code.partition("-")
    name = load_names().get(language)
    if name is None:
        return code
    return f"{name} in {_SCRIPTS.get(script, script)} letters" if script else name


def label_language(code: str) -> str:
    """Return a language's name and its code, such as ``Hindi (hi)``."""
    name = name_language(code)
    return code if name == code else f"{name} ({code})"
