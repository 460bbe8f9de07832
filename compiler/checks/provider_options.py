"""The options of execution providers: do they exist, and are they what ONNX Runtime takes?

ONNX Runtime itself says nothing of a wrong option where the provider cannot be loaded.
"""

from __future__ import annotations

from ...dsl.deployment import Deployment
from ...dsl.diagnostics import Diagnostics, Edit, Fix
from ...dsl.kinds import ExecutionProvider, RuntimeKind
from ...dsl.ranges import Range
from ...dsl.runtimes import OrtConfig
from ...dsl.suggest import near, offer
from ...dsl.values import describe
from ..declare import Declared
from ..onnx_model.provider_options import PLACED, Option, fits, options_of, profile_shapes, version
from ..onnx_model.signature import Signature

_TITLES = {ExecutionProvider.CUDA: "CUDA", ExecutionProvider.TENSORRT: "TensorRT"}
_PROFILES = tuple(f"trt_profile_{which}_shapes" for which in ("min", "opt", "max"))


def effective_providers(deployment: Deployment, config: OrtConfig) -> tuple[ExecutionProvider, ...]:
    """The execution providers in order; what is not said follows from the runtime and the GPUs."""
    if config.providers is not None:
        return config.providers
    if deployment.effective_runtime is RuntimeKind.TENSORRT:
        return (ExecutionProvider.TENSORRT, ExecutionProvider.CUDA)
    return (ExecutionProvider.CUDA,) if deployment.gpus else (ExecutionProvider.CPU,)


def check_options(declared: Declared, deployment: Deployment, config: OrtConfig, found: Diagnostics) -> None:
    """Report options that do not exist, that have a wrong value, and blocks that change nothing."""
    asked = effective_providers(deployment, config)
    for provider in _TITLES:
        written: dict[str, object] = getattr(config, provider)
        for name, value in written.items():
            option = options_of(provider).get(name)
            if option is None:
                _unknown(declared, provider, name, found)
            elif not fits(option, value):
                _wrong(declared, provider, name, option, value, found)
        if written and provider not in asked:
            found.warning(
                "W0513",
                f"these options change nothing: the model does not run on {_TITLES[provider]}",
                declared.span("runtime_config", provider),
                f"`providers` is [{', '.join(asked)}]",
                help=f"add `{provider}` to `providers`, or remove the block",
            )


def check_gpus(declared: Declared, deployment: Deployment, config: OrtConfig, found: Diagnostics) -> None:
    """Report GPUs that are reserved and have nothing to do."""
    gpus, providers = deployment.gpus or 0, effective_providers(deployment, config)
    if gpus >= 1 and all(provider is ExecutionProvider.CPU for provider in providers):
        these = "this GPU stays" if gpus == 1 else f"these {gpus} GPUs stay"
        found.warning(
            "W0516",
            f"{these} idle: the model runs on the CPU",
            declared.span("gpus"),
            f"`providers` is [{', '.join(providers)}]",
            help="write `providers = [cuda, cpu]`, or remove `gpus`",
        )
    elif gpus > 1:
        many = _times(deployment.replicas, gpus)
        found.warning(
            "W0516",
            f"{gpus - 1} of {gpus} GPUs stay idle: a replica of an ONNX model runs on one",
            declared.span("gpus"),
            help=f"write `gpus = 1` and `replicas = {many}`, which use all of them",
        )


def check_profiles(declared: Declared, config: OrtConfig, signature: Signature, found: Diagnostics) -> None:
    """Report TensorRT's profile shapes that do not fit the model."""
    tensorrt = options_of(ExecutionProvider.TENSORRT)
    written = {
        name: profile_shapes(str(config.tensorrt[name]))
        for name in _PROFILES
        if name in config.tensorrt and fits(tensorrt[name], config.tensorrt[name])
    }
    for name, shapes in written.items():
        span = declared.span("runtime_config", "tensorrt", name)
        for wanted, shape in shapes.items():
            spec = signature.input(wanted)
            if spec is None:
                hint = offer(near(wanted, (each.name for each in signature.inputs)))
                found.error("E0507", f"the model has no input `{wanted}`", span, help=hint)
            elif spec.shape is not None and len(spec.shape) != len(shape):
                found.error(
                    "E0507", f"this shape of `{wanted}` does not fit", span, f"the model takes {spec}"
                )
    missing = [name for name in _PROFILES if name not in config.tensorrt]
    if written and missing:
        found.error(
            "E0507",
            "a profile needs its smallest, its usual and its largest shapes",
            declared.span("runtime_config", "tensorrt", next(iter(written))),
            f"{' and '.join(f'`{name}`' for name in missing)} missing",
        )


def _unknown(declared: Declared, provider: ExecutionProvider, name: str, found: Diagnostics) -> None:
    setting = declared.setting("runtime_config", provider, name)
    span = setting.name_span if setting is not None else declared.span("runtime_config", provider)
    if name in PLACED:
        advice = "remove it, and say `gpus = 1` in the deployment" if name == "device_id" else "remove it"
        found.error("E0506", f"`{name}` is not set here", span, PLACED[name], help=advice)
        return
    known = list(options_of(provider))
    meant = near(name, known) or near(f"trt_{name}", known)
    fixes = [Fix(f"write `{meant[0]}`", (Edit(span, meant[0]),), safe=False)] if len(meant) == 1 else []
    others = [p for p in _TITLES if p is not provider and name in options_of(p)]
    hint = f"it is an option of {_TITLES[others[0]]}" if others else offer(meant)
    found.error(
        "E0506",
        f"{_TITLES[provider]} has no option `{name}`",
        span,
        f"unknown to ONNX Runtime {version()}",
        help=None if fixes and not others else hint or "`inferc explain E0506` lists them",
        fixes=[] if others else fixes,
    )


def _wrong(
    declared: Declared,
    provider: ExecutionProvider,
    name: str,
    option: Option,
    value: object,
    found: Diagnostics,
) -> None:
    span = declared.span("runtime_config", provider, name)
    meant = near(value, option.choices) if isinstance(value, str) else []
    found.error(
        "E0507",
        f"`{name}` takes {option.expected}",
        span,
        "not one of them" if option.choices else f"found {describe(value)}",
        help=offer(meant),
    )


def _times(replicas: int | Range, factor: int) -> int | Range:
    if isinstance(replicas, Range):
        return Range(replicas.least * factor, replicas.most * factor)
    return replicas * factor
