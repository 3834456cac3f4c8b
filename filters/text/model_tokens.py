"""The tokens by which language models mark turns, roles and the ends of texts, written as text.

A tokenizer that is told to read special tokens reads ``<|im_start|>`` in a post as the beginning of
a turn. A space within each makes it plain text.
"""

from __future__ import annotations

import polars as pl

from filters.text.rows import change_where

# The forms of the model families' published tokenizers and chat templates: ChatML, GPT, Llama 2 to
# 4, Mistral, Gemma, Phi, DeepSeek (with full-width bars), Command R, T5, BERT, and code models.
_TURN_NAMES = r"start_of_turn|end_of_turn|tool_calls?|tool_response"
_NAMES = (
    r"unk|pad|mask|bos|eos|sep|cls|extra_id_\d{1,3}|fim_(?:prefix|middle|suffix|pad)|"
    r"[A-Z_]{3,20}_TOKEN|endoftext|begin_of_text|eot_id|/?s"
)
_TURN_INNER = rf"\|[A-Za-z0-9_.:-]{{1,40}}\||｜[^\s<>｜]{{1,40}}｜|</?SYS>|/?(?:{_TURN_NAMES})"
_TURN_BRACKETED = (
    r"/?(?:INST|SYSTEM_PROMPT|AVAILABLE_TOOLS|TOOL_RESULTS|TOOL_CALLS|PREFIX|SUFFIX|MIDDLE)"
)
_INNER = rf"{_TURN_INNER}|{_NAMES}"
_BRACKETED = rf"{_TURN_BRACKETED}|CLS|SEP|MASK|PAD|UNK"

#: Matches a token that marks a turn or a role; no HTML has it, and hardly any text.
TURN_TOKEN = rf"<(?:{_TURN_INNER})>|\[(?:{_TURN_BRACKETED})\]"
_ANY_TOKEN = rf"(<)({_INNER})(>)|(\[)({_BRACKETED})(\])"


def neutralise_model_tokens(texts: pl.Series) -> pl.Series:
    """Put a space behind the opening and before the closing bracket of each token."""
    return change_where(
        texts,
        texts.str.contains(_ANY_TOKEN),
        lambda some: some.str.replace_all(_ANY_TOKEN, "${1}${4} ${2}${5} ${3}${6}"),
    )
