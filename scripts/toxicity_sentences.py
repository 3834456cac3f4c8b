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

#: Judgements of things in a word or two, people on themselves, words quoted or asked about.
_JUDGED = (
    (
        (
            "{}.", "{}!", "how {}", "that is just {}", "what a {} article", "sounds {} to me",
            "this is {}, not us", "a {} policy", "the headline is {}", "{}, really?", "so {} lol",
            "some {} rule at school", "isn't that {}?", "it would be {} to sell",
            "stop being {}",
        ),
        (
            "moronic", "idiotic", "stupid", "dumb", "pathetic", "lame", "insane", "ridiculous",
            "asinine", "silly", "disgusting", "disgraceful", "STUPID STUPID STUPID", "terrible",
        ),
    ),
    (
        (
            "what happened to the {} in your class?", "how {} can somebody be and still get a job?",
            "why do {} people win elections?", "the other side is not {}", "dating somebody {}",
            "are smart people happier than {} ones?", "what is the {} thing you ever did?",
            "rules that make {} people quit", "a smart battery for your {} alarm",
            "yes, that was {} but who cares", "my {} homepage", "is there a war {} than that one?",
            "it got {} from there", "{} money", "your kids are not {}", "a {} joke, I know",
            "'the man who wrote this is {}' is what they say", "I judge {} men for umbrellas",
        ),
        (
            "dumb", "dumber", "dumbest", "stupid", "stupider", "stupidest", "idiotic", "crazy",
            "dull", "ugly", "lazy", "mediocre", "moronic", "slow",
        ),
    ),
    (
        (
            "{} get you down", "an interview with {}", "the revolt of {}", "a story of {} and love",
            "a guide to {}", "the psychology of {}", "how I worked for {} and quit",
            "a city without {}", "{} and basic income", "was {} right?", "the class of {}",
            "pests and {} should be no problem for wizards", "{}: a memoir", "beware of {}",
        ),
        (
            "the idiot", "idiots", "the morons", "losers", "jerks", "the fool", "rich kids", "rats",
            "traitors", "rapists", "clowns", "villains", "hackers", "the damned",
        ),
    ),
    (
        (
            "I stupidly {}", "I'm the idiot who {}", "silly me, I {}", "I was dumb enough and {}",
            "because I'm dumb I {}", "call me stupid but I {}", "I'm just a lazy idiot who {}",
        ),
        (
            "forgot my keys", "bought it twice", "clicked on the link", "missed the train",
            "believed the advert", "did not notice", "waited till the last minute", "said yes",
        ),
    ),
    (
        (
            "what's the last thing that made you feel like {}?", "how do I deal with {} at work?",
            "'you are {}' is no argument", "she called him {} and left", "who plays {} in it?",
            "what is the difference between {} and a fool?", "an intellectual as {}", "not {}",
            "how not to be {} in meetings", "it says that he is {}, he isn't", "{} in the novel",
            "I'd rather be {} than rich", "we all know {} like that", "does it make me {}?",
        ),
        ("an idiot", "a moron", "a jerk", "a loser", "a creep", "a clown", "a dummy", "a fool"),
    ),
    (
        (
            "some {} think that", "I met a few {} there", "two {} argue about it in the thread",
            "the {} of our town held a fair", "the film embarrasses {}", "{} ditch the old plan",
            "{} react to the news", "even {} like this song", "{} explain their vote", "dear {},",
        ),
        (
            "liberals", "conservatives", "christians", "immigrants", "women", "men", "lesbians",
            "feminists", "muslims", "politicians", "republicans", "democrats", "fans", "teenagers",
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
    (
        (
            "what's the difference between {} and a saint?", "better alone than {}", "life's {}",
            "what makes somebody {}?", "this song is called {}", "don't be {} on the road",
            "the word {} should be banned", "someone called me {} today lol", "my cat is {}",
            "I love you, you are {} haha", "my alarm is {}", "have you ever been called {}?",
        ),
        (
            "an asshole", "a douchebag", "a bitch", "a bastard", "a dick", "a pussy", "a badass",
            "a dumbass",
        ),
    ),
    (
        (
            "don't let the {} get you down", "a company of {}", "stories about {}", "rich {} again",
            "what's the last thing that {} did at work?", "the {} of silicon valley", "no {} here",
            "how do you deal with {}?", "a honeypot for {}", "why are there so many {} in films?",
        ),
        ("assholes", "douchebags", "bastards", "dicks", "pricks", "bitches", "dumbasses", "whores"),
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

#: Groups as nouns: what is said of them, hateful and in whatever words, and what is not.
_GROUPS = (
    "muslims", "jews", "christians", "hindus", "atheists", "blacks", "whites", "asians",
    "africans", "mexicans", "arabs", "turks", "poles", "russians", "chinese people", "indians",
    "pakistanis", "gypsies", "albanians", "immigrants", "migrants", "refugees", "foreigners",
    "women", "girls", "men", "gays", "lesbians", "trans people", "feminists", "disabled people",
    "autistic people", "old people", "the poor", "homeless people", "fat people", "liberals",
    "conservatives", "vegans", "journalists",
)  # fmt: skip
_HATRED = (
    "{} are a plague on our cities", "{} are a plague and must go", "{} are parasites",
    "{} are vermin", "{} are filthy",
    "{} are the scum of the earth", "{} are a cancer in this country", "{} breed like rats",
    "{} ruin everything they touch", "{} are not human", "{} are savages and thieves",
    "{} should not have the right to vote", "{} should go back to where they came from",
    "{} should be locked up, all of them", "{} should be sterilised", "send all {} away for good",
    "keep {} out of our schools", "the only good ones are dead {}", "no offence but {} are lazy",
    "we would be better off without {}", "with all due respect, {} do not belong in our society",
    "I am not prejudiced, but {} simply are less clever", "it is a fact that {} are inferior",
    "{} should know their place", "round up the {} and ship them off", "let's get rid of all {}",
    "I can't stand {}, disgusting", "{} have no place in a civilised country",
    "{} do not deserve rights",
    "nothing but crime comes with {}", "the world will be clean once {} are gone",
    "one should not hire {}, they can't be trusted", "{} are a burden and a threat to us all",
)  # fmt: skip
#: How people begin and end what they post: kinds of which the gold sets have few count more.
_FRAMES = ("{}", "honestly, {}", "@bob {}", "{} and everyone knows it", "lol {}", "RT @ann: {}")
_FAIR_WORDS = (
    "{} are our neighbours", "{} pay taxes like everyone else", "many {} came to the meeting",
    "{} should have the right to vote", "a report on violence against {}", "jobs for {} in town",
    "{} are not a plague, stop saying that", "whoever calls {} vermin should be ashamed",
    "the law that kept {} out of schools was repealed", "the party wants fewer {} in the army",
    "how many {} live in this town?", "{} had no right to vote at that time", "I met two {} today",
    "the police arrested two {} after the match", "do {} like spicy food?", "a film about {}",
    "some {} agree with that, others don't", "{} were deported during the war", "support for {}",
    "the vote of {} decided the election", "a club for {}", "why do {} live longer?",
)  # fmt: skip

_FAIR_WORDS_OF_PEOPLE = (
    "we {} people need to accept that it is okay", "some {} people think so", "{} people are fine",
    "even {} people like it", "how do {} people see this?", "{} people and their rights",
    "white, black or {}, everyone is welcome", "a doctor for {} people", "I trust {} people",
    "{} girls cook better than I do", "the {} people I know are kind", "not all {} people agree",
    "my kids deserve {} teachers too", "{} friends of mine are getting married",
)  # fmt: skip

#: Harm that is wished to somebody, and the same words where none is.
_WISHES = (
    (
        (
            "I hope you {}", "i hope he {}", "hope she {} soon", "I really hope they all {}",
            "can't wait until you {}", "you should {}", "may you {}", "why don't you just {}",
            "I hope your whole family {}", "please {} already", "you deserve to {}", "go {}",
        ),
        (
            "get run over by a truck", "choke on your dinner", "break your neck on the stairs",
            "get cancer and suffer", "rot in a cell", "burn in hell", "die alone", "get shot",
            "drown", "never wake up again", "get hit by a train and die", "fall off a cliff",
            "crash your car and die", "catch a horrible disease", "bleed out", "starve",
        ),
    ),
)  # fmt: skip
_GOOD_WISHES = (
    (
        (
            "I hope you {}", "i hope he {}", "hope she {} soon", "I really hope they all {}",
            "can't wait until you {}", "you should {}", "may you {}", "why don't you just {}",
            "I hope your whole family {}", "please {} already", "you deserve to {}", "go {}",
        ),
        (
            "get well", "catch the bus in time", "get the job", "arrive safely", "sleep well",
            "finish the truck", "find a train that is on time", "enjoy your dinner", "win the cup",
            "wake up early", "take the stairs", "see a doctor", "call your mother", "come by car",
            "never have to deal with such a disease", "write the next song", "be happy",
            "stay strong", "keep your kitchen", "know the facts", "have a good life", "get a raise",
            "be treated with respect", "live to be a hundred", "rest", "be loved",
        ),
    ),
    (
        (
            "you are a very {} human being", "what a {} person you are", "you are such a {} woman",
            "you're a {} man", "she is a {} girl", "he is a {} guy", "your face is {}",
            "you are {} and everyone knows", "you look {}", "you people are {}",
            "don't trust anyone but {} people",
        ),
        (
            "precious", "wonderful", "kind", "beautiful", "great", "decent", "smart", "good",
            "sweet", "brave", "funny", "lovely", "strong", "special",
        ),
    ),
    (
        ("{}", "RT: {}", "{} https://x.org", "so true: {}", "{} and that is okay", "@bob {}"),
        (
            "don't trust anyone", "you are alone in this world", "people will hate you and rate",
            "shut your mouth, this is amazing", "everyone is entitled to an opinion", "fuck cancer",
            "she doesn't deserve this", "I hate it when people lie", "they eat bugs and spiders",
            "you wouldn't get beaten up there", "they send more people to prison than we do",
            "you embarrass all of us lol", "are you out of your mind", "do not follow the herd",
            "in this place of worship", "one more reason to stop", "we don't care", "we are losers",
        ),
    ),
    (
        (
            "{}", "so sad, {}", "news: {}", "did you hear? {}", "last year {}", "I read that {}",
        ),
        (
            "a man was hit by a bus and died", "my uncle died of cancer", "she fell off a cliff",
            "he choked on his dinner but is fine", "two people drowned in the lake",
            "her dog was run over by a truck", "the pilot burned his hands", "my phone died",
            "he broke his neck on the stairs and lived", "a boy was shot near the station",
            "the train hit a car", "the plants will starve without light", "the battery dies fast",
        ),
    ),
    (
        (
            "I hope {} dies in a fire", "{} should be killed off", "can't wait until {} is gone",
            "I hope {} crashes and burns", "let's get rid of {}", "{} is a cancer", "kill {}",
            "{} is a plague", "death to {}", "{} makes me sick",
        ),
        (
            "this bug", "that app", "the meeting", "this trend", "the old website", "my alarm",
            "daylight saving", "the paper form", "this feature", "the cookie banner",
        ),
    ),
    (
        ("{} are a plague this year", "{} are parasites", "{} breed fast", "{} are vermin",
         "how to get rid of {}", "{} are filthy after the rain", "send the {} away"),
        (
            "mosquitoes", "ticks", "rats", "locusts", "cane toads", "fleas", "moths", "weeds",
            "pigeons", "slugs", "wasps", "old shoes", "the carpets",
        ),
    ),
)  # fmt: skip

#: Threats, insults and contempt without a swear word, of whoever is spoken to or of somebody.
_CONTEMPT = (
    (
        ("{}", "{} lol", "{}, you loser", "@bob {}", "wow, {}", "{}. nobody likes you"),
        (
            "you are a disgrace", "you are a clown", "you're a failure as a human being",
            "you are a sorry excuse for a man", "you are a pathetic liar", "you are a coward",
            "you are nothing but a gold digger", "you are brain dead", "you have no brain",
            "what an ugly face you have", "how stupid can you be", "even your dog is smarter",
            "you look like a pig", "she is so ugly she should wear a bag", "he is a waste of space",
            "what a moron", "she is a gold digger", "he is a creep and a loser", "you're a joke",
            "you people are sheep", "these kids are brats and morons", "this woman is insane",
            "get a life, loser", "crawl back into your hole", "you fat cow", "shut your mouth",
            "I will beat you up", "I'm going to hurt you", "we are coming for you tonight",
            "you won't live to see tomorrow", "watch your back",
            "I know where your kids go to school", "I will burn your house down",
            "he needs a bullet", "somebody should shoot her",
        ),
    ),
)  # fmt: skip
_NO_CONTEMPT = (
    (
        ("{}", "{} lol", "{}, my friend", "@bob {}", "wow, {}", "{}. I like it"),
        (
            "you are a legend", "you are a genius", "you're a wonderful human being",
            "you are a good man", "you are a star", "the clown at the circus was great",
            "a song about a gold digger", "I felt like a clown", "the joke is on me",
            "what an ugly sweater", "how stupid of me", "even your dog likes it",
            "the pig looks happy", "I am a coward when it comes to heights", "what a game",
            "the sheep are on the hill", "these kids are great", "this woman is amazing",
            "get a coffee", "the mouse is back in its hole", "the cow is fat", "open your mouth",
            "I will beat you at chess", "I'm going to miss you", "we are coming for dinner tonight",
            "live to see the sunrise", "watch the back door", "I know where the school is",
            "I will burn you a copy", "he needs a holiday", "somebody should film her",
            "this beat is insane", "a disgrace of a referee decision", "failure is how you learn",
        ),
    ),
    (
        (
            "{}'s dumb policy", "the dumb rules of {}", "{} is getting stupid",
            "why {} is an idiot's choice",
            "{}: the stupidest launch ever", "{} must think we are fools", "I hate what {} did",
            "how {} failed", "{} is evil", "{} is full of trolls and idiots", "{} lied again",
        ),
        (
            "Google", "Apple", "Microsoft", "the bank", "the government", "the railway", "Netflix",
            "Congress", "the phone company", "our landlord's agency", "the press", "Twitter",
        ),
    ),
)  # fmt: skip


#: How many long posts without abuse there are, and of how many sentences at least.
LONG_POSTS = 500
LONG_SENTENCES = 10


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
    for text in (*list_sentences_about_people(), *list_false_friends()):
        yield text, 0.0, 0.0
    people = _PEOPLE["en"][1]
    fair = ((_FAIR_WORDS, _GROUPS), (_FAIR_WORDS_OF_PEOPLE, people))
    plain = (*_PLAIN, *_JUDGED, *_GOOD_WISHES, *_NO_CONTEMPT, *fair)
    for text in _frame(plain):
        yield text, 0.0, 0.0
    for text in (*list_friendly_sentences(), *_frame(_VULGAR)):
        yield text, 0.0, 1.0
    hatred = ((_HATRED, _GROUPS), (_ABUSE_OF_GROUPS, people))
    for text in _frame((*_ABUSE, *_WISHES, *_CONTEMPT, *hatred)):
        yield text, 1.0, 1.0
    # Long posts: words of abuse add up where nobody is attacked, and one sentence may be abuse.
    calm = list(_fill(plain))
    for first in range(LONG_POSTS):
        yield ". ".join(calm[first :: len(calm) // LONG_SENTENCES]), 0.0, 0.0
    for number, text in enumerate((*_fill(_CONTEMPT), *_fill(_WISHES))):
        parts = calm[number :: len(calm) // (LONG_SENTENCES - 3)]
        yield ". ".join([*parts[:3], text, *parts[3:]]), 1.0, 1.0


def _frame(table: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]) -> Iterator[str]:
    """Yield each sentence of a table in every frame but one, another one each time."""
    for number, text in enumerate(_fill(table)):
        skipped = _FRAMES[number % len(_FRAMES)]
        yield from (frame.format(text) for frame in _FRAMES if frame != skipped)


def _fill(table: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]) -> Iterator[str]:
    for lines, things in table:
        yield from (line.format(thing) for thing in things for line in lines)
