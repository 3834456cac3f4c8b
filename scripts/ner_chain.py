"""Train the models of ``filters/pii/ner_linear.py``: a conditional random field, by AdaGrad."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping
from itertools import pairwise
from typing import Any

import numpy as np

from bench.quality.ner_gold import UNSPACED, Labelled, Sentence, count_people, join
from filters.pii import ner_linear
from filters.pii.ner_linear import ALONE, BEGIN, END, FEATURES, INSIDE, OUTSIDE, TAGS, Model
from filters.text.arrays import F32, I64, U8, U32
from filters.text.jit import jit

_ROWS = 1 << 19
#: The features that name the token itself, and those that name its entries of the lexicon.
_OWN = (2, 6, 7, 9, *range(10, 17))
_LISTED = tuple(range(22, FEATURES - 1))
#: The share of sentences that are joined to the one before.
_JOINED = 0.4
#: Shares of the features that a sentence is read without: any, a token's own, its lexicon's.
_DROPPED, _DROPPED_OWN, _DROPPED_LISTED = 0.1, 0.25, 0.1


def _join_some(labelled: list[Labelled], chance: random.Random) -> list[Labelled]:
    """Join some sentences to the next, as a post has several: a name ends at a full stop."""
    joined: list[Labelled] = []
    for text, spans in labelled:
        if joined and chance.random() < _JOINED:
            before, found = joined[-1]
            begin = len(before) + 1
            found = [*found, *((start + begin, end + begin) for start, end in spans)]
            joined[-1] = f"{before} {text}", found
        else:
            joined.append((text, spans))
    return joined


def train(
    lexicon: Mapping[str, Iterable[str]],
    sentences: list[Sentence],
    change: Callable[[Sentence], Sentence],
    dev: list[Labelled],
    options: Any,
) -> Model:
    """Return a model; the weights are the mean of the last half of the epochs."""
    chance = random.Random(options.seed)
    spaced = options.lang not in UNSPACED
    weights = np.zeros((_ROWS, len(TAGS)), np.float32)
    steps = np.zeros((len(TAGS), len(TAGS)), np.float32)
    squares, step_squares = np.full_like(weights, 1e-6), np.full_like(steps, 1e-6)
    model = ner_linear.make_model(lexicon, weights, steps)
    total, step_total, summed = np.zeros_like(weights), np.zeros_like(steps), 0
    for epoch in range(options.epochs):
        chosen = [
            each for each in sentences if "B-PERSON" in each[1] or chance.random() < options.empty
        ]
        chance.shuffle(chosen)
        labelled = _join_some([join(change(each), spaced=spaced) for each in chosen], chance)
        tokens = ner_linear.read_tokens([text for text, _ in labelled], model)
        tags = _find_tags(tokens, [spans for _, spans in labelled])
        rate = options.rate * (1 - epoch / options.epochs)
        loss = _learn(
            tokens.features, tags, tokens.sizes, weights, steps, squares, step_squares, rate,
            options.cost, options.seed + epoch,
        )  # fmt: skip
        if 2 * epoch >= options.epochs:
            total += weights
            step_total += steps
            summed += 1
        if dev:
            scores = " ".join(f"{value:.3f}" for value in score(model, dev))
            print(epoch, f"{loss / len(labelled):.3f}", scores, flush=True)
    return model._replace(weights=total / summed, steps=step_total / summed)


def score(model: Model, dev: list[Labelled]) -> tuple[float, float, float, float]:
    """Return precision, recall and F1 of whole names, and the share of names that are touched."""
    spans = ner_linear.PeopleFinder(model)([text for text, _ in dev])
    people = [[(start, end) for start, end, _ in each] for each in spans]
    hits, found, wanted, touched = count_people(dev, people).sum(axis=0).tolist()
    precision, recall = hits / max(found, 1), hits / max(wanted, 1)
    f1 = 2 * precision * recall / max(precision + recall, 1e-9)
    return precision, recall, f1, touched / max(wanted, 1)


def _find_tags(tokens: ner_linear.Tokens, spans: list[list[tuple[int, int]]]) -> U8:
    """Return the tag of each token."""
    tags = np.zeros(len(tokens.starts), np.uint8)
    bounds = [0, *np.cumsum(tokens.sizes).tolist()]
    for (begin, end), people in zip(pairwise(bounds), spans, strict=True):
        starts, ends = tokens.starts[begin:end], tokens.ends[begin:end]
        for start, stop in people:
            inside = np.flatnonzero((starts < stop) & (ends > start)) + begin
            if len(inside) == 1:
                tags[inside] = ALONE
            elif len(inside):
                tags[inside] = INSIDE
                tags[inside[0]], tags[inside[-1]] = BEGIN, END
    return tags


@jit
def _add(one: float, two: float) -> float:
    """Return the logarithm of the sum of two exponentials."""
    high, low = max(one, two), min(one, two)
    return high if low < -1e8 else high + np.log1p(np.exp(low - high))


@jit
def _learn(
    features: U32, tags: U8, sizes: I64, weights: F32, steps: F32, squares: F32,
    step_squares: F32, rate: float, cost: float, seed: int
) -> float:  # fmt: skip
    """Go through the sentences once, and return the sum of their negative log-likelihoods.

    ``cost`` is added to the score of O where a name is: the model then finds more.
    """
    np.random.seed(seed)
    width = weights.shape[1]
    allowed = np.zeros((width, width), np.bool_)
    for before in range(width):
        for after in range(width):
            allowed[before, after] = ner_linear.is_allowed(before, after)
    loss = 0.0
    begin = 0
    own = np.zeros(features.shape[1], np.bool_)
    listed = np.zeros(features.shape[1], np.bool_)
    for number in _OWN:
        own[number] = True
    for number in _LISTED:
        listed[number] = True
    for text in range(sizes.size):
        size = sizes[text]
        if size == 0:
            continue
        used = np.ones((size, features.shape[1]), np.bool_)
        scores = np.zeros((size, width))
        for token in range(size):
            no_own, no_list = (
                np.random.random() < _DROPPED_OWN,
                np.random.random() < _DROPPED_LISTED,
            )
            for number in range(features.shape[1]):
                if (
                    np.random.random() < _DROPPED
                    or (no_own and own[number])
                    or (no_list and listed[number])
                ):
                    used[token, number] = False
                    continue
                row = features[begin + token, number]
                for tag in range(width):
                    scores[token, tag] += weights[row, tag]
            if tags[begin + token] != OUTSIDE:
                scores[token, OUTSIDE] += cost
        forward = np.full((size, width), -1e9)
        backward = np.full((size, width), -1e9)
        for tag in range(width):
            if allowed[OUTSIDE, tag]:
                forward[0, tag] = scores[0, tag]
            if tag in (OUTSIDE, ALONE, END):
                backward[size - 1, tag] = 0.0
        for token in range(1, size):
            for tag in range(width):
                for before in range(width):
                    if allowed[before, tag]:
                        value = forward[token - 1, before] + steps[before, tag]
                        forward[token, tag] = _add(forward[token, tag], value)
                forward[token, tag] += scores[token, tag]
        for token in range(size - 2, -1, -1):
            for tag in range(width):
                for after in range(width):
                    if allowed[tag, after]:
                        value = (
                            backward[token + 1, after]
                            + steps[tag, after]
                            + scores[token + 1, after]
                        )
                        backward[token, tag] = _add(backward[token, tag], value)
        whole = _add(
            _add(forward[size - 1, OUTSIDE], forward[size - 1, ALONE]), forward[size - 1, END]
        )
        step_gradient = np.zeros((width, width))
        for token in range(size):
            gold = tags[begin + token]
            loss -= scores[token, gold]
            if token:
                previous = tags[begin + token - 1]
                loss -= steps[previous, gold]
                step_gradient[previous, gold] -= 1.0
                for before in range(width):
                    for tag in range(width):
                        if allowed[before, tag]:
                            step_gradient[before, tag] += np.exp(
                                forward[token - 1, before]
                                + steps[before, tag]
                                + scores[token, tag]
                                + backward[token, tag]
                                - whole
                            )
            for tag in range(width):
                gradient = np.exp(forward[token, tag] + backward[token, tag] - whole)
                gradient -= 1.0 if tag == gold else 0.0
                if abs(gradient) < 1e-4:
                    continue
                for number in range(features.shape[1]):
                    if used[token, number]:
                        row = features[begin + token, number]
                        squares[row, tag] += gradient * gradient
                        weights[row, tag] -= rate * gradient / np.sqrt(squares[row, tag])
        loss += whole
        for before in range(width):
            for tag in range(width):
                gradient = step_gradient[before, tag]
                if gradient != 0.0:
                    step_squares[before, tag] += gradient * gradient
                    steps[before, tag] -= rate * gradient / np.sqrt(step_squares[before, tag])
        begin += size
    return loss
