"""Run datatrove's quality filters on texts, and time them.

    python bench/peers/datatrove_quality.py TEXTS.json OUT.json [--open]

It runs in datatrove's own virtual environment (``bench.peers.environment`` makes it), on one core,
without network. TEXTS is a list of texts. OUT has, for each filter with its default settings, the
reason for which each text is dropped (null: it is kept), the seconds of processor time, and for C4
the texts as it rewrites them. ``--open`` sets thresholds that no text can break, so that every rule
measures every text, as in ``datatrove_pipeline.py``; then only the seconds have a meaning.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

_NEVER = float("inf")
_OPEN: dict[str, dict[str, Any]] = {
    "gopher": {
        "min_doc_words": -1,
        "max_doc_words": _NEVER,
        "min_avg_word_length": -1,
        "max_avg_word_length": _NEVER,
        "max_symbol_word_ratio": _NEVER,
        "max_bullet_lines_ratio": _NEVER,
        "max_ellipsis_lines_ratio": _NEVER,
        "max_non_alpha_words_ratio": -1,
        "min_stop_words": -1,
    },
    "gopher_repetition": {
        "dup_line_frac": _NEVER,
        "dup_para_frac": _NEVER,
        "dup_line_char_frac": _NEVER,
        "dup_para_char_frac": _NEVER,
        "top_n_grams": tuple((n, _NEVER) for n in (2, 3, 4)),
        "dup_n_grams": tuple((n, _NEVER) for n in (5, 6, 7, 8, 9, 10)),
    },
    "c4": {"min_num_sentences": 0},
    "fineweb": {
        "line_punct_thr": -1,
        "short_line_thr": _NEVER,
        "char_duplicates_ratio": _NEVER,
        "new_line_ratio": _NEVER,
    },
}


def main(texts: list[str], opened: bool) -> dict[str, Any]:
    """Return each filter's reasons and seconds."""
    from datatrove.data import Document  # type: ignore[import-not-found]
    from datatrove.pipeline.filters import (  # type: ignore[import-not-found]
        C4QualityFilter,
        FineWebQualityFilter,
        GopherQualityFilter,
        GopherRepetitionFilter,
    )
    from datatrove.utils.text import split_into_parts  # type: ignore[import-not-found]
    from loguru import logger  # type: ignore[import-not-found]

    logger.remove()
    found: dict[str, Any] = {}
    for name, kind in (
        ("gopher", GopherQualityFilter),
        ("gopher_repetition", GopherRepetitionFilter),
        ("c4", C4QualityFilter),
        ("fineweb", FineWebQualityFilter),
    ):
        step = kind(**(_OPEN[name] if opened else {}))
        step.filter(Document(text="One two three. Four five six.", id="0"))  # loads spaCy
        reasons, rewritten = [], []
        began = time.process_time()
        for text in texts:
            # datatrove caches the words of the last five texts for the next filter.
            split_into_parts.cache_clear()
            document = Document(text=text, id="0")
            try:
                kept = step.filter(document)
            except ZeroDivisionError:  # of a text with no word that no threshold drops first
                kept = True
            reasons.append(None if kept is True else kept[1])
            rewritten.append(document.text)
        found[name] = {"reasons": reasons, "seconds": time.process_time() - began}
        if name == "c4":
            found[name]["texts"] = rewritten
    return found


if __name__ == "__main__":
    texts = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    answer = json.dumps(main(texts, "--open" in sys.argv[3:]))
    Path(sys.argv[2]).write_text(answer, encoding="utf-8")
