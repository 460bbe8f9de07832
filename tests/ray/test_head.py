"""The head of a Ray cluster is lost and comes back, with its state on a Redis server; run by `make ray`."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ray = pytest.importorskip("ray", reason="`make ray` has Ray")

from cluster import connect, free_port, gateway, load, only_ok, redis_server, replicas, until  # noqa: E402
from ray._private.state import actors  # noqa: E402
from ray.cluster_utils import Cluster  # noqa: E402

MODELS = Path(__file__).parents[2] / "samples" / "models"
FILE = """\
deployment embedder {
  model = "models/minilm.onnx"
  replicas = 2
  task embed { tokenizer = "models/tokenizer.json", max_length = 16 }
}
"""

ON_ANOTHER_NODE = """
import sys
from ray._private import services

node = sys.argv.pop(1)
services.find_node_ids = lambda: [node]  # of all that are on this machine
from inferc.cli.main import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.fixture
def port(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """Where the head listens, whose state is on Redis."""
    with redis_server(tmp_path) as url:
        monkeypatch.setenv("RAY_REDIS_ADDRESS", url.removeprefix("redis://").removesuffix("/0"))
        monkeypatch.setenv("RAY_gcs_rpc_server_reconnect_timeout_s", "3600")
        yield free_port()


def test_requests_are_answered_without_a_head_and_with_the_next_one(port: int, tmp_path: Path) -> None:
    (tmp_path / "models").symlink_to(MODELS)
    file = tmp_path / "two.infer"
    file.write_text(FILE)
    head = {"num_cpus": 0, "gcs_server_port": port}
    cluster = Cluster(initialize_head=True, head_node_args=head)
    try:
        node = cluster.add_node(num_cpus=4)
        program = (sys.executable, "-c", ON_ANOTHER_NODE, node.node_id)
        with gateway(file, cluster.address, program=program) as running:
            with load(running) as outcomes:
                cluster.remove_node(cluster.head_node, allow_graceful=False)
                seen = outcomes["ok"]
                until("requests are answered without it", lambda: outcomes["ok"] > seen + 50)
                cluster.add_node(**head)
                connect(cluster.address)
                before = until("the next one knows the replicas", lambda: replicas("two."))
                assert len(before) == 2
                os.kill(actors()[next(iter(before))]["Pid"], signal.SIGKILL)
                until("it starts another one", lambda: len(replicas("two.").keys() - before) == 1)
            only_ok(outcomes)
    finally:
        ray.shutdown()
        cluster.shutdown()
