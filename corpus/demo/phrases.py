"""What the demo's invented people say: phrases in seven languages, and how they are joined."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence

#: Community -> the things its members talk about. Every name here is invented or generic.
TOPICS: dict[str, tuple[str, ...]] = {
    "SlowBread": (
        "rye starter", "banneton", "sourdough recipe", "oven stone", "dough scraper", "flour blend",
        "overnight rise", "milk loaf", "focaccia tray", "proofing box", "crust", "oat porridge loaf",
        "salt & butter roll", "kneading routine", "seeded cracker", "pan liner",
    ),
    "BikeShedTalk": (
        "gravel bike", "rear derailleur", "chain lube", "saddle", "commuter rack", "folding bike",
        "tubeless tyre", "bottom bracket", "dynamo light", "brake cable", "cargo trailer",
        "canal path", "frame bag", "wheel build", "pedal set", "winter route",
    ),
    "BalconyGrowers": (
        "tomato seedling", "compost bin", "watering can", "chilli plant", "herb planter", "worm farm",
        "lemon tree", "raised bed", "mulch layer", "trellis", "seed tray", "hanging basket",
        "rain barrel", "basil cutting", "slug trap", "potting mix",
    ),
    "SmallServers": (
        "backup script", "router firmware", "home server", "monitoring dashboard", "mail relay",
        "container image", "config parser", "package cache", "deploy pipeline", "log rotation",
        "disk array", "database migration", "test suite", "cron job", "reverse proxy", "build cache",
    ),
    "SundayLeague": (
        "away match", "goalkeeper drill", "corner routine", "pre-season friendly", "second half",
        "relegation fight", "muddy pitch", "penalty decision", "training session", "cup draw",
        "youth squad", "back four", "referee report", "derby game", "club house", "kit sponsor",
    ),
    "NightSkyNotes": (
        "dobsonian telescope", "meteor shower", "star chart", "lunar eclipse", "star tracker",
        "dark sky site", "dew heater", "planet alignment", "camera mount", "red torch",
        "finder scope", "winter nebula", "observing log", "comet photo", "eyepiece case", "sky app",
    ),
    "CardboardEvenings": (
        "worker placement game", "dice tower", "rulebook", "campaign box", "card sleeve",
        "solo variant", "auction phase", "score pad", "expansion pack", "trading game",
        "deck builder", "party game", "tile puzzle", "miniature", "draft round", "wooden insert",
    ),
    "FilmGrainClub": (
        "rangefinder", "darkroom timer", "light meter", "wide lens", "print rack", "medium format",
        "street portrait", "negative scanner", "tripod head", "contact sheet", "long exposure",
        "developer tank", "camera strap", "flash unit", "photo zine", "expired film",
    ),
    "SlowTravel": (
        "night train", "harbour hostel", "packing list", "bus pass", "mountain hut", "ferry ticket",
        "border crossing", "street market", "walking tour", "rail pass", "rucksack", "guest house",
        "island route", "phrase book", "coast road", "luggage locker",
    ),
    "FixItTogether": (
        "leaking tap", "toaster", "washing machine", "sewing machine", "floor lamp", "drill battery",
        "loose hinge", "radiator valve", "laptop fan", "window frame", "coffee grinder", "zip",
        "plaster crack", "door lock", "solder joint", "vacuum hose",
    ),
    "ChoirAndStrings": (
        "viola bow", "choir rehearsal", "upright piano", "guitar pedal", "brass section",
        "folk session", "sheet music", "metronome", "cello case", "jazz standard", "microphone",
        "song arrangement", "open tuning", "village concert", "drum kit", "mixing desk",
    ),
    "ShelfOfNovels": (
        "detective novel", "short story collection", "library card", "unreliable narrator",
        "slow second act", "audiobook", "translated edition", "book club pick", "family saga",
        "closing chapter", "poetry shelf", "sea story", "footnote", "used paperback", "memoir",
        "ghost story",
    ),
}  # fmt: skip

_ENGLISH: dict[str, tuple[str, ...]] = {
    "det": ("the", "my", "our", "that", "this", "her", "his", "the neighbours'"),
    "adj": (
        "old", "second", "cheap", "borrowed", "new", "original", "smaller", "famous", "battered",
        "spare", "home-made", "heavy", "tiny", "forgotten", "much-loved", "Danish", "local",
        "unfinished", "noisy", "plain", "green", "expensive", "first", "strange", "reliable",
        "half-price", "weekend", "awkward", "simple", "inherited",
    ),
    "lead": (
        "Last Tuesday", "After {n} weeks of waiting", "On the way back from {place}",
        "Against all advice", "Between two night shifts", "During the long weekend",
        "With a little help from {person}", "Once the rain stopped", "Before breakfast",
        "For the third time this year", "Back in {month}", "Thanks to a tip from this group",
        "While the kids were asleep", "Out of pure boredom", "Somewhere around {month}",
        "To save about {n} euros", "Ten minutes before closing time", "At my sister's place",
        "When {person} came over", "In a small shop near {place}", "After reading the whole thread",
        "Without really planning it", "Just before we moved to {place}", "On day {n}",
        "Because the weather was awful", "Right after lunch", "As promised to {person}",
        "Halfway through {month}", "For a bet with {person}", "Early this morning",
    ),
    "did": (
        "tried", "bought", "sold", "gave up on", "went back to", "compared notes about",
        "spent {n} hours with", "wrote a short guide to", "changed my mind about", "took photos of",
        "argued with {person} about", "found a better place for", "said goodbye to", "cleaned",
        "borrowed a manual for", "finally understood", "made a list of problems with", "replaced",
        "learned the hard way about", "paid {n} dollars for", "nearly lost", "showed {person}",
        "asked three experts about", "fell in love with", "rescued", "measured", "tested",
        "told the whole family about", "kept a diary about", "made room for",
    ),
    "tail": (
        "and it was worth every minute", "but I would not do it again", "so now I have questions",
        "and the difference surprised me", "which {person} still laughs about",
        "although the instructions made no sense", "and nobody noticed until {month}",
        "so the whole evening was gone", "and I have no regrets at all",
        "because the alternative cost {n} times more", "and that solved half of the problem",
        "which is more than I can say for last year", "but the smell never went away",
        "and we ended up staying until midnight", "so I owe {person} a cake",
        "and the neighbours came out to watch", "but only after {n} failed attempts",
        "while the dog watched from the sofa", "and honestly it felt great",
        "which taught me to read labels first", "and it has been quiet ever since",
        "but my back disagrees", "so feel free to learn from my mistake",
        "and I am still finding screws on the floor", "though the colour is a bit much",
        "and the shop in {place} was very kind about it", "even though it was freezing",
        "and there were still {n} people in the queue", "so that is one thing off the list",
        "but it beats sitting in traffic",
    ),
    "claim": (
        "is harder than it looks", "lasted {n} years before anything went wrong",
        "needs more patience than money", "costs half as much in {place}",
        "deserves far more attention than it gets", "was the best surprise of {month}",
        "never works twice in the same way", "makes a lovely present", "gets better with age",
        "will outlive all of us", "is overrated and everybody knows it",
        "broke on the {n}th day, of course", "looks better in daylight",
        "reminds me of my grandmother's kitchen", "should come with a warning",
        "was quietly redesigned last {month}", "takes about {n} minutes once you know the trick",
        "is the only reason we still meet", "turned out lighter than expected",
        "fits under the stairs if you turn it sideways", "has saved me from {n} bad decisions",
        "splits opinion wherever it appears", "is fine, really, stop worrying",
        "went missing near {place} and came back by post", "arrived with two left-hand parts",
    ),
    "ask": (
        "Has anyone here had luck with", "What would you pay for", "How do you look after",
        "Is it normal to worry about", "Who else grew up with", "Where in {place} can I find",
        "Would you lend a stranger", "How long did it take you to get used to",
        "Am I the only one who dislikes", "Does {person} still write about",
        "Which of you recommended", "Can somebody explain the point of", "Why does nobody warn you about",
        "What is the story behind", "Do you ever regret buying", "Should I insure",
    ),
    "askend": (
        "after {n} years", "in a flat without a balcony", "on a tight budget", "during {month}",
        "when the weather turns", "with two small children around", "at my age", "near {place}",
        "without asking {person} first", "in a rented house", "before the price goes up again",
        "if you only have {n} minutes a day", "without special tools", "on public transport",
        "in the middle of the week", "when money is short",
    ),
    "advice": (
        "write everything down", "start with the boring part", "ask {person} before you spend anything",
        "wait for the sale in {month}", "do not trust the first {n} results", "take a second pair of hands",
        "leave it alone overnight", "check the small print twice", "measure from the wall instead",
        "bring gloves and a sense of humour", "visit the workshop in {place}", "skip the fancy version",
        "label all the bags", "keep the receipt", "count to {n} and try again", "go early and pay cash",
        "read the comments from {month}", "trust your ears", "take a photo first", "use less water",
    ),
    "fact": (
        "That makes {n} attempts since {month}", "The total came to {n} pounds",
        "My record is still {n} in one afternoon", "Only {n} of them are left in {place}",
        "We drove {n} miles for this", "It has been {n} days now", "Page {n} has a useful drawing",
        "Around {n} people turned up in {place}", "Number {n} on the list was my favourite",
        "I counted {n} different opinions", "The bus to {place} leaves at {n} past",
        "Roughly {n} percent of it is waiting", "We are {n} weeks behind", "Table {n} got the last slice",
    ),
    "person": (
        "Mara", "Tobias", "old Henrik", "my aunt", "Ilse", "the postman", "Dario", "my flatmate",
        "Professor Quill", "Noor", "our landlord", "Benedek", "my brother-in-law", "Saoirse", "Jun",
        "the librarian", "Wendeline", "Coach Abara", "my daughter", "Piotr", "Mrs Tindle", "Rosalba",
        "the baker", "Kwame", "the caretaker", "Yusuf",
    ),
    "place": (
        "Ludlow", "Trieste", "the old harbour", "Ghent", "Halifax", "Oulu", "the north side", "Porto",
        "Ballina", "Kraków", "the valley", "Dunedin", "Leipzig", "the allotments", "Bergen", "Tartu",
        "Cork", "the market square", "Albany", "Bilbao", "Nara", "Utrecht", "Salem", "Winnipeg",
    ),
    "month": (
        "January", "February", "March", "April", "May", "June", "July", "August", "September",
        "October", "November", "December",
    ),
}  # fmt: skip

# Each pattern draws from several pools of like length, so that two posts which share one part
# still differ in most of their words.
_ENGLISH_SENTENCES = (
    "{lead} I {did} {thing}, {tail}.",
    "{lead} we {did} {thing}, {tail}.",
    "{thing} {claim}, {tail}.",
    "{person} says {thing} {claim}, {tail}.",
    "{lead} {person} admitted that {thing} {claim}.",
    "{ask} {thing} {askend}?",
    "If {thing} {claim}, {advice} and {advice}.",
    "{fact}, {tail}; meanwhile {thing} {claim}.",
    "{lead} I {did} {thing} and {did} {thing}.",
    "{fact}, and {thing} {claim}.",
    "My advice about {thing}: {advice}, {advice}, and never forget that {thing} {claim}.",
)
_ENGLISH_TITLES = (
    "{n} months with {thing}: {tail}",
    "{ask} {thing} {askend}?",
    "{thing} {claim}",
    "{lead} I {did} {thing}",
    "Question about {thing} and {thing} {askend}",
    "Why {thing} {claim}",
)


class _Language:
    """The pools and sentence patterns of one language other than English."""

    def __init__(self, community: str, patterns: Sequence[str], **pools: str) -> None:
        self.community = community
        self.patterns = tuple(patterns)
        self.pools = {name: tuple(pool.split("|")) for name, pool in pools.items()}


# Objects are chosen so that every verb takes them unchanged: no contraction, no case ending.
OTHER_LANGUAGES: dict[str, _Language] = {
    "es": _Language(
        "CharlasDeBarrio",
        (
            "{lead} {did} {thing} {where}, {tail}.", "La verdad es que {thing} {claim}, {tail}.",
            "¿Alguien sabe si {thing} {claim} {where}?", "{person} dice que {thing} {claim}.",
            "{lead} {person} y yo hablamos durante {n} minutos, {tail}.",
        ),
        lead="Ayer por la tarde|Después de {n} semanas|La semana pasada|Antes de la cena|"
        "Con ayuda de {person}|El domingo por fin|Cuando dejó de llover|Sin pensarlo mucho|"
        "Por tercera vez este año|Esta mañana temprano|Gracias a {person}|En pleno mes de mayo",
        did="compré|vendí|probé|arreglé|encontré|perdí otra vez|limpié|pinté|llevé a casa|"
        "cambié|pedí prestada|estrené|enseñé a todos|guardé",
        thing="la bicicleta de mi abuelo|la receta de pan con nueces|la guitarra de {person}|"
        "una cámara de segunda mano|la mesa del patio|esta novela de aventuras|la lámpara azul|"
        "una tienda de campaña enorme|la cafetera italiana|la huerta del vecino|una radio antigua|"
        "la mochila verde|la camiseta del equipo|una planta de tomate|la ruta de la costa|"
        "la máquina de coser|una sopa de lentejas|la maqueta del tren",
        where="en el mercado viejo|cerca del puerto|en casa de {person}|por {n} euros|"
        "en un pueblo de montaña|delante de todo el mundo|sin leer las instrucciones|"
        "con mucha paciencia|en menos de {n} minutos|junto a la estación",
        claim="vale mucho la pena|cuesta más de lo que parece|necesita una buena limpieza|"
        "me recuerda a mi infancia|dura por lo menos {n} años|no sirve para el invierno|"
        "gusta hasta a los niños|parece nueva todavía|merece otra oportunidad|"
        "da más problemas que alegrías|queda mejor con luz natural|tiene su encanto",
        tail="y no me arrepiento de nada|pero no lo volvería a hacer|así que tengo muchas preguntas|"
        "y todos se rieron un buen rato|aunque hacía un frío tremendo|y al final comimos tarde|"
        "porque lo otro costaba el doble|y mi hermana todavía no lo cree|pero faltaban {n} piezas|"
        "y desde entonces duermo mejor|así que le debo una cena a {person}|y eso que llovía",
        person="Marisol|mi tío Anselmo|la vecina|Joaquina|don Ramiro|mi cuñada|Leocadio|Itziar",
    ),
    "pt": _Language(
        "ConversaDeVaranda",
        (
            "{lead} eu {did} {thing} {where}, {tail}.", "Para mim {thing} {claim}, {tail}.",
            "Alguém sabe se {thing} {claim} {where}?", "{person} acha que {thing} {claim}.",
            "{lead} {person} ficou {n} minutos conversando comigo, {tail}.",
        ),
        lead="Ontem à noite|Depois de {n} dias|Na semana passada|Antes do almoço|Sem muita pressa|"
        "No domingo finalmente|Quando a chuva parou|Com a ajuda de {person}|Hoje bem cedo|"
        "Pela terceira vez este ano|Durante o feriado|Por causa do calor",
        did="comprei|vendi|experimentei|consertei|encontrei|perdi de novo|limpei|pintei|"
        "levei para casa|troquei|emprestei|mostrei para todo mundo|guardei|fotografei",
        thing="a bicicleta do meu avô|uma receita de bolo de milho|a viola de {person}|"
        "uma máquina fotográfica usada|a mesa da varanda|o romance policial|a luminária azul|"
        "uma barraca enorme|a cafeteira nova|a horta do vizinho|um rádio antigo|o violão velho|"
        "a mochila verde|a camisa do time|um vaso de manjericão|a trilha da serra|"
        "a máquina de costura|uma sopa de abóbora",
        where="na feira do bairro|perto do porto|na casa de {person}|por {n} reais|"
        "numa cidade do interior|na frente de todo mundo|sem ler o manual|com muita paciência|"
        "em menos de {n} minutos|ao lado da estação",
        claim="vale muito a pena|custa mais do que parece|precisa de uma boa limpeza|"
        "me lembra a infância|dura pelo menos {n} anos|não serve para o inverno|"
        "agrada até as crianças|ainda parece coisa nova|merece outra chance|"
        "dá mais trabalho do que alegria|fica melhor com luz natural|tem o seu charme",
        tail="e não me arrependo de nada|mas não faria isso outra vez|então tenho várias dúvidas|"
        "e todos riram bastante|embora estivesse muito frio|e no fim jantamos tarde|"
        "porque a outra opção custava o dobro|e minha irmã ainda não acredita|"
        "mas faltavam {n} peças|e desde então durmo melhor|então devo um café para {person}",
        person="Dona Zuleide|meu tio Valdir|Seu Anacleto|Jandira|Belmira|minha cunhada|Otacílio|Iara",
    ),
    "fr": _Language(
        "PapotagesDuSoir",
        (
            "{lead} j'ai {did} {thing} {where}, {tail}.", "Franchement, {thing} {claim}, {tail}.",
            "Savez-vous si {thing} {claim} {where} ?", "{person} pense que {thing} {claim}.",
            "{lead} {person} m'a parlé pendant {n} minutes, {tail}.",
        ),
        lead="Hier soir,|Après {n} semaines,|La semaine dernière,|Avant le dîner,|Sans réfléchir,|"
        "Dimanche enfin,|Quand la pluie a cessé,|Grâce à {person},|Ce matin très tôt,|"
        "Pour la troisième fois cette année,|Pendant le long week-end,|Au mois de mai,",
        did="acheté|vendu|essayé|réparé|retrouvé|encore perdu|nettoyé|repeint|rapporté|échangé|"
        "emprunté|montré à tout le monde|rangé|photographié",
        thing="le vieux vélo de mon oncle|une recette de pain aux noix|la guitare de {person}|"
        "un appareil photo presque neuf|la table du jardin|ce roman policier|la lampe bleue|"
        "une tente immense|la cafetière italienne|le potager du voisin|une radio ancienne|"
        "le sac à dos vert|le maillot du club|un plant de tomates|le sentier de la côte|"
        "la machine à coudre|une soupe de lentilles|le petit train en bois",
        where="au marché couvert|près du port|chez {person}|pour {n} euros|dans un village perdu|"
        "devant tout le monde|sans lire la notice|avec beaucoup de patience|"
        "en moins de {n} minutes|à côté de la gare",
        claim="vaut vraiment la peine|coûte plus cher qu'on ne croit|mérite un bon nettoyage|"
        "me rappelle mon enfance|tient au moins {n} ans|ne sert à rien en hiver|"
        "plaît même aux enfants|semble encore en bon état|mérite une seconde chance|"
        "donne plus de soucis que de joie|rend mieux à la lumière du jour|a son charme",
        tail="et je ne regrette rien|mais je ne le referai pas|donc j'ai plein de questions|"
        "et tout le monde a bien ri|même s'il faisait très froid|et nous avons mangé tard|"
        "parce que l'autre coûtait le double|et ma sœur n'y croit toujours pas|"
        "mais il manquait {n} pièces|et depuis je dors mieux|donc je dois un repas à {person}",
        person="Solange|mon oncle Fernand|la voisine|Maëlle|madame Prune|ma belle-sœur|Gontran|Colette",
    ),
    "de": _Language(
        "Feierabendrunde",
        (
            "{lead} habe ich {thing} {where} {did}, {tail}.", "Ich finde, {thing} {claim}, {tail}.",
            "Weiß jemand, warum {thing} {where} so beliebt ist?",
            "{person} meint, {thing} {claim}.",
            "{lead} hat {person} mir {n} Minuten lang zugehört, {tail}.",
        ),
        lead="Gestern Abend|Nach {n} Wochen|Letzte Woche|Vor dem Essen|Ohne groß nachzudenken|"
        "Am Sonntag endlich|Nach dem großen Regen|Dank {person}|Heute früh|Mitten im Mai|"
        "Zum dritten Mal in diesem Jahr|Am langen Wochenende",
        did="gekauft|verkauft|ausprobiert|repariert|wiedergefunden|schon wieder verloren|geputzt|"
        "neu gestrichen|umgetauscht|ausgeliehen|stolz vorgeführt|eingepackt|fotografiert|bestellt",
        # Feminine and neuter only: there the accusative looks like the nominative.
        thing="das alte Fahrrad|das Rezept für Nussbrot|die Gitarre von {person}|"
        "die gebrauchte Kamera|das Tischchen vom Balkon|die Abenteuergeschichte|die blaue Lampe|"
        "das riesige Zelt|die Kaffeemaschine|das Gemüsebeet|das antike Radio|die Wanderkarte|"
        "das Trikot vom Verein|die Tomatenpflanze|die Strecke an der Küste|die Nähmaschine|"
        "die Linsensuppe|das Bücherregal",
        where="auf dem Flohmarkt|gleich am Hafen|bei {person}|für {n} Euro|in einem Bergdorf|"
        "vor allen Leuten|ganz ohne Anleitung|mit viel Geduld|in knapp {n} Minuten|neben dem Bahnhof",
        claim="lohnt sich wirklich|kostet mehr als gedacht|braucht mal eine gründliche Reinigung|"
        "erinnert mich an meine Kindheit|hält mindestens {n} Jahre|taugt im Winter nichts|"
        "gefällt sogar den Kindern|sieht immer noch gut aus|verdient eine zweite Chance|"
        "macht mehr Ärger als Freude|wirkt bei Tageslicht schöner|hat einfach Charme",
        tail="und ich bereue nichts|aber nochmal mache ich das nicht|deshalb habe ich viele Fragen|"
        "und alle haben herzlich gelacht|obwohl es furchtbar kalt war|und gegessen haben wir spät|"
        "weil alles andere doppelt so teuer war|und meine Schwester glaubt es bis heute nicht|"
        "aber es fehlten {n} Teile|und seitdem schlafe ich besser|also backe ich {person} einen Kuchen",
        person="Wendelin|Onkel Gustav|Frau Tannert|Roswitha|Herr Bäumler|Mechthild|Korbinian|Silke",
    ),
    "id": _Language(
        "ObrolanTeras",
        (
            "{lead} saya {did} {thing} {where}, {tail}.", "Menurut saya {thing} {claim}, {tail}.",
            "Ada yang tahu kenapa {thing} {claim} {where}?", "Kata {person}, {thing} {claim}.",
            "{lead} {person} bercerita selama {n} menit, {tail}.",
        ),
        lead="Kemarin sore|Setelah {n} minggu|Minggu lalu|Sebelum makan malam|Tanpa banyak pikir|"
        "Hari Minggu akhirnya|Waktu hujan berhenti|Berkat bantuan {person}|Tadi pagi|"
        "Untuk ketiga kalinya tahun ini|Selama libur panjang|Di awal bulan Mei",
        did="membeli|menjual|mencoba|memperbaiki|menemukan|kehilangan|membersihkan|mengecat|"
        "membawa pulang|menukar|meminjam|memamerkan|menyimpan|memotret",
        thing="sepeda tua milik kakek|resep kue jagung|gitar kepunyaan {person}|kamera bekas|"
        "meja di teras|novel petualangan itu|lampu biru|tenda besar|alat seduh kopi|"
        "kebun cabai tetangga|radio kuno|tas hijau|kaus tim kampung|tanaman tomat|"
        "jalur tepi pantai|mesin jahit|sup kacang merah|rak buku kayu",
        where="di pasar lama|dekat pelabuhan|di rumah {person}|seharga {n} ribu rupiah|"
        "di desa pegunungan|di depan semua orang|tanpa membaca petunjuk|dengan sabar|"
        "kurang dari {n} menit|di sebelah stasiun",
        claim="memang layak dicoba|ternyata lebih mahal|perlu dibersihkan dulu|"
        "mengingatkan saya pada masa kecil|tahan sampai {n} tahun|tidak cocok untuk musim hujan|"
        "disukai anak-anak juga|masih kelihatan baru|pantas diberi kesempatan lagi|"
        "lebih sering bikin repot|lebih bagus di siang hari|punya daya tarik sendiri",
        tail="dan saya tidak menyesal|tapi saya tidak mau mengulanginya|jadi saya punya banyak pertanyaan|"
        "dan semua orang tertawa|walaupun udaranya dingin sekali|dan kami makan terlambat|"
        "karena yang lain dua kali lebih mahal|dan adik saya masih tidak percaya|"
        "tapi ada {n} bagian yang hilang|dan sejak itu tidur saya nyenyak|jadi saya traktir {person}",
        person="Bu Lastri|Pak Wiryo|tetangga saya|Mbak Ningsih|tukang roti|Mas Darto|Pak Umar|Ayu",
    ),
    "ja": _Language(
        "縁側の雑談",
        (
            "{lead}{where}{thing}を{did}、{tail}。", "正直に言うと、{thing}は{claim}し、{tail}。",
            "{thing}が{claim}と{person}が言っていました。", "{thing}について詳しい人はいますか、{tail}。",
            "{lead}{person}と{n}分も話しましたが、{tail}。",
        ),
        lead="昨日の夕方、|{n}週間ぶりに、|先週の水曜日、|晩ごはんの前に、|何も考えずに、|日曜日にやっと、|"
        "雨がやんでから、|{person}のおかげで、|今朝早く、|今年三回目ですが、|連休のあいだに、|五月の初めに、",
        where="古い市場で|港の近くで|{person}の家で|{n}円で|山の村で|みんなの前で|説明書を読まずに|"
        "時間をかけて|{n}分くらいで|駅のとなりで",
        thing="祖父の自転車|くるみパンの作り方|{person}のギター|中古のカメラ|庭のテーブル|冒険小説|"
        "青いランプ|大きなテント|コーヒーの道具|となりの畑|古いラジオ|緑のリュック|応援しているチームの服|"
        "トマトの苗|海沿いの道|ミシン|豆のスープ|木の本棚",
        did="買ってみて|手放して|試してみて|直してみて|見つけて|またなくして|きれいにして|塗り直して|"
        "持ち帰って|交換して|借りてきて|みんなに見せて|しまって|写真に撮って",
        claim="思ったより高い|手入れに手間がかかる|子どもの頃を思い出す|{n}年はもつ|冬には向かない|"
        "子どもにも人気がある|まだ新しく見える|もう一度試す価値がある|楽しいより面倒だ|"
        "昼間に見るほうがきれいだ|やっぱり味がある|置き場所に困る",
        tail="後悔はしていません|もう二度とやりません|聞きたいことがたくさんあります|みんなで大笑いしました|"
        "とても寒かったです|夕飯が遅くなりました|ほかのものは二倍の値段でした|妹はまだ信じてくれません|"
        "部品が{n}個足りませんでした|それからよく眠れます|{person}にお礼をしなければなりません",
        person="田中さん|おじさん|近所の人|みどりさん|パン屋さん|義理の姉|健太くん|図書館の人",
    ),
}  # fmt: skip

#: Language -> its share of ordinary posts, in percent.
LANGUAGE_SHARES = {"en": 65, "es": 7, "pt": 6, "fr": 6, "de": 6, "ja": 5, "id": 5}


class _SlotFiller(dict[str, str]):
    """Fills the slots of a pattern, drawing anew for each one."""

    def __init__(
        self, rng: random.Random, pools: dict[str, tuple[str, ...]], things: Sequence[str] = ()
    ) -> None:
        super().__init__()
        self.rng, self.pools, self.things = rng, pools, things

    def __missing__(self, name: str) -> str:
        if name == "n":
            return str(self.rng.randint(2, 99))
        choice = self.rng.choice
        if name == "thing" and self.things:
            pools = self.pools
            return f"{choice(pools['det'])} {choice(pools['adj'])} {choice(self.things)}"
        return self.fill(choice(self.pools[name]))

    def fill(self, pattern: str) -> str:
        """``pattern`` with every slot filled, and the slots inside what filled them too."""
        return pattern.format_map(self) if "{" in pattern else pattern


def _slot_filler(rng: random.Random, lang: str, community: str) -> _SlotFiller:
    if lang == "en":
        return _SlotFiller(rng, _ENGLISH, TOPICS[community])
    return _SlotFiller(rng, OTHER_LANGUAGES[lang].pools)


def _capitalize(text: str) -> str:
    return text[:1].upper() + text[1:]


def choose_community(rng: random.Random, lang: str) -> str:
    """A community whose members write in ``lang``."""
    return rng.choice(tuple(TOPICS)) if lang == "en" else OTHER_LANGUAGES[lang].community


def write_prose(
    rng: random.Random, lang: str, where: str, limit: int, paragraphs: bool = False
) -> str:
    """One to five sentences of an ordinary post in community ``where``, within ``limit``."""
    slots = _slot_filler(rng, lang, where)
    patterns = _ENGLISH_SENTENCES if lang == "en" else OTHER_LANGUAGES[lang].patterns
    wanted = rng.choice((1, 1, 2, 2, 2, 3, 3, 4, 5) if lang == "en" else (2, 2, 3, 3, 4, 5))
    text = ""
    for pattern in rng.sample(patterns, wanted):
        sentence = _capitalize(slots.fill(pattern))
        while not text and len(sentence) > limit:
            sentence = _capitalize(slots.fill(patterns[0]))
        if len(text) + len(sentence) + 2 > limit and text:
            break
        gap = "\n\n" if paragraphs and rng.random() < 0.25 else "" if lang == "ja" else " "
        text = f"{text}{gap}{sentence}" if text else sentence
    return text


def write_title(rng: random.Random, lang: str, where: str) -> str:
    """A submission's title."""
    slots = _slot_filler(rng, lang, where)
    pattern = rng.choice(_ENGLISH_TITLES if lang == "en" else OTHER_LANGUAGES[lang].patterns[1:4])
    return _capitalize(slots.fill(pattern)).rstrip(".。")


_FIRST = (
    "totally", "honestly", "surely", "weirdly", "mostly", "finally", "maybe", "clearly", "sadly",
    "usually", "oddly", "certainly", "hopefully", "always", "never", "sometimes", "thankfully",
    "basically", "obviously", "definitely",
)  # fmt: skip
_MIDDLE = (
    "lovely", "great", "underrated", "terrible", "perfect", "solid", "boring", "brilliant", "weak",
    "decent", "hilarious", "useful", "pointless", "clever", "gorgeous", "tired", "fresh", "cosy",
    "clumsy", "honest", "famous", "sturdy", "wild", "neat",
)  # fmt: skip
_LAST = (
    "answer", "goal", "idea", "photo", "colour", "recipe", "song", "story", "plan", "joke", "trip",
    "design", "effort", "match", "view", "guess", "ending", "result", "advice", "sandwich", "dog",
    "voice", "work", "weather", "costume", "playlist", "bargain", "garden",
)  # fmt: skip


def write_three_words(rng: random.Random) -> str:
    """A whole post in three words."""
    text = f"{rng.choice(_FIRST)} {rng.choice(_MIDDLE)} {rng.choice(_LAST)}"
    return _capitalize(text) + rng.choice(("", "", ".", "!"))


_TOXIC = {
    "open": "You are|God, you are|Everyone here knows you are|Face it, you are|Seriously, you are",
    "adj": "pathetic|stupid|worthless|disgusting|brainless|miserable|clueless|useless|ridiculous",
    "noun": "idiot|moron|loser|clown|dumbass|imbecile|piece of garbage|waste of space|fool",
    "why": "who ruins every thread about {thing}|and your opinion about {thing} is pure crap|"
    "who should never touch {thing} again|and nobody gives a damn about {thing}|"
    "and I hope {thing} falls on your stupid head",
    "end": "Shut the hell up, {adj} {noun}|Get lost and take your {adj} comments to {place}|"
    "What a {adj} little {noun} you turned out to be|Nobody likes you, not even {person}|"
    "Go crawl back to {place}, you {adj} {noun}|Delete your account, you {adj} {noun}",
}


def write_toxic(rng: random.Random, where: str) -> str:
    """A rude outburst at one person that any toxicity model should mark; no group is insulted."""
    pools = _ENGLISH | {name: tuple(pool.split("|")) for name, pool in _TOXIC.items()}
    pools["rude"] = pools["adj"]
    things = tuple(f"{rng.choice(_ENGLISH['adj'])} {thing}" for thing in TOPICS[where])
    pools["thing"] = tuple(f"{rng.choice(_ENGLISH['det'])} {thing}" for thing in things)
    return _SlotFiller(rng, pools).fill("{open} a {adj}, {rude} {noun} {why}. {end}!")


JUNK_KINDS = ("link_spam", "hashtag_wall", "emoji_wall", "character_run", "bot_template")
_EMOJI = "😂🔥✨🎉🙏💯🚀🌈🍕🎧⚽🌻🐙🎲📚🧵🍞🚲🔭🎻"
_TAGS = (
    "followback", "instagood", "win", "deal", "promo", "viral", "giveaway", "crypto", "fitness",
    "sale", "love", "happy", "trending", "explore", "daily", "music", "style", "luxury", "bonus",
)  # fmt: skip


def write_junk(rng: random.Random, kind: str) -> str:
    """A post that nobody would want to learn from."""
    n = rng.randint(1000, 99999)
    if kind == "link_spam":
        links = [f"https://deal{rng.randint(10, 999)}.example.com/{n + i}" for i in range(4)]
        return f"FREE {rng.choice(_LAST)} HERE >>> " + " ".join(links)
    if kind == "hashtag_wall":
        return " ".join(f"#{tag}{rng.choice(('', n))}" for tag in rng.sample(_TAGS, 12))
    if kind == "emoji_wall":
        return "".join(rng.choices(_EMOJI, k=rng.randint(14, 40)))
    if kind == "character_run":
        word = rng.choice(("no", "ha", "lol", "aa", "wooo", "yess", "xd"))
        return word + word[-1] * rng.randint(25, 80) + "!" * rng.randint(5, 30) + str(n)
    song = f"{rng.choice(_MIDDLE).title()} {rng.choice(_LAST).title()}"
    band = f"The {rng.choice(_LAST).title()}s of {rng.choice(_ENGLISH['place'])}"
    return f"♫ Now playing: {song} by {band} on Radio Demo {n % 100}.{n % 10} #nowplaying"


PII_KINDS = ("email", "phone", "ip", "credit_card", "iban", "us_ssn", "mac", "btc")

# Published test and documentation values only, so that nobody real is ever named.
_CARDS = (
    "4111 1111 1111 1111", "5555 5555 5555 4444", "4012888888881881", "5105105105105100",
    "4242 4242 4242 4242", "6011 1111 1111 1117", "3782 822463 10005",
)  # fmt: skip
_IBANS = (
    "DE89 3704 0044 0532 0130 00", "GB82 WEST 1234 5698 7654 32", "ES9121000418450200051332",
    "FR14 2004 1010 0505 0001 3M02 606", "NL91ABNA0417164300", "CH93 0076 2011 6238 5295 7",
)  # fmt: skip
_RESOLVERS = ("8.8.8.8", "8.8.4.4", "1.1.1.1", "1.0.0.1", "9.9.9.9", "208.67.222.222")
_WALLETS = (
    "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4",
)  # fmt: skip
_PII_SENTENCES = {
    "email": "Write to {v} if you want the rest.",
    "phone": "Call me on {v} after six.",
    "ip": "The logs say it all came from IP address {v} last night.",
    "credit_card": "They charged my credit card {v} twice, can you believe it?",
    "iban": "Please send the deposit to IBAN {v} by Friday.",
    "us_ssn": "The form even shows my social security number {v} in full.",
    "mac": "The device with MAC address {v} keeps dropping off the network.",
    "btc": "Tips are welcome in bitcoin at {v} as always.",
}
_PII_SENTENCES_BY_LANGUAGE = {
    "es": "Mi contacto es {v} para quien quiera más detalles.",
    "pt": "Meu contato é {v} para quem quiser saber mais.",
    "fr": "Mon contact est {v} pour ceux qui veulent en savoir plus.",
    "de": "Mein Kontakt ist {v} für alle, die mehr wissen wollen.",
    "id": "Kontak saya {v} kalau mau tahu lebih banyak.",
    "ja": "連絡先は {v} です。",
}


def _choose_pii_value(rng: random.Random, kind: str) -> str:
    if kind == "email":
        name = rng.choice(("mara.quill", "tobias_k", "j.abara", "info", "noor.t", "piotr"))
        host = rng.choice(("example.org", "example.com", "example.net", "mail.example.org"))
        return f"{name}{rng.randint(1, 999)}@{host}"
    if kind == "phone":  # ranges that numbering authorities keep free for films and books
        area = rng.choice(("+1 212 555 01", "+1 415 555 01", "+44 20 7946 01", "+49 30 23125 1"))
        return f"{area}{rng.randint(10, 99)}"
    if kind == "us_ssn":  # areas that were never issued while areas still meant a place
        return f"{rng.randint(856, 899)}-{rng.randint(10, 99)}-{rng.randint(1000, 9998)}"
    if kind == "mac":
        return "02:00:5E:10:53:" + f"{rng.randint(0, 255):02X}"
    pool = {"ip": _RESOLVERS, "credit_card": _CARDS, "iban": _IBANS, "btc": _WALLETS}[kind]
    return rng.choice(pool)


def write_pii(rng: random.Random, kind: str, lang: str) -> tuple[str, str]:
    """A sentence that gives away a ``kind`` of personal detail, and the detail itself."""
    value = _choose_pii_value(rng, kind)
    return (_PII_SENTENCES[kind] if lang == "en" else _PII_SENTENCES_BY_LANGUAGE[lang]).format(
        v=value
    ), value


_REPLACEMENT_WORDS = (
    "really",
    "older",
    "second",
    "nearby",
    "simple",
    "another",
    "winter",
    "single",
)


def _replace_word(rng: random.Random, text: str) -> str:
    words = re.findall(r"\S+", text)
    old = rng.choice([word for word in words if word.isalpha() and len(word) > 3])
    new = rng.choice([word for word in _REPLACEMENT_WORDS if word != old.lower()])
    return re.sub(rf"(?<!\S){old}(?!\S)", new, text, count=1)


#: How a near duplicate differs from its original.
EDITS: dict[str, Callable[[random.Random, str], str]] = {
    "one_word": _replace_word,
    "trailing_link": lambda rng, text: f"{text} https://example.org/p/{rng.randint(100, 9999)}",
    "punctuation": lambda rng, text: (
        text.replace(",", "").rstrip(".。!?？ ") + "!" * rng.randint(2, 4)
    ),
    "case": lambda rng, text: text.upper(),
}

_AUTHOR_ADJECTIVES = (
    "quiet", "amber", "brisk", "mellow", "dusty", "lucky", "polar", "velvet", "copper", "sunny",
    "rapid", "foggy", "clever", "salty",
)  # fmt: skip
_AUTHOR_NOUNS = (
    "lantern", "badger", "teapot", "comet", "willow", "harbor", "pixel", "magpie", "walnut",
    "ferry", "cactus", "otter",
)  # fmt: skip


def author_name(number: int) -> str:
    """The invented user name number ``number``; different numbers give different names."""
    calm, rest = number % len(_AUTHOR_ADJECTIVES), number // len(_AUTHOR_ADJECTIVES)
    being, suffix = rest % len(_AUTHOR_NOUNS), rest // len(_AUTHOR_NOUNS)
    return f"{_AUTHOR_ADJECTIVES[calm]}_{_AUTHOR_NOUNS[being]}{suffix or ''}"
