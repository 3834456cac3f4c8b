"""Local and remote files, through fsspec: open, list, upload, download, lock."""
