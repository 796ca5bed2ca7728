"""The commands of `%claude`: one table, each entry a function that returns what is shown."""

from __future__ import annotations

import os
import platform
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from claude_magic import backends, catalogue
from claude_magic._version import __version__
from claude_magic.containers import generated_ids
from claude_magic.errors import AuthenticationFailed, UsageError, one_line
from claude_magic.magics import arguments, file_commands, model_commands, warmup
from claude_magic.magics.cell import ask
from claude_magic.magics.views import Facts, Text, table
from claude_magic.rendering import bundle, painter
from claude_magic.reply import Reply, dollars
from claude_magic.sandbox import isolation
from claude_magic.wire import Secret

if TYPE_CHECKING:
    from collections.abc import Callable

    from claude_magic.magics import ClaudeMagics


@dataclass(frozen=True, slots=True)
class Command:
    """One command.

    Attributes:
        usage: what may follow its name.
        meaning: one sentence.
        run: takes the magics and the rest of the line, returns what is shown.

    """

    usage: str
    meaning: str
    run: Callable[[ClaudeMagics, str], Any]


def run(magics: ClaudeMagics, line: str) -> Any:
    """Run the line of `%claude`: a command, or a prompt when its first word is none.

    Raises:
        UsageError: a single word that is nearly a command; a prompt of one word would rarely be meant.
        ClaudeMagicError: whatever the command finds wrong.

    """
    name, _, rest = line.strip().partition(" ")
    if not name:
        return _status(magics, "")
    if name in COMMANDS:
        return COMMANDS[name].run(magics, rest.strip())
    near = arguments.nearest(name.lower(), COMMANDS)
    if near and not rest:
        raise UsageError(f"`{name}` is no command.", advice=f"Did you mean `{near}`? To ask it: `%claude ask {name}`.")
    return _ask(magics, line)


def _ask(magics: ClaudeMagics, rest: str) -> None:
    options, text = arguments.parse_prompt(rest)
    ask(magics.shell, magics.session, options, text)


def _status(magics: ClaudeMagics, rest: str) -> Any:
    arguments.words(rest, "status", most=0)
    session = magics.session
    backend = session.backend
    thread = session.thread()
    return Facts(
        {
            "who answers": f"{backend.name} ({backend.base_url})",
            "key": backend.source if backend.key or backend.token else "none: `%claude login` or `%claude use local`",
            "model": session.settings.model,
            "max_tokens": f"{session.settings.max_tokens:,}",
            "thread": f"{thread.name} ({_turns(len(thread.turns))})",
            "spent today": dollars(session.store.spent_today()),
            "commands": " ".join(COMMANDS),
        }
    )


def _use(magics: ClaudeMagics, rest: str) -> Any:
    usage = "use api|local|URL [--key-env NAME]"
    where, *more = arguments.words(rest, usage, least=1, most=3)
    key = None
    if more:
        if more[0] != "--key-env" or len(more) == 1:
            raise UsageError(f"`{more[0]}` is not how `use` is used.", advice=f"Write `%claude {usage}`.")
        if not os.environ.get(more[1]):
            raise UsageError(f"The environment variable {more[1]} is not set.", advice="Set it, or leave it out.")
        key = Secret(os.environ[more[1]])
    backend = magics.session.use(where, key=key)
    if magics.warm_up and backend.ready:
        warmup.connect(magics.session)
    said = {
        "api": f"The Claude API answers from here on (key: {backend.source}).",
        "local": "The local server answers from here on: no key, no network, no charge. It is not Claude."
        + ("" if isolation() == "bwrap" else _UNWALLED),
        "url": f"{backend.base_url} answers from here on (key: {backend.source}).",
    }
    return Text(said[backend.name])


# What the sandbox cannot promise where bubblewrap does not work; the stand-in writes its code itself, a model does not.
_UNWALLED = "\nThe code it runs has no walls on this machine: it can read and delete your files. Install bubblewrap."


def _own_server(magics: ClaudeMagics) -> tuple[str, str]:
    """Return the name and base URL of the server that a key would be for: the local server has its own."""
    backend = magics.session.backend
    if backend.name == "local" or backend.base_url == backends.API:
        return "api", backends.API
    return backend.base_url, backend.base_url


def _login(magics: ClaudeMagics, rest: str) -> Any:
    from getpass import getpass

    arguments.words(rest, "login", most=0)
    session = magics.session
    where, base_url = _own_server(magics)
    try:
        typed = getpass("API key: ").strip()
    except (EOFError, RuntimeError):  # ipykernel's StdinNotImplementedError is a RuntimeError
        advice = "Set ANTHROPIC_API_KEY before the kernel starts."
        raise UsageError("Nothing can be typed here, so no key was asked for.", advice=advice) from None
    if not typed:
        raise UsageError("No key was entered.", advice="Nothing was changed.")
    key = Secret(typed)
    backend = session.use(where, key=key)
    try:
        session.client.models.list()
    except AuthenticationFailed:
        session.use(where)
        raise
    kept = backends.keep_key(base_url, key)
    place = "kept in the system keyring" if kept else "kept for this kernel only (no system keyring was found)"
    return Text(f"{backend.base_url} accepts the key; it is {place}.")


def _logout(magics: ClaudeMagics, rest: str) -> Any:
    arguments.words(rest, "logout", most=0)
    where, base_url = _own_server(magics)
    forgotten = backends.forget_key(base_url)
    if magics.session.backend.name != "local":
        magics.session.use(where)
    return Text(f"The key for {base_url} is forgotten." if forgotten else f"No key for {base_url} was kept.")


def _thread(magics: ClaudeMagics, rest: str) -> Any:
    named = arguments.words(rest, "thread [NAME]", most=1)
    session = magics.session
    if named:
        session.current = named[0]
    thread = session.thread()
    rows = [
        {
            "turn": number,
            "asked": _said(turn.asked),
            "answered": _said(turn.answer.content),
            "model": turn.answer.model,
            "ended": turn.unfinished or turn.answer.stop_reason,
        }
        for number, turn in enumerate(thread.turns, 1)
    ]
    shown = table(rows, ["turn", "asked", "answered", "model", "ended"])
    shown.attrs["thread"] = thread.name
    return shown


def _code(magics: ClaudeMagics, rest: str) -> Text | None:
    named = arguments.words(rest, "code [NAME]", most=1)
    reply = magics.shell.user_ns.get(named[0] if named else "_")
    code = reply.local_code(magics.shell.user_ns) if isinstance(reply, Reply) else ""
    if not code:
        what = f"`{named[0]}`" if named else "The last value"
        raise UsageError(
            f"{what} is no reply that ran Python.", advice="Write `%claude code NAME`, NAME from `-o NAME`."
        )
    magics.shell.set_next_input(code)
    return Text("The code is in the next cell; it reads your own frame and writes into this folder.")


def _container(magics: ClaudeMagics, rest: str) -> Any:
    arguments.words(rest, "container", most=0)
    session = magics.session
    thread = session.thread()
    if thread.container is None:
        return Text(f"Thread {thread.name} has no container yet: the next cell with --run or --upload gets one.")
    sources = [session.store.source_of(file_id) for file_id in sorted(thread.mounted - session.gone)]
    here = [t.answer for t in thread.turns if t.answer.container == thread.container]
    made = [file_id for answer in here for file_id in generated_ids(answer.content)]
    return Facts(
        {
            "container": thread.container,
            "age": f"{(time.time() - (thread.container_since or 0)) / 60:.0f} min",
            "expires": thread.container_expires_at or "not said",
            "files in it": ", ".join(sorted(s.filename for s in sources if s)) or "none",
            "files made": len(made),
        }
    )


def _said(blocks: Any, longest: int = 200) -> str:
    texts = [b["text"] for b in blocks if b.get("type") == "text" and b.get("text", "").strip()]
    return one_line(texts[-1])[:longest] if texts else ""


def _reset(magics: ClaudeMagics, rest: str) -> Any:
    named = arguments.words(rest, "reset [NAME]", most=1)
    session = magics.session
    name = named[0] if named else session.current
    if named and name not in session.threads:
        raise UsageError(f"There is no thread `{name}`.", advice="`%claude thread` shows the current one.")
    thread = session.thread(name)
    count = len(thread.turns)
    thread.clear()
    return Text(f"Thread {name}: {_turns(count)} forgotten.")


def _turns(count: int) -> str:
    return "1 turn" if count == 1 else f"{count} turns"


def _show(magics: ClaudeMagics, rest: str) -> None:
    """Show an answer of a conversation as a cell would have: what was only seen in a panel becomes ordinary output."""
    usage = "show [THREAD [TURN]]"
    named = arguments.words(rest, usage, most=2)
    session = magics.session
    name = named[0] if named else session.current
    turns = session.threads[name].turns if name in session.threads else []
    number = named[1] if len(named) > 1 else str(len(turns))
    if not (number.isascii() and number.isdecimal() and 1 <= int(number) <= len(turns)):
        advice = f"It has {len(turns)}; write `%claude {usage}`."
        raise UsageError(f"Thread {name} has no turn {number}.", advice=advice)
    answer = turns[int(number) - 1].answer
    reply = session.replies.get(answer.id)
    with painter(magics.shell) as painted:
        if reply is None or reply.message is not answer:
            painted.settle(bundle(answer, footer=None))
        else:
            painted.settle(reply.bundle(), list(reply.pictures()))


def _panel(magics: ClaudeMagics, rest: str) -> Any:
    named = arguments.words(rest, "panel [NAME]", most=1)
    from claude_magic.panels import open_panel  # ipywidgets come with it

    return open_panel(magics.session, magics.shell, *named)


def _help(_: ClaudeMagics, rest: str) -> Text:
    named = arguments.words(rest, "help [COMMAND]", most=1)
    if named:
        if named[0] not in COMMANDS:
            near = arguments.nearest(named[0], COMMANDS)
            advice = f"Did you mean `{near}`?" if near else "`%claude help` lists them."
            raise UsageError(f"`{named[0]}` is no command.", advice=advice)
        command = COMMANDS[named[0]]
        return Text(f"%claude {named[0]} {command.usage}".rstrip() + f"\n  {command.meaning}")
    lines = [f"  {name:<9} {c.meaning}" + (f": {name} {c.usage}" if c.usage else "") for name, c in COMMANDS.items()]
    head = "%%claude [options]   the prompt goes below; {{ expression }} is replaced by its value\n"
    return Text(f"{head}{arguments.table()}\n\n%claude COMMAND\n" + "\n".join(lines))


def _version(_: ClaudeMagics, rest: str) -> Facts:
    arguments.words(rest, "version", most=0)
    return Facts(
        {
            "claude_magic": __version__,
            "Python": platform.python_version(),
            "anthropic-version": "2026-10-21",
            "catalogue as of": catalogue.as_of,
        }
    )


COMMANDS: dict[str, Command] = {
    "status": Command("", "who answers, which model and thread, what was spent today", _status),
    "use": Command("api|local|URL [--key-env NAME]", "choose who answers", _use),
    "login": Command("", "ask for an API key without echo and keep it in the system keyring", _login),
    "logout": Command("", "forget the key", _logout),
    "ask": Command("[options] TEXT", "send a prompt from the line", _ask),
    "models": Command("[PATTERN]", "models with limits, prices and lifecycle", model_commands.models),
    "model": Command("[NAME]", "show or set the default model", model_commands.model),
    "count": Command(
        "[options] TEXT-or-VARIABLES", "input tokens a cell would send, and their price by model", model_commands.count
    ),
    "files": Command("[list | show ID | delete ID… | prune]", "the Files API", file_commands.files),
    "upload": Command("[--keep TIME] X…", "send DataFrames or files, each once", file_commands.upload),
    "download": Command("ID [PATH]", "fetch a file that Claude made", file_commands.download),
    "code": Command("[NAME]", "put the code a reply ran into the next cell, reading your own frame", _code),
    "container": Command("", "the container of the current conversation: id, age, what is in it", _container),
    "thread": Command("[NAME]", "show the current conversation, or switch to another", _thread),
    "show": Command("[THREAD [TURN]]", "show an answer of a conversation again, as ordinary output", _show),
    "reset": Command("[NAME]", "clear a conversation", _reset),
    "panel": Command("[NAME]", "open the panels, or one of them: chat, models, …", _panel),
    "help": Command("[COMMAND]", "this text, or one command's", _help),
    "version": Command("", "versions", _version),
}
