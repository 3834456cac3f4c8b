"""Paths that are URLs: against a real S3 server, and one that has a bad day."""

from __future__ import annotations

import gzip
import io
import json
import pickle
import random
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

import corpus
from corpus import readers
from corpus.errors import BuildError, PlanError
from corpus.plan import detect_format
from corpus.storage import filesystem, read_ahead, row_group_fetcher
from tests.conftest import contents, post, write_lines
from tests.support import object_store
from tests.support.processes import HANG_SECONDS

MakePlan = Callable[..., dict[str, Any]]
pytest.importorskip("fsspec", reason="fsspec is not installed: pip install 'social-corpus[s3]'")
FIELDS = {"id": "id", "text": "text", "author": "user"}


@pytest.fixture(scope="module")
def server() -> Iterator[int]:
    """moto's server, a process of its own."""
    pytest.importorskip("s3fs", reason="s3fs is not installed: pip install 'social-corpus[s3]'")
    pytest.importorskip("moto.server", reason="no S3 server: pip install 'moto[server]'")
    process, port = object_store.start_server()
    yield port
    process.kill()
    process.wait()


@pytest.fixture(scope="module")
def connection(server: int) -> Iterator[object_store.Proxy]:
    """A proxy before the server, and the environment and the one client that lead there."""
    import fsspec.config
    import s3fs

    proxy = object_store.Proxy(server)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{proxy.port}",
        }.items():
            patch.setenv(name, value)
        once = {"read_timeout": 10, "retries": {"max_attempts": 0}}
        patch.setitem(fsspec.config.conf, "s3", {"config_kwargs": once})
        patch.setattr(s3fs.S3FileSystem, "retries", 1)  # so that what tries again is ours
        patch.setattr(filesystem, "_FIRST_PAUSE_SECONDS", 0.01)
        fresh()
        yield proxy
        proxy.close()
    fresh()


@pytest.fixture
def store(connection: object_store.Proxy) -> Iterator[object_store.Proxy]:
    """The proxy, and behind it an empty bucket named ``dumps`` and nothing else."""
    import s3fs

    connection.reset()
    files = s3fs.S3FileSystem(use_listings_cache=False)  # the product's
    files.call_s3("create_bucket", Bucket="dumps")
    connection.log.requests.clear()
    yield connection
    connection.faults.clear()


def fresh() -> None:
    import s3fs

    s3fs.S3FileSystem.clear_instance_cache()
    filesystem._filesystem_of.cache_clear()


def put(url: str, data: bytes) -> None:
    filesystem.write_file(url, data)


def lines(numbers: range) -> bytes:
    return b"".join(json.dumps(post(n)).encode() + b"\n" for n in numbers)


def get(method: str, ending: str) -> Callable[[str, str], bool]:
    return lambda m, path: m == method and path.partition("?")[0].endswith(ending)


def lists(method: str, path: str) -> bool:
    return method == "GET" and "list-type=2" in path


# --------------------------------------------------------------------------- reading


def noise(size: int) -> bytes:
    return random.Random(5).randbytes(size)


def test_a_file_there_reads_as_one_here(store: object_store.Proxy) -> None:
    data = noise(2 * read_ahead.BLOCK_BYTES + 1000)
    put("s3://dumps/a.bin", data)
    with filesystem.open_file("s3://dumps/a.bin") as file:
        assert file.read() == data
        assert file.read(1) == b""
        assert file.seek(-10, 2) == len(data) - 10
        assert file.read(100) == data[-10:]
        file.seek(read_ahead.BLOCK_BYTES - 3)
        assert file.read(6) == data[read_ahead.BLOCK_BYTES - 3 :][:6]
    assert filesystem.stat("s3://dumps/a.bin").size == len(data)
    assert filesystem.exists("s3://dumps/a.bin") and not filesystem.exists("s3://dumps/b.bin")
    with pytest.raises(FileNotFoundError):
        filesystem.stat("s3://dumps/b.bin")


@pytest.mark.parametrize("kind", ["500", pytest.param("hang", marks=pytest.mark.slow), "cut"])
def test_a_range_that_fails_is_asked_for_again(store: object_store.Proxy, kind: str) -> None:
    data = noise(3 * read_ahead.BLOCK_BYTES)
    put("s3://dumps/a.bin", data)
    fault = store.fault(kind, get("GET", "a.bin"), times=3)
    with filesystem.open_file("s3://dumps/a.bin") as file:
        assert file.read() == data
    assert fault.seen == 3


def test_what_fails_time_and_again_is_told_in_our_words(store: object_store.Proxy) -> None:
    put("s3://dumps/a.bin", b"x" * 100)
    fault = store.fault("500", get("GET", "a.bin"), times=99)
    with pytest.raises(BuildError, match=r"^'s3://dumps/a.bin' failed 6 times, .* run again"):
        filesystem.read_file("s3://dumps/a.bin")
    assert fault.seen == 6


def test_a_stream_is_read_as_it_comes(store: object_store.Proxy) -> None:
    rows = lines(range(3000)) + b"\n" + noise(24 << 20)  # the noise does not compress
    put("s3://dumps/big.zst", zstandard.compress(rows))
    store.log.sent = 0
    module = readers.find("table")
    config = module.Config.model_validate({"path": "s3://dumps/big.zst", "fields": FIELDS})
    batches = module.read("s3://dumps/big.zst", config, 1000)
    assert next(batches).posts.height == 1000
    assert store.log.sent < 20 << 20


def test_a_file_replaced_while_it_is_read_stops_the_build(store: object_store.Proxy) -> None:
    put("s3://dumps/a.bin", noise(2 * read_ahead.BLOCK_BYTES))
    with filesystem.open_file("s3://dumps/a.bin") as file:
        file.read(100)
        put("s3://dumps/a.bin", noise(2 * read_ahead.BLOCK_BYTES + 1))
        with pytest.raises(BuildError, match="was replaced while it was read"):
            file.read()


def zipped(name: str, data: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, data)
    return file.getvalue()


def tarred(name: str, data: bytes) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        entry = tarfile.TarInfo(name)
        entry.size = len(data)
        archive.addfile(entry, io.BytesIO(data))
    return file.getvalue()


def as_parquet(rows: bytes) -> bytes:
    file = io.BytesIO()
    pl.read_ndjson(rows).write_parquet(file, row_group_size=100)
    return file.getvalue()


PACKED: dict[str, Callable[[bytes], bytes]] = {
    "posts.jsonl": lambda rows: rows,
    "posts.jsonl.zst": zstandard.compress,
    "posts.jsonl.gz": lambda rows: gzip.compress(rows, mtime=0),
    "posts.zip": lambda rows: zipped("posts.jsonl", rows),
    "posts.tar": lambda rows: tarred("posts.jsonl", rows),
    "posts.parquet": as_parquet,
}


@pytest.mark.parametrize("name", PACKED)
def test_every_packing_reads_from_there_as_from_here(
    store: object_store.Proxy, name: str, tmp_path: Path
) -> None:
    data = PACKED[name](lines(range(500)))
    put(f"s3://dumps/{name}", data)
    (tmp_path / name).write_bytes(data)
    module = readers.find("table")
    found = []
    for path in (str(tmp_path / name), f"s3://dumps/{name}"):
        config = module.Config.model_validate({"path": path, "fields": FIELDS})
        batches = list(module.read(path, config, 200, None))
        posts = pl.concat([batch.posts for batch in batches])
        assert posts["source_file"].str.starts_with(path).all()
        found.append((posts.drop("source_file"), batches[-1].sha256, batches[-1].position))
    assert found[0][0].equals(found[1][0]) and found[0][0].height == 500
    assert found[0][1:] == found[1][1:]
    assert detect_format.rank_readers(f"s3://dumps/{name}") == detect_format.rank_readers(
        str(tmp_path / name)
    )


def test_a_pattern_a_folder_and_a_file_stand_for_files(store: object_store.Proxy) -> None:
    for name in ("2024/b.jsonl", "2024/a.jsonl", "2024/deep/c.jsonl", "other.txt"):
        put(f"s3://dumps/in/{name}", lines(range(3)))
    assert detect_format.list_inputs("table", "s3://dumps/in/2024/*.jsonl") == [
        "s3://dumps/in/2024/a.jsonl",
        "s3://dumps/in/2024/b.jsonl",
    ]
    assert detect_format.list_inputs("table", "s3://dumps/in/2024") == [
        "s3://dumps/in/2024/a.jsonl",
        "s3://dumps/in/2024/b.jsonl",
        "s3://dumps/in/2024/deep/c.jsonl",
    ]
    assert detect_format.list_inputs("table", "s3://dumps/in/other.txt") == [
        "s3://dumps/in/other.txt"
    ]
    assert detect_format.list_inputs("table", "s3://dumps/in/none*") == []


def test_an_unpacked_account_archive_there_is_one_source(
    store: object_store.Proxy, tmp_path: Path
) -> None:
    tweet = {"tweet": {"id_str": "1", "full_text": "hello there all", "created_at":
             "Wed Oct 10 20:19:24 +0000 2018"}}  # fmt: skip
    account = {"account": {"accountId": "9", "username": "someone"}}
    files = {
        "data/account.js": f"window.YTD.account.part0 = {json.dumps([account])}",
        "data/tweets.js": f"window.YTD.tweets.part0 = {json.dumps([tweet])}",
        "data/manifest.js": "window.__THAR_CONFIG = {}",
    }
    for name, text in files.items():
        put(f"s3://dumps/mine/{name}", text.encode())
        (tmp_path / "mine" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "mine" / name).write_text(text)
    module = readers.find("x_archive")
    ids = []
    for path in (str(tmp_path / "mine"), "s3://dumps/mine"):
        assert detect_format.list_inputs("x_archive", path) == [path]
        config = module.Config.model_validate({"path": path})
        batches = list(module.read(path, config, 10, None))
        ids.append((batches[0].posts["id"].to_list(), batches[-1].sha256))
    assert ids[0] == ids[1] and ids[0][0] == ["x:1"]


def test_https_is_read_by_ranges_or_refused(tmp_path: Path) -> None:
    pytest.importorskip("aiohttp", reason="needs aiohttp: pip install 'social-corpus[http]'")
    data = noise(read_ahead.BLOCK_BYTES + 100)
    (tmp_path / "posts.jsonl").write_bytes(data)

    class Handler(SimpleHTTPRequestHandler):
        ranges = True

        def __init__(self, *given: Any) -> None:
            super().__init__(*given, directory=str(tmp_path))

        def do_GET(self) -> None:
            asked = self.headers.get("Range") if self.ranges else None
            if not asked:
                super().do_GET()
                return
            begin, _, end = asked.removeprefix("bytes=").partition("-")
            piece = data[int(begin) : int(end) + 1]
            self.send_response(206)
            self.send_header("Content-Length", str(len(piece)))
            self.send_header("Content-Range", f"bytes {begin}-{end}/{len(data)}")
            self.end_headers()
            self.wfile.write(piece)

        def log_message(self, *_: Any) -> None:
            pass

    web = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=web.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{web.server_address[1]}/posts.jsonl"
    assert filesystem.read_file(url) == data
    assert detect_format.list_inputs("table", url) == [url]
    Handler.ranges = False
    with pytest.raises(BuildError, match="gives no ranges; download the file"):
        filesystem.read_file(url)
    web.shutdown()


# --------------------------------------------------------------------------- plans


def test_a_url_with_a_secret_is_refused_and_not_repeated(plan: MakePlan) -> None:
    for url in ("https://joe:hunter2@a.example/x.zst",
                "https://a.example/x.zst?X-Amz-Signature=hunter2"):  # fmt: skip
        document = plan(sources=[{"table": {"path": url, "fields": FIELDS}}])
        with pytest.raises(PlanError, match="contains a credential") as told:
            corpus.build(document)
        assert "hunter2" not in str(told.value)


def test_a_missing_package_and_an_unknown_kind_are_told(
    plan: MakePlan, monkeypatch: pytest.MonkeyPatch
) -> None:
    from fsspec.registry import known_implementations

    monkeypatch.setitem(known_implementations, "gs", {"class": "no_such.Thing", "err": "no"})
    filesystem._filesystem_of.cache_clear()
    for url, why in (("gs://b/x", r"pip install 'social-corpus\[gcs\]'"),
                     ("nosuch://b/x", "unknown kind of URL")):  # fmt: skip
        document = plan(sources=[{"table": {"path": url, "fields": FIELDS}}])
        with pytest.raises(PlanError, match=why):
            corpus.build(document)


def test_a_source_that_is_not_there_is_a_mistake_in_the_plan(
    store: object_store.Proxy, plan: MakePlan
) -> None:
    for path in ("s3://dumps/none.jsonl", "s3://dumps/none/*.jsonl"):
        document = plan(sources=[{"table": {"path": path, "fields": FIELDS}}])
        with pytest.raises(PlanError, match=r"no file at|matches no file"):
            corpus.build(document)


# --------------------------------------------------------------------------- output


def there(url: str) -> dict[str, bytes]:
    """Every file of a corpus at a URL, as :func:`contents` has it."""
    found = {
        name.removeprefix(url + "/"): filesystem.read_file(name) for name in filesystem.walk(url)
    }
    manifest = json.loads(found["manifest.json"])
    manifest.pop("run", None)
    for row in manifest["funnel"]:
        row.pop("seconds")
    return found | {"manifest.json": json.dumps(manifest).encode()}


def make_document(bucket: str, plan: MakePlan, tmp_path: Path) -> dict[str, Any]:
    """Put dumps into a bucket; the plan from there to there."""
    put(f"{bucket}/in/a.jsonl.zst", zstandard.compress(lines(range(300))))
    put(f"{bucket}/in/b.jsonl", lines(range(280, 500)))
    out = {"path": f"{bucket}/out", "local": str(tmp_path / "local"), "shard_mb": 0.01}
    return plan(
        sources=[{"table": {"path": f"{bucket}/in/*", "fields": FIELDS}}],
        output=out,
        run={"runner": "serial", "part_posts": 150},
    )


@pytest.fixture
def document(store: object_store.Proxy, plan: MakePlan, tmp_path: Path) -> dict[str, Any]:
    """A plan from S3 to S3."""
    return make_document("s3://dumps", plan, tmp_path)


@pytest.fixture(params=["memory", pytest.param("s3", marks=pytest.mark.slow)])
def bucket(request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of an empty bucket, where the store's own manner does not matter."""
    if request.param == "s3":
        request.getfixturevalue("store")
        yield "s3://dumps"
        return
    import fsspec

    yield "memory://dumps"
    fsspec.filesystem("memory").rm("/dumps", recursive=True)


def uploaded(folder: Path) -> dict[str, bytes]:
    """What is uploaded of a corpus: all but who wrote the posts of the ledger."""
    return {name: data for name, data in contents(folder).items() if not name.startswith("people/")}


def test_a_build_from_there_to_there_is_the_one_made_here(
    document: dict[str, Any], store: object_store.Proxy, tmp_path: Path
) -> None:
    manifest = corpus.build(document)
    here = document | {"output": document["output"] | {"path": str(tmp_path / "here")}}
    here["output"]["key"] = str(tmp_path / "corpus.key")
    corpus.build(here)
    assert contents(tmp_path / "here") == contents(tmp_path / "local")
    assert there("s3://dumps/out") == uploaded(tmp_path / "local") != contents(tmp_path / "local")
    puts = [path.partition("?")[0] for method, path in store.log.requests if method == "PUT"]
    puts = [path.removeprefix("/dumps/out/") for path in puts if "/out/" in path]
    assert puts[0] == "begun" and puts[-1] == "manifest.json"
    order = [name.partition("/")[0] for name in puts[1:-1]]
    assert order == sorted(order, key=lambda name: {"shards": 0, "dropped": 1, "index": 2,
                                                    "reserve": 3}.get(name, 9))  # fmt: skip
    assert len([name for name in order if name == "shards"]) == len(manifest["shards"]) > 2
    store.log.requests.clear()
    assert corpus.build(document) == manifest
    assert [path for method, path in store.log.requests if method == "PUT"] == []


@pytest.mark.slow
def test_processes_read_there_as_well(
    document: dict[str, Any], store: object_store.Proxy, tmp_path: Path
) -> None:
    out = document["output"] | {"path": str(tmp_path / "serial")}
    key = {"key": str(tmp_path / "corpus.key")}
    corpus.build(document | {"output": out | key})
    document["run"] |= {"runner": "processes", "workers": 2}
    corpus.build(document | {"output": out | {"path": str(tmp_path / "many")} | key})
    assert contents(tmp_path / "serial") == contents(tmp_path / "many")


@pytest.mark.parametrize("kind", ["500", pytest.param("hang", marks=pytest.mark.slow), "cut"])
def test_an_upload_that_fails_is_done_again(
    document: dict[str, Any], store: object_store.Proxy, kind: str, tmp_path: Path
) -> None:
    fault = store.fault(kind, lambda m, path: m == "PUT" and "/out/shards/" in path, times=3)
    corpus.build(document)
    assert fault.seen == 3
    assert there("s3://dumps/out") == uploaded(tmp_path / "local")


@pytest.mark.slow
def test_a_connection_cut_within_a_large_upload_leaves_nothing_half(
    store: object_store.Proxy, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    data = noise(110 << 20)  # s3fs uploads it in parts
    (tmp_path / "large").write_bytes(data)
    import fsspec.config

    monkeypatch.setitem(fsspec.config.conf["s3"]["config_kwargs"], "read_timeout", 60)
    fresh()
    second = lambda m, path: m == "PUT" and "partNumber=2" in path  # noqa: E731
    fault = store.fault("cut", second, times=2)
    filesystem.upload_file(tmp_path / "large", "s3://dumps/large")
    assert fault.seen == 2
    assert filesystem.hash_file("s3://dumps/large") == filesystem.hash_file(tmp_path / "large")
    fresh()


def test_a_stopped_upload_goes_on_and_is_not_complete_before(
    document: dict[str, Any], store: object_store.Proxy, tmp_path: Path
) -> None:
    store.fault("500", lambda m, path: m == "PUT" and "part-00002" in path, times=99)
    with pytest.raises(BuildError, match=r"part-00002.parquet' failed 6 times"):
        corpus.build(document)
    assert not filesystem.exists("s3://dumps/out/manifest.json")
    assert (tmp_path / "local" / "manifest.json").exists()
    store.faults.clear()
    store.log.requests.clear()
    corpus.build(document)
    puts = [path for method, path in store.log.requests if method == "PUT"]
    assert not [path for path in puts if "part-00000" in path or "part-00001" in path]
    assert there("s3://dumps/out") == uploaded(tmp_path / "local")


@pytest.mark.slow
def test_a_listing_that_comes_late_changes_nothing(
    document: dict[str, Any], store: object_store.Proxy, tmp_path: Path
) -> None:
    corpus.build(document | {"output": document["output"] | {"path": str(tmp_path / "here")}})
    late = store.fault("stale", lambda m, path: lists(m, path) and "out" in path, times=999)
    corpus.build(document)  # every listing of the output goes on saying that it is empty
    assert late.seen > 1
    store.faults.clear()
    assert there("s3://dumps/out") == uploaded(tmp_path / "local")


def test_another_corpus_there_is_not_overwritten(
    bucket: str, plan: MakePlan, tmp_path: Path
) -> None:
    document = make_document(bucket, plan, tmp_path)
    corpus.build(document)
    before = there(f"{bucket}/out")
    other = document | {"stages": [{"quality": {"min_words": 5}}]}
    other["output"] = document["output"] | {"local": str(tmp_path / "second")}
    with pytest.raises(PlanError, match="holds another corpus"):
        corpus.build(other)
    assert there(f"{bucket}/out") == before
    corpus.build(other, replace=True)
    assert there(f"{bucket}/out") == contents(tmp_path / "second")  # and nothing of the first


def test_what_no_build_put_there_is_left_alone(bucket: str, plan: MakePlan, tmp_path: Path) -> None:
    document = make_document(bucket, plan, tmp_path)
    put(f"{bucket}/out/thesis.doc", b"x")
    with pytest.raises(PlanError, match=r"holds 'thesis.doc', which no build put there"):
        corpus.build(document)


@pytest.mark.parametrize("foreign", [b'{"manifest_version": 3, "name": "an extension"}', b"{}"])
def test_the_manifest_of_another_program_there_is_not_ours(
    bucket: str, plan: MakePlan, tmp_path: Path, foreign: bytes
) -> None:
    document = make_document(bucket, plan, tmp_path)
    put(f"{bucket}/out/manifest.json", foreign)
    put(f"{bucket}/out/shards/data.parquet", b"x")
    for replace in (False, True):
        with pytest.raises(PlanError, match=r"holds 'manifest\.json', which no build put there"):
            corpus.build(document, replace=replace)
    assert filesystem.read_file(f"{bucket}/out/manifest.json") == foreign
    assert filesystem.read_file(f"{bucket}/out/shards/data.parquet") == b"x"


def test_a_corpus_there_that_posts_were_taken_out_of_is_not_replaced(
    bucket: str, plan: MakePlan, tmp_path: Path
) -> None:
    document = make_document(bucket, plan, tmp_path)
    found = corpus.build(document)
    found["takedowns"] = [{"removed": 1}]
    put(f"{bucket}/out/manifest.json", json.dumps(found).encode())
    before = there(f"{bucket}/out")
    second = document | {"output": document["output"] | {"local": str(tmp_path / "second")}}
    assert corpus.build(second) == found
    other = second | {"stages": [{"quality": {"min_words": 5}}]}
    # The takedown is of before there was a suppression list.
    for again, replace in ((other, False), (other, True), (second, True)):
        with pytest.raises(PlanError, match="bring them back"):
            corpus.build(again, replace=replace)
    assert there(f"{bucket}/out") == before


def test_a_user_s_files_there_are_kept_when_a_corpus_is_replaced(
    bucket: str, plan: MakePlan, tmp_path: Path
) -> None:
    document = make_document(bucket, plan, tmp_path)
    corpus.build(document)
    names = ("thesis.doc", "shards/mine.parquet", "dropped/keep.txt", "work/notes.txt")
    for name in names:
        put(f"{bucket}/out/{name}", b"x")
    put(f"{bucket}/out/shards/part-00900.parquet", b"x")
    other = document | {"stages": [{"quality": {"min_words": 5}}]}
    corpus.build(other, replace=True)
    mine = dict.fromkeys(names, b"x")
    assert there(f"{bucket}/out") == contents(tmp_path / "local") | mine


def test_an_output_that_cannot_be_written_is_told_before_the_build(
    document: dict[str, Any], store: object_store.Proxy, tmp_path: Path
) -> None:
    document["output"]["path"] = "s3://no-such-bucket/out"
    with pytest.raises(PlanError, match="cannot write to 's3://no-such-bucket/out'"):
        corpus.build(document)
    assert not (tmp_path / "local").exists()


@pytest.mark.slow
def test_a_key_there_gives_the_names_of_one_here(
    document: dict[str, Any], store: object_store.Proxy, tmp_path: Path
) -> None:
    out = {"path": str(tmp_path / "one"), "key": str(tmp_path / "corpus.key")}
    document["output"] = out
    corpus.build(document)
    put("s3://dumps/secret.key", (tmp_path / "corpus.key").read_bytes())
    document["output"] = {"path": str(tmp_path / "two"), "key": "s3://dumps/secret.key"}
    corpus.build(document)
    assert contents(tmp_path / "one") == contents(tmp_path / "two")
    document["output"] = {"path": str(tmp_path / "three"), "key": "s3://dumps/none.key"}
    with pytest.raises(PlanError, match="holds no pseudonym key; upload one"):
        corpus.build(document)


@pytest.mark.slow
def test_models_lists_and_earlier_corpora_there_count_as_here(
    document: dict[str, Any], store: object_store.Proxy, tmp_path: Path
) -> None:
    (tmp_path / "bots.txt").write_text("u3\n")
    write_lines(tmp_path / "gold.jsonl", [{"text": post(7)["text"]}])
    put("s3://dumps/lists/bots.txt", b"u3\n")
    put("s3://dumps/gold.jsonl", (tmp_path / "gold.jsonl").read_bytes())
    key = {"key": str(tmp_path / "corpus.key")}
    first = document | {"sources": [{"table": {"path": "s3://dumps/in/b.jsonl", "fields": FIELDS}}]}
    corpus.build(first | {"output": {"path": "s3://dumps/first", "local": str(tmp_path / "first")}})
    made = []
    for root, against in ((str(tmp_path), f"{tmp_path}/first"),
                          ("s3://dumps", "s3://dumps/first")):  # fmt: skip
        bots = f"{root}/bots.txt" if root == str(tmp_path) else f"{root}/lists/bots.txt"
        stages = [
            {"authors": {"bots_file": bots}},
            {"decontaminate": {"against": [f"{root}/gold.jsonl"]}},
            {"dedup": {"against": [against]}},
        ]
        out = {"path": str(tmp_path / f"made{len(made)}")} | key
        manifest = corpus.build(document | {"stages": stages, "output": out})
        found = corpus.load(out["path"])
        made.append((found.scan().collect(), found.dropped().collect().drop("contaminated_by")))
        gone = {reason for row in manifest["funnel"] for reason in row["dropped"]}
        assert {"listed_bot", "contaminated", "in_earlier_corpus"} <= gone
        told = (tmp_path / f"made{len(made) - 1}" / "plan.yaml").read_text()
        assert "bots.txt" in told and "- first" in told and root not in told
        (private,) = (tmp_path / "corpus.key.plans").glob(f"made{len(made) - 1}-*.yaml")
        told = private.read_text()
        assert bots in told and against in told and "corpus.fetched" not in told
    assert made[0][0].equals(made[1][0]) and made[0][1].equals(made[1][1])


# --------------------------------------------------------------------------- row groups


def shard(rows: int, per_group: int, **more: Any) -> bytes:
    """A shard with texts and a fat column beside them."""
    chance = random.Random(1)
    fat = [chance.randbytes(3000) for _ in range(rows)]
    file = io.BytesIO()
    table = pa.table({"text": [post(n)["text"] for n in range(rows)], "fat": fat,
                      "id": [str(n) for n in range(rows)]})  # fmt: skip
    pq.write_table(table, file, row_group_size=per_group, **more)
    return file.getvalue()


def test_row_groups_there_are_those_here_and_only_wanted_columns_are_fetched(
    store: object_store.Proxy,
) -> None:
    data = shard(2000, 250, write_page_checksum=True)
    put("s3://dumps/shard.parquet", data)
    here, found = pq.ParquetFile(io.BytesIO(data)), row_group_fetcher.RowGroupFetcher()
    store.log.sent = 0
    assert found.footer("s3://dumps/shard.parquet").equals(here.metadata)
    for columns in (("text",), ("text", "id"), ("fat",)):
        for group in (7, 0, 3):
            read = found.read("s3://dumps/shard.parquet", group, columns)
            assert read.equals(here.read_row_group(group, columns=list(columns)))
    store.log.sent = 0
    for group in range(8):
        found.read("s3://dumps/shard.parquet", group, ("text",))
    assert store.log.sent < 200_000 < len(data) / 10


@pytest.mark.parametrize("kind", ["500", pytest.param("hang", marks=pytest.mark.slow), "cut"])
def test_a_row_group_that_fails_is_fetched_again(store: object_store.Proxy, kind: str) -> None:
    put("s3://dumps/shard.parquet", shard(500, 100))
    found = row_group_fetcher.RowGroupFetcher()
    found.footer("s3://dumps/shard.parquet")
    fault = store.fault(kind, get("GET", "shard.parquet"), times=2)
    assert found.read("s3://dumps/shard.parquet", 2, ("text",)).num_rows == 100
    assert fault.seen == 2


def test_what_is_announced_is_fetched_before_it_is_asked_for(store: object_store.Proxy) -> None:
    data = shard(500, 100)
    put("s3://dumps/shard.parquet", data)
    found = row_group_fetcher.RowGroupFetcher()
    found.footer("s3://dumps/shard.parquet")
    url = "s3://dumps/shard.parquet"
    found.prefetch([(url, 0)], ("text",))
    found.prefetch([(url, 4), (url, 1)], ("text",))  # and 0 is let go
    coming = list(found._prefetched.values())
    assert [future.result(HANG_SECONDS).num_rows for future in coming] == [100, 100]
    store.log.requests.clear()
    here = pq.ParquetFile(io.BytesIO(data))
    read = found.read("s3://dumps/shard.parquet", 1, ("text",))
    assert read.equals(here.read_row_group(1, columns=["text"]))
    assert store.log.requests == []  # it was there
    assert pickle.loads(pickle.dumps(found))._prefetched == {}
    found.close()


def test_a_damaged_page_there_is_noticed(store: object_store.Proxy) -> None:
    data = bytearray(shard(500, 100, write_page_checksum=True, compression="none"))
    at = data.index(b"counted 350 reasons")
    data[at : at + 7] = b"COUNTED"
    put("s3://dumps/shard.parquet", bytes(data))
    found = row_group_fetcher.RowGroupFetcher()
    found.footer("s3://dumps/shard.parquet")
    with pytest.raises((OSError, pa.ArrowException)):
        found.read("s3://dumps/shard.parquet", 3, ("text",))


def test_older_versions_of_replaced_files_are_counted(store: object_store.Proxy) -> None:
    import s3fs

    files = ["s3://dumps/a", "s3://dumps/b"]
    for file in files:
        put(file, b"one")
    assert filesystem.count_older_versions(files) == {}
    s3fs.S3FileSystem(use_listings_cache=False).call_s3(
        "put_bucket_versioning", Bucket="dumps", VersioningConfiguration={"Status": "Enabled"}
    )
    fresh()
    put(files[0], b"two")
    put(files[0], b"three")
    filesystem.remove_file(files[1])
    assert filesystem.count_older_versions(files) == {files[0]: 2, files[1]: 1}


# --------------------------------------------------------------------------- without a server


def test_other_kinds_of_urls_go_the_same_way(plan: MakePlan, tmp_path: Path) -> None:
    import fsspec

    write_lines(tmp_path / "in" / "a.jsonl", [post(n) for n in range(200)])
    memory = fsspec.filesystem("memory")
    memory.pipe_file("/dumps/a.jsonl", (tmp_path / "in" / "a.jsonl").read_bytes())
    made = []
    for path in (f"{tmp_path}/in/*.jsonl", f"file://{tmp_path}/in/*.jsonl",
                 "memory://dumps/*.jsonl"):  # fmt: skip
        document = plan(sources=[{"table": {"path": path, "fields": FIELDS}}])
        out = tmp_path / f"out{len(made)}"
        corpus.build(document, out=str(out))
        made.append(corpus.load(out).scan().drop("source_file").collect())
    assert made[0].equals(made[1]) and made[0].equals(made[2]) and made[0].height == 200
    memory.rm("/dumps", recursive=True)
