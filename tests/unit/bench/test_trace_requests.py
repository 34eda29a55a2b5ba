"""`python -m bench.trace` counts calls into our own files, and how often the next call is in another file."""

from types import CodeType
from typing import Any

from bench.trace_requests import Profile, Walk

ROOT = "/somewhere/"


def compile_function(file: str, name: str, body: str, **known: Any) -> Any:
    code: CodeType = compile(f"def {name}():\n    return {body}", file, "exec")
    exec(code, known)
    return known[name]


def walk(function: Any) -> Walk:
    counted = Walk()
    with Profile(ROOT, counted):
        function()
    return counted


def test_calls_files_and_changes_are_counted() -> None:
    inner = compile_function(f"{ROOT}tickiti_query/inner.py", "inner", "1")
    middle = compile_function(f"{ROOT}tickiti_query/middle.py", "middle", "inner() + inner()", inner=inner)
    outer = compile_function(f"{ROOT}app.py", "outer", "middle() + inner()", middle=middle, inner=inner)
    counted = walk(outer)
    assert (counted.calls, counted.changes) == (5, 2)
    assert list(counted.files.items()) == [
        ("app.py", 1),
        ("tickiti_query/middle.py", 1),
        ("tickiti_query/inner.py", 3),
    ]


def test_what_is_not_ours_and_comprehensions_are_left_out() -> None:
    package = compile_function(f"{ROOT}.venv/lib/package.py", "package", "1")
    test = compile_function(f"{ROOT}tests/test_it.py", "test", "1")
    body = "[package() for _ in (1, 2)] + list(test() for _ in (1, 2)) + [str(each) for each in {1: 2}]"
    counted = walk(compile_function(f"{ROOT}config/log.py", "outer", body, package=package, test=test))
    assert (counted.calls, counted.changes, counted.files) == (1, 0, {"config/log.py": 1})


def test_nothing_is_counted_afterwards() -> None:
    function = compile_function(f"{ROOT}app.py", "function", "1")
    counted = walk(function)
    function()
    assert counted.calls == 1
