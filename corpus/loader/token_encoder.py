"""Encode texts as token ids with any tokenizer, and end each text with a separator."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from corpus.errors import CorpusError

#: Common names of the token that ends a text; the first that a tokenizer has is used.
SEPARATORS = ("<|endoftext|>", "<|end_of_text|>", "</s>", "<eos>", "[EOS]", "<|eos|>", "[SEP]")

EncodeTexts = Callable[[list[str]], Sequence[Sequence[int]]]


class TokenEncoder:
    """Encodes texts as token ids.

    ``separator`` is the id that ends each text, ``vocabulary`` the number of ids (0: unknown), and
    ``identity`` a digest of the tokenizer (empty for a function).
    """

    def __init__(
        self, encode: EncodeTexts, separator: int, vocabulary: int = 0, identity: str = ""
    ) -> None:
        self.separator, self.vocabulary, self.identity = separator, vocabulary, identity
        self._encode = encode

    def __call__(self, texts: list[str]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the ids of all texts as one array, and how many each text has, with separator."""
        encoded = self._encode(texts)
        if len(encoded) != len(texts):
            raise CorpusError(
                f"the tokenizer made {len(encoded)} lists of ids of {len(texts)} texts; it must "
                "take a list of texts and return a list of ids for each"
            )
        sizes = np.fromiter((len(ids) + 1 for ids in encoded), np.int64, len(encoded))
        end = (self.separator,)
        flat = chain.from_iterable(chain(ids, end) for ids in encoded)
        return np.fromiter(flat, np.int64, int(sizes.sum())), sizes


class _FastTokenizer:
    """The encode function of a ``tokenizers.Tokenizer`` that finds no special tokens in texts."""

    def __init__(self, tokenizer: Any) -> None:
        self.tokenizer = type(tokenizer).from_str(tokenizer.to_str())
        self.tokenizer.no_truncation()
        self.tokenizer.no_padding()
        # A post may contain "</s>" as text.
        self.tokenizer.encode_special_tokens = True

    def __call__(self, texts: list[str]) -> list[list[int]]:
        self.tokenizer.encode_special_tokens = True  # pickling loses it
        encoded = self.tokenizer.encode_batch_fast(texts, add_special_tokens=False)
        return [encoding.ids for encoding in encoded]


class _SlowTokenizer:
    """The encode function of a slow ``transformers`` tokenizer."""

    def __init__(self, tokenizer: Any) -> None:
        self.tokenizer = tokenizer

    def __call__(self, texts: list[str]) -> list[list[int]]:
        encoded = self.tokenizer(
            texts,
            add_special_tokens=False,
            split_special_tokens=True,
            return_attention_mask=False,
        )
        ids: list[list[int]] = encoded["input_ids"]
        return ids


def make_encoder(tokenizer: Any, separator: str | int | None = None) -> TokenEncoder:
    """Return an encoder for a tokenizer, which is one of:

    * a path to a ``tokenizer.json``, or a ``tokenizers.Tokenizer``;
    * a tokenizer of ``transformers``;
    * a function from a list of texts to a list of ids for each.

    ``separator`` is a token or an id, by default the tokenizer's own end of text. Raises
    :class:`~corpus.errors.CorpusError` if the tokenizer has no separator or cannot be read.
    """
    if isinstance(tokenizer, (str, Path)):
        tokenizer = _load_tokenizer(Path(tokenizer))
    own_separator = getattr(tokenizer, "eos_token_id", None)  # of transformers
    backend = getattr(tokenizer, "backend_tokenizer", tokenizer)
    if hasattr(backend, "encode_batch_fast") and hasattr(backend, "to_str"):
        end = _find_separator(backend.token_to_id, separator, own_separator)
        digest = hashlib.sha256(backend.to_str().encode()).hexdigest()
        return TokenEncoder(_FastTokenizer(backend), end, backend.get_vocab_size(), digest)
    if hasattr(tokenizer, "convert_tokens_to_ids"):
        vocabulary = tokenizer.get_vocab()
        end = _find_separator(vocabulary.get, separator, own_separator)
        tokens = sorted(vocabulary.items(), key=lambda item: (item[1], item[0]))
        digest = hashlib.sha256(repr(tokens).encode()).hexdigest()
        return TokenEncoder(_SlowTokenizer(tokenizer), end, max(vocabulary.values()) + 1, digest)
    if not callable(tokenizer):
        raise CorpusError(
            f"'{type(tokenizer).__name__}' is not a tokenizer; give the path of a tokenizer.json, "
            "a tokenizer of tokenizers or transformers, or a function of a list of texts"
        )
    if not isinstance(separator, int):
        raise CorpusError("a function has no separator of its own; give its id: separator=0")
    return TokenEncoder(tokenizer, separator)


def _load_tokenizer(path: Path) -> Any:
    try:
        from tokenizers import Tokenizer
    except ImportError:
        raise CorpusError(
            "the package 'tokenizers' is not installed; pip install 'social-corpus[tokens]'"
        ) from None
    if not path.is_file():
        raise CorpusError(f"no tokenizer at '{path}'; give the path of a tokenizer.json")
    try:
        return Tokenizer.from_file(str(path))
    except Exception:  # the library raises nothing narrower
        raise CorpusError(
            f"'{path}' cannot be read as a tokenizer; it must be the tokenizer.json that the "
            "package 'tokenizers' writes"
        ) from None


def _find_separator(
    token_to_id: Callable[[str], int | None], requested: str | int | None, default: int | None
) -> int:
    if isinstance(requested, int):
        return requested
    if requested is not None:
        separator = token_to_id(requested)
        if separator is None:
            raise CorpusError(f"the tokenizer has no token '{requested}'; name one that it has")
        return separator
    if default is not None:
        return default
    for token in SEPARATORS:
        if (separator := token_to_id(token)) is not None:
            return separator
    raise CorpusError(
        f"the tokenizer has no token that ends a text (none of {', '.join(SEPARATORS)}); "
        "name one of its tokens: --separator TOKEN, or separator='TOKEN'"
    )
