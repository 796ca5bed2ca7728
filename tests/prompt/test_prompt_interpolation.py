"""`{{ expression }}`: what is evaluated, what is left alone, and what is said when it cannot be."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from claude_magic.errors import UndefinedName, UsageError
from claude_magic.prompt import compose


def said(body, **namespace):
    """The text of a prompt that has only text."""
    blocks = compose(body, namespace)
    assert [b["type"] for b in blocks] == ["text"]
    return blocks[0]["text"]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("{{ x }}", "7"),
        ("{{x}}", "7"),
        ("{{   x\n}}", "7"),
        ("a {{ x }} b {{ x + 1 }} c", "a 7 b 8 c"),
        ("{{ x }}{{ x }}", "77"),
        ("{{ {'a': 1} }}", "{'a': 1}"),
        ("{{ {'a': 1}}}", "{'a': 1}"),
        ("{{{'a': 1}}}", "{'a': 1}"),
        ("{{ {'a': {'b': {1}}} }}", "{'a': {'b': {1}}}"),
        ("{{ {'a': {'b': {1}}}}}", "{'a': {'b': {1}}}"),
        ("{{ {1: {2}}}} and {{ x }}", "{1: {2}} and 7"),
        ("{{ {k: k for k in range(2)}}}", "{0: 0, 1: 1}"),
        ("{{ f'{x}!' }}", "7!"),
        ("{{ f'{{{x}}}' }}", "{7}"),
        ("{{ f'{x:>{x}}' }}", "      7"),
        ("{{ '}}' }}", "}}"),
        ("{{ '{{ x }}' }}", "{{ x }}"),
        ("{{ [x\n for _ in range(2)] }}", "[7, 7]"),
        ("{{ (lambda y: y + x)(1) }}", "8"),
        ("{{ (y := 3) + y }}", "6"),
        ("{{ x if x > 1 else None }}", "7"),
        ("{{ text.upper() }}", "AB"),
        ("é {{ text }} 語", "é ab 語"),
    ],
)
def test_an_expression_is_replaced_by_its_value(body, expected):
    """Any Python expression; braces inside it are its own."""
    assert said(body, x=7, text="ab") == expected


@pytest.mark.parametrize(
    "body",
    [
        json.dumps({"model": "m", "messages": [{"role": "user", "content": [{"type": "text"}]}]}),
        json.dumps({"a": {"b": {"c": {}}}}, indent=2),
        "f(x) = { x }",
        "}} comes first",
        "an opening {{ without an end",
        "an opening {{ and a brace }",
        "  leading, trailing and\ttabs  \r\n\n",
        "$VAR ${VAR} %s {0} !ls ?help %magic \\n \\frac{a}{b}",
        "a\u2028b\u00a0c\x00d",
    ],
)
def test_what_holds_no_expression_is_sent_as_typed(body):
    """Single braces, shell variables, unclosed braces and white space arrive byte for byte."""
    assert said(body, x=1) == body


@settings(derandomize=True, deadline=None)
@given(st.text(st.characters() | st.sampled_from("{}'\"\n ")).filter(lambda t: "{{" not in t and t.strip()))
def test_any_body_without_double_braces_arrives_byte_for_byte(body):
    """The rule, for any text."""
    assert said(body, x=1) == body


@settings(derandomize=True, deadline=None)
@given(st.text(st.characters() | st.sampled_from("{}x ")).filter(str.strip))
def test_what_a_value_holds_is_never_expanded_again(value):
    """A value may hold `{{ secret }}`, or half of one that the body seems to complete: it is only text."""
    assert said("{{ value }}", value=value, secret="s") == value
    assert said("[{{ value }}]}", value=value, secret="s") == f"[{value}]}}"


@settings(derandomize=True, deadline=None)
@given(st.text(st.sampled_from("{}x '\"\n:1")).filter(str.strip))
def test_raw_sends_any_body_as_typed(body):
    """With `raw` there are no expressions."""
    assert compose(body, {"x": 1}, raw=True) == [{"type": "text", "text": body}]


def test_each_expression_is_evaluated_once_and_in_order():
    """An expression that counts its calls counts one for each place it stands in."""
    calls = []
    assert said("{{ f('a') }} {{ f('b') }}", f=lambda s: calls.append(s) or s) == "a b"
    assert calls == ["a", "b"]


def test_evaluating_leaves_the_notebook_as_it_was():
    """A walrus in a prompt binds nothing in the user's namespace, and `__builtins__` does not appear there."""
    namespace = {"x": 1}
    compose("{{ (y := x) }} {{ len([1]) }}", namespace)

    assert namespace == {"x": 1}


@pytest.mark.parametrize(
    ("body", "name", "advice"),
    [
        ("{{ sales_fame }}", "sales_fame", "Did you mean `sales_frame`?"),
        ("{{ sales_fame.head() }}", "sales_fame", "Did you mean `sales_frame`?"),
        ("{{ [i for i in zzz] }}", "zzz", "Define it"),
        ("{{ frame }} {{ sale_frame }}", "sale_frame", "Did you mean `sales_frame`?"),
    ],
)
def test_an_undefined_name_is_named_with_the_nearest(body, name, advice):
    """One line: which name, that nothing was sent, and what was perhaps meant."""
    with pytest.raises(UndefinedName) as raised:
        compose(body, {"sales_frame": "s", "frame": "f", "_sales_fame": "hidden"})

    assert f"`{name}` is not defined; nothing was sent." in str(raised.value)
    assert advice in str(raised.value)


def _custom():
    raise NameError("something else")


class Unprintable:
    """Its repr fails."""

    def __repr__(self):
        """Fail."""
        raise RuntimeError("no repr")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("{{ 1 / 0 }}", "`{{ 1 / 0 }}` raised ZeroDivisionError: division by zero."),
        ("{{ {}['a'] }}", "raised KeyError: 'a'."),
        ("{{ text.nothing }}", "raised AttributeError: 'str' object has no attribute 'nothing'."),
        ("{{ await f() }}", "raised SyntaxError: 'await' outside function"),
        ("{{ custom() }}", "`{{ custom() }}` raised NameError: something else."),
        ("{{ unprintable }}", "`{{ unprintable }}` raised RuntimeError: no repr."),
        ("{{ next(iter([])) }}", "raised StopIteration."),
    ],
)
def test_an_expression_that_raises_is_quoted_with_its_error(body, expected):
    """One line: which expression, what it raised, that nothing was sent."""
    with pytest.raises(UsageError) as raised:
        compose(body, {"text": "ab", "custom": _custom, "unprintable": Unprintable()})

    assert expected in str(raised.value)
    assert "Nothing was sent." in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    "body",
    [
        "{{ }}",
        "{{ two words }}",
        "{{ x = 1 }}",
        "{{ import os }}",
        "{{ {'a': }}",
        "{{ x }} then {{ ? }}",
        "{{ 'open }}",
        "{{ " + "(" * 5_000 + " }}",
        "{{ x\x00 }}",
    ],
)
def test_what_is_no_expression_is_refused_with_the_way_out(body):
    """Nothing is sent half expanded; `--raw` is named for whoever meant the braces."""
    with pytest.raises(UsageError, match="is not a Python expression; nothing was sent") as raised:
        compose(body, {"x": 1})

    assert "--raw" in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("body", ["", " ", "\n\t\n", "{{ '' }}", "{{ '  ' }}\n"])
def test_an_empty_prompt_is_refused(body):
    """The API takes no blank text; neither do we."""
    with pytest.raises(UsageError, match="The prompt is empty; nothing was sent"):
        compose(body, {})
