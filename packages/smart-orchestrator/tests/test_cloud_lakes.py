"""Lakes in Google Cloud Storage and Azure, and the credentials of every cloud: checked before a store sees them, and named in errors."""

from __future__ import annotations

import base64
import json
import subprocess
import sys

import pytest

from smart_orchestrator.checking import check
from smart_orchestrator.committing.writer import Part, commit
from smart_orchestrator.errors import (
    LakeDenied,
    LakeSettingError,
    LakeUnreachable,
    LakeUrlError,
    ObjectConflict,
)
from smart_orchestrator.store.failures import lake_errors
from smart_orchestrator.store.opening import open_lake
from testing.gcs_server import BUCKET
from testing.lakes import DAY, WINDOW, plain

SECRET = "hidden-value"
ACCOUNT = {
    "AZURE_STORAGE_ACCOUNT_NAME": "account",
    "AZURE_STORAGE_ACCOUNT_KEY": base64.b64encode(b"key").decode(),
}
QUICK = {"timeout": 1.0, "retries": 0}


@pytest.fixture(autouse=True)
def no_files_of_the_user(monkeypatch, tmp_path):
    """No profile, sign-in or role of this machine reaches a test."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("NO_GCE_CHECK", "true")


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("gs://", "names no bucket"),
        ("gs://a..b/x", "'a..b' is not the name of a bucket"),
        ("gs://me:hidden@lake", "holds credentials; set GOOGLE_APPLICATION_CREDENTIALS"),
        (
            "az://me:hidden@lake",
            "holds credentials; set AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY",
        ),
        ("s3://me:hid/hidden@lake", "holds credentials; set AWS_ACCESS_KEY_ID"),
        ("s3://me:hid?hidden@lake", "holds credentials; set AWS_ACCESS_KEY_ID"),
        ("gs://me:hid#hidden@lake", "holds credentials; set GOOGLE_APPLICATION_CREDENTIALS"),
        ("ftp://me:hid/hidden@lake", "the scheme 'ftp' is not supported"),
        ("az://lake/x?sv=1&sig=other", "has a ? or a #"),
        ("gs://lake/../x", "holds an empty, '.' or '..' folder"),
        ("gs:lake", "a URL begins with gs://"),
        ("abfss://lake@account.dfs.core.windows.net/x", "the scheme 'abfss' is not supported"),
    ],
)
def test_a_cloud_url_of_which_a_part_would_be_ignored_is_refused(url, problem):
    with pytest.raises(LakeUrlError) as caught:
        open_lake(url)
    assert problem in str(caught.value)
    assert "hid" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "environ", "name"),
    [
        ("az://lake", {}, "AZURE_STORAGE_ACCOUNT_NAME"),
        ("az://lake", {"AZURE_STORAGE_ACCOUNT_NAME": "a b"}, "AZURE_STORAGE_ACCOUNT_NAME"),
        ("az://lake", ACCOUNT | {"AZURE_STORAGE_ACCOUNT_KEY": SECRET}, "AZURE_STORAGE_ACCOUNT_KEY"),
        ("az://lake", ACCOUNT | {"AZURE_STORAGE_ACCOUNT_KEY": "a\nb"}, "AZURE_STORAGE_ACCOUNT_KEY"),
        (
            "az://lake",
            ACCOUNT | {"AZURE_STORAGE_SAS_TOKEN": f"sv=1&sig={SECRET}\n"},
            "AZURE_STORAGE_SAS_TOKEN",
        ),
        ("az://lake", ACCOUNT | {"AZURE_STORAGE_ENDPOINT": "127.0.0.1:10000"}, "AZURE_STORAGE_ENDPOINT"),
        (
            "az://lake",
            ACCOUNT | {"AZURE_STORAGE_ENDPOINT": f"http://me:{SECRET}@h"},
            "AZURE_STORAGE_ENDPOINT",
        ),
        ("gs://lake", {"GOOGLE_APPLICATION_CREDENTIALS": "/nowhere.json"}, "GOOGLE_APPLICATION_CREDENTIALS"),
        ("gs://lake", {"GOOGLE_SERVICE_ACCOUNT": "/"}, "GOOGLE_SERVICE_ACCOUNT"),
        ("gs://lake", {"GOOGLE_BASE_URL": "ftp://h"}, "GOOGLE_BASE_URL"),
    ],
)
def test_a_variable_of_a_cloud_that_cannot_be_used_is_named(url, environ, name):
    with pytest.raises(LakeSettingError) as caught:
        open_lake(url, environ=environ)

    assert caught.value.setting == name
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("content", ["", "[]", "{", '{"type": 1}', "[" * 100_000])
def test_a_credentials_file_that_is_not_one_is_named(tmp_path, content):
    file = tmp_path / "credentials.json"
    file.write_text(content)

    with pytest.raises(LakeSettingError, match="GOOGLE_APPLICATION_CREDENTIALS names a file"):
        open_lake("gs://lake", environ={"GOOGLE_APPLICATION_CREDENTIALS": str(file)})


def test_a_partition_is_committed_and_committed_anew_in_google_cloud_storage(gcs):
    dataset = plain(f"gs://{BUCKET}/x")
    commit(dataset, DAY, [Part(b"1\n", 1)], columns=["line"])
    commit(dataset, DAY, [Part(b"1\n2\n", 2)], columns=["line"])

    partition = check(dataset, WINDOW)[DAY]
    assert (partition.code, partition.rows) == ("OK", 2)
    parts = [key for key in gcs.objects if "part-" in key]
    assert len(parts) == 1


@pytest.mark.usefixtures("gcs")
def test_a_conditional_write_in_google_cloud_storage_meets_the_generation():
    lake = open_lake(f"gs://{BUCKET}/x")
    lake.put("a", b"1")
    _, etag = lake.get("a")
    lake.put("a", b"2")

    for stale in (etag, '"another"'):
        with pytest.raises(ObjectConflict):
            lake.put_if("a", b"3", stale)
    with pytest.raises(ObjectConflict):
        lake.put_if("missing", b"3", etag)
    assert lake.get("a")[0] == b"2"


@pytest.mark.usefixtures("gcs")
def test_a_bucket_and_a_token_that_are_wrong_are_denied(monkeypatch):
    with pytest.raises(LakeDenied, match="the bucket does not exist"):
        open_lake("gs://no-such-bucket", **QUICK).list("")
    monkeypatch.setenv("GOOGLE_BEARER_TOKEN", "another")
    with pytest.raises(LakeDenied, match="Check the credentials and their rights"):
        open_lake(f"gs://{BUCKET}", **QUICK).get("a")


EMPTY = {
    "s3://lake": [
        "AWS_ENDPOINT_URL",
        "AWS_ENDPOINT_URL_S3",
        "AWS_ENDPOINT",
        "AWS_SKIP_SIGNATURE",
        "AWS_REQUEST_PAYER",
    ],
    "az://lake": ["AZURE_STORAGE_ENDPOINT", "AZURE_STORAGE_USE_EMULATOR"],
    "gs://lake": [
        "GOOGLE_BASE_URL",
        "GOOGLE_SERVICE_ACCOUNT",
        "GOOGLE_SERVICE_ACCOUNT_KEY",
        "GOOGLE_SKIP_SIGNATURE",
    ],
}


@pytest.mark.parametrize(("url", "name"), [(url, name) for url, names in EMPTY.items() for name in names])
def test_an_empty_variable_that_the_store_reads_is_named(monkeypatch, url, name):
    for variable, value in ACCOUNT.items():
        monkeypatch.setenv(variable, value)
    monkeypatch.setenv(name, "")

    with pytest.raises(LakeSettingError) as caught:
        open_lake(url)

    assert caught.value.setting == name


@pytest.mark.parametrize(
    ("url", "name", "value"),
    [
        ("s3://lake", "AWS_VIRTUAL_HOSTED_STYLE_REQUEST", "maybe"),
        ("s3://lake", "AWS_CHECKSUM_ALGORITHM", "bogus"),
        ("s3://lake", "AWS_METADATA_ENDPOINT", "bogus"),
        ("gs://lake", "GOOGLE_BEARER_TOKEN", f"{SECRET}\nx"),
        ("gs://lake", "GOOGLE_SKIP_SIGNATURE", "maybe"),
    ],
)
def test_a_variable_that_only_the_store_reads_is_named(monkeypatch, url, name, value):
    monkeypatch.setenv(name, value)

    with pytest.raises(LakeSettingError) as caught:
        open_lake(url)

    assert caught.value.setting == name
    assert SECRET not in str(caught.value)


def test_an_endpoint_that_the_store_would_not_use_is_named(s3, monkeypatch):
    environ = s3.environment | {"AWS_ENDPOINT_URL": s3.endpoint}
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:1")

    with pytest.raises(LakeSettingError, match="AWS_ENDPOINT_URL_S3 of this process names another server"):
        open_lake(s3.url, environ=environ)


def test_a_panic_of_the_client_is_an_error_of_the_lake():
    PanicException = type("PanicException", (BaseException,), {})  # noqa: N806 - the name of obstore's class

    with pytest.raises(LakeUnreachable, match="the store's client failed"), lake_errors("s3://lake", "a"):
        raise PanicException("called `Result::unwrap()`")
    with pytest.raises(KeyboardInterrupt), lake_errors("s3://lake", "a"):
        raise KeyboardInterrupt


def profile(monkeypatch, tmp_path, text):
    """A file of profiles of AWS."""
    file = tmp_path / "config"
    file.write_text(text)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(file))


def without_keys(monkeypatch, **variables):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)


def test_a_profile_supplies_the_keys(s3, monkeypatch, tmp_path):
    key, secret = s3_keys(s3)
    profile(
        monkeypatch,
        tmp_path,
        f"[profile team]\naws_access_key_id = {key}\naws_secret_access_key = {secret}\n",
    )
    without_keys(monkeypatch, AWS_PROFILE="team")

    lake = open_lake(s3.url)
    lake.put("a", b"1")

    assert lake.get("a")[0] == b"1"


def test_static_keys_win_over_a_profile(s3, monkeypatch):
    monkeypatch.setenv("AWS_PROFILE", "no-such-profile")

    assert open_lake(s3.url).list("") == []


@pytest.mark.parametrize("name", ["AWS_PROFILE", "AWS_DEFAULT_PROFILE"])
def test_a_profile_that_does_not_exist_is_named(s3, monkeypatch, tmp_path, name):
    profile(monkeypatch, tmp_path, "[profile team]\n")
    without_keys(monkeypatch, **{name: "other"})

    with pytest.raises(LakeSettingError) as caught:
        open_lake(s3.url)

    assert caught.value.setting == name
    assert "(The config profile (other) could not be found)" in str(caught.value)


def test_a_profile_whose_sign_in_has_ended_says_so(s3, monkeypatch, tmp_path):
    sso = (
        "sso_start_url = http://127.0.0.1:1/\nsso_region = us-east-1\nsso_account_id = 1\nsso_role_name = r\n"
    )
    profile(monkeypatch, tmp_path, f"[profile team]\n{sso}")
    without_keys(monkeypatch, AWS_PROFILE="team")

    with pytest.raises(LakeDenied) as caught:
        open_lake(s3.url, **QUICK).list("")

    assert "no credentials (" in str(caught.value)
    assert "SSO" in str(caught.value)
    assert str(caught.value).endswith("Sign in again, or set static credentials.")


def test_credentials_that_only_google_auth_can_read_are_read_by_it(monkeypatch, tmp_path):
    token, file = tmp_path / "token", tmp_path / "credentials.json"
    token.write_text(SECRET)
    document = {
        "type": "external_account",
        "audience": "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/x",
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
        "token_url": "http://127.0.0.1:1/v1/token",
        "credential_source": {"file": str(token)},
    }
    file.write_text(json.dumps(document))
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(file))

    # The service that exchanges the token does not answer.
    with pytest.raises(LakeDenied, match=r"no credentials \(TransportError") as caught:
        open_lake("gs://lake", **QUICK).list("")

    assert SECRET not in str(caught.value)


def test_an_empty_name_of_a_credentials_file_is_an_error_if_nothing_else_is_set(monkeypatch):
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", "")
    # As without google-auth, which would treat the variable as unset.
    monkeypatch.setattr("smart_orchestrator.store.credentials._is_installed", lambda _module: False)

    with pytest.raises(LakeSettingError, match="is empty") as caught:
        open_lake("gs://lake", **QUICK)

    assert caught.value.setting == "GOOGLE_APPLICATION_CREDENTIALS"


def test_a_file_of_a_token_of_azure_can_have_any_name_and_must_exist(monkeypatch, tmp_path):
    environ = {
        "AZURE_STORAGE_ACCOUNT_NAME": "account",
        "AZURE_FEDERATED_TOKEN_FILE": str(tmp_path / "a token"),
        "AZURE_CLIENT_ID": "client",
        "AZURE_TENANT_ID": "tenant",
    }
    for name, value in environ.items():
        monkeypatch.setenv(name, value)

    with pytest.raises(LakeSettingError, match="AZURE_FEDERATED_TOKEN_FILE names a file that does not exist"):
        open_lake("az://lake")
    (tmp_path / "a token").write_text(SECRET)
    assert open_lake("az://lake").url == "az://lake"


# Runs in a process in which no SDK of a cloud can be imported.
WITHOUT_SDKS = """
import sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("boto3", "botocore", "google", "azure"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Refuse())
from smart_orchestrator import open_lake, LakeError
try:
    open_lake(sys.argv[1], timeout=0.5, retries=0)
    print("opened")
except LakeError as error:
    print(type(error).__name__, error)
"""


@pytest.mark.parametrize(
    ("url", "environ", "says"),
    [
        ("s3://lake", {"AWS_PROFILE": "team"}, "AWS_PROFILE names a profile, and boto3 is not installed"),
        ("gs://lake", {"GOOGLE_APPLICATION_CREDENTIALS": "FILE"}, "smart-orchestrator[gcs]"),
        ("az://lake", {"AZURE_STORAGE_ACCOUNT_NAME": "account"}, "opened"),
        ("gs://lake", {"GOOGLE_BEARER_TOKEN": "t"}, "opened"),
    ],
)
def test_an_sdk_that_is_needed_and_not_installed_is_named_with_its_extra(tmp_path, url, environ, says):
    file = tmp_path / "credentials.json"
    file.write_text(json.dumps({"type": "external_account"}))
    environ = {name: str(file) if value == "FILE" else value for name, value in environ.items()}

    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_SDKS, url], env=environ, capture_output=True, text=True, check=False
    )

    assert says in done.stdout, done.stderr
    assert says == "opened" or "pip install 'smart-orchestrator[" in done.stdout


def s3_keys(s3):
    return s3.environment["AWS_ACCESS_KEY_ID"], s3.environment["AWS_SECRET_ACCESS_KEY"]
