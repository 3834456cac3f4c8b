"""The texts that programs post in people's names: one pattern for each kind of program.

Written by hand in the words of these programs; they contain no text of a person. Every repetition
is bounded, and polars' patterns take time linear in the length of a text.
"""

from __future__ import annotations

from typing import NamedTuple


class BotTemplate(NamedTuple):
    """A kind of text that programs post: its name, words, and its pattern in any case.

    No text matches ``pattern`` without one of ``words`` (separated by ``|``, lower case), and the
    search for them is fast.
    """

    name: str
    words: str
    pattern: str


# Passed on or not, after a sign or an emoji.
_START = r"^\s*(?:RT @\w{1,20}:? )?\W{0,4}"
_LINK = r"https?://\S+"
_END = r"\s*$"
_MONTH = (
    r"(?:January|February|March|April|May|June|July|August|September|October|November|December)"
)
_STATION_LABEL = (
    r"(?:temp(?:erat\w{2,5})?|winds?|gusts?|hum(?:idity|i)?|baro?\w{0,6}|pressure|feels(?: like)?|"
    r"dew ?point|rain(?: today)?|[tp]:|rh:)"
)
_READING = rf"\b{_STATION_LABEL}(?:[: ]{{1,3}}(?:[a-z]{{1,6}} )?(?:at )?)?[-+]?\d"

TEMPLATES = (
    BotTemplate(
        "now_playing",
        "playing|🎵|♫|♪|#np|listening to|tocando|sonando|up next|on air|tune in|listen live",
        rf"{_START}(?:#?now ?playing ?[:\-–—]|#now ?playing\b|now ?playing .+"
        r"(?: by | [-–] )|#np\b|(?:tocando|sonando|suena)(?: agora| ahora)? ?:|"
        r"(?:up next|(?:now )?on air)[,:] .+ (?:by |[-–—] ))|"
        r"^\s*(?:♫|♪ ?#|🎵 ?now)|"
        r"\bI(?:'m| am) listening to .+\bon (?:#?pandora|spotify|deezer|tunein)\b|"
        rf"\bis (?:starting|on(?: the)? air) now\W{{1,3}}(?:listen|tune in)\b|"
        rf"\b(?:tune in|listen live)\b.{{0,12}} (?:{_LINK}|#web ?radio)",
    ),
    BotTemplate(
        "follower_counts",
        "matically|followed me|(monitored by|tweeps|tweep |follower|my week on twitter|"
        "#mytwitteranniversary|"
        "on twitter for",
        r"\(monitored by https?:|\bautomatically (?:checked|posted|tweeted) by\b|"
        r"\b(?:person|people|tweeps?) (?:un)?"
        r"followed me\b|\bnew (?:tweeps|(?:un)?followers?) |\bno unfollowers?\b|"
        r"\bunfollowers? (?:via|tracked)\b|\b(?:rising|growing) follower graph\b|"
        r"\b\d+ (?:more |new )?followers in the (?:last|past)\b|\bmy week on twitter\b|"
        r"#mytwitteranniversary\b|\bI have been on twitter for \d",
    ),
    BotTemplate(
        "badges",
        "earned the|unlocked the|got the",
        r"\bI(?:'ve| have)? (?:just )?(?:earned|unlocked|got) the\b.*\b(?:badge|"
        r"achievement|trophy)\b",
    ),
    BotTemplate(
        "weather_stations",
        "temp|wind|humidity|hum:|hum |humi|barometer|pressure|rain today|feels|rh:|metar|00z |"
        "hpa|µg/m|μg/m|µsv|μsv|µgy|μgy|气温|気温|→",
        r"^\s*(?:temp|temperature|wind|humidity|barometer)\b(?:: ?|\s[-\d]).{0,40}"
        r"(?:mph|km/h|hpa|°|%)|"
        rf"{_READING}.*{_READING}|\b(?:temp|wind|humidity|barometer|pressure|"
        r"rain today)\b[: ]{1,3}[-\d.]{1,8} ?(?:mph|km/?h|kts?|hpa|mb|°|%|mm|in\b).*\b"
        r"(?:temp|wind|humidity|barometer|pressure|rain today)\b|"
        r"(?-i:^\W{0,4}(?:METAR |[A-Z]{4} )\d{6}Z )|\d ?[µμ](?:g/m|Sv/h|Gy/h)|"
        r"[气気]温\W{0,3}-?\d.{0,10}[湿气気]|\b\d\d:\d\d ?→ ?-?\d",
    ),
    BotTemplate(
        "earthquakes",
        "quake|usgs|emsc|magnitude|depth|km ",
        r"\bmag(?:nitude)?:? \d\.\d\b.{0,50}\bdepth\b|\bM ?\d\.\d\b.{0,6}\b\d+ ?km "
        r"[NESW]{1,3} of\b|^\W{0,4}(?:usgs|emsc)\b.{0,40}\bM ?\d\.\d",
    ),
    BotTemplate(
        "horoscopes",
        "horoscope|more for |twittascope",
        r"^\s*your (?:daily )?horoscope\b|\bhoroscope for (?:today|tomorrow)\b|\bmore for "
        r"(?:aries|taurus|gemini|cancer|leo|virgo|libra|scorpio|sagittarius|capricorn|aquarius|"
        r"pisces)\b|\btwittascope\b",
    ),
    BotTemplate(
        "check_ins",
        "i'm at|i am at|checked in at|drinking a",
        r"^\s*I(?:'m| am) at .+\(?(?:w/ \d+ others|https?://\S+)\)?\s*$|"
        r"\bI just checked in at\b|(?:^|[-—] ?)drinking an? .+ by .+(?:https?:|—|"
        r"#photo)",
    ),
    BotTemplate(
        "video_sites",
        "youtube|on you",
        r"\bI (?:liked|favou?rited) a @?YouTube video\b|\bI added a video to a @?YouTube "
        r"playlist\b|^\s*(?:check out|take a look at) this (?:video|playlist) on (?:youtube\b|"
        r"you\w{0,4}\s*$)|\b(?:me (?:ha gustado|gust[oó]) un|gostei de um|agregu[eé] un|"
        r"he a[nñ]adido un|adicionei um) v[ií]deo\b.{0,30}@?youtube|\bich (?:mag|habe) ein "
        r"@?youtube-video\b|\bho aggiunto un video\b.{0,40}@?youtube|\bj'(?:aime|ai ajouté) une "
        rf"vidéo\b.{{0,40}}@?youtube|(?:{_LINK}|:) via @youtube{_END}",
    ),
    BotTemplate(
        "shared_photos",
        "posted|photo|'s video|'s status|regram|regrann|repost @|repost from",
        r"\b(?:just posted a (?:photo|video)|I posted \d+ photos on facebook|"
        r"posted a new photo to facebook)\b|\bposted (?:\d+|a new|new) (?:photos?|videos?) (?:to|"
        r"on|in the album)\b|"
        rf"{_START}photo(?:set)?: .*{_LINK}|{_START}photo(?:set)?: ?{_LINK}|"
        rf"^\s*\S+'s (?:video|photos?|status) {_LINK}{_END}|"
        r"#?\bregrann(?:ed)? from\b|#regrann\b|^\s*#?repost (?:from )?@\w",
    ),
    BotTemplate(
        "games",
        "coins|quest|gameinsight|ipadgames|androidgames|iphonegames|beat my score|you? ",
        r"\bI(?:'ve| have) (?:collected|harvested) [\d,.]+ .{0,20}\bcoins\b|"
        r"\bI(?:'ve| have) completed the quest\b|#(?:gameinsight|ipadgames|androidgames|"
        r"iphonegames)\b|\bcan you beat my score\b|\bI got:? .{2,50}[!.] (?:which|what|who) .+"
        rf"\b(?:are|is|were) you\? .{{0,20}}{_LINK}",
    ),
    BotTemplate(
        "petitions",
        "via @change|via @avaaz|via @moveon|via @care2|sign the petition",
        rf"{_LINK} via @(?:change|avaaz|moveon|care2)\b|\bsign the petition:? {_LINK}",
    ),
    BotTemplate(
        "music_charts",
        "my top |lastfm",
        r"\b(?:my top \d+ (?:artists|#?lastfm)|#lastfm artists)\b",
    ),
    BotTemplate(
        "broadcasts",
        "live on |@younow|live now|my broadcast|ps4live|liveme|younow|bigolive",
        r"\bI(?:'m| am) (?:now )?(?:broadcasting )?live on (?:#?periscope|twitch|"
        r"blogtalkradio)\b|^\s*(?:RT @\w{1,20}:? )?LIVE on #Periscope\b|"
        rf"\(@\w{{1,20}} live on https?:|{_START}live now (?:at|on) {_LINK}|"
        r"\bcheck out my broadcast from my\b|#(?:PS4live|LiveMe|YouNow|BIGOLIVE)\b.*https?:",
    ),
    BotTemplate(
        "watched",
        "just watched|#tvtime|tvshowtime|finished playing|started playing|i rated|stars to|#trakt",
        r"\bI(?:'ve| have) just watched episode\b|#tv(?:show)?time\b|#trakt\b|^\W{0,3}\[[a-z]+\] "
        r".{2,40} has (?:started|finished) playing\b|\bI rated .+\d{1,2}/10.{0,8}(?:#imdb|"
        r"on imdb|https?:)|\b\d of 5 stars to\b",
    ),
    BotTemplate(
        "trackers",
        "i just ran|i just walked|i just cycled|i just completed|i completed a",
        r"\bI just (?:ran|walked|cycled|completed) (?:an? )?[\d.]+ ?(?:km|mi|k|miles)\b.{0,40}(?:@|"
        r"with |#)(?:runkeeper|nike|strava|endomondo|runtastic|mapmyrun)",
    ),
    BotTemplate(
        "digests",
        "#1: |#2: |#3: |#4: |#5: |#6: |#7: |#8: |#9: |#10: |"
        "the latest |is out!|stories via|- google search|artist added|track added|listing added",
        rf"\bthe latest .+!? {_LINK} (?:thanks to|#)|\bis out! {_LINK}|"
        r"\bis out!.*stories via\b|\bstories via @\w|- google search https?:|"
        r"^\s*#\d{1,2}: .+https?:|^\s*(?:artist|track|song|album|listing) added: ",
    ),
    BotTemplate(
        "jobs",
        "#job|jobs |#hiring|jobs:|#vacanc|#empleo|#emploi|#stellenangebot|#lowongan",
        r"#[a-z]{3,20}jobs\b.*https?:|#hiring\b.*(?:https?:|#)|\bfor this #job\b|#jobs?\b.*https?:|"
        r"https?:.+#jobs?\b|^\s*[a-z ]+ Jobs: .+ - |\blatest (?:#\w{1,30} )?#?job "
        r"openings?\b|#(?:vacanc\w{1,3}|empleo|emploi|stellenangebote?|lowongan\w{0,12})\b.*"
        r"https?:|https?:.+#(?:empleo|emploi|stellenangebote?|lowongan\w{0,12})\b",
    ),
    BotTemplate(
        "share_trades",
        " shares |shares sold|insider trading|price target",
        r"#insider\b.{0,10}#trading\b|\$[A-Z]{1,5} (?:insider trading|shares sold)\b|\b(?:sold|"
        r"bought|acquired) [\d,]{3,12} shares\b.*[$#]|"
        r"\$[A-Z]{1,5}\b.*\bprice target\b.{0,30}\b(?:raised|cut|lowered|reiterated)\b",
    ),
    BotTemplate(
        "raffles",
        "entered",
        r"\bI just entered\b.{0,40}\b(?:giveaway|sweepstakes|to win)\b|"
        r"\bI(?:'ve| have)? entered\b.*\b(?:#?giveaway|sweepstakes|to win)\b.*https?:",
    ),
    BotTemplate(
        "shops",
        "my closet on|#poshmark|via @etsy|via #etsy|via @ebay|via @zazzle|via @redbubble|"
        "via @amazon|on @ebay|on #etsy|on @etsy|on ebay",
        r"\bI just added this to my closet on\b|#poshmark\b.*https?:|"
        rf"{_LINK} via [@#](?:etsy|ebay|zazzle|redbubble|amazon)\b|"
        r"\bcheck out .+ on @?ebay\b",
    ),
    BotTemplate(
        "clocks",
        "january |february |march |april |may |june |july |august |september |october |november |"
        "december |【定期】|#定期|spotted on",
        rf"\b{_MONTH} \d{{1,2}}, \d{{4}} at \d{{2}}:\d{{2}} ?[AP]M\b|【定期】|#定期\b|"
        r"\bspotted on \d{4,6}\.\d\b",
    ),
    BotTemplate(
        "forum_bots",
        "a bot|#bot|boop|has been|was |you just|you advanced|you leveled|you levelled|you reached",
        r"\b(?:I am|I'm) a bot\b.{0,20}\b(?:action|beep|bleep|boop|reply|contact|and this)\b|"
        r"\bbe?ep,? boop\b.{0,20}\bbot\b|#bot\s*$|^\s*your (?:submission|post|comment) (?:to "
        r"/?r/\w{1,30} )?(?:has been|was) (?:automatically )?removed\b|^\s*(?:gg|congrats|"
        r"congratulations),? .+ you (?:just )?(?:advanced|levell?ed up|reached) (?:to )?"
        r"(?:level|lvl)\b",
    ),
)

#: What programs write in other languages, word for word: any text with one of these is a template.
#: ASCII letters are found in any case.
TEMPLATE_PHRASES: dict[str, str] = {
    "es": "acabo de publicar una foto en|acabo de publicar un video en|acabo de subir una foto en|"
    "acabo de subir un video en|me gustó un video de @youtube|me gustó un vídeo de @youtube|"
    "he marcado como favorito un vídeo de @youtube|nuevos seguidores y 0 unfollow|"
    "personas me siguieron y|me han dejado de seguir (vía|acabo de correr un trayecto de|"
    "he conseguido el logro|he desbloqueado el logro|tu horóscopo de hoy:|"
    "estoy transmitiendo en directo en #",
    "pt": "acabei de publicar uma foto em|acabei de postar uma foto em|"
    "acabei de publicar um vídeo em|gostei de um vídeo @youtube|gostei de um vídeo do @youtube|"
    "adicionei um vídeo a uma playlist @youtube|novos seguidores e 0 unfollow|"
    "pessoas me seguiram e|deixaram de me seguir (via|acabei de correr um percurso de|"
    "desbloqueei a conquista|ganhei a conquista|estou ao vivo na twitch|seu horóscopo de hoje:",
    "fr": "je viens de publier une photo à|je viens de publier une photo sur facebook|"
    "je viens de publier une vidéo à|j'aime une vidéo @youtube|j'ai aimé une vidéo @youtube|"
    "j'ai ajouté une vidéo à une playlist @youtube|nouveaux abonnés et 0 désabo|"
    "personnes m'ont suivi et|je viens de courir un parcours de|j'ai débloqué le succès|"
    "j'ai débloqué le trophée|votre horoscope du jour :",
    "de": "habe soeben ein foto gepostet|hat soeben ein foto gepostet|ich mag ein @youtube-video|"
    "ich habe ein @youtube-video positiv bewertet|zu einer @youtube-playlist hinzugefügt|"
    "neue follower und 0 unfollow|personen sind mir gefolgt und|ich bin gerade einen lauf von|"
    "erfolg freigeschaltet: ",
    "it": "ho appena pubblicato una foto presso|ho appena pubblicato una foto su facebook|"
    "mi piace un video di @youtube|mi è piaciuto un video di @youtube|"
    "ho aggiunto un video a una playlist di @youtube|persone mi hanno seguito e|"
    "ho appena corso un percorso di|ho sbloccato l'obiettivo",
    "id": "baru saja mengirim foto @|baru saja memposting foto @|baru saja memposting video @|"
    "saya menyukai video @youtube|saya suka video @youtube|orang mengikuti saya dan|"
    "saya baru saja lari sejauh",
    "tr": "bir @youtube videosunu beğendim|az önce bir fotoğraf yayınladı|"
    "az önce bir fotoğraf paylaştı|kişi beni takip etti ve|beni takipten çıkanları|"
    "takip etmeyi bırakan|şu an çalan şarkı:|#takipclub",
    "vi": "tôi đã thích video @youtube|tôi đã thích một video @youtube|vừa mới đăng một bức ảnh @|"
    "vừa mới đăng một video @|đã thêm video vào danh sách phát @youtube",
    "ru": "мне понравилось видео на @youtube|мне понравилось видео @youtube|"
    "только что опубликовано фото|Только что опубликовано фото|Только что опубликовано видео|"
    "Мне понравилось видео|человек подписались на меня и|человек отписались|"
    "Я собрал урожай|Я завершил задание|Я получил достижение|Добавлено видео в плейлист @youtube",
    "ar": "أعجبني فيديو @youtube|لقد أعجبني فيديو على @youtube|لقد قمت للتو بنشر صورة|"
    "تم نشر صورة للتو|حان الآن موعد أذان|حان الآن موعد صلاة|d3waapp|du3a.org|ghared.com|"
    "zad-muslim.com|qurani.tv|أشخاص تابعوني و|قام بمتابعتي و",
    "hi": "मैंने एक @youtube वीडियो पसंद किया|अभी-अभी एक फ़ोटो पोस्ट की|"
    "अभी अभी एक फोटो पोस्ट की|आज का राशिफल:",
    "ja": "@youtube の動画を高く評価|@youtubeの動画を高く評価|@youtube の再生リストに|"
    "@youtubeの再生リストに|shindanmaker.com|#shindanmaker|写真を投稿しました: |"
    "のツイート数: |のツイート数：|今日のツイート数|フォロワー増減|【自動投稿】|"
    "【自動ツイート】|【定期】|"
    "【地震速報】|【緊急地震速報】|最大震度:|最大震度：|今日の運勢ランキング",
    "ko": "@youtube 동영상을 좋아합니다|@youtube 동영상에 좋아요|@youtube 재생목록에 추가|"
    "방금 사진을 게시했습니다|방금 동영상을 게시했습니다|[자동트윗]|[자동 트윗]|"
    "이 봇은 |봇 자동 트윗",
    "th": "ฉันชอบวิดีโอ @youtube|เพิ่งโพสต์รูปภาพ @|เพิ่งโพสต์วิดีโอ @|เพิ่มวิดีโอในเพลย์ลิสต์ @youtube",
    "zh": "我喜歡一部 @youtube|我喜歡 @youtube 影片|我喜欢 @youtube 视频|我赞了一个 @youtube|"
    "剛剛發佈了一張照片|刚刚发布了一张照片|"
    "我刚刚在#|我在看新浪新闻|【自动发布】|"
    "我参与了@|我發起了一個投票|我发起了一个投票",
}
