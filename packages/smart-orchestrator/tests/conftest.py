"""Lakes to test on: a local folder, memory, a bucket of a real S3 server, and one of a server like Google Cloud Storage."""

from __future__ import annotations

import os
import uuid

import pytest

from smart_orchestrator.store.opening import open_lake
from testing.gcs_server import gcs_server
from testing.lakes import empty_lake_url, stores
from testing.s3_server import S3Server, s3_server


@pytest.fixture(autouse=True)
def no_settings(monkeypatch):
    """Nothing of the caller's environment reaches a test."""
    for name in os.environ:
        if name.startswith(("AWS_", "AZURE_", "GOOGLE_", "WIKI_TRENDS_")):
            monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def s3_running(tmp_path_factory):
    with s3_server(tmp_path_factory.mktemp("s3")) as server:
        yield server


@pytest.fixture
def s3(s3_running, monkeypatch):
    """The S3 server, its credentials in the environment, and the URL of an empty folder of its bucket.

    A folder of its own for each test: SeaweedFS takes its time to empty a bucket, and keeps the folders.
    """
    for name, value in s3_running.environment.items():
        monkeypatch.setenv(name, value)
    return S3Server(s3_running.port, uuid.uuid4().hex)


@pytest.fixture
def gcs(monkeypatch):
    """A server like Google Cloud Storage with an empty bucket, and its credentials in the environment."""
    with gcs_server() as server:
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        yield server


@pytest.fixture(scope="session")
def azure_running(tmp_path_factory):
    from testing.azurite import azurite_server

    with azurite_server(tmp_path_factory.mktemp("azure")) as server:
        yield server


@pytest.fixture
def azure(azure_running, monkeypatch):
    """Azurite, its credentials in the environment, and the URL of an empty folder of its container."""
    for name, value in azure_running.environment.items():
        monkeypatch.setenv(name, value)
    return azure_running.at(uuid.uuid4().hex)


@pytest.fixture(params=stores("folder", "memory", "s3"))
def lake_url(request):
    """The URL of an empty lake of each kind."""
    return empty_lake_url(request)


@pytest.fixture
def lake(lake_url):
    return open_lake(lake_url)
