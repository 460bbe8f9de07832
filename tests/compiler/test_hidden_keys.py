"""Keys that stand in a file are in nothing that is said about it."""

from __future__ import annotations

from itertools import product

import pytest

from inferc.compiler.compile import check_file, compile_checked
from inferc.compiler.plan import dump_plan
from inferc.dsl import secret_lines as secret_lines
from inferc.dsl.render import OutputFormat, render

from ..support.projects import Project, chat
from ..support.rows import each_row

KEY, OTHER = "abcdefghijklmnop1234", "zyxwvutsrqponml9876"
SK, HF = f"sk-proj-{KEY}", f"hf_{KEY}xyz"


@each_row(
    "text",
    [
        'import "Bearer {}"\n',
        'deployment a {{ model = "m", runtime openai {{ api_key = Bearer {} }} }}\n',
        'deployment a {{ model = "m", runtime openai {{ api_key = "Bearer {0}" }} }}\nlet {0} = 1\n',
    ],
)
def test_a_key_behind_bearer_is_in_no_word_of_a_finding(project: Project, text: str) -> None:
    key = "abcdefghijklmnop1234"
    found = project.findings(text.format(key))
    assert found
    assert key not in repr(found)


def test_a_row_in_the_middle_of_a_word_is_in_no_help(project: Project) -> None:
    row = "w7ZYPU1iM73rzfRKNUHEKAI7zt5oOtJi"
    [item] = project.findings(f'deployment a {{\n  model = "gpt-4o"\n  my_{row}_x.of = 1\n}}\n')[:1]
    assert "my_" in repr(item)
    assert row not in repr(item)


@each_row(
    "key",
    [
        f"sk-proj-{KEY}",
        f"sk-ant-api03-{KEY}-x_y",
        f"hf-{KEY}Z9",
        f"hf_{KEY}Z9",
        f"xai-{KEY}Z9",
        f"AIzaSyA1234-{KEY}56",
        f"nvapi-{KEY}",
        f"fw_{KEY}Z9",
        "3f2a9b7c8d1e4f5061728394a5b6c7d8",
        "a3f29b7c8d1e4f5061728394a5b6c7d8",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.x1",
        "my-secret-key",
        "3f2504e0-4f89-41d3-9a0c-0305e82c3301",
        "abc!def$ghi%jkl^mno&12345",
        "9f/x+22~zz@12",
    ],
)
def test_a_key_without_quotes_is_told_once_and_not_shown(project: Project, key: str) -> None:
    text = f'deployment a {{\n  model = "gpt-4o"\n  runtime openai {{\n    api_key = {key}\n  }}\n}}\n'
    [item] = project.findings(text)
    assert item.code == "E0306"
    assert all(key not in render([item], form) for form in OutputFormat)
    assert key not in repr(item)


@each_row("name", ["replicas = burst-1", "replicas = burst/2", "replicas = 8-burst"])
def test_a_calculation_is_no_text_without_quotes(project: Project, name: str) -> None:
    assert project.findings("let burst = 4\n" + chat("gpt", name)) == []


def deployment(**settings: str) -> str:
    inside = ", ".join(f'{name} = "{value}"' for name, value in settings.items())
    return f'deployment a {{ model = "m", runtime vllm {{ endpoint = "http://h/v1", {inside} }} }}\n'


def headers(name: str, value: str) -> str:
    inside = f'endpoint = "http://h/v1", headers {{ {name} = "{value}" }}'
    return f'deployment a {{ model = "m", runtime vllm {{ {inside} }} }}\n'


@each_row(
    "text",
    [
        deployment(proxy=f"http://u:Bearer {KEY}@h/v1?key=Bearer {OTHER}"),
        deployment(proxy=f"http://u:Bearer {KEY}&key=bearer\t{OTHER}"),
        deployment(proxy=f"http://h/?token=Bearer%20{KEY}"),
        deployment(proxy=f"http://h/?token=bearer+{KEY}"),
        deployment(proxy=f"ftp://{SK}"),
        deployment(proxy=f"http://h/%20{SK}/v1"),
        headers(f'"x-{SK}"', "v"),
        headers(f'"{SK}"', "v"),
        headers(f'"x {SK}"', "v"),
        headers(f"x_{HF}", "v"),
        headers("x_team", f"token {SK}"),
        headers("x_team", f"token=Bearer {KEY}"),
        headers("x_team", f"sk\\u{{2d}}proj-{KEY}"),
        headers("x_team", f"sk\\u002dproj\\u002d{KEY}"),
        headers("x_team", f"sk\\x2dproj-{KEY}"),
        f'let k = "{KEY}"\n' + headers("x_team", "sk-proj-${k}"),
        f'deployment a {{ model = "org/{SK}", runtime vllm {{ endpoint = "http://h/v1" }} }}\n',
        chat("a", f'aliases = ["x-{SK}"]'),
        chat(HF),
        chat(f'"{SK}"'),
        chat("a") + chat("b") + f"route {HF} = fallback [a, b]\n",
        chat("a") + f"pipeline {HF}(x: text) -> text {{ return a(x) }}\n",
        chat("a") + f"pipeline p(x: text) -> text {{ {HF} = a(x), return {HF} }}\n",
        chat("a") + f'pipeline p(x: text) -> text {{ return a(prompt "say {SK}") }}\n',
        chat("a") + f"type {HF} = {{ x: text }}\n",
        chat("a") + f'key {HF} {{ secret = env("S") }}\n',
        chat("a") + f'test "{SK}" {{ }}\n',
        chat("a") + f'import "{SK}.infer"\n',
        f'let {HF} = "m"\n' + chat("a"),
        f'param {HF}: text = "m"\n' + chat("a"),
        f"template {HF} {{ max_tokens = 1 }}\n" + chat("a"),
    ],
)
def test_a_key_that_a_file_holds_in_any_place_is_an_error_and_shown_nowhere(
    project: Project, text: str
) -> None:
    checked = project.check(text)
    assert "E0306" in [each.code for each in checked.diagnostics]
    said = repr(checked.diagnostics) + "".join(render(checked.diagnostics, form) for form in OutputFormat)
    for key in (KEY, OTHER):
        assert key not in said.replace(f'let k = "{KEY}"', "")


@each_row(
    "text",
    [
        chat("xai_grok_4_fast_reasoning"),
        chat("hf_sentence_transformers_2"),
        headers("x_team", "the bearer responsibilities of task-sk-finetuned-2024"),
        headers("x_team", "as Bearer ${team_of_the_16th_Floor}") + 'let team_of_the_16th_Floor = "a"\n',
        headers("x_team", f"commit {'0123456789' * 4}"),
    ],
)
def test_words_that_begin_like_a_key_are_none(project: Project, text: str) -> None:
    checked = project.check(text)
    assert [each.message for each in checked.diagnostics if each.is_error] == []
    assert dump_plan(compile_checked(checked, project.folder))


def test_a_key_with_escapes_of_json_is_one_error(project: Project) -> None:
    [item] = project.findings(headers("x_team", f"sk\\u002dproj\\u002d{KEY}"))
    assert item.code == "E0306"


@each_row(("text", "count"), [("sk-router-for-production", 3), (f"sk-proj-{KEY}", 2)])
def test_what_may_be_a_name_is_told_what_else_to_do(project: Project, text: str, count: int) -> None:
    [item] = [each for each in project.findings(chat(f'"{text}"')) if each.code == "E0306"]
    assert len(item.help) == count


@each_row("quotes", ["''", "``", "“”"])
@each_row("key", ["sk-abcDEF123456ghiJKL789", "AIzaSy0123456789abcdefghijKLMN"])
def test_a_key_in_other_quotes_is_one_too(quotes: str, key: str) -> None:
    text = chat("d").replace('"KEY"', f"{quotes[0]}{key}{quotes[1]}")
    checked = check_file("main.infer", None, text=text)
    assert [each.code for each in checked.diagnostics] == ["E0306"]
    assert key not in str(checked.diagnostics)


def test_a_key_where_a_field_begins_is_not_told_in_another_form() -> None:
    key = "sk-abcDEF123456ghiJKL789"
    checked = check_file("main.infer", None, text=chat("d", f"\n  {key} = 1"))
    assert [each.code for each in checked.diagnostics] == ["E0306"]
    assert "abcDEF123456" not in str(checked.diagnostics)


SECRET = "Zx9Qw8Er7Ty6Ui5Op4As3Df2"


@each_row(
    "field",
    [
        "api_key = '{}'",
        "api_key = “{}”",
        'api_key = "C:\\{}"',
        'api_key: "{}"',
        "api_key: {}",
        "api_key == {}",
        "api_key = env {}",
        "apiKey = {}",
        'apiKey = "{}"',
        'aws_secret_access_key = "{}"',
        "token = '{}'",
    ],
)
def test_what_stands_where_a_secret_belongs_is_in_no_finding_there(project: Project, field: str) -> None:
    inside = field.format(SECRET)
    text = f'deployment a {{\n  model = "gpt-4o"\n  runtime openai {{\n    {inside}\n  }}\n}}\n'
    found = project.findings(text)
    assert found
    assert [form for form in OutputFormat if SECRET in render(found, form)] == []
    assert SECRET not in repr(found)


FIELDS = (
    "api_key",
    "api key",
    "apiKey",
    "api-key",
    "apikey",
    "pasword",
    "token",
    '"x-api-key"',
    "authorization",
    "key",
)
FORMS = (
    "{f} = {v}",
    "{f}: {v}",
    "{f} => '{v}'",
    "{f} = “{v}",
    '{f} = "{v}',
    "{f} = Basic {v}",
    '{f} ] "{v}"',
    '{f} = env("K", "{v}" x)',
    '{f} = ["{v}" "{v}"]',
    '{f} = {{ value = "{v}" ',
    "{f} = <<EOF\n{v}\nEOF",
    '{f} =\n      "{v}" ]',
    '{f} = bearer("{v}") x x',
    "- {f}: {v}",
    '{f}("{v}"',
    'openai.{f} = "{v}" ]',
    'x {{ secret = hash("{v}") ]',
    'x = "redis://:{v}@h:1/0?{f}={v}" ]',
)


SECRETS = ("hunter2", "p@sS+w0/rd=", "corr3ct-h0rse/batt3ry", "Zx9&Qw8'Er7$Ty6")


def test_whatever_stands_behind_the_name_of_a_secret_is_shown_nowhere(project: Project) -> None:
    for (row, form), (column, name) in product(enumerate(FORMS), enumerate(FIELDS)):
        secret = SECRETS[(row + column) % len(SECRETS)]  # each one in each form, and behind each name
        inside = form.format(f=name.strip('"') if "?" in form else name, v=secret)
        found = project.findings(f'deployment a {{\n  model = "gpt-4o"\n  headers {{ {inside} }}\n}}\n')
        assert found, inside
        assert secret not in render(found, OutputFormat.TERMINAL) + repr(found), inside


@each_row(
    "shown",
    [
        'api_key = env("OPENAI_API_KEY"), retry { max_retries = 5 5 }',
        'api_key = file("/run/secrets/key")',
        'secret = [env("A"), env("B")]',
        "first_token = 300ms",
        "key: message",
        'credentials = "keys/account.json"',
        'endpoint = "http://localhost:8000/v1/m@1"',
        'key a { secret = env("A") }',
        'key a { secret = hash("sha256:x") }',
    ],
)
def test_where_a_secret_is_stays_to_be_seen(project: Project, shown: str) -> None:
    found = project.findings(f"gateway {{\n  bind bind = 8080, {shown}\n}}\n")
    assert shown in render(found, OutputFormat.TERMINAL)


def test_the_line_where_reading_ends_shows_no_secret_either(project: Project) -> None:
    text = "deployment a {\n" + f"  api_key: {SECRET}\n" * 1100 + "}\n"
    found = project.findings(text)
    assert found[-1].code == "E0110"
    assert SECRET not in render(found, OutputFormat.TERMINAL)


@each_row(("written", "meant"), [("'/run/secrets/key'", "file("), ("'OPENAI_API_KEY'", "env(")])
def test_where_a_secret_is_may_stand_between_other_quotes(project: Project, written: str, meant: str) -> None:
    text = f'deployment a {{\n  model = "gpt-4o"\n  runtime openai {{ api_key = {written} }}\n}}\n'
    [where] = project.findings(text)
    assert where.code == "E0306"
    assert [fix.edits[0].replacement for fix in where.fixes] == [f'{meant}"{written[1:-1]}")']


def test_what_is_hidden_in_a_line_is_found_out_once_for_all_of_its_findings(
    monkeypatch: pytest.MonkeyPatch, project: Project
) -> None:
    escaped = []
    escape = secret_lines.re.escape
    monkeypatch.setattr(secret_lines.re, "escape", lambda text: escaped.append(text) or escape(text))
    assert len(project.findings("deployment d { api_key: " + "key " * 100)) == 100
    assert len(escaped) < 10


@each_row(
    ("written", "said"),
    [
        ('api_key api_key = env("A")', "`api_key` stands here twice"),
        ('api_key = env("O${PENAI_API_KEY")', "only a name may stand between `${` and `}`"),
        ('api_key = env("A") é', "something is missing before `é`"),
    ],
)
def test_names_and_signs_are_no_secrets(project: Project, written: str, said: str) -> None:
    found = project.findings(f'deployment a {{\n  model = "gpt-4o"\n  runtime openai {{ {written} }}\n}}\n')
    assert said in [item.message for item in found]


@each_row(
    "text",
    [
        "gateway { key team { credentials { value = Bearer hunter2Zq9 } }\n",
        'gateway {\n  "x-api-key" { value = "hunter2Zq9"\n  bind = "127.0.0.1:80"\n}\n',
        'import "x.infer" as x session_token += hunter2Zq9\n',
        'import "x.infer" as x api_key -> "hunter2Zq9"\n',
        '- apiKey => x ? "hunter2Zq9" : "none"\n',
        "pipeline p(m: text) -> text {\n  secret_key =\n    - one\n    - hunter2Zq9\n  return m\n}\n",
        "param api_key = hunter2Zq9 # note\n",
        'deployment a { model = "m" api_key hunter2Zq9 }\n',
        'deployment a { model = "m" token "hunter2Zq9" }\n',
        "let x = = 1 # api_key hunter2Zq9\n",
        "deployment a {\n  api_key =\n    one\n    hunter2Zq9\n}\n",
        "deployment a {\n  api_key = one\n    or hunter2Zq9 two\n}\n",
        "deployment a {\n  api_key = one\n  hunter2Zq9\n}\n",
        'deployment a {\n  model = "m"\n  api_kee = env("A") # it was hunter2Zq9\n}\n',
        'let x = "https://me:my hunter2Zq9@host/v1" y\n',
        'let x = "https://hunter2Zq9@host/v1" y\n',
        'let x = "https://host/v1?api_key=my hunter2Zq9&b=1" y\n',
        'let x = "https://host/v1?token=my hunter2Zq9" y\n',
        "export OPENAI_API_KEY=hunter2Zq9\n",
        "HF_TOKEN: hunter2Zq9\n",
        'deployment a { model = "m", ACCESS_TOKEN = "hunter2Zq9" }\n',
        'deployment a { model = "m", client_secret ["hunter2Zq9", "x"] }\n',
        'deployment a {\n  model = "m"\n  auth (hunter2Zq9)\n}\n',
        "deployment a {\n  auth {{ hunter2Zq9 }}\n}\n",
        'deployment a {\n  -api_key = "hunter2Zq9"\n}\n',
        "deployment a {\n  =secret => hunter2Zq9\n}\n",
        'deployment a {\n  \xa0client_secret "hunter2Zq9"\n}\n',
        "deployment a {\n  secret := 'Yuk0Z+/hunter2Zq9=='\n}\n",
    ],
)
def test_a_secret_in_forms_of_others_is_in_no_finding(project: Project, text: str) -> None:
    found = project.findings(text)
    assert found
    assert all("hunter2Zq9" not in render(found, form) for form in OutputFormat)


def test_a_field_that_is_begun_below_a_secret_is_shown(project: Project) -> None:
    found = project.findings("deployment a {\n  api_key = one\n  retrys\n}\n")
    assert "retrys" in render(found, OutputFormat.TERMINAL)


def test_a_comment_behind_the_place_of_a_secret_is_shown(project: Project) -> None:
    [item] = project.findings(
        'deployment a {\n  model = "m", runtime openai { api_kee = env("A") }  # from ops\n}\n'
    )
    assert "# from ops" in render([item], OutputFormat.TERMINAL)


PLACES = (
    "# {k}\ndeployment {{",
    "let openai = b  # old: {k}",
    "let openai = {k}",
    "{k}",
    'deployment "{k}" {{ modle = 1 }}',
    "deployment d {{ model = {k} ]",
    'deployment d {{ runtime openai {{ api_ky = "{k}" }} }}',
    'deployment d {{ runtime openai {{ auht = "{k}" }} }}',
    'deployment d {{ runtime openai {{ foo = "{k}" }} }}',
    "deployment d {{ runtime openai {{ api_key = ${k} }} }}",
    'deployment d {{ runtime openai {{ api_key = ""{k}"" }} }}',
    'deployment d {{ runtime openai {{ api key ("{k}") }} }}',
    "deployment d {{ runtime openai {{ timeouts {{ request = {k} }} }} }}",
    'pipeline p(m: text) -> text {{ return d(prompt "say {{{{ {k} }}}}") }}',
    "pipeline p(m: text) -> text {{ return {k}(m) }}",
    'pipeline p(m: text) -> int {{ return "{k}" }}',
    "route r = fallback [{k}]",
    'import "{k}"',
    'import "a.infer" as {k}',
)


@each_row(
    "key",
    [
        "sk-proj-riGp-58WAmQdX3a5IDnOdcdbWB2dC4-DSDC6Lc1mlOU3shVv5UTG79BG16Qm",
        "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",
        "w7ZYPU1iM73rzfRKNUHEKAI7zt5oOtJi",
        "41c842e90114183d260f486eca887715",
    ],
)
def test_no_part_of_a_key_is_in_a_finding_wherever_it_stands(project: Project, key: str) -> None:
    parts = [key[at : at + 8] for at in range(8, len(key) - 7)]
    for place in PLACES:
        found = project.findings(place.format(k=key) + "\n")
        assert found, place
        said = "".join(render(found, form) for form in OutputFormat)
        assert [part for part in parts if part in said] == [], place


@each_row("sign", ["", "$"])
def test_a_key_behind_a_sign_of_shells_is_one_mistake(sign: str) -> None:
    text = chat("d").replace('env("KEY")', f"{sign}sk-proj-riGp-58WAmQdX3a5IDnOdcdbWB2dC4")
    assert [each.code for each in check_file("main.infer", None, text=text).diagnostics] == ["E0306"]


def test_a_misspelt_name_of_a_secret_is_mended(project: Project) -> None:
    text = 'let my_key = env("OPENAI_API_KEY")\n' + chat("a").replace('env("KEY")', "my_kye")
    [item] = project.findings(text)
    assert [edit.replacement for fix in item.fixes for edit in fix.edits] == ["my_key"]


def test_a_commit_of_a_model_is_no_key(project: Project) -> None:
    sha = "0e9e39f249a16976918f6564b8830bc894c89659"
    launch = (
        f'launch {{ command = ["vllm", "serve", "{{model}}", "--port", "{{port}}", "--revision", "{sha}"] }}'
    )
    text = f'deployment a {{ model = "meta-llama/Llama-3.1-8B", runtime vllm {{ {launch} }} }}\n'
    assert project.findings(text) == []
    [key] = project.findings(text.replace("--revision", "--api-key"))
    assert key.code == "E0306"
    assert sha not in repr(key)


def test_a_word_that_the_line_shows_as_a_name_is_shown_in_words(project: Project) -> None:
    inner = 'api_key { valueFrom { secretKeyRef { name = "openai", key = "api_key" } } }'
    [item] = project.findings(f'deployment a {{ model = "gpt-4o", runtime openai {{ {inner} }} }}\n')
    assert "`api_key` is a field" in item.message


@each_row("key", ["3f2504e0-4f89-41d3-9a0c-0305e82c3301", "hunter22", "correct-horse"])
@each_row("command", ['"vllm --api-key {}"', '["vllm", "--api-key", "{}"]', '"tei --hf-token={}"'])
def test_the_value_of_an_option_for_a_secret_is_in_no_finding(
    project: Project, command: str, key: str
) -> None:
    text = (
        f"deployment a {{\n  model = 1, runtime vllm {{ launch {{ command = {command.format(key)} }}\n}} }}\n"
    )
    found = project.findings(text)
    assert found
    assert all(key not in render(found, form) for form in OutputFormat)


@each_row(
    "option", ["--max-tokens 4096", "--tokenizer org/name", "--key-file /run/k.pem", "--api-key {env.KEY}"]
)
def test_the_value_of_any_other_option_is_shown(project: Project, option: str) -> None:
    [item] = project.findings(f'let a = 1\nlet a = "{option}"\n')[:1]
    assert option in render([item], OutputFormat.TERMINAL)


@each_row("key", ["abc!def$ghij", "ab!cd2ef$gh"])
def test_what_a_key_is_taken_for_does_not_hang_on_what_stands_further_down(
    project: Project, key: str
) -> None:
    text = f'deployment a {{\n  model = "gpt-4o"\n  runtime openai {{\n    api_key = {key}\n  }}\n}}\n'
    codes = [each.code for each in project.findings(text)]
    assert [each.code for each in project.findings(f"{text}deployment b {{ }} # 2\n")][: len(codes)] == codes
