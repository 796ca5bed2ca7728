"""What values look like in a prompt, kind by kind."""

import base64
import io

import matplotlib as mpl
import pandas as pd
import polars as pl
import pytest
from IPython.core.interactiveshell import InteractiveShell
from matplotlib.figure import Figure
from PIL import Image

from claude_magic.errors import UsageError
from claude_magic.prompt import blocks_of, compose

mpl.use("Agg")


def picture(block):
    """The PIL image in an image block, whose declared type must match its bytes."""
    assert block["type"] == "image"
    assert block["source"]["type"] == "base64"
    image = Image.open(io.BytesIO(base64.b64decode(block["source"]["data"], validate=True)))
    assert image.get_format_mimetype() == block["source"]["media_type"]
    return image


def text_of(value, name="v"):
    """The one text block of a value."""
    (block,) = blocks_of(value, name)
    assert block.keys() == {"type", "text"}
    return block["text"]


def add(a, b):
    """Add."""
    return a + b


class Point:
    """A point."""

    x = 1

    def move(self):
        """Move."""
        return self.x


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("as it is\n", "as it is\n"),
        (7, "7"),
        (None, "None"),
        (1.5, "1.5"),
        ([1, "a"], "[1, 'a']"),
        ({"a": (1,)}, "{'a': (1,)}"),
        (b"\x00ab", "b'\\x00ab'"),
        (len, "<built-in function len>"),
        (int, "<class 'int'>"),
    ],
)
def test_plain_values_are_their_text_or_their_repr(value, expected):
    """A str goes in as it is, anything else that is not special as its repr."""
    assert text_of(value) == expected


def test_an_empty_string_is_no_block():
    """The API takes no empty text."""
    assert blocks_of("", "v") == []


def test_a_long_repr_is_cut_and_says_by_how_much():
    """20,000 characters, then the number of those left out."""
    shown = text_of(list(range(10_000)))

    assert shown.startswith("[0, 1, 2")
    assert len(shown) < 20_100
    assert shown.endswith(f"[{len(repr(list(range(10_000)))) - 20_000:,} more characters]")


def test_functions_and_classes_are_their_source():
    """A function, a method and a class go in as they were written."""
    assert text_of(add).startswith("def add(a, b):")
    assert "return a + b" in text_of(add)
    assert text_of(Point).startswith("class Point:")
    assert "return self.x" in text_of(Point().move)


def test_a_module_is_its_source():
    """A module goes in as its file."""
    import colorsys

    assert "def rgb_to_hsv" in text_of(colorsys)


def test_what_was_typed_in_a_notebook_has_its_source_too():
    """Functions and classes of cells, also decorated ones without methods, and the newest of two of one name."""
    shell = InteractiveShell()
    row, twice = "@dataclasses.dataclass\nclass Row:\n    price: int = {}\n", "def twice(x):\n    return 2 * x\n"
    cell = f"import dataclasses\n{row}\n{twice}"
    shell.run_cell(cell.format(1))
    shell.run_cell(cell.format(2))

    assert text_of(shell.user_ns["twice"]) == twice
    assert text_of(shell.user_ns["Row"]) == row.format(2)


FRAME = pd.DataFrame({"city": ["Zagreb", "Quito"], "price": [918273, 564738]})


@pytest.mark.parametrize("frame", [FRAME, FRAME["city"], pl.DataFrame({"city": ["Zagreb"], "price": [918273]})])
def test_a_frame_shows_its_schema_and_no_value(frame):
    """At `schema`, the default, the prompt names columns and types."""
    shown = text_of(frame)

    assert "city" in shown
    assert not any(value in shown for value in ("Zagreb", "Quito", "918273", "564738"))


@pytest.mark.parametrize("value", [[FRAME], (1, FRAME), {"a": FRAME}, {"a": [{"b": (FRAME["city"],)}]}])
def test_a_frame_inside_a_list_or_dict_shows_no_value_either(value):
    """The repr of a list would tell the rows that the frame itself keeps."""
    shown = text_of(value)

    assert "city" in shown
    assert "Zagreb" not in shown


def test_a_masked_column_stays_masked_inside_a_list():
    """At `full` the rows are told, but never a masked column's values, wherever the frame is."""
    for value in (FRAME, [FRAME]):
        (block,) = blocks_of(value, "v", share="full", mask=("city",))
        assert "918273" in block["text"]
        assert "Zagreb" not in block["text"]


def test_a_list_that_holds_itself_ends():
    """Looking for frames inside stops a few levels down."""
    loop = []
    loop.append(loop)

    assert text_of(loop) == "[[...]]"


def test_a_matplotlib_figure_is_a_png_in_its_place():
    """Text, image, text: the picture stands where the expression stood, and shows what was drawn."""
    figure = Figure(figsize=(2, 1))
    figure.subplots().plot([0, 1], color="red", linewidth=9)
    before, image, after = compose("Before {{ figure }} after", {"figure": figure})

    assert (before["text"], after["text"]) == ("Before ", " after")
    colors = {color for _, color in picture(image).convert("RGB").getcolors(1 << 20)}
    assert (255, 0, 0) in colors


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "HSV", "I", "F"])
def test_a_pil_image_of_any_mode_is_an_image_block(mode):
    """Whatever its mode, it arrives as a picture of its own size."""
    assert picture(blocks_of(Image.new(mode, (4, 3)), "v")[0]).size == (4, 3)


def test_transparency_is_kept():
    """A transparent picture does not turn black on its way."""
    (block,) = blocks_of(Image.new("RGBA", (2, 2), (255, 0, 0, 0)), "v")

    assert picture(block).getpixel((0, 0)) == (255, 0, 0, 0)


def test_a_picture_too_large_for_the_api_is_made_smaller():
    """The API refuses 8,000 pixels and scales down to 2,576 by itself; the user's own image stays as it is."""
    image = Image.new("L", (9_000, 900))
    (block,) = blocks_of(image, "v")

    assert picture(block).size == (2_576, 258)
    assert image.size == (9_000, 900)


def test_a_picture_too_heavy_for_the_api_becomes_a_jpeg():
    """An image may have 10 MB of base64; noise of 2,500 by 2,000 pixels has more as a PNG."""
    (block,) = blocks_of(Image.effect_noise((2_500, 2_000), 200).convert("RGB"), "v")
    heavy = Image.merge("RGB", [Image.effect_noise((2_500, 2_000), 200) for _ in range(3)])
    (lighter,) = blocks_of(heavy, "v")

    assert picture(block).format == "PNG"
    assert picture(lighter).format == "JPEG"
    assert len(lighter["source"]["data"]) < 10_000_000


class Speaking:
    """Says what it is given to say."""

    def __init__(self, said):
        self.said = said

    def _repr_claude_(self):
        return self.said

    def __repr__(self):
        """Differ from what it says."""
        return "<its repr>"


IMAGE = {"type": "image", "source": {"type": "url", "url": "https://example.org/a.png"}}
CACHED = {"type": "text", "text": "b", "cache_control": {"type": "ephemeral"}}


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("words", [{"type": "text", "text": "words"}]),
        ("", []),
        ([IMAGE], [IMAGE]),
        ((IMAGE, CACHED), [IMAGE, CACHED]),
        (IMAGE, [IMAGE]),
        ([], []),
        (None, [{"type": "text", "text": "<its repr>"}]),
    ],
)
def test_an_object_may_say_how_it_wants_to_be_seen(said, expected):
    """`_repr_claude_()` gives text or blocks; None, as with IPython's hooks, leaves it to the repr."""
    assert blocks_of(Speaking(said), "v") == expected


@pytest.mark.parametrize("said", [7, [7], ["words"], [{"text": "a"}], [{"type": 1}], [{"type": "text"}], {}])
def test_what_an_object_says_must_be_text_or_blocks(said):
    """Anything else is refused here, in one line, and not by the server."""
    with pytest.raises(UsageError, match=r"`_repr_claude_\(\)` of `v`"):
        compose("{{ v }}", {"v": Speaking(said)})


def test_neighbouring_text_is_one_block_and_other_blocks_stay_whole():
    """Text around a value joins it; a block with more in it than text is not melted down."""
    blocks = compose("a {{ s }} c {{ v }} d {{ i }}", {"s": "b", "v": Speaking([CACHED]), "i": Speaking([IMAGE])})

    assert blocks == [{"type": "text", "text": "a b c "}, CACHED, {"type": "text", "text": " d "}, IMAGE]
