"""The names of languages."""

from __future__ import annotations

import pytest

from corpus.report.language_names import label_language, load_names, name_language
from filters import language
from filters.text import fasttext


@pytest.mark.parametrize(
    ("code", "name", "label"),
    [
        ("hi", "Hindi", "Hindi (hi)"),
        ("hi-Latn", "Hindi in Latin letters", "Hindi in Latin letters (hi-Latn)"),
        ("und", "not identified", "not identified (und)"),
        ("qqq", "qqq", "qqq"),  # of a model of the user's own
    ],
)
def test_a_language_has_a_name(code: str, name: str, label: str) -> None:
    assert (name_language(code), label_language(code)) == (name, label)


def test_every_language_of_the_shipped_models_has_a_name() -> None:
    model = fasttext.load_model(language.models(language.Config())[0])
    codes = {label.removeprefix(fasttext.LABEL_PREFIX) for label in model.get_labels()}
    assert codes <= load_names().keys()
    assert len(set(load_names().values())) == len(load_names())
