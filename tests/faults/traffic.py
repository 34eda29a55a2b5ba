"""Clients that ask all the time, and write down what they see."""

import http.client
import json
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import cycle, islice
from typing import Any

from tests.faults.truth import QUESTIONS, SLOW_QUESTION, Question
from tests.support.shop import PATH

CLIENTS = 4  # one of them keeps its connection
PAUSE_SECONDS = 0.01
PATIENCE_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Sample:
    """A request and what came of it. `status` None: no answer came, and `fault` says how it ended instead.

    From `sent` on the service has all of it, or its system has; None where the request could not be sent.
    """

    question: Question
    began: float
    ended: float
    status: int | None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    fault: str = ""
    sent: float | None = None

    @property
    def seconds(self) -> float:
        return self.ended - self.began

    @property
    def is_well(self) -> bool:
        """Return whether it was answered as on a good day; its rows are another matter."""
        return self.status == (401 if self.question.user_id is None else 200)


class Client(threading.Thread):
    """Asks one question after the other. Without `keep_alive` every request has a connection of its own."""

    def __init__(self, port: int, samples: list[Sample], first: int, *, keep_alive: bool) -> None:
        super().__init__(name=f"client {first}", daemon=True)
        self._port = port
        self._samples = samples
        self._questions = islice(cycle(QUESTIONS), first, None)
        self._keep_alive = keep_alive
        self._link: http.client.HTTPConnection | None = None
        self._sent: float | None = None
        self._ended = threading.Event()

    def run(self) -> None:
        while not self._ended.wait(PAUSE_SECONDS):
            self._samples.append(self._ask(next(self._questions)))
        self._hang_up()

    def stop(self) -> None:
        self._ended.set()

    def _ask(self, question: Question) -> Sample:
        began, self._sent = time.monotonic(), None
        was_open = self._link is not None
        try:
            try:
                return self._ask_once(question, began)
            except (ConnectionError, http.client.RemoteDisconnected):
                # A server may close a connection between two requests; HTTP has the client ask again on another.
                if not was_open:
                    raise
            self._hang_up()
            return self._ask_once(question, began)
        except (OSError, http.client.HTTPException) as fault:
            self._hang_up()
            return Sample(question, began, time.monotonic(), None, fault=repr(fault), sent=self._sent)

    def _ask_once(self, question: Question, began: float) -> Sample:
        self._link = self._link or http.client.HTTPConnection("127.0.0.1", self._port, PATIENCE_SECONDS)
        headers = {
            "Authorization": f"Bearer {question.token}",
            "Content-Type": "application/json",
            "Connection": "keep-alive" if self._keep_alive else "close",
        }
        # The slow one is never the same twice, so that it is read step by step, in a transaction of some length.
        body = {**question.body, "time": began} if question is SLOW_QUESTION else question.body
        self._sent = None
        self._link.request("POST", PATH, json.dumps(body), headers)
        self._sent = time.monotonic()
        response = self._link.getresponse()
        answer = response.read()
        ended = time.monotonic()
        if response.will_close:
            self._hang_up()
        return Sample(question, began, ended, response.status, dict(response.headers), answer, sent=self._sent)

    def _hang_up(self) -> None:
        if self._link is not None:
            self._link.close()
            self._link = None


class Traffic:
    """Steady traffic on a port, as long as the block runs."""

    def __init__(self, port: int) -> None:
        self.samples: list[Sample] = []
        self._clients = [Client(port, self.samples, number, keep_alive=number == 0) for number in range(CLIENTS)]

    def __enter__(self) -> "Traffic":
        for client in self._clients:
            client.start()
        return self

    def __exit__(self, *_: Any) -> None:
        for client in self._clients:
            client.stop()
        for client in self._clients:
            client.join()
