\set subject_id_1 '7'
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
       CAST(date_trunc('second', t.updated_at) AS text) AS updated_at
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
      AND s.last_read_at IS NOT NULL
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
      AND s.last_read_at IS NULL
    ORDER BY t.id DESC
    LIMIT :limit_1
  )) t
  ORDER BY t.key_1 DESC NULLS LAST, t.id DESC
  LIMIT :limit_1
) t
JOIN ticket_queues q ON q.id = t.queue_id
LEFT JOIN ticket_user_states s ON s.ticket_id = t.id AND s.user_id = :subject_id_1
ORDER BY t.key_1 DESC NULLS LAST, t.id DESC;
