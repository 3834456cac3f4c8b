"""The signs of spam: patterns and weights.

Written by hand; they contain no text of a person. The weights were set on the ``tune`` half of the
sets named in docs/quality.md. Every repetition is bounded, and polars' patterns take time linear in
the length of a text.
"""

from __future__ import annotations

from typing import NamedTuple


class SpamSign(NamedTuple):
    """A sign of spam: its name, its group, its pattern on lower-case text."""

    name: str
    group: str
    pattern: str


#: What each group of signs adds to the sum, once however many of its signs a text has.
SPAM_WEIGHTS = {
    "promotion": 3.0,
    "gain": 3.5,
    "prizes": 3.0,
    "scam": 3.0,
    "begging": 3.0,
    "beginner": 2.0,
    "pleading": 2.0,
    "call_to_action": 1.5,
    "engagement": 1.5,
    "contact": 1.6,
    "new_work": 1.5,
    "offer": 1.6,
    "invitation": 1.0,
    "wares": 1.2,
    "commerce": 1.1,
    "feed": 0.7,
    "layout": 0.5,
    "link": 1.0,
    "report": -3.0,  # news and questions about such things, and people who want to win
}


_GAP = r"[ -~]{0,40}"
# Passed on or not, after a quote or an emoji.
_START = r"^(?:rt @\w{1,20}:? )?\W{0,4}"
_WARE = (
    r"\b(?:new|vintage|genuine|leather|galaxy|samsung|iphone|case|cover|vinyl|lp|dvd|cd|necklace|"
    r"earrings?|pendant|bracelet|dress|jackets?|boots?|sneakers?|shoes|handbag|tees?|"
    r"t-?shirts?|hoodie|shirt|scarf|jersey|lamp|size \w{1,3}|handmade|sterling|silver|cotton|"
    r"plus size|"
    r"headphones?|earphones?|oem|dispenser|soundtrack|gatefold|lot of|box set|signed|sealed)\b"
)

_OWN_CONTENT = (
    r"(?:chan+el+s?|page|videos?|vid(?:e|s|io|oe)\w{0,3}|music|covers?|songs?|mix ?tapes?|"
    r"remix\w{0,2}|stream|blog|web ?site|playlist|beats|raps?|account|profile|insta(?:gram)?|"
    r"fb|facebook|twitter|soundcloud|youtube|tik ?tok|only ?fans|shop|store|etsy|single|album|"
    r"stuff|clips?|podcast|patreon|ebay|merch|tracks?|sounds?|talents?|lyrics|performances?)"
)

SPAM_SIGNS = (
    SpamSign(
        "own_channel",
        "promotion",
        r"\b(?:che?c?k\w{0,3}|chack\w{0,3}|watch|see|visit|view|hear|listen(?: to)?|"
        r"look(?: at)?|support|follow|join|browse|try|(?:please|pls|plz|also) like) (?:it |me |"
        r"us |out |this |and |"
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
        "promotion",
        r"\bsu\w{0,3}s?cri(?:be?s?|v?e) (?:to |2 |for )?(?:me|my|our|us|him|her|this|please|pls|"
        r"plz|"
        r"back|now|here|and|like|guys|everyone)\b|\bsubscribe if\b|(?:^|[.,!?:;)] ?|\b(?:please|"
        r"pls|plz|and|"
        r"you|u|go|everyone|guys|to|will|can|anyone) )subs? (?:(?:to|2) )?(?:me|my|our|us|back|"
        r"please|pls|plz|now)\b|^\W{0,9}(?:please |pls |plz |and )?su(?:b|bs|bscribe|scribe|"
        r"bscribers?)(?: please| pls| plz)?\W*$|\b(?:please|pls|plz|like and|like &|comment|"
        r"like|view|then|go|must|can (?:you|u)|could you|(?:dont|don't) forget to|"
        r"become my first|my \d{1,3}(?:st|nd|rd|th)) (?:please |and |& )?su(?:b|bs|bscri?be|"
        r"scribe|bcribe|bscriber)\b|^\W{0,9}(?:please |come |hey |pls |plz )?subscri?be (?:to|"
        r"for)\b|\bcome subscribe\b|\b(?:get|reach|hit|at|to|need|with|of) (?:me |to |my |"
        r"only )?(?:to )?[\d,.]{1,9}k? ?(?:subs|subscribers)\b",
    ),
    SpamSign(
        "my_channel",
        "beginner",
        r"\b(?:on|in|from|of|about|like|visit) my (?:\w{1,10} )?(?:chan+el+s?|youtube|"
        r"sound ?cloud|vids|videos)\b"
        r"|\bmy (?:videos|vids|covers|songs) (?:are|and|is)\b|\bspread my\b|\bthrow (?:me )?a sub\b"
        r"|\b(?:some|few|more) subs\b[ -~]{0,20}\b(?:please|pls|plz|me|my|channel)\b",
    ),
    SpamSign(
        "come_to_mine",
        "promotion",
        r"\b(?:go|come|head|get) (?:on |over )?to my (?:\w{1,10} )?(?:chan+el+|page|profile|"
        r"youtube|vids|videos)\b"
        r"|\bthrow (?:me )?a sub on\b|\bsu\w{0,3}scri\w{0,3} (?:on|2) (?:me|my)\b|"
        r"\bpleas\w? su\w{0,3}scri\w{0,3}\b"
        r"|\b(?:do you (?:need|want)|you want) (?:more )?(?:\w{1,12} )?(?:followers|likes|subs|"
        r"subscribers)\b",
    ),
    SpamSign(
        "exchange",
        "gain",
        r"\b(?:sub|follow|like|view)s? ?(?:4|for) ?(?:sub|follow|like|view)s?\b|"
        r"\b[fls]4[fls]\b|#(?:team ?)?follow ?(?:4follow|for ?follow|back|me\b|train|trick)|"
        r"\bfollow ?(?:train|trick|spree)\b|\b(?:we |please |pls |plz |and |instant |auto |free )"
        r"(?:follow|sub|like)s? ?backs?\b|\b(?:follow|sub|like) ?back (?:please|pls|plz|every)|"
        r"\b(?:i ?|i'?ll |i will )(?:sub|subscribe|follow)\b[ -~]{0,40}\bback\b|"
        r"\b(?:i'?ll |i will )(?:sub|subscribe)(?: to)? (?:you|u)\b|\bfree follows?\b|\b(?:sdv|"
        r"seguindo de volta|sigo de volta)\b|"
        r"\b(?:gain|buy|want|can (?:i|we) (?:please )?get|get free|"
        r"help me get)\b (?:more |free |real |new |"
        r"\d[\d,.]{0,8}k? ?\+? ?){0,3}(?:\w{1,12} )?(?:followers|likes|views|subs|subscribers|"
        r"retweets)\b|\bfollow (?:everyone|all|me and everyone|who|whoever) (?:who|that|"
        r"retweets|rts)\b",
    ),
    SpamSign(
        "money",
        "gain",
        r"\b(?:make|makes|making|made|earn|earns|earned|earning|get paid|getting paid|paid me|"
        r"win|income of)\b"
        + _GAP
        + r"(?:[$£€₹]|\b(?:dollars?|usd|bucks|money|cash|income|profit|btc|bitcoins?)\b)"
        + _GAP
        + r"\b(?:online|from home|at home|per (?:day|week|month|hour)|(?:a|an|every|each) (?:day|"
        r"week|month)|daily|weekly|hourly|monthly|fast|easy|easily|in (?:one|\d{1,3}) (?:day|"
        r"week|month|hour)s?|doing nothing|without|just by|click|site|website)\b|"
        r"\b(?:work(?:ing)?|earn|jobs?) from (?:your )?home\b"
        + _GAP
        + r"(?:[$£€]|\bearn|\bmake|\bincome|http|\bdm\b|\bapply)|\bneed money ?\?|"
        r"\bfinancial freedom\b|\b(?:online|internet) jobs?\b",
    ),
    SpamSign(
        "prizes",
        "prizes",
        r"(?:(?:^|[^-a-z0-9])free |\b(?:win|won|claim|giving away) )[ -~]{0,25}\b(?:gift ?cards?|"
        r"iphones?|ipads?|"
        r"itunes codes?|psn codes?|robux|v-?bucks|steam (?:keys?|codes?|wallet)|vouchers?|"
        r"airdrops?|ps[45]|xbox codes?|macbook|amazon card)\b|\b(?:giveaways?|(?:the|a|"
        r"free) give away)\b"
        + _GAP
        + r"\b(?:rt|retweet|follow|like|tag|enter|win|http\w?|join|comment)\b|\b(?:rt|retweet|"
        r"follow|like|tag|enter)\b"
        + _GAP
        + r"\b(?:giveaways?|(?:the|a|free) give away)\b|\b(?:rt|retweet)\b.{0,4}(?:&|\+|"
        r"and) ?(?:follow|like)\b"
        + _GAP
        + r"\b(?:win|enter|chance)\b|\byou(?:'ve| have) (?:been selected|won)\b|"
        r"\bcongratulations\W{1,3}you\b" + _GAP + r"\bwinner\b",
    ),
    SpamSign(
        "crypto",
        "scam",
        r"\b(?:bitcoin|btc|ethereum|usdt|crypto|forex|binary|nft|token|coin)s?\b"
        + _GAP
        + r"\b(?:invest(?:ment|ing)?|profits?|double|doubl(?:ed|ing)|signals?|guarantee\w{0,2}|"
        r"(?:on|via|join) telegram|whatsapp \+?\d|dm me|presale|mining pool|100x|to the moon|"
        r"airdrops?|trader|"
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
        "scam",
        r"\b(?:hot|horny|sexy|naked|nude|lonely|single|slutty|local) (?:\w{1,10} )?(?:girl|"
        r"babe|milf|wom[ae]n|teen|singles|mom|cam|pic|video|vid|chick|lad(?:y|ie)|photo)s?\b"
        + _GAP
        + r"(?:http|www\.|\b(?:dm|snap|kik|click|profile|bio|chat|call|waiting|near you|"
        r"in your area|dating|here|link|free)\b|\.com)|\b(?:adult|sex) (?:dating|chat|"
        r"cams?)\b|\bcam ?shows?\b|\bcam ?girls?\b"
        + _GAP
        + r"(?:http|\b(?:free|live|chat|online)\b)|\bonly ?fans\b"
        + _GAP
        + r"(?:http|\b(?:free|sub|link|bio|my|join)\b)|\b(?:free|my|see my|watch my|"
        r"selling) (?:nudes|porn|xxx)\b|\bxxx (?:videos?|free|here)\b|\b(?:sex|leaked?) ?tape\b"
        + _GAP
        + r"(?:http|\b(?:here|link|watch|click)\b)|\bnew adult video\b",
    ),
    SpamSign(
        "goods",
        "scam",
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
        "scam",
        r"\b(?:facebook|fb|instagram|whatsapp|snapchat|password|account|wifi|"
        r"credit)\b[ -~]{0,20}\bhack(?:s|er|ers|ed|ing)?\b"
        + _GAP
        + r"(?:\b(?:tool|software|free|download|service|contact|dm|any|working|no survey|"
        r"20\d\d)\b|http|www)|\bhack (?:any|into any|tool|your girl)|\bno survey\b|"
        r"\b(?:cheats?|coins?|gems?|robux|(?:gift|credit) ?card|(?:serial|license|cd) ?key) "
        r"generator\b|(?:^|[^-a-z0-9])keygen\b|"
        r"\b(?:recover|recovery)\b" + _GAP + r"\b(?:hacker|lost (?:bitcoin|crypto|funds))\b",
    ),
    SpamSign(
        "call_to_action",
        "call_to_action",
        r"\bclick (?:here|now|below|this|the link|on (?:my|the)|my (?:name|pic\w{0,4}|profile|"
        r"face))\b|\blink (?:in|on) (?:my |the |our )?(?:bio|profile|description)\b|"
        r"\blimited (?:time|offer|stock)\b|\bact now\b|\b(?:order|buy|apply|"
        r"enroll) (?:now|yours|here|today)\b|\buse (?:my |our |the )?(?:promo |discount |"
        r"referral |coupon |invite )?code\b|\bsign(?: |-)?up (?:now|here|using|with my|today|"
        r"for free)\b|\b(?:join|register) (?:now|here|today|free|us at)\b|\bfree shipping\b|"
        r"\b\d{1,2} ?% off\b|\bmoney back guarantee\b|\bvisit (?:my|our|us|the site|www|http)|"
        r"\bbe your own boss\b|\busing this link\b|\b(?:extra|passive|easy|quick) (?:cash|income|"
        r"money)\b|"
        r"\bget paid to\b|\bearn (?:real |extra |free |easy |some )?money\b|\b(?:100|"
        r"fully) ?% ?working\b|\bdon'?t miss (?:out|this)\b|"
        r"\bcall (?:us )?(?:now|today)\b|\b(?:best|lowest) prices?\b|\b(?:promo|coupon|discount|"
        r"refer{1,2}al) code\b|\bfree (?:trial|quote|"
        r"consultation|sign ?up|download)\b",
    ),
    SpamSign(
        "contact",
        "contact",
        r"\bwhats ?app\b[ -~]{0,15}\+? ?\d|\b(?:text|call|contact|message|inbox|dm|hmu|add|"
        r"reach|mail|e-?mail)(?: me| us| him| her)?(?: now)?(?: on| at| via|:|"
        r" @)\W{0,5}(?:whats ?app|telegram|kik|snap\w{0,4}|skype|insta\w{0,4}|facebook|http|"
        r"\+?\d|t\.me)|\b(?:add|find|message|inbox|hit) (?:me|us|her|him) (?:here|up|on)\b|"
        r"\badd (?:to|on) snap|\bt\.me/|"
        r"\bwa\.me/|^\W{0,3}\+\d{9,14}\b",
    ),
    SpamSign(
        "like_bait",
        "begging",
        r"\b(?:like|thumbs? up|upvote) (?:this|my) (?:\w{1,8} )?comment\b|\b(?:1|one|"
        r"every) like ?=|\blike (?:and|&|or) share\b|\bplz like\b|\btype \d{1,5} if\b|"
        r"^\W{0,9}(?:please )?like (?:please|pls|plz)\W*$|\bsmash that like\b|"
        r"^\W{0,3}like or (?:you|u)\b|\bshare\W{1,3}share\W{1,3}share\b|\blet'?s (?:hit|get|reach) "
        r"[ -~]{0,12}\b(?:views|likes|subs)\b",
    ),
    SpamSign(
        "engagement",
        "engagement",
        r"\b(?:like|thumbs? up|upvote|share) (?:this|my)(?: \w{1,8})? (?:post|video)\b|"
        r"\b(?:like|thumbs? up|rt|retweet|share|comment|upvote) if\b|\bplease (?:like|share|"
        r"retweet|rt)\b|\bplz (?:rt|share)\b|\btag (?:\d{1,2}|a|three|two|your) friends?\b|"
        r"\bshare (?:this|it) (?:on|with|to)\b|\bhelp me (?:get|reach|win|out by|grow)\b|"
        r"\bvote for (?:me|us|my|our|her|him)\b|\blet (?:me|us) know what (?:you|u|ya) think\b|"
        r"\btell me what (?:you|u) think\b",
    ),
    SpamSign(
        "pleading",
        "pleading",
        r"\bsorry (?:for|about|4) (?:the |this |my )?(?:spam|advert\w{0,6}|self ?promo)|"
        r"\bi know (?:this is |you (?:probably )?(?:all )?hate |it'?s )?(?:spam\w{0,4}|"
        r"comments like)|\b(?:im|i'm|i am) (?:aware (?:im|i'm|i am) )?spam\w{1,4}\b|"
        r"\bbefore you (?:ignore|scroll|skip|dislike|hate)\b|\bgive (?:me|us) a chance\b|"
        r"\bshare my (?:music|videos?|covers?|talent)\b|\b(?:it|this) would mean (?:a lot|"
        r"so much|the world|everything)\b[ -~]{0,20}\b(?:if you|if u|sub|to me)\b",
    ),
    SpamSign(
        "beginner",
        "beginner",
        r"\b(?:i'?m|i am|we'?re|we are|name is)\b"
        + _GAP
        + r"\b(?:up ?and ?coming|upcoming|aspiring|unsigned|young|small|new|local|independent|"
        r"indie|underground|\d{2} ?y\w{0,7} old)\b[ -~]{0,20}\b(?:rapper|singer|artist|"
        r"youtuber|producer|musician|band|channel|dj|songwriter|rap group)s?\b|\b(?:rapper|"
        r"singer|artist|musician) with a dream\b|\b(?:i|we) (?:also )?(?:make|do|record|post|"
        r"upload|"
        r"sing) (?:\w{1,10} ){0,2}(?:covers?|vlogs?|videos for|montages?|tutorials?|lets plays?|"
        r"let's plays?|remixes|rap videos)\b|\bi (?:already |only |just |now )?(?:have|got) "
        r"(?:over )?[\d,.]{1,9}k? (?:subs|subscribers)\b|\bi (?:just )?(?:started rapping|"
        r"rap so|rap with)\b",
    ),
    SpamSign(
        "own_work",
        "commerce",
        r"\bche?c?k\w{0,3} (?:us )?out (?:my|our)\b|\bche?c?k (?:me|us) out\b",
    ),
    SpamSign(
        "new_work",
        "new_work",
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
        "contact",
        r"\b(?:please|pls|plz|pleas) (?:do |go and |friend )?(?:help me|halp|go to|go here|like|"
        r"visit|follow|check|"
        r"watch|vote|support|read my|buy|sign)\b[ -~]{0,80}(?:https?:|www\.)"
        r"|(?:https?:|www\.)[ -~]{4,120} (?:please|pls|plz|halp) (?:help|halp|like|visit|follow|"
        r"check|watch|vote|support)\b",
    ),
    SpamSign(
        "listicle",  # bait for clicks, with a link
        "offer",
        _START + r"(?:[5-9]|\d{2,3}|five|seven|eight|nine|ten|twelve|"
        r"fifteen) (?:[a-z'’]{2,14} ){0,4}(?:things|ways|"
        r"reasons|tips|signs|facts|pictures|photos|pics|quotes|secrets|tricks|hacks|habits|"
        r"mistakes|moments|memes|celebrities|foods|gifts|ideas|lessons|strategies|questions|"
        r"confessions|images|gifs|fails|tweets|comics|jokes|puns|selfies|hairstyles|tattoos|rules|"
        r"steps|myths|benefits|struggles|stages|thoughts|destinations|trends|predictions|examples|"
        r"resources|websites|techniques|exercises|fast facts|brushes|products|outfits|recipes|"
        r"apps|tools|people (?:who|you|that|with))\b",
    ),
    SpamSign(
        "bait",
        "offer",
        r"\byou won'?t believe\b|\bwill (?:leave|blow|shock|restore|amaze) (?:you|your)\b|"
        r"\bwill make (?:you|your) (?:want|feel|cry|laugh|say|question|jaw|mouth|day|old)\b|"
        r"\bwill change your life\b|\bwhat (?:happen(?:s|ed)|(?:he|she|they) (?:did|does|"
        r"said)) next\b|"
        r"\bnever be able to unsee\b|\baren'?t what they seem\b|\bthoughts (?:people|we|"
        r"girls) have\b|"
        r"\breveals everything\b|\bcan'?t believe the results\b|\bdisturbing discovery\b|"
        r"\b(?:you have|you've) been waiting for\b|\bone weird trick\b|\bdoctors hate\b|"
        + _START
        + r"these (?:are some |(?:[a-z'’]{2,14} ){0,3}(?:pictures|photos|pics|gifs|memes|"
        r"selfies|tricks)\b)",
    ),
    SpamSign(
        "sales",
        "offer",
        r"\b(?:grab|get|claim|order|reserve|book) (?:yours|(?:your|ur) (?:tickets?|copy|free|spot|"
        r"seats?|own))\b|\btickets? (?:(?:are )?(?:still |now )?(?:in|on|for) sale|at|here|"
        r"available|from)\b|\bonly a few (?:\w{1,12} )?(?:left|tickets|seats|spots)\b|"
        r"\b(?:in stock|book|shop|pre-?order|order|enroll|register|apply|download|install) (?:now|"
        r"today)\b|\bnow (?:on sale|in stock|hiring|enrolling|free on)\b|\bsale ends\b|"
        r"\b\d{1,2} ?% (?:off|discount)\b|\b(?:promo|coupon|discount|voucher|"
        r"refer{1,2}al)s? ?(?:code|"
        r"w/)|\bfree (?:shipping|delivery|webinar|ebook|quote|estimate)\b|\bnew (?:arrivals?|"
        r"listing)\b|\blimited edition\b|\bdeals? of the (?:day|week)\b|\bour (?:new(?:est)? )?"
        r"(?:store|shop|collection|listing)\b|\benter (?:for a chance|to win|here|our)\b|"
        r"\bwelcome bonus\b|\bproperty for sale\b|\bjoin my site\b|\bonly [$£€] ?\d|"
        r"\bfree spins\b|\bsend (?:us|me|"
        r"your) (?:your )?(?:songs?|beats?|music|"
        r"demos?)\b|" + _START + r"how to [a-z '’]{3,60}\byour\b",
    ),
    SpamSign(
        "invitation",
        "invitation",
        r"\bjoin (?:us|the (?:\w{1,12} )?(?:stream|fun|conversation|chat|webinar|team)|our|now)\b|"
        r"\b(?:register|sign ?up|subscribe|apply|buy|donate|shop|tune in|watch live|listen live|"
        r"listen|click|vote) (?:now|here|today|at|for free|below)\b|\b(?:read|learn|find out|"
        r"see) more"
        r"\b|\bmore (?:info|details|at|here)\b|\b(?:is|are) (?:going|now) live\b|\b(?:on sale|"
        r"available|in stores?|out) now\b|\bnow available\b|"
        r"\bvisit (?:our|my) |\bvisit us (?:at|on|now|here|today)\b|\bnew on (?:the|my|our) blog\b|"
        r"\bnew (?:blog )?post\b|\bdetails (?:here|below|at)\b|\bdon'?t miss\b|\bget your\b|"
        r"\bhttp\S{3,90} for free\b",
    ),
    SpamSign(
        "passing_on",  # begging for retweets and votes
        "begging",
        r"\b(?:more|\d{1,4} more) (?:rts?|retweets?)\b|\b\d{1,4} (?:rts|retweets)\b|"
        r"\bkeep (?:retweeting|rting|voting)\b|"
        + _START
        + r"(?:rt|retweet) (?:this|if|to|for|and|with|\W?&)\b|\b(?:rt|retweet|tweet|quote|reply) "
        r"(?:to vote|(?:this )?with #)|\bmore chances of winning\b|\bno rt/like\b|\bfav ?(?:&|"
        r"&amp;|and|\+) ?rt\b|\b(?:rt|retweet) "
        r"(?:my pinned|this (?:to|and|if|so|for|tweet|post)|if (?:you|u|this|ur))\b",
    ),
    SpamSign(
        "contests",
        "offer",
        r"#(?:\w{0,15}bestfan\w{0,10}|iheartawards|votefor\w{2,25}|kca|giveaway|contest|"
        r"competition|comp|win|sweepstakes|freebie)\b|\b(?:i|we|let'?s|please) vote (?:for )?#",
    ),
    SpamSign(
        "commerce",
        "commerce",
        r"#(?:ad|sponsored|sale|deals?|forsale|ebay|etsy\w{0,10}|shop\w{0,12}|coupons?|"
        r"promo\w{0,6}|"
        r"marketing|seo|smm|affiliate\w{0,10}|affpower|casino|betting|forex|realestate|realtor|"
        r"entrepreneur\w{0,4}|bookboost|asmsg|iartg|kindle\w{0,10}|amazon\w{0,10}|weightloss|detox|"
        r"fiverr|freelance\w{0,3}|nsfw|handmade|jewelry|homedecor|interiordesign)\b|"
        r"\bon (?:amazon|kindle|etsy|ebay)\b",
    ),
    SpamSign(
        "wares",
        "wares",
        _WARE + r"[ -~]{0,60}" + _WARE,
    ),
    SpamSign("price", "layout", r"[$£€] ?\d[\d,.]{0,8}\b|\b\d[\d,.]{0,6} ?(?:usd|eur|gbp)\b"),
    SpamSign(
        "business",
        "beginner",
        r"\b(?:home business|business opportunit\w{1,3}|network marketing|social media marketing|"
        r"lead "
        r"generation|email marketing|affiliate marketing|seo (?:strategies|tips|services|experts?)|"
        r"insurance (?:quotes?|business)|payday loans?|online (?:poker|casino|dating)|escorts?|"
        r"hook ?ups?|chiropractic|cheap flights|real estate insight)\b",
    ),
    SpamSign("several_links", "layout", r"https?://\S{1,90}(?: [ -~]{0,40})? ?https?://"),
    SpamSign("feed", "feed", r"\.\.\. ?https?://|» .{3,80} »|^\W{0,3}new:? .{5,100}https?://"),
    SpamSign("hashtags", "layout", r"(?:#\w{2,30}[ -\"$-~]{1,25}){3}#\w"),
    SpamSign(
        "link",
        "link",
        r"https?://|\bwww\.|\bwatch\?v=|\b[a-z0-9-]{3,30}(?: ?\. ?|\*)(?:com|net|co|info|biz|"
        r"xyz|club|site|online|top|tk|ml|shop|store|ly|blogspot)\b",
    ),
    SpamSign(
        "funding",
        "contact",
        r"\b(?:gofundme|indiegogo|kickstarter|fundraiser|paypal\.me|patreon|"
        r"surveymonkey|teespring|vakinha|linkbucks|adf\.ly|bubblews|freemyapps|woobox)\b",
    ),
    SpamSign(
        "donations",
        "engagement",
        r"\bdonat(?:e|ions?)\b[ -~]{0,40}(?:http|\bplease\b|\bhelp\b|\blink\b)",
    ),
    SpamSign(
        "referral",
        "beginner",
        r"\b(?:tsu\.co|easypromos\w{0,4}|prizerebel|aff(?:iliate)?_?id=)|[?&]ref=\d|"
        r"[#?&]friend=|/ref/",
    ),
    SpamSign(
        "entrant",  # who wants to win is no promoter
        "report",
        r"\bi (?:would (?:like|love)|want|wanna|wish|hope|never|"
        r"really want)\b[ -~]{0,30}\b(?:enter|"
        r"win)\b|\bi(?:'ve| have)? (?:just )?(?:already )?(?:subscribed|subbed)\b|"
        r"\bcan (?:you|u|we) (?:pl(?:s|z|ease) )?do (?:some |a |"
        r"another )?(?:more )?[ -~]{0,20}\bgive",
    ),
    SpamSign(
        "question",  # who asks how money is made offers none
        "report",
        r"^\W{0,3}(?:(?:ask|tell) hn\b|(?:why|who|which|where|when) |what(?: is| are| do| does|"
        r" did|"
        r" would| should| if| happens|'s the) |how (?:do|does|did|could|would|is|are|much|many|"
        r"can i)\b|(?:is|are|does|did|should|would|has) |(?:any(?:body|one)|some(?:body|one)) |if "
        r"nobody )|\b(?:how|why) (?:we|i|he|she|they) (?:made|make|earn)",
    ),
    SpamSign(
        "report",  # news about such things
        "report",
        r"\b(?:scandal|court|police|arrest\w{0,3}|charged|victims?|lawsuit|senator|study|"
        r"researchers?|missing|destroyed|shelters?|adopted|accus\w{1,4}|alleg\w{1,6}|convicted|"
        r"scam(?:s|med|mers?)?|beware|"
        r"fraud)\b",
    ),
    SpamSign(
        "ornament",
        "wares",
        r"[-=~_]{4,20} ?>|>{3,}|<{3,}|➡|👉|⬇|▶|►|[▬▌█░]{4}|\${3,}|(?:!!|\?\?)!{4}|✅|"
        r"💰|💵|🤑|🎁|🔥🔥🔥",
    ),
)

# Separated by |. Without one of these a post only has signs that mean little alone: link, ornament,
# report.
SPAM_WORDS = (
    " my|my | our |our new|our first|our latest|check|chek|chk|follow|sub|scri|"
    "like for|like4|like 4|for like|"
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
    "linkbucks|adf.ly|bubblews|woobox|pls |please|halp|pleas|"
    "things|ways |reasons|tips|signs|facts|pictures|photos|pics|quotes|secrets|tricks|habits|"
    "mistakes|moments|memes|celebrities|foods|ideas|lessons|strategies|questions|brushes|products|"
    "outfits|recipes|apps|tools|people who|people you|people that|people with|won't believe|"
    "will make|will leave|will blow|will shock|will change|will restore|will amaze|will surprise|"
    "will keep|will give|unsee|aren't what|weird trick|doctors hate|these are|these |selfies|"
    "ticket|only a few|on sale|available|in store|in stock|out now|sale ends|download|install|"
    "book |book now|reserve|promo|coupon|discount|arrival|listing|deals|collection|enter |bonus|"
    "tune in|watch live|listen|read more|learn more|find out|see more|more info|more details|live|"
    "using this|new post|details|your songs|beats|get your|for free|rts|retweet|rt this|rt if|"
    "voting|vote|award|bestfan|best fan|#kca|contest|competition|#comp|#win|freebie|sweepstakes|"
    "#ad|sponsored|#sale|forsale|ebay|etsy|marketing|seo|smm|casino|betting|realestate|realtor|"
    "entrepreneur|bookboost|asmsg|iartg|kindle|detox|fiverr|nsfw|handmade|jewel|decor|design|"
    "vintage|leather|galaxy|samsung|vinyl|necklace|earring|pendant|bracelet|jacket|boots|sneaker|"
    "handbag|t-shirt|hoodie|scarf|jersey|sterling|silver|size |men's|mens |women|business|"
    "insurance|payday|poker|escort|hookup|hook up|chiropractic|flights|estate|»|#follow|"
    "pussy|nude|fuck|anal|milf|hentai|dick|cum|tits|boob|slut|whore|lesbian|erotic|fetish|kinky|"
    "teen|babe|topless|blowjob|creampie|dildo|shemale|tranny|bbw|squirt|busty|ebony|smash|snap|"
    "sdv|confessions|images|gifs|fails|comics|jokes|puns|hairstyle|tattoos|"
    "rules|steps|myths|benefits|struggles|stages|thoughts|destinations|trends|predictions|"
    "examples|resources|techniques|exercises|reveals|results|discovery|been waiting|property|"
    "only $|on kindle|pinned|fav|internet job|headphone|earphone|dispenser|soundtrack|twink|"
    "doggy|penetrated|drilled|banged|pounded|masturbat|"
    "seguindo|sigo de"
)

#: Words of sentences; a list of search words has none.
SENTENCE_WORDS = (
    r"\b(?:i|i'?m|you|u|ur|your|my|me|he|she|his|her|him|we|they|it|this|that|is|was|are|be|do|"
    r"don'?t|if|so|lol|"
    r"lmao|like|what|who|when|just|no|not)\b"
)

# The vocabulary of pornography's sites, what is sexual elsewhere too, and what their titles add.
SITE_WORDS = (
    r"^(?:rt @\w+: )?#(?:sex|sexy|naked|nude|fuck\w{0,3})\b|(?:^|"
    r"[^@a-z0-9_])(?:\w{0,12}porn\w{0,10}|xxx|blow ?jobs?|hand ?jobs?|cum ?shots?|"
    r"creampies?|gang ?bang\w{0,3}|"
    r"milfs?|bbw|hentai|dildos?|cam ?girls?|cam ?sex|live ?cams?|shemales?|trann(?:y|ies)|futanari|"
    r"deep ?throat\w{0,3}|fisting|squirts?|squirting|upskirt|topless|puss(?:y|ies|ys)|anal|"
    r"femdom|bdsm|"
    r"big ?boobs?|bigboob|fucktoys?|twinks?|doggy ?style|masturbating|\w{3,15}(?:fetish|"
    r"deepthroat|boobs)\w{0,8}|"
    r"gets? (?:penetrated|drilled|banged|nailed|pounded)|rule34|(?:gets?|getting|being) fucked|"
    r"adult (?:videos?|clips?)|"
    r"(?:girls?|teens?|babes?|wife|moms?|women|guys?|lesbians?) fuck(?:s|ed|ing)?|fuck(?:ed|"
    r"ing)? (?:\w{1,12} )?(?:girls?|"
    r"teens?|babes?|wife|moms?|women|lesbians?|their)|cum(?:slut|tribute)|"
    r"masturbator|phone ?sex|sex (?:tube|cams?|movies?|videos?|clips?|pics?|pictures|stories|"
    r"chat))\b"
)
SEXUAL_WORDS = (
    r"\b(?:sex|sexy|sexual|naked|nudes?|tits?|titties|boobs?|boobies|cocks?|"
    r"dicks?|cum|orgasms?|horny|sluts?|whores?|lesbians?|erotic\w?|fetish|kinky|hardcore|busty|"
    r"nsfw|penis|clit|ass to|threesome|stripper|masturbat\w{1,5}|semen|dirty|shaved|hairy)\b"
)
SEXUAL_CONTEXT = (
    r"\b(?:girls?|teens?|teenage|babes?|women|woman|wife|wives|moms?|milfs?|school ?girls?|ebony|"
    r"asian|"
    r"japanese|latina|brunette|blondes?|redhead|mature|amateur|older|young|black|big|tight|wet|"
    r"fuck(?:s|ed|ing)?|hot|free|videos?|vids?|pics?|pictures?|movies?|tube|clips?|galler(?:y|"
    r"ies)|streams?|cams?|"
    r"webcam|download|full length|torrents?|pornstars?|ass|butt|booty|mouth|toys?)\b"
)
