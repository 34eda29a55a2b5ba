"""Draws the rows of a small world, all but its perspectives.

What hangs on a ticket is drawn with it, and goes when the ticket goes.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import product

from hypothesis import strategies as st

from . import sample_values
from .random_choices import ROW, ROWS, RandomChoices
from .values import Row, World

# is_staff, is_active, sees_all_queues
ROLES = (*((True, True, False),) * 8, (True, True, True), (True, False, False), (False, True, False),
         (False, True, True), (False, True, False))  # fmt: skip
# can_view and treat_as_inbox; None is no row at all
PERMISSIONS = (*((True, False), (True, True)) * 4, (False, False), *((False, True),) * 3, None)
# last_read_at, is_retained, unacknowledged_tags; None is no row at all
STATES = (None,) * 24 + tuple(product(sample_values.MOMENTS_OR_NONE, (False, True), (0, 2)))
# plain_text; None is no response
CONTENTS = (None,) * 30 + sample_values.TEXTS
# is_internal, is deleted
RESPONSE_KINDS = ((False, False), (True, False), (False, False), (True, False), (False, False), (False, True))
# is_draft, is deleted
TICKET_KINDS = (*((False, False),) * 18, (True, False), (False, True))


def users_of(drawn: list[bytes]) -> Iterable[Row]:
    """The first user is active, so that somebody can ask."""
    for index, data in enumerate(drawn):
        rng = RandomChoices(data)
        name, spell = rng.pick(sample_values.PERSON_NAMES), rng.pick((str.lower, str.upper, str.title))
        is_staff, is_active, sees_all_queues = rng.pick(ROLES)
        yield {
            "id": index + 1,
            "name": name,
            "email": spell(sample_values.USER_EMAILS[index]),
            "is_staff": is_staff,
            "is_active": is_active or index == 0,
            "sees_all_queues": sees_all_queues,
        }


def queues_of(rng: RandomChoices) -> Iterable[Row]:
    kinds = [rng.pick((None, True, False, False)) for _ in sample_values.QUEUE_NAMES]
    for index, is_parked in enumerate(kinds):
        if is_parked is not None or index == 0:
            yield {
                "id": sample_values.IDS[index],
                "name": sample_values.QUEUE_NAMES[index],
                "is_parked": is_parked is True,
            }


def permissions_of(drawn_users: list[bytes], queues: list[Row]) -> Iterable[Row]:
    """A row for each user and queue, or none; also for a queue that is not there."""
    for index, data in enumerate(drawn_users):
        rng = RandomChoices(data[3:])
        for queue_id in [*[queue["id"] for queue in queues], sample_values.MISSING_ID]:
            permission = rng.pick(PERMISSIONS)
            if permission is not None:
                can_view, treat_as_inbox = permission
                yield {
                    "user_id": index + 1,
                    "queue_id": queue_id,
                    "can_view": can_view,
                    "can_manage": not can_view,
                    "can_delete": not can_view,
                    "treat_as_inbox": treat_as_inbox,
                }


def add_teams(rng: RandomChoices, world: World) -> None:
    """One bit of a byte for each member; a byte of zero is no team."""
    for index in range(4):
        name, members = rng.pick(sample_values.TEAM_NAMES), rng.next_byte()
        if members:
            world["teams"].append({"id": sample_values.IDS[index], "name": name})
            world["team_members"] += [
                {"team_id": sample_values.IDS[index], "user_id": user["id"]}
                for user in world["users"]
                if members >> (user["id"] - 1) & 1
            ]


def watchlists_of(rng: RandomChoices, users: list[Row]) -> Iterable[Row]:
    owner_ids = [*[user["id"] for user in users], None, sample_values.MISSING_ID]
    owners = list(product(owner_ids, (False, True)))
    for index in range(6):
        name, (owner_id, shared) = rng.pick((None, *sample_values.WATCHLIST_NAMES)), rng.pick(owners)
        if name is not None:
            yield {"id": index + 1, "name": name, "owner_id": owner_id, "shared": shared}


def spell_emails(emails: Iterable[str]) -> list[str]:
    """Each as it is, and once more in the opposite case."""
    emails = list(emails)
    return [*emails, *[email.swapcase() for email in emails if "ß" not in email]]


@dataclass(frozen=True)
class TicketPools:
    """The values that the tickets of a world choose from; None is nobody, or nothing."""

    queue_ids: list[int]
    emails: list[str]
    assignees: list[str | None]
    participants: list[str | None]
    watchlist_ids: list[int]


def read_ticket_pools(world: World) -> TicketPools:
    """Users weigh more than outsiders."""
    users = spell_emails(user["email"] for user in world["users"])
    emails = [*users, *users, *spell_emails(sample_values.OUTSIDE_EMAILS)]
    teams = [f"team:{team['id']}" for team in world["teams"]] * 3
    return TicketPools(
        queue_ids=[*[queue["id"] for queue in world["ticket_queues"]] * 4, sample_values.MISSING_ID],
        emails=emails,
        assignees=[None, *users, None, *teams, None, *emails, f"team:{sample_values.MISSING_ID}"],
        participants=[*[None] * len(emails), *emails],
        watchlist_ids=[*[row["id"] for row in world["watchlists"]], sample_values.MISSING_ID],
    )


def build_ticket(rng: RandomChoices, index: int, choices: TicketPools) -> Row:
    """Numbers are unique and do not rise with the ids."""
    is_draft, is_deleted = rng.pick(TICKET_KINDS)
    updated_at = rng.pick(sample_values.MOMENTS)
    return {
        "id": index + 1,
        "number": 220000 + index * 37 % 101,
        "subject": rng.pick(sample_values.TEXTS),
        "status": rng.pick(sample_values.STATUSES),
        "priority": rng.pick(sample_values.PRIORITIES),
        "queue_id": rng.pick(choices.queue_ids),
        "assigned_to_email": rng.pick(choices.assignees),
        "originator_email": rng.pick(choices.emails),
        "resolution": rng.pick(sample_values.RESOLUTIONS),
        "on_hold_until": rng.pick(sample_values.DAYS_OR_NONE),
        "last_responder_email": rng.pick([None, *choices.emails]),
        "last_response_at": rng.pick(sample_values.MOMENTS_OR_NONE),
        "response_count": rng.pick((0, 1, 2, 3)),
        "is_draft": is_draft,
        "created_at": rng.pick(sample_values.MOMENTS),
        "updated_at": updated_at,
        "deleted_at": updated_at if is_deleted else None,
    }


def add_responses(rng: RandomChoices, ticket: Row, world: World) -> None:
    for _ in range(3):
        plain_text, (is_internal, is_deleted) = rng.pick(CONTENTS), rng.pick(RESPONSE_KINDS)
        if plain_text is not None:
            world["responses"].append(
                {
                    "id": len(world["responses"]) + 1,
                    "ticket_id": ticket["id"],
                    "plain_text": plain_text,
                    "is_internal": is_internal,
                    "created_by_email": ticket["originator_email"],
                    "created_at": ticket["created_at"],
                    "deleted_at": ticket["created_at"] if is_deleted else None,
                }
            )


def add_participants(rng: RandomChoices, ticket_id: int, world: World, choices: TicketPools) -> None:
    """One e-mail may take part in one ticket in two spellings."""
    drawn = [rng.pick(choices.participants) for _ in range(3)]
    for email in dict.fromkeys(email for email in drawn if email is not None):
        world["ticket_participants"].append({"ticket_id": ticket_id, "email": email})


def add_hashtags(rng: RandomChoices, ticket_id: int, world: World) -> None:
    drawn = [rng.pick((*(None,) * len(sample_values.TAGS), *sample_values.TAGS)) for _ in range(3)]
    for tag in dict.fromkeys(tag for tag in drawn if tag is not None):
        world["ticket_hashtags"].append({"ticket_id": ticket_id, "tag": tag})


def add_to_watchlists(rng: RandomChoices, ticket_id: int, world: World, choices: TicketPools) -> None:
    """One bit for each watchlist, and one for a watchlist that is not there."""
    bits = rng.next_byte()
    for index, watchlist_id in enumerate(choices.watchlist_ids):
        if bits >> index & 1:
            row = {"watchlist_id": watchlist_id, "ticket_id": ticket_id, "position": index}
            world["watchlist_tickets"].append(row)


def add_states(rng: RandomChoices, ticket_id: int, world: World) -> None:
    for user in world["users"]:
        state = rng.pick(STATES)
        if state is not None:
            last_read_at, is_retained, unacknowledged_tags = state
            world["ticket_user_states"].append(
                {
                    "ticket_id": ticket_id,
                    "user_id": user["id"],
                    "last_read_at": last_read_at,
                    "is_retained": is_retained,
                    "unacknowledged_tags": unacknowledged_tags,
                }
            )


def add_tickets(drawn: list[bytes], world: World) -> None:
    choices = read_ticket_pools(world)
    for index, data in enumerate(drawn):
        rng = RandomChoices(data)
        ticket = build_ticket(rng, index, choices)
        world["tickets"].append(ticket)
        add_responses(rng, ticket, world)
        add_participants(rng, ticket["id"], world, choices)
        add_hashtags(rng, ticket["id"], world)
        add_to_watchlists(rng, ticket["id"], world, choices)
        add_states(rng, ticket["id"], world)


TABLES = (
    "users", "personal_access_tokens", "ticket_queues", "queue_permissions", "teams", "team_members",
    "tickets", "responses", "ticket_participants", "ticket_hashtags", "watchlists", "watchlist_tickets",
    "ticket_user_states", "perspectives", "perspective_conditions", "perspective_orders",
    "perspective_columns",
)  # fmt: skip


DrawnWorld = tuple[bytes, list[bytes], list[bytes], list[bytes]]
DRAWN_WORLDS = st.tuples(ROW, ROWS, ROWS, ROWS)


def build_world(drawn: DrawnWorld) -> World:
    """All tables of the reporting schema; those of the perspectives and tokens are empty."""
    setting, drawn_users, *drawn_tickets = drawn
    drawn_users = (drawn_users or [b""])[: len(sample_values.USER_EMAILS)]
    rng = RandomChoices(setting)
    world: World = {table: [] for table in TABLES}
    world["users"] = list(users_of(drawn_users))
    world["ticket_queues"] = list(queues_of(rng))
    world["queue_permissions"] = list(permissions_of(drawn_users, world["ticket_queues"]))
    add_teams(rng, world)
    world["watchlists"] = list(watchlists_of(rng, world["users"]))
    add_tickets([data for half in drawn_tickets for data in half], world)
    return world
