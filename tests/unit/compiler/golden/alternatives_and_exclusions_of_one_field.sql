\set status_1 '''closed'''
\set subject_1 '''Returns'''
\set subject_2 '''%shoe%'''
\set subject_3 '''%test%'''
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
  AND NOT (t.status = CAST(:status_1 AS text))
  AND (lower(t.subject) LIKE lower(CAST(:subject_3 AS text))) IS NOT TRUE
  AND (lower(t.subject) COLLATE "C" = lower(CAST(:subject_1 AS text)) OR lower(t.subject) LIKE lower(CAST(:subject_2 AS text)))
ORDER BY t.updated_at DESC, t.id DESC
LIMIT :limit_1;
