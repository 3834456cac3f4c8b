"""Invented benign sentences to train on, so that the words for groups do not score as toxic.

In the gold sets the name of a group occurs mostly in abuse of it, and a swear word mostly where
somebody is sworn at. These sentences have both in harmless contexts, and everyday words of other
languages that look like swear words. ``bench/quality/toxicity_pairs.py`` measures on others, of
other words and forms.
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
