"""Drop posts that are instructions to a language model, and measure those that contain some.

``Ignore all previous instructions and …``, the headers of a prompt (``### Instruction:``), the
tokens of a chat template (``<|im_start|>system``): whoever trains on many of them teaches a model
to obey its input. ``injection`` is the share of a post's characters in sentences that contain one.
Text in a code block is not read: it is about them.
"""

from __future__ import annotations

import polars as pl
from pydantic import Field

from filters.contract import Filter, FilterConfig, Threshold
from filters.text.model_tokens import TURN_TOKEN

READS = ("text",)
WRITES: dict[str, pl.DataType] = {"injection": pl.Float32()}
VERSION = 1
REASONS = ("injection",)
MOVABLE = {"max_share": "injection"}

# "Ignore the previous instructions" in the large languages of social media: a verb, at most a few
# words, a word for what came before, and a word for what a model is told, in either order.
_ORDERS = (
    r"\b(?:ignore|disregard|forget|override|bypass)\b(?:\W+\w+){0,4}?\W+(?:previous|prior|above|"
    r"earlier|preceding|former|your|system)(?:\W+\w+){0,2}?\W+(?:instructions?|prompts?|rules|"
    r"directions|directives|guidelines|commands|programming)\b",
    r"\b(?:ignora|ignore|olvida|descarta|esquece|desconsidere)\b(?:\W+\w+){0,4}?\W+(?:instrucciones"
    r"|instruções|instrucoes|indicaciones|órdenes|ordens|prompts?)\b(?:\W+(?:anterior\w*|previ\w+)"
    r")?",
    r"\b(?:ignorez?|oublie[zr]?)\b(?:\W+\w+){0,4}?\W+(?:instructions|consignes|directives)\b"
    r"(?:\W+précédentes)?",
    r"\b(?:ignorier\w*|vergiss|vergesst|missachte)\b(?:\W+\w+){0,4}?\W+(?:anweisungen|instruktionen"
    r"|befehle|prompts?)\b",
    r"\b(?:ignora|dimentica)\b(?:\W+\w+){0,4}?\W+istruzioni\b(?:\W+precedenti)?",
    r"\b(?:игнорируй|игнорируйте|забудь|забудьте)\b(?:\W+\w+){0,4}?\W+(?:инструкци\w+|указани\w+)",
    r"(?:忽略|无视|無視|忘记|忘記)[^。！？\n]{0,12}?(?:指令|提示词|提示詞|指示|说明|設定)",
    r"(?:これまで|以前|上記|今まで|前)の[^。！？\n]{0,8}?(?:指示|命令|プロンプト)[^。！？\n]{0,4}?"
    r"(?:無視|忘れ)",
    r"(?:이전|위의?|앞의?|지금까지의)[^.!?\n]{0,10}?(?:지시|명령|프롬프트)[^.!?\n]{0,8}?"
    r"(?:무시|잊)",
    r"(?:تجاهل|انس)[^.!؟\n]{0,20}?(?:التعليمات|الأوامر|التوجيهات)",
    r"\b(?:önceki|yukarıdaki|tüm)\b(?:\W+\w+){0,3}?\W+(?:talimat|komut|yönerge)\w*(?:\W+\w+){0,2}?"
    r"\W+(?:unut|yok\W+say|görmezden)",
    r"\b(?:abaikan|lupakan)\b(?:\W+\w+){0,4}?\W+(?:instruksi|perintah|arahan)\b",
)
# The headers of prompts, at the beginning of a line, and what is said to a reader that is a model.
_HEADERS = (
    r"^\W*(?:#{2,3}\W*(?:instruction|system|response|assistant|human)s?\W*:|"
    r"system\W+prompt\W*:|(?:new|updated|revised)\W+(?:system\W+)?instructions?\W*:)",
    r"\b(?:if|when)\W+you(?:'re|’re|\W+are)\W+an?\W+(?:ai|llm|large\W+language\W+model|"
    r"language\W+model|bot|chatbot|assistant)\W+(?:reading|processing|parsing|trained|training)\b",
    r"\b(?:attention|note|message|instructions?)\W+(?:to|for)\W+(?:all\W+|any\W+)?(?:ai|llm)s?\b"
    r"(?:\W+\w+){0,2}\W*:",
    r"\byou\W+are\W+now\W+(?:dan|in\W+(?:developer|god|jailbreak)\W+mode|an?\W+unrestricted)\b",
)
_SENTENCE_END = r"[.!?。！？؟]+(?:\s|$)|[。！？]|\n"
_CODE = r"(?s)```.*?(?:```|$)|`[^`\n]+`|(?m)^ {4}.*$"
_INSTRUCTION = f"(?im){'|'.join((*_ORDERS, *_HEADERS))}"
# One of these stands in whatever the patterns match; most posts have none.
_SIGNS = [
    *("instruc", "instruç", "prompt", "rules", "direction", "directive", "guideline", "command"),
    *("programming", "indicaciones", "órdenes", "ordens", "consignes", "anweisung", "instruktion"),
    *("befehle", "istruzioni", "инструкци", "Инструкци", "указани", "指令", "提示", "指示", "说明"),
    *(
        "設定",
        "命令",
        "プロンプト",
        "지시",
        "명령",
        "프롬프트",
        "التعليمات",
        "الأوامر",
        "التوجيهات",
    ),
    *(
        "talimat",
        "komut",
        "yönerge",
        "instruksi",
        "perintah",
        "arahan",
        "##",
        "llm",
        "to ai",
        "for ai",
    ),
    *("to all ai", "to any ai", "for all ai", "for any ai", "an ai", "a language model"),
    *("a large language", "bot", "assistant", "are now dan", "are now in", "are now a"),
    *("<|", "<｜", "[inst", "[/inst", "[system", "[/system", "sys>", "_turn>", "<tool_", "</tool_"),
    *("_tools]", "_results]", "_calls]", "fix]", "[middle]"),
]
_ANY = rf"(?:{TURN_TOKEN})|{_INSTRUCTION}"


class Config(FilterConfig):
    """How much of a post may be instructions to a model."""

    max_share: float = Field(
        0.5,
        ge=0,
        le=1,
        description="of the characters, in sentences with an instruction to a model; 1: no limit",
    )


def thresholds(config: Config) -> tuple[Threshold, ...]:
    """Return the bound of the share."""
    return (Threshold("injection", "max_share", "max", "injection"),)


def build(config: Config) -> Filter:
    """Return the filter."""

    def injection(posts: pl.DataFrame) -> pl.DataFrame:
        texts = posts["text"].fill_null("")
        rows = texts.str.contains_any(_SIGNS, ascii_case_insensitive=True).arg_true()
        shares = pl.repeat(0, posts.height, dtype=pl.Float32, eager=True)
        if len(rows):
            shares = shares.scatter(rows, _measure_shares(texts.gather(rows)))
        posts = posts.with_columns(shares.alias("injection"))
        return posts.with_columns(verdict(config).alias("reject"))

    return injection


def verdict(config: Config) -> pl.Expr:
    """Return the reason to drop a post, or null, from its share."""
    return pl.when(pl.col("injection") > config.max_share).then(pl.lit("injection"))


def _measure_shares(texts: pl.Series) -> pl.Series:
    """Return the share of each text's characters in sentences with an instruction."""
    sentences = (
        pl.DataFrame({"text": texts})
        .with_row_index("row")
        .with_columns(
            pl.col("text")
            .str.replace_all(_CODE, " ")
            .str.replace_all(f"({_SENTENCE_END})", "${1}\x00")
            .str.split("\x00")
            .alias("sentence"),
            pl.col("text").str.len_chars().alias("size"),
        )
        .explode("sentence", empty_as_null=True)
        .filter(pl.col("sentence").fill_null("").str.contains(_ANY))
        .group_by("row")
        .agg(pl.col("sentence").str.len_chars().sum(), pl.col("size").first())
    )
    shares = (sentences["sentence"] / sentences["size"]).clip(0, 1).cast(pl.Float32)
    empty = pl.repeat(0, len(texts), dtype=pl.Float32, eager=True)
    return empty.scatter(sentences["row"], shares)
