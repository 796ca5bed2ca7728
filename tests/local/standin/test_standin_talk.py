"""Answers without a table to compute from."""

import time

import pytest

from claude_magic import frames
from claude_magic.local.engine import Turn, UploadedFile
from claude_magic.local.standin import StandIn
from claude_magic.local.standin.talk import calculate


def said(*contents, files=(), can_run=False):
    """What the stand-in answers to these user messages."""
    messages = []
    for content in contents:
        messages += [{"role": "user", "content": content}, {"role": "assistant", "content": "…"}]
    events = StandIn().answer(Turn({"messages": messages[:-1]}, files, can_run=can_run))
    return "".join(e.get("delta", {}).get("text", "") for e in events)


@pytest.mark.parametrize(
    "prompt",
    [
        "Hello!",
        "What is love?",
        "",
        "Show markdown features",
        "Say hi",
        "2+2",
        "write 20 words",
        "What did I say?",
        "summarise",
    ],
)
def test_every_answer_says_who_gives_it(prompt):
    """No text of the stand-in can be taken for Claude's."""
    assert said(prompt).startswith("I am the local stand-in, not Claude: a program without a language model.")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2+2", 4),
        ("17 * 3 - 1", 50),
        ("(1 + 2) * 3 / 4", 2.25),
        ("2^10", 1024),
        ("2 \u00d7 3", 6),
        ("1,000 + 1", 1001),
        ("-3 ** 2", -9),
    ],
)
def test_arithmetic_is_exact(text, value):
    """An expression is evaluated, by Python's own rules."""
    assert calculate(text) == value
    assert f"**{value:,}**" in said(f"What is {text}?")


@pytest.mark.parametrize(
    "text", ["9**9**9**9", "1/0", "__import__('os')", "(" * 500 + "1" + ")" * 500, "2 +", "1e5000 * 10 ** 4000"]
)
def test_what_is_no_arithmetic_or_too_large_has_no_value(text):
    """Nothing but numbers and signs is evaluated, and nothing that could take forever."""
    assert calculate(text) is None


def test_words_are_counted():
    """The text after the colon is counted."""
    assert "**4 words** and 19 characters" in said("How many words are in: one two three fours")


def test_it_repeats_and_recalls_what_was_written():
    """The conversation is there to be quoted, not understood."""
    assert "You asked me to say: hello there" in said("Say hello there")
    assert "1. My name is Ada" in said("My name is Ada", "What did I say before?")
    assert "message 3 of yours" in said("a", "b", "c")


def test_a_question_about_data_without_a_table_says_what_is_missing():
    """The way out is named."""
    assert "attach one with `-u`" in said("histogram of body mass", can_run=True)
    file = UploadedFile("file_1", "a.csv", "text/csv", 1)
    assert "no code execution tool" in said("histogram of body mass", files=(file,))
    picture = UploadedFile("file_1", "a.png", "image/png", 1)
    assert "`a.png`, which is no table" in said("what is this", files=(picture,), can_run=True)


def test_images_are_not_looked_at():
    """An attached image is named as what it is: unseen."""
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": ""}}
    assert "You attached 1 image, which I can't look at." in said([image, {"type": "text", "text": "What is in it?"}])


def test_a_described_frame_is_recognised():
    """The text that `{{ df }}` becomes is read: columns, rows and kinds."""
    import pandas as pd

    df = pd.DataFrame({"a|b": [1, 2], "when": pd.to_datetime(["2020-01-01", None]), "name": ["x", "y"]})
    answer = said("What is this?\n" + frames.describe(df, "df"))
    assert "describes a table with **3 columns** and 2 rows (1 number, 1 time, 1 text): a\\|b, `when`, `name`" in answer


@pytest.mark.parametrize(("prompt", "words"), [("Write a text of 300 words", 300), ("write a long answer", 400)])
def test_a_long_text_has_the_words_asked_for_in_as_many_deltas(prompt, words):
    """One delta a word, so that streaming has something to stream."""
    events = list(StandIn().answer(Turn({"messages": [{"role": "user", "content": prompt}]})))
    assert events[0]["type"] == "content_block_start"
    assert events[-1]["type"] == "content_block_stop"
    text = "".join(e.get("delta", {}).get("text", "") for e in events)
    body = [
        w for line in text.split("generated.\n\n", 1)[1].splitlines() if not line.startswith("#") for w in line.split()
    ]
    assert len(body) == words
    assert len(events) > words


def test_paragraphs_and_sentences_are_counted_too():
    """Five paragraphs are five."""
    text = said("Write five paragraphs about anything").split("generated.\n\n", 1)[1]
    assert len([p for p in text.split("\n\n") if p.strip() and not p.startswith("#")]) == 5
    assert said("write 7 sentences").count("this is sentence") == 7


def test_slowly_takes_its_time():
    """A slow answer pauses between deltas, 50 ms each."""
    events = StandIn().answer(Turn({"messages": [{"role": "user", "content": "Slowly write 200 words"}]}))
    start = time.monotonic()
    for _ in range(6):
        next(events)
    assert time.monotonic() - start >= 0.2
    events.close()


def test_markdown_features_are_all_there():
    """Heading, lists, quote, table, code, maths."""
    text = said("Show me all markdown features")
    for sign in ("## ", "1. ", "   - ", "> ", "| --- |", "```python", "$a^2", "$$"):
        assert sign in text
