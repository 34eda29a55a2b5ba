"""The image: linted, and its install and start steps done in a clean place. No container engine is needed."""

import fnmatch
import http.client
import json
import os
import re
import shutil
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.running import find_free_port

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "Dockerfile").read_text("utf-8")
SECONDS = 60.0


def read_steps() -> list[list[tuple[str, str]]]:
    """The instructions of each stage: (word, the rest), continued lines joined."""
    lines = re.sub(r"\\\n", " ", re.sub(r"^#.*\n", "", TEXT, flags=re.MULTILINE)).splitlines()
    steps = [(word, rest.strip()) for word, _, rest in (line.partition(" ") for line in lines) if word]
    starts = [place for place, (word, _) in enumerate(steps) if word == "FROM"]
    return [steps[start:end] for start, end in zip(starts, [*starts[1:], len(steps)], strict=True)]


def list_step(stage: list[tuple[str, str]], word: str) -> list[str]:
    return [rest for each, rest in stage if each == word]


def is_ignored(path: str) -> bool:
    """Return whether .dockerignore excludes a path: the last pattern that fits it, or one of its parents, decides."""
    parents = ["/".join(path.split("/")[: end + 1]) for end in range(path.count("/") + 1)]
    ignored = False
    for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines():
        pattern = line.removeprefix("!").removeprefix("**/")
        names = [parent.rpartition("/")[2] for parent in parents] if "**/" in line else parents
        if line and not line.startswith("#") and any(fnmatch.fnmatchcase(name, pattern) for name in names):
            ignored = not line.startswith("!")
    return ignored


def copy_paths(stage: list[tuple[str, str]], target: Path) -> None:
    """Do what the stage's COPY lines do with files of ours."""
    for words in (rest.split() for rest in list_step(stage, "COPY") if not rest.startswith("--from")):
        *sources, destination = words
        for source in sources:
            place = target / destination
            if (ROOT / source).is_file():
                place.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / source, place / Path(source).name)
                continue
            for file in (ROOT / source).rglob("*"):
                name = file.relative_to(ROOT).as_posix()
                if file.is_file() and not is_ignored(name):
                    copied = place / file.relative_to(ROOT / source)
                    copied.parent.mkdir(parents=True, exist_ok=True)
                    shutil.copy2(file, copied)


def test_the_dockerfile_has_nothing_to_lint() -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    ran = subprocess.run([hadolint, "--no-color", ROOT / "Dockerfile"], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout) == (0, "")


def test_the_last_stage_is_slim_runs_as_nobody_and_builds_nothing() -> None:
    first, init, last = read_steps()
    assert [stage[0][1].split()[0] for stage in (first, init, last)] == ["python:3.11-slim"] * 3
    assert "--require-hashes" in list_step(first, "RUN")[0]
    assert not list_step(last, "RUN")
    (user,) = list_step(last, "USER")
    assert re.fullmatch(r"[1-9][0-9]*:[1-9][0-9]*", user)
    (command,) = list_step(last, "CMD")
    assert json.loads(command) == ["gunicorn", "-c", "config/gunicorn.conf.py", "wsgi:app"]
    assert not [step for stage in (first, init, last) for step in list_step(stage, "HEALTHCHECK")]
    assert not re.search(r"apt|gcc|postgres", "".join(rest for _, rest in last))


def test_an_init_is_the_first_process_of_the_image() -> None:
    _, init, last = read_steps()
    assert " tini=" in list_step(init, "RUN")[0].replace('"', "")
    assert "--from=init /usr/bin/tini /usr/bin/tini" in list_step(last, "COPY")
    (entry,) = list_step(last, "ENTRYPOINT")
    assert json.loads(entry) == ["/usr/bin/tini", "--"]


def test_the_context_has_what_is_copied_and_no_more() -> None:
    for path in (
        "app.py",
        "wsgi.py",
        "requirements.txt",
        "requirements/tracing.txt",
        "config/settings.py",
        "tickiti_query/replica/replica.py",
    ):
        assert not is_ignored(path), path
    for path in (
        ".git/config",
        ".venv/bin/python",
        ".demo/primary/PG_VERSION",
        "tests/conftest.py",
        "requirements/dev.txt",
        "demo/pair.py",
        "tickiti_query/__pycache__/app.cpython-311.pyc",
        ".env",
    ):
        assert is_ignored(path), path


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory that the image's user may enter too."""
    with tempfile.TemporaryDirectory(prefix="image") as directory:
        Path(directory).chmod(0o755)
        yield Path(directory)


def may_become_another() -> bool:
    """Return whether the image's user can be had here: we are root, and Python itself is not in root's own home."""
    python = Path(sys.executable).resolve()
    return os.geteuid() == 0 and all(parent.stat().st_mode & 0o001 for parent in python.parents)


def request_status(port: int, method: str, path: str) -> int | None:
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS)
    try:
        link.request(method, path)
        return link.getresponse().status
    except OSError:
        return None
    finally:
        link.close()


def install(first: list[tuple[str, str]], place: Path) -> None:
    """Run the first stage's RUN, with /venv below the place; to be quick, pip uses its cache and compiles nothing."""
    build = place / "build"
    build.mkdir()
    copy_paths(first, build)
    base = str(Path(sys.base_prefix) / "bin" / f"python3.{sys.version_info.minor}")
    (run,) = list_step(first, "RUN")
    command = run.replace("python -m venv", f"{base} -m venv").replace("/venv", str(place / "venv"))
    command = command.replace("--no-cache-dir", "--no-compile")
    arguments = dict(rest.split("=", 1) for rest in list_step(first, "ARG"))
    ran = subprocess.run(
        ["sh", "-ec", command],
        cwd=build,
        env={**os.environ, **arguments},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr


@pytest.mark.timeout(300)
def test_the_images_steps_install_and_start_the_service(place: Path) -> None:
    first, _, last = read_steps()
    install(first, place)
    venv, home = place / "venv", place / "app"
    home.mkdir()
    copy_paths(last, home)
    assert not (home / "demo").exists()
    assert not list((venv / "bin").glob("pip*"))

    before = list_files(venv, home)
    port, admin_port = find_free_port(), find_free_port()
    user = int(list_step(last, "USER")[0].partition(":")[0]) if may_become_another() else None
    entry = json.loads(list_step(last, "ENTRYPOINT")[0])
    process = subprocess.Popen(
        [*(entry if Path(entry[0]).exists() else []), *json.loads(list_step(last, "CMD")[0])],
        cwd=home,
        user=user,
        group=user,
        extra_groups=[] if user else None,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={
            "PATH": f"{venv / 'bin'}:/usr/bin:/bin",
            "PYTHONDONTWRITEBYTECODE": "1",
            "TICKITI_REPLICA_URL": "postgresql://nobody@127.0.0.1:1/nothing",
            "TICKITI_WORKERS": "1",
            "TICKITI_BIND": f"127.0.0.1:{port}",
            "TICKITI_ADMIN_BIND": f"127.0.0.1:{admin_port}",
        },
    )
    try:
        deadline = time.monotonic() + SECONDS
        while request_status(admin_port, "GET", "/livez") != 200:
            assert process.poll() is None, process.communicate()[0].decode()
            assert time.monotonic() < deadline
            time.sleep(0.1)
        assert request_status(admin_port, "GET", "/readyz") == 503
        assert request_status(port, "POST", "/api/v1/tickets/query") == 503
        assert request_status(port, "GET", "/docs") == 200
        assert request_status(port, "GET", "/docs/assets/swagger-ui-bundle.js") == 200
    finally:
        process.terminate()
        output, _ = process.communicate(timeout=SECONDS)
    assert process.returncode == 0, output.decode()
    assert list_files(venv, home) == before


def list_files(*places: Path) -> dict[Path, tuple[int, int]]:
    """Every file with its mode and the time it was changed; AssertionError for one that gives its user more rights."""
    files = {path: path.lstat() for place in places for path in place.rglob("*") if path.is_file()}
    assert not [path for path, facts in files.items() if facts.st_mode & (stat.S_ISUID | stat.S_ISGID)]
    return {path: (facts.st_mode, facts.st_mtime_ns) for path, facts in files.items()}
