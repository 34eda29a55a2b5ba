\set resolution_1 '''Refunded'''
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
FROM tickets t
JOIN ticket_queues q ON q.id = t.queue_id
WHERE t.deleted_at IS NULL
  AND NOT t.is_draft
  AND t.queue_id = ANY (CAST(:queues_1 AS bigint[]))
  AND (lower(t.resolution) COLLATE "C" = lower(CAST(:resolution_1 AS text))) IS NOT TRUE
ORDER BY t.updated_at DESC, t.id DESC
LIMIT :limit_1;
