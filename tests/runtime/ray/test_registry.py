"""Where replicas are is known for as long as they say so, and each keeps its number while it is there."""

from __future__ import annotations

import pytest

from inferc.compiler.plan import ReplicaPlacement
from inferc.runtime.ray.addresses import Addresses, following
from inferc.runtime.ray.registry import SILENT, YOUNG, Registry
from inferc.runtime.requests.errors import ServerDown

from ...support.remote import remote_plan


def test_a_replica_is_known_until_it_leaves_or_falls_silent() -> None:
    now = 0.0
    registry = Registry(lambda: now)
    registry.here("1", "m", "http://a", "app.m")
    registry.here("2", "m", "http://b", "app.m")
    registry.here("3", "n", "http://c", "app.n")
    assert registry.join("gateway", None, {}).addresses == {"m": ["http://a", "http://b"], "n": ["http://c"]}
    registry.leave("1")
    now = SILENT - 1
    registry.here("3", "n", "http://c", "app.n")
    now = SILENT
    assert registry.join("gateway", None, {}).addresses == {"n": ["http://c"]}


def test_replicas_are_told_what_all_gateways_have_to_do() -> None:
    now = 0.0
    registry = Registry(lambda: now)
    registry.join("one", None, {"m": 3, "n": 1})
    now = SILENT - 1
    registry.join("two", None, {"m": 4})
    assert registry.here("1", "m", "http://a", "app.m") == 7
    assert registry.here("2", "x", "http://b", "app.x") == 0
    now = SILENT  # the first one was killed
    assert registry.here("1", "m", "http://a", "app.m") == 4


def test_gateways_on_ray_keep_nothing_alive() -> None:
    now = 0.0
    registry = Registry(lambda: now)
    now = YOUNG
    registry.join("me", None, {})
    registry.join("on ray", None, {}, is_on_ray=True)
    assert registry.part("me") is False
    registry.join("other", None, {})
    assert registry.part("me") is True


def test_a_registry_that_has_just_begun_does_not_know_who_else_is_there() -> None:
    now = 0.0
    registry = Registry(lambda: now)
    assert registry.part("me") is None
    now = YOUNG
    assert registry.part("me") is False


def test_gateways_know_of_each_other_and_the_last_one_is_told_that_it_is() -> None:
    now = 0.0
    registry = Registry(lambda: now)
    now = YOUNG
    assert registry.join("one", "redis", {}).others == ()
    assert registry.join("other", None, {}).others == ("redis",)
    assert registry.part("other")
    assert not registry.part("one")
    registry.join("one", None, {})
    now = YOUNG + SILENT  # it was killed
    assert not registry.part("other")


@pytest.mark.parametrize(
    ("before", "now", "then"),
    [
        ((), ("a", "b"), ["a", "b"]),
        (("a", "b", "c"), ("c", "b", "a"), ["a", "b", "c"]),
        (("a", "b", "c"), ("b", "c", "d"), ["d", "b", "c"]),
        (("a", "b", "c"), ("b", "c"), ["c", "b"]),
        (("a", "b"), ("b", "c", "d"), ["c", "b", "d"]),
        (("a",), (), []),
        (("a",), ("b", "b"), ["b"]),
    ],
)
def test_who_stays_keeps_its_number(before: tuple[str, ...], now: tuple[str, ...], then: list[str]) -> None:
    assert following(before, now) == then


def test_a_place_asks_what_is_there_and_says_when_nothing_is() -> None:
    addresses, begun = Addresses(), list[int]()
    plan = remote_plan("m", "http://{port}/v1", replicas=2)
    one, two = (
        addresses.server(plan, each, lambda each=each: begun.append(each.replica_index))  # type: ignore[misc]
        for each in plan.replicas
    )
    assert one is not None
    assert two is not None
    addresses.update({"m": ["http://a", "http://b"]})
    assert (one.endpoint, two.endpoint, sorted(begun)) == ("http://a/v1", "http://b/v1", [0, 1])
    addresses.update({"m": ["http://b"]})
    assert one.endpoint == "http://b/v1"
    assert not two.ready
    with pytest.raises(ServerDown, match="no replica"):
        _ = two.endpoint
    assert addresses.server(remote_plan(), ReplicaPlacement(0, None, ()), lambda: None) is None
