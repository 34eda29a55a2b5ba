"""SELECT: the core columns, then the perspective's own."""

from collections.abc import Sequence

from tickiti_query.catalogue.field import Catalogue
from tickiti_query.catalogue.predicate import CompileContext
from tickiti_query.model.errors import UnsupportedPerspective
from tickiti_query.model.perspective import Perspective


def choose_columns(perspective: Perspective, catalogue: Catalogue) -> tuple[str, ...]:
    """Return the columns' names, in order, each once. Raise UnsupportedPerspective for a name that is no column."""
    for name in perspective.columns:
        if name not in catalogue.fields or catalogue.fields[name].column is None:
            raise UnsupportedPerspective(f'{perspective.title} has a column "{name}", which is not supported.')
    return tuple(dict.fromkeys((*catalogue.core, *perspective.columns)))


def write_select(columns: Sequence[str], context: CompileContext, catalogue: Catalogue) -> str:
    """Write the select list, one column a line."""
    written = []
    for name in columns:
        column = catalogue.fields[name].column
        assert column is not None, name  # noqa: S101  choose_columns has seen to it
        written.append(f"{column.sql(context)} AS {name}")
    return ",\n       ".join(written)
