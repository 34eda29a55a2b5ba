"""Search criteria: read before the perspective is, and written beside its conditions."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tickiti_query.catalogue.field import Catalogue, Mode
from tickiti_query.catalogue.fields import FIELDS
from tickiti_query.catalogue.predicate import CompileContext, Predicate, join_all
from tickiti_query.compiler.rule import Rule
from tickiti_query.model.errors import ValidationFailed
from tickiti_query.model.search import Criterion

FEW_JOINS = 8


@dataclass(frozen=True, slots=True)
class Search:
    """A criterion that has been understood: its mode, and its tokens as the mode reads them."""

    mode: Mode
    tokens: tuple[object, ...]
    match: str


def read_criteria(criteria: Sequence[Criterion], catalogue: Catalogue = FIELDS) -> tuple[Search, ...]:
    """Return the criteria as searches. Raise ValidationFailed, which names every wrong token and mode."""
    errors: dict[str, list[str]] = {}
    searches = []
    for criterion in criteria:
        mode = catalogue.modes.get(criterion.mode)
        if mode is None:
            known = ", ".join(sorted(catalogue.modes))
            errors[f"{criterion.path}.mode"] = [f"Must be one of {known}."]
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


def match_searches(searches: Sequence[Search], context: CompileContext) -> Iterator[Rule[Search]]:
    """Yield a rule for each mode: criteria of one mode are alternatives, and different modes must all hold."""
    by_mode: dict[str, list[tuple[Search, Predicate]]] = defaultdict(list)
    for search in searches:
        by_mode[search.mode.name].append((search, match_search(search, context)))
    for alternatives in by_mode.values():
        yield Rule(tuple(alternatives))


def bound_joins(predicates: Sequence[Predicate]) -> list[Predicate]:
    """Return the predicates so that only the first few become joins, which take the planner the longer the more."""
    few, many = predicates[:FEW_JOINS], predicates[FEW_JOINS:]
    return [*few, *(Predicate(f"({predicate.sql}) IS TRUE") for predicate in many)]


def match_search(search: Search, context: CompileContext) -> Predicate:
    """Return a criterion's predicate: a text mode needs all its tokens unless `match` is `any`, others need one."""
    match = search.mode.comparison.match
    if search.mode.text and search.match == "all":
        # The longest first: it is the rarest, and where a text may be in one of two places its branches are taken.
        longest_first = sorted(search.tokens, key=lambda token: -len(str(token)))
        return join_all(bound_joins([match([token], context) for token in longest_first]))
    return match(search.tokens, context)
