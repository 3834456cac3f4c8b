"""The statistics of any corpus, and the report on them."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import corpus
from corpus import report
from corpus.errors import BuildError
from corpus.manifest import load_manifest
from corpus.report import comparison_page, funnel, statistics, terminal
from corpus.report.facts import list_large_shares
from corpus.report.numbers import format_share, shorten
from corpus.report.published_plan import PublishedPlan, display_names, hide_folders
from corpus.report.report_page import Section
from corpus.report.templates import render_html
from tests.conftest import post, sentence, write_lines
from tests.support.commands import command

MakePlan = Callable[..., dict[str, Any]]
THRESHOLDS = {
    "thresholds": [
        {
            "stage": "toxicity",
            "column": "toxicity",
            "setting": "max_score",
            "side": "max",
            "reason": "toxic",
            "note": "",
            "value": 0.8,
        },
        {
            "stage": "quality",
            "column": "quality_words",
            "setting": "min_words",
            "side": "min",
            "reason": "too_few_words",
            "note": "",
            "value": 2,
        },
    ],
    "funnel": [],
}


def count(tmp_path: Path, kept: dict[str, Any], dropped: dict[str, Any] | None = None) -> Any:
    """Return the statistics over one shard and one ledger file."""
    shard, ledger = tmp_path / "shard.parquet", tmp_path / "ledger.parquet"
    height = len(next(iter(kept.values())))
    columns = {"text": ["x"] * height, "created_at": [None] * height} | kept
    types: dict[str, Any] = {
        "toxicity": pl.Float32,
        "quality_words": pl.UInt32,
        "created_at": pl.Datetime("us", "UTC"),
    }
    frame = pl.DataFrame(columns, schema_overrides=types, strict=False)
    frame.write_parquet(shard)
    if dropped:
        pl.DataFrame(dropped, schema_overrides=types).write_parquet(ledger)
    return statistics.count_statistics([shard], [ledger] if dropped else [], THRESHOLDS)


def score(found: Any, column: str) -> dict[str, Any]:
    return next(each for each in found["scores"] if each["column"] == column)


def test_a_value_at_a_threshold_is_kept_by_a_maximum_and_by_a_minimum(tmp_path: Path) -> None:
    found = count(
        tmp_path,
        {"toxicity": [0.0, 0.79, 0.8, 0.5, None], "quality_words": [2, 3, 500, 2, 7]},
        {
            "toxicity": [0.8000001, 0.81, 0.95, None],
            "quality_words": [9, 9, 9, 1],
            "stage": ["toxicity", "toxicity", "dedup", "quality"],
            "reason": ["toxic", "toxic", "repost", "too_few_words"],
        },
    )
    toxic = score(found, "toxicity")
    at = toxic["edges"].index(0.8)
    assert sum(toxic["kept"][at:]) == 0 and sum(toxic["kept"]) == 4
    assert sum(toxic["own"][:at]) == 0 and sum(toxic["own"]) == 2
    assert sum(toxic["others"]) == 1
    words = score(found, "quality_words")
    at = words["edges"].index(2)
    assert sum(words["kept"][:at]) == 0 and sum(words["kept"]) == 5
    assert words["kept"][-1] == 1, "the last bin holds what is beyond it"
    assert sum(words["own"][:at]) == sum(words["own"]) == 1


@pytest.mark.parametrize(
    ("values", "first", "last"),
    [
        ([0.1, 0.9], 0.0, 1.0),
        ([-3.0, 5.0], -3.0, 5.0),
        ([0.001, 5000.0], 0.001, 5000.0),
        ([7.0, 7.0], 7.0, 107.0),
        ([float("nan"), 0.5], 0.0, 1.0),
        ([float("inf"), 2.0, 4.0], 2.0, 4.0),
    ],
)
def test_the_bins_cover_the_values(
    tmp_path: Path, values: list[float], first: float, last: float
) -> None:
    found = score(count(tmp_path, {"perplexity": values}), "perplexity")
    assert (found["edges"][0], found["edges"][-1]) == (first, last)
    assert found["edges"] == sorted(set(found["edges"]))
    assert sum(found["kept"]) == sum(value == value for value in values)


def test_a_high_threshold_widens_the_bins_of_whole_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bound = THRESHOLDS["thresholds"][1] | {"value": 400}
    monkeypatch.setitem(THRESHOLDS, "thresholds", [bound])
    found = score(count(tmp_path, {"quality_words": [399, 400, 401]}), "quality_words")
    assert found["edges"][:3] == [0, 8, 16]
    at = found["edges"].index(400)
    assert sum(found["kept"][:at]) == 1


def test_the_threshold_of_a_float32_is_compared_as_a_float32(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bound = THRESHOLDS["thresholds"][0] | {"value": 0.7}
    monkeypatch.setitem(THRESHOLDS, "thresholds", [bound])
    found = score(count(tmp_path, {"toxicity": [0.7, 0.69, 1.5]}), "toxicity")
    assert (found["edges"][-1], found["beyond"]) == (1.0, True)
    assert sum(found["kept"][found["edges"].index(0.7) :]) == 1, "0.7 as a Float32 stays"


def test_a_threshold_between_two_edges_becomes_an_edge(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bound = THRESHOLDS["thresholds"][0] | {"value": 0.123}
    monkeypatch.setitem(THRESHOLDS, "thresholds", [bound])
    found = score(count(tmp_path, {"toxicity": [0.12, 0.122, 0.124, 0.13]}), "toxicity")
    assert len(found["edges"]) == 101 and found["edges"] == sorted(found["edges"])
    assert sum(found["kept"][found["edges"].index(0.123) :]) == 2


def test_a_post_dropped_by_another_measure_of_the_reason_is_not_counted_as_own(
    tmp_path: Path,
) -> None:
    found = count(
        tmp_path,
        {"toxicity": [0.1]},
        {"toxicity": [0.3, 0.9], "stage": ["toxicity"] * 2, "reason": ["toxic"] * 2},
    )
    toxic = score(found, "toxicity")
    assert (sum(toxic["own"]), sum(toxic["others"])) == (1, 1)


def test_many_files_are_counted_as_one(tmp_path: Path) -> None:
    rng = random.Random(5)
    rows = [
        {
            "text": "x" * rng.randrange(90),
            "created_at": datetime(2024, 3, 1, tzinfo=UTC) + timedelta(minutes=rng.randrange(6000)),
            "lang": rng.choice(["en", "de", None]),
            "community": rng.choice(["a", "b", "c", None]),
            "platform": "x",
            "toxicity": rng.choice([None, rng.random()]),
            "quality_words": rng.randrange(9),
            "share": rng.uniform(-3, 70),
            "pii_phone": rng.randrange(3),
        }
        for _ in range(3000)
    ]
    dropped = [
        {
            "stage": stage,
            "reason": reason,
            "lang": rng.choice(["en", "fr"]),
            "toxicity": rng.random(),
            "share": rng.uniform(-9, 20),
        }
        for stage, reason in [("toxicity", "toxic"), ("dedup", "repost")]
        for _ in range(700)
    ]
    types: dict[str, Any] = {"toxicity": pl.Float32, "quality_words": pl.UInt32}

    def written(name: str, rows: list[dict[str, Any]], count: int) -> list[Path]:
        paths = [tmp_path / f"{name}-{count}-{n}.parquet" for n in range(count)]
        frame = pl.DataFrame(rows, schema_overrides=types, infer_schema_length=None)
        for n, path in enumerate(paths):
            frame[n::count].write_parquet(path)
        return paths

    one = statistics.count_statistics(
        written("kept", rows, 1), written("dropped", dropped, 1), THRESHOLDS
    )
    files = written("kept", rows, 150), written("dropped", dropped, 70)
    assert statistics.count_statistics(*files, THRESHOLDS) == one

    def backwards(tasks: Any, step: str) -> Any:
        return (task() for task in reversed(tasks))

    assert statistics.count_statistics(*files, THRESHOLDS, backwards) == one
    assert sum(score(one, "toxicity")["own"]) > 100 and one["pii"][0][2] > 2000


def test_cluster_sizes_ascend_whatever_the_order_in_the_manifest() -> None:
    sizes = {"16-31": 1, "2-3": 5, "4-7": 2}
    found = funnel.find_duplicate_counts({"dedup": {"clusters_by_size": sizes, "clusters": 8}})
    assert list(found["clusters_by_size"].items()) == [("2-3", 5), ("4-7", 2), ("16-31", 1)]
    assert found["clusters"] == 8


def test_a_column_has_the_first_threshold_of_the_last_stage() -> None:
    thresholds = [
        {"stage": stage, "column": column, "value": value}
        for stage, column, value in (
            ("language", "lang_score", 1),
            ("quality", "chars", 2),
            ("quality", "chars", 3),
            ("language_context", "lang_score", 4),
        )
    ]
    found = statistics._threshold_of_column(thresholds)
    assert {name: row["value"] for name, row in found.items()} == {"lang_score": 4, "chars": 2}


def test_a_threshold_that_the_plan_does_not_use_is_not_marked(
    plan: MakePlan, tmp_path: Path
) -> None:
    out = build_small(plan, tmp_path, [{"language": {}}, {"quality": {}}])
    bounds = {row["column"] for row in load_manifest(out)["thresholds"]}
    assert "quality_words" in bounds and "lang_score" not in bounds


def test_the_timeline_is_not_stretched_by_a_few_wrong_dates(tmp_path: Path) -> None:
    day = 86_400_000_000
    start = 1_714_521_600_000_000  # 2024-05-01
    times = [start + n % 30 * day for n in range(3000)] + [0, 4 * 10**15] + [None] * 3
    found = count(tmp_path, {"created_at": times})["timeline"]
    assert found["unit"] == "day"
    assert [found["bars"][0], found["bars"][-1]] == [["2024-05-01", 100], ["2024-05-30", 100]]
    assert (found["before"], found["after"], found["unknown"]) == (1, 1, 3)
    assert found["first"] == "1970-01-01"


@pytest.mark.parametrize(
    ("days", "unit", "bars"),
    [
        (1, "hour", 24),
        (100, "day", 100),
        (400, "week", 58),
        (3000, "month", 99),
        (20_000, "year", 55),
    ],
)
def test_the_unit_of_the_timeline_fits_its_span(
    tmp_path: Path, days: int, unit: str, bars: int
) -> None:
    hour = 3_600_000_000
    times = [1_714_521_600_000_000 + n * hour for n in range(0, days * 24, max(1, days // 50))]
    found = count(tmp_path, {"created_at": times})["timeline"]
    assert found["unit"] == unit
    assert abs(len(found["bars"]) - bars) <= 1
    assert sum(count for _, count in found["bars"]) + found["before"] + found["after"] == len(times)


def test_lengths_are_characters_and_add_up(tmp_path: Path) -> None:
    texts = ["", "a", "汉字", "x" * 100, "y" * 70_000]
    found = count(tmp_path, {"text": texts})["lengths"]
    assert (found["median"], found["longest"]) == (2, 70_000)
    assert sum(found["counts"]) == 5
    assert found["counts"][:3] == [1, 1, 1]
    assert len(found["edges"]) == len(found["counts"]) + 1
    assert found["edges"][-2] <= 70_000 < found["edges"][-1]


def test_the_thirty_largest_communities_are_listed_and_the_rest_is_counted(tmp_path: Path) -> None:
    names = [f"c{n % 40_000}" for n in range(50_000)] + ["big"] * 500 + [None] * 7
    found = count(tmp_path, {"community": names})["communities"]
    assert found["top"][0] == ["big", 500]
    assert [len(found["top"]), found["distinct"], found["none"]] == [30, 40_001, 7]
    assert sum(count for _, count in found["top"]) + found["rest"] == 50_500
    assert found["top"][1][0] == "c0", "ties go by name"


def test_a_thread_community_or_domain_above_a_twentieth_is_warned_of(tmp_path: Path) -> None:
    links = ["see https://www.Harrow.example/1 and http://harrow.example"] * 6
    links += [f"https://site{n}.example/a, and no link" for n in range(30)]
    kept = {
        "text": [*links, *["no link"] * 64],
        "root_id": ["r1"] * 6 + [f"r{n}" for n in range(94)],
        "community": ["tea"] * 5 + [f"c{n}" for n in range(95)],
        "lang": ["en"] * 90 + ["pt"] * 10,
    }
    found = count(tmp_path, kept)
    largest = {
        row["kind"]: (row["name"], row["documents"], row["share"]) for row in found["largest"]
    }
    assert largest == {
        "thread": ("r1", 7, 0.07),
        "community": ("tea", 5, 0.05),
        "domain": ("harrow.example", 6, 0.06),
        "language": ("en", 90, 0.9),
    }
    thread, domain = list_large_shares(found)
    assert thread.startswith("7.0% of the documents are of one thread, r1")
    assert "'max_domain_posts' of 'influence'" in domain


def test_a_large_share_is_in_the_terminal_the_manifest_and_the_card_until_a_takedown_ends_it(
    plan: MakePlan, tmp_path: Path
) -> None:
    rows = [post(n, user=f"u{n}", sub="tea" if n < 4 else f"c{n}") for n in range(60)]
    write_lines(tmp_path / "posts.jsonl", rows)
    made = plan([])
    made["sources"][0]["table"]["fields"] |= {"community": "sub"}
    (tmp_path / "plan.yaml").write_text(json.dumps(made))
    out, warning = tmp_path / "out", "6.7% of the documents are of one community, tea: "
    built = command("build", str(tmp_path / "plan.yaml"))
    assert f"warning: {warning}" in " ".join(built.stderr.split())
    assert [found.startswith(warning) for found in load_manifest(out)["warnings"]] == [True]
    assert f"warning: {warning}" in " ".join(command("report", str(out)).stdout.split())
    assert f"\n* {warning}" in (out / "README.md").read_text()

    (tmp_path / "ids").write_text("table:0\n")  # then 3 of 59
    assert command("takedown", str(out), "--ids", str(tmp_path / "ids")).returncode == 0
    assert load_manifest(out)["warnings"][0].startswith("5.1% of")
    (tmp_path / "ids").write_text("table:1\n")
    assert command("takedown", str(out), "--ids", str(tmp_path / "ids")).returncode == 0
    assert "warnings" not in load_manifest(out)
    assert "of one community" not in (out / "README.md").read_text()


def test_a_language_above_a_twentieth_is_warned_of_if_there_are_more_than_twenty(
    tmp_path: Path,
) -> None:
    others = [f"{one}{two}" for one in "xyz" for two in "abcdefg"][:20]
    for number, warnings in ((20, 1), (19, 0)):
        kept = {"text": ["a"] * 40, "lang": ["en"] * 20 + (others[:number] * 2)[:20]}
        found = list_large_shares(count(tmp_path, kept))
        assert len(found) == warnings
        assert all(
            text.startswith("50.0% of the documents are of one language, en: 'keep' of 'language'")
            for text in found
        )


def test_of_few_values_one_is_always_large(tmp_path: Path) -> None:
    kept = {"text": ["a"] * 40, "community": ["tea"] * 21 + [f"c{n}" for n in range(19)]}
    found = count(tmp_path, kept)
    assert found["largest"] == [
        {"kind": "community", "name": "tea", "documents": 21, "share": 0.525, "distinct": 20}
    ]
    assert list_large_shares(found) == []


def test_dropped_posts_are_counted_by_language(tmp_path: Path) -> None:
    found = count(
        tmp_path,
        {"lang": ["en", "en", "pt"], "text": ["a", "bc", "def"]},
        {"lang": ["en", "und", None], "stage": ["dedup", "language", "read"], "reason": ["a"] * 3},
    )
    assert found["languages"]["top"] == [["en", 2, 3, 1], ["pt", 1, 3, 0], ["und", 0, 0, 1]]


def test_pii_counts_documents_and_details(tmp_path: Path) -> None:
    found = count(tmp_path, {"pii_phone_number": [0, 3, 1]})
    assert found["pii"] == [["PHONE_NUMBER", 2, 4]]
    assert found["scores"] == []


# --------------------------------------------------------------------------- whole corpora


def build_small(plan: MakePlan, tmp_path: Path, stages: list[Any], **changes: Any) -> Path:
    write_lines(tmp_path / "posts.jsonl", [post(n) for n in range(40)] + [post(90, text="ok")])
    corpus.build(plan(stages, **changes))
    return tmp_path / "out"


def render_all(out: Path) -> dict[str, str]:
    manifest = load_manifest(out)
    plan = (out / "plan.yaml").read_text()
    return report.render_documentation(manifest, plan, statistics.load_statistics(out))


@pytest.mark.parametrize(
    "stages",
    [
        [],
        [{"quality": {}}],
        [{"quality": {"min_words": 1000}}],
        [{"dedup": {}}, {"conversations": {"mode": "tree"}}, {"pii": {}}],
    ],
)
def test_any_plan_has_documentation_even_where_nothing_is_kept(
    plan: MakePlan, tmp_path: Path, stages: list[Any]
) -> None:
    out = build_small(plan, tmp_path, stages)
    shown = command("report", str(out))
    assert shown.returncode == 0, shown.stderr
    assert "kept" in shown.stdout
    page = (out / "report.html").read_text()
    kept = load_manifest(out)["totals"]["kept"]
    assert f"<strong>{kept:,}</strong> kept" in page
    assert json.loads((out / "croissant.json").read_text())["recordSet"]
    assert ("contact data is not redacted" in page) is (all("pii" not in stage for stage in stages))
    assert render_all(out)["report.html"] == page


def test_a_corpus_of_an_older_version_has_a_report_too(plan: MakePlan, tmp_path: Path) -> None:
    out = build_small(plan, tmp_path, [{"quality": {}}, {"dedup": {}}])
    manifest = json.loads((out / "manifest.json").read_text())
    for name in ("thresholds", "models", "index", "reserve", "tool", "ids"):
        manifest.pop(name, None)
    manifest["dedup"] = {}
    for row in (*manifest["sources"], *manifest["funnel"]):
        row.pop("tombstones", None)
        row.pop("seconds", None)
    (out / "manifest.json").write_text(json.dumps(manifest))
    (out / "statistics.json").unlink()
    shown = command("report", str(out))
    assert shown.returncode == 0, shown.stderr
    assert "quality_words" in shown.stdout
    assert "No posts are shown." in render_all(out)["report.html"]
    (out / "statistics.json").write_text("{")
    assert command("report", str(out)).returncode == 0


def test_a_missing_shard_is_named(plan: MakePlan, tmp_path: Path) -> None:
    out = build_small(plan, tmp_path, [{"quality": {}}])
    (out / "statistics.json").unlink()
    shard = out / "shards" / "part-00000.parquet"
    whole = shard.read_bytes()
    for broken in (None, whole[:-30], b""):
        shard.unlink(missing_ok=True)
        if broken is not None:
            shard.write_bytes(broken)
        with pytest.raises(BuildError, match=r"part-00000.parquet' is missing or damaged; restore"):
            statistics.load_statistics(out)
        found = command("report", str(out))
        assert found.returncode == 1
        assert "Traceback" not in found.stderr


def test_only_a_page_of_the_command_has_speeds(plan: MakePlan, tmp_path: Path) -> None:
    out = build_small(plan, tmp_path, [{"quality": {}}])
    assert 'id="speed"' not in (out / "report.html").read_text()
    page = tmp_path / "page.html"
    found = command("report", str(out), "--html", str(page))
    assert (found.returncode, found.stdout) == (0, f"page    {page}\n")
    assert 'id="speed"' in page.read_text()
    wrong = command("report", str(out), "--html", str(tmp_path / "no" / "page.html"))
    assert wrong.returncode == 2 and "no folder" in wrong.stderr
    wrong = command("report", str(out), "--html", str(out))
    assert wrong.returncode == 2 and "is a folder" in wrong.stderr


def test_a_page_compares_two_corpora(plan: MakePlan, tmp_path: Path) -> None:
    one = build_small(plan, tmp_path, [{"quality": {}}])
    other = {"path": str(tmp_path / "two"), "ids": "original"}
    two = build_small(
        plan, tmp_path, [{"quality": {"min_words": 1}}, {"toxicity": {}}], output=other
    )
    two = tmp_path / "two"
    found = command("report", str(one), "--against", str(two), cwd=tmp_path)
    assert found.returncode == 0, found.stderr
    assert found.stdout == "page    against.html\n"
    page = (tmp_path / "against.html").read_text()
    assert "out against two" in page
    assert "min_<wbr>words" in page and "too_<wbr>few_<wbr>words" in page
    wrong = command("report", str(one), "--against", str(tmp_path / "none"))
    assert wrong.returncode == 2 and "no folder" in wrong.stderr


def scores_section(one: Any, two: Any) -> str:
    section = Section("scores", "Scores", "Scores", comparison_page._scores((one, two)))
    return render_html(
        "comparison.html.jinja", title="", corpora=[], sections=[section], slider_data=[]
    )


def test_measures_with_different_bins_have_a_chart_for_each_corpus(tmp_path: Path) -> None:
    one, two, same = (
        count(tmp_path, {"spam": values}) for values in ([0.0, 3.0], [0.0, 9.0], [1.0, 3.0, 0.0])
    )
    apart = scores_section(one, two)
    assert "A: <code>spam</code>" in apart and "B: <code>spam</code>" in apart
    assert "each has a chart of its own" in apart
    together = scores_section(one, same)
    assert together.count("<code>spam</code>") == 1 and "A: <code>" not in together
    assert "each has a chart of its own" not in together


def test_names_and_posts_cannot_act_on_the_terminal(tmp_path: Path) -> None:
    rows = [post(n, sub="\x1b[31mred\u202e\nnext") for n in range(9)]
    write_lines(tmp_path / "posts.jsonl", rows)
    fields = {"id": "id", "text": "text", "community": "sub"}
    corpus.build(
        {
            "sources": [{"table": {"path": str(tmp_path / "posts.jsonl"), "fields": fields}}],
            "stages": [],
            "output": {"path": str(tmp_path / "out")},
            "run": {"runner": "serial"},
        }
    )
    shown = command("report", str(tmp_path / "out"))
    assert "[31mred" in shown.stdout
    assert not {"\x1b", "\u202e"} & set(shown.stdout)
    assert terminal.make_printable("a\x1b[0m\u2066b") == "a\ufffd[0m\ufffdb"


# --------------------------------------------------------------------------- small things


def test_no_path_of_the_machine_is_in_the_documentation(plan: MakePlan, tmp_path: Path) -> None:
    bots = tmp_path / "home" / "annabel" / "bots.txt"
    bots.parent.mkdir(parents=True)
    bots.write_text("somebot\n")
    public = [f"press{n}" for n in range(3)]
    out = build_small(
        plan,
        tmp_path,
        [{"authors": {"bots_file": str(bots), "bots": ["evilbot"]}}, {"pii": {"public": public}}],
    )
    for name in ("README.md", "DATASHEET.md", "croissant.json", "report.html", "statistics.json"):
        whole = (out / name).read_text()
        for private in (str(tmp_path), "annabel", "corpus.key", "evilbot", "press1"):
            assert private not in whole, (name, private)
        assert "posts.jsonl" in whole or name == "croissant.json" or name == "statistics.json"


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("/home/ann/dumps/a.zst", "a.zst"),
        ("dumps/a.zst", "dumps/a.zst"),
        ("~/a/b", "b"),
        ("C:\\Users\\ann\\a.zst", "a.zst"),
        ("../secret/a", "a"),
        ("en", "en"),
        ("", ""),
    ],
)
def test_a_path_outside_the_working_folder_is_shown_by_its_last_part(path: str, shown: str) -> None:
    assert hide_folders(path) == shown


def test_sources_are_named_relative_to_their_common_folder() -> None:
    paths = ["/data/ann/reddit/a.zst", "/data/ann/x/a.zst"]
    assert display_names(paths) == ["reddit/a.zst", "x/a.zst"]
    assert display_names(["/data/ann/a.zst"]) == ["a.zst"]
    assert display_names(["in/a", "in/b"]) == ["in/a", "in/b"]


def test_long_lists_of_a_plan_are_replaced_by_their_length() -> None:
    settings = PublishedPlan.parse("stages: [{pii: {public: [a, b], entities: [X]}}]")
    assert settings.stages == [("pii", {"public": "(2 entries)", "entities": ["X"]})]


def test_shares_are_rounded_and_long_texts_shortened() -> None:
    space = "\N{NO-BREAK SPACE}"
    assert format_share(1, 3) == f"33.3{space}%"
    assert format_share(1, 100_000) == f"<0.1{space}%"
    assert format_share(99_999, 100_000) == f">99.9{space}%"
    assert format_share(0, 0) == "–"
    assert shorten("abcdefghij", 5) == "ab…ij"
    assert shorten("abc", 5) == "abc"
    assert sentence(1) in shorten(sentence(1), 500)
