"""Reads of the replica what a request comes to: who asks, which perspective, which rows; all in one snapshot."""

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Protocol

from tickiti_query.cache.snapshot_ids import Server, ServerState, Sight, Validator, confirm, see
from tickiti_query.catalogue.resolved_names import Key, ResolvedNames
from tickiti_query.compiler import compile_with_names
from tickiti_query.compiler.criteria import read_criteria
from tickiti_query.model.actor import Actor
from tickiti_query.model.perspective import Perspective
from tickiti_query.model.search import Selector
from tickiti_query.model.source import Row, Source
from tickiti_query.model.statement import Statement
from tickiti_query.query.recipe import Recipe, Witness, write_recipe
from tickiti_query.query.request import Request
from tickiti_query.query.request_trace import RequestTrace


class Snapshot(Source, Protocol):
    """One snapshot of one server."""

    server: Server


class Recipes(Protocol):
    """What repeated questions came to, the latest of them."""

    def get(self, key: Hashable) -> Recipe | None: ...
    def put(self, key: Hashable, recipe: Recipe) -> None: ...
    def drop(self, key: Hashable) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What one snapshot of one server said, and which it was. `rows` may be one more than were asked for.

    `validator` proves it from now on; None where nothing does.
    """

    server: Server
    sight: Sight
    validator: Validator | None
    recipe: Recipe
    rows: Sequence[Row]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """Reads for requests; what touches the world is handed in. `welcome` hears of each token that is known."""

    read: Callable[[Callable[[Any], Any]], Any]
    ask: Callable[[Statement], tuple[Server, Sequence[Row]]]
    find_grant: Callable[[Source, Any], Any]
    admit: Callable[[Any, str], Actor]
    find_perspective: Callable[[Source, Selector, Actor], Perspective]
    look_up: Callable[[Source, Iterable[Key]], ResolvedNames]
    recipes: Recipes
    welcome: Callable[[str | None], None] = lambda _token: None

    def knows(self, request: Request) -> bool:
        """Whether the question was asked before, and what it came to is remembered."""
        return self.recipes.get(request.key) is not None

    def answer(self, request: Request, trace: RequestTrace, state: ServerState) -> Reading:
        """What the replica says to a request after `state`. Raises QueryError, in the order in which errors count."""
        return self._read_again(request, trace, state) or self._read_anew(request, trace, state)

    def _read_again(self, request: Request, trace: RequestTrace, state: ServerState) -> Reading | None:
        """What the recipe of an earlier request gives; None where there is none, or what it came from has changed."""
        recipe = self.recipes.get(request.key)
        if recipe is None:
            return None
        with trace.measure("sql"):
            reading = self._follow(recipe, state)
        if reading is None:
            self.recipes.drop(request.key)
            return None
        self._keep(request, reading)
        # Only now is the grant known to be what the replica says.
        with trace.measure("auth"):
            trace.user_id = recipe.grant.actor.user.id
            self.admit(recipe.grant, request.address)
        trace.perspective_id = recipe.perspective_id
        return reading

    def _follow(self, recipe: Recipe, state: ServerState) -> Reading | None:
        """What a recipe gives: its rows alone, where they see what its premises were read under."""
        if recipe.validator is not None and recipe.validator == state.validator:
            reading = self._ask(recipe, recipe.page, state)
            if reading is not None and reading.validator == recipe.validator:
                return reading
        return self._ask(recipe, recipe.statement, state)

    def _ask(self, recipe: Recipe, statement: Statement, state: ServerState) -> Reading | None:
        server, rows = self.ask(statement)
        said = recipe.read(rows)
        if said is None:
            return None
        sight, page = said
        validator = confirm(state, server, sight)
        return Reading(server=server, sight=sight, validator=validator, recipe=recipe, rows=page)

    def _keep(self, request: Request, reading: Reading) -> None:
        """Remember what the premises of a reading's recipe hold under now."""
        if reading.validator != reading.recipe.validator:
            self.recipes.put(request.key, replace(reading.recipe, validator=reading.validator))

    def _read_anew(self, request: Request, trace: RequestTrace, state: ServerState) -> Reading:
        """What the request comes to, step by step, in one snapshot; its recipe is kept."""

        def work(snapshot: Snapshot) -> Reading:
            return self._read_snapshot(snapshot, request, trace, state)

        reading: Reading = self.read(work)
        self.recipes.put(request.key, reading.recipe)
        return reading

    def _read_snapshot(
        self, snapshot: Snapshot, request: Request, trace: RequestTrace, state: ServerState
    ) -> Reading:
        source = Witness(snapshot)
        with trace.measure("auth"):
            sight = see(snapshot)
            grant = self.find_grant(source, request.credentials)
            self.welcome(request.credentials.fingerprint)
            trace.user_id = grant.actor.user.id
            actor = self.admit(grant, request.address)
        query = request.read_query()
        searches = read_criteria(query.criteria)
        with trace.measure("sql"):
            perspective = self.find_perspective(source, query.selector, actor)
            trace.perspective_id = perspective.id
            statement, _ = compile_with_names(
                perspective, searches, actor, query.row_limit, partial(self.look_up, source)
            )
            rows = snapshot.fetch(statement)
        validator = confirm(state, snapshot.server, sight)
        proved, alone = write_recipe(statement, source.premises), write_recipe(statement, ())
        recipe = Recipe(
            grant=grant,
            size=request.size + proved.size + alone.size,
            query=query,
            perspective_id=perspective.id,
            columns=statement.columns,
            statement=proved,
            page=alone,
            validator=validator,
        )
        return Reading(server=snapshot.server, sight=sight, validator=validator, recipe=recipe, rows=rows)
