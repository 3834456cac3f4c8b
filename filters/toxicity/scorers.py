"""Who says how toxic a text is: our own model, or another by name.

``''`` is the model that comes with this package; a path is a fastText ``.bin`` or ``.ftz``;
``alt-profanity-check`` is the package of that name; ``detoxify:FOLDER`` is a Detoxify checkpoint
that is there already. Nothing is downloaded, and a text without a word scores 0 with each of them.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from filters.text.cleaning import flatten_whitespace, fold_text

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Probabilities = NDArray[np.float32]

#: Texts in, none of them null; one probability each out.
Scorer = Callable[[pl.Series], "Probabilities"]

TOXICITY_MODEL_PATH = Path(__file__).parents[1] / "models" / "toxicity.npz"
#: What our model tells apart, each with a probability of its own.
CATEGORIES = ("insult", "obscene", "identity_hate")

_PROFANITY_CHECK = "alt-profanity-check"
_DETOXIFY_PREFIX = "detoxify:"
# A transformer's memory grows with the texts that it reads at once.
_DETOXIFY_BATCH = 32


def list_model_files(name: str) -> list[Path]:
    """The files that decide; a package that is not installed has none, and ``check`` says so."""
    if name == _PROFANITY_CHECK:
        return [
            folder / "data" / f"{part}.joblib"
            for folder in _find_package_folders("profanity_check")
            for part in ("vectorizer", "model")
        ]
    if name.startswith(_DETOXIFY_PREFIX):
        return sorted(Path(name.removeprefix(_DETOXIFY_PREFIX)).glob("*.ckpt"))
    return [Path(name) if name else TOXICITY_MODEL_PATH]


def check_model(name: str) -> None:
    """A ValueError if the package or the folder that a name stands for is not there."""
    if name == _PROFANITY_CHECK and not _find_package_folders("profanity_check"):
        raise ValueError(f"'{_PROFANITY_CHECK}' is not installed; pip install {_PROFANITY_CHECK}")
    if name.startswith(_DETOXIFY_PREFIX):
        if not _find_package_folders("detoxify"):
            raise ValueError("'detoxify' is not installed; pip install detoxify")
        if len(list_model_files(name)) != 1:
            raise ValueError(
                f"'{name}' must name a folder with one checkpoint (.ckpt) and the tokenizer's "
                f"files; it has {len(list_model_files(name))} checkpoints, and nothing is downloaded"
            )


def load_scorer(name: str, label: str) -> Scorer:
    """The scorer of a name; ``label`` is the class that counts as toxic, if it has several."""
    check_model(name)
    missing = [str(path) for path in list_model_files(name) if not path.is_file()]
    if missing:
        raise FileNotFoundError(f"toxicity: no model file at {missing[0]}")
    if name == _PROFANITY_CHECK:
        return _make_scorer(_load_profanity_check())
    if name.startswith(_DETOXIFY_PREFIX):
        return _make_scorer(_load_detoxify(Path(name.removeprefix(_DETOXIFY_PREFIX)), label))
    return (
        _make_scorer(_load_fasttext(Path(name), label)) if name else load_builtin_scorer("toxicity")
    )


def load_builtin_scorer(kind: str) -> Scorer:
    """Our linear model for ``toxicity`` or a category: the score of the worst 64 words."""
    import numpy as np

    from filters.toxicity import linear_model

    try:
        model = linear_model.load_models(TOXICITY_MODEL_PATH)[kind]
    # A cut or foreign file fails in zipfile, in numpy or in our own check, each its own way.
    except Exception as error:
        raise ValueError(
            f"toxicity: {TOXICITY_MODEL_PATH} is not the model this version ships: {error}"
        ) from error

    def score(texts: pl.Series) -> Probabilities:
        read = texts.to_frame("text").select(fold_text("text")).to_series()
        # No word, logit -inf, probability 0. A logit of -90 would overflow exp in float32.
        with np.errstate(over="ignore"):
            return np.asarray(
                1 / (1 + np.exp(-linear_model.compute_logits(read, model))), dtype=np.float32
            )

    return score


def _find_package_folders(name: str) -> list[Path]:
    """The folders of a package, which is not imported; none if it is not installed."""
    found = find_spec(name)
    return [Path(each) for each in (found.submodule_search_locations or [])] if found else []


def _make_scorer(predict: Callable[[list[str]], Any]) -> Scorer:
    """A scorer that shows a model each text on one line, and only those that have something."""
    import numpy as np

    def score(texts: pl.Series) -> Probabilities:
        # A newline ends a fastText example, so flatten it first.
        lines = texts.to_frame("text").select(flatten_whitespace("text")).to_series()
        scores = np.zeros(len(lines), dtype=np.float32)
        some = (lines != "").arg_true().to_numpy()
        if some.size:
            # A softmax may pass 1 by a rounding.
            scores[some] = np.clip(np.asarray(predict(lines.gather(some).to_list())), 0, 1)
        return scores

    return score


def _load_fasttext(path: Path, label: str) -> Callable[[list[str]], Any]:
    """A user's fastText model, which sees each text otherwise as written."""
    from filters.text import fasttext

    model = fasttext.load_model(path)
    wanted = label if label.startswith("__label__") else f"__label__{label}"
    _require_label(path, wanted, list(model.get_labels()))

    def predict(lines: list[str]) -> list[float]:
        return [
            float(probabilities[names.index(wanted)])
            for names, probabilities in fasttext.predict_labels(model, lines)
        ]

    return predict


def _load_profanity_check() -> Callable[[list[str]], Any]:
    try:
        from profanity_check import predict_prob
    except Exception as error:  # a model that this scikit-learn cannot read fails in many ways
        raise ValueError(f"toxicity: '{_PROFANITY_CHECK}' cannot be loaded: {error}") from error
    return predict_prob  # type: ignore[no-any-return]


def _load_detoxify(folder: Path, label: str) -> Callable[[list[str]], Any]:
    """A Detoxify checkpoint and its tokenizer; the base model's config must be at hand as well."""
    import numpy as np

    # Its library would ask the network for what the folder lacks.
    os.environ["HF_HUB_OFFLINE"] = "1"
    from detoxify import Detoxify

    (checkpoint,) = folder.glob("*.ckpt")
    try:
        model = Detoxify(
            checkpoint=str(checkpoint), device="cpu", huggingface_config_path=str(folder)
        )
    except Exception as error:
        raise ValueError(
            f"toxicity: {checkpoint} cannot be loaded offline: {error}; the folder must hold the "
            "tokenizer's files, and the base model's config must be in Hugging Face's cache"
        ) from error
    # Detoxify calls the class "toxic" of its first models "toxicity", as the later ones do.
    wanted = "toxicity" if label == "toxic" else label
    _require_label(checkpoint, wanted, list(model.class_names))

    def predict(lines: list[str]) -> Any:
        found = [
            np.atleast_1d(model.predict(lines[first : first + _DETOXIFY_BATCH])[wanted])
            for first in range(0, len(lines), _DETOXIFY_BATCH)
        ]
        # The last digits hang on how far a batch was padded.
        return np.round(np.concatenate(found), 4)

    return predict


def _require_label(path: Path, label: str, labels: list[str]) -> None:
    if label not in labels:
        known = ", ".join(sorted(name.removeprefix("__label__") for name in labels))
        raise ValueError(
            f"toxicity: {path} has no label '{label.removeprefix('__label__')}'; it has: {known}"
        )
