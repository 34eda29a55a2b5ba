"""WHERE: the scope of the actor, and the perspective's conditions."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby

from tickiti_query.catalogue.field import Catalogue
from tickiti_query.catalogue.predicate import Comparison, CompileContext, Predicate
from tickiti_query.compiler.rule import Rule
from tickiti_query.model.errors import UnsupportedPerspective
from tickiti_query.model.perspective import Condition, Perspective

# operator -> (the use of a field that serves it, whether it is negated)
OPERATORS = {
    "is": ("equals", False),
    "is not": ("equals", True),
    "contains": ("contains", False),
    "does not contain": ("contains", True),
}

# of one field and operator: measured, and so many that whoever has more wants another field
MOST_VALUES = 5000


def write_scope(predicates: Sequence[Predicate], context: CompileContext) -> tuple[str, ...]:
    """Write the conditions that always hold: no deleted tickets, no drafts, no queues that the actor cannot see."""
    return ("t.deleted_at IS NULL", "NOT t.is_draft", *write_queue_scope("t.queue_id", predicates, context))


def write_queue_scope(column: str, predicates: Sequence[Predicate], context: CompileContext) -> tuple[str, ...]:
    """Write the visible queues as a condition on `column`; none where all queues are meant.

    Predicates that say no more than which queue it is are folded in: the set that is left is a subset of what the
    actor sees, and the planner can count its tickets.
    """
    scope = None if context.actor.queues is None else frozenset(context.actor.queues)
    excluded: frozenset[int] = frozenset()
    for queues in (predicate.queues for predicate in predicates):
        if queues is None:
            continue
        if queues.excluded:
            excluded |= queues.ids
        else:
            scope = queues.ids if scope is None else scope & queues.ids
    if scope is not None:
        return (write_queues(column, tuple(sorted(scope - excluded)), context),)
    return (f"NOT ({write_queues(column, tuple(sorted(excluded)), context)})",) if excluded else ()


def write_queues(column: str, queues: tuple[int, ...], context: CompileContext) -> str:
    """Write that the queue is one of these. One alone is an equality, which lets an index keep the order behind it."""
    if not queues:
        return "FALSE"
    if len(queues) == 1:
        return f"{column} = {context.binds.add('queue', queues[0])}"
    return f"{column} = ANY (CAST({context.binds.add('queues', queues)} AS bigint[]))"


def merge_conditions(perspective: Perspective) -> Perspective:
    """Return the perspective with one condition in place of several that have the same field and operator.

    They mean the same: positive ones are alternatives, as values are, and where each of the negative ones must hold,
    none of all their values may match. One condition on 1,000 values takes milliseconds, 1,000 conditions took seconds.
    A condition without a value stays by itself, for it is refused.
    """
    merged: dict[tuple[str, str, bool], Condition] = {}
    for each in perspective.conditions:
        key = (each.field, each.operator, bool(each.values))
        values = (*merged[key].values, *each.values) if key in merged else each.values
        merged[key] = Condition(each.field, each.operator, values)
    return replace(perspective, conditions=tuple(merged.values()))


def read_conditions(
    perspective: Perspective, context: CompileContext, catalogue: Catalogue
) -> Iterator[Rule[Condition]]:
    """Yield the rules, field by field: positive conditions are alternatives, each negative one must hold by itself."""
    ordered = sorted(perspective.conditions, key=lambda condition: condition.field)
    for _, conditions in groupby(ordered, key=lambda condition: condition.field):
        positive: list[tuple[Condition, Predicate]] = []
        for condition in conditions:
            predicate = read_condition(perspective, condition, context, catalogue)
            if OPERATORS[condition.operator][1]:
                yield Rule(((condition, predicate.negate()),))
            else:
                positive.append((condition, predicate))
        if positive:
            yield Rule(tuple(positive))


def read_condition(
    perspective: Perspective, condition: Condition, context: CompileContext, catalogue: Catalogue
) -> Predicate:
    """Return the predicate "any of the condition's values", before its operator negates it."""
    comparison = find_comparison(condition, catalogue)
    where = f'{perspective.title} has a condition on "{condition.field}" with operator "{condition.operator}"'
    if comparison is None:
        raise UnsupportedPerspective(f"{where}, which is not supported.")
    if not condition.values:
        raise UnsupportedPerspective(f"{where} and no value, which is not supported.")
    if len(condition.values) > MOST_VALUES:
        raise UnsupportedPerspective(
            f"{where} and {len(condition.values)} values, which is not supported: it may have {MOST_VALUES} at most."
        )
    try:
        values: Sequence[object] = [comparison.read(value) for value in condition.values]
    except ValueError as fault:
        rule = str(fault).removesuffix(".")
        raise UnsupportedPerspective(
            f"{where} and a value that is not supported: {rule[:1].lower()}{rule[1:]}."
        ) from None
    return comparison.match(values, context)


def find_comparison(condition: Condition, catalogue: Catalogue) -> Comparison | None:
    """Return the catalogue's comparison for this field and operator; None where there is none."""
    field = catalogue.fields.get(condition.field)
    if field is None or condition.operator not in OPERATORS:
        return None
    return field.equals if OPERATORS[condition.operator][0] == "equals" else field.contains
