"""Work on keys and rows of all parts without holding them in one process."""
