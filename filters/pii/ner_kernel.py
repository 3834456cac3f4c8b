"""Run the NER model for posts without spaCy's machinery: the same spans, several times as fast.

spaCy works out the embedding of every token anew and steps through Python for each batch. Here a
word's embedding is worked out once, by spaCy's own layer, and kept; the two convolutions are one
matrix product each over all tokens of a batch; the transition parser is a compiled loop. A test
holds the spans equal to spaCy's.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from filters.text.jit import jit

Floats = NDArray[np.float32]
#: Words whose embeddings are kept; then the book is begun anew.
_MAX_CACHED_WORDS = 200_000
_BEGIN, _IN, _LAST, _UNIT, _OUT, _NEVER = range(6)
_MOVES = {"B": _BEGIN, "I": _IN, "L": _LAST, "U": _UNIT, "O": _OUT}


class TransitionParser:
    """The model of a pipeline of ``_ner_model``, compiled."""

    def __init__(self, nlp: Any) -> None:
        from spacy.attrs import IS_SPACE, LANG, NORM, ORTH, PREFIX, SHAPE, SUFFIX

        self._columns = [ORTH, IS_SPACE, NORM, PREFIX, SUFFIX, SHAPE, LANG]
        self._tokenize = nlp.make_doc
        embed, encode = nlp.get_pipe("tok2vec").model.layers
        self._embed = embed.layers  # what makes features of documents, then the layers on them
        residuals = (node for node in encode.walk() if node.name.startswith("residual("))
        self._layers = [
            _ConvolutionLayer(node) for node in residuals if ">>residual(" not in node.name
        ]
        self._pad = len(self._layers)
        ner = nlp.get_pipe("ner")
        chain, lower, upper = ner.model.layers
        linear = next(node for node in chain.walk() if node.name == "linear")
        self._project = (linear.get_param("W").T.copy(), linear.get_param("b"))
        weights = lower.get_param("W")  # (features, hidden, pieces, inputs)
        self._lower = weights.reshape(-1, weights.shape[-1]).T.copy()
        self._padding = lower.get_param("pad").reshape(weights.shape[0], -1).copy()
        self._bias = lower.get_param("b").reshape(-1).copy()
        self._upper = (upper.get_param("W").copy(), upper.get_param("b").copy())
        # All moves, with the one that move_names leaves out ("U-", which blocks an entity).
        every = (ner.moves.get_class_name(move) for move in range(ner.moves.n_moves))
        names = [name.partition("-") for name in every]
        self.labels = sorted({label for _, _, label in names if label})
        kinds = [_MOVES[kind] if label or kind == "O" else _NEVER for kind, _, label in names]
        self._moves = np.array(kinds, np.int64)
        self._label = np.array(
            [self.labels.index(label) if label else -1 for _, _, label in names], np.int64
        )
        self._rows: dict[tuple[int, int], int] = {}
        self._kept: Floats = np.empty((1024, linear.get_dim("nI")), np.float32)

    def __call__(self, texts: list[str]) -> list[list[tuple[int, int, str]]]:
        """Start, end and label of each span of each text, in characters."""
        docs = [self._tokenize(text) for text in texts]
        sizes = np.array([len(doc) for doc in docs], np.int64)
        found: list[list[tuple[int, int, str]]] = [[] for _ in docs]
        if not sizes.sum():
            return found
        features = np.concatenate([doc.to_array(self._columns) for doc in docs if len(doc)])
        numbers = self._embed_words(features)
        vectors = self._kept[numbers]
        # As spaCy lays them out: rows of nought before each text and behind the last.
        begins = np.cumsum(sizes) - sizes
        places = np.repeat(self._pad * (1 + np.arange(len(sizes))), sizes) + np.arange(len(vectors))
        laid = np.zeros((len(vectors) + self._pad * (len(sizes) + 1), vectors.shape[1]), np.float32)
        laid[places] = vectors
        for layer in self._layers:
            laid = layer(laid)
        tokens = laid[places] @ self._project[0] + self._project[1]
        cached = tokens @ self._lower
        spans = _parse_texts(
            cached.reshape(len(tokens), len(self._padding), -1), self._padding, self._bias,
            *self._upper, self._moves, self._label, begins, sizes,
            features[:, 1].astype(np.bool_),
        )  # fmt: skip
        for text, first, last, label in spans.tolist():
            doc = docs[text]
            end = doc[last]
            found[text].append((doc[first].idx, end.idx + len(end), self.labels[label]))
        return found

    def _embed_words(self, features: NDArray[np.uint64]) -> NDArray[np.int64]:
        """The row of each token's embedding; those of new words are worked out."""
        if len(self._rows) > _MAX_CACHED_WORDS:
            self._rows.clear()
        rows = self._rows
        keys = list(zip(features[:, 0].tolist(), features[:, 2].tolist(), strict=True))
        new = {key: at for at, key in enumerate(keys) if key not in rows}
        if new:
            first = len(rows)
            if first + len(new) > len(self._kept):
                larger = np.empty((2 * (first + len(new)), self._kept.shape[1]), np.float32)
                larger[:first] = self._kept[:first]
                self._kept = larger
            made: Any = [np.ascontiguousarray(features[list(new.values()), 2:])]
            for layer in self._embed[1:]:
                made = layer.predict(made)
            self._kept[first : first + len(new)] = made[0]
            rows.update(zip(new, range(first, first + len(new)), strict=True))
        return np.array([rows[key] for key in keys], np.int64)


class _ConvolutionLayer:
    """A convolution over three tokens with its input added: maxout, then layer norm."""

    def __init__(self, residual: Any) -> None:
        nodes = {node.name: node for node in residual.walk()}
        maxout, norm = nodes["maxout"], nodes["layernorm"]
        weights = maxout.get_param("W")  # (outputs, pieces, inputs)
        self._weights = weights.reshape(-1, weights.shape[-1]).T.copy()
        self._bias = maxout.get_param("b")
        self._gain, self._shift = norm.get_param("G"), norm.get_param("b")

    def __call__(self, rows: Floats) -> Floats:
        width = rows.shape[1]
        window = np.zeros((len(rows), 3 * width), np.float32)
        window[1:, :width] = rows[:-1]
        window[:, width : 2 * width] = rows
        window[:-1, 2 * width :] = rows[1:]
        made = (window @ self._weights).reshape(len(rows), *self._bias.shape)
        out: Floats = _maxout_norm(made, self._bias, self._gain, self._shift, rows)
        return out


@jit
def _maxout_norm(made: Any, bias: Any, gain: Any, shift: Any, rows: Any) -> Any:
    count, width, pieces = made.shape
    out = np.empty((count, width), np.float32)
    for row in range(count):
        total = 0.0
        for at in range(width):
            best = made[row, at, 0] + bias[at, 0]
            for piece in range(1, pieces):
                best = max(best, made[row, at, piece] + bias[at, piece])
            out[row, at] = best
            total += best
        mean = total / width
        spread = 0.0
        for at in range(width):
            spread += (out[row, at] - mean) ** 2
        scale = 1.0 / np.sqrt(spread / width + 1e-8)
        for at in range(width):
            out[row, at] = (out[row, at] - mean) * scale * gain[at] + shift[at] + rows[row, at]
    return out


@jit
def _parse_texts(
    cached: Any, padding: Any, bias: Any, upper: Any, upper_bias: Any, moves: Any, labels: Any,
    begins: Any, sizes: Any, space: Any,
) -> Any:  # fmt: skip
    """The greedy parse of each text: rows of text, first token, last token, label."""
    hidden = upper.shape[1]
    pieces = bias.size // hidden
    spans = np.empty((cached.shape[0], 4), np.int64)
    count = 0
    sums = np.empty(bias.size, np.float32)
    state = np.empty(hidden, np.float32)
    for text in range(sizes.size):
        start, label = -1, -1
        for at in range(sizes[text]):
            here = begins[text] + at
            for unit in range(bias.size):
                value = cached[here, 0, unit]
                if start >= 0:
                    value += cached[begins[text] + start, 1, unit] + cached[here - 1, 2, unit]
                else:
                    value += padding[1, unit] + padding[2, unit]
                sums[unit] = value + bias[unit]
            for unit in range(hidden):
                best = sums[unit * pieces]
                for piece in range(1, pieces):
                    best = max(best, sums[unit * pieces + piece])
                state[unit] = best
            chosen, top = -1, np.float32(0.0)
            more = at + 1 < sizes[text]
            for move in range(moves.size):
                kind = moves[move]
                if start >= 0:
                    able = (kind == _LAST or (kind == _IN and more)) and labels[move] == label
                else:
                    able = kind == _OUT or (
                        not space[here] and (kind == _UNIT or (kind == _BEGIN and more))
                    )
                if not able:
                    continue
                score = upper_bias[move]
                for unit in range(hidden):
                    score += upper[move, unit] * state[unit]
                if chosen < 0 or score > top:
                    chosen, top = move, score
            kind = moves[chosen]
            if kind == _BEGIN:
                start, label = at, labels[chosen]
            elif kind in (_UNIT, _LAST):
                spans[count, 0] = text
                spans[count, 1] = at if kind == _UNIT else start
                spans[count, 2] = at
                spans[count, 3] = labels[chosen]
                count += 1
                start = -1
    return spans[:count]
