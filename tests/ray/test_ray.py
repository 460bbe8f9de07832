"""Models on a Ray cluster of three nodes with pretended GPUs; run by `make ray`."""

from __future__ import annotations

import signal
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

ray = pytest.importorskip("ray", reason="`make ray` has Ray")

from cluster import INFERC, connect, gateway, load, refused, replicas, until  # noqa: E402
from ray.cluster_utils import Cluster  # noqa: E402

MODELS = Path(__file__).parents[2] / "samples" / "models"

FILE = """\
deployment embedder {{
  model = "models/minilm.onnx"
  gpus = 1
  replicas = {replicas}
  runtime ort {{ providers = [cuda, cpu], on_missing_provider = warn }}
  task embed {{ tokenizer = "models/tokenizer.json", max_length = {length} }}
}}
deployment plain {{
  model = "models/minilm.onnx"
  task embed {{ tokenizer = "models/tokenizer.json", max_length = 16 }}
}}
cluster {{
  node a {{ gpus = 2 }}
  node b {{ gpus = 1 }}
}}
gateway {{ {gateway} }}
"""


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    """A head without GPUs, and the machines of the file."""
    found = Cluster(initialize_head=True, head_node_args={"num_cpus": 4, "num_gpus": 0})
    try:
        found.a = found.add_node(num_cpus=4, num_gpus=2, labels={"inferc.dev/node": "a"})
        found.b = found.add_node(num_cpus=4, num_gpus=1, labels={"inferc.dev/node": "b"})
        connect(found.address)
        yield found
    finally:
        ray.shutdown()
        found.shutdown()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "models").symlink_to(MODELS)
    path = tmp_path / "three.infer"
    path.write_text(FILE.format(replicas=3, length=64, gateway=""))
    return path


def are_new(before: set[str]) -> bool:
    now = set(replicas("three.embedder"))
    return len(now) == 3 and not now & before


def only_ok(outcomes: Counter[str]) -> None:
    assert set(outcomes) == {"ok"}, outcomes


def test_replicas_run_as_the_file_says_and_outlive_machines(cluster: Cluster, file: Path) -> None:
    with gateway(file, cluster.address) as running:
        nodes = Counter(replicas("three.embedder").values())
        assert nodes == {cluster.a.node_id: 2, cluster.b.node_id: 1}
        assert len(running.embed()) == 384
        before = set(replicas("three."))

        # another plan: each replica is exchanged, and no request fails
        file.write_text(FILE.format(replicas=3, length=32, gateway=""))
        with load(running) as outcomes:
            running.process.send_signal(signal.SIGHUP)
            until("all are new", lambda: are_new(before))
        only_ok(outcomes)
        assert len(before & set(replicas("three.plain"))) == 1  # which has not changed

        # more of them, and less
        scale = [*INFERC, "scale", "--server", str(file), "plain"]
        subprocess.run([*scale, "3"], check=True)
        assert len(replicas("three.plain")) == 3
        subprocess.run([*scale, "1"], check=True)
        until("two have ended", lambda: len(replicas("three.plain")) == 1)

        # a machine is lost: requests move, and its replica comes back where there is room
        cluster.add_node(num_cpus=4, num_gpus=1)
        with load(running) as outcomes:
            cluster.remove_node(cluster.b, allow_graceful=False)
            until("there are three again", lambda: len(replicas("three.embedder")) == 3)
        only_ok(outcomes)
    assert not replicas("three.")


def test_what_cannot_work_is_said_before_anything_starts(cluster: Cluster, file: Path) -> None:
    file.write_text(file.read_text().replace("gpus = 2", "gpus = 4").replace("replicas = 3", "replicas = 5"))
    said = refused(file, cluster.address)
    assert "node `a` of the Ray cluster has 2 GPUs, and the file places models on 4 there" in said
    assert not replicas("three.")
    assert "cannot be used" in refused(file, "127.0.0.1:1")


def test_gateways_share_replicas_and_must_share_what_they_count(cluster: Cluster, file: Path) -> None:
    budget = "budget { max_spend_per_day = $100, on_exceeded = reject }"
    file.write_text(FILE.format(replicas=1, length=64, gateway=budget))
    with gateway(file, cluster.address) as first:
        there = replicas("three.")
        assert "--state redis://" in refused(file, cluster.address)
        first.embed()
        assert replicas("three.") == there
