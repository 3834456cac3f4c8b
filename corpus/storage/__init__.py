"""Files here and at URLs, through fsspec."""
