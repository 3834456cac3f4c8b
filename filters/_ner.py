"""The former module of ``filters.pii.nlp_engine``; import it from ``filters.pii`` instead."""

from filters.pii.ner import nlp_engine

__all__ = ["nlp_engine"]
