"""Messages to the workers: addresses, queues, and a broker that is not there."""

from __future__ import annotations

import time

import pytest

from app import dispatch


@pytest.mark.parametrize(
    ("given", "celery"),
    [
        ("redis://host:6379/3", "redis://host:6379/3"),
        ("rediss://:pw@host/0", "rediss://:pw@host/0"),
        ("unix:///run/x.sock?db=2", "redis+socket:///run/x.sock?virtual_host=2"),
        ("unix:///run/x.sock", "redis+socket:///run/x.sock?virtual_host=0"),
        ("redis+socket:///run/x.sock?virtual_host=1", "redis+socket:///run/x.sock?virtual_host=1"),
    ],
)
def test_addresses_in_both_spellings(given: str, celery: str) -> None:
    assert dispatch.kombu_url(given) == celery
    options = dispatch.client(given).connection_pool.connection_kwargs
    assert ("path" in options) == ("sock" in given)


def test_queues_by_device_and_host() -> None:
    assert [dispatch.queue_for(d) for d in ("auto", "cpu", "cuda:3")] == [
        "nashboard.train.auto",
        "nashboard.train.cpu",
        "nashboard.train.gpu",
    ]
    assert dispatch.queue_for("auto", "box") == "nashboard.train.auto@box"
    assert dispatch.chores_queue("box") == "nashboard.chores@box"


def test_a_message_waits_on_its_queue_under_its_id(redis_url: str) -> None:
    assert dispatch.waiting(redis_url) == set()
    dispatch.send(redis_url, dispatch.TRAIN, ["r1"], dispatch.queue_for("auto"), "id-1")
    dispatch.send(redis_url, dispatch.TRAIN, ["r2"], dispatch.queue_for("cpu", "box"), "id-2")
    assert dispatch.waiting(redis_url) == {"id-1", "id-2"}


@pytest.mark.parametrize(
    ("url", "text"),
    [
        (None, "no broker is set up"),
        ("", "make run"),
        ("redis://:hush@127.0.0.1:1/0", "redis://127.0.0.1:1/0 does not answer"),
        ("unix:///no/such.sock", "unix:///no/such.sock does not answer"),
        ("http://127.0.0.1:6379", "http://127.0.0.1:6379 does not answer"),
    ],
)
def test_a_broker_that_is_down_is_said_at_once(url: str | None, text: str) -> None:
    began = time.monotonic()
    with pytest.raises(dispatch.BrokerDown) as caught:
        dispatch.send(url, dispatch.TRAIN, ["r1"], "queue")
    assert text in str(caught.value)
    assert "hush" not in str(caught.value)
    assert time.monotonic() - began < 5


def test_workers_are_known_while_they_say_so(redis_url: str) -> None:
    assert dispatch.workers(redis_url) == []
    dispatch.here(redis_url, "train:box:1", {"host": "box", "slots": ["cuda:0"]})
    dispatch.here(redis_url, "chores:box:2", {"host": "box"})
    assert dispatch.workers(redis_url) == [{"host": "box", "slots": ["cuda:0"]}]
    with dispatch.client(redis_url) as connection:
        assert 0 < connection.ttl("nashboard.worker:train:box:1") <= dispatch.PRESENT_S
    dispatch.gone(redis_url, "train:box:1")
    assert dispatch.workers(redis_url) == []
