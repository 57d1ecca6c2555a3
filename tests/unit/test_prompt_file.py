"""A prompt file loads as written, or says which field on which line is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_lmopt import Prompt
from pytest_lmopt.errors import PromptError
from pytest_lmopt.suites.prompt_file import load_prompt_file
from pytest_lmopt.suites.prompt_state import PromptState

ROUTE = """\
# which team answers
instruction: |
  Answer with the team code only.
inputs: [problem]
output: team
demos:
  - {problem: I was charged twice, team: FIN}
"""


def load(folder: Path, text: str) -> PromptState:
    """Load ``text`` as the prompt file route.yaml."""
    path = folder / "route.yaml"
    path.write_text(text, encoding="utf-8")
    return load_prompt_file(path)


def refusal(folder: Path, text: str) -> PromptError:
    """The error that loading ``text`` raises; its message always names the file."""
    with pytest.raises(PromptError) as caught:
        load(folder, text)
    assert str(caught.value).startswith(str(folder / "route.yaml"))
    return caught.value


def test_a_prompt_file_loads_as_written(tmp_path: Path) -> None:
    """Instruction, fields and demos arrive as plain values; the rest takes its defaults."""
    state = load(tmp_path, ROUTE)

    assert state.instruction == "Answer with the team code only.\n"
    assert (state.inputs, state.outputs, state.format) == (("problem",), ("team",), "text")
    assert state.demos == ({"problem": "I was charged twice", "team": "FIN"},)
    assert (state.template, state.model, state.params) == (None, None, {})


def test_a_loaded_prompt_is_named_by_its_file(tmp_path: Path) -> None:
    """The name is the file's stem, and the key its absolute path."""
    path = tmp_path / "route.yaml"
    path.write_text(ROUTE, encoding="utf-8")

    prompt = Prompt.load(path)

    assert prompt.name == "route"
    assert prompt.key == path.resolve().as_posix()
    assert repr(prompt) == "Prompt('route', inputs=['problem'], outputs=['team'])"


def test_model_and_params_are_kept(tmp_path: Path) -> None:
    """A file may fix its model and parameters, which become plain builtins."""
    state = load(
        tmp_path,
        ROUTE + "model: openai/gpt-4o-mini\n"
        "params: {temperature: 0.5, max_tokens: 20, stream: &no false, stop: [a, b]}\n",
    )

    assert state.model == "openai/gpt-4o-mini"
    assert state.params == {
        "temperature": 0.5,
        "max_tokens": 20,
        "stream": False,
        "stop": ["a", "b"],
    }
    assert [type(value) for value in state.params.values()] == [float, int, bool, list]


def test_several_outputs_are_read_from_lines_unless_json_is_asked_for(tmp_path: Path) -> None:
    """``outputs`` lists them; ``format`` chooses how they are written."""
    text = "instruction: x\ninputs: [a]\noutputs: [b, c]\n"

    assert load(tmp_path, text).format == "lines"
    assert load(tmp_path, text).outputs == ("b", "c")
    assert load(tmp_path, text + "format: json\n").format == "json"


def test_unquoted_dates_in_demos_are_text(tmp_path: Path) -> None:
    """YAML would make 2024-03-01 a date, but a demo shows it as it is written."""
    state = load(
        tmp_path,
        "instruction: ISO date\ninputs: [said]\noutput: date\n"
        "demos:\n  - said: first of March\n    date: 2024-03-01\n",
    )

    assert state.demos == ({"said": "first of March", "date": "2024-03-01"},)


def test_a_byte_order_mark_does_no_harm(tmp_path: Path) -> None:
    """Editors that write one produce valid prompt files."""
    assert load(tmp_path, "\ufeff" + ROUTE).outputs == ("team",)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """The path that was looked for is in the message."""
    path = tmp_path / "none.yaml"

    with pytest.raises(PromptError, match="no such prompt file") as caught:
        load_prompt_file(path)

    assert str(caught.value).startswith(str(path))


def test_a_file_that_is_not_text_can_not_be_read(tmp_path: Path) -> None:
    """Bytes that are not UTF-8 are refused, not guessed at."""
    path = tmp_path / "route.yaml"
    path.write_bytes(b"instruction: caf\xe9\n")

    with pytest.raises(PromptError, match=r"route\.yaml: can't be read"):
        load_prompt_file(path)


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        ("instruction: x\ninputs: [a\noutput: b\n", 3, "expected ',' or ']'"),
        ("instruction: a: b\n", 1, "mapping values are not allowed here"),
        (ROUTE + "inputs: [problem]\n", 8, 'found duplicate key "inputs"'),
        ("instruction: x\n\tinputs: [a]\n", 2, "found character '\\t'"),
        (ROUTE + "params: {stop: a, stop: b}\n", 8, 'found duplicate key "stop"'),
        (ROUTE + "---\n" + ROUTE, 8, "but found another document"),
        (ROUTE + "...\njunk\n", 9, "found"),
    ],
)
def test_malformed_yaml_is_reported_with_its_line(
    tmp_path: Path, text: str, line: int, problem: str
) -> None:
    """What YAML objects to is passed on, at the line where it stands."""
    error = refusal(tmp_path, text)

    assert error.line == line
    assert f"line {line}: malformed YAML: " in str(error)
    assert problem in str(error)


@pytest.mark.parametrize(("text", "kind"), [("", "NoneType"), ("- a\n", "CommentedSeq")])
def test_a_file_that_is_no_mapping_is_told_what_one_looks_like(
    tmp_path: Path, text: str, kind: str
) -> None:
    """The message names the three fields every file has."""
    error = refusal(tmp_path, text)

    assert "a mapping with 'instruction', 'inputs' and 'output'; found " + kind in str(error)


def test_an_unknown_field_is_named_with_its_line(tmp_path: Path) -> None:
    """A misspelt field is an error, and the known ones are listed."""
    error = refusal(tmp_path, ROUTE.replace("demos:", "demo:"))

    assert (error.field, error.line) == ("demo", 6)
    assert "line 6, field 'demo': unknown field; a prompt file has demos, format" in str(error)


def test_an_unknown_field_from_an_anchor_has_no_line(tmp_path: Path) -> None:
    """A field merged in from elsewhere is still named."""
    error = refusal(tmp_path, "<<: {tone: kind}\n" + ROUTE)

    assert (error.field, error.line) == ("tone", None)


@pytest.mark.parametrize("field", ["instruction", "inputs"])
def test_a_missing_field_is_named(tmp_path: Path, field: str) -> None:
    """Neither instruction nor inputs can be left out."""
    kept = {"instruction": "instruction: x\n", "inputs": "inputs: [a]\n", "output": "output: b\n"}
    del kept[field]

    error = refusal(tmp_path, "".join(kept.values()))

    assert f"'{field}'" in str(error)
    assert "missing" in str(error)


@pytest.mark.parametrize("outputs", ["", "output: b\noutputs: [b, c]\n"])
def test_output_or_outputs_is_needed_but_not_both(tmp_path: Path, outputs: str) -> None:
    """One answer has a name, several have a list; anything else is ambiguous."""
    error = refusal(tmp_path, "instruction: x\ninputs: [a]\n" + outputs)

    assert "give either 'output' (a name) or 'outputs' (a list)" in str(error)


@pytest.mark.parametrize(
    ("wrong", "field", "problem"),
    [
        ("instruction: 5\ninputs: [a]\noutput: b\n", "instruction", "text expected, found 5"),
        ("inputs: a\ninstruction: x\noutput: b\n", "inputs", "a list of names expected, found 'a'"),
        ("output: [b]\ninstruction: x\ninputs: [a]\n", "output", "text expected, found ['b']"),
        ("outputs: b\ninstruction: x\ninputs: [a]\n", "outputs", "a list of names expected"),
        ("demos: hello\ninstruction: x\ninputs: [a]\noutput: b\n", "demos", "a list of mappings"),
        ("demos: [x]\ninstruction: x\ninputs: [a]\noutput: b\n", "demos", "a list of mappings"),
        ("params: 3\ninstruction: x\ninputs: [a]\noutput: b\n", "params", "a mapping expected"),
        ("model: 3\ninstruction: x\ninputs: [a]\noutput: b\n", "model", "text expected, found 3"),
        ("template: 5\ninstruction: x\ninputs: [a]\noutput: b\n", "template", "text expected"),
        ("format: xml\ninstruction: x\ninputs: [a]\noutput: b\n", "format", "'lines' or 'json'"),
        ("format: json\ninstruction: x\ninputs: [a]\noutput: b\n", "format", "has no meaning"),
        ("inputs: []\ninstruction: x\noutput: b\n", "inputs", "at least one field name"),
        ("inputs: [2nd]\ninstruction: x\noutput: b\n", "inputs", "'2nd' is no field name"),
        ("inputs: [a-b]\ninstruction: x\noutput: b\n", "inputs", "letters of any script, digits"),
        ("inputs: [1]\ninstruction: x\noutput: b\n", "inputs", "1 is no field name"),
        ("inputs: [a, a]\ninstruction: x\noutput: b\n", "inputs", "a name appears twice"),
        ("outputs: [a, b]\ninstruction: x\ninputs: [a]\n", "outputs", "an input and an output"),
    ],
)
def test_a_wrong_value_is_reported_at_its_field_and_line(
    tmp_path: Path, wrong: str, field: str, problem: str
) -> None:
    """Each field says what it expects and what it found."""
    error = refusal(tmp_path, "# a comment first\n" + wrong)

    assert (error.field, error.line) == (field, 2)
    assert f"line 2, field '{field}': " in str(error)
    assert problem in str(error)


@pytest.mark.parametrize(
    ("field", "value", "taken"),
    [
        ("outputs", "[b, text]", "text"),
        ("outputs", "[b, usage]", "usage"),
        ("outputs", "[b, fields]", "fields"),
        ("output", "usage", "usage"),
        ("output", "fields", "fields"),
    ],
)
def test_an_output_can_not_take_a_completions_own_name(
    tmp_path: Path, field: str, value: str, taken: str
) -> None:
    """``completion.usage`` and its like already mean something else."""
    error = refusal(tmp_path, f"instruction: x\ninputs: [a]\n{field}: {value}\n")

    assert (error.field, error.line) == (field, 3)
    assert f"an output can't be called '{taken}'" in str(error)


def test_a_single_output_may_be_called_text(tmp_path: Path) -> None:
    """One output is the text, so nothing clashes."""
    assert load(tmp_path, "instruction: x\ninputs: [a]\noutput: text\n").outputs == ("text",)


def test_outputs_that_differ_in_case_only_can_not_be_told_apart_in_lines(tmp_path: Path) -> None:
    """Lines are read whatever their case, so such a prompt could never be answered."""
    error = refusal(tmp_path, "instruction: x\ninputs: [a]\noutputs: [Team, team]\n")

    assert (error.field, error.line) == ("outputs", 3)
    assert "'Team' and 'team'" in str(error)


@pytest.mark.parametrize(
    ("demo", "problem"),
    [
        ("{problem: twice}", "demo 2 lacks 'team'"),
        ("{problem: twice, team: FIN, tone: kind}", "demo 2 has 'tone', which is no field"),
    ],
)
def test_a_demo_has_exactly_the_prompts_fields(tmp_path: Path, demo: str, problem: str) -> None:
    """A demo with too few or too many fields is named by its number."""
    error = refusal(tmp_path, ROUTE + f"  - {demo}\n")

    assert (error.field, error.line) == ("demos", 6)
    assert problem in str(error)
    assert "the fields are ['problem', 'team']" in str(error)


@pytest.mark.parametrize(
    ("template", "line"),
    [
        ("template: '{{ nope }}'\n", 6),
        ('template: "one\\n{{ nope }}"\n', 6),
        ("template: |\n  {{ problem }}\n\n  {{ nope }}\n", 9),
        ("template: |-\n  {{ nope }}\n", 7),
    ],
)
def test_a_template_variable_that_is_no_input_is_found_at_its_line_in_the_file(
    tmp_path: Path, template: str, line: int
) -> None:
    """In a literal block the line is that of the variable; elsewhere, that of the field."""
    error = refusal(tmp_path, ROUTE.split("demos:", maxsplit=1)[0] + template)

    assert (error.field, error.line) == ("template", line)
    assert "the template uses 'nope', which is not among the inputs ['problem']" in str(error)


def test_a_template_syntax_error_is_found_at_its_line_in_the_file(tmp_path: Path) -> None:
    """Jinja2's own message is shown at the place in the prompt file."""
    text = "instruction: x\ninputs: [a]\noutput: b\ntemplate: |\n  {{ a }}\n  {% for %}\n"

    error = refusal(tmp_path, text)

    assert (error.field, error.line) == ("template", 6)
    assert "not a Jinja2 template: " in str(error)


def test_a_filter_that_does_not_exist_is_found_when_loading(tmp_path: Path) -> None:
    """A prompt that could only fail at its first call is refused at once."""
    error = refusal(
        tmp_path, "instruction: x\ninputs: [a]\noutput: b\ntemplate: '{{ a | shout }}'\n"
    )

    assert (error.field, error.line) == ("template", 4)
    assert "No filter named 'shout'" in str(error)


@pytest.mark.parametrize("field", ["params", "demos"])
@pytest.mark.parametrize("value", ["0", "''", "false"])
def test_a_field_that_is_empty_in_another_way_is_refused(
    tmp_path: Path, field: str, value: str
) -> None:
    """Only nothing at all counts as absent."""
    text = "instruction: x\ninputs: [a]\noutput: b\n"
    assert refusal(tmp_path, f"{text}{field}: {value}\n").field == field
    (tmp_path / "p.yaml").write_text(f"{text}{field}:\n")
    assert load_prompt_file(tmp_path / "p.yaml").params == {}


def test_two_names_that_are_one_as_text_are_refused(tmp_path: Path) -> None:
    """Neither is lost without a word."""
    text = 'instruction: x\ninputs: [a]\noutput: b\nparams: {logit_bias: {5: 1, "5": -1}}\n'
    error = refusal(tmp_path, text)
    assert (error.field, error.line) == ("params", 4)
    assert "expected each name once" in str(error)
