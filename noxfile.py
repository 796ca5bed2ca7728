"""Sessions: `nox -s tests lint types notebooks wheel httpx2 bench`."""

from pathlib import Path

import nox

nox.options.default_venv_backend = "uv|virtualenv"
nox.options.sessions = ["tests", "lint", "types"]
nox.options.reuse_existing_virtualenvs = True

LINT = ("ruff>=0.15", "import-linter>=2.5")
TYPES = ("mypy>=2", "pandas-stubs>=3", "types-Pygments")


@nox.session
def tests(session: nox.Session) -> None:
    """Run the whole test suite, notebooks and browser included."""
    session.install("-e", ".[test]")
    session.run("pytest", *session.posargs)


@nox.session
def httpx2(session: nox.Session) -> None:
    """Run the wire's tests with httpx2, the continuation of httpx, in its place."""
    session.install("-e", ".[test]", "httpx2")
    session.run("pytest", "tests/wire", *session.posargs, env={"WIRE_HTTPX": "httpx2"})


@nox.session
def notebooks(session: nox.Session) -> None:
    """Run the notebooks under nbval."""
    session.install("-e", ".[test]")
    session.run("pytest", "notebooks", "tests/notebooks", *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Check style, format and the floors between the rooms."""
    session.install(*LINT, "-e", ".")
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")
    session.run("lint-imports")


@nox.session
def types(session: nox.Session) -> None:
    """Check types, strictly."""
    session.install(*TYPES, "-e", ".[local]")
    session.run("mypy")


@nox.session
def wheel(session: nox.Session) -> None:
    """Build the wheel, install it into an empty environment, and run the demo from there in an empty folder."""
    session.install("build")
    folder = session.create_tmp()
    for old in Path(folder).glob("*.whl"):
        old.unlink()
    session.run("python", "-m", "build", "--wheel", "--outdir", folder)
    session.run("python", "tests/smoke/wheel.py", folder)


@nox.session(venv_backend="uv")
def bench(session: nox.Session) -> None:
    """Print times and memory beside the peers', measured in the same run, as ratios (tests/bench)."""
    session.install("-e", ".[test]", "uv")  # uv: bench_load.py installs jupyter-ai-magics with it
    for script in ("bench_load.py", "bench_wire.py", "bench_frames.py"):
        session.run("python", f"tests/bench/{script}", *session.posargs)
