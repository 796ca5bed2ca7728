"""The option line: what it means, and the one line that is said when it means nothing."""

import shlex

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from claude_magic.errors import UsageError
from claude_magic.magics.arguments import OPTIONS, nearest, parse, parse_cell, parse_prompt, table, words
from claude_magic.options import Options


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("", Options()),
        ("   ", Options()),
        ("-m opus", Options(model="opus")),
        ("-mopus", Options(model="opus")),
        ("-m=opus", Options(model="opus")),
        ("--model opus", Options(model="opus")),
        ("--model=opus", Options(model="opus")),
        ("--model=a=b", Options(model="a=b")),
        ("-m opus -m haiku", Options(model="haiku")),
        ("-s 'Be brief.'", Options(system="Be brief.")),
        ('--system="Say \\"no\\""', Options(system='Say "no"')),
        ("--system '- in a list'", Options(system="- in a list")),
        ("--system=--run", Options(system="--run")),
        ("-s don\\'t", Options(system="don't")),
        ("-o answer", Options(out="answer")),
        ("-o größe", Options(out="größe")),
        ("-u df", Options(upload=("df",), run=True)),
        ("-u df -u 'my file.csv' --upload=x", Options(upload=("df", "my file.csv", "x"), run=True)),
        ("--run", Options(run=True)),
        ("--run --run", Options(run=True)),
        ("--max-tokens 500", Options(max_tokens=500)),
        ("--max-tokens=128000", Options(max_tokens=128000)),
        ("--thread work", Options(thread="work")),
        ("--new --no-history", Options(new=True, history=False)),
        ("--no-stream --raw", Options(stream=False, raw=True)),
        ("--share stats", Options(share="stats")),
        ("--share=sample=20", Options(share="sample=20")),
        ("--save charts --new-container", Options(save="charts", new_container=True)),
        ("--keep 12h", Options(keep=12 * 3600)),
        ("--keep 2w", Options(keep=14 * 86_400)),
        ("-m opus --", Options(model="opus")),
        (
            "-m opus -s x -o a -u df --max-tokens 9 --thread t --new --no-history --no-stream --raw",
            Options("opus", "x", "a", ("df",), True, 9, "t", True, False, False, True),  # noqa: FBT003 - all fields
        ),
    ],
)
def test_a_line_becomes_its_options(line, expected):
    """Short, long, joined and quoted forms mean the same; repeated values replace, uploads add up."""
    assert parse_cell(line) == expected


@pytest.mark.parametrize(
    ("line", "said", "advice"),
    [
        ("--modle opus", "`--modle` is no option", "Did you mean `--model`?"),
        ("--maxtokens 5", "`--maxtokens` is no option", "Did you mean `--max-tokens`?"),
        ("--no-histroy", "`--no-histroy` is no option", "Did you mean `--no-history`?"),
        ("--uplaod=df", "`--uplaod` is no option", "Did you mean `--upload`?"),
        ("-run", "`-run` is no option", "Did you mean `--run`?"),
        ("-model opus", "`-model` is no option", "Did you mean `--model`?"),
        ("-upload=df", "`-upload` is no option", "Did you mean `--upload`?"),
        ("-out x", "`-out` is no option", "Did you mean `--out`?"),
        ("--zzzz", "`--zzzz` is no option", "`%claude help` lists the options."),
        ("-z", "`-z` is no option", ""),
        ("-m", "`-m` needs a value", "model id or alias"),
        ("--model=", "`--model` needs a value", "model id or alias"),
        ("-m ''", "`-m` needs a value", "model id or alias"),
        ("-m --run", "`-m` needs a value", "model id or alias"),
        ("-m --runn", "`-m` needs a value", "model id or alias"),
        ("-o -m opus", "`-o` needs a value", "bind the Reply"),
        ("--run=yes", "`--run` takes no value", "Leave out"),
        ("--run= ", "`--run` takes no value", "Leave out"),
        ("--max-tokens 0", "`--max-tokens 0` is no number of tokens", "above 0"),
        ("--max-tokens -5", "`--max-tokens -5` is no number of tokens", "above 0"),
        ("--max-tokens many", "`--max-tokens many` is no number of tokens", "above 0"),
        ("--max-tokens 1e3", "`--max-tokens 1e3` is no number of tokens", "above 0"),
        ("--max-tokens ٣", "`--max-tokens ٣` is no number of tokens", "above 0"),
        ("--max-tokens " + "9" * 400, "is no number of tokens", "above 0"),
        ("--max-tokens " + "9" * 5_000, "`--max-tokens 999", "above 0"),
        ("--share everything", "`--share everything` is no level", "none, schema, stats"),
        ("--share sample=0", "`--share sample=0` is no level", "none, schema, stats"),
        ("--share sample=" + "9" * 5_000, "`--share sample=999", "none, schema, stats"),
        ("--keep 91d", "`--keep 91d` is no time", "1h to 90d"),
        ("--keep 0h", "`--keep 0h` is no time", "1h to 90d"),
        ("--keep 7", "`--keep 7` is no time", "1h to 90d"),
        ("--keep " + "9" * 5_000 + "h", "`--keep 999", "1h to 90d"),
        ("--save", "`--save` needs a value", "copy of every file"),
        ("-o 2x", "`--out 2x` is no Python name", "such as `answer`"),
        ("-o class", "`--out class` is no Python name", "such as `answer`"),
        ("-s 'open", "The line cannot be read", "Close the quote"),
        ("-s don't", "The line cannot be read", "Close the quote"),
        ("What is this?", "`What is this?` on the line of %%claude is no option", "below the line"),
        ("-m opus and more", "`and more` on the line", "a value with spaces needs quotes"),
        ("-- --run", "`--run` on the line", "below the line"),
        ("-", "`-` on the line", "below the line"),
    ],
)
def test_what_is_no_option_is_refused_in_one_line(line, said, advice):
    """Each error names what was typed and what was perhaps meant."""
    with pytest.raises(UsageError) as raised:
        parse_cell(line)

    (shown,) = raised.value._render_traceback_()
    assert said in shown
    assert advice in shown
    assert "\n" not in shown


@settings(derandomize=True, deadline=None, max_examples=200)
@given(st.text(max_size=40))
def test_any_line_is_options_or_one_error(line):
    """No line, however odd, ends in anything but `Options` or a `UsageError`."""
    for read in (parse_cell, parse_prompt, parse):
        assert "\n" not in _said(read, line)


def _said(read, line):
    """The error that reading `line` raises, or nothing."""
    try:
        read(line)
    except UsageError as error:
        return str(error)
    return ""


VALUES = st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), min_size=1, max_size=20)


@settings(derandomize=True, deadline=None)
@given(system=VALUES, thread=VALUES)
def test_a_quoted_value_arrives_as_it_is(system, thread):
    """What a shell's quoting protects arrives unchanged in both forms."""
    line = f"--system={shlex.quote(system)} --thread={shlex.quote(thread)} --raw"

    assert parse_cell(line) == Options(system=system, thread=thread, raw=True)


@pytest.mark.parametrize(
    ("line", "options", "prose"),
    [
        ("what's up, isn't it?", Options(), "what's up, isn't it?"),
        ("-m opus what's up", Options(model="opus"), "what's up"),
        ("-mopus --new don't \"quote me", Options(model="opus", new=True), "don't \"quote me"),
        ("-s 'Be brief.' why --run?", Options(system="Be brief."), "why --run?"),
        ('--system="Be brief." why?', Options(system="Be brief."), "why?"),
        ("--run", Options(run=True), ""),
        ("-- --run is what?", Options(), "--run is what?"),
        ("-m opus -- -5 is what?", Options(model="opus"), "-5 is what?"),
        ("- a list's item", Options(), "- a list's item"),
        ("  two  spaces   inside ", Options(), "two  spaces   inside"),
        ("{{ df['a'] }} and C:\\new", Options(), "{{ df['a'] }} and C:\\new"),
        ("", Options(), ""),
    ],
)
def test_prose_after_leading_options_stays_as_it_stands(line, options, prose):
    """An apostrophe in prose is an apostrophe; an option in mid-sentence is a word."""
    assert parse_prompt(line) == (options, prose)


@pytest.mark.parametrize(
    "line", ["-s don't be long", '-s "open why', "--modle opus why", "-m", '-s"open why', "-5 is what?"]
)
def test_leading_options_of_a_prompt_are_read_strictly(line):
    """A value whose quote never closes is not cut where it happens to begin; an unknown option is no prose."""
    with pytest.raises(UsageError):
        parse_prompt(line)


@settings(derandomize=True, deadline=None)
@given(st.text(st.characters(codec="utf-8"), max_size=60).map(str.strip).filter(lambda t: not t.startswith("-")))
def test_prose_without_options_arrives_whole(prose):
    """Whatever does not begin with a dash is sent as it stands."""
    assert parse_prompt(prose) == (Options(), prose)


def test_the_words_of_a_command_are_counted():
    """Too few, too many, or an open quote: one line with the usage."""
    assert words("a 'b c'", "x A B", least=1, most=2) == ["a", "b c"]
    for line in ("", "a b c"):
        with pytest.raises(UsageError, match="Write `%claude x A B`"):
            words(line, "x A B", least=1, most=2)
    with pytest.raises(UsageError, match="Close the quote"):
        words("'a", "x A B")


def test_nearest_knows_when_nothing_is_near():
    """A typo finds its word, noise finds none."""
    assert nearest("statsu", ["status", "use"]) == "status"
    assert nearest("qqq", ["status", "use"]) is None


def test_the_help_has_every_option_on_a_line_of_its_own():
    """The table of the help and the parser are one: names, value, meaning, and the default of --max-tokens."""
    lines = table().splitlines()

    assert len(lines) == len(OPTIONS)
    for option, line in zip(OPTIONS, lines, strict=True):
        assert ", ".join(option.names) in line
        assert option.meaning in line
    assert "default 16000" in table()


def test_options_are_a_value():
    """Equal when their fields are, and not to be changed."""
    assert Options(model="a") == Options(model="a")
    with pytest.raises(AttributeError):
        Options().model = "b"
