"""Every stage and reader keeps its contract; filters have ``tests/filters/test_contract.py``."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from corpus import readers, schema, stages, testing
from corpus.errors import PlanError
from corpus.plan import detect_format
from corpus.privacy.file_names import FileNamer
from filters import contract
from filters.contract import FilterConfig


@pytest.mark.parametrize("name", stages.names())
def test_a_threshold_is_of_a_column_that_is_written_and_a_setting_that_exists(name: str) -> None:
    module = stages.find(name)
    for bound in contract.thresholds(module, module.Config()):
        assert bound.column in module.WRITES
        assert bound.side in ("min", "max")
        assert isinstance(getattr(module.Config(), bound.setting), int | float)


@pytest.mark.parametrize("name", stages.names())
def test_a_stage_s_config_is_frozen_and_refuses_unknown_keys(name: str) -> None:
    module = stages.find(name)
    assert issubclass(module.Config, FilterConfig)
    with pytest.raises(ValidationError):
        module.Config.model_validate({"no_such_key": 1})
    for key in module.Config.model_fields:
        with pytest.raises(ValidationError):
            setattr(module.Config(), key, 1)
    assert isinstance(module.VERSION, int)


@pytest.mark.parametrize("name", readers.names())
def test_a_reader_s_patterns_of_file_names_say_which_are_keyed(name: str) -> None:
    module = readers.find(name)
    for constant in ("ACCOUNT_FILES", "PUBLIC_FILES"):
        patterns = getattr(module, constant, ())
        assert isinstance(patterns, tuple) and all(isinstance(each, str) for each in patterns)
    # A whole folder is one source only where it is one account's archive.
    assert bool(getattr(module, "ACCOUNT_FILES", ())) or not getattr(module, "FOLDERS", False)
    named = FileNamer(bytes(32)).name_path(
        "rosa-finch77.zip",
        getattr(module, "ACCOUNT_FILES", ()),
        getattr(module, "PUBLIC_FILES", ()),
    )
    assert "rosa" not in named and named.startswith("~")


@pytest.mark.parametrize("name", readers.names())
def test_a_reader_has_its_parts_and_refuses_unknown_keys(name: str) -> None:
    module = readers.find(name)
    assert isinstance(module.TOMBSTONES, bool)
    assert isinstance(module.VERSION, int)
    assert next(iter(module.Config.model_fields)) == "path"
    with pytest.raises(ValidationError):
        module.Config.model_validate({"path": "x", "no_such_key": 1})


#: What a reader cannot do without, and no file can tell.
NEEDED: dict[str, dict[str, object]] = {
    "table": {"fields": {"id": "id", "text": "text"}},
    "stackexchange": {"site": "example"},
    "fourchan": {"board": "g"},
    "lemmy": {"instance": "example.org"},
}
HOSTILE = testing.HOSTILE_FILES


@pytest.mark.parametrize("name", readers.names())
@pytest.mark.parametrize("what", HOSTILE)
def test_a_reader_survives_whatever_a_file_holds(name: str, what: str, tmp_path: Path) -> None:
    path = tmp_path / "board-site-dump.json"
    path.write_bytes(HOSTILE[what])
    module = readers.find(name)
    config = module.Config.model_validate({"path": str(path), **NEEDED.get(name, {})})
    try:
        batches = list(module.read(str(path), config, 2, None))
    except PlanError:
        assert name == "table"  # its columns are not there, and the plan must say other ones
        return
    assert batches[-1].cursor is None
    assert batches[-1].sha256 and len(batches[-1].sha256) == 64
    for batch in batches:
        assert dict(batch.posts.schema) == schema.POST
        assert dict(batch.refused.schema) == schema.REFUSAL
        assert dict(batch.tombstones.schema) == schema.TOMBSTONE
        assert batch.posts["id"].null_count() == batch.posts["text"].null_count() == 0
        batch.posts.write_parquet(tmp_path / "posts.parquet")
    shown = detect_format.take_sample(str(path))
    assert 0 <= module.fits(shown) <= 1


@pytest.mark.parametrize("name", readers.names())
def test_every_setting_of_a_reader_is_described(name: str) -> None:
    fields = readers.find(name).Config.model_fields
    assert [key for key, field in fields.items() if not field.description] == []


def test_an_unknown_name_lists_the_known() -> None:
    with pytest.raises(KeyError, match="reddit"):
        readers.find("redit")
