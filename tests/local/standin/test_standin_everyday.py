"""Prompts as people speak: everyday words for measures, questions with a chart after them, shares, comparisons."""

import json
import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from claude_magic.local.standin.everyday import FAMILIES, meanings, meant
from claude_magic.local.standin.intents import read
from claude_magic.local.standin.numbers import number
from claude_magic.local.standin.prompts import doubtful
from claude_magic.local.standin.table import NUMBER, TEXT, TIME, Column, Table


def table(numbers, times="", **texts):
    """A table that was looked into: names of numbers and times, and texts with their values."""
    columns = [Column(name, TEXT, len(values), values=tuple(values)) for name, values in texts.items()]
    columns += [Column(name, NUMBER, 100) for name in numbers.split()]
    columns += [Column(name, TIME, 100) for name in times.split()]
    return Table("table.csv", tuple(columns), 344, looked=True)


PENGUINS = table(
    "bill_length_mm bill_depth_mm flipper_length_mm body_mass_g year",
    species=("Adelie", "Chinstrap", "Gentoo"), island=("Biscoe", "Dream", "Torgersen"), sex=("female", "male"),
)  # fmt: skip
SHOP = table(
    "price quantity revenue", "order_date",
    product=("Tea", "Coffee", "Mug"), region=("North", "South"), customer=("C1", "C2"),
)  # fmt: skip
PEOPLE = table("age height fare duration", name=("Ann", "Bo"), city=("Rome", "Oslo"))


def spelt(prompt, about):
    """A plan as one line per step and filter: intent, values, then what is not empty."""
    plan = read([prompt], about)
    lines = []
    for s in plan.steps:
        parts = {k: getattr(s, k) for k in ("values", "x", "colour", "n", "freq", "focus")}
        words = [s.intent, *parts.pop("values"), *(f"{k}={v}" for k, v in parts.items() if v)]
        words += [f"by={'+'.join(s.by)}"] * bool(s.by) + [*s.aggs] + ["ascending"] * s.ascending
        lines.append(" ".join(map(str, words)))
    return lines + [f"{f.column} {f.op} {'|'.join(map(str, f.values))}" for f in plan.filters]


NUMBERS = "bill_length_mm bill_depth_mm flipper_length_mm body_mass_g year"
BY_SPECIES = "group body_mass_g by=species mean"
CASES = [
    ("Which species is heaviest? Draw a bar chart of the mean body mass.", [BY_SPECIES]),
    ("Draw a bar chart of the mean body mass. Which species is heaviest?", [BY_SPECIES]),
    ("Which species is lightest? Draw a bar chart of the mean body mass.", [BY_SPECIES + " ascending"]),
    ("Which species is heaviest? Plot it.", [BY_SPECIES]),
    ("Which species is heaviest? Show it as a bar chart.", [BY_SPECIES]),
    ("Which species is heaviest? Draw a box plot of body mass.", [BY_SPECIES, "compare body_mass_g by=species"]),
    ("What is the mean body mass by species? Draw a bar chart.", [BY_SPECIES]),
    ("Which species is the smallest?", [BY_SPECIES + " ascending"]),
    ("Is there a difference in flipper length between males and females?",
     ["compare flipper_length_mm by=sex", "sex == female|male"]),
    ("Are males heavier than females?", ["compare body_mass_g by=sex", "sex == female|male"]),
    ("Do males weigh more than females?", ["compare body_mass_g by=sex", "sex == female|male"]),
    ("Are Gentoo penguins heavier than Adelie penguins?",
     ["compare body_mass_g by=species", "species == Adelie|Gentoo"]),
    ("Are female penguins lighter?", ["compare body_mass_g by=sex"]),
    ("How heavy are penguins on each island?", ["group body_mass_g by=island mean"]),
    ("How big are the penguins on each island?", ["group body_mass_g by=island mean"]),
    ("Which columns have gaps?", ["missing"]),
    ("Are any values blank?", ["missing"]),
    ("Is the data complete?", ["missing"]),
    ("Fit a linear trend of body mass on flipper length", ["regression body_mass_g x=flipper_length_mm"]),
    ("How well does flipper length predict body mass?", ["regression body_mass_g x=flipper_length_mm"]),
    ("predict body mass from flipper length", ["regression body_mass_g x=flipper_length_mm"]),
    ("use flipper length to predict body mass", ["regression body_mass_g x=flipper_length_mm"]),
    ("What are the 7 penguins with the largest body mass?", ["top body_mass_g n=7"]),
    ("the 2009 penguins with the largest body mass", ["top body_mass_g n=1"]),
    ("How long are the flippers of each species?", ["group flipper_length_mm by=species mean"]),
    ("How long are the bills?", ["statistic bill_length_mm mean"]),
    ("How much do penguins weigh?", ["statistic body_mass_g mean"]),
    ("How heavy is a typical Gentoo?", ["statistic body_mass_g mean", "species == Gentoo"]),
    ("What is the average weight of a Gentoo?", ["statistic body_mass_g mean", "species == Gentoo"]),
    ("Which two measures go together most closely?", [f"correlation {NUMBERS}"]),
    ("Draw a correlation heat map. Which two measures go together most closely?", [f"correlation {NUMBERS}"]),
    ("Does bill length depend on bill depth?", ["scatter bill_length_mm x=bill_depth_mm"]),
    ("Do heavier penguins have longer flippers?", ["scatter body_mass_g x=flipper_length_mm"]),
    ("Do bigger penguins have deeper bills?", ["scatter body_mass_g x=bill_depth_mm"]),
    ("Does the flipper get longer with body mass?", ["scatter flipper_length_mm x=body_mass_g"]),
    ("How does flipper length vary with body mass?", ["scatter flipper_length_mm x=body_mass_g"]),
    ("Is bill depth linked to body mass?", ["scatter bill_depth_mm x=body_mass_g"]),
    ("Scatter plot of bill length against bill depth, coloured by species.",
     ["scatter bill_length_mm x=bill_depth_mm colour=species"]),
    ("How did body mass change over the years?", ["line body_mass_g x=year mean"]),
    ("Did the penguins get heavier over the years?", ["line body_mass_g x=year mean"]),
    ("Which year had the heaviest penguins?", ["group body_mass_g by=year mean"]),
    ("What share of penguins is female?", ["group focus=female by=sex share"]),
    ("What percentage of the penguins are Gentoo?", ["group focus=Gentoo by=species share"]),
    ("What share of Adelie penguins is female?", ["group focus=female by=sex share", "species == Adelie"]),
    ("Show me the biggest penguins", ["top body_mass_g n=5"]),
    ("who is the heaviest penguin?", ["top body_mass_g n=1"]),
    ("What's the lightest penguin on Dream?", ["top body_mass_g n=1 ascending", "island == Dream"]),
    ("How many penguins weigh more than 5000?", ["statistic count", "body_mass_g > 5000"]),
    ("How many males are there?", ["statistic count", "sex == male"]),
    ("Where do most penguins live?", ["group by=island count"]),
    ("Which species has the longest flippers?", ["group flipper_length_mm by=species mean"]),
    ("Which species has the shortest bills?", ["group bill_length_mm by=species mean ascending"]),
    ("Are there any strange values?", [f"outliers {NUMBERS}"]),
    ("Is anything odd here?", [f"outliers {NUMBERS}"]),
    ("Give me an overview", ["describe"]),
    ("What does the data look like?", ["describe"]),
    ("What is missing?", ["missing"]),
    ("Compare the islands", [f"compare {c} by=island" for c in NUMBERS.split()[:4]]),
]  # fmt: skip
SHOP_CASES = [
    ("average price per region last year", ["group price by=region mean"]),
    ("which region sells the highest quantity?", ["group quantity by=region sum"]),
    ("Which 2 products have the lowest total revenue?", ["group revenue n=2 by=product sum ascending"]),
    ("How do sales change across the months?", ["line revenue x=order_date freq=MS sum"]),
    ("sales by month", ["line revenue x=order_date freq=MS sum"]),
    ("how much did we sell each month?", ["line revenue x=order_date freq=MS sum"]),
    ("best month for sales?", ["line revenue x=order_date freq=MS sum"]),
    ("are sales going up?", ["line revenue x=order_date sum"]),
    ("which product sells best", ["group revenue by=product sum"]),
    ("which region makes the most money?", ["group revenue by=region sum"]),
    ("top customers", ["group revenue n=5 by=customer sum"]),
    ("who are our best customers?", ["group revenue n=5 by=customer sum"]),
    ("is price normal distributed", ["histogram price"]),
    ("how expensive is tea?", ["statistic price mean", "product == Tea"]),
    ("which product is cheapest?", ["group price by=product mean ascending"]),
    ("what is the most expensive order?", ["top price n=1"]),
    ("do we sell more in the North than in the South?", ["group revenue by=region sum", "region == North|South"]),
    ("do expensive orders sell more?", ["scatter price x=revenue"]),
]
PEOPLE_CASES = [
    ("How old are people in each city?", ["group age by=city mean"]),
    ("Who is the youngest?", ["top age n=1 ascending"]),
    ("Are older people taller?", ["scatter age x=height"]),
    ("Which city has the tallest people?", ["group height by=city mean"]),
    ("Which city is fastest?", ["group duration by=city mean ascending"]),
    ("Which city is the least expensive?", ["group fare by=city mean ascending"]),
    ("How long does it take in each city?", ["group duration by=city mean"]),
]
ALL = [(PENGUINS, *c) for c in CASES] + [(SHOP, *c) for c in SHOP_CASES] + [(PEOPLE, *c) for c in PEOPLE_CASES]


@pytest.mark.parametrize(("about", "prompt", "steps"), ALL, ids=[c[1][:60] for c in ALL])
def test_a_spoken_prompt_is_read_as_these_steps(about, prompt, steps):
    """A question in everyday words is the analysis that answers it."""
    assert spelt(prompt, about) == steps


def test_times_without_a_date_are_said_to_be_left_out():
    """Which year "last year" is, no table says."""
    assert read(["average price per region last year"], SHOP).unread == ("last year",)


@pytest.mark.parametrize(
    ("prompt", "about", "words"),
    [
        ("Show me the biggest penguins", PENGUINS, "“biggest” taken as body_mass_g"),
        ("Which penguins are longest?", PENGUINS, "though it fits flipper_length_mm as well"),
        ("sales by month", SHOP, "“sales” taken as revenue"),
        ("top customers", SHOP, "ranked by the total of revenue, as no figure was named"),
        ("Compare the islands", PENGUINS, "these measures, as none was named"),
        ("which brand is cheapest?", SHOP, "no column is called “brand”, so single rows are ranked"),
        ("is price normal distributed", SHOP, "no test of normality was made"),
    ],
)
def test_what_a_word_was_taken_for_is_said(prompt, about, words):
    """No guess is passed off as what was asked."""
    assert any(words in said for s in read([prompt], about).steps for said in s.assumed)


def test_a_word_that_may_be_a_value_sends_to_the_file():
    """A text about a table knows no values: "female" is looked up, names of columns are not."""
    bare = Table("t.csv", tuple(Column(c.name, c.kind) for c in PENGUINS.columns), 344)
    asks = {p: doubtful(read([p], bare), bare, p) for p, _ in CASES}
    assert asks["What share of penguins is female?"]
    assert asks["Are males heavier than females?"]
    assert not asks["Which species is heaviest? Draw a bar chart of the mean body mass."]


def test_the_things_of_a_table_are_no_column():
    """Orders have dates and wines have measures; the words for them group nothing."""
    wine = table("alcohol color_intensity od280_of_diluted_wines")
    assert spelt("Do stronger wines have more color intensity?", wine) == ["scatter alcohol x=color_intensity"]
    assert spelt("how expensive are orders in each region?", SHOP) == ["group price by=region mean"]


def test_a_column_of_that_name_is_meant_before_an_everyday_word():
    """Where a column is called "long" or "high", the word is no adjective."""
    about = table("long lat length high low", place=("a", "b"))
    assert spelt("scatter of long vs lat", about) == ["scatter long x=lat"]
    assert spelt("mean high by place", about) == ["group high by=place mean"]


@pytest.mark.parametrize(
    ("prompt", "steps"),
    [
        ("Give me a short summary", ["describe"]),
        ("a quick overview please", ["describe"]),
        ("a bigger chart of bill depth", ["histogram bill_depth_mm"]),
        ("histogram of body mass in dark colours", ["histogram body_mass_g"]),
        ("Which island has the largest number of penguins?", ["group by=island count"]),
    ],
)
def test_an_adjective_of_the_answer_is_no_measure(prompt, steps):
    """A short summary is about no length, a bigger chart about no mass."""
    assert spelt(prompt, PENGUINS) == steps


@given(st.sampled_from([(w, f) for f in FAMILIES for w in f.more.split() if not f.vague]), st.data())
@settings(max_examples=60, deadline=None, derandomize=True)
def test_a_comparison_points_the_way_of_its_column(word, data):
    """More of it is ">" for a noun that measures it, "<" for one that measures the opposite."""
    adjective, family = word
    noun = data.draw(st.sampled_from(family.nouns.split()))
    about = table(noun.removeprefix("-"))
    assert meant(f"more {adjective}", about) == ("<" if noun.startswith("-") else ">", noun.removeprefix("-"))
    assert [m.columns for m in meanings(f"how {adjective} is it", about)] == [(noun.removeprefix("-"),)]


@pytest.fixture(scope="module")
def penguins(tmp_path_factory):
    """A made-up table of birds with holes, as frame and as CSV."""
    random = np.random.default_rng(7)
    df = pd.DataFrame(
        {"species": random.choice(["Adelie", "Gentoo"], 80), "sex": random.choice(["male", "female"], 80)}
    )
    df["body_mass_g"] = random.normal(4000, 300, 80) + 900 * (df["species"] == "Gentoo")
    df["flipper_length_mm"] = df["body_mass_g"] / 20 + random.normal(0, 5, 80)
    df.loc[[3, 9], "sex"] = None
    df.loc[5, "body_mass_g"] = np.nan
    path = tmp_path_factory.mktemp("birds") / "birds.csv"
    df.to_csv(path, index=False)
    return df, path


def pictures(answer):
    """Names of the charts of an answer."""
    return [name for name in answer.outputs if name.endswith(".png")]


def test_the_heaviest_species_leads_and_has_one_chart(ask, penguins):
    """A question and a wish for a chart make one answer, its means pandas'."""
    df, path = penguins
    answer = ask(path, "Which species is heaviest? Draw a bar chart of the mean body mass.")
    means = df.groupby("species")["body_mass_g"].mean()
    assert f"**{means.idxmax()}** has the highest mean `body_mass_g`: **{number(means.max())}**" in answer.text
    found = answer.figures[0]["table"]
    assert dict(zip(found["index"], (row[0] for row in found["data"]), strict=True)) == pytest.approx(means.to_dict())
    assert len(pictures(answer)) == 1


def test_a_share_leads_with_the_group_asked_about(ask, penguins):
    """The share is of all rows, also of those without a value, and that is said."""
    df, path = penguins
    answer = ask(path, "What share of penguins is female?")
    share = float((df["sex"] == "female").mean() * 100)
    assert f"**female**: **{number(share)} %** of the 80 rows." in answer.text
    assert "2 rows of 80 without a value are counted in the whole" in answer.text
    assert len(pictures(answer)) == 1


def test_a_difference_between_values_compares_their_groups(ask, penguins):
    """Means of males and females, and their difference, are pandas'."""
    df, path = penguins
    answer = ask(path, "Is there a difference in flipper length between males and females?")
    means = df.groupby("sex")["flipper_length_mm"].mean()
    assert re.search(rf"a difference of {re.escape(number(float(means.max() - means.min())))}", answer.text)
    assert len(pictures(answer)) == 1


@pytest.mark.parametrize(
    "prompt",
    [
        "What is the mean body mass by species? Draw a bar chart.",
        "Scatter plot of flipper length against body mass, coloured by species.",
        "Draw a correlation heat map. Which two measures go together most closely?",
    ],
)
def test_the_prompts_of_the_quickstart_give_one_chart_and_a_lead(ask, penguins, prompt):
    """The first sentence with a figure answers the question; there is one chart."""
    df, path = penguins
    answer = ask(path, prompt)
    means, r = df.groupby("species")["body_mass_g"].mean(), df["flipper_length_mm"].corr(df["body_mass_g"])
    assert number(means.max()) in answer.text or f"**r = {r:.2f}**" in answer.text
    assert len(pictures(answer)) == 1
    assert json.dumps(answer.figures)
