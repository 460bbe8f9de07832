"""The one HTTP endpoint in front of all deployments: OpenAI's API."""

from .app import build_app
from .serve import serve

__all__ = ["build_app", "serve"]
