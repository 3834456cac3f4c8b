"""Read tar, zip and 7z archives as streams, one inside another."""
