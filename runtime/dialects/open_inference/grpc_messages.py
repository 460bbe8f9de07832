"""The messages of the Open Inference Protocol over gRPC, from their numbers: no generated code, no compiler.

Numbers and types are those of Triton's `grpc_service.proto` and `model_config.proto`.
They stand in a pool of their own, so that a client in the same process may bring the same names.
"""

from __future__ import annotations

from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

PACKAGE = "inference"
SERVICE = f"{PACKAGE}.GRPCInferenceService"

_MESSAGES = """
ServerLiveRequest
ServerLiveResponse: live 1 bool
ServerReadyRequest
ServerReadyResponse: ready 1 bool
ModelReadyRequest: name 1 string, version 2 string
ModelReadyResponse: ready 1 bool
ServerMetadataRequest
ServerMetadataResponse: name 1 string, version 2 string, extensions 3 *string
ModelMetadataRequest: name 1 string, version 2 string
TensorMetadata: name 1 string, datatype 2 string, shape 3 *int64
ModelMetadataResponse: name 1 string, versions 2 *string, platform 3 string,
  inputs 4 *TensorMetadata, outputs 5 *TensorMetadata
InferParameter: bool_param 1 ?bool, int64_param 2 ?int64, string_param 3 ?string,
  double_param 4 ?double, uint64_param 5 ?uint64
InferTensorContents: bool_contents 1 *bool, int_contents 2 *int32, int64_contents 3 *int64,
  uint_contents 4 *uint32, uint64_contents 5 *uint64, fp32_contents 6 *float,
  fp64_contents 7 *double, bytes_contents 8 *bytes
InferInputTensor: name 1 string, datatype 2 string, shape 3 *int64, parameters 4 {InferParameter},
  contents 5 InferTensorContents
InferRequestedOutputTensor: name 1 string, parameters 2 {InferParameter}
ModelInferRequest: model_name 1 string, model_version 2 string, id 3 string,
  parameters 4 {InferParameter}, inputs 5 *InferInputTensor, outputs 6 *InferRequestedOutputTensor,
  raw_input_contents 7 *bytes
InferOutputTensor: name 1 string, datatype 2 string, shape 3 *int64, parameters 4 {InferParameter},
  contents 5 InferTensorContents
ModelInferResponse: model_name 1 string, model_version 2 string, id 3 string,
  parameters 4 {InferParameter}, outputs 5 *InferOutputTensor, raw_output_contents 6 *bytes
ModelStreamInferResponse: error_message 1 string, infer_response 2 ModelInferResponse
ModelConfigRequest: name 1 string, version 2 string
ModelInput: name 1 string, data_type 2 int32, dims 4 *int64
ModelOutput: name 1 string, data_type 2 int32, dims 3 *int64
ModelConfig: name 1 string, platform 2 string, max_batch_size 4 int32, input 5 *ModelInput,
  output 6 *ModelOutput, backend 17 string
ModelConfigResponse: config 1 ModelConfig
ModelStatisticsRequest: name 1 string, version 2 string
StatisticDuration: count 1 uint64, ns 2 uint64
InferStatistics: success 1 StatisticDuration, fail 2 StatisticDuration, queue 3 StatisticDuration,
  compute_input 4 StatisticDuration, compute_infer 5 StatisticDuration,
  compute_output 6 StatisticDuration, cache_hit 7 StatisticDuration, cache_miss 8 StatisticDuration
InferBatchStatistics: batch_size 1 uint64, compute_input 2 StatisticDuration,
  compute_infer 3 StatisticDuration, compute_output 4 StatisticDuration
ModelStatistics: name 1 string, version 2 string, last_inference 3 uint64, inference_count 4 uint64,
  execution_count 5 uint64, inference_stats 6 InferStatistics, batch_stats 7 *InferBatchStatistics
ModelStatisticsResponse: model_stats 1 *ModelStatistics
ModelRepositoryParameter: bool_param 1 ?bool, int64_param 2 ?int64, string_param 3 ?string,
  bytes_param 4 ?bytes
RepositoryIndexRequest: repository_name 1 string, ready 2 bool
ModelIndex: name 1 string, version 2 string, state 3 string, reason 4 string
RepositoryIndexResponse: models 1 *ModelIndex
RepositoryModelLoadRequest: repository_name 1 string, model_name 2 string,
  parameters 3 {ModelRepositoryParameter}
RepositoryModelLoadResponse
RepositoryModelUnloadRequest: repository_name 1 string, model_name 2 string,
  parameters 3 {ModelRepositoryParameter}
RepositoryModelUnloadResponse
"""
"""`*` is repeated, `?` one of several that may be there, `{…}` a map from texts."""

DATA_TYPES = {
    f"TYPE_{name}": number
    for number, name in enumerate(
        (
            *("INVALID", "BOOL", "UINT8", "UINT16", "UINT32", "UINT64", "INT8", "INT16", "INT32", "INT64"),
            *("FP16", "FP32", "FP64", "STRING", "BF16"),
        )
    )
}
"""Triton's numbers of the types of tensors."""

_Field: Any = descriptor_pb2.FieldDescriptorProto
_SCALARS = ("bool", "int32", "int64", "uint32", "uint64", "float", "double", "string", "bytes")


def _made() -> dict[str, Any]:
    file: Any = descriptor_pb2.FileDescriptorProto(name="inferc.proto", package=PACKAGE, syntax="proto3")
    for line in _MESSAGES.strip().replace(",\n", ",").splitlines():
        name, _, fields = line.partition(":")
        message = file.message_type.add(name=name)
        for each in filter(None, fields.split(",")):
            _add(message, *each.split())
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {
        message.name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{PACKAGE}.{message.name}"))
        for message in file.message_type
    }


def _add(message: Any, name: str, number: str, kind: str) -> None:
    field = message.field.add(name=name, number=int(number))
    is_list = kind.startswith(("*", "{"))
    field.label = _Field.LABEL_REPEATED if is_list else _Field.LABEL_OPTIONAL
    if kind.startswith("?"):
        if not message.oneof_decl:
            message.oneof_decl.add(name="parameter_choice")
        field.oneof_index = 0
    inner = kind.strip("*?{}")
    if kind.startswith("{"):
        entry = message.nested_type.add(name="".join(part.title() for part in name.split("_")) + "Entry")
        entry.options.map_entry = True
        _add(entry, "key", "1", "string")
        _add(entry, "value", "2", inner)
        inner = f"{message.name}.{entry.name}"
    if inner in _SCALARS:
        field.type = getattr(_Field, f"TYPE_{inner.upper()}")
    else:
        field.type = _Field.TYPE_MESSAGE
        field.type_name = f".{PACKAGE}.{inner}"


MESSAGES: dict[str, Any] = _made()
"""The classes by name."""
