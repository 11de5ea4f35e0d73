"""Generates the pages of one synthetic wiki: their titles, usual levels of views, and facts.

The seed and the project determine all values. A number identifies a page, and the range of the number gives the kind of page:

- `EVERGREEN_NUMBERS`: pages that are read every day;
- `RARE_NUMBERS`: pages that are read for a few days;
- `NEW_NUMBERS`: pages that are read from the day of their creation;
- `BOT_NUMBERS`: pages that have only automated traffic;
- higher numbers: titles that are not articles.
"""

from __future__ import annotations

import math
import random
import unicodedata
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

from wiki_trends.sample import vocabulary
from wiki_trends.sample.topics import DIFFICULT_TITLES, TOPICS

if TYPE_CHECKING:
    from wiki_trends.sample.vocabulary import Country, Topic
    from wiki_trends.sample.wikis import Wiki

EVERGREEN_NUMBERS = range(2400)
RARE_NUMBERS = range(2400, 8000)
NEW_NUMBERS = range(8000, 10400)
BOT_NUMBERS = range(10400, 10800)

# The numbers that can get a role. Their pages are in the list on every day, so their usual views are known before an event.
_ROLE_NUMBERS = range(20, 450)
# The number of pages with each role.
_ROLE_SIZES = {
    "burst": 150,
    "trend": 120,
    "weekly": 40,
    "difficult": len(DIFFICULT_TITLES),
    "redirect": 22,
    "alias": 2,
}
# The numbers of further redirects, which lead to pages of `RARE_NUMBERS`.
_REDIRECTS_TO_RARE_PAGES = range(460, 464)
# Listed titles that are not pages of the wiki.
_MISSING = (470, 520, 610)
_MISSING_TITLES = ("Undefined", "Wp-login.php", "Xxx_Velka")
_INVALID = 560
_INVALID_TITLE = "Vela[1]"
_WORD_STEP = 4513  # coprime to WORD_COUNT, so different pages have different words


@dataclass(frozen=True, slots=True)
class Page:
    """A title that can be in a list.

    Attributes:
        number: the number of the page, in one of the ranges of this module.
        title: the title with underscores, as in the lists.
        level: the natural logarithm of the number of views on a usual day; 0 for an article that is not read every day.
        desktop: the fraction of the views that come from desktops.
        app: the fraction of the views that come from the apps.
        weekend: the number that is added to `level` on Saturdays and Sundays.
        role: one of these roles. `burst`, `trend` or `weekly`: a page with planted events of this kind. `difficult`: a title
            that programs often mishandle. `redirect`: a redirect. `alias`: another spelling of a title. `missing` or
            `invalid`: a title that is not a page of the wiki. `non_article`: a page that is not an article. `plain`: any
            other page.
        topic: the topic of the page.
        target: the number of the page to which a redirect or an alias leads; None for any other page.
    """

    number: int
    title: str
    level: float
    desktop: float
    app: float
    weekend: float
    role: str
    topic: Topic
    target: int | None = None


@dataclass(frozen=True, slots=True)
class Details:
    """The facts about an article.

    Attributes:
        page_id: the id of the page in the wiki.
        categories: the names of the categories without namespace, in the wiki's order; the last category is hidden.
        description: the short description, or an empty text.
        latitude: the latitude in degrees; None without coordinates.
        longitude: the longitude in degrees; None without coordinates.
        country: the country that the article is about, or None.
        wikidata_id: the id in Wikidata, for example `Q123`.
        image: the file name of a free image, or an empty text.
    """

    page_id: int
    categories: tuple[str, ...]
    description: str
    latitude: float | None
    longitude: float | None
    country: Country | None
    wikidata_id: str
    image: str


def level_of_rank(rank: float, scale: float) -> float:
    """Return the level of the page at a rank on a usual day: the natural logarithm of its number of views.

    Args:
        rank: the rank; fractions are possible.
        scale: the traffic of the wiki as a fraction of the traffic of English Wikipedia.
    """
    slope = 0.57 if rank >= 100 else 0.67
    return math.log(36_500 * scale) - slope * math.log(rank / 100)


@lru_cache(maxsize=8)
def catalogue(seed: int, wiki: Wiki) -> Catalogue:
    """Return the (cached) pages of a wiki for a seed."""
    return Catalogue(seed, wiki)


@dataclass(eq=False)
class Catalogue:
    """All pages of one wiki, by number and by title."""

    seed: int
    wiki: Wiki
    pages: list[Page] = field(init=False)
    roles: dict[str, list[int]] = field(init=False)

    def __post_init__(self) -> None:
        rng = random.Random(f"{self.seed}/{self.wiki.project}/pages")
        self.roles = _assign_roles(rng)
        role_of = {number: role for role, numbers in self.roles.items() for number in numbers}
        shift = rng.randrange(vocabulary.WORD_COUNT)
        topics = rng.choices(TOPICS, weights=[topic.weight for topic in TOPICS], k=BOT_NUMBERS.stop)
        self.pages = []
        for number, topic in enumerate(topics):
            word = vocabulary.word(number * _WORD_STEP + shift)
            self.pages.append(self._make_page(rng, number, topic, word, role_of.get(number, "plain")))
        self._assign_special_titles(rng)
        self.pages += self._make_non_articles()

    @cached_property
    def by_title(self) -> dict[str, Page]:
        """The pages by title, with underscores as in the lists."""
        return {page.title: page for page in self.pages}

    def find(self, title: str) -> Page | None:
        """Return the page or redirect with a normalised title (with spaces); None if the wiki has no such page."""
        page = self.by_title.get(title.replace(" ", "_"))
        return page if page is not None and page.role not in ("alias", "missing", "invalid") else None

    @lru_cache(maxsize=20_000)  # noqa: B019 - catalogues live as long as the process
    def details(self, number: int) -> Details:
        """Return the facts about the article with a number."""
        page = self.pages[number]
        rng = random.Random(f"{self.seed}/{self.wiki.project}/details/{number}")
        country = _named_country(page.title) or rng.choice(vocabulary.COUNTRIES)
        values = _placeholder_values(rng, page, country)
        topic = page.topic
        categories = [text.format_map(values) for text in topic.categories]
        latitude = longitude = None
        if topic.place is not None and (rng.random() < 0.9 or topic.location_type in ("City", "Landmark")):
            latitude = round(country.latitude + rng.uniform(-1.5, 1.5), 5)
            longitude = round(country.longitude + rng.uniform(-1.5, 1.5), 5)
        mentions_country = any(
            "{country}" in text or "{nat}" in text for text in (topic.description, *topic.categories)
        )
        return Details(
            page_id=_page_id(number),
            categories=(*categories, "Articles with short description"),
            description=topic.description.format_map(values),
            latitude=latitude,
            longitude=longitude,
            country=country if mentions_country or latitude is not None else None,
            wikidata_id=f"Q{1_000_000 + number * 37}",
            image=f"{page.title}.jpg" if rng.random() < 0.6 else "",
        )

    def _make_page(self, rng: random.Random, number: int, topic: Topic, word: str, role: str) -> Page:
        title = rng.choice(topic.titles).format_map(
            {
                "w": word,
                "first": rng.choice(vocabulary.FIRST_NAMES),
                "country": rng.choice(vocabulary.COUNTRIES).name,
                "year": rng.randint(2015, 2025),
            }
        )
        if self.wiki.language == "fr" and number % 3 == 0:
            title = title.replace("e", "é")
        return Page(
            number=number,
            title=title.replace(" ", "_"),
            level=level_of_rank(number + 1, self.wiki.scale) if number in EVERGREEN_NUMBERS else 0.0,
            desktop=rng.uniform(*self.wiki.desktop_shares),
            app=rng.uniform(0.02, 0.05),
            weekend=rng.uniform(-0.12, 0.12),
            role=role,
            topic=topic,
        )

    def _assign_special_titles(self, rng: random.Random) -> None:
        for number, title in zip(self.roles["difficult"], DIFFICULT_TITLES, strict=True):
            self._replace(number, unicodedata.normalize("NFC", title), None)
        for number, title in zip(self.roles["missing"], _MISSING_TITLES, strict=True):
            self._replace(number, title, None)
        self._replace(_INVALID, _INVALID_TITLE, None)
        plain_numbers = [number for number in _ROLE_NUMBERS if self.pages[number].role == "plain"]
        # One target is for the alias with a lowercase letter, so its title must begin with a letter.
        targets = rng.sample(plain_numbers, k=_ROLE_SIZES["redirect"] + 1)
        targets += [RARE_NUMBERS[40 * position] for position in range(len(_REDIRECTS_TO_RARE_PAGES))]
        alias_target = next(number for number in targets if self.pages[number].title[0].isalpha())
        targets.remove(alias_target)
        for number, target in zip(self.roles["redirect"], targets, strict=True):
            self._replace(number, self.pages[number].title, target)
        lowercase_alias, decomposed_alias = self.roles["alias"]
        title = self.pages[alias_target].title
        self._replace(lowercase_alias, title[0].lower() + title[1:], alias_target)
        accented_target = next(
            number for number in self.roles["difficult"] if "Été" in self.pages[number].title
        )
        decomposed_title = unicodedata.normalize("NFD", self.pages[accented_target].title)
        self._replace(decomposed_alias, decomposed_title, accented_target)

    def _replace(self, number: int, title: str, target: int | None) -> None:
        """Give the page with this number another title and target."""
        old = self.pages[number]
        self.pages[number] = Page(
            number, title, old.level, old.desktop, old.app, old.weekend, old.role, old.topic, target
        )

    def _make_non_articles(self) -> list[Page]:
        """Make the listed titles that are not articles: main page, special pages, other namespaces, `-`."""
        names = {number: text.replace(" ", "_") for number, text in self.wiki.namespaces.items()}
        special = names[-1]
        # Title, views on a usual day in English Wikipedia, and fraction of the views from desktops.
        rows = [
            (self.wiki.main_page.replace(" ", "_"), 5_400_000, 0.35),
            (f"{special}:Search", 1_300_000, 0.8),
            ("-", 60_000, 0.5),
            (f"{special}:RecentChanges", 48_000, 0.97),
            (f"{special}:Watchlist", 31_000, 0.95),
            (f"{special.lower()}:userLogin", 17_000, 0.6),
            (f"{names[4]}:Featured_pictures", 90_000, 0.5),
            ("WP:About", 22_000, 0.5),
            (f"{names[6]}:Velmora_flag.svg", 40_000, 0.4),
            (f"{names[100]}:Current_events", 52_000, 0.45),
            (f"{names[10]}:Infobox", 16_000, 0.5),
            (f"{names[12]}:Contents", 19_000, 0.5),
            (f"{names[2]}:Tarbel", 14_500, 0.9),
            (f"{names[3]}:192.0.2.7", 14_000, 0.3),
            (f"{names[14]}:Living_people", 15_500, 0.5),
        ]
        return [
            Page(
                number=number,
                title=title,
                level=math.log(views * self.wiki.scale),
                desktop=desktop,
                app=(1 - desktop) / 10,
                weekend=0.0,
                role="non_article",
                topic=TOPICS[-1],
            )
            for number, (title, views, desktop) in enumerate(rows, start=len(self.pages))
        ]


def _assign_roles(rng: random.Random) -> dict[str, list[int]]:
    """Assign roles to random numbers. The result has the numbers of the pages by role."""
    numbers = rng.sample(_ROLE_NUMBERS, k=sum(_ROLE_SIZES.values()))
    roles: dict[str, list[int]] = {}
    for role, size in _ROLE_SIZES.items():
        roles[role], numbers = numbers[:size], numbers[size:]
    roles["redirect"] += _REDIRECTS_TO_RARE_PAGES
    return roles | {"missing": list(_MISSING), "invalid": [_INVALID]}


def _page_id(number: int) -> int:
    """Return the id of a page. The ids of new pages are larger than those of others, and grow with the day of their creation."""
    position = number - NEW_NUMBERS.start
    # 7919 is coprime to 1,000,003, so different pages have different ids, and the ids are not in the order of the numbers.
    return 2_000_000 + 10 * position if number in NEW_NUMBERS else 1000 + number * 7919 % 1_000_003


def _named_country(title: str) -> Country | None:
    """Return the country that a title such as `Tasaden,_Greece` names; None for other titles."""
    return next((item for item in vocabulary.COUNTRIES if title.endswith(f",_{item.name}")), None)


def _placeholder_values(rng: random.Random, page: Page, country: Country) -> dict[str, object]:
    return {
        "country": country.name,
        "nat": country.demonym,
        "first": rng.choice(vocabulary.FIRST_NAMES),
        "town": vocabulary.word(rng.randrange(vocabulary.WORD_COUNT)),
        "year": next((part for part in page.title.split("_") if part.isdigit() and len(part) == 4), 2024),
        "born": rng.randint(1950, 2004),
    }
