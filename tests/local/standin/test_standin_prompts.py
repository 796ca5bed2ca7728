"""Prompts and the plans they are read as."""

import pytest

from claude_magic.local.standin.intents import read
from claude_magic.local.standin.plan import Filter
from claude_magic.local.standin.table import BOOL, CATEGORY, NUMBER, TEXT, TIME, Column, Table

PENGUINS = Table(
    "penguins.csv",
    (
        Column("species", TEXT, 3, values=("Adelie", "Chinstrap", "Gentoo")),
        Column("island", TEXT, 3, values=("Biscoe", "Dream", "Torgersen")),
        *(Column(n, NUMBER, 100) for n in ("bill_length_mm", "bill_depth_mm", "flipper_length_mm", "body_mass_g")),
        Column("sex", TEXT, 2, values=("female", "male")),
        Column("year", NUMBER, 3),
    ),
    344,
    looked=True,
)
SHOP = Table(
    "shop.parquet",
    (
        Column("Order Date", TIME),
        Column("customer", TEXT, 5000),
        Column("region", CATEGORY, 4, values=("North", "South")),
        Column("Sales", NUMBER),
        Column("unitPrice", NUMBER),
        Column("is_new", BOOL),
        Column("order_id", NUMBER, identifier=True),
    ),
)
NUMBERS = ("bill_length_mm", "bill_depth_mm", "flipper_length_mm", "body_mass_g", "year")
LENGTH, DEPTH, FLIPPER, MASS, _YEAR = NUMBERS


def step(intent, *values, **rest):
    """What a prompt's step must say; what is not given must be empty."""
    return {
        "intent": intent,
        "values": values,
        "x": "",
        "by": (),
        "colour": "",
        "aggs": (),
        "n": 0,
        "ascending": False,
        "freq": "",
        **rest,
    }


def mean(value, *by, **rest):
    """A mean by groups."""
    return step("group", value, by=by, aggs=("mean",), **rest)


def count(*by, **rest):
    """Rows by groups."""
    return step("group", by=by, aggs=("count",), **rest)


CASES = [
    ("Describe this dataset", [step("describe")]),
    ("Give me a summary of the data", [step("describe")]),
    ("What is in this file?", [step("describe")]),
    ("summarise body mass", [step("describe", MASS)]),
    ("are there missing values?", [step("missing")]),
    ("How many nulls are in each column?", [step("missing")]),
    ("Check data quality", [step("missing")]),
    ("histogram of flipper length", [step("histogram", FLIPPER)]),
    ("Show the distribution of bill depths.", [step("histogram", DEPTH)]),
    ("How are the body masses distributed?", [step("histogram", MASS)]),
    ("distribution of flipper length by sex", [step("histogram", FLIPPER, by=("sex",))]),
    ("Histograms of bill length and bill depth", [step("histogram", LENGTH), step("histogram", DEPTH)]),
    ("histograms please", [step("histograms", *NUMBERS)]),
    ("distribution of species", [count("species")]),
    ("How many penguins per species?", [count("species")]),
    ("How many penguins are there on each island?", [count("island")]),
    ("count by island and sex", [count("island", "sex")]),
    ("species counts", [count("species")]),
    ("What is the most common species?", [count("species")]),
    ("how many different species are there?", [count("species")]),
    ("pie chart of sex", [step("group", by=("sex",), aggs=("share",))]),
    ("percentage of sex per species", [step("group", by=("species", "sex"), aggs=("share",))]),
    ("bar chart of mean body mass by species", [mean(MASS, "species")]),
    ("average body mass by species and island", [mean(MASS, "species", "island")]),
    ("mean and median bill length for each species", [step("group", LENGTH, by=("species",), aggs=("mean", "median"))]),
    ('Median `bill_depth_mm` per "island"', [step("group", DEPTH, by=("island",), aggs=("median",))]),
    ("total BODY MASS grouped by sex", [step("group", MASS, by=("sex",), aggs=("sum",))]),
    ("mean flipper lengths and mean body mass by island", [mean(FLIPPER, "island"), mean(MASS, "island")]),
    ("Which species has the highest mean body mass?", [mean(MASS, "species")]),
    ("which island has the lowest average bill depth", [mean(DEPTH, "island", ascending=True)]),
    ("the mean bodymass by specie", [mean(MASS, "species")]),
    ("mean flippr length by ilsand", [mean(FLIPPER, "island")]),
    ("what is the average body mass?", [step("statistic", MASS, aggs=("mean",))]),
    ("how many rows are there?", [step("statistic", aggs=("count",))]),
    ("plot body mass over the years", [step("line", MASS, x="year", aggs=("mean",))]),
    ("mean body mass per year by species", [step("line", MASS, x="year", by=("species",), aggs=("mean",))]),
    ("Plot bill length vs bill depth coloured by species", [step("scatter", LENGTH, x=DEPTH, colour="species")]),
    ("scatter of bill length and depth, colored by species", [step("scatter", LENGTH, x=DEPTH, colour="species")]),
    ("Plot the flippers against the mass", [step("scatter", FLIPPER, x=MASS)]),
    ("relationship between flipper length and body mass", [step("scatter", FLIPPER, x=MASS)]),
    ("is body mass correlated with flipper length?", [step("scatter", MASS, x=FLIPPER)]),
    ("correlation heat map", [step("correlation", *NUMBERS)]),
    ("Correlate everything", [step("correlation", *NUMBERS)]),
    ("correlation matrix of bill length, bill depth and body mass", [step("correlation", LENGTH, DEPTH, MASS)]),
    ("top 10 by body mass", [step("top", MASS, n=10)]),
    ("5 smallest bill lengths", [step("top", LENGTH, n=5, ascending=True)]),
    ("the largest five flipper lengths", [step("top", FLIPPER, n=5)]),
    ("bottom 2 islands by number of penguins", [count("island", n=2, ascending=True)]),
    ("top 2 species by mean body mass", [mean(MASS, "species", n=2)]),
    ("show the first 10 rows", [step("rows", n=10)]),
    ("pivot table of mean body mass by species and island",
     [step("pivot", MASS, by=("species", "island"), aggs=("mean",))]),
    ("cross tab of species and island", [step("pivot", by=("species", "island"), aggs=("count",))]),
    ("heat map of median body mass by species and year",
     [step("pivot", MASS, by=("species", "year"), aggs=("median",))]),
    ("find outliers in body mass", [step("outliers", MASS)]),
    ("Any anomalies?", [step("outliers", *NUMBERS)]),
    ("fit a regression line of body mass on flipper length", [step("regression", MASS, x=FLIPPER)]),
    ("predict body mass from flipper length", [step("regression", MASS, x=FLIPPER)]),
    ("scatter plot with regression line of body mass and flipper length", [step("regression", MASS, x=FLIPPER)]),
    ("compare flipper length across species", [step("compare", FLIPPER, by=("species",))]),
    ("Does the body mass differ between islands?", [step("compare", MASS, by=("island",))]),
    ("box plot of flipper length by species", [step("compare", FLIPPER, by=("species",))]),
    ("compare body mass between males and females", [step("compare", MASS, by=("sex",))]),
    (
        "histogram of flipper length and a bar chart of mean body mass by species",
        [step("histogram", FLIPPER), mean(MASS, "species")],
    ),
    ("1. Histogram of body mass\n2. Box plot by island",
     [step("histogram", MASS), step("compare", MASS, by=("island",))]),
    ("Summary statistics, missing values, and a correlation matrix",
     [step("describe"), step("missing"), step("correlation", *NUMBERS)]),
    ("Write me a poem about the sea", [step("profile")]),
]  # fmt: skip

SHOP_CASES = [
    ("plot sales over time", [step("line", "Sales", x="Order Date", aggs=("sum",))]),
    ("Show monthly sales by region", [step("line", "Sales", x="Order Date", by=("region",), aggs=("sum",), freq="MS")]),
    ("total sales per year", [step("line", "Sales", x="Order Date", aggs=("sum",), freq="YS")]),
    ("trend of unit price", [step("line", "unitPrice", x="Order Date", aggs=("mean",))]),
    ("how many orders per day?", [step("line", x="Order Date", aggs=("count",), freq="D")]),
    ("top 10 customers by total sales", [step("group", "Sales", by=("customer",), aggs=("sum",), n=10)]),
    ("average unit price by region", [mean("unitPrice", "region")]),
    ("scatter sales vs unit price colour by region", [step("scatter", "Sales", x="unitPrice", colour="region")]),
    ("share of is new by region", [mean("is_new", "region")]),
    ("correlation", [step("correlation", "Sales", "unitPrice")]),
    ("quarterly mean of unit price", [step("line", "unitPrice", x="Order Date", aggs=("mean",), freq="QS")]),
]

FOLLOW_UPS = [
    (("mean body mass by species", "now by island"), [mean(MASS, "island")]),
    (("mean body mass by species", "and the median?"), [step("group", MASS, by=("species",), aggs=("median",))]),
    (("mean body mass by species", "what about flipper length?"), [mean(FLIPPER, "species")]),
    (
        ("mean body mass by species", "now by island", "as the median instead"),
        [step("group", MASS, by=("island",), aggs=("median",))],
    ),
    (("histogram of body mass", "same for flipper length"), [step("histogram", FLIPPER)]),
    (("histogram of body mass", "now as a box plot by species"), [step("compare", MASS, by=("species",))]),
    (("scatter bill length vs depth", "colour by species"), [step("scatter", LENGTH, x=DEPTH, colour="species")]),
    (("top 5 by body mass", "top 10 instead"), [step("top", MASS, n=10)]),
    (("mean body mass by species", "correlation heat map"), [step("correlation", *NUMBERS)]),
]

FILTERS = [
    ("mean body mass by species where year = 2008", (Filter("year", "==", (2008,)),)),
    ("histogram of flipper length for body mass > 4,000", (Filter(MASS, ">", (4000,)),)),
    ("average bill depth of Gentoo penguins by island", (Filter("species", "==", ("Gentoo",)),)),
    ("how many females have a bill length of at least 40.5?", None),
    ("mean body mass by island in 2009", (Filter("year", "==", (2009,)),)),
    ('count by sex where species is not "Adelie"', (Filter("species", "!=", ("Adelie",)),)),
]


def said(plan):
    """The plan's steps, without what was assumed."""
    keys = ("intent", "values", "x", "by", "colour", "aggs", "n", "ascending", "freq")
    return [{k: getattr(s, k) for k in keys} for s in plan.steps]


@pytest.mark.parametrize(("prompt", "steps"), CASES, ids=[c[0][:50] for c in CASES])
def test_a_prompt_about_penguins_is_read_as_these_steps(prompt, steps):
    """A prompt names its columns and asks for one analysis or several."""
    assert said(read([prompt], PENGUINS)) == steps


@pytest.mark.parametrize(("prompt", "steps"), SHOP_CASES, ids=[c[0][:50] for c in SHOP_CASES])
def test_a_prompt_about_a_shop_is_read_as_these_steps(prompt, steps):
    """Time columns, amounts that add up, yes/no columns and identifiers have ways of their own."""
    assert said(read([prompt], SHOP)) == steps


@pytest.mark.parametrize(("prompts", "steps"), FOLLOW_UPS, ids=[c[0][-1] for c in FOLLOW_UPS])
def test_a_follow_up_changes_the_plan_before(prompts, steps):
    """What a follow-up leaves out it takes from the conversation."""
    assert said(read(prompts, PENGUINS)) == steps


@pytest.mark.parametrize(("prompt", "filters"), FILTERS, ids=[c[0][:50] for c in FILTERS])
def test_conditions_are_read_or_said_to_be_unread(prompt, filters):
    """A condition becomes a filter; none is dropped in silence."""
    plan = read([prompt], PENGUINS)
    if filters is None:
        assert plan.filters
    else:
        assert plan.filters == filters
    assert not plan.unread


def test_a_condition_that_makes_no_filter_is_said_to_be_unread():
    """The words "only the heavy ones" can't be turned into a filter, and the plan says so."""
    plan = read(["mean body mass by species, only the heavy ones"], PENGUINS)
    assert plan.filters == ()
    assert plan.unread


@pytest.mark.parametrize(
    "prompt", ["average sales per weekday", "cumulative sales", "sales of the big ones, excluding refunds"]
)
def test_what_is_not_known_is_said_to_be_left_out(prompt):
    """A part of a request that can't be done is not dropped in silence."""
    assert read([prompt], SHOP).unread


@pytest.mark.parametrize(
    ("prompt", "value", "n"),
    [("What are the top 3 heaviest penguins?", MASS, 3), ("which penguin is the heaviest?", MASS, 1)],
)
def test_an_adjective_can_mean_a_column(prompt, value, n):
    """The heaviest are those with the largest mass."""
    assert said(read([prompt], PENGUINS)) == [step("top", value, n=n)]
    assert read(["How many penguins are heavier than 5000 g?"], PENGUINS).filters == (Filter(MASS, ">", (5000,)),)


def test_a_clause_about_the_same_adds_no_second_step():
    """A "draw a bar chart" after a question is the same chart."""
    prompt = "What is the mean body mass by species? Draw a bar chart."
    assert said(read([prompt], PENGUINS)) == [mean(MASS, "species")]


def test_a_prompt_that_cannot_be_read_is_marked():
    """The general profile of an unread prompt is not passed off as an answer."""
    assert not read(["Translate this to French"], PENGUINS).understood
    assert read(["describe"], PENGUINS).understood


def test_reading_is_deterministic():
    """The same prompt gives the same plan."""
    assert [read([p], PENGUINS) for p, _ in CASES] == [read([p], PENGUINS) for p, _ in CASES]
