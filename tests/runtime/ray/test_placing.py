"""What is asked of Ray follows from the file; what a cluster lacks of it is said before anything starts."""

from __future__ import annotations

import re
import sys
from types import SimpleNamespace

import pytest
from attrs import evolve

from inferc.compiler.plan import Duration, Plan, RemotePoolPlan, ReplicaPlacement, ScalingPlan
from inferc.compiler.plan.installing import pip_install
from inferc.runtime.ray.autoscaling import LOAD, replicas_for_load
from inferc.runtime.ray.gateways import check_gateways
from inferc.runtime.ray.library import load_ray, version_of
from inferc.runtime.ray.placing import LABEL, Machine, Wanted, gateway_part, lacks, wanted
from inferc.runtime.requests.errors import StartError
from inferc.runtime.scaling import scaled

from ...support.remote import plan_of, remote_plan
from ..onnx.plans import onnx_plan


def placed(*places: tuple[str | None, int], name: str = "m") -> Plan:
    replicas = tuple(
        ReplicaPlacement(index, node, tuple(range(gpus))) for index, (node, gpus) in enumerate(places)
    )
    return plan_of(evolve(onnx_plan(), deployment=name, replicas=replicas), remote_plan("elsewhere"))


def asked(plan: Plan) -> tuple[Wanted, ...]:
    return wanted("app", *gateway_part(plan))


def machine(node: str | None = None, cpus: float = 8, gpus: float = 0) -> Machine:
    return Machine({} if node is None else {LABEL: node}, cpus, gpus)


def test_each_machine_of_the_file_has_an_application_of_its_own() -> None:
    found = asked(placed(("a", 2), ("b", 2), ("a", 2)))
    assert [(each.name, each.nodes, each.replicas, each.gpus) for each in found] == [
        ("app.m.a", ("a",), 2, 2),
        ("app.m.b", ("b",), 1, 2),
    ]
    assert found[0].actor_options() == {
        "num_cpus": 1,
        "num_gpus": 2,
        "label_selector": {LABEL: "a"},
        "fallback_strategy": [{"label_selector": {}}],
    }


def test_the_gateways_pool_has_a_replica_with_a_circuit_of_its_own_for_each() -> None:
    plan = placed((None, 0), (None, 0))
    gateway, _ = gateway_part(plan)
    pool, other = gateway.deployments
    assert isinstance(pool, RemotePoolPlan)
    assert pool.is_launched
    assert len(pool.replicas) == 2
    assert pool.serving.max_concurrent == plan.deployments[0].serving.max_concurrent
    assert other is plan.deployments[1]


def test_a_range_is_one_application_whose_number_of_replicas_follows_the_load() -> None:
    plan = placed(("a", 1), ("b", 1))
    scaling = ScalingPlan(2, 5, 7, Duration(10), Duration(300))
    plan = evolve(plan, deployments=(evolve(plan.deployments[0], scaling=scaling), plan.deployments[1]))
    gateway, parts = gateway_part(plan)
    assert len(gateway.deployments[0].replicas) == 5
    [found] = wanted("app", gateway, parts)
    assert (found.name, found.nodes, found.replicas) == ("app.m", ("a", "b"), 2)
    assert found.actor_options()["label_selector"] == {LABEL: "in(a,b)"}
    config = found.count()["autoscaling_config"]
    assert isinstance(config, dict)
    assert config["min_replicas"] == 2
    assert config["max_replicas"] == 5
    assert config["target_ongoing_requests"] == 7
    with pytest.raises(StartError, match="from 2 to 5: for a fixed number"):
        wanted("app", scaled(gateway, "m", 3), parts)


def said(*values: tuple[float, float], target: float = 2, now: int = 1) -> object:
    """What Serve hands to a policy: the last figure of each replica with its time."""
    series = {
        index: [SimpleNamespace(timestamp=when, value=load)] for index, (when, load) in enumerate(values)
    }
    config = SimpleNamespace(target_ongoing_requests=target)
    return SimpleNamespace(raw_metrics={LOAD: series}, config=config, target_num_replicas=now)


def test_the_last_word_about_the_load_counts() -> None:
    assert replicas_for_load(said((1, 9), (3, 5), (2, 7))) == (2.5, {})
    assert replicas_for_load(said(now=4)) == (4, {})


def test_names_are_such_as_ray_takes_and_stay_different() -> None:
    plan = plan_of(*(evolve(onnx_plan(), deployment=name) for name in ("a/b", "a#b", "a-b")))
    names = {each.name for each in asked(plan)}
    assert len(names) == 3
    assert all(set(name) <= set("abcdefp0123456789.-") for name in names)


def test_what_a_cluster_lacks_is_said() -> None:
    on_nodes, on_any = asked(placed(("a", 2), ("b", 2))), asked(placed((None, 2), (None, 2), (None, 2)))
    assert lacks(on_nodes, [machine("a", gpus=2), machine("b", gpus=2)]) == []
    assert lacks(on_any, [machine(gpus=4), machine(gpus=3)]) == []

    no_node, few_gpus = lacks(on_nodes, [machine("a", gpus=1), machine()])[::-1]
    assert "no node" in no_node
    assert f"--labels={LABEL}=b" in no_node
    assert "`a` of the Ray cluster has 1 GPUs" in few_gpus

    (split_up,) = lacks(on_any, [machine(gpus=3), machine(gpus=1), machine(gpus=2)])
    assert "no room for replica 2 of `m`" in split_up
    (few_cpus,) = lacks(on_any, [machine(cpus=2, gpus=8)])
    assert "2 CPUs" in few_cpus


def test_versions_are_compared_as_numbers() -> None:
    assert version_of("2.9.3") < version_of("2.60.0rc1") < version_of("3.0")
    assert version_of("nightly") == (0, 0)


def test_a_ray_that_is_too_old_or_not_there_is_said_with_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "ray", SimpleNamespace(__version__="2.9.3"))
    install = re.escape(pip_install("ray"))
    with pytest.raises(StartError, match=rf"Ray 2\.9\.3 is too old: 2\.60 or newer is needed: {install}"):
        load_ray()
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(StartError, match=f"not installed: {install}"):
        load_ray()


@pytest.mark.parametrize(
    ("host", "port", "apart", "says"),
    [
        ("0.0.0.0", 8080, True, "--state redis://"),
        ("0.0.0.0", 0, False, "--port"),
        ("127.0.0.1", 8080, False, "no other machine reaches"),
    ],
)
def test_gateways_that_could_not_serve_together_are_refused(
    host: str, port: int, apart: bool, says: str
) -> None:
    plan = placed((None, 0))
    plan = evolve(plan, gateway=evolve(plan.gateway, host=host, port=port))
    with pytest.raises(StartError) as refused:
        check_gateways(plan, "auto", counts_apart=apart)
    [problem] = refused.value.problems
    assert says in problem
    with pytest.raises(StartError, match="--address"):
        check_gateways(plan, None, counts_apart=False)
