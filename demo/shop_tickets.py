"""Half a year of the shop's tickets: May to November 2026, the same on every machine."""

import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from demo.loading import World
from demo.shop_people import QUEUES, TEAMS, People, Person
from demo.shop_texts import CUSTOMER_REPLIES, HASHTAGS, INTERNAL_NOTES, STAFF_REPLIES, TOPICS, fill_text

Row = dict[str, Any]

TICKETS = 5000
FIRST_NUMBER = 220009
OPENED = datetime(2026, 5, 1, 9, 14, 2)  # noqa: DTZ001 - UTC without a zone, as the relations have it
CLOSES = datetime(2026, 11, 20, 18, 0, 0)  # noqa: DTZ001
QUEUE_WEIGHTS = (16, 14, 14, 12, 10, 8, 5, 6, 5, 6, 2, 2)


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
    world["tickets"].append(ticket | {"updated_at": answered})
    world["ticket_participants"].append({"ticket_id": 1, "email": marcus})
    world["ticket_hashtags"].append({"ticket_id": 1, "tag": "carbon-plate"})


def _make_ticket(rng: random.Random, world: World, people: People, ticket_id: int, created: datetime) -> None:
    [queue] = rng.choices(QUEUES, QUEUE_WEIGHTS)
    topic = TOPICS[queue]
    customer = _choose_customer(rng, people, queue)
    handler = rng.choice(people.staff)
    ticket = _build_ticket(ticket_id, queue, created, _vary_case(rng, customer.email))
    ticket["subject"] = fill_text(rng, rng.choice(topic.subjects))
    [ticket["priority"]] = rng.choices((10, 20, 30, 40), (20, 55, 18, 7))
    ticket["assigned_to_email"] = _choose_assignee(rng, handler)
    if rng.random() < 0.95:
        _add_response(world, ticket, customer.email, created, fill_text(rng, rng.choice(topic.openings)))
    _make_conversation(rng, world, ticket, customer, handler)
    _settle_status(rng, ticket, topic.resolutions)
    world["tickets"].append(ticket)
    emails = {person.email for person in rng.sample(people.staff, rng.choice((0, 0, 1, 2)))} | {customer.email}
    world["ticket_participants"] += [{"ticket_id": ticket_id, "email": email} for email in sorted(emails)]
    tags = rng.sample(HASHTAGS, rng.choice((0, 0, 1, 1, 2, 3)))
    world["ticket_hashtags"] += [{"ticket_id": ticket_id, "tag": tag} for tag in tags]


def _build_ticket(ticket_id: int, queue: str, created: datetime, originator: str) -> Row:
    return {
        "id": ticket_id,
        "number": FIRST_NUMBER + ticket_id - 1,
        "subject": "",
        "status": "open",
        "priority": 20,
        "queue_id": QUEUES.index(queue) + 1,
        "assigned_to_email": None,
        "originator_email": originator,
        "resolution": None,
        "on_hold_until": None,
        "last_responder_email": None,
        "last_response_at": None,
        "response_count": 0,
        "is_draft": False,
        "created_at": created,
        "updated_at": created,
        "deleted_at": None,
    }


def _make_conversation(rng: random.Random, world: World, ticket: Row, customer: Person, handler: Person) -> None:
    moment = ticket["created_at"]
    for turn in range(rng.choice((0, 1, 1, 2, 2, 3, 5))):
        moment += timedelta(minutes=rng.randint(5, 2000), seconds=rng.randint(0, 59))
        if moment > CLOSES:
            return
        if rng.random() < 0.2:
            note = fill_text(rng, rng.choice(INTERNAL_NOTES))
            _add_response(world, ticket, handler.email, moment, note, is_internal=True)
        elif turn % 2:
            _add_response(world, ticket, customer.email, moment, fill_text(rng, rng.choice(CUSTOMER_REPLIES)))
        else:
            _add_response(world, ticket, handler.email, moment, fill_text(rng, rng.choice(STAFF_REPLIES)))
        if rng.random() < 0.03:
            world["responses"][-1]["deleted_at"] = moment + timedelta(minutes=1)
            ticket["response_count"] -= 1


def _add_response(world: World, ticket: Row, email: str, at: datetime, text: str, *, is_internal: bool = False) -> None:
    """Add a response and keep the ticket's own summary of its responses in step."""
    world["responses"].append(
        {
            "id": len(world["responses"]) + 1,
            "ticket_id": ticket["id"],
            "plain_text": text,
            "is_internal": is_internal,
            "created_by_email": email,
            "created_at": at,
            "deleted_at": None,
        }
    )
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


def _choose_customer(rng: random.Random, people: People, queue: str) -> Person:
    if rng.random() < (0.4 if queue == "Club Orders" else 0.01):
        return people.customers[0]
    return rng.choice(people.customers)


def _choose_assignee(rng: random.Random, handler: Person) -> str | None:
    draw = rng.random()
    if draw < 0.15:
        return None
    return f"team:{rng.randint(1, len(TEAMS))}" if draw < 0.27 else _vary_case(rng, handler.email)


def _vary_case(rng: random.Random, email: str) -> str:
    """Return an address as people type it: one in thirty in capitals."""
    return email.upper() if rng.random() < 1 / 30 else email
