"""Find the contacts that posts name: links of messengers, "snap: …", "add me on telegram …".

A name is taken for one if it has a digit, an underscore or a full stop inside, or if it is a word
of none of the usual ones at the end of a clause. A number is a phone number where the service is
addressed by number.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

import polars as pl


class Contact(NamedTuple):
    """A contact: offsets in characters, the service, and the name; a phone number has no name."""

    start: int
    end: int
    network: str
    name: str


# --- links --------------------------------------------------------------------------------------

_NUMBER = r"(?P<number>\+?[0-9](?:[0-9().-]|%20|[ ](?=[0-9(])){5,22}[0-9])(?![0-9A-Za-z])"
_QUERY = r"(?:[A-Za-z_]{1,20}=[^\s&\"'<>]{0,80}&){0,4}"
_NUMBER_LINK = re.compile(
    r"(?<![A-Za-z0-9])(?:"
    r"wa\.me/|viber\.click/|signal\.me/#p/|zalo\.me/|(?:call\.)?imo\.im/|t\.me/(?=\+?[0-9]{7})|"
    rf"(?:api\.|web\.|chat\.)?whatsapp\.com/send/?\?{_QUERY}phone=|"
    rf"whatsapp://send/?\?{_QUERY}phone=|viber://[a-z]{{2,12}}\?{_QUERY}number=|"
    rf"tg://resolve\?{_QUERY}phone=|"
    r"(?:tel|sms|smsto|mms|callto|facetime|facetime-audio|imessage|whatsapp)[:=](?://)?"
    rf"){_NUMBER}",
    re.I,
)
_URL_NAME = r"(?P<name>[A-Za-z0-9_][A-Za-z0-9_.-]{1,63})"
_URL_REST = r"(?:[/?#&][^\s<>\"'()\[\]{}]*)?"
_NAME_LINK = re.compile(
    r"(?<![A-Za-z0-9])(?:"
    r"(?P<skype>skype:(?:live:)?)|(?P<facebook>m\.me/|fb://profile/|messenger\.com/t/)|"
    r"(?P<instagram>ig\.me/m/|instagram://user\?username=)|"
    r"(?P<line>line\.me/(?:R/)?ti/p/[~@]?(?:%40)?)|(?P<kik>kik\.me/(?:u/)?)|"
    r"(?P<wechat>weixin://(?:dl/chat/?\?|contacts/profile/)|u\.wechat\.com/)|"
    r"(?P<whatsapp>wa\.me/(?:message|qr)/|wa\.link/)|(?P<signal>signal\.me/#eu/)|"
    r"(?P<threema>threema\.id/)|(?P<kakao>open\.kakao\.com/(?:o|me)/)|"
    r"(?P<snapchat>snapchat://add/)|(?P<x>twitter://user\?screen_name=)|"
    r"(?P<steam>steamcommunity\.com/(?:id|profiles)/)|(?P<zalo>zalo\.me/)|"
    r"(?P<vk>vk\.me/)|(?P<discord>discord://-/users/)"
    rf"){_URL_NAME}{_URL_REST}",
    re.I,
)
# "xmpp:name@host", "@name:matrix.org" and the like: the host is part of the name.
_ADDRESS_LINK = re.compile(
    r"(?<![A-Za-z0-9])(?:(?P<xmpp>xmpp:|jabber:[ ]?)|(?P<sip>sips?:)|(?P<matrix>matrix:u/|@))"
    r"(?P<name>[A-Za-z0-9_.+-]{1,64}(?:@|(?<!mpp):)"
    r"[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,4})",
    re.I,
)
_LINK_MARKERS = (
    "wa.me/", "wa.link/", "viber", "signal.me/", "zalo.me/", "imo.im/", "t.me/", "whatsapp",
    "tg://", "tel:", "sms:", "smsto:", "mms:", "callto:", "facetime", "imessage:", "skype:",
    "m.me/", "ig.me/", "line.me/", "kik.me/", "weixin://", "u.wechat.com/", "threema.id/",
    "open.kakao.com/", "snapchat://", "instagram://", "twitter://", "steamcommunity.com/",
    "vk.me/", "discord://", "xmpp:", "jabber:", "sip:", "sips:", "matrix:", "messenger.com/t/",
    "fb://", "tel=",
)  # fmt: skip

# --- phrases ------------------------------------------------------------------------------------

#: How posts call a service, by its name in the pseudonyms.
_SERVICES = {
    "snapchat": r"snap(?:[ ]?chat|s)?|sc|\U0001f47b|снап(?:чат)?|سناب(?:شات)?",
    "instagram": r"insta(?:gram)?|ig|инст(?:а|у|е|аграм)?|インスタ(?:グラム)?|인스타(?:그램)?"
    r"|انستا|انستغرام",
    "telegram": r"telegram|telegramm|tg|телег(?:а|у|е)|телеграм+|тг|تيليجرام|تلجرام|텔레그램"
    r"|テレグラム|电报",
    "discord": r"discord|disc|дискорд|디스코드|ディスコード",
    "kik": "kik",
    "skype": r"skype|скайп",
    "whatsapp": r"whats?[ ]?app|wapp|wa|whats|zap|вотсап|ватсап|واتس(?:اب)?",
    "viber": r"viber|вайбер",
    "signal": "signal",
    "wechat": r"we[ ]?chat|weixin|wx|vx|加[ ]?v|v信|微信|威信|薇信|위챗",
    "line": r"line|ライン|ไลน์",
    "qq": r"qq[ ]?群?|加[ ]?q|扣扣群?|企鹅|icq",
    "x": r"twitter|твиттер|ツイッター|트위터|تويتر",
    "tiktok": r"tik[ ]?tok|тикток|抖音",
    "facebook": r"facebook|fb|messenger",
    "reddit": "reddit",
    "vk": r"vk|вк|вконтакте",
    "youtube": r"youtube|yt",
    "twitch": "twitch",
    "steam": "steam",
    "games": r"psn|ps[45]|playstation|xbox(?:[ ]live)?|gamer[ ]?tag|battle\.?[ ]?net|battle[ ]?tag"
    r"|bnet|epic|nintendo|roblox|minecraft|ign",
    "payments": r"cash[ ]?app|venmo|pay[ ]?pal|zelle",
    "onlyfans": r"only[ ]?fans",
    "wire": r"wire|wickr(?:[ ]me)?|threema|session",
    "kakao": r"kakao(?:[ ]?talk)?|katalk|카톡|카카오톡",
    "zalo": "zalo",
    "bluesky": r"bluesky|bsky",
    "mastodon": "mastodon",
    "tumblr": "tumblr",
    "linkedin": "linkedin",
    "pages": r"pinterest|soundcloud|threads|xiaohongshu|小红书|微博|weibo",
    "matrix": r"matrix|element",
}  # fmt: skip
#: Services whose names are common nouns: only with "my", "add me on" or at the start of a line.
_NOUNS = frozenset(
    ("line", "signal", "wire", "steam", "games", "matrix", "payments", "youtube", "pages", "reddit",
     "twitch")
)  # fmt: skip
#: Services that a number addresses.
_BY_NUMBER = frozenset(("whatsapp", "viber", "signal", "telegram", "zalo", "line", "wire"))
_BY_DIGITS = frozenset(("qq", "wechat"))
#: Services of which "insta rosa_23" alone says that a name follows.
_DIRECT = frozenset(("snapchat", "instagram", "telegram", "kik", "wechat", "skype", "qq", "kakao"))

_SERVICE = "|".join(f"(?P<{name}>{words})" for name, words in _SERVICES.items())
_IS = (
    "is|are|was|es|é|e|ist|lautet|est|c'est|è|jest|to|это|adalah|"
    "i am|i'm|im|ich bin|je suis|soy|sou"
)
_ID = (
    r"id|name|user|username|user[ ]name|usr|handle|acc|account|tag|nick|nickname|gamertag|"
    r"usuario|nutzername|pseudo|compte|konto|ник|аккаунт"
)
_CJK_ID = "号码|号|號|帐号|账号|아이디"
_PHRASE = re.compile(
    rf"(?<![A-Za-z0-9@#/._-])(?:{_SERVICE})"
    r"(?:(?<![A-Za-z0-9])|(?![A-Za-z0-9_])|(?<=q)(?=[0-9]{5}))"
    r"(?:[ ]?[\u2600-\u27bf\U0001f300-\U0001faff]){0,2}"
    rf"(?P<id>(?:[ ]?['’]?s)?[ ]?(?:(?:{_ID})(?![A-Za-z])|{_CJK_ID}))?"
    r"(?P<me>[ ](?:me|us|mich|moi)(?![A-Za-z]))?"
    r"(?P<join>[ ]{0,2}(?:(?P<mark>[:=\uff1a\u662f\u306f]|->|\u2192|>|[ ]?[/|\u2022]{1,2}|"
    r"[ ][-\u2013\u2014~][ ]|\U0001f449)|"
    rf"(?P<is>['\u2019]s(?=[ ])|(?:{_IS})(?![A-Za-z0-9_.]))|"
    r"(?P<as>,|(?:as|at|under|by|on|al|como|unter|als|sous|przez)(?![A-Za-z0-9_.]))))?"
    r"(?:[ ]{0,3}(?:(?:id|user|username|name)(?![A-Za-z0-9_.]))?[:]?[ ]{0,2}|[ ]?\n[ ]?)"
    r"[\"'\u201c\u2018\u00ab(\[*`]{0,2}"
    r"(?P<contact>[@$~]?[A-Za-z0-9_](?:[A-Za-z0-9_.#-]{1,40})"
    r"|\+?[0-9(](?:[0-9().-]|[ ](?=[0-9(])){4,20}[0-9])",
    re.I,
)
#: What comes before the name of a service that a contact follows.
_TRIGGER_WORDS = (
    r"my|our|his|her|mein\w{0,2}|unser\w{0,2}|mon|ma|notre|mi|mis|meu|minha|mio|mijn|mój|moj|"
    r"moje|benim|min|mitt|on|via|add(?:[ ]me)?|follow(?:[ ]me)?|hmu|hit[ ](?:me|my)(?:[ ]up)?|"
    r"dms?|pm|message|msg|text|find|reach|contact|write|ping|join|saya|agr[eé]game|añ[aá]deme|"
    r"escr[ií]be(?:me|nos)|s[ií]gueme|b[uú]scame|adiciona|chama|segue|ajoute[sz]?(?:[- ]moi)?|"
    r"suis(?:[- ]moi)?|schreib\w{0,2}|adde?t?|folgt?|findest|aggiungimi|scrivimi|seguimi|volg|"
    r"dodaj|napisz|ekle|takip|yaz|auf|bei|über|per|sur|en|por|su|op|na|no|pelo|на|в|мой|моя|"
    r"мо[её]|пиши\w{0,2}|добав\w{1,4}|подпи\w{2,7}|ищи\w{0,2}"
)
_TRIGGER = re.compile(rf"(?:\b(?:{_TRIGGER_WORDS})|我的|加我|加|我|私の|내|제)[ ]?[:]?[ ]?$", re.I)
_TRIGGER_CHARACTERS = 24
# After these a name of letters alone needs no further word.
_INVITATION = re.compile(
    r"\b(?:add|follow|hmu|dm|ajoute[sz]?|agr[eé]game|añ[aá]deme|s[ií]gueme|aggiungimi|seguimi|adde?t?|"
    r"folgt?|adiciona|dodaj)(?:[- ](?:me|moi|mich|mir))?"
    r"(?:[ ](?:on|my|at|via|sur|mon|auf|en|no|su|na|mi|meu|il))?[ ]?$",
    re.I,
)
_STRONG_ID = re.compile(r"id|username|handle|nick|tag|号|號|아이디", re.I)
# The name comes first: "add anna_77 on snap", "anna_77 is my insta".
_REVERSED = re.compile(
    r"(?:\b(?:add|dm|find|follow|reach|contact|message|text|msg|hmu|i am|i'm|im|ich bin|soy|sou|"
    r"je suis)(?:[ ](?:me|us))?(?:[ ](?:at|as|under|up|on))?:?[ ]"
    r"(?P<added>@?[A-Za-z0-9_][A-Za-z0-9_.]{3,40})[ ](?:on|auf|en|sur|su|no|in|at|via)"
    r"|(?<![A-Za-z0-9@_.])(?P<named>@?[A-Za-z0-9_][A-Za-z0-9_.]{3,40})[ ]is[ ]my)"
    rf"[ ](?:my[ ])?(?:{_SERVICE})(?![A-Za-z0-9_])",
    re.I,
)
_SESSION_ID = re.compile(r"(?<![0-9A-Za-z])05[0-9a-f]{64}(?![0-9A-Za-z])")
_CLAUSE_END = re.compile(
    r"[\"'\u201d\u2019\u00bb)\]*`]{0,2}[ ]?(?:$|[\n,;!|/)\]]|\.(?:[ \n]|$)|[^\x00-\x7f]|"
    r"[ ](?:and|or|if|for|to|xx?|pls|please|thanks)(?![A-Za-z]))"
)
# A name may begin with a number: 3nnady99.
_SPECIAL = re.compile(
    r"(?:[0-9]{1,8}(?=[A-Za-z_]))?[A-Za-z_][A-Za-z0-9_.-]*(?:[0-9_]|[A-Za-z][.][A-Za-z])[A-Za-z0-9_.-]*(?:#[0-9]{4})?"
    r"|[A-Za-z0-9_.-]+#[0-9]{4}"
)
_PLAIN = re.compile(r"[a-z]{5,20}|[0-9]{1,4}[A-Za-z]{3,20}")
_HEX_ID = re.compile(r"[0-9][0-9a-f.-]{7,}", re.I)
_NUMBER_AND_WORD = re.compile(r"[0-9][0-9.,]*_?([A-Za-z]*)")
#: What is counted, and other words that follow a number: 3times, 24hours, 1st, 2fa.
_COUNTED_WORDS = (
    "st nd rd th er re ers times time x hour hours hr hrs h min mins minute minutes sec secs "
    "second seconds s day days week weeks wk wks month months mo mos year years yr yrs yo old "
    "age am pm k m fa b bn mil mio mrd million millions billion thousand hundred percent pct p "
    "fps hz khz mhz ghz d g gb mb kb tb mbps kbps gbps px mm cm km kg kgs lb lbs oz ml kw kwh "
    "mah w v mph kmh bpm dpi star stars point points pt pts pcs pieces people ppl person "
    "persons fans users members followers follower views view likes like subs subscribers posts "
    "post videos video pics pic photos photo snaps snap streaks streak messages message msgs "
    "msg stories story friends friend accounts account players player games game levels level "
    "lvl round rounds goals wins kills coins coin nights plus seven feet ft inch inches miles "
    "guys girls boys kids slots spots tickets shots pages lines songs tracks episodes ep season "
    "chapter part parts gen wd dollar dollars usd eur euro euros gbp pounds bucks cents cad aud "
    "inr rub btc eth yen fold way ways in of for to or and vs on at by factor step steps bit "
    "bits left more new free uhr stunden stunde minuten jahre jahr tage tag wochen monate mal "
    "stk leute fois ans heures jours semaines mois horas hora anos dias semanas meses veces "
    "vezes personas pessoas ore giorni anni volte jaar uur dagen lat godzin dni "
    "off char chars characters signals words calls comments replies retweets degrees female male "
)
_ENGLISH_WORDS = frozenset(
    ("line", "signal", "wire", "session", "matrix", "element", "threads", "epic")
)
_COUNTED = frozenset(_COUNTED_WORDS.split())
_NO_NAME = re.compile(
    r"(?:[a-z]{1,3}[0-9.]+|v?[0-9.]+[a-z]{0,2}|covid.*|(?:[a-z]+_){2,}[a-z]+|[0-9]+_(?:[a-z]+_)+[a-z]+|mp[34]|(?:[a-z]\.)+[a-z]?|"
    r"[a-z0-9-]+\.(?:com|org|net|io|gg|tv|me|be|co|uk|de|js|py|exe|apk|html?|php|json|md|so|xml|txt|"
    r"png|jpg|gif|mp[34]))$",
    re.I,
)
_COMMON_WORDS = (
    "aber about above account accounts active actually added address again alert alerts algo "
    "alive all alors always amazing amigos anche ancora another answer anybody anyone anything "
    "anytime app apps aqui asap auch aussi available avec away awesome babes babies back banned "
    "because being below bene best better bien bio bitches bitte blocked blog bonjour boring both "
    "bots broke broken brother buffering business busy but buyers called calls cam came cancelled "
    "channel chat chats check ciao clients coming comme como company complete contact content "
    "cool cosa crashed crazy creators currently customers cute daily danke dans deactivated dead "
    "deleted desc description details diese disabled disconnected discord does down download dude "
    "dudes dying einfach embed empty encore ending esta estoy even ever every everyone everything "
    "expired facebook fake family famous fans fantastic father feed fellas filled filter filters "
    "finally fine finished first folks follow followers following found free friend friends from "
    "full fun funny game gamers games girls giveaway giveaways gone gonna good gracias grazie "
    "great group groups guys hacked hard haters have head here heute hidden hier hilarious "
    "history hola home homepage honestly horrible huge husband ideas immer incredible instagram "
    "install instead jetzt just keine kill killed ladies lagging lame large last later link "
    "linked links list literally live loading locked login logo lol look looks love lovers made "
    "mail mais many marketing maybe members memes merci message messages mobile model molto "
    "months more mostly mother much nada name named need needs never news nice nicht niente "
    "nobody noch none normal nothing notifications number numbers oder official offline okay once "
    "online only open other others ours over page pages party password peeps people perche "
    "perfect pero phone photo photos pics pictures players please popping popular porque post "
    "posts premium private profile profiles public questo quite random rather ready real really "
    "reddit reposts reviews rien sales same save says schon sehr sellers server service sexy "
    "share shared shop should show siempre sister skype slow snapchat some someone something sono "
    "soon sorry spam started status still stop store stories story straight streamers stuff "
    "stupid such suis support sure suspended telegram terrible text thanks that their them then "
    "there these they thing this those though thread through time today todo todos together "
    "tomorrow tonight tous tout traders trash trending tres true turned tutti tutto tweets "
    "twitter unavailable under uninstall unstable update updated user username users using vamos "
    "verified very video videos vous wants watch website wechat weird well were what whatsapp "
    "when where which while wieder wife will with without wonderful words working works world "
    "worse worst would wrong year years yesterday your yours youtube "
)
_COMMON = frozenset(_COMMON_WORDS.split())
_PHRASE_MARKERS = (
    "snap", "\U0001f47b", "加v", "insta", "telegr", "discord", "kik", "skype", "whatsap",
    "whats app", "whats:",
    "viber", "wechat", "weixin", "tiktok", "tik tok", "psn", "ps4", "ps5", "gamertag",
    "gamer tag", "bnet", "cashapp", "cash app", "venmo", "paypal", "zelle", "onlyfans", "wickr",
    "threema", "kakao", "katalk", "zalo", "bsky", "weibo", "微信", "威信", "薇信", "扣扣",
    "v信", "抖音", "小红书", "微博", "电报", "снап", "инст", "телег", "дискорд", "скайп",
    "вотсап", "ватсап", "вайбер", "твиттер", "тикток", "вконтакте", "インスタ", "ライン",
    "ツイッター", "テレグラム", "ディスコード", "인스타", "텔레그램", "카톡", "카카오톡",
    "위챗", "트위터", "디스코드", "سناب", "انستا", "تيليجرام", "تلجرام", "واتس", "تويتر",
    "انستغرام", "ไลน์",
)  # fmt: skip
_FREQUENT = (
    "youtube", "twitter", "session", "soundcloud", "facebook", "twitch", "steam", "matrix",
    "element", "signal", "threads", "pinterest", "linkedin", "tumblr", "messenger",
    "playstation", "xbox", "minecraft", "roblox", "nintendo", "mastodon", "bluesky", "reddit",
    "wire", "battlenet", "battle net", "battle.net", "battle tag", "battletag",
)  # fmt: skip
# The name of a service, and what says that a contact follows: a mark, a word such as "is" or "id",
# a word such as "my" or "on" before it, or a name with a digit or a mark in it.
_ANY_SERVICE = "|".join(_SERVICES.values())
_INTRODUCED = (
    rf"(?i)(?:^|[^A-Za-z0-9@#/._-])(?:{_ANY_SERVICE})(?:"
    rf"(?:['\x{{2019}}]?s)?[ ]?(?:(?:{_ID})(?:[^A-Za-z]|$)|{_CJK_ID})"
    r"|[ ]{0,2}(?:[:=\x{ff1a}\x{662f}\x{306f}>\x{2192},@/|]|->)|['\x{2019}]s[ ]"
    r"|[ ]?[\x{2600}-\x{27bf}\x{1f300}-\x{1faff}]"
    r"|[ ][-\x{2013}\x{2014}~|][ ]|[ ]?\n"
    rf"|[ ](?:me|us|mich|moi|as|at|under|by|on|al|como|unter|als|sous|przez|{_IS})[ ]"
    r"|[ \x{3000}-\x{ffff}]{0,3}[@$+(]?[A-Za-z0-9]*[0-9_.][A-Za-z0-9_])"
    rf"|(?:{_TRIGGER_WORDS}|我的|加我|加|我|私の|내|제)[ ]?[:]?[ ]?"
    rf"(?:{_ANY_SERVICE})(?:[^A-Za-z0-9]|$)"
    r"|[\x{600}-\x{6ff}\x{3040}-\x{30ff}\x{4e00}-\x{9fff}\x{ac00}-\x{d7af}][A-Za-z0-9_.]{4}"
)
#: Short names count only where a mark or a word such as "id" follows, or a phrase comes before.
_SHORT = (
    r"(?i)(?:^|[^A-Za-z0-9])(?:(?:sc|ig|tg|fb|wa|vx|wx|vk|qq|icq|yt|epic|ign|disc|line|zap|wapp|вк|тг)"
    r"(?: ?(?:id|name|username|user|handle|号|號))?"
    r"(?: {0,2}[:=/|\x{ff1a}\x{662f}]| [-\x{2013}\x{2014}~] | (?:is|es|ist|é|id|name) )"
    r"|(?:on|my|via|add|mi|mein|mon|meu|auf|na|по|в) (?:sc|ig|tg|fb|wa|vk|disc|line|zap)[ :])"
    r"|(?:(?:^|[^A-Za-z0-9])qq ?群?|加 ?q|企鹅)[号號]?[ :\x{ff1a}]{0,2}[0-9]{6}"
    r"|[\x{4e00}-\x{9fff}][^\n]{0,40}[^A-Za-z0-9](?:vx|wx) ?[A-Za-z][A-Za-z0-9_-]{2,20}[0-9_]"
)

_SHORT_OR_MATRIX = rf"{_SHORT}|(?-i:@[A-Za-z0-9_.=+-]+:[A-Za-z0-9-]+\.)"


def may_contain_contact(texts: pl.Series) -> pl.Series:
    """Return which texts contain a link of a messenger, or the name of a service."""
    has_link = texts.str.contains_any(list(_LINK_MARKERS), ascii_case_insensitive=True)
    names = [*_PHRASE_MARKERS, *_FREQUENT]
    in_ascii = [name for name in names if name.isascii()]  # polars searches these much faster alone
    others = [name for name in names if not name.isascii()]
    named = texts.str.contains_any(in_ascii, ascii_case_insensitive=True)
    rows = (texts.str.len_bytes() != texts.str.len_chars()).arg_true()
    if len(rows):
        also = texts.gather(rows).str.contains_any(others, ascii_case_insensitive=True)
        named = named.scatter(rows, named.gather(rows) | also)
    rows = named.arg_true()
    if len(rows):
        named = named.scatter(rows, texts.gather(rows).str.contains(_INTRODUCED))
    return has_link | named | texts.str.contains(_SHORT_OR_MATRIX)


def list_contacts(text: str) -> tuple[Contact, ...]:
    """Return what ``find_contacts`` yields; the last short texts are remembered.

    Numbers and names are replaced one after the other, mostly in the same text.
    """
    if len(text) > _MAX_REMEMBERED_CHARACTERS:
        return tuple(find_contacts(text))
    return _list_contacts_of_short_text(text)


@lru_cache(maxsize=4096)
def _list_contacts_of_short_text(text: str) -> tuple[Contact, ...]:
    return tuple(find_contacts(text))


def find_contacts(text: str) -> Iterator[Contact]:
    """Yield the contacts that a text names: names of accounts, and numbers (without a name)."""
    for match in _NUMBER_LINK.finditer(text):
        if sum(map(str.isdigit, match["number"])) >= _MIN_DIGITS:
            yield Contact(*match.span("number"), "", "")
    for match in _NAME_LINK.finditer(text):
        network = next(
            name for name, value in match.groupdict().items() if value and name != "name"
        )
        yield Contact(match.start("name"), match.end(), network, match["name"].lower())
    for match in _ADDRESS_LINK.finditer(text):
        start = match.start("matrix") if match["matrix"] == "@" else match.start("name")
        yield Contact(
            start, match.end(), "matrix" if match["matrix"] else "xmpp", match["name"].lower()
        )
    for match in _SESSION_ID.finditer(text):
        yield Contact(*match.span(), "session", match.group())
    for match in _REVERSED.finditer(text):
        group = "added" if match["added"] else "named"
        name = match[group].rstrip(".")
        bare = name.lstrip("@")
        if _SPECIAL.fullmatch(bare) and not _NO_NAME.match(name) and not _counts(bare):
            network = next(each for each in _SERVICES if match[each])
            end = match.start(group) + len(name)
            yield Contact(match.start(group), end, network, name.lstrip("@").lower())
    yield from _find_phrases(text)


_MIN_DIGITS = 7
# What says that a number before it counts something.
_COUNTED_AFTER = re.compile(r"[ ]?(?:[+%.:万亿千个人次元块年月日]|[A-Za-z]{2})")
_MAX_REMEMBERED_CHARACTERS = 1000


def _find_phrases(text: str) -> Iterator[Contact]:
    position = 0
    while match := _PHRASE.search(text, position):
        # The next service may be what this one takes for a name: "snap and kik: rosa_23".
        position = match.start("contact")
        network = next(name for name in _SERVICES if match[name])
        contact = match["contact"]
        if contact[0] in "+(0123456789" and not re.search("[A-Za-z_]", contact):
            digits = sum(map(str.isdigit, contact))
            if _is_number(match, network, digits, text):
                position = match.end()
                number = network in _BY_NUMBER and digits >= _MIN_DIGITS
                yield Contact(
                    *match.span("contact"), "" if number else network, "" if number else contact
                )
            continue
        name = contact.rstrip("._-#")
        if _is_name(match, network, name, text):
            position = match.start("contact") + len(name)
            yield Contact(match.start("contact"), position, network, name.lstrip("@$~").lower())


def _is_number(match: re.Match[str], network: str, digits: int, text: str) -> bool:
    introduced = bool(match["mark"] or match["id"] or match["me"] or _is_triggered(match, text))
    if network in _BY_DIGITS:
        # "扣扣 123456789" is said as it is; "QQ 10000" may be any number.
        is_direct = not match[network].isascii() or (network == "qq" and digits > 5)
        is_count = _COUNTED_AFTER.match(text, match.end("contact"))
        return (introduced or (is_direct and not is_count)) and 5 <= digits <= 12
    return network in _BY_NUMBER and introduced and digits >= _MIN_DIGITS


def _is_name(match: re.Match[str], network: str, name: str, text: str) -> bool:
    """Return whether what follows a service is a name of an account there."""
    if sum(map(str.isalpha, name)) < 3 or _NO_NAME.match(name) or name.startswith("@@"):
        return False
    if _counts(name.lstrip("@$~")):
        return False
    end = match.start("contact") + len(name)
    after = text[end : end + 8]
    if after.startswith(("://", "/", "(", "=", "@")) or "//" in after[:3]:
        return False
    triggered = _is_triggered(match, text)
    begins_line = _begins_line(text, match.start())
    mark = bool(match["mark"])
    introduced = triggered and bool(match["join"] or match["id"] or match["me"])
    introduced = introduced or bool(_INVITATION.search(text[max(0, end - 80) : match.start()]))
    if name.startswith("@") or _SPECIAL.fullmatch(name.lstrip("@$~")) or name.startswith("$"):
        if network in _NOUNS:
            named = begins_line and match["mark"] == ":" and bool(_CLAUSE_END.match(after))
            is_word = match[network].lower() in _ENGLISH_WORDS
            named = named and not (is_word and name[0].isdecimal())
            return triggered or named or bool(match["id"])
        return mark or triggered or bool(match["id"]) or (network in _DIRECT and not match["is"])
    is_common = name.lstrip("0123456789").lower() in _COMMON
    if not _PLAIN.fullmatch(name) or is_common or not _CLAUSE_END.match(after):
        return False
    is_id = bool(match["id"]) and bool(_STRONG_ID.search(match["id"]))
    if network in _NOUNS:
        return is_id or (bool(match["id"]) and (mark or triggered))
    begins_item = begins_line or (network in _DIRECT and _begins_item(text, match.start()))
    return bool(mark and (match["id"] or begins_item)) or introduced or is_id


def _counts(name: str) -> bool:
    """Return whether what may be a name is a number of something, or an id: 24hours, 5f3e9c2a."""
    match = _NUMBER_AND_WORD.match(name)
    return bool(match and match[1].lower() in _COUNTED) or bool(_HEX_ID.fullmatch(name))


def _begins_line(text: str, offset: int) -> bool:
    before = text[max(0, offset - _TRIGGER_CHARACTERS) : offset]
    is_whole = "\n" in before or offset < _TRIGGER_CHARACTERS
    return is_whole and not before.rpartition("\n")[2].strip(" \t-*•|>")


def _begins_item(text: str, offset: int) -> bool:
    """Return whether a mark that separates the items of a list comes before an offset."""
    return text[max(0, offset - 2) : offset].strip()[-1:] in (",", ";", "|", "/", "\u2022", "&")


def _is_triggered(match: re.Match[str], text: str) -> bool:
    before = text[max(0, match.start() - _TRIGGER_CHARACTERS) : match.start()]
    return bool(match["me"]) or bool(_TRIGGER.search(before))
