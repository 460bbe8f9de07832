"""A small Kubernetes: kmock's API server, what Deployments and Services do, and a kubelet.

Its containers are processes of this machine. Manifests come in over the API, as from `kubectl apply`, and
must be as the schemas say. Pauses are shorter than there; deadlines are as in the manifests.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import itertools
import json
import os
import re
import shutil
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import kmock
import kubernetes_validate
import yaml
from attrs import define, field

from .commands import PATIENCE
from .forked import InLoop, begun

Object = dict[str, Any]

_TICK = 0.1
"""Seconds between two looks at how everything is."""
_PRE_STOP = 0.1
"""The part of `preStop` that is waited for."""
_FINALIZER = "kubelet.test/stopped"
_MERGE = {"Content-Type": "application/merge-patch+json"}
_PATHS = {
    "ConfigMap": "/api/v1/namespaces/{}/configmaps",
    "Secret": "/api/v1/namespaces/{}/secrets",
    "Service": "/api/v1/namespaces/{}/services",
    "Pod": "/api/v1/namespaces/{}/pods",
    "Deployment": "/apis/apps/v1/namespaces/{}/deployments",
    "PodDisruptionBudget": "/apis/policy/v1/namespaces/{}/poddisruptionbudgets",
    "NetworkPolicy": "/apis/networking.k8s.io/v1/namespaces/{}/networkpolicies",
    "HorizontalPodAutoscaler": "/apis/autoscaling/v2/namespaces/{}/horizontalpodautoscalers",
}


@define
class Cluster:
    """image: the folder that is `/srv/infer` in containers. events: what the kubelet did, in its order."""

    image: Path
    nodes: Path
    http: aiohttp.ClientSession
    events: list[str] = field(factory=list)
    task: asyncio.Task[None] = field(init=False)
    _pods: dict[str, Pod] = field(factory=dict)
    _proxies: dict[str, ServiceProxy] = field(factory=dict)
    _numbers: Any = field(factory=itertools.count)

    async def apply(self, manifests: Iterable[Object]) -> None:
        """Create what is not there, change what is."""
        for each in manifests:
            kubernetes_validate.validate(each, "1.37", strict=True)
            kind, meta = each["kind"], each["metadata"]
            path = _PATHS[kind].format(meta["namespace"])
            async with self.http.post(path, json=each) as answer:
                taken = answer.status
            if taken == 409:
                async with self.http.patch(f"{path}/{meta['name']}", json=each, headers=_MERGE) as answer:
                    taken = answer.status
            assert taken == 200, (kind, meta["name"])
            if kind == "Service" and meta["name"] not in self._proxies:
                self._proxies[meta["name"]] = await ServiceProxy.start(self, each)

    def url(self, service: str) -> str:
        """Where a service is reached from this machine."""
        return f"http://127.0.0.1:{self._proxies[service].port}"

    async def rolled_out(self, deployment: str) -> None:
        """As `kubectl rollout status`."""
        await self.until(lambda: self._is_rolled_out(deployment), f"{deployment} is not rolled out")

    async def until(self, happened: Callable[[], Any], otherwise: str) -> None:
        ends = asyncio.get_running_loop().time() + PATIENCE
        while not (await found if asyncio.iscoroutine(found := happened()) else found):
            if self.task.done():
                self.task.result()
            late = asyncio.get_running_loop().time() > ends
            assert not late, f"{otherwise}: {[str(pod) for pod in self._pods.values()]}"
            await asyncio.sleep(_TICK)

    async def of(self, kind: str, namespace: str = "default") -> list[Object]:
        async with self.http.get(_PATHS[kind].format(namespace)) as answer:
            items: list[Object] = (await answer.json())["items"] if answer.status == 200 else []
            return items  # kmock knows no kind of which there has been none

    async def change(self, pod: Object, change: Object) -> None:
        meta = pod["metadata"]
        path = f"{_PATHS['Pod'].format(meta['namespace'])}/{meta['name']}"
        async with self.http.patch(path, json=change, headers=_MERGE):
            pass

    def serving(self, selector: Mapping[str, str]) -> list[Pod]:
        """The pods that a service sends requests to."""
        chosen = [pod for pod in self._pods.values() if selector.items() <= pod.labels.items()]
        return [pod for pod in chosen if pod.is_ready and not pod.is_stopping]

    def stopping(self, deployment: str) -> bool:
        """Whether one of its pods is stopping."""
        return any(pod.is_stopping for pod in self._pods.values() if pod.deployment == deployment)

    def kill(self, deployment: str) -> None:
        """End the processes of its pods, as a crash would."""
        for pod in self._pods.values():
            if pod.name.startswith(f"{deployment}-") and pod.process is not None:
                pod.process.kill()

    async def _run(self) -> None:
        """Controllers and kubelet, until cancelled."""
        try:
            while True:
                for deployment in await self.of("Deployment"):
                    await self._roll(deployment)
                for made in await self.of("Pod"):
                    name = made["metadata"]["name"]
                    if name not in self._pods:
                        self._pods[name] = Pod(self, made)
                    elif "deletionTimestamp" in made["metadata"]:
                        self._pods[name].is_stopping = True
                await asyncio.sleep(_TICK)
        finally:
            for pod in self._pods.values():
                if pod.process is not None and pod.process.returncode is None:
                    pod.process.kill()
            tasks = [pod.task for pod in self._pods.values()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            for proxy in self._proxies.values():
                await proxy.stop()

    async def mapped(self, text: str) -> str:
        """`text` with the addresses of services as they are here."""
        for name, proxy in self._proxies.items():
            where = rf"{name}\.\w[\w-]*\.svc\.cluster\.local:{proxy.outside}\b"
            text = re.sub(where, f"127.0.0.1:{proxy.port}", text)
        return text

    async def _mine(self, deployment: Object) -> list[Object]:
        name = deployment["metadata"]["name"]
        pods = await self.of("Pod")
        return [
            pod
            for pod in pods
            if pod["metadata"]["annotations"]["of"] == name and "deletionTimestamp" not in pod["metadata"]
        ]

    async def _is_rolled_out(self, name: str) -> bool:
        [deployment] = [each for each in await self.of("Deployment") if each["metadata"]["name"] == name]
        now = _hash(deployment)
        there = [pod for pod in self._pods.values() if pod.deployment == name]
        ready = [pod for pod in there if pod.hash == now and pod.is_ready]
        return len(ready) == len(there) == deployment["spec"].get("replicas", 1)

    async def _roll(self, deployment: Object) -> None:
        """Take one step towards what a Deployment says."""
        spec, now = deployment["spec"], _hash(deployment)
        wanted, way = spec.get("replicas", 1), spec["strategy"]["rollingUpdate"]
        pods = await self._mine(deployment)
        old = [pod for pod in pods if pod["metadata"]["annotations"]["hash"] != now]
        available = [pod for pod in pods if _is_ready(pod)]
        if len(pods) - len(old) < wanted and len(pods) < wanted + way["maxSurge"]:
            name = f"{deployment['metadata']['name']}-{now}-{next(self._numbers)}"
            template = spec["template"]
            notes = {"of": deployment["metadata"]["name"], "hash": now}
            pod = {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": {
                    "name": name,
                    "namespace": deployment["metadata"]["namespace"],
                    "labels": template["metadata"]["labels"],
                    "annotations": template["metadata"]["annotations"] | notes,
                    "finalizers": [_FINALIZER],
                },
                "spec": template["spec"],
            }
            await self.apply([pod])
        elif old and len(available) > wanted - way["maxUnavailable"]:
            meta = old[0]["metadata"]
            async with self.http.delete(f"{_PATHS['Pod'].format(meta['namespace'])}/{meta['name']}"):
                pass


@define
class Pod:
    """What the kubelet does with a pod: start its container, probe it, start it again, stop it."""

    cluster: Cluster
    made: Object
    is_ready: bool = False
    is_stopping: bool = False
    process: InLoop | None = None
    port: int = 0
    task: asyncio.Task[None] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.task = asyncio.create_task(self._live())

    def __str__(self) -> str:
        return f"{self.name} ready={self.is_ready} stopping={self.is_stopping} failed={self.task.done()}"

    @property
    def name(self) -> str:
        return str(self.made["metadata"]["name"])

    @property
    def deployment(self) -> str:
        return str(self.made["metadata"]["annotations"]["of"])

    @property
    def hash(self) -> str:
        return str(self.made["metadata"]["annotations"]["hash"])

    @property
    def labels(self) -> dict[str, str]:
        labels: dict[str, str] = self.made["metadata"]["labels"]
        return labels

    @property
    def container(self) -> Object:
        [container] = self.made["spec"]["containers"]
        return dict(container)

    async def _live(self) -> None:
        root = self.cluster.nodes / self.name
        try:
            while not self.is_stopping:
                try:
                    environment = await self._environment(root)
                    await self._mount(root)
                except LookupError as error:
                    self._note(f"waits for {error}")
                    await asyncio.sleep(_TICK)
                    continue
                image = _files(root / "srv")
                await self._start(root, environment)
                try:
                    if await self._started():
                        await self._watch()
                finally:
                    self.is_ready = False
                    await self._stop()
                    if written := _files(root / "srv") - image:
                        self._note(f"wrote {written} where it may not")
        finally:
            shutil.rmtree(root, ignore_errors=True)
        await self.cluster.change(self.made, {"metadata": {"finalizers": []}})
        del self.cluster._pods[self.name]

    async def _started(self) -> bool:
        """Whether the startup probe is content before it gives up."""
        assert self.process is not None
        probe = self.container["startupProbe"]
        ends = asyncio.get_running_loop().time() + probe["periodSeconds"] * probe["failureThreshold"]
        while self.process.returncode is None and not self.is_stopping:
            if await self._asks(probe):
                return True
            if asyncio.get_running_loop().time() > ends:
                self._note("does not start")
                return False
            await asyncio.sleep(_TICK)
        return False

    async def _watch(self) -> None:
        """Probe until it is to stop, has ended, or is taken for dead."""
        assert self.process is not None
        failures = {"readinessProbe": 0, "livenessProbe": 0}
        while not self.is_stopping and self.process.returncode is None:
            for kind in failures:
                failures[kind] = 0 if await self._asks(self.container[kind]) else failures[kind] + 1
            if failures["livenessProbe"] >= self.container["livenessProbe"]["failureThreshold"]:
                self._note("is taken for dead")
                return
            ready = failures["readinessProbe"] < self.container["readinessProbe"]["failureThreshold"]
            if ready != self.is_ready:
                self.is_ready = ready
                self._note("ready" if ready else "not ready")
                condition = {"type": "Ready", "status": str(ready)}
                await self.cluster.change(self.made, {"status": {"conditions": [condition]}})
            await asyncio.sleep(_TICK)

    async def _stop(self) -> None:
        """`preStop`, SIGTERM, and SIGKILL when the grace period has passed."""
        assert self.process is not None
        if self.process.returncode is not None:
            self._note(f"ended with {self.process.returncode}")
            return
        await asyncio.sleep(self.container["lifecycle"]["preStop"]["sleep"]["seconds"] * _PRE_STOP)
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(self.made["spec"]["terminationGracePeriodSeconds"]):
                await self.process.wait()
        except BaseException:
            self._note("killed")
            with contextlib.suppress(ProcessLookupError):
                self.process.kill()
            await self.process.wait()
            raise
        self._note(f"stopped with {self.process.returncode}")

    async def _start(self, root: Path, environment: dict[str, str]) -> None:
        self.port = free_port()
        arguments = [
            re.sub(r"\$\((\w+)\)", lambda found: environment.get(found[1], found[0]), each)
            for each in self.container["args"]
        ]
        arguments = [re.sub(r"^--host=0\.0\.0\.0$", "--host=127.0.0.1", each) for each in arguments]
        listened = self.container["ports"][0]["containerPort"]
        arguments = [re.sub(f"^--port={listened}$", f"--port={self.port}", each) for each in arguments]
        self._note("starts")
        with (root / "log").open("ab") as log:
            self.process = await begun(
                *arguments,
                cwd=root / "srv" / "infer",
                env={"PATH": os.environ["PATH"], "PYTHONPATH": ":".join(sys.path), **environment},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    async def _mount(self, root: Path) -> None:
        """The image, and what is mounted into it. Raises LookupError where that is not there."""
        shutil.copytree(self.cluster.image, root / "srv" / "infer", dirs_exist_ok=True)
        volumes = {each["name"]: each for each in self.made["spec"]["volumes"]}
        for mount in self.container["volumeMounts"]:
            volume, target = volumes[mount["name"]], root / mount["mountPath"].lstrip("/")
            if "emptyDir" in volume:
                target.mkdir(parents=True, exist_ok=True)
                continue
            name = volume["configMap"]["name"] if "configMap" in volume else volume["secret"]["secretName"]
            kind = "ConfigMap" if "configMap" in volume else "Secret"
            text = (await self._kept(kind, name))[mount["subPath"]]
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(await self.cluster.mapped(text), "utf-8")

    async def _environment(self, root: Path) -> dict[str, str]:
        """The variables of the container. Raises LookupError where one is not there."""
        found: dict[str, str] = {}
        for each in self.container["env"]:
            if "value" in each:
                found[each["name"]] = re.sub("^/tmp", str(root / "tmp"), each["value"])
                continue
            [(source, ref)] = each["valueFrom"].items()
            kind = {"secretKeyRef": "Secret", "configMapKeyRef": "ConfigMap"}[source]
            try:
                found[each["name"]] = (await self._kept(kind, ref["name"]))[ref["key"]]
            except LookupError:
                if not ref.get("optional"):
                    raise LookupError(f"{kind} {ref['name']}: {ref['key']}") from None
        return found

    async def _kept(self, kind: str, name: str) -> dict[str, str]:
        """What a ConfigMap or a Secret holds. Raises LookupError."""
        for each in await self.cluster.of(kind):
            if each["metadata"]["name"] == name:
                data: dict[str, str] = each["data"]
                if kind == "Secret":
                    return {key: base64.b64decode(value).decode() for key, value in data.items()}
                return data
        raise LookupError(f"{kind} {name}")

    async def _asks(self, probe: Object) -> bool:
        """What a probe gets; how long that takes is not looked at, for the machine may be busy."""
        asked = probe["httpGet"]
        assert asked["port"] == self.container["ports"][0]["name"]
        try:
            async with self.cluster.http.get(f"http://127.0.0.1:{self.port}{asked['path']}") as answer:
                return 200 <= answer.status < 400
        except aiohttp.ClientError:
            return False

    def _note(self, what: str) -> None:
        event = f"{self.deployment} {what}"
        if not self.cluster.events or self.cluster.events[-1] != event:
            self.cluster.events.append(event)


@define
class ServiceProxy:
    """A port of this machine that leads to the ready pods of a service in turn, as kube-proxy does."""

    cluster: Cluster
    selector: dict[str, str]
    outside: int
    port: int = 0
    server: asyncio.Server = field(init=False)
    _turn: int = 0
    _connections: set[asyncio.Task[Any]] = field(factory=set)

    @classmethod
    async def start(cls, cluster: Cluster, service: Object) -> ServiceProxy:
        made = cls(cluster, service["spec"]["selector"], service["spec"]["ports"][0]["port"])
        made.server = await asyncio.start_server(made._connected, "127.0.0.1", 0)
        made.port = made.server.sockets[0].getsockname()[1]
        return made

    async def stop(self) -> None:
        self.server.close()
        for each in self._connections:
            each.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        me = asyncio.current_task()
        assert me is not None
        self._connections.add(me)
        try:
            pods = self.cluster.serving(self.selector)
            if not pods:
                return
            self._turn += 1
            there = await asyncio.open_connection("127.0.0.1", pods[self._turn % len(pods)].port)
            try:
                await asyncio.gather(_pass_on(reader, there[1]), _pass_on(there[0], writer))
            finally:
                there[1].close()
        except OSError:
            pass
        finally:
            writer.close()
            self._connections.discard(me)


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
    with contextlib.suppress(OSError, RuntimeError):
        writer.write_eof()


class _Api(kmock.KubernetesEmulator):
    """Forgets a request once it is answered: each one is looked for among all that are kept."""

    async def _handle(self, request: Any) -> Any:
        try:
            return await super()._handle(request)
        finally:
            self._requests[:] = [each for each in self._requests if each is not request]


@asynccontextmanager
async def cluster(image: Path, nodes: Path) -> AsyncIterator[Cluster]:
    """A cluster without anything in it; all its processes have ended afterwards."""
    async with (
        _Api() as api,
        kmock.Server(api) as server,
        aiohttp.ClientSession(str(server.url)) as http,
    ):
        made = Cluster(image, nodes, http)
        made.task = asyncio.create_task(made._run())
        try:
            yield made
        finally:
            made.task.cancel()
            await asyncio.gather(made.task, return_exceptions=True)


def manifests(files: Mapping[str, str]) -> list[Object]:
    """What `kubectl apply -k` would send: of each file that the kustomization names."""
    named = yaml.safe_load(files["kustomization.yaml"])["resources"]
    return [each for name in named for each in yaml.safe_load_all(files[name])]


def secret(name: str, values: Mapping[str, str]) -> Object:
    data = {key: base64.b64encode(value.encode()).decode() for key, value in values.items()}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": "default"},
        "data": data,
    }


def config(name: str, values: Mapping[str, str]) -> Object:
    meta = {"name": name, "namespace": "default"}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": dict(values)}


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def _files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def _hash(deployment: Object) -> str:
    """Of the template: another one means other pods."""
    text = json.dumps(deployment["spec"]["template"], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:10]


def _is_ready(pod: Object) -> bool:
    conditions = pod.get("status", {}).get("conditions", [])
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)
