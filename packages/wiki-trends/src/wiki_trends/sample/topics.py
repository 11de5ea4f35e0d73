"""The topics of the synthetic articles, as data.

The placeholders in the patterns are:

- `{w}`: the page's own word;
- `{first}`: a first name;
- `{town}`: an invented town;
- `{country}`: a country;
- `{nat}`: the demonym of the country;
- `{year}`: a recent year;
- `{born}`: a year of birth.
"""

from __future__ import annotations

from wiki_trends.sample.vocabulary import Topic

_PERSON = ("{born} births", "Living people", "People from {town}")
_AUTOS = "Autos and vehicles"
_BEAUTY = "Beauty and fashion"
_BUSINESS = "Business and finance"
_FUN = "Entertainment"
_FOOD = "Food and drink"
_HOBBIES = "Hobbies and leisure"
_JOBS = "Jobs and education"
_LAW = "Law and government"
_PETS = "Pets and animals"
_TRAVEL = "Travel and transportation"

TOPICS = (
    Topic(4, _AUTOS, "General", ("{w} GT", "{w} EV6"), "Electric car made in {country}",
          ("Electric cars", "Cars introduced in {year}", "Cars of {country}", "Vehicles")),
    Topic(2, _AUTOS, "General", ("{w} Motors",), "{nat} car manufacturer",
          ("Car manufacturers of {country}", "Motor vehicle companies", "Companies based in {town}")),
    Topic(3, _BEAUTY, "General", ("{w} (fashion house)",), "{nat} fashion house",
          ("Fashion brands", "Luxury fashion", "Clothing companies of {country}")),
    Topic(2, _BEAUTY, "Person", ("{first} {w} (model)",), "{nat} fashion model (born {born})",
          (*_PERSON, "Fashion models", "{nat} female models", "Beauty pageant winners")),
    Topic(3, _BUSINESS, "General", ("{w} Bank", "{w} Holdings"), "{nat} bank",
          ("Banks of {country}", "Financial services companies", "Companies listed on the stock exchange")),
    Topic(4, _BUSINESS, "Person", ("{first} {w} (executive)",), "{nat} businessperson (born {born})",
          (*_PERSON, "{nat} billionaires", "{nat} chief executives", "Businesspeople in finance")),
    Topic(4, "Climate", "Event", ("Hurricane {w}", "Cyclone {w}"), "Tropical cyclone in {year}",
          ("{year} tropical cyclones", "Weather events in {country}", "Natural disasters in {country}",
           "Floods in {country}"), "event"),
    Topic(2, "Climate", "Event", ("{year} {w} heat wave",), "Heat wave in {country} in {year}",
          ("{year} heat waves", "Climate change in {country}", "Weather events in {country}")),
    Topic(16, _FUN, "General", ("{w} (film)", "The {w}", "{w}: Return"), "{year} film by {first} {town}",
          ("{year} films", "{nat} drama films", "{year} drama films", "English-language films",
           "Films shot in {country}", "Films about families")),
    Topic(12, _FUN, "General", ("{w} (TV series)", "The House of {w}"), "{nat} television series",
          ("{year} {nat} television series debuts", "Television shows set in {country}",
           "Drama television series", "Streaming television series")),
    Topic(6, _FUN, "General", ("{w} (song)", "{w} (album)"), "{year} song by {first} {town}",
          ("{year} songs", "English-language songs", "Pop songs", "{year} singles")),
    Topic(14, _FUN, "Person", ("{first} {w}", "{first} {w} (actor)"), "{nat} actor (born {born})",
          (*_PERSON, "{nat} film actors", "{nat} television actors", "{nat} stage actors",
           "21st-century {nat} actors")),
    Topic(9, _FUN, "Person", ("{first} {w} (singer)", "{w} (musician)"), "{nat} singer (born {born})",
          (*_PERSON, "{nat} pop singers", "{nat} singer-songwriters", "21st-century {nat} musicians",
           "English-language singers")),
    Topic(3, _FOOD, "General", ("{w} (cheese)", "{w} soup"), "Dish of {nat} cuisine",
          ("{nat} cuisine", "Cheeses of {country}", "Food and drink of {country}")),
    Topic(2, _FOOD, "General", ("{w} (drink)",), "{nat} soft drink",
          ("Soft drinks", "Drink brands", "{nat} drinks")),
    Topic(6, "Games", "General", ("{w} Quest", "{w} (video game)"), "{year} video game",
          ("{year} video games", "Role-playing video games", "Video games developed in {country}")),
    Topic(2, "Games", "General", ("{w} (board game)",), "Board game for two players",
          ("Board games", "Board games introduced in {year}")),
    Topic(4, "Health", "General", ("{w} syndrome",), "Rare genetic disorder",
          ("Genetic disorders", "Rare diseases", "Syndromes")),
    Topic(3, "Health", "General", ("{w}mab", "{w} (medication)"), "Prescription medication",
          ("Medications", "Drugs developed by {nat} companies", "Medical treatments")),
    Topic(3, _HOBBIES, "General", ("{w} knitting", "{w} (origami)"), "Style of handicraft from {country}",
          ("Knitting", "Handicrafts", "Hobbies")),
    Topic(3, _JOBS, "Landmark", ("University of {w}", "{w} College"), "Public university in {town}, {country}",
          ("Universities and colleges in {country}", "Educational institutions established in 1901",
           "Public universities"), "edu"),
    Topic(3, _LAW, "General", ("{w} Act",), "Law of {country} of {year}",
          ("{country} law", "{year} in {nat} law", "Acts of Parliament")),
    Topic(3, _LAW, "Person", ("{first} {w} (judge)",), "{nat} judge (born {born})",
          (*_PERSON, "{nat} judges", "Judges of the Supreme Court", "{nat} lawyers")),
    Topic(4, _PETS, "General", ("{w} Hound", "{w} Terrier"), "{nat} dog breed",
          ("Dog breeds", "Dog breeds originating in {country}")),
    Topic(3, _PETS, "General", ("{w} heron", "{w} fox"), "Species of animal",
          ("Mammals of {country}", "Animals described in 1871", "Birds of {country}")),
    Topic(10, "Politics", "Person", ("{first} {w} (politician)", "{first} de {w}"),
          "{nat} politician (born {born})",
          (*_PERSON, "{nat} politicians", "Members of the Parliament of {country}",
           "Presidents of {country}", "Candidates in the {year} {nat} elections")),
    Topic(4, "Politics", "Event", ("{year} {w} general election",), "General election in {country}",
          ("{year} elections", "Elections in {country}", "General elections in {country}")),
    Topic(4, "Science", "General", ("{w} theorem", "{w} (asteroid)"), "Concept of physics and mathematics",
          ("Theorems", "Concepts in physics", "Mathematics")),
    Topic(4, "Science", "Person", ("{first} {w} (physicist)",), "{nat} physicist (born {born})",
          (*_PERSON, "{nat} physicists", "Nobel laureates in Physics", "{nat} scientists")),
    Topic(3, "Shopping", "Landmark", ("{w} Mall",), "Shopping mall in {town}, {country}",
          ("Shopping malls in {country}", "Shopping malls established in {year}"), "landmark"),
    Topic(2, "Shopping", "General", ("{w} (retailer)",), "{nat} retail chain",
          ("Retail companies of {country}", "Supermarkets of {country}", "Online retailers")),
    Topic(14, "Sports", "Person", ("{first} {w} (footballer)", "{first} {w} (tennis)"),
          "{nat} footballer (born {born})",
          (*_PERSON, "{nat} footballers", "Footballers from {town}", "Association football forwards",
           "{country} international footballers", "FIFA World Cup players")),
    Topic(5, "Sports", "General", ("{w} F.C.", "{w} United"), "Football club in {town}, {country}",
          ("Football clubs in {country}", "Association football clubs", "Sport in {town}")),
    Topic(6, "Sports", "Event", ("{year} {w} Cup", "{year} {w} Open"), "Sports tournament in {country}",
          ("{year} in {nat} sport", "Football tournaments in {country}", "{year} sports events")),
    Topic(6, "Technology", "General", ("{w} (software)", "{w} (smartphone)"), "Software released in {year}",
          ("Software", "{year} software", "Computing", "Artificial intelligence")),
    Topic(3, _TRAVEL, "Landmark", ("{w} Airport",), "Airport near {town}, {country}",
          ("Airports in {country}", "Airports established in 1954"), "airport"),
    Topic(6, _TRAVEL, "City", ("{w}, {country}", "{w} City"), "City in {country}",
          ("Cities in {country}", "Populated places in {country}", "Tourist destinations in {country}"),
          "city"),
    Topic(2, _TRAVEL, "Region", ("{w} Province",), "Region of {country}",
          ("Regions of {country}", "Provinces of {country}", "Tourism in {country}"), "adm1st"),
    Topic(1, _TRAVEL, "Country", ("{w} Islands",), "Island country",
          ("Countries", "Island countries", "Member states of the United Nations"), "country"),
    Topic(3, _TRAVEL, "Landmark", ("{w} Castle", "{w} Bridge"), "Castle in {town}, {country}",
          ("Castles in {country}", "Tourist attractions in {country}"), "landmark"),
    Topic(6, "Other", "General", ("{w} (mythology)", "{w} (deity)"), "Figure of {nat} mythology",
          ("{nat} mythology", "Deities", "Legendary creatures")),
    Topic(4, "Other", "General", ("{w} (name)",), "Given name",
          ("Given names", "Masculine given names", "Surnames")),
    Topic(9, "Other", "General", ("{w} (folklore)", "Legend of {w}"), "", ()),
)  # fmt: skip

# Titles with characters that programs often mishandle. The topics of these pages are random, as for other pages.
DIFFICULT_TITLES = (
    "CON", "Nul", "3%", "What_If..._Velora?", "Tarn/Olwe/Kith", "Dova_&_Milek", '"Ruska"_(song)',
    "Ilve,_Count_of_Sarn", "Venla:_Return", "C++_for_Norrin", "Kes\\Tal", "O'Marren", "L'Été_à_Corvane",
    "Sørna_Ðal", "🎉_(album)", "ملك_فيلورا", "ヴェルモラの歌", ".velka", "=Sum(Orla)", "+Plus_Vora", "@Velka",
    "Orsa;_Tel", "Ṽela_Q̃or", "Lo" + "ngo" * 82 + "_rivers",
)  # fmt: skip
