"""gunicorn's own settings, from the same environment: the worker, its limits, the two addresses."""

import os
import signal
import sys

# The kernel drops a signal that the first process of a container has no handler for, and gunicorn's comes later. A
# reload reads this file again, and then the handler is gunicorn's.
if os.getpid() == 1 and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from config import event_loop

worker_class = event_loop.choose_worker_class()
if event_loop.is_cooperative(worker_class):
    event_loop.patch_standard_library()

# Counters live in the memory of their worker. With this variable prometheus_client would write them to files.
os.environ.pop("PROMETHEUS_MULTIPROC_DIR", None)

import threading
from typing import Any

from gunicorn.http.errors import InvalidHeader

from config.environment import describe_misspelt, read_commit
from config.log import QuietLogger, configure_logging
from config.machine import allow_connections, find_bind_fault, find_heartbeat_directory
from config.settings import VARIABLES, SettingsError, load_settings
from tickiti_query import VERSION
from tickiti_query.model.request import LONGEST_BODY
from tickiti_query.reporting.contract import CONTRACT_VERSION

try:
    settings = load_settings(os.environ)
    # In memory where that is possible; a heartbeat is no secret.
    places = ("/dev/shm", os.environ.get("TMPDIR") or "/tmp", "/tmp", "/var/tmp")  # noqa: S108
    worker_tmp_dir = find_heartbeat_directory(places)
except SettingsError as fault:
    sys.exit(str(fault))


class StartLogger(QuietLogger):
    """Says first of all what starts, and which variables are no settings."""

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        build = {"version": VERSION, "commit": read_commit(os.environ), "contract_version": CONTRACT_VERSION}
        self.info("tickiti-query starts", extra={"facts": build})
        for sentence in describe_misspelt(os.environ, VARIABLES):
            self.warning("%s", sentence)


bind = [settings.bind, settings.admin_bind]  # the worker counts the connections of the first
workers = settings.workers
threads = settings.threads  # for -k gthread
worker_connections = allow_connections(6000, others=settings.connections)
keepalive = settings.keepalive_seconds
sendfile = False  # an answer is handed over whole
# A worker that makes no progress is replaced; what a request may take is bounded well below it.
timeout = 30 + settings.statement_timeout_ms // 1000
graceful_timeout = 20
control_socket_disable = True
proc_name = "tickiti-query"
accesslog = None
logger_class = StartLogger
logconfig_dict = configure_logging(settings.log_level)
forwarded_allow_ips = ""


def on_starting(_server: Any) -> None:
    """Refuse an address that somebody has, with the name of its setting."""
    if "GUNICORN_PID" in os.environ:  # SIGUSR2 has started this master beside the one that it replaces
        return
    addresses = {"TICKITI_BIND": settings.bind, "TICKITI_ADMIN_BIND": settings.admin_bind}
    found = [(f"  {name} {address}", find_bind_fault(address)) for name, address in addresses.items()]
    faults = [f"{address}: {fault}" for address, fault in found if fault is not None]
    if faults:
        sys.exit("\n".join(["tickiti-query cannot start:", *faults]))


def pre_request(_worker: Any, request: Any) -> None:
    """Refuse HTTP/1.1 without Host with 400, and end the connection after a body that is announced to be too long."""
    headers = dict(request.headers)  # gunicorn refuses a second Host and a second Content-Length
    if request.version >= (1, 1) and "HOST" not in headers:
        raise InvalidHeader("HOST")
    if int(headers.get("CONTENT-LENGTH", 0)) > LONGEST_BODY:
        request.force_close()
        request._expected_100_continue = False  # noqa: SLF001  the body would be sent for nothing


def post_worker_init(_worker: Any) -> None:
    """Keep readiness up to date where no probe asks."""
    from wsgi import service  # noqa: PLC0415  it exists in a worker alone

    threading.Thread(target=service.keep_checking, name="readiness", daemon=True).start()


def worker_exit(_server: Any, _worker: Any) -> None:
    """Let a worker that has come up send the spans that it still has."""
    loaded = sys.modules.get("wsgi")
    if loaded is not None:
        loaded.service.end()
