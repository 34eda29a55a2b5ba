"""Draws the rows of a small world, all but its perspectives.

What hangs on a ticket is drawn with it, and goes when the ticket goes.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import product

from hypothesis import strategies as st

from . import pools
from .dice import ROW, ROWS, Dice
from .values import Row, World

# is_staff, is_active, sees_all_queues
ROLES = (*((True, True, False),) * 8, (True, True, True), (True, False, False), (False, True, False),
         (False, True, True), (False, True, False))  # fmt: skip
# can_view and treat_as_inbox; None is no row at all
PERMISSIONS = (*((True, False), (True, True)) * 4, (False, False), *((False, True),) * 3, None)
# last_read_at, is_retained, unacknowledged_tags; None is no row at all
STATES = (None,) * 24 + tuple(product(pools.MOMENTS_OR_NONE, (False, True), (0, 2)))
# plain_text; None is no response
CONTENTS = (None,) * 30 + pools.TEXTS
# is_internal, is deleted
RESPONSE_KINDS = ((False, False), (True, False), (False, False), (True, False), (False, False), (False, True))
# is_draft, is deleted
TICKET_KINDS = (*((False, False),) * 18, (True, False), (False, True))


def users_of(drawn: list[bytes]) -> Iterable[Row]:
    """The first user is active, so that somebody can ask."""
    for index, data in enumerate(drawn):
        dice = Dice(data)
        name, spell = dice.pick(pools.PERSON_NAMES), dice.pick((str.lower, str.upper, str.title))
        is_staff, is_active, sees_all_queues = dice.pick(ROLES)
        yield {
            "id": index + 1,
            "name": name,
            "email": spell(pools.USER_EMAILS[index]),
            "is_staff": is_staff,
            "is_active": is_active or index == 0,
            "sees_all_queues": sees_all_queues,
        }


def queues_of(dice: Dice) -> Iterable[Row]:
    kinds = [dice.pick((None, True, False, False)) for _ in pools.QUEUE_NAMES]
    for index, is_parked in enumerate(kinds):
        if is_parked is not None or index == 0:
            yield {"id": pools.IDS[index], "name": pools.QUEUE_NAMES[index], "is_parked": is_parked is True}


def permissions_of(drawn_users: list[bytes], queues: list[Row]) -> Iterable[Row]:
    """A row for each user and queue, or none; also for a queue that is not there."""
    for index, data in enumerate(drawn_users):
        dice = Dice(data[3:])
        for queue_id in [*[queue["id"] for queue in queues], pools.MISSING_ID]:
            permission = dice.pick(PERMISSIONS)
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


def add_teams(dice: Dice, world: World) -> None:
    """One bit of a byte for each member; a byte of zero is no team."""
    for index in range(4):
        name, members = dice.pick(pools.TEAM_NAMES), dice.roll()
        if members:
            world["teams"].append({"id": pools.IDS[index], "name": name})
            world["team_members"] += [
                {"team_id": pools.IDS[index], "user_id": user["id"]}
                for user in world["users"]
                if members >> (user["id"] - 1) & 1
            ]


def watchlists_of(dice: Dice, users: list[Row]) -> Iterable[Row]:
    owner_ids = [*[user["id"] for user in users], None, pools.MISSING_ID]
    owners = list(product(owner_ids, (False, True)))
    for index in range(6):
        name, (owner_id, shared) = dice.pick((None, *pools.WATCHLIST_NAMES)), dice.pick(owners)
        if name is not None:
            yield {"id": index + 1, "name": name, "owner_id": owner_id, "shared": shared}


def spell_emails(emails: Iterable[str]) -> list[str]:
    """Each as it is, and once more in the opposite case."""
    emails = list(emails)
    return [*emails, *[email.swapcase() for email in emails if "ß" not in email]]


@dataclass(frozen=True)
class TicketPools:
    """What the tickets of a world choose from; None is nobody, or nothing."""

    queue_ids: list[int]
    emails: list[str]
    assignees: list[str | None]
    participants: list[str | None]
    watchlist_ids: list[int]


def read_ticket_pools(world: World) -> TicketPools:
    """Users weigh more than outsiders."""
    users = spell_emails(user["email"] for user in world["users"])
    emails = [*users, *users, *spell_emails(pools.OUTSIDE_EMAILS)]
    teams = [f"team:{team['id']}" for team in world["teams"]] * 3
    return TicketPools(
        queue_ids=[*[queue["id"] for queue in world["ticket_queues"]] * 4, pools.MISSING_ID],
        emails=emails,
        assignees=[None, *users, None, *teams, None, *emails, f"team:{pools.MISSING_ID}"],
        participants=[*[None] * len(emails), *emails],
        watchlist_ids=[*[row["id"] for row in world["watchlists"]], pools.MISSING_ID],
    )


def build_ticket(dice: Dice, index: int, choices: TicketPools) -> Row:
    """Numbers are unique and do not rise with the ids."""
    is_draft, is_deleted = dice.pick(TICKET_KINDS)
    updated_at = dice.pick(pools.MOMENTS)
    return {
        "id": index + 1,
        "number": 220000 + index * 37 % 101,
        "subject": dice.pick(pools.TEXTS),
        "status": dice.pick(pools.STATUSES),
        "priority": dice.pick(pools.PRIORITIES),
        "queue_id": dice.pick(choices.queue_ids),
        "assigned_to_email": dice.pick(choices.assignees),
        "originator_email": dice.pick(choices.emails),
        "resolution": dice.pick(pools.RESOLUTIONS),
        "on_hold_until": dice.pick(pools.DAYS_OR_NONE),
        "last_responder_email": dice.pick([None, *choices.emails]),
        "last_response_at": dice.pick(pools.MOMENTS_OR_NONE),
        "response_count": dice.pick((0, 1, 2, 3)),
        "is_draft": is_draft,
        "created_at": dice.pick(pools.MOMENTS),
        "updated_at": updated_at,
        "deleted_at": updated_at if is_deleted else None,
    }


def add_responses(dice: Dice, ticket: Row, world: World) -> None:
    for _ in range(3):
        plain_text, (is_internal, is_deleted) = dice.pick(CONTENTS), dice.pick(RESPONSE_KINDS)
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


def add_participants(dice: Dice, ticket_id: int, world: World, choices: TicketPools) -> None:
    """One e-mail may take part in one ticket in two spellings."""
    drawn = [dice.pick(choices.participants) for _ in range(3)]
    for email in dict.fromkeys(email for email in drawn if email is not None):
        world["ticket_participants"].append({"ticket_id": ticket_id, "email": email})


def add_hashtags(dice: Dice, ticket_id: int, world: World) -> None:
    drawn = [dice.pick((*(None,) * len(pools.TAGS), *pools.TAGS)) for _ in range(3)]
    for tag in dict.fromkeys(tag for tag in drawn if tag is not None):
        world["ticket_hashtags"].append({"ticket_id": ticket_id, "tag": tag})


def add_to_watchlists(dice: Dice, ticket_id: int, world: World, choices: TicketPools) -> None:
    """One bit for each watchlist, and one for a watchlist that is not there."""
    bits = dice.roll()
    for index, watchlist_id in enumerate(choices.watchlist_ids):
        if bits >> index & 1:
            row = {"watchlist_id": watchlist_id, "ticket_id": ticket_id, "position": index}
            world["watchlist_tickets"].append(row)


def add_states(dice: Dice, ticket_id: int, world: World) -> None:
    for user in world["users"]:
        state = dice.pick(STATES)
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
        dice = Dice(data)
        ticket = build_ticket(dice, index, choices)
        world["tickets"].append(ticket)
        add_responses(dice, ticket, world)
        add_participants(dice, ticket["id"], world, choices)
        add_hashtags(dice, ticket["id"], world)
        add_to_watchlists(dice, ticket["id"], world, choices)
        add_states(dice, ticket["id"], world)


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
    drawn_users = (drawn_users or [b""])[: len(pools.USER_EMAILS)]
    dice = Dice(setting)
    world: World = {table: [] for table in TABLES}
    world["users"] = list(users_of(drawn_users))
    world["ticket_queues"] = list(queues_of(dice))
    world["queue_permissions"] = list(permissions_of(drawn_users, world["ticket_queues"]))
    add_teams(dice, world)
    world["watchlists"] = list(watchlists_of(dice, world["users"]))
    add_tickets([data for half in drawn_tickets for data in half], world)
    return world
