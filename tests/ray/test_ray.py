"""Models on a Ray cluster of three nodes with pretended GPUs; run by `make ray`."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

ray = pytest.importorskip("ray", reason="`make ray` has Ray")

from cluster import (  # noqa: E402
    INFERC,
    TEAM_KEY,
    connect,
    free_port,
    gateway,
    load,
    only_ok,
    redis_server,
    refused,
    replicas,
    until,
)
from ray import serve  # noqa: E402
from ray.cluster_utils import Cluster  # noqa: E402
from ray.serve.schema import ServeDeploySchema  # noqa: E402

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


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """A head without GPUs, and the machines of the file."""
    os.environ["TEAM_KEY"] = TEAM_KEY
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


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[str]:
    with redis_server(tmp_path) as url:
        yield url


def are_new(before: set[str]) -> bool:
    now = set(replicas("three.embedder"))
    return len(now) == 3 and not now & before


def are_elsewhere(node: str) -> bool:
    now = list(replicas("three.embedder").values())
    return len(now) == 3 and node not in now


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
        spare = cluster.add_node(num_cpus=4, num_gpus=1)
        with load(running) as outcomes:
            lost = cluster.b.node_id
            cluster.remove_node(cluster.b, allow_graceful=False)
            until("there are three again", lambda: are_elsewhere(lost))
        only_ok(outcomes)
    assert not replicas("three.")
    cluster.remove_node(spare)
    cluster.b = cluster.add_node(num_cpus=4, num_gpus=1, labels={"inferc.dev/node": "b"})


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


def test_there_are_as_many_replicas_as_the_load_needs(cluster: Cluster, tmp_path: Path) -> None:
    (tmp_path / "models").symlink_to(MODELS)
    file = tmp_path / "some.infer"
    file.write_text(
        """deployment embedder {
          model = "models/minilm.onnx"
          replicas = 1..3
          scaling { target = 2, upscale_delay = 1s, downscale_delay = 2s }
          task embed { tokenizer = "models/tokenizer.json", max_length = 16 }
        }"""
    )
    with gateway(file, cluster.address) as running:
        assert len(replicas("some.")) == 1
        with load(running, at_once=8) as outcomes:
            until("there are three", lambda: len(replicas("some.")) == 3)
            until("the gateway asks all", lambda: running.metric('replica="2"} 1.0'))
        with load(running, at_once=1) as after:
            until("two have ended", lambda: len(replicas("some.")) == 1)
        only_ok(outcomes)
        only_ok(after)


BROKEN = """
extern lost(text: text) -> text = python("nowhere:lost")
pipeline p(t: text) -> text { return lost(t) }
"""


def test_a_plan_that_is_refused_changes_nothing_on_ray(cluster: Cluster, file: Path) -> None:
    with gateway(file, cluster.address) as running:
        before = replicas("three.")
        file.write_text(BROKEN + FILE.format(replicas=3, length=32, gateway=""))
        running.process.send_signal(signal.SIGHUP)
        until("it is refused", lambda: "everything is served as before" in running.log.read_text())
        assert replicas("three.") == before
        running.embed()


LIMITED = """
  bind = "0.0.0.0:8080"
  key team { secret = env("TEAM_KEY"), rate_limits { requests_per_minute = 7 } }
"""


def test_a_gateway_on_each_node_and_limits_that_all_of_them_keep(
    cluster: Cluster, file: Path, redis: str
) -> None:
    file.write_text(FILE.format(replicas=1, length=64, gateway=LIMITED))
    asked = ("--gateways", "4", "--port", "8099")
    assert "--state redis://" in refused(file, cluster.address, *asked)
    assert "has 3 nodes" in refused(file, cluster.address, *asked, "--state", redis)
    assert not replicas("three.")
    options = ("--gateways", "per-node", "--share-port", "--state", redis)
    with gateway(file, cluster.address, *options) as running:
        nodes = replicas("three..gateways")
        assert len(nodes) == len(set(nodes.values())) == 2
        assert Counter(running.status_of("embedder") for _ in range(60)) == {200: 7, 429: 53}

        # all of them take over what changes
        file.write_text(FILE.format(replicas=1, length=64, gateway=LIMITED.replace("= 7", "= 100k")))
        running.process.send_signal(signal.SIGHUP)
        until("none is refused", lambda: {running.status_of("plain") for _ in range(20)} == {200})
        assert replicas("three..gateways") == nodes
    assert not replicas("three.")


UNREACHABLE = """
import sys
from inferc.runtime.ray import bridges

async def reaches(url):
    return False

bridges.reaches = reaches
from inferc.cli.main import main
sys.exit(main(sys.argv[1:]))
"""


def test_replicas_whose_port_cannot_be_reached_are_asked_through_ray(cluster: Cluster, file: Path) -> None:
    program = (sys.executable, "-c", UNREACHABLE)
    with gateway(file, cluster.address, program=program) as running:
        assert len(running.embed()) == 384
        with load(running) as outcomes:
            pass
        only_ok(outcomes)
        assert running.log.read_text().count("requests for `three.plain` go through Ray") == 1


def test_what_is_emitted_for_kuberay_is_a_configuration_that_serve_runs(
    cluster: Cluster, file: Path, tmp_path: Path
) -> None:
    port = free_port()
    open_to_all = f'bind = "0.0.0.0:{port}", auth = none'
    file.write_text(FILE.format(replicas=1, length=64, gateway=open_to_all))
    out = tmp_path / "out"
    emit = [*INFERC, "emit", "rayservice", str(file), "-o", str(out), "--gateways", "1"]
    subprocess.run(emit, check=True)
    service, plan, *_ = yaml.safe_load_all((out / "rayservice.yaml").read_text())
    [(name, text)] = plan["data"].items()
    (tmp_path / name).write_text(text)
    config = yaml.safe_load(service["spec"]["serveConfigV2"])
    for each in config["applications"]:
        each["args"]["base"] = str(tmp_path)
    groups = service["spec"]["rayClusterConfig"]["workerGroupSpecs"]
    resources: dict[str, int] = {}
    for each in groups:
        resources |= json.loads(each["rayStartParams"]["resources"].strip("'"))
    node = cluster.add_node(num_cpus=2, num_gpus=1, resources=resources)
    try:
        serve.start(proxy_location="Disabled")
        serve.context._get_global_client().deploy_apps(ServeDeploySchema.model_validate(config))
        until("the gateway answers", lambda: answers(port))
    finally:
        serve.shutdown()
        cluster.remove_node(node)


def answers(port: int) -> bool:
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/v1/embeddings",
        json.dumps({"model": "embedder", "input": "hello"}).encode(),
        {"Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return len(json.load(answer)["data"][0]["embedding"]) == 384
    except OSError:
        return False
