"""Prove that a change to the code changes no byte of what a build writes.

``python -m bench.golden`` writes dumps of 100,000 invented posts, builds several plans from them
with each runner (serial, two processes, Ray where it is installed), and compares the SHA-256 of
every file with ``bench/golden.sums``. Exit status 0: every file is equal. 1: at least one file
differs, is missing or is new; the files are listed. ``--quick`` does the same with 5,000 posts and
the serial runner, in about a minute instead of a quarter of an hour, to be run after every step of
a larger change.

Together the plans use every stage and many options that change the output: see :data:`PLANS`. Only
what varies from run to run is not compared: ``run`` and ``seconds`` in ``manifest.json``.
The posts, the pseudonym key and the labelled posts that the classifier is trained on are invented
here or by ``corpus demo`` from fixed seeds, and every path in a plan is relative. So the sums
depend on the installed packages, not on the folder or the time. A CPU of another kind may round a
score differently: then run ``--write`` there on the commit before the change.

Only public names are used (``corpus.build`` and the command line), so that this file need not
change while modules move. ``--write`` writes the sums after an intended change of the output.
``--posts N`` builds another number of posts, for which there are no sums, and compares the runners
with each other. ``--keep FOLDER`` builds in a folder that is not removed, so that a file that
differs can be read.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

import corpus

ROOT = Path(__file__).resolve().parents[1]
SUMS = Path(__file__).with_name("golden.sums")
FULL, QUICK, DEMO = 100_000, 5_000, 20_000
RUNNERS = {"serial": 1, "processes": 2, "ray": 2}  # runner -> workers
#: The pseudonym key of every plan; it protects nobody. SHA-256 of "golden".
KEY = "dd56de4137951d9c92681b03416ec15f886b4482a27e3a517d32f085244cbe5d"

Sums = dict[str, str]  # path, beginning with the plan's name -> SHA-256
Row = dict[str, Any]

# ---------------------------------------------------------------- invented posts

# Five slots of a sentence each, so that texts are alike only where that is intended.
SENTENCES = {
    "en": (
        "My neighbour|Our old teacher|A friend of mine|The baker downstairs|Somebody at work|"
        "The new librarian|My younger sister|The bus driver|Their landlord|Her grandmother",
        "has repaired|wanted to sell|was talking about|finally found|keeps painting|"
        "could not remember|borrowed|has been looking for|gave away|never liked",
        "the broken kettle|a very small bicycle|that strange painting|the garden chairs|"
        "an enormous cake|the wooden boat|two hundred books|the yellow curtains|her first camera|"
        "the recipe for soup",
        "behind the station|near the harbour|in the village hall|at the market|on the third floor|"
        "under the bridge|across the river|beside the swimming pool|in our kitchen|at the airport",
        "last Tuesday|before breakfast|while it was raining|during the holidays|this morning|"
        "after the concert|without any help|for the third time|as you would expect|years ago",
    ),
    "es": (
        "Mi vecina|Nuestro profesor|Un amigo mío|La panadera|Alguien del trabajo|"
        "El bibliotecario|Mi hermana pequeña|El conductor|La dueña|Su abuela",
        "ha reparado|quería vender|hablaba de|encontró por fin|sigue pintando|"
        "no recordaba|pidió prestada|estaba buscando|regaló|nunca quiso",
        "la tetera rota|una bicicleta pequeña|ese cuadro tan raro|las sillas del jardín|"
        "una tarta enorme|la barca de madera|doscientos libros|las cortinas amarillas|"
        "su primera cámara|la receta de la sopa",
        "detrás de la estación|cerca del puerto|en el ayuntamiento|en el mercado|en el tercer piso|"
        "debajo del puente|al otro lado del río|junto a la piscina|en nuestra cocina|en la playa",
        "el martes pasado|antes de desayunar|mientras llovía|durante las vacaciones|esta mañana|"
        "después del concierto|sin ninguna ayuda|por tercera vez|como era de esperar|hace años",
    ),
    "de": (
        "Meine Nachbarin|Unser alter Lehrer|Ein Freund von mir|Der Bäcker unten|Jemand im Büro|"
        "Die Bibliothekarin|Meine kleine Schwester|Der Busfahrer|Ihr Vermieter|Seine Großmutter",
        "verkaufte|suchte|fand endlich|beschrieb|bemalte|vergaß|reparierte|verschenkte|brachte|maß",
        "den kaputten Wasserkocher|ein sehr kleines Fahrrad|dieses seltsame Gemälde|"
        "die grünen Gartenstühle|einen riesigen Kuchen|das hölzerne Boot|zweihundert Bücher|"
        "die gelben Vorhänge|ihre erste Kamera|das Rezept für die Suppe",
        "hinter dem Bahnhof|in der Nähe vom Hafen|im Rathaus|auf dem Markt|im dritten Stock|"
        "unter der Brücke|über dem Fluss|neben dem Schwimmbad|in unserer Küche|am Flughafen",
        "am letzten Dienstag|vor dem Frühstück|während es regnete|in den Ferien|heute früh|"
        "nach dem Konzert|ohne jede Hilfe|zum dritten Mal|wie zu erwarten war|vor vielen Jahren",
    ),
}
SLOTS = {lang: [slot.split("|") for slot in slots] for lang, slots in SENTENCES.items()}
# Too short to have a certain language; the author's and the thread's other posts decide.
SHORT = ("no me digas", "super", "ok, gut", "la la la", "pero no", "total normal", "me too", "jaja")
NAMES = ("Anna Schmidt", "John Murphy", "María García Pérez", "Ahmed Khan", "Emma Thompson")
CITIES = ("Berlin", "Madrid", "Dublin", "Chicago", "Buenos Aires")
DETAILS = (
    "Write to {first}.{last}@example.org or call +1 212 555 0{n:03d}.",
    "My name is {name} and I live in {city} with my brother.",
    "{name} told me that the card 4111 1111 1111 1111 was refused in {city}.",
    "The server at 192.168.{m}.{k} answers, ask @{first}_{n} about it.",
    "Transfer it to DE89 3704 0044 0532 0130 00, says {name}.",
    "My SSN is 536-90-{n:04d} and the router is 00:1B:44:11:3A:{k:02X}.",
    "Thanks @{first}{n} and @board_news, see https://example.com/{n}?u={first}",
    "L'identifiant de {name} : 1A2zP1eP5QGefi2DMPTfTL5SLmv7DivfNa, tel. 030 1234{n:04d}",
)
ADVERTS = (
    "Buy {n} followers today, click the link in my bio https://spam.example/{n} #ad #win #free",
    "LIMITED OFFER!!! Earn ${n} a day from home, DM me now 🔥🔥🔥 https://t.co/abc{n}",
    "Congratulations, you have won {n} vouchers. Claim them on www.prizes.example/{n}",
)
BOARDS = ("kitchen", "harbour", "cinema", "jardin", "technik", "advice")
START = 1_714_521_600  # 2024-05-01 00:00 UTC
MONTH = 30 * 86_400


class Board:
    """Invent the posts of a board: threads in three languages, and posts for every stage."""

    def __init__(self, seed: str, prefix: str) -> None:
        self.rng = random.Random(seed)
        self.prefix = prefix  # of the posts' ids
        self.rows: list[Row] = []
        self.questions = [f"Which of the following is right? {self.prose(2)}" for _ in range(40)]
        self.known = [self.prose(3) for _ in range(300)]  # in the earlier corpus too

    def sentence(self, lang: str = "en") -> str:
        """Return a sentence of five slots."""
        return " ".join(self.rng.choice(slot) for slot in SLOTS[lang]) + "."

    def prose(self, sentences: int, lang: str = "en") -> str:
        """Return so many sentences."""
        return " ".join(self.sentence(lang) for _ in range(sentences))

    def write(self, posts: int) -> list[Row]:
        """Invent this many posts, in order of time."""
        kinds: dict[Callable[[Row, str], str], int] = {
            self.plain: 40,
            self.short: 10,
            self.styled: 6,
            self.details: 10,
            self.long: 6,
            self.contaminated: 3,
            self.advert: 4,
            self.copied: 5,
            self.edited: 5,
            self.quoting: 3,
            self.forecast: 2,
            self.robot: 2,
            self.seen: 4,
        }
        names, weights = list(kinds), list(kinds.values())
        bursts = {posts * n // 5 for n in range(1, 5)}
        while len(self.rows) < posts:
            if len(self.rows) in bursts:
                self.campaign(posts)
            row, lang = self.row(len(self.rows) / posts)
            row["text"] = self.rng.choices(names, weights)[0](row, lang)
            self.rows.append(row)
        return self.rows[:posts]

    def row(self, progress: float) -> tuple[Row, str]:
        """Return a post without text, often a reply to a recent one, and its author's language."""
        rng, number = self.rng, len(self.rows)
        identity = f"{self.prefix}{number}"
        author = int(900 * rng.random() ** 2)
        lang = ("en", "en", "es", "de")[author % 4]
        row: Row = {
            "id": identity,
            "user": None if author == 13 else f"user{author}",
            "kind": "post",
            "board": BOARDS[author % 6],
            "at": START + round(progress * MONTH),
            "votes": rng.randrange(-3, 40),
            "parent": None,
            "root": identity,
            "answer": None,
            "robot": False,
            "hint": lang if author % 7 == 0 else None,
        }
        if number > 30 and rng.random() < 0.6:
            parent = self.rows[number - rng.randrange(1, 30)]
            row |= {"kind": "reply", "parent": parent["id"], "root": parent["root"]}
            if parent["kind"] == "post" and rng.random() < 0.1:
                parent["answer"] = row["id"]
        if author == 17:  # no time is known
            row["at"] = None
        return row, lang

    def plain(self, row: Row, lang: str) -> str:
        """Write a few sentences."""
        marks = self.rng.choice(
            ("", "", "", " #garden", " 😂", " https://example.com/a", " @user5")
        )
        return self.prose(self.rng.randrange(1, 5), lang) + marks

    def short(self, row: Row, lang: str) -> str:
        """Write two or three words."""
        return self.rng.choice(SHORT) + self.rng.choice(("", "!", " 😅", "...", " ;)"))

    def styled(self, row: Row, lang: str) -> str:
        """Write what 'normalise' repairs: mojibake, wide letters, entities, invisible signs."""
        text = self.prose(2, lang)
        return self.rng.choice(
            (
                f"Déjà vu – “{text}” à Köln".encode().decode("latin-1"),
                "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in text[:30]) + text,
                f"{text} &amp; more &lt;3 &#39;really&#39;",
                text.replace(" ", "\u00a0\u200b ", 3)
                + " e\u0301tude\ufeff t.co/x https://t.co/Ab1",
                f"{text} #one #two #three #four",
            )
        )

    def details(self, row: Row, lang: str) -> str:
        """Write contact data, names and handles."""
        rng, name = self.rng, self.rng.choice(NAMES)
        first, last = name.lower().split()[0], name.lower().split()[-1]
        detail = rng.choice(DETAILS).format(
            name=name,
            first=first,
            last=last,
            city=rng.choice(CITIES),
            n=rng.randrange(1000),
            m=rng.randrange(256),
            k=rng.randrange(256),
        )
        return f"{self.sentence(lang)} {detail}"

    def long(self, row: Row, lang: str) -> str:
        """Write paragraphs and lines that are repeated."""
        paragraphs = [self.prose(3, lang) for _ in range(4)]
        footer = "-- sent from a very small telephone, please excuse the mistakes"
        repeated = self.rng.choice(([paragraphs[0]], [footer, footer], paragraphs * 2, []))
        lines = "\n".join([self.sentence(lang)] * self.rng.randrange(1, 4))
        return "\n\n".join([*paragraphs, lines, *repeated])

    def contaminated(self, row: Row, lang: str) -> str:
        """Write an item of the evaluation set, whole or in part."""
        words = self.rng.choice(self.questions).split()
        part = words[: self.rng.choice((8, 14, len(words)))]
        return f"{self.sentence(lang)} {' '.join(part)}"

    def advert(self, row: Row, lang: str) -> str:
        """Write spam."""
        return self.rng.choice(ADVERTS).format(n=self.rng.randrange(100, 999))

    def copied(self, row: Row, lang: str) -> str:
        """Return the text of an earlier post."""
        return str(self.rng.choice(self.rows)["text"]) if self.rows else self.plain(row, lang)

    def edited(self, row: Row, lang: str) -> str:
        """Return the text of an earlier post with one word changed."""
        words = self.copied(row, lang).split(" ")
        words[self.rng.randrange(len(words))] = self.rng.choice(("well", "SOOO", "bien", "doch"))
        return " ".join(words)

    def quoting(self, row: Row, lang: str) -> str:
        """Return a repost or a quote of an earlier post."""
        row["kind"] = self.rng.choice(("repost", "quote"))
        return f"RT @user{self.rng.randrange(900)}: {self.copied(row, lang)}"

    def forecast(self, row: Row, lang: str) -> str:
        """Write a post that one author repeats with small changes."""
        row |= {"user": f"weather_{self.rng.randrange(3)}", "kind": "post"}
        city, degrees = self.rng.choice(CITIES), self.rng.randrange(30)
        return f"The forecast for {city} tomorrow says {degrees} degrees and some light clouds"

    def robot(self, row: Row, lang: str) -> str:
        """A program's post; its account is declared as one, or has a name that says so."""
        declared = self.rng.random() < 0.5
        row |= {"user": "helper" if declared else "remind_me_bot", "robot": declared}
        return f"I am a program and I will remind you in {self.rng.randrange(60)} days of this."

    def seen(self, row: Row, lang: str) -> str:
        """Return a text of the earlier corpus, unchanged or nearly so."""
        text = self.rng.choice(self.known)
        return self.rng.choice((text, f"{text} Indeed.", text.upper()))

    def campaign(self, posts: int) -> None:
        """Add one text by sixty authors within a minute."""
        text = f"Everybody must sign this today: {self.prose(2)}"
        began = START + round(len(self.rows) / posts * MONTH)
        for number in range(60):
            row, _ = self.row(0)
            row |= {"user": f"crowd{number}", "text": text + "!" * (number % 3), "kind": "post"}
            row |= {"at": began + number, "parent": None, "root": row["id"]}
            self.rows.append(row)


def labelled() -> Iterator[Row]:
    """Yield labelled posts to train the classifier on."""
    board = Board("labelled", "l")
    for number in range(1200):
        yield {"text": board.advert({}, "en") + f" {board.sentence()}", "label": "advert"}
        lang = ("en", "es", "de")[number % 3]
        yield {"text": board.prose(2, lang), "label": "anecdote"}
        yield {"text": f"Does anybody know why {board.sentence(lang)[:-1]}?", "label": "question"}


def write_lines(path: Path, rows: Iterator[Row] | list[Row]) -> None:
    """Write JSON lines."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = (json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    path.write_text("".join(lines), encoding="utf-8")


def write_inputs(posts: int) -> None:
    """Write everything that the plans read to the working directory."""
    run_cli("demo", "dumps/demo", "--posts", str(DEMO))
    run_cli("demo", "dumps/more", "--posts", str(posts * 6 // 10), "--seed", "2")
    board = Board("board", "b")
    write_lines(Path("dumps/board/posts.jsonl"), board.write(posts - posts * 6 // 10))
    with open("dumps/board/posts.jsonl", "a", encoding="utf-8") as file:
        file.write('{"id": ["x"], "text": 5}\n{"id": "cut", "te\n')
    earlier = Board("earlier", "e").write(posts // 20)
    for number, text in enumerate(board.known):
        earlier.append(earlier[0] | {"id": f"k{number}", "text": text, "user": f"old{number % 50}"})
    write_lines(Path("dumps/board/earlier.jsonl"), earlier)
    questions = [
        {"question": question, "answer": f"It is number {number}."}
        for number, question in enumerate(board.questions)
    ]
    write_lines(Path("lists/questions.jsonl"), questions)
    write_lines(Path("lists/labelled.jsonl"), labelled())
    Path("lists/public.txt").write_text("board_news # the board's own account\nx:nasa\n")
    run_cli(
        "train",
        "--labelled",
        "lists/labelled.jsonl",
        "--text",
        "text",
        "--label",
        "label",
        "--out",
        "lists/model.ftz",
        "--dim",
        "8",
        "--epochs",
        "4",
        "--most-rows",
        "20000",
        "--precision",
        "0.9",
        "--for",
        "advert",
    )
    Path("corpus.key").write_text(KEY + "\n", encoding="ascii")
    os.chmod("corpus.key", 0o600)


# ---------------------------------------------------------------- plans

#: The plans that are built after ``configs/demo.yaml``. earlier: the corpus that 'posts' is
#: deduplicated against. posts: every stage that takes single posts, with four readers. threads:
#: whole trees, with other settings of the same stages and with original ids. path, pair, qa: the
#: other modes of 'conversations', with dedup before or after it.
PLANS = r"""
earlier:
  sources:
    - table: &board
        path: dumps/board/earlier.jsonl
        platform: board
        fields: {id: id, text: text, author: user, created_at: at, community: board,
                 parent_id: parent, root_id: root, score: votes, kind: kind, bot: robot,
                 accepted_id: answer, lang_hint: hint}
  stages:
    - language: {}
    - dedup: {}
    - pii: {}

posts:
  sources:
    - reddit: {path: "dumps/more/reddit/*.zst"}
    - x_stream: {path: "dumps/more/x/*.tar"}
    - x_api: {path: "dumps/more/x/*.jsonl"}
    - table:
        path: dumps/more/table/forum.csv
        platform: forum
        fields: {id: post_id, author: username, text: body, created_at: posted_at}
    - table: {<<: *board, path: dumps/board/posts.jsonl}
  stages:
    - consent: {}
    - authors: {drop_most_active: 0.001, max_posts: 400, max_repeated: 0.6,
                bots: [RadioDemoBot], blocked_communities: [cinema]}
    - normalise: {}
    - language: {min_score: 0.1, und_below: 0.05}
    - language_context: {keep: [en, es, pt, fr, de, ja, id]}
    - quality: {preset: [social, gopher_repetition],
                top_2_gram: 0.6, top_3_gram: 0.6, top_4_gram: 0.6}
    - classifier: {model: lists/model.ftz, drop: [advert]}
    - toxicity: {max_score: 0.8, categories: true}
    - decontaminate: {against: [lists/questions.jsonl], columns: [question]}
    - dedup: {against: [out/earlier], max_cluster: 2, prefer_sources: [forum, "*.tar"]}
    - repeats: {}
    - pii: {profile: strict, style: surrogate, handles: pseudonym, countries: [DE, ES, GB, US],
            public_file: lists/public.txt, max_spans: 12}
  output: {shuffle: true, shuffle_seed: 7, validation: 0.05, validation_seed: 3, canaries: 20,
           title: Invented posts, license: CC0-1.0, contact: nobody@example.org}

threads:
  sources:
    - reddit: {path: "dumps/more/reddit/*.zst"}
    - table: {<<: *board, path: dumps/board/posts.jsonl}
  stages:
    - authors: {keep: best_score, max_posts: 200}
    - normalise: {unicode: nfkc, entities: true, links: domain, tco: keep, hashtags: strip_mark,
                  retweet_head: keep, reposts: drop}
    - language: {keep: [en, de], near: together, correct: false}
    - quality: {preset: [gopher, gopher_repetition, c4, fineweb, social], min_doc_words: 6,
                min_stop_words: 0, max_avg_word_length: 14, min_num_sentences: 1,
                filter_no_terminal_punct: false, line_punct_exclude_zero: true,
                top_2_gram: 0.5, top_3_gram: 0.5, top_4_gram: 0.5, char_duplicates_ratio: 0.4,
                short_line_thr: 1.0}
    - classifier: {model: lists/model.ftz, keep: [anecdote, question], min_score: 0.4}
    - toxicity: {max_score: 0.6, action: redact}
    - decontaminate: {against: [lists/questions.jsonl], ngram: 8, min_share: 0.3, action: annotate}
    - dedup: {exact_only: true, keep: best_score, reposts: by_text, campaign_posts: 30,
              drop_campaigns: true, index: false}
    - conversations: {mode: tree, min_posts: 2, max_characters: 4000}
    - repeats: {min_chars: 200, min_line_chars: 15}
    - pii: {style: mask, min_scores: {IP_ADDRESS: 0.7}}
  output: {ids: original, compression: lz4, content_defined_chunking: true, validation: 0.3,
           validation_after: "2024-05-20", report_samples: 2}

path:
  sources:
    - table: {<<: *board, path: dumps/board/posts.jsonl}
  stages:
    - language: {keep: [en, es, de]}
    - language_context: {keep: [en, es], author_weight: 1.0}
    - toxicity: {action: annotate}
    - conversations: {mode: path, path: best_score, min_posts: 2}
    - dedup: {jaccard: 0.6, shingle_chars: 5, keep: longest, fold: [unicode, case]}
    - repeats: {action: drop, max_share: 0.2}
    - pii: {profile: strict, handles: keep, ner_langs: [en]}
  output: {zstd_level: 9, shuffle: true, canaries: 5, report_samples: 0}

pair:
  sources:
    - table: {<<: *board, path: dumps/board/posts.jsonl}
  stages:
    - dedup: {keep: longest, shingle_words: 3, permutations: 64, bands: 16, rows: 4}
    - conversations: {mode: pair, orphans: drop}

qa:
  sources:
    - table: {<<: *board, path: dumps/board/posts.jsonl}
  stages:
    - quality: {preset: dolma_reddit, min_comment_chars: 50, min_submission_chars: 0, min_score: 0}
    - conversations: {mode: qa, max_answers: 2, min_answer_score: 2, turn: "{role}: {text}",
                      joiner: "\n"}
    - repeats: {action: annotate}
"""


def plans(posts: int) -> dict[str, Row]:
    """Return every plan by name, in the order of building: the demo of ``make corpus`` first."""
    demo = (ROOT / "configs" / "demo.yaml").read_text(encoding="utf-8")
    found: dict[str, Row] = {"demo": yaml.safe_load(demo)}
    # Small, so that a plan has several shards, and shards several row groups.
    size = {"shard_mb": posts / 40_000, "row_group_mb": posts / 400_000}
    for name, document in yaml.safe_load(PLANS).items():
        document["output"] = size | document.get("output", {})
        document["run"] = {"part_posts": posts // 5}
        found[name] = document
    return found


# ---------------------------------------------------------------- building and comparing


def run_cli(*arguments: str) -> None:
    """Run the command ``corpus``; an error ends this command too."""
    command = [sys.executable, "-m", "corpus", *arguments]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def file_sums(name: str, folder: Path) -> Sums:
    """Return the SHA-256 of every file in ``folder``, without the figures that vary by run."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            content = path.read_bytes()
            if path.name == "manifest.json":
                content = without_timings(content)
            found[f"{name}/{path.relative_to(folder)}"] = hashlib.sha256(content).hexdigest()
    return found


def without_timings(manifest: bytes) -> bytes:
    """Return a manifest's bytes without ``run`` and the stages' ``seconds``."""
    fewer = re.sub(rb',\n  "run": \{\n.*?\n  \}(?=,?\n)', b"", manifest, flags=re.DOTALL)
    fewer = re.sub(rb'"seconds": [-+.\de]+', b'"seconds": 0', fewer)
    if "run" in json.loads(fewer):
        raise ValueError("'run' in manifest.json is not written as bench.golden expects")
    return fewer


def build_plan(name: str, document: Row, runner: str) -> tuple[Sums, float]:
    """Build one plan in the working directory; return its sums and the seconds."""
    run = document["run"] | {"runner": runner, "workers": RUNNERS[runner]}
    output = document["output"] | {"path": f"out/{name}", "key": "corpus.key"}
    began = time.perf_counter()
    corpus.build(document | {"output": output, "run": run})
    return file_sums(name, Path("out", name)), time.perf_counter() - began


def differences(found: Sums, expected: Sums) -> list[str]:
    """Return a line for each file that is not as expected."""
    lines = []
    for path in sorted(found.keys() | expected.keys()):
        if path not in found:
            lines.append(f"missing  {path}")
        elif path not in expected:
            lines.append(f"new      {path}")
        elif found[path] != expected[path]:
            lines.append(f"differs  {path}")
    return lines


def read_sums(size: int) -> Sums:
    """Return the committed sums for this number of posts; empty if there are none."""
    lines = SUMS.read_text(encoding="utf-8").splitlines() if SUMS.exists() else []
    pairs = [line.split("  ", 1) for line in lines]
    prefix = f"{size}/"
    return {p.removeprefix(prefix): digest for digest, p in pairs if p.startswith(prefix)}


def write_sums(size: int, found: Sums) -> None:
    """Write the sums for this number of posts; keep those for the other number."""
    every = {each: found if each == size else read_sums(each) for each in (QUICK, FULL)}
    lines = [
        f"{digest}  {each}/{path}\n"
        for each, sums in every.items()
        for path, digest in sorted(sums.items())
    ]
    SUMS.write_text("".join(lines), encoding="utf-8")


def compare(what: str, found: Sums, expected: Sums, seconds: float) -> bool:
    """Print whether all files are equal, and name those that are not."""
    wrong = differences(found, expected)
    verdict = f"{len(found)} files equal"
    if wrong:
        verdict = f"{len(wrong)} of {len(found.keys() | expected.keys())} files are not equal"
    print(f"{what}: {verdict} ({seconds:.1f} s)", flush=True)
    for line in wrong:
        print(f"  {line}", flush=True)
    return not wrong


@contextmanager
def working_directory(keep: Path | None) -> Iterator[None]:
    """Change to an empty folder, which is removed afterwards unless it is to be kept."""
    folder = Path(tempfile.mkdtemp(prefix="golden-")) if keep is None else keep.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise SystemExit(f"--keep: '{keep}' is not empty; name another folder")
    back = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(back)
        if keep is None:
            shutil.rmtree(folder)


def build_everything(
    runners: Sequence[str], posts: int, chosen: Sequence[str], expected: Sums
) -> tuple[Sums, bool]:
    """Build the chosen plans with each runner and compare each with the expected sums.

    Without expected sums, the first runner's are expected of the others. Returns the first
    runner's sums, and whether all were equal.
    """
    reference, equal = dict(expected), True

    def check(name: str, runner: str, sums: Sums, seconds: float) -> None:
        nonlocal equal
        what = f"{name}, {runner}" if runner else name
        known = {path: digest for path, digest in reference.items() if path.startswith(f"{name}/")}
        if known or expected:
            equal &= compare(what, sums, known, seconds)
        else:
            reference.update(sums)
            print(f"{what}: {len(sums)} files ({seconds:.1f} s)", flush=True)

    first: Sums = {}
    began = time.perf_counter()
    write_inputs(posts)
    inputs = file_sums("inputs/dumps", Path("dumps")) | file_sums("inputs/lists", Path("lists"))
    check("inputs", "", inputs, time.perf_counter() - began)
    first |= inputs
    for runner in runners:
        for name, document in plans(posts).items():
            if name in chosen:
                sums, seconds = build_plan(name, document, runner)
                check(name, runner, sums, seconds)
                first |= sums if runner == runners[0] else {}
        Path("out").rename(f"out-{runner}")
    return first, equal


def main() -> int:
    """Build and compare; return the exit status."""
    names = list(plans(QUICK))
    first_line = (__doc__ or "").partition("\n")[0]
    parser = argparse.ArgumentParser(prog="python -m bench.golden", description=first_line)
    parser.add_argument("--quick", action="store_true", help=f"{QUICK:,} posts, runner 'serial'")
    parser.add_argument("--posts", type=int, default=FULL, help=f"about how many; {FULL:,}")
    parser.add_argument("--runner", action="append", choices=RUNNERS, help="default: every one")
    parser.add_argument("--plan", action="append", choices=names, help="default: every one")
    parser.add_argument("--write", action="store_true", help=f"write {SUMS.name}; compare runners")
    parser.add_argument("--keep", type=Path, help="an empty folder to build in, not removed")
    given = parser.parse_args()
    posts = QUICK if given.quick else given.posts
    if given.write and (given.plan or posts not in (QUICK, FULL)):
        parser.error("--write needs every plan, and the full number of posts or --quick")
    runners = given.runner or (["serial"] if given.quick else list(RUNNERS))
    if not given.runner and importlib.util.find_spec("ray") is None:
        runners = [runner for runner in runners if runner != "ray"]
    chosen = {*(given.plan or names)}
    if "posts" in chosen:
        chosen.add("earlier")  # which it is deduplicated against
    if ROOT not in Path(corpus.__file__).parents:
        parser.error(f"'corpus' is imported from another checkout; run this in {ROOT}")
    # Worker processes import the code of this checkout too.
    os.environ["PYTHONPATH"] = str(ROOT)
    with working_directory(given.keep):
        expected = {} if given.write else read_sums(posts)
        found, equal = build_everything(runners, posts, sorted(chosen), expected)
    if given.write and equal:
        write_sums(posts, found)
        print(f"{len(found)} sums written to {SUMS.relative_to(ROOT)}")
    return 0 if equal else 1


if __name__ == "__main__":
    raise SystemExit(main())
