"""The documentation of a corpus: dataset card, datasheet, Croissant."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

import corpus
from corpus import report
from corpus.maintenance.takedown import take_down
from corpus.manifest import load_manifest
from corpus.report import dataset_card, facts, markdown, statistics
from corpus.report.published_plan import PublishedPlan
from corpus.report.templates import markdown_environment
from tests.conftest import post, sentence, write_lines

RAI = (
    "dataCollection",
    "dataCollectionType",
    "dataCollectionRawData",
    "dataCollectionTimeframe",
    "dataPreprocessingProtocol",
    "dataManipulationProtocol",
    "machineAnnotationTools",
    "dataBiases",
    "dataLimitations",
    "dataUseCases",
    "dataSocialImpact",
    "personalSensitiveInformation",
    "dataReleaseMaintenancePlan",
    "annotationsPerItem",
)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Build sixty English posts of May 2024, and a few that are dropped."""
    folder = tmp_path_factory.mktemp("cards")
    rows = [post(n, at=1714557600 + n * 3600) for n in range(60)]
    rows += [post(80, text="Breakfast"), post(81, text=sentence(3).upper(), at=1714557600)]
    rows += [post(82, text="do write to joe@example.org about the garden chairs", at=1714557600)]
    write_lines(folder / "in" / "posts.jsonl", rows)
    fields = {"id": "id", "text": "text", "author": "user", "created_at": "at"}
    corpus.build(
        {
            "sources": [{"table": {"path": str(folder / "in" / "posts.jsonl"), "fields": fields}}],
            "stages": [
                {"language": {"keep": ["en"]}},
                {"quality": {"keep_single_words": False}},
                {"toxicity": {}},
                {"dedup": {}},
                {"pii": {}},
            ],
            "output": {
                "path": str(folder / "out"),
                "shard_mb": 0.002,
                "title": "Kettles & Harbours",
                "license": "CC-BY-4.0",
                "contact": "takedown@kettles.example",
            },
            "run": {"runner": "serial"},
        }
    )
    yield folder / "out"


def front_matter(out: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((out / "README.md").read_text().split("---\n")[1])
    return found


def croissant(out: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((out / "croissant.json").read_text())
    return found


def test_the_front_matter_of_the_card_has_the_fields_of_the_hub(built: Path) -> None:
    assert front_matter(built) == {
        "pretty_name": "Kettles & Harbours",
        "license": "cc-by-4.0",
        "language": ["en"],
        "task_categories": ["text-generation"],
        "size_categories": ["n<1K"],
        "tags": ["social-media", "croissant"],
        "configs": [
            {
                "config_name": "default",
                "data_files": [{"split": "train", "path": "shards/*.parquet"}],
            }
        ],
    }


@pytest.mark.parametrize(
    ("license_", "found"),
    [
        ("", {"license": "other", "license_name": "not-stated"}),
        ("Apache-2.0", {"license": "apache-2.0"}),
        ("Our own Terms", {"license": "other", "license_name": "our-own-terms"}),
        (
            "https://a.example/terms",
            {
                "license": "other",
                "license_name": "https-a.example-terms",
                "license_link": "https://a.example/terms",
            },
        ),
    ],
)
def test_a_licence_unknown_to_the_hub_is_other(license_: str, found: dict[str, str]) -> None:
    settings = PublishedPlan({"output": {"license": license_}})
    assert dataset_card._license(settings) == found


@pytest.mark.parametrize(
    ("documents", "name"),
    [(0, "n<1K"), (999, "n<1K"), (1000, "1K<n<10K"), (10**6, "1M<n<10M"), (10**13, "n>1T")],
)
def test_size_categories_are_those_of_the_hub(documents: int, name: str) -> None:
    assert dataset_card.size_category(documents) == name


def test_languages_of_less_than_a_hundredth_are_not_listed() -> None:
    top = [
        ["en", 990, 1, 0],
        ["pt", 10, 1, 0],
        ["fi", 9, 1, 0],
        ["und", 500, 1, 0],
        ["no", 0, 0, 9],
    ]
    assert facts.list_language_codes({"languages": {"top": top}}) == ["en"]
    assert facts.list_language_codes({"languages": {"top": top[:2]}}) == ["en", "pt"]
    assert facts.list_language_codes({"languages": None}) == []


def test_splits_are_read_from_the_manifest() -> None:
    shards: list[dict[str, Any]] = [{"path": "shards/part-00000.parquet"}]
    assert facts.list_splits({"shards": shards}) == [("train", "shards/*.parquet")]
    assert facts.list_splits({"shards": []}) == [("train", "shards/*.parquet")]
    shards = [
        {"path": "shards/part-00000.parquet", "split": "train"},
        {"path": "shards/part-00001.parquet", "split": "train"},
        {"path": "validation/part-00000.parquet", "split": "validation"},
    ]
    assert facts.list_splits({"shards": shards}) == [
        ("train", "shards/*.parquet"),
        ("validation", "validation/*.parquet"),
    ]


def test_the_report_lists_only_the_contact_data_that_was_found(built: Path) -> None:
    page = (built / "report.html").read_text()
    section = page[page.index('<section id="privacy"') :].partition("</section>")[0]
    assert "ADDRESS" in section and "SECRET" not in section and "<td>0<" not in section


def test_the_datasheet_has_counts_thresholds_hashes_limits_and_contact(built: Path) -> None:
    sheet = (built / "DATASHEET.md").read_text()
    manifest = load_manifest(built)
    assert sheet.startswith("# Datasheet: Kettles \\& Harbours\n")
    assert "61 posts, one to a row" in sheet
    assert "Written 2024-05-01 to 2024-05-03." in sheet
    assert "| toxicity | toxicity | at most | 0.8 | max_score | toxic |" in sheet
    assert manifest["models"]["language"]["lid.176.ftz"] in sheet
    assert "| quality | 63 | 62 | 1 | too_few_words 1 |" in sheet
    assert "takedown@kettles.example" in sheet
    assert "In the kept posts 1 value replaced" in sheet
    for title in (
        "Motivation",
        "Contents",
        "Where it comes from",
        "Personal data",
        "Uses",
        "Known limits",
        "Licence",
        "Maintenance and takedown",
        "Versions",
    ):
        assert f"\n## {title}\n" in sheet


def test_croissant_names_every_shard_field_and_responsible_ai_property(built: Path) -> None:
    found = croissant(built)
    manifest = load_manifest(built)
    assert found["name"] == "Kettles-Harbours"
    assert found["license"] == "https://spdx.org/licenses/CC-BY-4.0.html"
    assert found["conformsTo"] == [
        "http://mlcommons.org/croissant/1.0",
        "http://mlcommons.org/croissant/RAI/1.0",
    ]
    files = {part["contentUrl"]: part["sha256"] for part in found["distribution"][:-1]}
    assert files == {shard["path"]: shard["sha256"] for shard in manifest["shards"]}
    assert len(files) > 1
    names = [field["name"] for field in found["recordSet"][0]["field"]]
    assert names == corpus.load(built).scan().collect_schema().names()
    types = {field["name"]: field["dataType"] for field in found["recordSet"][0]["field"]}
    assert (types["text"], types["toxicity"], types["score"], types["created_at"]) == (
        "sc:Text",
        "sc:Float",
        "sc:Integer",
        "sc:DateTime",
    )
    assert not [name for name in RAI if not found.get(f"rai:{name}")]
    assert found["rai:dataCollectionTimeframe"] == ["2024-05-01", "2024-05-03"]


def test_every_documentation_file_names_the_splits(built: Path) -> None:
    manifest = load_manifest(built)
    manifest["shards"].append(
        manifest["shards"][0] | {"path": "validation/part-00000.parquet", "split": "validation"}
    )
    made = report.render_documentation(
        manifest, (built / "plan.yaml").read_text(), statistics.load_statistics(built)
    )
    files = json.loads(made["croissant.json"])["distribution"][-1]
    assert files["includes"] == ["shards/*.parquet", "validation/*.parquet"]
    sentence = f"Splits, in documents: train 61, validation {manifest['shards'][0]['rows']}."
    assert sentence in files["description"] and sentence in made["DATASHEET.md"]
    assert "Splits" not in (built / "DATASHEET.md").read_text()
    assert "  - split: validation\n    path: validation/*.parquet\n---" in made["README.md"]


def test_a_threshold_that_does_not_decide_alone_has_a_note(built: Path) -> None:
    both = "only what is above both max_word_chars and max_word_share is dropped"
    assert f"| 50 | max_word_chars | long_word; {both} |" in (built / "DATASHEET.md").read_text()
    thresholds = croissant(built)["rai:dataManipulationProtocol"]
    assert (
        f"quality: quality_longest_word at most 50 (max_word_chars), else long_word; {both}"
        in thresholds
    )


def test_very_many_shards_are_listed_by_their_pattern(built: Path) -> None:
    manifest = load_manifest(built)
    manifest["shards"] = [
        manifest["shards"][0] | {"path": f"shards/part-{n:05d}.parquet"} for n in range(1001)
    ]
    made = report.render_documentation(
        manifest, (built / "plan.yaml").read_text(), statistics.load_statistics(built)
    )
    assert len(json.loads(made["croissant.json"])["distribution"]) == 1


def python_with(module: str) -> str:
    """Return an interpreter that has a package which reads the documentation; else skip."""
    import importlib.util
    import os

    for python in (sys.executable, os.environ.get("CORPUS_READERS_PYTHON", "")):
        if python == sys.executable and importlib.util.find_spec(module):
            return python
        if python and python != sys.executable:
            result = subprocess.run([python, "-c", f"import {module}"], capture_output=True)
            if result.returncode == 0:
                return python
    pytest.skip(f"{module} is not here (pip install {module}, or set CORPUS_READERS_PYTHON)")


def run_python(python: str, code: str, *arguments: str, home: Path) -> str:
    import os

    found = subprocess.run(
        [python, "-c", code, *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(home), "PYTHONPATH": ""},
    )
    assert found.returncode == 0, found.stderr[-2000:]
    return found.stdout


def test_mlcroissant_accepts_the_file_and_reads_the_posts(built: Path, tmp_path: Path) -> None:
    code = """
import sys, itertools, json, mlcroissant
data = mlcroissant.Dataset(jsonld=sys.argv[1])
assert not data.metadata.ctx.issues.errors, data.metadata.ctx.issues.report()
rows = list(itertools.islice(data.records("posts"), 1000))
print(json.dumps([len(rows), rows[0]["posts/text"].decode()]))
"""
    python = python_with("mlcroissant")
    output = run_python(python, code, str(built / "croissant.json"), home=tmp_path)
    count, text = json.loads(output.splitlines()[-1])
    frame = corpus.load(built).scan().collect()
    assert count == frame.height
    assert text in frame["text"].to_list()


def test_the_library_of_the_hub_reads_the_card(built: Path, tmp_path: Path) -> None:
    code = """
import sys, json
from huggingface_hub import DatasetCard
print(json.dumps(DatasetCard.load(sys.argv[1]).data.to_dict()))
"""
    output = run_python(
        python_with("huggingface_hub"), code, str(built / "README.md"), home=tmp_path
    )
    assert json.loads(output) == front_matter(built)


def test_datasets_loads_the_folder(built: Path, tmp_path: Path) -> None:
    code = """
import sys, json, datasets
found = datasets.load_dataset(sys.argv[1])
print(json.dumps([{name: len(part) for name, part in found.items()}, found["train"][0]["text"]]))
"""
    output = run_python(python_with("datasets"), code, str(built), home=tmp_path)
    counts, text = json.loads(output.splitlines()[-1])
    assert counts == {"train": 61}
    assert text == corpus.load(built).scan().collect()["text"][0]


def test_a_takedown_rewrites_the_documentation(built: Path, tmp_path: Path) -> None:
    import shutil

    out = tmp_path / "out"
    shutil.copytree(built, out)
    one = corpus.load(out).scan().select("id").collect()["id"][5]
    take_down(out, [one], key=built.parent / "corpus.key")
    manifest = load_manifest(out)
    found = croissant(out)
    files = {part["contentUrl"]: part["sha256"] for part in found["distribution"][:-1]}
    assert files == {shard["path"]: shard["sha256"] for shard in manifest["shards"]}
    assert found["version"] == "1.1.0"
    assert "1 takedown so far, 1 post removed." in (out / "DATASHEET.md").read_text()
    assert "| takedown | 61 | 60 | 1 | takedown 1 |" in (out / "README.md").read_text()
    assert (
        report.render_documentation(
            manifest, (out / "plan.yaml").read_text(), statistics.load_statistics(out)
        )["README.md"]
        == (out / "README.md").read_text()
    )


def test_names_are_escaped_in_markdown() -> None:
    assert markdown.escape_markdown("a|b <i> [x](y) `c` *d*") == r"a\|b \<i\> \[x\](y) \`c\` \*d\*"
    assert markdown.escape_markdown("one\ntwo\u202e") == "one two "
    source = '{% import "markdown.md.jinja" as markdown %}{{ markdown.table(heads, rows) }}'
    table = markdown_environment().from_string(source)
    assert table.render(heads=["a", "b"], rows=[["too_few_words", 1234], ["x|y", "`0af…`"]]) == (
        "| a | b |\n|---|---|\n| too_few_words | 1,234 |\n| x\\|y | `0af…` |"
    )
    assert markdown.fence_code("x\n```\ny", "yaml") == "````yaml\nx\n```\ny\n````"
