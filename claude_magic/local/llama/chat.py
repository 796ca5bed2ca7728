"""The messages the model sees: few and short, since half a billion parameters read some sixty tokens a second.

About a table: an instruction and a few examples, always the same ones and first, so that llama.cpp reads them once and
keeps them; then the columns, the last question and program before this one, and the question. Without a table: the
texts of the conversation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from claude_magic.local.llama.program import written_in
from claude_magic.local.standin import schema
from claude_magic.local.standin.columns import Names

if TYPE_CHECKING:
    from collections.abc import Iterator

    from claude_magic.local.standin.prompts import Asked
    from claude_magic.local.standin.table import Column, Table

Message = dict[str, str]

_MOST_COLUMNS = 40
_MOST_VALUES = 8
_MOST_OF_A_NAME = 60
_MOST_OF_OUTPUT = 1200  # characters
_MOST_OF_AN_ERROR = 300
_MOST_OF_A_PROGRAM = 800
_MOST_OF_A_SYSTEM = 2000

_INSTRUCTION = (
    "You write short pandas programs about the DataFrame `df`, which is loaded already: never load or invent data. "
    "Put the answer into the variable `result`. When a chart is asked for, draw it from the data. "
    "Use only the columns listed. Reply with one ```python block."
)
_EXAMPLE_COLUMNS = 'Columns of df: "region" (text), "units" (number), "price" (number), "day" (time)'
_EXAMPLES = (
    ("Which region sold the most units?", 'result = df.groupby("region")["units"].sum().sort_values(ascending=False)'),
    ("On which day was the price highest?", 'result = df.nlargest(1, "price")[["day", "price"]]'),
    (
        "Draw a bar chart of the mean price by region.",
        'result = df.groupby("region")["price"].mean()\nresult.plot(kind="bar", ylabel="mean price")',
    ),
    (
        "Scatter plot of price against units, coloured by region.",
        """\
for name, part in df.groupby("region"):
    plt.scatter(part["units"], part["price"], label=name)
plt.xlabel("units")
plt.ylabel("price")
plt.legend()
result = df[["units", "price"]].describe()""",
    ),
    (
        "Draw a heat map of the correlations.",
        """\
result = df.corr(numeric_only=True)
plt.imshow(result, cmap="coolwarm", vmin=-1, vmax=1)
plt.xticks(range(len(result)), result.columns, rotation=90)
plt.yticks(range(len(result)), result.columns)
plt.colorbar()""",
    ),
)
_WORDS = "Answer the question in one or two short sentences, with these figures only. No code."


def about_table(request: dict[str, Any], asked: Asked, table: Table) -> list[Message]:
    """The messages that ask for a program."""
    told = [_message("system", _INSTRUCTION)]
    for question, program in _EXAMPLES:
        told += [_message("user", f"{_EXAMPLE_COLUMNS}\n{question}"), _message("assistant", _fenced(program))]
    columns = _columns(table, asked.prompt)
    before = _program_before(request)
    if asked.earlier and before:
        told += [_message("user", f"{columns}\n{asked.earlier[-1]}"), _message("assistant", _fenced(before))]
    return [*told, _message("user", f"{columns}\n{asked.prompt}")]


def again(messages: list[Message], program: str, failure: str) -> list[Message]:
    """The messages that ask for another program: the same question, with what failed.

    It is no further turn: asked to correct themselves, small models begin to load files that are not there.
    """
    failed = f"Do not write this, it fails ({_cut(failure, _MOST_OF_AN_ERROR)}):\n{_cut(program, _MOST_OF_A_PROGRAM)}"
    return [*messages[:-1], _message("user", f"{messages[-1]['content']}\n{failed}")]


def in_words(prompt: str, printed: str, *, drawn: bool) -> list[Message]:
    """The message that tells what the program printed and asks for the answer.

    On its own: behind the examples above, a small model goes on writing programs.
    """
    said = f"Question: {prompt}\nThe program printed:\n{_cut(printed, _MOST_OF_OUTPUT) or '(nothing)'}\n"
    said += "The chart is drawn and shown.\n" if drawn else ""
    return [_message("user", said + _WORDS)]


def conversation(request: dict[str, Any]) -> list[Message]:
    """The texts of a conversation, neighbours of one role joined."""
    system = _text(request.get("system") or "")
    told = [_message("system", _cut(system, _MOST_OF_A_SYSTEM))] if system.strip() else []
    for message in request["messages"]:
        text = _text(message["content"])
        text = schema.request(text) if message["role"] == "user" else text
        if not text.strip():
            continue
        if told and told[-1]["role"] == message["role"]:
            told[-1] = _message(message["role"], f"{told[-1]['content']}\n\n{text}")
        else:
            told.append(_message(message["role"], text))
    return told


def _columns(table: Table, prompt: str) -> str:
    """One line of the columns; of very many those that the prompt names, and the first."""
    columns = list(table.columns)
    if len(columns) > _MOST_COLUMNS:
        named = {name for mention in Names(c.name for c in columns).find(prompt) for name in mention.columns}
        columns = sorted(columns, key=lambda c: c.name not in named)[:_MOST_COLUMNS]
    return "Columns of df: " + ", ".join(_column(c) for c in columns)


def _column(column: Column) -> str:
    values = [v for v in column.values if len(v) <= _MOST_OF_A_NAME][:_MOST_VALUES]
    listed = ": " + ", ".join(values) if values else ""
    return f'"{column.name}" ({column.kind}{listed})'


def _program_before(request: dict[str, Any]) -> str:
    """What the model wrote last, in an earlier answer of this conversation."""
    for block in _blocks_backwards(request):
        if block.get("type") == "server_tool_use":
            written = written_in(str(block.get("input", {}).get("command", "")))
            if written:
                return written if len(written) <= _MOST_OF_A_PROGRAM else ""
    return ""


def _blocks_backwards(request: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for message in reversed(request["messages"]):
        if message["role"] == "assistant" and not isinstance(message["content"], str):
            yield from reversed(message["content"])


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    return "\n".join(str(block.get("text", "")) for block in content if block.get("type") == "text")


def _fenced(program: str) -> str:
    return f"```python\n{program}\n```"


def _message(role: str, content: str) -> Message:
    return {"role": role, "content": content}


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[:most]} …"
