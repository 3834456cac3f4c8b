"""Write tiny invented dumps for the plans of this folder.

    python examples/make_dumps.py dumps/examples

Every person, address and number in them is invented. Each format that the plans read has its
file; files of the same names are replaced.
"""

from __future__ import annotations

import csv
import gzip
import json
import sys
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

DAY = 1_714_521_600  # 2024-05-01, UTC
SENTENCES = (
    "The ferry to the island was late again, so we walked along the pier and talked about bread.",
    "I replaced the chain on my old bicycle yesterday, and the gears have been quiet ever since.",
    "Does anybody know a good way to keep basil alive on a balcony that faces north?",
    "My neighbour plays the clarinet every evening, and after a year I have started to enjoy it.",
    "We tried the new bakery near the station; the rye loaf is excellent and the coffee is not.",
    "Reading the map upside down is how we found the nicest lake of the whole journey.",
    "The library opens on Sundays now, which is the best thing that happened to this town.",
    "After three failed attempts the tomato seedlings finally look like they want to live.",
)


def main(folder: Path) -> None:
    """Write the dumps of all formats below ``folder``."""
    for write in (write_reddit, write_x_stream, write_x_archive, write_bluesky, write_forum):
        write(folder)
    print(f"dumps in {folder}")


def write_reddit(folder: Path) -> None:
    """Write a month of submissions and of comments: two threads, a deleted comment, a copy."""
    submissions = [
        {"id": f"s{number}", "author": f"asker{number}", "title": title, "selftext": text}
        | {"subreddit": "gardening", "score": 5, "created_utc": DAY + number}
        for number, (title, text) in enumerate(
            (
                ("Basil on a north balcony", SENTENCES[2]),
                ("Quiet gears at last", SENTENCES[1]),
            )
        )
    ]
    comments = [
        _comment(
            1, "s0", "t3_s0", "Put it on the kitchen window instead, and water it from below."
        ),
        _comment(
            2, "s0", "t1_c1", "That worked for me too, thank you for the idea about the water!"
        ),
        _comment(
            3, "s0", "t3_s0", "Write to rosa.finch@example.org and I will send you seedlings."
        ),
        _comment(4, "s1", "t3_s1", "Which chain did you buy? Mine makes a noise in every gear."),
        _comment(5, "s1", "t1_c4", "[deleted]", author="[deleted]"),
        _comment(6, "s1", "t3_s1", "!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!"),
    ]
    _write_lines(folder / "reddit" / "RS_2024-05.jsonl", submissions)
    _write_lines(folder / "reddit" / "RC_2024-05.jsonl", comments)


def _comment(
    number: int, thread: str, parent: str, body: str, author: str | None = None
) -> dict[str, Any]:
    return {
        "id": f"c{number}", "author": author or f"guest{number}", "body": body, "score": 2,
        "subreddit": "gardening", "link_id": f"t3_{thread}", "parent_id": parent,
        "created_utc": DAY + 60 * number,
    }  # fmt: skip


def write_x_stream(folder: Path) -> None:
    """Write an hour of the v1.1 stream: statuses, a repeated one, and a notice of deletion."""
    texts = [*SENTENCES[:5], SENTENCES[0]]
    rows: list[dict[str, Any]] = [
        {
            "id_str": str(700 + number), "created_at": f"Wed May 01 10:0{number}:00 +0000 2024",
            "text": text, "lang": "en",
            "user": {"id_str": str(40 + number), "screen_name": f"bird{number}"},
        }
        for number, text in enumerate(texts)
    ]  # fmt: skip
    rows.append({"delete": {"status": {"id_str": "703", "user_id_str": "43"}}})
    path = folder / "x" / "stream-2024-05-01.jsonl.gz"
    path.parent.mkdir(parents=True, exist_ok=True)
    text = "".join(json.dumps(row) + "\n" for row in rows)
    path.write_bytes(gzip.compress(text.encode(), mtime=0))


def write_x_archive(folder: Path) -> None:
    """Write the archive that X gives an account: a zip with a few tweets of its owner."""
    tweets = [
        {
            "tweet": {
                "id_str": str(900 + number), "full_text": text, "lang": "en", "favorite_count": "1",
                "created_at": f"Thu May 02 09:0{number}:00 +0000 2024", "entities": {},
            }
        }
        for number, text in enumerate(SENTENCES[5:])
    ]  # fmt: skip
    account = [{"account": {"accountId": "77", "username": "rosa_finch"}}]
    path = folder / "x" / "twitter-2024-05-02-rosa.zip"
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        for name, value in (("account", account), ("tweets", tweets)):
            member = zipfile.ZipInfo(f"data/{name}.js", (2024, 5, 2, 0, 0, 0))
            archive.writestr(member, f"window.YTD.{name}.part0 = {json.dumps(value)}")


def write_bluesky(folder: Path) -> None:
    """Write lines of Jetstream: posts, a reply, a like, and a deletion."""
    posts = [_event(number, text) for number, text in enumerate(SENTENCES[:6])]
    reply = _event(6, "Ours was on time today, so perhaps they have read what you wrote.")
    first = {"uri": "at://did:plc:example0/app.bsky.feed.post/3k0", "cid": "bafy"}
    reply["commit"]["record"]["reply"] = {"root": first, "parent": first}
    like = _event(7, "")
    like["commit"] |= {
        "collection": "app.bsky.feed.like",
        "record": {"$type": "app.bsky.feed.like"},
    }
    deletion = _event(4, "")
    deletion["commit"] = {
        "rev": "s", "operation": "delete", "collection": "app.bsky.feed.post", "rkey": "3k4",
    }  # fmt: skip
    deletion["time_us"] += 3_600_000_000
    _write_lines(folder / "bluesky" / "jetstream.jsonl", [*posts, reply, like, deletion])


def _event(number: int, text: str) -> dict[str, Any]:
    record = {
        "$type": "app.bsky.feed.post", "text": text, "langs": ["en"],
        "createdAt": f"2024-05-01T12:00:0{number}Z",
    }  # fmt: skip
    return {
        "did": f"did:plc:example{number}", "time_us": (DAY + 43_200 + number) * 1_000_000,
        "kind": "commit",
        "commit": {
            "rev": "r", "operation": "create", "collection": "app.bsky.feed.post",
            "rkey": f"3k{number}", "record": record, "cid": "bafy",
        },
    }  # fmt: skip


def write_forum(folder: Path) -> None:
    """Write a forum's CSV: posts in two languages, one of them short."""
    rows = [
        (1, "ada", SENTENCES[6], "2024-05-01 08:00:00"),
        (2, "bob", SENTENCES[7], "2024-05-01 09:00:00"),
        (3, "eve", "Nice lake.", "2024-05-01 10:00:00"),
        (4, "eva", "Die Bibliothek hat jetzt auch am Sonntag geöffnet.", "2024-05-01 11:00:00"),
        (5, "tom", "Call me on +44 20 7946 0958 if you have the ladder.", "2024-05-01 12:00:00"),
    ]  # fmt: skip
    path = folder / "forum" / "posts.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("post", "member", "message", "written"), *rows])


def _write_lines(path: Path, rows: Iterable[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    main(Path(sys.argv[1]))
