"""The listener hears: a leak that is planted fails the run, and is named with its place."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.leak_listener import find_leaks

ROOT = Path(__file__).parents[3]
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
LEAKS = {
    "nothing": ("log.info('all is well')", ""),
    "a token in a log line": ("log.info('let in', extra={'facts': {'token': '7|abcdefgh'}})", "log: a token"),
    "a password in a log line": ("log.error('cannot reach postgresql://u:pw@host/x')", "log: a password"),
    "a trace in a log line": ("log.error('Traceback (most recent call last)')", "log: a trace"),
    "SQL on standard error": ("print('SELECT 1 FROM t', file=sys.stderr)", "standard error: SQL"),
    "the database's words in a body": (
        "app.route('/')(lambda: {'message': 'relation \\\"t\\\" does not exist'}); app.test_client().get('/')",
        "body: the database's own words",
    ),
    "a token in gunicorn's log": (GUNICORN, "log of gunicorn"),
}


@pytest.mark.parametrize("name", LEAKS)
def test_a_planted_leak_is_told(tmp_path: Path, name: str) -> None:
    plant, told = LEAKS[name]
    (tmp_path / "test_planted.py").write_text(SERVICE.replace("{plant}", plant), "utf-8")
    ran = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "tests.support.leak_listener",
            "-p",
            "no:cacheprovider",
            f"--rootdir={tmp_path}",
            tmp_path,
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == bool(told), ran.stdout + ran.stderr
    assert "1 passed" in ran.stdout
    if told:
        assert f"test_planted.py::test_it: {told}" in ran.stdout


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
