"""The settings of each runtime: one class per family, and the table that says which kind takes which."""

from __future__ import annotations

from typing import Any

from attrs import field

from .catalogues.presets import PRESETS
from .fields import at_least, doc
from .kinds import (
    ExecutionProvider,
    GraphOptimization,
    IdentityTokenType,
    MissingProviderAction,
    RuntimeKind,
)
from .policies import CircuitBreakerConfig, RateLimits, RetryPolicy, Timeouts
from .record import fields, frozen
from .secrets.texts import SecretRef as SecretRef
from .units import Duration


@frozen(slots=False)
class RuntimeConfig:
    """What every runtime block has: the kind of runtime it is for."""

    kind: RuntimeKind


@frozen(slots=False)
class Batching:
    """How single requests are put together into one run of the model."""

    max_size: int = at_least(1, "most items in one run", at_most=100_000, default=32)
    max_delay: Duration = at_least(0, "longest wait for more items", default=Duration(0.002))
    preferred: tuple[int, ...] = doc(
        "sizes that run well, none above `max_size`: the largest that fills up is run", default=()
    )


@frozen(slots=False)
class SessionOptions:
    """Options of an ONNX Runtime session; 0 threads lets ONNX Runtime decide."""

    intra_op_threads: int = at_least(
        0, "threads inside one operator; 0: the cores that the process may use", at_most=1024, default=0
    )
    inter_op_threads: int = at_least(0, "operators that run at the same time", at_most=1024, default=0)
    graph_optimization: GraphOptimization = doc(
        "how much a model is rewritten before it runs", default=GraphOptimization.ALL
    )
    memory_pattern: bool = doc("plan memory ahead, from the sizes of earlier runs", default=True)
    optimized_model_cache: str | None = doc(
        "folder that keeps the rewritten model for the next start; unset: it is rewritten at each start",
        default=None,
    )


@frozen(slots=False)
class OrtConfig(RuntimeConfig):
    """`ort` and `tensorrt`: an ONNX model in this process."""

    kind: RuntimeKind = RuntimeKind.ORT
    providers: tuple[ExecutionProvider, ...] | None = doc(
        "execution providers in order of preference; unset: cuda with `gpus`, cpu without", default=None
    )
    on_missing_provider: MissingProviderAction = doc(
        "what happens when a provider is not there", default=MissingProviderAction.ERROR
    )
    batching: Batching | None = doc("how requests share a run; unset: each runs alone", default=None)
    session: SessionOptions = doc("options of the ONNX Runtime session", factory=SessionOptions)
    cuda: dict[str, object] = doc("options of the CUDA provider, under ONNX Runtime's names", factory=dict)
    tensorrt: dict[str, object] = doc(
        "options of the TensorRT provider, under ONNX Runtime's names", factory=dict
    )
    warm_up: dict[str, object] = doc(
        "shapes to run before the first request: for an input one shape, such as `[8, 128]`, or a list of "
        "them; other inputs follow by the names of their dimensions",
        factory=dict,
    )
    custom_ops: tuple[str, ...] = doc(
        "shared libraries with operators that ONNX Runtime does not have, such as those of "
        "`onnxruntime-extensions`; their code is run",
        default=(),
    )
    outside_project: bool = doc(
        "the model and its files may lie outside of the project, at the same place on each machine",
        default=False,
    )
    share_weights: bool = doc(
        "replicas on one device share the weights; `false`: each has a copy", default=True
    )


@frozen(slots=False)
class EndpointTls:
    """Certificates on the way to an endpoint: whose are trusted, and which one is shown."""

    ca: SecretRef | None = doc(
        "PEM file with the authorities that are trusted there; unset: those of the system", default=None
    )
    cert: SecretRef | None = doc(
        "PEM file with the certificate that is shown, and those above it", default=None
    )
    key: SecretRef | None = doc("PEM file with its key, without a password", default=None)


@frozen(slots=False)
class RemoteConfig(RuntimeConfig):
    """What all remote runtimes share: an endpoint, a key, and the policies around a request."""

    api_key: tuple[SecretRef, ...] = doc(
        "where the key comes from; a list gives each replica its own", default=()
    )
    endpoint: str | None = doc("base URL; unset: the provider's own", default=None)
    headers: dict[str, str] = doc("headers that each request has besides its own; no secrets", factory=dict)
    tls: EndpointTls | None = doc("certificates of one's own; unset: those of the system", default=None)
    proxy: str | None = doc(
        "HTTP proxy on the way, such as `http://proxy:3128`; unset: as the environment says", default=None
    )
    proxy_login: SecretRef | None = doc("what the proxy wants to know: `user:password`", default=None)
    rate_limits: RateLimits = doc("ceilings of the account", factory=RateLimits)
    retry: RetryPolicy = doc("when a failed request is sent again", factory=RetryPolicy)
    timeouts: Timeouts = doc("how long to wait for the provider", factory=Timeouts)
    circuit_breaker: CircuitBreakerConfig = doc(
        "when a failing endpoint is left alone", factory=CircuitBreakerConfig
    )


def _responses(where: str) -> Any:
    """where: it does so without being told to."""
    return doc(f"whether it serves OpenAI's `/responses`, too; unset: {where}", default=None)


@frozen(slots=False)
class Aws:
    """`aws`: the same API, where AWS lets in: requests are signed (SigV4), or show an `api_key` of it."""

    region: str = field(metadata={"doc": "AWS region, such as `us-west-2`"})
    profile: str | None = doc(
        "profile of AWS's configuration files; unset: the one that counts there", default=None
    )
    access_key_id: SecretRef | None = doc("AWS access key, beside its secret", default=None)
    secret_access_key: SecretRef | None = doc("the secret of that key", default=None)
    session_token: SecretRef | None = doc("for a key that ends after a while", default=None)


def _audience(usual: str) -> Any:
    """usual: what the provider's own guide to Kubernetes has."""
    return doc("for whom Kubernetes makes it, in the files of `inferc emit`", default=usual)


@frozen(slots=False)
class OpenAIIdentity:
    """`identity` of `openai`: what the platform says of this workload is exchanged for tokens of OpenAI."""

    token: SecretRef = field(metadata={"doc": "where the platform puts the workload's own token"})
    identity_provider: str = field(metadata={"doc": "id of the identity provider, as OpenAI knows it"})
    service_account: str = field(metadata={"doc": "id of OpenAI's service account that asks"})
    token_type: IdentityTokenType = doc("what the token is", default=IdentityTokenType.JWT)
    token_endpoint: str | None = doc("where it is exchanged; unset: at OpenAI's own", default=None)
    audience: str = _audience("https://api.openai.com/v1")


@frozen(slots=False)
class AnthropicIdentity:
    """`identity` of `anthropic`: what the platform says of this workload is exchanged for tokens of
    Anthropic."""

    token: SecretRef = field(metadata={"doc": "where the platform puts the workload's own token"})
    federation_rule: str = field(metadata={"doc": "id of the federation rule, `fdrl_…`"})
    organization: str = field(metadata={"doc": "id of the organisation at Anthropic"})
    service_account: str = field(metadata={"doc": "id of Anthropic's service account that asks, `svac_…`"})
    workspace: str | None = doc(
        "id of the workspace, `wrkspc_…`; unset: the only one of the rule", default=None
    )
    audience: str = _audience("https://api.anthropic.com")


@frozen(slots=False)
class OpenAIConfig(RemoteConfig):
    """`openai`, and the same models on Azure and on Amazon Bedrock."""

    kind: RuntimeKind = RuntimeKind.OPENAI
    organization: str | None = doc("OpenAI organisation id", default=None)
    project: str | None = doc("OpenAI project id", default=None)
    azure_resource: str | None = doc("name of the Azure resource", default=None)
    azure_deployment: str | None = doc("name of the deployment inside the Azure resource", default=None)
    api_version: str | None = doc("version of the Azure API", default=None)
    aws: Aws | None = doc("OpenAI's models on Amazon Bedrock, in OpenAI's own protocol", default=None)
    identity: OpenAIIdentity | None = doc("an identity of the workload instead of a key", default=None)
    responses: bool | None = _responses("at OpenAI's own endpoint, and at that of `aws`")


@frozen(slots=False)
class VertexConfig(RemoteConfig):
    """What those share who also are on Vertex: a project, a region and credentials instead of a key."""

    project: str | None = doc("Google Cloud project (Vertex)", default=None)
    region: str | None = doc("Google Cloud region (Vertex)", default=None)
    credentials: SecretRef | None = doc("service-account file (Vertex)", default=None)

    @property
    def is_vertex(self) -> bool:
        """Whether Vertex is asked, and not the provider itself."""
        return self.project is not None


@frozen(slots=False)
class AnthropicConfig(VertexConfig):
    """`anthropic`: the Messages API, of Anthropic with a key or behind Google Cloud or AWS, or of Vertex."""

    kind: RuntimeKind = RuntimeKind.ANTHROPIC
    workspace: str | None = doc(
        "Anthropic's workspace of the project, or of the AWS account: Claude there, run by Anthropic",
        default=None,
    )
    aws: Aws | None = doc("Claude Platform on AWS, which needs a `workspace`", default=None)
    identity: AnthropicIdentity | None = doc("an identity of the workload instead of a key", default=None)

    @property
    def is_vertex(self) -> bool:
        return self.project is not None and self.workspace is None


FederatedConfig = OpenAIConfig | AnthropicConfig
"""Those that can be asked as a workload of AWS, or with the identity of one, instead of with a key."""


@frozen(slots=False)
class GeminiConfig(VertexConfig):
    """`gemini`: AI Studio with a key, or Vertex."""

    kind: RuntimeKind = RuntimeKind.GEMINI
    safety: dict[str, str] | None = doc("threshold per harm category", default=None)


@frozen(slots=False)
class BedrockConfig(RemoteConfig):
    """`bedrock`: models on Amazon Bedrock, through Converse.

    Requests are signed with the credentials that are named here, or else with those that AWS's own tools
    find: variables, a profile, the role of the machine. `api_key` is one of Bedrock's own keys, and needs no
    others.
    """

    kind: RuntimeKind = RuntimeKind.BEDROCK
    region: str | None = doc("AWS region, such as `eu-central-1`", default=None)
    profile: str | None = doc(
        "profile of AWS's configuration files; unset: the one that counts there", default=None
    )
    access_key_id: SecretRef | None = doc("AWS access key, beside its secret", default=None)
    secret_access_key: SecretRef | None = doc("the secret of that key", default=None)
    session_token: SecretRef | None = doc("for a key that ends after a while", default=None)


@frozen(slots=False)
class PresetConfig(RemoteConfig):
    """`groq`, `mistral` and others whose endpoint is known, and who speak OpenAI's protocol."""


@frozen(slots=False)
class AzureConfig(PresetConfig):
    """`azure`: models on Azure, by its v1 API; `model` is the name of the deployment there."""

    kind: RuntimeKind = RuntimeKind.AZURE
    resource: str | None = doc("name of the Azure resource; or an `endpoint`", default=None)
    api_version: str | None = doc("version of the API, such as `preview`; unset: the latest", default=None)
    responses: bool | None = _responses("never")


@frozen(slots=False)
class XaiConfig(PresetConfig):
    """`xai`: Grok, in chats, or in OpenAI's responses."""

    kind: RuntimeKind = RuntimeKind.XAI
    responses: bool | None = _responses("for models that have nothing else")


@frozen(slots=False)
class Launch:
    """A local server that the executor starts, watches and stops: one for each replica.

    In `command` and `env`, `{port}` stands for a free port of 127.0.0.1 that is picked at each start,
    `{replica}` for the number of the replica, from 0, `{model}` for the name of the model, and `{gpus}` for
    the number of GPUs of a replica.
    """

    command: tuple[str, ...] = field(
        metadata={
            "doc": "program and arguments; `{port}` is the port to listen on, `{replica}` counts from 0, "
            "`{model}` and `{gpus}` are those of the deployment"
        }
    )
    ready: str = doc("path that answers 200 when the server is ready", default="/health")
    env: dict[str, str] = doc(
        "environment variables of the server, beside those that any program needs; "
        "`{port}` and the others, too",
        factory=dict,
    )
    pass_env: tuple[str, ...] = doc(
        "names of further variables that the server gets from the executor's environment", default=()
    )
    restart: bool = doc("start the server again when it dies", default=True)


@frozen(slots=False)
class LaunchableConfig(RemoteConfig):
    """Servers of one's own: at an `endpoint`, or to `launch`."""

    launch: Launch | None = doc("how to start the server", default=None)


@frozen(slots=False)
class LiteLLMConfig(LaunchableConfig):
    """`litellm`: a LiteLLM proxy, which retries by itself."""

    kind: RuntimeKind = RuntimeKind.LITELLM
    retry: RetryPolicy = doc(
        "when a failed request is sent again", factory=lambda: RetryPolicy(max_retries=1)
    )


@frozen(slots=False)
class OpenAICompatibleConfig(LaunchableConfig):
    """`openai_compatible`: any server that speaks OpenAI's protocol, at an `endpoint` or to `launch`."""

    kind: RuntimeKind = RuntimeKind.OPENAI_COMPATIBLE
    responses: bool | None = _responses("never")


@frozen(slots=False)
class LocalServerConfig(LaunchableConfig):
    """`vllm`, `mistralrs`, `candle`, `python("…")`: a server at an `endpoint`, or one to `launch`.

    `python("…")` with neither is started by itself.
    """

    target: str | None = doc("for `python`: `package.module:factory`", default=None)


@frozen(slots=False)
class CustomConfig(RemoteConfig):
    """`custom("name")`: an installed plugin, found by its entry point."""

    kind: RuntimeKind = RuntimeKind.CUSTOM
    target: str | None = doc("name of the plugin", default=None)
    settings: dict[str, object] = field(
        factory=dict, metadata={"doc": "passed to the plugin as they are", "nested": True}
    )


CONFIG_CLASSES: dict[RuntimeKind, type[RuntimeConfig]] = {
    RuntimeKind.ORT: OrtConfig,
    RuntimeKind.TENSORRT: OrtConfig,
    RuntimeKind.OPENAI: OpenAIConfig,
    RuntimeKind.ANTHROPIC: AnthropicConfig,
    RuntimeKind.GEMINI: GeminiConfig,
    RuntimeKind.BEDROCK: BedrockConfig,
    RuntimeKind.LITELLM: LiteLLMConfig,
    RuntimeKind.OPENAI_COMPATIBLE: OpenAICompatibleConfig,
    **dict.fromkeys(PRESETS, PresetConfig),
    RuntimeKind.AZURE: AzureConfig,
    RuntimeKind.XAI: XaiConfig,
    RuntimeKind.VLLM: LocalServerConfig,
    RuntimeKind.MISTRALRS: LocalServerConfig,
    RuntimeKind.CANDLE: LocalServerConfig,
    RuntimeKind.PYTHON: LocalServerConfig,
    RuntimeKind.CUSTOM: CustomConfig,
    RuntimeKind.CUDARC: RuntimeConfig,
}

KIND_DEFAULTS: dict[RuntimeKind, dict[str, object]] = {RuntimeKind.LITELLM: {"retry": {"max_retries": 1}}}
"""Defaults that a runtime has instead of the common ones: the LiteLLM proxy retries too."""


def default_config(kind: RuntimeKind) -> RuntimeConfig:
    """The settings of a runtime whose block was not written."""
    return CONFIG_CLASSES[kind](kind=kind)


def runtime_with(name: str) -> RuntimeKind | None:
    """The first runtime that has a setting of this name."""
    for kind in RuntimeKind:
        cls: Any = CONFIG_CLASSES[kind]
        if name in fields(cls):
            return kind
    return None
