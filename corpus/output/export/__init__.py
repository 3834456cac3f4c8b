"""Export the documents of a finished corpus to the formats of training programs."""

from corpus.output.export.export_corpus import Export, export_corpus
from corpus.output.export.formats import FORMATS, find_format

__all__ = ["FORMATS", "Export", "export_corpus", "find_format"]
