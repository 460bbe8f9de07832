"""What is asked of Ray follows from the file; what a cluster lacks of it is said before anything starts."""

from __future__ import annotations

from attrs import evolve

from inferc.compiler.plan import Plan, RemotePoolPlan, ReplicaPlacement
from inferc.runtime.ray.library import version_of
from inferc.runtime.ray.placing import LABEL, Machine, Wanted, gateway_part, lacks, wanted

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
    assert [(each.name, each.node, each.replicas, each.gpus) for each in found] == [
        ("app.m.a", "a", 2, 2),
        ("app.m.b", "b", 1, 2),
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
