"""Load the model that scores how toxic a text is: our own, or another one by its name.

``''`` are the models that come with this package, one for English, German and Portuguese, and one
for each of ``LANGUAGE_MODELS``; a path is a fastText ``.bin`` or ``.ftz``;
``alt-profanity-check`` is the package of that name; ``detoxify:FOLDER`` is a Detoxify checkpoint in
a folder. Nothing is downloaded, and with each of them a text without a word scores 0.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from filters.text.cleaning import flatten_whitespace, fold_characters, fold_text

if TYPE_CHECKING:
    from filters.text.arrays import F32

#: Takes texts, none of them null; returns one probability for each.
Scorer = Callable[[pl.Series], "F32"]

TOXICITY_MODEL_PATH = Path(__file__).parents[1] / "models" / "toxicity.npz"
LANGUAGES_MODEL_PATH = TOXICITY_MODEL_PATH.with_name("toxicity_languages.npz")
#: The languages of the first file, one model for all of them; also of posts without a language.
MAIN_LANGUAGES = ("de", "en", "pt")
#: The languages of the second file, and which of its models judges each. It ranks German and
#: Portuguese better; their categories are the first file's.
LANGUAGE_MODELS = {
    "am": "am",
    "ar": "ar",
    "bn": "bn",
    "da": "da",
    "de": "de",
    "el": "el",
    "es": "es",
    "fa": "fa",
    "fr": "fr",
    "he": "he",
    "hi": "hi",
    # Hindi and Urdu in Latin letters are one language in most posts.
    "hi-Latn": "ur-Latn",
    "id": "id",
    "kn": "kn",
    "ko": "ko",
    "ml": "ml",
    "pl": "pl",
    "pt": "pt",
    "ro": "ro",
    "ru": "ru",
    "ta": "ta",
    "te": "te",
    "tr": "tr",
    "ur": "ur",
    "ur-Latn": "ur-Latn",
    "zh": "zh",
}
#: The scores of our model that every post gets.
SCORES = ("toxicity", "profanity")
#: The categories of our model, each with a probability of its own.
CATEGORIES = ("insult", "obscene", "identity_hate")

_PROFANITY_CHECK = "alt-profanity-check"
_DETOXIFY_PREFIX = "detoxify:"
# A transformer's memory grows with the number of texts in a batch.
_DETOXIFY_BATCH = 32


def list_model_files(name: str) -> list[Path]:
    """Return the files that decide; none for a package that is not installed."""
    if name == _PROFANITY_CHECK:
        return [
            folder / "data" / f"{part}.joblib"
            for folder in _find_package_folders("profanity_check")
            for part in ("vectorizer", "model")
        ]
    if name.startswith(_DETOXIFY_PREFIX):
        return sorted(Path(name.removeprefix(_DETOXIFY_PREFIX)).glob("*.ckpt"))
    return [Path(name)] if name else [TOXICITY_MODEL_PATH, LANGUAGES_MODEL_PATH]


def check_model(name: str) -> None:
    """Raise ValueError if the package or the folder of a model does not exist."""
    if name == _PROFANITY_CHECK and not _find_package_folders("profanity_check"):
        raise ValueError(f"'{_PROFANITY_CHECK}' is not installed; pip install {_PROFANITY_CHECK}")
    if name.startswith(_DETOXIFY_PREFIX):
        if not _find_package_folders("detoxify"):
            raise ValueError("'detoxify' is not installed; pip install detoxify")
        checkpoints = len(list_model_files(name))
        if checkpoints != 1:
            raise ValueError(
                f"'{name}' must name a folder with one checkpoint (.ckpt) and the tokenizer's "
                f"files; it has {checkpoints} checkpoints, and nothing is downloaded"
            )


def load_scorer(name: str, label: str) -> Scorer:
    """Load the scorer ``name``; ``label`` is the toxic class of a model with several.

    Raises ValueError or FileNotFoundError, which say what is wrong with the model.
    """
    check_model(name)
    missing = [str(path) for path in list_model_files(name) if not path.is_file()]
    if missing:
        raise FileNotFoundError(f"toxicity: no model file at {missing[0]}")
    if not name:
        return load_builtin_scorer("toxicity")
    if name == _PROFANITY_CHECK:
        return _make_scorer(_load_profanity_check())
    if name.startswith(_DETOXIFY_PREFIX):
        return _make_scorer(_load_detoxify(Path(name.removeprefix(_DETOXIFY_PREFIX)), label))
    return _make_scorer(_load_fasttext(Path(name), label))


def load_builtin_scorer(kind: str) -> Scorer:
    """Load our linear model for ``toxicity``, ``profanity`` or a category."""
    score = load_builtin_scorers((kind,))
    return lambda texts: score(texts)[:, 0]


def load_builtin_scorers(kinds: Sequence[str]) -> Scorer:
    """Load our linear models of one size: a column of probabilities for each kind.

    A text scores as its worst 64 words.
    """
    from filters.toxicity import linear_model

    try:
        models = linear_model.load_models(TOXICITY_MODEL_PATH)
        joined = linear_model.join_models([models[kind] for kind in kinds])
    except Exception as error:
        raise _foreign_file(TOXICITY_MODEL_PATH, error) from error

    def score(texts: pl.Series) -> F32:
        folded = texts.to_frame("text").select(fold_text("text")).to_series()
        return _to_probabilities(linear_model.compute_logits(folded, joined))

    return score


def load_language_scorers() -> dict[str, Scorer]:
    """Load our models of single languages by name: a column for each of ``SCORES``.

    A text scores as its worst 64 words.
    """
    from filters.toxicity import character_model

    try:
        models = character_model.load_models(LANGUAGES_MODEL_PATH)
        if missing := set(LANGUAGE_MODELS.values()) - models.keys():
            raise ValueError(f"it has no model of {', '.join(sorted(missing))}")
    except Exception as error:
        raise _foreign_file(LANGUAGES_MODEL_PATH, error) from error

    def load(model: character_model.LanguageModel) -> Scorer:
        def score(texts: pl.Series) -> F32:
            folded = texts.to_frame("text").select(fold_characters("text")).to_series()
            return _to_probabilities(character_model.compute_logits(folded, model))

        return score

    return {name: load(model) for name, model in models.items()}


def _to_probabilities(logits: F32) -> F32:
    """Return the probability of each logit: 0 of -inf, which a text without a word has."""
    import numpy as np

    with np.errstate(over="ignore"):  # exp(90) overflows float32
        return np.asarray(1 / (1 + np.exp(-logits)), dtype=np.float32)


def _foreign_file(path: Path, error: Exception) -> ValueError:
    """Return the error for a file that fails in zipfile, in numpy or in our own check."""
    return ValueError(f"toxicity: {path} is not the model this version ships: {error}")


def _find_package_folders(name: str) -> list[Path]:
    """Return the folders of a package, without importing it; none if it is not installed."""
    spec = find_spec(name)
    return [Path(each) for each in (spec.submodule_search_locations or [])] if spec else []


def _make_scorer(predict: Callable[[list[str]], Any]) -> Scorer:
    """Return a scorer that gives a model each text on one line, and only those with a word."""
    import numpy as np

    def score(texts: pl.Series) -> F32:
        # A newline ends a fastText example, so it is replaced first.
        lines = texts.to_frame("text").select(flatten_whitespace("text")).to_series()
        scores = np.zeros(len(lines), dtype=np.float32)
        nonempty = (lines != "").arg_true().to_numpy()
        if nonempty.size:
            # A softmax may exceed 1 by rounding.
            predicted = np.asarray(predict(lines.gather(nonempty).to_list()))
            scores[nonempty] = np.clip(predicted, 0, 1)
        return scores

    return score


def _load_fasttext(path: Path, label: str) -> Callable[[list[str]], Any]:
    """Load a user's fastText model, which gets each text as it was written, on one line."""
    from filters.text import fasttext

    model = fasttext.load_model(path)
    prefix = fasttext.LABEL_PREFIX
    wanted = label if label.startswith(prefix) else f"{prefix}{label}"
    known = [name.removeprefix(prefix) for name in model.get_labels()]
    _require_label(path, wanted.removeprefix(prefix), known)

    def predict(lines: list[str]) -> list[float]:
        return [
            float(probabilities[labels.index(wanted)])
            for labels, probabilities in fasttext.predict_labels(model, lines)
        ]

    return predict


def _load_profanity_check() -> Callable[[list[str]], Any]:
    try:
        from profanity_check import predict_prob
    except Exception as error:  # a model that this scikit-learn cannot read fails in many ways
        raise ValueError(f"toxicity: '{_PROFANITY_CHECK}' cannot be loaded: {error}") from error
    return predict_prob  # type: ignore[no-any-return]


def _load_detoxify(folder: Path, label: str) -> Callable[[list[str]], Any]:
    """Load a Detoxify checkpoint and its tokenizer; the base model's config must be cached."""
    import numpy as np

    # Its library would download what the folder lacks.
    os.environ["HF_HUB_OFFLINE"] = "1"
    from detoxify import Detoxify

    (checkpoint,) = folder.glob("*.ckpt")
    try:
        model = Detoxify(
            checkpoint=str(checkpoint), device="cpu", huggingface_config_path=str(folder)
        )
    except Exception as error:
        raise ValueError(
            f"toxicity: {checkpoint} cannot be loaded offline: {error}; the folder must contain "
            "the tokenizer's files, and the base model's config must be in Hugging Face's cache"
        ) from error
    # Detoxify calls the class "toxic" of its first models "toxicity", as the later ones do.
    wanted = "toxicity" if label == "toxic" else label
    _require_label(checkpoint, wanted, list(model.class_names))

    def predict(lines: list[str]) -> Any:
        scores = [
            np.atleast_1d(model.predict(lines[first : first + _DETOXIFY_BATCH])[wanted])
            for first in range(0, len(lines), _DETOXIFY_BATCH)
        ]
        # The last digits depend on the padding of a batch.
        return np.round(np.concatenate(scores), 4)

    return predict


def _require_label(path: Path, label: str, known: list[str]) -> None:
    if label not in known:
        raise ValueError(
            f"toxicity: {path} has no label '{label}'; it has: {', '.join(sorted(known))}"
        )
