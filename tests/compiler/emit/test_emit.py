"""What is written for platforms: complete, safe whatever the file holds, and nothing that cannot work."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from inferc.compiler.emit import TARGETS, EmitError
from inferc.compiler.emit.prometheus import alerts
from inferc.compiler.emit.quoting import promql_literal
from inferc.compiler.plan.codec import load_plan

from ...support.projects import Project
from ...support.rows import each_row
from .conftest import FILE, HOSTILE, RANGE, Emit, written, yaml_of


def documents(files: dict[str, str]) -> list[dict[str, Any]]:
    return [each for name, text in files.items() if name.endswith(".yaml") for each in yaml_of(text)]


def of_kind(files: dict[str, str], kind: str) -> dict[str, Any]:
    return {each["metadata"]["name"]: each for each in documents(files) if each.get("kind") == kind}


def containers(files: dict[str, str]) -> dict[str, Any]:
    deployments = of_kind(files, "Deployment")
    return {name: each["spec"]["template"]["spec"]["containers"][0] for name, each in deployments.items()}


def test_every_model_that_the_file_runs_has_a_deployment_beside_the_gateway(emitted: Emit) -> None:
    files = emitted("kubernetes")
    deployments = of_kind(files, "Deployment")
    assert set(deployments) == {"prod-gateway", "llama", "digits-model"}
    llama = deployments["llama"]["spec"]
    assert llama["replicas"] == 3
    assert containers(files)["llama"]["resources"]["limits"]["nvidia.com/gpu"] == 1
    assert "replicas" not in deployments["prod-gateway"]["spec"]  # the autoscaler's
    scaler = of_kind(files, "HorizontalPodAutoscaler")["prod-gateway"]["spec"]
    assert (scaler["minReplicas"], scaler["maxReplicas"]) == (2, 10)
    disruption = of_kind(files, "PodDisruptionBudget")["llama"]["spec"]
    assert disruption["unhealthyPodEvictionPolicy"] == "AlwaysAllow"


def test_models_follow_the_load_between_the_numbers_of_the_file(emitted: Emit) -> None:
    files = emitted("kubernetes", RANGE)
    assert "replicas" not in of_kind(files, "Deployment")["llama"]["spec"]
    scaler = of_kind(files, "HorizontalPodAutoscaler")["llama"]["spec"]
    assert (scaler["minReplicas"], scaler["maxReplicas"]) == (2, 4)
    [metric] = scaler["metrics"]
    assert metric["pods"]["target"]["averageValue"] == "16"
    assert scaler["behavior"]["scaleDown"]["stabilizationWindowSeconds"] == 600
    [rule] = yaml_of(files["optional/adapter.values.yaml"])[0]["rules"]["custom"]
    assert rule["name"]["as"] == metric["pods"]["metric"]["name"]
    keda = of_kind(emitted("kubernetes", RANGE, scaler="keda"), "ScaledObject")["llama"]["spec"]
    assert (keda["minReplicaCount"], keda["maxReplicaCount"]) == (2, 4)
    assert keda["triggers"][0]["metadata"]["threshold"] == "16"


def test_kserve_leaves_scaling_to_the_same_rules(emitted: Emit) -> None:
    files = emitted("kserve", RANGE)
    service = of_kind(files, "InferenceService")["llama"]
    assert service["metadata"]["annotations"]["serving.kserve.io/autoscalerClass"] == "external"
    assert service["spec"]["predictor"]["maxReplicas"] == 4
    target = of_kind(files, "HorizontalPodAutoscaler")["llama"]["spec"]["scaleTargetRef"]
    assert target["name"] == "llama-predictor"


def test_a_range_needs_what_follows_the_load(emitted: Emit) -> None:
    with pytest.raises(
        EmitError, match="`llama` has 2 to 4 replicas, and with `--scaler none` nothing adds any"
    ):
        emitted("kubernetes", RANGE, scaler="none")
    services = yaml_of(emitted("compose", RANGE)["compose.yaml"])[0]["services"]
    assert services["llama"]["deploy"]["replicas"] == 2


def test_the_gateway_asks_the_models_where_they_are_and_keeps_the_policies(
    emitted: Emit, tmp_path: Path
) -> None:
    configs = of_kind(emitted("kubernetes"), "ConfigMap")
    (tmp_path / "gateway.json").write_text(configs["prod-gateway-plan"]["data"]["prod.plan.json"])
    gateway = {each.deployment: each for each in load_plan(tmp_path / "gateway.json").deployments}
    assert gateway["llama"].endpoint == "http://llama.default.svc.cluster.local:8080/v1"
    assert gateway["llama"].launch is None
    assert gateway["llama"].model == "llama"
    assert gateway["digits_model"].endpoint == "http://digits-model.default.svc.cluster.local:8080/v1"
    assert gateway["gpt"].budget is not None
    (tmp_path / "llama.json").write_text(configs["llama-plan"]["data"]["llama.plan.json"])
    [llama] = load_plan(tmp_path / "llama.json").deployments
    assert llama.launch is not None
    assert llama.retry.max_retries == 0
    assert [each.gpu_indices for each in llama.replicas] == [(0,)]


def test_a_chart_finds_its_models_in_the_namespace_that_it_is_installed_in(emitted: Emit) -> None:
    plan = json.loads(emitted("helm")["plans/prod.plan.json"])
    assert "http://llama:8080/v1" in [each["endpoint"] for each in plan["deployments"]]


def test_a_pod_has_the_time_and_the_rights_it_needs_and_no_more(emitted: Emit) -> None:
    files = emitted("kubernetes")
    for name, each in of_kind(files, "Deployment").items():
        pod = each["spec"]["template"]["spec"]
        [container] = pod["containers"]
        grace = next(a for a in container["args"] if a.startswith("--grace="))
        seconds = int(grace.removeprefix("--grace=").removesuffix("s"))
        wait = container["lifecycle"]["preStop"]["sleep"]["seconds"]
        assert pod["terminationGracePeriodSeconds"] > wait + seconds
        assert not pod["automountServiceAccountToken"]
        assert pod["securityContext"]["runAsNonRoot"]
        assert container["securityContext"]["readOnlyRootFilesystem"]
        assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
        assert container["livenessProbe"]["httpGet"]["path"] == "/livez"
        assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"
        start = container["startupProbe"]
        for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
            assert (
                container[probe]["timeoutSeconds"] >= 3
            )  # the second that is usual is short where all is busy
        least = 900 if name == "llama" else 60
        assert start["periodSeconds"] * start["failureThreshold"] >= least
    longest = of_kind(files, "Deployment")["prod-gateway"]["spec"]["template"]["spec"]
    assert longest["terminationGracePeriodSeconds"] > 1800  # the longest answer of a provider


def test_a_ray_service_has_a_group_of_nodes_for_each_model_and_one_for_gateways(emitted: Emit) -> None:
    files = emitted("rayservice", RANGE, gateways=3)
    service = of_kind(files, "RayService")["prod"]["spec"]
    config = yaml_of(service["serveConfigV2"])[0]
    assert config["proxy_location"] == "Disabled"
    runs = {each["name"]: each["args"] for each in config["applications"]}
    assert set(runs) == {"prod.llama", "prod.digits-model", "prod..gateways"}
    assert runs["prod..gateways"]["count"] == 3
    assert runs["prod.digits-model"]["deployment"] == "digits_model"
    cluster = service["rayClusterConfig"]
    assert cluster["enableInTreeAutoscaling"]
    groups = {each["groupName"]: each for each in cluster["workerGroupSpecs"]}
    assert {name: (each["minReplicas"], each["maxReplicas"]) for name, each in groups.items()} == {
        "gateways": (3, 3),
        "llama": (2, 4),
        "digits-model": (1, 1),
    }
    for name, arguments in runs.items():
        group = groups[name.partition(".")[2].lstrip(".")]
        assert json.loads(group["rayStartParams"]["resources"].strip("'")) == {arguments["resource"]: 1}
    [model] = groups["llama"]["template"]["spec"]["containers"]
    assert model["resources"]["limits"]["nvidia.com/gpu"] == 1
    [gateway] = groups["gateways"]["template"]["spec"]["containers"]
    assert gateway["readinessProbe"]["httpGet"] == {"path": "/readyz", "port": "http"}
    pod = groups["gateways"]["template"]["metadata"]["labels"]
    assert of_kind(files, "Service")["prod-gateway"]["spec"]["selector"].items() <= pod.items()
    for each in (cluster["headGroupSpec"], *groups.values()):  # any of them may run any part
        [container] = each["template"]["spec"]["containers"]
        assert {"OPENAI_API_KEY", "TOKEN", "INFERC_STATE"} <= {name["name"] for name in container["env"]}


def test_secrets_are_named_and_never_written(emitted: Emit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-this-is-secret")
    for target in TARGETS:
        assert "this-is-secret" not in "".join(emitted(target).values())
    gateway = containers(emitted("kubernetes"))["prod-gateway"]
    refs = {each["name"]: each.get("valueFrom") for each in gateway["env"]}
    assert refs["OPENAI_API_KEY"] == {"secretKeyRef": {"name": "prod-secrets", "key": "OPENAI_API_KEY"}}
    assert refs["MODELS_URL"]["configMapKeyRef"]["optional"]
    assert "--state=$(INFERC_STATE)" in gateway["args"]
    [mount] = [each for each in gateway["volumeMounts"] if each["name"] == "secret-files"]
    assert mount == {
        "name": "secret-files",
        "mountPath": "/run/secrets/second key",
        "subPath": "0-second-key",
        "readOnly": True,
    }
    others = [each for name, each in containers(emitted("kubernetes")).items() if name != "prod-gateway"]
    given = {
        each["name"]: each["valueFrom"] for other in others for each in other["env"] if "value" not in each
    }
    assert given == {
        "HF_TOKEN": {"secretKeyRef": {"name": "prod-secrets", "key": "HF_TOKEN", "optional": True}}
    }


IDENTITY = """
deployment claude {
  model = "claude-sonnet-5-5"
  runtime anthropic {
    identity {
      token = file("/var/run/secrets/anthropic/token")
      federation_rule = "fdrl_1"
      organization = "o"
      service_account = "svac_1"
      audience = "a: \\"b"
    }
  }
}
"""


@each_row("target", ["kubernetes", "rayservice"])
def test_kubernetes_itself_makes_the_token_of_an_identity(emitted: Emit, target: str) -> None:
    files = emitted(target, FILE + IDENTITY)
    if target == "kubernetes":
        pod = of_kind(files, "Deployment")["prod-gateway"]["spec"]["template"]["spec"]
    else:
        cluster = of_kind(files, "RayService")["prod"]["spec"]["rayClusterConfig"]
        pod = cluster["headGroupSpec"]["template"]["spec"]
    [mount] = [each for each in pod["containers"][0]["volumeMounts"] if "/var/run" in each["mountPath"]]
    assert mount == {"name": "tokens-0", "mountPath": "/var/run/secrets/anthropic", "readOnly": True}
    [volume] = [each for each in pod["volumes"] if each["name"] == "tokens-0"]
    token = {"path": "token", "audience": 'a: "b', "expirationSeconds": 3600}
    assert volume["projected"] == {"sources": [{"serviceAccountToken": token}]}


def test_the_network_lets_through_what_the_file_names(emitted: Emit) -> None:
    text = FILE.replace('env("MODELS_URL", "https://api.openai.com/v1")', '"https://api.openai.com/v1"')
    policies = of_kind(emitted("kubernetes", text), "NetworkPolicy")
    ports = [port["port"] for rule in policies["prod-gateway"]["spec"]["egress"] for port in rule["ports"]]
    assert ports == [53, 53, 8080, 8080, 6379, 6380, 443]
    [ingress] = policies["llama"]["spec"]["ingress"]
    assert ingress["from"][0]["podSelector"]["matchLabels"]["app.kubernetes.io/name"] == "prod-gateway"


@each_row(
    "change",
    [
        ("gpt-4o-mini", "gpt-4o-mini"),  # whose endpoint the environment names
        ('env("OPENAI_API_KEY")', 'vault("secret/openai#key")'),
        (
            "route chat",
            'deployment c { model = "claude-opus-4-7", runtime bedrock { region = "r" } }\nroute chat',
        ),
    ],
)
def test_where_only_the_environment_says_where_requests_go_they_may_go_anywhere(
    emitted: Emit, change: tuple[str, str]
) -> None:
    text = FILE.replace('env("MODELS_URL", "https://api.openai.com/v1")', '"https://api.openai.com/v1"')
    files = emitted("kubernetes", FILE if change[0] == change[1] else text.replace(*change))
    assert {} in of_kind(files, "NetworkPolicy")["prod-gateway"]["spec"]["egress"]


def test_a_gateway_listens_where_it_may_and_is_found_where_the_file_says(emitted: Emit) -> None:
    tls = 'tls { cert = file("tls/c.pem"), key = file("tls/k.pem") }'
    text = FILE.replace('bind = "0.0.0.0:8080"', f'bind = "0.0.0.0:443"\n  {tls}')
    files = emitted("kubernetes", text)
    gateway = containers(files)["prod-gateway"]
    assert [each["containerPort"] for each in gateway["ports"]] == [8080]
    assert [each["port"] for each in of_kind(files, "Service")["prod-gateway"]["spec"]["ports"]] == [443]
    assert gateway["readinessProbe"]["httpGet"]["scheme"] == "HTTPS"
    assert {each["mountPath"] for each in gateway["volumeMounts"]} > {"/srv/infer/tls/c.pem"}
    services = yaml_of(emitted("compose", text)["compose.yaml"])[0]["services"]
    assert services["gateway"]["ports"] == ["443:8080"]


def test_a_port_for_grpc_is_reached_too(emitted: Emit) -> None:
    text = FILE.replace('bind = "0.0.0.0:8080"', 'bind = "0.0.0.0:8080", grpc = "127.0.0.1:9001"')
    files = emitted("kubernetes", text)
    assert [each["port"] for each in of_kind(files, "Service")["prod-gateway"]["spec"]["ports"]] == [
        8080,
        9001,
    ]
    plan = json.loads(of_kind(files, "ConfigMap")["prod-gateway-plan"]["data"]["prod.plan.json"])
    assert plan["gateway"]["grpc"] == "0.0.0.0:9001"
    [ingress] = of_kind(files, "NetworkPolicy")["prod-gateway"]["spec"]["ingress"]
    assert [each["port"] for each in ingress["ports"]] == ["http", "grpc"]


def test_workers_that_share_nothing_with_others_have_a_folder_that_they_may_write(emitted: Emit) -> None:
    text = 'deployment gpt { model = "gpt-4o", runtime openai { api_key = env("K") } }\n'
    text += "gateway { auth = none, workers = 2 }\n"
    gateway = containers(emitted("kubernetes", text))["prod-gateway"]
    assert [each for each in gateway["args"] if each.startswith("--state")] == ["--state=/tmp/inferc-state"]
    assert gateway["resources"]["requests"]["cpu"] == 2


def test_a_budget_that_only_warns_is_counted_once_for_all_gateways(emitted: Emit) -> None:
    text = FILE.replace("on_exceeded = reject", "on_exceeded = warn")
    arguments = containers(emitted("kubernetes", text))["prod-gateway"]["args"]
    assert {"--state=$(INFERC_STATE)", "--shared"} <= set(arguments)


def test_an_image_holds_the_code_and_the_extras_that_a_file_needs(emitted: Emit) -> None:
    text = (
        FILE
        + 'extern f(x: text) -> text = python("my.code:f")\npipeline p(x: text) -> text { return f(x) }\n'
    )
    text = text.replace('env("OPENAI_API_KEY")', 'vault("secret/openai#key")')
    made = emitted("dockerfile", text, code=("my",))["Dockerfile"]
    assert 'COPY ["my", "/srv/infer/my"]' in made
    assert "inferc[cpu,fast,pipelines,redis,vault]" in made
    assert "has to be in the lock file, too: vllm." in made


@each_row("target", TARGETS)
def test_the_same_plan_gives_the_same_bytes(emitted: Emit, target: str) -> None:
    assert emitted(target) == emitted(target, f"{FILE}\n"), "its plan is made again"


@each_row("target", ["kubernetes", "kserve", "rayservice", "compose", "helm"])
def test_whatever_a_file_holds_stays_awritten(emitted: Emit, target: str) -> None:
    text = FILE.replace('"gpt-4o-mini"', written(HOSTILE)).replace('"--port"', written(HOSTILE))
    files = emitted(target, text)
    if target == "helm":
        templates = {name: each for name, each in files.items() if name.startswith("templates/")}
        files |= {name: _as_helm_would(each, files) for name, each in templates.items()}
    plans = [text for name, text in files.items() if name.startswith("plans/")]
    for config in of_kind(files, "ConfigMap").values():
        plans += config["data"].values()
    deployments = [each for plan in plans for each in json.loads(plan)["deployments"]]
    assert HOSTILE in {each["model"] for each in deployments if each["kind"] == "remote_pool"}
    assert any(HOSTILE in each["launch"]["command"] for each in deployments if each.get("launch"))


@each_row("name", [HOSTILE, 'x"} or vector(1) #', "a\\nb"])
def test_names_that_platforms_refuse_are_texts_in_rules_and_dashboards(emitted: Emit, name: str) -> None:
    text = (
        f"deployment {written(name)} "
        + FILE[FILE.index("deployment gpt") + 15 : FILE.index("deployment llama")]
    )
    rules = yaml_of(emitted("prometheus", text)["rules.yaml"])[0]["groups"][0]["rules"]
    [near] = [each for each in rules if each["alert"] == "InfercBudgetNear"]
    assert promql_literal(name) in near["expr"]
    assert (
        json.loads(emitted("grafana", text, name=name)[f"{name}.dashboard.json"])["title"]
        == f"inferc: {name}"
    )
    assert emitted("systemd", text)
    files = emitted("kubernetes", text + "gateway { auth = none }\n")  # it runs in no container of its own
    plans = [plan for each in of_kind(files, "ConfigMap").values() for plan in each["data"].values()]
    assert [json.loads(plan)["deployments"][0]["deployment"] for plan in plans] == [name]


@each_row("image", [HOSTILE, "x\n- y", "{{ .Values.x }}", "$(rm)"])
def test_whatever_is_asked_for_stays_awritten(emitted: Emit, image: str) -> None:
    container = containers(emitted("kubernetes", image=image))["llama"]
    assert container["image"] == image
    services = yaml_of(emitted("compose", image=image)["compose.yaml"])[0]["services"]
    assert services["llama"]["image"].replace("$$", "$") == image
    assert f"image: {image}" not in emitted("dockerfile", image=image)["Dockerfile"]


def test_a_unit_holds_words_that_systemd_reads_as_they_are(emitted: Emit) -> None:
    [text] = emitted("systemd", directory="/srv/a b%h", program='/opt/$HOME/in"ferc', name="prod").values()
    [command] = [line for line in text.splitlines() if line.startswith("ExecStart=")]
    assert command.startswith(r'ExecStart="/opt/$$HOME/in\"ferc" "run" "/srv/a b%%h/main.infer"')
    assert "WorkingDirectory=/srv/a b%%h\n" in text


def _as_helm_would(text: str, files: dict[str, str]) -> str:
    """The expressions that a chart uses, evaluated."""

    def value(found: re.Match[str]) -> str:
        expression = found[1].strip()
        if expression == '"{{"':
            return "{{"
        if expression == ".Values.image | quote":
            return '"image"'
        if expression == ".Release.Namespace | quote":
            return '"default"'
        if got := re.fullmatch(r'\.Files\.Get "(.*?)" \| nindent 4', expression):
            return "".join("\n    " + line for line in files[got[1]].splitlines())
        assert re.fullmatch(r'index \.Values\.replicas "(.*?)"', expression), expression
        return "1"

    return re.sub(r"\{\{ (.*?) \}\}", value, text)


@each_row(
    ("changes", "said"),
    [
        (
            {'auth = bearer(env("TOKEN"))': "", '"0.0.0.0:8080"': '"127.0.0.1:8080"'},
            "the gateway lets everyone call",
        ),
        ({"llama": "gateway_"}, "`gateway_` cannot be a name there"),
        ({"deployment digits_model": "deployment Llama"}, "`llama` and `Llama` would both be called `llama`"),
        ({"digits_model": "redis"}, "has the name of something that is always there: rename it"),
        ({"node a": 'node "rack 1"'}, "node `rack 1` of the `cluster` cannot be a label there"),
        ({"digits_model": "network"}, "has the name of something that is always there: rename it"),
        ({"digits_model": "prod_gateway"}, "has the name of something that is always there: rename it"),
        ({"digits_model": "llama_scaling"}, "has the name of what scales another one: rename it"),
        (
            {'env("MODELS_URL", "https://api.openai.com/v1")': '"http://localhost:9090/v1"'},
            "`gpt`: http://localhost:9090/v1 is this machine, and in a container that is itself",
        ),
        ({'env("OPENAI_API_KEY")': 'exec("pass show openai")'}, "nothing emitted gives it: take `env"),
        ({"/run/secrets/second key": "/run/../x"}, "no container takes a file at that path"),
        ({"gpt-4o-mini": "x" * 1_000_000}, "and a ConfigMap takes 1: divide the file"),
    ],
)
def test_what_a_platform_cannot_take_is_said_before_anything_is_written(
    emitted: Emit, changes: dict[str, str], said: str
) -> None:
    text = FILE
    for old, new in changes.items():
        assert old in text
        text = text.replace(old, new)
    with pytest.raises(EmitError, match=said):
        emitted("kubernetes", text)


def test_a_file_that_runs_no_model_has_nothing_for_kserve(emitted: Emit) -> None:
    text = 'deployment gpt {\n  model = "gpt-4o"\n  runtime openai { api_key = env("K") }\n}\n'
    text += "gateway { auth = none }\n"
    with pytest.raises(EmitError, match="emit `kubernetes` instead"):
        emitted("kserve", text)


def test_prometheus_shows_the_token_without_which_a_gateway_says_nothing(emitted: Emit) -> None:
    monitors = of_kind(emitted("kubernetes"), "ServiceMonitor")
    [gateway], [models] = (monitors[name]["spec"]["endpoints"] for name in ("prod-gateway", "prod-models"))
    assert gateway["authorization"]["credentials"] == {"name": "prod-secrets", "key": "TOKEN"}
    assert "authorization" not in models
    text = FILE.replace('bearer(env("TOKEN"))', 'bearer(file("token"))')
    [gateway] = of_kind(emitted("kubernetes", text), "ServiceMonitor")["prod-gateway"]["spec"]["endpoints"]
    key = gateway["authorization"]["credentials"]
    assert key["name"] == "prod-files"
    mounts = containers(emitted("kubernetes", text))["prod-gateway"]["volumeMounts"]
    assert {each["mountPath"]: each.get("subPath") for each in mounts}["/srv/infer/token"] == key["key"]


def test_vllm_behind_a_gateway_api_gets_a_pool(emitted: Emit) -> None:
    [pool] = of_kind(emitted("kubernetes"), "InferencePool").values()
    assert pool["spec"]["targetPorts"] == [{"number": 8080}]
    assert pool["spec"]["endpointPickerRef"]["name"] == "llama-picker"


def test_budgets_warn_before_they_are_spent(project: Project) -> None:
    near = [each.expr for each in alerts(project.plan(FILE)) if each.name == "InfercBudgetNear"]
    assert near == [
        'max without (instance, pod) (inferc_budget_spent_dollars{deployment="gpt",window="day"}) > 4',
        "max without (instance, pod) (inferc_shared_budget_spent_dollars"
        '{whose="route chat",window="month"}) > 80',
    ]


def test_dashboard_and_rules_name_metrics_that_exist(emitted: Emit, project: Project) -> None:
    from inferc.compiler.emit.grafana import PANELS

    root = Path(__file__).parents[3]
    said = re.findall(
        r"`((?:inferc|gen_ai_server)_\w+)`", (root / "docs" / "operations.md").read_text("utf-8")
    )
    code = "".join(path.read_text("utf-8") for path in (root / "runtime" / "gateway").rglob("*.py"))
    made = set(re.findall(r'"((?:inferc|gen_ai_server)_\w+)"', code))
    ends = ("", "_total", "_duration_seconds")
    exist = {name for name in said if any(name.endswith(e) and name.removesuffix(e) in made for e in ends)}
    queries = [query for panel in PANELS for query, _ in panel.queries]
    queries += [alert.expr for alert in alerts(project.plan(FILE))]
    used = {name for query in queries for name in re.findall(r"\b(?:inferc|gen_ai_server)_\w+", query)}
    plain = {re.sub(r"_(bucket|sum|count)$", "", name) for name in used}
    assert len(plain) > 15
    assert plain <= exist
    assert json.loads(emitted("grafana")["prod.dashboard.json"])["panels"]
