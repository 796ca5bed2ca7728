"""Figures to Markdown. Every number in an answer comes out of the `figures` that the program printed.

One function per intent: (step, figures) -> paragraphs. The first sentence carries the key figure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from claude_magic.local.standin.numbers import cell, code, count, md, missing, names, number, p_value, table

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from claude_magic.local.standin.plan import Filter, Plan, Step

Figures = dict[str, Any]

FIGURE = {
    "mean": "mean", "median": "median", "sum": "total", "std": "standard deviation", "min": "minimum", "max": "maximum",
    "count": "number of rows", "share": "share of rows", "nunique": "number of distinct values",
}  # fmt: skip
_FREQ = {"h": "hour", "D": "day", "W": "week", "MS": "month", "QS": "quarter", "YS": "year"}


def answer(plan: Plan, figures: Sequence[Figures]) -> str:
    """The whole answer to a prompt that was read, or the profile of a table when it was not."""
    parts = []
    for step, found in zip(plan.steps, figures, strict=False):
        words = WORDS[step.intent](step, found)
        if len(plan.steps) > 1:
            words = f"### {title(step)}\n\n{words}"
        parts.append(words)
    if plan.filters:
        parts.insert(0, f"Only rows with {' and '.join(map(condition, plan.filters))} are counted in.")
    if plan.unread:
        parts.append("Not read, and therefore not done: " + "; ".join(f"“{md(u, 120)}”" for u in plan.unread) + ".")
    return "\n\n".join(p for p in parts if p)


def condition(given: Filter) -> str:
    """A filter as words."""
    values = " or ".join(md(v) for v in given.values)
    return f"{code(given.column)} {'in' if given.op == 'year' else '=' if given.op == '==' else md(given.op)} {values}"


def title(step: Step) -> str:
    """A step in a few words of Markdown."""
    what = {
        "compare": "comparison", "histograms": "histograms", "top": "smallest" if step.ascending else "largest",
        "group": " and ".join(FIGURE[a] for a in step.aggs), "pivot": "two-way table", "missing": "missing values",
        "statistic": "figure", "describe": "description", "profile": "general profile", "regression": "regression line",
    }.get(step.intent, step.intent)  # fmt: skip
    values = names(step.values) if len(step.values) <= 4 else f"{len(step.values)} columns"  # noqa: PLR2004 - a heading is short
    link = " of " if values and step.intent not in {"top"} else " by " if values else ""
    across = f" over {code(step.x)}" if step.intent == "line" and step.x else f" and {code(step.x)}" if step.x else ""
    words = f"{what}{link}{values}{across}" + (f" by {names(step.by)}" if step.by else "")
    words += f", coloured by {code(step.colour)}" if step.colour else ""
    return words[:1].upper() + words[1:]


def _caveats(step: Step, f: Figures, *, dropped: bool = True) -> str:
    """What to know about the figures: rows left out, assumptions."""
    notes = []
    if dropped and f.get("missing"):
        notes.append(f"{count(f['missing'], 'row')} of {number(f['rows'])} left out because of missing values")
    notes += [md(a, 160) for a in step.assumed]
    return f"*Note: {'; '.join(notes)}.*" if notes else ""


def _paragraphs(*parts: str) -> str:
    return "\n\n".join(p for p in parts if p)


def _statistic(step: Step, f: Figures) -> str:
    if not step.values:
        return f"**{count(f['rows'], 'row')}**, {count(f['columns'], 'column')}."
    result = f["result"]
    said = [f"{FIGURE[a]} **{number(result[a])}**" for a in step.aggs if a in result and a != "count"]
    words = ", ".join(said) or f"**{number(result['count'])}** values"
    return _paragraphs(f"{code(step.values[0])}: {words} (from {number(result['count'])} values).", _caveats(step, f))


def _group(step: Step, f: Figures) -> str:
    t = f["table"]
    if not t["index"]:
        return "There is no group with values: nothing to show."
    if isinstance(t["columns"], list) and t["columns"] and len(step.by) > 1 and len(step.aggs) == 1:
        return _two_way(step, f)
    first = t["columns"][0]
    pairs = [(i, row[0]) for i, row in zip(t["index"], t["data"], strict=True) if not missing(row[0])]
    if not pairs:
        return "No group has a value to show."
    unit = " %" if first == "share" else ""
    high, low = max(pairs, key=lambda p: p[1]), min(pairs, key=lambda p: p[1])
    figure = FIGURE[first] + (f" of {code(step.values[0])}" if step.values else "")
    lead = f"The highest {figure} is **{cell(high[0])}** with **{number(high[1])}{unit}**"
    if step.n and step.ascending:
        lead = f"The lowest {figure} is **{cell(low[0])}** with **{number(low[1])}{unit}**"
    elif len(pairs) > 1 and not step.n:
        lead += f", the lowest {cell(low[0])} with {number(low[1])}{unit}"
    elif len(pairs) == 1:
        lead = f"The only group is **{cell(high[0])}**, {figure} **{number(high[1])}{unit}**"
    groups = (
        f" Of {count(f['groups'], 'group')} the table shows {number(len(t['index']))}."
        if f["groups"] > len(t["index"])
        else ""
    )
    header = [
        " / ".join(code(b) for b in step.by),
        *(FIGURE.get(c, c) if c != "count" or not step.values else "values" for c in t["columns"]),
    ]
    shown = table(header, [[i, *row] for i, row in zip(t["index"], t["data"], strict=True)])
    caveat = _caveats(step, f)
    return _paragraphs(
        f"{lead}.{groups}", shown, "The chart shows the groups as bars." if len(pairs) > 1 else "", caveat
    )


def _two_way(step: Step, f: Figures) -> str:
    t = f["table"]
    cells = [
        (r, c, v)
        for r, row in zip(t["index"], t["data"], strict=True)
        for c, v in zip(t["columns"], row, strict=True)
        if not missing(v)
    ]
    if not cells:
        return "No combination of groups has a value to show."
    r, c, v = max(cells, key=lambda x: x[2])
    figure = FIGURE[step.aggs[0]] + (f" of {code(step.values[0])}" if step.values else "")
    unit = " %" if step.aggs[0] == "share" else ""
    header = [" / ".join(code(b) for b in step.by), *(cell(c) for c in t["columns"])]
    shown = table(header, [[i, *row] for i, row in zip(t["index"], t["data"], strict=True)])
    return _paragraphs(
        f"The highest {figure} is **{number(v)}{unit}**, at {cell(r)} and {cell(c)}.", shown, _caveats(step, f)
    )


def _compare(step: Step, f: Figures) -> str:
    t = f["table"]
    column = t["columns"].index("mean")
    pairs = [(i, row[column]) for i, row in zip(t["index"], t["data"], strict=True) if not missing(row[column])]
    if not pairs:
        return f"No group of {names(step.by)} has values of {code(step.values[0])}."
    high, low = max(pairs, key=lambda p: p[1]), min(pairs, key=lambda p: p[1])
    lead = f"Mean {code(step.values[0])} is highest for **{cell(high[0])}** (**{number(high[1])}**)"
    lead += (
        f" and lowest for {cell(low[0])} ({number(low[1])}), a difference of {number(float(high[1] - low[1]))}."
        if len(pairs) > 1
        else "."
    )
    test = f["test"]
    said = f"{test['name']}: statistic {number(test['statistic'])}, {p_value(test['p'])}." if test else ""
    shown = table(
        [names(step.by), "rows", "mean", "median", "standard deviation"],
        [[i, *row] for i, row in zip(t["index"], t["data"], strict=True)],
    )
    return _paragraphs(
        lead, shown, said, "The box plot shows median, quartiles and spread per group.", _caveats(step, f)
    )


def _line(step: Step, f: Figures) -> str:
    ends = f["ends"]
    if not ends["index"] or not f["highest"]:
        return "There is nothing to draw a line through."
    value = FIGURE[step.aggs[0]] + (f" of {code(step.values[0])}" if step.values else "")
    each = _FREQ.get(f["freq"], "") or (f"value of {code(step.x)}" if step.x else "row")
    many = f["series"] > 1
    whole = "summed over the lines, " if many else ""
    lead = (
        f"By {each}, over {count(f['points'], 'point')}: {whole}the {value} is highest at **{cell(f['highest'][0])}** "
        f"(**{number(f['highest'][1])}**) and lowest at {cell(f['lowest'][0])} ({number(f['lowest'][1])})."
    )
    change = ""
    if len(ends["index"]) > 1 and not many:
        a, b = ends["data"][0][0], ends["data"][1][0]
        if not missing(a) and not missing(b):
            change = f"It goes from {number(a)} at {cell(ends['index'][0])} to {number(b)} at {cell(ends['index'][1])}."
    lines = f"The chart has {count(f['series'], 'line')}, one per {names(step.by)}." if step.by else ""
    return _paragraphs(" ".join(p for p in (lead, change, lines) if p), _caveats(step, f))


def _histogram(step: Step, f: Figures) -> str:
    if step.by:
        return _histogram_by(step, f)
    s = f["summary"]
    if not s.get("count"):
        return f"{code(step.values[0])} holds no values."
    a, b, n = f["tallest"]
    skew = f["skew"]
    lean = (
        ""
        if missing(skew)
        else " The distribution is "
        + ("roughly symmetric" if abs(skew) < 0.5 else f"skewed to the {'right' if skew > 0 else 'left'}")
        + f" (skewness {skew:.2f})."
    )  # noqa: PLR2004 - the usual rule of thumb
    spread = f", standard deviation {number(s['std'])}" if not missing(s["std"]) else ""
    lead = (
        f"{code(step.values[0])} has median **{number(s['50%'])}** and mean **{number(s['mean'])}**{spread}; "
        f"it ranges from {number(s['min'])} to {number(s['max'])}, half of it between {number(s['25%'])} and {number(s['75%'])}."
    )
    return _paragraphs(
        f"{lead}{lean} The tallest bar holds {count(int(n), 'row')} between {number(a)} and {number(b)}.",
        _caveats(step, f),
    )


def _histogram_by(step: Step, f: Figures) -> str:
    t = f["table"]
    rows = [[i, *row] for i, row in zip(t["index"], t["data"], strict=True)]
    pairs = [r for r in rows if not missing(r[2])]
    if not pairs:
        return f"{code(step.values[0])} holds no values in any group."
    high, low = max(pairs, key=lambda r: r[2]), min(pairs, key=lambda r: r[2])
    lead = f"The mean of {code(step.values[0])} lies between **{number(low[2])}** ({cell(low[0])}) and **{number(high[2])}** ({cell(high[0])})."
    shown = table([names(step.by), "rows", "mean", "median", "standard deviation"], rows)
    return _paragraphs(lead, shown, "The histograms of the groups lie over each other in one chart.", _caveats(step, f))


def _summaries(step: Step, f: Figures) -> str:
    t = f["table"]
    keep = [t["columns"].index(c) for c in ("count", "mean", "std", "min", "50%", "max") if c in t["columns"]]
    rows = [[code_text(i), *(row[k] for k in keep)] for i, row in zip(t["index"], t["data"], strict=True)]
    shown = table(["column", "values", "mean", "std", "min", "median", "max"][: len(keep) + 1], rows, most=30)
    return _paragraphs(
        f"Distributions of **{count(len(rows), 'numeric column')}**.", shown, _caveats(step, f, dropped=False)
    )


def code_text(name: Any) -> str:
    """A column's name inside a table's cell, before the cell's own escaping."""
    return str(name)


def _scatter(step: Step, f: Figures) -> str:
    r = f["r"]
    if missing(r):
        said = "the correlation is not defined (one of them does not vary, or there are too few rows)"
    else:
        strength = next(
            w
            for least, w in (
                (0.8, "a very strong"),
                (0.6, "a strong"),
                (0.4, "a moderate"),
                (0.2, "a weak"),
                (0, "hardly any"),
            )
            if abs(r) >= least
        )
        said = (
            f"{strength} {'positive' if r > 0 else 'negative'} linear relationship, **r = {r:.2f}**"
            if abs(r) >= 0.2
            else f"hardly any linear relationship, **r = {r:.2f}**"
        )  # noqa: PLR2004 - as in the table before
    within = ""
    if f.get("within"):
        within = (
            "Within the groups: "
            + ", ".join(f"{cell(g)} {v:.2f}" for g, v in f["within"].items() if not missing(v))
            + "."
        )
    lead = f"{code(step.values[0])} and {code(step.x)}: {said}, over {count(f['used'], 'row')}."
    return _paragraphs(f"{lead} {within}".strip(), _caveats(step, f))


def _regression(step: Step, f: Figures) -> str:
    unit = f"unit of {code(step.x)}"
    lead = f"{code(step.values[0])} = {number(f['intercept'])} {'+' if f['slope'] >= 0 else '-'} **{number(abs(f['slope']))}** × {code(step.x)}, with **r² = {f['r2']:.3f}**"
    lead = (
        lead
        if not missing(f["r2"])
        else f"The line through {code(step.values[0])} and {code(step.x)} is not determined"
    )
    more = f"Per {unit} the line changes by {number(f['slope'])}"
    more += f" (standard error {number(f['stderr'])}, {p_value(f['p'])})" if "stderr" in f else ""
    return _paragraphs(
        f"{lead} ({count(f['used'], 'row')}). {more}.",
        "The chart shows the rows as points and the line through them.",
        _caveats(step, f),
    )


def _correlation(step: Step, f: Figures) -> str:
    pairs = f["pairs"]
    if not pairs:
        return "No two numeric columns vary together enough for a correlation."
    one, other, r = pairs[0]
    lead = f"The strongest correlation is between {code(one)} and {code(other)}: **r = {r:.2f}**."
    shown = table(["pair", "r"], [[f"{a} – {b}", f"{r:.2f}"] for a, b, r in pairs], most=8)
    rows = "*Note: each pair uses the rows where both values are present.*" if f.get("missing") else ""
    return _paragraphs(
        lead, shown, f"The heat map shows all {len(step.values)} columns.", rows, _caveats(step, f, dropped=False)
    )


def _describe(step: Step, f: Figures) -> str:
    o, s = f["overview"], f["summary"]
    lead = f"**{count(f['rows'], 'row')} and {count(f['columns'], 'column')}**; {count(f['missing'], 'missing value')}, {count(f['complete'], 'complete row')}."
    columns = table(
        ["column", "type", "missing", "distinct"],
        [[i, *row] for i, row in zip(o["index"], o["data"], strict=True)],
        most=30,
    )
    keep = [s["columns"].index(c) for c in ("mean", "std", "min", "50%", "max") if c in s["columns"]]
    numeric = table(
        ["column", "mean", "std", "min", "median", "max"],
        [[i, *(row[k] for k in keep)] for i, row in zip(s["index"], s["data"], strict=True)],
        most=30,
    )
    chart = f"The chart shows {names(f['drawn'])}." if f["drawn"] else ""
    return _paragraphs(lead, columns, numeric, chart, _caveats(step, f, dropped=False))


def _missing(step: Step, f: Figures) -> str:
    scope = f"{names(step.values)}: " if step.values else ""
    if not f["cells"]:
        return f"{scope}**no missing values** in {count(f['rows'], 'row')} and {count(f['columns'], 'column')}."
    t = f["table"]
    worst = t["index"][0]
    lead = (
        f"{scope}**{count(f['cells'], 'missing value')}** in {number(f['with'])} of {count(f['columns'], 'column')}, most in {code(worst)} "
        f"({number(t['data'][0][0])}, {t['data'][0][1]:.1f} % of the rows). {number(f['complete'])} of {count(f['rows'], 'row')} are complete."
    )
    shown = table(
        ["column", "missing", "% of rows"],
        [[i, row[0], f"{row[1]:.1f}"] for i, row in zip(t["index"], t["data"], strict=True)],
    )
    return _paragraphs(lead, shown)


def _outliers(step: Step, f: Figures) -> str:
    t = f["table"]
    col = t["columns"].index("outliers")
    total = sum(row[col] for row in t["data"])
    worst = max(zip(t["index"], t["data"], strict=True), key=lambda p: p[1][col])
    lead = f"**{count(total, 'value')}** outside 1.5 interquartile ranges, in {count(f['rows_outside'], 'row')} of {number(f['rows'])}"
    lead += f"; most in {code(worst[0])} ({number(worst[1][col])})." if total and len(t["index"]) > 1 else "."
    shown = table(
        ["column", "lower fence", "upper fence", "below", "above", "outliers"],
        [[i, *row] for i, row in zip(t["index"], t["data"], strict=True)],
        most=30,
    )
    return _paragraphs(
        lead, shown, "The rows are saved beside the box plots." if total else "", _caveats(step, f, dropped=False)
    )


def _top(step: Step, f: Figures) -> str:
    t = f["table"]
    if not t["data"]:
        return f"{code(step.values[0])} holds no values."
    kind = "smallest" if step.ascending else "largest"
    lead = f"The {kind} {code(step.values[0])} is **{cell(t['data'][0][0])}** (row {cell(t['index'][0])})."
    shown = table(
        ["row", *(code(c) for c in t["columns"])],
        [[i, *row] for i, row in zip(t["index"], t["data"], strict=True)],
        most=20,
    )
    return _paragraphs(lead, shown, _caveats(step, f, dropped=False))


def _rows(step: Step, f: Figures) -> str:
    t = f["table"]
    lead = f"The {'last' if step.ascending else 'first'} {count(len(t['index']), 'row')} of {number(f['rows'])}:"
    return _paragraphs(
        lead,
        table(
            ["row", *(code(c) for c in t["columns"])],
            [[i, *row] for i, row in zip(t["index"], t["data"], strict=True)],
            most=20,
        ),
    )


def _pivot(step: Step, f: Figures) -> str:
    return _paragraphs(_two_way(step, f), "The heat map shows the same table." if f["table"]["index"] else "")


WORDS: dict[str, Callable[[Step, Figures], str]] = {
    "compare": _compare,
    "correlation": _correlation,
    "describe": _describe,
    "group": _group,
    "histogram": _histogram,
    "histograms": _summaries,
    "line": _line,
    "missing": _missing,
    "outliers": _outliers,
    "pivot": _pivot,
    "profile": _describe,
    "regression": _regression,
    "rows": _rows,
    "scatter": _scatter,
    "statistic": _statistic,
    "top": _top,
}
"""Intent -> the function that words its figures."""
