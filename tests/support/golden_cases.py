"""The statements that are kept as golden SQL; `python -m tests.support.golden_cases` writes them anew.

One for each field with each operator, each order, each column, each mode of the criteria, and a few typical
combinations. The files are psql scripts: a person can paste one and read the rows.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tickiti_query.catalogue.fields import FIELDS, MODES
from tickiti_query.catalogue.predicate import Names, Relation
from tickiti_query.cli.explain import write_script
from tickiti_query.compiler.page import compile_query
from tickiti_query.compiler.rules import Search, read_criteria
from tickiti_query.model.perspective import Condition, Criterion, Order, Perspective
from tickiti_query.model.statement import Statement
from tickiti_query.model.token import Actor, User

FOLDER = Path(__file__).parents[1] / "unit" / "compiler" / "golden"

ANN_EMAIL, BOB_EMAIL = "Ann@Shop.example", "bob@shop.example"
ANN = User(7, ANN_EMAIL)
BOB = User(8, BOB_EMAIL)
STAFF = Actor(ANN, is_staff=True, queues=(1, 2, 5))
CHIEF = Actor(ANN, is_staff=True, queues=None)
CUSTOMER = Actor(User(9, "carl@club.example"), is_staff=False, queues=(5,))
FOUND: Names = {
    (Relation.QUEUES_NAMED, "Returns"): (2,),
    (Relation.TEAMS_OF_EMAIL, ANN_EMAIL): (3,),
    (Relation.TEAMS_OF_EMAIL, BOB_EMAIL): (),
    (Relation.TEAMS_OF_EMAIL, "cy@shop.example"): (3, 4),
    (Relation.MEMBERS_OF_TEAM, 4): ("cy@shop.example", "Dee@shop.example"),
    (Relation.INBOXES_OF_USER, ANN.id): (2, 6),
    (Relation.INBOXES_OF_USER, BOB.id): (),
    (Relation.WATCHLISTS_NAMED, "VIP"): (11, 12),
    (Relation.FEW_PARTICIPATIONS, ANN_EMAIL): (),
    (Relation.FEW_PARTICIPATIONS, BOB_EMAIL): (BOB_EMAIL,),
}
SAMPLES: dict[str, tuple[Any, ...]] = {
    "status": ("open", "on-hold"),
    "queue": ("Returns", 5),
    "priority": ("Urgent", 10),
    "subject": ("50% off_", "Größe"),
    "content": ("refund",),
    "assignee": ("me", "cy@shop.example", "team:4", "team-and-members:4", "Unassigned"),
    "originator": ("me",),
    "participant": ("me", "cy@shop.example"),
    "hashtag": ("#Vip",),
    "watchlist": ("VIP", 3),
    "resolution": ("Refunded",),
}
TOKENS: dict[str, tuple[str | int, ...]] = {
    "ticket_number": (220009, "220010"),
    "status": ("closed",),
    "queue": ("Returns",),
    "priority": ("high",),
    "assigned": ("me", "Unassigned"),
    "raised": ("me",),
    "participant": ("cy@shop.example",),
    "hashtag": ("vip", "#late"),
    "watchlist": (3, "4"),
}


def compile_case(
    *conditions: Condition,
    orders: tuple[Order, ...] = (),
    columns: tuple[str, ...] = (),
    criteria: tuple[Criterion, ...] = (),
    actor: Actor = STAFF,
    subject: User | None = None,
) -> Statement:
    """The statement of a perspective with these parts."""
    perspective = Perspective(1, "Golden", conditions, orders, columns, subject)
    return compile_found(perspective, read_criteria(criteria), actor)


def compile_found(perspective: Perspective, searches: Sequence[Search] = (), actor: Actor = STAFF) -> Statement:
    """The statement of a perspective whose names are all in FOUND."""
    return compile_query(perspective, searches, actor, 100, lambda _needed: FOUND)[0]


def list_cases() -> Iterator[tuple[str, Statement]]:
    """(name of the file, statement)."""
    yield "all", compile_case()
    yield "all_for_one_who_sees_every_queue", compile_case(actor=CHIEF)
    yield "all_for_one_who_sees_no_queue", compile_case(actor=Actor(ANN, is_staff=True, queues=()))
    for name, field in FIELDS.items():
        values = SAMPLES.get(name, (True,))
        for use, operators in (
            (field.equals, ("is", "is not")),
            (field.contains, ("contains", "does not contain")),
        ):
            for operator in operators if use else ():
                word = f"{name}_{operator}".replace(" ", "_")
                yield f"condition_{word}", compile_case(Condition(name, operator, values))
        if field.order:
            for ascending in (True, False):
                word = "ascending" if ascending else "descending"
                yield f"order_{name}_{word}", compile_case(orders=(Order(name, ascending),))
        if field.column and not field.core:
            yield f"column_{name}", compile_case(columns=(name,))
    for name, mode in MODES.items():
        tokens = TOKENS.get(name, ("2026-05-01",) if name.endswith(("_from", "_to")) else ("carbon", "plate"))
        yield f"mode_{name}", compile_case(criteria=(Criterion(name, tokens),))
        if mode.text:
            yield f"mode_{name}_any", compile_case(criteria=(Criterion(name, tokens, match="any"),))
    yield from list_combinations()


def list_combinations() -> Iterator[tuple[str, Statement]]:
    """Yield the statements of combinations of fields."""
    yield (
        "alternatives_and_exclusions_of_one_field",
        compile_case(
            Condition("subject", "is", ("Returns",)),
            Condition("subject", "contains", ("shoe",)),
            Condition("subject", "does not contain", ("test",)),
            Condition("status", "is not", ("closed",)),
        ),
    )
    yield (
        "content_for_a_customer",
        compile_case(Condition("content", "contains", ("refund",)), actor=CUSTOMER),
    )
    yield "queue_beyond_the_scope", compile_case(Condition("queue", "is", (6,)))
    yield (
        "queue_excluded_for_one_who_sees_every_queue",
        compile_case(Condition("queue", "is not", (6,)), actor=CHIEF),
    )
    yield (
        "as_somebody_else",
        compile_case(
            Condition("for_attention", "is", (True,)),
            orders=(Order("last_read_at", False),),
            columns=("unread", "watchlists"),
            criteria=(Criterion("raised", ("me",)),),
            subject=BOB,
        ),
    )
    yield (
        "for_attention_of_one_who_takes_part_in_little",
        compile_case(Condition("for_attention", "is", (True,)), subject=BOB),
    )
    yield (
        "a_working_queue",
        compile_case(
            Condition("queue", "is", ("Returns",)),
            Condition("status", "is", ("open",)),
            Condition("assignee", "is", ("me", "Unassigned")),
            orders=(Order("priority", False), Order("created_at", True)),
            columns=("hashtags", "last_response_at"),
            criteria=(Criterion("subject_content", ("plate",)), Criterion("created_from", ("2026-05-01",))),
        ),
    )


def write_all() -> None:
    """Write every file anew, and remove those of cases that are no more."""
    for old in FOLDER.glob("*.sql"):
        old.unlink()
    for name, statement in list_cases():
        (FOLDER / f"{name}.sql").write_text(write_script(statement), "utf-8")


if __name__ == "__main__":
    write_all()
