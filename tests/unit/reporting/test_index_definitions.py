"""The columns of an index are read alike from the contract's names, from views, and from PostgreSQL's own spelling."""

import pytest

from tickiti_query.reporting.index_definitions import normalize, read_view, translate

UTC = "(updated_at AT TIME ZONE 'UTC'::text)"
# as PostgreSQL 16 and later write it, and before, where each column has its table
NEW = """ SELECT id,
    (subject)::text AS subject,
    CASE
        WHEN is_draft THEN 'a, b AS c'::text
        ELSE status
    END AS status,
    ticket_queue_id AS queue_id,
    "position",
    ((updated_at AT TIME ZONE 'UTC'::text))::timestamp(0) without time zone AS updated_at
   FROM tickets
  WHERE (number > 0);"""
OLD = (
    NEW.replace(" id,", " tickets.id,")
    .replace("(subject)", "(tickets.subject)")
    .replace("is_draft", "tickets.is_draft")
    .replace("ELSE status", "ELSE tickets.status")
    .replace("ticket_queue_id AS", "tickets.ticket_queue_id AS")
    .replace('"position"', 'tickets."position"')
    .replace("((updated_at", "((tickets.updated_at")
)


@pytest.mark.parametrize("view", [NEW, OLD, OLD.replace("tickets.", '"tickets".')])
def test_the_columns_of_a_view_are_read(view: str) -> None:
    found = read_view(view, ["tickets"])
    assert list(found) == ["id", "subject", "status", "queue_id", "position", "updated_at"]
    assert found["queue_id"] == "ticket_queue_id"
    assert normalize(found["position"]) == "position"
    assert normalize(found["status"]) == "CASEWHENis_draftTHEN'a,bASc'ELSEstatusEND"


@pytest.mark.parametrize("view", [NEW, OLD])
@pytest.mark.parametrize(
    ("ours", "there"),
    [
        (
            "(updated_at DESC, id DESC, queue_id)",
            f"CREATE INDEX a ON t USING btree (({UTC}::timestamp(0) without time zone DESC, id DESC, ticket_queue_id)",
        ),
        (
            "USING gin (lower(subject) gin_trgm_ops)",
            "CREATE INDEX a ON public.tickets USING gin (lower((subject)::text) extensions.gin_trgm_ops)",
        ),
        (
            "(queue_id) WHERE subject <> 'status'",
            "CREATE INDEX a ON tickets USING btree (ticket_queue_id) WHERE ((subject)::text <> 'status'::text)",
        ),
    ],
)
def test_a_definition_is_found_in_the_tables_own_names(view: str, ours: str, there: str) -> None:
    assert normalize(translate(ours, read_view(view, ["tickets"]))) == normalize(there)


def test_an_index_on_another_type_is_another_one() -> None:
    columns = read_view(" SELECT (id)::bigint AS id\n   FROM tickets;", ["tickets"])
    assert normalize(translate("(id)", columns)) != normalize("CREATE INDEX a ON tickets USING btree (id)")
    assert normalize(translate("(id)", columns)) == normalize("CREATE INDEX a ON tickets USING btree (((id)::bigint))")
