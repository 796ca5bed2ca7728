"""Source for the shape of numbers: histograms, scatter plots, regression lines, correlation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from claude_magic.local.standin.scripts.frame import key, label
from claude_magic.local.standin.table import FEW, TIME

if TYPE_CHECKING:
    from claude_magic.local.standin.plan import Step
    from claude_magic.local.standin.table import Table

_MOST_COLOURS = 7


def histogram(step: Step, table: Table, file: str) -> str:
    """One number's distribution; one translucent histogram per group when groups are named."""
    value = step.values[0]
    if step.by:
        return _by_group(step, table, file)
    return f"""\
values = df[{value!r}].dropna()
summary = values.describe()
most = min(40, max(10, int(len(values) ** 0.5)))
fig, ax = plt.subplots()
counts, edges, _ = ax.hist(values, bins=bins(values, most), edgecolor="white", linewidth=0.5)
ax.axvline(values.median(), color="black", linestyle="--", label=f"median {{short(values.median())}}")
ax.legend()
ax.set(title={f"Distribution of {label(value)}"!r}, xlabel={label(value)!r}, ylabel="rows")
fig.savefig(output / "{file}.png")
print(summary)
tallest = int(counts.argmax())
figures.append({{
    "summary": summary.to_dict(), "skew": values.skew(), "rows": len(df), "missing": len(df) - len(values),
    "tallest": [edges[tallest], edges[tallest + 1], counts[tallest]],
}})"""


def _by_group(step: Step, table: Table, file: str) -> str:
    value, by = step.values[0], step.by[0]
    source = key(table[by], _MOST_COLOURS)
    column = source if source.startswith("groups(") else f"df[{source}]"
    return f"""\
data = pd.DataFrame({{"group": {column}, "value": df[{value!r}]}}).dropna()
table = data.groupby("group", observed=True)["value"].agg(["count", "mean", "median", "std"])
table.to_csv(output / "{file}.csv")
edges = np.histogram_bin_edges(data["value"], bins=bins(data["value"], min(40, max(10, int(len(data) ** 0.5)))))
fig, ax = plt.subplots()
for name, part in data.groupby("group", observed=True):
    ax.hist(part["value"], bins=edges, alpha=0.55, label=names([name])[0])
ax.legend(title={label(by)!r})
ax.set(title={f"Distribution of {label(value)} by {label(by)}"!r}, xlabel={label(value)!r}, ylabel="rows")
fig.savefig(output / "{file}.png")
print(table)
figures.append({{"table": table.to_dict("split"), "rows": len(df), "missing": len(df) - len(data)}})"""


def histograms(step: Step, table: Table, file: str) -> str:  # noqa: ARG001 - one signature for all
    """Several distributions side by side."""
    return f"""\
columns = {list(step.values)!r}
summary = df[columns].describe().T
summary.to_csv(output / "{file}.csv")
fig, axes = plt.subplots(-(-len(columns) // 3), 3, figsize=(9, 2.6 * -(-len(columns) // 3)), squeeze=False)
for ax, column in zip(axes.flat, columns):
    values = df[column].dropna()
    ax.hist(values, bins=bins(values, 25), edgecolor="white", linewidth=0.4)
    ax.set_title(names([column])[0], fontsize=10)
for ax in axes.flat[len(columns):]:
    ax.set_visible(False)
fig.savefig(output / "{file}.png")
print(summary)
figures.append({{
    "table": summary.to_dict("split"), "rows": len(df), "missing": df[columns].isna().any(axis=1).sum(),
}})"""


def scatter(step: Step, table: Table, file: str) -> str:
    """Two numbers as points, coloured by a group or by a third number, with their correlation."""
    y, x, colour = step.values[0], step.x, step.colour
    columns = {"x": f"df[{x!r}]", "y": f"df[{y!r}]"}
    numeric = bool(colour) and table[colour].numeric and not 0 < (table[colour].unique or FEW) < _MOST_COLOURS
    if colour:
        source = repr(colour) if numeric else key(table[colour], _MOST_COLOURS)
        columns["colour"] = source if source.startswith("groups(") else f"df[{source}]"
    data = ", ".join(f'"{k}": {v}' for k, v in columns.items())
    return f"""\
data = pd.DataFrame({{{data}}}).dropna()
alpha = max(0.05, min(0.75, 3000 / max(1, len(data))))  # many points: let density show
fig, ax = plt.subplots(figsize=(7, 4.8))
{_points(colour, numeric=numeric)}
ax.set(title={f"{label(y)} against {label(x)}"!r}, xlabel={label(x)!r}, ylabel={label(y)!r})
{_dates(x, table)}fig.savefig(output / "{file}.png")
{_correlation(step, table)}"""


def _points(colour: str, *, numeric: bool) -> str:
    if not colour:
        return 'ax.scatter(data["x"], data["y"], s=16, alpha=alpha, linewidths=0)'
    if numeric:
        return f"""\
points = ax.scatter(data["x"], data["y"], c=data["colour"], cmap="viridis", s=16, alpha=alpha, linewidths=0)
fig.colorbar(points, label={label(colour)!r})"""
    return f"""\
for name, part in data.groupby("colour", observed=True):
    ax.scatter(part["x"], part["y"], s=16, alpha=alpha, linewidths=0, label=names([name])[0])
legend = ax.legend(title={label(colour)!r}, loc="center left", bbox_to_anchor=(1, 0.5))
for handle in legend.legend_handles:
    handle.set_alpha(1)"""


def _dates(x: str, table: Table) -> str:
    return 'ax.tick_params(axis="x", rotation=30)\n' if table.kind(x) == TIME else ""


def _correlation(step: Step, table: Table) -> str:
    numbers = [
        f'data["{axis}"]' + ('.astype("int64")' if table.kind(name) == TIME else "")
        for axis, name in (("x", step.x), ("y", step.values[0]))
    ]
    within = ""
    if step.colour and table[step.colour].groups and TIME not in {table.kind(step.x), table.kind(step.values[0])}:
        within = """
within = {str(name): part["x"].corr(part["y"]) for name, part in data.groupby("colour", observed=True) if len(part) > 2}
print("within groups:", within)"""
    return f"""\
r = {numbers[0]}.corr({numbers[1]})
print(f"r = {{r:.3f}} over {{len(data):,}} rows"){within}
figures.append({{
    "r": r, "used": len(data), "rows": len(df), "missing": len(df) - len(data),
    "within": {"within" if within else "{}"},
}})"""


def regression(step: Step, table: Table, file: str) -> str:
    """A straight line by least squares, with r² and, where scipy is there, the slope's standard error and p."""
    y, x = step.values[0], step.x
    across = f"(df[{x!r}] - df[{x!r}].min()) / pd.Timedelta(days=1)" if table.kind(x) == TIME else f"df[{x!r}]"
    shown = f"days since the first {label(x)}" if table.kind(x) == TIME else label(x)
    return f"""\
data = pd.DataFrame({{"x": {across}, "y": df[{y!r}]}}).dropna().astype(float)
slope, intercept = np.polyfit(data["x"], data["y"], 1)
r2 = data["x"].corr(data["y"]) ** 2
fit = {{"slope": slope, "intercept": intercept, "r2": r2}}
try:
    from scipy import stats
except ImportError:
    print("scipy is not installed: no p-value")
else:
    line = stats.linregress(data["x"], data["y"])
    fit |= {{"p": line.pvalue, "stderr": line.stderr}}

fig, ax = plt.subplots(figsize=(7, 4.8))
ax.scatter(data["x"], data["y"], s=16, alpha=max(0.05, min(0.75, 3000 / len(data))), linewidths=0)
ends = np.array([data["x"].min(), data["x"].max()])
equation = f"y = {{intercept:.4g}} {{'+' if slope >= 0 else '-'}} {{abs(slope):.4g}} x,  r² = {{r2:.3f}}"
ax.plot(ends, intercept + slope * ends, color="#D55E00", linewidth=2, label=equation)
ax.legend()
ax.set(title={f"{label(y)} on {label(x)}"!r}, xlabel={shown!r}, ylabel={label(y)!r})
fig.savefig(output / "{file}.png")
print(fit)
figures.append({{
    **fit, "days": {table.kind(x) == TIME}, "used": len(data), "rows": len(df), "missing": len(df) - len(data),
}})"""


def correlation(step: Step, table: Table, file: str) -> str:  # noqa: ARG001 - one signature for all
    """Pearson's r of every pair, as a heat map and a table."""
    return f"""\
columns = {list(step.values)!r}
corr = df[columns].astype(float).corr()
corr.to_csv(output / "{file}.csv")
size = 2.5 + 0.55 * len(columns)
fig, ax = plt.subplots(figsize=(size + 1, size))
ax.grid(visible=False)
image = ax.imshow(corr, cmap="RdBu_r", vmin=-1, vmax=1)
fig.colorbar(image, label="Pearson's r", shrink=0.8)
ax.set_xticks(range(len(columns)), names(columns), rotation=45, ha="right")
ax.set_yticks(range(len(columns)), names(columns))
if len(columns) <= 12:
    for (i, j), r in np.ndenumerate(corr.to_numpy()):
        ax.text(j, i, f"{{r:.2f}}", ha="center", va="center", fontsize=8, color="white" if abs(r) > 0.6 else "black")
ax.set(title="Correlation of the numeric columns")
fig.savefig(output / "{file}.png")

upper = np.triu_indices(len(columns), k=1)
pairs = pd.DataFrame({{"one": upper[0], "other": upper[1], "r": corr.to_numpy()[upper]}}).dropna()
pairs = pairs.sort_values("r", key=abs, ascending=False, kind="stable").head(10)
print(corr.round(2))
figures.append({{
    "pairs": [[columns[int(one)], columns[int(other)], r] for one, other, r in pairs.itertuples(index=False)],
    "rows": len(df), "missing": df[columns].isna().any(axis=1).sum(),
}})"""
