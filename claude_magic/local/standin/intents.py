"""A prompt read as a plan: which of a dozen analyses, on which columns.

An intent is one row of `INTENTS`: the words that ask for it, and the function that fills a `Step` from a clause. The
first row whose words are found wins, so special requests stand above general ones. A prompt is cut into clauses
(`phrases`), each clause becomes steps, and what a clause leaves out it takes from its neighbours or, in a follow-up
such as "now by island", from the plan before. All pure; nothing here looks at data.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from claude_magic.local.standin import builders, ranking
from claude_magic.local.standin.columns import Names
from claude_magic.local.standin.conditions import CONDITIONAL
from claude_magic.local.standin.everyday import adjectives
from claude_magic.local.standin.neighbours import as_clause, borrow, grouped, lacks, noted, points_back
from claude_magic.local.standin.phrases import COLOUR, Clause, clauses, take_apart
from claude_magic.local.standin.plan import Plan, Step
from claude_magic.local.standin.usable import grouping, measured

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from claude_magic.local.standin.table import Table

_I = re.IGNORECASE


@dataclass(frozen=True, slots=True)
class Intent:
    """How one kind of request is recognised and built.

    Attributes:
        words: finds it in a clause.
        build: the steps of a clause that asks for it; empty when it does not apply after all.
        needs: how many measured columns it cannot do without; missing ones are borrowed from neighbours.

    """

    words: re.Pattern[str]
    build: Callable[[Clause, Table], list[Step]]
    needs: int = 0


def _intent(words: str, build: Callable[[Clause, Table], list[Step]], needs: int = 0) -> Intent:
    return Intent(re.compile(rf"(?<!\w)(?:{words})(?!\w)", _I), build, needs)


_AGG = (
    r"(?:mean|median|average|avg|sum|total|count|number|minimum|maximum|min|max|std|standard deviation|share|"
    r"percentage|proportion)s?"
)

_MORE = rf"(?:{adjectives(1)}|more|less|higher|lower|greater|better|worse)"

INTENTS: dict[str, Intent] = {
    "missing": _intent(
        r"missing|nulls?|nans?|n/?a values|incomplete\w*|completeness|gaps|holes|blanks?|empties|"
        r"(?:is|are) (?:the |this |my |all )?\w+ complete|empty (?:cells|values)|data quality",
        builders.missing,
    ),
    "outliers": _intent(
        r"outl[iy]+ers?|anomal\w+|(?:unusual|extreme|suspicious|abnormal|implausible) \w+|"
        r"strange\w*|odd|weird|wrong|iqr",
        builders.outliers,
    ),
    "pivot": _intent(
        r"pivot\w*|cross[\s-]?tab\w*|contingency|two[\s-]way table|heat[\s-]?map of (?:the )?" + _AGG, builders.pivot
    ),
    "regression": _intent(
        r"regress\w*|linear (?:model|fit)|"
        r"linear trend(?=.* (?:on|against|versus|vs\.?|with|as a function of) )|"
        r"fit(?:ted)? (?:a )?(?:straight |linear )?line|trend[\s-]?lines?|slope|r2|r²|"
        r"best[\s-]fit(?: line)?|line of best fit|predict\w*|least squares|r-squared",
        builders.regression,
        needs=2,
    ),
    "correlation": _intent(
        r"correlat\w*|heat[\s-]?maps?|pairwise|(?:go|goes|move|vary|varies) together", builders.correlation
    ),
    "compare": _intent(
        rf"{_MORE}(?: (?:in|on|at|with|by|for|to|among|from|during) [\w\s]{{1,30}})? than(?! -?\d| half| one| two)|"
        r"compar\w*|differences?|different(?: between| from| by| for| across)|differs|differed|"
        r"box[\s-]?(?:and[\s-]whisker[\s-])?"
        r"(?:plot|chart|graph)s?|violin(?: plot)?s?|t[\s-]?tests?|anova|significan\w*|differ",
        builders.compare,
        needs=1,
    ),
    "where": _intent(r"where (?:do|does|did|is|are|was|were)", ranking.where),
    "share": _intent(r"(?:what|which) (?:share|percentage|proportion|fraction|part) of", builders.group),
    "group-which": _intent(
        r"(?:which|what) [\w\s-]{2,40}? (?:has|have|had|with|shows?|is|are|was|were|weighs?|costs?|sells?|sold|earns?|"
        r"earned|makes?|made|spends?|spent|brings?|brought)",
        ranking.which,
    ),
    "top": _intent(
        rf"top[\s-]+\w+|bottom[\s-]+\w+|highest|greatest|newest|latest|lowest|earliest|worst|best|fewest|"
        rf"{adjectives(2)}|(?:most|least) (?:{adjectives(0)})|rank\w*|sort(?:ed)?|order(?:ed)? by",
        ranking.top,
    ),
    "rows": _intent(
        r"(?:first|last|random|some|example|sample)(?: \w+)? (?:rows|lines|records|entries)|head|preview|sample rows",
        builders.rows,
    ),
    "scatter": _intent(
        r"scatter\w*|relationships?|related|relations?(?: between)?|versus|vs\.?|against|as a function of|association|"
        r"depends? on|link\w*|influenc\w+|affects?|"
        r"(?:increas|decreas|grow|ris|fall|chang|var)\w* with(?! time| the (?:time|years|seasons))|"
        rf"(?:do|does|did|are|is) (?:the )?(?:{adjectives(0, 1)}|more|less)\b.*\b{_MORE}",
        builders.scatter,
        needs=2,
    ),
    "line": _intent(
        r"(?:over|across) (?:the )?(?:time|years?|months?|days?|weeks?|quarters?)|through time|"
        r"trends?|time[\s-]?(?:series|line|course)|"
        r"line[\s-]?(?:chart|plot|graph)s?|hourly|daily|(?:week|month|quarter|year)ly|annual(?:ly)?|evol\w+|"
        r"develop(?:ed|s|ments?|ing)?|chang\w+ (?:over|with)|growth|growing|season\w*|going (?:up|down)|rising|falling|"
        r"(?:which|what|best|worst|busiest) (?:hour|day|week|month|quarter)|"
        r"(?:by|per|each|every) (?:hour|day|week|month|quarter|year)",
        builders.line,
    ),
    "histogram": _intent(
        r"histograms?|distribution\w*|distributed|densit(?:y|ies)|kde|spread of|frequenc(?:y|ies)", builders.histogram
    ),
    "group": _intent(
        r"bar[\s-]?(?:chart|plot|graph)s?|bars|pie(?:[\s-]?chart)?s?|group(?:ed|s)?(?: \w+)? by|break ?downs?|"
        rf"how (?:{adjectives(0)})|weighs?|"
        r"broken down|split by|value counts|how (?:many|often|much)|most (?:common|frequent)|commonest|rows per|"
        + _AGG
        + r"|avg\.?|distinct|unique|typical|per ?cent|fractions?|counted|averaged|summed",
        builders.group,
    ),
    "describe": _intent(
        r"descri\w+|summar\w+|overview|profil\w+|statistics|stats|explor\w+|tell me about|look at|eda|info|columns|"
        r"looks? like|what(?:'s| is| are)(?: in| these| this| the| my| that)?|understand|insights?|interesting|"
        r"analy[sz]\w+",
        builders.describe,
    ),
    "plot": _intent(r"plot\w*|charts?|graphs?|draw|visuali[sz]\w+|show(?: me)?|display|by|per", builders.plot),
}
"""What can be asked for, special before general."""

_FOLLOWS = re.compile(
    r"^\s*(?:(?:ok(?:ay)?|thanks?(?: you)?|great|please)[\s,.!]+)*(?:now|and|also|same|again|instead|then|but|"
    r"what about|"
    r"how about|the same|do that|this time|next|repeat|redo|make it|use|with|by|per|as|only|colou?r)\b|"
    r"\b(?:instead|too|as well|the same)\b[\s.!?]*$",
    _I,
)
_CHATTER = re.compile(r"^\W*(?:thanks?|thank you|please|hi|hello|hey|ok|okay|great|nice|good)\b[\s\w]{0,20}\W*$", _I)
_UNKNOWN = re.compile(
    r"\b(?:cumulative|rolling|moving average|log(?:arithmic)?[\s-]scale|week ?days?|days? of (?:the )?week|"
    r"hours? of (?:the )?day|months? of (?:the )?year|normali[sz]ed|forecast\w*|cluster\w*|pca|merge|"
    r"geographic)\b",
    _I,
)
_TAG = re.compile(r"^\W*(?:how (?:many|much)|which ones?|where)\W*$", _I)
_CHARTS = re.compile(r"bar|pie|line|chart|plot", _I)


def read(prompts: Sequence[str], table: Table) -> Plan:
    """Read the last of `prompts` as a request about `table`; the earlier ones say what it may leave out."""
    plan: Plan | None = None
    names = Names(c.name for c in table.columns)
    for prompt in prompts:
        plan = _read_one(prompt, table, names, plan)
    return plan if plan is not None else _profile(())


def _read_one(prompt: str, table: Table, names: Names, before: Plan | None) -> Plan:
    parts = [take_apart(text, names, table) for text in clauses(prompt)]
    earlier = before.steps if before is not None and before.understood else ()
    follows = bool(earlier) and bool(_FOLLOWS.search(prompt))
    filters = tuple(f for c in parts for f in c.filters)
    steps = _amended(parts, earlier, table, follows=follows) or _asked(parts, table, earlier, follows=follows)
    if not steps and filters:
        steps = builders.group(replace(parts[0], aggs=("count",)), table)
    unread = _unread(parts)
    if not steps:
        return _profile(unread)
    if follows and not filters and before is not None:
        filters = before.filters
    once = {replace(step, assumed=()): step for step in reversed(steps)}  # of two alike, the first stays
    return Plan(steps=tuple(once.values())[::-1], filters=filters, unread=unread)


def _profile(unread: tuple[str, ...]) -> Plan:
    return Plan(steps=(Step("profile"),), understood=False, unread=unread)


def _unread(parts: Sequence[Clause]) -> tuple[str, ...]:
    """Clauses worth saying that they were left out: questions without a request, conditions that made no filter."""
    left = [
        c.text for c in parts if not _kind(c) and not c.named and c.text.endswith("?") and not _CHATTER.match(c.text)
    ]
    left += [phrase for c in parts for phrase in c.left]
    left += [c.text for c in parts if (CONDITIONAL.search(c.text) and not c.filters) or _UNKNOWN.search(c.text)]
    return tuple(dict.fromkeys(left))


def _kind(clause: Clause) -> str:
    return next((name for name, intent in INTENTS.items() if intent.words.search(clause.text)), "")


def _asked(parts: Sequence[Clause], table: Table, earlier: tuple[Step, ...], *, follows: bool) -> list[Step]:
    """The steps of a request of its own; columns without a request get the chart that fits them."""
    asked = [(c, kind) for c in parts if (kind := _kind(c)) and (len(parts) == 1 or not _TAG.match(c.text))]
    steps: list[Step] = []
    for i, (clause, kind) in enumerate(asked):
        if points_back(clause, steps):
            continue
        needs = INTENTS[kind].needs
        beside = [c for c, _ in asked[:i][::-1]] + [c for c, _ in asked[i + 1 :]]
        full = grouped(clause, kind, beside, table)
        if lacks(full, kind, needs, table):
            donors = [c for c, _ in asked[i + 1 : i + 2] if not clause.named] + [c for c, _ in asked[:i][::-1]]
            full = borrow(full, donors, table)
        if earlier and (lacks(full, kind, needs, table) or (follows and not full.named)):
            full = borrow(full, [as_clause(earlier[-1])], table)
        steps += [noted(step, full) for step in INTENTS[kind].build(full, table)]
    return steps or [s for c in parts if c.named for s in builders.plot(c, table)]


def _amended(parts: Sequence[Clause], earlier: tuple[Step, ...], table: Table, *, follows: bool) -> list[Step]:
    """The earlier steps with what a short follow-up changes; empty when the prompt is a request of its own."""
    if len(parts) != 1 or not earlier:
        return []
    clause, kind = parts[0], _kind(parts[0])
    # "now by island", "as median", "per year" change a step; "now a box plot" is a new one with the same columns.
    changes = kind in {"", "plot"} or (kind in {"group", "line", "top"} and not _CHARTS.search(clause.text))
    values = measured(clause, table)
    if not changes or not (follows or not kind) or (values and kind in {"group", "line", "top"}):
        return []
    if not (clause.named or clause.aggs or clause.n or clause.freq or clause.filters):
        return []
    return [_amend(step, clause, values, grouping(clause, table)) for step in earlier]


def _amend(step: Step, clause: Clause, values: tuple[str, ...], by: tuple[str, ...]) -> Step:
    colour = clause.role(COLOUR)
    if step.intent in {"scatter", "regression"} and by and not colour:
        colour, by = by, ()
    intent = {"statistic": "group", "histograms": "compare"}.get(step.intent, step.intent) if by else step.intent
    return replace(
        step,
        intent=intent,
        values=values[:1] or step.values,
        by=by or step.by,
        colour=colour[0] if colour else step.colour,
        aggs=clause.aggs or step.aggs,
        n=clause.n or step.n,
        ascending=clause.ascending or (step.ascending and not clause.n),
        freq=clause.freq or step.freq,
        assumed=() if by or values else step.assumed,
    )
