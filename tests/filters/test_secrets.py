"""Secrets and wallets: tokens by their prefix, keys by their checksum. All of them are invented.

Every example is put together here, so that no scanner takes this file for a leak.
"""

from __future__ import annotations

import hashlib
import string

import polars as pl
import pytest

from filters.pii import secrets, wallets


def letters(count: int, alphabet: str = "") -> str:
    """Return so many characters of an alphabet, always the same ones."""
    alphabet = alphabet or "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
    digest = b"".join(hashlib.sha256(bytes([number])).digest() for number in range(40))
    assert count <= len(digest)
    return "".join(alphabet[byte % len(alphabet)] for byte in digest[:count])


HEX = "0123456789abcdef"
BASE32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
UPPER = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
UUID = "-".join(letters(size, HEX) for size in (8, 4, 4, 4, 12))
TOKENS = [
    "AK" + "IA" + letters(16, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"),
    "gh" + "p_" + letters(36),
    "github" + "_pat_" + letters(22) + "_" + letters(59),
    "gl" + "pat-" + letters(20),
    "xo" + "xb-" + letters(12, "0123456789") + "-" + letters(24),
    "AI" + "za" + letters(35),
    "sk" + "_live_" + letters(24),
    "sk" + "-proj-" + letters(48),
    "sk" + "-" + letters(48),
    "sk" + "-ant-" + "api03-" + letters(93),
    "hf" + "_" + letters(34, "ABCDEFGHabcdefghijklmn"),
    "npm" + "_" + letters(36),
    "py" + "pi-" + letters(80),
    "S" + "G." + letters(22) + "." + letters(43),
    "A" + "C" + letters(32, HEX),
    letters(10, "123456789") + ":AA" + letters(33),
    "M" + letters(25) + "." + letters(6) + "." + letters(38),
    "do" + "p_v1_" + letters(64, HEX),
    "shp" + "at_" + letters(32, HEX),
    "ey" + "J" + letters(30) + ".ey" + "J" + letters(60) + "." + letters(43),
    "gs" + "k_" + letters(52),
    "abc" + "8Q" + "~" + letters(32),
    "gl" + "ffct-" + letters(20),
    "GR" + "1348941" + letters(20),
    "lin" + "_oauth_" + letters(64, HEX),
    "dp" + ".st.prd." + letters(43),
    "dckr" + "_oat_" + letters(32),
    "ATA" + "TT3" + "xFfGF0" + letters(170) + "=" + letters(8, HEX),
    "AT" + "BB" + letters(32),
    "pat" + "-na1-" + UUID,
    "HR" + "KU-" + UUID,
    "xkey" + "sib-" + letters(64, HEX) + "-" + letters(16),
    letters(32, HEX) + "-" + letters(8, HEX) + "-" + letters(8, HEX[::-1]),
    "sb" + "p_" + letters(40, HEX),
    "sb" + "_secret_" + letters(22) + "_" + letters(8),
    "nf" + "p_" + letters(36),
    "pscale" + "_tkn_" + letters(43),
    "pscale" + "_pw_" + letters(43),
    "dt0" + "c01." + letters(24, BASE32) + "." + letters(64, BASE32),
    "sk" + ".ey" + "J" + letters(80) + "." + letters(22),
    "nv" + "api-" + letters(64),
    "ls" + "v2_pt_" + letters(32, HEX) + "_" + letters(10, HEX),
    "pc" + "sk_" + letters(6) + "_" + letters(63),
    "LT" + "AI5t" + letters(18),
    "AK" + "ID" + letters(32),
    "y0" + "_Ag" + letters(53),
    "AQ" + "VN" + letters(36),
    "t1" + "." + letters(60) + "." + letters(86),
    "ts" + "key-auth-" + letters(12) + "CNTRL-" + letters(32),
    "bk" + "ua_" + letters(40, HEX),
    "CCI" + "PAT_" + letters(22) + "_" + letters(40, HEX),
    "sq" + "u_" + letters(40, HEX),
    "pu" + "l-" + letters(40, HEX),
    "fo" + "1_" + letters(43),
    "fm" + "2_" + letters(400) + "==",
    "sl" + ".u." + letters(600) + "-" + letters(300),
    "1/" + "/0g" + letters(60) + "-L9Ir" + letters(38),
    "oy" + "2" + letters(43, "abcdefghijklmnopqrstuvwxyz0123456789"),
    "AK" + "C" + letters(70),
    "cmVm" + "dGtu" + letters(56),
    "packagist" + "_org_" + letters(68, HEX),
    "rzp" + "_live_" + letters(14),
    "FLW" + "SECK-" + letters(32, HEX) + "-X",
    "shippo" + "_live_" + letters(40, HEX),
    "EZ" + "AK" + letters(54),
    "CF" + "PAT-" + letters(43),
    "sg" + "p_" + letters(16, HEX) + "_" + letters(40, HEX),
    "ph" + "x_" + letters(43),
    "re" + "_" + letters(8) + "_" + letters(24),
    "op" + "s_ey" + "J" + letters(800) + "==",
    "A3" + "-" + "-".join(letters(size, UPPER) for size in (6, 6, 5, 5, 5, 5)),
    "AB" + "SK" + letters(128) + "=",
    letters(76) + "AZ" + "DO" + letters(4),
    letters(52) + "JQ" + "QJ99" + letters(26),
    "mf" + "a." + letters(84),
    "access" + "-production-" + UUID,
    "access" + "_token$" + "production$" + letters(16, HEX) + "$" + letters(32, HEX),
    "A" * 22 + letters(24) + "%2B" + letters(40) + "%3D" + letters(35),
    "ey" + "J" + ".".join(letters(size) for size in (60, 342, 16, 200, 22)),
    "ey" + "J" + letters(40) + ".." + ".".join(letters(size) for size in (16, 200, 22)),
]


def find(text: str) -> list[tuple[str, str]]:
    series = pl.Series([text])
    spans = {
        *secrets.find_secrets(series).get(0, []),
        *wallets.find_wallets(series).get(0, []),
    }
    return [(span.entity, text[span.start : span.end]) for span in sorted(spans)]


@pytest.mark.parametrize("token", TOKENS, ids=range(len(TOKENS)))
@pytest.mark.parametrize(
    "form", ["{}", "key={};", "`{}`", "*{}*", "__{}", '"{}",', "\u94a5\u5319\uff1a{}\u3002"]
)
def test_a_token_of_a_provider_is_a_secret(token: str, form: str) -> None:
    assert ("SECRET", token) in find(form.format(token))


AFTER_WORDS = {
    "https://hooks.slack.com/services/{}": "T0000000/B0000000/" + letters(24),
    "https://discord.com/api/webhooks/{}": letters(18, "123456789") + "/" + letters(68),
    "AccountName=rosa;AccountKey={};": letters(86) + "==",
    "aws_secret_access_key = {}": letters(40),
    'API_KEY: "{}"': letters(32, HEX),
    "Authorization: Bearer {}": letters(40),
    "Authorization: token {}": letters(40),
    "PRIVATE-TOKEN: {}": letters(20),
    "x-auth-token:{}": letters(32),
    'const deployKey = "{}"': letters(44),
    "PASSPHRASE='{}'": letters(24),
    "DB_PWD={}": letters(20),
    "credentials: {}": letters(30),
    "my token is not `x` but token `{}`": letters(30),
    "/reset?token={}&x": letters(32, HEX),
    "client_token={}": UUID,
    "postgres://{}/db": "rosa:f1nch-9@db.example.org",
    "https://{}:8443/x": "rosa:f1nch@9.8.7.6",
    "redis://{}": ":f1nch9@cache",
}


@pytest.mark.parametrize("form", AFTER_WORDS)
def test_a_secret_after_words_is_found_and_the_words_are_kept(form: str) -> None:
    assert ("SECRET", AFTER_WORDS[form]) in find(form.format(AFTER_WORDS[form]))


def make_pem(kind: str, end: bool = True) -> str:
    body = "\n".join(letters(64) for _ in range(3))
    return "-----" + f"BEGIN {kind}-----\n{body}" + (f"\n-----END {kind}-----" if end else "")


@pytest.mark.parametrize(
    "kind", ["PRIVATE" + " KEY", "RSA PRIVATE" + " KEY", "OPENSSH PRIVATE" + " KEY"]
)
def test_a_private_key_goes_whole_even_if_it_was_cut(kind: str) -> None:
    whole, cut = make_pem(kind), make_pem(kind, end=False)
    assert find(f"so:\n{whole}\nand so on") == [("SECRET", whole)]
    assert find(f"so:\n{cut}\n\nand so on") == [("SECRET", cut)]
    public = make_pem("PUBLIC KEY")
    assert find(public) == []


@pytest.mark.parametrize("mark", ["> ", ">> ", "> > ", "        ", "\t", "> |     "])
def test_the_body_of_a_quoted_or_indented_private_key_goes_too(mark: str) -> None:
    cut = make_pem("PRIVATE" + " KEY", end=False).replace("\n", f"\n{mark}")
    assert find(f"{mark}{cut}\n{mark}\n{mark}and so on") == [("SECRET", cut)]


def test_keys_of_putty_and_of_ssh2_go_whole() -> None:
    body = "\n".join(letters(64) for _ in range(3))
    mac = letters(40, HEX)
    putty = f"Private-Lines: 3\n{body}\nPrivate-MAC: {mac}"
    assert find(f"Public-Lines: 1\n{letters(64)}\n{putty}\n\nand") == [("SECRET", putty)]
    # There is no key in it, and it does not begin what ends with another's last line.
    end = "-----END PRIVATE" + " KEY-----"
    assert find(f"Private-Lines: 3 is a header of it\n{end}") == []
    kind = "SSH2 ENCRYPTED PRIVATE" + " KEY"
    cut = f'---- BEGIN {kind} ----\nComment: "rosa"\n{body}'
    assert find(f"so: {cut}\n\nand") == [("SECRET", cut)]
    whole = f"{cut}\n---- END {kind} ----"
    assert find(f"so: {whole} and") == [("SECRET", whole)]


def test_a_private_key_without_an_end_reaches_no_further_than_the_next_one() -> None:
    key = make_pem("PRIVATE" + " KEY", end=False)
    # A line of this form may stand within a key; as long as each key could contain all that
    # follow, many of them took quadratic time.
    assert find(f"Proc-Type: {key}\nProc-Type: {key}\n") == [
        ("SECRET", f"{key}\nProc-Type:"),
        ("SECRET", key),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "sk-" + "x" * 48,
        "gh" + "p_" + "X" * 36,
        "token = getAccessTokenFromTheServer(request)",
        "password: correct horse battery staple",
        "api_key = os.environ['API_KEY']",
        "postgres://user:password@localhost/db and https://user:pass@host",
        "https://${USER}:${PASSWORD}@host/",
        "http://example.org:8080/@rosa",
        "sk-learn and task-" + "abcdefghijklmnopqrstuvwxyzabcdefgh",
        "commit " + letters(40, HEX),
        "https://t.co/" + letters(10),
        "secret: " + letters(30, "abcdefghijklmnop"),
        "FLW" + "SECK-" + "x" * 32 + "-X",
        UUID + " and re_" + "compiled_" + "abcdefghijklmnopqrstuvwx",
        "A" * 90 + " and global-warming-and-the-economy-of-it",
        "public key: " + letters(40),
        "data-sitekey=" + letters(40),
        "https://example.org/ccc?key=" + letters(40) + "&amp;key=" + letters(40),
        "host_key: " + "AAAA" + "B3" + letters(60),
        "key: " + UUID,
        "Key: Uploads/2023/05/IMG_20230517.jpg",
        "token: "
        + ".".join((letters(27)[:9], letters(27)[9:18], letters(27)[18:]))
        + f" {'a' * 24}",
        "monkey: " + letters(30, "abcdefghijklmnop"),
        "the token " + letters(40) + " was mined",
        "access" + "_token$" + "production$" + "x" * 16 + "$" + "x" * 32,
    ],
)
def test_an_example_or_another_word_is_no_secret(text: str) -> None:
    assert find(text) == []


# --- wallets ------------------------------------------------------------------------------------


def base58(data: bytes, alphabet: str = "") -> str:
    alphabet = alphabet or "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
    number, text = int.from_bytes(data, "big"), ""
    while number:
        number, rest = divmod(number, 58)
        text = alphabet[rest] + text
    return alphabet[0] * (len(data) - len(data.lstrip(b"\0"))) + text


def base58check(payload: bytes, alphabet: str = "") -> str:
    digest = hashlib.sha256(hashlib.sha256(payload).digest()).digest()
    return base58(payload + digest[:4], alphabet)


BODY = hashlib.sha256(b"nobody").digest()
RIPPLE = "rpshnaf39wBUDNEGHJKLM4PQRST7VWXYZ2bcdeCg65jkm8oFqi1tuvAxyz"


def monero() -> str:
    return "4A" + letters(93, "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz")


def ethereum() -> str:
    digits = BODY[:20].hex()
    hashed = wallets.keccak256(digits.encode()).hex()
    return "0x" + "".join(
        each.upper() if int(nibble, 16) > 7 else each
        for each, nibble in zip(digits, hashed, strict=False)
    )


WALLETS = {
    "bitcoin": base58check(b"\0" + BODY[:20]),
    "litecoin": base58check(b"\x30" + BODY[:20]),
    "dogecoin": base58check(b"\x1e" + BODY[:20]),
    "dash": base58check(b"\x4c" + BODY[:20]),
    "tron": base58check(b"\x41" + BODY[:20]),
    "zcash": base58check(b"\x1c\xb8" + BODY[:20]),
    "ripple": base58check(b"\0" + BODY[:20], RIPPLE),
    "monero": monero(),
    "ethereum": ethereum(),
    "ethereum in one case": "0x" + BODY[:20].hex(),
    # Published test vectors of BIP 173 and BIP 350, CIP 19, cashaddr, SEP 23.
    "segwit": "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4",
    "taproot": "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0",
    "cashaddr": "qpm2qsznhks23z7629mms6s4cwef74vcwvy22gdx6a",
    "cardano": "addr1qx2fxv2umyhttkxyxp8x0dlpdt3k6cwng5pxj3jhsydzer3n0d3vllmyqwsx5wktcd8cc3sq835lu7"
    "drv2xwl2wywfgse35a3x",
}  # fmt: skip


@pytest.mark.parametrize("currency", WALLETS)
def test_an_address_with_a_checksum_is_a_wallet_and_a_wrong_one_is_not(currency: str) -> None:
    address = WALLETS[currency]
    assert find(f"tip _{address}_, thanks") == [("CRYPTO", address)]
    if currency not in ("ethereum in one case", "monero"):
        last = address[-3]
        other = next(each for each in "456ghj" if each != last.lower())
        assert find(address[:-3] + other + address[-2:]) == []


def test_the_keys_of_a_wallet_are_secrets() -> None:
    assert find(base58check(b"\x80" + BODY)) == [("SECRET", base58check(b"\x80" + BODY))]
    extended = base58check(b"\x04\x88\xad\xe4" + bytes(9) + BODY + b"\0" + BODY)
    assert find(extended) == [("SECRET", extended)]


def test_an_address_without_a_checksum_needs_a_word_near_it() -> None:
    solana = base58(BODY)
    assert find(f"my solana wallet: {solana}") == [("CRYPTO", solana)]
    assert find(f"a word {solana}") == []


def test_keccak_is_the_original_one() -> None:
    assert wallets.keccak256(b"").hex().startswith("c5d2460186f7233c927e7db2dcc703c0")
    assert len({wallets.keccak256(b"a" * count) for count in range(300)}) == 300


def test_the_gates_let_every_example_through() -> None:
    texts = pl.Series(
        [
            *TOKENS,
            *(form.format(word) for form, word in AFTER_WORDS.items()),
            f"Private-Lines: 1\n{letters(17)}\n",
            "---- BEGIN PRIVATE" + " KEY ----\n",
            "-----BEGIN PRIVATE" + " KEY-----\n",
        ]
    )
    assert texts.str.contains(secrets.GATE).all()
    assert pl.Series(list(WALLETS.values())).str.contains(wallets.GATE).all()


def test_every_text_that_matches_the_gate_of_wallets_matches_that_of_secrets() -> None:
    # A text of one letter is the shortest that each part of the gate matches.
    marks = [*string.ascii_letters, *string.digits, "_", "-"]
    words = [mark * size for mark in marks for size in (24, 25, 47, 48)]
    texts = pl.Series(
        [*words, letters(25), letters(48), f"x {letters(25)}y", f"_{letters(24)}-" * 2]
    )
    matched = texts.filter(texts.str.contains(wallets.GATE))
    assert len(matched) > 2 * len(marks)
    assert matched.str.contains(secrets.GATE).all()


def test_tokens_in_one_long_word_are_all_found() -> None:
    token = "xo" + "xb-" + letters(10)
    text = f"{token}.{token}:{token} {'-' * 20} {token}"
    assert [each for _, each in find(text)] == [token] * 4
