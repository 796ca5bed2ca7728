"""Source for what is aggregated: one figure, groups, comparisons, two-way tables, lines over time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from claude_magic.local.standin.scripts.frame import key, label
from claude_magic.local.standin.table import NUMBER, REST, TIME

if TYPE_CHECKING:
    from claude_magic.local.standin.plan import Step
    from claude_magic.local.standin.table import Table

TITLES = {
    "mean": "Mean", "median": "Median", "sum": "Total", "std": "Standard deviation of", "min": "Minimum",
    "max": "Maximum", "count": "Rows", "share": "Share of rows (%)", "nunique": "Distinct values of",
}  # fmt: skip
"""Aggregation -> how a title says it."""

_MOST_SERIES = 8


def _title(step: Step, value: str = "") -> str:
    figure = " and ".join(TITLES[a].lower() if i else TITLES[a] for i, a in enumerate(step.aggs))
    words = f"{figure} {label(value)}".strip()
    return words + (f" by {' and '.join(label(b) for b in step.by)}" if step.by else "")


def statistic(step: Step, table: Table, file: str) -> str:  # noqa: ARG001 - a single figure leaves no file
    """One figure for the whole table, or for one column."""
    if not step.values:
        return """\
print(f"{len(df):,} rows, {df.shape[1]} columns")
figures.append({"rows": len(df), "columns": df.shape[1]})"""
    value = step.values[0]
    aggs = [a for a in step.aggs if a != "share"]
    return f"""\
values = df[{value!r}]
result = values.agg({list(dict.fromkeys([*aggs, "count"]))!r})
print(result)
figures.append({{"result": result.to_dict(), "rows": len(df), "missing": values.isna().sum()}})"""


def group(step: Step, table: Table, file: str) -> str:
    """Aggregates by one group or two, as a table and bars."""
    if len(step.by) > 1 and len(step.aggs) == 1:
        return _two_groups(step, table, file)
    first = step.by[0]
    ordered = table.kind(first) in {NUMBER, TIME} and not step.n
    agg = step.aggs[0]
    by = _key(step, table, first)
    shown = TITLES[agg]
    if not step.values:
        unit = " / len(df) * 100" if agg == "share" else ""
        lines = [f"table = df.groupby({by}, observed=True).size(){unit}", f"table = table.to_frame({agg!r})"]
        columns, missing = [agg], f"df[{first!r}].isna().sum()"
    else:
        columns = list(step.aggs)
        lines = [f"table = df.groupby({by}, observed=True)[{step.values[0]!r}].agg({[*columns, 'count']!r})"]
        missing = f"df[{[*step.by, step.values[0]]!r}].isna().any(axis=1).sum()"
    if len(step.by) > 1:
        lines[0] = lines[0].replace(f"groupby({by}", f"groupby([{by}, {_key(step, table, step.by[1])}]")
    if not ordered:
        lines.append(f'table = table.sort_values({agg!r}, ascending={step.ascending}, kind="stable")')
    lines.append(f'table.to_csv(output / "{file}.csv")')
    lines.append(f"shown = table.head({step.n or 30})" if not ordered else "shown = table")
    value = step.values[0] if step.values else ""
    axis = label(value) if value else shown
    lines += [*(_columns_chart(columns) if ordered else _bars_chart(columns))]
    title = repr(_title(step, value))
    labels = f"xlabel={label(first)!r}, ylabel={axis!r}" if ordered else f"xlabel={axis!r}, ylabel={label(first)!r}"
    lines += [f"ax.set(title={title}, {labels})", f'fig.savefig(output / "{file}.png")', "print(shown)"]
    lines.append(
        f"""\
figures.append({{
    "table": shown.to_dict("split"), "groups": len(table), "rows": len(df), "missing": {missing},
}})"""
    )
    return "\n".join(lines)


def _key(step: Step, table: Table, name: str) -> str:
    # "Top 10 customers" are picked from all customers, and so is the one with the highest total: not from twenty.
    return repr(name) if step.n or (table[name].groups and len(step.by) == 1) else key(table[name])


def _bars_chart(columns: list[str]) -> list[str]:
    if len(columns) > 1:
        draw = [
            f"shown.set_axis(names(shown.index))[{columns!r}].plot.barh(ax=ax, width=0.8)",
            'ax.legend(loc="center left", bbox_to_anchor=(1, 0.5))',
        ]
    else:
        draw = [
            f"ax.barh(range(len(shown)), shown[{columns[0]!r}])",
            "ax.set_yticks(range(len(shown)), names(shown.index))",
            "ax.bar_label(ax.containers[0], fmt=short, padding=3)",
            "ax.margins(x=0.12)",
        ]
    return [
        "fig, ax = plt.subplots(figsize=(7, 1.4 + 0.34 * len(shown)))",
        *draw,
        "ax.invert_yaxis()",
        'ax.grid(axis="y", visible=False)',
    ]


def _columns_chart(columns: list[str]) -> list[str]:
    return [
        "fig, ax = plt.subplots()",
        "rotation = 0 if len(shown) < 9 else 60",
        f"labelled = shown.set_axis(names(shown.index))[{columns!r}]",
        f"labelled.plot.bar(ax=ax, width=0.8, rot=rotation, legend={len(columns) > 1})",
        'ax.grid(axis="x", visible=False)',
    ]


def _two_groups(step: Step, table: Table, file: str) -> str:
    first, second = step.by[:2]
    agg = step.aggs[0]
    keys = f"[{_key(step, table, first)}, {key(table[second], _MOST_SERIES)}]"
    if step.values:
        result = f"df.groupby({keys}, observed=True)[{step.values[0]!r}].agg({agg!r}).unstack()"
        axis, missing = label(step.values[0]), f"df[{[first, second, step.values[0]]!r}].isna().any(axis=1).sum()"
    else:
        result = f"df.groupby({keys}, observed=True).size().unstack(fill_value=0)"
        axis, missing = TITLES[agg], f"df[{[first, second]!r}].isna().any(axis=1).sum()"
    share = "table = table.div(table.sum(axis=1), axis=0) * 100  # of each row's group\n" if agg == "share" else ""
    value = step.values[0] if step.values else ""
    return f"""\
table = {result}
{share}table.to_csv(output / "{file}.csv")
shown = table.head(30)
fig, ax = plt.subplots(figsize=(7, 1.6 + 0.2 * shown.size))
shown.set_axis(names(shown.index)).plot.barh(ax=ax, width=0.8{", stacked=True" if agg == "share" else ""})
ax.invert_yaxis()
ax.grid(axis="y", visible=False)
ax.legend(names(shown.columns), title={label(second)!r}, loc="center left", bbox_to_anchor=(1, 0.5))
ax.set(title={_title(step, value)!r}, xlabel={axis!r}, ylabel={label(first)!r})
fig.savefig(output / "{file}.png")
print(shown)
figures.append({{"table": shown.to_dict("split"), "groups": len(table), "rows": len(df), "missing": {missing}}})"""


def compare(step: Step, table: Table, file: str) -> str:
    """Means and spread of a number in groups, box plots, and a test of the difference of means."""
    value, by = step.values[0], step.by[0]
    return f"""\
data = pd.DataFrame({{"group": {_column(key(table[by], 12))}, "value": df[{value!r}]}}).dropna()
parts = {{name: part["value"] for name, part in data.groupby("group", observed=True)}}
table = data.groupby("group", observed=True)["value"].agg(["count", "mean", "median", "std"])
table.to_csv(output / "{file}.csv")

fig, ax = plt.subplots(figsize=(max(5, 1.1 * len(parts) + 2), 4.2))
ax.boxplot(list(parts.values()), tick_labels=names(parts), widths=0.6, medianprops={{"color": "#D55E00"}})
ax.tick_params(axis="x", rotation=30 if len(parts) > 4 else 0)
ax.grid(axis="x", visible=False)
ax.set(title={f"{label(value)} by {label(by)}"!r}, xlabel={label(by)!r}, ylabel={label(value)!r})
fig.savefig(output / "{file}.png")
{_TEST}
print(table)
print(test)
figures.append({{"table": table.to_dict("split"), "test": test, "rows": len(df), "missing": len(df) - len(data)}})"""


_TEST = """
# Welch's t-test for two groups, one-way ANOVA for more; groups of one value say nothing about spread.
test = {}
samples = [part for part in parts.values() if len(part) > 1 and part.nunique() > 1]
try:
    from scipy import stats
except ImportError:
    samples = []
if len(samples) == 2:
    t = stats.ttest_ind(*samples, equal_var=False)
    test = {"name": "Welch's t-test", "statistic": float(t.statistic), "p": float(t.pvalue)}
elif len(samples) > 2:
    f = stats.f_oneway(*samples)
    test = {"name": "one-way ANOVA", "statistic": float(f.statistic), "p": float(f.pvalue)}"""


def _column(source: str) -> str:
    """The column itself where `key` gives its name alone."""
    return source if source.startswith("groups(") else f"df[{source}]"


def pivot(step: Step, table: Table, file: str) -> str:
    """A two-way table with a heat map."""
    rows = step.by[0]
    across = _column(key(table[step.by[1]], 12)) if len(step.by) > 1 else 'pd.Series("all", index=df.index)'
    down = _column(key(table[rows]))
    agg = step.aggs[0]
    values = f", values=df[{step.values[0]!r}], aggfunc={agg!r}" if step.values else ""
    shown = f"{TITLES[agg]} {label(step.values[0])}" if step.values else "Rows"
    columns = label(step.by[1]) if len(step.by) > 1 else ""
    return f"""\
table = pd.crosstab({down}, {across}{values})
table.to_csv(output / "{file}.csv")
fig, ax = plt.subplots(figsize=(2.5 + 0.75 * table.shape[1], 1.6 + 0.36 * len(table)))
ax.grid(visible=False)
image = ax.imshow(table.to_numpy(dtype=float), cmap="cividis", aspect="auto")
fig.colorbar(image, label={shown!r})
ax.set_xticks(range(table.shape[1]), names(table.columns, 16), rotation=30, ha="right")
ax.set_yticks(range(len(table)), names(table.index))
middle = np.nanmean(image.get_clim())
for (i, j), cell in np.ndenumerate(table.to_numpy(dtype=float)):
    if not np.isnan(cell):
        ax.text(j, i, short(cell), ha="center", va="center", color="white" if cell < middle else "black")
ax.set(title={_title(step, step.values[0] if step.values else "")!r}, xlabel={columns!r}, ylabel={label(rows)!r})
fig.savefig(output / "{file}.png")
print(table)
figures.append({{
    "table": table.to_dict("split"), "rows": len(df),
    "missing": df[{[*step.by, *step.values]!r}].isna().any(axis=1).sum(),
}})"""


def line(step: Step, table: Table, file: str) -> str:
    """A line over time (resampled), over another ordered column, or over the rows."""
    value = step.values[0] if step.values else ""
    agg = step.aggs[0]
    data = _line_data(step, table)
    shown = TITLES[agg] + (f" {label(value)}" if value else "")
    across = label(step.x) if step.x else "row"
    legend = (
        f'ax.legend(names(table.columns), title={label(step.by[0])!r}, loc="center left", bbox_to_anchor=(1, 0.5))\n'
        if step.by
        else ""
    )
    time = step.x and table.kind(step.x) == TIME
    return f"""\
{data}
table.to_csv(output / "{file}.csv")
fig, ax = plt.subplots(figsize=(8, 4.2))
ax.plot(table.index, table.to_numpy(dtype=float), marker="o" if len(table) < 40 else "", markersize=4)
{_AXIS[bool(time)]}
{legend}ax.set(title={f"{shown} over {across}"!r}, xlabel={across!r}, ylabel={shown!r})
fig.savefig(output / "{file}.png")
print(table)
{_line_figures(step)}"""


_AXIS = {
    True: 'ax.tick_params(axis="x", rotation=30)',
    False: """\
if pd.api.types.is_integer_dtype(table.index):
    ax.xaxis.get_major_locator().set_params(integer=True)""",
}
"""Source that labels the horizontal axis; key: it is a time."""


def _line_data(step: Step, table: Table) -> str:
    value, agg, by = (step.values[0] if step.values else ""), step.aggs[0], step.by[0] if step.by else ""
    if not step.x:
        return f'table = df[[{value!r}]].dropna()\nfreq = ""'
    grouped = [f"pd.Grouper(key={step.x!r}, freq=freq)" if table.kind(step.x) == TIME else repr(step.x)]
    grouped += [key(table[by], _MOST_SERIES)] if by else []
    keys = f"[{', '.join(grouped)}]" if by else grouped[0]
    pick = f"[{value!r}].agg({agg!r})" if value and agg != "count" else ".size()"
    series = f"df.groupby({keys}, observed=True){pick}"
    table_line = f"table = {series}.unstack()" if by else f"table = {series}.to_frame({(value or agg)!r})"
    empty = "" if agg in {"count", "sum"} else '\ntable = table.dropna(how="all")'
    return f"{_frequency(step, table)}\n{table_line}{empty}"


def _frequency(step: Step, table: Table) -> str:
    if table.kind(step.x) != TIME:
        return 'freq = ""'
    if step.freq:
        return f"freq = {step.freq!r}"
    return f"""\
# Points that a line can show: hours for a few days, days for a quarter, weeks, months, years.
days = (df[{step.x!r}].max() - df[{step.x!r}].min()).days
freq = "h" if days < 3 else "D" if days <= 92 else "W" if days <= 730 else "MS" if days <= 7300 else "YS\""""


def _line_figures(step: Step) -> str:
    used = [*step.values, *([step.x] if step.x else []), *step.by]
    lines = f".drop(columns={REST!r}, errors='ignore')" if step.by else ""
    return f"""\
points = table{lines}.unstack().dropna()
high, low = (points.idxmax(), points.idxmin()) if len(points) else ((), ())
figures.append({{
    "ends": (table.iloc[[0, -1]] if len(table) > 1 else table).to_dict("split"), "points": len(table), "freq": freq,
    "highest": [*high, points.max()] if len(points) else [], "lowest": [*low, points.min()] if len(points) else [],
    "rows": len(df), "missing": df[{used!r}].isna().any(axis=1).sum(),
}})"""
