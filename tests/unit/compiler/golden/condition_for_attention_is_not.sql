\set assignee_1 '''Ann@Shop.example'''
\set assignee_2 '''team:3'''
\set subject_id_1 '7'
\set queue_1 '2'
\set queue_2 '6'
\set participant_1 '''Ann@Shop.example'''
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
  AND (((lower(t.assigned_to_email) COLLATE "C" IN (lower(CAST(:assignee_1 AS text)), lower(CAST(:assignee_2 AS text))) OR EXISTS (SELECT 1 FROM ticket_user_states s WHERE s.ticket_id = t.id AND s.user_id = :subject_id_1 AND (s.is_retained OR s.unacknowledged_tags > 0)) OR t.queue_id IN (:queue_1, :queue_2) OR (EXISTS (SELECT 1 FROM ticket_participants p WHERE p.ticket_id = t.id AND lower(p.email) COLLATE "C" = lower(CAST(:participant_1 AS text))) AND NOT (EXISTS (SELECT 1 FROM ticket_user_states s WHERE s.ticket_id = t.id AND s.user_id = :subject_id_1 AND s.last_read_at >= COALESCE(t.last_response_at, t.created_at))))) AND t.status <> 'closed')) IS NOT TRUE
ORDER BY t.updated_at DESC, t.id DESC
LIMIT :limit_1;
