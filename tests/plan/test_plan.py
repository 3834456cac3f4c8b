"""A plan is checked in full before any data is read; each error names its remedy."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from corpus.errors import PlanError
from corpus.plan.entries import matches_path
from corpus.plan.model import Plan
from corpus.privacy import keys
from tests.conftest import post, write_lines
from tests.support.commands import command

MakePlan = Callable[..., dict[str, Any]]


def error_message(document: object) -> str:
    with pytest.raises(PlanError) as caught:
        Plan.parse(document, name="p.yaml")
    return str(caught.value)


def test_an_unknown_stage_is_named_with_the_nearest_known(plan: MakePlan) -> None:
    found = error_message(plan([{"qualty": {}}]))
    assert found == "p.yaml: stages[0]: unknown stage 'qualty'; did you mean 'quality'?"


def test_an_unknown_reader_is_named_with_the_nearest_known(plan: MakePlan) -> None:
    found = error_message(plan(sources=[{"redit": {"path": "x"}}]))
    assert found == "p.yaml: sources[0]: unknown reader 'redit'; did you mean 'reddit'?"


def test_a_misspelt_key_is_named_with_file_and_stage(plan: MakePlan) -> None:
    found = error_message(plan([{"language": {"keeep": ["en"]}}]))
    assert found == "p.yaml: stages[0] language: unknown key 'keeep'; did you mean 'keep'?"


def test_a_misspelt_key_of_the_plan_itself_is_caught(plan: MakePlan) -> None:
    assert "unknown key 'outptu'; did you mean 'output'?" in error_message(plan(outptu={}))
    assert "p.yaml: output: unknown key 'shard'" in error_message(plan(output={"shard": 3}))
    assert "p.yaml: run: unknown key 'worker'" in error_message(plan(run={"worker": 3}))


def test_a_wrong_type_says_key_and_value(plan: MakePlan) -> None:
    found = error_message(plan([{"language": {"min_score": "high"}}]))
    assert found.startswith("p.yaml: stages[0] language: 'min_score': ")
    assert found.endswith("got 'high'")


def test_a_value_out_of_range_is_refused(plan: MakePlan) -> None:
    assert "'jaccard'" in error_message(plan([{"dedup": {"jaccard": 1.5}}]))
    assert "'workers'" in error_message(plan(run={"workers": 0}))


def test_a_missing_key_is_named(plan: MakePlan) -> None:
    found = error_message(plan(sources=[{"reddit": {}}]))
    assert found == (
        "p.yaml: sources[0] reddit: 'path' is missing; write path: dumps/*.zst (a file, a folder "
        "or a glob)"
    )


def test_shapes_that_are_no_plan_are_refused(plan: MakePlan) -> None:
    assert "found nothing" in error_message(None)
    assert "found a list" in error_message([1])
    assert "expected a list" in error_message(plan({"quality": {}}))  # type: ignore[arg-type]
    assert "no 'sources'" in error_message(plan(sources=[]))
    assert "expected one 'stage" in error_message(plan([{"quality": {}, "dedup": {}}]))


def test_a_stage_given_twice_is_refused(plan: MakePlan) -> None:
    assert "the stage is there twice" in error_message(plan([{"quality": {}}, {"quality": {}}]))


def test_a_stage_that_lacks_a_column_is_refused_before_any_data_is_read(
    plan: MakePlan, monkeypatch: pytest.MonkeyPatch
) -> None:
    from corpus import stages

    monkeypatch.setattr(stages.find("quality"), "READS", ("text", "lang"))
    found = error_message(plan([{"quality": {}}, {"language": {}}]))
    assert found == (
        "p.yaml: stages[0] quality: needs the column 'lang'; move 'language' before it"
    )
    assert "no stage here writes it" in error_message(plan([{"quality": {}}]))
    Plan.parse(plan([{"language": {}}, {"quality": {}}]))


def test_a_column_that_only_some_settings_write_may_be_read(
    plan: MakePlan, monkeypatch: pytest.MonkeyPatch
) -> None:
    from corpus import stages

    monkeypatch.setattr(stages.find("pii"), "READS", ("text", "toxicity_insult"))
    Plan.parse(plan([{"toxicity": {"categories": ["insult"]}}, {"pii": {}}]))
    assert error_message(plan([{"pii": {}}, {"toxicity": {"categories": ["insult"]}}])) == (
        "p.yaml: stages[0] pii: needs the column 'toxicity_insult'; move 'toxicity' before it"
    )
    found = error_message(plan([{"toxicity": {}}, {"pii": {}}]))
    assert "needs the column 'toxicity_insult'; no stage here writes it" in found


def test_consent_comes_first_even_if_the_plan_forgets_it(plan: MakePlan) -> None:
    made = Plan.parse(plan([{"quality": {}}]))
    assert [stage.name for stage in made.stages] == ["consent", "quality"]


def test_consent_anywhere_else_is_refused(plan: MakePlan) -> None:
    assert "consent: must come first" in error_message(plan([{"dedup": {}}, {"consent": {}}]))


def test_a_file_named_by_two_sources_is_refused(plan: MakePlan, tmp_path: Path) -> None:
    (tmp_path / "posts.jsonl").write_text("")
    twice = plan()["sources"] * 2
    with pytest.raises(PlanError, match=r"is already read by sources\[0\]"):
        Plan.parse(plan(sources=twice)).check_paths()


def test_one_file_under_two_spellings_is_one_file(plan: MakePlan, tmp_path: Path) -> None:
    (tmp_path / "posts.jsonl").write_text("")
    (tmp_path / "link.jsonl").symlink_to(tmp_path / "posts.jsonl")
    sources = [{"reddit": {"path": str(tmp_path / n)}} for n in ("posts.jsonl", "link.jsonl")]
    with pytest.raises(PlanError, match="is already read by"):
        Plan.parse(plan(sources=sources)).check_paths()


def test_an_output_inside_a_source_folder_is_refused(plan: MakePlan, tmp_path: Path) -> None:
    (tmp_path / "posts.jsonl").write_text("")
    sources = [{"reddit": {"path": str(tmp_path)}}]
    with pytest.raises(PlanError, match="would be inside"):
        Plan.parse(plan(sources=sources)).check_paths()


def test_an_invalid_date_is_a_plan_error(tmp_path: Path) -> None:
    file = tmp_path / "p.yaml"
    file.write_text("sources: [{reddit: {path: 2001-99-99}}]\n")
    with pytest.raises(PlanError, match=r"p\.yaml"):
        Plan.load(file)


def test_a_language_name_in_place_of_a_code_is_refused(plan: MakePlan) -> None:
    assert "'english' is no language code" in error_message(
        plan([{"language": {"keep": ["english"]}}])
    )


def test_all_errors_of_a_plan_come_in_one_run(plan: MakePlan) -> None:
    found = error_message(
        plan(
            [{"language": {"keeep": ["en"]}}, {"dedup": {"jaccard": 2, "keep": "newest"}}],
            sources=[{"redit": {"path": "x"}}, {"reddit": {}}],
            run={"workers": 0},
        )
    )
    assert [line.partition(";")[0] for line in found.splitlines()] == [
        "p.yaml: sources[0]: unknown reader 'redit'",
        "p.yaml: sources[1] reddit: 'path' is missing",
        "p.yaml: stages[0] language: unknown key 'keeep'",
        "p.yaml: stages[1] dedup: 'jaccard': must be at most 1",
        "p.yaml: stages[1] dedup: 'keep': must be one of earliest, longest, best_score",
        "p.yaml: run: 'workers': must be at least 1",
    ]


def test_all_unusable_paths_of_a_plan_come_in_one_run(plan: MakePlan, tmp_path: Path) -> None:
    sources = [{"reddit": {"path": str(tmp_path / name)}} for name in ("one.zst", "two.zst")]
    stages = [{"language": {"model": "/no/such/lid.bin"}}]
    with pytest.raises(PlanError) as caught:
        Plan.parse(plan(stages, sources=sources)).check_paths()
    lines = str(caught.value).splitlines()
    assert len(lines) == 3
    assert "lid.bin" in lines[0] and "one.zst" in lines[1] and "two.zst" in lines[2]


@pytest.mark.parametrize(
    ("stage", "expected"),
    [
        (
            {"language": {"keep": "en"}},
            "'keep': must be a list of texts; got 'en'; write keep: [en]",
        ),
        (
            {"language": {"keep": [False]}},
            "'keep': must be a list of texts; got false; if a word such as 'no' or 'yes' is meant, "
            "write it in quotes: keep: ['no']",
        ),
        (
            {"language": {"min_score": "0,5"}},
            "'min_score': must be a number from 0 to 1; got '0,5'; write min_score: 0.5",
        ),
        (
            {"toxicity": {"max_score": "80%"}},
            "'max_score': must be a number from 0 to 1; got '80%'; write max_score: 0.8",
        ),
        (
            {"pii": {"min_scores": ["EMAIL"]}},
            "'min_scores': must be names with numbers; got [EMAIL]; write min_scores: "
            "{NAME: VALUE}",
        ),
        (
            {"dedup": {"keep": "longst"}},
            "'keep': must be one of earliest, longest, best_score; got 'longst'; did you mean "
            "'longest'?",
        ),
        (
            {"language": ["en"]},
            "expected settings like '{key: value}'; found a list; write language: {keep: [en]}",
        ),
    ],
)
def test_a_wrong_type_is_explained_with_what_to_write(
    plan: MakePlan, stage: dict[str, Any], expected: str
) -> None:
    [name] = stage
    assert error_message(plan([stage])) == f"p.yaml: stages[0] {name}: {expected}"


def test_settings_in_the_wrong_shape_are_shown_as_they_should_be_written(plan: MakePlan) -> None:
    found = error_message({"sources": [{"reddit": "a.zst"}], "output": "out", "stages": {"pii": 1}})
    assert found.splitlines() == [
        "p.yaml: sources[0] reddit: expected settings; found a text; write reddit: {path: 'a.zst'}",
        "p.yaml: stages: expected a list with one stage on a line, as '- pii: {...}'; found keys "
        "and values",
        "p.yaml: output: expected settings; found a text; write output: {path: 'out'}",
    ]
    not_indented = error_message(plan(sources=[{"reddit": None, "path": "a.zst"}]))
    assert "the settings of 'reddit' must be further to the right than its name" in not_indented


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("sources:\n\t- reddit: {path: x}\n", "p.yaml line 2: a tab"),
        ("sources:\n  - reddit: {path: *.zst}\n", "p.yaml line 2: a text that begins with '*'"),
        ("stages: []\nrun: {}\nstages: []\n", "p.yaml line 3: the key 'stages' is there twice"),
        ("output:\n  path: a\n title: b\n", "p.yaml line 3: the indentation does not fit"),
        ("output: {title: 'a}\n", "p.yaml line 2: a quote is not closed"),
        ("output:\n  title: a: b\n", "p.yaml line 2: a ':' where none may be"),
    ],
)
def test_a_slip_in_the_yaml_is_explained_with_its_line(
    tmp_path: Path, text: str, expected: str
) -> None:
    (tmp_path / "p.yaml").write_text(text)
    with pytest.raises(PlanError) as caught:
        Plan.load(tmp_path / "p.yaml")
    assert str(caught.value).startswith(expected)


def test_errors_of_settings_order_and_files_come_in_one_run_in_the_order_of_the_file(
    tmp_path: Path,
) -> None:
    write_lines(tmp_path / "posts.jsonl", [post(1)])
    (tmp_path / "forum.csv").write_text("id,body,user\n1,tea,ada\n")
    (tmp_path / "Posts.xml").write_text('<posts><row Id="1" PostTypeId="1" Body="tea"/></posts>')
    (tmp_path / "p.yaml").write_text(
        f"""\
run: {{workers: many}}
sources:
  - table:
      fields: {{id: id, text: txt}}
      path: {tmp_path}/posts.jsonl
  - table: {{path: {tmp_path}/forum.csv, fields: {{id: nr, text: bodi}}}}
  - stackexchange: {{path: {tmp_path}/Posts.xml}}
  - reddit: {{path: {tmp_path}/nowhere.zst, max_refusd: 1}}
stages:
  - dedup
  - language: {{model: /no/such/model, min_score: high}}
  - consent
output: {{}}
"""
    )
    with pytest.raises(PlanError) as caught:
        Plan.load_checked(tmp_path / "p.yaml")
    starts = [
        "1: run: 'workers': must be a whole number",
        f"3: sources[0] table: no record at the beginning of '{tmp_path}/posts.jsonl' has the key "
        "'txt', which 'fields' maps to 'text'; did you mean 'text'?",
        f"6: sources[1] table: {tmp_path}/forum.csv has no column 'nr'",
        f"6: sources[1] table: {tmp_path}/forum.csv has no column 'bodi', which 'fields' maps to "
        "'text'; did you mean 'body'?",
        f"7: sources[2] stackexchange: the name '{tmp_path}/Posts.xml' does not contain a site",
        "8: sources[3] reddit: unknown key 'max_refusd'; did you mean 'max_refused'?",
        f"8: sources[3] reddit: no file at '{tmp_path}/nowhere.zst'",
        "11: stages[1] language: 'min_score': must be a number",
        "11: stages[1] language: cannot read the file '/no/such/model'",
        "12: stages[2] consent: must come first",
    ]
    *messages, last = str(caught.value).splitlines()
    assert len(messages) == len(starts)
    for message, start in zip(messages, starts, strict=True):
        assert message.startswith(f"p.yaml line {start}"), message
    assert last.startswith("p.yaml: no output")


def test_norwegian_is_a_language_and_yes_a_boolean(tmp_path: Path) -> None:
    (tmp_path / "p.jsonl").touch()
    (tmp_path / "p.yaml").write_text(
        "sources: [table: {path: p.jsonl, fields: {id: id, text: text}}]\n"
        "stages: [language: {keep: [no, en]}]\n"
        "output: {path: out, keep_work: yes, shuffle: off, content_defined_chunking: True}\n"
    )
    plan = Plan.load(tmp_path / "p.yaml")
    [language] = [stage for stage in plan.stages if stage.name == "language"]
    assert "keep=('no', 'en')" in repr(language.config)
    output = plan.output
    booleans = (output.keep_work, output.shuffle, output.content_defined_chunking)
    assert booleans == (True, False, True)


@pytest.mark.parametrize("key", ["on", "no", "12", "1.5", "2024-01-01", "~"])
def test_a_key_that_yaml_would_convert_is_named_as_it_is_written(tmp_path: Path, key: str) -> None:
    file = tmp_path / "p.yaml"
    file.write_text(f"{key}: 1\nsources: [{{reddit: {{path: x}}}}]\n")
    with pytest.raises(PlanError, match=f"unknown key '{key}'"):
        Plan.load(file)


def test_bad_yaml_names_the_line(tmp_path: Path) -> None:
    file = tmp_path / "bad.yaml"
    file.write_text("sources:\n  - reddit: {path: 'x'\nstages: [\n")
    with pytest.raises(PlanError, match=r"bad\.yaml line 3: "):
        Plan.load(file)


def test_a_plan_with_python_tags_is_not_executed(tmp_path: Path) -> None:
    file = tmp_path / "evil.yaml"
    file.write_text(f"sources: !!python/object/apply:os.mkdir ['{tmp_path}/made']\n")
    with pytest.raises(PlanError):
        Plan.load(file)
    assert not (tmp_path / "made").exists()


def test_missing_paths_empty_globs_and_empty_folders_have_messages_of_their_own(
    plan: MakePlan, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    for path, expected in (
        ("absent.zst", "no file at"),
        ("*.nothing", "matches no file"),
        ("empty", "is empty"),
    ):
        made = Plan.parse(plan(sources=[{"reddit": {"path": str(tmp_path / path)}}]))
        with pytest.raises(PlanError, match=expected):
            made.check_paths()


def test_the_runner_and_the_output_path_do_not_change_the_fingerprint(plan: MakePlan) -> None:
    base = Plan.parse(plan()).fingerprint()
    elsewhere = plan(run={"runner": "processes", "workers": 7, "part_posts": 3})
    elsewhere["output"] = {"path": "/elsewhere", "keep_work": True, "ids": "original"}
    assert Plan.parse(elsewhere).fingerprint() == base
    changed = plan([{"quality": {"min_words": 3}}, {"dedup": {}}])
    assert Plan.parse(changed).fingerprint() != base


def test_a_stage_that_judges_by_language_depends_on_the_models_that_identify_it(
    plan: MakePlan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fingerprints() -> dict[str, str]:
        made = Plan.parse(plan([{"toxicity": {}}, {"repeats": {}}]))
        return {stage.name: stage.fingerprint for stage in made.stages}

    before = fingerprints()
    other = tmp_path / "other.npz"
    other.write_bytes(b"another model")
    monkeypatch.setattr("corpus.plan.entries.list_model_files", lambda: [other])
    after = fingerprints()
    assert before["toxicity"] != after["toxicity"]
    assert before["repeats"] == after["repeats"]


def test_a_missing_model_is_found_before_the_build(plan: MakePlan, tmp_path: Path) -> None:
    (tmp_path / "posts.jsonl").write_text("")
    made = Plan.parse(plan([{"language": {"model": "/no/such/lid.bin"}}]), name="p.yaml")
    with pytest.raises(
        PlanError, match=r"stages\[0\] language: cannot read the file '/no/such/lid"
    ):
        made.check_paths()


def test_the_resolved_plan_is_a_plan_with_every_default(plan: MakePlan) -> None:
    import yaml

    made = Plan.parse(plan())
    again = Plan.parse(yaml.safe_load(made.to_yaml()))
    assert again.fingerprint() == made.fingerprint()
    assert made.resolved()["stages"][1]["quality"]["min_words"] == 2


def test_each_platform_has_a_valid_plan_that_normalises_before_anything_judges() -> None:
    from corpus import readers
    from corpus.plan.validate import check_stage_files
    from tests.conftest import ROOT

    plans = {file.stem: Plan.load(file) for file in sorted((ROOT / "configs").glob("*.yaml"))}
    platforms = {"x" if name.startswith("x_") else name for name in readers.names()} - {"table"}
    assert set(plans) == {*platforms, "demo", "threads"}
    for name, made in plans.items():
        chain = [stage.name for stage in made.stages]
        before = chain[: chain.index("normalise")]
        assert set(before) <= {"consent", "authors"}, name
        assert chain[-1] == "pii", name
        if name != "demo":  # whose posts are invented
            assert chain[chain.index("dedup") + 1] == "influence", name
        for stage in made.stages:
            check_stage_files(stage)


def test_check_and_build_exit_with_2_and_a_line_for_each_error(tmp_path: Path) -> None:
    (tmp_path / "dump").mkdir()
    file = tmp_path / "reddit.yaml"
    file.write_text(
        f"sources:\n  - reddit:\n      path: {tmp_path}/dump/*.zst\nstages:\n  - qualty: {{}}\n"
    )
    found = command("check", str(file))
    assert found.returncode == 2
    assert found.stderr == (
        f"corpus: reddit.yaml line 2: sources[0] reddit: path '{tmp_path}/dump/*.zst' matches no "
        f"file; '{tmp_path}/dump' is empty\n"
        "corpus: reddit.yaml line 5: stages[0]: unknown stage 'qualty'; did you mean 'quality'?\n"
        "corpus: reddit.yaml: no output; set 'output: {path: ...}' or give --out\n"
        "corpus: 3 errors; nothing was built\n"
    )
    again = command("build", str(file))
    assert (again.returncode, again.stderr) == (2, found.stderr)
    assert command("check", str(tmp_path / "none.yaml")).returncode == 2


def test_evaluation_sets_are_checked_before_a_build(plan: MakePlan, tmp_path: Path) -> None:
    write_lines(tmp_path / "posts.jsonl", [post(1)])
    broken = tmp_path / "mmlu.jsonl"
    broken.write_text('{"question": "cut')
    for settings, expected in (
        ({}, "no sets; name them"),
        ({"against": [str(tmp_path / "nowhere.jsonl")]}, "cannot read the file"),
        ({"against": [str(broken)]}, "line 1: broken JSON"),
    ):
        with pytest.raises(PlanError) as error:
            Plan.parse(plan([{"decontaminate": settings}])).check_paths()
        assert expected in str(error.value)


@pytest.mark.parametrize(
    ("path", "yes", "no"),
    [
        ("/dumps/a.json", "/dumps//./a.json", "/dumps/a.json.gz"),
        ("/dumps", "/dumps/x/a.json", "/dumps2/a.json"),
        ("/dumps/*.json", "/dumps/a.json", "/dumps/x/a.json"),
        ("./dumps/../dumps/[ab]?.json", "dumps/a1.json", "dumps/c1.json"),
        ("/dumps/**/a.json", "/dumps/a.json", "/dumps/xa.json"),
        ("/dumps/**/x/*", "/dumps/y/z/x/a.json", "/dumps/x/y/a.json"),
        ("/dumps [1]", "/dumps [1]/a.json", "/dumps 1/a.json/b"),
        ("s3://dumps/*/a.json", "s3://dumps/x/a.json", "s3://dumps/a.json"),
    ],
)
def test_a_path_has_its_file_the_files_in_its_folder_or_those_of_its_pattern(
    path: str, yes: str, no: str
) -> None:
    assert matches_path(yes, path)
    assert not matches_path(no, path)


def test_the_public_plan_has_the_last_part_of_a_path_however_it_is_written(
    plan: MakePlan, tmp_path: Path
) -> None:
    folder = tmp_path / "of ada: a [b]"
    gold = write_lines(folder / "gold.jsonl", [{"text": "which river flows through Ghent"}])
    write_lines(tmp_path / "posts.jsonl", [post(1)])
    for path in (
        gold,
        folder.parent / "." / folder.name / "gold.jsonl",
        f"{tmp_path}//of*/*.jsonl",
    ):
        made = Plan.parse(plan([{"decontaminate": {"against": [str(path)]}}]))
        keys.ensure_key(made.key_path, made.folder)
        public = yaml.safe_load(made.to_public_yaml())
        assert dict(public["stages"][1])["decontaminate"]["against"] == [Path(path).name]
        assert "decontaminate.against" in public["reduced"]


@pytest.mark.parametrize("name", ["two\nlines.jsonl", os.fsdecode(b"not \xff.jsonl")])
def test_a_source_whose_name_does_not_print_is_refused(
    plan: MakePlan, tmp_path: Path, name: str
) -> None:
    write_lines(tmp_path / "in" / name, [post(1)])
    sources = [{"table": {"path": str(tmp_path / "in"), "fields": {"id": "id", "text": "text"}}}]
    with pytest.raises(PlanError, match="not UTF-8 or has characters that do not print; rename"):
        Plan.parse(plan(sources=sources)).check_paths()


def test_an_output_whose_path_is_not_utf8_is_refused(plan: MakePlan, tmp_path: Path) -> None:
    write_lines(tmp_path / "posts.jsonl", [post(1)])
    out = os.fsdecode(bytes(tmp_path) + b"/not \xff")
    with pytest.raises(PlanError, match=r"the output's path .* is not UTF-8; give another"):
        Plan.parse(plan(output={"path": out})).check_paths()
