"""Faults of the options, settings and tokens of `wiki-trends serve`: the server does not start, and says what to do."""

from __future__ import annotations

from testing.faults import SECRET, Fault, Scene

KIND = "E: the dashboard"


def _environ(**values: str):
    """Return a function that adds these variables to the environment of the command."""

    def arrange(scene: Scene) -> None:
        scene.environ |= values

    return arrange


def _refused(name: str, *options: str, output_patterns: str, **environ: str) -> Fault:
    return Fault(
        name=f"serve-{name}",
        kind=KIND,
        arrange=_environ(**environ),
        command=("serve", "--port", "0", *options),
        code=2,
        output_patterns=(output_patterns,),
        stores=("local",),
    )


CASES = [
    _refused(
        "open-to-everybody", "--host", "0.0.0.0", output_patterns="no token is set. Set WIKI_TRENDS_WEB_TOKEN"
    ),
    _refused("open-to-ipv6", "--host", "::", output_patterns="no token is set"),
    _refused("open-by-name", "--allow-host", "trends.example.org", output_patterns="no token is set"),
    _refused("short-token", output_patterns="shorter than 16", WIKI_TRENDS_WEB_TOKEN="s3cr3t"),
    _refused(
        "blank-token", "--host", "0.0.0.0", output_patterns="WIKI_TRENDS_WEB_TOKEN", WIKI_TRENDS_WEB_TOKEN=" "
    ),
    _refused(
        "host-of-another-machine",
        "--host",
        "192.0.2.1",
        output_patterns="cannot be listened on",
        WIKI_TRENDS_WEB_TOKEN=SECRET,
    ),
    _refused("proxy-is-a-wildcard", "--proxy", "*", output_patterns="--proxy.*is not the IP address"),
    _refused("proxy-is-the-world", "--proxy", "0.0.0.0/0", output_patterns="--proxy.*is not the IP address"),
    _refused(
        "proxy-is-a-name", "--proxy", "proxy.example.org", output_patterns="--proxy.*is not the IP address"
    ),
    _refused("proxy-has-a-port", "--proxy", "127.0.0.1:80", output_patterns="--proxy.*is not the IP address"),
    _refused("port-is-too-large", "--port", "65536", output_patterns="65536"),
    _refused("port-is-a-word", "--port", "http", output_patterns="http"),
    _refused("as-of-is-a-word", "--as-of", "yesterday", output_patterns="as.of"),
]
