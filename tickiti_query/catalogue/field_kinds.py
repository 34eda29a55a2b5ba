"""The kinds of entry that the catalogue has several of: flags about the subject user, and modes that bound a time."""

from datetime import time
from functools import partial

from tickiti_query.catalogue import matching, values
from tickiti_query.catalogue.field import Column, Field, Kind, Mode
from tickiti_query.catalogue.matching import Fragment
from tickiti_query.catalogue.predicate import Comparison, CompileContext, Flag

MOMENT_VALUES = "`YYYY-MM-DD` or `YYYY-MM-DD HH:MM:SS`, UTC"


def bound_moment(mode: str, comparison: str, day_time: time) -> Mode:
    """Return a mode that bounds a time. A date alone means that day at `day_time`."""
    match = partial(matching.match_moment, comparison, mode)
    return Mode(mode, MOMENT_VALUES, Comparison(partial(values.read_moment, day_time), match))


def make_flag(name: str, match: Flag, *, example: bool | None = None, shows: Fragment | None = None) -> Field:
    """Return a field that is true or false, about the subject user; a column where there is an `example`.

    Without `shows`, `why` shows that truth.
    """

    def write(context: CompileContext) -> str:
        return f"({match(context).sql}) IS TRUE"

    return Field(
        name=name,
        values="true, false",
        user_centric=True,
        equals=Comparison(values.read_flag, partial(matching.match_flag, match)),
        column=Column(write, Kind.FLAG, example) if example is not None else None,
        shows=shows or write,
    )
