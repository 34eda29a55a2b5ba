"""The worker with its patience shortened, so that tests see it end."""

from tickiti_query.front.worker import Worker

REQUEST_SECONDS = 1.5
ANSWER_SECONDS = 2.0


class HastyWorker(Worker):
    """For `gunicorn -k tests.hasty.HastyWorker`."""

    request_seconds = REQUEST_SECONDS
    answer_seconds = ANSWER_SECONDS
