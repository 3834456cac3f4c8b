"""The version of this package; pyproject.toml and the output of a build take it from here."""

__version__ = "1.0.0rc1"
