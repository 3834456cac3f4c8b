"""Words that people swear with at nobody, by language: they do not separate abuse from vulgarity.

``train_toxicity_languages`` takes a post that a set calls offensive, and that has one of these, for
abuse only in part. Written for this project. Each is a regular expression for the beginning of a
word of a folded text (no case, no accents); one that ends in ``$`` is a whole word.
"""

from __future__ import annotations

EXPLETIVES: dict[str, tuple[str, ...]] = {
    "da": (
        *(
            "fuck",
            "fucking",
            "lort",
            "lorte",
            "satan",
            "satme",
            "fanden",
            "helvede",
            "pis$",
            "pisse",
        ),
        *(
            "pissed",
            "rov$",
            "roven",
            "røv",
            "skide",
            "skid$",
            "kraft",
            "sgu$",
            "shit",
            "damn",
            "kæft$",
        ),
        *("orgasm", "pik$", "pikken", "fisse", "kneppe", "bolle$", "crap"),
    ),
    "el": (
        *(
            "γαμω",
            "γαμη",
            "σκατα",
            "μαλακιε",
            "μαλακια",
            "αρχιδι",
            "πουτσ",
            "μουνι",
            "καβλ",
            "κωλο",
        ),
        *("κωλε", "διαολο", "διαλο", "χεσ", "χεστ"),
    ),
    "ko": (
        *(
            "ᄊᄇ",
            "ᄉᄇ",
            "ᄌᄂ",
            "ᄌᄅ",
            "씨발",
            "시발",
            "씨바",
            "시바",
            "ㅅㅂ",
            "ㅈㄴ",
            "존나",
            "졸라",
        ),
        *("좆같", "조까", "지랄", "씹", "니미", "개같"),
    ),
    "ro": (
        *("drac", "dreaq", "draq", "naiba", "pula", "pule", "pwla", "pizda", "cacat", "rahat"),
        *("curu", "cur$", "futu", "dracu", "bagamias", "pisa", "pisat"),
    ),
    "tr": (
        *(
            "amk",
            "aq$",
            "amq",
            "mk$",
            "aqq",
            "awk$",
            "amina",
            "amına",
            "amin$",
            "amın$",
            "sik",
            "sokuyim",
        ),
        *("sokay", "got$", "gotum", "gotu", "gote", "bok", "yarra", "lanet", "aminako", "amınako"),
        *("sevis", "seks", "porno", "azdir", "bosal"),
    ),
    "ur-Latn": (
        *(
            "bc$",
            "bcc",
            "mc$",
            "bkl",
            "lun$",
            "lund",
            "lora",
            "lula",
            "gand$",
            "gaand",
            "gandu$",
            "chut",
        ),
        *("choot", "phudi", "phuddi", "tatti", "lol$", "chod", "chudai"),
    ),
}


def find_pattern(lang: str) -> str | None:
    """Return a regular expression that finds an expletive in a folded text of a language."""
    words = EXPLETIVES.get(lang)
    return rf"(^| )(?:{'|'.join(words).replace('$', '( |$)')})" if words else None
