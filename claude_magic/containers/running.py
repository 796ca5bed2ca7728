"""Shell commands read as they would run: which uploaded files they open, and which Python they start.

What a command's success says about its parts follows the shell's own rules: the return code is that of the last
command; `&&` and `set -e` vouch for what stands before, `;`, `|` and `||` do not. Where the return code does not vouch,
an output without any sign of failure does.
"""
# ruff: noqa: SIM905 - lists of words read best as words

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from claude_magic.containers import shell
from claude_magic.containers.findings import Findings
from claude_magic.containers.flow import Program
from claude_magic.containers.syntax import expanded
from claude_magic.containers.traces import (
    DATA,
    INPUT,
    NOTHING,
    OPAQUE,
    OUTPUT,
    TABLE_ENDINGS,
    UNKNOWN,
    Disk,
    Trace,
    clean,
    either,
    glued,
    normal,
    table_text,
    text,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_READERS = frozenset(
    "cat head tail awk gawk mawk sed grep egrep fgrep zgrep rg cut sort uniq wc less more nl tac rev paste join "
    "comm diff cmp xxd od hexdump strings jq yq sqlite3 duckdb csvcut csvstat csvlook csvgrep csvsql mlr xsv q "
    "datamash column tr fold unzip 7z 7za tar zcat gunzip gzip bunzip2 xz md5sum sha1sum sha256sum cksum base64 "
    "iconv parquet-tools dos2unix pdftotext split shuf".split()
)
_ONLOOKERS = frozenset(
    "ls echo printf pwd cd mkdir rm rmdir touch chmod test [ [[ true false : stat file du df find which type env "
    "export set unset declare local readonly source . date sleep wait exit return basename dirname realpath "
    "readlink pip pip3 uname whoami id nproc free trap shopt read break continue tee".split()
)
_PYTHON = re.compile(r"(?:.*/)?(?:i?python[\d.]*|pypy3?)")
_WRAPPERS = frozenset({"env", "time", "nohup", "exec", "command", "nice", "timeout", "stdbuf", "sudo", "uv", "run"})
_COPIES = frozenset({"cp", "mv", "ln", "install", "rsync"})
_ASSIGNED = re.compile(r"([A-Za-z_]\w*)\+?=")
_FAILED = re.compile(
    r"Traceback \(most recent call last\)|No such file|[Cc]ommand not found|Permission denied|[Cc]annot (?:open|access)"
    r"|^\w*(?:Error|Exception)\b|Killed|Segmentation fault",
    re.MULTILINE,
)
_DEPTH = 6


@dataclass
class Shell:
    """Reads the commands of one container in order.

    Args:
        disk: the container's files.

    """

    disk: Disk
    findings: Findings = field(default_factory=Findings)
    variables: dict[str, Trace] = field(default_factory=dict)
    _depth: int = 0

    def run(self, command: str, label: str, said: str = "") -> Findings:
        """Read one command that returned 0.

        Args:
            command: its text.
            label: what evidence calls it.
            said: its output and errors.

        """
        outer, self.findings = self.findings, Findings()
        self.variables = dict.fromkeys(self.variables, text(UNKNOWN)) if self._depth else {}
        try:
            self._list(shell.commands(command), label, clean_run=_FAILED.search(said) is None)
        except (shell.Unreadable, RecursionError):
            self.findings.doubts.append(f"{label} cannot be read as shell commands")
        made, self.findings = self.findings, outer
        return made

    def _list(self, parsed: Sequence[shell.Simple], label: str, *, clean_run: bool) -> None:
        strict = [False, False]  # set -e, pipefail
        stdin = Trace()
        for at, command in enumerate(parsed):
            words = [shell.literal(word) or "" for word in command.words]
            if words and words[0] == "set":
                flags = " ".join(words[1:])
                strict = [strict[0] or bool(re.search(r"-\w*e|errexit", flags)), strict[1] or "pipefail" in flags]
            vouched = _vouched(parsed, at, errexit=strict[0], pipefail=strict[1])
            after_test = command.before == "&&" and at > 0 and _is_test(parsed[at - 1])
            sure = (vouched or (clean_run and not command.hushed)) and not command.conditional
            sure = sure and (vouched or not after_test)
            outer, self.findings = self.findings, Findings()
            piped = self._simple(command, label, stdin if command.before in {"|", "|&"} else Trace())
            found, self.findings = self.findings, outer
            self.findings.add(found if sure else found.doubted())
            stdin = piped

    def _simple(self, command: shell.Simple, label: str, stdin: Trace) -> Trace:
        """Read one command; return what it writes to a pipe."""
        where = f"{label} line {command.line}"
        words = [self._word(word, label) for word in command.words]
        rest = self._assignments(command, words)
        name, arguments = _named(rest)
        opened = self._opened(command.reads, label, where, name or "<")
        stdin = DATA if opened else stdin
        made = stdin
        if command.stdin is not None:
            made = Trace(table_text(command.stdin), frozenset({clean(command.stdin)}))
        if name is not None and _PYTHON.fullmatch(name):
            made = self._python(arguments, command, label, stdin)
        elif name is not None:
            made = self._program(name, arguments, where, made)
        self._writes(command, made, label, where)
        return made

    def _assignments(self, command: shell.Simple, words: list[Trace]) -> list[Trace]:
        """Take `NAME=value` off the front; `for NAME in …` binds, too."""
        first = shell.literal(command.words[0]) if command.words else None
        if first == "for" and len(words) > len(("for", "NAME")):
            self.variables[min(words[1].texts, default="")] = either(words[3:] or [text(UNKNOWN)])
            return []
        skipped = 1 if first in {"export", "declare", "local", "readonly"} else 0
        for at, word in enumerate(words[skipped:]):
            named = {match[1] for t in word.texts if (match := _ASSIGNED.match(t))}
            if len(named) != 1:
                return words[at:] if not skipped else []
            name = named.pop()
            self.variables[name] = Trace(texts=frozenset(t.split("=", 1)[1] for t in word.texts))
            self.disk.moved = self.disk.moved or name == "INPUT_DIR"
        return []

    def _word(self, word: shell.Word, label: str) -> Trace:
        parts = []
        for part in word:
            if part.kind == "text":
                parts.append(text(clean(part.text)))
            elif part.kind == "variable":
                known = {"INPUT_DIR": INPUT, "OUTPUT_DIR": OUTPUT}.get(part.text)
                parts.append(text(known) if known else self.variables.get(part.text, text(UNKNOWN)))
            else:
                self._inner(part.text, label)
                parts.append(text(INPUT + "/*" if "INPUT_DIR" in part.text else UNKNOWN))
        return glued(parts)

    def _inner(self, command: str, label: str) -> None:
        if self._depth >= _DEPTH:
            self.findings.doubts.append(f"{label} is too deep to follow")
            return
        self._depth += 1
        kept = self.variables
        try:
            self._list(shell.commands(command), label, clean_run=True)
        except shell.Unreadable:
            self.findings.doubts.append(f"{label} cannot be read as shell commands")
        self.variables = kept
        self._depth -= 1

    def _opened(self, words: Sequence[shell.Word], label: str, where: str, name: str) -> bool:
        opened = [self._open(self._word(word, label), where, name) for word in words]
        return any(opened)

    def _open(self, word: Trace, where: str, name: str) -> bool:
        found = {f: s for t in word.texts for f, s in self.disk.found(t, folders=False).items()}
        for file, sure in found.items():
            self.findings.open(file, f"{where}: {name} opens {file}", surely=sure and len(word.texts) == 1)
        return bool(found)

    def _program(self, name: str, arguments: list[Trace], where: str, piped: Trace) -> Trace:
        """Read a command that is no Python; return what it writes to a pipe."""
        base = name.rsplit("/", 1)[-1]
        if base in {"bash", "sh", "zsh"}:
            return self._script(arguments, piped, where)
        if base in _COPIES:
            self._copied(arguments, where)
        elif base in {"echo", "printf"}:
            said = "\n".join(min(a.texts, default="") for a in arguments).replace("\\n", "\n")
            return Trace(table_text(clean(said)), frozenset({said}))
        elif base == "tee":
            for path in (p for word in arguments for p in word.texts):
                self.disk.write(path, piped.origins)
            return piped
        elif base not in _ONLOOKERS or (base == "find" and any("-exec" in a.texts for a in arguments)):
            return self._reading(base, arguments, where, piped)
        return Trace()

    def _reading(self, base: str, arguments: list[Trace], where: str, piped: Trace) -> Trace:
        known = base in _READERS
        opened = [self._open(w, where, base) if known else self._given(w, where, base) for w in arguments]
        # A query or a program text names its file inside.
        inside = any(f in t for a in arguments for t in a.texts if " " in t for f in self.disk.names)
        if inside and base in {"duckdb", "sqlite3", "awk", "q"}:
            opened.append(self._open(text(*(INPUT + "/" + f for f in self.disk.names)), where, base))
        if not known and not any(opened):
            self._doubt(base, where)
            return OPAQUE
        own = [o for a in arguments for t in a.texts if (o := self.disk.origins(t)) is not None]
        return DATA if any(opened) else Trace(frozenset().union(*own)) if own else piped

    def _doubt(self, name: str, where: str) -> None:
        self.findings.doubts.append(f"{where}: `{name[:30]}` is not known")

    def _given(self, word: Trace, where: str, name: str) -> bool:
        found = {f for t in word.texts for f in self.disk.found(t, folders=True)}
        for file in found:
            self.findings.open(file, f"{where}: {name} is given {file}", surely=False)
        return bool(found)

    def _copied(self, arguments: list[Trace], where: str) -> None:
        *sources, target = [a for a in arguments if not all(t.startswith("-") for t in a.texts)] or [Trace()]
        for source in (t for word in sources for t in word.texts):
            for file in self.disk.found(source, folders=True):
                self.findings.open(file, f"{where}: copies {file}", surely=False)
                for place in target.texts:
                    self.disk.copies |= {normal(place): file, normal(f"{place}/{file}"): file}
            written = self.disk.origins(source)
            for place in target.texts if written is not None else ():
                self.disk.write(place, written or NOTHING)
                self.disk.write(f"{place}/{source.rsplit('/', 1)[-1]}", written or NOTHING)

    def _script(self, arguments: list[Trace], piped: Trace, where: str) -> Trace:
        texts = [min(a.texts, default="") for a in arguments]
        code = texts[texts.index("-c") + 1] if "-c" in texts[:-1] else None
        if code is None and texts:
            code = self.disk.script(texts[-1])
        elif code is None and piped.texts:
            code = min(piped.texts)
        if code is None:
            self.findings.doubts.append(f"{where}: runs a script that is not in the answer")
        else:
            self._inner(code, where)
        return OPAQUE

    def _python(self, arguments: list[Trace], command: shell.Simple, label: str, stdin: Trace) -> Trace:
        code, name, given = self._code(arguments, command, label)
        if code is None:
            if name:
                self.findings.doubts.append(f"{label} line {command.line}: runs {name}, which is not in the answer")
            return OPAQUE
        program = Program(
            self.disk, name, given, stdin if stdin.origins != NOTHING else OPAQUE, self._from_python(label)
        )
        found = program.run(code)
        self.findings.add(found)
        return DATA if found.opened else OPAQUE

    def _from_python(self, label: str) -> Callable[[str], Findings]:
        def read(line: str) -> Findings:
            outer, self.findings = self.findings, Findings()
            self._inner(line, label)
            found, self.findings = self.findings, outer
            return found

        return read

    def _code(self, arguments: list[Trace], command: shell.Simple, label: str) -> tuple[str | None, str, list[Trace]]:
        """Return the program's text, what evidence calls it, and its arguments; no text when it cannot be found."""
        at = 0
        while at < len(arguments):
            word = min(arguments[at].texts, default="")
            if word == "-c" and at + 1 < len(arguments):
                return _inline(arguments[at + 1]), label, arguments[at + 2 :]
            if word == "-m":
                module = min(arguments[at + 1].texts, default="") if at + 1 < len(arguments) else ""
                own = self.disk.script(module.replace(".", "/") + ".py")
                return own, module, arguments[at + 2 :]
            if word == "-":
                break
            if word in {"-W", "-X"}:
                at += 1
            elif not word.startswith("-"):
                return self.disk.script(word), word.rsplit("/", 1)[-1], arguments[at + 1 :]
            elif word in {"--version", "-V", "-VV", "--help", "-h"}:
                return None, "", []
            at += 1
        if command.stdin is None:
            return None, "what it is piped", []
        return expanded(command.stdin), label, arguments[at + 1 :]

    def _writes(self, command: shell.Simple, made: Trace, label: str, where: str) -> None:
        for path in (t for word in command.writes for t in self._word(word, label).texts):
            if command.stdin is not None and path not in {"", UNKNOWN}:
                self.disk.scripts[normal(path)] = command.stdin
            self.disk.write(path, made.origins)
            if path.lower().endswith(TABLE_ENDINGS) and made.origins != NOTHING:
                self.findings.drawn.append((f"{where}: a table", made.origins, True))


def _inline(code: Trace) -> str | None:
    """Return the program of `python -c`, unless the shell puts something in that is not known."""
    found = min(code.texts, default=None)
    return None if found is None or UNKNOWN in found else found


def _named(words: list[Trace]) -> tuple[str | None, list[Trace]]:
    """Return a command's name without wrappers (`timeout 60 python …`), and its arguments."""
    at = 0
    while at < len(words):
        word = min(words[at].texts, default="")
        wrapper = word in _WRAPPERS or (at > 0 and (word.startswith("-") or re.fullmatch(r"[\d.]+[smh]?|\w+=.*", word)))
        if not wrapper:
            return word, words[at + 1 :]
        at += 1
    return None, []


def _is_test(command: shell.Simple) -> bool:
    first = shell.literal(command.words[0]) if command.words else ""
    return first in {"test", "[", "[[", "grep", "which", "command"}


def _vouched(parsed: Sequence[shell.Simple], at: int, *, errexit: bool, pipefail: bool) -> bool:
    """Whether the return code 0 of the whole says that this command succeeded."""
    end = at
    while end < len(parsed) - 1 and parsed[end].after in {"|", "|&"}:
        end += 1
    if end != at and not pipefail:
        return False
    if parsed[end].after == "||":
        return False
    if errexit and parsed[end].after != "&":
        return True
    while end < len(parsed) - 1:
        if parsed[end].after != "&&":
            return False
        end += 1
        while end < len(parsed) - 1 and parsed[end].after in {"|", "|&"}:
            end += 1
        if parsed[end].after == "||":
            return False
    return parsed[end].after != "&"
