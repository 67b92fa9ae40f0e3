"""Short lists of values that tell what a column holds: countries, towns, sexes, and the like, in several languages."""

from __future__ import annotations

SETS: dict[str, str] = {
    "sex": "m|f|w|d|x|h|k|v|male|female|man|woman|men|women|mann|frau|maennlich|mannlich|weiblich|"
    "divers|diverse|homme|femme|masculin|feminin|hombre|mujer|masculino|femenino|varon|maschio|femmina|uomo|"
    "donna|vrouw|mezczyzna|kobieta|homem|mulher|feminino|kvinna|non-binary|nonbinary|other|unknown|"
    "not specified|inter",
    "marital-status": "single|married|divorced|widowed|separated|never-married|never married|married-civ-spouse|"
    "married-spouse-absent|married-af-spouse|civil partnership|ledig|verheiratet|geschieden|verwitwet|getrennt|"
    "celibataire|marie|mariee|divorce|divorcee|veuf|veuve|pacse|pacsee|soltero|soltera|casado|casada|"
    "divorciado|divorciada|viudo|viuda|celibe|nubile|coniugato|coniugata|divorziato|divorziata|vedovo|vedova|"
    "ongehuwd|gehuwd|gescheiden|weduwe|weduwnaar|kawaler|panna|zonaty|zamezna|rozwiedziony|rozwiedziona|"
    "wdowiec|wdowa|solteiro|solteira|viuvo|viuva|ogift|gift|skild|anka|ankling|husband|wife|own-child|"
    "unmarried|not-in-family|other-relative",
    "religion": "christian|christianity|catholic|roman catholic|protestant|lutheran|evangelical|orthodox|"
    "muslim|islam|jewish|judaism|hindu|hinduism|buddhist|buddhism|sikh|atheist|agnostic|no religion|none|"
    "evangelisch|katholisch|roemisch-katholisch|muslimisch|islamisch|juedisch|judisch|konfessionslos|"
    "catholique|musulman|juif|juive|bouddhiste|athee|catolico|catolica|musulmana|judio|judia|budista|ateo|"
    "cattolico|cattolica|musulmano|ebreo|ebrea|katholiek|protestants|islamitisch|joods|katolik|prawoslawny|"
    "muculmano|judeu|svenska kyrkan|muslimsk",
    "ethnicity": "white|black|asian|hispanic|latino|african american|black or african american|caucasian|"
    "native american|american indian|amer-indian-eskimo|asian-pac-islander|pacific islander|mixed|arab|roma|"
    "white british|white other|black african|black caribbean|south asian|east asian|other",
    "health": "a+|a-|b+|b-|ab+|ab-|o+|o-|0+|0-|a pos|a neg|b pos|b neg|ab pos|ab neg|o pos|o neg|a rh+|a rh-",
    "country": "united states|usa|us|united kingdom|uk|england|scotland|ireland|germany|france|spain|"
    "italy|netherlands|belgium|poland|portugal|sweden|norway|denmark|finland|austria|switzerland|"
    "czech republic|czechia|hungary|romania|bulgaria|greece|turkey|russia|ukraine|canada|mexico|brazil|"
    "argentina|chile|colombia|peru|ecuador|cuba|jamaica|haiti|dominican-republic|guatemala|nicaragua|"
    "el-salvador|puerto-rico|honduras|china|japan|india|iran|iraq|israel|egypt|morocco|nigeria|kenya|"
    "south africa|ethiopia|australia|new zealand|philippines|vietnam|thailand|cambodia|laos|taiwan|hong|"
    "south korea|indonesia|malaysia|pakistan|bangladesh|syria|afghanistan|deutschland|frankreich|spanien|"
    "italien|niederlande|polen|oesterreich|osterreich|schweiz|tuerkei|turkei|allemagne|espagne|italie|pays-bas|"
    "belgique|pologne|suisse|alemania|francia|espana|italia|portogallo|germania|svizzera|duitsland|frankrijk|"
    "spanje|nederland|belgie|niemcy|polska|francja|hiszpania|wlochy|alemanha|franca|espanha|suecia|sverige|"
    "tyskland|frankrike|norge|danmark|luxembourg|croatia|serbia|slovakia|slovenia|lithuania|latvia|estonia|"
    "iceland|malta|cyprus|trinadad&tobago|outlying-us(guam-usvi-etc)|holand-netherlands|yugoslavia|columbia",
    "city": "new york|los angeles|chicago|houston|phoenix|philadelphia|san antonio|san diego|dallas|"
    "boston|seattle|denver|atlanta|miami|detroit|london|birmingham|manchester|leeds|glasgow|liverpool|bristol|"
    "edinburgh|sheffield|cardiff|belfast|nottingham|dublin|cork|berlin|hamburg|muenchen|munchen|munich|koeln|"
    "koln|cologne|frankfurt|frankfurt am main|stuttgart|duesseldorf|dusseldorf|leipzig|dortmund|essen|bremen|"
    "dresden|hannover|nuernberg|nurnberg|duisburg|bochum|bonn|mannheim|karlsruhe|augsburg|wien|vienna|graz|"
    "linz|salzburg|zuerich|zurich|bern|basel|geneve|geneva|lausanne|paris|marseille|lyon|toulouse|nice|nantes|"
    "montpellier|strasbourg|bordeaux|lille|rennes|reims|toulon|grenoble|dijon|madrid|barcelona|valencia|"
    "sevilla|seville|zaragoza|malaga|murcia|bilbao|alicante|cordoba|valladolid|granada|roma|rome|milano|milan|"
    "napoli|naples|torino|turin|palermo|genova|genoa|bologna|firenze|florence|bari|catania|venezia|venice|"
    "verona|padova|amsterdam|rotterdam|den haag|utrecht|eindhoven|groningen|tilburg|almere|breda|nijmegen|"
    "antwerpen|antwerp|gent|brussel|bruxelles|brussels|warszawa|warsaw|krakow|lodz|wroclaw|poznan|gdansk|"
    "szczecin|bydgoszcz|lublin|katowice|bialystok|lisboa|lisbon|porto|braga|coimbra|faro|setubal|aveiro|"
    "sao paulo|rio de janeiro|brasilia|salvador|stockholm|goteborg|gothenburg|malmo|uppsala|vasteras|orebro|"
    "linkoping|helsingborg|jonkoping|norrkoping|umea|lund|oslo|bergen|copenhagen|kobenhavn|aarhus|helsinki|"
    "prague|praha|budapest|athens|istanbul|moscow|toronto|montreal|vancouver|sydney|melbourne",
    "education": "bachelors|masters|doctorate|hs-grad|some-college|prof-school|assoc-acdm|assoc-voc|"
    "preschool|primary|secondary|high school|bachelor|master|phd|college|1st-4th|5th-6th|7th-8th|9th|10th|11th|"
    "12th|abitur|hauptschule|realschule|promotion|baccalaureat|licence|licenciatura|bachillerato|laurea|"
    "diploma|mestrado|doutorado",
}
"""Values by kind, parted by ``|``; in lower case, without accents."""

SHARES: dict[str, tuple[float, bool]] = {
    "sex": (0.95, True),
    "marital-status": (0.6, False),
    "religion": (0.6, True),
    "ethnicity": (0.6, True),
    "health": (0.95, False),
    "country": (0.6, False),
    "city": (0.35, False),
    "education": (0.6, False),
}
"""The share of rows whose values must be listed, and whether only together with the column's name."""

STREETS = (
    r"(?i)(?:^[0-9]{1,5}[a-z]?,? .*\b(?:street|st|road|rd|avenue|ave|lane|ln|drive|dr|close|way|court|ct|place|pl|"
    r"square|terrace|crescent|boulevard|blvd|highway|hwy|rue|avenue|boulevard|allee|impasse|chemin|place|quai)\b\.?"
    r"|(?:str\.?|stra[sß]se|weg|platz|allee|gasse|ring|damm|ufer|straat|laan|plein|gracht|kade|gatan|vagen|vägen|gata|"
    r"väg)"
    r" ?[0-9]{1,4} ?[a-z]?\b"
    r"|^(?:calle|c/|avenida|avda\.?|plaza|paseo|via|viale|corso|piazza|vicolo|ul\.?|ulica|al\.|rua|av\.?|travessa|largo|"
    r"praca|praça|estrada|rue|chemin) .*[0-9])"
)
"""What street addresses look like in nine languages."""

POSTCODES: tuple[tuple[str, str, bool], ...] = (
    (r"(?i)[A-Z]{1,2}[0-9][A-Z0-9]? ?[0-9][A-Z]{2}", "United Kingdom", False),
    (r"(?i)[A-Z][0-9][A-Z] ?[0-9][A-Z][0-9]", "Canada", False),
    (r"(?i)[1-9][0-9]{3} ?[A-Z]{2}", "Netherlands", False),
    (r"[0-9]{2}-[0-9]{3}", "Poland", False),
    (r"[0-9]{4}-[0-9]{3}", "Portugal", False),
    (r"[0-9]{5}-[0-9]{4}", "United States", False),
    (r"[0-9]{5}-[0-9]{3}", "Brazil", False),
    (r"[1-9][0-9]{2} [0-9]{2}", "Sweden", False),
    (r"(?:[A-Z]{1,2}-)?[0-9]{4,5}", "several countries", True),
)
"""Forms of postcodes, where they are from, and whether a form tells only together with the column's name."""
