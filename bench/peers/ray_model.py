"""The tiny model behind Ray Serve: `python ray_model.py MODEL PORT`, at `/tiny`, on a cluster of its own."""

import os
import signal
import sys
from pathlib import Path

# Ray starts processes that have to find `scale`, and its agents ask for a token unless they are told.
BENCH = str(Path(__file__).resolve().parent.parent)
sys.path.insert(0, BENCH)
os.environ |= {"PYTHONPATH": BENCH, "RAY_AUTH_MODE": "disabled"}

import ray  # noqa: E402
from ray import serve  # noqa: E402
from scale import ingress  # noqa: E402

ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
signal.signal(signal.SIGTERM, lambda *_: sys.exit())
serve.start(http_options={"host": "127.0.0.1", "port": int(sys.argv[2])})
serve.run(ingress(sys.argv[1]), name="ingress", route_prefix="/tiny")
signal.pause()
