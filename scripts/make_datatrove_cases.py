"""Write ``tests/filters/datatrove_cases.json``: invented texts with datatrove's verdicts.

    python -m scripts.make_datatrove_cases [--python PATH]

PATH is an interpreter with datatrove (by default the one that
``bench.peers.environment`` installs). The tests compare the published presets with these verdicts
where datatrove is not installed.
"""

from __future__ import annotations

import argparse
import json
import random
from pathlib import Path
from typing import Any

from bench.peers import environment
from bench.peers.datatrove_filters import PUBLISHED_PRESETS, run_datatrove

OUT = Path(__file__).resolve().parents[1] / "tests" / "filters" / "datatrove_cases.json"

_PLAIN = (
    "the",
    "of",
    "and",
    "to",
    "be",
    "that",
    "have",
    "with",
    "a",
    "river",
    "boat",
    "stone",
    "morning",
    "window",
    "kettle",
    "letter",
    "winter",
    "garden",
    "music",
    "bridge",
    "paper",
    "salt",
    "candle",
    "walk",
    "found",
    "under",
    "over",
    "never",
    "always",
    "seven",
    "green",
    "quiet",
    "old",
    "my",
)
_WORDS = (
    *_PLAIN,
    "don't",
    "can't",
    "it's",
    "I'm",
    "she'll",
    "we've",
    "o'clock",
    "well-known",
    "e.g.",
    "Mr.",
    "U.S.",
    "3.5",
    "10km",
    "20%",
    "$5",
    "7am",
    "C++",
)
_ODD = (
    "",
    " ",
    "\n\n\n",
    "😀",
    "😀 😀\n😀",
    "#",
    "...",
    "…",
    "[1]",
    "[citation needed]",
    "{",
    "a.",
    "lorem ipsum dolor sit amet.",
    "We use cookies. Read on.",
    "Please enable JavaScript to go on.",
    "See the Terms of Use and the privacy policy, please.",
    "Its cooKies: use cooKies here, friend.",
    "Numbers [12] stand here [] and here[edit].",
    "This ends well.[3]",
    "[9] Begins so, it does.",
    "One.  Two.\u00a0 Three.\tFour. Five. Six more words here.",
    "Wait... what?! No... really?!",
    "a\r\nb\rc\u2028d\u0085e",
    "\x1c\x1d\x1e",
    "x" * 1001 + " is too long a word.",
    "今日は天気がいいですね。散歩に行きましょう。",
    "ขอบคุณมากค่ะ วันนี้อากาศดี",
    "Привет! Как дела? Хорошо.",
    "مرحبا كيف حالك؟ بخير۔ شكرا",
    "नमस्ते। आप कैसे हैं? मैं ठीक हूँ।",
    "Γεια σου; Καλά.",
    "http://example.org/a-b/c_d?e=f#g is here, www.example.com too, and mail@example.org.",
    ":) :-( ^_^ <3 8-) D: (╯°□°）╯︵┻━┻ ok",
    "AT&T's r&d @home_alone #tag_1 50/50 and/or 1,000.50",
    "'quoted' \"double\" «guillemets» „low“ ‹single›",
    "wait—what–now-then --- end",
    "U.S.A. vs. U.K.",
    "100m 5kg 3€ 5US$ $7 £2.50 €3 30°C. 12%",
    "1+1=2 a*b 3^4 x<y>z a=b c:d e/f",
    "hi😂there❤️ok👍🏽",
    "IT IS I.",
    "e=mc² and m² or km²",
    "x…y……z",
    "a,b,c 1,2 日,本",
    "don’t can’t it’s",
    "lol.Then we",
)


def invent_texts() -> list[str]:
    """Return odd texts, and texts of random words that break each rule or none."""
    dice = random.Random(7)

    def sentence(size: int, words: tuple[str, ...] = _WORDS, ends: str = ".!?…'") -> str:
        text = " ".join(dice.choices(words, k=size))
        return text[0].upper() + text[1:] + dice.choice(("", "...", *ends))

    texts = list(_ODD)
    for number in range(286):
        kind = number % 13
        words = _PLAIN if kind in (2, 3, 7, 8, 9, 10, 11, 12) else _WORDS
        lines = [
            sentence(dice.randint(1, 16), words, "....!?'")
            for _ in range(dice.choice((2, 5, 9, 14)))
        ]
        if kind == 1:  # repeats lines
            lines += dice.choices(lines, k=dice.randint(1, 4))
        elif kind == 2:  # bullets
            lines = [dice.choice("-•") + " " + line for line in lines]
        elif kind == 3:  # hashes and ellipses
            mark = dice.choice((" #one #two #three", " ... and ... so", " x… y… z"))
            lines = [line + mark for line in lines]
        elif kind == 4:  # numbers
            lines = [" ".join(str(dice.randint(1, 9999)) for _ in range(12)) for _ in lines]
        elif kind == 5:  # phrases that repeat within a line
            lines = [" ".join([line] * dice.randint(1, 4)) for line in lines]
        elif kind == 6:  # what C4 cuts
            tails = (" [2].", " use cookies.", " javascript.", " Now go on, please.")
            lines = [line + dice.choice(tails) for line in lines]
        elif kind == 7:  # no stop words
            lines = [
                " ".join("thy" if word in _PLAIN[:8] else word for word in line.lower().split())
                for line in lines
            ]
        elif kind == 8:  # long words, or short
            lines = [line.replace(" ", "x", 9) for line in lines]
        elif kind == 9:
            lines = [" ".join("ab"[: 1 + len(word) % 2] for word in line.split()) for line in lines]
        elif kind == 10:  # code
            lines[-1] += " { so }."
        elif kind == 11:  # one longer passage is repeated, far away
            lines.append(" ".join(lines[0].split() + lines[-1].split()[:9]))
        texts.append(dice.choice(("\n", "\n\n", "\n", " ", "\r\n")).join(lines))
    return list(dict.fromkeys(texts))


def main() -> None:
    """Run datatrove and write the file."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--python", type=Path, default=environment.PYTHON, help="with datatrove")
    python = environment.find_interpreter(parser.parse_args().python)
    if python is None:
        raise SystemExit(
            "datatrove is needed: give --python, or run where packages can be installed"
        )
    texts = invent_texts()
    verdicts = run_datatrove(python, texts)
    cases: list[dict[str, Any]] = []
    for at, text in enumerate(texts):
        case: dict[str, Any] = {"text": text}
        case |= {name: verdicts[name]["reasons"][at] for name in PUBLISHED_PRESETS}
        if case["c4"] is None:
            case["c4_text"] = verdicts["c4"]["texts"][at]
        cases.append(case)
    version = environment.find_version(python, "datatrove")
    lines = ",\n".join(json.dumps(case, ensure_ascii=True) for case in cases)
    OUT.write_text(f'{{"datatrove": "{version}", "cases": [\n{lines}\n]}}\n', encoding="utf-8")
    print(f"{len(cases)} texts, as datatrove {version} judges them: {OUT.name}")


if __name__ == "__main__":
    main()
