"""Where the requests of a deployment go, as the plan says it."""

from __future__ import annotations

from pathlib import Path

from inferc.compiler.compile import check_file, compile_checked
from inferc.compiler.plan import AuthScheme, RemotePoolPlan

from ..support.projects import Project
from ..support.rows import each_row

LAUNCHED = "http://127.0.0.1:{port}/v1"


def compiled(folder: Path, runtime: str, model: str = "some-model") -> RemotePoolPlan:
    """The plan of one deployment with this runtime."""
    source = folder / "it.infer"
    source.write_text(f'deployment it {{\n  model = "{model}"\n  runtime {runtime}\n}}\n')
    checked = check_file(source.name, source)
    assert checked.ok, checked.diagnostics
    plan = compile_checked(checked, folder)
    (deployment,) = plan.deployments
    assert isinstance(deployment, RemotePoolPlan)
    return deployment


@each_row(
    ("runtime", "endpoint", "auth"),
    [
        ('openai { api_key = env("K") }', "https://api.openai.com/v1", AuthScheme.BEARER),
        ('anthropic { api_key = env("K") }', "https://api.anthropic.com", AuthScheme.X_API_KEY),
        (
            'gemini { api_key = env("K") }',
            "https://generativelanguage.googleapis.com",
            AuthScheme.X_GOOG_API_KEY,
        ),
        (
            'gemini { project = "p", region = "r" }',
            "https://r-aiplatform.googleapis.com/v1/projects/p/locations/r/publishers/google",
            AuthScheme.GOOGLE_OAUTH,
        ),
        (
            'gemini { project = "p", region = "global" }',
            "https://aiplatform.googleapis.com/v1/projects/p/locations/global/publishers/google",
            AuthScheme.GOOGLE_OAUTH,
        ),
        (
            'gemini { project = "p", region = "eu" }',
            "https://aiplatform.eu.rep.googleapis.com/v1/projects/p/locations/eu/publishers/google",
            AuthScheme.GOOGLE_OAUTH,
        ),
        (
            'anthropic { project = "p", region = "global" }',
            "https://aiplatform.googleapis.com/v1/projects/p/locations/global/publishers/anthropic",
            AuthScheme.GOOGLE_OAUTH,
        ),
        (
            'anthropic { project = "p", region = "us" }',
            "https://aiplatform.us.rep.googleapis.com/v1/projects/p/locations/us/publishers/anthropic",
            AuthScheme.GOOGLE_OAUTH,
        ),
        (
            'anthropic { project = "p", region = "us-east5" }',
            "https://us-east5-aiplatform.googleapis.com/v1/projects/p/locations/us-east5/publishers/anthropic",
            AuthScheme.GOOGLE_OAUTH,
        ),
        (
            'anthropic { project = "p", region = "global", workspace = "wrkspc_1" }',
            "https://claude.googleapis.com/v1/projects/p/locations/global/workspaces/wrkspc_1/invoke",
            AuthScheme.GOOGLE_OAUTH,
        ),
        (
            'openai { azure_resource = "r", azure_deployment = "d", api_key = env("K") }',
            "https://r.openai.azure.com/openai/deployments/d",
            AuthScheme.API_KEY,
        ),
        ('vllm { endpoint = "http://10.0.0.5:8000/v1/" }', "http://10.0.0.5:8000/v1", AuthScheme.BEARER),
    ],
)
def test_each_runtime_has_its_endpoint_and_its_way_to_show_a_key(
    tmp_path: Path, runtime: str, endpoint: str, auth: AuthScheme
) -> None:
    plan = compiled(tmp_path, runtime)
    assert (plan.endpoint, plan.auth) == (endpoint, auth)


@each_row("kind", ["vllm", "mistralrs", "candle", 'python("house.chat:factory")'])
def test_a_launched_server_is_where_its_port_will_be(tmp_path: Path, kind: str) -> None:
    launch = 'launch { command = ["serve", "{port}"], env { GPU = "{replica}" }, restart = false }'
    plan = compiled(tmp_path, f"{kind} {{ {launch} }}")
    assert plan.endpoint == LAUNCHED
    assert plan.launch is not None
    assert plan.launch.command == ("serve", "{port}")
    assert (plan.launch.ready, plan.launch.restart) == ("/health", False)


def test_the_port_may_be_told_by_the_environment(tmp_path: Path) -> None:
    plan = compiled(tmp_path, 'vllm { launch { command = ["serve"], env { PORT = "{port}" } } }')
    assert plan.launch is not None
    assert plan.launch.env == {"PORT": "{port}"}


def test_a_python_factory_needs_neither_endpoint_nor_launch(tmp_path: Path) -> None:
    plan = compiled(tmp_path, 'python("house.chat:factory") {}')
    assert (plan.endpoint, plan.target, plan.launch) == (LAUNCHED, "house.chat:factory", None)


def test_a_python_factory_may_run_elsewhere(tmp_path: Path) -> None:
    plan = compiled(tmp_path, 'python("house.chat:factory") { endpoint = "http://10.0.0.5:9000/v1" }')
    assert plan.endpoint == "http://10.0.0.5:9000/v1"


def test_a_plugin_gets_its_settings_as_they_are(tmp_path: Path) -> None:
    plan = compiled(
        tmp_path, 'custom("parrot") { settings { prefix = "Again: ", times = 2, names = ["a", "b"] } }'
    )
    assert plan.target == "parrot"
    assert plan.settings == {"prefix": "Again: ", "times": 2, "names": ["a", "b"]}


@each_row(
    ("endpoint", "says"),
    [
        ("host/v1", "`host/v1` is no URL"),
        ("ftp://host/v1", "`ftp://host/v1` is no URL"),
        ("https:///v1", "`https:///v1` names no host"),
        ("https://host:port/v1", "`endpoint` is no URL"),
        ("https://[::1/v1", "`endpoint` is no URL"),
        ("https://me:pass-word-1@host/v1", "`endpoint` holds a user name or a password"),
        ("https://pass-word-1@host/v1", "`endpoint` holds a user name or a password"),
        ("me:pass-word-1@host/v1", "`endpoint` holds a user name or a password"),
        ("https://host/v1?key=pass-word-1", "`endpoint` holds a query"),
        ("https://host/v1#pass-word-1", "`endpoint` holds a query"),
    ],
)
def test_what_is_no_base_url_is_an_error_that_shows_no_password(
    tmp_path: Path, endpoint: str, says: str
) -> None:
    project = Project(tmp_path)
    runtime = f'openai_compatible {{ endpoint = "{endpoint}", api_key = env("K") }}'
    [finding] = project.findings(f'deployment it {{ model = "m", runtime {runtime} }}')
    assert finding.code == "E0313"
    assert finding.message.startswith(says)
    assert finding.help is not None
    assert "pass-word-1" not in f"{finding.message} {finding.help}"


def test_no_default_is_more_careful_than_what_is_written_of_the_circuit_that_deployments_share(
    tmp_path: Path,
) -> None:
    def deployment(name: str, runtime: str, **written: str) -> str:
        said = ", ".join(f"{key} = {value}" for key, value in written.items())
        circuit = f", circuit_breaker {{ {said} }}" if said else ""
        return f'deployment {name} {{ model = "m", runtime {runtime} {{ api_key = env("K"){circuit} }} }}'

    source = tmp_path / "it.infer"
    lines = (
        deployment("hasty", "openai", open_duration="3s", failure_threshold="50"),
        deployment("patient", "openai", open_duration="5s"),
        deployment("silent", "openai"),
        deployment("elsewhere", "anthropic"),
    )
    source.write_text("\n".join(lines) + "\n")
    plan = compile_checked(check_file(source.name, source), tmp_path)
    found = {
        each.deployment: (each.circuit_breaker.failure_threshold, float(each.circuit_breaker.open_duration))
        for each in plan.deployments
        if isinstance(each, RemotePoolPlan)
    }
    assert found == {"hasty": (50, 3), "patient": (50, 5), "silent": (50, 5), "elsewhere": (10, 30)}
