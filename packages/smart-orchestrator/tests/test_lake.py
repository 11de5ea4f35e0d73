from __future__ import annotations

import datetime as dt
import socket
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from obstore.store import MemoryStore

from smart_orchestrator.errors import (
    LakeDenied,
    LakeUnreachable,
    LakeUrlError,
    ObjectConflict,
    ObjectMissing,
)
from smart_orchestrator.store.base import ObjectInfo
from smart_orchestrator.store.object_store import RemoteLake
from smart_orchestrator.store.opening import open_lake
from testing.lakes import empty_lake_url, stores
from testing.s3_proxy import s3_proxy
from testing.s3_server import KEY, SECRET

QUICK = {"timeout": 2, "retries": 1, "backoff": 0.01}


@pytest.fixture(params=stores("folder", "memory", "s3", "gcs"))
def lake_url(request):
    """The URL of an empty lake of every kind that a test can reach."""
    return empty_lake_url(request)


def keys(lake, prefix=""):
    return [info.key for info in lake.list(prefix)]


def test_what_is_put_comes_back(lake):
    lake.put("a/b.csv", b"1")
    lake.put("a/b.csv", b"22")
    data, etag = lake.get("a/b.csv")
    assert data == b"22"
    [info] = lake.list("a")
    assert (info.key, info.size, info.etag) == ("a/b.csv", 2, etag)
    assert abs(dt.datetime.now(tz=dt.UTC) - info.modified) < dt.timedelta(minutes=1)


def test_an_empty_lake_has_no_objects(lake):
    assert keys(lake) == []
    assert list(lake.names("")) == []
    assert list(lake.list_between("", "a", "z")) == []
    lake.delete(["a"])
    lake.delete([])
    with pytest.raises(ObjectMissing, match=r"a/b is not in .* List the day again."):
        lake.get("a/b")


def test_a_listing_is_in_order_and_of_whole_folder_names(lake):
    for key in ("ab/1", "a/2", "a/10", "a/b/3", "a.b/4", "b"):
        lake.put(key, b"")
    assert keys(lake) == ["a.b/4", "a/10", "a/2", "a/b/3", "ab/1", "b"]
    assert keys(lake, "a") == ["a/10", "a/2", "a/b/3"]
    assert keys(lake, "nothing") == []


def test_names_are_what_lies_directly_in_a_folder(lake):
    for key in ("f/a/1", "f/a/2", "f/b", "f/c/d/3", "g"):
        lake.put(key, b"")
    assert list(lake.names("f")) == ["a/", "b", "c/"]
    assert list(lake.names("")) == ["f/", "g"]
    assert len(lake.names("f", 2)) == 2


def test_a_condition_holds_or_is_a_conflict(lake):
    lake.put_if("a", b"1", None)
    with pytest.raises(ObjectConflict, match=r"was changed by another writer. Read it again before writing."):
        lake.put_if("a", b"2", None)
    _, first = lake.get("a")
    lake.put_if("a", b"3", first)
    with pytest.raises(ObjectConflict):
        lake.put_if("a", b"4", first)
    assert lake.get("a")[0] == b"3"
    with pytest.raises(ObjectConflict):
        lake.put_if("gone", b"5", first)
    assert keys(lake) == ["a"]


def test_of_many_conditional_writers_one_wins(lake):
    def create(number):
        try:
            lake.put_if("marker", str(number).encode(), None)
        except ObjectConflict:
            return None
        return number

    with ThreadPoolExecutor(8) as pool:
        won = [number for number in pool.map(create, range(16)) if number is not None]
    assert [lake.get("marker")[0]] == [str(number).encode() for number in won]


def test_what_is_gone_can_be_deleted_again(lake):
    lake.put("a", b"")
    lake.put("b", b"")
    lake.delete(["a", "never"])
    lake.delete(["a"])
    assert keys(lake) == ["b"]


@pytest.fixture(params=["folder", "memory"])
def free_lake(request, tmp_path_factory):
    """Makes lakes whose requests cost nothing."""
    if request.param == "folder":
        return lambda number: open_lake(str(tmp_path_factory.mktemp("between") / str(number)))
    return lambda number: open_lake(f"memory://between-{id(request)}-{number}")


SOME_KEYS = st.sets(st.from_regex(r"[abc]{1,2}(/[.b][ab])?/[xy]", fullmatch=True))
NUMBERS = iter(range(10**9))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=25)
@given(SOME_KEYS, st.sampled_from("ab"), st.sampled_from("ab"))
def test_a_listing_between_two_keys_is_a_cut_of_the_whole(free_lake, names, one, other):
    lake = free_lake(next(NUMBERS))
    for name in names:
        lake.put(name, b"")
    first, last = sorted((one, other))
    expected = [name for name in names if first <= name.split("/")[0] <= last]
    assert sorted(info.key for info in lake.list_between("", first, last)) == sorted(expected)


def test_a_handle_counts_its_own_requests(lake):
    lake.put("a", b"1")
    lake.put_if("b", b"1", None)
    own = lake.counted()
    own.get("a")
    own.list("")
    own.names("")
    own.delete(["a", "b"])
    deletions = 1 if lake.url.startswith(("az:", "s3:")) else 2
    assert own.requests.to_json() == {"list": 2, "get": 1, "delete": deletions}
    assert lake.requests.to_json() == {"list": 0, "get": 0, "put": 2}


def test_memory_is_shared_by_name_for_the_life_of_the_process():
    open_lake("memory://shared").put("a", b"1")
    for number in range(300):
        open_lake(f"memory://other-{number}").put("b", b"1")
    assert keys(open_lake("memory://shared/")) == ["a"]


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("ftp://host/lake", "the scheme 'ftp' is not supported"),
        ("ftp://me:hidden@host/lake", "the scheme 'ftp' is not supported"),
        ("file://host/lake", "names the host host; write file:///folder"),
        ("s3://", "names no bucket"),
        ("s3://me:hidden@lake", "holds credentials; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"),
    ],
)
def test_an_url_that_is_none_of_a_lake_is_refused(url, problem):
    with pytest.raises(LakeUrlError) as caught:
        open_lake(url)
    assert problem in str(caught.value)
    assert str(caught.value).endswith("az://container/prefix or memory://name.")
    assert "hidden" not in str(caught.value)


USES = {
    "list": lambda lake: lake.list("day"),
    "list_between": lambda lake: list(lake.list_between("", "a", "b")),
    "names": lambda lake: lake.names(""),
    "get": lambda lake: lake.get("day/_SUCCESS"),
    "put": lambda lake: lake.put("day/part", b"1"),
    "create": lambda lake: lake.put_if("day/_SUCCESS", b"1", None),
    "replace": lambda lake: lake.put_if("day/_SUCCESS", b"1", '"0"'),
    "delete": lambda lake: lake.delete(["day/part"]),
}


@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize(
    ("name", "value", "problem", "fix"),
    [
        (
            "AWS_ACCESS_KEY_ID",
            "wrong-key-id",
            "the access key is unknown",
            "Check AWS_ACCESS_KEY_ID.",
        ),
        ("AWS_SECRET_ACCESS_KEY", "wrong-secret", "the secret key is wrong", "Check AWS_SECRET_ACCESS_KEY."),
    ],
)
def test_wrong_credentials_are_told_apart_and_not_shown(s3, monkeypatch, use, name, value, problem, fix):
    monkeypatch.setenv(name, value)
    lake = open_lake(s3.url, **QUICK)
    with pytest.raises(LakeDenied) as caught:
        USES[use](lake)
    assert str(caught.value) == f"Lake {s3.url}: {problem}. {fix}"
    shown = str(caught.value) + repr(caught.value) + repr(lake) + repr(lake.requests)
    assert not any(secret in shown for secret in (KEY, SECRET, value))


# Without a bucket there was no ETag to replace and nothing to delete.
@pytest.mark.parametrize("use", [use for use in USES if use not in ("replace", "delete")])
def test_a_bucket_that_does_not_exist_is_denied_and_never_empty(s3, use):
    assert s3.url.startswith("s3://lake/")
    with pytest.raises(LakeDenied, match=r"s3://no-such-bucket: .*the bucket does not exist"):
        USES[use](open_lake("s3://no-such-bucket", **QUICK))


@pytest.mark.parametrize("use", USES)
def test_a_server_that_is_not_there_is_unreachable_and_never_empty(s3, monkeypatch, use):
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{nobody.getsockname()[1]}")
        with pytest.raises(LakeUnreachable) as caught:
            USES[use](open_lake(s3.url, **QUICK))
    assert str(caught.value).startswith(f"Lake {s3.url}: no usable answer (")
    assert str(caught.value).endswith("Check the endpoint and the network.")
    assert SECRET not in str(caught.value)


def test_the_endpoint_of_s3_alone_goes_before_the_general_one(s3, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", s3.endpoint)
    assert keys(open_lake(s3.url, **QUICK)) == []


def test_keys_lie_below_the_prefix_of_the_url(s3):
    inner, outer = open_lake(f"{s3.url}/some/where/"), open_lake(s3.url)
    inner.put("orders/a/1", b"1")
    inner.put("orders/b/1", b"1")
    outer.put("orders/c/1", b"1")
    assert keys(outer) == ["orders/c/1", "some/where/orders/a/1", "some/where/orders/b/1"]
    assert keys(inner) == keys(inner, "orders") == ["orders/a/1", "orders/b/1"]
    assert list(inner.names("orders")) == ["a/", "b/"]
    assert [info.key for info in inner.list_between("orders", "orders/b", "orders/z")] == ["orders/b/1"]
    assert inner.get("orders/a/1")[0] == b"1"


def test_strays_of_any_order_hide_no_day_of_a_listing_between_two_keys(lake):
    for key in (
        "day_1",
        "day_1.bak",
        "day_1.csv",
        "day_2",
        "day_2-old",
        "day_2.csv",
        "day_2.csv.bak",
        "day_3.csv",
    ):
        lake.put(f"f/{key}/part", b"")
    keys = sorted(info.key for info in lake.list_between("f", "f/day_1.csv", "f/day_2.csv"))
    assert keys == ["f/day_1.csv/part", "f/day_2-old/part", "f/day_2.csv/part", "f/day_2/part"]


MANY = [f"many/{number:04}/part" for number in range(2500)]


def test_the_counted_requests_are_those_that_the_server_gets(s3, monkeypatch):
    direct = open_lake(s3.url)
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda key: direct.put(key, b""), MANY))
    with s3_proxy(s3.endpoint) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.endpoint)
        lake = open_lake(s3.url)

        def asked(use):
            proxy.requests.clear()
            own = lake.counted()
            answer = use(own)
            kinds = {"LIST": "list", "GET": "get", "PUT": "put", "POST": "delete", "DELETE": "delete"}
            real = dict.fromkeys(("list", "get", "put", "delete"), 0)
            for kind, _ in list(proxy.requests):
                real[kinds[kind]] += 1
            counted = {name: own.requests.to_json().get(name, 0) for name in real}
            return answer, real, counted

        answer, real, counted = asked(lambda own: own.list("many"))
        assert len(answer) == 2500
        assert real == counted == {"list": 3, "get": 0, "put": 0, "delete": 0}

        answer, real, counted = asked(lambda own: list(own.list_between("many", "many/1200", "many/1204")))
        assert [info.key for info in answer] == MANY[1200:1205]
        assert counted["list"] == 1
        assert real["list"] <= 2

        answer, real, counted = asked(lambda own: own.names("many"))
        assert len(answer) == 2500
        assert real == counted

        for use in (
            lambda own: own.put("x", b"1"),
            lambda own: own.put_if("y", b"1", None),
            lambda own: own.get("x"),
            lambda own: own.delete(["x", "y"]),
        ):
            _, real, counted = asked(use)
            assert real == counted

        _, real, counted = asked(lambda own: own.delete(MANY[:1500]))
        assert real == counted == {"list": 0, "get": 0, "put": 0, "delete": 2}
        assert keys(lake, "many") == MANY[1500:]


def test_a_reader_never_sees_half_an_object(lake):
    versions = [bytes([number]) * 2_000_000 for number in (1, 2)]
    lake.put("a", versions[0])
    written = threading.Event()

    def write():
        for number in range(12):
            lake.put("a", versions[number % 2])
        written.set()

    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(write)
        while not written.is_set():
            assert lake.get("a")[0] in versions
            assert [info.size for info in lake.list("")] == [2_000_000]
        writing.result()


@pytest.mark.parametrize("order", [str, lambda key: key.split("/")], ids=["S3", "SeaweedFS"])
def test_both_orders_of_listing_that_servers_have_hide_no_day(order):
    """S3 sorts whole keys, so `day_1.csv.bak/` comes before `day_1.csv/`; SeaweedFS sorts one name after the other."""
    names = ("day_1", "day_1.csv", "day_1.csv.bak", "day_2", "day_2.csv", "day_2.csv.bak", "day_3.csv")
    keys_there = [f"f/{name}/{part}" for name in names for part in ("_SUCCESS", "part-0")]

    class Ordered(RemoteLake):
        def _iterate(self, prefix, offset):
            assert prefix == "f"
            for key in sorted(keys_there, key=order):
                if order(key) > order(offset):
                    yield ObjectInfo(key, 0, None, dt.datetime.now(tz=dt.UTC))

    seen = {
        info.key for info in Ordered("s3://x", MemoryStore()).list_between("f", "f/day_1.csv", "f/day_2.csv")
    }
    days = {f"f/{name}/{part}" for name in ("day_1.csv", "day_2.csv") for part in ("_SUCCESS", "part-0")}
    assert days <= seen
    assert not any(key.startswith("f/day_3") for key in seen)


def test_s3_without_an_endpoint_is_amazons():
    assert open_lake("s3://lake/prefix", environ={"AWS_REGION": "eu-west-1"}).url == "s3://lake/prefix"
