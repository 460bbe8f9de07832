"""llama.cpp's own HTTP server, which the package xllamacpp carries as a library: started and kept running.

python serve_llamacpp.py FILE PORT [--embeddings]
"""

from __future__ import annotations

import signal
import sys

import xllamacpp


def main(path: str, port: int, *, embeddings: bool) -> None:
    options = xllamacpp.CommonParams()
    options.model.path = path
    options.hostnames = ["127.0.0.1"]
    options.port = port
    options.n_ctx = 4096
    options.ctx_shift = True  # so that an answer without an end has none
    options.n_parallel = 2
    options.kv_unified = False
    options.cpuparams.n_threads = options.cpuparams_batch.n_threads = 1
    options.n_threads_http = 4
    options.warmup = False
    if embeddings:
        options.embedding = True
        options.pooling_type = xllamacpp.llama_pooling_type.LLAMA_POOLING_TYPE_MEAN
    server = xllamacpp.Server(options)
    print(f"llama.cpp serves {path} at {server.listening_address}", flush=True)
    signal.sigwait({signal.SIGTERM, signal.SIGINT})


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), embeddings="--embeddings" in sys.argv)
