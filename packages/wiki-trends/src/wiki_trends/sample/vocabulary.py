"""The vocabulary of the synthetic articles: words, first names and countries, and the type of a topic.

Words are made of syllables and have no meaning. Categories ("2025 films", "Cities in Poland") are plain English, and most
countries are real. So the pipeline's rules for categories and places apply to the articles.
"""

from __future__ import annotations

from typing import NamedTuple

# Each first and second syllable consists of consonants and one final vowel. So a word can be divided into syllables in only one
# way, and different numbers never give the same word.
_FIRST_SYLLABLES = (
    "Ba", "Bre", "Ca", "Co", "Da", "Dre", "Fa", "Fli", "Ga", "Gro", "Ha", "Ju",
    "Ka", "Kle", "La", "Mo", "Ne", "Pra", "Ru", "Sa", "Ste", "Ta", "Tro", "Ve",
)  # fmt: skip
_SECOND_SYLLABLES = (
    "da", "do", "ga", "li", "lo", "ma", "mi", "na", "ni", "po",
    "ra", "ri", "ro", "sa", "so", "ta", "ti", "va", "ve", "zo",
)  # fmt: skip
_LAST_SYLLABLES = (
    "bel", "bria", "den", "dra", "fell", "gor", "lane", "lia", "lund", "mar", "mont", "nak",
    "nor", "quin", "ran", "ren", "rin", "sk", "stan", "tan", "tor", "van", "vik", "zar",
)  # fmt: skip
WORD_COUNT = len(_FIRST_SYLLABLES) * len(_SECOND_SYLLABLES) * len(_LAST_SYLLABLES)

FIRST_NAMES = (
    "Adra", "Belan", "Cemile", "Doru", "Elka", "Faro", "Gisa", "Hano", "Ilva", "Joren", "Kesia", "Lirio",
    "Maelle", "Nadim", "Orla", "Petru", "Quisa", "Rafe", "Sunniva", "Tiber", "Ulla", "Vesna", "Wim", "Yara",
)  # fmt: skip


class Country(NamedTuple):
    """A country with its demonym, its ISO code (None for an invented country) and a point inside the country."""

    name: str
    demonym: str
    code: str | None
    latitude: float
    longitude: float


COUNTRIES = (
    Country("France", "French", "FR", 46.6, 2.5),
    Country("Italy", "Italian", "IT", 43.0, 12.5),
    Country("Germany", "German", "DE", 51.0, 10.0),
    Country("Spain", "Spanish", "ES", 40.0, -4.0),
    Country("Portugal", "Portuguese", "PT", 39.7, -8.0),
    Country("Poland", "Polish", "PL", 52.0, 19.5),
    Country("Sweden", "Swedish", "SE", 60.5, 15.5),
    Country("Norway", "Norwegian", "NO", 61.5, 9.0),
    Country("Greece", "Greek", "GR", 39.2, 22.0),
    Country("Turkey", "Turkish", "TR", 39.0, 33.0),
    Country("Egypt", "Egyptian", "EG", 27.0, 30.0),
    Country("Kenya", "Kenyan", "KE", 0.5, 37.8),
    Country("Nigeria", "Nigerian", "NG", 9.5, 8.0),
    Country("India", "Indian", "IN", 22.5, 79.0),
    Country("Japan", "Japanese", "JP", 36.2, 138.4),
    Country("Vietnam", "Vietnamese", "VN", 21.0, 105.0),
    Country("Australia", "Australian", "AU", -25.0, 134.0),
    Country("Canada", "Canadian", "CA", 55.0, -105.0),
    Country("Mexico", "Mexican", "MX", 23.5, -102.0),
    Country("Brazil", "Brazilian", "BR", -11.0, -53.0),
    Country("Argentina", "Argentine", "AR", -35.0, -65.0),
    Country("Chile", "Chilean", "CL", -31.0, -70.8),
    Country("Velmora", "Velmoran", None, 12.0, -38.0),
    Country("Orlavia", "Orlavian", None, -18.0, 76.0),
)


def word(number: int) -> str:
    """Return the invented word for a number. Different numbers below `WORD_COUNT` give different words."""
    rest, last = divmod(number % WORD_COUNT, len(_LAST_SYLLABLES))
    first, second = divmod(rest, len(_SECOND_SYLLABLES))
    return _FIRST_SYLLABLES[first] + _SECOND_SYLLABLES[second] + _LAST_SYLLABLES[last]


class Topic(NamedTuple):
    """A topic of articles.

    Attributes:
        weight: the relative frequency among articles.
        category: the category that the pipeline should assign.
        location_type: the location type that the pipeline should assign.
        titles: the patterns of titles; each has `{w}`, the page's own word.
        description: the pattern of the short description.
        categories: the patterns of the wiki's categories.
        place: the type of the coordinates, for example `city`; None for articles without coordinates.
    """

    weight: int
    category: str
    location_type: str
    titles: tuple[str, ...]
    description: str
    categories: tuple[str, ...]
    place: str | None = None
