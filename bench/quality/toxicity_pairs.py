"""Invented benign sentences: people named by their group, and dialects.

No model was trained on them; the sentences for training, as different as possible, are in
``scripts/toxicity_sentences.py``.
"""

from __future__ import annotations

#: Neutral sentences with a slot for the name of a group, by language.
NEUTRAL = {
    "en": (
        "I am a {} man and happy", "my best friend is a {} woman", "proud to be {}",
        "she is {} and a great teacher", "the {} community center opens at nine",
        "being {} in a small town", "a {} couple moved in next door", "are you {}?",
    ),
    "de": (
        "Ich bin {} und glücklich", "Meine beste Freundin ist {}", "Bist du {}?",
        "Sie ist {} und eine tolle Lehrerin", "Wie es ist, in einer Kleinstadt {} zu sein",
        "Stolz darauf, {} zu sein", "Mein Nachbar ist {} und kocht gern", "Unser Arzt ist {}",
    ),
    "pt": (
        "Eu sou {} e feliz", "minha melhor amiga é {}", "você é {}?",
        "ela é {} e uma ótima professora", "como é ser {} numa cidade pequena",
        "orgulho de ser {}", "meu vizinho é {} e cozinha bem", "nosso médico é {}",
    ),
}  # fmt: skip

IDENTITIES = {
    "en": (
        "gay", "lesbian", "trans", "bisexual", "queer", "black", "white", "asian", "african",
        "latino", "mexican", "chinese", "muslim", "jewish", "christian", "hindu", "atheist",
        "deaf", "blind", "disabled", "autistic", "old", "female", "feminist", "arab", "turkish",
    ),
    "de": (
        "schwul", "lesbisch", "trans", "bisexuell", "queer", "schwarz", "weiß", "asiatisch",
        "afrikanisch", "türkisch", "arabisch", "syrisch", "polnisch", "russisch", "muslimisch",
        "jüdisch", "christlich", "gläubig", "atheistisch", "gehörlos", "blind", "behindert",
        "autistisch", "alt", "dick", "feministisch",
    ),
    "pt": (
        "gay", "lésbica", "trans", "bissexual", "negro", "negra", "branco", "asiático",
        "indígena", "nordestino", "baiano", "boliviano", "venezuelano", "chinês", "muçulmano",
        "judeu", "evangélico", "católico", "ateu", "surdo", "cego", "deficiente", "autista",
        "idoso", "gordo", "feminista",
    ),
}  # fmt: skip

#: The same said twice: in the words of a group, or among friends, and in plain ones.
PAIRS: dict[str, tuple[tuple[str, str], ...]] = {
    "African-American English, grammar": (
        ("he be working late every day this week", "he works late every day this week"),
        ("she finna graduate and we so proud", "she is about to graduate and we are so proud"),
        ("ain't nobody cooking like my auntie", "nobody cooks like my aunt"),
        ("we was tryna get to church on time", "we were trying to get to church on time"),
        ("that song go hard fr no cap", "that song is really good, honestly"),
        ("my cousin done bought a whole house", "my cousin has bought a house"),
        ("they stay playing that track, it slap", "they keep playing that track, it is great"),
        ("bruh you wild for that one lol", "man, that was a bold thing to do, haha"),
        ("y'all better come thru for the cookout", "you should all come to the barbecue"),
        ("I'm deadass tired but the fit clean", "I am really tired but the outfit looks good"),
        ("lil sis really out here winning", "my little sister is really doing well"),
        ("ion even know where he at", "I don't even know where he is"),
    ),
    "African-American English, reclaimed words": (
        ("my nigga made it home safe thank god", "my friend made it home safe, thank god"),
        ("these niggas funny as hell at practice", "these guys are very funny at practice"),
        ("happy birthday to my nigga, love you bro", "happy birthday to my friend, love you bro"),
        ("she a bad bitch with a degree", "she is an impressive woman with a degree"),
        ("me and my bitches brunching today", "my friends and I are having brunch today"),
        ("nigga got the job, drinks on him", "he got the job, drinks are on him"),
        ("niggas really grew up and started families", "we really grew up and started families"),
        ("that's my hoe, we been friends since third grade", "she has been my friend since school"),
    ),
    "friendly swearing": (
        ("that concert was fucking amazing", "that concert was really amazing"),
        ("holy shit what a goal", "oh wow what a goal"),
        ("damn this pizza is good", "wow this pizza is good"),
        ("I passed the exam, hell yes", "I passed the exam, oh yes"),
        ("so fucking proud of you", "so very proud of you"),
        ("this puppy is so damn cute", "this puppy is so very cute"),
        ("I love this shit, best album of the year", "I love this, best album of the year"),
        ("you sneaky bastard, congrats on the baby", "you sneaky man, congrats on the baby"),
        ("my ass is tired after that hike", "my legs are tired after that hike"),
        ("crap, forgot my umbrella again", "oh no, forgot my umbrella again"),
        ("that was badass, do it again", "that was great, do it again"),
        ("I fucking love my grandma", "I really love my grandma"),
    ),
    "British English": (
        ("bloody brilliant match that was", "that was a really brilliant match"),
        ("he's well chuffed, the daft sod", "he is very pleased, the silly man"),
        ("fancy a fag outside before the film", "would you like to smoke before the film"),
        ("I'm knackered and it's pissing down", "I am tired and it is raining hard"),
        ("had faggots and peas for tea", "had meatballs and peas for dinner"),
        ("cheeky git nicked my last crisp", "he took my last crisp, how cheeky"),
        ("it's the dog's bollocks that curry", "that curry is the best"),
        ("took the piss out of me all night, love them", "teased me all night, love them"),
        ("my mum's a proper nutter for gardening", "my mum is very keen on gardening"),
        ("right, I'm off to bed, you muppets", "right, I am off to bed, friends"),
    ),
    "Indian English": (
        ("yaar that exam was too tough", "friend, that exam was very hard"),
        ("do one thing, come to my place only", "I suggest that you come to my place"),
        ("uncle is out of station till Monday", "uncle is out of town until Monday"),
        ("what nonsense, the bus is late again na", "how annoying, the bus is late again"),
        ("my cousin brother is doing MBA from Pune", "my cousin is studying for an MBA in Pune"),
        ("this rascal of a monkey stole my banana", "this monkey stole my banana"),
        ("aunty is scolding me for nothing yaar", "aunty is telling me off for no reason"),
        ("kindly revert back by evening ji", "please answer by this evening"),
        ("full tension, results are coming tomorrow", "very nervous, results come tomorrow"),
        ("bhai you are a mad genius", "brother, you are an amazing genius"),
    ),
    "German, casual": (
        ("Alter, war das geil gestern", "Mensch, war das schön gestern"),
        ("scheiße, ich hab den Bus verpasst", "schade, ich habe den Bus verpasst"),
        ("verdammt lecker, dieser Kuchen", "sehr lecker, dieser Kuchen"),
        ("du verrücktes Huhn, ich hab dich lieb", "du lustige Freundin, ich habe dich lieb"),
        ("krass, der Typ spielt ja irre gut", "toll, der Mann spielt ja sehr gut"),
        ("saugeil, morgen ist schulfrei", "sehr schön, morgen ist schulfrei"),
        ("Digga, ich bin so im Arsch nach dem Training", "ich bin so müde nach dem Training"),
        ("i mog di, du Depp", "ich mag dich, du Lieber"),
    ),
    "Brazilian, casual": (
        ("caralho que jogo bom", "nossa que jogo bom"),
        ("porra que saudade de vocês", "nossa que saudade de vocês"),
        ("mano do céu essa comida tá foda", "gente essa comida está ótima"),
        ("oxente bichinho vem cá comer", "querido vem aqui comer"),
        ("puta show lindo ontem", "um show muito lindo ontem"),
        ("merda, esqueci o guarda-chuva", "que pena, esqueci o guarda-chuva"),
        ("minha vó é foda, melhor bolo do mundo", "minha avó é ótima, melhor bolo do mundo"),
        ("to cansado pra cacete hoje", "estou muito cansado hoje"),
    ),
}

#: Everyday sentences with words that swear in another language, or nearly; by language.
FALSE_FRIENDS = {
    "Romanian": (
        "mă plimb cu sora mea", "cafea cu lapte, vă rog", "ce faci cu banii",
        "ne vedem cu toții duminică", "cartea cu povești", "a plecat cu avionul",
        "bună dimineața cu soare", "sarmale cu smântână", "cu bine", "joc tenis cu tata",
    ),
    "Dutch": (
        "hoe heet jij", "hoe duur is die fiets", "ik vraag me af hoe dat kan", "hoe dan ook",
        "vertel eens hoe je dat maakt", "hoe oud is je broer", "hoezo niet", "hoe kom ik daar",
        "zie hoe ze lachen", "hoe meer hoe beter",
    ),
    "Vietnamese": (
        "cứ như vậy nhé", "trời cứ mưa mãi", "mình cứ nghĩ là hôm nay", "sách cũ giá rẻ",
        "củ cà rốt ngon", "cứ yên tâm",
    ),
    "Swedish, Norwegian, Danish": (
        "kaffet är slut", "slutet gott, allting gott", "bilens fart var hög", "vi har tre fag i år",
        "boken tog slut", "lærer i to fag", "fuld fart frem", "farten er lav i byen",
    ),
    "French, Spanish, Italian": (
        "désolé pour le retard", "un retard de dix minutes", "el gato negro duerme",
        "vengo con mi hermana", "suona il fagotto", "la bite d'amarrage du port",
    ),
    "chat": ("cu later", "cu at the station", "cya, cu then", "graduated magna cum laude",
             "the cock crows at dawn", "scunthorpe won at home", "classic pass to the midfielder",
             "bass and grass"),
}  # fmt: skip
