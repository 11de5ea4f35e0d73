"""Faults of the store: settings and URLs of a lake, foreign objects, irregular files, waivers, and `vacuum` in the lake of another program."""

from __future__ import annotations

import os
import socket
from contextlib import chdir
from typing import TYPE_CHECKING

from testing.faults import CSV, DAY, FOLDER, SECRET, WINDOW, CommandResult, Fault, Scene

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

LOCAL, S3 = ("local",), ("s3",)
CHECK = ("check", *WINDOW, "--json")
DOCTOR = ("doctor",)
VACUUM = ("vacuum", "--older-than", "0s")
OURS = f"part-00000-{'a1' * 16}.csv"
NEXT_FOLDER = "diamond_final_2025_11_06.csv"
SETTINGS = "a setting that cannot be used is named"
FOREIGN = "nothing foreign is harmed"
IRREGULAR = "only regular files are read"
WAIVERS = "a bad waiver is a verdict on its day"
URLS = "a URL is used in full or refused"


def environ(**variables: str) -> Callable[[Scene], None]:
    return lambda scene: scene.environ.update(variables)


def named(name: str, setting: str, value: str, command: tuple[str, ...] = CHECK, **others: str) -> Fault:
    """Return a case with an S3 lake and an invalid variable: the exit code is 2, and the message names the variable."""

    def arrange(scene: Scene) -> None:
        keys = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": SECRET, "NO_PROXY": "", "no_proxy": ""}
        lake = {"WIKI_TRENDS_LAKE": "s3://lake/{layer}", "AWS_ENDPOINT_URL": "http://127.0.0.1:1"}
        scene.environ.update(keys | lake | others | {setting: value})

    return Fault(name, SETTINGS, arrange, command, code=2, output_patterns=(setting,), stores=LOCAL)


def url(name: str, lake: str, command: tuple[str, ...] = CHECK) -> Fault:
    return Fault(name, URLS, environ(WIKI_TRENDS_LAKE=lake), command, code=2, stores=LOCAL)


def irregular(name: str, make: Callable[[Path], None], target: str) -> Fault:
    def arrange(scene: Scene) -> None:
        scene.path.mkdir(parents=True)
        if target != "_SUCCESS":
            (scene.path / "_SUCCESS").touch()
        make(scene.path / target)

    return Fault(
        name,
        IRREGULAR,
        arrange,
        state_and_code=("invalid", "UNREADABLE"),
        stores=LOCAL,
        lake_unchanged=False,
        timeout=60,
    )


def bind(path: Path) -> None:
    with chdir(path.parent), socket.socket(socket.AF_UNIX) as server:
        server.bind(path.name)


def link_outside(path: Path) -> None:
    outside = path.parents[3] / "outside.csv"
    outside.write_bytes(CSV)
    path.symlink_to(outside)


def waiver(name: str, data: bytes) -> Fault:
    return Fault(
        name,
        WAIVERS,
        lambda scene: scene.put("2025-11-05.json", data, folder="_waived"),
        state_and_code=("absent", "BAD_WAIVER"),
        output_patterns=("_waived/2025-11-05.json is not a waiver",),
    )


def hive(scene: Scene) -> None:
    for folder in (FOLDER, NEXT_FOLDER):
        scene.put("000000_0", b"x", folder=folder)
        scene.put("part-0.parquet", b"x", folder=folder)


def beside_ours(scene: Scene) -> None:
    scene.commit()
    for name in (
        "part-00000-killed.csv",
        "000000_0",
        "_temporary/0/part-0",
        "_SUCCESS.crc",
        f"country=US/{OURS}",
    ):
        scene.put(name, b"x", folder=NEXT_FOLDER)


def foreign_is_listed(_: Scene, ended: CommandResult) -> None:
    diamond = ended.json["diamond"]
    assert diamond["removed"] == []
    assert f"{NEXT_FOLDER}/000000_0" in diamond["foreign"]
    assert len(diamond["foreign"]) == 5


def leftover(scene: Scene) -> None:
    scene.commit()
    scene.put(OURS, b"x")
    scene.put("_temporary/0/part-0", b"x")
    scene.put("notes.txt", b"x")


def leftovers_are_gone(scene: Scene, ended: CommandResult) -> None:
    diamond = ended.json["diamond"]
    assert sorted(diamond["removed"]) == sorted([f"{FOLDER}/{OURS}", f"{FOLDER}/_temporary/0/part-0"])
    assert diamond["foreign"] == [f"{FOLDER}/notes.txt"]
    names = {key.rpartition("/")[2] for key in scene.digests()}
    assert "notes.txt" in names
    assert OURS not in names


def nothing(_: Scene) -> None:
    """Do nothing, because the fault is in the command."""


def in_the_home_folder(scene: Scene, _: CommandResult) -> None:
    assert not (scene.folder / "~").exists()
    assert (scene.folder / "home" / "lake" / "diamond" / "_waived").is_dir()


def plain_file(scene: Scene) -> None:
    scene.path.parent.mkdir(parents=True)
    scene.path.write_bytes(CSV)


def partition_outside(scene: Scene) -> None:
    scene.path.parent.mkdir(parents=True)
    outside = scene.folder / "outside"
    outside.mkdir()
    (outside / "part-0.csv").write_bytes(CSV)
    (outside / "_SUCCESS").touch()
    scene.path.symlink_to(outside)


CASES: list[Fault] = [
    named("lake-endpoint-without-scheme", "AWS_ENDPOINT_URL", "127.0.0.1:9000"),
    named("lake-endpoint-without-scheme-doctor", "AWS_ENDPOINT_URL", "127.0.0.1:9000", DOCTOR),
    named("endpoint-with-empty-label", "AWS_ENDPOINT_URL", "http://a..b/"),
    named("endpoint-with-a-bad-port", "AWS_ENDPOINT_URL", "http://127.0.0.1:99999"),
    named("endpoint-with-a-password", "AWS_ENDPOINT_URL", f"http://me:{SECRET}@127.0.0.1:9000"),
    named("newline-in-the-secret", "AWS_SECRET_ACCESS_KEY", f"{SECRET}\n"),
    named("newline-in-the-key", "AWS_ACCESS_KEY_ID", f"{SECRET}\n"),
    named("newline-in-the-token", "AWS_SESSION_TOKEN", f"{SECRET}\nX: 1"),
    named("newline-in-the-region", "AWS_REGION", "eu\nwest"),
    named("key-without-secret", "AWS_SECRET_ACCESS_KEY", ""),
    named("socks-proxy", "ALL_PROXY", "socks5://127.0.0.1:1"),
    named("ftp-proxy", "HTTP_PROXY", "ftp://127.0.0.1:1"),
    named("certificate-file-missing", "SSL_CERT_FILE", "/nowhere.pem"),
    named(
        "no-credentials", "AWS_ACCESS_KEY_ID", "", AWS_SECRET_ACCESS_KEY="", AWS_WEB_IDENTITY_TOKEN_FILE="/nowhere",
        AWS_ROLE_ARN="arn:aws:iam::1:role/x",
    ),
    url("bucket-with-a-space", "s3://My Bucket/{layer}"),
    url("bucket-with-an-open-bracket", "s3://[::1/{layer}"),
    url("bucket-with-a-port", "s3://lake:99999/{layer}"),
    url("url-with-a-fragment", "s3://lake/team#1/{layer}"),
    url("url-with-a-query", "s3://lake/{layer}?x=1"),
    url("url-with-a-bad-escape", "s3://lake/100%/{layer}"),
    url("url-with-a-fragment-doctor", "s3://lake/team#1/{layer}", DOCTOR),
    url("file-url-with-a-fragment", "file:///tmp/team#1/{layer}"),
    url("scheme-without-slashes", "s3:lake/{layer}"),
    url("home-of-an-unknown-user", "~no-such-user-here/{layer}"),
    Fault(
        "tilde-is-the-home-folder",
        URLS,
        lambda scene: scene.environ.update({"HOME": f"{scene.folder}/home", "WIKI_TRENDS_LAKE": "~/lake/{layer}"}),
        ("waive", DAY.isoformat(), "--reason", "never came"),
        code=0,
        stores=LOCAL,
        expect=in_the_home_folder,
    ),
    Fault("vacuum-of-a-hive-lake", FOREIGN, hive, VACUUM, code=2, output_patterns=("no manifest of this program",)),
    Fault("vacuum-dry-run-of-a-hive-lake", FOREIGN, hive, (*VACUUM, "--dry-run"), code=0, output_patterns=("foreign, kept",)),
    Fault("vacuum-beside-ours", FOREIGN, beside_ours, (*VACUUM, "--json"), code=0, expect=foreign_is_listed),
    Fault(
        "vacuum-of-our-leftovers", FOREIGN, leftover, (*VACUUM, "--json"), code=0, lake_unchanged=False,
        expect=leftovers_are_gone,
    ),
    irregular("fifo-as-part", os.mkfifo, "part-0.csv"),
    irregular("fifo-as-marker", os.mkfifo, "_SUCCESS"),
    irregular("socket-as-part", bind, "part-0.csv"),
    irregular("socket-as-marker", bind, "_SUCCESS"),
    irregular("device-as-part", lambda path: path.symlink_to("/dev/zero"), "part-0.csv"),
    irregular("device-as-marker", lambda path: path.symlink_to("/dev/zero"), "_SUCCESS"),
    irregular("part-is-a-link-out-of-the-lake", link_outside, "part-0.csv"),
    Fault(
        "partition-is-a-link-out-of-the-lake", IRREGULAR, partition_outside, state_and_code=("invalid", "UNREADABLE"),
        stores=LOCAL, lake_unchanged=False,
    ),
    Fault(
        "marker-is-a-folder", IRREGULAR, lambda scene: scene.put("_SUCCESS/part-0.csv", CSV),
        state_and_code=("uncommitted", "STILL_WRITING"),
    ),
    Fault(
        "plain-file-at-the-key", IRREGULAR, plain_file, state_and_code=("absent", "MISSING"), stores=LOCAL,
        output_patterns=("a file lies at",),
    ),
    waiver("waiver-of-brackets", b"[" * 100_000),
    waiver("waiver-is-empty", b""),
    waiver("waiver-is-not-json", b"never"),
    waiver("waiver-with-an-infinite-number", b'{"reason": 1e400}'),
    waiver("waiver-outside-the-calendar", b'{"reason": "x", "waived_at": "9999-12-31T23:59:59-10:00"}'),
    Fault(
        "waiver-that-forges-a-line", WAIVERS,
        lambda scene: scene.put(
            "2025-11-05.json", b'{"reason": "lost\\n2025-11-06 forged", "waived_at": "2025-11-12T00:00:00Z"}',
            folder="_waived",
        ),
        ("waive", "--list"), code=0, output_patterns=(r"lost 2025-11-06 forged",),
    ),
    Fault(
        "waiver-reason-with-a-newline", WAIVERS, nothing,
        ("waive", DAY.isoformat(), "--reason", "lost\n2025-11-06 forged"), code=2, output_patterns=("line break",),
    ),
    Fault(
        "waiver-reason-too-long", WAIVERS, nothing,
        ("waive", DAY.isoformat(), "--reason", "x" * 501), code=2, output_patterns=("longer than 500",),
    ),
]  # fmt: skip
