"""Errors as Cohere writes them. Source: Cohere's API reference (errors)."""

from __future__ import annotations

from typing import Any

from ...requests.errors import RequestError


def write_error(error: RequestError) -> dict[str, Any]:
    """`error` in Cohere's shape."""
    return {"message": error.message}
