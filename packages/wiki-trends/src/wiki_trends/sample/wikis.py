"""The wikis of the synthetic Wikimedia, with their site information (`meta=siteinfo`).

The wikis are Wikipedia in five languages, and a small wiki with short lists. Arabic Wikipedia is read almost only on phones. The
namespaces have the same names as in the real wikis. Any other project is unknown.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import quote

from wiki_trends.config.projects import canonical_project

_CANONICAL_NAMES = {
    -2: "Media", -1: "Special", 0: "", 1: "Talk", 2: "User", 3: "User talk", 4: "Project", 5: "Project talk",
    6: "File", 7: "File talk", 8: "MediaWiki", 9: "MediaWiki talk", 10: "Template", 11: "Template talk",
    12: "Help", 13: "Help talk", 14: "Category", 15: "Category talk", 100: "Portal", 101: "Portal talk",
}  # fmt: skip
_ENGLISH_NAMES = {4: "Wikipedia", 5: "Wikipedia talk"}
_GERMAN_NAMES = {
    -2: "Medium", -1: "Spezial", 1: "Diskussion", 2: "Benutzer", 3: "Benutzer Diskussion", 4: "Wikipedia",
    5: "Wikipedia Diskussion", 6: "Datei", 7: "Datei Diskussion", 9: "MediaWiki Diskussion", 10: "Vorlage",
    11: "Vorlage Diskussion", 12: "Hilfe", 13: "Hilfe Diskussion", 14: "Kategorie", 15: "Kategorie Diskussion",
    101: "Portal Diskussion",
}  # fmt: skip
_FRENCH_NAMES = {
    -2: "Média", -1: "Spécial", 1: "Discussion", 2: "Utilisateur", 3: "Discussion utilisateur", 4: "Wikipédia",
    5: "Discussion Wikipédia", 6: "Fichier", 7: "Discussion fichier", 9: "Discussion MediaWiki", 10: "Modèle",
    11: "Discussion modèle", 12: "Aide", 13: "Discussion aide", 14: "Catégorie", 15: "Discussion catégorie",
    100: "Portail", 101: "Discussion Portail",
}  # fmt: skip
_ARABIC_NAMES = {
    -2: "ميديا", -1: "خاص", 1: "نقاش", 2: "مستخدم", 3: "نقاش المستخدم", 4: "ويكيبيديا", 5: "نقاش ويكيبيديا", 6: "ملف",
    7: "نقاش الملف", 8: "ميدياويكي", 9: "نقاش ميدياويكي", 10: "قالب", 11: "نقاش القالب", 12: "مساعدة",
    13: "نقاش المساعدة", 14: "تصنيف", 15: "نقاش التصنيف", 100: "بوابة", 101: "نقاش البوابة",
}  # fmt: skip
_ITALIAN_NAMES = {
    -1: "Speciale", 1: "Discussione", 2: "Utente", 3: "Discussioni utente", 4: "Wikipedia",
    5: "Discussioni Wikipedia", 7: "Discussioni file", 9: "Discussioni MediaWiki", 11: "Discussioni template",
    12: "Aiuto", 13: "Discussioni aiuto", 14: "Categoria", 15: "Discussioni categoria", 100: "Portale",
    101: "Discussioni portale",
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Wiki:
    """One wiki.

    Attributes:
        project: the name of the project in the lists, for example `fr.wikipedia`.
        language: the code of the language.
        scale: the traffic as a fraction of the traffic of English Wikipedia.
        main_page: the title of the main page, with spaces.
        local_names: the local names of namespaces that differ from the canonical names, by number.
        aliases: the numbers and names of further aliases of namespaces.
        rows: the largest number of rows in a list.
        desktop_shares: the smallest and the largest fraction of a page's views from desktops.
        first_program: the position in `BOT_NUMBERS` of the first page that programs request. The position differs between wikis, so
            that programs request other subjects on each wiki.
    """

    project: str
    language: str
    scale: float
    main_page: str
    local_names: dict[int, str]
    aliases: tuple[tuple[int, str], ...]
    rows: int = 1000
    desktop_shares: tuple[float, float] = (0.2, 0.55)
    first_program: int = 0

    @cached_property
    def namespaces(self) -> dict[int, str]:
        """The local names of the namespaces, by number."""
        return _CANONICAL_NAMES | self.local_names

    @cached_property
    def _numbers_by_name(self) -> dict[str, int]:
        names = [(text, number) for number, text in self.aliases]
        names += [(text, number) for number, text in _CANONICAL_NAMES.items()]
        names += [(text, number) for number, text in self.namespaces.items()]
        return {text.casefold(): number for text, number in names if text}

    def split_namespace(self, title: str) -> tuple[int, str]:
        """Split a title with spaces into the number of its namespace and the title without the prefix."""
        prefix, colon, rest = title.partition(":")
        number = self._numbers_by_name.get(prefix.strip().casefold()) if colon else None
        return (0, title) if number is None else (number, rest.strip())

    def siteinfo(self) -> dict[str, Any]:
        """Return the body of `meta=siteinfo&siprop=general|namespaces|namespacealiases` in `formatversion=2`."""
        server = f"//{self.project}.org"
        return {
            "batchcomplete": True,
            "query": {
                "general": {
                    "mainpage": self.main_page,
                    "base": f"https:{server}/wiki/{quote(self.main_page.replace(' ', '_'), safe=':')}",
                    "sitename": self.namespaces[4],
                    "case": "first-letter",
                    "lang": self.language,
                    "articlepath": "/wiki/$1",
                    "server": server,
                    "timezone": "UTC",
                },
                "namespaces": {
                    str(number): self._namespace_entry(number) for number in sorted(_CANONICAL_NAMES)
                },
                "namespacealiases": [{"id": number, "alias": text} for number, text in self.aliases],
            },
        }

    def _namespace_entry(self, number: int) -> dict[str, Any]:
        entry = {
            "id": number,
            "case": "first-letter",
            "name": self.namespaces[number],
            "subpages": number not in (0, 6, 8, 14),
            "content": number == 0,
            "nonincludable": False,
        }
        return entry if number == 0 else entry | {"canonical": _CANONICAL_NAMES[number]}


_ALIASES = ((4, "WP"), (6, "Image"), (7, "Image talk"))
WIKIS = {
    wiki.project: wiki
    for wiki in (
        Wiki("en.wikipedia", "en", 1.0, "Main Page", _ENGLISH_NAMES, (*_ALIASES, (5, "WT"))),
        Wiki(
            "de.wikipedia",
            "de",
            0.16,
            "Wikipedia:Hauptseite",
            _GERMAN_NAMES,
            (*_ALIASES, (6, "Bild"), (3, "BD")),
            first_program=100,
        ),
        Wiki(
            "fr.wikipedia",
            "fr",
            0.13,
            "Wikipédia:Accueil principal",
            _FRENCH_NAMES,
            (*_ALIASES, (1, "Discuter")),
            first_program=200,
        ),
        Wiki(
            "it.wikipedia",
            "it",
            0.11,
            "Pagina principale",
            _ITALIAN_NAMES,
            (*_ALIASES, (6, "Immagine")),
            first_program=300,
        ),
        Wiki(
            "ar.wikipedia",
            "ar",
            0.05,
            "الصفحة الرئيسة",
            _ARABIC_NAMES,
            (*_ALIASES, (6, "صورة")),
            desktop_shares=(0.03, 0.12),
            first_program=150,
        ),
        Wiki(
            "simple.wikipedia", "en", 0.01, "Main Page", _ENGLISH_NAMES, _ALIASES, rows=400, first_program=250
        ),
    )
}


def find_wiki(project: str) -> Wiki | None:
    """Return the wiki of a project, with or without `.org`; None for an unknown project."""
    return WIKIS.get(canonical_project(project))
