"""Keys for people on a real Redis server: made on one machine, accepted and revoked on all."""

from __future__ import annotations

from pathlib import Path

import pytest

from inferc.cli.main import main
from inferc.compiler.plan import KeyPlan
from inferc.runtime.gateway.auth.callers import Held, Keys, Shown
from inferc.runtime.issued_keys.file import BrokenKeys
from inferc.runtime.issued_keys.redis import SharedKeys
from inferc.runtime.limits.store import open_store
from inferc.runtime.requests.errors import StartError, Unauthorized

from ..support.redis_server import RedisServer

FILE = """
deployment gpt { model = "gpt-4o-mini", runtime openai { api_key = env("OPENAI_API_KEY") } }
gateway { key team { models = [gpt] } }
"""


@pytest.fixture
def file(tmp_path: Path, socket_folder: Path) -> str:
    path = tmp_path / "shop.infer"
    path.write_text(FILE)
    return str(path)


def machine(url: str, folder: Path) -> Keys:
    """What a gateway on another machine accepts."""
    return Keys([KeyPlan("team", ())], folder, shared=SharedKeys(url, "shop"))


async def test_a_key_is_accepted_on_every_machine_until_it_is_revoked(
    redis: RedisServer, file: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    machines = [machine(redis.url, tmp_path / name) for name in ("one", "other")]
    for each in machines:
        await each.refresh()
    at = ("--state", redis.url)
    assert main(["key", "new", file, "team", "--person", "ada", *at]) == 0
    secret = capsys.readouterr().out.strip()
    for each in machines:
        assert each.find(Shown(secret)) is None
        await each.refresh()
        assert each.find(Shown(secret)) == Held("team", None, "ada")
    assert main(["key", "list", file, *at]) == 0
    listed = capsys.readouterr().out
    assert "ada" in listed
    assert main(["key", "list", file]) == 0
    assert "there are none" in capsys.readouterr().out, "beside the file"
    name = listed.splitlines()[1].split()[0]
    assert main(["key", "rotate", file, name, "--overlap", "1h", *at]) == 0
    fresh = capsys.readouterr().out.strip()
    assert main(["key", "revoke", file, name, *at]) == 0
    for each in machines:
        await each.refresh()
        with pytest.raises(Unauthorized, match="of ada has expired"):
            each.find(Shown(secret))
        assert each.find(Shown(fresh)) == Held("team", None, "ada")
    assert main(["key", "revoke", file, "nope", *at]) == 1
    assert "there is no key with the id nope" in capsys.readouterr().err


async def test_keys_stay_in_use_while_the_server_is_away_also_at_the_start(
    redis: RedisServer, file: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["key", "new", file, "team", "--state", redis.url]) == 0
    secret = capsys.readouterr().out.strip()
    keys = machine(redis.url, tmp_path)
    await keys.refresh()
    redis.stop()
    await keys.refresh()
    assert keys.find(Shown(secret)) == Held("team")
    late = machine(redis.url, tmp_path)
    await late.refresh()
    assert late.find(Shown(secret)) is None
    assert main(["key", "list", file, "--state", redis.url]) == 1
    assert "error: the Redis server of the keys cannot be used" in capsys.readouterr().err
    redis.start()
    await late.refresh()
    assert late.find(Shown(secret)) is None, "a server that keeps nothing has forgotten it"


def test_what_is_no_list_of_keys_is_said(redis: RedisServer, file: str) -> None:
    shared = SharedKeys(redis.url, "shop")
    shared._client.set("inferc:keys:{shop}", "nonsense")
    with pytest.raises(BrokenKeys, match="the Redis server holds no keys"):
        shared.read()
    assert main(["key", "list", file, "--state", "/tmp/state"]) == 1
    assert main(["key", "list", file, "--state", "redis://h:port/"]) == 1


def test_a_server_that_refuses_to_keep_a_key_is_said_without_the_keys(
    redis: RedisServer, file: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["key", "new", file, "team", "--person", "ada", "--state", redis.url]) == 0
    redis.command("REPLICAOF", "127.0.0.1", "9")
    capsys.readouterr()
    assert main(["key", "new", file, "team", "--state", redis.url]) == 1
    assert capsys.readouterr().err == (
        "error: the Redis server of the keys cannot be used: You can't write against a read only replica\n"
    )


def test_an_answer_of_no_redis_server_is_said(redis: RedisServer) -> None:
    shared = SharedKeys(redis.url, "shop")
    shared._client.set_response_callback("STRLEN", lambda _: "nonsense")
    with pytest.raises(BrokenKeys, match="it answers as no Redis server does"):
        shared.read()


def test_an_option_of_the_url_that_is_none_is_said(redis: RedisServer) -> None:
    url = f"{redis.url}?color=red"
    with pytest.raises(BrokenKeys, match="its URL has an option that is none: 'color'"):
        SharedKeys(url, "shop")
    with pytest.raises(StartError, match=f"{redis.url}: its URL has an option that is none: 'color'"):
        open_store(url)


@pytest.mark.parametrize(
    "login",
    [":12/34", ":12?34", ":12?3=4", ":12#34", ":1[2", ":secret/34", "ada:12/34", "ada:12?34"],
)
def test_a_password_whose_signs_are_not_quoted_is_never_shown(login: str) -> None:
    url = f"redis://{login}@localhost:6379/0"
    with pytest.raises(BrokenKeys, match=r"its URL cannot be read: .*`%2F` for a `/`") as keys:
        SharedKeys(url, "shop")
    with pytest.raises(StartError, match=r"the state at redis://…: its URL cannot be read") as state:
        open_store(url)
    for said in (str(keys.value), str(state.value)):
        assert not any(part in said for part in ("12", "34", "secret", "ada"))


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("redis://:p%2Fw@host:1/2?password=a@b", "redis://host:1/2"),
        ("redis://:6379", "redis://:6379"),
        ("unix://:pw@/run/redis.sock?password=a@b", "unix:///run/redis.sock"),
    ],
)
def test_of_the_place_of_a_state_all_but_the_password_is_shown(url: str, said: str) -> None:
    assert open_store(url).where == said


@pytest.mark.parametrize("option", ["encoding=utf-88", "protocol=9", "retry=3", "ssl_cert_reqs=perhaps"])
def test_a_value_of_an_option_of_the_url_that_is_none_is_said_to_be(option: str) -> None:
    with pytest.raises(StartError, match="an option of its URL has a value that is none"):
        open_store(f"rediss://localhost/0?{option}")


@pytest.mark.parametrize("option", ["ssl_ca_certs", "ssl_certfile", "ssl_keyfile"])
def test_a_file_of_the_url_that_is_not_there_is_named(option: str) -> None:
    with pytest.raises(StartError, match=f"its `{option}` names /nowhere/x.pem, which cannot be read"):
        open_store(f"rediss://localhost/0?{option}=/nowhere/x.pem")
