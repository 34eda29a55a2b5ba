"""A field that is true or false, about the subject user."""

from collections.abc import Callable

from tickiti_query.catalogue import matching, values
from tickiti_query.catalogue.column import Column, Kind
from tickiti_query.catalogue.field import Field
from tickiti_query.catalogue.matching import Fragment
from tickiti_query.catalogue.predicate import Comparison, CompileContext, Predicate


def make_flag(
    name: str,
    match: Callable[[CompileContext], Predicate],
    *,
    example: bool | None = None,
    shows: Fragment | None = None,
) -> Field:
    """Return a field that is true or false, about the subject user; a column where there is an `example`.

    Without `shows`, `why` shows that truth.
    """

    def write(context: CompileContext) -> str:
        return f"({match(context).sql}) IS TRUE"

    return Field(
        name=name,
        values="true, false",
        user_centric=True,
        equals=Comparison(values.read_flag, matching.match_flag(match)),
        column=Column(write, Kind.FLAG, example) if example is not None else None,
        shows=shows or write,
    )
