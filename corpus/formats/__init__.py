"""Read records out of bytes: archives, compression, JSON, CSV, Parquet, HTML, CAR; not posts."""
