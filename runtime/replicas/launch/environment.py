"""Which variables of our own environment a launched server gets: what any program needs, and no keys."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping

from ....compiler.plan import RemotePoolPlan, SecretRef, SecretSource

_NAMES = (
    *("PATH", "HOME", "USER", "LOGNAME", "SHELL", "TZ", "TERM", "LANG", "LANGUAGE", "LC_*", "XDG_*"),
    *("TMPDIR", "TEMP", "TMP", "SYSTEMROOT"),
    *("LD_LIBRARY_PATH", "LD_PRELOAD", "DYLD_*", "LIBRARY_PATH", "CPATH"),
    *("PYTHON*", "VIRTUAL_ENV", "CONDA_*"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"),
    *("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"),
    *("CUDA_*", "NVIDIA_*", "NCCL_*", "CUDNN_*", "CUBLAS_*", "TRITON_*", "GPU_*"),
    *("ROCM_*", "ROCR_*", "HIP_*", "HSA_*", "ONEAPI_*", "ZE_*", "SYCL_*"),
    *("OMP_*", "KMP_*", "GOMP_*", "MKL_*", "OPENBLAS_*", "MALLOC_*"),
    *("HF_*", "HUGGINGFACE_*", "TRANSFORMERS_*", "TOKENIZERS_*", "SAFETENSORS_*"),
    *("TORCH*", "PYTORCH_*", "VLLM_*", "MISTRALRS_*", "CANDLE_*", "RAY_*", "RUST_*", "NO_COLOR"),
)
"""What programs, their libraries and the runtimes of models go by; `*` stands for any end, case for none."""

_NEEDED = re.compile("|".join(re.escape(name).replace(r"\*", ".*") for name in _NAMES), re.IGNORECASE)


def server_environment(plan: RemotePoolPlan, named: Iterable[str], keys: frozenset[str]) -> Mapping[str, str]:
    """What the server of `plan` gets of our environment: what any program needs, `named`, and its own keys.

    keys: variables that hold keys; those of others are left out, unless they are named.
    """
    wanted = {*named, *_variables(plan.api_key)}
    return {
        name: value
        for name, value in os.environ.items()
        if name in wanted or (name not in keys and _NEEDED.fullmatch(name))
    }


def _variables(refs: Iterable[SecretRef | None]) -> frozenset[str]:
    return frozenset(ref.name for ref in refs if ref is not None and ref.source is SecretSource.ENV)
