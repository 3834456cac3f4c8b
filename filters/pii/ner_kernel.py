"""Run the NER model for posts without spaCy's machinery: the same spans, several times as fast.

spaCy computes the embedding of every token again and runs Python code for each batch. Here a word's
embedding is computed once, by spaCy's own layer, and cached; the two convolutions are one matrix
product each over all tokens of a batch; the transition parser is a compiled loop. A test compares
the spans with spaCy's.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from filters.text.arrays import F32, I64, U64, Booleans
from filters.text.jit import jit

#: The cache of embeddings is cleared when it has more words.
_MAX_CACHED_WORDS = 200_000
_BEGIN, _IN, _LAST, _UNIT, _OUT, _NEVER = range(6)
_MOVES = {"B": _BEGIN, "I": _IN, "L": _LAST, "U": _UNIT, "O": _OUT}


class _ParserWeights(NamedTuple):
    """The transition parser's layers, and the kind and label of each of its moves.

    ``padding`` is (features, hidden times pieces), ``bias`` its second axis, ``upper`` is (moves,
    hidden), and ``labels`` has -1 for moves without a label.
    """

    padding: F32
    bias: F32
    upper: F32
    upper_bias: F32
    moves: I64
    labels: I64


class TransitionParser:
    """The model of a pipeline of ``ner_model``, compiled."""

    def __init__(self, nlp: Any) -> None:
        from spacy.attrs import IS_SPACE, LANG, NORM, ORTH, PREFIX, SHAPE, SUFFIX

        self._columns = [ORTH, IS_SPACE, NORM, PREFIX, SUFFIX, SHAPE, LANG]
        self._tokenize = nlp.make_doc
        embed, encode = nlp.get_pipe("tok2vec").model.layers
        # The first of these extracts features from documents, the others read the features.
        self._embedding_layers = embed.layers
        residuals = [node for node in encode.walk() if node.name.startswith("residual(")]
        self._convolutions = [
            _ConvolutionLayer(node) for node in residuals if ">>residual(" not in node.name
        ]
        self._padding_rows = len(self._convolutions)
        ner = nlp.get_pipe("ner")
        chain, lower, upper = ner.model.layers
        linear = next(node for node in chain.walk() if node.name == "linear")
        self._projection = linear.get_param("W").T.copy()
        self._projection_bias = linear.get_param("b")
        weights = lower.get_param("W")  # (features, hidden, pieces, inputs)
        self._lower = weights.reshape(-1, weights.shape[-1]).T.copy()
        # All moves, with the one that move_names omits ("U-", which blocks an entity).
        class_names = (ner.moves.get_class_name(move) for move in range(ner.moves.n_moves))
        moves = [name.partition("-") for name in class_names]
        self.labels = sorted({label for _, _, label in moves if label})
        kinds = [_MOVES[kind] if label or kind == "O" else _NEVER for kind, _, label in moves]
        label_numbers = [self.labels.index(label) if label else -1 for _, _, label in moves]
        self._weights = _ParserWeights(
            padding=lower.get_param("pad").reshape(weights.shape[0], -1).copy(),
            bias=lower.get_param("b").reshape(-1).copy(),
            upper=upper.get_param("W").copy(),
            upper_bias=upper.get_param("b").copy(),
            moves=np.array(kinds, np.int64),
            labels=np.array(label_numbers, np.int64),
        )
        self._rows: dict[tuple[int, int], int] = {}
        self._embeddings: F32 = np.empty((1024, linear.get_dim("nI")), np.float32)

    def __call__(self, texts: list[str]) -> list[list[tuple[int, int, str]]]:
        """Return start, end and label of each span of each text, in characters."""
        docs = [self._tokenize(text) for text in texts]
        sizes = np.array([len(doc) for doc in docs], np.int64)
        found: list[list[tuple[int, int, str]]] = [[] for _ in docs]
        if not sizes.sum():
            return found
        features = np.concatenate([doc.to_array(self._columns) for doc in docs if len(doc)])
        rows = self._embed_words(features)  # may replace the array of embeddings
        vectors = self._embeddings[rows]
        # spaCy puts rows of zeros before each text and after the last.
        begins = np.cumsum(sizes) - sizes
        padding_before = np.repeat(self._padding_rows * (1 + np.arange(len(sizes))), sizes)
        positions = padding_before + np.arange(len(vectors))
        height = len(vectors) + self._padding_rows * (len(sizes) + 1)
        padded = np.zeros((height, vectors.shape[1]), np.float32)
        padded[positions] = vectors
        for convolution in self._convolutions:
            padded = convolution(padded)
        tokens = padded[positions] @ self._projection + self._projection_bias
        hidden = (tokens @ self._lower).reshape(len(tokens), len(self._weights.padding), -1)
        is_space = features[:, 1].astype(np.bool_)
        spans = _parse_texts(hidden, self._weights, begins, sizes, is_space)
        for text, first, last, label in spans.tolist():
            doc = docs[text]
            last_token = doc[last]
            end = last_token.idx + len(last_token)
            found[text].append((doc[first].idx, end, self.labels[label]))
        return found

    def _embed_words(self, features: U64) -> I64:
        """Return the row of each token's embedding; those of new words are computed."""
        if len(self._rows) > _MAX_CACHED_WORDS:
            self._rows.clear()
        rows = self._rows
        keys = list(zip(features[:, 0].tolist(), features[:, 2].tolist(), strict=True))
        new = {key: index for index, key in enumerate(keys) if key not in rows}
        if new:
            first = len(rows)
            if first + len(new) > len(self._embeddings):
                larger = np.empty((2 * (first + len(new)), self._embeddings.shape[1]), np.float32)
                larger[:first] = self._embeddings[:first]
                self._embeddings = larger
            output: Any = [np.ascontiguousarray(features[list(new.values()), 2:])]
            for layer in self._embedding_layers[1:]:
                output = layer.predict(output)
            self._embeddings[first : first + len(new)] = output[0]
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

    def __call__(self, rows: F32) -> F32:
        width = rows.shape[1]
        window = np.zeros((len(rows), 3 * width), np.float32)
        window[1:, :width] = rows[:-1]
        window[:, width : 2 * width] = rows
        window[:-1, 2 * width :] = rows[1:]
        product = (window @ self._weights).reshape(len(rows), *self._bias.shape)
        out: F32 = _maxout_norm(product, self._bias, self._gain, self._shift, rows)
        return out


@jit
def _maxout_norm(product: F32, bias: F32, gain: F32, shift: F32, rows: F32) -> Any:
    count, width, pieces = product.shape
    out = np.empty((count, width), np.float32)
    for row in range(count):
        total = 0.0
        for column in range(width):
            best = product[row, column, 0] + bias[column, 0]
            for piece in range(1, pieces):
                best = max(best, product[row, column, piece] + bias[column, piece])
            out[row, column] = best
            total += best
        mean = total / width
        squares = 0.0
        for column in range(width):
            squares += (out[row, column] - mean) ** 2
        scale = 1.0 / np.sqrt(squares / width + 1e-8)
        for column in range(width):
            normed = (out[row, column] - mean) * scale * gain[column] + shift[column]
            out[row, column] = normed + rows[row, column]
    return out


@jit
def _parse_texts(
    hidden: F32, weights: _ParserWeights, begins: I64, sizes: I64, is_space: Booleans
) -> I64:
    """Parse each text greedily; return rows of text, first token, last token, label.

    ``hidden`` is (tokens, features, hidden times pieces): what each token adds to the hidden layer
    in each of the parser's features.
    """
    moves, labels = weights.moves, weights.labels
    width = weights.upper.shape[1]
    pieces = weights.bias.size // width
    spans = np.empty((hidden.shape[0], 4), np.int64)
    count = 0
    sums = np.empty(weights.bias.size, np.float32)
    state = np.empty(width, np.float32)
    for text in range(sizes.size):
        start, label = -1, -1
        for at in range(sizes[text]):
            token = begins[text] + at
            for unit in range(sums.size):
                value = hidden[token, 0, unit]
                if start >= 0:
                    value += hidden[begins[text] + start, 1, unit] + hidden[token - 1, 2, unit]
                else:
                    value += weights.padding[1, unit] + weights.padding[2, unit]
                sums[unit] = value + weights.bias[unit]
            for unit in range(width):
                best = sums[unit * pieces]
                for piece in range(1, pieces):
                    best = max(best, sums[unit * pieces + piece])
                state[unit] = best
            chosen, best_score = -1, np.float32(0.0)
            has_next = at + 1 < sizes[text]
            for move in range(moves.size):
                kind = moves[move]
                if start >= 0:
                    continues = kind == _LAST or (kind == _IN and has_next)
                    is_valid = continues and labels[move] == label
                else:
                    begins_entity = kind == _UNIT or (kind == _BEGIN and has_next)
                    is_valid = kind == _OUT or (not is_space[token] and begins_entity)
                if not is_valid:
                    continue
                score = weights.upper_bias[move]
                for unit in range(width):
                    score += weights.upper[move, unit] * state[unit]
                if chosen < 0 or score > best_score:
                    chosen, best_score = move, score
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
