"""Find the letters of a post that near languages do not write, as Ukrainian has no ``ы``.

Near languages share most of their words, and in a post of a few words a single letter may tell them
apart. A language without an alphabet here may have any letter.
"""

from __future__ import annotations

import unicodedata

import numpy as np

from filters.text.arrays import I32, U64

_CYRILLIC = "абвгдежзклмнопрстуфхцчш"
#: The letters beyond a to z, or the whole alphabet of another script. Latin alphabets have the
#: accents of loan words and names of neighbours too, as people write them.
_ALPHABETS = {
    "ru": _CYRILLIC + "ийщъыьэюяё", "uk": _CYRILLIC + "ийщьюяґєії", "be": _CYRILLIC + "йыьэюяёіў",
    "bg": _CYRILLIC + "ийщъьюяѝ", "mk": _CYRILLIC + "иѓѕјљњќџѐѝ",
    "sr": _CYRILLIC + "иђјљњћџ" + "čćđšž", "hr": "čćđšž", "bs": _CYRILLIC + "иђјљњћџ" + "čćđšž",
    "sl": "čšžćđáéü", "cs": "áčďéěíňóřšťúůýžöüä", "sk": "áäčďéíĺľňóôŕšťúýžöü",
    "pl": "ąćęłńóśźżéüö", "lt": "ąčęėįšųūž", "lv": "āčēģīķļņšūž",
    "da": "æøåéèóáüö", "no": "æøåéèêóòôàáüö", "sv": "åäöéèáàü", "fi": "äöåšžé", "et": "äöõüšžé",
    "is": "áðéíóúýþæö", "de": "äöüßéèàáê", "nl": "éëèêïíóöüáàäç", "hu": "áéíóöőúüű",
    "ro": "ăâîșțşţéãº", "sq": "çëéè", "tr": "çğıöşüâîû", "az": "çəğıöşü",
    "es": "áéíñóúüàèçºª", "pt": "áâãàçéêèíóôõúüñºª", "gl": "áéíñóúïüçâêàè",
    "ca": "àçèéíïòóúüáñ·", "it": "àèéìíîòóùúáêç", "fr": "àâæçéèêëîïôœùûüÿñ", "eu": "ñüç",
    "yo": "áàéèẹíìóòọúùṣńǹḿāēīōū", "vi": "", "tl": "ñáéíóúâêîôûàèìòù",
    "fa": "", "ur": "", "ckb": "", "ar": "",
}  # fmt: skip
# All vowels of Vietnamese with each of its tones; the combining marks, from none to the dot below.
_TONES = ("", "\u0300", "\u0301", "\u0303", "\u0309", "\u0323")
_ALPHABETS["vi"] = "đ" + "".join(
    unicodedata.normalize("NFC", vowel + tone) for vowel in "aăâeêioôơuưy" for tone in _TONES
)
# Letters of Arabic script that Arabic, Persian and Urdu, or two of these, do not have; Arabic with
# those of its dialects, and all three with the forms of keyboards for the others.
_ALPHABETS["ar"] = "پچژگڤکی"
_ALPHABETS["fa"] = "پچژگکیەۀ"
_ALPHABETS["ur"] = "پچژگکیےھہۂۓٹڈڑںۀە"
_ALPHABETS["ckb"] = "پچژگڤکیھہەڵڕۆێ"

#: The languages that have an alphabet, and the bit of each in the table.
LANGUAGES = tuple(sorted(_ALPHABETS))
#: Code points below this have a place in the table.
TABLE_SIZE = 0x1F00


def _build_foreign_table() -> U64:
    """Return for each code point the bits of the languages that do not write it."""
    table = np.zeros(TABLE_SIZE, np.uint64)
    letters = sorted({letter for alphabet in _ALPHABETS.values() for letter in alphabet})
    for letter in letters:
        if letter.isascii() or len(letter) > 1:
            continue
        for bit, code in enumerate(LANGUAGES):
            if letter not in _ALPHABETS[code]:
                table[ord(letter)] |= np.uint64(1) << np.uint64(bit)
    return table


FOREIGN = _build_foreign_table()


def find_bits(labels: list[str]) -> I32:
    """Return the bit of each label in :data:`FOREIGN`, -1 for a language without an alphabet."""
    bits = {code: bit for bit, code in enumerate(LANGUAGES)}
    return np.array([bits.get(label, -1) for label in labels], np.int32)
