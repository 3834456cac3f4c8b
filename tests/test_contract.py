"""Every filter and reader keeps its contract, whichever it is."""

from __future__ import annotations

import polars as pl
import pytest
from pydantic import ValidationError

import filters
from corpus import readers, schema, stages
from filters.contract import FilterConfig

TEXTS = [
    "good morning all",
    "",
    "mail joe@example.org or call +1 212 555 0123",
    "😀",
    "RT @joe: look https://a.example #wow\nnext line",
    "x" * 5000,
    "東京タワーに行きました",
    "\u202etxet desrever\u200b and a tab\t",
]


def frame(columns: tuple[str, ...]) -> pl.DataFrame:
    """A frame of the columns a filter reads, and ids."""
    types = schema.POST | {"text": pl.String()}
    empty = {name: [None] * len(TEXTS) for name in columns if name not in ("id", "text")}
    data = {"id": [str(n) for n in range(len(TEXTS))], "text": TEXTS, **empty}
    return pl.DataFrame(data, schema={name: types[name] for name in data})


@pytest.mark.parametrize("name", filters.names())
def test_a_filter_keeps_rows_order_and_types_on_id_and_text_alone(name: str) -> None:
    module = filters.find(name)
    assert set(module.READS) <= {"id", "text"}
    posts = frame(())
    judged = module.build(module.Config())(posts)
    assert judged["id"].to_list() == posts["id"].to_list()
    assert judged.schema["reject"] == pl.String
    for column, dtype in module.WRITES.items():
        assert judged.schema[column] == dtype, column
    extra = set(judged.columns) - {"id", "text", "reject", *module.WRITES}
    assert extra == set()


@pytest.mark.parametrize("name", filters.names())
def test_a_filter_judges_each_post_by_itself(name: str) -> None:
    module = filters.find(name)
    run = module.build(module.Config())
    together = run(frame(()))
    alone = pl.concat([run(frame(()).slice(n, 1)) for n in range(len(TEXTS))])
    assert together.equals(alone)


@pytest.mark.parametrize("name", filters.names())
def test_a_filter_takes_no_posts_at_all(name: str) -> None:
    module = filters.find(name)
    judged = module.build(module.Config())(frame(()).clear())
    assert judged.height == 0
    assert {*module.WRITES, "reject"} <= set(judged.columns)


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
def test_a_reader_has_its_parts_and_refuses_unknown_keys(name: str) -> None:
    module = readers.find(name)
    assert isinstance(module.TOMBSTONES, bool)
    assert isinstance(module.VERSION, int)
    assert next(iter(module.Config.model_fields)) == "path"
    with pytest.raises(ValidationError):
        module.Config.model_validate({"path": "x", "no_such_key": 1})


def test_an_unknown_name_lists_the_known() -> None:
    with pytest.raises(KeyError, match="toxicity"):
        filters.find("toxicty")
    with pytest.raises(KeyError, match="reddit"):
        readers.find("redit")
