"""The value of a cell: what Claude said, what it ran, what it made, what it cost."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from claude_magic import rendering
from claude_magic.containers import localised
from claude_magic.errors import ClaudeMagicError, FileProblem, one_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from claude_magic.containers import Artifact
    from claude_magic.containers.provenance import Provenance
    from claude_magic.containers.verify import Verification
    from claude_magic.messages import Block, Message, Request, Usage
    from claude_magic.uploads import Receipt

# Any stop reason but `end_turn` is named; the sentences follow the API's list of stop reasons (2026-11).
_STOPS = {
    "max_tokens": "cut off at --max-tokens",
    "stop_sequence": "ended at a stop sequence",
    "tool_use": "stopped to wait for a tool",
    "pause_turn": "paused after too many rounds of code",
    "refusal": "declined by the model",
    "model_context_window_exceeded": "cut off: the context window is full",
    "compaction": "compacted",
}


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer with all that belongs to it; the value of a `%%claude` cell (`_`, `Out[n]`, `--out NAME`).

    Attributes:
        message: the answer as the API gave it.
        request: what was sent.
        request_id: the API's id of the (last) request.
        who: who answered.
        seconds: from sending to the end.
        cost: US dollars; 0 where nothing is billed, None where the price is not known. Of an unfinished answer it is
            the least it can be: the API tells the output's tokens at the end.
        list_price: US dollars this would cost on the Claude API, None where not known.
        files: what Claude made, by name.
        thread: the conversation it belongs to; None when it was sent alone.
        notes: remarks for the footer (what was uploaded, what was rebuilt).
        receipts: what left this machine as files; the prompt and what tools printed are in `request` and `blocks`.
        saved: where `--save` put the files, by name.
        variables: whose content each file in the container is, by the file's name there.
        missing: one line for each file that could not be fetched.
        provenance: whether the answer came from the uploaded data, read from what it ran; None without an upload.
        verification: what running its code again here has shown; None without `--verify`.
        error: why the answer did not end, or None.

    """

    message: Message
    request: Request
    request_id: str | None = None
    who: str = ""
    seconds: float = 0.0
    cost: float | None = None
    list_price: float | None = None
    files: Mapping[str, Artifact] = field(default_factory=dict)
    thread: str | None = None
    notes: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    receipts: tuple[Receipt, ...] = ()
    saved: Mapping[str, Path] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)
    provenance: Provenance | None = None
    verification: Verification | None = None
    error: ClaudeMagicError | None = None

    @property
    def text(self) -> str:
        """What Claude wrote, without thinking and tools."""
        return self.message.text

    @property
    def thinking(self) -> str:
        """The thinking that was shown; empty where the model keeps it to itself."""
        return self.message.thinking

    @property
    def blocks(self) -> tuple[Block, ...]:
        """The content blocks as the API gave them."""
        return self.message.content

    @property
    def model(self) -> str:
        """The model that answered, as the API names it."""
        return self.message.model

    @property
    def usage(self) -> Usage:
        """Tokens, all rounds added up."""
        return self.message.usage

    @property
    def stop_reason(self) -> str | None:
        """Why the answer ended, in the API's word."""
        return self.message.stop_reason

    @property
    def unfinished(self) -> bool:
        """Whether the answer was interrupted or broke off."""
        return not self.message.complete

    @property
    def code(self) -> str:
        """The code Claude ran: shell commands and the files it wrote, in order."""
        inputs = (b.get("input") or {} for b in self.blocks if str(b.get("name", "")).endswith("code_execution"))
        parts = (i.get(key) for i in inputs for key in ("file_text", "new_str", "code", "command"))
        # The editor's `command` is a verb: view, create, str_replace.
        return "\n\n".join(p for p in parts if isinstance(p, str) and p not in {"", "view", "create", "str_replace"})

    def local_code(self, namespace: Mapping[str, Any] | None = None) -> str:
        """Return the Python that ran, with the uploaded frames read from this kernel's variables instead of files.

        With the user's `namespace`, frames of other libraries than pandas are read as what the code works on.
        """
        return localised(self.blocks, self.variables, namespace)

    @property
    def charts(self) -> list[Artifact]:
        """The pictures Claude made, in order."""
        return [f for f in self.files.values() if f.is_picture]

    def pictures(self) -> Iterator[bytes]:
        """Yield the charts as PNG; a picture that cannot be read is left to its link."""
        for chart in self.charts:
            if chart.mime_type == "image/png":
                yield chart.bytes()
                continue
            try:
                picture = chart.image()
            except FileProblem:
                continue
            png = io.BytesIO()
            # No PNG holds the colours of a JPEG made for print.
            (picture.convert("RGB") if picture.mode == "CMYK" else picture).save(png, format="PNG")
            yield png.getvalue()

    def frame(self, name: str | None = None) -> Any:
        """Return a table Claude made as a `pandas.DataFrame`: the one called `name`, or the only one.

        Raises:
            FileProblem: there is none, or several and no name was given.

        """
        tables = [n for n in self.files if n.lower().endswith((".csv", ".parquet", ".xlsx", ".json"))]
        if name is None and len(tables) == 1:
            name = tables[0]
        if name is None or name not in self.files:
            there = ", ".join(f"`{n}`" for n in tables) or "none"
            raise FileProblem(f"Which table? This reply has {there}.", advice="Use `reply.frame(NAME)`.")
        return self.files[name].frame()

    def raise_for_error(self) -> None:
        """Raise what went wrong after the answer had begun, if anything did."""
        if self.error is not None:
            raise self.error
        if self.missing:
            raise FileProblem(
                self.missing[0],
                advice="The answer is in `_`, the file at the server: `%claude files`, then `%claude download ID`.",
            )

    def footer(self) -> rendering.Footer:
        """Return the line below an answer: model, tokens, price, seconds, who answered, and why it stopped."""
        used = self.usage
        parts = (
            self.model or self.request.model,
            f"{used.prompt_tokens:,} in + {used.output_tokens:,} out tokens",
            ("at least " if self.cost and self.unfinished else "") + price(self.cost, self.list_price),
            f"{self.seconds:.1f} s",
            self.who,
            *self.notes,
            "data opened" if self.provenance and self.provenance.opened == "yes" else "",
            self.verification.summary if self.verification else "",
        )
        return rendering.Footer(parts=tuple(p for p in parts if p), warning=self._warning())

    def _warning(self) -> str:
        if self.error is not None:
            return f"unfinished: {self.error.message}" if self.unfinished else self.error.message
        judged = [j.warning for j in (self.provenance, self.verification) if j is not None and j.warning]
        reason = self.stop_reason
        if reason in {"end_turn", None}:
            return "; ".join([*self.missing, *judged])
        details = (self.message.stop_details or {}).get("explanation")
        return "; ".join(
            [_STOPS.get(reason, f"stopped: {reason}") + (f" ({details})" if details else ""), *self.missing, *judged]
        )

    def bundle(self) -> dict[str, str]:
        """Return the settled answer as `text/html` and `text/plain`, without anything the model could make live."""
        links = [rendering.FileLink(name=f.name, size=f.size, path=self._beside(f.name)) for f in self.files.values()]
        return rendering.bundle(self.message, footer=self.footer(), files=links)

    def _beside(self, name: str) -> str | None:
        """Return where a saved file is as a link from the notebook; None when it is not below its folder."""
        saved = self.saved.get(name)
        here = Path.cwd()
        where = saved.resolve() if saved is not None else None
        return where.relative_to(here).as_posix() if where is not None and where.is_relative_to(here) else None

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:  # noqa: ARG002 - IPython's signature
        return self.bundle()

    def __repr__(self) -> str:
        """Return one line: model, length, files."""
        made = f", files: {', '.join(self.files)}" if self.files else ""
        state = ", unfinished" if self.unfinished else ""
        return f"<Reply by {one_line(self.model)}: {len(self.text):,} characters{made}{state}>"


def price(cost: float | None, list_price: float | None = None) -> str:
    """Say a price in US dollars, to three significant places below a cent; `list_price` is what Claude would charge."""
    if cost is None:
        return "price unknown"
    if not cost and list_price:
        return f"no charge (Claude: {dollars(list_price)})"
    return dollars(cost)


def dollars(amount: float) -> str:
    """Say an amount in US dollars: cents from ten cents on, finer below."""
    if not amount:
        return "$0"
    return f"${amount:,.2f}" if amount >= 0.1 else f"${amount:.2g}" if amount >= 0.0001 else "< $0.0001"  # noqa: PLR2004
