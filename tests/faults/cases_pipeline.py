"""Faults of the files that the pipeline reads: dump files, category files, deny lists, and the page cache."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from smart_orchestrator.store.opening import open_lake
from testing.faults import DAY, CommandResult, Content, Fault, Scene, bytes_of
from testing.scripted_server import ScriptedServer
from testing.small_wiki import SmallWiki, listing

if TYPE_CHECKING:
    from collections.abc import Callable

DUMP = f"pageviews-{DAY:%Y%m%d}-user"
FROM_DUMP = ("fetch", "--from-dump", DUMP, DAY.isoformat(), "--json")
FETCH = ("fetch", DAY.isoformat(), "--json")
LINES = b"".join(
    b"en.wikipedia %s null %s %d A%d\n" % (title, device, views, views)
    for title, views in ((b'"\\"Nova\\"_(film)"', 900), (b'""', 70), (b"Tarn", 800), (b'"Two words"', 700))
    for device in (b"desktop", b"mobile-web")
)
TITLES = ['"Nova"_(film)', "Tarn", "Two_words"]


def bomb() -> bytes:
    return LINES + bytes(200_000_000)


def wiki(scene: Scene) -> None:
    """Start a working wiki with a list of the day."""
    rows = [(title, 900 - number, number) for number, title in enumerate(TITLES, 1)]
    server = scene.resources.enter_context(
        ScriptedServer(SmallWiki(lists={("en.wikipedia", DAY): listing(rows)}))
    )
    scene.environ |= {
        "WIKI_TRENDS_WIKIMEDIA_URL": f"{server.url}/api/rest_v1",
        "WIKI_TRENDS_MEDIAWIKI_URL": f"{server.url}/{{project}}/w/api.php",
        "WIKI_TRENDS_CONTACT": "https://meta.wikimedia.org/wiki/User:Somebody",
        "WIKI_TRENDS_RATE_PER_MINUTE": "100000",
    }


def file_of(name: str, data: Content) -> Callable[[Scene], None]:
    """Return a function that writes a file into the working directory, and starts a working wiki."""

    def arrange(scene: Scene) -> None:
        wiki(scene)
        (scene.folder / name).write_bytes(bytes_of(data))

    return arrange


def made_by(make: Callable[[str], None], name: str, setting: str = "") -> Callable[[Scene], None]:
    """Return a function that creates something other than a regular file in the working directory, and starts a working wiki."""

    def arrange(scene: Scene) -> None:
        wiki(scene)
        make(str(scene.folder / name))
        if setting:
            scene.environ[f"WIKI_TRENDS_{setting}"] = name

    return arrange


def dump(name: str, data: Content, *output_patterns: str) -> Fault:
    """Return a case with a dump file that is refused before anything is written."""
    return Fault(
        f"dump-{name}",
        "one fault stays one fault",
        file_of(DUMP, data),
        FROM_DUMP,
        2,
        output_patterns=output_patterns,
        stores=("local",),
    )


def user_file(setting: str, name: str, data: bytes, *output_patterns: str) -> Fault:
    """Return a case with a file of a setting that is refused before anything is written."""

    def arrange(scene: Scene) -> None:
        file_of("mine.toml", data)(scene)
        scene.environ[f"WIKI_TRENDS_{setting}"] = "mine.toml"

    label = setting.lower().replace("_", "-")
    return Fault(
        f"{label}-{name}",
        "one fault stays one fault",
        arrange,
        FETCH,
        2,
        output_patterns=(f"WIKI_TRENDS_{setting}", *output_patterns),
        stores=("local",),
    )


def both_files(name: str, data: bytes, *output_patterns: str) -> list[Fault]:
    """Return two cases with the same fault: in a category file, and in a deny list."""
    return [user_file(setting, name, data, *output_patterns) for setting in ("CATEGORIES_FILE", "DENY")]


CACHE_KEY = "_cache/en.wikipedia/pages/0.json.gz"


def segment(pages: object, version: int = 2) -> bytes:
    return gzip.compress(json.dumps({"version": version, "pages": pages}).encode())


def parquet(columns: dict[str, list[object]]) -> bytes:
    buffer = io.BytesIO()
    pl.DataFrame(columns).write_parquet(buffer)
    return buffer.getvalue()


def cached(
    name: str, data: Content, *output_patterns: str, key: str = CACHE_KEY, stays: bool = True
) -> Fault:
    """Return a case with an object in the page cache: the day is complete, the log has a warning, and the object is not changed."""

    def arrange(scene: Scene) -> None:
        wiki(scene)
        open_lake(scene.lake_url.replace("{layer}", "silver")).put(key, bytes_of(data))

    def expect(scene: Scene, ended: CommandResult) -> None:
        assert ended.json["filled"] == [DAY.isoformat()], ended.err
        if stays:
            assert open_lake(scene.lake_url.replace("{layer}", "silver")).get(key)[0] == bytes_of(data)

    return Fault(
        f"page-cache-{name}",
        "one fault stays one fault",
        arrange,
        # The log of a run contains the warnings.
        (*FETCH, "--verbose"),
        0,
        output_patterns=output_patterns,
        expect=expect,
        lake_unchanged=False,
    )


def fills(titles: list[str]) -> Callable[[Scene, CommandResult], None]:
    """Return an assertion that the day is complete and the diamond layer has these titles."""

    def expect(scene: Scene, ended: CommandResult) -> None:
        assert ended.json["filled"] == [DAY.isoformat()], ended.err
        diamond = scene.diamond
        parts = [info.key for info in diamond.list("") if "/part-" in info.key]
        text = "".join(diamond.get(key)[0].decode() for key in parts)
        for title in titles:
            assert title.replace('"', '\\"') in text or title.replace('"', '""') in text, text

    return expect


CASES: list[Fault] = [
    Fault(
        "dump-quoted-titles",
        "Wikimedia as it is",
        file_of(DUMP, bz2.compress(LINES)),
        FROM_DUMP,
        0,
        expect=fills(TITLES),
        lake_unchanged=False,
    ),
    Fault(
        "dump-gzip",
        "Wikimedia as it is",
        file_of(DUMP, gzip.compress(LINES)),
        FROM_DUMP,
        0,
        expect=fills(TITLES),
        lake_unchanged=False,
    ),
    dump("cut-bz2", bz2.compress(LINES * 99)[:-9], "cannot be read"),
    dump("cut-gz", gzip.compress(LINES * 99)[:-9], "cannot be read"),
    dump("damaged-bz2", b"BZh9" + bytes(999), "cannot be read"),
    dump("damaged-gz", gzip.compress(LINES)[:10] + b"\xff" * 999, "cannot be read"),
    dump("empty", b"", "holds no line of en.wikipedia"),
    dump("zeros", lambda: bz2.compress(bytes(50_000_000)), "is not a pageview_complete file"),
    dump("bomb-bz2", lambda: bz2.compress(bomb()), "a line of more than 1,048,576 bytes"),
    dump("bomb-gz", lambda: gzip.compress(bomb()), "a line of more than 1,048,576 bytes"),
    *(
        Fault(
            f"dump-{name}",
            "nothing foreign is harmed",
            made_by(make, DUMP),
            FROM_DUMP,
            2,
            output_patterns=("is not a regular file",),
            stores=("local",),
            timeout=60,
        )
        for name, make in (
            ("pipe", os.mkfifo),
            ("folder", os.mkdir),
            ("device", lambda name: Path(name).symlink_to("/dev/zero")),
        )
    ),
    *(
        Fault(
            f"{setting.lower().replace('_', '-')}-{name}",
            "nothing foreign is harmed",
            made_by(make, "mine.toml", setting),
            FETCH,
            2,
            output_patterns=(f"WIKI_TRENDS_{setting}", reason),
            stores=("local",),
            timeout=60,
        )
        for setting in ("CATEGORIES_FILE", "DENY")
        for name, make, reason in (
            ("pipe", os.mkfifo, "it is not a regular file"),
            ("folder", os.mkdir, "Is a directory"),
        )
    ),
    *both_files("not-toml", b"[en", "it is not TOML"),
    *both_files("not-utf8", b'a = "\xff"', "it is not TOML in UTF-8"),
    *both_files("deep", b"a = " + b"[" * 100_000, "nested more than 32 levels deep"),
    *both_files("long-key", b".".join([b"a"] * 500_000) + b" = 1", "a key of more than 32 parts"),
    *both_files("long-number", b"a = " + b"9" * 5_000, "it is not TOML"),
    *both_files("too-large", b"#" * 5_000_000, "more than 4,194,304 bytes"),
    *both_files("wrong-types", b"en = 1\nall = 1"),
    user_file(
        "CATEGORIES_FILE", "optional-parts", b'[en.Sports]\n1 = ["a' + b"(b)" * 40 + b'"]', "optional parts"
    ),
    cached("empty", b"", "pages/0.json.gz cannot be read"),
    cached("not-gzip", b"{}", "pages/0.json.gz cannot be read"),
    cached("cut", segment({"Tarn": [1, {"title": "Tarn"}]})[:-9], "pages/0.json.gz cannot be read"),
    cached("zeros", lambda: gzip.compress(bytes(100_000_000), mtime=0), "pages/0.json.gz cannot be read"),
    cached("deep", gzip.compress(b'{"version": ' + b"[" * 200_000), "nested too deep"),
    cached("another-version", segment({}, 99), "it is of version 99"),
    cached("wrong-facts", segment({"Tarn": [9e9, {"title": 1}]})),
    cached("wrong-entry", segment({"Tarn": 1}), "pages/0.json.gz cannot be read"),
    *(
        cached(
            f"parquet-{name}",
            data,
            "pages/0.parquet cannot be read",
            key="_cache/en.wikipedia/pages/0.parquet",
        )
        for name, data in (
            ("signature", b"PAR1"),
            ("zeros", b"PAR1" + bytes(1_000_000) + b"PAR1"),
            ("footer", b"PAR1" + b"\xff" * 4 + b"PAR1"),
            ("other-columns", parquet({"a": [1]})),
            ("other-types", parquet({"requested": ["Tarn"], "answered_at": ["now"], "title": ["Tarn"]})),
            ("cut", parquet({"requested": ["Tarn"], "answered_at": [1.0], "title": ["Tarn"]})[:-9]),
        )
    ),
    cached(
        "parquet-impossible-row",
        parquet({"requested": ["Tarn"], "answered_at": [1e300], "title": ["Tarn"]}),
        "pages/0.parquet cannot be used: 1.",
        key="_cache/en.wikipedia/pages/0.parquet",
    ),
    user_file(
        "CATEGORIES_FILE",
        "spellings",
        b"[en.Sports]\n1 = [" + b'"a(b)(c)(d)(e)(f)(g)(h)(i)",' * 9_999 + b"]",
        "at most 100,000 are possible",
    ),
    cached(
        "siteinfo-deep",
        b"[" * 200_000,
        "siteinfo.json cannot be used",
        key="_cache/en.wikipedia/siteinfo.json",
        stays=False,
    ),
    cached(
        "siteinfo-types",
        b'{"fetched_at": 1, "siteinfo": 2}',
        "siteinfo.json cannot be used",
        key="_cache/en.wikipedia/siteinfo.json",
        stays=False,
    ),
]
