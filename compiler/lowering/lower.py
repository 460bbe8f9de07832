"""A checked program → a plan: defaults filled in, files pinned by their contents, paths made relative."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...dsl.catalogues.inference import name_at
from ...dsl.deployment import Deployment, Replica
from ...dsl.files import text_of_name
from ...dsl.keys import KeySecret, read_moment
from ...dsl.kinds import SecretSource, TransportKind
from ...dsl.late_text import LateText, Variable, is_unknown
from ...dsl.policies import Scaling
from ...dsl.ranges import Range
from ...dsl.runtimes import (
    Aws,
    BedrockConfig,
    CustomConfig,
    EndpointTls,
    FederatedConfig,
    GeminiConfig,
    LaunchableConfig,
    LocalServerConfig,
    RemoteConfig,
    SecretRef,
    VertexConfig,
)
from ...dsl.source import Span
from ...dsl.version import __version__
from ..capabilities import batches_at, capabilities_of, config_of, has_responses
from ..declare import Declared
from ..plan import (
    SCHEMA,
    AwsAccess,
    DeploymentPlan,
    GatewayPlan,
    GuardPlan,
    KeyPlan,
    OnnxServingPlan,
    Plan,
    RemotePoolPlan,
    ReplicaPlacement,
    ScalingPlan,
    SourceRef,
    StatePlan,
    Tls,
    WorkloadIdentity,
)
from ..program import DeclaredGuard, DeclaredKey, GatewaySettings, Program
from ..shared_circuits import with_shared_circuits
from ..targets import target_of, wire_of
from .identities import identity_of
from .pinned import Namer, Pinner

if TYPE_CHECKING:
    from ..graph import Graph


def lower(program: Program, base: Path) -> Plan:
    """The plan of `program`, to be written into the directory `base`."""
    return _lowered(program, _Lowerer(Pinner(base)))


def outline(program: Program) -> Plan:
    """The plan of `program` to look at: its files are named, and not read."""
    return _lowered(program, _Lowerer(Namer(Path())))


def _lowered(program: Program, lowerer: _Lowerer) -> Plan:
    gateway = program.gateway
    return Plan(
        schema=SCHEMA,
        compiler=__version__,
        gateway=GatewayPlan(
            host=gateway.host,
            port=gateway.port,
            auth=lowerer.gateway_auth(gateway),
            keys=tuple(lowerer.key(each) for each in gateway.keys),
            guards=tuple(_guard(each) for each in gateway.guards),
            open=gateway.open,
            timeout=gateway.timeout,
            timeouts=gateway.timeouts,
            max_body=gateway.max_body,
            max_body_memory=gateway.max_body_memory,
            cors=gateway.cors,
            source=lowerer.source(gateway.span) if gateway.span else None,
            jwt=gateway.jwt,
            tls=lowerer.tls(gateway),
            budget=gateway.budget,
            bind=gateway.bind,
            grpc=gateway.grpc,
            workers=gateway.workers,
            bounds=gateway.bounds,
        ),
        deployments=with_shared_circuits(
            program.deployments,
            [
                lowerer.deployment(declared, deployment, program.replicas[deployment.name])
                for declared, deployment in program.deployments
            ],
        ),
        **lowerer.graph(program.graph),
        state=StatePlan(gateway.state.name or _name_of(program), gateway.state.on_unavailable),
    )


_BUSY = 0.7
"""Of the requests that a replica takes at once: with more than so many, there are more replicas."""


def _scaling(deployment: Deployment) -> ScalingPlan | None:
    replicas = deployment.replicas
    if not isinstance(replicas, Range) or replicas.most == replicas.least:
        return None
    asked = deployment.scaling or Scaling()
    target = asked.target or max(1, round(_BUSY * deployment.serving.max_concurrent))
    return ScalingPlan(*replicas, target, asked.upscale_delay, asked.downscale_delay)


class _Lowerer:
    def __init__(self, pinner: Pinner) -> None:
        self._pinner = pinner

    def deployment(
        self, declared: Declared, deployment: Deployment, replicas: tuple[Replica, ...]
    ) -> DeploymentPlan:
        placements = tuple(ReplicaPlacement(r.replica_index, r.node, r.gpu_indices) for r in replicas)
        if deployment.effective_runtime.transport is TransportKind.LOCAL:
            return self._onnx(declared, deployment, placements)
        return self._remote(declared, deployment, placements)

    def gateway_auth(self, gateway: GatewaySettings) -> SecretRef | None:
        if gateway.auth is None or gateway.span is None:
            return gateway.auth
        return self._from_base(gateway.auth, gateway.span.source.folder)

    def tls(self, gateway: GatewaySettings) -> Tls | None:
        if gateway.tls is None or gateway.span is None:
            return None
        folder, tls = gateway.span.source.folder, gateway.tls
        authority = self._from_base(tls.client_ca, folder) if tls.client_ca is not None else None
        return Tls(self._from_base(tls.cert, folder), self._from_base(tls.key, folder), authority)

    def key(self, declared: DeclaredKey) -> KeyPlan:
        key = declared.key
        folder = declared.span.source.folder
        expires = key.expires
        if expires is not None and not is_unknown(expires) and (moment := read_moment(expires)) is not None:
            expires = moment.isoformat()
        return KeyPlan(
            name=declared.name,
            secret=tuple(self._key_secret(each, folder) for each in key.secret),
            models=tuple(map(str, key.models)),
            protocols=key.protocols,
            rate_limits=key.rate_limits,
            budget=key.budget,
            priority=key.priority,
            expires=expires,
            labels=key.labels,
            carries=key.carries,
            bounds=key.bounds,
        )

    def _key_secret(self, secret: KeySecret, folder: Path) -> KeySecret:
        from_base = self._from_base(secret, folder)
        return KeySecret(from_base.source, from_base.name)

    def graph(self, graph: Graph | None) -> dict[str, Any]:
        """The routes, pipelines and externs of a plan."""
        if graph is None:
            return {}
        from .graph import lower_graph

        return lower_graph(graph, self.source)

    def source(self, span: Span) -> SourceRef:
        line, column = span.source.position(span.start)
        path = span.source.path
        name = self._pinner.relative(path) if path is not None else span.source.name
        return SourceRef(text_of_name(name), line, column)

    def _serves(
        self, declared: Declared, deployment: Deployment, replicas: tuple[ReplicaPlacement, ...]
    ) -> dict[str, Any]:
        """The fields that the plans of all deployments have."""
        return {
            "deployment": deployment.name,
            "source": self.source(declared.symbol.span),
            "replicas": replicas,
            "serving": deployment.serving,
            "idempotent": deployment.idempotent,
            "request": deployment.request,
            "allows": deployment.allows,
            "cache": deployment.cache,
            "scaling": _scaling(deployment),
        }

    def _onnx(
        self, declared: Declared, deployment: Deployment, replicas: tuple[ReplicaPlacement, ...]
    ) -> OnnxServingPlan:
        from .onnx import onnx_fields

        return OnnxServingPlan(
            **self._serves(declared, deployment, replicas),
            **onnx_fields(declared, deployment, self._pinner),
        )

    def _remote(
        self, declared: Declared, deployment: Deployment, replicas: tuple[ReplicaPlacement, ...]
    ) -> RemotePoolPlan:
        config = config_of(declared, deployment)
        provider = deployment.effective_runtime.provider
        assert isinstance(config, RemoteConfig)
        assert provider is not None
        wire = wire_of(provider)
        target = target_of(provider, config, deployment.effective_task)
        identity: WorkloadIdentity | None = None
        if isinstance(config, FederatedConfig) and config.identity is not None:
            token = self._secret(config.identity.token, declared, "runtime_config", "identity", "token")
            identity, target = identity_of(config.identity, token, target)
        return RemotePoolPlan(
            **self._serves(declared, deployment, replicas),
            provider=provider,
            model=_name_at(deployment),
            endpoint=target.endpoint,
            wire=wire,
            auth=target.auth,
            api_key=tuple(self._secret(key, declared, "runtime_config", "api_key") for key in config.api_key),
            credentials=self._secret(config.credentials, declared, "runtime_config", "credentials")
            if isinstance(config, VertexConfig) and config.credentials is not None
            else None,
            headers=target.headers,
            query=target.query,
            task=deployment.effective_task,
            rate_limits=config.rate_limits,
            retry=config.retry,
            timeouts=config.timeouts,
            circuit_breaker=config.circuit_breaker,
            budget=deployment.budget,
            price=deployment.effective_price,
            safety=(config.safety or {}) if isinstance(config, GeminiConfig) else {},
            target=config.target if isinstance(config, LocalServerConfig | CustomConfig) else None,
            launch=config.launch if isinstance(config, LaunchableConfig) else None,
            settings=config.settings if isinstance(config, CustomConfig) else {},
            tls=self._endpoint_tls(config, declared),
            proxy=config.proxy,
            proxy_login=self._secret(config.proxy_login, declared, "runtime_config", "proxy_login")
            if config.proxy_login is not None
            else None,
            aws=self._aws(config, target.service, declared),
            identity=identity,
            responses=has_responses(deployment),
            batches_at=batches_at(deployment),
            capabilities=capabilities_of(deployment),
        )

    def _endpoint_tls(self, config: RemoteConfig, declared: Declared) -> EndpointTls | None:
        if config.tls is None:
            return None
        return EndpointTls(
            **{
                name: self._secret(file, declared, "runtime_config", "tls", name)
                for name in ("ca", "cert", "key")
                if (file := getattr(config.tls, name)) is not None
            }
        )

    def _aws(self, config: RemoteConfig, service: str | None, declared: Declared) -> AwsAccess | None:
        """What signs requests for `service`; None where nothing does."""
        if service is None:
            return None
        said: Aws | BedrockConfig | None = None
        path: tuple[str, ...] = ("runtime_config",)
        if isinstance(config, BedrockConfig):
            said = config
        elif isinstance(config, FederatedConfig):
            said, path = config.aws, (*path, "aws")
        assert said is not None
        named = {
            name: self._secret(secret, declared, *path, name)
            for name in ("access_key_id", "secret_access_key", "session_token")
            if (secret := getattr(said, name)) is not None
        }
        return AwsAccess(said.region or "", service, said.profile, **named)

    def _secret(self, secret: SecretRef, declared: Declared, *path: str) -> SecretRef:
        """`secret`, a relative path counted from the plan instead of the file that says it."""
        return self._from_base(secret, declared.span(*path).source.folder)

    def _from_base(self, secret: SecretRef, folder: Path) -> SecretRef:
        if secret.source is not SecretSource.FILE or Path(secret.name).is_absolute():
            return secret
        return SecretRef.file(self._pinner.relative(folder / secret.name))


def _guard(declared: DeclaredGuard) -> GuardPlan:
    guard = declared.guard
    return GuardPlan(
        name=declared.name,
        request=str(guard.request) if guard.request is not None else None,
        answer=str(guard.answer) if guard.answer is not None else None,
        models=tuple(map(str, guard.models)),
        keys=tuple(map(str, guard.keys)),
        on_failure=guard.on_failure,
        unreadable=guard.unreadable,
        pieces=guard.pieces,
    )


def _name_at(deployment: Deployment) -> str:
    """What the provider calls the model; where the environment says it, it says it in full."""
    runtime, model = deployment.effective_runtime, deployment.model
    match model:
        case LateText(parts=(Variable(name=name, default=str(default)),)):
            return LateText((Variable(name, name_at(runtime, default)),))
        case LateText():
            return model
    return name_at(runtime, model)


def _name_of(program: Program) -> str:
    """What the root file is called; the same on every machine, unlike where it is."""
    source = program.root.module.source
    return text_of_name(Path(source.name if source.path is None else source.path).stem)
