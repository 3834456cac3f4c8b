"""Measure the stages on labelled posts: ``python -m bench.quality [NAME ...]``."""

import sys

from bench.run_modules import run_modules

DEFAULT = (
    "judgement",
    "language",
    "language_sheet",
    "quality_presets",
    "quality_languages",
    "word_salad",
    "toxicity",
    "toxicity_sheet",
    "toxicity_languages",
    "classifier",
    "pii",
    "pii_clean",
    "pii_phones",
    "pii_names",
    "pii_contexts",
    "audit_planted",
)
MORE = ("dedup", "language_model", "pii_gates", "real_funnels", "real_readers")

if __name__ == "__main__":
    sys.exit(run_modules("bench.quality", __doc__, DEFAULT, MORE))
