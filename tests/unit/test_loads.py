"""A new connection is left to the worker that has fewest, across processes."""

import os

from tickiti_query.front.loads import Loads


def test_without_workers_nobody_has_fewer() -> None:
    assert Loads().find_least() == 0


def test_the_least_is_of_those_that_are_there() -> None:
    loads = Loads()
    loads.note(1, 5)
    loads.note(2, 3)
    assert loads.find_least() == 3
    loads.note(2, 0)
    assert loads.find_least() == 0
    loads.forget(2)
    assert loads.find_least() == 5


def test_what_a_child_says_its_parent_reads() -> None:
    loads = Loads()
    child = os.fork()
    if not child:
        loads.note(7, 4)
        os._exit(0)
    os.waitpid(child, 0)
    assert loads.find_least() == 4
