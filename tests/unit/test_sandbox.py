"""What a hostile template can't do: reach the interpreter, or grow without end."""

from __future__ import annotations

import json
import time

import pytest

from pytest_lmopt.errors import PromptError
from pytest_lmopt.suites.prompt_state import PromptState
from pytest_lmopt.suites.render import check_template, render


def rendered(template: str, value: object = "x") -> str:
    """The user message of a prompt with this template over the input ``a``."""
    state = PromptState(instruction="i", inputs=("a",), outputs=("b",), template=template)
    return render(state, {"a": value})[-1].content


REACHING = [
    "{{ self._TemplateReference__context }}",
    "{{ range.__self__ }}",
    "{{ dict.__mro__ }}",
    "{{ cycler.__init__.__globals__ }}",
    "{{ namespace.__init__.__globals__.os }}",
    "{{ joiner.__init__.__globals__ }}",
    "{{ [a] | map(attribute='__class__') | first }}",
    "{{ a | attr('__class__') }}",
    "{{ '%s' | format(a.__class__) }}",
    "{{ '{0.__class__}'.format(a) }}",
    "{{ '{x.__class__}'.format_map({'x': a}) }}",
    "{% set f = '{0.__class__}'.format %}{{ f(a) }}",
    "{{ a.__init__.__func__ }}",
    "{% for k in a.__dict__ %}{{ k }}{% endfor %}",
    "{% include '/etc/passwd' %}",
    "{% import 'os' as os %}{{ os }}",
    "{% extends a %}",
]


@pytest.mark.parametrize("template", REACHING)
def test_no_way_leads_to_the_interpreter(template: str) -> None:
    """Attributes with underscores, by any route, and other files are out of reach."""
    with pytest.raises(PromptError, match="the template failed"):
        rendered(template)


GROWING = [
    "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}",
    "{% for i in range(9999999) %}{% endfor %}",
    "{% for i in a %}{% for j in range(99999) %}{% endfor %}{% endfor %}",
    "{% for i in range(60000) %}" + "x" * 100 + "{% endfor %}",
    "{{ 'a' * 10 ** 9 }}",
    "{{ 10 ** 9 * 'a' }}",
    "{{ [a] * 999999999 }}",
    "{{ 9 ** 9 ** 9 }}",
    "{{ '%999999999d' % 1 }}",
    "{{ '%*d' % (999999999, 1) }}",
    "{{ '%999999999d' | format(1) }}",
    "{{ '{:>999999999}'.format(1) }}",
    "{{ '{:>{}}'.format(1, 999999999) }}",
    "{{ a.center(999999999) }}",
    "{{ a | center(999999999) }}",
    "{{ a.ljust(width=999999999) }}",
    "{{ '\t\t'.expandtabs(999999999) }}",
    "{{ [1] | batch(999999999, 2) | list }}",
    "{{ [1] | slice(999999999) | list }}",
    "{{ ('x\n' * 9999) | indent(9999) }}",
    "{{ ('x' * 9999).replace('x', 'y' * 9999) }}",
    "{{ ('x' * 9999) | replace('x', 'y' * 9999) }}",
    "{{ ('x' * 9999).join(range(9999) | map('string') | list) }}",
    "{{ (['x' * 9999] * 9999) | join }}",
    "{{ ([['x'] * 9999] * 9999) | sum(start=[]) }}",
    "{{ ('x' * 9999).translate({120: 'y' * 9999}) }}",
    "{% set s = 'x' * 9999 %}" + "{% set s = s ~ s %}" * 40 + "{{ s | length }}",
    "{% set s = 'x' * 9999 %}" + "{% set s = s + s %}" * 40 + "{{ s | length }}",
    "{% set s = 'xxxx' %}" + "{% set s %}{{ s }}{{ s }}{% endset %}" * 40 + "{{ s | length }}",
    "{% set n = namespace(s='x') %}{% for i in range(60) %}{% set n.s = n.s ~ n.s %}{% endfor %}",
    "{% macro m(n) %}x{% if n %}{{ m(n - 1) }}{{ m(n - 1) }}{% endif %}{% endmacro %}{{ m(60) }}",
    "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
]


@pytest.mark.parametrize("template", GROWING)
def test_nothing_grows_without_end(template: str) -> None:
    """Loops, powers, widths, doubling and recursion end in an error, within seconds."""
    began = time.thread_time()
    with pytest.raises(PromptError, match="the template failed"):
        rendered(template, value=list(range(99)) if "i in a" in template else "x")
    assert time.thread_time() - began < 10.0  # unbounded, most would take hours or all memory


def test_values_that_stand_twice_count_twice() -> None:
    """A list of 150 bytes of template may be written out to gigabytes."""
    pairs = "{% set ns = namespace(x=[a]) %}" + "{% set ns.x = [ns.x, ns.x] %}" * 3 + "{{ ns.x }}"
    assert rendered(pairs).count("'x'") == 8
    with pytest.raises(PromptError, match="characters long"):
        rendered(pairs.replace(" %}{{", " %}" + "{% set ns.x = [ns.x, ns.x] %}" * 25 + "{{"))


def test_a_long_document_is_no_attack() -> None:
    """Half a million characters may be cut into lines, words and what is around them."""
    document = "a line of words\n" * 32_000
    template = (
        "{% for line in a.splitlines() %}{{ loop.index }}: {{ line | trim }}\n{% endfor %}"
        "{{ a | wordcount }} {{ a.split('\n') | length }} {{ a | upper | length }}"
    )
    assert rendered(template, document).endswith("128000 32001 512000")


@pytest.mark.parametrize(
    "template",
    ["{{ " + "(" * 5000 + "a", "{{ " + "[" * 3000 + "]" * 3000 + " }}", "{{ " + "9" * 5000 + " }}",
     "{% if a %}" * 3000, "{{ lipsum(n=99) }}"],
)  # fmt: skip
def test_a_template_too_odd_to_read_is_refused(template: str) -> None:
    """When it is checked, or at the latest when it is used."""

    def checked_and_used() -> None:
        check_template(template, ("a",))
        rendered(template)

    with pytest.raises(PromptError):
        checked_and_used()


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{% for w in a %}{{ loop.index }}/{{ loop.length }} {{ w }} {% endfor %}", "1/2 p 2/2 q "),
        ("{% for w in a | reverse %}{{ w }}{{ '' if loop.last else ', ' }}{% endfor %}", "q, p"),
        ("{% for w in a if w != 'p' %}{{ w }}{% else %}none{% endfor %}", "q"),
        ("{% for w in [] %}{% else %}none{% endfor %}", "none"),
        ("{{ a | join(', ') }} {{ ', '.join(a) }}", "p, q p, q"),
        ("{{ a[0] ~ '-' ~ a[1] }} {{ 2 ** 10 }} {{ '=' * 5 }} {{ 7 % 4 }}", "p-q 1024 ===== 3"),
        ("{{ '%05.2f' % 3.14159 }} {{ '{:>4}'.format(5) }} {{ '%s!' | format(a[0]) }}",
         "03.14    5 p!"),
        ("{% set s %}{{ a[0] }}x{% endset %}{{ s | upper }}", "PX"),
        ("{% set s | upper %}{{ a[0] }}x{% endset %}{{ s }}", "PX"),
        ("{% macro q(t) %}> {{ t }}{% endmacro %}{{ q(a[0]) | center(7) }}|", "  > p  |"),
        ("{{ 'l1\nl2' | indent(2) }} {{ 'abc' | replace('b', 'x') }}", "l1\n  l2 axc"),
        ("{% for n in [1, [2]] recursive %}{{ n if n is number else loop(n) }}{% endfor %}", "12"),
        ("{{ [1, 2] | sum }} {{ range(3) | list }} {{ a | batch(1) | list }}",
         "3 [0, 1, 2] [['p'], ['q']]"),
        ("{% set ns = namespace(n=0) %}{% for w in a %}{% set ns.n = ns.n + 1 %}{% endfor %}"
         "{{ ns.n }} {{ ns is defined }}", "2 True"),
        ("{% macro m(ns) %}{{ ns.n }}{% endmacro %}{{ m(namespace(n=a[1])) }}", "q"),
        ("{{ a | map('upper') | join('+') }} {{ a | select('eq', 'p') | first }}", "P+Q p"),
        ("{{ a[::-1] }} {{ a[0] in a }} {{ {'k': a}['k'][0] }} {{ (1, 2) == (1, 2) }}",
         "['q', 'p'] True p True"),
        ("{% filter upper %}{{ a[0] }}x{% endfilter %}{{ [2, 1] | sort | tojson }}", "PX[1, 2]"),
        ("{% for k, v in {'x': 1}.items() %}{{ k }}={{ v }}{% endfor %} {{ 'a b'.split() | last }}",
         "x=1 b"),
        ("{% autoescape true %}{{ '<' ~ a[0] }}{% endautoescape %} {{ 2.5 | round(1) }}",
         "&lt;p 2.5"),
    ],
)  # fmt: skip
def test_what_prompts_do_works(template: str, text: str) -> None:
    """The bounds are not felt by anything a prompt is written with."""
    check_template(template, ("a",))
    assert rendered(template, ["p", "q"]) == text


def test_bounds_are_counted_anew_for_each_rendering() -> None:
    """Many small messages never add up to a refusal."""
    for _ in range(30):
        assert rendered("{% for i in range(5000) %}{% endfor %}done") == "done"


@pytest.mark.parametrize("form", ["tojson", "tojson(indent=2)"])
def test_a_long_table_is_written_as_json(form: str) -> None:
    """Thousands of rows make a long text, but no longer than a prompt may be."""
    rows = [{"id": n, "team": f"team {n}", "tags": ["a", "b"]} for n in range(5_000)]
    assert json.loads(rendered("{{ a | " + form + " }}", rows)) == rows
