"""The closed vocabularies of the language: every enum word, under the name the field uses for it."""

from __future__ import annotations

from .word_enum import WordEnum


class TransportKind(WordEnum):
    """Where the work is done: in this process, or behind HTTP."""

    LOCAL = "local"
    REMOTE = "remote"


class RuntimeKind(WordEnum):
    """The backend that runs a model."""

    ORT = "ort"
    TENSORRT = "tensorrt"
    OPENAI = "openai"
    ANTHROPIC = "anthropic"
    GEMINI = "gemini"
    BEDROCK = "bedrock"
    LITELLM = "litellm"
    OPENAI_COMPATIBLE = "openai_compatible"
    AZURE = "azure"
    CEREBRAS = "cerebras"
    COHERE = "cohere"
    DEEPSEEK = "deepseek"
    FIREWORKS = "fireworks"
    GITHUB = "github"
    GROQ = "groq"
    HUGGINGFACE = "huggingface"
    MISTRAL = "mistral"
    NVIDIA = "nvidia"
    OLLAMA = "ollama"
    OPENROUTER = "openrouter"
    PERPLEXITY = "perplexity"
    TOGETHER = "together"
    XAI = "xai"
    VLLM = "vllm"
    MISTRALRS = "mistralrs"
    CANDLE = "candle"
    PYTHON = "python"
    CUSTOM = "custom"
    CUDARC = "cudarc"

    transport: TransportKind
    """`LOCAL` for the kinds that compile to ONNX Runtime plans, `REMOTE` for all others."""
    provider: ProviderKind | None
    """Who answers a remote pool of this kind; None for local kinds."""


class ProviderKind(WordEnum):
    """Who answers the requests of a remote pool."""

    OPENAI = "openai"
    ANTHROPIC = "anthropic"
    GEMINI = "gemini"
    BEDROCK = "bedrock"
    LITELLM = "litellm"
    OPENAI_COMPATIBLE = "openai_compatible"
    AZURE = "azure"
    CEREBRAS = "cerebras"
    COHERE = "cohere"
    DEEPSEEK = "deepseek"
    FIREWORKS = "fireworks"
    GITHUB = "github"
    GROQ = "groq"
    HUGGINGFACE = "huggingface"
    MISTRAL = "mistral"
    NVIDIA = "nvidia"
    OLLAMA = "ollama"
    OPENROUTER = "openrouter"
    PERPLEXITY = "perplexity"
    TOGETHER = "together"
    XAI = "xai"
    VLLM = "vllm"
    MISTRALRS = "mistralrs"
    CANDLE = "candle"
    PYTHON = "python"
    CUSTOM = "custom"


for _kind in RuntimeKind:
    _is_local = _kind in (RuntimeKind.ORT, RuntimeKind.TENSORRT)
    _kind.transport = TransportKind.LOCAL if _is_local else TransportKind.REMOTE
    _kind.provider = ProviderKind.__members__.get(_kind.name)


class WireFormat(WordEnum):
    """The shape of a provider's HTTP requests and answers."""

    OPENAI = "openai"
    ANTHROPIC = "anthropic"
    GEMINI = "gemini"
    BEDROCK = "bedrock"


class AuthScheme(WordEnum):
    """How a request shows the key to a provider."""

    BEARER = "bearer"
    API_KEY = "api_key"
    X_API_KEY = "x_api_key"
    X_GOOG_API_KEY = "x_goog_api_key"
    GOOGLE_OAUTH = "google_oauth"
    AWS_SIGV4 = "aws_sigv4"


class CapacityKind(WordEnum):
    """What a full deployment does with one more request."""

    REJECT = "reject"
    QUEUE = "queue"
    FALLBACK = "fallback"


class AdaptiveKind(WordEnum):
    """How the number of requests that run at the same time follows what a model can do."""

    AIMD = "aimd"
    GRADIENT = "gradient"


class AffinityKind(WordEnum):
    """What goes to the same replica."""

    CONVERSATION = "conversation"
    USER = "user"


class BudgetAction(WordEnum):
    """What a spent budget does with one more request."""

    REJECT = "reject"
    WARN = "warn"
    THROTTLE = "throttle"


class UnavailableAction(WordEnum):
    """What happens to requests while the state that their budget is kept in cannot be reached."""

    REFUSE = "refuse"
    SERVE = "serve"


class GuardAction(WordEnum):
    """What becomes of a request, or an answer, that a guard could not look at."""

    REFUSE = "refuse"
    PASS = "pass"


class UnsupportedAction(WordEnum):
    """What becomes of a parameter that the model does not take: an error, or it is left out."""

    ERROR = "error"
    DROP = "drop"


class EffortLevel(WordEnum):
    """How much a model thinks before it answers; each takes some of them."""

    NONE = "none"
    MINIMAL = "minimal"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    XHIGH = "xhigh"
    MAX = "max"


class VerbosityLevel(WordEnum):
    """How much a model says."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


class JitterKind(WordEnum):
    """How much of a backoff is random: nothing, the upper half, all of it."""

    NONE = "none"
    EQUAL = "equal"
    FULL = "full"


class TaskKind(WordEnum):
    """How inputs and outputs are read."""

    TENSOR = "tensor"
    CHAT = "chat"
    EMBED = "embed"
    RERANK = "rerank"
    CLASSIFY = "classify"
    GENERATE = "generate"


class Pooling(WordEnum):
    """How token vectors become one vector."""

    MEAN = "mean"
    CLS = "cls"
    LAST = "last"
    MAX = "max"
    MEAN_SQRT_LEN = "mean_sqrt_len"
    WEIGHTED_MEAN = "weighted_mean"
    NONE = "none"


class VectorKind(WordEnum):
    """What a text becomes: a vector, a weight for each token that there is, a vector for each of its own."""

    DENSE = "dense"
    SPARSE = "sparse"
    MULTI = "multi"


class InputType(WordEnum):
    """What a text is that is embedded: neither, something to look for, or something to be found."""

    NONE = "none"
    QUERY = "query"
    DOCUMENT = "document"


class Aggregation(WordEnum):
    """How labels of tokens become spans, as `transformers` does it.

    Each token alone; neighbours with one label; or whole words, with the label of their first token, of the
    mean of their tokens, or of the surest one.
    """

    NONE = "none"
    SIMPLE = "simple"
    FIRST = "first"
    AVERAGE = "average"
    MAX = "max"


class Decoding(WordEnum):
    """How labels of steps become a text: those that repeat are one, and blanks, the first label, are none."""

    CTC = "ctc"


class TooLongAction(WordEnum):
    """What happens to a text with too many tokens: its end is cut off, or the request is refused."""

    TRUNCATE = "truncate"
    ERROR = "error"


class Activation(WordEnum):
    """What makes scores out of a model's numbers; `none` when they are scores already."""

    SOFTMAX = "softmax"
    SIGMOID = "sigmoid"
    NONE = "none"


class ExecutionProvider(WordEnum):
    """A backend inside ONNX Runtime."""

    TENSORRT = "tensorrt"
    CUDA = "cuda"
    CPU = "cpu"


class MissingProviderAction(WordEnum):
    """What happens when ONNX Runtime does not give an execution provider that was asked for."""

    ERROR = "error"
    WARN = "warn"


class GraphOptimization(WordEnum):
    """How much ONNX Runtime rewrites a model before it runs it."""

    NONE = "none"
    BASIC = "basic"
    EXTENDED = "extended"
    ALL = "all"


class Isolation(WordEnum):
    """Where code of one's own runs: in processes, which can be ended, or on threads of the executor"""

    PROCESS = "process"
    THREAD = "thread"


class ToolErrors(WordEnum):
    """What becomes of the error of a function that a model calls: the model is told, or its call fails."""

    TELL = "tell"
    RAISE = "raise"


class SecretSource(WordEnum):
    """Where the executor reads a secret when a plan starts; of the keys of clients, the hash is enough."""

    ENV = "env"
    FILE = "file"
    EXEC = "exec"
    VAULT = "vault"
    AWS_SECRET = "aws_secret"
    GCP_SECRET = "gcp_secret"
    HASH = "hash"

    @property
    def is_fetched(self) -> bool:
        """Whether somebody else has to be asked for it, which takes time."""
        return self in ("exec", "vault", "aws_secret", "gcp_secret")


class IdentityTokenType(WordEnum):
    """What the token of a workload is, as OAuth's token exchange names it."""

    JWT = "jwt"
    ID_TOKEN = "id_token"


class ClientProtocol(WordEnum):
    """The protocols in which clients ask the gateway."""

    OPENAI = "openai"
    ANTHROPIC = "anthropic"
    COHERE = "cohere"
    TEI = "tei"
    OPEN_INFERENCE = "open_inference"
