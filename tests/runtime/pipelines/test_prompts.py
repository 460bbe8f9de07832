"""Prompt templates: values are data, and nothing runs for ever."""

from __future__ import annotations

from time import perf_counter
from typing import Any

import pytest

from inferc.runtime.requests.errors import StartError, StepFailed
from inferc.runtime.serving.pipelines.block import Later
from inferc.runtime.serving.pipelines.cheap_prompts import Cost, cost_of
from inferc.runtime.serving.pipelines.prompts import MAX_SECONDS, prompt, rendering
from inferc.runtime.serving.pipelines.workers.workers import Workers


def rendered(template: str, **values: Any) -> str:
    """As a worker renders it, whatever it costs."""
    return rendering(template)(values)


@pytest.mark.parametrize(
    ("template", "values", "text"),
    [
        ("Hi {{ name }}!", {"name": "Ann"}, "Hi Ann!"),
        ("{{ x }}", {"x": "{{ 7 * 7 }}"}, "{{ 7 * 7 }}"),
        ("{{ x }}", {"x": "<b>&"}, "<b>&"),
        ("{{ r.label }} {{ r.items }}", {"r": {"label": "a", "items": 2}}, "a 2"),
        ("{% for k, v in r.items() %}{{ k }}={{ v }} {% endfor %}", {"r": {"a": 1}}, "a=1 "),
        (
            "{% for x in xs %}{{ loop.index }}/{{ loop.length }}{{ x }}{{ ';' if loop.last }}{% endfor %}",
            {"xs": ["a", "b"]},
            "1/2a2/2b;",
        ),
        ("{{ xs | join(', ') }} {{ xs | tojson }} {{ xs | length }}", {"xs": [1, 2]}, "1, 2 [1, 2] 2"),
        (
            "{{ a + b }} {{ a * 3 }} {{ a ~ 1 }} {{ 2 ** 3 }} {{ '%s!' | format(a) }}",
            {"a": "x", "b": "y"},
            "xy xxx x1 8 x!",
        ),
        ("{% macro m(x) %}<{{ x }}>{% endmacro %}{{ m(1) }}{{ m(2) }}", {}, "<1><2>"),
        ("{% if x is none %}nothing{% endif %}", {"x": None}, "nothing"),
        (
            "{{ n | round(1) }} {{ t | truncate(6, leeway=0) }} {{ t.upper() }}",
            {"n": 1.25, "t": "abcdefghijkl"},
            "1.2 abc... ABCDEFGHIJKL",
        ),
    ],
)
def test_a_template_gives_a_text(template: str, values: dict[str, Any], text: str) -> None:
    assert rendered(template, **values) == text


@pytest.mark.parametrize(
    ("template", "values"),
    [
        ("{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}", {}),
        ("{% for a in range(9999999) %}{% endfor %}", {}),
        ("{% for a in range(99999) %}{{ x * 1000 }}{% endfor %}", {"x": "x"}),
        ("{% macro f(n) %}{% if n %}{{ f(n - 1) }}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(60) }}", {}),
        ("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", {}),
        ("{% for x in xs recursive %}{{ loop(xs) }}{% endfor %}", {"xs": [1, 2]}),
        ("{{ 'a' * n }}", {"n": 10**9}),
        ("{{ [1] * n }}", {"n": 10**9}),
        ("{{ x | center(n) }}", {"x": "a", "n": 10**9}),
        ("{{ x | indent(n) }}", {"x": "a", "n": 10**9}),
        ("{{ x.ljust(n) }}", {"x": "a", "n": 10**9}),
        ("{{ '%*d' | format(n, 1) }}", {"n": 10**9}),
        ("{{ '%*d' % (n, 1) }}", {"n": 10**9}),
        ("{{ n ** n ** n }}", {"n": 9}),
        (
            "{% set n = namespace(s='ab') %}{% for i in range(60) %}{% set n.s = n.s ~ n.s %}{% endfor %}",
            {},
        ),
        (
            "{% set n = namespace(s='ab') %}{% for i in range(60) %}{% set n.s = n.s + n.s %}{% endfor %}",
            {},
        ),
        ("{{ x.replace('', x) }}{{ x.replace('a', x) * 2 }}", {"x": "a" * 4_000_000}),
    ],
)
def test_a_template_that_would_not_end_or_grow_without_end_is_a_clear_error(
    template: str, values: dict[str, Any]
) -> None:
    before = perf_counter()
    with pytest.raises(StepFailed, match=r"^the prompt "):
        rendered(template, **values)
    assert perf_counter() - before < 30 * MAX_SECONDS


@pytest.mark.parametrize(
    "template",
    [
        "{{ x.__class__ }}",
        "{{ x.missing }}",
        "{{ y }}",
        "{{ x['a'].b.c }}",
        "{{ 1 / n }}",
        "{{ x | int(base=n) + x }}",
    ],
)
def test_what_fails_says_so_and_shows_no_contents(template: str) -> None:
    with pytest.raises(StepFailed, match=r"^the prompt") as caught:
        rendered(template, x="my secret", n=0)
    assert "secret" not in caught.value.message


def test_values_cannot_be_changed_by_a_template() -> None:
    values = [1]
    with pytest.raises(StepFailed):
        rendered("{{ xs.append(2) }}", xs=values)
    assert values == [1]


def test_what_is_no_template_stops_the_start() -> None:
    with pytest.raises(StartError, match="a prompt cannot be read"):
        prompt("{% for %}", {}, Workers())


@pytest.mark.parametrize(
    ("template", "cost"),
    [
        ("Hi!", Cost.COPYING),
        ("{{ a }} {{ r.label }} {{ xs[0] }}", Cost.COPYING),
        ("{% if a is none %}x{% else %}{{ a }}{% endif %}{{ 'x' if a and not b else 'y' }}", Cost.COPYING),
        ("{{ a | upper | trim }} {{ xs | join(', ') }} {{ r | tojson }}", Cost.LINEAR),
        ("{{ 'x' if a == b }}", Cost.LINEAR),
        ("{% for x in xs %}{{ loop.index }} {{ x.text | trim }}{{ a }}{% endfor %}", Cost.LINEAR),
        ("{% for k, v in r.pairs %}{{ v | upper }}{% endfor %}", Cost.LINEAR),
        ("{% for x in xs %}{{ a | upper }}{% endfor %}", Cost.ANY),
        ("{% for x in xs %}{{ x in a }}{% endfor %}", Cost.ANY),
        ("{% for x in xs %}{% for y in xs %}{% endfor %}{% endfor %}", Cost.ANY),
        ("{% for i in range(200) %}{% endfor %}", Cost.ANY),
        ("{% for x in xs recursive %}{{ loop(xs) }}{% endfor %}", Cost.ANY),
        ("{% set y = a ~ a %}", Cost.ANY),
        ("{{ a ~ b }}", Cost.ANY),
        ("{{ a * 9 }}", Cost.ANY),
        ("{{ xs | sort }}", Cost.ANY),
        ("{{ a.replace('a', b) }}", Cost.ANY),
        ("{{ a | center(9) }}", Cost.ANY),
        ("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", Cost.ANY),
        ("{{ xs is sameas xs }}", Cost.ANY),
    ],
)
def test_what_a_template_may_cost_is_known_from_what_it_says(template: str, cost: Cost) -> None:
    assert cost_of(template) is cost


@pytest.mark.parametrize(
    ("template", "value", "is_later"),
    [
        ("{{ x }}", "a" * 1_000_000, False),
        ("{{ x }}", "a" * 5_000_000, True),
        ("{{ x | upper }}", "a" * 10_000, False),
        ("{{ x | upper }}", "a" * 1_000_000, True),
        ("{% for y in x %}{{ y }}{% endfor %}", ["a"] * 100, False),
        ("{% for y in x %}{{ y }}{% endfor %}", ["a"] * 100_000, True),
        ("{{ x | list | sort }}", "a", True),
    ],
)
def test_what_takes_long_is_rendered_elsewhere(template: str, value: Any, is_later: bool) -> None:
    given = prompt(template, {"x": 0}, Workers())([value])
    assert isinstance(given, Later) is is_later
