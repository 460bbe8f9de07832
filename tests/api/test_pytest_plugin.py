"""The fixture `inferc_server`, in a project of somebody else's."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

CHAT = """
param model: text = "gpt-4o"
deployment chat { model = model, runtime openai { api_key = env("NOT_SET_ANYWHERE") } }
"""

TESTS = """
import json
import urllib.request

def ask(server):
    body = json.dumps({"model": "chat", "messages": [{"role": "user", "content": "weather?"}]}).encode()
    with urllib.request.urlopen(f"{server.base_url}/chat/completions", body, timeout=60) as answer:
        return json.load(answer)["choices"][0]["message"]["content"]

def test_it_answers(inferc_server):
    rain = inferc_server("chat.infer", {"answers": [{"when": "weather", "say": "Rain."}]})
    sun = inferc_server("chat.infer", settings={"model": "gpt-5"})
    assert (ask(rain), ask(sun), rain.provider.requests) == ("Rain.", "You said: weather?", 1)
    assert sun.provider.counts()["models"] == {"gpt-5": 1}
"""


def test_a_project_tests_its_file_before_scripted_providers(tmp_path: Path) -> None:
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / "chat.infer").write_text(CHAT)
    (tmp_path / "test_chat.py").write_text(TESTS)
    others = ("cacheprovider", "schemathesis", "asyncio", "anyio", "hypothesispytest", "kmock")
    plugins = [*(f"-pno:{name}" for name in others), "--assert", "plain"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-W", "error", *plugins, str(tmp_path)],
        capture_output=True, text=True, check=False, env=environment, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert "1 passed" in done.stdout
