"""The listener hears: a leak that is planted fails the run, and is named with its place."""

from pathlib import Path

import pytest

from tests.support.leak_listener import find_leaks
from tests.support.planted import run_planted

SERVICE = """
import json, logging, logging.config, sys
from flask import Flask
from config.log import configure_logging

def test_it(tmp_path):
    app = Flask("planted")
    logging.config.dictConfig(configure_logging("info"))
    log = logging.getLogger("tickiti_query.planted")
    {plant}
"""
GUNICORN = (
    "import subprocess; program = 'import sys; sys.stderr.write(\"id 7|abcdefgh\")';"
    "subprocess.run([sys.executable, '-c', program, 'gunicorn'], stderr=(tmp_path / 'log').open('w'), check=True)"
)
# what is planted, and what is told of it
LEAKS = {
    "log_token": ("log.info('let in', extra={'facts': {'token': '7|abcdefgh'}})", "log: a token"),
    "log_password": ("log.error('cannot reach postgresql://u:pw@host/x')", "log: a password"),
    "log_trace": ("log.error('Traceback (most recent call last)')", "log: a trace"),
    "standard_error": ("print('SELECT 1 FROM t', file=sys.stderr)", "standard error: SQL"),
    "body": (
        "app.route('/')(lambda: {'message': 'relation \\\"t\\\" does not exist'}); app.test_client().get('/')",
        "body: the database's own words",
    ),
    "gunicorn": (GUNICORN, "log of gunicorn"),
}


def plant(name: str, code: str) -> dict[str, str]:
    return {f"test_{name}.py": SERVICE.replace("{plant}", code)}


def test_a_run_without_a_leak_is_a_good_one(tmp_path: Path) -> None:
    ran = run_planted(tmp_path, plant("quiet", "log.info('all is well')"))
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "1 passed" in ran.stdout
    assert "The service was not quiet" not in ran.stdout


@pytest.mark.parametrize("processes", ["0", "2"])
def test_every_planted_leak_is_told_and_fails_the_run(tmp_path: Path, processes: str) -> None:
    """Each is in a file of its own, and so in whichever process."""
    files = {file: text for name, (code, _) in LEAKS.items() for file, text in plant(name, code).items()}
    ran = run_planted(tmp_path, files, "-n", processes)
    assert ran.returncode == 1, ran.stdout + ran.stderr
    assert f"{len(LEAKS)} passed" in ran.stdout
    told = ran.stdout.partition("The service was not quiet")[2].splitlines()
    for name, (_, leak) in LEAKS.items():
        assert [line for line in told if line.startswith(f"test_{name}.py::test_it: {leak}")], ran.stdout


@pytest.mark.parametrize(
    "text",
    [
        '{"message":"A valid API token is required: send it as `Authorization: Bearer <token>`."}',
        '{"at":"/app/psycopg2/extras.py:7 execute","exception":"OperationalError"}',
        '{"subject":"Please select a size from the list"}',
        "x' UNION SELECT token FROM personal_access_tokens --",
    ],
)
def test_what_may_be_said_is_no_leak(text: str) -> None:
    assert list(find_leaks(text)) == []
