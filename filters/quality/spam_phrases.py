"""The signs of spam of languages other than English: phrases, by language and group.

Written by hand, in the words that advertisements use; they contain no text of a person. A phrase is
found anywhere in a lower-case text, so each is long enough not to be part of an ordinary word. What
a group weighs is in ``spam_signs.py``.
"""

from __future__ import annotations

#: By language and group of signs: the phrases, separated by ``|``.
SPAM_PHRASES: dict[str, dict[str, str]] = {
    "es": {
        "promotion": "suscríbete al canal|suscribete al canal|suscríbete a mi canal|"
        "suscribete a mi canal|suscríbanse a mi canal|suscribanse a mi canal|visita mi canal|"
        "visiten mi canal|pásate por mi canal|pasate por mi canal|pasen por mi canal|"
        "vuelta por mi canal|vuelta a mi canal|sígueme en insta|sigueme en insta|"
        "síguenos en insta|siguenos en insta|síganme en insta|suscríbete a nuestro canal|"
        "sigan mi cuenta",
        "gain": "sígueme y te sigo|sigueme y te sigo|siguemeytesigo|si me sigues te sigo|"
        "te sigo si me sigues|yo te sigo de vuelta|gana dinero desde casa|"
        "ganar dinero desde casa|gana dinero por internet|ganar dinero por internet|"
        "gana dinero online|ganar dinero online|gana dinero rápido|trabaja desde casa y gana|"
        "consigue seguidores|seguidores gratis",
        "prizes": "rt para participar|rt y participa|haz rt y gana|gana un iphone|"
        "sorteamos un iphone|has ganado un premio|participa en nuestro sorteo",
        "scam": "duplica tu dinero|invierte en bitcoin|préstamos rápidos sin|"
        "prestamos rapidos sin|créditos inmediatos sin|videos xxx gratis",
        "begging": "dale like y comparte|dale like y suscr|like y suscríbete|like y suscribete|"
        "comparte y dale like",
        "wares": "porno gratis|sexo en vivo|amarres de amor|pastillas para adelgazar|"
        "comprar seguidores",
        "call_to_action": "haz clic aquí|haz click aquí|haz clic en el enlace|da clic aquí|"
        "link en mi perfil|enlace en mi perfil|link en la bio|enlace en la bio|compra ahora|"
        "compra ya|reserva ya|oferta limitada|últimas unidades|aprovecha la oferta|"
        "aprovecha esta oferta|inscríbete ya|pide el tuyo",
        "contact": "info por whatsapp|por whatsapp al|al whatsapp|whatsapp:|contáctanos al|"
        "contactanos al|llámanos al|pedidos al|pedidos por dm",
        "commerce": "envío gratis|envíos gratis|envios gratis|envíos a todo|envios a todo|"
        "código de descuento|cupón de descuento|precio especial|al mejor precio|2x1 en",
    },
    "pt": {
        "promotion": "inscreva-se no canal|se inscreve no canal|se inscreva no canal|"
        "se inscreva no meu canal|inscreva-se no meu canal|inscreve no meu canal|"
        "se inscrevam no meu canal|visita meu canal|visitem meu canal|passa no meu canal|"
        "conheça meu canal|conheçam meu canal|me segue no insta|me sigam no insta|"
        "siga-nos no insta|segue lá no insta",
        "gain": "sdv todos|troco likes|sigo de volta|segue que sigo|me segue que eu sigo|"
        "ganhe dinheiro em casa|ganhar dinheiro em casa|ganhe dinheiro online|"
        "ganhar dinheiro online|ganhe dinheiro na internet|ganhar dinheiro na internet|"
        "renda extra em casa|ganhe seguidores|ganhar seguidores|seguidores grátis",
        "prizes": "dê rt para participar|participe do sorteio|participe do nosso sorteio|"
        "concorra a um iphone|você ganhou um prêmio|concorra a prêmios",
        "scam": "dobre seu dinheiro|invista em bitcoin|empréstimo sem consulta|"
        "empréstimo para negativado|vídeos porno|videos porno|emagreça sem",
        "begging": "deixa o like e se inscreve|deixe seu like e se inscreva|curta e compartilhe|"
        "curtam e compartilhem",
        "wares": "sexo ao vivo|emagreça rápido",
        "call_to_action": "clique aqui|clica aqui|clique no link|clica no link|link na bio|"
        "link no perfil|link no meu perfil|compre agora|compre já|garanta já|garanta o seu|"
        "aproveite a promoção|peça já|inscreva-se já",
        "contact": "chama no whats|chame no whats|chama no zap|pelo whatsapp|encomendas pelo|"
        "chama na dm|pedidos pelo",
        "commerce": "frete grátis|frete gratis|cupom de desconto|cupom:|melhor preço|"
        "entregamos em todo|promoção imperdível|parcele em até",
    },
    "fr": {
        "promotion": "abonnez-vous à la chaîne|abonnez vous à la chaîne|abonne-toi à ma chaîne|"
        "abonnez-vous à ma chaîne|abonne toi a ma chaine|abonnez vous a ma chaine|"
        "abonnez-vous a ma chaine|allez voir ma chaîne|viens voir ma chaîne|venez voir ma chaîne|"
        "passez sur ma chaîne|suivez-moi sur insta|suis-moi sur insta|suivez-nous sur insta|"
        "visitez ma chaîne",
        "gain": "je te suis si tu me suis|je follow back|gagner de l'argent en ligne|"
        "gagnez de l'argent en ligne|gagner de l'argent à la maison|"
        "gagner de l'argent sur internet|gagnez de l'argent sur internet|"
        "gagnez de l'argent depuis chez vous|gagner de l'argent facilement|gagnez des abonnés|"
        "abonnés gratuits",
        "prizes": "rt et follow pour|rt + follow|rt+follow|pour participer : rt|"
        "participez au concours|gagnez un iphone|tentez de gagner|à gagner : rt|"
        "vous avez gagné un",
        "scam": "doublez votre argent|investissez dans le bitcoin|prêt entre particuliers|"
        "prêt rapide sans|offre de prêt|retour de l'être aimé|marabout voyant|"
        "acheter des abonnés|perdre du poids rapidement",
        "begging": "likez et partagez|mettez un like et abonn|like et abonne-toi",
        "wares": "porno gratuit|sexe en direct|grand marabout",
        "call_to_action": "cliquez ici|clique ici|cliquez sur le lien|lien en bio|"
        "lien dans ma bio|lien dans la bio|achetez maintenant|commandez maintenant|"
        "commandez vite|offre limitée|profitez-en vite|inscrivez-vous vite|réservez vite|"
        "dernières pièces",
        "contact": "contactez-moi sur whatsapp|whatsapp :|contactez-nous au|en dm pour commander|"
        "commande en mp|appelez-nous au",
        "commerce": "livraison gratuite|code promo|bon de réduction|meilleur prix|"
        "prix imbattable|satisfait ou remboursé",
    },
    "de": {
        "promotion": "abonniert den kanal|abonniert meinen kanal|abonniere meinen kanal|"
        "schaut auf meinem kanal|schau auf meinem kanal|besucht meinen kanal|folgt mir auf insta|"
        "folge mir auf insta|folgt uns auf insta|schaut bei mir vorbei|lasst ein abo da",
        "gain": "follow ich zurück|folge zurück|ich folge zurück|geld verdienen im internet|"
        "geld verdienen von zuhause|geld verdienen von zu hause|online geld verdienen|"
        "verdiene geld von|nebenbei geld verdienen|passives einkommen aufbauen|"
        "mehr follower bekommen|kostenlose follower",
        "prizes": "gewinne ein iphone|jetzt mitmachen und gewinnen|mitmachen und gewinnen|"
        "rt und gewinne|zum gewinnspiel|sie haben gewonnen|teilen und gewinnen",
        "scam": "verdopple dein geld|in bitcoin investieren und|sofortkredit ohne|"
        "kredit ohne schufa|live sexcam|sexcam live|schnell abnehmen mit",
        "begging": "liken und teilen|like da und abonnier|gefällt mir und teilen",
        "wares": "gratis porno|kostenlose pornos|follower kaufen",
        "call_to_action": "klick hier|klicke hier|klickt hier|klicken sie hier|link in der bio|"
        "link in bio|link im profil|jetzt kaufen|jetzt bestellen|jetzt sichern|jetzt zugreifen|"
        "jetzt anmelden|nur solange der vorrat|nur für kurze zeit|hier gratis",
        "contact": "per whatsapp an|kontaktiert uns unter|ruf uns an|bestellung per dm",
        "commerce": "versandkostenfrei|kostenloser versand|gutscheincode|rabattcode|"
        "zum bestpreis|zum sonderpreis|% rabatt auf",
    },
    "it": {
        "promotion": "iscriviti al canale|iscrivetevi al canale|iscriviti al mio canale|"
        "iscrivetevi al mio canale|visita il mio canale|visitate il mio canale|"
        "passate dal mio canale|seguimi su insta|seguitemi su insta|seguiteci su insta|"
        "guardate il mio canale",
        "gain": "ricambio il follow|follow ricambio|seguimi e ti seguo|guadagnare da casa|"
        "guadagna da casa|guadagnare online|guadagna online|guadagnare soldi online|"
        "soldi facili online|follower gratis|aumentare i follower",
        "prizes": "vinci un iphone|partecipa al giveaway|partecipa al concorso e vinci|"
        "hai vinto un|rt per partecipare",
        "scam": "raddoppia i tuoi soldi|investi in bitcoin|prestiti veloci senza|"
        "prestito senza busta",
        "begging": "metti like e condividi|mettete like e condividete|like e iscriviti",
        "wares": "sesso dal vivo|comprare follower|dimagrire velocemente",
        "call_to_action": "clicca qui|cliccate qui|clicca sul link|link nella bio|acquista ora|"
        "acquista subito|compra ora|compra subito|offerta limitata|approfitta dell'offerta|"
        "iscriviti subito|ultimi pezzi|prenota subito",
        "contact": "contattaci su whatsapp|contattami su whatsapp|scrivimi in dm per|chiamaci al",
        "commerce": "spedizione gratuita|codice sconto|codice promo|miglior prezzo|"
        "prezzo speciale|super offerta",
    },
    "id": {
        "promotion": "subscribe channel aku|subscribe channel saya|subscribe channelku|"
        "mampir ke channel|mampir di channel|kunjungi channel|jangan lupa subscribe|"
        "follow ig kami|follow ig kita|follow instagram kami|cek ig kami|cek bio kami",
        "gain": "folback dong|follback ya|followback ya|saling follow|mutualan yuk|"
        "penghasilan tambahan dari rumah|kerja dari rumah dapat|dapat uang dari internet|"
        "uang gratis|cari uang online|tambah followers|followers murah|jual followers",
        "prizes": "giveaway rt|rt dan follow|rt & follow|menangkan hadiah|selamat anda mendapat|"
        "bagi-bagi saldo|bagi bagi saldo",
        "scam": "agen slot|agen bola|bandar togel|prediksi togel|deposit pulsa|bonus new member|"
        "pinjaman online cepat|pinjaman tanpa jaminan|open bo |pembesar alat vital|"
        "pelangsing badan|peninggi badan",
        "begging": "like dan share|like dan subscribe",
        "wares": "slot gacor|situs judi|judi online|togel online|poker online|situs slot|"
        "video bokep|bokep indo|obat kuat",
        "call_to_action": "klik link|klik di sini|klik disini|link di bio|cek link|"
        "order sekarang|pesan sekarang|beli sekarang|daftar sekarang|buruan order|buruan daftar|"
        "stok terbatas|promo terbatas|ready stock|ready stok|yuk order",
        "contact": "wa.me| wa 08| wa: 08|hub wa|hubungi wa|order via wa|minat dm|minat hub|"
        "info lengkap wa",
        "commerce": "gratis ongkir|harga murah|harga grosir|open reseller|diskon hingga|"
        "termurah se|kode promo|kode voucher",
    },
    "tr": {
        "promotion": "kanalıma abone ol|kanalimiza abone ol|kanalımıza abone ol|"
        "kanalima abone ol|kanalıma bekler|kanalıma da bakar|instagramdan takip edin|"
        "instagram'dan takip edin|beni instagramda takip",
        "gain": "ücretsiz takipçi kazan|takip edeni takip|takibe takip|geri takip yapılır|"
        "gt yapılır|#takipedenitakipederim|karşılıklı takip|evden para kazan|"
        "internetten para kazan|online para kazan|ek gelir fırsatı|ücretsiz takipçi|"
        "bedava takipçi|rt beğeni yapan",
        "prizes": "rt yap kazan|çekilişimize katıl|çekilişe katılmak için|iphone kazan|"
        "hediye çeki kazan|tebrikler kazandınız",
        "scam": "paranı ikiye katla|bedava bonus|deneme bonusu|eskort bayan|kredi notu fark|"
        "hızlı zayıflama|bağlama büyüsü",
        "begging": "beğen ve paylaş|beğenip paylaş|like atıp abone",
        "wares": "kaçak bahis|canlı bahis|bahis sitesi|casino sitesi|takipçi satın al|"
        "escort bayan|bayan escort|porno izle",
        "call_to_action": "hemen tıkla|buraya tıkla|tıklayın|linke tıkla|link biyoda|"
        "link profilde|hemen satın al|hemen sipariş|sipariş için|hemen üye ol|hemen kaydol|"
        "kaçırmayın|sınırlı stok|son fırsat",
        "contact": "whatsapp hattı|dm'den sipariş|bilgi için dm|iletişim için",
        "commerce": "ücretsiz kargo|kargo bedava|kapıda ödeme|indirim kodu|en uygun fiyat|"
        "kampanyalı fiyat",
    },
    "vi": {
        "promotion": "đăng ký kênh của mình|đăng kí kênh của mình|đăng ký kênh mình|"
        "đăng kí kênh mình|ghé kênh mình|ghé thăm kênh|ủng hộ kênh mình|sub kênh mình|"
        "theo dõi kênh của mình|follow instagram mình",
        "gain": "sub chéo|follow chéo|like chéo|kiếm tiền online|kiếm tiền tại nhà|"
        "kiếm tiền trên mạng|thu nhập thụ động|tăng follow|tăng like|làm việc tại nhà thu nhập",
        "prizes": "trúng iphone|bạn đã trúng thưởng|tham gia minigame|nhận quà miễn phí|"
        "quay số trúng thưởng",
        "scam": "nhà cái uy tín|tài xỉu online|lô đề online|vay tiền nhanh|nhân đôi tài khoản",
        "begging": "like và share|like và chia sẻ|like và đăng ký|like và đăng kí",
        "wares": "việc nhẹ lương cao|cá cược bóng đá|cá độ bóng đá|nổ hũ|soi cầu|vay tín chấp|"
        "vay online|phim sex|gái gọi|giảm cân cấp tốc|mua follow",
        "call_to_action": "bấm vào đây|nhấn vào đây|click vào đây|bấm vào link|click vào link|"
        "link ở bio|link trong bio|đặt hàng ngay|mua ngay|đăng ký ngay|đăng kí ngay|"
        "số lượng có hạn|nhanh tay|chốt đơn",
        "contact": "inbox ngay|ib ngay|zalo:|zalo :|zalo 0|liên hệ zalo|hotline 0|liên hệ: 0|"
        "lh: 0|sđt 0|sđt: 0",
        "commerce": "miễn phí vận chuyển|freeship|giá sỉ|giá rẻ nhất|giảm giá sốc|mã giảm giá|"
        "hàng có sẵn|ship toàn quốc",
    },
    "ru": {
        "promotion": "подпишись на мой канал|подпишитесь на мой канал|"
        "подписывайтесь на мой канал|подписывайся на мой канал|подписывайтесь на наш канал|"
        "подпишитесь на наш канал|заходите на мой канал|заходи на мой канал|зайди на мой канал|"
        "подписывайтесь на мой инстаграм|подписывайтесь на инстаграм",
        "gain": "взаимная подписка|взаимные подписки|подпишусь взаимно|взаимные лайки|"
        "заработок в интернете|заработок без вложений|заработок на дому|заработать в интернете|"
        "зарабатывай от|зарабатывайте от|работа на дому без|пассивный доход от|"
        "накрутка подписчиков|бесплатные подписчики",
        "prizes": "выиграй айфон|выиграйте айфон|розыгрыш айфона|участвуй в розыгрыше|"
        "участвуйте в розыгрыше|вы выиграли приз|для участия сделай репост",
        "scam": "удвой свои деньги|ставки на спорт с|фрибет|кредит без отказа|деньги в долг без|"
        "интим знакомства|порно видео бесплатно|похудеть за неделю",
        "begging": "ставь лайк и подпис|ставьте лайки и подпис|лайк и репост|лайк если",
        "wares": "казино онлайн|онлайн казино|договорные матчи|займ онлайн|займы онлайн|"
        "интим услуги|проститутки|смотреть порно|приворот|купить подписчиков",
        "call_to_action": "жми сюда|жми на ссылку|жмите на ссылку|переходи по ссылке|"
        "переходите по ссылке|ссылка в профиле|ссылка в шапке|ссылка в био|кликай сюда|"
        "купить сейчас|успей купить|успейте купить|закажи сейчас|закажите сейчас|"
        "количество ограничено|только сегодня скидк|регистрируйся по",
        "contact": "пишите в лс|пиши в лс|пишите в директ|пиши в директ|заказ в директ|вотсап|"
        "ватсап|звоните +7|тел. +7|тел: +7|тел.: +7|тел. 8",
        "commerce": "бесплатная доставка|доставка по всей|промокод|скидка на все|скидки до|"
        "по самой низкой цене|лучшие цены|опт и розница|цена договорная",
    },
    "ar": {
        "promotion": "اشترك في قناتي|اشتركوا في قناتي|اشترك بقناتي|اشتركو في قناتي|"
        "اشتركوا بقناتي|زوروا قناتي|تابعوا قناتي|تابعني على انستقرام|تابعوني على انستقرام|"
        "تابعونا على انستقرام|تابعوا حسابي",
        "gain": "تابعني اتابعك|تابعني وأتابعك|تابعني واتابعك|فولو باك|فلو باك|ضيفني واضيفك|"
        "اتابع من يتابعني|زيادة متابعين|زياده متابعين|زود متابعينك|ربح المال من الانترنت|"
        "الربح من الانترنت|الربح من الإنترنت|اربح من المنزل|العمل من المنزل براتب|متابعين مجانا|"
        "رتويت سوي فولو",
        "prizes": "اربح ايفون|اربح آيفون|سحب على ايفون|سحب على آيفون|رتويت وتابع|رتويت وفولو|"
        "مبروك لقد ربحت|شارك في السحب",
        "scam": "تداول العملات واربح|ضاعف اموالك|ضاعف أموالك|استثمر في البيتكوين|قروض بدون كفيل|"
        "تسديد قروض|تسديد القروض|سداد قروض|سداد القروض|تعقيب معاملات|تنحيف سريع|بيع متابعين|"
        "ساحه شات",
        "begging": "لايك وشير|لايك واشتراك|لا تنسى الاشتراك|لا تنسوا الاشتراك",
        "wares": "افلام سكس|سكس عربي|مقاطع سكس|جلب الحبيب|فك السحر|شيخ روحاني|حبوب تنحيف|"
        "تكبير القضيب|زواج مسيار",
        "call_to_action": "اضغط هنا|اضغط على الرابط|اضغط الرابط|ادخل الرابط|الرابط في البايو|"
        "اطلب الان|اطلب الآن|اطلبه الان|اطلبها الان|اشتري الان|اشتر الآن|سجل الان|سجل الآن|"
        "الكمية محدودة|العرض محدود|لفترة محدودة",
        "contact": "واتس اب 0|واتساب 0|واتس 0|للتواصل واتس|للطلب واتس|للطلب والاستفسار|"
        "للتواصل 05|للحجز والاستفسار|واتساب:|التواصل خاص|للطلب خاص|جوال 05",
        "commerce": "كود خصم|كوبون خصم|كوبون نون|كود نون|كود نمشي|توصيل مجاني|شحن مجاني|"
        "الدفع عند الاستلام|خصم يصل|اسعار منافسة|بأقل الأسعار|للبيع بسعر",
    },
    "hi": {
        "promotion": "चैनल को सब्सक्राइब|चैनल सब्सक्राइब|channel ko subscribe|channel subscribe kar|"
        "मेरे चैनल को|मेरा चैनल देख|हमारे चैनल को|mere channel ko|mera channel|इंस्टाग्राम पर फॉलो",
        "gain": "फॉलो करो फॉलो बैक|follow karo follow back|फॉलो बैक दूंगा|फॉलो बैक मिलेगा|"
        "घर बैठे पैसे कमा|घर बैठे कमा|ऑनलाइन पैसे कमा|ghar baithe paise|online paise kama|"
        "पैसे कमाने का आसान|फॉलोवर्स बढ़ा|followers badha",
        "prizes": "इनाम जीतने का मौका|जीतने का मौका पाएं|इनामी राशि जीत|आपने जीता है|फ्री रिचार्ज",
        "scam": "पैसा डबल|पैसे डबल|बिना गारंटी लोन|तुरंत लोन|इंस्टेंट लोन|वशीकरण मंत्र|"
        "वशीकरण स्पेशलिस्ट|लव प्रॉब्लम|लिंग बढ़ा",
        "begging": "लाइक करें शेयर",
        "wares": "सट्टा किंग|satta king|सट्टा मटका|satta matka|सेक्स वीडियो|वजन घटाने की दवा|कॉल गर्ल",
        "call_to_action": "लाइक और शेयर करें|यहां क्लिक करें|यहाँ क्लिक करें|लिंक पर क्लिक|"
        "लिंक बायो में|अभी खरीदें|अभी आर्डर|अभी ऑर्डर|आज ही ऑर्डर|अभी रजिस्टर|सीमित समय|सीमित स्टॉक|"
        "जल्दी करें",
        "contact": "व्हाट्सएप करें|व्हाट्सएप नंबर|whatsapp kare|कॉल करें +91|संपर्क करें +91|"
        "संपर्क करें: 9|संपर्क: +91",
        "commerce": "फ्री डिलीवरी|मुफ्त डिलीवरी|डिस्काउंट कोड|भारी छूट|सबसे कम कीमत|कैश ऑन डिलीवरी",
    },
    "ja": {
        "promotion": "チャンネル登録お願い|チャンネル登録よろしく|チャンネル登録して|"
        "私のチャンネルも|僕のチャンネルも|俺のチャンネルも|インスタもフォロー",
        "gain": "相互フォロー|フォロバ100|フォロバします|フォロバ率|フォロー返します|"
        "フォロー返し100|絶対フォロー返|#相互希望|拡散希望rt|在宅で稼|副業で月収|副業で稼|"
        "スマホで稼|スマホだけで月|簡単に稼げ|楽して稼|月収100万|不労所得を|フォロワー増や",
        "prizes": "フォロー&rt|フォロー＆rt|フォローとrt|フォロー&リツイート|"
        "フォロー＆リツイート|フォローとリツイート|フォロー＋rt|フォロー+rt|rtで応募|"
        "リツイートで応募|名様にプレゼント|名様に当たる|プレゼントキャンペーン",
        "scam": "無料で仮想通貨|必ず儲か|絶対に儲か|fx自動売買|即日融資|審査なしで借|"
        "現金プレゼント|無料エロ|セフレ募集|飲むだけで痩せ|フォロワー販売|裏垢女子",
        "begging": "高評価とチャンネル登録|いいねとチャンネル登録|高評価お願い",
        "wares": "バイナリーオプション|オンラインカジノ|お金配り|無修正動画|エロ動画|出会い系|"
        "援交|デリヘル|簡単に痩せ",
        "call_to_action": "詳しくはこちら|詳細はこちら|ここをクリック|こちらをクリック|"
        "リンクはプロフ|プロフのリンク|プロフィールのリンク|今すぐ登録|今すぐ購入|今すぐ応募|"
        "今すぐクリック|購入はこちら|登録はこちら|応募はこちら|ご予約はこちら|期間限定",
        "contact": "line登録|lineで友だち|ライン登録|dmください|dm下さい|お問い合わせは",
        "commerce": "送料無料|最安値|タイムセール|クーポン配布|クーポンコード|割引コード|"
        "ポイント還元|激安",
    },
    "ko": {
        "promotion": "구독 부탁|구독부탁|구독 좀 해|제 채널도|제 채널에|내 채널도|채널 구독|"
        "인스타 팔로우|인스타 놀러",
        "gain": "맞팔해요|맞팔 해요|맞팔합니다|선팔하면 맞팔|선팔맞팔|맞팔100|맞구독|재택알바|"
        "재택 알바|재택부업|부업으로 월|월 수익 보장|고수익 알바|고수익알바|하루 1시간 투자|"
        "팔로워 늘리기|좋아요 늘리기|팔로워 늘려",
        "prizes": "팔로우+리트윗|팔로우 리트윗|팔로우 & 리트윗|리트윗 추첨|알티추첨|rt추첨|"
        "이벤트 참여하고|추첨을 통해|당첨되셨습니다|기프티콘 증정",
        "scam": "먹튀검증|꽁머니|당일대출|소액결제 현금화|신용카드 현금화|출장안마|출장샵|"
        "최저가 비트코인 투자|무료리딩|팔로워 구매",
        "begging": "좋아요 눌러주세요 구독|좋아요와 구독|구독과 좋아요|좋아요구독",
        "wares": "카지노사이트|온라인카지노|바카라사이트|토토사이트|사설토토|슬롯사이트|"
        "무직자대출|무직자 대출|출장마사지|조건만남|야동사이트|비아그라|리딩방|살 빼는 약",
        "call_to_action": "여기를 클릭|여기 클릭|링크 클릭|링크를 클릭|프로필 링크|"
        "지금 바로 신청|지금 신청|지금 구매|바로 구매|선착순 마감|한정 수량|지금 바로 확인",
        "contact": "카톡문의|카톡 문의|카카오톡 문의|카톡아이디|카톡 아이디|텔레그램 문의|"
        "텔레문의|문의는 카톡|상담문의|라인문의|오픈카톡",
        "commerce": "무료배송|무료 배송|할인코드|할인 코드|할인쿠폰|최저가|특가 판매|타임세일",
    },
    "th": {
        "promotion": "ฝากกดติดตามช่อง|กดติดตามช่อง|ฝากช่องด้วย|ฝากซับ|กดซับช่อง|ฝากติดตามช่อง|"
        "แวะมาที่ช่อง|ฝากร้านด้วย|ฝากร้านค่ะ|ฝากร้านครับ|ฝากเพจด้วย",
        "gain": "ฟอลกลับ|ฟอลแบค|ฟอลมาฟอลกลับ|แลกฟอล|แลกซับ|แลกไลค์|รายได้เสริมทำที่บ้าน|"
        "งานออนไลน์รายได้ดี|หาเงินออนไลน์|หารายได้เสริม|ทำงานที่บ้านรายได้|ปั๊มไลค์|ปั้มไลค์|ปั๊มฟอล|"
        "เพิ่มผู้ติดตาม|รายได้หลักหมื่น",
        "prizes": "แจกไอโฟน|กดไลค์กดแชร์ลุ้น|ลุ้นรับของรางวัล|ร่วมสนุกลุ้นรับ|รีทวีตลุ้น|rt ลุ้น",
        "scam": "สล็อตเว็บตรง|สล็อตออนไลน์|แทงบอลออนไลน์|เครดิตฟรี|เงินด่วน|รับงานเอ็น|"
        "ลดน้ำหนักเร่งด่วน|อาหารเสริมลดน้ำหนัก",
        "begging": "กดไลค์กดแชร์|กดไลค์ กดแชร์|กดไลค์และแชร์|กดไลค์กดติดตาม",
        "wares": "บาคาร่าออนไลน์|คาสิโนออนไลน์|เว็บพนัน|พนันออนไลน์|หวยออนไลน์|เงินกู้ด่วน|คลิปโป๊|"
        "หนังโป๊|ยาลดความอ้วน",
        "call_to_action": "คลิกที่นี่|คลิกลิงก์|คลิกลิ้งค์|ลิงก์ในไบโอ|ลิ้งค์ในไบโอ|สั่งซื้อเลย|"
        "สั่งซื้อได้ที่|สนใจสั่งซื้อ|สมัครเลย|สมัครวันนี้|จองเลย|ด่วนจำนวนจำกัด|จำนวนจำกัด|โปรโมชั่นพิเศษ",
        "contact": "แอดไลน์|แอด line|ไลน์ไอดี|ไอดีไลน์|inbox สอบถาม|ทักแชท|ทักไลน์|ทัก dm|"
        "สอบถามเพิ่มเติมได้ที่|สนใจทัก|dm มาเลย",
        "commerce": "ส่งฟรี|จัดส่งฟรี|เก็บเงินปลายทาง|โค้ดส่วนลด|ราคาส่ง|ราคาถูก|รับตัวแทน",
    },
    "zh": {
        "promotion": "订阅我的频道|訂閱我的頻道|关注我的频道|欢迎订阅我|歡迎訂閱我|来我的频道|"
        "關注我的頻道|快来关注我|关注我的公众号|关注微信公众号|关注公众号",
        "gain": "互粉|互关|求互粉|求关注互|回关必|在家赚钱|在家就能赚|网上赚钱|网络兼职|兼职日结|"
        "日赚|躺赚|轻松赚钱|網路賺錢|在家賺錢|被動收入|涨粉|刷粉",
        "prizes": "关注并转发|关注+转发|转发+关注|转发并关注|转发本微博|抽取一位|转评赞抽|"
        "轉發抽獎|按讚分享抽|恭喜您中奖|恭喜你中奖|免费领取",
        "scam": "彩票平台|无抵押贷款|信用卡套现|代开发票|免费看片",
        "begging": "点赞关注|一键三连|喜歡請訂閱|按讚訂閱|点赞加关注",
        "wares": "月入过万|月入上万|澳门赌场|线上赌场|在线赌场|博彩平台|时时彩|北京赛车|百家乐|"
        "百家樂|棋牌游戏|娛樂城|小额贷款|代写论文|裸聊|约炮|上门服务|外围女|成人视频|翻倍收益|"
        "稳赚不赔|穩賺不賠|内幕消息股|快速减肥|减肥药|壮阳|買粉絲|买粉丝",
        "call_to_action": "转发抽奖|点击链接|點擊連結|点击这里|點擊這裡|戳链接|戳我购买|立即购买|"
        "立即購買|马上抢购|立即抢购|限时抢购|限時優惠|限量发售|主页链接|立即报名|立即注册|"
        "欢迎选购",
        "contact": "加微信|加我微信|加薇信|加v信|微信号|微信：|微信:|vx：|vx:|加qq|qq：|加line|"
        "加賴|私信我领|私信咨询|咨询热线|联系电话",
        "commerce": "包邮|優惠碼|优惠券|优惠码|折扣码|淘宝店|淘宝链接|厂家直销|特价|免運費|"
        "免运费|货到付款",
    },
}

#: The languages whose signs of spam and templates are known. Who writes Arabic or Hindi in Latin
#: letters advertises in English.
SPAM_LANGUAGES = tuple(sorted({"en", "ar-Latn", "hi-Latn", *SPAM_PHRASES}))
