"""National identifiers of persons, by country: Presidio's recognizer, the least score, the gate.

Where a recognizer checks a checksum, a number that is valid scores 1.0 and another one is ignored;
where there is none (SG_NRIC_FIN, UK_NINO, IN_PAN, US_ITIN) the form alone scores 0.5 or, near a
word such as "nric", more. Checksums over plain digits are weak: one ten-digit number in eleven is a
valid UK_NHS. So identifiers are found only for the countries that the plan names.
"""

from __future__ import annotations

from typing import NamedTuple

# Any decimal digit, also one that polars' Unicode tables are too old to know.
DIGIT = r"[\d\p{Cn}]"
# If case is ignored, [A-Z] also matches the dotted and dotless i, the long s and the Kelvin sign.
LETTER = r"A-Za-z\u{130}\u{131}\u{17F}\u{212A}"
# Python's \s has four separators that Rust's has not.
_SPACE = r"[\s\x1c-\x1f]"


class NationalIdentifier(NamedTuple):
    """An identifier: its country, the class in Presidio, the least score, the gate."""

    country: str
    recognizer: str
    min_score: float
    gate: str


NATIONAL_IDENTIFIERS = {
    "AU_MEDICARE": NationalIdentifier(
        "AU", "AuMedicareRecognizer", 0.5, rf"{DIGIT}{{4}}{_SPACE}?{DIGIT}{{5}}{_SPACE}?{DIGIT}"
    ),
    "AU_TFN": NationalIdentifier(
        "AU", "AuTfnRecognizer", 0.5, rf"{DIGIT}{{3}}{_SPACE}?{DIGIT}{{3}}{_SPACE}?{DIGIT}{{3}}"
    ),
    "CA_SIN": NationalIdentifier(
        "CA", "CaSinRecognizer", 0.5, rf"{DIGIT}{{3}}[- ]?{DIGIT}{{3}}[- ]?{DIGIT}{{3}}"
    ),
    "DE_HEALTH_INSURANCE": NationalIdentifier(
        "DE", "DeHealthInsuranceRecognizer", 0.5, rf"[{LETTER}]{DIGIT}{{9}}"
    ),
    "DE_ID_CARD": NationalIdentifier(
        "DE", "DeIdCardRecognizer", 0.5, rf"[{LETTER}0-9]{{8}}[0-9]|{DIGIT}{{8}}"
    ),
    "DE_SOCIAL_SECURITY": NationalIdentifier(
        "DE", "DeSocialSecurityRecognizer", 0.5, rf"{DIGIT}{{8}}[{LETTER}]{DIGIT}{{2}}"
    ),
    "DE_TAX_ID": NationalIdentifier("DE", "DeTaxIdRecognizer", 0.5, rf"{DIGIT}{{11}}"),
    "ES_NIE": NationalIdentifier("ES", "EsNieRecognizer", 0.5, rf"[0-9]{{7}}-?[{LETTER}]"),
    "ES_NIF": NationalIdentifier("ES", "EsNifRecognizer", 0.5, rf"[0-9]{{7}}-?[{LETTER}]"),
    "FI_PERSONAL_IDENTITY_CODE": NationalIdentifier(
        "FI", "FiPersonalIdentityCodeRecognizer", 0.5, rf"{DIGIT}{{6}}[-+{LETTER}]{DIGIT}{{3}}"
    ),
    "UK_NHS": NationalIdentifier("GB", "NhsRecognizer", 0.5, r"[0-9]{3}[- ]?[0-9]{3}[- ]?[0-9]{4}"),
    "UK_NINO": NationalIdentifier(
        "GB",
        "UkNinoRecognizer",
        0.5,
        rf"[{LETTER}]{{2}} ?[0-9]{{2}} ?[0-9]{{2}} ?[0-9]{{2}} ?[{LETTER}]",
    ),
    "IN_AADHAAR": NationalIdentifier(
        "IN", "InAadhaarRecognizer", 0.5, r"[0-9]{4}[- :]?[0-9]{4}[- :]?[0-9]{4}"
    ),
    # Its two wider patterns score 0.1 and 0.01: near a word such as "pan", 0.45 at most.
    "IN_PAN": NationalIdentifier(
        "IN", "InPanRecognizer", 0.5, rf"[{LETTER}]{{5}}[0-9]{{4}}[{LETTER}]"
    ),
    "IT_FISCAL_CODE": NationalIdentifier(
        "IT", "ItFiscalCodeRecognizer", 0.5, rf"[{LETTER}\d]{{15}}[{LETTER}]"
    ),
    "KR_RRN": NationalIdentifier("KR", "KrRrnRecognizer", 0.5, rf"{DIGIT}{{6}}-?[1-4]{DIGIT}{{6}}"),
    "NG_NIN": NationalIdentifier("NG", "NgNinRecognizer", 0.5, rf"{DIGIT}{{11}}"),
    "PL_PESEL": NationalIdentifier("PL", "PlPeselRecognizer", 0.5, r"[0-9]{11}"),
    "SE_PERSONNUMMER": NationalIdentifier(
        "SE", "SePersonnummerRecognizer", 0.5, rf"{DIGIT}{{6}}[-+]?{DIGIT}{{4}}"
    ),
    "SG_NRIC_FIN": NationalIdentifier(
        "SG", "SgFinRecognizer", 0.5, rf"[{LETTER}][0-9]{{7}}[{LETTER}]"
    ),
    "TH_TNIN": NationalIdentifier("TH", "ThTninRecognizer", 0.5, rf"{DIGIT}{{13}}"),
    "TR_NATIONAL_ID": NationalIdentifier("TR", "TrNationalIdRecognizer", 0.5, r"[0-9]{11}"),
    "US_ITIN": NationalIdentifier(
        "US", "UsItinRecognizer", 0.5, rf"9{DIGIT}{{2}}[- ]?{DIGIT}{{2}}[- ]?{DIGIT}{{4}}"
    ),
    "ZA_ID_NUMBER": NationalIdentifier(
        "ZA", "ZaIdNumberRecognizer", 0.5, rf"{DIGIT}{{10}}[0-2][89]{DIGIT}"
    ),
}
COUNTRIES = tuple(sorted({each.country for each in NATIONAL_IDENTIFIERS.values()}))


def list_identifiers(countries: tuple[str, ...]) -> tuple[str, ...]:
    """Return the identifiers of these countries, sorted."""
    return tuple(
        name for name, each in sorted(NATIONAL_IDENTIFIERS.items()) if each.country in countries
    )
