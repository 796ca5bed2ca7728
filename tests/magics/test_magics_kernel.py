"""A real kernel with `%claude use local`: interrupts, and what becomes of the server."""

import os
import signal
import time

import pytest
from jupyter_client.manager import KernelManager

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning", "ignore::DeprecationWarning")

LONG = "%%claude -o long\nslowly write a long text of 2000 words"


class Kernel:
    """A running kernel; `run` a cell and get what it sent."""

    def __init__(self, manager):
        self.manager = manager
        self.client = manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=60)

    def start(self, source):
        return self.client.execute(source, allow_stdin=False)

    def start_watched(self, source, shown):
        """Start a cell as a notebook front end does, and return once it shows an output that `shown` says is it."""
        content = {"code": source, "silent": False, "store_history": True, "allow_stdin": False, "stop_on_error": True}
        message = self.client.session.msg("execute_request", content, metadata={"cellId": "watched"})
        self.client.shell_channel.send(message)
        while True:
            data = self.client.get_iopub_msg(timeout=60)["content"].get("data") or {}
            if isinstance(data, dict) and shown(data):
                return message["header"]["msg_id"]

    def finish(self, message_id, timeout=60):
        """Wait for a cell's end; return its reply and its iopub messages."""
        messages = []
        while True:
            message = self.client.get_iopub_msg(timeout=timeout)
            if message["parent_header"].get("msg_id") != message_id:
                continue
            messages.append((message["msg_type"], message["content"]))
            if message["msg_type"] == "status" and message["content"]["execution_state"] == "idle":
                break
        while True:
            reply = self.client.get_shell_msg(timeout=timeout)
            if reply["parent_header"].get("msg_id") == message_id:
                return reply["content"], messages

    def run(self, source):
        """Run a cell that must succeed; return what it printed."""
        reply, messages = self.finish(self.start(source))
        assert reply["status"] == "ok", reply
        return "".join(content["text"] for kind, content in messages if kind == "stream")


@pytest.fixture
def kernel(tmp_path, monkeypatch):
    """A kernel in a process of its own, in an empty folder."""
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    manager = KernelManager(kernel_name="python3")
    manager.start_kernel(cwd=str(tmp_path))
    running = Kernel(manager)
    yield running
    running.client.stop_channels()
    if manager.has_kernel:
        manager.shutdown_kernel(now=True)
    manager.context.destroy(linger=0)


def server_pid(kernel):
    """Return the process id of the kernel's local server."""
    said = kernel.run("import psutil; print([c.pid for c in psutil.Process().children()])")
    (pid,) = eval(said)
    return pid


def alive(pid):
    """Tell whether a process runs (a zombie does not)."""
    import psutil

    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def test_an_interrupt_keeps_what_arrived_and_the_next_cell_works(kernel):
    """The cell ends at once with one line; the part that arrived is in the output, in `_`, in the thread."""
    kernel.run("%load_ext claude_magic\n%claude use local")
    kernel.run("%%claude\nWho are you?")
    pid = server_pid(kernel)
    running = kernel.start_watched(LONG, lambda data: "program without a language model" in data.get("text/html", ""))
    # As Jupyter does it: SIGINT to the whole process group of the kernel.
    os.killpg(os.getpgid(kernel.manager.provisioner.pid), signal.SIGINT)
    interrupted = time.monotonic()
    reply, messages = kernel.finish(running)
    took = time.monotonic() - interrupted
    assert reply["status"] == "error"
    assert reply["ename"] == "Interrupted"
    assert len(reply["traceback"]) == 1
    assert took < 2  # half a second is the aim and what is measured; the bound leaves room for a busy machine
    shown = [content["data"] for kind, content in messages if kind in {"display_data", "update_display_data"}]
    assert "unfinished" in shown[-1]["text/plain"]
    facts = kernel.run(
        "import claude_magic as cm\n"
        "turn = cm.session().thread().turns[-1]\n"
        "print([long is _, long.unfinished, len(long.text) > 50, turn.unfinished != '', turn.answer.text == long.text, "
        "len(cm.session().thread().turns), long in list(Out.values())])"
    )
    assert facts.strip() == "[True, True, True, True, True, 2, True]"
    assert alive(pid)
    assert kernel.run("%%claude\nWho are you?") == ""
    assert kernel.run("print(len(cm.session().thread().turns))").strip() == "3"


def test_the_local_server_ends_with_the_kernel_even_when_it_is_killed(kernel):
    """SIGKILL gives the kernel no chance to say goodbye; the server notices."""
    kernel.run("%load_ext claude_magic\n%claude use local")
    pid = server_pid(kernel)
    os.kill(kernel.manager.provisioner.pid, signal.SIGKILL)
    deadline = time.monotonic() + 10
    while alive(pid) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not alive(pid)


def test_a_failed_cell_stops_run_all(kernel):
    """An error is an error reply, so a front end aborts the cells behind it."""
    kernel.run("%load_ext claude_magic\n%claude use local")
    reply, messages = kernel.finish(kernel.start("%%claude\n{{ nothing_here }}"))
    assert reply["status"] == "error"
    (error,) = [content for kind, content in messages if kind == "error"]
    assert error["ename"] == "UndefinedName"
    assert len(error["traceback"]) == 1
