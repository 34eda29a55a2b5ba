"""Half a year of the shop's tickets: May to November 2026, the same on every machine."""

import random
from collections.abc import Sequence
from datetime import datetime, timedelta

from demo.loading import Row, World
from demo.shop_people import People, Person
from demo.shop_seed import QUEUES, TEAMS, TEXTS

TICKETS = 5000
FIRST_NUMBER = 220009
OPENED = datetime(2026, 5, 1, 9, 14, 2)  # noqa: DTZ001 - UTC without a zone, as the relations have it
CLOSES = datetime(2026, 11, 20, 18, 0, 0)  # noqa: DTZ001
QUEUE_WEIGHTS = (16, 14, 14, 12, 10, 8, 5, 6, 5, 6, 2, 2)
EMPTY = ("assigned_to_email", "resolution", "on_hold_until", "last_responder_email", "last_response_at", "deleted_at")
NEW_TICKET: Row = {"status": "open", "priority": 20, "response_count": 0, "is_draft": False} | dict.fromkeys(EMPTY)


def make_tickets(rng: random.Random, world: World, people: People) -> None:
    """Add the tickets with their responses, participants and hashtags; the first one is always the same."""
    _make_first_ticket(world, people)
    minutes = int((CLOSES - OPENED).total_seconds() / 60)
    moments = sorted(rng.sample(range(30, minutes), TICKETS - 1))
    for ticket_id, moment in enumerate(moments, start=2):
        created = OPENED + timedelta(minutes=moment, seconds=rng.randint(0, 59))
        _make_ticket(rng, world, people, ticket_id, created)


def _make_first_ticket(world: World, people: People) -> None:
    """Add the ticket of Tickiti's own documentation, which perspective 3 lists first."""
    priya, marcus = people.staff[0].email, people.customers[0].email
    answered = OPENED.replace(day=2, hour=11, minute=30, second=48)
    ticket = _build_ticket(1, "Returns", OPENED, marcus)
    ticket |= {"subject": "Carbon plate cracked on first marathon", "assigned_to_email": priya}
    _add_response(world, ticket, marcus, OPENED, "At kilometre 30 of my first marathon the plate cracked.")
    _add_response(world, ticket, priya, answered, "That must not happen. Please send us both shoes.")
    world["tickets"].append(ticket)
    world["ticket_participants"].append({"ticket_id": 1, "email": marcus})
    world["ticket_hashtags"].append({"ticket_id": 1, "tag": "carbon-plate"})


def _make_ticket(rng: random.Random, world: World, people: People, ticket_id: int, created: datetime) -> None:
    [queue] = rng.choices(QUEUES, QUEUE_WEIGHTS)
    topic = TEXTS["topics"][queue]
    is_regular = rng.random() < (0.4 if queue == "Club Orders" else 0.01)
    customer = people.customers[0] if is_regular else rng.choice(people.customers)
    handler = rng.choice(people.staff)
    ticket = _build_ticket(ticket_id, queue, created, _vary_case(rng, customer.email))
    ticket["subject"] = _write_text(rng, topic["subjects"])
    [ticket["priority"]] = rng.choices((10, 20, 30, 40), (20, 55, 18, 7))
    draw = rng.random()
    if draw >= 0.27:
        ticket["assigned_to_email"] = _vary_case(rng, handler.email)
    elif draw >= 0.15:
        ticket["assigned_to_email"] = f"team:{rng.randint(1, len(TEAMS))}"
    if rng.random() < 0.95:
        _add_response(world, ticket, customer.email, created, _write_text(rng, topic["openings"]))
    _make_conversation(rng, world, ticket, customer, handler)
    _settle_status(rng, ticket, topic["resolutions"])
    world["tickets"].append(ticket)
    emails = {person.email for person in rng.sample(people.staff, rng.choice((0, 0, 1, 2)))} | {customer.email}
    world["ticket_participants"] += [{"ticket_id": ticket_id, "email": email} for email in sorted(emails)]
    tags = rng.sample(TEXTS["hashtags"], rng.choice((0, 0, 1, 1, 2, 3)))
    world["ticket_hashtags"] += [{"ticket_id": ticket_id, "tag": tag} for tag in tags]


def _build_ticket(ticket_id: int, queue: str, created: datetime, originator: str) -> Row:
    row = {"id": ticket_id, "number": FIRST_NUMBER + ticket_id - 1, "queue_id": QUEUES.index(queue) + 1}
    return NEW_TICKET | row | {"originator_email": originator, "created_at": created, "updated_at": created}


def _make_conversation(rng: random.Random, world: World, ticket: Row, customer: Person, handler: Person) -> None:
    moment = ticket["created_at"]
    for turn in range(rng.choice((0, 1, 1, 2, 2, 3, 5))):
        moment += timedelta(minutes=rng.randint(5, 2000), seconds=rng.randint(0, 59))
        if moment > CLOSES:
            return
        if rng.random() < 0.2:
            author, kind = handler, "internal_notes"
        elif turn % 2:
            author, kind = customer, "customer_replies"
        else:
            author, kind = handler, "staff_replies"
        text = _write_text(rng, TEXTS[kind])
        _add_response(world, ticket, author.email, moment, text, is_internal=kind == "internal_notes")
        if rng.random() < 0.03:
            world["responses"][-1]["deleted_at"] = moment + timedelta(minutes=1)
            ticket["response_count"] -= 1


def _add_response(world: World, ticket: Row, email: str, at: datetime, text: str, *, is_internal: bool = False) -> None:
    """Add a response and keep the ticket's own summary of its responses in step."""
    response_id = len(world["responses"]) + 1
    row = {"id": response_id, "ticket_id": ticket["id"], "plain_text": text, "is_internal": is_internal}
    world["responses"].append(row | {"created_by_email": email, "created_at": at, "deleted_at": None})
    ticket["response_count"] += 1
    ticket["updated_at"] = at
    if not is_internal:
        ticket["last_responder_email"], ticket["last_response_at"] = email, at


def _settle_status(rng: random.Random, ticket: Row, resolutions: Sequence[str]) -> None:
    """Set the status of a ticket: old tickets are mostly closed, a few are unsent or deleted."""
    age_days = (CLOSES - ticket["created_at"]).days
    draw = rng.random()
    if draw < min(0.93, 0.25 + age_days / 90):
        ticket["status"] = "closed"
        ticket["resolution"] = rng.choice(resolutions) if rng.random() < 0.8 else None
    elif draw > 0.97:
        ticket["status"] = "on-hold"
        until = ticket["updated_at"] + timedelta(days=rng.randint(3, 40))
        ticket["on_hold_until"] = until.date() if rng.random() < 0.8 else None
    ticket["updated_at"] += timedelta(minutes=rng.choice((0, 0, 0, 7, 95)))
    ticket["is_draft"] = rng.random() < 0.015
    if rng.random() < 0.02:
        ticket["deleted_at"] = ticket["updated_at"]


def _write_text(rng: random.Random, templates: Sequence[str]) -> str:
    """Return one of the templates, with each word in braces drawn from its list."""
    template = rng.choice(templates)
    return template.format_map({name: rng.choice(choices) for name, choices in TEXTS["words"].items()})


def _vary_case(rng: random.Random, email: str) -> str:
    """Return an address as people type it: one in thirty in capitals."""
    return email.upper() if rng.random() < 1 / 30 else email
