"""Count what the preset ``social`` drops of posts in each language, by reason.

    python -m bench.quality.quality_languages [--data ../shared/data] [--posts 20000]

The posts are those of the sets for language identification, of the labelled sets of toxicity and of
the unlabelled ones, each in the language that its set states, as ordinary posts: what is dropped
includes the spam, the templates and the empty posts among them, so that it is an upper bound of
what is lost. At most ``--posts`` of a set are read, from its beginning.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

import polars as pl

from filters import quality

# A language with fewer posts has no share below a per cent.
_LEAST_POSTS = 100


def load_languages(data: Path, limit: int) -> pl.DataFrame:
    """Return the posts of all sets: ``set``, ``lang``, ``text``, and ``platform`` if it is X.

    A post stands once. Posts whose language is mixed or not certain are left out.
    """
    frames = [
        pl.DataFrame({"lang": langs, "text": texts}, schema={"lang": pl.String, "text": pl.String})
        .with_columns(
            pl.lit(name).alias("set"),
            pl.lit("x" if is_x else None, pl.String).alias("platform"),
        )
        .head(limit)
        for name, is_x, langs, texts in _read_sets(data)
    ]
    return pl.concat(frames).unique(["lang", "text"], keep="first", maintain_order=True)


def _read_sets(data: Path) -> Iterator[tuple[str, bool, list[str], list[str]]]:
    """Yield each set's name, whether it is of X, its languages and its texts."""
    rows = [json.loads(line) for line in _lines(data / "langid/twituser_first_7000.jsonl")]
    yield "twituser", True, [row["lang"] for row in rows], [row["text"] for row in rows]
    cells = [line.split("\t") for line in _lines(data / "langid/tweetlid_train.tsv")]
    sure = [row for row in cells if len(row) == 4 and row[2].isalpha() and len(row[2]) == 2]
    yield "tweetlid", True, [row[2] for row in sure], [row[3] for row in sure]
    for path in sorted((data / "langid/afrisenti").glob("*.tsv")):
        lang = _AFRISENTI.get(path.stem[:-4], path.stem[:-4])
        texts = [line.split("\t")[1] for line in _lines(path)[1:] if "\t" in line]
        yield f"afrisenti-{path.stem}", True, [lang] * len(texts), texts
    for path in sorted((data / "toxicity_multi").glob("*.tsv.zst")):
        table = [line.split("\t") for line in _lines(path)[1:]]
        yield path.stem[:-4], False, [row[1] for row in table], [_unescape(r[4]) for r in table]
    for path in sorted((data / "unlabelled").glob("*.txt.zst")):
        texts = _lines(path)
        name = path.name.removesuffix(".txt.zst")
        lang = "ur-Latn" if name == "ur-roman" else name.partition("-")[0]
        yield name, False, [lang] * len(texts), texts


# The codes of AfriSenti that are none of ISO 639.
_AFRISENTI = {"dz": "ar-DZ", "ma": "ar-MA", "kr": "rw", "twi": "tw", "pt": "pt-MZ"}


def _unescape(text: str) -> str:
    return text.replace("\\n", "\n").replace("\\t", "\t").replace("\\\\", "\\")


def _lines(path: Path) -> list[str]:
    content = path.read_bytes()
    if path.suffix == ".zst":
        import zstandard

        content = zstandard.ZstdDecompressor().decompressobj().decompress(content)
    return [line for line in content.decode("utf-8", "replace").split("\n") if line.strip()]


def judge(posts: pl.DataFrame) -> pl.Series:
    """Return the reason of each post under the default settings, null where it is kept."""
    run = quality.build(quality.Config())
    return run(posts.with_row_index("id"))["reject"].alias("reason")


def print_table(posts: pl.DataFrame, reasons: pl.Series) -> None:
    """Print how many posts of each language are dropped, and by which reason, in per cent."""
    judged = posts.with_columns(reasons)
    names = sorted(reasons.drop_nulls().unique())
    header = " ".join(f"{name[:10]:>10}" for name in names)
    print(f"{'language':9}{'posts':>8}{'dropped %':>10} {header}")
    rows = []
    for (lang,), part in judged.group_by("lang", maintain_order=True):
        if len(part) >= _LEAST_POSTS:
            dropped = part["reason"].is_not_null().mean()
            shares = [100 * (part["reason"] == name).sum() / len(part) for name in names]
            rows.append((str(lang), len(part), 100 * float(dropped or 0), shares))
    for lang, size, dropped, shares in sorted(rows, key=lambda row: -row[2]):
        cells = " ".join(f"{share:10.2f}" for share in shares)
        print(f"{lang:9}{size:8,}{dropped:10.2f} {cells}")
    above = sum(dropped > 1 for _, _, dropped, _ in rows)
    print(f"{len(rows)} languages and variants; more than 1 % is dropped in {above}")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--posts", type=int, default=20_000, help="of a set, at most")
    options = parser.parse_args()
    if not (options.data / "langid").exists():
        print(f"no posts in languages at '{options.data}', so nothing is measured")
        return
    posts = load_languages(options.data, options.posts)
    print_table(posts, judge(posts))


if __name__ == "__main__":
    main()
