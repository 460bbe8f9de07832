"""The tiny model behind PyTriton: `python pytriton_model.py MODEL HTTP GRPC METRICS`, three ports."""

import sys

import numpy
import onnxruntime
from pytriton.decorators import batch
from pytriton.model_config import ModelConfig, Tensor
from pytriton.triton import Triton, TritonConfig

model, http, grpc, metrics = sys.argv[1], *map(int, sys.argv[2:])
session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])


@batch
def infer(x):
    return {"y": session.run(None, {"x": x})[0]}


config = TritonConfig(http_address="127.0.0.1", http_port=http, grpc_port=grpc, metrics_port=metrics)
with Triton(config=config) as triton:
    triton.bind(
        model_name="tiny",
        infer_func=infer,
        inputs=[Tensor(name="x", dtype=numpy.float32, shape=(4,))],
        outputs=[Tensor(name="y", dtype=numpy.float32, shape=(3,))],
        config=ModelConfig(max_batch_size=64),
    )
    triton.serve()
