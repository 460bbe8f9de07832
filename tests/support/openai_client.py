"""OpenAI's own client of a server on this machine."""

from __future__ import annotations

import openai


def openai_client(url: str, key: str = "any") -> openai.AsyncOpenAI:
    """A client that tries nothing twice, and does not read all certificates of the system first."""
    http = openai.DefaultAsyncHttpxClient(verify=False)
    return openai.AsyncOpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0, http_client=http)
