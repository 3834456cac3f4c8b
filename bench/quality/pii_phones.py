"""Measure which countries' phone numbers ``pii`` finds: ``python -m bench.quality.pii_phones``.

30 countries, each with a mobile and a fixed number (libphonenumber's examples, which belong to
nobody) in the ways that people write them: as the country does, with spaces, hyphens or dots, and
without a separator. A country is found if the usual way of both numbers is redacted, in a sentence
of its language without a word such as "call".
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import polars as pl

from filters import pii

#: By region: the language of its posts, and a sentence without any word for a phone.
COUNTRIES = {
    "US": ("en", "here it is: {}, thanks"),
    "GB": ("en", "here it is: {}, thanks"),
    "CA": ("en", "here it is: {}, thanks"),
    "AU": ("en", "here it is: {}, thanks"),
    "IN": ("en", "here it is: {}, thanks"),
    "NG": ("en", "here it is: {}, thanks"),
    "ZA": ("en", "here it is: {}, thanks"),
    "KE": ("sw", "hii hapa: {}, asante"),
    "PH": ("fil", "ito po: {}, salamat"),
    "DE": ("de", "hier ist sie: {}, danke"),
    "AT": ("de", "hier ist sie: {}, danke"),
    "CH": ("de", "hier ist sie: {}, danke"),
    "FR": ("fr", "le voici : {}, merci"),
    "BE": ("nl", "hier is het: {}, bedankt"),
    "NL": ("nl", "hier is het: {}, bedankt"),
    "ES": ("es", "aqu\u00ed est\u00e1: {}, gracias"),
    "MX": ("es", "aqu\u00ed est\u00e1: {}, gracias"),
    "AR": ("es", "ac\u00e1 est\u00e1: {}, gracias"),
    "BR": ("pt", "aqui est\u00e1: {}, obrigado"),
    "PT": ("pt", "aqui est\u00e1: {}, obrigado"),
    "IT": ("it", "eccolo: {}, grazie"),
    "PL": ("pl", "oto on: {}, dzi\u0119ki"),
    "SE": ("sv", "h\u00e4r \u00e4r det: {}, tack"),
    "RU": ("ru", "\u0432\u043e\u0442 \u043e\u043d: {}, \u0441\u043f\u0430\u0441\u0438\u0431\u043e"),
    "UA": ("uk", "\u043e\u0441\u044c \u0432\u0456\u043d: {}, \u0434\u044f\u043a\u0443\u044e"),
    "TR": ("tr", "i\u015fte burada: {}, te\u015fekk\u00fcrler"),
    "IL": ("he", "\u05d4\u05e0\u05d4: {}, \u05ea\u05d5\u05d3\u05d4"),
    "JP": ("ja", "\u3053\u3061\u3089\u3067\u3059\u3002{}\u3000\u3088\u308d\u3057\u304f"),
    "KR": ("ko", "\uc5ec\uae30 {} \uac10\uc0ac\ud569\ub2c8\ub2e4"),
    "ID": ("id", "ini dia: {}, terima kasih"),
}


class Written(NamedTuple):
    """A number of a region, the kind of it, and how it is written."""

    region: str
    kind: str
    style: str
    text: str


def list_numbers() -> list[Written]:
    """Return every country's numbers in every style."""
    from phonenumbers import (
        PhoneNumberFormat,
        PhoneNumberType,
        example_number_for_type,
        format_number,
    )

    numbers = []
    for region in COUNTRIES:
        for kind, number_type in (
            ("mobile", PhoneNumberType.MOBILE),
            ("fixed", PhoneNumberType.FIXED_LINE),
        ):
            number: Any = example_number_for_type(region, number_type)
            usual = format_number(number, PhoneNumberFormat.NATIONAL)
            groups = re.findall(r"\d+", usual)
            styles = {
                "usual": usual,
                "spaces": " ".join(groups),
                "hyphens": "-".join(groups),
                "dots": ".".join(groups),
                "digits": "".join(groups),
            }
            numbers += [Written(region, kind, style, text) for style, text in styles.items()]
    return numbers


def find_missed(numbers: list[Written], with_language: bool, **config: Any) -> set[Written]:
    """Return the numbers of which a part is still in the redacted sentence."""
    posts = pl.DataFrame(
        {
            "text": [COUNTRIES[each.region][1].format(each.text) for each in numbers],
            "lang": [COUNTRIES[each.region][0] for each in numbers],
        }
    )
    posts = posts if with_language else posts.drop("lang")
    redacted = pii.build(pii.Config(**config))(posts)["text"]
    return {
        each
        for each, text in zip(numbers, redacted, strict=True)
        if sum(map(str.isdecimal, text)) > 0
    }


def main() -> None:
    """Print the table."""
    numbers = list_numbers()
    styles = list(dict.fromkeys(each.style for each in numbers))
    runs: dict[str, dict[str, Any]] = {
        "Presidio's eight regions": {"with_language": False, "phone_regions": PRESIDIO},
        "auto, language unknown": {"with_language": False},
        "auto, by the language": {"with_language": True},
    }
    for name, settings in runs.items():
        missed = find_missed(numbers, **settings)
        lost = sorted({each.region for each in missed if each.style == "usual"})
        print(f"{name}: {len(COUNTRIES) - len(lost)} of {len(COUNTRIES)} countries found", end="")
        print(f"; not {', '.join(lost)}" if lost else "")
        for style in styles:
            of_style = [each for each in numbers if each.style == style]
            found = [each for each in of_style if each not in missed]
            absent = sorted(f"{each.region} {each.kind}" for each in of_style if each in missed)
            print(f"  {style:8} {len(found)} of {len(of_style)}  {', '.join(absent)}")


PRESIDIO = ("US", "GB", "DE", "FR", "IL", "IN", "CA", "BR")

if __name__ == "__main__":
    main()
