"""gunicorn's own settings, from the same environment: workers, threads, limits of a connection, the admin port."""

import glob
import os
import shutil
import sys
import tempfile
import threading
from typing import Any

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

# The workers' counters are files in one directory; prometheus_client looks for it when it is imported. At SIGHUP a
# master reads this file again, and what was counted goes on.
COUNTERS = "PROMETHEUS_MULTIPROC_DIR"
ours = f"tickiti-query-{os.getpid()}-"
if not os.path.basename(os.environ.get(COUNTERS, "")).startswith(ours):
    # What an earlier process of this number has left: in a container all have the same one.
    for left in glob.glob(os.path.join(tempfile.gettempdir(), f"{ours}*")):
        shutil.rmtree(left, ignore_errors=True)
    os.environ[COUNTERS] = tempfile.mkdtemp(prefix=ours)

from prometheus_client import multiprocess

from config.log import configure_logging
from config.settings import SettingsError, load_settings
from tickiti_query.operations.admin import find_bind_fault, start_admin
from tickiti_query.operations.metrics import tell_cut, tell_unheard

try:
    settings = load_settings(os.environ)
except SettingsError as fault:
    sys.exit(str(fault))

# In the environment of a master that SIGUSR2 has started beside the one it replaces.
TAKING_OVER = "GUNICORN_PID"

bind = settings.bind
workers = settings.workers
threads = settings.threads
worker_class = "tickiti_query.front.worker.Worker"
worker_connections = 800  # with what else is open, below the 1,024 files that a process usually may have
sendfile = False  # an answer is handed over whole
# A worker that makes no progress is replaced; what a request may take is bounded well below it.
timeout = 30 + settings.statement_timeout_ms // 1000
graceful_timeout = 20
keepalive = 75
worker_tmp_dir = "/dev/shm" if os.path.isdir("/dev/shm") else None  # noqa: S108  a heartbeat is no secret
control_socket_disable = True
proc_name = "tickiti-query"
accesslog = None
logconfig_dict = configure_logging(settings.log_level)
forwarded_allow_ips = ""


def on_starting(_server: Any) -> None:
    """Refuse an operations port that somebody has: workers share theirs, so that half of the probes would go there."""
    if TAKING_OVER in os.environ:
        return
    fault = find_bind_fault(settings.admin_bind)
    if fault is not None:
        sys.exit(f"tickiti-query cannot start:\n  TICKITI_ADMIN_BIND {settings.admin_bind}: {fault}")


def child_exit(_server: Any, worker: Any) -> None:
    """Forget what a worker that ended held at the time; what it counted stays."""
    worker.forget_load()
    multiprocess.mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]


def worker_exit(_server: Any, worker: Any) -> None:
    """Let a worker that has come up send what it still has to tell."""
    app = getattr(worker, "wsgi", None)
    if app is not None:
        app.extensions["tickiti_query_end"]()


def on_exit(_server: Any) -> None:
    """Leave nothing behind."""
    shutil.rmtree(os.environ[COUNTERS], ignore_errors=True)


def post_worker_init(worker: Any) -> None:
    """Open the operations port in the worker that has just come up, let it count, and tell what is in its way."""
    extensions = worker.wsgi.extensions
    worker.tpool.follow(extensions["tickiti_query_bulkhead"])
    worker.tell_shed, worker.tell_cut = tell_unheard, tell_cut
    start_admin(settings.admin_bind, extensions["tickiti_query_admin"], extensions["tickiti_query_gauges"])
    keep_checking = extensions["tickiti_query_readiness"].keep_checking
    threading.Thread(target=keep_checking, name="readiness", daemon=True).start()
