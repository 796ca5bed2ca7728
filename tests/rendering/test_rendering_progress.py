"""How far an upload is: a line for what takes over a second, none for what does not."""

from claude_magic.rendering import Progress


def lines(steps, total=1_000_000):
    """The lines that are shown for (seconds, bytes done) steps."""
    now, shown = [0.0], []
    progress = Progress(shown.append, clock=lambda: now[0])
    for seconds, done in steps:
        now[0] = seconds
        progress("big\x1b[2J.parquet", done, total)
    return shown


def test_what_is_done_within_a_second_shows_nothing():
    """No flicker for a small file."""
    assert lines([(0, 0), (0.2, 500_000), (0.9, 1_000_000)]) == []


def test_a_long_one_says_share_rate_and_time_left():
    """Bytes done and in all, rate, seconds left; at most five lines a second, and one at the end."""
    shown = lines([(0, 0), (1.0, 250_000), (1.1, 260_000), (1.3, 325_000), (2.0, 1_000_000)])
    assert len(shown) == 3
    assert "25%, 0.2 of 1.0 MB at 0.2 MB/s, 3 s left" in shown[0]
    assert "100%" in shown[-1]
    assert "left" not in shown[-1]


def test_a_files_name_commands_no_terminal():
    """The name is cleaned."""
    assert "\x1b" not in "".join(lines([(0, 0), (2, 10), (3, 20)]))
