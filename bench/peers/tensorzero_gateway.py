"""TensorZero's gateway as its own package starts it: `python tensorzero_gateway.py CONFIG` prints its URL."""

import os
import signal
import sys

from openai import OpenAI
from tensorzero import patch_openai_client

client = patch_openai_client(OpenAI(api_key="-"), config_file=sys.argv[1], async_setup=False)
print(client.base_url, flush=True)
signal.sigwait([signal.SIGTERM])
os._exit(0)
