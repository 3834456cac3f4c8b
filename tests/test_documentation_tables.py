"""The tables of readers, stages and settings in the documentation match the code."""

from __future__ import annotations

import pytest

from scripts import write_tables


def test_the_tables_of_the_documentation_are_up_to_date() -> None:
    outdated = [
        path.name
        for path, text in write_tables.make_files().items()
        if write_tables.read_text(path) != text
    ]
    assert outdated == [], "run python -m scripts.write_tables"


def test_a_table_is_written_between_its_markers_only() -> None:
    text = "before\n<!-- readers -->\nold\n<!-- /readers -->\nafter\n"
    assert write_tables.replace_table(text, "readers", "new\n") == text.replace("old", "new")
    with pytest.raises(SystemExit, match="<!-- stages -->"):
        write_tables.replace_table(text, "stages", "new\n")


def test_a_default_is_written_as_in_a_plan() -> None:
    fields = write_tables.readers.find("table").Config.model_fields
    assert write_tables.format_default(fields["fields"]) == "required"
    assert write_tables.format_default(fields["quotes"]) == "true"
    assert write_tables.format_default(fields["delimiter"]) == '""'
    assert write_tables.format_default(fields["columns"]) == "[]"
