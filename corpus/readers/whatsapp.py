"""Read chats that WhatsApp has exported as text: ``_chat.txt``, alone or in a zip.

An export is of one person's private chat or group. So nothing is read unless the plan has
``consented: true``; without it every message is counted as withdrawn (``private``), without text or
author.

The file has local times in the format of the phone's settings. The order of day and month is that
of the whole file: the one under which every date exists, and otherwise the one under which time
does not run backwards. Where both orders are possible, the setting ``dates`` must say which it is.

Messages have no ids in an export, so each id is a hash of the times of the first hundred messages
as they are written, of the line, and of the message's own time. A later export of the same chat
gives the same ids; none contains a name or a text that one could guess.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Literal, NamedTuple, get_args

from pydantic import Field

from corpus.errors import PlanError
from corpus.formats.dump_input import DumpInput
from corpus.formats.lines import DumpMember, is_binary
from corpus.formats.raw_lines import iter_raw_lines
from corpus.readers.batches import read_records, refuse_file, refuse_problems
from corpus.readers.contract import (
    Batch,
    Cursor,
    LocatedRecords,
    Post,
    ReaderConfig,
    Record,
    Refused,
    Sample,
    Skipped,
    UtcOffsetMinutes,
)
from corpus.readers.text_parts import join_poll

ACCOUNT_FILES = ("*",)
PLATFORM = "whatsapp"
VERSION = 2
TOMBSTONES = True

DateOrder = Literal["dmy", "mdy", "ymd"]


class Config(ReaderConfig):
    """Whether the people in the chat have agreed, and how its dates are written."""

    consented: bool = Field(
        default=False,
        description="everybody in these chats has agreed that their messages are used; without it "
        "all are withdrawn as private",
    )
    dates: Literal["detect", "dmy", "mdy", "ymd"] = Field(
        default="detect",
        description="the order of day, month and year; 'detect' decides by all dates of a file, "
        "and the build ends if they allow both orders",
    )
    utc_offset_minutes: UtcOffsetMinutes = Field(
        default=0,
        description="the phone's zone, as minutes ahead of UTC: an export has local times only",
    )
    mask_mentions: bool = Field(
        default=True,
        description="replace '@' and a mentioned person's name or number by '@user'",
    )


class _Stamp(NamedTuple):
    """The start of a message: its date and time as they are written, and what follows them."""

    form: tuple[bool, str]  # whether it is in brackets; the date's separator
    date: tuple[int, int, int]
    seconds: int  # of the day
    written: str
    rest: str

    def find_time(self, order: DateOrder) -> datetime | None:
        """Return the local time; null if there is no such date in this order."""
        first, second, third = self.date
        if order == "ymd" or first > 99:
            year, month, day = first, second, third
        elif order == "dmy":
            year, month, day = third, second, first
        else:
            year, month, day = third, first, second
        try:
            start = datetime(year + 2000 if year < 100 else year, month, day, tzinfo=UTC)
        except ValueError:
            return None
        return start + timedelta(seconds=self.seconds)


_ORDERS: tuple[DateOrder, DateOrder] = ("dmy", "mdy")
_ID_STAMPS = 100
_MARKS = "\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff"
_STRIPPED = (
    " \t\r\n\u200b\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069\ufeff"
)
_HALF_OF_DAY = (
    r"[aApP]\s?\.?\s?[mM]\.?|오전|오후|上午|下午|午前|午後|ص|م|vorm\.|nachm\.|de\.|du\.|ÖÖ|ÖS"
    r"|π\.μ\.|μ\.μ\."
)
_AFTERNOON = ("p", "오후", "下", "午後", "م", "nachm", "du", "ös", "μ.μ")
_STAMP = re.compile(
    rf"[{_MARKS}]*(\[?)[{_MARKS}]*(\d{{1,4}})([./-]) ?(\d{{1,2}})\3 ?(\d{{1,4}})\.?,?"
    rf"\s(?:(?:à|um|at|às|ore|kl\.|klo)\s)?(?:({_HALF_OF_DAY})\s?)?"
    rf"(\d{{1,2}})[:.](\d\d)(?:[:.](\d\d))?(?:\s?({_HALF_OF_DAY}))?(\]|\s[-\u2013]\s)"
)
_NAME = re.compile(r"([^:\n]{1,200}):(?:\s|$)")
# A name in quotes is that of the group in a notice, such as 'changed the subject to "Tea: a club"'.
_QUOTE = re.compile(r"[\"“”„«»]")

# What the exports put in place of a message, in the languages of many phones.
_DELETED = re.compile(
    r"(?:(?:This|You) (?:message was deleted(?: by admin [^\n]{1,80})?|deleted this message)"
    r"|Diese Nachricht wurde (?:von [^\n]{1,80} )?gelöscht"
    r"|Du hast diese Nachricht gelöscht|(?:Se )?[Ee]liminó este mensaje"
    r"|Se eliminó este mensaje|Eliminaste este mensaje|Este mensaje fue eliminado"
    r"|Ce message a été supprimé|Vous avez supprimé ce message"
    r"|Questo messaggio è stato eliminato|Hai eliminato questo messaggio"
    r"|(?:Esta )?[Mm]ensagem (?:foi )?apagada|Você apagou esta mensagem|Apagou esta mensagem"
    r"|Esta mensagem foi eliminada|Dit bericht is verwijderd|(?:U|Je) hebt dit bericht verwijderd"
    r"|Ta wiadomość została usunięta|Usunięto tę wiadomość|Данное сообщение удалено"
    r"|Сообщение удалено|Вы удалили данное сообщение|Bu mesaj silindi|Bu mesajı sildiniz"
    r"|Pesan ini (?:telah )?dihapus|Anda menghapus pesan ini|Det här meddelandet raderades"
    r"|Du raderade det här meddelandet|Denne besked blev slettet|Denne meldingen ble slettet"
    r"|Tämä viesti poistettiin|Tato zpráva byla odstraněna|تم حذف هذه الرسالة"
    r"|(?:לקחת|נמחקה) הודעה זו|הודעה זו נמחקה|यह मैसेज मिटाया गया है|このメッセージは削除されました"
    r"|삭제된 메시지입니다|此消息已删除|這則訊息已刪除)[.。]?",
    re.IGNORECASE,
)
_OMITTED = re.compile(
    r"<(?:(?:[\w ]{1,30} )?omitted|Medien ausgeschlossen|(?:Multimedia|Archivo) omitido"
    r"|Médias omis|Fichier omis|Media omessi|Mídia oculta|Arquivo de mídia oculto"
    r"|Ficheiro não revelado|Media weggelaten|pominięto multimedia|Pliki pominięto"
    r"|Без медиафайлов|Medya dahil edilmedi|Media tidak disertakan|Media har utelämnats"
    r"|media utelämnat|Mediefil udeladt|Media utelatt|Media jätettiin pois|Média vynechána"
    r"|Hiányzó médiafájl|Fișiere media omise|تم استبعاد الوسائط|המדיה לא נכללה|मीडिया के बिना"
    r"|メディアは含まれていません|사진 및 동영상 제외됨|省略多媒体文件|媒體已略去)>"
    r"|(?:image|video|video note|audio|sticker|GIF|document|contact card) omitted"
    r"|(?:Bild|Video|Audio|Sticker|GIF|Dokument|Kontaktkarte) weggelassen"
    r"|(?:imagen|video|audio|sticker|GIF|documento) omitid[oa]"
    r"|(?:image|vidéo|audio|sticker|GIF|document) absente?"
    r"|(?:immagine|video|audio|sticker|GIF|documento) omess[oa]"
    r"|(?:imagem|vídeo|áudio|figurinha|GIF|documento) (?:ocultad[oa]|omitid[oa])"
    r"|(?:afbeelding|video|audio|sticker|GIF|document) weggelaten|null",
    re.IGNORECASE,
)
# "<attached: 00000012-PHOTO.jpg>" in any language, and its forms of Android on a line of their own.
_ATTACHED = re.compile(r"[\u200e ]{0,4}<[^<>:\n]{2,30}: ?[^<>\n]{1,200}\.\w{2,5}>")
_FILE_ATTACHED = re.compile(
    r"\s{0,4}(?:(?:IMG|VID|AUD|PTT|STK|DOC)-\d{8}-WA\d{4}\.\w{2,5} \([^()\n]{3,40}\)"
    r"|[^\n]{1,200}\.\w{2,5} \((?:file attached|Datei angehängt|archivo adjunto|fichier joint"
    r"|file allegato|arquivo anexado|ficheiro anexado|bestand bijgevoegd|dołączono plik"
    r"|файл добавлен|dosya ekli|file terlampir|bifogad fil)\))[ \t]*(?:\n|$)"
)
_OMITTED_PART = re.compile(r"\u200e([^\u200e\n<>]{3,40})$")
_EDITED = re.compile(
    r"[ \u200e]{0,4}<(?:This message was edited|Diese Nachricht wurde bearbeitet"
    r"|Se editó este mensaje|Este mensaje fue editado|Ce message a été modifié"
    r"|Questo messaggio è stato modificato|Mensagem editada|Esta mensagem foi editada"
    r"|Dit bericht is bewerkt|Сообщение изменено|Данное сообщение изменено|Bu mesaj düzenlendi"
    r"|Pesan ini diedit|Wiadomość edytowana)\.?>$"
    r"|[ ]{0,4}\u200e<[^<>:\n]{5,60}>$",
    re.IGNORECASE,
)
_CARD = re.compile(
    r"(?:location|Standort|ubicación|localisation|posizione|localização|locatie)\s?: "
    r"https?://\S{1,500}|[^\n]{1,200}\.vcf \([^()\n]{3,40}\)",
    re.IGNORECASE,
)
_POLL = re.compile(r"\u200e?(?:POLL|UMFRAGE|ENCUESTA|SONDAGE|SONDAGGIO|ENQUETE|POLL|ОПРОС)\s?:")
_OPTION = re.compile(r"\u200e?(?:OPTION|OPCIÓN|OPZIONE|OPÇÃO|OPTIE|ВАРИАНТ)\s?: ?(.*)")
_VOTES = re.compile(r"[ \u200e]{0,4}\([ \u200e]{0,4}\d{1,9} [^()\n]{1,30}\)[ \u200e]{0,4}$")
# The mark behind a name is stripped from the end of a text.
_MENTION = re.compile(r"@\u2068[^\u2069\n]{1,100}(?:\u2069|\Z)|@\d{6,15}(?!\w)")
_MEMBER = re.compile(r"_chat\.txt|WhatsApp[^/]*\.txt", re.IGNORECASE)


def fits(sample: Sample) -> float:
    """Return 1 if the first line begins a message, or how well an archive's names fit a chat."""
    lines = sample.head[:65536].decode("utf-8", "replace").split("\n")
    first = next((line for line in lines if line.strip(_STRIPPED)), "")
    if _parse_stamp(first):
        names = [stamp for line in lines if (stamp := _parse_stamp(line)) and _split(stamp.rest)]
        return 1.0 if names else 0.5
    return 0.9 * any(_MEMBER.fullmatch(name.split("/")[-1]) for name in sample.members)


def read(
    path: str, config: Config, part_posts: int, start: Cursor | None = None
) -> Iterator[Batch]:
    """Yield the messages of one chat, or of the chats in an archive, in batches."""
    with DumpInput(path, _is_text) as source:
        yield from read_records(
            _read_chats(source, config),
            source,
            platform=PLATFORM,
            part_posts=part_posts,
            start=start,
        )


def _is_text(name: str) -> bool:
    return name.lower().endswith(".txt")


@dataclass
class _Survey:
    """What all message starts of a file show: their form, and the possible orders of dates."""

    form: tuple[bool, str] | None = None
    written: list[str] = field(default_factory=list)  # the first times
    impossible: list[int] = field(default_factory=lambda: [0, 0])  # dates, by order
    backwards: list[int] = field(default_factory=lambda: [0, 0])  # steps back in time, by order
    differs: bool = False  # whether the order changes any date
    last: list[datetime | None] = field(default_factory=lambda: [None, None])

    def add(self, stamp: _Stamp) -> None:
        """Add a start of a message of the file's form."""
        if len(self.written) < _ID_STAMPS:
            self.written.append(stamp.written)
        times = [stamp.find_time(order) for order in _ORDERS]
        self.differs |= times[0] != times[1]
        for index, time in enumerate(times):
            last = self.last[index]
            if time is None:
                self.impossible[index] += 1
            else:
                self.backwards[index] += last is not None and last - time > timedelta(days=1)
                self.last[index] = time

    def find_order(self) -> DateOrder | None:
        """Return the order of the dates; null if both are possible and differ."""
        # No country writes the month first and dots.
        if not self.differs or (self.form is not None and self.form[1] == "."):
            return "dmy"
        for counts in (self.impossible, self.backwards):
            for order, here, other in zip(_ORDERS, counts, reversed(counts), strict=True):
                # A few lines of a message can look like starts of messages.
                if other > 10 * here:
                    return order
        return None


def _survey(path: str, max_bytes: int) -> dict[str, _Survey]:
    """Return the survey of each member that has messages."""
    surveys = {}
    with DumpInput(path, _is_text) as source:
        for member in source.members():
            survey = _Survey()
            for line in iter_raw_lines(member.open(), max_bytes):
                stamp = _parse_stamp(line.data.decode("utf-8", "replace"))
                if stamp is None:
                    continue
                survey.form = survey.form or stamp.form
                if stamp.form == survey.form:
                    survey.add(stamp)
            if survey.form:
                surveys[member.source_file] = survey
    return surveys


def _read_chats(source: DumpInput, config: Config) -> Iterator[LocatedRecords]:
    max_bytes = config.max_line_mb << 20
    surveys = _survey(source.path, max_bytes)
    for member in source.members():
        yield from refuse_problems(source.take_problems())
        survey = surveys.get(member.source_file)
        if survey is None and member.name:
            # A text file that somebody has sent.
            yield LocatedRecords(member.source_file, 0, 0, (Skipped("attachment"),))
        elif is_binary(member.open().head):
            yield refuse_file(member.source_file, "not_text")
        else:
            yield from _read_chat(member, survey or _Survey(), config, max_bytes)
    yield from refuse_problems(source.take_problems())


def _read_chat(
    member: DumpMember, survey: _Survey, config: Config, max_bytes: int
) -> Iterator[LocatedRecords]:
    order = None if config.dates == "detect" else config.dates
    order = order or survey.find_order()
    if order is None and config.consented:
        raise PlanError(
            f"whatsapp: {{path: '{config.path}'}}: the dates of a chat allow both orders of day "
            "and month; write 'dates: dmy' or 'dates: mdy'"
        )
    maker = _MessageMaker(survey, order or "dmy", config)
    file = member.source_file
    stamp: _Stamp | None = None
    lines: list[str] = []
    start, size = 0, 0
    problem = ""

    def finish() -> Iterator[LocatedRecords]:
        if stamp is not None and problem:
            yield LocatedRecords(file, start, size, (Refused(problem),))
        elif stamp is not None:
            yield LocatedRecords(file, start, size, maker.make_records(stamp, lines, start))

    for row, line in enumerate(iter_raw_lines(member.open(), max_bytes), start=1):
        if line.problem:
            # The lines behind it may be of another message, so none are added to this one.
            yield from finish()
            stamp = None
            yield LocatedRecords(file, row, 0, (Refused(line.problem),))
            continue
        text, is_utf8 = _decode(line.data)
        found = _parse_stamp(text)
        if found and maker.is_start(found):
            yield from finish()
            stamp, lines, start, size = found, [], row, len(line.data)
            problem = "" if is_utf8 else "invalid_utf8"
        elif stamp is not None:
            size += len(line.data) + 1
            if not is_utf8:
                problem = problem or "invalid_utf8"
            if size > max_bytes:
                problem = "line_too_long"
                lines = []
            else:
                lines.append(text)
        elif text.strip(_STRIPPED):
            yield LocatedRecords(file, row, len(line.data), (Refused("no_message"),))
    yield from finish()


def _decode(data: bytes) -> tuple[str, bool]:
    try:
        return data.decode(), True
    except UnicodeDecodeError:
        return data.decode("utf-8", "replace"), False


def _parse_stamp(line: str) -> _Stamp | None:
    match = _STAMP.match(line)
    if match is None or (match[1] == "[") != (match[11] == "]"):
        return None
    hour, minute, second = int(match[7]), int(match[8]), int(match[9] or 0)
    half = (match[6] or match[10] or "").lower()
    if half:
        if not 1 <= hour <= 12:
            half = ""  # 오후 15:00 exists
        else:
            hour = hour % 12 + 12 * half.startswith(_AFTERNOON)
    if hour > 23 or minute > 59 or second > 59:
        return None
    date = int(match[2]), int(match[4]), int(match[5])
    stamp = _Stamp(
        (match[1] == "[", match[3]),
        date,
        hour * 3600 + minute * 60 + second,
        f"{date} {hour}:{minute}:{second}",
        line[match.end() :],
    )
    return stamp if any(stamp.find_time(order) for order in get_args(DateOrder)) else None


def _split(rest: str) -> tuple[str, str] | None:
    """Return the author and the start of the text of a message; null for a notice."""
    match = _NAME.match(rest)
    if match is None or _QUOTE.search(match[1]):
        return None
    name = match[1].strip(_STRIPPED).removeprefix("~").strip(_STRIPPED + "\u00a0\u202f")
    return (name, rest[match.end() :]) if name else None


class _MessageMaker:
    """Makes the posts of one chat."""

    def __init__(self, survey: _Survey, order: DateOrder, config: Config) -> None:
        self._form, self._order, self._config = survey.form, order, config
        self._identity = "\0".join(survey.written)

    def is_start(self, stamp: _Stamp) -> bool:
        """Return whether a line that looks like a message's start has the form of this file's."""
        return stamp.form == self._form and (
            not self._config.consented or stamp.find_time(self._order) is not None
        )

    def make_records(self, stamp: _Stamp, lines: Sequence[str], row: int) -> Sequence[Record]:
        """Return the post of a message, and what of it is skipped."""
        parts = _split(stamp.rest)
        if parts is None:
            return (Skipped("service"),)
        identity = f"{self._identity}\0{row}\0{stamp.written}"
        name = f"whatsapp:{hashlib.sha256(identity.encode()).hexdigest()[:24]}"
        if not self._config.consented:
            return (Post(name, "", withdrawn="private"),)
        author, first = parts
        content = _read_content("\n".join([first, *lines]))
        skipped = [Skipped(kind) for kind in content.skipped]
        if not content.text and not content.is_deleted:
            return skipped
        text = _MENTION.sub("@user", content.text) if self._config.mask_mentions else content.text
        time = stamp.find_time(self._order)
        created = None
        if time is not None:
            offset = self._config.utc_offset_minutes * 60_000_000
            created = int(time.timestamp()) * 1_000_000 - offset
        post = Post(
            name,
            text,
            author=author,
            created_at=created,
            consent="allowed",
            withdrawn="deleted" if content.is_deleted else None,
        )
        return (post, *skipped)


class _Content(NamedTuple):
    """What somebody has written in a message, and the kinds of what else is in it."""

    text: str
    skipped: Sequence[str] = ()
    is_deleted: bool = False


def _read_content(raw: str) -> _Content:
    text = raw.strip(_STRIPPED)
    if _DELETED.fullmatch(text):
        return _Content("", is_deleted=True)
    if _POLL.match(text):
        return _Content(_read_poll(text))
    if _CARD.fullmatch(text):
        return _Content("", ("card",))
    text = _EDITED.sub("", raw.rstrip(_STRIPPED))
    text, attached = _ATTACHED.subn("", text)
    count = attached
    if file := _FILE_ATTACHED.match(text.lstrip(_STRIPPED)):
        text, count = text.lstrip(_STRIPPED)[file.end() :], count + 1
    first, _, caption = text.strip(_STRIPPED).partition("\n")
    if _OMITTED.fullmatch(first):
        text, count = caption, count + 1
    elif (part := _OMITTED_PART.search(text)) and _OMITTED.fullmatch(part[1].strip()):
        # "tea.pdf • 3 pages ‎document omitted": the name of the file is nobody's words.
        text, count = "", count + 1
    elif text.startswith("\u200e") and not count:
        return _Content("", ("service",))  # WhatsApp's own words have this mark in front
    text = text.strip(_STRIPPED)
    return _Content(text, ("media",) * count if count or text else ("no_words",))


def _read_poll(text: str) -> str:
    question, options = [], []
    for line in _POLL.sub("", text, count=1).split("\n"):
        if option := _OPTION.match(line.strip()):
            options.append(_VOTES.sub("", option[1]))
        elif not options:
            question.append(line.strip(_STRIPPED))
    return join_poll("\n".join(filter(None, question)), options)
