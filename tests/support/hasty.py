"""The worker with short time limits for clients, so that tests see them pass."""

from tickiti_query.server.client_socket import ClientSocket
from tickiti_query.server.gunicorn_worker import Worker

REQUEST_SECONDS = 1.5
ANSWER_SECONDS = 2.0
HASTY = ("-k", "tests.support.hasty.HastyWorker")  # arguments of gunicorn


class HastySocket(ClientSocket):
    """A client's socket with short time limits."""

    __slots__ = ()

    head_seconds = body_seconds = REQUEST_SECONDS
    answer_seconds = ANSWER_SECONDS


class HastyWorker(Worker):
    """The worker for `gunicorn -k tests.support.hasty.HastyWorker`."""

    client_socket = HastySocket
