"""The perspective compiler: a perspective, search criteria and an actor become one SELECT.

rules.py reads conditions and criteria, page.py writes the statement. The compiler is pure: what is not understood is an
error, and the scope of the actor is always part of the WHERE.
"""

from collections.abc import Callable, Iterable, Sequence

from tickiti_query.catalogue.field import Catalogue
from tickiti_query.catalogue.fields import FIELDS
from tickiti_query.catalogue.predicate import Key, ResolvedNames
from tickiti_query.compiler.page import (
    Page,
    choose_columns,
    read_keys,
    write_page,
    write_queue_tests,
    write_select,
)
from tickiti_query.compiler.rules import Search, merge_conditions, read_rules
from tickiti_query.model.perspective import Perspective
from tickiti_query.model.statement import Statement
from tickiti_query.model.token import Actor


def compile_query(
    perspective: Perspective,
    searches: Sequence[Search],
    actor: Actor,
    row_limit: int,
    names: ResolvedNames,
    catalogue: Catalogue = FIELDS,
) -> Statement:
    """Return the statement whose rows are the answer, and one row more than `row_limit` where there are more.

    Names that must be resolved first are left in `names.missing`. Then the statement is not the right one yet;
    compile_with_names resolves them.
    Raises UnsupportedPerspective where the perspective has a field, operator, value, order or column that the
    catalogue does not know.
    """
    rules = read_rules(merge_conditions(perspective), searches, actor, names, catalogue)
    context, predicates = rules.context, rules.predicates
    keys = read_keys(perspective, context, catalogue)
    columns = choose_columns(perspective, catalogue)
    select = write_select(columns, context, catalogue)
    page = Page(
        queues=write_queue_tests(predicates, context),
        predicates=tuple(predicate for predicate in predicates if predicate.queues is None),
        keys=keys,
        joins=tuple(context.joins),
        limit=context.binds.add("limit", row_limit + 1),
    )
    return Statement(f"SELECT {select}\n{write_page(page)}", context.binds.params, columns)


def compile_with_names(
    perspective: Perspective,
    searches: Sequence[Search],
    actor: Actor,
    row_limit: int,
    resolve: Callable[[Iterable[Key]], ResolvedNames],
) -> tuple[Statement, ResolvedNames]:
    """Return the statement that compile_query writes, and the names that it was written with.

    A first pass finds out which names the statement needs. `resolve` is called with them, once, and only where there
    are any; a second pass writes the statement.
    """
    names = ResolvedNames()
    statement = compile_query(perspective, searches, actor, row_limit, names)
    if names.missing:
        names = resolve(names.missing)
        statement = compile_query(perspective, searches, actor, row_limit, names)
    return statement, names
