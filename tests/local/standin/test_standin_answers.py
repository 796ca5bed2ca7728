"""Every analysis runs for real, and the figures in the answer are those that pandas computes here independently."""

import ast
import re

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.datasets import load_iris, load_wine

from claude_magic.local.standin.numbers import number
from claude_magic.local.standin.scripts import SECTIONS
from claude_magic.local.standin.wording import WORDS


@pytest.fixture(scope="module")
def iris():
    """Iris with its species, and a few holes."""
    bunch = load_iris(as_frame=True)
    df = bunch.frame.drop(columns="target")
    df["species"] = [str(bunch.target_names[t]) for t in bunch.target]
    df.loc[[3, 60], "sepal length (cm)"] = np.nan
    return df


@pytest.fixture(scope="module")
def iris_csv(iris, tmp_path_factory):
    """Iris as CSV."""
    path = tmp_path_factory.mktemp("iris") / "iris.csv"
    iris.to_csv(path, index=False)
    return path


@pytest.fixture(scope="module")
def days(tmp_path_factory):
    """Two years of days with amounts, the dates as text in a CSV."""
    when = pd.date_range("2022-01-01", "2023-12-31", freq="D")
    df = pd.DataFrame(
        {
            "day": when,
            "amount": np.arange(len(when)) % 37 + 0.5,
            "shop": np.where(when.day_of_week < 5, "Week", "Weekend"),
        }
    )
    path = tmp_path_factory.mktemp("days") / "days.csv"
    df.to_csv(path, index=False)
    return df, path


def test_every_intent_has_code_and_words():
    """What can be written can be worded."""
    assert set(SECTIONS) == set(WORDS)


def test_groups(ask, iris, iris_csv):
    """The mean of each species is in the table, the highest in the first sentence; chart and table are saved."""
    answer = ask(iris_csv, "bar chart of mean petal length by species")
    means = iris.groupby("species")["petal length (cm)"].mean()
    assert f"**{means.idxmax()}** has the highest mean `petal length (cm)`: **{number(means.max())}**" in answer.text
    for species, mean in means.items():
        assert f"| {species} | {mean:.2f} | 50 |" in answer.text
    assert {"mean_petal_length_cm_by_species.csv", "mean_petal_length_cm_by_species.png"} <= set(answer.outputs)
    saved = pd.read_csv(answer.outputs["mean_petal_length_cm_by_species.csv"], index_col=0)
    assert saved["mean"].to_dict() == pytest.approx(means.to_dict())
    assert answer.outputs["mean_petal_length_cm_by_species.png"].read_bytes().startswith(b"\x89PNG")


def test_counts_shares_and_two_groups(ask, iris, iris_csv):
    """Rows are counted, shares add up to 100, two groups make a table of both."""
    assert "| setosa | 50 |" in ask(iris_csv, "how many rows per species").text
    shares = ask(iris_csv, "percentage of species").figures[0]["table"]
    assert sum(row[0] for row in shares["data"]) == pytest.approx(100)
    table = ask(iris_csv, "median sepal width by petal width and species").figures[0]["table"]
    bins = pd.cut(iris["petal width (cm)"], 10)  # a number with many values is grouped in ten bins
    expected = iris.groupby([bins, "species"], observed=True)["sepal width (cm)"].median().unstack()  # noqa: PD010 - the groups are single
    assert table["columns"] == list(expected.columns)
    assert np.array(table["data"], dtype=float) == pytest.approx(expected.to_numpy(), nan_ok=True)


def test_statistic(ask, iris, iris_csv):
    """One figure for a column, from the values that are there."""
    answer = ask(iris_csv, "what is the average and the median sepal length?")
    column = iris["sepal length (cm)"]
    assert f"mean **{number(column.mean())}**, median **{number(column.median())}** (from 148 values)" in answer.text
    assert "2 rows of 150 left out" in answer.text
    assert "**150 rows**, 5 columns" in ask(iris_csv, "how many rows are there?").text


def test_histogram(ask, iris, iris_csv):
    """Median, mean, quartiles and skewness are the column's."""
    column = iris["sepal length (cm)"]
    text = ask(iris_csv, "distribution of sepal length").text
    assert f"has median **{number(column.median())}** and mean **{number(column.mean())}**" in text
    assert f"half of it between {number(column.quantile(0.25))} and {number(column.quantile(0.75))}" in text
    assert f"(skewness {column.skew():.2f})" in text


def test_histograms_by_group_and_of_everything(ask, iris, iris_csv):
    """Groups get their own histogram; without columns every number gets one."""
    table = ask(iris_csv, "histogram of petal width by species").figures[0]["table"]
    means = iris.groupby("species")["petal width (cm)"].mean()
    assert dict(zip(table["index"], [row[1] for row in table["data"]], strict=True)) == pytest.approx(means.to_dict())
    everything = ask(iris_csv, "histograms")
    assert len(everything.figures[0]["table"]["index"]) == 4
    assert "histograms.png" in everything.outputs


def test_compare(ask, iris, iris_csv):
    """Means, spread and the analysis of variance agree with scipy."""
    answer = ask(iris_csv, "compare sepal width across species")
    groups = [part["sepal width (cm)"] for _, part in iris.groupby("species")]
    f = stats.f_oneway(*groups)
    assert answer.figures[0]["test"]["statistic"] == pytest.approx(f.statistic)
    assert f"One-way ANOVA: statistic {number(float(f.statistic))}, p < 0.001." in answer.text
    two = ask(iris_csv, "compare sepal width between setosa and virginica")
    t = stats.ttest_ind(groups[0], groups[2], equal_var=False)
    assert two.figures[0]["test"] == {
        "name": "Welch's t-test",
        "statistic": pytest.approx(t.statistic),
        "p": pytest.approx(t.pvalue),
    }


def test_scatter(ask, iris, iris_csv):
    """R is Pearson's, overall and within the groups."""
    answer = ask(iris_csv, "scatter plot of sepal width vs petal length coloured by species")
    r = iris["sepal width (cm)"].corr(iris["petal length (cm)"])
    assert f"**r = {r:.2f}**" in answer.text
    for species, part in iris.groupby("species"):
        assert f"{species} {part['sepal width (cm)'].corr(part['petal length (cm)']):.2f}" in answer.text


def test_regression(ask, iris, iris_csv):
    """Slope, intercept and r² are those of scipy's least squares."""
    answer = ask(iris_csv, "regression of petal width on petal length")
    fit = stats.linregress(iris["petal length (cm)"], iris["petal width (cm)"])
    assert (
        f"`petal width (cm)` = {number(fit.intercept)} + **{number(fit.slope)}** · `petal length (cm)`" in answer.text
    )
    assert f"**r² = {fit.rvalue**2:.3f}**" in answer.text
    assert answer.figures[0]["stderr"] == pytest.approx(fit.stderr)


def test_correlation(ask, tmp_path):
    """The strongest pair of thirteen columns is the one that pandas finds."""
    wine = load_wine(as_frame=True).data
    wine.to_csv(tmp_path / "wine.csv", index=False)
    answer = ask(tmp_path / "wine.csv", "correlation heat map")
    corr = wine.corr().to_numpy(copy=True)
    np.fill_diagonal(corr, 0)
    i, j = np.unravel_index(np.abs(corr).argmax(), corr.shape)
    assert f"between `{wine.columns[i]}` and `{wine.columns[j]}`: **r = {corr[i, j]:.2f}**" in answer.text
    assert "correlation.png" in answer.outputs


def test_missing(ask, iris_csv):
    """Missing values are counted per column and in all."""
    text = ask(iris_csv, "missing values?").text
    assert "**2 missing values** in 1 of 5 columns, most in `sepal length (cm)` (2, 1.3 % of the rows)" in text
    assert "148 of 150 rows are complete" in text


def test_outliers(ask, iris, iris_csv):
    """Tukey's fences, and the rows outside them in a file."""
    column = iris["sepal width (cm)"]
    q1, q3 = column.quantile([0.25, 0.75])
    outside = iris[(column < q1 - 1.5 * (q3 - q1)) | (column > q3 + 1.5 * (q3 - q1))]
    answer = ask(iris_csv, "outliers in sepal width")
    assert f"**{len(outside)} values** outside" in answer.text
    assert len(pd.read_csv(answer.outputs["outliers_sepal_width_cm_rows.csv"])) == len(outside)


def test_top_and_first_rows(ask, iris, iris_csv):
    """The largest and smallest rows, in order; the first rows as they stand."""
    table = ask(iris_csv, "top 4 by petal length").figures[0]["table"]
    assert [row[0] for row in table["data"]] == iris["petal length (cm)"].nlargest(4).tolist()
    table = ask(iris_csv, "3 smallest petal widths").figures[0]["table"]
    assert [row[0] for row in table["data"]] == iris["petal width (cm)"].nsmallest(3).tolist()
    assert "| 0 | 5.10 | 3.50 | 1.40 | 0.2 | setosa |" in ask(iris_csv, "show the first 2 rows").text


def test_describe(ask, iris, iris_csv):
    """Rows, columns, missing values and a summary per number."""
    text = ask(iris_csv, "describe the data").text
    assert "**150 rows and 5 columns**; 2 missing values, 148 complete rows." in text
    column = iris["petal width (cm)"]
    figures = " | ".join(
        number(float(v)) for v in (column.mean(), column.std(), column.min(), column.median(), column.max())
    )
    assert f"| `petal width (cm)` | {figures} |" in text


def test_line_over_time(ask, days):
    """Text dates become time; months are summed, the span chooses the steps, groups get a line each."""
    df, path = days
    monthly = df.groupby(pd.Grouper(key="day", freq="MS"))["amount"].sum()
    answer = ask(path, "total amount per month")
    assert "By month, over 24 points" in answer.text
    assert f"**{monthly.idxmax():%Y-%m-%d}** (**{number(monthly.max())}**)" in answer.text
    assert f"lowest at {monthly.idxmin():%Y-%m-%d} ({number(monthly.min())})" in answer.text
    assert "By week" in ask(path, "plot amount over time").text
    by = ask(path, "monthly mean of amount by shop").figures[0]
    assert by["ends"]["columns"] == ["Week", "Weekend"]
    assert by["ends"]["data"][0][0] == pytest.approx(
        df[(df["day"] < "2022-02") & (df["shop"] == "Week")]["amount"].mean()
    )


def test_pivot(ask, days):
    """A two-way table has pandas' values."""
    df, path = days
    table = ask(path, "pivot of mean amount by shop and day").figures[0]["table"]
    expected = pd.crosstab(df["shop"], pd.cut(df["day"], 10), values=df["amount"], aggfunc="mean")
    assert table["index"] == ["Week", "Weekend"]
    assert np.array(table["data"], dtype=float) == pytest.approx(expected.to_numpy(), nan_ok=True)
    found = ask(path, "cross tab of shop and amount").figures[0]["table"]
    assert sum(v for row in found["data"] for v in row) == len(df)


def test_several_requests_are_all_done(ask, iris, iris_csv):
    """Each part of a combined request has its section, its chart and its figure."""
    answer = ask(
        iris_csv, "histogram of petal width and a bar chart of mean petal length by species, and missing values"
    )
    assert len(answer.figures) == 3
    assert len([name for name in answer.outputs if name.endswith(".png")]) == 3
    assert answer.text.count("### ") == 3
    assert number(iris["petal width (cm)"].median()) in answer.text


def test_conditions_are_applied_and_said(ask, iris, iris_csv):
    """Only the rows meant are counted in."""
    answer = ask(iris_csv, "mean petal length by species where petal width > 1.5")
    kept = iris[iris["petal width (cm)"] > 1.5].groupby("species")["petal length (cm)"].mean()
    assert "Only rows with `petal width (cm)` \\> 1.5 are counted in." in answer.text
    assert set(answer.figures[0]["table"]["index"]) == set(kept.index)
    one = ask(iris_csv, "what is the mean petal length of virginica?")
    assert number(iris[iris["species"] == "virginica"]["petal length (cm)"].mean()) in one.text


def test_a_follow_up_takes_what_it_leaves_out_from_before(ask, iris, iris_csv):
    """The question "and the median?" is about the column and groups of the question before."""
    answer = ask(iris_csv, "mean petal length by species", "and the median?")
    for species, median in iris.groupby("species")["petal length (cm)"].median().items():
        assert re.search(rf"\| {species} \| {median:.2f} \| 50 \|", answer.text)


def test_a_prompt_that_cannot_be_read_gets_an_honest_profile(ask, iris_csv):
    """No poem, but the table, and why."""
    text = ask(iris_csv, "Write me a poem about the sea").text
    assert "I could not read the request" in text
    assert "**150 rows and 5 columns**" in text


def test_every_answer_says_who_gives_it(ask, iris_csv):
    """The first words of an answer are that it is not Claude's."""
    assert ask(iris_csv, "describe").text.startswith("I am the local stand-in, not Claude")


def test_the_same_question_has_the_same_answer(ask, iris_csv):
    """Nothing in an answer is left to chance."""
    assert ask(iris_csv, "mean petal width by species").texts == ask(iris_csv, "mean petal width by species").texts


@pytest.fixture
def stores(tmp_path):
    """A hundred stores, one of them far ahead; whole numbers; a month each for a year."""
    rows = [(f"Store {i:02d}", ("North", "South")[i % 2], 1 + i % 12, i + 50_000 * (i == 7)) for i in range(100)] * 3
    frame = pd.DataFrame(rows, columns=["store", "region", "units", "revenue"])
    frame["day"] = pd.date_range("2026-01-01", periods=len(frame))
    frame.to_parquet(tmp_path / "stores.parquet")
    return tmp_path / "stores.parquet"


@pytest.mark.parametrize(
    "prompt",
    [
        "Which store has the highest total revenue?",
        "total revenue by store",
        "compare revenue between stores",
        "pivot of total revenue by store and region",
        "bar chart of total revenue by region and store",
        "line of revenue over day by store",
    ],
)
def test_what_is_drawn_together_is_never_the_answer(ask, stores, prompt):
    """A hundred stores: the highest is a store, not all the others together."""
    lead = next(line for line in ask(stores, prompt).text.splitlines() if "highest" in line)
    assert "other" not in lead


def test_the_highest_and_the_lowest_are_those_of_all_groups(ask, stores):
    """No store is left out: the one far ahead is named, and none of the thirty shown is called the lowest."""
    answer = ask(stores, "Which store has the highest total revenue?")
    assert "**Store 07** has the highest total `revenue`: **150,021**. Of 100 groups the table shows 30." in answer.text
    assert "lowest" not in answer.text


def test_labels_have_no_exponents_and_whole_numbers_have_a_bar_each(ask, stores, tmp_path):
    """What the program draws: figures as people write them, and no gap between the bars of neighbouring numbers."""
    program = tmp_path / "home" / "analysis.py"
    ask(stores, "total revenue by region as bars")
    short = _helper(program.read_text(), "short")
    assert [short(x) for x in (79_978.2, 1234.5, 12.345, -80_000, 0, 2_500_000, 2.5e10)] == [
        "79,978", "1,234", "12.35", "-80,000", "0", "2.5M", "25B",
    ]  # fmt: skip
    ask(stores, "histogram of units")
    bins = _helper(program.read_text(), "bins")
    assert bins(pd.Series(range(1, 13)), 25) == [0.5 + i for i in range(13)]
    assert bins(pd.Series(range(100)), 40) == [-0.5 + 3 * i for i in range(35)]
    assert [bins(pd.Series(values, dtype=float), 25) for values in ([], [3, 3], [0.5, 2])] == [25] * 3


def _helper(code, name):
    """A function out of the program that the stand-in wrote."""
    (node,) = [n for n in ast.parse(code).body if isinstance(n, ast.FunctionDef) and n.name == name]
    found = {}
    exec(compile(ast.Module([node], []), "helper", "exec"), found)
    return found[name]


def test_a_single_figure_is_named_before_it_is_told(ask, iris_csv):
    """What was read says which figure: "figure" alone told nobody anything."""
    assert "I read the request as: number of rows." in ask(iris_csv, "how many rows are there?").text
    assert "I read the request as: median of `sepal width (cm)`." in ask(iris_csv, "median sepal width").text
