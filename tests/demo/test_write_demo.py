"""Check that the demo dumps match ``planted.json`` and have the same bytes on every machine."""

from __future__ import annotations

import bz2
import csv
import io
import itertools
import json
import os
import re
import subprocess
import sys
import tarfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import zstandard

from corpus import demo

POSTS = 600


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("demo")
    demo.write(path, posts=POSTS, seed=1)
    return path


@pytest.fixture(scope="module")
def planted(folder: Path) -> dict[str, Any]:
    answers: dict[str, Any] = json.loads((folder / "planted.json").read_text("utf-8"))
    return answers


def every_file(folder: Path) -> dict[str, bytes]:
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


def unpacked(path: Path) -> bytes:
    with path.open("rb") as file:
        reader = zstandard.ZstdDecompressor(max_window_size=2**31).stream_reader(file)
        return b"".join(iter(lambda: reader.read(1 << 16), b""))


def members(path: Path) -> list[tuple[str, bytes]]:
    with tarfile.open(path) as tar:
        files = [(info.name, tar.extractfile(info)) for info in tar]
        return [(name, bz2.decompress(file.read())) for name, file in files if file]


def objects(content: bytes, lines: Counter[str]) -> Iterator[dict[str, Any]]:
    """Yield the objects of the lines; count the other lines in ``lines``."""
    for line in content.removesuffix(b"\n").split(b"\n"):
        if not line.strip():
            lines["blank"] += 1
            continue
        try:
            yield json.loads(line.decode())
        except UnicodeDecodeError:
            lines["invalid_utf8"] += 1
        except json.JSONDecodeError:
            lines["cut_json"] += 1


def reddit(folder: Path, name: str) -> tuple[list[dict[str, Any]], Counter[str]]:
    lines: Counter[str] = Counter()
    found = list(objects(unpacked(folder / "reddit" / name), lines))
    whole = [record for record in found if isinstance(record["id"], str)]
    lines["wrong_type"] = len(found) - len(whole)
    return whole, lines


def stream(folder: Path) -> tuple[list[tuple[str, int, dict[str, Any]]], Counter[str]]:
    """Return (member, line number, record) of every status and notice."""
    lines: Counter[str] = Counter()
    found = [
        (name, position, record)
        for name, content in members(folder / "x/stream-2024-05.tar")
        for position, record in enumerate(objects(content, lines))
    ]
    wrong = [entry for entry in found if isinstance(entry[2].get("text"), dict)]
    lines["wrong_type"] = len(wrong)
    lines.update(kind for _, _, record in found for kind in ("delete", "limit") if kind in record)
    return [entry for entry in found if entry not in wrong], lines


def statuses(folder: Path) -> list[dict[str, Any]]:
    return [record for _, _, record in stream(folder)[0] if "user" in record]


def tweets(folder: Path) -> tuple[list[dict[str, Any]], Counter[str]]:
    lines: Counter[str] = Counter()
    found: list[dict[str, Any]] = []
    for record in objects((folder / "x/api-2024-05.jsonl").read_bytes(), lines):
        some = record.get("data", record)
        included = {other["id"]: other for other in record.get("includes", {}).get("tweets", ())}
        some = some if isinstance(some, list) else [some]
        for post in some:  # a repost is whole only in what it refers to
            for other in post.get("referenced_tweets", ()):
                if other["type"] == "retweeted":
                    post |= {"reposted": included.get(other["id"], other)}
        found += some
    whole = [record for record in found if isinstance(record["id"], str)]
    lines["wrong_type"] = len(found) - len(whole)
    return whole, lines


def table(folder: Path) -> list[list[str]]:
    text = (folder / "table/forum.csv").read_bytes().decode("utf-8-sig")
    return list(csv.reader(io.StringIO(text, newline="")))[1:]


def texts(folder: Path) -> dict[str, str]:
    """Return the raw text of every post of every file by post id."""
    found = {f"reddit:t1_{r['id']}": r["body"] for r in reddit(folder, "RC_2024-05.zst")[0]}
    for r in reddit(folder, "RS_2024-05.zst")[0]:
        found[f"reddit:t3_{r['id']}"] = f"{r['title']}\n\n{r['selftext']}"
    for r in statuses(folder):
        original = r.get("retweeted_status", r)
        found[f"x:{r['id_str']}"] = original.get("extended_tweet", {}).get(
            "full_text", original["text"]
        )
    for r in tweets(folder)[0]:
        original = r.get("reposted", r)
        found[f"x:{r['id']}"] = original.get("note_tweet", original)["text"]
    found |= {f"forum:{row[0]}": row[2] for row in table(folder) if len(row) == 4}
    return found


def test_the_same_seed_gives_the_same_bytes_under_another_hash_seed(
    folder: Path, tmp_path: Path
) -> None:
    code = "import sys, pathlib, corpus.demo as d; d.write(pathlib.Path(sys.argv[1]), 600, 1)"
    here = str(Path(demo.__file__).parents[2])
    environment = os.environ | {"PYTHONHASHSEED": "7", "TZ": "Asia/Tokyo", "PYTHONPATH": here}
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], env=environment, check=True)
    assert every_file(folder) == every_file(tmp_path)


def test_another_seed_gives_other_posts_in_every_file(folder: Path, tmp_path: Path) -> None:
    demo.write(tmp_path, posts=POSTS, seed=2)
    ours, others = every_file(folder), every_file(tmp_path)
    assert ours.keys() == others.keys()
    assert not [name for name in ours if ours[name] == others[name]]


@pytest.mark.parametrize("name", ["RC_2024-05.zst", "RS_2024-05.zst"])
def test_the_reddit_files_declare_a_window_of_two_gibibytes(folder: Path, name: str) -> None:
    frame = (folder / "reddit" / name).read_bytes()
    assert zstandard.get_frame_parameters(frame).window_size == 2**31
    with pytest.raises(zstandard.ZstdError):
        zstandard.ZstdDecompressor().stream_reader(frame).read(10)
    assert unpacked(folder / "reddit" / name).startswith(b"{")


def test_each_file_has_the_planted_number_of_posts_and_other_lines(
    folder: Path, planted: dict[str, Any]
) -> None:
    found: dict[str, tuple[int, Counter[str]]] = {}
    for name in ("RC_2024-05.zst", "RS_2024-05.zst"):
        posts, lines = reddit(folder, name)
        found[f"reddit/{name}"] = (len(posts), lines)
    found["x/stream-2024-05.tar"] = (len(statuses(folder)), stream(folder)[1])
    posts, lines = tweets(folder)
    found["x/api-2024-05.jsonl"] = (len(posts), lines)
    good = sum(len(row) == 4 for row in table(folder))
    found["table/forum.csv"] = (good, Counter(bad_row=len(table(folder)) - good))
    expected = {
        name: (file["posts"], Counter(file["other_lines"]))
        for name, file in planted["files"].items()
    }
    assert expected == found
    assert planted["posts"] == POSTS == sum(count for count, _ in found.values())


def test_every_planted_id_is_in_the_files_and_every_post_is_planted(
    folder: Path, planted: dict[str, Any]
) -> None:
    categories = planted["ids"]["categories"]
    assert set(texts(folder)) == set(itertools.chain.from_iterable(categories.values()))
    assert sum(planted["counts"]["categories"].values()) == POSTS
    for group, some in planted["ids"].items():
        assert planted["counts"][group] == {name: len(ids) for name, ids in some.items()}


def test_posts_have_the_planted_traits(folder: Path, planted: dict[str, Any]) -> None:
    ids = planted["ids"]["categories"]
    comments, submissions = (reddit(folder, f"{n}_2024-05.zst")[0] for n in ("RC", "RS"))
    seen = Counter(f"reddit:t1_{r['id']}" for r in comments)
    seen += Counter(f"x:{r['id_str']}" for r in statuses(folder))
    found = {
        "deleted_later": [f"reddit:t1_{r['id']}" for r in comments if "_meta" in r]
        + [f"reddit:t3_{r['id']}" for r in submissions if "_meta" in r],
        "deleted_marker": [f"reddit:t1_{r['id']}" for r in comments if r["author"] == "[deleted]"]
        + [f"reddit:t3_{r['id']}" for r in submissions if r["author"] == "[deleted]"],
        "protected": [f"x:{r['id_str']}" for r in statuses(folder) if r["user"]["protected"]],
        "duplicate_id": [identity for identity, times in seen.items() if times > 1],
        "edited": [
            f"x:{r['id']}" for r in tweets(folder)[0] if len(r["edit_history_tweet_ids"]) > 1
        ],
        "lone_surrogate": [i for i, text in texts(folder).items() if "\ud83d" in text],
        "nul_escape": [i for i, text in texts(folder).items() if "\0" in text],
    }
    for name, identities in found.items():
        assert set(ids[name]) == set(identities), name
        assert identities, name


def test_delete_notices_are_where_they_were_planted(folder: Path, planted: dict[str, Any]) -> None:
    entries = stream(folder)[0]
    position_of = {r["id_str"]: (name, position) for name, position, r in entries if "user" in r}
    found: dict[str, set[str]] = {"before": set(), "after": set(), "other_member": set()}
    found["unseen"] = set()
    for name, position, record in entries:
        if "delete" not in record:
            continue
        identity = record["delete"]["status"]["id_str"]
        if identity not in position_of:
            found["unseen"].add(f"x:{identity}")
        elif position_of[identity][0] != name:
            found["other_member"].add(f"x:{identity}")
        else:
            where = "before" if position < position_of[identity][1] else "after"
            found[where].add(f"x:{identity}")
    assert {k: set(v) for k, v in planted["ids"]["delete_notices"].items()} == found
    assert all(found.values())


def test_copies_have_the_texts_of_their_originals(folder: Path, planted: dict[str, Any]) -> None:
    text, ids = texts(folder), planted["ids"]["categories"]
    plain = {i: re.sub(r"&amp;|&lt;|&gt;|[&<>]", "~", t) for i, t in text.items()}
    for copy in ids["exact_duplicate"] + ids["repost"]:
        assert plain[copy] == plain[planted["copies"][copy]]
    for copy in ids["near_duplicate"]:
        assert plain[copy] != plain[planted["copies"][copy]]


def test_planted_personal_details_are_in_their_posts(folder: Path, planted: dict[str, Any]) -> None:
    text = texts(folder)
    assert set(planted["pii_values"]) == set(planted["ids"]["categories"]["pii"])
    assert not [i for i, value in planted["pii_values"].items() if value not in text[i]]


def test_ordinary_posts_are_not_near_duplicates(folder: Path, planted: dict[str, Any]) -> None:
    text = texts(folder)
    ordinary = [text[i] for i in planted["ids"]["categories"]["ordinary"]]
    assert len(ordinary) == len({re.sub(r"\W+", "", t.lower()) for t in ordinary})
    pieces = [{t[i : i + 5] for i in range(len(t))} for t in ordinary[::2]]
    close = [(a, b) for a, b in itertools.combinations(pieces, 2) if len(a & b) / len(a | b) >= 0.7]
    assert close == []


def test_short_posts_have_three_words_and_vary(folder: Path, planted: dict[str, Any]) -> None:
    text = texts(folder)
    short = [text[i] for i in planted["ids"]["categories"]["short"]]
    assert {3} == {len(t.split()) for t in short}
    assert len(short) == len(set(short)) > 10


def test_most_posts_are_english_and_seven_languages_are_present(planted: dict[str, Any]) -> None:
    counts = planted["counts"]["languages"]
    assert {"en", "es", "pt", "fr", "de", "ja", "id", "und"} == set(counts)
    assert 0.58 < counts["en"] / sum(counts.values()) < 0.72


def test_too_few_posts_are_refused_with_the_least_number(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="at least 200"):
        demo.write(tmp_path, posts=10)
