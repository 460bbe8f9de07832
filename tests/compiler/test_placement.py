"""Which GPUs each replica gets, and what is said when there are not enough."""

from __future__ import annotations

from itertools import pairwise
from random import Random

import pytest
from hypothesis import given, strategies as st

from inferc.compiler.placement import Node, NoRoom, place
from inferc.compiler.plan import Duration, ScalingPlan
from inferc.dsl.deployment import Deployment, Replica

from ..support.projects import Project
from ..support.rows import each_row

SEEDS = st.integers(0, 2**32)


def wishes(choose: Random) -> tuple[list[Deployment], list[Node]]:
    """Deployments, and where they may go."""
    wanted = [
        Deployment(
            f"d{index}",
            choose.choice(["m.onnx", "gpt-4o"]),
            gpus=choose.choice([None, 1, 2, 3, 4]),
            replicas=choose.randint(1, 4),
        )
        for index in range(choose.randint(1, 6))
    ]
    return wanted, [Node(f"n{index}", choose.randint(0, 16)) for index in range(choose.randint(0, 6))]


def all_of(placed: dict[str, tuple[Replica, ...]]) -> list[Replica]:
    return [replica for replicas in placed.values() for replica in replicas]


@given(SEEDS)
def test_whatever_fits_is_placed_soundly(seed: int) -> None:
    wanted, cluster = wishes(Random(seed))
    try:
        placed = place(wanted, cluster)
    except NoRoom:
        assert cluster
        return
    assert list(placed) == [deployment.name for deployment in wanted]
    sizes = {node.name: node.gpus for node in cluster}
    for deployment in wanted:
        local = deployment.model.endswith(".onnx")
        replicas = placed[deployment.name]
        assert [replica.replica_index for replica in replicas] == list(range(deployment.replicas))
        for replica in replicas:
            assert len(replica.gpu_indices) == ((deployment.gpus or 0) if local else 0)
            assert (replica.node is not None) == bool(cluster and replica.gpu_indices)
            assert all(0 <= gpu < sizes.get(replica.node or "", 10**9) for gpu in replica.gpu_indices)
    used = [(replica.node, gpu) for replica in all_of(placed) for gpu in replica.gpu_indices]
    assert len(used) == len(set(used))


@given(SEEDS)
def test_the_same_wishes_get_the_same_places(seed: int) -> None:
    wanted, cluster = wishes(Random(seed))
    outcomes = []
    for _ in range(2):
        try:
            outcomes.append(str(place(wanted, cluster)))
        except NoRoom as error:
            outcomes.append(str((error.deployment.name, error.replica_index)))
    assert outcomes[0] == outcomes[1]


@given(st.lists(st.integers(1, 8), min_size=1, max_size=8), st.integers(1, 4))
def test_replicas_of_one_size_fill_the_cluster_completely(sizes: list[int], gpus: int) -> None:
    room = sum(size // gpus for size in sizes)
    cluster = [Node(f"n{index}", size) for index, size in enumerate(sizes)]
    if room:
        placed = place([Deployment("d", "m.onnx", gpus=gpus, replicas=room)], cluster)
        assert len(placed["d"]) == room
    with pytest.raises(NoRoom):
        place([Deployment("d", "m.onnx", gpus=gpus, replicas=room + 1)], cluster)


def local(name: str, gpus: int | None, replicas: int = 1) -> str:
    asked = f", gpus = {gpus}" if gpus else ""
    return f'deployment {name} {{ model = "m.onnx", replicas = {replicas}{asked} }}\n'


def placed(project: Project, text: str) -> dict[str, list[tuple[str | None, tuple[int, ...]]]]:
    """Where the replicas are; the model need not be there."""
    checked = project.check(text)
    assert {item.code for item in checked.diagnostics if item.is_error} <= {"E0501"}
    assert checked.program is not None
    return {
        name: [(replica.node, replica.gpu_indices) for replica in replicas]
        for name, replicas in checked.program.replicas.items()
    }


CLUSTER = "cluster { node a { gpus = 8 }, node b { gpus = 8 } }\n"


def test_without_a_cluster_everything_is_on_one_machine_and_no_gpu_is_given_twice(project: Project) -> None:
    text = local("one", 2, 2) + local("cpu", None, 2) + local("two", 1)
    assert placed(project, text) == {
        "one": [(None, (0, 1)), (None, (2, 3))],
        "cpu": [(None, ()), (None, ())],
        "two": [(None, (4,))],
    }


def test_large_replicas_are_placed_first_and_none_is_split(project: Project) -> None:
    text = CLUSTER + local("small", 3, 2) + local("large", 5, 2)
    found = placed(project, text)
    assert found["large"] == [("a", (0, 1, 2, 3, 4)), ("b", (0, 1, 2, 3, 4))]
    assert found["small"] == [("a", (5, 6, 7)), ("b", (5, 6, 7))]


def test_a_replica_goes_where_it_leaves_least_free(project: Project) -> None:
    text = "cluster { node big { gpus = 8 }, node fit { gpus = 2 } }\n" + local("d", 2)
    assert placed(project, text) == {"d": [("fit", (0, 1))]}


@each_row(
    ("text", "says", "notes"),
    [
        (
            local("one", 4, 3) + local("two", 3, 2),
            "18 GPUs are asked for, the cluster has 16",
            ("asked for: one 4 × 3 + two 3 × 2 = 18", "there are: a 8 + b 8 = 16"),
        ),
        (
            local("huge", 9),
            "a replica of `huge` needs 9 GPUs on one node, the largest has 8",
            ("asked for: huge 9 × 1 = 9", "there are: a 8 + b 8 = 16"),
        ),
        (
            local("wide", 5, 3),
            "replica 2 of `wide` fits on no node, and is never split",
            ("asked for: wide 5 × 3 = 15", "there are: a 8 + b 8 = 16"),
        ),
    ],
    ids=["too many", "too large", "split"],
)
def test_too_many_gpus_are_an_error_that_shows_the_sum(
    project: Project, text: str, says: str, notes: tuple[str, ...]
) -> None:
    [item] = [item for item in project.findings(CLUSTER + text) if item.code == "E0411"]
    assert item.notes == notes
    assert says in item.message


def test_nodes_with_the_same_name_or_something_else_in_a_cluster_are_errors(project: Project) -> None:
    same = "cluster { node a { gpus = 1 }, node a { gpus = 2 } }\n"
    assert "E0203" in project.codes(same + local("d", None))
    assert "E0304" in project.codes("cluster { node a { gpus = -1 } }\n" + local("d", None))
    assert "E0305" in project.codes("cluster { node a { } }\n" + local("d", None))
    assert "E0204" in project.codes("cluster { nodes = 3 }\n" + local("d", None))


def test_replicas_are_counted_from_zero(project: Project) -> None:
    indices = [gpus for _, gpus in placed(project, local("d", 1, 5))["d"]]
    assert all(after == (before[0] + 1,) for before, after in pairwise(indices))


def test_servers_that_are_launched_have_gpus_beside_models(project: Project) -> None:
    llama = """
    deployment llama {
      model = "llama"
      gpus = 4
      runtime vllm { launch { command = ["vllm", "serve", "{model}", "--port", "{port}", "-tp", "{gpus}"] } }
    }
    deployment own { model = "m", gpus = 1, runtime python("shop.models:make") { } }
    """
    cluster = "cluster { node a { gpus = 2 }, node b { gpus = 5 } }\n"
    assert placed(project, cluster + local("embedder", 1, 2) + llama) == {
        "embedder": [("b", (4,)), ("a", (0,))],
        "llama": [("b", (0, 1, 2, 3))],
        "own": [("a", (1,))],
    }
    [problem] = [
        item for item in project.findings(cluster + local("e", 1, 3) + llama) if item.code == "E0411"
    ]
    assert problem.message == "8 GPUs are asked for, the cluster has 7"


def test_of_a_range_the_lower_number_has_places_and_the_upper_one_must_fit(project: Project) -> None:
    text = CLUSTER + 'deployment d { model = "m.onnx", gpus = 4, replicas = %s }\n'
    assert placed(project, text % "1..4") == {"d": [("a", (0, 1, 2, 3))]}
    [error] = [each for each in project.check(text % "1..5").diagnostics if each.code == "E0411"]
    assert error.message == "`d` can never have 5 replicas: they need 20 GPUs, the cluster has 16"


def test_a_plan_says_how_the_number_of_replicas_follows_the_load(project: Project) -> None:
    text = """deployment d {
      model = "m"
      replicas = 2..8
      serving { max_concurrent = 10 }
      runtime vllm { launch { command = ["vllm", "serve", "m", "--port", "{port}"] } }
      %s
    }"""
    [plain] = project.plan(text % "").deployments
    assert len(plain.replicas) == 2
    assert plain.scaling == ScalingPlan(2, 8, 7, Duration(10), Duration(300))
    [chosen] = project.plan(text % "scaling { target = 3, upscale_delay = 1s }").deployments
    assert chosen.scaling == ScalingPlan(2, 8, 3, Duration(1), Duration(300))
    [fixed] = project.plan(text.replace("2..8", "3..3") % "").deployments
    assert (len(fixed.replicas), fixed.scaling) == (3, None)
