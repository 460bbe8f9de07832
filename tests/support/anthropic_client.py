"""Anthropic's own client of a server on this machine."""

from __future__ import annotations

import anthropic


def anthropic_client(url: str, key: str = "any") -> anthropic.AsyncAnthropic:
    """A client that tries nothing twice, and does not read all certificates of the system first."""
    http = anthropic.DefaultAsyncHttpxClient(verify=False)
    return anthropic.AsyncAnthropic(base_url=url, api_key=key, max_retries=0, http_client=http)
