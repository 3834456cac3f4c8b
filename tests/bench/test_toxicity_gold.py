"""The gold sets of toxicity are read and split, on invented rows of their formats."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from bench.quality.toxicity import auroc, macro_f1
from bench.quality.toxicity_disguises import DISGUISES, disguise_words
from bench.quality.toxicity_fair import DIALECT, RECLAIMED
from bench.quality.toxicity_gold import load_gold, split_of


def test_a_text_is_always_in_the_same_split() -> None:
    texts = ["hello", "tea", "rain", "see you"]
    assert [split_of(text) for text in texts] == ["train", "test", "calibrate", "train"]


def test_the_sets_are_read_with_their_annotators_labels(tmp_path: Path) -> None:
    folder = tmp_path / "toxicity"
    folder.mkdir()
    (folder / "olid_train.tsv").write_text(
        "id\ttweet\tsubtask_a\tsubtask_b\tsubtask_c\n"
        "1\t@USER you fool &amp; liar URL\tOFF\tTIN\tIND\n"
        "2\tdamn rain\tOFF\tUNT\tNULL\n"
        '3\ta "quoted" tea\tNOT\tNULL\tNULL\n'
    )
    (folder / "davidson.csv").write_text(
        ",count,hate_speech,offensive_language,neither,class,tweet\n"
        '0,3,3,0,0,0,"hateful, yes"\n1,3,0,3,0,1,rude one\n2,3,0,0,3,2,plain one\n'
    )
    (folder / "germeval18_de_train.txt").write_text(
        "So ein Depp\tOFFENSE\tINSULT\nMist\tOFFENSE\tPROFANITY\n"
        "Ihr alle\tOFFENSE\tABUSE\nSchön\tOTHER\tOTHER\n"
    )
    (folder / "toldbr_pt.csv").write_text(
        "text,homophobia,obscene,insult,racism,misogyny,xenophobia\n"
        "poxa,0.0,2.0,1.0,0.0,0.0,0.0\nvai,0.0,0.0,0.0,0.0,0.0,1.0\noi,0.0,0.0,0.0,0.0,0.0,0.0\n"
    )
    posts = load_gold(tmp_path)
    assert posts["text"][0] == "@USER you fool & liar  "
    shown = posts.select("set", "offensive", "insult", "obscene", "identity_hate").rows()
    assert [
        ("olid", True, True, None, None),
        ("olid", True, False, True, None),
        ("olid", False, False, False, False),
        ("davidson", True, None, None, True),
        ("davidson", True, None, None, False),
        ("davidson", False, False, False, False),
        ("germeval", True, True, None, False),
        ("germeval", True, False, True, False),
        ("germeval", True, None, None, True),
        ("germeval", False, False, False, False),
        ("toldbr", True, True, True, False),
        ("toldbr", True, False, False, True),
        ("toldbr", False, False, False, False),
    ] == shown


def test_the_measures_have_their_textbook_values() -> None:
    offensive = np.array([True, True, False, False])
    assert auroc(np.array([0.9, 0.4, 0.4, 0.1]), offensive) == 0.875
    called = np.array([True, False, False, False])
    assert macro_f1(called, offensive) == pytest.approx((2 / 3 + 4 / 5) / 2)


def test_a_disguise_changes_the_swear_words_and_nothing_else() -> None:
    texts = pl.Series(["Shit happens, assume nothing", "no such word"])
    ways = {way: disguise_words(texts, way) for way in DISGUISES}
    assert {"no such word"} == {each[1] for each in ways.values()}
    assert {
        name.split(" (")[0]: each[0].removesuffix(" happens, assume nothing")
        for name, each in ways.items()
    } == {
        "as written": "Shit",
        "leet, all letters": "5h17",
        "signs": "Sh!t",
        "a star for the vowel": "Sh*t",
        "stars": "S***",
        "stretched": "Shiiiiit",
        "spelt out": "S h i t",
        "dotted": "S.h.i.t",
        "a zero-width space inside": "Sh\u200bit",
        "fullwidth letters": "Ｓｈｉｔ",
        "no vowels": "Sht",
        "last letters swapped": "Shti",
        "Cyrillic look-alikes": "shit",
        "left out": "",
    }


def test_wording_is_matched_by_whole_words() -> None:
    texts = pl.Series(["we finna eat", "that bitch", "a frog, a niggard hoed", "y'all come"])
    assert texts.str.contains(DIALECT).to_list() == [True, False, False, True]
    assert texts.str.contains(RECLAIMED).to_list() == [False, True, False, False]


@pytest.mark.parametrize(
    ("way", "text"),
    [
        ("a star for the vowel (f*ck)", "shitake b*llshit grass a*s"),
        ("stretched (fuuuuuck)", "shitake buuuuullshit grass aaaaass"),
    ],
)
def test_a_disguise_hides_one_vowel_of_a_whole_word(way: str, text: str) -> None:
    assert [text] == disguise_words(pl.Series(["shitake bullshit grass ass"]), way).to_list()
