"""Name dump files in the output: by general words in clear, by anything else under a keyed name.

Archives, repositories and exports are files of one person each, and are named after that person.
Nothing distinguishes an account's name from another word, so only words are written that name no
person: ``RC_2024-05.zst`` and ``part-00001.parquet`` stay, ``~`` and 16 hex digits replace the rest
of ``facebook-annasmith.jsonl``, and its suffix stays.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable
from fnmatch import fnmatchcase
from itertools import pairwise

from corpus.privacy import keys

#: The words of a file name that name no person. Not ``user`` and the like, which a name follows,
#: nor ``april``, which is a name.
_GENERAL_WORDS = frozenset(
    """
    a activities activity actor all announcement announcements answers api apr ar archive
    archives arctic article articles attachment attachments aug b backup badges batch bg block
    blocks blog bluesky bn board boards book bookmarks books bulk c ca cache canaries channel
    channels chat chats chunk chunks clean cleaned collection column columns comment comments
    content contents conversation conversations corpora corpus crawl cs csv d da daily data
    database dataset datasets day days de dec december deleted demo deu dev development discord
    discussion discussions document documents download downloads dump dumps e edits el en eng
    english es et eu eval event events export exports extra f fa facebook feb february feed
    feedback feeds fetched fi file files final firehose five follow followers following forum
    forums four fourchan fr fra friday full global gold good group groups h hackernews half he
    head headers hi history hn home hourly hours hr hu id images import imports inbox incoming
    index input inputs instagram it ita items iteration j ja january jetstream journal jpn json
    jsonl jul july jun k ko l labeled labelled labels language languages large last late latest
    lemmy lines links list lists live local log logs lt lv m main manifest many mar mastodon
    media members merged message messages meta metadata minute missing mixed monday month
    monthly months n names new news nl no notes notices nov november null number numbers o oct
    october of old one online other others out outbox output outputs p page pages parquet part
    parts photos pieces pl place pol por post posts private pt public pushshift q questions
    quotes r random range raw rc reactions read records reddit releases removed replies reply
    repo repos repository reposts result results ro row rows rs ru rus s sample sampled samples
    saturday second section segment selected sentences sep september sequence series set sets
    shard shards shares shift short site sites six sk sl slice small snappy social sorted source
    sources spa split splits sr stackexchange stackoverflow stage start status statuses stories
    story stream streaming streams submission submissions subreddit subreddits subset summary
    sunday sv t table tables tags take tea telegram ten test tests text texts th thread threads
    three thursday tier tiktok timeline timelines tiny to tokens toots top topic topics tr train
    training trending tuesday tumblr tweet tweets twitter two type types u uk unsorted update
    updates upload uploads ur url urls utc v valid validation version vi videos view vk votes w
    wednesday week weekly weeks weibo whatsapp words work x xml y yaml year yearly years your
    youtube z zero zh
    """.split()  # noqa: SIM905
)
_SUFFIXES = frozenset(
    """
    7z arrow avro bz2 car cbor csv dat db feather gz htm html js json jsonl log lz4 md ndjson orc
    parquet rar sql sqlite tab tar tbz2 tgz tsv txt txz warc xml xz yaml yml zip zst zstd
    """.split()  # noqa: SIM905
)
_PLAIN = re.compile(r"[A-Za-z0-9 ._+=,()\[\]{}*?-]+")
_DATE = re.compile(
    r"(?<!\d)(?:19|20)\d\d(?:[-_.]?(?:0[1-9]|1[0-2])(?:[-_.]?(?:0[1-9]|[12]\d|3[01])"
    r"(?:[-_.T ]?(?:[01]\d|2[0-3])(?:[-_.]?[0-5]\d){0,2}Z?)?)?)?(?!\d)"
)
_RUNS = re.compile(r"[A-Za-z]+|\d+")
#: Digits in a row that may number a file; more may be an account's number.
_MAX_DIGITS, _MAX_BARE_DIGITS = 6, 4
_KEYED_DIGITS = 16


class FileNamer:
    """Names files and the members of archives for the output, under one key."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._folders: dict[str, str] = {}  # the names of folders, of which each has many files

    def name_path(
        self, path: str, account_files: Iterable[str] = (), public_files: Iterable[str] = ()
    ) -> str:
        """Return the name of a file; ``path`` is relative to its source.

        ``account_files`` and ``public_files`` are patterns of the reader, for the file's own name:
        the former is always keyed, the latter never.
        """
        *folders, own = path.split("/")
        named = [self._name_folder(part) for part in folders]
        if own in ("", "."):
            return "/".join([*named, own])
        if any(fnmatchcase(own, pattern) for pattern in account_files):
            return "/".join([*named, self._replace(*_split_suffixes(own))])
        is_public = any(fnmatchcase(own, pattern) for pattern in public_files)
        is_public = is_public and _PLAIN.fullmatch(own) is not None
        return "/".join([*named, own if is_public else self._name_part(own)])

    def name_members(self, names: str) -> str:
        """Return the names of a member of an archive; ``!`` is between an archive and a member."""
        return "!".join(
            "/".join(self._name_part(part) for part in name.split("/")) for name in names.split("!")
        )

    def _name_folder(self, part: str) -> str:
        if part not in self._folders:
            self._folders[part] = self._name_part(part)
        return self._folders[part]

    def _name_part(self, part: str) -> str:
        stem, suffixes = _split_suffixes(part)
        return part if _is_general(stem) else self._replace(stem, suffixes)

    def _replace(self, stem: str, suffixes: str) -> str:
        # In hex, because the pseudonyms of authors ignore letter case and names of files do not.
        name = f"source file:{stem.encode('utf-8', 'surrogatepass').hex()}"
        return f"~{keys.pseudonymize_author(name, self._key)[:_KEYED_DIGITS]}{suffixes}"


def find_container(source_file: str, names: Container[str]) -> str | None:
    """Return which of ``names`` is that of the file, archive or folder that has ``source_file``.

    It is the longest one; null if there is none.
    """
    end = len(source_file)
    while end > 0:
        if source_file[:end] in names:
            return source_file[:end]
        end = max(source_file.rfind("!", 0, end), source_file.rfind("/", 0, end))
    return None


def _split_suffixes(name: str) -> tuple[str, str]:
    """The name without the suffixes of formats, and these."""
    stem, suffixes = name, ""
    while True:
        rest, dot, last = stem.rpartition(".")
        if not (rest and dot and last.lower() in _SUFFIXES):
            return stem, suffixes
        stem, suffixes = rest, f".{last}{suffixes}"


def _is_general(stem: str) -> bool:
    """Whether a name consists of general words, dates and numbers too short for an account's."""
    if stem in ("", ".", ".."):
        return True
    if not _PLAIN.fullmatch(stem):
        return False
    rest = _DATE.sub(" ", stem)
    runs = _RUNS.findall(rest)
    words = [run for run in runs if not run.isdigit()]
    if any(word.lower() not in _GENERAL_WORDS for word in words):
        return False
    # Numbers without a word between them may be an address or a phone number.
    numbers = [run.isdigit() for run in runs]
    if any(one and two for one, two in pairwise(numbers)):
        return False
    return all(
        len(run.lstrip("0")) <= (_MAX_DIGITS if words or run[:2] == "00" else _MAX_BARE_DIGITS)
        for run in runs
        if run.isdigit()
    )
