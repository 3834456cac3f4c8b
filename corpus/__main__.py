"""``python -m corpus``: the command line."""

from corpus.cli.app import main

if __name__ == "__main__":
    main()
