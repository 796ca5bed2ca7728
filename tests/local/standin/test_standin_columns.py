"""Which columns a sentence names."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from claude_magic.local.standin.columns import Names, core, stem, stems

PENGUINS = Names(
    ["species", "island", "bill_length_mm", "bill_depth_mm", "flipper_length_mm", "body_mass_g", "sex", "year"]
)
ODD = Names(
    ["x", "y", "count", "Order Date", "unitPrice", "Umsatz (€)", "日付", "sepal length (cm)", "0", "colour", "a|b`c"]
)


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ("bill length", ["bill_length_mm"]),
        ("BILL_LENGTH_MM", ["bill_length_mm"]),
        ("bill-lengths", ["bill_length_mm"]),
        ("the billlength", ["bill_length_mm"]),
        ("flippers and the mass", ["flipper_length_mm", "body_mass_g"]),
        ("the weight and the gender", ["body_mass_g", "sex"]),
        ("'island' or “sex”", ["island", "sex"]),
        ("flippr length, ilsand", ["flipper_length_mm", "island"]),
        ("species per year", ["species", "year"]),
        ("nothing of that here", []),
    ],
)
def test_words_name_columns(text, columns):
    """Units, plurals, case, underscores, spaces, synonyms and slips of the pen do not matter."""
    assert [m.columns[0] for m in PENGUINS.find(text)] == columns


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ("plot y over x", ["y", "x"]),
        ("count the rows by colour", ["colour"]),
        ("mean of count by color", ["count", "colour"]),
        ("sum of `count`", ["count"]),
        ("order dates and unit price", ["Order Date", "unitPrice"]),
        ("Umsatz, 日付", ["Umsatz (€)", "日付"]),
        ("top 0 sepal lengths, column 0", ["sepal length (cm)", "0"]),
        ('the values of "a|b`c"', ["a|b`c"]),
    ],
)
def test_odd_names_are_found_and_words_of_requests_are_not(text, columns):
    """A column called "count" is meant only where nothing else can be."""
    assert [m.columns[0] for m in ODD.find(text)] == columns


def test_words_that_fit_several_columns_say_so():
    """The word "bill" alone fits two columns."""
    (mention,) = PENGUINS.find("the bill")
    assert mention.columns == ("bill_length_mm", "bill_depth_mm")


def test_stems_and_units():
    """Plural, British spelling and units go."""
    assert [stem(w) for w in ("Colours", "masses", "species", "Metres", "categories", "sexes")] == [
        "color", "mass", "specy", "meter", "category", "sex",
    ]  # fmt: skip
    assert core(stems("petal width (cm)")) == ["petal", "width"]
    assert core(stems("mm")) == ["mm"]


@settings(derandomize=True, deadline=None, max_examples=150)
@given(st.lists(st.text(max_size=30), max_size=12, unique=True), st.text(max_size=80))
def test_any_names_and_any_text_give_mentions_inside_the_text(names, text):
    """Mentions never overlap, lie inside the text and name columns that are there."""
    end = 0
    for mention in Names(names).find(text + " " + " and ".join(names)):
        assert end <= mention.start < mention.end
        assert set(mention.columns) <= set(names)
        end = mention.end
