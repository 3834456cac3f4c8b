"""Filters are built once for all corpora, and anew where their outcome can differ."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from corpus import stages


def test_a_filter_that_needs_no_key_is_built_once_for_all_keys() -> None:
    """Loading the models of a filter for each corpus would take most of a small build's time."""

    def fail() -> bytes:
        raise AssertionError("the key was read")

    quality = stages.build_filter("quality", "{}", fail)
    assert stages.build_filter("quality", "{}") is quality


def test_a_filter_that_needs_the_key_is_built_for_each_key() -> None:
    settings = json.dumps({"style": "surrogate"})
    first = stages.build_filter("pii", settings, lambda: b"1" * 32)
    assert stages.build_filter("pii", settings, lambda: b"2" * 32) is not first
    assert stages.build_filter("pii", settings, lambda: b"1" * 32) is first


def test_a_changed_model_file_is_loaded_again(tmp_path: Path) -> None:
    """The manifest names the hash of the new file, so the old one must not decide."""
    questions = tmp_path / "questions.jsonl"
    settings = json.dumps({"against": [str(questions)]})
    questions.write_text('{"question": "Which of the seven rivers of Vell runs dry in June?"}\n')
    before = stages.build_filter("decontaminate", settings)
    assert stages.build_filter("decontaminate", settings) is before
    questions.write_text('{"question": "Which of the nine hills of Vell has no trees on top?"}\n')
    assert stages.build_filter("decontaminate", settings) is not before


def test_a_missing_model_file_is_an_error(tmp_path: Path) -> None:
    settings = json.dumps({"model": str(tmp_path / "missing.bin"), "labels": {}})
    with pytest.raises((OSError, ValueError)):
        stages.build_filter("classifier", settings)
