"""Write sample dumps of invented posts, and a list of everything that was planted in them."""

from __future__ import annotations

import bz2
import errno
import hashlib
import io
import json
import os
import random
import secrets
import tarfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import zstandard

from corpus.demo import make_posts, render
from corpus.demo.render import Draft

#: Source to the file that its posts are written to.
FILES = {
    "comments": "reddit/RC_2024-05.zst",
    "submissions": "reddit/RS_2024-05.zst",
    "stream": "x/stream-2024-05.tar",
    "api": "x/api-2024-05.jsonl",
    "forum": "table/forum.csv",
}

_LIST = "planted.json"  # written last
_MIN_POSTS = 200
_WINDOW_LOG = 31  # 2 GiB
_MTIME = 1_714_521_600  # 2024-05-01 00:00 UTC, so that archives do not hold the date of writing
_MALFORMED = ("cut_json", "invalid_utf8", "wrong_type")
_WRONG_TYPE = {
    "comments": {"id": ["c1"], "body": {"text": 5}, "author": 7, "created_utc": [1]},
    "submissions": {"id": ["s1"], "title": 5, "selftext": [], "created_utc": {}},
    "stream": {"id_str": ["1"], "text": {"cut": True}, "user": "nobody", "created_at": 5},
    "api": {"data": {"id": ["1"], "text": 5, "author_id": {}}},
}

PositionedLine = tuple[float, bytes]  # the position that lines are sorted by, and the line
OtherLines = dict[str, int]  # kind of a line that is no post, to how many there are
NoticeIds = dict[str, list[str]]  # position of a delete notice, to the ids that it names


def write(folder: Path, posts: int = 20_000, seed: int = 1) -> dict[str, object]:
    """Write the sample dumps to ``folder`` and return what was planted in them.

    The bytes depend only on ``posts`` and ``seed``. What is returned is also in ``planted.json``.
    Files that an earlier demo wrote are replaced. Raises ValueError if ``posts`` are too few for
    every kind, and FileExistsError, before anything is written, if another file has the name of one
    of the dumps: a real dump may have it.
    """
    if posts < _MIN_POSTS:
        raise ValueError(
            f"the demo needs at least {_MIN_POSTS} posts to hold every kind; got {posts}"
        )
    drafts = make_posts.invent_drafts(posts, random.Random(f"posts {seed}"))
    rng = random.Random(f"files {seed}")
    others: dict[str, OtherLines] = {}
    comments = [render.encode_json(render.render_comment(d)).encode() for d in drafts["comments"]]
    content, others["comments"] = _join_lines("comments", comments, rng)
    contents = {FILES["comments"]: _compress_with_large_window(content)}
    submissions = [
        render.encode_json(render.render_submission(d)).encode() for d in drafts["submissions"]
    ]
    content, others["submissions"] = _join_lines("submissions", submissions, rng)
    contents[FILES["submissions"]] = _compress_with_large_window(content)
    contents[FILES["stream"]], others["stream"], notices = _make_stream(drafts["stream"], rng)
    contents[FILES["api"]], others["api"] = _join_lines(
        "api", render.render_api_lines(drafts["api"], rng), rng
    )
    contents[FILES["forum"]] = render.render_forum_csv(drafts["forum"])
    others["forum"] = {"bad_row": 1}
    planted = {"posts": posts, "seed": seed} | _list_planted(drafts, others, notices)
    planted["sha256"] = {name: _sha256(content) for name, content in contents.items()}
    text = json.dumps(planted, indent=1, sort_keys=True, ensure_ascii=False)
    contents[_LIST] = text.encode()
    _refuse_foreign_files(folder, contents)
    for name, content in contents.items():
        _write_file(folder / name, content)
    return planted


def _refuse_foreign_files(folder: Path, contents: dict[str, bytes]) -> None:
    """FileExistsError if a file of these names is there that no demo wrote, or a link."""
    earlier = _read_earlier_list(folder / _LIST)
    digests = (earlier or {}).get("sha256") or {}
    for name, content in contents.items():
        path = folder / name
        is_inside_link = path.parent != folder and path.parent.is_symlink()
        if not (is_inside_link or os.path.lexists(path)):
            continue
        is_ours = not is_inside_link and not path.is_symlink() and path.is_file()
        if is_ours and name == _LIST:
            is_ours = earlier is not None
        elif is_ours:
            is_ours = _sha256(path.read_bytes()) in (_sha256(content), digests.get(name))
        if not is_ours:
            raise FileExistsError(
                errno.EEXIST, "no demo wrote this file; give an empty folder", str(path)
            )


def _read_earlier_list(path: Path) -> dict[str, Any] | None:
    """What an earlier demo has planted; None if there is none."""
    try:
        planted = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return None
    is_ours = isinstance(planted, dict) and {"posts", "seed", "pii_values"} <= planted.keys()
    return planted if is_ours else None


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _write_file(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    # A name of our own: another file's would be overwritten.
    unfinished = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}.tmp")
    try:
        unfinished.write_bytes(content)
        os.replace(unfinished, path)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise


# ---------------------------------------------------------------- files


def _compress_with_large_window(content: bytes) -> bytes:
    """Return one zstd frame that declares a window of 2 GiB, as the monthly dumps do."""
    frame = bytearray(zstandard.ZstdCompressor(level=3, write_content_size=False).compress(content))
    # Compressing with such a window takes gigabytes. Blocks made with a smaller one are as valid,
    # so only the window descriptor is raised (RFC 8878, 3.1.1.1.2: exponent in the upper 5 bits).
    if frame[:4] != b"\x28\xb5\x2f\xfd" or frame[4] & 0x20:
        raise RuntimeError("zstd wrote a frame without a window descriptor")
    frame[5] = (_WINDOW_LOG - 10) << 3
    return bytes(frame)


def _malformed_line(source: str, kind: str, line: bytes) -> bytes:
    """Return a line like ``line`` that no reader can turn into a post."""
    if kind == "cut_json":
        return line[: len(line) * 2 // 3]
    if kind == "invalid_utf8":  # compact JSON has spaces only inside its strings
        return line.replace(b" ", b" \xc3\x28\xff ", 1)
    return render.encode_json(_WRONG_TYPE[source]).encode()


def _join_lines(
    source: str, lines: Sequence[bytes], rng: random.Random
) -> tuple[bytes, OtherLines]:
    """Return ``lines`` as a file with malformed ones between them; the last line is cut off."""
    each = max(1, len(lines) // 800)
    positioned: list[PositionedLine] = [(float(n), line) for n, line in enumerate(lines)]
    # A deleted comment's line may hold no space, and so nothing to damage.
    damageable = [n for n, line in enumerate(lines) if b" " in line]
    for kind in _MALFORMED:
        for _ in range(each):
            n = rng.choice(damageable)
            positioned.append((n + rng.uniform(0.1, 0.9), _malformed_line(source, kind, lines[n])))
    positioned.append((len(lines) + 1.0, _malformed_line(source, "cut_json", lines[-1])))
    others = dict.fromkeys(_MALFORMED, each)
    others["cut_json"] += 1
    return b"\n".join(line for _, line in sorted(positioned)), others


def _make_stream(
    drafts: Sequence[Draft], rng: random.Random
) -> tuple[bytes, OtherLines, NoticeIds]:
    """Return a tar of one bz2 file a minute, its other lines, and its delete notices."""
    count = make_posts.count_stream_minutes(len(drafts))
    members: list[list[PositionedLine]] = [[] for _ in range(count)]
    minute_of = {}
    for draft in drafts:
        minute = draft.seq * count // len(drafts)
        minute_of[draft.seq] = minute
        line = render.encode_json(render.render_status(draft)).encode()
        members[minute].append((float(draft.seq), line))
    ends = [(entries[0][0], entries[-1][0]) for entries in members]
    notices = _add_delete_notices(drafts, minute_of, members, ends, rng)
    others = _add_other_lines(members, ends, rng)
    others["delete"] = sum(len(ids) for ids in notices.values())
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for minute, entries in enumerate(members):
            content = bz2.compress(b"\n".join(line for _, line in sorted(entries)) + b"\n")
            info = tarfile.TarInfo(f"2024/05/01/00/{minute:02d}.json.bz2")
            info.size, info.mtime = len(content), _MTIME
            tar.addfile(info, io.BytesIO(content))
    return out.getvalue(), others, notices


def _add_delete_notices(
    drafts: Sequence[Draft],
    minute_of: dict[int, int],
    members: list[list[PositionedLine]],
    ends: Sequence[tuple[float, float]],
    rng: random.Random,
) -> NoticeIds:
    """Add notices before the tweet, after it, in another member, and of tweets not in the file."""
    notices: NoticeIds = {"before": [], "after": [], "other_member": [], "unseen": []}
    deleted = [draft for draft in drafts if draft.category == "delete_notice"]
    for number, draft in enumerate(deleted):
        minute, position = minute_of[draft.seq], float(draft.seq)
        kind = ("before", "after", "other_member")[number % 3]
        first, last = ends[minute]
        if kind == "before":
            position = rng.uniform(first - 1, position - 0.1)
        elif kind == "after":
            position = rng.uniform(position + 0.1, last + 1)
        else:  # alternately a later and an earlier one
            minute = (minute + (1 if number % 2 else -1)) % len(members)
            position = rng.uniform(*ends[minute])
        notice = render.render_delete_notice(draft.id, draft.author, draft.time)
        members[minute].append((position, notice))
        notices[kind].append(draft.global_id)
    for draft in drafts[:: max(1, len(drafts) // max(3, len(deleted)))]:
        identity = str(int(draft.id) - (1 << 50))  # from some days before
        minute = minute_of[draft.seq]
        position = rng.uniform(*ends[minute])
        notice = render.render_delete_notice(identity, draft.author, draft.time)
        members[minute].append((position, notice))
        notices["unseen"].append(f"x:{identity}")
    return notices


def _add_other_lines(
    members: list[list[PositionedLine]], ends: Sequence[tuple[float, float]], rng: random.Random
) -> OtherLines:
    """Add keep-alive lines, limit notices and damaged lines to the stream; return their counts."""
    others: OtherLines = dict.fromkeys(_MALFORMED, 0) | {"blank": 0, "limit": 0}
    for minute, (entries, end) in enumerate(zip(members, ends, strict=True)):
        damageable = [line for _, line in entries if b'"id_str"' in line and b" " in line]
        bad = _MALFORMED[minute % 3]
        added = [("blank", b""), ("blank", b"\r")]
        added.append(("limit", render.render_limit_notice(minute * 37 + 1, _MTIME * 1000)))
        added.append((bad, _malformed_line("stream", bad, rng.choice(damageable))))
        for kind, line in added:
            entries.append((rng.uniform(*end), line))
            others[kind] += 1
    return others


# ---------------------------------------------------------------- the answers


def _list_planted(
    drafts: dict[str, list[Draft]], others: dict[str, OtherLines], notices: NoticeIds
) -> dict[str, object]:
    """Return what a build of these dumps should find, as counts and as global post ids."""
    ids: dict[str, dict[str, list[str]]] = {
        "categories": {},
        "details": {},
        "languages": {},
        "kinds": {},
        "traits": {},
    }
    copies, values = {}, {}
    for draft in (draft for some in drafts.values() for draft in some):
        identity = draft.global_id
        _add_id(ids["categories"], draft.category, identity)
        _add_id(ids["languages"], draft.lang, identity)
        _add_id(ids["kinds"], draft.kind, identity)
        if draft.variant:
            _add_id(ids["details"], f"{draft.category}:{draft.variant}", identity)
        for trait in _list_traits(draft):
            _add_id(ids["traits"], trait, identity)
        if draft.copied_from:
            copies[identity] = draft.copied_from.global_id
        if draft.pii_value:
            values[identity] = draft.pii_value
    ids["delete_notices"] = notices
    return {
        "counts": {
            group: {name: len(found) for name, found in sorted(some.items())}
            for group, some in sorted(ids.items())
        },
        "ids": ids,
        "copies": copies,
        "pii_values": values,
        "files": {
            path: {"posts": len(drafts[source]), "other_lines": others[source]}
            for source, path in FILES.items()
        },
    }


def _add_id(groups: dict[str, list[str]], name: str, identity: str) -> None:
    groups.setdefault(name, []).append(identity)


def _list_traits(draft: Draft) -> list[str]:
    """Return what else a reader must get right about a post, whatever its category."""
    is_deleted = draft.category == "deleted_marker"
    text = f"{draft.title}\n{draft.text}"
    found = {
        "handle": not is_deleted and "@" in text.replace(draft.pii_value or "\n", ""),
        "html_entity": draft.source != "forum" and any(mark in text for mark in "<>&"),
        "float_id": render.has_float_id(draft),
        "extended_text": render.has_extended_tweet(draft),
        "note_tweet": render.has_note_tweet(draft),
        "cut_repost": render.is_cut_repost(draft),
        "line_break": not is_deleted and "\n" in draft.text,
    }
    return [name for name, present in found.items() if present]
