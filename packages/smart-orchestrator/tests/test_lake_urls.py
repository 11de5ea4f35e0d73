"""A lake's URL is used in full or refused, and its settings are checked before a store sees them."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smart_orchestrator.errors import LakeError, LakeSettingError, LakeUrlError
from smart_orchestrator.store.aws import read_aws_settings
from smart_orchestrator.store.opening import open_lake
from smart_orchestrator.store.urls import parse_lake_url, redact_parameters, redacted_url
from smart_orchestrator.store.variables import VariableError, check_proxy_and_certificate_variables

SECRET = "hidden-value"


@pytest.mark.parametrize(
    "url",
    [
        "", "  ", "a\0b", "a\nb", "s3:bucket/x", "s3:/bucket", "file:/folder", "~no-such-user-here/lake",
        "s3://My Bucket/", "s3://[::1/", "s3://[::1]/", "s3://bucket:99999/x", "s3://a..b/x", "s3://-a/x", "s3:///x",
        "s3://lake/team#1/x", "s3://lake/x?y=1", "s3://lake/100%", "s3://lake/%zz", "s3://lake/%ff", "s3://lake/%00",
        "s3://lake/a//b", "s3://lake/../x", "s3://lake/a/./b", "s3://la\nke/x", " s3://lake/x", "s3://lake/x ",
        "memory://a#1", "memory://a?x", "file:///a#1", "file:///a?x", "file:///a%", "file://", "file:///", "file://~/x",
    ],
)  # fmt: skip
def test_an_url_of_which_a_part_would_be_lost_is_refused(url):
    with pytest.raises(LakeUrlError) as caught:
        open_lake(url)

    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("url", "parts"),
    [
        ("s3://lake/team%231/x", ("s3", "lake", "/team#1/x")),
        ("S3://lake", ("s3", "lake", "")),
        ("s3a://My_Bucket.1/a%20b/", ("s3a", "My_Bucket.1", "/a b/")),
        ("file:///a%3Fb", ("file", "", "/a?b")),
        ("/data/team#1?x=100%", ("file", "", "/data/team#1?x=100%")),
        ("memory://a/b", ("memory", "a", "/b")),
    ],
)
def test_an_url_is_used_in_full(url, parts):
    assert parse_lake_url(url) == parts


def test_a_tilde_is_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)

    open_lake("~/lake").put("a", b"1")

    assert (tmp_path / "lake" / "a").read_bytes() == b"1"
    assert [path.name for path in tmp_path.iterdir()] == ["lake"]


@given(st.text(max_size=60))
def test_any_text_is_a_lake_or_an_error_of_the_lake(text):
    try:
        parts = parse_lake_url(text)
    except LakeUrlError as error:
        assert len(str(error).splitlines()) == 1  # noqa: PT017 - either way is right
    else:
        assert "\0" not in parts.path


KEYS = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_ENDPOINT_URL": "http://127.0.0.1:1"}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AWS_ENDPOINT_URL", "127.0.0.1:9000"),
        ("AWS_ENDPOINT_URL", "ftp://127.0.0.1:9000"),
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:99999"),
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:0"),
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:x"),
        ("AWS_ENDPOINT_URL", "http://a..b/"),
        ("AWS_ENDPOINT_URL", "http://-a/"),
        ("AWS_ENDPOINT_URL", "http://[::1/"),
        ("AWS_ENDPOINT_URL", "http:///x"),
        ("AWS_ENDPOINT_URL", "http://a b/"),
        ("AWS_ENDPOINT_URL", f"http://me:{SECRET}@127.0.0.1:9000"),
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:9000/?x=1"),
        ("AWS_ENDPOINT_URL_S3", "127.0.0.1:9000"),
        ("AWS_ACCESS_KEY_ID", "a\nb"),
        ("AWS_SECRET_ACCESS_KEY", f"{SECRET}\n"),
        ("AWS_SECRET_ACCESS_KEY", f"{SECRET}ü"),
        ("AWS_SECRET_ACCESS_KEY", ""),
        ("AWS_ACCESS_KEY_ID", ""),
        ("AWS_SESSION_TOKEN", "a\r\nX-Header: 1"),
        ("AWS_REGION", "eu\nwest"),
        ("AWS_DEFAULT_REGION", "eu west"),
    ],
)
def test_a_variable_that_a_store_cannot_use_is_named(name, value):
    with pytest.raises(LakeSettingError) as caught:
        open_lake("s3://lake/x", environ=KEYS | {name: value})

    assert caught.value.setting == name
    assert f"{name} " in str(caught.value)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    ("endpoint", "environ", "setting"),
    [
        ("http://h:1", {"ALL_PROXY": "socks5://p:1"}, "ALL_PROXY"),
        ("http://h:1", {"http_proxy": "ftp://p:1"}, "http_proxy"),
        ("https://h:1", {"HTTPS_PROXY": "socks5h://p:1"}, "HTTPS_PROXY"),
        ("https://h", {"HTTPS_PROXY": "http://p:x"}, "HTTPS_PROXY"),
        ("http://h:1", {"HTTP_PROXY": "a b"}, "HTTP_PROXY"),
        ("http://h:1", {"SSL_CERT_FILE": "/nowhere.pem"}, "SSL_CERT_FILE"),
        ("http://h:1", {"SSL_CERT_FILE": "/"}, "SSL_CERT_FILE"),
        ("http://h:1", {"SSL_CERT_DIR": "/nowhere"}, "SSL_CERT_DIR"),
    ],
)
def test_a_proxy_or_certificate_that_cannot_be_used_is_named(endpoint, environ, setting):
    with pytest.raises(VariableError) as caught:
        check_proxy_and_certificate_variables(environ, endpoint)

    assert caught.value.name == setting


@pytest.mark.parametrize(
    ("endpoint", "environ"),
    [
        ("http://h:1", {"HTTPS_PROXY": "socks5://p:1"}),
        ("http://127.0.0.1:1", {"ALL_PROXY": "socks5://p:1", "NO_PROXY": "localhost,127.0.0.1"}),
        ("http://h:1", {"HTTP_PROXY": "http://me:secret@p:3128", "ALL_PROXY": "p:3128"}),
    ],
)
def test_a_proxy_that_is_not_used_or_can_be_used_passes(endpoint, environ):
    check_proxy_and_certificate_variables(environ, endpoint)


@given(st.sampled_from(sorted(KEYS)), st.text(max_size=30))
def test_any_value_of_a_variable_is_settings_or_the_error_that_names_it(name, value):
    try:
        settings = read_aws_settings(KEYS | {name: value})
    except VariableError as error:
        assert error.name in KEYS  # noqa: PT017 - either way is right
    else:
        assert (settings.key_id + settings.secret).isascii()


LIST = """
import sys
from smart_orchestrator import open_lake, LakeError
try:
    open_lake(sys.argv[1], timeout=0.5, retries=0).list("day")
except LakeError as error:
    print(type(error).__name__, error)
"""


def list_lake(environ, url="s3://lake/x"):
    """The error of a listing in a process of its own: the store reads the environment once."""
    rest = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return subprocess.run(
        [sys.executable, "-c", LIST, url],
        env=rest | environ,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_certificate_file_without_certificates_is_named(tmp_path):
    (tmp_path / "empty.pem").write_text("none here")

    with pytest.raises(VariableError, match="SSL_CERT_FILE names a file without certificates"):
        check_proxy_and_certificate_variables({"SSL_CERT_FILE": f"{tmp_path}/empty.pem"}, "https://h:1")


@pytest.mark.parametrize("name", ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"])
def test_an_empty_key_is_named(name):
    done = list_lake({name: ""})

    assert done.stdout.startswith(f"LakeSettingError Lake s3://lake/x: {name} is empty"), done.stderr


def test_missing_credentials_are_not_a_network_problem():
    done = list_lake({"AWS_WEB_IDENTITY_TOKEN_FILE": "/nowhere", "AWS_ROLE_ARN": "arn:aws:iam::1:role/x"})

    assert done.stdout.startswith("LakeSettingError Lake s3://lake/x: AWS_ACCESS_KEY_ID is not set"), (
        done.stderr
    )


def test_missing_credentials_are_named_for_a_scheme_in_capitals_too():
    environ = {"AWS_WEB_IDENTITY_TOKEN_FILE": "/nowhere", "AWS_ROLE_ARN": "arn:aws:iam::1:role/x"}

    done = list_lake(environ, "S3://lake/x")

    assert done.stdout.startswith("LakeSettingError Lake S3://lake/x: AWS_ACCESS_KEY_ID is not set"), (
        done.stderr
    )


@pytest.mark.parametrize(
    "numbers",
    [{"timeout": 0}, {"timeout": float("nan")}, {"backoff": -1}, {"backoff": float("inf")}, {"retries": -1}],
)
def test_degenerate_numbers_are_refused(tmp_path, numbers):
    with pytest.raises(LakeError, match=next(iter(numbers))):
        open_lake(str(tmp_path), **numbers)


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://db/shop?password={SECRET}",
        f"postgresql://db/shop?sslmode=verify-full&sslpassword={SECRET}&application_name=etl",
        f"s3://lake/x?X-Amz-Signature={SECRET}",
        f"s3://lake/x?AWSAccessKeyId={SECRET}",
        f"az://container/x?sv=2024-01-01&sig={SECRET}",
        f"https://api/x?access_token={SECRET}#more",
        f"https://api/x#token={SECRET}",
        f"sqlserver://db?a=1;pwd={SECRET};b=2",
        f"postgresql://db/shop?pass%77ord={SECRET}",
        f"postgresql://db/shop?password=two words {SECRET}",
        f"postgresql://user:{SECRET}@db/shop",
    ],
)
def test_a_secret_in_any_part_of_an_url_is_redacted(url):
    assert SECRET not in redacted_url(url)
    assert redacted_url(url).startswith(
        url.partition("?")[0].partition("#")[0].replace(f"user:{SECRET}@", "")
    )


def test_other_parameters_of_an_url_stay():
    assert redacted_url("postgresql://db/shop?sslmode=require&password=x") == (
        "postgresql://db/shop?sslmode=require&password=***"
    )
    assert redacted_url("/data/a?b=1&c") == "/data/a?b=1&c"


def test_an_url_in_a_text_loses_its_secrets_and_the_text_stays():
    text = redact_parameters(f"GET https://api/x?token={SECRET}&n=1 failed: 500")
    assert text == "GET https://api/x?token=***&n=1 failed: 500"
