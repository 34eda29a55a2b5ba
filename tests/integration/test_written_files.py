"""The places that the service writes to: a container whose root is read-only must have these, and needs no others."""

from pathlib import Path

from demo.loading import READER
from demo.pair import Pair
from tests.support.running import Running, wait_until
from tests.support.shop import PRIYA

# Python imports it at its start, in gunicorn and in every worker: it notes what is opened for writing, made or renamed.
NOTING = """
import os, sys
out = os.open(os.environ["NOTES"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT
def note(event, args):
    if event == "open" and isinstance(args[2], int) and args[2] & WRITING and isinstance(args[0], (str, bytes)):
        os.write(out, os.fsencode(args[0]) + b"\\n")
    elif event in {"os.mkdir", "os.rename", "os.link", "os.symlink"}:
        os.write(out, os.fsencode(args[1] if isinstance(args[1], (str, bytes)) else args[0]) + b"\\n")
sys.addaudithook(note)
"""


def test_only_the_heartbeats_are_written(shop_pair: Pair, tmp_path: Path) -> None:
    notes, temporary, hook = (tmp_path / name for name in ("notes", "tmp", "hook"))
    temporary.mkdir()
    hook.mkdir()
    (hook / "sitecustomize.py").write_text(NOTING, "utf-8")
    running = Running(
        shop_pair.standby.url_for(READER),
        tmp_path / "log",
        PYTHONPATH=str(hook),
        PYTHONDONTWRITEBYTECODE="1",
        NOTES=str(notes),
        TMPDIR=str(temporary),
    )
    try:
        wait_until(running.is_up)
        for _ in range(4):
            assert running.ask(PRIYA)[0] == 200
        assert running.get("/openapi.json")[0] == 200
    finally:
        running.process.terminate()
        running.process.wait(30)
        running.end()
    written = {Path(line) for line in notes.read_text("utf-8").splitlines()} - {Path("/dev/null")}
    heartbeats = {path for path in written if Path("/dev/shm") in path.parents}
    assert heartbeats
    assert written == heartbeats
    assert not list(temporary.iterdir())  # and nothing is left behind
