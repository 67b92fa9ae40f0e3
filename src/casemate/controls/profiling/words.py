"""Words in column names, in nine languages, and what each says of the values.

English, German, French, Spanish, Italian, Dutch, Polish, Portuguese, Swedish. Written without accents; several words
of one term are joined by hyphens.
"""

from __future__ import annotations

HINTS: dict[str, str] = {
    "email": "email e-mail mail email-address mail-address courriel correo correo-electronico "
    "posta-elettronica mailadresse emailadresse adres-email poczta epost e-postadress adresse-mail",
    "phone": "phone telephone tel telefon mobile mobil mobile-phone cell cellphone fax handy "
    "handynummer telefonnummer rufnummer telefono movil cellulare celular telefone telemovel telefoon "
    "telefoonnummer gsm telefon-komorkowy komorka mobilnummer portable numero-telephone msisdn phone-number",
    "card": "card-number cardnumber card-no pan credit-card creditcard cc-number ccnum kartennummer "
    "kreditkarte kreditkartennummer carte-bancaire numero-carte tarjeta tarjeta-credito numero-tarjeta "
    "carta-credito numero-carta creditcardnummer karta-kredytowa numer-karty cartao cartao-credito kortnummer "
    "kreditkort",
    "iban": "iban bank-account account-iban kontonummer bankverbindung compte-bancaire cuenta-bancaria "
    "conto-corrente rekeningnummer rachunek numer-konta conta-bancaria bankkonto",
    "national-id": "ssn social-security social-security-number nino national-insurance nhs-number nhs "
    "steuer-id steuerid steuernummer steuer-identifikationsnummer idnr nir insee numero-securite-sociale secu "
    "dni nie nif codice-fiscale cf bsn burgerservicenummer pesel personnummer ahv ahv-nummer ahvn national-id "
    "nationalid id-number tax-id taxid tin cpf sozialversicherungsnummer rijksregisternummer niss "
    "fodselsnummer cpr hetu henkilotunnus",
    "passport": "passport passport-number passport-no reisepass reisepassnummer passeport pasaporte "
    "passaporto paspoort paszport passaporte pass-number licence-number license-number drivers-license "
    "driving-licence driver-license fuhrerschein fuehrerschein permis-conduire carnet-conducir patente "
    "rijbewijs prawo-jazdy carta-conducao korkort ausweisnummer personalausweis id-card",
    "ip": "ip ip-address ipaddress ip-addr ipv4 ipv6 client-ip remote-addr adresse-ip direccion-ip "
    "indirizzo-ip ip-adresse",
    "mac": "mac mac-address macaddress hardware-address",
    "url": "url website homepage web-page link site-web sitio-web sito-web webseite profile-url linkedin",
    "uuid": "uuid guid",
    "vehicle": "vin licence-plate license-plate plate number-plate kennzeichen fahrgestellnummer "
    "immatriculation matricula targa kenteken numer-rejestracyjny registreringsnummer",
    "device": "imei imsi device-id deviceid idfa gaid advertising-id android-id serial-number",
    "given-name": "given-name givenname first-name firstname forename fname vorname prenom nombre "
    "nome-proprio primeiro-nome voornaam imie fornamn tilltalsnamn first middle-name middlename",
    "family-name": "family-name familyname last-name lastname surname lname nachname familienname nom "
    "nom-famille apellido apellidos primer-apellido segundo-apellido cognome achternaam nazwisko sobrenome "
    "apelido efternamn maiden-name geburtsname last",
    "full-name": "full-name fullname person-name patient-name customer-name client-name employee-name name "
    "namn naam vollstandiger-name nom-complet nombre-completo nome-completo nome-cognome imie-nazwisko "
    "contact-name holder cardholder nome nom-prenom vor-und-nachname",
    "username": "username user-name login user-login nickname handle benutzername utilisateur "
    "nom-utilisateur usuario nome-utente gebruikersnaam nazwa-uzytkownika utilizador anvandarnamn twitter "
    "screen-name",
    "secret": "password passwd pwd passphrase token api-key secret passwort kennwort mot-passe "
    "contrasena senha wachtwoord haslo losenord pin pin-code password-hash",
    "address": "address addr street street-address address-line home-address strasse anschrift adresse "
    "rue voie domicilio direccion calle indirizzo via straat adres ulica endereco rua morada gata adress "
    "gatuadress hausnummer house-number",
    "person-key": "person-id personid patient-id patientid customer-id customerid client-id clientid user-id "
    "userid uid member-id employee-id employeeid staff-id student-id subject-id subject participant-id "
    "account-id mrn medical-record-number kundennummer kunden-nr kundennr kunden-id personalnummer "
    "patientennummer mitarbeiter-id versichertennummer numero-client id-client id-patient id-cliente "
    "codigo-cliente id-paciente id-paziente codice-cliente klantnummer klant-id patientnummer id-klienta "
    "numer-klienta id-pacjenta kundnummer kund-id",
    "row-key": "id row-id rowid record-id key pk index nr no lfd-nr lfdnr identifier identifiant "
    "identificador identificativo identyfikator",
    "free-text": "comment comments note notes remark remarks description free-text freetext message text "
    "narrative summary feedback bemerkung bemerkungen kommentar anmerkung notiz notizen beschreibung "
    "commentaire commentaires remarque observaciones comentario comentarios nota notas commento commenti "
    "osservazioni opmerking opmerkingen uwagi komentarz opis observacoes anteckning anteckningar kommentarer",
    "birth-date": "birth-date birthdate date-of-birth dob birthday birth-day geburtsdatum geburtstag "
    "geb-datum gebdat date-naissance date-de-naissance naissance fecha-nacimiento fecha-de-nacimiento "
    "nacimiento data-nascita data-di-nascita nascita geboortedatum data-urodzenia data-nascimento "
    "data-de-nascimento fodelsedatum birth born",
    "birth-year": "birth-year birthyear year-of-birth yob geburtsjahr annee-naissance annee-de-naissance "
    "ano-nacimiento anno-nascita geboortejaar rok-urodzenia ano-nascimento fodelsear",
    "age": "age alter edad eta leeftijd wiek idade alder age-years age-group altersgruppe",
    "sex": "sex gender geschlecht sexe genre sexo genero sesso geslacht plec kon male female "
    "gender-code anrede salutation",
    "postcode": "postcode post-code postal-code postalcode zip zipcode zip-code plz postleitzahl "
    "code-postal cp codigo-postal cap codice-postale kod-pocztowy postnummer",
    "city": "city town village municipality locality stadt ort wohnort gemeinde ville commune localite "
    "ciudad municipio localidad poblacion citta comune plaats stad gemeente woonplaats miasto miejscowosc "
    "cidade concelho localidade kommun birthplace birth-place geburtsort lieu-naissance",
    "region": "region county province state district federal-state bundesland kreis landkreis bezirk "
    "departement provincia estado comunidad regione provincie wojewodztwo powiat distrito lan kanton canton "
    "area neighbourhood neighborhood",
    "country": "country country-code land pays pais paese kraj native-country country-of-birth geburtsland",
    "nationality": "nationality citizenship nationalitat nationalitaet staatsangehorigkeit "
    "staatsangehoerigkeit nationalite nacionalidad nazionalita cittadinanza nationaliteit narodowosc "
    "obywatelstwo nacionalidade nationalitet medborgarskap",
    "coordinates": "lat lon lng latitude longitude coordinates coords gps geo geolocation location-lat "
    "location-lon breitengrad langengrad laengengrad breite latitud longitud latitudine longitudine coordonnees",
    "marital-status": "marital marital-status civil-status familienstand situation-familiale etat-civil "
    "estado-civil stato-civile burgerlijke-staat stan-cywilny civilstand relationship married",
    "education": "education education-level school degree qualification bildung abschluss schulabschluss "
    "bildungsstand education-num niveau-etudes diplome educacion nivel-estudios istruzione titolo-studio "
    "opleiding wyksztalcenie escolaridade utbildning",
    "occupation": "occupation job profession job-title employer workclass beruf tatigkeit taetigkeit "
    "arbeitgeber metier emploi employeur profesion ocupacion puesto empleador professione lavoro occupazione "
    "beroep werkgever zawod pracodawca profissao ocupacao yrke arbetsgivare",
    "household": "household household-size children kids family-size dependents haushalt haushaltsgrosse "
    "kinder enfants hijos figli kinderen dzieci filhos barn num-children",
    "language": "language mother-tongue native-language sprache muttersprache langue idioma lengua lingua "
    "taal jezyk sprak",
    "body": "height weight bmi body-mass-index grosse korpergrosse gewicht taille poids altura "
    "estatura peso altezza lengte wzrost waga langd vikt",
    "date": "date datum fecha data created updated timestamp admission admission-date discharge-date "
    "visit-date aufnahmedatum entlassungsdatum date-admission fecha-ingreso hire-date entry-date "
    "eintrittsdatum death-date date-of-death sterbedatum dod",
    "diagnosis": "diagnosis diagnoses icd icd10 icd-10 icd-code disease diagnose diagnostic diagnostico "
    "diagnosi rozpoznanie diagnos krankheit maladie enfermedad malattia ziekte choroba doenca sjukdom",
    "health": "health medication drug drugs prescription treatment hiv hiv-status disability disabled "
    "pregnant pregnancy blood-type blood-group allergy allergies smoker smoking alcohol mental-health symptom "
    "symptoms gesundheit medikament behinderung blutgruppe schwanger rauchen sante traitement handicap "
    "grossesse groupe-sanguin salud discapacidad grupo-sanguineo salute disabilita gruppo-sanguigno gezondheid "
    "bloedgroep zdrowie niepelnosprawnosc grupa-krwi saude deficiencia halsa blodgrupp sick-days sick-leave "
    "glucose cholesterol blood-pressure",
    "ethnicity": "ethnicity ethnic ethnic-group race racial-origin herkunft ethnie origine-ethnique etnia "
    "raza razza etniciteit rasa raca etnicitet",
    "religion": "religion faith belief denomination konfession religionszugehorigkeit culte croyance "
    "creencia religione fede geloof godsdienst wyznanie religia religiao trossamfund kirchensteuer",
    "politics": "political political-party party politics union trade-union union-member gewerkschaft "
    "partei parti syndicat partido sindicato partito sindacato partij vakbond partia zwiazek-zawodowy "
    "fackforening vote voted",
    "orientation": "orientation sexual-orientation sexuality sexuelle-orientierung orientation-sexuelle "
    "orientacion-sexual orientamento-sessuale seksuele-geaardheid orientacja-seksualna orientacao-sexual "
    "sexuell-laggning",
    "genetic": "genetic genome genotype dna snp biometric fingerprint face-embedding iris-scan genetik adn dna-profile",
    "criminal": "criminal conviction convictions offence offense arrest arrests criminal-record vorstrafe "
    "vorstrafen casier-judiciaire antecedentes-penales precedenti-penali strafblad karalnosc "
    "antecedentes-criminais brott",
    "income": "income salary wage wages pay earnings compensation credit-score net-worth wealth debt "
    "balance account-balance einkommen gehalt lohn nettoeinkommen bruttoeinkommen revenu salaire ingresos "
    "salario sueldo reddito stipendio inkomen salaris dochod pensja wynagrodzenie renda rendimento inkomst lon "
    "capital-gain capital-loss",
    "label": "target label class outcome churn fraud survived y",
}
"""The terms of every kind, parted by blanks."""

THINGS = (
    "product company firm file station hotel brand model item event course project team ship dataset table "
    "column field device host server domain service category type shop store restaurant bank department dept "
    "branch supplier vendor produkt firma artikel marke produit entreprise marque producto empresa marca "
    "prodotto azienda bedrijf merk foretag package plan campaign channel page app software game song album film "
    "movie book journal process job batch function method class variable version currency vehicle car machine "
    "sensor part building room"
)
"""Words before "name", "id" or "address" that make it no person's."""

COUNTED = "count number-of num total sum avg mean ratio rate pct percent share score days hours minutes flag has is"
"""Words that make of a telephone a number of telephones, and of e-mail whether there is any."""
