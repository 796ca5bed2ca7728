"""Source for what is read off the rows: description, missing values, outliers, the largest, the first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from claude_magic.local.standin.scripts.frame import label
from claude_magic.local.standin.table import NUMBER

if TYPE_CHECKING:
    from claude_magic.local.standin.plan import Step
    from claude_magic.local.standin.table import Table


def describe(step: Step, table: Table, file: str) -> str:  # noqa: ARG001 - one signature for all
    """Types, missing and distinct values, a summary of the numbers, and one chart of up to nine columns."""
    pick = f"data = df[{list(step.values)!r}]" if step.values else "data = df"
    return f"""\
{pick}


def distinct(column):
    try:
        return column.nunique()
    except TypeError:  # lists and other values without a hash
        return column.astype(str).nunique()


overview = pd.DataFrame({{
    "type": data.dtypes.astype(str), "missing": data.isna().sum(), "distinct": [distinct(data[c]) for c in data],
}})
overview.to_csv(output / "{file}_columns.csv")
numbers = data.select_dtypes("number", exclude="timedelta").replace([np.inf, -np.inf], np.nan)
numbers = numbers.astype(float).dropna(axis="columns", how="all")
summary = numbers.describe().T if numbers.shape[1] else pd.DataFrame()
print(f"{{len(data):,}} rows, {{data.shape[1]}} columns", overview, summary, sep="\\n")
if len(summary):
    summary.to_csv(output / "{file}_numbers.csv")

# One chart: numbers as histograms, columns of few values as bars; identifiers and free text show nothing.
own = overview["distinct"].eq(len(data)) & overview["type"].str.lower().str.startswith(("int", "uint"))
shapes = [c for c in numbers if numbers[c].nunique() > 1 and not (own[c] and len(data) > 50)]
bars = [c for c in data if c not in numbers and 1 < overview.loc[c, "distinct"] <= 20]
drawn = (shapes[:6] + bars[:9 - len(shapes[:6])]) or list(numbers)[:1]
if drawn:
    height = -(-len(drawn) // 3)
    fig, axes = plt.subplots(height, 3, figsize=(9, 2.6 * height), squeeze=False)
    for ax, column in zip(axes.flat, drawn):
        if column in numbers:
            values = numbers[column].dropna()
            ax.hist(values, bins=bins(values, 25), edgecolor="white", linewidth=0.4)
        else:
            counts = data[column].astype(str).value_counts().head(8)
            ax.barh(names(counts.index, 14), counts)
            ax.invert_yaxis()
        ax.set_title(names([column])[0], fontsize=10)
    for ax in axes.flat[len(drawn):]:
        ax.set_visible(False)
    fig.savefig(output / "{file}.png")
figures.append({{
    "rows": len(data), "columns": data.shape[1], "overview": overview.head(40).to_dict("split"),
    "complete": data.notna().all(axis=1).sum(),
    "summary": summary.head(40).to_dict("split"), "missing": data.isna().sum().sum(), "drawn": [str(c) for c in drawn],
}})"""


def missing(step: Step, table: Table, file: str) -> str:  # noqa: ARG001 - one signature for all
    """Missing values per column."""
    pick = f"df[{list(step.values)!r}]" if step.values else "df"
    return f"""\
data = {pick}
table = data.isna().sum().to_frame("missing")
table["percent"] = table["missing"] / max(1, len(data)) * 100
table = table.sort_values("missing", ascending=False, kind="stable")
table.to_csv(output / "{file}.csv")
shown = table[table["missing"] > 0].head(30)
if len(shown):
    fig, ax = plt.subplots(figsize=(7, 1.4 + 0.34 * len(shown)))
    ax.barh(range(len(shown)), shown["percent"])
    ax.set_yticks(range(len(shown)), names(shown.index))
    ax.bar_label(ax.containers[0], labels=[f"{{n:,}}" for n in shown["missing"]], padding=3)
    ax.invert_yaxis()
    ax.set(title="Missing values", xlabel="% of rows", xlim=(0, min(110, shown["percent"].max() * 1.15)))
    fig.savefig(output / "{file}.png")
print(table)
figures.append({{
    "table": shown.to_dict("split"), "rows": len(data), "columns": data.shape[1], "with": (table["missing"] > 0).sum(),
    "complete": data.notna().all(axis=1).sum(), "cells": table["missing"].sum(),
}})"""


def outliers(step: Step, table: Table, file: str) -> str:  # noqa: ARG001 - one signature for all
    """Values beyond 1.5 interquartile ranges from the quartiles (Tukey's fences)."""
    return f"""\
columns = {list(step.values)!r}
data = df[columns].astype(float)
q1, q3 = data.quantile(0.25), data.quantile(0.75)
low, high = q1 - 1.5 * (q3 - q1), q3 + 1.5 * (q3 - q1)
outside = data.lt(low) | data.gt(high)
table = pd.DataFrame({{"low": low, "high": high, "below": data.lt(low).sum(), "above": data.gt(high).sum()}})
table["outliers"] = outside.sum()
table.to_csv(output / "{file}.csv")
df[outside.any(axis=1)].to_csv(output / "{file}_rows.csv")

fig, axes = plt.subplots(1, len(columns), figsize=(max(4, 1.9 * len(columns)), 4.2), squeeze=False)
for ax, column in zip(axes.flat, columns):
    ax.boxplot(data[column].dropna(), widths=0.5, medianprops={{"color": "#D55E00"}})
    ax.set_xticks([])
    ax.set_title(names([column], 18)[0], fontsize=9)
fig.savefig(output / "{file}.png")
print(table)
figures.append({{
    "table": table.to_dict("split"), "rows": len(df), "rows_outside": outside.any(axis=1).sum(),
    "missing": data.isna().any(axis=1).sum(),
}})"""


def top(step: Step, table: Table, file: str) -> str:
    """The rows with the largest or smallest values of a column."""
    value = step.values[0]
    named = [*step.by, *(c.name for c in table.columns if c.name not in {value, *step.by})][:7]
    numeric = table.kind(value) == NUMBER
    chart = ""
    title = f"{'Smallest' if step.ascending else 'Largest'} {step.n} by {label(value)}"
    owner = label(step.by[0]) if step.by else "row"
    if numeric and step.n > 1:
        who = f"shown[{step.by[0]!r}]" if step.by else "shown.index"
        chart = f"""
fig, ax = plt.subplots(figsize=(7, 1.4 + 0.34 * len(shown)))
ax.barh(range(len(shown)), shown[{value!r}])
ax.set_yticks(range(len(shown)), names({who}))
ax.bar_label(ax.containers[0], fmt=short, padding=3)
ax.margins(x=0.12)
ax.invert_yaxis()
ax.set(title={title!r}, xlabel={label(value)!r}, ylabel={owner!r})
fig.savefig(output / "{file}.png")"""
    return f"""\
table = df.dropna(subset=[{value!r}]).sort_values({value!r}, ascending={step.ascending}, kind="stable").head({step.n})
table.to_csv(output / "{file}.csv")
shown = table[{[value, *named]!r}].head(50)
print(shown){chart}
figures.append({{"table": shown.to_dict("split"), "rows": len(df), "missing": df[{value!r}].isna().sum()}})"""


def rows(step: Step, table: Table, file: str) -> str:  # noqa: ARG001 - one signature for all
    """The first or last rows."""
    return f"""\
shown = df.{"tail" if step.ascending else "head"}({step.n})
shown.to_csv(output / "{file}.csv")
print(shown)
figures.append({{"table": shown.iloc[:50, :12].to_dict("split"), "rows": len(df), "columns": df.shape[1]}})"""
