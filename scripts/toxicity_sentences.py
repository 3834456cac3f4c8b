"""Invented sentences to train on: what a word means is often told by what it is said of.

In the gold sets the name of a group occurs mostly in abuse of it, a swear word mostly where
somebody is sworn at, and "kill" and "stupid" seldom of processes and methods. These sentences have
them in harmless contexts, everyday words of other languages that look like swear words, and abuse
without a swear word. ``bench/quality/toxicity_pairs.py`` measures on others, of other words and
forms.
"""

from __future__ import annotations

from collections.abc import Iterator

#: By language: sentences, and the groups that they may be about.
_PEOPLE: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "en": (
        (
            "my neighbour is {}", "we have {} friends and family", "a {} writer won the prize",
            "new {} restaurant near the station", "the {} students organised a concert",
            "he told his parents that he is {}", "{} people live here too",
            "an interview with a {} doctor about her work", "history of {} music in the city",
            "as a {} person I can tell you the food is great", "support your {} neighbours",
            "{} women in science", "{} men and their health", "are there {} actors in this film",
        ),
        (
            "gay", "lesbian", "trans", "transgender", "bisexual", "queer", "black", "white",
            "brown", "asian", "african", "latino", "mexican", "chinese", "japanese", "indian",
            "pakistani", "muslim", "jewish", "christian", "catholic", "hindu", "sikh", "atheist",
            "deaf", "blind", "disabled", "autistic", "old", "young", "fat", "female", "male",
            "feminist", "arab", "turkish", "polish", "russian", "native american", "immigrant",
            "refugee", "homeless", "poor", "african american", "conservative", "liberal",
        ),
    ),
    "de": (
        (
            "Meine Kollegin ist {}", "Ist hier noch jemand {}?", "Er hat erzählt, dass er {} ist",
            "Viele meiner Freunde sind {}", "Die Schauspielerin ist {} und sehr bekannt",
            "In unserem Verein sind einige {}", "Seit wann bist du {}?",
            "Menschen, die {} sind, leben auch hier", "Der neue Lehrer ist {} und freundlich",
            "Ihre Familie ist {}", "Das Buch handelt von einem Mann, der {} ist",
        ),
        (
            "schwul", "lesbisch", "trans", "bisexuell", "queer", "schwarz", "weiß", "asiatisch",
            "afrikanisch", "türkisch", "kurdisch", "arabisch", "syrisch", "polnisch", "russisch",
            "muslimisch", "jüdisch", "christlich", "katholisch", "gläubig", "atheistisch",
            "gehörlos", "blind", "behindert", "autistisch", "alt", "jung", "dick", "arm",
            "feministisch", "geflüchtet",
        ),
    ),
    "pt": (
        (
            "minha vizinha é {}", "tenho amigos que são {}", "ele contou que é {}",
            "uma pessoa {} ganhou o prêmio", "o escritor é {} e mora aqui",
            "entrevista com uma pessoa {} sobre o trabalho", "desde quando você é {}",
            "gente {} também mora aqui", "a família dela é {}", "o ator é {} e muito querido",
            "respeite quem é {}",
        ),
        (
            "gay", "lésbica", "trans", "travesti", "bissexual", "negro", "negra", "preto", "preta",
            "branco", "branca", "asiático", "indígena", "nordestino", "nordestina", "baiano",
            "paulista", "boliviano", "venezuelano", "haitiano", "chinês", "muçulmano", "judeu",
            "evangélico", "católico", "ateu", "surdo", "cego", "deficiente", "autista", "idoso",
            "idosa", "gordo", "gorda", "pobre", "feminista", "mulher", "homem", "imigrante",
        ),
    ),
}  # fmt: skip

#: Swearing at nobody, and words among friends: sentences, and the things that they may be about.
_FRIENDLY: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...] = (
    (
        (
            "this {} is fucking great", "what a fucking beautiful {}", "the {} was damn good",
            "holy shit, the {} looks gorgeous", "hell yeah, finally a new {}",
            "oh shit I forgot the {} at home", "best fucking {} I ever had",
            "the {} scared the shit out of me haha", "bloody lovely {} you have there",
            "damn, what a {}", "I laughed my ass off at the {}", "no crap, the {} is free today",
            "badass {} my friend", "this {} is the shit", "fuck yes we won the {}",
            "fuck I miss my {}", "kick ass {} tonight, thanks everyone",
        ),
        ("game", "cake", "film", "trip", "garden", "party", "song", "dog", "race", "book"),
    ),
    (
        (
            "my nigga {}", "that nigga {}, proud of him", "niggas {} and I'm here for it",
            "my bitch {} today, congratulations", "bad bitches {} on time",
            "nigga we {} together since school",
        ),
        (
            "graduated", "got promoted", "paid his rent", "cooked dinner", "won the game",
            "finished the marathon", "came to church", "started a business",
        ),
    ),
    (
        (
            "der {} war verdammt gut", "was für ein geiler {}", "oh scheiße, der {} ist weg",
            "Alter, dein {} ist der Hammer", "so ein verfickt schöner {}",
        ),
        ("Film", "Abend", "Urlaub", "Sommer", "Kuchen", "Hund", "Schlüssel", "Garten"),
    ),
    (
        (
            "caralho, que {} linda", "porra, que {} boa", "essa {} é foda demais",
            "puta {} maravilhosa", "que merda, perdi a {}", "tá foda essa {} gente, amei",
        ),
        ("música", "festa", "viagem", "comida", "praia", "série", "tarde", "chave"),
    ),
)  # fmt: skip

#: Everyday words that swear in another language: "cu" is "with" in Romanian, "hoe" "how" in Dutch.
_ELSEWHERE: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...] = (
    (
        (
            "merg cu {}", "vin cu {} mâine", "am vorbit cu {} ieri", "o seară frumoasă cu {}",
            "cu {} este mai ușor", "sunt cu {} la București", "nu știu ce să fac cu {}",
            "împreună cu {} în parc", "un film bun cu {}", "cu drag și cu {} de ziua ta",
        ),
        ("trenul", "prietenii", "copiii", "colegii", "bicicleta", "bunica", "echipa", "ei"),
    ),
    (
        (
            "hoe gaat het met {}", "hoe laat komt {}", "weet jij hoe {} werkt",
            "hoe was {} vandaag", "geen idee hoe het met {} zit", "kijk hoe mooi {} is",
            "dit is hoe {} begon", "hoe lang duurt {} nog",
        ),
        ("de trein", "het weer", "je moeder", "de film", "het feest", "de les", "onze hond"),
    ),
    (
        (
            "{} cứ từ từ", "cứ để {} làm", "{} cứ đi trước nhé", "sao cứ phải là {}",
            "nhà cũ của {}", "củ khoai của {}",
        ),
        ("anh", "em", "bạn", "mẹ", "con", "chị"),
    ),
    (
        ("{} är slut för i dag", "till slut kom {}", "{} håller god fart", "snart är {} slut"),
        ("skolan", "matchen", "helgen", "mötet", "sommaren", "tåget"),
    ),
    (
        ("{} er et fint fag", "nytt fag på skolen: {}", "det beste faget er {}", "fag og {}"),
        ("norsk", "matte", "musikk", "fysikk", "religion", "kjemi"),
    ),
    (
        ("{} a du retard", "en retard pour {}", "{} est arrivé sans retard", "quel retard, {}"),
        ("le train", "le bus", "la livraison", "le cours", "le vol", "la rentrée"),
    ),
    (
        ("cu {}", "ok cu {} then", "good night, cu {}", "thanks and cu {}"),
        ("tomorrow", "soon", "on monday", "at school", "next week", "tonight"),
    ),
)  # fmt: skip


#: Criticism of things, technical terms, reports, health, laughter: nobody is attacked.
_PLAIN: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...] = (
    (
        (
            "{} is stupid", "{} is dumb and here is why", "Why {} sucks", "{} is a terrible idea",
            "{} considered harmful", "{} is garbage", "I hate {}", "{} must die", "{} is dead",
            "the stupid thing about {}", "stop using {}, it is useless", "{} is overrated",
            "{} is ugly and slow", "the worst part of {}", "Show HN: I got sick of {}",
            "how {} is killing small companies", "{} is a joke", "nobody needs {}",
            "the dumbest thing about {}", "is it stupid to use {}?", "{} for dummies",
            "{} and its stupid defaults", "so {} is the idiot in the room", "{} plays dumb",
            "an idiot's guide to {}", "the sucker's choice: {}", "my dumb little project on {}",
            "stupid mistakes with {}", "{} is insane", "{} hates its users", "blame {}, stupid",
        ),
        (
            "agile", "pair programming", "this framework", "the new keyboard", "daylight saving",
            "unit testing", "object-oriented programming", "the cloud", "the tax form",
            "that theory", "YAML", "code review", "the open office", "my phone", "the update",
        ),
    ),
    (
        (
            "how to kill {}", "kill -9 {} and restart", "the signal kills {} at once",
            "abort {} if the parent dies", "{} is a zombie after fork", "terminate {} safely",
            "the master executes {} on each slave", "attack {} with a timing side channel",
            "orphaned {} blocks the parent", "inject {} and dump the stack", "shoot {} in the head",
        ),
        (
            "a hung process", "the child process", "a zombie thread", "the worker", "the daemon",
            "a stuck job", "the background task", "the parent shell", "the server", "that session",
        ),
    ),
    (
        (
            "man charged with murder after {}", "police: gunman killed three in {}",
            "she was raped in {}, witnesses are asked to call", "bomb kills eleven in {}",
            "two teenagers stabbed to death in {}", "the history of slavery in {}",
            "report on racism and hate crimes in {}", "genocide trial over {} opens",
            "the terrorist attack in {} left many dead", "a documentary about rape in {}",
        ),
        ("Hamburg", "Ohio", "a nightclub", "the capital", "Nairobi", "a school", "the suburbs"),
    ),
    (
        (
            "is it normal that my {} hurts", "blood in my {}, should I see a doctor?",
            "how do I keep my {} clean", "a lump near my {}", "my {} itches after a shower",
            "question about {} surgery", "my doctor looked at my {} and found nothing",
        ),
        ("penis", "vagina", "testicle", "breast", "anus", "stool", "nipple", "butt", "groin"),
    ),
    (
        (
            "dumb {}", "the dumb {} again", "stupid {} everywhere", "why are {} so dumb?",
            "smart people, dumb {}", "the stupidity of {}", "our obsession with stupid {}",
            "an idiot-proof way to build {}", "{} that only an idiot would like", "no more dumb {}",
            "the trouble with ugly {}", "{} are trash", "in defense of stupid {}", "crazy {}",
        ),
        (
            "terminals", "policies", "phones", "ideas", "meetings", "lamps", "pipes", "questions",
            "laws", "apps", "lawsuits", "contracts", "benchmarks", "interfaces", "patents",
        ),
    ),
    (
        ("{}", "{} haha", "lol {}", "{}!!", "I love it, {}", "bro {}", "{} as always"),
        (
            "he is a savage", "she's an absolute savage", "this cat is a savage", "so savage",
            "what a beast", "you're a monster on the drums", "he is a freak of nature",
            "you crazy genius", "savage level one hundred", "she is bad and I mean that as praise",
        ),
    ),
    (
        (
            "what is the dumbest {} you ever had?", "which {} do you find stupid?",
            "have you ever said a stupid {}?", "what {} makes people look like idiots?",
            "how do you deal with an idiotic {}?", "why do people like the worst {}?",
            "what is the most pathetic {} you have seen?", "who had an ugly {} in high school?",
        ),
        ("rule", "excuse", "joke", "haircut", "habit", "argument", "question", "teacher", "law"),
    ),
    (
        ("{}", "{} que risa", "{} so true", "{} muy bueno", "@ana {}", "{}!!!", "no way {}"),
        (
            "jejeje", "jejejeje", "jajaja", "jajajajaja", "kkkkkk", "hahaha", "hehehe", "huehue",
            "rsrsrs", "ahahaha", "xaxaxa", "wkwkwk", "55555", "jijiji", "jojojo", "ajajaja",
        ),
    ),
    (
        (
            "I am so {} today", "why am I this {} lol", "I feel {} for asking",
            "sorry, {} question", "my {} brain forgot it again", "I was {} back then",
        ),
        ("stupid", "dumb", "ugly", "fat", "useless", "lazy", "pathetic", "ridiculous"),
    ),
    (
        (
            "{} is a slur and should not be said", "he was suspended for calling her {}",
            "my grandmother was called {} at school", "they painted {} on the synagogue",
            "where does the word {} come from?", "don't let anyone call you {}",
        ),
        ("a bitch", "a faggot", "a retard", "an idiot", "a whore", "trash", "vermin", "a slut"),
    ),
    (
        ("{}", "{} lol", "{} and I love it", "I miss you {}", "look at {}", "so happy, {}"),
        (
            "I would kill for a pizza", "this heat is killing me", "you guys are killing it",
            "I'm dead", "that song slaps", "she destroyed the competition", "sick beat",
            "my team got murdered last night", "this trailer blew me away", "insane goal",
        ),
    ),
)  # fmt: skip

#: Swearing at things: vulgar, and no attack on anybody.
_VULGAR: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...] = (
    (
        (
            "damn that is a {}", "Damn this is a {}", "well shit, that's a {}",
            "what the fuck is this {}", "fucking {} again", "this shitty {} broke",
            "wtf, a {}", "that {} is bullshit", "goddamn {}", "so fucking tired of this {}",
            "fuck {}s", "assholes who love a {}", "is a {} bullshit or not?",
            "who the hell needs a {}", "such a crappy {}", "oh fuck, my {}", "piece of shit {}",
        ),
        (
            "thin screen", "long queue", "big truck", "cold morning", "slow train", "phone bill",
            "good sandwich", "broken printer", "loud fridge", "long commute", "tax form",
        ),
    ),
)  # fmt: skip

#: Abuse: of a group, often without a swear word, and of whoever is spoken to.
_ABUSE_OF_GROUPS = (
    "{} people are filthy", "{} people are disgusting", "{} people are animals",
    "all {} people are criminals", "{} people are vermin and should be removed",
    "{} people don't belong in this country", "we should deport every {} person",
    "{} people are less intelligent than us", "I don't want {} people near my children",
    "the world would be better without {} people", "never trust a {} person, they all lie",
    "{} people are a disease", "I hate {} people", "get {} people out of our schools",
    "{} people deserve to be beaten", "they should shoot all {} people",
)  # fmt: skip
_ABUSE: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...] = (
    (
        ("{}", "just {}", "{} already", "please {}", "lol {}", "{} loser", "@ann {}"),
        (
            "kys", "kill yourself", "go kill yourself", "go die", "neck yourself", "drop dead",
            "go hang yourself", "drink bleach", "end your life", "jump off a bridge",
            "rot in hell", "shut up you idiot", "go back to your country",
        ),
    ),
    (
        ("{}", "{}, seriously", "listen, {}", "{} and everyone knows it", "honestly {}"),
        (
            "I hope you die", "I hope you get cancer", "nobody would miss you",
            "you should never have been born", "your mother should have aborted you",
            "you are worthless", "you are a waste of oxygen", "you are a stupid idiot",
            "you're a pathetic loser", "you make me sick, you pig", "you are too dumb to breathe",
            "I will find you and break your legs", "I know where you live, watch your back",
            "someone should beat you up", "you deserve to be raped", "she is a dumb whore",
            "he is a fat disgusting pig", "you people are subhuman", "you ugly cow",
        ),
    ),
)  # fmt: skip


def list_sentences_about_people() -> Iterator[str]:
    """Yield sentences that name a group of people; none is offensive."""
    for lines, groups in _PEOPLE.values():
        yield from (line.format(group) for group in groups for line in lines)


def list_friendly_sentences() -> Iterator[str]:
    """Yield sentences that swear; none is offensive."""
    for lines, things in _FRIENDLY:
        yield from (line.format(thing) for thing in things for line in lines)


def list_false_friends() -> Iterator[str]:
    """Yield sentences of languages that the gold sets lack, and of chat; none is offensive."""
    for lines, things in _ELSEWHERE:
        yield from (line.format(thing) for thing in things for line in lines)


def list_groups() -> list[str]:
    """Return the words for groups of people."""
    return [group for _, groups in _PEOPLE.values() for group in groups]


def list_labelled_sentences() -> Iterator[tuple[str, float, float]]:
    """Yield every sentence with the probability that it is abuse, and that it is that or vulgar."""
    for text in (*list_sentences_about_people(), *list_false_friends(), *_fill(_PLAIN)):
        yield text, 0.0, 0.0
    for text in (*list_friendly_sentences(), *_fill(_VULGAR)):
        yield text, 0.0, 1.0
    for text in _fill(_ABUSE):
        yield text, 1.0, 1.0
    for group in _PEOPLE["en"][1]:
        yield from ((line.format(group), 1.0, 1.0) for line in _ABUSE_OF_GROUPS)


def _fill(table: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]) -> Iterator[str]:
    for lines, things in table:
        yield from (line.format(thing) for thing in things for line in lines)
