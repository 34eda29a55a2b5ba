"""The worker with other times than in production: short ones for clients, which tests see pass, and a long drain."""

from tickiti_query.server.client_socket import ClientSocket
from tickiti_query.server.gunicorn_worker import Worker

REQUEST_SECONDS = 1.5
ANSWER_SECONDS = 2.0
PATIENT_SECONDS = 600.0
# Arguments of gunicorn.
HASTY = ("-k", "tests.support.hasty.HastyWorker")
LINGERING = ("-k", "tests.support.hasty.LingeringWorker")
PATIENT = ("-k", "tests.support.hasty.PatientWorker")


class HastySocket(ClientSocket):
    """A client's socket with short time limits."""

    __slots__ = ()

    head_seconds = body_seconds = REQUEST_SECONDS
    answer_seconds = ANSWER_SECONDS


class HastyWorker(Worker):
    """The worker for `gunicorn -k tests.support.hasty.HastyWorker`."""

    client_socket = HastySocket


class PatientSocket(ClientSocket):
    """A client's socket that lets its client take an answer in all the time that a test needs."""

    __slots__ = ()

    answer_seconds = PATIENT_SECONDS


class PatientWorker(Worker):
    """The worker for `gunicorn -k tests.support.hasty.PatientWorker`."""

    client_socket = PatientSocket


class LingeringWorker(Worker):
    """The worker for `gunicorn -k tests.support.hasty.LingeringWorker`: its kept connections outlive a slow test."""

    linger_seconds = 15.0
