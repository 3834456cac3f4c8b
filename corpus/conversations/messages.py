"""Take the turns of finished documents apart again: who wrote them, and what without the template.

A document of a corpus is one text. Its turns are found by ``turn_ends``, and the template by which
:func:`corpus.conversations.templates.format_turns` made each of them is undone.
"""

from __future__ import annotations

import re
import string
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import polars as pl

from corpus.conversations.documents import Config, split_turns

#: Why a document has no messages: no post answers another one; a stage has changed the turns, so
#: that their ends are not known; a question with answers does not begin with the question.
NO_ANSWER, NO_TURNS, NO_QUESTION = "no_answer", "turns_unknown", "no_question"
#: The type of the column ``turns``.
TURNS_TYPE = pl.List(pl.Struct({"id": pl.String, "author": pl.String, "text": pl.String}))
#: Between the turns of one role, which become one message.
_TURN_JOINER = "\n\n"


class Turn(NamedTuple):
    """A turn of a document: its author's pseudonym or null, the label, and the text alone."""

    author: str | None
    speaker: str | None
    text: str


@dataclass(frozen=True)
class TurnFormat:
    """How the turns of a corpus were formatted."""

    mode: str
    turn: str
    speaker: str
    joiner: str
    indent: str

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> TurnFormat | None:
        """Return the format from the settings of the stage; None if its documents are posts."""
        mode = settings.get("mode", "posts")
        if mode == "posts":
            return None
        default = Config.model_validate({})
        names = ("turn", "speaker", "joiner", "indent")
        values = {name: settings.get(name, getattr(default, name)) for name in names}
        return cls(mode=mode, **values)

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        speaker = re.escape(self.speaker.format(n="\0")).replace(re.escape("\0"), r"\d+")
        values = {
            "speaker": rf"anonymous|{speaker}",
            "role": "question|answer|post|reply",
            "depth": r"\d+",
            "text": ".*",
        }
        pattern, seen = "", set()
        for literal, name, _, _ in string.Formatter().parse(self.turn):
            pattern += re.escape(literal)
            if name is not None:
                pattern += f"(?P={name})" if name in seen else f"(?P<{name}>{values[name]})"
                seen.add(name)
        return re.compile(pattern, re.DOTALL)

    def parse_turn(self, turn: str, author: str | None) -> Turn:
        """Return a turn without its template; if it does not fit the template, its whole text."""
        text = self._remove_margin(turn)
        found = self._pattern.fullmatch(text)
        if found is None:
            return Turn(author, None, text)
        parts = found.groupdict()
        return Turn(author, parts.get("speaker"), parts["text"])

    def _remove_margin(self, turn: str) -> str:
        """Return a turn of a tree without the indent of its depth, which each line has."""
        indent = self.indent if self.mode == "tree" else ""
        if not indent or not turn.startswith(indent):
            return turn
        depth, lines = 0, turn.split("\n")
        while all(line.startswith(indent, depth * len(indent)) for line in lines):
            depth += 1
        return "\n".join(line[depth * len(indent) :] for line in lines)

    def parse_documents(self, documents: pl.DataFrame) -> Iterator[list[Turn] | None]:
        """Yield the turns of each document; None if the ends of its turns are not known."""
        columns = documents.select("text", "post_ids", "authors", "turn_ends")
        for document in columns.iter_rows(named=True):
            ends = document["turn_ends"]
            if ends is None or len(ends) != len(document["post_ids"]):
                yield None
                continue
            turns = split_turns(document, self.joiner)
            yield [
                self.parse_turn(turn, author)
                for turn, author in zip(turns, document["authors"], strict=True)
            ]

    def make_turns(self, documents: pl.DataFrame) -> pl.Series:
        """Return the column ``turns``: the post, author and text of each turn; null if unknown.

        The texts are those of ``text``, without the template.
        """
        rows = [
            None
            if turns is None
            else [
                {"id": post, "author": turn.author, "text": turn.text}
                for post, turn in zip(ids, turns, strict=True)
            ]
            for ids, turns in zip(
                documents["post_ids"], self.parse_documents(documents), strict=True
            )
        ]
        return pl.Series("turns", rows, dtype=TURNS_TYPE)

    def make_messages(self, documents: pl.DataFrame) -> list[list[tuple[str, str]] | str]:
        """Return the messages of each document, or the reason for which it has none.

        The author of the first turn is ``user``, everybody else is ``assistant``, and turns of one
        role in a row are one message. Of a question with several answers the first one counts: the
        accepted or the best.
        """
        # A later piece of a thread has an id of its own.
        is_first = documents.select(pl.col("id") == pl.col("post_ids").list.first()).to_series()
        return [
            self._make_messages_of(turns, first)
            for turns, first in zip(self.parse_documents(documents), is_first, strict=True)
        ]

    def _make_messages_of(
        self, turns: list[Turn] | None, is_first_piece: bool
    ) -> list[tuple[str, str]] | str:
        if turns is None:
            return NO_TURNS
        if self.mode != "qa":
            messages = _merge_turns(turns)
        elif not is_first_piece or not self._may_be_first(turns[0].speaker):
            return NO_QUESTION
        else:
            messages = [("user", turns[0].text), *(("assistant", t.text) for t in turns[1:2])]
        return messages if len(messages) > 1 else NO_ANSWER

    def _may_be_first(self, speaker: str | None) -> bool:
        """Return whether a label can be that of the thread's first speaker.

        A takedown may have removed the first turn.
        """
        return speaker in (None, "anonymous", self.speaker.format(n=1))


def _merge_turns(turns: list[Turn]) -> list[tuple[str, str]]:
    messages: list[tuple[str, str]] = []
    for number, turn in enumerate(turns):
        is_user = not number or (turn.author is not None and turn.author == turns[0].author)
        role = "user" if is_user else "assistant"
        if messages and messages[-1][0] == role:
            messages[-1] = (role, f"{messages[-1][1]}{_TURN_JOINER}{turn.text}")
        else:
            messages.append((role, turn.text))
    return messages
