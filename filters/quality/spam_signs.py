"""Templates that bots post in people's names, and the signs of spam: patterns and weights.

Written by hand; they contain no text of a person. The weights were set on the ``tune`` half of the
sets named in docs/quality.md. Every repetition is bounded, and polars' patterns take time linear in
the length of a text.
"""

from __future__ import annotations

from typing import NamedTuple


class SpamSign(NamedTuple):
    """A sign of spam: its name, its weight in the sum, its pattern on lower-case text."""

    name: str
    weight: float
    pattern: str


# What programs post, in the words of these programs.
TEMPLATES = (
    r"(?i)^\s*(?:#now ?playing\b|now ?playing ?[:\-–—]|now ?playing .{1,80}(?: by | [-–] )|"
    r"♫|🎵 ?now)|\bautomatically (?:checked|posted|tweeted) by\b|\b(?:person|"
    r"people) (?:un)?followed me\b|\bnew (?:tweeps|(?:un)?followers?) |\bno unfollowers?\b|"
    r"\bunfollowers? (?:via|tracked)\b|\bI(?:'ve| have)? (?:just )?(?:earned|unlocked|"
    r"got) the\b.{0,60}\b(?:badge|achievement)\b|^\s*(?:temp|temperature|wind|humidity|"
    r"barometer)\b[:\s].{0,40}(?:mph|km/h|hpa|°|%)|\b(?:temp|wind|humidity|barometer|pressure|"
    r"rain today)\b[: ]{1,3}[-\d.]{1,8} ?(?:mph|km/?h|kts?|hpa|mb|°|%|mm|in\b).{0,60}\b(?:temp|"
    r"wind|humidity|barometer|pressure|rain today)\b|^\s*I(?:'m|"
    r" am) at .{1,80}\(?(?:w/ \d+ others|https?://\S+)\)?\s*$|\bI (?:liked|"
    r"favou?rited) a @?YouTube video\b|\bI added a video to a @?YouTube playlist\b|"
    r"^\s*(?:check out|take a look at) this (?:video|playlist) on (?:youtube\b|you\w{0,4}\s*$)|"
    r"\b(?:just posted a (?:photo|video)|I posted \d+ photos on facebook|"
    r"posted a new photo to facebook)\b|\bI(?:'ve| have) (?:collected|"
    r"harvested) [\d,.]+ .{0,20}\bcoins\b|\bI(?:'ve| have) completed the quest\b|"
    r"\b(?:my top \d+ (?:artists|#?lastfm)|#lastfm artists)\b|\bI(?:'m|"
    r" am) (?:now )?(?:broadcasting )?live on (?:#?periscope|twitch|blogtalkradio)\b|"
    r"^\s*LIVE on #Periscope\b|\bI just (?:ran|walked|cycled|completed) (?:an? )?[\d.]+ ?(?:km|"
    r"mi|k|miles)\b.{0,40}(?:@|with |#)(?:runkeeper|nike|strava|endomondo|runtastic|mapmyrun)|"
    r"\bI(?:'m| am) listening to .{1,80}\bon (?:#?pandora|spotify|deezer|tunein)\b|"
    r"\bI just entered\b.{0,40}\b(?:giveaway|sweepstakes|to win)\b|\b(?:I am|"
    r"I'm) a bot\b.{0,20}\b(?:action|beep|bleep|boop|reply|contact|and this)\b|"
    r"\bbe?ep,? boop\b.{0,20}\bbot\b|^\s*your (?:submission|post|"
    r"comment) (?:to /?r/\w{1,30} )?(?:has been|was) (?:automatically )?removed\b|^\s*(?:gg|"
    r"congrats|congratulations),? .{1,60} you (?:just )?(?:advanced|levell?ed up|"
    r"reached) (?:to )?(?:level|lvl)\b|^\s*your (?:daily )?horoscope\b|"
    r"\bhoroscope for (?:today|tomorrow)\b|\bmore for (?:aries|taurus|gemini|cancer|leo|virgo|"
    r"libra|scorpio|sagittarius|capricorn|aquarius|pisces)\b|\btwittascope\b"
)

# Separated by |. No template matches without one of these, and the search for them is fast.
TEMPLATE_WORDS = (
    "playing|🎵|♫|matically|followed me|tweeps|follower|earned the|unlocked the|got the|temp|"
    "wind|humidity|barometer|i'm at|i am at|video on you|playlist on you|a youtube|a @youtube|"
    "horoscope|posted a|photos on facebook|coins|the quest|my top |lastfm|live on |"
    "listening to|just entered|i just ran|i just walked|i just cycled|i just completed|a bot|"
    "boop|has been|was |you just|you advanced|you leveled|you levelled|you reached|more for |"
    "twittascope|pressure|rain today"
)

_GAP = r"[ -~]{0,40}"
_OWN_CONTENT = (
    r"(?:chan+el+s?|page|videos?|vid(?:e|s|io|oe)\w{0,3}|music|covers?|songs?|mix ?tapes?|"
    r"remix\w{0,2}|stream|blog|web ?site|playlist|beats|raps?|account|profile|insta(?:gram)?|"
    r"fb|facebook|twitter|soundcloud|youtube|tik ?tok|only ?fans|shop|store|etsy|single|album|"
    r"stuff|clips?|podcast|patreon|ebay|merch|tracks?|sounds?|talents?|lyrics|performances?)"
)

SPAM_SIGNS = (
    SpamSign(
        "own_channel",
        3.0,
        r"\b(?:che?c?k\w{0,3}|chack\w{0,3}|watch|see|visit|view|hear|listen(?: to)?|"
        r"look(?: at)?|support|follow|like|join|browse|try) (?:it |me |us |out |this |and |"
        r"please |pls |plz |also |on |at |to ){0,3}(?:\w{1,12} ){0,2}(?:my|our)\b"
        + _GAP
        + r"\b"
        + _OWN_CONTENT
        + r"\b|\b(?:follow|add) (?:me|us) (?:on |at |here|@)(?:(?:my )?(?:twitter|insta|ig\b|"
        r"facebook|fb\b|snap|twitch|tik|sound|you|here|@|\W|$))|\bche?c?k\w{0,3} out\b"
        + _GAP
        + r"\b(?:on (?:my|our)|(?:this|his|her|\w{1,20}'s|awesome|"
        r"dope)) (?:\w{1,12}\W{1,3}){0,2}(?:chan+el|page|vids|vid\w{0,2}os|(?:new )?website|"
        r"site|mixtape|soundcloud)\b",
    ),
    SpamSign(
        "subscribe",
        3.0,
        r"\bsu\w{0,3}s?cri\w{0,3} (?:to |2 |for )?(?:me|my|our|us|him|her|this|please|pls|plz|"
        r"back|now|here|and|like|guys|everyone|if)\b|(?:^|[.,!?:;)] ?|\b(?:please|pls|plz|and|"
        r"you|u|go|everyone|guys|to|will|can|anyone) )subs? (?:(?:to|2) )?(?:me|my|our|us|back|"
        r"please|pls|plz|now)\b|^\W{0,9}(?:please |pls |plz |and )?su(?:b|bs|bscribe|scribe|"
        r"bscribers?)(?: please| pls| plz)?\W*$|\b(?:please|pls|plz|like and|like &|comment|"
        r"like|view|then|go|must|can (?:you|u)|could you|(?:dont|don't) forget to|"
        r"become my first|my \d{1,3}(?:st|nd|rd|th)) (?:please |and |& )?su(?:b|bs|bscri?be|"
        r"scribe|bcribe|bscriber)\b|^\W{0,9}(?:please |come |hey |pls |plz )?subscri?be (?:to|"
        r"for)\b|\bcome subscribe\b|\b(?:get|reach|hit|at|to|need|with|of) (?:me |to |my |"
        r"only )?(?:to )?[\d,.]{1,9}k? ?(?:subs|subscribers)\b|\b(?:suscr[ií]b\w{2,6}|"
        r"inscrev[ae]\w{0,3}-se|inscreva-te|abonn(?:ez|iert)|abonne-toi|iscriv(?:iti|etevi)|"
        r"abone ol\w{0,3})\b|(?:подпи(?:шись|шитесь|сывайтесь|сывайся)|اشترك في قناتي|"
        r"チャンネル登録|구독 ?부탁|订阅我|訂閱我)",
    ),
    SpamSign(
        "my_channel",
        2.0,
        r"\b(?:on|in|from|of|about|like|visit) my (?:\w{1,10} )?(?:chan+el+s?|youtube|"
        r"sound ?cloud|vids|videos)\b"
        r"|\bmy (?:videos|vids|covers|songs) (?:are|and|is)\b|\bspread my\b|\bthrow (?:me )?a sub\b"
        r"|\b(?:some|few|more) subs\b[ -~]{0,20}\b(?:please|pls|plz|me|my|channel)\b",
    ),
    SpamSign(
        "come_to_mine",
        3.0,
        r"\b(?:go|come|head|get) (?:on |over )?to my (?:\w{1,10} )?(?:chan+el+|page|profile|"
        r"youtube|vids|videos)\b"
        r"|\bthrow (?:me )?a sub on\b|\bsu\w{0,3}scri\w{0,3} (?:on|2) (?:me|my)\b|"
        r"\bpleas\w? su\w{0,3}scri\w{0,3}\b"
        r"|\b(?:do )?you (?:need|want) (?:more )?(?:\w{1,12} )?(?:followers|likes|subs|"
        r"subscribers)\b",
    ),
    SpamSign(
        "exchange",
        4.0,
        r"\b(?:sub|follow|like|view)s? ?(?:4|for) ?(?:sub|follow|like|view)s?\b|"
        r"\b[fls]4[fls]\b|\b(?:follow|sub|like)s? ?back\b|#team ?follow|\bfollow ?train\b|"
        r"\bi ?follow ?back\b|\b(?:i'?ll|i will|we'll|we will) (?:sub|subscribe|follow)\b"
        + _GAP
        + r"\b(?:back|you|u)\b|\b(?:gain|buy|want|can (?:i|we) (?:please )?get|get free|"
        r"help me get)\b (?:more |free |real |new |"
        r"\d[\d,.]{0,8}k? ?\+? ?){0,3}(?:\w{1,12} )?(?:followers|likes|views|subs|subscribers|"
        r"retweets)\b|\bfollow (?:everyone|all|me and everyone|who|whoever) (?:who|that|"
        r"retweets|rts)\b",
    ),
    SpamSign(
        "money",
        3.0,
        r"\b(?:make|makes|making|made|earn|earns|earned|earning|get paid|getting paid|paid me|"
        r"win|receive|income of)\b"
        + _GAP
        + r"(?:[$£€₹]|\b(?:dollars?|usd|bucks|money|cash|income|profit|btc|bitcoins?)\b)"
        + _GAP
        + r"\b(?:online|from home|at home|per (?:day|week|month|hour)|(?:a|an|every|each) (?:day|"
        r"week|month)|daily|weekly|hourly|monthly|fast|easy|easily|in (?:one|\d{1,3}) (?:day|"
        r"week|month|hour)s?|doing nothing|without|just by|click|site|website)\b|"
        r"\b(?:work(?:ing)?|earn|jobs?) from (?:your )?home\b"
        + _GAP
        + r"(?:[$£€]|\bearn|\bmake|\bincome|http|\bdm\b|\bapply)|\bneed money ?\?|"
        r"\bfinancial freedom\b|\bonline jobs?\b",
    ),
    SpamSign(
        "prizes",
        3.0,
        r"\b(?:free|win|won|claim|giving away)\b[ -~]{0,25}\b(?:gift ?cards?|iphones?|ipads?|"
        r"itunes codes?|psn codes?|robux|v-?bucks|steam (?:keys?|codes?|wallet)|vouchers?|"
        r"airdrops?|ps[45]|xbox codes?|macbook|amazon card)\b|\bgive ?aways?\b"
        + _GAP
        + r"\b(?:rt|retweet|follow|like|tag|enter|win|http\w?|join|comment)\b|\b(?:rt|retweet|"
        r"follow|like|tag|enter)\b"
        + _GAP
        + r"\bgive ?aways?\b|\b(?:rt|retweet)\b.{0,4}(?:&|\+|and) ?(?:follow|like)\b"
        + _GAP
        + r"\b(?:win|enter|chance)\b|\byou(?:'ve| have) (?:been selected|won)\b|"
        r"\bcongratulations\b" + _GAP + r"\bwinner\b",
    ),
    SpamSign(
        "crypto",
        3.0,
        r"\b(?:bitcoin|btc|ethereum|usdt|crypto|forex|binary|nft|token|coin)s?\b"
        + _GAP
        + r"\b(?:invest(?:ment|ing)?|profits?|double|doubl(?:ed|ing)|signals?|guarantee\w{0,2}|"
        r"telegram|whatsapp|dm me|presale|mining pool|100x|to the moon|airdrops?|trader|"
        r"expert)\b|\bairdrops?\b"
        + _GAP
        + r"(?:\b(?:join|claim|retweet|rt|follow|telegram|wallet|free)\b|http)|\b(?:join|claim|"
        r"free)\b"
        + _GAP
        + r"\bairdrops?\b|\binvest(?:ed)? (?:with|just)\b[ -~]{0,20}(?:[$£€]\d|\b(?:returns?|"
        r"profit))|\b(?:dm|message|contact|text|whatsapp) (?:me |him |her |us )?(?:to|for|and|"
        r"on how to)\b" + _GAP + r"\b(?:earn|invest|trade|trading|profit|recover\w{0,3})\b",
    ),
    SpamSign(
        "porn_bait",
        3.0,
        r"\b(?:hot|horny|sexy|naked|nude|lonely|single|slutty|local) (?:\w{1,10} )?(?:girl|"
        r"babe|milf|wom[ae]n|teen|singles|mom|cam|pic|video|vid|chick|lad(?:y|ie)|photo)s?\b"
        + _GAP
        + r"(?:http|www\.|\b(?:dm|snap|kik|click|profile|bio|chat|call|waiting|near you|"
        r"in your area|dating|here|link|free)\b|\.com)|\b(?:adult|sex) (?:dating|videos?|chat|"
        r"cams?|clips?)\b|\bcam ?(?:girls?|shows?)\b|\bonly ?fans\b"
        + _GAP
        + r"(?:http|\b(?:free|sub|link|bio|my|join)\b)|\b(?:free|my|see my|watch my|"
        r"selling) (?:nudes|porn|xxx)\b|\bxxx (?:videos?|free|here)\b|\b(?:sex|leaked?) ?tape\b"
        + _GAP
        + r"(?:http|\b(?:here|link|watch|click)\b)|\bnew adult video\b",
    ),
    SpamSign(
        "goods",
        3.0,
        r"\b(?:buy|cheap|order|discount|generic|online)\b[ -~]{0,20}\b(?:viagra|cialis|xanax|"
        r"oxycontin|adderall|tramadol|followers|backlinks|essays?|replica|ray ?bans?|rolex|"
        r"louis vuitton|kamagra|steroids)\b|\bweight ?loss (?:pills?|secrets?|tricks?|tea|"
        r"supplements?)\b|\bketo (?:pills?|gummies)\b|\b(?:lose|lost|burn) \d{1,3} ?(?:lbs?|"
        r"pounds|kgs?|kilos) (?:in|of fat)\b|\b(?:write|do) your (?:essay|homework|"
        r"assignment)\b|\bassignments? due\b"
        + _GAP
        + r"\bdm\b|\bspell ?caster\b|\bbrought? (?:back )?my (?:ex|husband|wife|lover)\b"
        + _GAP
        + r"\b(?:dr|priest|spell)\b|\bstd\b"
        + _GAP
        + r"\bherbal\b|\bherbal (?:cure|doctor|remedy)\b",
    ),
    SpamSign(
        "hacks",
        3.0,
        r"\b(?:facebook|fb|instagram|whatsapp|snapchat|password|account|wifi|"
        r"credit)\b[ -~]{0,20}\bhack(?:s|er|ers|ed|ing)?\b"
        + _GAP
        + r"(?:\b(?:tool|software|free|download|service|contact|dm|any|working|no survey|"
        r"20\d\d)\b|http|www)|\bhack (?:any|into any|tool|your girl)|\bno survey\b|"
        r"\b(?:cheats?|coins?|gems?|key|code|robux|card) (?:generator|keygen)\b|\bkeygen\b|"
        r"\b(?:recover|recovery)\b" + _GAP + r"\b(?:hacker|lost (?:bitcoin|crypto|funds))\b",
    ),
    SpamSign(
        "call_to_action",
        1.5,
        r"\bclick (?:here|now|below|this|the link|on (?:my|the)|my (?:name|pic\w{0,4}|profile|"
        r"face))\b|\blink (?:in|on) (?:my |the |our )?(?:bio|profile|description)\b|"
        r"\blimited (?:time|offer|stock)\b|\bact now\b|\b(?:order|buy|shop|apply|"
        r"enroll) (?:now|yours|here|today)\b|\buse (?:my |our |the )?(?:promo |discount |"
        r"referral |coupon |invite )?code\b|\bsign(?: |-)?up (?:now|here|using|with my|today|"
        r"for free)\b|\b(?:join|register) (?:now|here|today|free|us at)\b|\bfree shipping\b|"
        r"\b\d{1,2} ?% off\b|\bmoney back guarantee\b|\bvisit (?:my|our|us|the site|www|http)|"
        r"\bbe your own boss\b|\b(?:extra|passive|easy|quick) (?:cash|income|money)\b|"
        r"\bget paid to\b|\bearn (?:real |extra |free |easy |some )?money\b|\b(?:100|"
        r"fully) ?% ?working\b|\bdon'?t miss (?:out|this)\b|"
        r"\bcall (?:us )?(?:now|today)\b|\b(?:best|lowest) prices?\b|\bfree (?:trial|quote|"
        r"consultation|sign ?up|download)\b",
    ),
    SpamSign(
        "contact",
        1.5,
        r"\bwhats ?app\b[ -~]{0,15}\+? ?\d|\b(?:text|call|contact|message|inbox|dm|hmu|add|"
        r"reach|mail|e-?mail)(?: me| us| him| her)?(?: now)?(?: on| at| via|:|"
        r" @)\W{0,5}(?:whats ?app|telegram|kik|snap\w{0,4}|skype|insta\w{0,4}|facebook|http|"
        r"\+?\d|t\.me)|\b(?:add|find|message|inbox|hit) (?:me|us) (?:here|up|on)\b|\bt\.me/|"
        r"\bwa\.me/|^\W{0,3}\+\d{9,14}\b",
    ),
    SpamSign(
        "like_bait",
        3.0,
        r"\b(?:like|thumbs? up|upvote) (?:this|my) (?:\w{1,8} )?comment\b|\b(?:1|one|"
        r"every) like ?=|\blike (?:and|&|or) share\b|\bplz like\b|\btype \d{1,5} if\b|"
        r"^\W{0,9}(?:please )?like (?:please|pls|plz)\b",
    ),
    SpamSign(
        "engagement",
        1.5,
        r"\b(?:like|thumbs? up|upvote|share) (?:this|my)(?: \w{1,8})? (?:post|video)\b|"
        r"\b(?:like|thumbs? up|rt|retweet|share|comment|upvote) if\b|\bplease (?:like|share|"
        r"retweet|rt)\b|\bplz (?:rt|share)\b|\btag (?:\d{1,2}|a|three|two|your) friends?\b|"
        r"\bshare (?:this|it) (?:on|with|to)\b|\bhelp me (?:get|reach|win|out by|grow)\b|"
        r"\bvote for (?:me|us|my|our|her|him)\b|\blet (?:me|us) know what (?:you|u|ya) think\b|"
        r"\btell me what (?:you|u) think\b",
    ),
    SpamSign(
        "pleading",
        2.0,
        r"\bsorry (?:for|about|4) (?:the |this |my )?(?:spam|advert\w{0,6}|self ?promo)|"
        r"\bi know (?:this is |you (?:probably )?(?:all )?hate |it'?s )?(?:spam\w{0,4}|"
        r"comments like)|\b(?:im|i'm|i am) (?:aware (?:im|i'm|i am) )?spam\w{1,4}\b|"
        r"\bbefore you (?:ignore|scroll|skip|dislike|hate)\b|\bgive (?:me|us) a chance\b|"
        r"\bshare my (?:music|videos?|covers?|talent)\b|\b(?:it|this) would mean (?:a lot|"
        r"so much|the world|everything)\b[ -~]{0,20}\b(?:if you|if u|sub|to me)\b",
    ),
    SpamSign(
        "beginner",
        2.0,
        r"\b(?:i'?m|i am|we'?re|we are|name is)\b"
        + _GAP
        + r"\b(?:up ?and ?coming|upcoming|aspiring|unsigned|young|small|new|local|independent|"
        r"indie|underground|\d{2} ?y\w{0,7} old)\b[ -~]{0,20}\b(?:rapper|singer|artist|"
        r"youtuber|producer|musician|band|channel|dj|songwriter|rap group)s?\b|\b(?:rapper|"
        r"singer|artist|musician) with a dream\b|\b(?:i|we) (?:make|do|record|post|upload|"
        r"sing) (?:\w{1,10} ){0,2}(?:covers?|vlogs?|montages?|tutorials?|lets plays?|"
        r"let's plays?|remixes|rap videos)\b|\bi (?:already |only |just |now )?(?:have|got) "
        r"(?:over )?[\d,.]{1,9}k? (?:subs|subscribers)\b|\bi (?:just )?(?:started rapping|"
        r"rap so|rap with)\b",
    ),
    SpamSign(
        "own_work",
        0.9,
        r"\bche?c?k\w{0,3} (?:us )?out (?:my|our)\b|\bche?c?k (?:me|us) out\b",
    ),
    SpamSign(
        "new_work",
        1.5,
        r"\bche?c?k\w{0,3} (?:it |this |these |them |me |us |him |her )?out\b|\bche?c?k out\b|"
        r"\b(?:my|our) (?:new |first |latest |own |little )?(?:single|mixtape|cover|remix|song|"
        r"video|vid|channel|mix tape|ep|album|track|youtube|website|blog) (?:called|is out|"
        r"out now|on|named)\b|\bnew (?:\w{1,8} )?(?:video|song|single|mixtape|album|track|"
        r"website|site|game|app|channel) (?:by|called|out now|on my|from|is)\b|\bcover (?:of|"
        r"by)\b|\b(?:great|amazing|extraordinary|awesome|cool) (?:site|website|channel|game|"
        r"app|product)\b",
    ),
    SpamSign(
        "begged_link",
        1.7,
        r"\b(?:please|pls|plz|pleas) (?:do |go and |friend )?(?:help me|halp|go to|go here|like|"
        r"visit|follow|check|"
        r"watch|vote|support|read my|buy|sign)\b[ -~]{0,80}(?:https?:|www\.)"
        r"|(?:https?:|www\.)[ -~]{4,120} (?:please|pls|plz|halp) (?:help|halp|like|visit|follow|"
        r"check|watch|vote|support)\b",
    ),
    SpamSign(
        "link",
        1.0,
        r"https?://|\bwww\.|\bwatch\?v=|\b[a-z0-9-]{3,30}(?: ?\. ?|\*)(?:com|net|co|info|biz|"
        r"xyz|club|site|online|top|tk|ml|shop|store|ly|blogspot)\b",
    ),
    SpamSign(
        "funding",
        1.6,
        r"\b(?:gofundme|indiegogo|kickstarter|fundraiser|paypal\.me|cash ?app|patreon|"
        r"surveymonkey|teespring|vakinha|linkbucks|adf\.ly|bubblews|freemyapps|woobox)\b",
    ),
    SpamSign(
        "donations",  # a link to a cause alone is no spam
        1.4,
        r"\bdonat(?:e|ions?)\b[ -~]{0,40}(?:http|\bplease\b|\bhelp\b|\blink\b)",
    ),
    SpamSign(
        "referral",
        2.0,
        r"\b(?:tsu\.co|easypromos\w{0,4}|prizerebel|aff(?:iliate)?_?id=)|[?&]ref=\d|"
        r"[#?&]friend=|/ref/",
    ),
    SpamSign(
        "report",  # news about such things
        -2.0,
        r"\b(?:scandal|court|police|arrest\w{0,3}|charged|victims?|lawsuit|senator|study|"
        r"researchers?|convicted|scam(?:s|med|mers?)?|beware|fraud)\b",
    ),
    SpamSign(
        "ornament",
        1.2,
        r"[-=~_]{4,20} ?>|>{3,}|<{3,}|➡|👉|⬇|▶|►|[▬▌█░]{4}|\${3,}|(?:!!|\?\?)!{4}|✅|"
        r"💰|💵|🤑|🎁|🔥🔥🔥",
    ),
)

# Separated by |. Without one of these a post only has signs that mean little alone: link, ornament,
# report.
SPAM_WORDS = (
    " my|my | our |our new|our first|our latest|check|chek|chk|follow|sub|scri|suscr|inscrev|"
    "abonn|abone |подпи|اشترك|チャンネル登録|구독|订阅|訂閱|like for|like4|like 4|for like|"
    "for view|view 4|view4|f4f|l4l|s4s|f4l|l4f|f4s|s4f|l4s|s4l|likes|like back|views|retweets|"
    "$|£|€|₹|dollar|usd|bucks|money|cash|income|profit|btc|from home|from your|online job|"
    "financial f|gift|iphone|ipad|itunes|psn|robux|steam|voucher|airdrop|ps4|ps5|xbox|macbook|"
    "amazon c|give away|giveaway|& like|and like|&like|selected|have won|'ve won|"
    "congratulations|ethereum|crypto|forex|binary|nft|token|coin|invest|earn|trad|hot |horny|"
    "naked|nude|lonely|single|slutty|local |adult|sex|cam girl|camgirl|cam show|camshow|"
    "onlyfans|only fans|porn|xxx|tape|viagra|cialis|xanax|oxycontin|adderall|tramadol|backlink|"
    "essay|replica|rayban|ray ban|rolex|vuitton|kamagra|steroid|weight|keto|lose |lost |burn |"
    "homework|spell|brough|herbal|hack|%working|% working|generator|keygen|click|link in|"
    "link on|limited|act now|order |buy |shop |apply |enroll|code|sign|join |register|shipping|"
    "% off|%off|guarantee|visit |own boss|miss out|miss this|call |best price|lowest p|free |"
    "get paid|whats|text|contact|message|inbox|dm|hmu|add me|add us|add: |reach|mail|find me|"
    "find us|hit me|hit us|t.me/|wa.me/|+|comment|thumb|upvote|like if|rt if|tweet if|share|"
    "plz |please|tag |help me|vote for|know what|what you t|what u t|like =|like=|type |"
    "like pls|like plz|like and|like or|spam|sorry|before you|a chance|rapper|singer|artist|"
    "youtuber|producer|musician|band|channel| dj|songwriter|rap group|mean a lot|mean so|"
    "mean the|mean every|cover|vlog|montage|tutorial|lets play|let's play|remix|rap video|new |"
    "site|great|amazing|extraordinary|awesome|cool |indiegogo|kickstarter|fundrais|paypal|"
    "patreon|change.org|donat|tsu.co|easypromos|prizerebel|survey|like this|ref=|friend=|/ref/|"
    "affid=|aff_id=|affiliate"
    "|go to |come to |over to |head to |get on |rap so|rap with|started rapping|teespring|vakinha|"
    "linkbucks|adf.ly|bubblews|woobox|pls |please|halp|pleas"
)
