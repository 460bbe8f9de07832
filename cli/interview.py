"""What `inferc init` asks at a terminal. Every question has an answer that Enter gives."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping

from ..dsl.catalogues.presets import PRESETS
from ..dsl.kinds import RuntimeKind
from ..dsl.record import frozen
from .output import harmless

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_MODEL = re.compile(r"[\w./:@+~-]+")
_WRITTEN_MODEL = 'model = "gpt-4o-mini"'
_WRITTEN_RUNTIME = "runtime openai {"
_WRITTEN_KEY = 'env("OPENAI_API_KEY")'
_ONE_PROVIDER = ("chat", "classify")
"""Templates whose only provider may be another one."""


@frozen
class Provider:
    """model: to begin with. key: the variable in which its key customarily is; None: it wants none."""

    model: str
    key: str | None


_MODELS = {
    RuntimeKind.GROQ: "openai/gpt-oss-120b",
    RuntimeKind.MISTRAL: "mistral-small-latest",
    RuntimeKind.DEEPSEEK: "deepseek-flash",
    RuntimeKind.OPENROUTER: "openai/gpt-4o-mini",
}
PROVIDERS: dict[str, Provider] = {
    "openai": Provider("gpt-4o-mini", "OPENAI_API_KEY"),
    "anthropic": Provider("claude-sonnet-5-5", "ANTHROPIC_API_KEY"),
    "gemini": Provider("gemini-3.5-flash", "GEMINI_API_KEY"),
} | {kind.value: Provider(model, PRESETS[kind].key) for kind, model in _MODELS.items()}


def is_asked() -> bool:
    """Whether somebody sits at a terminal who can be asked."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def template_of(templates: Mapping[str, str]) -> str:
    """Which template it is to be."""
    width = max(map(len, templates))
    for name, text in templates.items():
        print(f"  {name.ljust(width)}  {text}", file=sys.stderr)
    return _asked("Template", "chat", templates.__contains__, f"one of {', '.join(templates)}")


def filled(template: str, text: str) -> str:
    """`text` of `template`, with the provider, the model and the key that are wanted."""
    if template not in _ONE_PROVIDER:
        return text
    listed = f"one of {', '.join(PROVIDERS)}"
    name = _asked(f"Provider ({', '.join(PROVIDERS)})", "openai", PROVIDERS.__contains__, listed)
    provider = PROVIDERS[name]
    model = _asked("Model", provider.model, _fits(_MODEL), "a name such as " + provider.model)
    text = text.replace(_WRITTEN_MODEL, f'model = "{model}"')
    text = text.replace(_WRITTEN_RUNTIME, f"runtime {name} {{")
    if provider.key is not None:
        rule = f"the name of a variable, such as {provider.key}, never the key itself"
        key = _asked("Environment variable with the key", provider.key, _fits(_VARIABLE), rule)
        text = text.replace(_WRITTEN_KEY, f'env("{key}")')
    return text


def _fits(pattern: re.Pattern[str]) -> Callable[[str], bool]:
    return lambda answer: pattern.fullmatch(answer) is not None and len(answer) <= 200


def _asked(question: str, usual: str, fits: Callable[[str], bool], rule: str) -> str:
    """An answer that fits; nothing but Enter, and the end of the input, mean the usual one."""
    while True:
        print(f"{question} [{usual}]: ", end="", file=sys.stderr, flush=True)
        answer = sys.stdin.readline()
        if not answer:
            print(file=sys.stderr)
            return usual
        answer = answer.strip() or usual
        if fits(answer):
            return answer
        print(harmless(f"  that is not {rule}"), file=sys.stderr)
