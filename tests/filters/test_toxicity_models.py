"""Other models by name: alt-profanity-check, Detoxify, and errors if they are not installed."""

from __future__ import annotations

import importlib.machinery
import os
import sys
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

import polars as pl
import pytest
from pydantic import ValidationError

from filters import toxicity
from filters.contract import check, models
from filters.toxicity import scorers

TEXTS = ["you are a stupid idiot", "have a lovely day", "", " \n", None]


def make_posts(*texts: str | None) -> pl.DataFrame:
    return pl.DataFrame({"text": list(texts)}, schema={"text": pl.String})


@pytest.mark.skipif(
    find_spec("profanity_check") is None, reason="alt-profanity-check is not installed"
)
def test_alt_profanity_check_is_used_by_its_name() -> None:
    config = toxicity.Config(model="alt-profanity-check", max_score=0.7)
    filtered = toxicity.build(config)(make_posts(*TEXTS))
    assert ["toxic", None, None, None, None] == filtered["reject"].to_list()
    assert filtered["toxicity"].to_list()[2:] == [0.0, 0.0, 0.0]
    assert ["vectorizer.joblib", "model.joblib"] == [path.name for path in models(toxicity, config)]
    assert all(path.is_file() for path in models(toxicity, config))


@pytest.mark.parametrize("name", ["alt-profanity-check", "detoxify:somewhere"])
def test_a_package_that_is_not_installed_is_an_error_with_the_remedy(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scorers, "find_spec", lambda package: None)
    package = name.partition(":")[0]
    with pytest.raises(ValueError, match=f"'{package}' is not installed; pip install {package}"):
        check(toxicity, toxicity.Config(model=name))
    with pytest.raises(ValueError, match="pip install"):
        toxicity.build(toxicity.Config(model=name))


@pytest.fixture
def detoxify(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A stand-in for Detoxify that records its arguments."""
    fake: Any = ModuleType("detoxify")
    spec = importlib.machinery.ModuleSpec("detoxify", None, is_package=True)
    spec.submodule_search_locations = ["anywhere"]
    fake.batches = []

    class Detoxify:
        class_names = ("toxicity", "insult")

        def __init__(self, **settings: str) -> None:
            fake.settings = settings
            if Path(settings["checkpoint"]).read_bytes() == b"cut":
                raise ValueError("Checkpoint needs to contain the config")

        def predict(self, texts: list[str]) -> dict[str, object]:
            fake.batches.append(texts)
            toxicity = [0.91234567 if "idiot" in text else 0.1 for text in texts]
            # Detoxify squeezes: one text gives a number, not a list.
            scores: object = toxicity if len(texts) > 1 else toxicity[0]
            return {"toxicity": scores, "insult": [0.2] * len(texts)}

    fake.Detoxify = Detoxify
    monkeypatch.setitem(sys.modules, "detoxify", fake)
    monkeypatch.setenv("HF_HUB_OFFLINE", os.environ.get("HF_HUB_OFFLINE", "0"))
    monkeypatch.setattr(scorers, "find_spec", lambda name: spec if name == "detoxify" else None)
    return fake


def test_detoxify_gets_a_checkpoint_and_no_network(detoxify: Any, tmp_path: Path) -> None:
    (tmp_path / "unbiased.ckpt").write_bytes(b"whole")
    config = toxicity.Config(model=f"detoxify:{tmp_path}")
    filtered = toxicity.build(config)(make_posts(*TEXTS, *["hello"] * 40))
    assert filtered["toxicity"].to_list()[:5] == pytest.approx([0.9123, 0.1, 0, 0, 0])
    assert {
        "checkpoint": str(tmp_path / "unbiased.ckpt"),
        "device": "cpu",
        "huggingface_config_path": str(tmp_path),
    } == detoxify.settings
    assert os.environ["HF_HUB_OFFLINE"] == "1"
    assert max(len(batch) for batch in detoxify.batches) <= 32
    assert all("" not in batch for batch in detoxify.batches)
    assert [tmp_path / "unbiased.ckpt"] == models(toxicity, config)


def test_another_class_of_detoxify_can_be_the_toxic_one(detoxify: Any, tmp_path: Path) -> None:
    (tmp_path / "unbiased.ckpt").write_bytes(b"whole")
    config = toxicity.Config(model=f"detoxify:{tmp_path}", label="insult")
    assert toxicity.build(config)(make_posts("you idiot"))["toxicity"][0] == pytest.approx(0.2)
    with pytest.raises(ValueError, match="no label 'threat'; it has: insult, toxicity"):
        toxicity.build(config.model_copy(update={"label": "threat"}))


@pytest.mark.parametrize("names", [[], ["a.ckpt", "b.ckpt"]])
def test_detoxify_needs_a_folder_with_one_checkpoint(
    detoxify: Any, names: list[str], tmp_path: Path
) -> None:
    for name in names:
        (tmp_path / name).write_bytes(b"whole")
    with pytest.raises(ValueError, match=f"it has {len(names)} checkpoints"):
        check(toxicity, toxicity.Config(model=f"detoxify:{tmp_path}"))


def test_a_corrupt_checkpoint_is_named(detoxify: Any, tmp_path: Path) -> None:
    (tmp_path / "cut.ckpt").write_bytes(b"cut")
    with pytest.raises(ValueError, match=r"cut\.ckpt cannot be loaded offline"):
        toxicity.build(toxicity.Config(model=f"detoxify:{tmp_path}"))


def test_categories_need_our_own_model() -> None:
    with pytest.raises(ValidationError, match="our own model's"):
        toxicity.Config(model="my.bin", categories=("insult",))
    with pytest.raises(ValidationError, match="unknown category 'threat'; known: insult, obscene"):
        toxicity.Config(categories=("threat",))
    assert scorers.CATEGORIES == toxicity.Config(categories=True).categories
    assert () == toxicity.Config(categories=False).categories
    assert ("insult",) == toxicity.Config(categories=("insult", "insult")).categories
