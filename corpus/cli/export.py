"""The command that writes a corpus in the format of a training program."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from corpus.cli.options import CorpusArgument
from corpus.errors import CorpusError
from corpus.plurals import pluralize
from corpus.storage.export_files import FOLDER

if TYPE_CHECKING:
    import pyarrow as pa

    from corpus.loader.load import Corpus, Split
    from corpus.output.export.contract import Options, Tokens


def export(
    out: CorpusArgument,
    format: Annotated[
        str, typer.Option(help="jsonl, chat, megatron, ds, mds, litdata or webdataset")
    ],
    to: Annotated[
        str | None, typer.Option(help="the folder to write; default: OUT/exports/FORMAT")
    ] = None,
    columns: Annotated[
        str | None, typer.Option(help="the columns, separated by commas; default: by format")
    ] = None,
    where: Annotated[
        str | None,
        typer.Option(help="only these documents: a condition in SQL, as \"lang = 'en'\""),
    ] = None,
    tokenizer: Annotated[
        str | None,
        typer.Option(help="megatron, ds: a tokenizer.json, or a name in the Hub's local cache"),
    ] = None,
    separator: Annotated[
        str | None, typer.Option(help="the token after each document; default: end of text")
    ] = None,
    split: Annotated[str, typer.Option(help="train or validation")] = "train",
    chat_form: Annotated[str, typer.Option(help="chat: openai or sharegpt")] = "openai",
) -> None:
    """Write the documents of a finished corpus in the format of a training program.

    Run it again to continue where it stopped. The folder gets a copy of the corpus's manifest, and
    a manifest of its own, last. A takedown removes exports in OUT, and names those elsewhere.
    """
    from corpus.loader.load import load
    from corpus.output.export import Export, export_corpus
    from corpus.output.export.choose_documents import parse_condition
    from corpus.storage.derived_files import FIELD, list_derived_files
    from corpus.storage.folder_lock import locked_if_inside
    from corpus.storage.remote_path import parse_path
    from corpus.storage.unfinished_takedown import recover

    root = parse_path(out)
    tokens = _load_tokens(format, tokenizer, separator, columns)
    folder = _choose_folder(root, to, format)
    recover(root)
    with locked_if_inside(root, folder, "export") as inside:
        corpus = load(out)
        shards = _Shards(corpus.split(split))
        options = _choose_options(corpus, format, columns, split, chat_form, tokens)
        condition = parse_condition(where, options.schema) if where else None
        if isinstance(root, Path):
            list_derived_files(root, "export", folder, is_locked=inside)
        # Whoever gets this export need not know of the others.
        manifest = {name: value for name, value in corpus.manifest.items() if name != FIELD}
        export = Export(format, options, condition, where or "")
        done = export_corpus(shards, export, folder, manifest)
    _print_export(done, folder)


def _choose_folder(root: Any, to: str | None, format: str) -> Path:
    """Return the folder of the export; CorpusError for one among the files of the corpus."""
    from corpus.storage.folder_lock import is_inside

    if to is None:
        if not isinstance(root, Path):
            raise CorpusError(f"'{root}' is a URL; name a local folder for the export with --to")
        to = str(root / FOLDER / format)
    folder = Path(to)
    if isinstance(root, Path) and (root / FOLDER).is_symlink():
        raise CorpusError(f"'{root / FOLDER}' is a symbolic link; remove it")
    if is_inside(root, folder) and folder.resolve().parent != (root / FOLDER).resolve():
        raise CorpusError(
            f"'{folder}' is among the files of the corpus; exports in it are in {FOLDER}/, such as "
            f"'{root / FOLDER / format}'"
        )
    return folder


def _load_tokens(
    format: str, tokenizer: str | None, separator: str | None, columns: str | None
) -> Tokens | None:
    """Return the tokenizer of a format of token ids, None for another format."""
    import numpy as np

    from corpus.loader.find_tokenizer import find_tokenizer
    from corpus.loader.token_encoder import make_encoder
    from corpus.output.export import find_format
    from corpus.output.export.contract import Tokens

    module = find_format(format)
    if not module.TOKENS:
        if tokenizer or separator:
            raise CorpusError(f"'{format}' has texts, not token ids; omit --tokenizer, --separator")
        return None
    if tokenizer is None:
        raise CorpusError(f"'{format}' has token ids; name a tokenizer with --tokenizer")
    if columns is not None:
        raise CorpusError(f"'{format}' has only token ids of the texts; omit --columns")
    found = find_tokenizer(tokenizer)
    encoder = make_encoder(found.path, separator or found.end_of_text)
    return Tokens(
        name=found.name,
        encode=encoder,
        dtype=np.dtype(module.choose_dtype(max(encoder.vocabulary - 1, encoder.separator))),
        vocabulary=encoder.vocabulary,
        separator=encoder.separator,
        identity=encoder.identity,
    )


class _Shards:
    """The shards of a split, as an export reads them."""

    def __init__(self, split: Split) -> None:
        self.entries: Sequence[dict[str, Any]] = split.shards
        self.identity = split.identity
        self._index = split.shard_index()

    def read(self, number: int, columns: Sequence[str]) -> Iterator[pa.Table]:
        """Yield the row groups of a shard."""
        for row_group in self._index.row_groups_of_shard(number):
            self._index.prefetch_from(row_group, columns)
            yield self._index.read_row_group(row_group, columns)


def _choose_options(
    corpus: Corpus,
    format: str,
    columns: str | None,
    split: str,
    chat_form: str,
    tokens: Tokens | None,
) -> Options:
    from corpus.conversations.messages import TurnFormat
    from corpus.output.export import find_format
    from corpus.output.export.choose_documents import check_columns
    from corpus.output.export.contract import Options
    from corpus.plan.built_plan import load_built_plan

    schema = dict(corpus.scan().collect_schema())
    names: Sequence[str] | None = find_format(format).DEFAULT_COLUMNS
    if columns is not None:
        names = [name.strip() for name in columns.split(",") if name.strip()]
    turns = TurnFormat.of(load_built_plan(corpus.path).stage_settings("conversations"))
    return Options(
        columns=check_columns(list(schema) if names is None else names, schema),
        schema=schema,
        split=split,
        chat_form=chat_form,
        tokens=tokens,
        make_messages=None if turns is None else turns.make_messages,
    )


def _print_export(done: dict[str, Any], folder: Path) -> None:
    files = len(done["files"]) - 1  # the copy of the corpus's manifest is no file of documents
    tokens = f", {pluralize(done['tokens'], 'token')}," if "tokens" in done else ""
    print(f"{pluralize(done['documents'], 'document')}{tokens} in {pluralize(files, 'file')}")
    for reason, count in sorted(done["skipped"].items()):
        print(f"{count:,} not exported: {reason}")
    print(f"export  {folder}")
