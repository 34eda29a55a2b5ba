"""Every golden statement is a script that psql runs as it stands."""

import os
import subprocess

from demo import binaries
from demo.loading import READER
from demo.pair import Pair
from tests.support.golden_cases import FOLDER


def test_every_golden_file_runs_in_psql(shop_pair: Pair) -> None:
    files = sorted(FOLDER.glob("*.sql"))
    assert len(files) > 100
    command = [str(binaries.find_bindir() / "psql"), "-qX", "-v", "ON_ERROR_STOP=1", "-o", os.devnull]
    for file in files:
        command += ["-f", str(file)]
    done = subprocess.run(
        [*command, shop_pair.standby.url_for(READER)],
        env={**os.environ, "PGOPTIONS": "-c search_path=reporting"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
