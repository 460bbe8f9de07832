"""The ONNX parts of a plan: a local deployment's settings → what the executor needs of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs

from ...dsl.deployment import Deployment
from ...dsl.kinds import ExecutionProvider
from ...dsl.runtimes import OrtConfig, SessionOptions
from ...dsl.tasks import ClassifyTask, EmbedTask, GenerateTask, RerankTask
from ..checks.provider_options import effective_providers
from ..declare import Declared
from ..onnx_model.labels import read_labels
from ..onnx_model.provider_options import as_text, options_of
from ..onnx_model.reader import read_model
from ..onnx_model.warm_up import warm_up_shapes
from ..onnx_model.work import is_settled
from ..plan import ClassifySpec, EmbedSpec, FileRef, GenerateSpec, ProviderSpec, RerankSpec, TaskSpec
from .pinned import Pinner

_CONFIG = "runtime_config"


def onnx_fields(declared: Declared, deployment: Deployment, pinner: Pinner) -> dict[str, Any]:
    """What an `OnnxServingPlan` says beyond what all plans say."""
    config = deployment.effective_config
    assert isinstance(config, OrtConfig)
    path = declared.file(deployment.model, "model")
    model = read_model(path)
    return {
        "model": pinner.pin(path),
        "providers": tuple(
            _provider(name, declared, config, pinner) for name in effective_providers(deployment, config)
        ),
        "on_missing_provider": config.on_missing_provider,
        "session": _session(declared, config.session, pinner),
        "batching": config.batching,
        "task": _task(declared, deployment, pinner),
        "signature": model.signature,
        "external_data": tuple(pinner.pin(path.parent / each.location) for each in model.external),
        "warm_up": warm_up_shapes(config.warm_up, model.signature),
        "share_weights": config.share_weights,
        "settled_work": not config.custom_ops and is_settled(path),
        "custom_ops": tuple(
            pinner.pin(declared.file(each, _CONFIG, "custom_ops")) for each in config.custom_ops
        ),
    }


def _provider(name: ExecutionProvider, declared: Declared, config: OrtConfig, pinner: Pinner) -> ProviderSpec:
    written: dict[str, object] = {} if name is ExecutionProvider.CPU else getattr(config, name)
    options: dict[str, str] = {}
    paths: dict[str, str] = {}
    for option, value in written.items():
        told = options_of(name)[option]
        if told.type == "path":
            paths[option] = pinner.relative(declared.file(str(value), _CONFIG, name, option))
        else:
            options[option] = as_text(told, value)
    return ProviderSpec(name, options, paths)


def _session(declared: Declared, session: SessionOptions, pinner: Pinner) -> SessionOptions:
    if session.optimized_model_cache is None:
        return session
    folder = declared.file(session.optimized_model_cache, _CONFIG, "session", "optimized_model_cache")
    return attrs.evolve(session, optimized_model_cache=pinner.relative(folder))


def _task(declared: Declared, deployment: Deployment, pinner: Pinner) -> TaskSpec:
    def path_of(name: str, written: str) -> Path:
        return declared.file(written, "task", name)

    def pin(name: str) -> FileRef | None:
        written = getattr(deployment.task, name)
        return None if written is None else pinner.pin(path_of(name, written))

    def tokenizer() -> FileRef:
        pinned = pin("tokenizer")
        assert pinned is not None
        return pinned

    match deployment.task:
        case EmbedTask() as task:
            return EmbedSpec(
                tokenizer=tokenizer(),
                pooling=task.pooling,
                normalize=task.normalize,
                max_length=task.max_length,
                on_too_long=task.on_too_long,
                dimensions=task.dimensions,
                vectors=task.vectors,
                query_prompt=task.query_prompt,
                document_prompt=task.document_prompt,
                input_type=task.input_type,
                query_length=task.query_length,
                attends_expansion=task.attends_expansion,
            )
        case RerankTask() as task:
            return RerankSpec(tokenizer=tokenizer(), max_length=task.max_length, activation=task.activation)
        case ClassifyTask() as task:
            names: tuple[str, ...] = ()
            if task.labels is not None:
                names = task.labels.names
                if task.labels.file is not None:
                    names = read_labels(path_of("labels", task.labels.file))
            return ClassifySpec(
                tokenizer=pin("tokenizer"),
                max_length=task.max_length,
                labels=names,
                activation=task.activation,
                top_k=task.top_k,
                aggregation=task.aggregation,
                decoding=task.decoding,
            )
        case GenerateTask() as task:
            return GenerateSpec(
                tokenizer=tokenizer(),
                chat_template=pin("chat_template"),
                encoder=pin("encoder"),
                decoder_start=task.decoder_start,
                max_length=task.max_length,
                max_new_tokens=task.max_new_tokens,
                temperature=task.temperature,
                top_k=task.top_k,
                top_p=task.top_p,
                stop=task.stop,
                eos=task.eos,
            )
        case _:
            return TaskSpec(kind=deployment.effective_task)
