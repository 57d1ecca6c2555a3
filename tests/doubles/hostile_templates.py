"""Templates that somebody may have written to use up memory or time, by what they do."""

from __future__ import annotations

# ruff: noqa: E501 - a template a line

HUGE = 2**61 - 1
"""Whole numbers that differ by this have one hash."""

TEMPLATES: dict[str, str] = {
    # growing lists
    "double list": "{% set ns = namespace(x=[1]) %}{% for i in range(60) %}{% set ns.x = ns.x + ns.x %}{% endfor %}",
    "append": "{% set ns = namespace(x=[]) %}{% for i in range(20000) %}{% set ns.x = ns.x + [i] %}{% endfor %}",
    "append big": "{% set s = 'x' * 4000000 %}{% set ns = namespace(x=[]) %}{% for i in range(20000) %}{% set ns.x = ns.x + [s ~ i] %}{% endfor %}",
    "nested pair": "{% set ns = namespace(x=[1]) %}{% for i in range(60) %}{% set ns.x = [ns.x, ns.x] %}{% endfor %}{{ ns.x }}",
    "nested pair tojson": "{% set ns = namespace(x=[1]) %}{% for i in range(60) %}{% set ns.x = [ns.x, ns.x] %}{% endfor %}{{ ns.x | tojson }}",
    "nested pair equal": "{% set ns = namespace(x=[1], y=[1]) %}{% for i in range(60) %}{% set ns.x = [ns.x, ns.x] %}{% set ns.y = [ns.y, ns.y] %}{% endfor %}{{ ns.x == ns.y }}",
    "nested dict": "{% set ns = namespace(x={}) %}{% for i in range(60) %}{% set ns.x = {'a': ns.x, 'b': ns.x} %}{% endfor %}{{ ns.x | string | length }}",
    "deep list": "{% set ns = namespace(x=[]) %}{% for i in range(20000) %}{% set ns.x = [ns.x] %}{% endfor %}{{ ns.x }}",
    "namespace in list": "{% set a = namespace() %}{% set b = namespace(x=[a, a]) %}{{ [b, b] }}",
    "namespace chain": "{% set a = namespace(x='x' * 4000000) %}{% set a.b = a.x %}{% set a.c = a.x %}{% set a.d = a.x %}{% set a.e = a.x %}{{ a ~ a ~ a }}",
    "namespace printed": "{% set s = 'x' * 4000000 %}{% set n = namespace("
    + ", ".join(f"a{i}=s" for i in range(300))
    + ") %}{{ n }}",
    "slices": "{% set l = [1] * 200000 %}{% for i in range(20000) %}{% set x = l[:] %}{% endfor %}",
    "slices text": "{% set l = 'xy' * 2000000 %}{% for i in range(20000) %}{% set x = l[::-1] %}{% endfor %}",
    "tuple mult": "{{ (1,) * 999999999 }}",
    "string doubling ~": "{% set ns = namespace(x='xx') %}{% for i in range(60) %}{% set ns.x = ns.x ~ ns.x %}{% endfor %}",
    "string + ": "{% set ns = namespace(x='') %}{% for i in range(20000) %}{% set ns.x = ns.x + 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx' * 100 %}{% endfor %}",
    "one concat": "{% set s = 'x' * 4000000 %}{{ " + " ~ ".join(["s"] * 2000) + " }}",
    "many kept": "{% set s = 'x' * 4000000 %}{% set l = ["
    + ", ".join(["s ~ 1"] * 200)
    + "] %}{{ l | length }}",
    "set block": "{% set s = 'x' * 4000000 %}{% set t %}{% for i in range(9999) %}{{ s }}{% endfor %}{% endset %}",
    "macro block": "{% set s = 'x' * 4000000 %}{% macro m() %}{% for i in range(9999) %}{{ s }}{% endfor %}{% endmacro %}{{ m() | length }}",
    "set block const": "{% set t %}{% for i in range(99999) %}"
    + "x" * 10000
    + "{% endfor %}{% endset %}",
    "filter block": "{% set s = 'x' * 4000000 %}{% filter upper %}{% for i in range(9999) %}{{ s }}{% endfor %}{% endfilter %}",
    "call block": "{% set s = 'x' * 4000000 %}{% macro m() %}{{ caller() }}{% endmacro %}{% call m() %}{% for i in range(9999) %}{{ s }}{% endfor %}{% endcall %}",
    "emoji": "{% set s = '😀' * 1000000 %}{% set ns = namespace(x=[]) %}{% for i in range(9999) %}{% set ns.x = [ns.x, s ~ i] %}{% endfor %}",
    # numbers
    "power": "{{ 9999 ** 9999 ** 9999 }}",
    "power big": "{% set ns = namespace(x=9999) %}{% for i in range(99) %}{% set ns.x = ns.x ** 9999 %}{% endfor %}",
    "square": "{% set ns = namespace(x=99999999) %}{% for i in range(99) %}{% set ns.x = ns.x * ns.x %}{% endfor %}",
    "shift": "{% set ns = namespace(x=9999 ** 9999) %}{% for i in range(20000) %}{% set ns.x = ns.x * 3 %}{% endfor %}",
    "divide": "{% set a = 9 ** 9999 %}{% set b = 7 ** 3000 %}{% for i in range(99999) %}{% if a // b %}{% endif %}{% endfor %}",
    "remainder": "{% set a = 9 ** 9999 %}{% set b = 7 ** 3000 %}{% for i in range(99999) %}{% if a % b %}{% endif %}{% endfor %}",
    "multiply": "{% set a = 9 ** 9999 %}{% for i in range(99999) %}{% if a * a %}{% endif %}{% endfor %}",
    "raise": "{% for i in range(99999) %}{% if 9999 ** 9999 %}{% endif %}{% endfor %}",
    "tojson deep": "{% set ns = namespace(x=range(30000) | list) %}{% for i in range(800) %}{% set ns.x = [ns.x] %}{% endfor %}{{ ns.x | tojson(8) | length }}",
    "to_bytes": "{{ (1).to_bytes(999999999, 'big') | length }}",
    "round": "{{ 1.5 | round(999999999, 'ceil') }}",
    "int hex": "{{ ('f' * 4000000) | int(0, 16) * ('f' * 4000000) | int(0, 16) }}",
    # formats
    "percent width": "{{ '%1000000000d' % 1 }}",
    "format width": "{{ '{:>1000000000}'.format(1) }}",
    "format filter": "{{ '%1000000000d' | format(1) }}",
    "many places": "{{ ('%(a)s' * 99999) % {'a': 'x' * 4000000} }}",
    "many widths": "{{ ('%9999d' * 99999) % ((1,) * 99999) }}",
    "many places format": "{{ ('{0}' * 99999).format('x' * 4000000) }}",
    "many places filter": "{{ ('%s' * 9999) | format(*(['x' * 4000] * 9999)) }}",
    "format_map": "{{ ('{a}' * 99999).format_map({'a': 'x' * 4000000}) }}",
    # methods and filters
    "ljust": "{{ 'x'.ljust(1000000000) }}",
    "zfill": "{{ 'x'.zfill(1000000000) }}",
    "center": "{{ 'x' | center(1000000000) }}",
    "join generator": "{{ range(99999) | map('string') | join('y' * 4000000) | length }}",
    "join method generator": "{{ ('y' * 4000000).join(range(99999) | map('string')) | length }}",
    "join range text": "{{ ('x' * 4000000) | join('y' * 4000000) | length }}",
    "replace list": "{{ (['x' * 9999] * 99) | replace('x', 'y' * 9999) | length }}",
    "replace empty": "{{ ('x' * 99999).replace('', 'y' * 9999) | length }}",
    "indent text": "{{ ('\\n' * 99999) | indent('x' * 99999, true, true) | length }}",
    "tojson indent": "{{ range(99999) | list | tojson(999999999) | length }}",
    "tojson indent small": "{{ range(9999) | list | tojson(9999) | length }}",
    "wordwrap": "{{ ('x ' * 1999999) | wordwrap(1, true, 'y' * 99999) | length }}",
    "batch": "{{ range(99999) | batch(1000000000, 'x') | list | length }}",
    "batch 9999": "{% for i in range(9999) %}{% set x = [1] | batch(9999, 2) | list %}{% endfor %}",
    "slice": "{{ [1] | slice(1000000000) | list | length }}",
    "urlize": "{{ ('www.a.com ' * 99999) | urlize(target='x' * 99999) | length }}",
    "xmlattr": "{% for i in range(9999) %}{% set x = {'a': '&' * 1000000} | xmlattr %}{% endfor %}",
    "striptags": "{{ ('<!---->' * 400000) | striptags }}",
    "striptags open": "{{ ('<!--' * 900000) | striptags | length }}",
    "tags": "{{ ('<a' * 1900000) | striptags | length }}",
    "urlize words": "{{ ('a.' * 1900000) | urlize | length }}",
    "urlize parens": "{{ ('(' * 999999 ~ 'www.a.com' ~ ')' * 999999) | urlize | length }}",
    "pprint": "{{ ([['x' * 10] * 100] * 1000) | pprint | length }}",
    "list of emoji": "{{ ('😀é' * 1999999) | list | length }}",
    "split": "{{ ('ab ' * 1300000).split() | length }}",
    "split many": "{% set s = 'ab ' * 99999 %}{% for i in range(9999) %}{% set x = s.split() %}{% endfor %}",
    "sum lists": "{{ ([[1]] * 99999) | sum(start=[]) | length }}",
    "sort": "{% set l = range(99999) | list | reverse | list %}{% for i in range(9999) %}{% set x = l | sort %}{% endfor %}",
    "collisions": "{% set k = 2305843009213693951 %}{% set l %}{% endset %}{{ range(99999) | map('string') | list | length }}{% set m = dict(["
    + ",".join(f"(k*{i},1)" for i in range(1, 2500))
    + "]) %}",
    "unique collisions": "{{ ["
    + ",".join(f"{HUGE * i}" for i in range(1, 5000))
    + "] | unique | list | length }}",
    "encode punycode": "{{ ('éa' * 1999999).encode('punycode') | length }}",
    "encode idna": "{{ ('é' * 1999999).encode('idna') | length }}",
    "translate": "{{ ('x' * 999999).translate({120: 'y' * 9999}) }}",
    "expandtabs": "{{ ('\\t' * 999999).expandtabs(9999) | length }}",
    "count": "{% set s = 'x' * 4000000 %}{% for i in range(20000) %}{% set x = s.count('y') %}{% endfor %}",
    "in": "{% set s = 'x' * 4000000 %}{% for i in range(20000) %}{% if 'y' in s %}{% endif %}{% endfor %}",
    "is in": "{% set s = 'x' * 4000000 %}{% for i in range(20000) %}{% if 'y' is in s %}{% endif %}{% endfor %}",
    "equal": "{% set s = 'x' * 4000000 %}{% set t = s ~ '' %}{% for i in range(20000) %}{% if s == t %}{% endif %}{% endfor %}",
    "upper": "{% set s = 'x' * 4000000 %}{% for i in range(20000) %}{% set x = s | upper %}{% endfor %}",
    "casefold": "{% set s = 'ß' * 4000000 %}{{ s.casefold() | length }}",
    "select in": "{% set s = 'x' * 4000000 %}{{ range(99999) | map('string') | select('in', s) | list | length }}",
    "maps": "{{ range(99999)" + " | map('abs')" * 50 + " | list | length }}",
    "map attribute": "{{ ([{'a': 1}] * 99999)" + " | map('default')" * 50 + " | list | length }}",
    # rounds
    "nested loops": "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}",
    "long body": "{% for i in range(20000) %}" + "{% set x = 1 %}" * 1500 + "{% endfor %}",
    "long test": "{% for i in range(20000) if "
    + " and ".join(["i >= 0"] * 3000)
    + " %}{% endfor %}",
    "long macro": "{% macro m() %}"
    + "{% set x = 1 %}" * 1500
    + "{% endmacro %}{% for i in range(20000) %}{% set x = m() %}{% endfor %}",
    "recursion": "{% macro m(n) %}{{ m(n + 1) }}{% endmacro %}{{ m(0) }}",
    "wide recursion": "{% macro m(n) %}{% if n %}{{ m(n - 1) }}{{ m(n - 1) }}{% endif %}{% endmacro %}{{ m(40) }}",
    "recursive loop": "{% set l = [1] * 99999 %}{% for i in [1] recursive %}{{ loop(l) }}{% endfor %}",
    "block recursion": "{% block a %}{{ self.a() }}{{ self.a() }}{% endblock %}",
    "cycler": "{% set c = cycler('x' * 4000000) %}{% set t %}{% for i in range(9999) %}{{ c.next() }}{% endfor %}{% endset %}",
    "joiner": "{% set c = joiner('x' * 4000000) %}{% set t %}{% for i in range(9999) %}{{ c() }}{% endfor %}{% endset %}",
    "loop cycle": "{% set s = 'x' * 4000000 %}{% set t %}{% for i in range(9999) %}{{ loop.cycle(s, s) }}{% endfor %}{% endset %}",
    "changed": "{% set s = 'x' * 4000000 %}{% for i in range(20000) %}{{ loop.changed(s ~ 'a') }}{% endfor %}",
    "autoescape": "{% autoescape true %}{% set t %}{% for i in range(9999) %}{{ '<' * 400000 }}{% endfor %}{% endset %}{% endautoescape %}",
    "markup": "{{ ('x' | safe) * 999999999 }}",
    "markup format": "{{ ('%s' | safe) * 99999 % (('<' * 4000) ,) }}",
    "big source": "{{ a }}" * 140000,
    "big expression": "{{ [" + "1," * 300000 + "] }}",
    "literal strings": "{% set x = [" + ",".join(["'a'"] * 100000) + "] %}",
    "strings adding": "{{ " + " + ".join(["('x' * 4000000)"] * 90) + " }}",
    "lists adding": "{{ (" + " + ".join(["([1] * 200000)"] * 90) + ") | length }}",
    "if chain": "{% if " + "a and " * 300 + "a %}{% endif %}",
    "ands": "{% for i in range(20000) %}{% if "
    + " and ".join(["a"] * 200)
    + " %}{% endif %}{% endfor %}",
}
