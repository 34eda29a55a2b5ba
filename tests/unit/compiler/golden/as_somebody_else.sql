\set assignee_1 '''bob@shop.example'''
\set subject_id_1 '8'
\set participant_1 '''bob@shop.example'''
\set originator_1 '''Ann@Shop.example'''
\set queues_1 'ARRAY[1, 2, 5]'
\set limit_1 '101'
SELECT t.id AS ticket_id,
       t.number AS number,
       t.status AS status,
       q.name AS queue,
       CAST(t.priority AS text) AS priority,
       t.subject AS subject,
       t.assigned_to_email AS assigned_to_email,
       t.originator_email AS originator_email,
       CAST(date_trunc('second', t.created_at) AS text) AS created_at,
       CAST(date_trunc('second', t.updated_at) AS text) AS updated_at,
       ((s.last_read_at IS NULL OR s.last_read_at < COALESCE(t.last_response_at, t.created_at))) IS TRUE AS unread,
       ARRAY(SELECT w.name FROM watchlist_tickets wt JOIN watchlists w ON w.id = wt.watchlist_id WHERE wt.ticket_id = t.id AND (w.shared OR w.owner_id = :subject_id_1) AND w.name IS NOT NULL ORDER BY lower(w.name) COLLATE "C", w.name COLLATE "C") AS watchlists
FROM (
  SELECT DISTINCT ON (t.key_1, t.id) t.*
  FROM ((
    SELECT t.*, s.last_read_at AS key_1
    FROM tickets t
    JOIN ticket_queues q ON q.id = t.queue_id
    LEFT JOIN ticket_user_states s ON s.ticket_id = t.id AND s.user_id = :subject_id_1
    WHERE t.deleted_at IS NULL
      AND NOT t.is_draft
      AND t.queue_id = ANY (CAST(:queues_1 AS bigint[]))
      AND lower(t.originator_email) COLLATE "C" = lower(CAST(:originator_1 AS text))
      AND (lower(t.assigned_to_email) COLLATE "C" = lower(CAST(:assignee_1 AS text)) AND t.status <> 'closed')
    ORDER BY s.last_read_at DESC NULLS LAST, t.id DESC
    LIMIT :limit_1
  ) UNION ALL (
    SELECT t.*, s.last_read_at AS key_1
    FROM tickets t
    JOIN ticket_queues q ON q.id = t.queue_id
    LEFT JOIN ticket_user_states s ON s.ticket_id = t.id AND s.user_id = :subject_id_1
    WHERE t.deleted_at IS NULL
      AND NOT t.is_draft
      AND t.queue_id = ANY (CAST(:queues_1 AS bigint[]))
      AND lower(t.originator_email) COLLATE "C" = lower(CAST(:originator_1 AS text))
      AND (EXISTS (SELECT 1 FROM ticket_user_states s WHERE s.ticket_id = t.id AND s.user_id = :subject_id_1 AND (s.is_retained OR s.unacknowledged_tags > 0)) AND t.status <> 'closed')
    ORDER BY s.last_read_at DESC NULLS LAST, t.id DESC
    LIMIT :limit_1
  ) UNION ALL (
    SELECT t.*, s.last_read_at AS key_1
    FROM tickets t
    JOIN ticket_queues q ON q.id = t.queue_id
    LEFT JOIN ticket_user_states s ON s.ticket_id = t.id AND s.user_id = :subject_id_1
    WHERE t.deleted_at IS NULL
      AND NOT t.is_draft
      AND t.queue_id = ANY (CAST(:queues_1 AS bigint[]))
      AND lower(t.originator_email) COLLATE "C" = lower(CAST(:originator_1 AS text))
      AND ((EXISTS (SELECT 1 FROM ticket_participants p WHERE p.ticket_id = t.id AND lower(p.email) COLLATE "C" = lower(CAST(:participant_1 AS text))) AND NOT (EXISTS (SELECT 1 FROM ticket_user_states s WHERE s.ticket_id = t.id AND s.user_id = :subject_id_1 AND s.last_read_at >= COALESCE(t.last_response_at, t.created_at)))) AND t.status <> 'closed')
    ORDER BY s.last_read_at DESC NULLS LAST, t.id DESC
    LIMIT :limit_1
  )) t
  ORDER BY t.key_1 DESC NULLS LAST, t.id DESC
  LIMIT :limit_1
) t
JOIN ticket_queues q ON q.id = t.queue_id
LEFT JOIN ticket_user_states s ON s.ticket_id = t.id AND s.user_id = :subject_id_1
ORDER BY t.key_1 DESC NULLS LAST, t.id DESC;
