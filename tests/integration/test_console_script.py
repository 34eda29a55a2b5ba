"""`tickiti-query`, built from this tree and installed into an environment of its own, far from the checkout."""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from demo.loading import READER
from demo.pair import Pair
from tests.support.running import build_environment
from tickiti_query.cli import COMMANDS

ROOT = Path(__file__).parents[2]
SOURCES = (
    "config",
    "schemas",
    "tickiti_query",
    "demo",
    "tests",
    "bench",
    "app.py",
    "pyproject.toml",
    "requirements.in",
)
NAMES = list(COMMANDS)


@dataclass(frozen=True)
class Installed:
    """The wheel, and the environment that it is installed in."""

    wheel: Path
    environment: Path
    elsewhere: Path

    def run(self, *arguments: str, program: str = "tickiti-query", **settings: str) -> tuple[int, str, str]:
        """The exit code, and what is written to standard output and standard error."""
        ran = subprocess.run(
            [self.environment / "bin" / program, *arguments],
            cwd=self.elsewhere,
            env=build_environment(COLUMNS="100", **settings),
            capture_output=True,
            text=True,
            check=False,
        )
        return ran.returncode, ran.stdout, ran.stderr


def run_pip(*arguments: str | Path) -> None:
    command = [sys.executable, "-m", "pip", *arguments]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr


def copy_sources(target: Path) -> None:
    """Copy what a build reads, and some of what it must leave out. A build writes beside its sources."""
    for name in SOURCES:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, target / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(ROOT / name, target / name)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """The packages that it depends on are lent by the running environment, so that no network is needed."""
    sources, environment, elsewhere = (
        tmp_path_factory.mktemp(name) for name in ("sources", "environment", "elsewhere")
    )
    copy_sources(sources)
    offline = ("--no-deps", "--no-index", "--quiet")
    run_pip("wheel", *offline, "--no-build-isolation", "--wheel-dir", elsewhere, sources)
    [wheel] = elsewhere.glob("*.whl")
    venv.create(environment, with_pip=False, symlinks=True)
    python = environment / "bin" / "python"
    run_pip("--python", python, "install", *offline, wheel)
    [packages] = environment.glob("lib/python*/site-packages")
    (packages / "lent.pth").write_text(sysconfig.get_path("purelib"))
    return Installed(wheel, environment, elsewhere)


def read_wheel(installed: Installed) -> tuple[set[str], list[str]]:
    """Its files, and the lines of its metadata."""
    with zipfile.ZipFile(installed.wheel) as wheel:
        names = set(wheel.namelist())
        [metadata] = [name for name in names if name.endswith(".dist-info/METADATA")]
        return names, wheel.read(metadata).decode().splitlines()


def test_the_wheel_has_the_product_and_neither_demo_nor_tests(installed: Installed) -> None:
    names, _ = read_wheel(installed)
    wanted = {
        path.relative_to(ROOT).as_posix()
        for top in ("config", "schemas", "tickiti_query")
        for path in (ROOT / top).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert {name for name in names if ".dist-info/" not in name} == wanted


def test_the_wheel_depends_on_what_the_service_depends_on(installed: Installed) -> None:
    _, metadata = read_wheel(installed)
    wanted = re.findall(r"^[^#\s].*$", (ROOT / "requirements.in").read_text("utf-8"), re.MULTILINE)
    assert wanted
    assert [line.removeprefix("Requires-Dist: ") for line in metadata if "Requires-Dist" in line] == wanted


def test_the_packages_are_those_of_the_wheel(installed: Installed) -> None:
    script = "import config, schemas, tickiti_query as t; print(config.__file__, schemas.__file__, t.__file__)"
    code, output, errors = installed.run("-c", script, program="python")
    assert (code, errors) == (0, "")
    for path in output.split():
        assert Path(path).is_relative_to(installed.environment)


def test_its_help_lists_each_command_in_a_line(installed: Installed) -> None:
    code, output, errors = installed.run("--help")
    assert (code, errors) == (0, "")
    assert output.startswith("usage: tickiti-query [-h] [--version] COMMAND ...\n")
    assert re.findall(r"^    ([a-z]+) +\S.*$", output, re.MULTILINE) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_each_command_has_its_help(installed: Installed, name: str) -> None:
    code, output, errors = installed.run(name, "--help")
    assert (code, errors) == (0, "")
    assert output.startswith(f"usage: tickiti-query {name} [-h]")


def test_its_errors_begin_with_its_name(installed: Installed) -> None:
    code, output, errors = installed.run("check")
    assert (code, output) == (2, "")
    assert re.fullmatch(r"tickiti-query: TICKITI_REPLICA_URL .*\n", errors)


def test_it_checks_a_replica_and_explains_a_list(installed: Installed, shop_pair: Pair) -> None:
    url = shop_pair.standby.url_for(READER)
    code, output, errors = installed.run("check", TICKITI_REPLICA_URL=url)
    assert (code, errors) == (0, ""), output
    assert output.endswith(" 0 faults\n")
    code, output, errors = installed.run(
        "explain", "--user", "1", "--perspective", "3", "--no-run", TICKITI_REPLICA_URL=url
    )
    assert (code, errors) == (0, "")
    assert "SELECT" in output


def test_it_ends_without_a_word_where_nobody_reads_on(installed: Installed) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        ran = subprocess.run(
            [installed.environment / "bin" / "tickiti-query", "--help"],
            cwd=installed.elsewhere,
            stdout=writing,
            stderr=subprocess.PIPE,
            check=False,
        )
    finally:
        os.close(writing)
    assert ran.stderr == b""
