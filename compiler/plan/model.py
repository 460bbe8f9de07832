"""The plan: what the compiler hands to the executor, and all that the executor knows.

Two kinds of plan exist, `onnx_serving` and `remote_pool`; everything else in a `Plan`, routes and
pipelines, refers to them by deployment name. Written as JSON, keys stand in the order of the fields
below; durations, sizes and money are text with their unit ("30s", "4GiB", "$100"); paths are relative
to the directory of the plan file; secrets are references, never values.
"""

from __future__ import annotations

from attrs import field

from ...dsl.data_kinds import DataKind
from ...dsl.fields import doc, rare
from ...dsl.gateway import MAX_BODY, MAX_BODY_MEMORY, PROVED, Bounds, ClientTimeouts, Cors, Jwt, Tls
from ...dsl.kinds import (
    AuthScheme,
    ExecutionProvider,
    MissingProviderAction,
    ProviderKind,
    TaskKind,
    UnavailableAction,
    WireFormat,
)
from ...dsl.policies import (
    Budget,
    Cache,
    CircuitBreakerConfig,
    Price,
    RateLimits,
    RetryPolicy,
    Serving,
    Timeouts,
)
from ...dsl.record import frozen
from ...dsl.requests import RequestSettings
from ...dsl.runtimes import Batching, EndpointTls, Launch, SecretRef, SessionOptions
from ...dsl.units import Duration, Size
from ...dsl.word_enum import WordEnum
from ..onnx_model.signature import Signature
from .capabilities import Capabilities
from .guards import GuardPlan
from .keys import KeyPlan
from .pipelines import ExternPlan, PipelinePlan
from .routes import RoutePlan
from .source import SourceRef
from .tasks import FileRef, TaskSpec

SCHEMA = "inferc.plan/1"


class PlanKind(WordEnum):
    """The two kinds of plan."""

    ONNX_SERVING = "onnx_serving"
    REMOTE_POOL = "remote_pool"


@frozen
class ProviderSpec:
    """One execution provider with its ONNX Runtime options."""

    name: ExecutionProvider
    options: dict[str, str] = field(factory=dict)
    paths: dict[str, str] = field(
        factory=dict, metadata={"doc": "options that are paths, relative to the directory of the plan file"}
    )


@frozen
class ReplicaPlacement:
    """Where one replica runs. `node` is null on a single machine."""

    replica_index: int
    node: str | None
    gpu_indices: tuple[int, ...]


@frozen
class ScalingPlan:
    """How few and how many replicas there may be, and what there are more or fewer for."""

    min_replicas: int
    max_replicas: int
    target: int = field(
        metadata={"doc": "requests for each replica, those that wait included, above which there are more"}
    )
    upscale_delay: Duration
    downscale_delay: Duration


@frozen(kw_only=True)
class DeploymentPlan:
    """What both kinds of plan say."""

    kind: PlanKind
    deployment: str
    source: SourceRef
    replicas: tuple[ReplicaPlacement, ...]
    serving: Serving
    idempotent: bool
    request: RequestSettings | None = rare("parameters that are added to requests; without it: none")
    allows: tuple[DataKind, ...] | None = rare("kinds of data that may go there; without it: not said")
    cache: Cache | None = rare("answers that are given again; without it: none")
    scaling: ScalingPlan | None = rare(
        "more replicas than `replicas`, which are the fewest, as the load needs them; without it: none"
    )

    @property
    def max_replicas(self) -> int:
        """How many replicas there may be."""
        return len(self.replicas) if self.scaling is None else self.scaling.max_replicas

    @property
    def task_kind(self) -> TaskKind:
        """Which requests the deployment answers."""
        raise NotImplementedError


@frozen(kw_only=True)
class OnnxServingPlan(DeploymentPlan):
    """An ONNX model, run in the executor's own process by ONNX Runtime."""

    kind: PlanKind = PlanKind.ONNX_SERVING
    model: FileRef
    providers: tuple[ProviderSpec, ...] = field(metadata={"doc": "in order of preference"})
    on_missing_provider: MissingProviderAction
    session: SessionOptions
    batching: Batching | None = field(metadata={"doc": "null: each request runs alone"})
    task: TaskSpec
    signature: Signature = field(factory=Signature, metadata={"doc": "what the model takes and gives"})
    external_data: tuple[FileRef, ...] = field(
        default=(), metadata={"doc": "files beside the model that hold its weights"}
    )
    warm_up: tuple[dict[str, tuple[int, ...]], ...] = field(
        default=(), metadata={"doc": "runs before the first request: the shape of each input"}
    )
    share_weights: bool = field(
        default=True, metadata={"doc": "replicas on one device share the weights; false: each has a copy"}
    )
    custom_ops: tuple[FileRef, ...] = field(
        default=(), metadata={"doc": "libraries with further operators", "rare": True}
    )
    settled_work: bool = field(
        default=False,
        metadata={"doc": "how long a run takes follows from the shapes of its inputs alone", "rare": True},
    )

    @property
    def task_kind(self) -> TaskKind:
        return self.task.kind


@frozen
class AwsAccess:
    """How requests are signed: for a service and its region, with the credentials named here, or those that
    AWS's tools find."""

    region: str
    service: str = rare("the one of AWS's that signatures are for", default="bedrock")
    profile: str | None = rare("of AWS's configuration files; without it: the one that counts there")
    access_key_id: SecretRef | None = rare("without it: what AWS's own tools find")
    secret_access_key: SecretRef | None = rare("the secret of that key")
    session_token: SecretRef | None = rare("of a key that ends after a while")


@frozen
class WorkloadIdentity:
    """How the token that a platform gives this workload is exchanged for one of the provider's: `body`, with
    the token in it, is posted to `endpoint` as JSON."""

    token: SecretRef = doc("where the workload's own token is")
    endpoint: str = doc("the address at which tokens are exchanged")
    body: dict[str, str] = doc("what is posted beside the token; never secret")
    token_field: str = doc("the name of the token in it")
    audience: str = doc("for whom Kubernetes makes the workload's token")
    headers: dict[str, str] = doc("sent with the exchange", factory=dict)
    request_headers: dict[str, str] = doc("sent with each request beside the token", factory=dict)


@frozen(kw_only=True)
class RemotePoolPlan(DeploymentPlan):
    """A pool of HTTP connections to a provider."""

    kind: PlanKind = PlanKind.REMOTE_POOL
    provider: ProviderKind
    model: str = field(metadata={"doc": "the name the provider knows"})
    endpoint: str = field(
        metadata={"doc": "base URL, without a slash at the end; `{port}`: of a server that is started"}
    )
    wire: WireFormat
    auth: AuthScheme
    api_key: tuple[SecretRef, ...] = field(
        metadata={"doc": "one for all replicas, or one per replica; empty: no key"}
    )
    credentials: SecretRef | None = field(
        metadata={"doc": "service-account file; null with `google_oauth`: application default"}
    )
    headers: dict[str, str] = field(metadata={"doc": "sent with each request; never secret"})
    query: dict[str, str] = field(metadata={"doc": "added to each URL; never secret"})
    task: TaskKind
    rate_limits: RateLimits
    retry: RetryPolicy
    timeouts: Timeouts
    circuit_breaker: CircuitBreakerConfig
    budget: Budget | None
    price: Price | None = field(metadata={"doc": "per million tokens; null: not known"})
    safety: dict[str, str] = field(metadata={"doc": "Gemini: threshold per harm category"})
    target: str | None = field(metadata={"doc": "what `python(…)` or `custom(…)` names"})
    launch: Launch | None = field(
        metadata={
            "doc": "the server to start before the first request; null: it runs already, or is a `python(…)`"
        }
    )
    settings: dict[str, object] = field(metadata={"doc": "passed to a `custom` plugin as they are"})
    tls: EndpointTls | None = rare("certificates of one's own; without it: those of the system")
    proxy: str | None = rare("HTTP proxy on the way; without it: as the environment says")
    proxy_login: SecretRef | None = rare("`user:password` for it")
    aws: AwsAccess | None = rare("how requests are signed with AWS's credentials; without it: not at all")
    identity: WorkloadIdentity | None = rare("where tokens come from instead of a key; without it: nowhere")
    responses: bool = rare(
        "whether clients of OpenAI's responses are answered by the endpoint's own; without it: no",
        default=False,
    )
    batches_at: str | None = rare(
        "where its provider takes batches, which are not passed on; without it: nobody knows"
    )
    capabilities: Capabilities = doc("what the model can do, as far as it is known", factory=Capabilities)

    @property
    def task_kind(self) -> TaskKind:
        return self.task

    @property
    def is_launched(self) -> bool:
        """Whether its server is started with it: each replica has one of its own."""
        return self.launch is not None or "{port}" in self.endpoint

    @property
    def is_wildcard(self) -> bool:
        """Whether clients say what stands for the `*` in the name of the model."""
        return "*" in self.model


@frozen
class GatewayPlan:
    """The one HTTP endpoint in front of all deployments."""

    host: str = "127.0.0.1"
    port: int = 8080
    auth: SecretRef | None = doc("bearer token that clients must send; null: none", default=None)
    keys: tuple[KeyPlan, ...] = doc("who may call with a key of their own", default=())
    open: bool = doc("whether everyone may call, from whichever machine reaches it", default=False)
    timeout: Duration | None = doc("longest that a client waits for an answer; null: no limit", default=None)
    timeouts: ClientTimeouts = doc("how long it waits for a client", factory=ClientTimeouts)
    max_body: Size = doc("largest body of a request, unpacked", default=MAX_BODY)
    max_body_memory: Size = doc(
        "all bodies together, unpacked, of requests that are not answered yet", default=MAX_BODY_MEMORY
    )
    cors: Cors = doc("which web pages may call; no origins: none", factory=Cors)
    source: SourceRef | None = None
    guards: tuple[GuardPlan, ...] = rare(
        "what sees requests and answers, in this order; without it: nothing", default=()
    )
    jwt: Jwt | None = rare("tokens that others sign, and that name keys; without it: none")
    tls: Tls | None = rare("its certificate; without it: plain HTTP")
    budget: Budget | None = rare("spend ceilings of all requests together; without it: none")
    bind: str | None = rare(
        "address and port, where the environment says them; without it: `host` and `port`"
    )
    grpc: str | None = rare("address and port of the Open Inference Protocol over gRPC; without it: none")
    workers: int = rare(
        "processes that answer requests at the same port, 0: one for each core; without it: one", default=1
    )
    bounds: Bounds = rare(PROVED, default=Bounds())


@frozen
class StatePlan:
    """Where spend is counted, and what is done while it cannot be."""

    name: str = doc("whose spend it is: processes whose plans say the same share it", default="")
    on_unavailable: UnavailableAction = doc(
        "what is done with requests whose budget or strict limits cannot be kept",
        default=UnavailableAction.REFUSE,
    )


@frozen
class Plan:
    """Everything one executor needs."""

    schema: str
    compiler: str = field(metadata={"doc": "version of inferc that wrote the plan"})
    gateway: GatewayPlan
    deployments: tuple[DeploymentPlan, ...]
    routes: tuple[RoutePlan, ...] = doc("inner ones before those that they stand in", default=())
    pipelines: tuple[PipelinePlan, ...] = doc("those that others call come first", default=())
    externs: tuple[ExternPlan, ...] = doc("code of the user's", default=())
    state: StatePlan = doc("how spend and shared limits are kept", factory=StatePlan)
