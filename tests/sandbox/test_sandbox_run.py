"""Commands in a sandbox: what they see, what they may use, how they end."""

import resource
import threading
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from claude_magic.errors import SandboxError
from claude_magic.sandbox import Limits, Sandbox
from claude_magic.sandbox.supervisor import Capture


def test_output_and_return_code_come_back(box):
    """stdout, stderr and the shell's return code are told apart."""
    done = box.run("echo out; echo err >&2; exit 3")
    assert (done.stdout, done.stderr, done.return_code, done.timed_out) == ("out\n", "err\n", 3, False)


def test_files_stay_between_commands(box):
    """A later command finds what an earlier one wrote, in the directory given."""
    box.run("echo kept > a.txt")
    assert box.run("cat a.txt").stdout == "kept\n"
    assert (box.root / "a.txt").read_text() == "kept\n"


def test_a_signal_is_shown_as_shells_do(box):
    """A command that dies of signal n returns 128 + n."""
    assert box.run("kill -TERM $$").return_code == 143


def test_python_is_this_environment(box):
    """Python and python3 are this interpreter with its packages."""
    code = "import sys, pandas; print(sys.version_info[:3], pandas.__version__)"
    import sys

    import pandas as pd

    for name in ("python", "python3"):
        assert box.run(f"{name} -c '{code}'").stdout == f"{tuple(sys.version_info[:3])} {pd.__version__}\n"


def test_no_key_reaches_a_command(mode, tmp_path, monkeypatch):
    """The environment is made from scratch, also that of the processes around the command."""
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-marked-key")
    monkeypatch.setenv("SOMETHING_ELSE", "sk-marked-key")
    with Sandbox(tmp_path, mode=mode, environment={"MINE": "yes"}) as box:
        seen = box.run("env; cat /proc/1/environ /proc/$PPID/environ /proc/self/environ | tr '\\0' '\\n'")
    assert "MINE=yes" in seen.stdout
    assert "sk-marked" not in seen.stdout + seen.stderr
    assert {line.partition("=")[0] for line in seen.stdout.splitlines()} >= {"HOME", "PATH", "MPLBACKEND", "TZ"}


def test_stdin_is_empty_unless_given(box):
    """A command that reads gets the end at once, or the text it was given."""
    assert box.run("cat").stdout == ""
    assert box.run("cat", stdin="läuft\n").stdout == "läuft\n"


def test_variables_of_one_command(box):
    """A variable given for one command is gone for the next."""
    assert box.run("echo $A", environment={"A": "1"}).stdout == "1\n"
    assert box.run("echo $A").stdout == "\n"


def test_a_command_longer_than_an_argument_may_be(box):
    """Half a megabyte of script runs."""
    text = "x" * 500_000
    assert box.run(f"cat <<'E' | wc -c\n{text}\nE").stdout.strip() == "500001"


def test_bytes_that_are_no_text(box):
    """Invalid UTF-8 comes back with replacement characters, lone surrogates in a command do no harm."""
    assert box.run(r"printf 'a\xff\xfeb'").stdout == "a\ufffd\ufffdb"
    assert box.run("echo '\ud800'").return_code == 0


def test_a_nul_in_a_command_is_refused(box):
    """What no shell can be told is refused in one line, and the sandbox goes on."""
    with pytest.raises(SandboxError, match="NUL"):
        box.run("echo \0")
    assert box.run("echo on").stdout == "on\n"


def test_the_time_limit_kills_the_whole_tree(box, tag):
    """Children, their children, and what left the session die with the command; what was printed is kept."""
    command = f"echo first; sleep {tag.seconds} & (setsid sleep {tag.seconds} &) ; bash -c 'sleep {tag.seconds}'"
    done = box.run(command, seconds=1)
    assert (done.stdout, done.return_code, done.timed_out, done.ended_by) == ("first\n", 124, True, "time")
    assert tag.wait(0) == 0
    assert box.run("echo on").stdout == "on\n"


def test_a_background_process_outlives_its_command_only(box, tag):
    """It runs on while the sandbox is open, also past the time limit of a later command, and ends with it."""
    assert box.run(f"sleep {tag.seconds} & echo started").stdout == "started\n"
    assert box.run("sleep 20", seconds=0.5).timed_out
    assert tag.wait(1) == 1
    box.close()
    assert tag.wait(0) == 0
    assert not box.alive


def test_a_background_process_that_writes_blocks_nobody(box):
    """What still writes when its shell has ended is read to nowhere, and the next command is not disturbed."""
    done = box.run("(sleep 0.3; yes late | head -c 3000000; echo done > mark) & echo now")
    assert done.stdout == "now\n"
    assert box.run("while [ ! -e mark ]; do sleep 0.05; done; echo seen").stdout == "seen\n"


def test_another_thread_can_cancel(box, tag):
    """Setting the event ends the command and what it started."""
    cancel = threading.Event()
    threading.Timer(0.5, cancel.set).start()
    started = time.monotonic()
    done = box.run(f"echo begun; sleep {tag.seconds} & sleep {tag.seconds}", cancel=cancel)
    assert (done.stdout, done.return_code, done.ended_by) == ("begun\n", 130, "cancelled")
    assert time.monotonic() - started < 10
    assert tag.wait(0) == 0


def test_a_flood_of_output_stays_bounded(box):
    """200 MB of output cost neither side memory; the first and the last of it are kept, with a marker between."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    done = box.run("echo first; head -c 200000000 /dev/zero | tr '\\0' x; echo last")
    assert done.truncated
    assert done.stdout.startswith("first\nx")
    assert done.stdout.endswith("xlast\n")
    assert "bytes left out" in done.stdout
    assert len(done.stdout) < 1_100_000
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 60_000  # kB
    if box.secluded:
        peak = box.run("awk '/VmHWM/ {print $2}' /proc/1/status").stdout
        assert int(peak) < 60_000  # kB


def test_one_process_cannot_take_more_memory_than_allowed(mode, tmp_path):
    """Beyond the limit an allocation fails, and numpy still works within it."""
    with Sandbox(tmp_path, mode=mode, limits=Limits(memory_bytes=2**30)) as box:
        done = box.run("python -c 'bytearray(3 << 30)'")
        assert done.return_code == 1
        assert "MemoryError" in done.stderr
        assert box.run("python -c 'import numpy; print((numpy.eye(200) @ numpy.eye(200)).sum())'").stdout == "200.0\n"


def test_many_processes_together_cannot_either(mode, tmp_path):
    """Four that are each within the limit, and together over it, are killed with a note."""
    hog = "python -c 'import time; x = bytearray(b\"x\") * (200 << 20); time.sleep(60)'"
    with Sandbox(tmp_path, mode=mode, limits=Limits(memory_bytes=500 << 20, seconds=40)) as box:
        done = box.run(f"{hog} & {hog} & {hog} & {hog} & wait")
        assert (done.return_code, done.ended_by) == (137, "memory")
        assert "memory" in done.stderr
        assert box.run("echo on").stdout == "on\n"


def test_too_many_processes_are_stopped(mode, tmp_path, tag):
    """A small fork bomb is killed, and the sandbox goes on."""
    with Sandbox(tmp_path, mode=mode, limits=Limits(processes=40, seconds=40)) as box:
        done = box.run(f"for i in $(seq 300); do sleep {tag.seconds} & done; wait")
        assert (done.return_code, done.ended_by) == (137, "processes")
        assert tag.wait(0) == 0
        assert box.run("echo on").stdout == "on\n"


def test_a_file_cannot_grow_beyond_its_limit(mode, tmp_path):
    """Writing beyond the limit fails."""
    with Sandbox(tmp_path, mode=mode, limits=Limits(file_bytes=100_000)) as box:
        assert box.run("head -c 200000 /dev/zero > big").return_code != 0
    assert (tmp_path / "big").stat().st_size == 100_000


MIB = 1 << 20
HOGS = {
    "one file after the other": "for i in $(seq 100); do head -c 10000000 /dev/zero > f$i; done; sleep 60",
    "at once, and then an end": "for i in $(seq 9); do fallocate -l 9000000 $i || head -c 9000000 /dev/zero > $i; done",
    "left behind": "(for i in $(seq 100); do head -c 10000000 /dev/zero > f$i; done; sleep 60) > log 2>&1 & wait",
    "without a name": "exec 3> a 4> b; rm a b; for n in 3 4; do head -c 30000000 /dev/zero >&$n; done; sleep 60",
    "in a locked folder": "mkdir -p d/e; head -c 30000000 /dev/zero | tee d/e/f > d/e/g; chmod 000 d/e d; sleep 60",
    "in a read-only folder": "mkdir d; head -c 30000000 /dev/zero | tee d/f > d/g; chmod 500 d; sleep 60",
    "deep in a read-only folder": (
        'python -c \'import os; [(os.mkdir("d"), os.chdir("d")) for _ in range(110)]; os.chmod("../../../..", 0o500); '
        'os.chmod("../../../../../../../../../..", 0o500)\'; '
        "head -c 60000000 /dev/zero > f; sleep 60"
    ),
    "deeper than a path": 'python -c \'import os; [(os.mkdir("d"), os.chdir("d")) for _ in range(3000)]\'; sleep 60',
    "empty files": "python -c 'for i in range(50000): open(str(i), \"x\")'; sleep 60",
    "beside the home": "for i in $(seq 100); do head -c 10000000 /dev/zero > $TMPDIR/$i; done; sleep 60",
}


@pytest.mark.parametrize("hog", HOGS)
def test_the_disk_is_not_filled(mode, tmp_path, hog):
    """More than a sandbox may keep, however it is done, is killed with a note; what was there stays."""
    home, tmp = tmp_path / "home", tmp_path / "tmp"
    tmp.mkdir()
    limits = Limits(disk_bytes=50 * MIB, seconds=40)
    with Sandbox(home, writable={"/tmp": tmp}, mode=mode, limits=limits) as box:
        box.run("echo kept > before; sleep 0.2")
        done = box.run(HOGS[hog])
        assert (done.return_code, done.ended_by) == (137, "disk")
        assert "[killed: more on the disk than a container may keep" in done.stderr
        assert sum(path.lstat().st_blocks * 512 for path in tmp_path.rglob("*")) <= 50 * MIB
        assert box.run("cat before; head -c 1000000 /dev/zero > more; ls more").stdout == "kept\nmore\n"


def test_a_folder_that_cannot_be_searched_is_no_full_disk(mode, tmp_path):
    """`chmod -R 644` on a folder, as people do: nothing is killed, nothing is lost."""
    with Sandbox(tmp_path / "home", mode=mode, limits=Limits(seconds=40)) as box:
        box.run("mkdir a; echo x > a/f; echo kept > before")
        done = box.run("chmod -R 644 a; sleep 0.5; cat before")
        assert (done.stdout, done.ended_by) == ("kept\n", "")
        assert box.run("cat before a/f").stdout == "kept\nx\n"


def test_what_is_mounted_does_not_count(walled, tmp_path):
    """A Python environment under /tmp is mounted inside the sandbox's own /tmp, and is not what the sandbox wrote."""
    shared, tmp = tmp_path / "an environment", tmp_path / "tmp"
    shared.mkdir()
    tmp.mkdir()
    with (shared / "large").open("wb") as file:
        file.write(bytes(60 * MIB))
    places = {"mounts": {"out/an environment": shared}, "writable": {"out": tmp}}
    with Sandbox(tmp_path / "home", **places, mode=walled, limits=Limits(disk_bytes=50 * MIB)) as box:
        done = box.run("cd /mnt/out; echo kept > mine; sleep 0.3; cat mine; ls 'an environment'")
    assert (done.stdout, done.ended_by) == ("kept\nlarge\n", "")


def test_making_room_does_not_follow_links(mode, tmp_path):
    """A folder of somebody else's that is linked to, or put in the home's place, keeps what it has."""
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    (theirs / "letter").write_text("dear")
    with Sandbox(tmp_path / "home", mode=mode, limits=Limits(disk_bytes=50 * MIB, seconds=40)) as box:
        swap = f"ln -s {theirs} link; touch {theirs}/letter; cd {tmp_path} && mv home gone && ln -s {theirs} home"
        done = box.run(f"({swap}) 2> ./log; for i in $(seq 100); do head -c 10000000 /dev/zero > $i; done")
        assert done.ended_by == "disk"
    assert (theirs / "letter").read_text() == "dear"


def test_a_home_that_was_locked_is_opened_again(box):
    """A command that takes all rights from its own home harms that command only."""
    box.run("chmod 000 .")
    assert box.run("echo on > here; cat here").stdout == "on\n"


def test_a_chart_is_made_and_fonts_are_not_searched_again(box):
    """Matplotlib finds its font list in every new sandbox, and draws without a display."""
    assert list((box.root / ".cache" / "matplotlib").glob("fontlist-*.json"))
    code = "import pandas as pd; f = pd.Series([1, 3, 2]).plot().figure; f.savefig('chart.png')"
    done = box.run(f'python -W error -c "{code}"')
    assert (done.return_code, done.stderr) == (0, "")
    assert (box.root / "chart.png").read_bytes().startswith(b"\x89PNG")


def test_a_closed_sandbox_says_so(box):
    """A command after closing is refused in one line."""
    box.close()
    with pytest.raises(SandboxError, match="closed"):
        box.run("echo on")


def test_mounted_folders_are_found_inside(mode, tmp_path):
    """`inside` tells where a folder of ours is seen; what is not mounted is not seen."""
    (tmp_path / "given").mkdir()
    (tmp_path / "given" / "a.txt").write_text("given\n")
    (tmp_path / "taken").mkdir()
    mounts, writable = {"given": tmp_path / "given"}, {"taken": tmp_path / "taken"}
    with Sandbox(tmp_path / "root", mode=mode, mounts=mounts, writable=writable) as box:
        seen, out = box.inside(tmp_path / "given" / "a.txt"), box.inside(tmp_path / "taken")
        assert box.run(f"cat {seen}; echo back > {out}/b.txt").stdout == "given\n"
        if mode == "bwrap":
            assert box.run(f"echo x >> {seen}").return_code != 0
            with pytest.raises(SandboxError, match="not in the sandbox"):
                box.inside(tmp_path)
    assert (tmp_path / "taken" / "b.txt").read_text() == "back\n"
    assert (tmp_path / "given" / "a.txt").read_text() == "given\n"


@pytest.mark.parametrize("name", ["../etc", "/etc", "/mnt", "", "/mnt/../usr", "/"])
def test_a_mount_cannot_cover_the_system(name, tmp_path):
    """Only names below /mnt are places to mount at."""
    with pytest.raises(SandboxError, match="no place"):
        Sandbox(tmp_path, mounts={name: tmp_path})


@settings(derandomize=True, deadline=None, max_examples=200, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.binary(max_size=50)), st.integers(2, 60))
def test_capture_keeps_both_ends(pieces, limit):
    """Whatever the pieces, at most `limit` bytes are kept: all, or the first and the last half."""
    capture = Capture(limit)
    for piece in pieces:
        capture.add(piece)
    whole = b"".join(pieces)
    half = limit // 2
    if len(whole) <= 2 * half:
        assert capture.text() == whole.decode("utf-8", "replace")
    else:
        marker = f"\n[... {len(whole) - 2 * half} bytes left out ...]\n"
        head, tail = whole[:half], whole[-half:]
        assert capture.text() == head.decode("utf-8", "replace") + marker + tail.decode("utf-8", "replace")
