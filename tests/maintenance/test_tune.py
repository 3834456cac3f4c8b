"""What 'corpus tune' tells of other settings is what a new build with them does."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from corpus import demo
from corpus.errors import ManifestError, PlanError
from corpus.maintenance import takedown
from corpus.maintenance.tune import format_tuning, parse_proposals, survey, tune
from corpus.pipeline import build
from filters import classifier
from tests.conftest import post, sentence, write_lines
from tests.support.commands import command
from tests.training.test_train_classifier import train_on_recipes

EVERY = 1_000_000
TWO_WORDS = {"keep_single_words": False}
SETTINGS: dict[str, dict[str, Any]] = {
    "language": {"keep": ["en", "es", "de"], "min_score": 0.4},
    "quality": {"min_words": 5, "max_hashtag_share": 0.3, "min_letter_share": 0.7},
    "toxicity": {"max_score": 0.7},
}


def _plan(dumps: Path, out: Path, **changes: dict[str, Any]) -> dict[str, Any]:
    fields = {"id": "post_id", "author": "username", "text": "body", "created_at": "posted_at"}
    forum = {"path": f"{dumps}/table/forum.csv", "platform": "forum", "fields": fields}
    settings = {name: own | changes.get(name, {}) for name, own in SETTINGS.items()}
    stages = [*({name: own} for name, own in settings.items()), {"dedup": {}}, {"pii": {}}]
    return {
        "sources": [{"reddit": {"path": f"{dumps}/reddit/*.zst"}}, {"table": forum}],
        "stages": stages,
        "output": {"path": str(out)},
        "run": {"runner": "serial"},
    }


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Demo dumps, and a corpus of them in ``as_built``."""
    folder = tmp_path_factory.mktemp("tune")
    demo.write(folder / "dumps", posts=3000, seed=5)
    build.build(_plan(folder / "dumps", folder / "as_built"))
    return folder


def _ended(out: Path) -> dict[str | None, set[str]]:
    """The ids that each stage dropped, and under None those that stay."""
    found: dict[str | None, set[str]] = {}
    for stage, name in (
        pl.scan_parquet(out / "dropped" / "*.parquet").select("stage", "id").collect().iter_rows()
    ):
        found.setdefault(stage, set()).add(name)
    kept = pl.scan_parquet(out / "shards" / "*.parquet").select("id").collect()
    return found | {None: set(kept["id"])}


_FEW = [
    ("toxicity", {"max_score": 0.5}),
    ("language", {"min_score": 0.99999}),
    ("quality", {"min_words": 8, "max_word_chars": 8, "max_word_share": 0.1}),
]
_MORE = [
    ("quality", {"templates": False, "min_distinct_words": 0.9}),
    ("toxicity", {"max_score": 0.95}),
    ("language", {"min_score": 0.1, "keep": ["en", "es", "de", "pt"]}),
    ("language", {"keep": ["en"]}),
    ("quality", {"min_words": 2, "max_hashtag_share": 0.6}),
]


@pytest.mark.parametrize(
    ("stage", "changes"),
    [*_FEW, *(pytest.param(*each, marks=pytest.mark.slow) for each in _MORE)],
)
def test_a_new_build_does_what_was_told(room: Path, stage: str, changes: dict[str, Any]) -> None:
    (row,) = tune(room / "as_built", {stage: changes}, EVERY)["stages"]
    again = room / "again"
    manifest = build.build(_plan(room / "dumps", again, **{stage: changes}), replace=True)
    before, after = _ended(room / "as_built"), _ended(again)
    order = [each["stage"] for each in manifest["funnel"]]
    later = set().union(*(before.get(each, set()) for each in order[order.index(stage) + 1 :]))
    (funnel,) = (each for each in manifest["funnel"] if each["stage"] == stage)
    (built,) = (
        each
        for each in json.loads((room / "as_built/manifest.json").read_text())["funnel"]
        if each["stage"] == stage
    )
    gone, left = before[stage], after.get(stage, set())
    assert row["before"] == built["dropped"]
    leaves = {each["id"] for each in row["leaves_examples"]}
    returns = {each["id"] for each in row["returns_examples"]}
    assert len(leaves) == sum(row["leaves"].values())
    assert len(returns) == sum(row["returns"].values())
    if not row["untold"]:
        assert row["after"] == funnel["dropped"]
        assert leaves == left & before[None]
        assert returns == gone - left
        assert sum(row["earlier"].values()) == len(left & later)
    else:
        assert leaves <= left & before[None]
        assert returns <= gone - left
        unsure = sum(row["untold"].values())
        assert abs(sum(row["after"].values()) - len(left)) <= unsure
    assert leaves | returns | set(row["untold"])  # the case is one in which something happens


def test_most_of_what_quality_would_do_can_be_told(room: Path) -> None:
    (row,) = tune(room / "as_built", {"quality": {"min_words": 8, "max_word_chars": 12}})["stages"]
    assert row["untold"] == {}
    (row,) = tune(room / "as_built", {"quality": {"min_words": 2}})["stages"]
    assert sum(row["returns"].values()) > 0
    # Whether a template is one is stored nowhere but in the reason.
    (row,) = tune(room / "as_built", {"quality": {"templates": False}})["stages"]
    assert row["returns"].keys() | row["untold"].keys() <= {"bot_template", "quality"}


def test_the_second_of_two_settings_sees_what_the_first_lets_through(room: Path) -> None:
    both = {"toxicity": {"max_score": 0.5}, "quality": {"min_words": 3, "min_letter_share": 0.9}}
    quality, toxicity = tune(room / "as_built", both)["stages"]
    assert ["quality", "toxicity"] == [quality["stage"], toxicity["stage"]]
    again = room / "again"
    manifest = build.build(_plan(room / "dumps", again, **both), replace=True)
    funnel = {each["stage"]: each for each in manifest["funnel"]}
    assert quality["after"] == funnel["quality"]["dropped"]
    back = sum(quality["returns"].values())
    assert back > 0
    # What comes back has no score of the next stage: that is said, and the rest is exact.
    assert toxicity["untold"] == {"quality": back}
    assert 0 <= funnel["toxicity"]["dropped"]["toxic"] - toxicity["after"]["toxic"] <= back


def test_what_leaves_at_the_first_of_two_settings_is_not_judged_by_the_second(room: Path) -> None:
    both = {"quality": {"min_words": 30}, "toxicity": {"max_score": 0.1}}
    quality, toxicity = tune(room / "as_built", both)["stages"]
    manifest = build.build(_plan(room / "dumps", room / "again", **both), replace=True)
    funnel = {each["stage"]: each for each in manifest["funnel"]}
    assert quality["after"] == funnel["quality"]["dropped"]
    assert toxicity["after"] == funnel["toxicity"]["dropped"]
    assert {} == toxicity["untold"]


def test_nothing_changes_when_the_settings_are_those_of_the_plan(room: Path) -> None:
    for row in tune(room / "as_built", SETTINGS)["stages"]:
        assert row["settings"] == {}
        assert row["before"] == row["after"] != {}
        assert not (row["leaves"] or row["returns"] or row["earlier"] or row["untold"])


def test_the_survey_agrees_with_the_single_proposals(room: Path) -> None:
    found = survey(room / "as_built")
    names = [f"{row['stage']}.{row['setting']}" for row in found]
    assert {"language.min_score", "quality.min_words", "toxicity.max_score"} <= set(names)
    assert "language.keep" not in names
    for each in found:
        (now,) = (row for row in each["rows"] if row["value"] == each["value"])
        assert (0, 0, 0) == (now["leaves"], now["returns"], now["untold"])
        row = each["rows"][-1]
        (one,) = tune(room / "as_built", {each["stage"]: {each["setting"]: row["value"]}})["stages"]
        assert row["leaves"] == sum(one["leaves"].values())
        assert row["returns"] == sum(one["returns"].values())
        assert row["untold"] == sum(one["untold"].values())


# --------------------------------------------------------------------------- small corpora


def _small(
    tmp_path: Path, plan: Callable[..., dict[str, Any]], rows: list[Any], stages: list[Any]
) -> Path:
    write_lines(tmp_path / "posts.jsonl", rows)
    build.build(plan(stages))
    return tmp_path / "out"


def test_a_post_cannot_act_on_the_terminal_and_a_dropped_one_shows_no_text(
    tmp_path: Path, plan: Callable[..., dict[str, Any]]
) -> None:
    rows = [post(n) for n in range(20)]
    rows += [post(90, text="secretword"), post(91, text="two\x1b[31m \u202ewords")]
    rows += [post(92, text="mail joe@example.org now please")]
    out = _small(tmp_path, plan, rows, [{"quality": TWO_WORDS}, {"pii": {}}])
    found = command("tune", str(out), "quality.min_words=6", "--examples", "50")
    assert found.returncode == 0, found.stderr
    assert "quality: min_words 2 → 6" in found.stdout
    assert "2 kept posts would be dropped (too_few_words 2)" in found.stdout
    assert "mail <EMAIL_ADDRESS> now please" in found.stdout
    assert not {"\x1b", "\u202e"} & set(found.stdout)
    back = command("tune", str(out), "quality.min_words=1", "--examples", "50")
    assert "1 dropped post would be kept here (too_few_words 1); next: pii" in back.stdout
    assert "would be kept: table:90 (too_few_words)" in back.stdout
    assert "source_row 21" in back.stdout
    assert "secretword" not in back.stdout
    data = json.loads(command("tune", str(out), "quality.min_words=6", "--json").stdout)
    assert {"min_words": [2, 6]} == data["stages"][0]["settings"]
    assert {"too_few_words": 2} == data["stages"][0]["leaves"]


def test_posts_that_a_looser_setting_brings_back_are_shown_with_their_redacted_texts(
    tmp_path: Path, plan: Callable[..., dict[str, Any]]
) -> None:
    rows = [*(post(n) for n in range(9)), post(90, text="forgiven"), post(91, text="a@example.org")]
    out = _small(tmp_path, plan, rows, [{"quality": TWO_WORDS}, {"pii": {}}])
    back = command("tune", str(out), "quality.min_words=0", "--text", "--examples", "50")
    assert back.returncode == 0, back.stderr
    assert "    forgiven\n" in back.stdout and "example.org" not in back.stdout
    (tmp_path / "posts.jsonl").rename(tmp_path / "gone.jsonl")
    lost = command("tune", str(out), "quality.min_words=0", "--text")
    assert lost.returncode == 2 and "--dumps" in lost.stderr


def test_without_settings_it_looks_around(
    tmp_path: Path, plan: Callable[..., dict[str, Any]]
) -> None:
    out = _small(tmp_path, plan, [post(n) for n in range(20)], [{"quality": {}}])
    found = command("tune", str(out))
    assert found.returncode == 0
    assert "quality.min_words" in found.stdout
    assert "as built" in found.stdout
    assert json.loads(command("tune", str(out), "--json").stdout)["settings"]


def test_a_corpus_without_thresholds_says_so(
    tmp_path: Path, plan: Callable[..., dict[str, Any]]
) -> None:
    out = _small(tmp_path, plan, [post(n) for n in range(3)], [{"dedup": {}}])
    assert "no stage of this corpus decides by a threshold" in command("tune", str(out)).stdout
    with pytest.raises(PlanError, match="no stage of this corpus does"):
        tune(out, {"dedup": {"jaccard": 0.5}})


def test_who_breaks_two_rules_stays_away_for_the_other(
    tmp_path: Path, plan: Callable[..., dict[str, Any]]
) -> None:
    rows = [*(post(n) for n in range(3)), post(80, text="o" * 16), post(81, text="hello")]
    out = _small(tmp_path, plan, rows, [{"quality": TWO_WORDS}])
    (row,) = tune(out, {"quality": {"min_words": 1}})["stages"]
    assert {"too_few_words": 2} == row["before"]
    assert ({}, {"too_few_words": 1}) == (row["untold"], row["returns"])
    assert {"character_run": 1} == row["after"]


def test_what_stands_for_copies_is_counted(
    tmp_path: Path, plan: Callable[..., dict[str, Any]]
) -> None:
    rows = [post(n) for n in range(5)] + [post(80, text="three little words")]
    rows += [post(81, text="three little words!")]
    out = _small(tmp_path, plan, rows, [{"quality": {}}, {"dedup": {}}])
    (row,) = tune(out, {"quality": {"min_words": 4}})["stages"]
    assert {"too_few_words": 1} == row["leaves"]
    assert {"dedup": 1} == row["earlier"]
    assert 1 == row["in_clusters"]
    assert "a copy that passes may replace one" in format_tuning({"taken_down": 0, "stages": [row]})


def test_posts_that_were_taken_down_are_not_counted_and_that_is_said(
    tmp_path: Path, plan: Callable[..., dict[str, Any]]
) -> None:
    rows = [*(post(n) for n in range(5)), post(80, text="three little words")]
    out = _small(tmp_path, plan, rows, [{"quality": {}}])
    takedown.take_down(out, ids=["table:80"])
    found = tune(out, {"quality": {"min_words": 4}})
    assert {} == found["stages"][0]["leaves"]
    assert "not counted: 1 post that a takedown removed" in format_tuning(found)


def test_documents_of_several_posts_do_not_tell_what_their_posts_scored(
    tmp_path: Path, plan: Callable[..., dict[str, Any]]
) -> None:
    rows = [
        {"id": "1", "text": sentence(1), "user": "a"},
        {"id": "2", "text": "well said indeed", "user": "b", "parent": "1"},
        {"id": "3", "text": "no", "user": "c", "parent": "1"},
        {"id": "4", "text": sentence(4), "user": "d"},
    ]
    write_lines(tmp_path / "posts.jsonl", rows)
    fields = {"id": "id", "text": "text", "author": "user", "parent_id": "parent"}
    sources = [{"table": {"path": str(tmp_path / "posts.jsonl"), "fields": fields}}]

    def built(mode: str, after: bool) -> Path:
        stages: list[Any] = [{"quality": TWO_WORDS}, {"conversations": {"mode": mode}}]
        out = tmp_path / f"{mode}-{after}"
        build.build(
            plan(stages[::-1] if after else stages, sources=sources,
                 output={"path": str(out), "ids": "original"})
        )  # fmt: skip
        return out

    (row,) = tune(built("tree", False), {"quality": {"min_words": 1}})["stages"]
    assert {"too_few_words": 1} == row["returns"]
    assert {"kept": 3} == row["untold"]
    (row,) = tune(built("posts", False), {"quality": {"min_words": 4}})["stages"]
    assert ({"too_few_words": 1}, {}) == (row["leaves"], row["untold"])
    # Behind the barrier a document is judged as a whole, and all its posts leave with it.
    out = built("tree", True)
    (row,) = tune(out, {"quality": {"min_words": 16}})["stages"]
    assert ({"too_few_words": 1}, {}) == (row["leaves"], row["untold"])
    (row,) = tune(out, {"quality": {"min_words": 60}})["stages"]
    assert ({"too_few_words": 4}, {}) == (row["leaves"], row["untold"])


def test_labels_and_thresholds_of_a_classifier_can_be_moved(
    tmp_path: Path, plan: Callable[..., dict[str, Any]]
) -> None:
    made = train_on_recipes(tmp_path, "m.bin").model
    classifier.write_model_note(made, ["at sea", "cooking"], {"at sea": 0.9, "cooking": 0.2})
    words = ["soup salt stir", "sail mast deck", "salt on the deck", "sail to the oven", "butter"]
    rows = [post(n, text=f"{word} {n}") for n, word in enumerate(words * 4)]
    settings = {"model": str(made), "keep": ["cooking"]}
    out = _small(tmp_path, plan, rows, [{"classifier": settings}])
    for changes in ({"min_score": 0.9}, {"keep": ["at sea"]}, {"keep": [], "drop": ["cooking"]}):
        (row,) = tune(out, {"classifier": changes}, EVERY)["stages"]
        again = {"path": str(tmp_path / "again"), "ids": "original"}
        stages = [{"classifier": settings | changes}]
        manifest = build.build(plan(stages, output=again), replace=True)
        assert row["after"] == manifest["funnel"][1]["dropped"]
        assert row["leaves"] or row["returns"]
        left = _ended(tmp_path / "again")
        assert {each["id"] for each in row["returns_examples"]} == (
            _ended(out)["classifier"] - left.get("classifier", set())
        )
    found = command("tune", str(out), "classifier.keep=[at sea]", "--examples", "0")
    assert "classifier: keep [cooking] → [at sea]" in found.stdout
    with pytest.raises(PlanError, match="changes the scores themselves"):
        tune(out, {"classifier": {"model": "x"}})
    with pytest.raises(PlanError, match="exclude each other"):
        tune(out, {"classifier": {"drop": ["at sea"]}})
    classifier.write_model_note(made, ["at sea", "cooking"], {"at sea": 0.8})
    with pytest.raises(PlanError, match="its model is not that of the build"):
        tune(out, {"classifier": {"keep": ["at sea"]}})
    made.unlink()
    with pytest.raises(PlanError, match=r"m\.bin' is missing"):
        tune(out, {"classifier": {"min_score": 0.9}})


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ("toxicty.max_score=0.7", "did you mean 'toxicity'"),
        ("toxicity.max_scor=0.7", "did you mean 'max_score'"),
        ("toxicity.max_score=7", "less than or equal to 1"),
        ("toxicity.max_score=high", "valid number"),
        ("toxicity.model=x.bin", "changes the scores themselves"),
        ("toxicity.action=redact", "changes the scores themselves"),
        ("dedup.jaccard=0.7", "does not decide by stored scores alone"),
        ("toxicity=0.7", "write 'stage.setting=value'"),
        ("toxicity.max_score", "write 'stage.setting=value'"),
        ("toxicity.max_score=[", "not valid YAML"),
    ],
)
def test_a_wrong_proposal_is_refused(room: Path, asked: str, message: str) -> None:
    with pytest.raises(PlanError, match=message.replace("[", r"\[")):
        tune(room / "as_built", parse_proposals([asked]))


ABUSE = "you are a stupid idiot, shut up"


def test_a_threshold_of_toxicity_moves_beside_its_categories(
    tmp_path: Path, plan: Callable[..., dict[str, Any]]
) -> None:
    rows = [*(post(n) for n in range(3)), post(9, text=ABUSE)]
    out = _small(tmp_path, plan, rows, [{"toxicity": {"categories": True}}])
    (row,) = tune(out, {"toxicity": {"max_score": 1.0}})["stages"]
    assert ({"toxic": 1}, {"toxic": 1}, {}) == (row["before"], row["returns"], row["after"])
    assert {"toxicity", "toxicity_insult"} <= row["returns_examples"][0].keys()


@pytest.mark.parametrize("action", ["redact", "annotate"])
def test_where_toxicity_drops_nothing_no_threshold_moves(
    action: str, tmp_path: Path, plan: Callable[..., dict[str, Any]]
) -> None:
    rows = [*(post(n) for n in range(3)), post(9, text=ABUSE)]
    out = _small(tmp_path, plan, rows, [{"toxicity": {"action": action}}])
    assert {row["stage"] for row in survey(out)} == set()
    with pytest.raises(PlanError, match="'toxicity' does not decide by stored scores alone"):
        tune(out, {"toxicity": {"max_score": 0.1}})


def test_a_folder_that_is_no_corpus_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="holds no finished corpus"):
        survey(tmp_path)
