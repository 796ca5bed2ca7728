"""Shell commands taken apart, as far as provenance needs it: simple commands, what joins them, what they read.

No shell: words keep their variables and substitutions as parts, to be expanded by whoever knows the values. What this
grammar does not know (functions, arrays, arithmetic) comes out as words that mean nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal, NamedTuple


class Unreadable(ValueError):  # told to the caller, which says "cannot tell"
    """The text is no shell command that we can take apart."""


class Part(NamedTuple):
    """A piece of a word: text, the name of a variable, or the text of a `$(command)`."""

    kind: Literal["text", "variable", "command"]
    text: str


Word = tuple[Part, ...]


@dataclass
class Simple:
    """One simple command.

    Attributes:
        words: the command and its arguments.
        line: where it begins, from 1.
        before: the operator that leads to it; `after` the one that follows (empty at the ends).
        stdin: text of a here-document or here-string, or None; `reads` and `writes` are redirections to files.
        conditional: it stands in a branch that may not have run.
        hushed: its errors go nowhere (`2>/dev/null`).

    """

    line: int
    before: str = ""
    after: str = ""
    words: list[Word] = field(default_factory=list)
    stdin: str | None = None
    reads: list[Word] = field(default_factory=list)
    writes: list[Word] = field(default_factory=list)
    conditional: bool = False
    hushed: bool = False

    def __bool__(self) -> bool:
        return bool(self.words or self.reads or self.writes)


class Token(NamedTuple):
    """A word, or an operator with the file descriptor in front of it."""

    line: int
    word: Word | None
    operator: str = ""
    descriptor: str = ""


_OPERATORS = re.compile(r"&>>|<<<|<<-|;;|&&|\|\||\|&|&>|<<|>>|>&|<&|>\||[;&|<>()]")
_NAME = re.compile(r"\{(\w+)[^}]*\}|(\w+|[?@*#!$-])")
_MAX_DEPTH = 20
_OPENERS = {"if": "if", "case": "if", "while": "if", "until": "if", "for": "for", "{": "{"}
_CLOSERS = frozenset({"fi", "esac", "done", "}"})
_LEADING = frozenset({"then", "else", "elif", "do", "!", "time", *_OPENERS}) - {"for", "case"}
_SEPARATORS = frozenset({";", "&", "&&", "||", "|", "|&", ";;", "(", ")", "\n"})


def literal(word: Word) -> str | None:
    """Return the text of a word without variables, else None."""
    return "".join(part.text for part in word) if all(part.kind == "text" for part in word) else None


def commands(text: str) -> list[Simple]:
    """Return the simple commands of a text in order.

    Raises:
        Unreadable: a quote or a substitution is not closed.

    """
    made: list[Simple] = []
    now = Simple(1)
    tokens = _Reader(text).tokens()
    waiting: list[tuple[str, Token]] = []
    for token in tokens:
        if token.word is not None and waiting:
            _redirect(now, *waiting.pop(), token.word)
        elif token.word is not None:
            now.line = token.line if not now else now.line
            now.words.append(token.word)
        elif token.operator in _SEPARATORS:
            if now:
                now.after = token.operator
                made.append(now)
            now = Simple(token.line, before=token.operator if token.operator != "\n" or not made else made[-1].after)
        elif token.operator.startswith("heredoc:"):
            (made[-1] if not now and made else now).stdin = token.operator[8:]
        else:
            waiting.append((token.operator, token))
    return _structured([*made, now] if now else made)


def _redirect(command: Simple, operator: str, token: Token, target: Word) -> None:
    if operator == "<<<":
        command.stdin = literal(target) or ""
    elif operator == "<":
        command.reads.append(target)
    elif operator in {">", ">>", ">|", "&>", "&>>"}:
        if token.descriptor == "2" or operator.startswith("&"):
            command.hushed = command.hushed or literal(target) == "/dev/null"
        else:
            command.writes.append(target)


def _structured(made: list[Simple]) -> list[Simple]:
    """Take keywords off the commands, and mark what stands in a branch."""
    stack: list[str] = []
    for command in made:
        while command.words:
            first = literal(command.words[0])
            if first in _CLOSERS:
                if stack:
                    stack.pop()
            elif first in _OPENERS:
                stack.append(_OPENERS[str(first)])
            if first not in _LEADING and first not in _CLOSERS:
                break
            command.words.pop(0)
        command.conditional = "if" in stack or command.before == "||"
    return [command for command in made if command]


class _Reader:
    """Cuts a text into tokens. A here-document arrives as the operator ``heredoc:…`` after its line's last token."""

    def __init__(self, text: str) -> None:
        self.text, self.at, self.line = text, 0, 1

    def tokens(self) -> list[Token]:
        made: list[Token] = []
        documents: list[tuple[int, bool]] = []  # where in `made` the delimiter is told, and whether tabs go
        while self.at < len(self.text):
            sign = self.text[self.at]
            if sign in " \t\r":
                self.at += 1
            elif self.text.startswith("\\\n", self.at):
                self.at, self.line = self.at + 2, self.line + 1
            elif sign == "#":
                end = self.text.find("\n", self.at)
                self.at = len(self.text) if end < 0 else end
            elif sign == "\n":
                self.at, self.line = self.at + 1, self.line + 1
                self._documents(made, documents)
                made.append(Token(self.line, None, "\n"))
            elif match := _OPERATORS.match(self.text, self.at):
                self._operator(match, made, documents)
            else:
                made.append(Token(self.line, self._word()))
        self._documents(made, documents)
        return made

    def _operator(self, match: re.Match[str], made: list[Token], documents: list[tuple[int, bool]]) -> None:
        self.at = match.end()
        operator, descriptor = match[0], ""
        before = self.text[match.start() - 1 : match.start()]
        if operator[0] in "<>" and before.isdigit() and made and made[-1].word == (Part("text", before),):
            descriptor = before
            made.pop()
        if operator in {"<<", "<<-"}:
            documents.append((len(made), operator == "<<-"))
        elif operator in {">&", "<&"}:
            while self.at < len(self.text) and self.text[self.at] in "0123456789-":
                self.at += 1
        else:
            made.append(Token(self.line, None, operator, descriptor))

    def _documents(self, made: list[Token], documents: list[tuple[int, bool]]) -> None:
        """Read the bodies of the here-documents that the line ended with."""
        for place, tabs in documents:
            if place >= len(made) or (word := made[place].word) is None:
                raise Unreadable
            made.pop(place)
            end, lines = "".join(part.text for part in word), []
            while self.at < len(self.text):
                stop = self.text.find("\n", self.at)
                stop = len(self.text) if stop < 0 else stop
                line = self.text[self.at : stop]
                self.at, self.line = stop + 1, self.line + 1
                line = line.lstrip("\t") if tabs else line
                if line == end:
                    break
                lines.append(line)
            # It belongs to the command whose redirection it is, so it goes where the delimiter stood.
            made.insert(place, Token(self.line, None, "heredoc:" + "\n".join([*lines, ""])))
        documents.clear()

    def _word(self) -> Word:
        parts: list[Part] = []
        while self.at < len(self.text):
            sign = self.text[self.at]
            if sign in " \t\r\n;&|<>()":
                break
            if sign == "'":
                parts.append(Part("text", self._until("'")))
            elif sign == '"':
                self.at += 1
                parts += self._quoted()
            elif sign == "\\":
                parts.append(Part("text", self.text[self.at + 1 : self.at + 2].replace("\n", "")))
                self.at += 2
            elif sign in "$`":
                parts += self._dollar()
            else:
                parts.append(Part("text", sign))
                self.at += 1
        return _joined(parts)

    def _until(self, quote: str) -> str:
        end = self.text.find(quote, self.at + 1)
        if end < 0:
            raise Unreadable
        found = self.text[self.at + 1 : end]
        self.line += found.count("\n")
        self.at = end + 1
        return found

    def _quoted(self) -> list[Part]:
        parts: list[Part] = [Part("text", "")]
        while self.at < len(self.text):
            sign = self.text[self.at]
            if sign == '"':
                self.at += 1
                return parts
            if sign == "\\" and self.text[self.at + 1 : self.at + 2] in {'"', "\\", "$", "`", "\n"}:
                parts.append(Part("text", self.text[self.at + 1].replace("\n", "")))
                self.at += 2
            elif sign in "$`":
                parts += self._dollar()
            else:
                self.line += sign == "\n"
                parts.append(Part("text", sign))
                self.at += 1
        raise Unreadable

    def _dollar(self) -> list[Part]:
        if self.text[self.at] == "`":
            return [Part("command", self._until("`"))]
        if self.text.startswith("$(", self.at):
            return [Part("command", self._balanced())]
        if self.text.startswith("$'", self.at):
            self.at += 1
            return [Part("text", self._until("'"))]
        match = _NAME.match(self.text, self.at + 1)
        if match is None:
            self.at += 1
            return [Part("text", "$")]
        self.at = match.end()
        return [Part("variable", match[1] or match[2])]

    def _balanced(self) -> str:
        begin, depth, quote = self.at + 2, 0, ""
        for at in range(self.at + 1, len(self.text)):
            sign = self.text[at]
            if quote:
                quote = "" if sign == quote else quote
            elif sign in "'\"":
                quote = sign
            elif sign in "()":
                depth += 1 if sign == "(" else -1
                if depth > _MAX_DEPTH:
                    raise Unreadable
                if not depth:
                    self.at = at + 1
                    self.line += self.text.count("\n", begin, at)
                    return self.text[begin:at]
        raise Unreadable


def _joined(parts: list[Part]) -> Word:
    made: list[Part] = []
    texts: list[str] = []
    for part in parts:
        if part.kind == "text":
            texts.append(part.text)
            continue
        if texts:
            made.append(Part("text", "".join(texts)))
            texts.clear()
        made.append(part)
    return (*made, Part("text", "".join(texts))) if texts or not made else tuple(made)
