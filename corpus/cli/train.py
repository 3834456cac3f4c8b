"""Commands that prepare training: token files of a corpus, and a classifier for a stage."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from corpus.cli.options import CorpusArgument
from corpus.errors import BuildError
from corpus.plurals import pluralize


def tokenize(
    out: CorpusArgument,
    tokenizer: Annotated[
        str, typer.Option(help="a tokenizer.json, or a name in the Hub's local cache")
    ],
    separator: Annotated[
        str | None, typer.Option(help="the token after each document; default: end of text")
    ] = None,
    dtype: Annotated[str, typer.Option(help="auto, uint16 or uint32")] = "auto",
    to: Annotated[
        str | None, typer.Option(help="the folder to write to; default: OUT/tokens")
    ] = None,
    split: Annotated[str, typer.Option(help="train or validation")] = "train",
) -> None:
    """Write the tokens of a finished corpus as one flat array, for numpy.memmap.

    After an interruption the same command continues where it stopped.
    """
    from corpus.loader import memmap
    from corpus.loader.find_tokenizer import find_tokenizer

    found = find_tokenizer(tokenizer)
    separator = separator or found.end_of_text
    index = memmap.tokenize(
        out, found.path, destination=to, separator=separator, dtype=dtype, split=split
    )
    tokens, documents = index["tokens"], index["documents"]
    print(f"{pluralize(tokens, 'token')} of {pluralize(documents, 'document')} as {index['dtype']}")
    print(f"tokens  {to or Path(out) / 'tokens' / ('' if split == 'train' else split)}")


def train(
    labelled: Annotated[
        str, typer.Option(help="JSON lines, CSV, TSV or Parquet, compressed or not")
    ],
    text: Annotated[str, typer.Option(help="the column with the posts' texts")],
    label: Annotated[str, typer.Option(help="the column with their labels")],
    out: Annotated[str, typer.Option(help="the model to write: .bin, or .ftz for a small one")],
    precision: Annotated[
        float | None, typer.Option(help="find the score above which a label has this precision")
    ] = None,
    wanted: Annotated[
        list[str] | None,
        typer.Option("--for", help="find it for this label (may be repeated); default: all"),
    ] = None,
    dim: Annotated[int | None, typer.Option(help="size of the vectors [16]")] = None,
    epochs: Annotated[int | None, typer.Option(help="passes over the posts [20]")] = None,
    learning_rate: Annotated[
        float | None, typer.Option(help="the learning rate at the start [0.3]")
    ] = None,
    word_ngrams: Annotated[int | None, typer.Option(help="longest n-gram of words [2]")] = None,
    min_chars: Annotated[int | None, typer.Option(help="shortest n-gram of characters [3]")] = None,
    max_chars: Annotated[int | None, typer.Option(help="longest n-gram of characters [6]")] = None,
    most_rows: Annotated[
        int | None, typer.Option(help="largest number of vectors [1048576]")
    ] = None,
    seed: Annotated[
        int | None, typer.Option(help="the random seed: another one gives another model [1]")
    ] = None,
    delimiter: Annotated[str, typer.Option(help="the separator of a CSV, if not a comma")] = "",
    quotes: Annotated[bool, typer.Option(help='whether " opens a quoted field of a CSV')] = True,
) -> None:
    """Train a classifier on posts that you have labelled, for the stage 'classifier'.

    Prints precision and recall on posts held out, and writes the model's card next to it. The same
    file gives the same bytes. Exit status 1 if no threshold gives the wanted precision.
    """
    from corpus.plan.validate import validate_settings
    from corpus.report.terminal import make_printable
    from corpus.training import labelled_data, model_card, train_classifier
    from corpus.training.fit_fasttext import TrainingSettings

    options = {
        "dim": dim,
        "epochs": epochs,
        "learning_rate": learning_rate,
        "word_ngrams": word_ngrams,
        "min_chars": min_chars,
        "max_chars": max_chars,
        "most_rows": most_rows,
        "seed": seed,
    }
    given = {name: value for name, value in options.items() if value is not None}
    settings = validate_settings(TrainingSettings, given, "train")
    model_card.check_card(Path(out))
    posts = labelled_data.read_labelled(labelled, text, label, delimiter, quotes)
    trained = train_classifier.train(posts, out, settings, precision, wanted or ())
    card = model_card.write_model_card(trained, text, label)
    print(make_printable(model_card.format_metrics(trained)))
    print(f"model   {trained.model}\ncard    {card}")
    if problem := model_card.explain_missing_thresholds(trained):
        raise BuildError(problem)
