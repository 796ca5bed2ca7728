"""The README keeps its promises: options as they are, commands that name what exists, pictures that are there."""

import re

import pytest

from claude_magic.frames import rules
from claude_magic.magics import arguments
from claude_magic.magics.commands import COMMANDS, _help


@pytest.fixture
def readme(request):
    """The README's text."""
    return (request.config.rootpath / "README.md").read_text(encoding="utf-8")


def test_the_table_of_options_is_the_help(readme):
    """What the README lists between the fences is what `%claude help` prints; to renew it, paste that."""
    listed = re.search(r"<!-- options: .*? -->\n```\n(.*?)\n```", readme, re.DOTALL)[1]
    assert listed == str(_help(None, "")).strip()


def test_the_table_of_conversions_is_that_of_the_rules(readme):
    """What the README says of conversions is what the code applies; to renew it, paste what the command prints."""
    listed = re.search(r"<!-- conversions: .*? -->\n((?:\|.*\n)+)", readme)[1]
    assert listed == rules.markdown()


def test_the_help_holds_every_option_and_command():
    """One table each serves parser and help, so nothing can be forgotten."""
    text = str(_help(None, ""))
    assert all(name in text for option in arguments.OPTIONS for name in option.names)
    assert all(f"\n  {name} " in text for name in COMMANDS)


def test_the_two_commands_stand_on_one_line_each(readme):
    """The first screen holds the demo and the tests, each with its own set-up."""
    lines = readme.splitlines()
    assert [line for line in lines if line.endswith("&& claude-magic demo")]
    assert [line for line in lines if line.endswith("&& pytest")]


def test_pictures_are_there(readme, request):
    """Every image the README shows is in the repository."""
    images = re.findall(r"!\[[^\]]*\]\(([^)]+)\)", readme)
    assert images
    assert all((request.config.rootpath / image).is_file() for image in images)
