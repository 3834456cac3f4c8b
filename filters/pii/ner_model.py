"""The small NER model for posts: spaCy's transition parser over hashed embeddings, and a lexicon.

A tweet writes "rose" for Rose and "PLEASE" for please, so letter case alone misleads a model, and
the training sets are too small for many names. The lexicon states of each word whether it is a
first name, a last name, a place, and how posts write it otherwise. It is one more attribute of a
word, stored in a spaCy attribute that the model does not need (``LANG``, the same for every word of
a pipeline), so it is looked up once for each distinct word, not for each token.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_MODELS = Path(__file__).parents[1] / "models"
NER_MODEL_PATH = _MODELS / "ner.bin"
#: The languages that have a model of ``ner_linear``.
LINEAR_LANGUAGES = ("de", "pt", "sv", "zh", "ja")
LEXICON_LISTS = ("first", "last", "place", "ordinary", "capital")

_PIPELINE_CONFIG = """
[nlp]
lang = "en"
pipeline = ["tok2vec", "ner"]

[components]

[components.tok2vec]
factory = "tok2vec"

[components.tok2vec.model]
@architectures = "spacy.Tok2Vec.v2"

[components.tok2vec.model.embed]
@architectures = "spacy.MultiHashEmbed.v2"
width = {width}
attrs = ["NORM", "PREFIX", "SUFFIX", "SHAPE", "LANG"]
rows = {rows}
include_static_vectors = false

[components.tok2vec.model.encode]
@architectures = "spacy.MaxoutWindowEncoder.v2"
width = {width}
depth = {depth}
window_size = 1
maxout_pieces = 3

[components.ner]
factory = "ner"

[components.ner.model]
@architectures = "spacy.TransitionBasedParser.v2"
state_type = "ner"
extra_state_tokens = false
hidden_width = {hidden}
maxout_pieces = 2
use_upper = true
nO = null

[components.ner.model.tok2vec]
@architectures = "spacy.Tok2VecListener.v1"
width = {width}
upstream = "tok2vec"
"""


def get_linear_path(lang: str) -> Path:
    """Return the file of a language's model of ``ner_linear``."""
    return _MODELS / f"ner_{lang}.bin"


def make_pipeline(shape: Mapping[str, Any], lexicon: Mapping[str, list[str]]) -> Any:
    """Return an untrained pipeline of a ``shape`` (width, depth, hidden, rows) and a lexicon."""
    import spacy
    from spacy.attrs import LANG

    config = spacy.Config().from_str(_PIPELINE_CONFIG.format(**shape))
    nlp = spacy.util.load_model_from_config(config, auto_fill=True)
    known = {name: frozenset(lexicon[name]) for name in LEXICON_LISTS}
    nlp.vocab.lex_attr_getters[LANG] = lambda word: _describe_word(word, known)
    return nlp


def _describe_word(word: str, known: Mapping[str, frozenset[str]]) -> str:
    """Return the case of a word and the lists of the lexicon that contain it, as a short name."""
    if word[:1] in "@#" or not word[:1].isalpha():
        return "-"
    lowered = word.lower()
    for ending in ("'s", "\u2019s"):
        lowered = lowered.removesuffix(ending)
    case = "U" if word.isupper() and len(word) > 1 else "T" if word[0].isupper() else "l"
    return case + "".join(str(int(lowered in known[name])) for name in LEXICON_LISTS)


def save_pipeline(
    nlp: Any, shape: Mapping[str, Any], lexicon: Mapping[str, list[str]], path: Path
) -> None:
    """Write a pipeline, its shape and its lexicon to one file."""
    import srsly

    for name in nlp.pipe_names:
        for node in nlp.get_pipe(name).model.walk():
            for param in node.param_names:
                if node.has_param(param):  # half the bits score as well and compress twice as well
                    rounded = node.get_param(param).astype("float16").astype("float32")
                    node.set_param(param, rounded)
    content = {
        "shape": dict(shape),
        "lexicon": {name: "\n".join(sorted(lexicon[name])) for name in LEXICON_LISTS},
        "weights": nlp.to_bytes(exclude=["vocab"]),
    }
    path.write_bytes(zlib.compress(srsly.msgpack_dumps(content), 9))


def load_pipeline(path: Path = NER_MODEL_PATH) -> Any:
    """Load the pipeline in a file; nothing is downloaded."""
    import srsly

    content = srsly.msgpack_loads(zlib.decompress(path.read_bytes()))
    lexicon = {name: words.split("\n") for name, words in content["lexicon"].items()}
    nlp = make_pipeline(content["shape"], lexicon)
    return nlp.from_bytes(content["weights"])
