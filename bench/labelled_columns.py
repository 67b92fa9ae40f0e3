"""Two hundred labelled columns in several locales, with decoys: what roles are measured on.

Every value is made up here, with check digits that are right where the kind has some. Names are drawn from lists of
their own: about half of them stand in the product's lists, as in life. Some columns are named well, some misleadingly
plain ("field_17"). Decoys look like something and are not: order numbers that fail Luhn's sum, article numbers of nine
digits, version numbers, hashes, product codes.
"""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable
from dataclasses import dataclass

Make = Callable[[random.Random], str]


@dataclass(frozen=True)
class Labelled:
    """A column: its name, its values, and what they are; "none" for what identifies nobody."""

    name: str
    values: list[str]
    kind: str
    locale: str


GIVEN = {
    "en": "James Emily Oliver Chloe Harriet Jasper Rosalind Callum Imogen Desmond Poppy Rhys Tabitha Graham "
    "Freya Barnaby "
    "Sarah Thomas Michael Laura",
    "de": "Hans Ursula Lukas Anneliese Detlef Marlene Thorsten Heidrun Falk Swantje Jonas Sabine Michael Petra Rüdiger "
    "Gundula Björn Annika Leon Mia",
    "fr": "Jean Camille Antoine Séverine Bertrand Océane Thibault Manon Régis Apolline Pierre Nathalie Léa Hugo "
    "Fabrice "
    "Solène Gaëtan Élodie Michel Sylvie",
    "es": "José Carmen Alejandro Itziar Gonzalo Nieves Javier Lucía Aitor Macarena Manuel Pilar Leire Iker "
    "Antonio Rocío "
    "Fermín Candela Juan María",
    "it": "Giuseppe Chiara Ermanno Ludovica Matteo Giulia Fabrizio Ornella Luca Francesca Gianluca Mirella "
    "Tommaso Noemi "
    "Paolo Anna Dario Beatrice Marco Sara",
    "nl": "Jan Sanne Wouter Femke Sjoerd Tineke Pieter Maria Jelle Anniek Bas Lotte Roelof Hanneke Daan Emma "
    "Gijs Floor "
    "Johannes Anna",
    "pl": "Jan Katarzyna Piotr Bożena Zdzisław Anna Tomasz Grażyna Mirosław Ewa Krzysztof Urszula Leszek Małgorzata "
    "Maciej Iwona Paweł Agnieszka Adam Maria",
    "pt": "João Maria Tiago Filomena Henrique Ana Vasco Conceição Pedro Beatriz Gil Graça Miguel Inês Jaime "
    "Lurdes José "
    "Sofia Rui Mafalda",
    "sv": "Lars Anna Gunnar Ingegerd Erik Maria Torbjörn Lovisa Karl Kristina Håkan Tuva Anders Emma Börje Signe Johan "
    "Elin Leif Agneta",
}
FAMILY = {
    "en": "Smith Jones Thistlewood Cartwright Ashdown Taylor Wilson Pemberton Lockwood Holloway Brown Evans Fairbanks "
    "Whitfield Davies",
    "de": "Müller Schmidt Niedermeier Hinrichs Fischer Weber Oberländer Petersen Wagner Becker Ruprecht "
    "Stegemann Schulz "
    "Hoffmann Tiedemann",
    "fr": "Martin Bernard Delacroix Lecoq Dubois Thomas Villeneuve Pasquier Robert Richard Charpentier Lagarde "
    "Petit Durand "
    "Montagne",
    "es": "García Fernández Etxeberria Zapatero González Rodríguez Arizmendi Escudero López Martínez Barrientos "
    "Salcedo Pérez "
    "Gómez Uribe",
    "it": "Rossi Russo Bevilacqua Zanetti Ferrari Esposito Tagliaferri Morandi Bianchi Romano Guidi Cavalli "
    "Colombo Ricci "
    "Zambelli",
    "nl": "Jansen Bakker Hoogendoorn Wiersma Visser Smit Zijlstra Terpstra Meijer Mulder Oosterhuis Bouwman "
    "Dekker Peters "
    "Rietveld",
    "pl": "Nowak Kowalski Brzęczek Żuraw Wójcik Wiśniewski Ostrowicz Gajda Kamiński Lewandowski Chmura Sadowicz "
    "Zieliński "
    "Mazur Bielak",
    "pt": "Silva Santos Vasconcelos Figueira Ferreira Pereira Albuquerque Quintela Oliveira Costa Bragança Sequeira "
    "Rodrigues Martins Lacerda",
    "sv": "Andersson Johansson Hedlund Strandberg Karlsson Nilsson Ekström Sundqvist Eriksson Larsson Åkesson "
    "Rosén Olsson "
    "Persson Tegnér",
}
STREET = {
    "en": ("{n} {w} Street", "{n} {w} Road", "{n} {w} Avenue", "{n} {w} Lane"),
    "de": ("{w}straße {n}", "{w}weg {n}", "{w}allee {n}", "{w}str. {n}"),
    "fr": ("{n} rue {w}", "{n} avenue {w}", "{n} boulevard {w}", "{n} chemin {w}"),
    "es": ("Calle {w} {n}", "Avenida {w} {n}", "Plaza {w} {n}", "Paseo {w} {n}"),
    "it": ("Via {w} {n}", "Viale {w} {n}", "Piazza {w} {n}", "Corso {w} {n}"),
    "nl": ("{w}straat {n}", "{w}laan {n}", "{w}gracht {n}", "{w}plein {n}"),
    "pl": ("ul. {w} {n}", "al. {w} {n}", "ul. {w} {n}/3", "ulica {w} {n}"),
    "pt": ("Rua {w} {n}", "Avenida {w} {n}", "Travessa {w} {n}", "Largo {w} {n}"),
    "sv": ("{w}gatan {n}", "{w}vägen {n}", "{w}gata {n}", "{w}gatan {n} B"),
}
CITIES = {
    "en": "London Leeds Bristol Whitby Kettering Manchester Norwich Glasgow Ludlow Birmingham",
    "de": "Berlin Hamburg München Göttingen Wismar Köln Leipzig Bamberg Dresden Bonn",
    "fr": "Paris Lyon Marseille Annecy Colmar Toulouse Nantes Lille Quimper Bordeaux",
    "es": "Madrid Barcelona Sevilla Cuenca Valencia Bilbao Málaga Soria Zaragoza Granada",
    "it": "Roma Milano Napoli Urbino Torino Bologna Firenze Matera Venezia Bari",
    "nl": "Amsterdam Rotterdam Utrecht Zutphen Eindhoven Groningen Breda Hoorn Tilburg Nijmegen",
    "pl": "Warszawa Kraków Łódź Sandomierz Wrocław Poznań Gdańsk Lublin Zamość Szczecin",
    "pt": "Lisboa Porto Braga Óbidos Coimbra Faro Aveiro Tomar Setúbal Évora",
    "sv": "Stockholm Göteborg Malmö Visby Uppsala Lund Umeå Örebro Ystad Västerås",
}
POSTCODE: dict[str, Make] = {
    "en": lambda r: (
        f"{r.choice(['SW', 'LS', 'M', 'EC', 'B'])}{r.randint(1, 19)} {r.randint(1, 9)}{_letters(r, 2, 'ABDEFGHJLNPQ')}"
    ),
    "de": lambda r: f"{r.randint(1067, 99998):05d}",
    "fr": lambda r: f"{r.randint(1000, 95990):05d}",
    "es": lambda r: f"{r.randint(1001, 52080):05d}",
    "it": lambda r: f"{r.randint(10, 98168):05d}",
    "nl": lambda r: f"{r.randint(1000, 9999)} {_letters(r, 2)}",
    "pl": lambda r: f"{r.randint(0, 99):02d}-{r.randint(0, 999):03d}",
    "pt": lambda r: f"{r.randint(1000, 9999)}-{r.randint(1, 999):03d}",
    "sv": lambda r: f"{r.randint(100, 984)} {r.randint(10, 99)}",
}
PHONE: dict[str, tuple[Make, Make]] = {
    "en": (lambda r: f"+44 7{_digits(r, 3)} {_digits(r, 6)}", lambda r: f"020 7{_digits(r, 3)} {_digits(r, 4)}"),
    "de": (lambda r: f"+49 1{r.choice('567')}{_digits(r, 1)} {_digits(r, 7)}", lambda r: f"030 {_digits(r, 7)}"),
    "fr": (lambda r: f"+33 6 {_pairs(r, 4)}", lambda r: f"01 {_pairs(r, 4)}"),
    "es": (
        lambda r: f"+34 6{_digits(r, 2)} {_digits(r, 3)} {_digits(r, 3)}",
        lambda r: f"9{_digits(r, 2)} {_digits(r, 3)} {_digits(r, 3)}",
    ),
    "it": (lambda r: f"+39 3{_digits(r, 2)} {_digits(r, 7)}", lambda r: f"06 {_digits(r, 8)}"),
    "nl": (lambda r: f"+31 6 {_digits(r, 8)}", lambda r: f"020-{_digits(r, 7)}"),
    "pl": (
        lambda r: f"+48 {_digits(r, 3)} {_digits(r, 3)} {_digits(r, 3)}",
        lambda r: f"{r.randint(5, 8)}{_digits(r, 2)}-{_digits(r, 3)}-{_digits(r, 3)}",
    ),
    "pt": (
        lambda r: f"+351 9{_digits(r, 2)} {_digits(r, 3)} {_digits(r, 3)}",
        lambda r: f"21{_digits(r, 1)} {_digits(r, 3)} {_digits(r, 3)}",
    ),
    "sv": (
        lambda r: f"+46 70 {_digits(r, 3)} {_digits(r, 2)} {_digits(r, 2)}",
        lambda r: f"08-{_digits(r, 3)} {_digits(r, 3)}",
    ),
}
NAMES = {
    "en": ("first_name", "last_name", "full_name", "email", "phone", "address", "postcode", "city", "date_of_birth"),
    "de": (
        "Vorname",
        "Nachname",
        "Name",
        "E-Mail-Adresse",
        "Telefonnummer",
        "Anschrift",
        "PLZ",
        "Wohnort",
        "Geburtsdatum",
    ),
    "fr": (
        "prenom",
        "nom",
        "nom_complet",
        "courriel",
        "telephone",
        "adresse",
        "code_postal",
        "ville",
        "date_de_naissance",
    ),
    "es": (
        "nombre",
        "apellidos",
        "nombre_completo",
        "correo",
        "telefono",
        "direccion",
        "codigo_postal",
        "ciudad",
        "fecha_nacimiento",
    ),
    "it": (
        "nomeProprio",
        "cognome",
        "nome_completo",
        "email",
        "telefono",
        "indirizzo",
        "cap",
        "citta",
        "dataDiNascita",
    ),
    "nl": (
        "voornaam",
        "achternaam",
        "naam",
        "e-mail",
        "telefoonnummer",
        "adres",
        "postcode",
        "woonplaats",
        "geboortedatum",
    ),
    "pl": (
        "imie",
        "nazwisko",
        "imie_nazwisko",
        "adres_email",
        "telefon",
        "ulica",
        "kod_pocztowy",
        "miasto",
        "data_urodzenia",
    ),
    "pt": (
        "primeiro_nome",
        "apelido",
        "nome_completo",
        "correio_email",
        "telemovel",
        "morada",
        "codigo_postal",
        "cidade",
        "data_nascimento",
    ),
    "sv": (
        "fornamn",
        "efternamn",
        "namn",
        "e-post",
        "mobilnummer",
        "gatuadress",
        "postnummer",
        "kommun",
        "fodelsedatum",
    ),
}


def labelled(rows: int = 300, seed: int = 0) -> list[Labelled]:
    """Return the columns, each of so many rows."""
    columns: list[tuple[str, Make, str, str]] = [*_of_locales(), *_numbers(), *_network(), *_attributes(), *_decoys()]
    return [
        Labelled(name, [_soiled(r, make) if place % 2 else make(r) for _ in range(rows)], kind, locale)
        for place, (name, make, kind, locale) in enumerate(columns)
        for r in [random.Random(f"{seed}:{place}:{name}")]
    ]


def _soiled(r: random.Random, make: Make) -> str:
    """A value, or now and then what people write where they have none."""
    return r.choice(["n/a", "unknown", "-", "?"]) if r.random() < 0.03 else make(r)


def _of_locales() -> list[tuple[str, Make, str, str]]:
    made: list[tuple[str, Make, str, str]] = []
    for locale, names in NAMES.items():
        given, family, cities = GIVEN[locale].split(), FAMILY[locale].split(), CITIES[locale].split()
        makes: list[tuple[Make, str]] = [
            (lambda r, g=given: r.choice(g), "given-name"),
            (lambda r, f=family: r.choice(f), "family-name"),
            (lambda r, g=given, f=family: f"{r.choice(g)} {r.choice(f)}", "full-name"),
            (lambda r, g=given, f=family: _email(r, r.choice(g), r.choice(f)), "email"),
            (PHONE[locale][0], "phone"),
            (lambda r, s=STREET[locale], f=family: r.choice(s).format(n=r.randint(1, 180), w=r.choice(f)), "address"),
            (POSTCODE[locale], "postcode"),
            (lambda r, c=cities: r.choice(c), "city"),
            (lambda r: f"{r.randint(1930, 2009)}-{r.randint(1, 12):02d}-{r.randint(1, 28):02d}", "birth-date"),
        ]
        made += [(name, make, kind, locale) for name, (make, kind) in zip(names, makes, strict=True)]
        # The same behind names that say nothing, or only in the local form.
        made += [
            (f"field_{len(made)}", makes[2][0], "full-name", locale),
            (f"col{len(made)}", makes[3][0], "email", locale),
            (f"{names[4]}_2", PHONE[locale][1], "phone", locale),
        ]
    return made


def _numbers() -> list[tuple[str, Make, str, str]]:
    kinds: list[tuple[str, Make, str]] = [
        (
            "ssn",
            lambda r: (
                f"{r.choice([*range(1, 666), *range(667, 900)]):03d}-{r.randint(1, 99):02d}-{r.randint(1, 9999):04d}"
            ),
            "us",
        ),
        ("nino", _nino, "uk"),
        (
            "nhs_number",
            lambda r: _spaced(_weighted(r, 9, range(10, 1, -1), lambda s: (11 - s % 11) % 11), (3, 3, 4)),
            "uk",
        ),
        ("steuer_id", _steuer, "de"),
        ("numero_securite_sociale", _nir, "fr"),
        ("dni", _dni, "es"),
        ("codice_fiscale", _fiscal, "it"),
        ("bsn", lambda r: _weighted(r, 8, range(9, 1, -1), lambda s: s % 11), "nl"),
        ("pesel", _pesel, "pl"),
        ("personnummer", _personnummer, "sv"),
        ("ahv_nummer", _ahv, "ch"),
        (
            "nif",
            lambda r: _weighted(r, 8, range(9, 1, -1), lambda s: 0 if s % 11 < 2 else 11 - s % 11, first="125689"),
            "pt",
        ),
        ("cpf", _cpf, "br"),
    ]
    made = [(name, make, "national-id", locale) for name, make, locale in kinds]
    plain = [
        (f"value_{place}", make, "national-id", locale)
        for place, (_, make, locale) in enumerate(kinds)
        if locale != "pt"
    ]
    return made + plain


def _network() -> list[tuple[str, Make, str, str]]:
    return [
        ("card_number", _card, "card", "en"),
        ("Kreditkartennummer", lambda r: _spaced(_card(r), (4, 4, 4, 4)), "card", "de"),
        ("numero_carte", _card, "card", "fr"),
        ("c7", _card, "card", "en"),
        ("reference", lambda r: _spaced(_card(r), (4, 4, 4, 4), "-"), "card", "en"),
        *[
            (name, lambda r, c=country, n=length: _iban(r, c, n), "iban", country.lower())
            for name, country, length in IBANS
        ],
        ("client_ip", lambda r: ".".join(str(r.randint(1, 254)) for _ in range(4)), "ip", "en"),
        ("src", lambda r: ".".join(str(r.randint(1, 254)) for _ in range(4)), "ip", "en"),
        ("ipv6", lambda r: ":".join(f"{r.randint(0, 65535):x}" for _ in range(8)), "ip", "en"),
        ("peer", lambda r: f"2001:db8::{r.randint(1, 65535):x}:{r.randint(1, 65535):x}", "ip", "en"),
        ("mac", lambda r: ":".join(f"{r.randint(0, 255):02x}" for _ in range(6)), "mac", "en"),
        ("hw", lambda r: "-".join(f"{r.randint(0, 255):02X}" for _ in range(6)), "mac", "en"),
        ("website", lambda r: f"https://www.{_letters(r, 8).lower()}.com/{_letters(r, 5).lower()}", "url", "en"),
        ("x1", lambda r: f"http://{_letters(r, 6).lower()}.org/u/{_digits(r, 5)}", "url", "en"),
        ("uuid", _uuid, "uuid", "en"),
        ("session", _uuid, "uuid", "en"),
        ("gps", lambda r: f"{r.uniform(-60, 70):.5f}, {r.uniform(-170, 170):.5f}", "coordinates", "en"),
        ("pos", lambda r: f"{r.uniform(36, 60):.6f},{r.uniform(-9, 25):.6f}", "coordinates", "en"),
    ]


IBANS = (
    ("iban", "DE", 22),
    ("compte_bancaire", "FR", 27),
    ("cuenta_bancaria", "ES", 24),
    ("iban_number", "GB", 22),
    ("rekeningnummer", "NL", 18),
    ("b3", "IT", 27),
    ("acct", "PL", 28),
)


def _attributes() -> list[tuple[str, Make, str, str]]:
    return [
        ("sex", lambda r: r.choice(["male", "female"]), "sex", "en"),
        ("Geschlecht", lambda r: r.choice(["männlich", "weiblich", "divers"]), "sex", "de"),
        ("sexe", lambda r: r.choice(["homme", "femme"]), "sex", "fr"),
        ("genero", lambda r: r.choice(["hombre", "mujer"]), "sex", "es"),
        ("marital_status", lambda r: r.choice(["single", "married", "divorced", "widowed"]), "marital-status", "en"),
        ("Familienstand", lambda r: r.choice(["ledig", "verheiratet", "geschieden"]), "marital-status", "de"),
        ("religion", lambda r: r.choice(["christian", "muslim", "none", "hindu"]), "religion", "en"),
        ("Konfession", lambda r: r.choice(["evangelisch", "katholisch", "konfessionslos"]), "religion", "de"),
        ("nationality", lambda r: r.choice(["British", "French", "German", "Polish"]), "nationality", "en"),
        ("job_title", lambda r: r.choice(["nurse", "engineer", "teacher", "driver", "cook"]), "occupation", "en"),
        ("Beruf", lambda r: r.choice(["Lehrer", "Koch", "Arzt", "Schreiner"]), "occupation", "de"),
        (
            "diagnosis_code",
            lambda r: f"{r.choice('ABCEFGIJKM')}{r.randint(10, 89)}.{r.randint(0, 9)}",
            "diagnosis",
            "en",
        ),
        ("dx", lambda r: f"{r.choice('ABCEFGIJKM')}{r.randint(10, 89)}.{r.randint(0, 9)}", "diagnosis", "en"),
        ("country", lambda r: r.choice(["Germany", "France", "Spain", "Italy", "Poland"]), "country", "en"),
        ("comments", lambda r: " ".join(r.choice(TALK.split()) for _ in range(r.randint(8, 16))), "free-text", "en"),
        ("Bemerkung", lambda r: " ".join(r.choice(TALK.split()) for _ in range(r.randint(8, 16))), "free-text", "de"),
        ("patient_id", lambda r: f"P{_digits(r, 6)}", "person-key", "en"),
        ("Kundennummer", lambda r: f"K-{_digits(r, 5)}", "person-key", "de"),
        ("salary", lambda r: str(r.randint(18, 120) * 1000), "income", "en"),
        ("age", lambda r: str(r.randint(18, 95)), "age", "en"),
        ("Alter", lambda r: str(r.randint(18, 95)), "age", "de"),
    ]


TALK = (
    "called back about the order and asked for a refund because delivery was late please check again with support team "
    "no answer yet will follow up next week everything fine thanks"
)


def _decoys() -> list[tuple[str, Make, str, str]]:
    hexes = "0123456789abcdef"
    makes: list[tuple[str, Make]] = [
        ("order_no", lambda r: _no_luhn(r, "4", 16)),
        ("invoice", lambda r: _no_luhn(r, "5", 16)),
        ("order_reference", lambda r: _spaced(_no_luhn(r, "4", 16), (4, 4, 4, 4))),
        ("batch", lambda r: _digits(r, 16)),
        ("article_no", lambda r: _digits(r, 9, "123456789")),
        ("ean", lambda r: f"40{_digits(r, 11)}"),
        ("parcel", lambda r: _digits(r, 11, "123456789")),
        ("ticket", lambda r: _digits(r, 10, "123456789")),
        ("meter_reading", lambda r: _digits(r, 8, "123456789")),
        ("sku", lambda r: f"{_letters(r, 2)}{_digits(r, 6)}{r.choice('EFGHJKLM')}"),
        ("product_code", lambda r: f"{_letters(r, 3)}-{_digits(r, 4)}"),
        ("part_no", lambda r: f"{_digits(r, 3)}-{_digits(r, 3)}-{_letters(r, 2)}"),
        ("version", lambda r: ".".join(str(r.randint(0, 20)) for _ in range(4))),
        ("release", lambda r: f"v{r.randint(0, 9)}.{r.randint(0, 20)}.{r.randint(0, 9)}"),
        ("checksum", lambda r: "".join(r.choice(hexes) for _ in range(40))),
        ("etag", lambda r: "".join(r.choice(hexes) for _ in range(32))),
        ("colour", lambda r: r.choice(["red", "green", "blue", "teal", "amber"])),
        ("product_name", lambda r: r.choice(["Trail Jacket", "Camp Stove", "Road Bike", "Alpine Tent", "River Kayak"])),
        (
            "company_name",
            lambda r: f"{r.choice(['Acme', 'Globex', 'Initech', 'Umbrella'])} {r.choice(['Ltd', 'GmbH', 'SA', 'BV'])}",
        ),
        ("weekday", lambda r: r.choice(["Monday", "Tuesday", "Friday", "Sunday"])),
        ("month", lambda r: r.choice(["January", "March", "October", "December"])),
        ("price", lambda r: f"{r.uniform(1, 900):.2f}"),
        ("temperature", lambda r: f"{r.uniform(-20, 40):.1f}"),
        ("ratio", lambda r: f"{r.random():.6f}"),
        ("score_pct", lambda r: f"{r.randint(0, 100)}%"),
        ("duration", lambda r: f"{r.randint(0, 23):02d}:{r.randint(0, 59):02d}:{r.randint(0, 59):02d}"),
        ("currency", lambda r: r.choice(["EUR", "USD", "GBP", "PLN", "SEK"])),
        ("status", lambda r: r.choice(["open", "closed", "pending", "shipped"])),
        ("file_name", lambda r: f"scan_{_digits(r, 4)}.pdf"),
        ("path", lambda r: f"/var/data/{_letters(r, 6).lower()}/{_digits(r, 3)}"),
        ("room", lambda r: f"{r.choice('ABCD')}{r.randint(100, 420)}"),
        ("size", lambda r: r.choice(["S", "M", "L", "XL"])),
        ("material", lambda r: r.choice(["cotton", "steel", "oak", "glass", "wool"])),
        ("iban_check", lambda r: f"DE00{_digits(r, 18)}"),
        ("email_count", lambda r: str(r.randint(0, 40))),
        ("phone_model", lambda r: f"{r.choice(['Pixel', 'Galaxy', 'Xperia'])} {r.randint(5, 22)}"),
        ("isbn", lambda r: f"978-{r.randint(0, 9)}-{_digits(r, 4)}-{_digits(r, 4)}-{r.randint(0, 9)}"),
        ("gene", lambda r: f"{_letters(r, 4)}{r.randint(1, 9)}"),
        ("planet", lambda r: r.choice(["Mercury", "Venus", "Mars", "Saturn"])),
        ("formula", lambda r: r.choice(["H2O", "NaCl", "C6H12O6", "CO2"])),
        ("hours", lambda r: str(r.randint(1, 80))),
    ]
    return [(name, make, "none", "") for name, make in makes]


def _digits(r: random.Random, n: int, first: str = "0123456789") -> str:
    return r.choice(first) + "".join(r.choice("0123456789") for _ in range(n - 1))


def _letters(r: random.Random, n: int, of: str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ") -> str:
    return "".join(r.choice(of) for _ in range(n))


def _uuid(r: random.Random) -> str:
    return str(uuid.UUID(int=r.getrandbits(128), version=4))


def _pairs(r: random.Random, n: int) -> str:
    return " ".join(_digits(r, 2) for _ in range(n))


def _spaced(text: str, groups: tuple[int, ...], by: str = " ") -> str:
    parts, at = [], 0
    for size in groups:
        parts.append(text[at : at + size])
        at += size
    return by.join(part for part in [*parts, text[at:]] if part)


DOMAINS = ("example.com", "mail.example.org", "post.example.de")


def _email(r: random.Random, given: str, family: str) -> str:
    plain = (given + r.choice([".", "_", ""]) + family).lower().encode("ascii", "ignore").decode() or "info"
    return f"{plain}{r.choice(['', str(r.randint(1, 99))])}@{r.choice(DOMAINS)}"


def _luhn(body: str) -> str:
    total = 0
    for place, digit in enumerate(reversed(body)):
        value = int(digit) * (2 if place % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    return body + str(-total % 10)


def _card(r: random.Random) -> str:
    prefix = r.choice(["4", "51", "55", "6011", "2221"])
    return _luhn(prefix + _digits(r, 15 - len(prefix)))


def _no_luhn(r: random.Random, prefix: str, length: int) -> str:
    right = _luhn(prefix + _digits(r, length - 1 - len(prefix)))
    return right[:-1] + str((int(right[-1]) + r.randint(1, 9)) % 10)


def _iban(r: random.Random, country: str, length: int) -> str:
    letters = {"GB": 4, "NL": 4, "IT": 1}.get(country, 0)
    body = _letters(r, letters) + _digits(r, length - 4 - letters)
    spelled = "".join(str(int(char, 36)) for char in body + country + "00")
    return f"{country}{98 - int(spelled) % 97:02d}{body}"


def _weighted(r: random.Random, n: int, weights: range, check: Callable[[int], int], first: str = "123456789") -> str:
    while True:
        body = _digits(r, n, first)
        last = check(sum(int(digit) * weight for digit, weight in zip(body, weights, strict=False)))
        if 0 <= last <= 9:
            return body + str(last)


def _nino(r: random.Random) -> str:
    return f"{r.choice('ABCEGHJKLMNPRSTWXYZ')}{r.choice('CEHJLMPRSWXY')} {_pairs(r, 3)} {r.choice('ABCD')}"


def _steuer(r: random.Random) -> str:
    different = r.sample("0123456789", 9)
    body = [*different, r.choice(different)]
    r.shuffle(body)
    if body[0] == "0":
        place = next(i for i, digit in enumerate(body) if digit != "0")
        body[0], body[place] = body[place], body[0]
    product = 10
    for digit in body:
        total = (int(digit) + product) % 10 or 10
        product = total * 2 % 11
    return "".join(body) + str((11 - product) % 10)


def _nir(r: random.Random) -> str:
    body = f"{r.choice('12')}{r.randint(30, 99):02d}{r.randint(1, 12):02d}{r.randint(1, 95):02d}{_digits(r, 6)}"
    return f"{body}{97 - int(body) % 97:02d}"


def _dni(r: random.Random) -> str:
    number = r.randint(1_000_000, 99_999_999)
    return f"{number:08d}{'TRWAGMYFPDXBNJZSQVHLCKE'[number % 23]}"


def _fiscal(r: random.Random) -> str:
    body = f"{_letters(r, 6, 'BCDFGLMNPRSTV')}{_digits(r, 2)}{r.choice('ABCDEHLMPRST')}"
    body += f"{r.randint(1, 31) + r.choice([0, 40]):02d}{r.choice('ABCDEFGHL')}{_digits(r, 3)}"
    odd = dict(
        zip(
            "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ",
            (
                1,
                0,
                5,
                7,
                9,
                13,
                15,
                17,
                19,
                21,
                1,
                0,
                5,
                7,
                9,
                13,
                15,
                17,
                19,
                21,
                2,
                4,
                18,
                20,
                11,
                3,
                6,
                8,
                12,
                14,
                16,
                10,
                22,
                25,
                24,
                23,
            ),
            strict=True,
        )
    )
    even = {char: int(char) if char.isdigit() else ord(char) - 65 for char in odd}
    total = sum((odd if place % 2 == 0 else even)[char] for place, char in enumerate(body))
    return body + chr(65 + total % 26)


def _pesel(r: random.Random) -> str:
    body = f"{r.randint(30, 99):02d}{r.randint(1, 12):02d}{r.randint(1, 28):02d}{_digits(r, 4)}"
    total = sum(int(digit) * weight for digit, weight in zip(body, (1, 3, 7, 9) * 3, strict=False))
    return body + str(-total % 10)


def _personnummer(r: random.Random) -> str:
    ten = _luhn(f"{r.randint(30, 99):02d}{r.randint(1, 12):02d}{r.randint(1, 28):02d}{_digits(r, 3)}")
    return f"{ten[:6]}-{ten[6:]}"


def _ahv(r: random.Random) -> str:
    body = f"756{_digits(r, 9)}"
    total = sum(int(digit) * (1, 3)[place % 2] for place, digit in enumerate(body))
    return _spaced(body + str(-total % 10), (3, 4, 4, 2), ".")


def _cpf(r: random.Random) -> str:
    body = _digits(r, 9)
    for length in (10, 11):
        rest = sum(int(digit) * (length - place) for place, digit in enumerate(body)) % 11
        body += str(0 if rest < 2 else 11 - rest)
    return f"{body[:3]}.{body[3:6]}.{body[6:9]}-{body[9:]}"
