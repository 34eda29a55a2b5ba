"""The rules by which a ticket is in a list: the perspective's conditions and the search criteria, as predicates."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

from tickiti_query.catalogue.field import Mode
from tickiti_query.catalogue.fields import FIELDS, MODES
from tickiti_query.catalogue.predicate import Comparison, CompileContext, Names, Predicate, join_all, join_any
from tickiti_query.model.errors import UnsupportedPerspective, ValidationFailed
from tickiti_query.model.perspective import Condition, Criterion, Perspective
from tickiti_query.model.token import Actor

# operator -> (the use of a field that serves it, whether it is negated)
OPERATORS = {
    "is": ("equals", False),
    "is not": ("equals", True),
    "contains": ("contains", False),
    "does not contain": ("contains", True),
}
# of one field and operator, which is as many as were measured
MOST_VALUES = 5000
FEW_JOINS = 8


@dataclass(frozen=True, slots=True)
class Search:
    """A criterion that has been understood: its mode, and its tokens as the mode reads them."""

    mode: Mode
    tokens: tuple[object, ...]
    match: str


Part = Condition | Search


@dataclass(frozen=True, slots=True)
class Rule:
    """One of `alternatives` must hold: conditions or criteria, each with the predicate that it became in `context`.

    An explanation shows the alternatives; `predicate` says that one of them holds.
    """

    alternatives: tuple[tuple[Part, Predicate], ...]
    predicate: Predicate
    context: CompileContext


def read_rules(
    perspective: Perspective, searches: Sequence[Search], actor: Actor, names: Names
) -> tuple[CompileContext, list[Rule]]:
    """Return the perspective's context, and the rules of a question, which must all hold; those of criteria come last.

    Criteria are never impersonated: they have a context of their own, which writes into the same statement. Raise
    UnsupportedPerspective for a condition that the catalogue does not have.
    """
    context = CompileContext(actor, perspective.subject or actor.user, names)
    own_context = replace(context, subject=actor.user)
    return context, [*read_conditions(perspective, context), *match_searches(searches, own_context)]


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


def read_conditions(perspective: Perspective, context: CompileContext) -> list[Rule]:
    """Return the rules, field by field: positive conditions are alternatives, each negative one must hold by itself."""
    rules: list[Rule] = []
    for field in sorted({condition.field for condition in perspective.conditions}):
        positive: list[tuple[Condition, Predicate]] = []
        for condition in (each for each in perspective.conditions if each.field == field):
            predicate = read_condition(perspective, condition, context)
            if OPERATORS[condition.operator][1]:
                negated = predicate.negate()
                rules.append(Rule(((condition, negated),), negated, context))
            else:
                positive.append((condition, predicate))
        if positive:
            rules.append(Rule(tuple(positive), join_any([predicate for _, predicate in positive]), context))
    return rules


def read_condition(perspective: Perspective, condition: Condition, context: CompileContext) -> Predicate:
    """Return the predicate "any of the condition's values", before its operator negates it."""
    use, _ = OPERATORS.get(condition.operator, ("", False))
    comparison: Comparison | None = getattr(FIELDS.get(condition.field), use, None)
    if comparison is None:
        raise refuse_condition(perspective, condition, ", which is not supported.")
    count = len(condition.values)
    if not count:
        raise refuse_condition(perspective, condition, " and no value, which is not supported.")
    if count > MOST_VALUES:
        bound = f"which is not supported: it may have {MOST_VALUES} at most."
        raise refuse_condition(perspective, condition, f" and {count} values, {bound}")
    try:
        values = [comparison.read(value) for value in condition.values]
    except ValueError as fault:
        rule = str(fault).removesuffix(".")
        end = f" and a value that is not supported: {rule[:1].lower()}{rule[1:]}."
        raise refuse_condition(perspective, condition, end) from None
    return comparison.match(values, context)


def refuse_condition(perspective: Perspective, condition: Condition, end: str) -> UnsupportedPerspective:
    """Return the error about a condition, a sentence with this end."""
    named = f'a condition on "{condition.field}" with operator "{condition.operator}"'
    return UnsupportedPerspective(f"{perspective.title} has {named}{end}")


def read_criteria(criteria: Sequence[Criterion]) -> tuple[Search, ...]:
    """Return the criteria as searches. Raise ValidationFailed, which names every wrong token and mode."""
    errors: dict[str, list[str]] = {}
    searches = []
    for criterion in criteria:
        mode = MODES.get(criterion.mode)
        if mode is None:
            errors[f"{criterion.path}.mode"] = [f"Must be one of {', '.join(sorted(MODES))}."]
            continue
        path = f"{criterion.path}.tokens"
        tokens = [read_token(mode, token, f"{path}.{i}", errors) for i, token in enumerate(criterion.tokens)]
        searches.append(Search(mode, tuple(tokens), criterion.match))
    if errors:
        raise ValidationFailed(errors)
    return tuple(searches)


def read_token(mode: Mode, token: str | int, path: str, errors: dict[str, list[str]]) -> object:
    """Return one token as the mode reads it. A fault goes into `errors` under `path`."""
    try:
        if isinstance(token, int) and not mode.integers:
            raise ValueError("Must be a text.")
        return mode.comparison.read(token)
    except ValueError as fault:
        errors[path] = [str(fault)]
        return None


def match_searches(searches: Sequence[Search], context: CompileContext) -> list[Rule]:
    """Return a rule for each mode: criteria of one mode are alternatives, and different modes must all hold."""
    by_mode: dict[str, list[tuple[Search, Predicate]]] = defaultdict(list)
    for search in searches:
        by_mode[search.mode.name].append((search, match_search(search, context)))
    return [
        Rule(tuple(alternatives), join_any([predicate for _, predicate in alternatives]), context)
        for alternatives in by_mode.values()
    ]


def match_search(search: Search, context: CompileContext) -> Predicate:
    """Return a criterion's predicate: a text mode needs all its tokens unless `match` is `any`, others need one."""
    match = search.mode.comparison.match
    if not search.mode.text or search.match != "all":
        return match(search.tokens, context)
    # The longest first: it is the rarest, and where a text may be in one of two places its branches are taken.
    longest_first = sorted(search.tokens, key=lambda token: -len(str(token)))
    predicates = [match([token], context) for token in longest_first]
    # Only the first few become joins, which take the planner the longer the more.
    few, many = predicates[:FEW_JOINS], predicates[FEW_JOINS:]
    return join_all([*few, *(Predicate(f"({predicate.sql}) IS TRUE") for predicate in many)])
