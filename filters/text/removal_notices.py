r"""Recognize the notices that stand in place of a text that was deleted or removed.

Platforms write them ("[ Removed by Reddit ]", "This Post is from a suspended account"), and so do
the tools with which authors overwrite their posts before they delete them ("This post was mass
deleted and anonymized with Redact"), often after a line of random words. A notice is known by its
form, whatever the platform, and only as a whole text: a post that quotes one or talks about one
is no notice. All forms stand here:

* a bracket around everything, with a word of removal first: ``[removed by a moderator]``;
* one such word with nothing else, in any of the languages that platforms write: ``*gelöscht*``;
* one sentence of a text or an account and a verb of removal: "This comment was deleted by its
  author.";
* the sentences of single platforms that have no such form (:data:`_REMOVED_SENTENCES`);
* the sentence of an overwriting tool, alone or after random words (:data:`_TOOL_NOTICES`).
"""

from __future__ import annotations

import re
from typing import Literal

import polars as pl

Reason = Literal["deleted", "removed"]

#: Raised when a text is recognized that was not before, or the other way round.
VERSION = 1
#: No notice is longer, so that a long text costs nothing.
MAX_CHARACTERS = 2_000

# What platforms write in brackets or emphasis instead of the text, in lower case.
_DELETED_WORDS = (
    "deleted", "erased", "redacted", "wiped", "scrubbed", "withdrawn", "retracted", "overwritten",
    "nuked", "purged",
    "gelöscht", "supprimé", "supprimée", "effacé", "eliminado", "eliminada", "borrado", "borrada",
    "excluído", "excluída", "apagado", "apagada", "eliminato", "cancellato", "verwijderd",
    "usunięto", "usunięty", "usunięte", "удалено", "удалён", "удалена", "видалено", "silindi",
    "slettet", "raderad", "borttagen", "poistettu", "smazáno", "törölve", "διαγράφηκε", "dihapus",
    "đã xóa", "削除済み", "削除されました", "삭제됨", "삭제된 댓글입니다", "已删除", "已刪除",
    "محذوف", "נמחק", "ลบแล้ว",
)  # fmt: skip
_REMOVED_WORDS = (
    "removed", "unavailable", "not available", "no longer available", "flagged", "dead", "hidden",
    "withheld", "censored", "suspended", "banned", "moderated", "taken down",
    "entfernt", "retiré", "retirée", "removido", "removida", "retirado", "rimosso", "kaldırıldı",
    "скрыто", "удалено модератором", "fjernet", "borttaget",
)  # fmt: skip
_BY_AUTHOR = (
    r"(?:user|author|owner|creator|op|poster|submitter|commenter|uploader|myself|me|account holder)"
)
_BY_OTHERS = (
    r"(?:mod|moderator|moderation|admin|administrator|staff|reddit|twitter|x|facebook|instagram|"
    r"youtube|tiktok|telegram|discord|mastodon|lemmy|bluesky|automod|automoderator|anti-evil|"
    r"platform|site|community|channel|instance|server|board|system|janitor|legal|bot)"
)
_WHOSE = (
    r"(?:(?:the|its|their|his|her|a|an|this|original|comment|post|tweet|channel|own|reddit|"
    r"community|subreddit|forum|group|site|page)\s+)"
)
_SUBJECT = (
    r"(?:comment|post|tweet|retweet|quote|message|reply|answer|question|submission|content|text|"
    r"thread|account|user|profile|video|photo|picture|image|media|file|status|toot|note|story|"
    r"page|channel|group|link|title|body)"
)
_REMOVED_VERB = (
    r"(?:deleted|removed|overwritten|redacted|nuked|wiped|erased|scrubbed|anonymi[sz]ed|withdrawn|"
    r"purged|retracted|withheld|hidden|suspended|unavailable|not\s+available|minimi[sz]ed|"
    r"no\s+longer\s+available|taken\s+down|terminated|moderated)"
)
_ADVERBS = r"(?:(?:mass|permanently|automatically|intentionally|temporarily|since|now|and)\s+)"
_TIMES = r"(?:\s+on\s+[\d ./:-]{4,20})?"

# A bracket or an emphasis around the whole text. Brackets inside must be closed inside: "[removed]
# was what it said [sic]" is no notice.
_IN_BRACKETS = re.compile(r"\[((?:[^\[\]]|\[[^\[\]]*\](?:\([^()]*\))?)*)\]")
_INVISIBLE = " \t\n\r\u200b\ufeff"
_EMPHASIS = "*_~`>|#-" + _INVISIBLE
#: Words that are a notice without a mark around them; "dead" alone is an answer.
_BARE_WORDS = ("deleted", "removed", "redacted", "permanently deleted")
_POLL = re.compile(r"\s*\[view poll\]\([^()]{0,300}\)$")  # Reddit's, below the text
_LEARN_MORE = re.compile(
    r"(?:[.!]|(?<!\s))\s*+(?:\[?learn more\]?(?:\([^()]*\))?\s*+)?(?:[.!]\s*+)?$"
)

_WORD_OF_REMOVAL = re.compile(
    rf"{_ADVERBS}*(?:" + "|".join(map(re.escape, (*_DELETED_WORDS, *_REMOVED_WORDS))) + ")"
)
_PREPOSITION = (
    r"(?:by|with|via|using|in|on|for|due|because|after|as|at|pending|following|from|under|per|upon|"
    r"to|and)"
)
_BRACKET_FORM = re.compile(
    rf"(?:this\s+)?{_BY_AUTHOR}\s+(?:has\s+)?{_ADVERBS}*(?:deleted|removed|overwritten|edited)\b.*"
    rf"|(?:{_WHOSE}*{_SUBJECT}s?\s+)?(?:(?:was|were|is|has\s+been|have\s+been)\s+)?{_ADVERBS}*"
    rf"(?:{_REMOVED_VERB}|flagged|dead)"
    rf"(?:\s*[,;:.\u2013\u2014-]+.*|\s+{_PREPOSITION}\b.*)?",
    re.DOTALL,
)
_SENTENCE_FORM = re.compile(
    rf"(?:(?:sorry,?\s+)?(?:this\s+|these\s+)?(?:original\s+|reddit\s+)?{_SUBJECT}s?\s+"
    rf"(?:has|have|had|was|were|is|are)(?:\s+been)?\s+{_ADVERBS}*{_REMOVED_VERB}"
    rf"(?:\s+and\s+{_REMOVED_VERB})?"
    rf"|(?:{_SUBJECT}s?\s+)?{_ADVERBS}*"
    r"(?:deleted|removed|overwritten|redacted|moderated|hidden|withdrawn|retracted)(?=\s+by\s))"
    rf"(?:\s+by\s+{_WHOSE}*(?:{_BY_AUTHOR}|{_BY_OTHERS})(?:s|'s)?"
    rf"(?:\s+(?:team|staff|author|owner))?)?{_TIMES}(?:\s+on\s+(?:the|this)\s+site)?"
    r"|this\s+(?:comment|post|tweet|message|video)\s+(?:was|has\s+been)\s+removed\s+"
    r"(?:for|due\s+to|because\s+it)\s+"
    r"(?:violat|break|a\s+violat|a\s+breach|spam|a\s+copyright|a\s+legal)[^?]{0,160}"
)
_IS_BY_AUTHOR = re.compile(
    rf"\bby\s+{_WHOSE}*{_BY_AUTHOR}s?\b|^(?:this\s+)?{_BY_AUTHOR}\s+(?:has\s+)?{_ADVERBS}*"
    r"(?:deleted|removed|overwritten|edited)|\bin\s+protest\b|\bfor\s+(?:my\s+)?privacy\b"
)
_IS_BY_OTHERS = re.compile(
    rf"\bby\s+{_WHOSE}*{_BY_OTHERS}s?\b|"
    r"\b(?:removed|available|unavailable|suspended|terminated|withheld|minimi[sz]ed|hidden)\b"
)

# Whole sentences of platforms that have another form, in lower case and without the end mark.
_DELETED_SENTENCES = (
    r"deleted by (?:creator|author)",  # Lemmy
    r"(?:you deleted this|deleted) message|message deleted",  # WhatsApp, Telegram
    r"(?:original message|message could not be loaded)(?: was)?(?: deleted)?",  # Discord
    r"deleted account",
)
_REMOVED_SENTENCES = (
    # X
    r"this (?:tweet|post) is from (?:a suspended account|an account that no longer exists)",
    r"this (?:tweet|post) violated the (?:twitter|x) rules",
    r"(?:this|the) account owner limits who can view their (?:tweets|posts)",
    r"you're unable to view this (?:tweet|post) because.{0,160}",
    r"@?\w{1,40}(?:'s account)? has been withheld in.{0,160}",
    r"this (?:tweet|post|account) has been withheld in.{0,160}",
    r"account (?:suspended|withheld)",
    # Facebook, Instagram, Threads
    r"this (?:content|page|post) (?:isn't|is not|is no longer) available"
    r"(?: right now| at the moment)?(?:\.? when this happens.{0,200})?",
    r"sorry, this page isn't available(?:\.? the link you followed.{0,160})?",
    # YouTube
    r"(?:this )?video (?:is )?(?:unavailable|private|not available)",
    r"comment failed to load",
    # Telegram
    r"this (?:message|channel|group) (?:couldn't|can't|cannot) be displayed.{0,200}",
    r"this (?:message|channel|group) is (?:unavailable|not available)(?: due to| because).{0,200}",
    # Mastodon, Bluesky
    r"(?:post|status) (?:not found|unavailable)|blocked post",
    r"the author of this (?:quoted )?post has requested their posts not be displayed on external "
    r"sites",
    # 4chan
    r"(?:file|post|image|thread) deleted",
    r"user was (?:banned|warned) for this post",
    # Stack Exchange
    r"comments have been moved to chat(?:; please.{0,80})?",
)

_DELETED_SENTENCE = re.compile("|".join(_DELETED_SENTENCES), re.DOTALL)
_REMOVED_SENTENCE = re.compile("|".join(_REMOVED_SENTENCES), re.DOTALL)

# The sentences of overwriting tools, in lower case: a verb of removal, then the tool.
_NAMED_TOOL = (
    r"(?:(?:https?://)?(?:www\.)?redact(?:\.dev)?|power\s?delete\s?suite|shreddit|"
    r"nuke\s?reddit(?:\s?history)?|reddit\s?overwrite|delete\s?all\s?reddit\s?\w*|bulk\s?delete\s?"
    r"reddit|redditeraser|ereddicator|tweet\s?delet\w*|tweet\s?eraser)"
)
_ANY_TOOL = (
    r"(?:an?\s+)?(?:open\s+source\s+)?(?:\w+\s+)?"
    r"(?:script|userscript|tool|software|app|browser\s+extension)"
)
_LINK = r"(?:\s*\(?\s*(?:https?://|www\.)?[\w.-]+\.[a-z]{2,}[^\s)]*\s*\)?)?"
_TOOL_VERB = (
    r"(?:deleted|removed|overwritten|edited|redacted|nuked|shredded|wiped|erased|scrubbed|"
    r"anonymi[sz]ed|replaced|purged|changed)"
)
_OVERWRITING_VERB = r"(?:deleted|overwritten|nuked|wiped|erased|scrubbed|anonymi[sz]ed|purged)"
_TOOL_SENTENCE = (
    rf"(?:(?:this|my|the|all\s+my|all)\s+)?(?:original\s+)?(?:{_SUBJECT}s?\s+)?"
    rf"(?:(?:has|have|was|were|is)(?:\s+been)?\s+)?{_ADVERBS}*{_TOOL_VERB}"
    rf"(?:\s*[,/]?\s*(?:and|&)?\s*{_ADVERBS}*{_TOOL_VERB})*"
    rf"(?:\s+(?:in\s+bulk|by\s+{_WHOSE}*{_BY_AUTHOR}))?"
    rf"[\s(]+(?:with|using|by|via|through|thanks\s+to)\s+(?:the\s+)?\[?{_NAMED_TOOL}\]?{_LINK}"
)
_SCRIPT_SENTENCE = (
    r"(?:(?:this|all\s+my)\s+)?(?:original\s+)?"
    r"(?:(?:comment|post|submission|message|tweet|text|content|reply)s?\s+)?"
    rf"(?:(?:has|have|was|were)(?:\s+been)?\s+)?{_ADVERBS}*{_OVERWRITING_VERB}"
    rf"(?:\s+by\s+{_WHOSE}*{_BY_AUTHOR})?\s+(?:with|using|by|via)\s+(?:this\s+)?{_ANY_TOOL}{_LINK}"
)
# After its sentence a tool, or its user, may say why.
_WHY = (
    r"(?:[)\s,.;:*_\u2013\u2014-]+(?:in protest|because|due to|to protect|as i\b|as a protest|"
    r"for privacy|to prevent|so that|to understand|it was done|if you would like|on \d).{0,1500})?"
)
_PROTEST = (
    rf"(?:(?:this|my|all(?: of)? my)\s+)(?:original\s+)?(?:{_SUBJECT}s?\s+)"
    rf"(?:(?:has|have|was|were)(?:\s+been)?\s+){_ADVERBS}*"
    rf"(?:deleted|removed|overwritten|redacted|wiped|erased|scrubbed)"
    rf"(?:\s+by\s+{_WHOSE}*{_BY_AUTHOR})?[\s,]+(?:in protest|to protest|for privacy)[^?]{{0,400}}"
)
_TOOL_NOTICE = re.compile(
    rf"(?:{_TOOL_SENTENCE}|{_SCRIPT_SENTENCE}){_WHY}[)\s.!*_]*|{_PROTEST}", re.DOTALL
)
_TOOL_START = re.compile(
    r"(?:^|[\s*_~`>\[(])(?=(?:this|my|all|the|content|text|comment|post|deleted|overwritten|edited|"
    r"redacted|removed|mass)\b)"
)

# Random words: lower case, no mark between them, none of the words that a sentence is made with.
_SALAD = re.compile(r"[a-z]+(?:['-][a-z]+)?(?:\s+[a-z]+(?:['-][a-z]+)?){0,59}")
_FUNCTION_WORDS = frozenset(
    ("a", "an", "the", "and", "or", "but", "if", "of", "to", "in", "on", "at", "by", "for", "with",
     "from", "as", "is", "are", "was", "were", "be", "been", "am", "i", "you", "he", "she", "it",
     "we", "they", "me", "him", "her", "us", "them", "my", "your", "his", "its", "our", "their",
     "this", "that", "these", "those", "not", "no", "yes", "do", "does", "did", "have", "has",
     "had", "will", "would", "can", "could", "should", "so", "what", "who", "why", "how", "when",
     "where", "there", "just", "like", "lol", "im", "dont", "u", "ur")
)  # fmt: skip

#: The same of other languages in Latin letters. Words of one or two letters are not listed: random
#: words alone have none.
_OTHER_FUNCTION_WORDS = frozenset(
    ("los", "las", "una", "que", "con", "por", "para", "como", "pero", "mas", "del", "esta", "uma",
     "mais", "foi", "ele", "ela", "nao", "com", "sao", "isso", "les", "des", "est", "pas", "elle",
     "pour", "dans", "qui", "sur", "avec", "mais", "mon", "une", "che", "non", "per", "sono", "gli",
     "anche", "nel", "della", "care", "der", "die", "das", "und", "ist", "nicht", "ich", "wir",
     "ein", "eine", "mit", "auf", "von", "sich", "auch", "wie", "den", "dem", "het", "een", "van",
     "niet", "dat", "hij", "met", "voor", "aan", "zijn", "och", "att", "det", "som", "jag", "inte",
     "ett", "har", "med", "jeg", "ikke", "til", "nie", "sie", "jest", "jak", "sam", "nuk", "kjo",
     "per", "nga", "por", "bir", "cok", "gibi", "icin", "var", "yok", "yang", "dan", "dari", "ini",
     "itu", "tidak", "untuk", "ada", "aku", "saya", "kamu", "gak", "nya", "ang", "mga", "yung",
     "kwa", "nini", "hii", "hai", "nahi", "mein", "kya", "aur", "bhi", "main", "tha", "thi", "koi",
     "lol", "haha", "bro", "guys", "need", "want", "get", "got", "thanks", "please", "good", "new",
     "all", "out", "about", "really", "very", "too", "now", "some", "more", "know", "think", "one",
     "because", "time", "people", "dont", "cant", "thats", "then", "than", "here", "also", "only",
     "going", "back", "look", "need", "best", "any", "who", "which", "much", "even", "still")
)  # fmt: skip
#: The words of filler text in Latin that is no Latin.
_LOREM = frozenset(
    ("ad", "adipiscing", "aliqua", "aliquip", "amet", "anim", "aute", "cillum", "commodo",
     "consectetur", "consequat", "culpa", "cupidatat", "deserunt", "do", "dolor", "dolore", "duis",
     "ea", "eiusmod", "elit", "enim", "esse", "est", "et", "eu", "ex", "excepteur", "exercitation",
     "fugiat", "id", "in", "incididunt", "ipsum", "irure", "labore", "laboris", "laborum", "lorem",
     "magna", "minim", "mollit", "nisi", "non", "nostrud", "nulla", "occaecat", "officia",
     "pariatur", "proident", "qui", "quis", "reprehenderit", "sed", "sint", "sit", "sunt", "tempor",
     "ullamco", "ut", "velit", "veniam", "voluptate")
)  # fmt: skip
_RANDOM_STRING = re.compile(r"(?=\S*[A-Z])(?=\S*[a-z])(?=\S*[0-9])[A-Za-z0-9]{16,200}")
_LONE_SALAD = re.compile(r"[a-z]{3,14}(?:[ \n]+[a-z]{3,14}){5,59}")

# A necessary condition of every form, for polars: each has one of these in it, in any case.
_STEMS = (
    "delet", "remov", "overwrit", "redact", "unavailab", "availab", "suspend", "withh", "withdr",
    "retract", "eras", "wiped", "scrub", "nuked", "purged", "hidden", "flagged", "dead", "censor",
    "banned", "moderat", "taken down", "anonymi", "shred", "minimi", "terminat", "limits who",
    "violated", "unable to view", "displayed", "not be loaded", "failed to load", "private",
    "no longer exists", "not found", "warned for", "moved to chat", "replaced", "edited", "changed",
)  # fmt: skip
_GATE = [
    *_STEMS,
    # The search ignores the case of ASCII letters only.
    *(
        form
        for word in (*_DELETED_WORDS, *_REMOVED_WORDS)
        if not any(stem in word for stem in _STEMS)
        for form in ((word,) if word.isascii() else (word, word.capitalize(), word.upper()))
    ),
]


#: Of some months of Reddit these are four posts of five; the rest of the module is slower.
_MOST_COMMON: dict[str, Reason] = {"[deleted]": "deleted", "[removed]": "removed"}


def find_notice(text: str) -> Reason | None:
    """Return ``deleted`` (by its author) or ``removed`` for a text that is a notice, else None."""
    if text in _MOST_COMMON:
        return _MOST_COMMON[text]
    if len(text) > MAX_CHARACTERS:
        return None
    whole = " ".join(text.lower().replace("\u2019", "'").strip(_INVISIBLE).split())
    shown = _POLL.sub("", whole).strip(_EMPHASIS)
    if not shown:
        return None
    return _find_short_notice(shown, whole != shown) or _find_tool_notice(shown)


def _find_short_notice(shown: str, is_emphasized: bool) -> Reason | None:
    bracketed = _IN_BRACKETS.fullmatch(shown)
    inner = bracketed[1].strip(_EMPHASIS + "().!") if bracketed else None
    whole = _LEARN_MORE.sub("", shown.strip("()")).strip(_EMPHASIS + '().!"')
    for words in (inner, whole):
        if words is None:
            continue
        is_marked = words is inner or shown[0] == "(" or is_emphasized or words in _BARE_WORDS
        if is_marked and _WORD_OF_REMOVAL.fullmatch(words):
            return "removed" if words in _REMOVED_WORDS else "deleted"
        if len(words) > 400:
            continue
        if _DELETED_SENTENCE.fullmatch(words):
            return "deleted"
        if _REMOVED_SENTENCE.fullmatch(words):
            return "removed"
        if _SENTENCE_FORM.fullmatch(words):
            return _reason_of(words, "deleted")
    if inner is not None and len(inner) <= 600 and _BRACKET_FORM.fullmatch(inner):
        return _reason_of(inner, "deleted")
    if shown.count("[") > 1:  # several words of removal, as "[flagged] [dead]"
        pieces = [piece.strip(" []") for piece in shown.split("]")]
        if all(_WORD_OF_REMOVAL.fullmatch(piece) for piece in pieces if piece):
            return "removed" if set(pieces) & set(_REMOVED_WORDS) else "deleted"
    return None


def _reason_of(words: str, otherwise: Reason) -> Reason:
    """Return who took the text away, by the words of the notice."""
    if _IS_BY_AUTHOR.search(words):
        return "deleted"
    return "removed" if _IS_BY_OTHERS.search(words) else otherwise


def _find_tool_notice(shown: str) -> Reason | None:
    for start in _TOOL_START.finditer(shown):
        before = shown[: start.end()].strip(_EMPHASIS + "([")
        if before and not _is_salad(before):
            break  # what follows stands in somebody's own words
        rest = shown[start.end() :].strip(_EMPHASIS + "[]()")
        rest = rest.replace("](", " (").replace("*", "").replace("[", "").replace("]", "")
        if _TOOL_NOTICE.fullmatch(rest):
            return "deleted"
    return None


def _is_salad(words: str) -> bool:
    """Whether the words are random: no sentence is made of them."""
    return bool(_SALAD.fullmatch(words)) and not _FUNCTION_WORDS.intersection(words.split())


def is_random_words(text: str) -> bool:
    """Whether the text is random, as overwriting tools write it: six or more words, filler text
    (lorem ipsum), or one string of letters and digits.

    The form alone does not tell words from a line of a language that is not listed here, or a
    string from a password: ask only of a text that its author has edited.
    """
    words = text.strip()
    if len(words) > MAX_CHARACTERS:
        return False
    if _RANDOM_STRING.fullmatch(words):
        return True
    filler = words.lower().replace(",", " ").replace(".", " ").split()
    if len(filler) > 5 and _LOREM.issuperset(filler):
        return True
    if not _LONE_SALAD.fullmatch(words):
        return False
    found = words.split()
    return len(set(found)) == len(found) and not (
        _FUNCTION_WORDS.intersection(found) or _OTHER_FUNCTION_WORDS.intersection(found)
    )


def find_notices(texts: pl.Series, kinds: pl.Series | None = None) -> pl.Series:
    """Return :func:`find_notice` of each text, as strings; null where a text is no notice.

    The text of a post (``kinds``: ``post``) may begin with a title. Then it is a notice if what
    follows the title is one, or if the title is one in brackets.
    """
    reasons = pl.Series("reason", [None], dtype=pl.String).new_from_index(0, len(texts))
    rows = (texts.str.len_bytes() <= 4 * MAX_CHARACTERS).fill_null(False).arg_true()
    rows = rows.filter(texts.gather(rows).str.contains_any(_GATE, ascii_case_insensitive=True))
    if not len(rows):
        return reasons
    is_post = kinds.gather(rows).to_list() if kinds is not None else [""] * len(rows)
    found = [
        find_notice(text) or (_find_notice_with_title(text) if kind == "post" else None)
        for text, kind in zip(texts.gather(rows).to_list(), is_post, strict=True)
    ]
    return reasons.scatter(rows, pl.Series(found, dtype=pl.String))


def _find_notice_with_title(text: str) -> Reason | None:
    title, _, body = text.partition("\n\n")
    if not body or "\n" in title:
        return None
    return find_notice(body) or (find_notice(title) if title.startswith("[") else None)
