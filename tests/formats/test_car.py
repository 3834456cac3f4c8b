"""Content-addressed archives: repositories, and the frames of the firehose."""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import random
import tarfile
from pathlib import Path
from typing import Any

import pytest

from corpus.formats.car import MAX_BLOCK_BYTES, ByteStream, CarArchive
from corpus.readers import bluesky
from corpus.readers.contract import Batch, Cursor, Refused, Sample
from tests.support.examples import examples

ADA = "did:plc:ada"
REV = "3kwemukb2222b"
SEEN = 1_720_000_000_000_000
POST = {"$type": "app.bsky.feed.post", "text": "tea"}


class Link(bytes):
    """A CID, which CBOR marks as such."""


def cbor(value: Any) -> bytes:
    """Canonical DAG-CBOR, with links."""
    if value is None:
        return b"\xf6"
    if isinstance(value, bool):
        return b"\xf5" if value else b"\xf4"
    if isinstance(value, int):
        return head(0, value) if value >= 0 else head(1, -1 - value)
    if isinstance(value, Link):
        return b"\xd8\x2a" + cbor(b"\0" + value)
    if isinstance(value, bytes):
        return head(2, len(value)) + value
    if isinstance(value, str):
        return head(3, len(value.encode())) + value.encode()
    if isinstance(value, list):
        return head(4, len(value)) + b"".join(map(cbor, value))
    pairs = sorted((len(key), cbor(key) + cbor(item)) for key, item in value.items())
    return head(5, len(pairs)) + b"".join(pair for _, pair in pairs)


def head(kind: int, size: int) -> bytes:
    if size < 24:
        return bytes([kind << 5 | size])
    width = next(width for width in (1, 2, 4, 8) if size < 1 << 8 * width)
    return bytes([kind << 5 | 23 + width.bit_length()]) + size.to_bytes(width, "big")


def varint(value: int) -> bytes:
    out = b""
    while value > 127:
        out, value = out + bytes([value & 127 | 128]), value >> 7
    return out + bytes([value])


class Car:
    """An archive in the making."""

    def __init__(self) -> None:
        self.body = b""

    def add(self, value: Any, *, cid: bytes = b"") -> Link:
        data = value if isinstance(value, bytes) else cbor(value)
        link = Link(cid or b"\x01\x71\x12\x20" + hashlib.sha256(data).digest())
        self.body += varint(len(link) + len(data)) + link + data
        return link

    def whole(self, root: bytes) -> bytes:
        header = cbor({"roots": [Link(root)], "version": 1})
        return varint(len(header)) + header + self.body


def entry(key: str, value: bytes, below: bytes | None = None, shared: int = 0) -> dict[str, Any]:
    return {"p": shared, "k": key.encode(), "v": value, "t": below}


def commit(car: Car, tree: bytes, **more: Any) -> Link:
    fields = {"did": ADA, "rev": REV, "data": tree, "version": 3, "sig": b"s", "prev": None}
    return car.add(fields | more)


def repo(records: dict[str, Any]) -> bytes:
    """A repository of one node."""
    car = Car()
    entries = [entry(key, car.add(value)) for key, value in records.items()]
    return car.whole(commit(car, car.add({"l": None, "e": entries})))


def batches(path: Path, part_posts: int = 100, start: Cursor | None = None) -> list[Batch]:
    return list(bluesky.read(str(path), bluesky.Config(path=str(path)), part_posts, start))


def only(path: Path, content: bytes) -> Batch:
    path.write_bytes(content)
    (batch,) = batches(path)
    return batch


def reasons(batch: Batch) -> list[str]:
    return batch.refused["reason"].to_list()


def three_nodes() -> bytes:
    """A tree with a node to the left, one between two keys, and a shared prefix."""
    car = Car()
    post = car.add(POST)
    left = car.add({"l": None, "e": [entry("app.bsky.feed.like/1", post)]})
    below = car.add({"l": None, "e": [entry("app.bsky.feed.post/2", post)]})
    top = [entry("app.bsky.feed.post/1", post, below), entry("3", post, shared=19)]
    return car.whole(commit(car, car.add({"l": left, "e": top})))


def test_a_tree_is_walked_in_the_order_of_its_keys(tmp_path: Path) -> None:
    found = only(tmp_path / "a.car", three_nodes())
    assert [name[-1] for name in found.posts["id"].to_list()] == ["1", "2", "3"]
    assert found.posts["source_row"].to_list() == [1, 1, 1]  # one block, shared by all
    assert (found.skipped, found.refused.height) == ({"app.bsky.feed.like": 1}, 0)


def test_a_repository_has_an_account_and_a_time(tmp_path: Path) -> None:
    found = only(tmp_path / "a.car", repo({"app.bsky.feed.post/3k2": POST}))
    (row,) = found.posts.select("id", "author", "seen_at", "root_id", "text").rows()
    name = f"bluesky:at://{ADA}/app.bsky.feed.post/3k2"
    assert row == (name, ADA, SEEN, name, "tea")


def test_the_labels_of_the_profile_apply_to_each_post(tmp_path: Path) -> None:
    labels = {"values": [{"val": "bot"}, {"val": "porn"}, {"val": "!no-unauthenticated"}]}
    profile = {"app.bsky.actor.profile/self": {"labels": labels}}
    found = only(tmp_path / "a.car", repo(profile | {"app.bsky.feed.post/1": POST}))
    said = found.posts.select("bot", "sensitive", "withdrawn").rows()
    assert said == [(True, True, "opted_out")]
    assert found.tombstones.rows() == [("author", f"bluesky:{ADA}", "opted_out", SEEN)]


def test_a_repository_without_rev_has_no_time(tmp_path: Path) -> None:
    car = Car()
    tree = car.add({"l": None, "e": [entry("app.bsky.feed.post/1", car.add(POST))]})
    root = car.add({"did": ADA, "version": 2, "data": tree, "sig": b"", "prev": None})
    assert only(tmp_path / "a.car", car.whole(root)).posts["seen_at"].to_list() == [None]


def test_the_readable_part_of_a_cut_file_is_read_and_the_rest_refused(tmp_path: Path) -> None:
    car = Car()
    first = car.add(POST)
    last = Link(b"\x01\x71\x12\x20" + hashlib.sha256(cbor(POST | {"text": "x"})).digest())
    entries = [entry("app.bsky.feed.like/1", last), entry("app.bsky.feed.post/1", first),
               entry("app.bsky.feed.post/2", last)]  # fmt: skip
    root = commit(car, car.add({"l": None, "e": entries}))
    car.add(POST | {"text": "x"})
    found = only(tmp_path / "a.car", car.whole(root)[:-3])
    assert found.posts["text"].to_list() == ["tea"]
    assert reasons(found) == ["truncated_stream", "missing_block"]
    assert found.skipped == {"app.bsky.feed.like": 1}


def test_only_the_damaged_block_is_refused(tmp_path: Path) -> None:
    whole = repo({"app.bsky.feed.post/1": POST, "app.bsky.feed.post/2": POST | {"text": "milk"}})
    found = only(tmp_path / "a.car", whole.replace(b"milk", b"silk"))
    assert found.posts["text"].to_list() == ["tea"]
    assert reasons(found) == ["damaged_block"]


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (b"\x9f\xff", "malformed_cbor"),
        (b"\xbf\xff", "malformed_cbor"),
        (b"\xa1\x61a\xfb\x7f\xf8" + b"\0" * 6, "malformed_cbor"),
        (b"\x81" * 100_000, "malformed_cbor"),
        (b"\x9b" + b"\xff" * 8, "malformed_cbor"),
        (b"", "malformed_cbor"),
        ([1], "wrong_type"),
        ({"text": 1}, "wrong_type"),
        ({}, "no_text"),
        (b"\x40" * (MAX_BLOCK_BYTES + 1), "block_too_large"),
    ],
)
def test_an_invalid_record_is_refused(tmp_path: Path, value: Any, reason: str) -> None:
    found = only(tmp_path / "a.car", repo({"app.bsky.feed.post/1": value}))
    assert (reasons(found), found.posts.height) == ([reason], 0)


def test_a_tree_with_a_cycle_is_read_once(tmp_path: Path) -> None:
    car = Car()
    post, me = car.add(POST), Link(b"\x01\x71\x12\x20" + b"m" * 32)
    car.add({"l": me, "e": [entry("app.bsky.feed.post/1", post, me)]}, cid=me)
    found = only(tmp_path / "a.car", car.whole(commit(car, me)))
    assert reasons(found) == ["damaged_block"]  # no true hash can make such a circle
    car = Car()
    node = car.add({"l": None, "e": [entry("app.bsky.feed.post/0", car.add(POST))]})
    for _ in range(40):  # 2^40 ways down to the first node
        node = car.add({"l": node, "e": [entry("app.bsky.feed.post/1", Link(node), node)]})
    found = only(tmp_path / "b.car", car.whole(commit(car, node)))
    assert found.posts.height == 1
    assert reasons(found).count("malformed_tree") == 40


@pytest.mark.parametrize(
    "node",
    [7, {"e": 1}, {"e": [1]}, {"e": [{"p": 5, "k": b"", "v": b""}]}, {"e": [{"p": 0, "k": "a"}]},
     {"e": [{"p": 0, "k": b"a" * 1025, "v": b""}]}, {"e": [{"p": -1, "k": b"", "v": b""}]}],
)  # fmt: skip
def test_an_invalid_node_is_refused(tmp_path: Path, node: Any) -> None:
    car = Car()
    assert reasons(only(tmp_path / "a.car", car.whole(commit(car, car.add(node))))) == [
        "malformed_tree"
    ]


def test_invalid_keys_and_pointers_are_refused_alone(tmp_path: Path) -> None:
    car = Car()
    post = car.add(POST)
    odd = [entry("noslash", post), {"p": 0, "k": b"\xff/1", "v": post, "t": None},
           entry("app.bsky.feed.post/a b", post), entry("app.bsky.feed.post/1", b"nothing"),
           entry("app.bsky.feed.post/2", post)]  # fmt: skip
    found = only(tmp_path / "a.car", car.whole(commit(car, car.add({"l": 7, "e": odd}))))
    assert reasons(found) == ["unknown_cid", "malformed_key", "no_id", "unknown_cid"]
    assert (found.posts.height, found.skipped) == (1, {"noslash": 1})


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (varint(2**62) + b"\xa2\x65roots", "malformed_car"),
        (varint(20) + b"\xa2\x65roots", "truncated_stream"),
        (varint(10) + b"\xa1\x67version\x02" + b"\0" * 40, "car_version"),
        (varint(17) + cbor({"roots": [], "version": 1}), "no_root"),
    ],
)
def test_an_invalid_header_is_refused(tmp_path: Path, content: bytes, reason: str) -> None:
    assert reasons(only(tmp_path / "a.car", content)) == [reason]


def test_a_root_that_is_not_a_commit_is_refused(tmp_path: Path) -> None:
    car = Car()
    assert reasons(only(tmp_path / "a.car", car.whole(car.add({"did": 1})))) == ["malformed_commit"]
    assert reasons(only(tmp_path / "a.car", Car().whole(b"\x01\x71\x12\x20" + b"0" * 32))) == [
        "missing_block"
    ]


def test_an_invalid_length_ends_the_archive(tmp_path: Path) -> None:
    whole = repo({"app.bsky.feed.post/1": POST})
    for tail, reason in ((b"\xff" * 20, "malformed_car"), (b"\0" * 20, "malformed_car"),
                         (varint(2**60) + b"x" * 20, "truncated_stream")):  # fmt: skip
        found = only(tmp_path / "a.car", whole + tail)
        assert (found.posts.height, reasons(found)) == (1, [reason])


def many(count: int) -> bytes:
    return repo({f"app.bsky.feed.post/{n:04}": POST | {"text": str(n)} for n in range(count)})


def test_compressed_and_archived_repositories_are_the_same_and_resume(tmp_path: Path) -> None:
    packed = tmp_path / "a.car.gz"
    packed.write_bytes(gzip.compress(many(9)))
    assert batches(packed)[0].posts["text"].to_list() == [str(n) for n in range(9)]
    packed.write_bytes(gzip.compress(many(9))[:-4])
    (cut,) = batches(packed)
    assert (cut.posts.height, reasons(cut)) == (9, ["truncated_stream"])
    tar = tmp_path / "repos.tar"
    with tarfile.open(tar, "w") as archive:
        for name, content in (
            ("a.car", many(5)),
            ("x.txt", b"no\n"),
            ("b.car.gz", gzip.compress(many(4))),
        ):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    whole = batches(tar, 2)
    texts = [text for batch in whole for text in batch.posts["text"].to_list()]
    assert texts == ["0", "1", "2", "3", "4", "0", "1", "2", "3"]
    assert [reason for batch in whole for reason in reasons(batch)] == ["not_a_car"]
    for at, batch in enumerate(whole[:-1]):
        rest = batches(tar, 2, batch.cursor)
        assert [b.posts.rows() for b in whole[at + 1 :]] == [b.posts.rows() for b in rest]
        assert [b.refused.rows() for b in whole[at + 1 :]] == [b.refused.rows() for b in rest]


def test_only_repositories_get_the_full_score() -> None:
    assert bluesky.fits(Sample("a.car", (), repo({})[5:])) == 0
    assert bluesky.fits(Sample("a.car", (), three_nodes())) == 1
    assert bluesky.fits(Sample("a.car", (), Car().whole(b"\x01\x55\x12\x20" + b"0" * 32))) == 0.5
    assert bluesky.fits(Sample("frames.bin", (), frames(frame({"did": ADA}, "#identity")))) == 1
    assert bluesky.fits(Sample("a.bin", (), b"\x10\0\0\0\xa2xx")) == 0


def test_the_real_repository_has_exactly_the_expected_records(shared: Path) -> None:
    listing = (shared / "bluesky" / "car_expected_records.tsv").read_text().splitlines()
    with open(shared / "bluesky" / "repo.car", "rb", buffering=0) as file:
        archive = CarArchive(ByteStream(file))
        archive.attach_file(file.fileno())
        _, root = archive.read_block(archive.root)
        import libipld

        found = []
        for item in archive.walk_tree(libipld.decode_dag_cbor(root)["data"]):
            assert not isinstance(item, Refused)
            key, cid = item
            assert archive.read_block(cid)[1]  # each is there, and what its name promises
            name = base64.b32encode(cid).decode().lower().rstrip("=")
            found.append(f"{key.decode()}\tb{name}")
    assert archive.problem == ""
    assert found == sorted(listing)


# ----------------------------------------------------------------------------- the firehose


def frame(body: dict[str, Any], kind: str = "#commit", op: int = 1) -> bytes:
    return cbor({"op": op, "t": kind}) + cbor(body)


def frames(*sent: bytes) -> bytes:
    return b"".join(len(one).to_bytes(4, "little") + one for one in sent)


def change(*operations: tuple[str, str, Any], **more: Any) -> bytes:
    car, ops = Car(), []
    for action, path, record in operations:
        cid = car.add(record) if record is not None else None
        ops.append({"action": action, "path": path, "cid": cid})
    body = {"repo": ADA, "rev": REV, "time": "2024-07-03T09:46:40.000Z", "ops": ops,
            "blocks": car.whole(b"\x01\x71\x12\x20" + b"0" * 32)}  # fmt: skip
    return frame(body | more)


NAME = f"bluesky:at://{ADA}/app.bsky.feed.post/1"


def test_a_frame_contains_the_changes_of_a_repository(tmp_path: Path) -> None:
    path = "app.bsky.feed.post/1"
    found = only(
        tmp_path / "f.bin",
        frames(
            change(("create", path, POST), ("create", "app.bsky.feed.like/1", {})),
            change(("update", path, POST | {"text": "milk"})),
            change(("delete", path, None)),
            change(),
            frame({"did": ADA, "time": "2024-07-03T09:46:40Z", "active": False}, "#account"),
            frame({"did": ADA, "time": "2024-07-03T09:46:40Z"}, "#sync"),
            frame({"did": ADA, "time": "2024-07-03T09:46:40Z"}, "#tombstone"),
            frame({"did": ADA}, "#identity"),
            frame({"error": "FutureCursor"}, op=-1),
        ),
    )
    assert found.posts.select("id", "text", "seen_at").rows() == [
        (NAME, "tea", SEEN),
        (NAME, "milk", SEEN),
    ]
    assert found.tombstones.rows() == [
        ("id", NAME, "superseded", SEEN),
        ("id", NAME, "deleted_later", SEEN),
        ("author", f"bluesky:{ADA}", "removed", SEEN),
        ("author", f"bluesky:{ADA}", "superseded", SEEN),
        ("author", f"bluesky:{ADA}", "deleted_later", None),
    ]
    expected = {"app.bsky.feed.like": 1, "empty_commit": 1, "identity": 1, "error": 1}
    assert (found.skipped, found.refused.height) == (expected, 0)


def test_a_malformed_frame_is_refused_alone(tmp_path: Path) -> None:
    path = "app.bsky.feed.post/"
    good = change(("create", path + "9", POST))
    found = only(
        tmp_path / "f.bin",
        frames(
            good,
            change(("create", path + "1", POST), ("create", path + "2", {"text": 1})),
            good.replace(b"ctea", b"cpea"),
            change(("create", path + "3", None)),
            change(("upsert", path + "3", None)),
            change(tooBig=True),
            change(ops=7),
            b"\xff" * 9,
            cbor({"op": 1}),
            good,
        )
        + b"\x05",
    )
    assert found.posts.height == 3
    assert found.refused.select("source_row", "reason").rows() == [
        (2, "wrong_type"), (3, "damaged_block"), (4, "missing_block"), (5, "unknown_operation"),
        (6, "too_big"), (7, "wrong_type"), (8, "malformed_cbor"), (9, "malformed_frame"),
        (11, "truncated_stream"),
    ]  # fmt: skip


def test_reading_frames_resumes_after_any_batch(tmp_path: Path) -> None:
    path = tmp_path / "f.bin"
    sent = [change(("create", f"app.bsky.feed.post/{n}", POST)) for n in range(9)]
    path.write_bytes(gzip.compress(frames(*sent)))
    whole = batches(path, 2)
    assert sum(batch.posts.height for batch in whole) == 9
    for at, batch in enumerate(whole[:-1]):
        rest = batches(path, 2, batch.cursor)
        assert [b.posts.rows() for b in whole[at + 1 :]] == [b.posts.rows() for b in rest]


def test_a_frame_over_the_limit_is_refused(tmp_path: Path) -> None:
    good = change(("create", "app.bsky.feed.post/9", POST))
    path = tmp_path / "f.bin"
    path.write_bytes(frames(good, b"x" * (1 << 20 | 1), good))
    (found,) = bluesky.read(str(path), bluesky.Config(path=str(path), max_line_mb=1), 100)
    assert (found.posts.height, reasons(found)) == (2, ["frame_too_long"])


def test_the_real_frames_have_the_posts_of_the_real_lines(shared: Path) -> None:
    (lines,) = batches(shared / "bluesky" / "expected_v1.jsonl", 10_000)
    (sent,) = batches(shared / "bluesky" / "frames.bin.zst", 10_000)
    apart = ["seen_at", "source_file", "source_row"]
    left, right = (batch.posts.drop(apart).sort("id").rows() for batch in (lines, sent))
    assert left == right
    assert (lines.skipped, sent.refused.height) == (sent.skipped, 0)
    named = [batch.tombstones.drop("said_at").rows() for batch in (lines, sent)]
    assert named[0] == named[1]


# ----------------------------------------------------------------------------- damage


@pytest.mark.parametrize("kind", ["car", "frames"])
def test_no_damage_crashes_the_reader(tmp_path: Path, kind: str) -> None:
    post = change(("create", "app.bsky.feed.post/1", POST))
    whole = three_nodes() if kind == "car" else frames(post, post)
    chance = random.Random(kind)
    path = tmp_path / "broken"
    for _ in range(examples(500)):
        broken = bytearray(whole)
        for _ in range(chance.randint(1, 4)):
            at = chance.randrange(16, len(broken))
            if chance.random() < 0.5:
                broken[at] = chance.randrange(256)
            else:
                del broken[at : at + chance.randint(1, 20)]
        path.write_bytes(bytes(broken))
        found = batches(path)
        got = sum(b.posts.height + b.tombstones.height + b.refused.height for b in found)
        assert got + sum(sum(b.skipped.values()) for b in found) >= 1
        assert found[-1].cursor is None
