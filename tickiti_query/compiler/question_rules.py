"""A question as the compiler reads it: its contexts, and the rules by which a ticket is in the list."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tickiti_query.catalogue.field import Catalogue
from tickiti_query.catalogue.predicate import CompileContext, Predicate
from tickiti_query.catalogue.resolved_names import ResolvedNames
from tickiti_query.compiler.criteria import Search, match_searches
from tickiti_query.compiler.rule import Rule
from tickiti_query.compiler.where import read_conditions
from tickiti_query.model.actor import Actor
from tickiti_query.model.perspective import Condition, Perspective


@dataclass(frozen=True, slots=True)
class QuestionRules:
    """A perspective and criteria as rules. `context` is the perspective's, `own_context` that of the criteria.

    Criteria are never impersonated. Both contexts write into one statement. All rules must hold.
    """

    context: CompileContext
    own_context: CompileContext
    conditions: tuple[Rule[Condition], ...]
    searches: tuple[Rule[Search], ...]

    @property
    def rules(self) -> tuple[Rule[Any], ...]:
        """All rules, those of the criteria last."""
        return (*self.conditions, *self.searches)

    @property
    def predicates(self) -> tuple[Predicate, ...]:
        """The predicates of all rules."""
        return tuple(rule.predicate for rule in self.rules)


def read_rules(
    perspective: Perspective, searches: Sequence[Search], actor: Actor, names: ResolvedNames, catalogue: Catalogue
) -> QuestionRules:
    """Return the rules of a question. Raise UnsupportedPerspective for a condition that the catalogue does not have."""
    context = CompileContext(actor, perspective.subject or actor.user, names)
    own_context = CompileContext(actor, actor.user, names, context.binds, context.joins)
    conditions = tuple(read_conditions(perspective, context, catalogue))
    return QuestionRules(context, own_context, conditions, tuple(match_searches(searches, own_context)))
