"""Faults of settings and of the environment, secrets in URLs, and output that cannot be written."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from testing.faults import SECRET, WINDOW, Fault

if TYPE_CHECKING:
    from collections.abc import Callable

    from testing.faults import Scene

CHECK = ("check", *WINDOW, "--json")
DOCTOR = ("doctor", "--json")


def setting(**environ: str) -> Callable[[Scene], None]:
    """Return a function that sets these environment variables."""
    return lambda scene: scene.environ.update(environ)


def file(data: bytes) -> Callable[[Scene], None]:
    """Return a function that writes this content to `wiki-trends.toml`."""
    return lambda scene: (scene.folder / "wiki-trends.toml").write_bytes(data) and None


def _ascii_terminal(scene: Scene) -> None:
    scene.commit()
    scene.environ["PYTHONIOENCODING"] = "ascii"


def refused(
    name: str, kind: str, arrange: Callable[[Scene], None], *output_patterns: str, command=CHECK
) -> Fault:
    """Return a case that ends with exit code 2 and names the setting."""
    return Fault(name, kind, arrange, command, 2, output_patterns=output_patterns, stores=("local",))


SECRETS = "secrets in URLs"
VALUES = "settings and environment"
FILES = "settings files"

_URL = f"http://me:{SECRET}@127.0.0.1:9/x"
_IN_QUERY = f"http://127.0.0.1:9/x?password={SECRET}"

CASES: list[Fault] = [
    *(
        refused(f"credentials-in-{name}-{label}", SECRETS, setting(**{name: url}), name, r"\(secret\)")
        for name in ("WIKI_TRENDS_WIKIMEDIA_URL", "WIKI_TRENDS_MEDIAWIKI_URL", "WIKI_TRENDS_AIRFLOW_URL")
        for label, url in (("user-info", _URL), ("query", _IN_QUERY), ("no-scheme", f"me:{SECRET}@host/x"))
    ),
    refused(
        "password-with-at-sign",
        SECRETS,
        setting(WIKI_TRENDS_WIKIMEDIA_URL=f"http://me:a@{SECRET}/b@host/"),
        "WIKIMEDIA_URL",
    ),
    refused(
        "credentials-in-lake",
        SECRETS,
        setting(WIKI_TRENDS_LAKE=f"s3://me:{SECRET}@host/{{layer}}"),
        "WIKI_TRENDS_LAKE",
    ),
    refused(
        "credentials-in-lake-scheme",
        SECRETS,
        setting(WIKI_TRENDS_LAKE=f"ftp://me:{SECRET}@host/{{layer}}"),
        "WIKI_TRENDS_LAKE",
    ),
    refused(
        "credentials-in-engine",
        SECRETS,
        setting(WIKI_TRENDS_ENGINE=f"spark://me:{SECRET}@host:7077"),
        "WIKI_TRENDS_ENGINE",
    ),
    refused(
        "credentials-in-engine-flag",
        SECRETS,
        setting(),
        "--engine",
        command=("analyze", *WINDOW, "--json", "--engine", f"spark://me:{SECRET}@h:1"),
    ),
    *(
        refused(f"credentials-in-{label}", SECRETS, setting(), command=(*command, f"https://me:{SECRET}@h/x"))
        for label, command in (
            ("file-of-a-report", ("report", "--html")),
            ("dump", ("fetch", "2025-11-05", "--from-dump")),
            ("day", ("fetch",)),
            ("table", ("export",)),
            ("address", ("serve", "--host")),
            ("extra-argument", ("demo",)),
        )
    ),
    refused(
        "warehouse-of-another-scheme",
        SECRETS,
        setting(WIKI_TRENDS_WAREHOUSE=f"mysql://me:{SECRET}@db/x"),
        "WIKI_TRENDS_WAREHOUSE",
    ),
    Fault(
        "warehouse-that-does-not-answer",
        SECRETS,
        setting(WIKI_TRENDS_WAREHOUSE=f"postgresql://me:{SECRET}@127.0.0.1:9/x?password={SECRET}"),
        ("report", "--json"),
        3,
        stores=("local",),
    ),
    refused(
        "warehouse-list-in-file",
        SECRETS,
        file(f'warehouse = ["postgresql://me:{SECRET}@db/x"]'.encode()),
        "warehouse",
    ),
    refused(
        "url-list-in-file",
        SECRETS,
        file(f'wikimedia_url = ["http://me:{SECRET}@h"]'.encode()),
        "wikimedia_url",
    ),
    refused(
        "endpoint-without-scheme",
        VALUES,
        setting(WIKI_TRENDS_LAKE="s3://{layer}", AWS_ENDPOINT_URL="127.0.0.1:9000"),
        "AWS_ENDPOINT_URL: '127",
    ),
    refused(
        "endpoint-without-scheme-doctor",
        VALUES,
        setting(WIKI_TRENDS_LAKE="s3://{layer}", AWS_ENDPOINT_URL="127.0.0.1:9000"),
        "AWS_ENDPOINT_URL",
        command=DOCTOR,
    ),
    refused(
        "endpoint-with-password",
        SECRETS,
        setting(WIKI_TRENDS_LAKE="s3://{layer}", AWS_ENDPOINT_URL=_URL),
        "AWS_ENDPOINT_URL",
    ),
    refused(
        "endpoint-with-dots",
        VALUES,
        setting(WIKI_TRENDS_LAKE="s3://{layer}", AWS_ENDPOINT_URL="http://a..b/"),
        "AWS_ENDPOINT_URL",
    ),
    refused(
        "endpoint-with-port",
        VALUES,
        setting(WIKI_TRENDS_LAKE="s3://{layer}", AWS_ENDPOINT_URL="http://h:99999"),
        "AWS_ENDPOINT_URL",
    ),
    refused(
        "newline-in-secret-key",
        VALUES,
        setting(WIKI_TRENDS_LAKE="s3://{layer}", AWS_SECRET_ACCESS_KEY=f"{SECRET}\nx"),
        "AWS_SECRET_ACCESS_KEY",
    ),
    refused(
        "bucket-with-space", VALUES, setting(WIKI_TRENDS_LAKE="s3://My Bucket/{layer}"), "WIKI_TRENDS_LAKE"
    ),
    refused("bucket-with-bracket", VALUES, setting(WIKI_TRENDS_LAKE="s3://[::1/{layer}"), "WIKI_TRENDS_LAKE"),
    refused(
        "lake-with-fragment", VALUES, setting(WIKI_TRENDS_LAKE="s3://lake/team#1/{layer}"), "has a \\? or a #"
    ),
    refused(
        "lake-with-query", VALUES, setting(WIKI_TRENDS_LAKE="s3://lake/team?x/{layer}"), "has a \\? or a #"
    ),
    refused("url-with-dots", VALUES, setting(WIKI_TRENDS_WIKIMEDIA_URL="http://a..b/"), "WIKIMEDIA_URL"),
    refused("url-with-port", VALUES, setting(WIKI_TRENDS_MEDIAWIKI_URL="http://h:99999/"), "MEDIAWIKI_URL"),
    refused("url-with-bracket", VALUES, setting(WIKI_TRENDS_AIRFLOW_URL="http://[::1/"), "AIRFLOW_URL"),
    refused("unknown-home", VALUES, setting(WIKI_TRENDS_STATE="~no-such-user/x"), "WIKI_TRENDS_STATE"),
    refused(
        "host-no-one-can-look-up",
        VALUES,
        setting(WIKI_TRENDS_WIKIMEDIA_URL="http://¡/api"),
        "WIKI_TRENDS_WIKIMEDIA_URL",
    ),
    *(
        refused(
            f"proxy-{scheme}",
            VALUES,
            setting(ALL_PROXY=f"{scheme}://me:{SECRET}@127.0.0.1:9"),
            "ALL_PROXY",
            command=command,
        )
        for scheme, command in (("ftp", DOCTOR), ("gopher", ("backfill", *WINDOW, "--json")))
    ),
    refused(
        "certificates-that-are-not-there",
        VALUES,
        setting(SSL_CERT_FILE="/nowhere.pem"),
        "SSL_CERT_FILE",
        command=DOCTOR,
    ),
    refused("file-not-utf-8", FILES, file(b"days = '\xff'"), "wiki-trends.toml"),
    refused(
        "file-too-large", FILES, file(b"#" * (4 * 2**20 + 1)), "wiki-trends.toml", "more than 4,194,304 bytes"
    ),
    refused("file-nested", FILES, file(b"days = " + b"[" * 100_000), "wiki-trends.toml"),
    refused("file-number-too-long", FILES, file(b"days = " + b"9" * 10_000), "wiki-trends.toml"),
    refused("file-table", FILES, file(b"[lake]\nurl = 'x'"), "wiki-trends.toml: lake"),
    refused("file-date", FILES, file(b"days = 2025-01-01"), "wiki-trends.toml: days"),
    refused("file-of-nul", FILES, file(b"\0" * 10), "wiki-trends.toml"),
    refused("nul-in-a-path", FILES, file(b'state = "a\\u0000b"'), "wiki-trends.toml: state"),
    Fault(
        "file-with-byte-order-mark",
        FILES,
        file(b"\xef\xbb\xbfdays = 1\n"),
        CHECK,
        1,
        ("absent", "MISSING"),
        stores=("local",),
    ),
    Fault(
        "home-in-lake",
        VALUES,
        setting(HOME="/nowhere/at/all", WIKI_TRENDS_LAKE="~/lake/{layer}"),
        CHECK,
        1,
        ("absent", "MISSING"),
        stores=("local",),
        expect=lambda scene, _ended: _no_tilde(scene),
    ),
    Fault(
        "terminal-that-is-ascii",
        "output",
        _ascii_terminal,
        ("check", *WINDOW, "--calendar"),
        0,
        stores=("local",),
    ),
    Fault(
        "json-in-ascii",
        "output",
        setting(PYTHONIOENCODING="ascii", WIKI_TRENDS_STATE="é"),
        ("doctor", "--settings", "--json"),
        0,
        stores=("local",),
        expect=lambda _scene, ended: _is(json.loads(ended.out)["WIKI_TRENDS_STATE"], "é"),
    ),
]


def _no_tilde(scene: Scene) -> None:
    assert not (scene.folder / "~").exists()


def _is(value: object, expected: object) -> None:
    assert value == expected
