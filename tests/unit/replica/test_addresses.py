"""Look-ups of host names: their time limit, how long a result is kept, and which address comes first."""

import socket
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import psycopg2
import pytest

from tests.support.running import wait_until
from tickiti_query.replica import addresses
from tickiti_query.replica.addresses import AddressBook
from tickiti_query.replica.database_errors import DeadlinePassed

NAME = "replica.example"
TEMPORARY = socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
NO_SUCH_NAME = socket.gaierror(socket.EAI_NONAME, "Name or service not known")


class NameServer:
    """A name server of the test's: what it answers, how often it was asked, and the time."""

    def __init__(self) -> None:
        self.answer: list[str] | OSError = ["10.0.0.1", "10.0.0.2"]
        self.asked = 0
        self.now = 1000.0
        self.speaks = threading.Event()
        self.speaks.set()
        self.book = AddressBook(self.look_up, lambda: self.now)

    def look_up(self, name: str) -> list[str]:
        assert name == NAME
        self.asked += 1
        self.speaks.wait()
        if isinstance(self.answer, OSError):
            raise self.answer
        return self.answer


@pytest.fixture
def server() -> NameServer:
    return NameServer()


def test_a_result_is_kept_for_a_while(server: NameServer) -> None:
    assert server.book.find(NAME) == ["10.0.0.1", "10.0.0.2"]
    server.answer = ["10.0.0.3"]
    server.now += addresses.FRESH_SECONDS - 1
    assert server.book.find(NAME) == ["10.0.0.1", "10.0.0.2"]
    server.now += 1
    assert (server.book.find(NAME), server.asked) == (["10.0.0.3"], 2)


def test_while_the_name_servers_fail_the_last_result_counts(server: NameServer) -> None:
    server.book.find(NAME)
    server.answer = TEMPORARY
    server.now += addresses.KEPT_SECONDS - 1
    assert server.book.find(NAME) == ["10.0.0.1", "10.0.0.2"]
    server.now += 1
    with pytest.raises(psycopg2.OperationalError, match="could not translate host name"):
        server.book.find(NAME)


def test_a_name_that_is_no_more_has_no_addresses(server: NameServer) -> None:
    server.book.find(NAME)
    server.answer = NO_SUCH_NAME
    server.now += addresses.FRESH_SECONDS
    with pytest.raises(psycopg2.OperationalError, match="Name or service not known"):
        server.book.find(NAME)


def test_a_look_up_that_takes_too_long_goes_on_and_its_result_counts(server: NameServer) -> None:
    server.speaks.clear()
    for _ in range(2):  # one look-up for both
        with pytest.raises(DeadlinePassed, match="took too long"):
            server.book.find(NAME, 0.01)
    server.speaks.set()
    assert (server.book.find(NAME), server.asked) == (["10.0.0.1", "10.0.0.2"], 1)


def test_while_the_name_servers_are_silent_the_last_result_counts(server: NameServer) -> None:
    server.book.find(NAME)
    server.speaks.clear()
    server.now += addresses.FRESH_SECONDS
    assert server.book.find(NAME, 0.01) == ["10.0.0.1", "10.0.0.2"]
    server.speaks.set()


def test_all_who_need_a_name_share_a_look_up(server: NameServer) -> None:
    server.speaks.clear()
    with ThreadPoolExecutor(8) as threads:
        results = [threads.submit(server.book.find, NAME) for _ in range(8)]
        wait_until(lambda: server.asked == 1)
        server.speaks.set()
        assert {tuple(result.result()) for result in results} == {("10.0.0.1", "10.0.0.2")}


def test_an_address_that_was_silent_comes_last_for_a_while(server: NameServer) -> None:
    server.book.find(NAME)
    server.book.note_silent("10.0.0.1")
    assert server.book.find(NAME) == ["10.0.0.2", "10.0.0.1"]
    server.now += addresses.SILENT_SECONDS
    assert server.book.find(NAME) == ["10.0.0.1", "10.0.0.2"]


@pytest.mark.parametrize("find", [AddressBook().find, addresses.look_up_host])
def test_a_text_that_is_no_host_name_is_told_as_one_that_does_not_resolve(find: Callable[[str], list[str]]) -> None:
    with pytest.raises((psycopg2.OperationalError, socket.gaierror), match="no host name"):
        find("a" * 64 + ".example")
