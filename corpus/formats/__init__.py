"""Records out of bytes: compression, JSON, Parquet, HTML, CAR. Nothing here knows posts."""
