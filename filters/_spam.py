"""Two lists of rules on what a post says: robots' templates, and signs of spam with their weights.

Both are searched only in posts that hold a word without which nothing in the list can match. All
repetitions in a pattern are bounded, and polars' patterns take time in proportion to the text.
"""

from __future__ import annotations

import polars as pl

# What programs post in people's names, in the words that the programs use.
_TEMPLATES = (
    r"(?i)^\s*(?:#now ?playing\b|now ?playing ?[:\-–—]|now ?playing .{1,80}(?: by | [-–] )|♫|🎵 ?now)"
    r"|\bautomatically (?:checked|posted|tweeted) by\b"
    r"|\b(?:person|people) (?:un)?followed me\b|\bnew (?:tweeps|(?:un)?followers?) "
    r"|\bno unfollowers?\b|\bunfollowers? (?:via|tracked)\b"
    r"|\bI(?:'ve| have)? (?:just )?(?:earned|unlocked|got) the\b.{0,60}\b(?:badge|achievement)\b"
    r"|^\s*(?:temp|temperature|wind|humidity|barometer)\b[:\s].{0,40}(?:mph|km/h|hpa|°|%)"
    r"|\b(?:temp|wind|humidity|barometer|pressure|rain today)\b[: ]{1,3}[-\d.]{1,8} ?"
    r"(?:mph|km/?h|kts?|hpa|mb|°|%|mm|in\b).{0,60}"
    r"\b(?:temp|wind|humidity|barometer|pressure|rain today)\b"
    r"|^\s*I(?:'m| am) at .{1,80}\(?(?:w/ \d+ others|https?://\S+)\)?\s*$"
    r"|\bI (?:liked|favou?rited) a @?YouTube video\b"
    r"|\bI added a video to a @?YouTube playlist\b"
    r"|^\s*(?:check out|take a look at) this (?:video|playlist) on (?:youtube\b|you\w{0,4}\s*$)"
    r"|\b(?:just posted a (?:photo|video)|I posted \d+ photos on facebook|"
    r"posted a new photo to facebook)\b"
    r"|\bI(?:'ve| have) (?:collected|harvested) [\d,.]+ .{0,20}\bcoins\b"
    r"|\bI(?:'ve| have) completed the quest\b"
    r"|\b(?:my top \d+ (?:artists|#?lastfm)|#lastfm artists)\b"
    r"|\bI(?:'m| am) (?:now )?(?:broadcasting )?live on (?:#?periscope|twitch|blogtalkradio)\b"
    r"|^\s*LIVE on #Periscope\b"
    r"|\bI just (?:ran|walked|cycled|completed) (?:an? )?[\d.]+ ?(?:km|mi|k|miles)\b.{0,40}"
    r"(?:@|with |#)(?:runkeeper|nike|strava|endomondo|runtastic|mapmyrun)"
    r"|\bI(?:'m| am) listening to .{1,80}\bon (?:#?pandora|spotify|deezer|tunein)\b"
    r"|\bI just entered\b.{0,40}\b(?:giveaway|sweepstakes|to win)\b"
    r"|\b(?:I am|I'm) a bot\b.{0,20}\b(?:action|beep|bleep|boop|reply|contact|and this)\b"
    r"|\bbe?ep,? boop\b.{0,20}\bbot\b"
    r"|^\s*your (?:submission|post|comment) (?:to /?r/\w{1,30} )?(?:has been|was) "
    r"(?:automatically )?removed\b"
    r"|^\s*(?:gg|congrats|congratulations),? .{1,60} you (?:just )?(?:advanced|levell?ed up|"
    r"reached) (?:to )?(?:level|lvl)\b"
    r"|^\s*your (?:daily )?horoscope\b|\bhoroscope for (?:today|tomorrow)\b|\bmore for "
    r"(?:aries|taurus|gemini|cancer|leo|virgo|libra|scorpio|sagittarius|capricorn|aquarius|pisces)\b"
    r"|\btwittascope\b"
)

# No template matches without one of these, and to look for them costs a twentieth of the search.
_TEMPLATE_WORDS = [
    *("playing", "🎵", "♫", "matically", "followed me", "tweeps", "follower", "earned the"),
    *("unlocked the", "got the", "temp", "wind", "humidity", "barometer", "i'm at", "i am at"),
    *("video on you", "playlist on you", "a youtube", "a @youtube", "horoscope", "posted a", "photos on facebook"),
    *("coins", "the quest", "my top ", "lastfm", "live on ", "listening to", "just entered"),
    *("i just ran", "i just walked", "i just cycled", "i just completed", "a bot", "boop"),
    *("has been", "was ", "you just", "you advanced", "you leveled", "you levelled", "you reached"),
    *("more for ", "twittascope", "pressure", "rain today"),
]

_GAP = r"[ -~]{0,40}"
_MINE = (
    r"(?:chan+el+s?|page|videos?|vid(?:e|s|io|oe)\w{0,3}|music|covers?|songs?|mix ?tapes?|remix\w{0,2}|"
    r"stream|blog|web ?site|playlist|beats|raps?|account|profile|insta(?:gram)?|fb|facebook|"
    r"twitter|soundcloud|youtube|tik ?tok|only ?fans|shop|store|etsy|single|album|stuff|clips?|"
    r"podcast|patreon|ebay|merch)"
)

#: A sign of spam: its name, its weight in the sum, its pattern (on small letters, on one line).
SIGNS: tuple[tuple[str, float, str], ...] = (
    (
        "own_channel",
        3.0,
        r"\b(?:che?c?k\w{0,3}|chack\w{0,3}|watch|see|visit|view|hear|listen(?: to)?|look(?: at)?|"
        r"support|follow|like|join|browse|try) (?:it |me |us |out |this |and |please |pls |plz |"
        r"also |on |at |to ){0,3}(?:\w{1,12} ){0,2}(?:my|our)\b" + _GAP + r"\b" + _MINE + r"\b"
        r"|\b(?:follow|add) (?:me|us) (?:on |at |here|@)(?:(?:my )?(?:twitter|insta|ig\b|facebook|fb\b|snap|twitch|"
        r"tik|sound|you|here|@|\W|$))"
        r"|\bche?c?k\w{0,3} out\b" + _GAP + r"\b(?:on (?:my|our)|(?:this|his|her|\w{1,20}'s|awesome|dope)) "
        r"(?:\w{1,12}\W{1,3}){0,2}(?:chan+el|page|vids|vid\w{0,2}os|(?:new )?website|site|mixtape|soundcloud)\b",
    ),
    (
        "subscribe",
        3.0,
        r"\bsu\w{0,3}s?cri\w{0,3} (?:to |2 |for )?(?:me|my|our|us|him|her|this|please|pls|plz|back|now|here|"
        r"and|like|guys|everyone|if)\b|(?:^|[.,!?:;)] ?|\b(?:please|pls|plz|and|you|u|go|everyone|guys|to|will|can|anyone) )subs? "
        r"(?:(?:to|2) )?(?:me|my|our|us|back|please|pls|plz|now)\b"
        r"|^\W{0,9}(?:please |pls |plz |and )?su(?:b|bs|bscribe|scribe|bscribers?)(?: please| pls| plz)?\W*$"
        r"|\b(?:please|pls|plz|like and|like &|comment|like|view|then|go|must|can (?:you|u)|could you|"
        r"(?:dont|don't) forget to|become my first|my \d{1,3}(?:st|nd|rd|th)) (?:please |and |& )?"
        r"su(?:b|bs|bscri?be|scribe|bcribe|bscriber)\b|^\W{0,9}(?:please |come |hey |pls |plz )?subscri?be (?:to|for)\b"
        r"|\bcome subscribe\b"
        r"|\b(?:get|reach|hit|at|to|need|with|of) (?:me |to |my |only )?(?:to )?[\d,.]{1,9}k? ?(?:subs|subscribers)\b"
        r"|\b(?:suscr[ií]b\w{2,6}|inscrev[ae]\w{0,3}-se|inscreva-te|abonn(?:ez|iert)|abonne-toi|"
        r"iscriv(?:iti|etevi)|abone ol\w{0,3})\b"
        r"|(?:подпи(?:шись|шитесь|сывайтесь|сывайся)|اشترك في قناتي|チャンネル登録|구독 ?부탁|订阅我|訂閱我)",
    ),
    (
        "exchange",
        4.0,
        r"\b(?:sub|follow|like|view)s? ?(?:4|for) ?(?:sub|follow|like|view)s?\b|\b[fls]4[fls]\b"
        r"|\b(?:follow|sub|like)s? ?back\b|#team ?follow|\bfollow ?train\b|\bi ?follow ?back\b"
        r"|\b(?:i'?ll|i will|we'll|we will) (?:sub|subscribe|follow)\b" + _GAP + r"\b(?:back|you|u)\b"
        r"|\b(?:gain|buy|want|can (?:i|we) (?:please )?get|get free|help me get)\b (?:more |free |real |new |"
        r"\d[\d,.]{0,8}k? ?\+? ?){0,3}(?:\w{1,12} )?(?:followers|likes|views|subs|subscribers|retweets)\b"
        r"|\bfollow (?:everyone|all|me and everyone|who|whoever) (?:who|that|retweets|rts)\b",
    ),
    (
        "money",
        3.0,
        r"\b(?:make|makes|making|made|earn|earns|earned|earning|get paid|getting paid|paid me|win|"
        r"receive|income of)\b" + _GAP
        + r"(?:[$£€₹]|\b(?:dollars?|usd|bucks|money|cash|income|profit|btc|bitcoins?)\b)" + _GAP
        + r"\b(?:online|from home|at home|per (?:day|week|month|hour)|(?:a|an|every|each) (?:day|"
        r"week|month)|daily|weekly|hourly|monthly|fast|easy|easily|in (?:one|\d{1,3}) (?:day|"
        r"week|month|hour)s?|doing nothing|without|just by|click|site|website)\b"
        r"|\b(?:work(?:ing)?|earn|jobs?) from (?:your )?home\b" + _GAP + r"(?:[$£€]|\bearn|\bmake|\bincome|http|\bdm\b|\bapply)"
        r"|\bneed money ?\?|\bfinancial freedom\b|\bonline jobs?\b",
    ),
    (
        "prizes",
        3.0,
        r"\b(?:free|win|won|claim|giving away)\b[ -~]{0,25}\b(?:gift ?cards?|"
        r"iphones?|ipads?|itunes codes?|psn codes?|robux|v-?bucks|steam (?:keys?|codes?|wallet)|"
        r"vouchers?|airdrops?|ps[45]|xbox codes?|macbook|amazon card)\b"
        r"|\bgive ?aways?\b" + _GAP + r"\b(?:rt|retweet|follow|like|tag|enter|win|http\w?|join|comment)\b"
        r"|\b(?:rt|retweet|follow|like|tag|enter)\b" + _GAP + r"\bgive ?aways?\b"
        r"|\b(?:rt|retweet)\b.{0,4}(?:&|\+|and) ?(?:follow|like)\b" + _GAP + r"\b(?:win|enter|chance)\b"
        r"|\byou(?:'ve| have) (?:been selected|won)\b|\bcongratulations\b" + _GAP + r"\bwinner\b",
    ),
    (
        "crypto",
        3.0,
        r"\b(?:bitcoin|btc|ethereum|usdt|crypto|forex|binary|nft|token|coin)s?\b" + _GAP
        + r"\b(?:invest(?:ment|ing)?|profits?|double|doubl(?:ed|ing)|signals?|guarantee\w{0,2}|"
        r"telegram|whatsapp|dm me|presale|mining pool|100x|to the moon|airdrops?|trader|expert)\b"
        r"|\bairdrops?\b" + _GAP + r"(?:\b(?:join|claim|retweet|rt|follow|telegram|wallet|free)\b|http)"
        r"|\b(?:join|claim|free)\b" + _GAP + r"\bairdrops?\b"
        r"|\binvest(?:ed)? (?:with|just)\b[ -~]{0,20}(?:[$£€]\d|\b(?:returns?|profit))"
        r"|\b(?:dm|message|contact|text|whatsapp) (?:me |him |her |us )?(?:to|for|and|on how to)\b"
        + _GAP + r"\b(?:earn|invest|trade|trading|profit|recover\w{0,3})\b",
    ),
    (
        "porn_bait",
        3.0,
        r"\b(?:hot|horny|sexy|naked|nude|lonely|single|slutty|local) (?:\w{1,10} )?(?:girl|babe|"
        r"milf|wom[ae]n|teen|singles|mom|cam|pic|video|vid|chick|lad(?:y|ie)|photo)s?\b" + _GAP
        + r"(?:http|www\.|\b(?:dm|snap|kik|click|profile|bio|chat|call|waiting|near you|in your area|"
        r"dating|here|link|free)\b|\.com)"
        r"|\b(?:adult|sex) (?:dating|videos?|chat|cams?|clips?)\b|\bcam ?(?:girls?|shows?)\b"
        r"|\bonly ?fans\b" + _GAP + r"(?:http|\b(?:free|sub|link|bio|my|join)\b)"
        r"|\b(?:free|my|see my|watch my|selling) (?:nudes|porn|xxx)\b|\bxxx (?:videos?|free|here)\b"
        r"|\b(?:sex|leaked?) ?tape\b" + _GAP + r"(?:http|\b(?:here|link|watch|click)\b)|\bnew adult video\b",
    ),
    (
        "goods",
        3.0,
        r"\b(?:buy|cheap|order|discount|generic|online)\b[ -~]{0,20}\b(?:viagra|cialis|xanax|"
        r"oxycontin|adderall|tramadol|followers|backlinks|essays?|replica|ray ?bans?|rolex|"
        r"louis vuitton|kamagra|steroids)\b"
        r"|\bweight ?loss (?:pills?|secrets?|tricks?|tea|supplements?)\b|\bketo (?:pills?|gummies)\b"
        r"|\b(?:lose|lost|burn) \d{1,3} ?(?:lbs?|pounds|kgs?|kilos) (?:in|of fat)\b"
        r"|\b(?:write|do) your (?:essay|homework|assignment)\b|\bassignments? due\b" + _GAP + r"\bdm\b"
        r"|\bspell ?caster\b|\bbrought? (?:back )?my (?:ex|husband|wife|lover)\b" + _GAP + r"\b(?:dr|priest|spell)\b"
        r"|\bstd\b" + _GAP + r"\bherbal\b|\bherbal (?:cure|doctor|remedy)\b",
    ),
    (
        "hacks",
        3.0,
        r"\b(?:facebook|fb|instagram|whatsapp|snapchat|password|account|wifi|credit)\b[ -~]{0,20}"
        r"\bhack(?:s|er|ers|ed|ing)?\b" + _GAP + r"(?:\b(?:tool|software|free|download|service|"
        r"contact|dm|any|working|no survey|20\d\d)\b|http|www)"
        r"|\bhack (?:any|into any|tool|your girl)|\bno survey\b"
        r"|\b(?:cheats?|coins?|gems?|key|code|robux|card) (?:generator|keygen)\b|\bkeygen\b"
        r"|\b(?:recover|recovery)\b" + _GAP + r"\b(?:hacker|lost (?:bitcoin|crypto|funds))\b",
    ),
    (
        "call_to_action",
        1.5,
        r"\bclick (?:here|now|below|this|the link|on (?:my|the)|my (?:name|pic\w{0,4}|profile|face))\b"
        r"|\blink (?:in|on) (?:my |the |our )?(?:bio|profile|description)\b"
        r"|\blimited (?:time|offer|stock)\b|\bact now\b|\b(?:order|buy|shop|apply|enroll) (?:now|yours|"
        r"here|today)\b|\buse (?:my |our |the )?(?:promo |discount |referral |coupon |invite )?code\b"
        r"|\bsign(?: |-)?up (?:now|here|using|with my|today|for free)\b|\b(?:join|register) (?:now|here|"
        r"today|free|us at)\b|\bfree shipping\b|\b\d{1,2} ?% off\b|\bmoney back guarantee\b"
        r"|\bvisit (?:my|our|us|the site|www|http)|\bbe your own boss\b"
        r"|\b(?:extra|passive|easy|quick) (?:cash|income|money)\b|\bget paid to\b|\b(?:100|fully) ?% ?working\b"
        r"|\bdon'?t miss (?:out|this)\b|\bcall (?:us )?(?:now|today)\b"
        r"|\b(?:best|lowest) prices?\b|\bfree (?:trial|quote|consultation|sign ?up|download)\b",
    ),
    (
        "contact",
        1.5,
        r"\bwhats ?app\b[ -~]{0,15}\+? ?\d|\b(?:text|call|contact|message|inbox|dm|hmu|add|reach|"
        r"mail|e-?mail)(?: me| us| him| her)?(?: now)?(?: on| at| via|:| @)\W{0,5}(?:whats ?app|telegram|"
        r"kik|snap\w{0,4}|skype|insta\w{0,4}|facebook|http|\+?\d|t\.me)"
        r"|\b(?:add|find|message|inbox|hit) (?:me|us) (?:here|up|on)\b|\bt\.me/|\bwa\.me/"
        r"|^\W{0,3}\+\d{9,14}\b",
    ),
    (
        "like_bait",
        3.0,
        r"\b(?:like|thumbs? up|upvote) (?:this|my) (?:\w{1,8} )?comment\b|\b(?:1|one|every) like ?=|"
        r"\blike (?:and|&|or) share\b|\bplz like\b|\btype \d{1,5} if\b|^\W{0,9}(?:please )?like (?:please|pls|plz)\b",
    ),
    (
        "engagement",
        1.5,
        r"\b(?:like|thumbs? up|upvote|share) (?:this|my)(?: \w{1,8})? (?:post|video)\b|"
        r"\b(?:like|thumbs? up|rt|retweet|share|comment|upvote) if\b|\bplease (?:like|share|retweet|rt)\b|"
        r"\bplz (?:rt|share)\b|\btag (?:\d{1,2}|a|three|two|your) friends?\b|"
        r"\bshare (?:this|it) (?:on|with|to)\b|\bhelp me (?:get|reach|win|out by|grow)\b|"
        r"\bvote for (?:me|us|my|our|her|him)\b|\blet (?:me|us) know what (?:you|u|ya) think\b"
        r"|\btell me what (?:you|u) think\b",
    ),
    (
        "pleading",
        2.0,
        r"\bsorry (?:for|about|4) (?:the |this |my )?(?:spam|advert\w{0,6}|self ?promo)|\bi know (?:this is |"
        r"you (?:probably )?(?:all )?hate |it'?s )?(?:spam\w{0,4}|comments like)|\b(?:im|i'm|i am) "
        r"(?:aware (?:im|i'm|i am) )?spam\w{1,4}\b|\bbefore you (?:ignore|scroll|skip|dislike|hate)\b"
        r"|\bgive (?:me|us) a chance\b|\bshare my (?:music|videos?|covers?|talent)\b"
        r"|\b(?:it|this) would mean (?:a lot|so much|the world|everything)\b[ -~]{0,20}\b(?:if you|if u|sub|to me)\b",
    ),
    (
        "beginner",
        2.0,
        r"\b(?:i'?m|i am|we'?re|we are|name is)\b[ -~]{0,40}\b(?:up ?and ?coming|upcoming|aspiring|unsigned|young|"
        r"small|new|local|independent|indie|underground|\d{2} ?y\w{0,7} old)\b[ -~]{0,20}\b(?:rapper|singer|artist|"
        r"youtuber|producer|musician|band|channel|dj|songwriter|rap group)s?\b"
        r"|\b(?:rapper|singer|artist|musician) with a dream\b|\b(?:i|we) (?:make|do|record|post|upload|sing) "
        r"(?:\w{1,10} ){0,2}(?:covers?|vlogs?|montages?|tutorials?|lets plays?|let's plays?|remixes|rap videos)\b",
    ),
    ("own_work", 0.9, r"\bche?c?k\w{0,3} (?:us )?out (?:my|our)\b|\bche?c?k (?:me|us) out\b"),
    (
        "new_work",
        1.5,
        r"\bche?c?k\w{0,3} (?:it |this |these |them |me |us |him |her )?out\b|\bche?c?k out\b|"
        r"\b(?:my|our) (?:new |first |latest |own |little )?(?:single|mixtape|cover|remix|song|"
        r"video|vid|channel|mix tape|ep|album|track|youtube|website|blog) (?:called|is out|out now|on|named)\b"
        r"|\bnew (?:\w{1,8} )?(?:video|song|single|mixtape|album|track|website|site|game|app|channel) "
        r"(?:by|called|out now|on my|from|is)\b|\bcover (?:of|by)\b|\b(?:great|amazing|extraordinary|"
        r"awesome|cool) (?:site|website|channel|game|app|product)\b",
    ),
    (
        "link",
        1.0,
        r"https?://|\bwww\.|\bwatch\?v=|\b[a-z0-9-]{3,30}(?: ?\. ?|\*)(?:com|net|co|info|biz|xyz|club|site|"
        r"online|top|tk|ml|shop|store|ly|blogspot)\b",
    ),
    (
        "funding",
        1.4,
        r"\b(?:gofundme|indiegogo|kickstarter|fundraiser|paypal\.me|cash ?app|patreon|surveymonkey|"
        r"change\.org)\b|\bdonat(?:e|ions?)\b[ -~]{0,40}(?:http|\bplease\b|\bhelp\b|\blink\b)",
    ),
    (
        "referral",
        2.0,
        r"\b(?:tsu\.co|easypromos\w{0,4}|prizerebel|aff(?:iliate)?_?id=)|[?&]ref=\d|[#?&]friend=|/ref/",
    ),
    (
        "report",  # of such things, in the news
        -2.0,
        r"\b(?:scandal|court|police|arrest\w{0,3}|charged|victims?|lawsuit|senator|study|researchers?|"
        r"convicted|scam(?:s|med|mers?)?|beware|fraud)\b",
    ),
    (
        "ornament",
        1.2,
        r"[-=~_]{4,20} ?>|>{3,}|<{3,}|➡|👉|⬇|▶|►|[▬▌█░]{4}|\${3,}|(?:!!|\?\?)!{4}|✅|💰|💵|🤑|🎁|🔥🔥🔥",
    ),
)

# Without one of these a post has no sign but those that alone mean little: link, ornament, report.
_WORDS = [
    *(" my", "my ", " our ", "our new", "our first", "our latest", "check", "chek", "chk", "follow"),
    *("sub", "scri", "suscr", "inscrev", "abonn", "abone ", "подпи", "اشترك", "チャンネル登録", "구독", "订阅"),
    *("訂閱", "iscriv", "like for", "likes for", "like4", "likes4", "like 4", "likes 4", "for like"),
    *("for view", "view 4", "view4", "views4", "views 4", "f4f", "l4l", "s4s", "f4l", "l4f", "f4s"),
    *("s4f", "l4s", "s4l", "likes", "like back", "views", "retweets", "$", "£", "€", "₹", "dollar"),
    *("usd", "bucks", "money", "cash", "income", "profit", "btc", "bitcoin", "from home", "from your"),
    *("online job", "financial f", "gift", "iphone", "ipad", "itunes", "psn", "robux", "steam"),
    *("voucher", "airdrop", "ps4", "ps5", "xbox", "macbook", "amazon c", "give away", "giveaway"),
    *("give aways", "& like", "and like", "+ like", "+like", "&like", "selected", "have won"),
    *("'ve won", "congratulations", "ethereum", "crypto", "forex", "binary", "nft", "token", "coin"),
    *("invest", "earn", "trad", "recover", "hot ", "horny", "sexy", "naked", "nude", "lonely"),
    *("single", "slutty", "local ", "adult", "sex", "cam girl", "camgirl", "cam show", "camshow"),
    *("onlyfans", "only fans", "porn", "xxx", "tape", "viagra", "cialis", "xanax", "oxycontin"),
    *("adderall", "tramadol", "backlink", "essay", "replica", "rayban", "ray ban", "rolex"),
    *("vuitton", "kamagra", "steroid", "weight", "keto", "lose ", "lost ", "burn ", "homework"),
    *("assignment", "spell", "brough", "herbal", "hack", "%working", "% working", "no survey"),
    *("generator", "keygen", "click", "link in", "link on", "limited", "act now", "order ", "buy "),
    *("shop ", "apply ", "enroll", "code", "sign", "join ", "register", "shipping", "% off", "%off"),
    *("guarantee", "visit ", "own boss", "miss out", "miss this", "call ", "best price", "lowest p"),
    *("free ", "get paid", "whats", "text", "contact", "message", "inbox", "dm", "hmu", "add me"),
    *("add us", "add: ", "reach", "mail", "find me", "find us", "hit me", "hit us", "t.me/", "wa.me/"),
    *("+", "comment", "thumb", "upvote", "like if", "rt if", "tweet if", "share", "plz ", "please"),
    *("tag ", "help me", "vote for", "know what", "what you t", "what u t", "like =", "like=", "type "),
    *("like please", "like pls", "like plz", "like and", "like or", "spam", "sorry", "before you"),
    *("a chance", "rapper", "singer", "artist", "youtuber", "producer", "musician", "band", "channel"),
    *(" dj", "songwriter", "rap group", "mean a lot", "mean so", "mean the", "mean every", "cover"),
    *("vlog", "montage", "tutorial", "lets play", "let's play", "remix", "rap video", "new ", "site"),
    *("great", "amazing", "extraordinary", "awesome", "cool ", "indiegogo", "kickstarter", "fundrais"),
    *("gofundme", "paypal", "patreon", "change.org", "donat", "tsu.co", "easypromos", "prizerebel"),
    *("survey", "like this", "like my", "ref=", "friend=", "/ref/", "affid=", "aff_id=", "affiliate"),
]

# Signs add up with length, so in a longer post the sum counts per so many characters; what is longer
# still is no spam by it, and is not searched.
_USUAL, _LONGEST = 600, 8000


def templates(texts: pl.Series) -> pl.Series:
    """Whether each text is a robot's template; only texts that hold a key word are searched."""
    likely = texts.str.contains_any(_TEMPLATE_WORDS, ascii_case_insensitive=True)
    rows = likely.arg_true()
    return likely.scatter(rows, texts.gather(rows).str.contains(_TEMPLATES))


def spam(texts: pl.Series) -> pl.Series:
    """The sum of the weights of each text's signs of spam; 0 where nothing but a link speaks."""
    scores = pl.repeat(0, len(texts), dtype=pl.Float32, eager=True)
    short = (texts.str.len_bytes() <= 4 * _LONGEST) & (texts.str.len_chars() <= _LONGEST)
    small = texts.str.to_lowercase()
    rows = (short & small.str.contains_any(_WORDS)).arg_true()
    likely = small.gather(rows).to_frame("text")
    signs = [weight * pl.col("text").str.contains(sign) for _, weight, sign in SIGNS]
    per = (pl.col("text").str.len_chars() / _USUAL).clip(1)
    found = likely.select((pl.sum_horizontal(signs) / per).cast(pl.Float32)).to_series()
    return scores.scatter(rows, found)
