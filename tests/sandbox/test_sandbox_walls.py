"""What stands between a sandbox and the machine."""

import http.server
import secrets
import subprocess
import sys
import threading
from pathlib import Path

import pytest

import claude_magic
from claude_magic.sandbox import Sandbox, isolation


@pytest.fixture
def listener():
    """A web server of this machine, and the requests it got."""
    requests = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            requests.append(self.path)
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_):
            """Say nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_address[1], requests
    server.shutdown()
    thread.join()
    server.server_close()


def test_isolation_is_one_of_two_words():
    """It tells which walls stand, and stays with its answer."""
    assert isolation() in {"bwrap", "process"}
    assert isolation() == isolation()


def test_no_network(box, listener):
    """Not even this machine's own servers can be reached, where the sandbox says that there is no network."""
    port, requests = listener
    done = box.run(f"python -c 'import urllib.request as u; u.urlopen(\"http://127.0.0.1:{port}/\", timeout=5)'")
    if box.network:
        pytest.skip("this machine forbids user namespaces; the sandbox says that it has network")
    assert done.return_code == 1
    assert requests == []


def test_the_home_of_the_user_is_not_there(walled, tmp_path):
    """A file of the user cannot be read by its path, nor anything of the home be seen but the Python environment."""
    secret = tmp_path / "secret.txt"
    secret.write_text("marked")
    with Sandbox(tmp_path / "root", mode=walled) as box:
        assert box.run(f"cat {secret}").return_code != 0
        seen = box.run(f"find {Path.home()} -maxdepth 1 -mindepth 1 2>/dev/null").stdout.split()
        environment = {Path(sys.prefix), Path(sys.base_prefix), Path(box.home)}
        assert all(any(path.is_relative_to(name) for path in environment) for name in seen)
        assert box.run("grep -r root /etc/passwd; cat /etc/shadow").stdout == ""


def test_other_processes_are_not_seen(box):
    """A command sees the processes of its sandbox only."""
    if not box.secluded:
        pytest.skip("this machine forbids user namespaces; the sandbox says that it is not secluded")
    assert len(box.run("ls -d /proc/[0-9]*").stdout.split()) < 10


def test_the_supervisor_cannot_be_killed_from_inside(box):
    """Killing everything one can see harms the command's own sandbox only, and not its supervisor."""
    if not box.secluded:
        pytest.skip("outside a process namespace this would kill everything of the user")
    # looked at again inside, so that a failing test can never kill what is not the sandbox's
    done = box.run("sleep 100 & [ $(ls -d /proc/[0-9]* | wc -l) -lt 10 ] && { kill -9 1; kill -STOP 1; kill -9 -1; }")
    assert done.ended_by == ""
    assert box.run("echo on").stdout == "on\n"


def test_the_system_cannot_be_written_to(walled, tmp_path):
    """Outside its own directories, /tmp and /dev/shm nothing can be written."""
    targets = ["/x", "/usr/x", "/etc/x", "/home/x", "/dev/x", f"{sys.prefix}/x", "/mnt/x", "/proc/x"]
    with Sandbox(tmp_path, mode=walled) as box:
        for target in targets:
            assert box.run(f"echo y > {target}").return_code != 0, target
        assert box.run("echo y > /tmp/x && echo y > ~/x && echo y > /dev/shm/x").return_code == 0
        assert box.run("grep Cap /proc/self/status | grep -v 0000000000000000").stdout == ""


def test_kernel_settings_cannot_be_written_to(walled, tmp_path):
    """Nothing in /proc but what belongs to the sandbox's own processes is writable, also when root runs it."""
    look = "find /proc -path '/proc/[0-9]*' -prune -o -type f -writable -print 2>/dev/null"
    with Sandbox(tmp_path, mode=walled) as box:
        assert box.run(look).stdout == ""
        assert box.run("test -e /proc/sys/kernel/core_pattern").return_code == 0


def test_what_one_sandbox_writes_another_does_not_see(walled, tmp_path):
    """Neither /tmp nor matplotlib's folder is shared."""
    with Sandbox(tmp_path / "a", mode=walled) as one, Sandbox(tmp_path / "b", mode=walled) as other:
        one.run("echo poison | tee /tmp/p $MPLCONFIGDIR/p $MPLCONFIGDIR/fontlist-*.json")
        assert other.run("ls /tmp $MPLCONFIGDIR; cat $MPLCONFIGDIR/fontlist-*.json").stdout.count("poison") == 0
        assert "p\n" not in other.run("ls /tmp $MPLCONFIGDIR").stdout
    with Sandbox(tmp_path / "c", mode=walled) as later:
        assert "poison" not in later.run("cat $MPLCONFIGDIR/*").stdout


def test_a_sandbox_outlives_the_thread_that_opened_it(mode, tmp_path):
    """A server opens it from a thread of one request and uses it in another."""
    opened = []
    thread = threading.Thread(target=lambda: opened.append(Sandbox(tmp_path, mode=mode)))
    thread.start()
    thread.join()
    with opened[0] as box:
        assert box.run("sleep 0.3; echo on").stdout == "on\n"


HOLDER = """
import sys, pathlib
from claude_magic.sandbox import Sandbox
box = Sandbox(pathlib.Path(sys.argv[1]), mode=sys.argv[2])
box.run(f"(setsid sleep {sys.argv[3]} &) ; sleep {sys.argv[3]} & echo")
print("ready", flush=True)
box.run(f"sleep {sys.argv[3]}")
"""


def test_everything_dies_with_the_parent(mode, tmp_path, tag):
    """When the process that holds a sandbox is killed outright, nothing of the sandbox stays."""
    holder = [sys.executable, "-c", HOLDER, str(tmp_path), mode, tag.seconds]
    with subprocess.Popen(holder, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "ready\n"
        assert tag.wait(3) == 3
        process.kill()
    assert tag.wait(0) == 0


INTERRUPTED = """
import sys, pathlib
from claude_magic.sandbox import Sandbox
with Sandbox(pathlib.Path(sys.argv[1]), mode=sys.argv[2]) as box:
    print("ready", flush=True)
    try:
        box.run(f"sleep {sys.argv[3]}")
    except KeyboardInterrupt:
        print("interrupted", box.run("echo on").stdout, end="")
"""


def test_ctrl_c_kills_the_command_and_goes_on(mode, tmp_path, tag):
    """KeyboardInterrupt reaches the caller, the command is dead, the sandbox still works."""
    command = [sys.executable, "-c", INTERRUPTED, str(tmp_path), mode, tag.seconds]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "ready\n"
        assert tag.wait(1) == 1
        process.send_signal(2)
        assert process.communicate(timeout=20)[0] == "interrupted on\n"
    assert tag.count() == 0


def test_a_plain_process_without_namespaces(walled, tmp_path, tag):
    """Where namespaces are forbidden (here: inside a sandbox) it says so, and its limits still hold."""
    script = tmp_path / "root" / "script.py"
    script.parent.mkdir()
    script.write_text(f"""
import pathlib
from claude_magic.sandbox import Sandbox, isolation
print(isolation())
with Sandbox(pathlib.Path("inner")) as box:
    print(box.mode, box.network, box.secluded)
    box.run("(setsid sleep {tag.seconds} &) ; echo")
    print(box.run("echo a; (setsid sleep {tag.seconds} &) ; sleep 50", seconds=1).ended_by)
print("closed", flush=True)
""")
    package = Path(claude_magic.__file__).parent
    with Sandbox(tmp_path / "root", mode=walled, mounts={"claude_magic": package}) as outer:
        done = outer.run("python script.py", environment={"PYTHONPATH": "/mnt"}, seconds=60)
        if "process True True" in done.stdout or done.stdout.startswith("bwrap"):
            pytest.skip("this bwrap cannot forbid namespaces inside")
        assert done.stdout.split("\n")[:3] == ["process", "process True False", "time"], done.stderr
        assert outer.run(f"pgrep -f 'sleep {tag.seconds[:-1]}[{tag.seconds[-1]}]'").stdout == ""
        assert tag.count() == 0


def test_a_random_name_is_no_program(box):
    """A command that does not exist is a result, not an error."""
    done = box.run(f"no-such-program-{secrets.token_hex(4)}")
    assert done.return_code == 127
    assert "not found" in done.stderr
