"""Containers of the local server: real commands, real files, real time limits."""

import shutil
import site
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import claude_magic
from claude_magic.local import container as container_module
from claude_magic.local import outputs
from claude_magic.local.containers import ContainerExpired, ContainerPool, ContainerUnknown
from claude_magic.local.inputs import free_name
from claude_magic.sandbox import Limits, isolation


@dataclass(frozen=True)
class Record:
    id: str
    filename: str


class Shelf:
    """A file store in a folder: what a container needs of one."""

    def __init__(self, folder):
        self.folder = folder
        folder.mkdir()
        self.made = {}

    def put(self, file_id, filename, content):
        (self.folder / file_id).write_bytes(content)
        return Record(file_id, filename)

    def open_path(self, file_id):
        return self.folder / file_id

    def add_generated(self, filename, mime_type, path):
        assert mime_type is None
        file_id = f"file_{len(self.made)}"
        shutil.copyfile(path, self.folder / file_id, follow_symlinks=False)
        self.made[file_id] = filename
        return file_id

    def contents(self, result):
        """Name → bytes of the files in a result."""
        ids = [block["file_id"] for block in result["content"] if block["type"] == "bash_code_execution_output"]
        return {self.made[one]: (self.folder / one).read_bytes() for one in ids}


class Clock:
    """Seconds that pass when told to."""

    def __init__(self):
        self.now = 1_790_000_000.0

    def __call__(self):
        return self.now


@pytest.fixture(params=["bwrap", "process"])
def mode(request):
    """Both modes; bwrap only where it works."""
    if request.param == "bwrap" and isolation() != "bwrap":
        pytest.skip("bwrap does not work on this machine: isolation() is 'process'")
    return request.param


@pytest.fixture
def shelf(tmp_path):
    """An empty file store."""
    return Shelf(tmp_path / "shelf")


@pytest.fixture
def clock():
    """A clock that stands still."""
    return Clock()


@pytest.fixture
def pool(tmp_path, shelf, clock, mode):
    """Two processes at a time, ten idle minutes."""
    made = ContainerPool(
        tmp_path / "pool", shelf, limits=Limits(seconds=20), live=2, idle_seconds=600, mode=mode, clock=clock
    )
    yield made
    made.close()


def test_a_command_gives_the_result_object_of_the_api(pool):
    """Exactly the keys of `bash_code_execution_result`."""
    container = pool.get(None, "default")
    assert container.id.startswith("container_")
    assert container.bash("echo out; echo err >&2; exit 7") == {
        "type": "bash_code_execution_result",
        "stdout": "out\n",
        "stderr": "err\n",
        "return_code": 7,
        "content": [],
    }


def test_files_at_the_top_of_the_output_directory_come_out(pool, shelf):
    """Regular files do, in the order they were made; folders and what lies elsewhere stay."""
    container = pool.get(None, "default")
    result = container.bash(
        "echo 1 > $OUTPUT_DIR/b.txt; sleep 0.02; echo 2 > $OUTPUT_DIR/'a ü.csv'; chmod 0 $OUTPUT_DIR/b.txt;"
        "mkdir $OUTPUT_DIR/sub; echo 3 > $OUTPUT_DIR/sub/c.txt; echo 4 > d.txt; mkfifo $OUTPUT_DIR/pipe"
    )
    assert list(shelf.contents(result).items()) == [("b.txt", b"1\n"), ("a ü.csv", b"2\n")]


def test_every_command_has_an_empty_output_directory(pool, shelf):
    """What one command left there is not given out by the next."""
    container = pool.get(None, "default")
    assert len(container.bash("echo 1 > $OUTPUT_DIR/a")["content"]) == 1
    assert container.bash("ls -A $OUTPUT_DIR")["stdout"] == ""
    assert container.bash("rm -r $OUTPUT_DIR; mkdir $OUTPUT_DIR; echo 2 > $OUTPUT_DIR/b")["content"] != []
    assert container.bash("rm -r $OUTPUT_DIR")["content"] == []


def test_links_lead_nowhere(pool, shelf, tmp_path):
    """Neither a link in the output directory, nor one in its place, nor a name with dots brings out a file of ours."""
    secret = tmp_path / "secret.txt"
    secret.write_text("marked")
    container = pool.get(None, "default")
    tricks = [
        f"ln -s {secret} $OUTPUT_DIR/secret.txt",
        f"rmdir $OUTPUT_DIR; ln -s {tmp_path} $OUTPUT_DIR",
        "ln -s /etc/hostname $OUTPUT_DIR/x; ln -s ../.. $OUTPUT_DIR/up",
        "touch $OUTPUT_DIR/../../x; touch $OUTPUT_DIR/../x",
    ]
    for trick in tricks:
        assert shelf.contents(container.bash(trick)) == {}, trick
    named = shelf.contents(container.bash("cd $OUTPUT_DIR; touch '..\\..\\x' ..x; printf a > $'\\xff'"))
    assert set(named) == {"..\\..\\x", "..x", "\ufffd"}


def test_a_file_exchanged_for_a_link_is_not_followed(pool, shelf):
    """While files are taken out a process goes on changing them for links: no target comes out."""
    container = pool.get(None, "default")
    loop = "while :; do ln -sf /etc/passwd $OUTPUT_DIR/f; rm $OUTPUT_DIR/f; echo mine > $OUTPUT_DIR/f; done"
    for _ in range(20):
        result = container.bash(f"({loop}) 2>/dev/null & sleep 0.02")
        assert result["type"] == "bash_code_execution_result"
        assert set(shelf.contents(result).values()) <= {b"mine\n", b""}


def test_a_file_over_the_limit_is_an_error_object(tmp_path):
    """The limit is looked at before anything is taken."""
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "big").write_bytes(b"x" * 101)
    with pytest.raises(outputs.OutputTooLarge), outputs.gathered(folder, tmp_path / "s", most=5, largest=100):
        pass
    assert not (tmp_path / "s").exists()


def test_an_output_over_the_files_limit_is_reported(pool):
    """A sparse file of more than 500 MB gives `output_file_too_large`, and the container goes on."""
    container = pool.get(None, "default")
    result = container.bash("truncate -s 500000001 $OUTPUT_DIR/big")
    assert result == {"type": "bash_code_execution_tool_result_error", "error_code": "output_file_too_large"}
    assert container.bash("echo on")["stdout"] == "on\n"


def test_more_files_than_allowed_are_left_with_a_word(pool, shelf):
    """The first hundred come out, the rest is named by number."""
    result = pool.get(None, "default").bash("cd $OUTPUT_DIR; for i in $(seq 103); do echo $i > $i; done")
    assert len(result["content"]) == container_module.MAX_OUTPUT_FILES
    assert "3 files more" in result["stderr"]


def test_time_over_is_an_error_object(tmp_path, shelf, mode):
    """A command over its time gives `execution_time_exceeded`, and the container goes on."""
    with_limits = ContainerPool(tmp_path / "pool", shelf, limits=Limits(seconds=0.5), mode=mode)
    container = with_limits.get(None, "default")
    result = container.bash("sleep 30")
    assert result == {"type": "bash_code_execution_tool_result_error", "error_code": "execution_time_exceeded"}
    assert container.bash("echo on")["stdout"] == "on\n"
    with_limits.close()


@pytest.mark.parametrize("command", [None, 3, "", "  \n", "echo \0", ["ls"], {"command": "ls"}])
def test_bad_input_is_an_error_object(pool, command):
    """What is no command gives `invalid_tool_input`."""
    result = pool.get(None, "default").bash(command)
    assert result == {"type": "bash_code_execution_tool_result_error", "error_code": "invalid_tool_input"}


def test_a_sandbox_that_cannot_start_is_an_error_object(pool):
    """When the container's home is gone for good the tools answer `unavailable`."""
    container = pool.get(None, "default")
    home = pool.root / container.id / "home"
    home.rmdir()
    home.write_text("in the way")
    assert container.bash("echo")["error_code"] == "unavailable"
    assert container.edit({"command": "view", "path": "x"})["error_code"] == "unavailable"


def test_a_command_can_be_cancelled(pool):
    """Setting the event ends the command at once."""
    cancel = threading.Event()
    threading.Timer(0.3, cancel.set).start()
    assert pool.get(None, "default").bash("sleep 15; echo late", cancel)["return_code"] == 130


def test_uploads_are_in_the_input_directory(pool, shelf):
    """Under their own names; a second file of the same name is numbered; the same file is there once."""
    container = pool.get(None, "default")
    first, second = shelf.put("file_a", "data.csv", b"a"), shelf.put("file_b", "data.csv", b"b")
    assert [container.mount(one) for one in (first, second, first)] == ["data.csv", "data_2.csv", "data.csv"]
    assert container.bash("cd $INPUT_DIR; head -v *; ls")["stdout"].count("data") == 4
    container.mount(shelf.put("file_c", "../../x", b"c"))
    assert container.bash("cat $INPUT_DIR/x")["stdout"] == "c"


def test_a_stored_file_cannot_be_changed_from_inside(pool, shelf):
    """Writing, changing modes, moving and linking in the input directory leave the store's content as it was."""
    container = pool.get(None, "default")
    container.mount(shelf.put("file_a", "a.txt", b"original"))
    container.bash(
        "cd $INPUT_DIR; echo x >> a.txt; chmod 777 a.txt; echo x > a.txt; ln a.txt ~/l; echo x > ~/l; mv a.txt b"
    )
    assert (shelf.folder / "file_a").read_bytes() == b"original"
    assert (shelf.folder / "file_a").stat().st_mode & 0o022 == 0


def test_a_container_keeps_its_files(pool):
    """Found again by its id it has what earlier requests wrote; another has its own."""
    container = pool.get(None, "default")
    container.bash("echo kept > a.txt; echo too > /tmp/b.txt")
    again = pool.get(container.id, "default")
    assert again.bash("cat a.txt")["stdout"] == "kept\n"
    assert pool.get(None, "default").bash("ls")["stdout"] == ""


def test_a_container_belongs_to_its_workspace(pool):
    """From another workspace it does not exist; nor does an id that never was."""
    container = pool.get(None, "one")
    with pytest.raises(ContainerUnknown):
        pool.get(container.id, "two")
    for odd in ("container_nothing", "../pool", ""):
        with pytest.raises(ContainerUnknown):
            pool.get(odd, "one")


def test_folders_without_end_are_removed_too(pool, clock):
    """What code may leave when its process is killed: more folders in folders than Python's own removal can follow."""
    container = pool.get(None, "default")
    nest = "import os\nfor _ in range(1500):\n    os.mkdir('d')\n    os.chdir('d')"
    subprocess.run([sys.executable, "-c", nest], cwd=pool.root / container.id / "home", check=True)
    clock.now += 601
    with pytest.raises(ContainerExpired):
        pool.get(container.id, "default")
    assert not (pool.root / container.id).exists()


def test_a_container_expires_when_idle(pool, clock):
    """Use begins its time again; after the idle time it is expired, its directory gone, its process ended."""
    container = pool.get(None, "default")
    container.bash("mkdir -p a/b; chmod 0 a/b; chmod 0 a; echo")
    assert container.expires_at == "2026-09-21T14:23:20.000000Z"
    clock.now += 599
    assert pool.get(container.id, "default") is container
    clock.now += 599
    assert not container.expired
    clock.now += 1
    with pytest.raises(ContainerExpired):
        pool.get(container.id, "default")
    assert not container.alive
    assert not (pool.root / container.id).exists()


def test_a_container_expires_of_age(tmp_path, shelf, clock, mode):
    """Thirty days after it was made it is over, however often it was used."""
    long = ContainerPool(tmp_path / "pool", shelf, idle_seconds=10 * 86400, mode=mode, clock=clock)
    container = long.get(None, "default")
    for _ in range(5):
        clock.now += 6 * 86400 - 1
        long.get(container.id, "default")
    clock.now += 5
    with pytest.raises(ContainerExpired):
        long.get(container.id, "default")


def test_a_few_processes_serve_many_containers(pool):
    """Beyond `live` the least recently used process is ended, and started again with the files on use."""
    containers = [pool.get(None, "default") for _ in range(4)]
    for number, container in enumerate(containers):
        container.bash(f"echo {number} > mine; echo {number} > /tmp/mine")
    assert [one.alive for one in containers] == [False, False, True, True]
    assert containers[0].bash("cat mine")["stdout"] == "0\n"
    assert sum(one.alive for one in containers) == 2


def test_containers_survive_the_server(pool, tmp_path, shelf, clock, mode):
    """A new pool on the same directory finds them, with files and mounts, and does not reuse an output directory."""
    container = pool.get(None, "default")
    container.mount(shelf.put("file_a", "a.txt", b"up"))
    container.bash("echo kept > b.txt; echo old > $OUTPUT_DIR/old")
    pool.close()
    (pool.root / "container_broken").mkdir()
    (pool.root / "container_broken" / "container.json").write_text("{")
    later = ContainerPool(tmp_path / "pool", shelf, idle_seconds=600, mode=mode, clock=clock)
    again = later.get(container.id, "default")
    assert again.bash("cat $INPUT_DIR/a.txt b.txt; ls $OUTPUT_DIR")["stdout"] == "upkept\n"
    assert again.mount(Record("file_a", "a.txt")) == "a.txt"
    later.close()
    assert not (pool.root / "container_broken").exists()


def test_closing_ends_what_runs_in_the_background(pool):
    """A background process is gone after the pool is closed."""
    container = pool.get(None, "default")
    container.bash("(while :; do date +%s%N > beat; sleep 0.05; done) & sleep 0.3")
    beat = pool.root / container.id / "home" / "beat"
    assert beat.exists()
    pool.close()
    last = beat.stat().st_mtime_ns
    threading.Event().wait(0.4)
    assert beat.stat().st_mtime_ns == last


def test_two_requests_take_turns(pool):
    """Commands of two threads in one container run one after the other."""
    container = pool.get(None, "default")
    command = "[ ! -e lock ] && touch lock && sleep 0.2 && rm lock && echo alone"
    results = []
    threads = [threading.Thread(target=lambda: results.append(container.bash(command))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [one["stdout"] for one in results] == ["alone\n"] * 3


def test_a_table_becomes_a_chart(pool, shelf):
    """The round trip: a CSV goes in, pandas and matplotlib run, a chart and a table come out."""
    container = pool.get(None, "default")
    container.mount(shelf.put("file_a", "sales.csv", b"month,sales\n1,10\n2,30\n3,20\n"))
    result = container.bash(
        "cat > a.py <<'E'\nimport os, pandas as pd\n"
        "df = pd.read_csv(os.path.join(os.environ['INPUT_DIR'], 'sales.csv'))\nprint(df.sales.sum())\n"
        "out = os.environ['OUTPUT_DIR']\ndf.plot.bar(x='month').figure.savefig(out + '/chart.png')\n"
        "df.to_parquet(out + '/table.parquet')\nE\npython a.py"
    )
    assert (result["return_code"], result["stdout"], result["stderr"]) == (0, "60\n", "")
    made = shelf.contents(result)
    assert list(made) == ["chart.png", "table.parquet"]
    assert made["chart.png"].startswith(b"\x89PNG")
    assert made["table.parquet"].startswith(b"PAR1")


@settings(derandomize=True, deadline=None, max_examples=200)
@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=300), max_size=6))
def test_a_mounted_name_is_one_free_component(tmp_path_factory, names):
    """Whatever a file is called, its name in the folder is new, harmless and short enough."""
    folder = tmp_path_factory.mktemp("names")
    for wanted in [*names, *names]:
        name = free_name(folder, wanted)
        assert name == Path(name).name
        assert name not in {"", ".", ".."}
        (folder / name).touch(exist_ok=False)


def test_an_environment_under_tmp_is_not_covered_by_the_containers_own_tmp(tmp_path):
    """A virtual environment in a temporary folder, as every newcomer's try-out has it, runs code like any other."""
    folder = tmp_path / "try"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / "venv"], check=True)
    (site_packages,) = (folder / "venv" / "lib").glob("python*/site-packages")
    project = str(Path(claude_magic.__file__).parents[1])
    (site_packages / "here.pth").write_text("\n".join([project, *site.getsitepackages()]))
    code = (
        "from pathlib import Path; from claude_magic.local.containers import ContainerPool\n"
        f"pool = ContainerPool(Path({str(folder / 'containers')!r}), None)\n"
        "print(pool.get(None, 'w').bash('python -c \"print(6 * 7)\"')['stdout']); pool.close()"
    )
    python = folder / "venv" / "bin" / "python"
    done = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stdout.strip() == "42"
