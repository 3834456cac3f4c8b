"""The sets of names: which sentences teach and which measure. All sentences are invented."""

from __future__ import annotations

import json
from pathlib import Path

import zstandard

from bench.quality.ner_gold import join, read_split


def test_a_set_teaches_with_its_training_split_and_measures_with_the_other(tmp_path: Path) -> None:
    path = tmp_path / "set.conll.zst"
    text = (
        "# split=train\nRosa\tB-PER\nFinch\tI-PER\nsings\tO\n\n"
        "# split=dev\n@rosa\tB-PER\nin\tO\nOslo\tB-LOC\n\n"
    )
    path.write_bytes(zstandard.compress(text.encode()))
    teaching, measuring = (read_split(path, teaching=each) for each in (True, False))
    assert teaching == [(["Rosa", "Finch", "sings"], ["B-PERSON", "I-PERSON", "O"])]
    assert measuring == [(["@rosa", "in", "Oslo"], ["O", "O", "B-LOCATION"])]


def test_of_a_set_with_only_a_development_split_each_sentence_is_on_one_side(
    tmp_path: Path,
) -> None:
    path = tmp_path / "set.conll"
    path.write_text("".join(f"# split=dev\nword{n}\tO\n\n" for n in range(300)))
    teaching, measuring = (read_split(path, teaching=each) for each in (True, False))
    assert len(teaching) + len(measuring) == 300 and 70 < len(measuring) < 130
    assert not {tokens[0] for tokens, _ in teaching} & {tokens[0] for tokens, _ in measuring}


def test_labels_without_begin_and_columns_of_spaces_are_read(tmp_path: Path) -> None:
    path = tmp_path / "swedish-test.txt"
    path.write_text("Rosa    PER\nFinch PER\nsjunger 0\n\nNu  0\n")
    expected = [
        (["Rosa", "Finch", "sjunger"], ["B-PERSON", "I-PERSON", "O"]),
        (["Nu"], ["O"]),
    ]
    assert read_split(path, teaching=False) == expected
    assert read_split(path, teaching=True) == []


def test_spans_of_a_json_set_become_tags_of_characters(tmp_path: Path) -> None:
    path = tmp_path / "set.json"
    entity = {"name": "\u7530\u4e2d", "span": [1, 3], "type": "\u4eba\u540d"}
    path.write_text(json.dumps([{"text": "x\u7530\u4e2dy", "entities": [entity]}]))
    read = [*read_split(path, teaching=True), *read_split(path, teaching=False)]
    assert read == [(list("x\u7530\u4e2dy"), ["O", "B-PERSON", "I-PERSON", "O"])]


def test_sentences_become_texts_with_the_offsets_of_their_names() -> None:
    sentence = (["Hi", "Rosa", "Finch", "!"], ["O", "B-PERSON", "I-PERSON", "O"])
    assert join(sentence, spaced=True) == ("Hi Rosa Finch !", [(3, 13)])
    japanese = (
        ["\u7530", "\u4e2d", "Tom", "Fox"],
        ["B-PERSON", "I-PERSON", "B-PERSON", "I-PERSON"],
    )
    assert join(japanese, spaced=False) == ("\u7530\u4e2dTom Fox", [(0, 2), (2, 9)])
    handle = (["@", "\u7530", "\u4e2d", "x"], ["O", "B-PERSON", "I-PERSON", "O"])
    assert join(handle, spaced=False) == ("@\u7530\u4e2dx", [])
