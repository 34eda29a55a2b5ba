\set assignee_1 '''Ann@Shop.example'''
\set assignee_2 '''team:3'''
\set queue_1 '2'
\set status_1 '''open'''
\set subject_1 '''%plate%'''
\set content_1 '''%plate%'''
\set created_from_1 '''2026-05-01 00:00:00'''
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
       ARRAY(SELECT h.tag FROM ticket_hashtags h WHERE h.ticket_id = t.id AND h.tag IS NOT NULL ORDER BY lower(h.tag) COLLATE "C", h.tag COLLATE "C") AS hashtags,
       CAST(date_trunc('second', t.last_response_at) AS text) AS last_response_at
FROM (
  SELECT DISTINCT ON (t.key_1, t.key_2, t.id) t.*
  FROM ((
    SELECT t.*, t.priority AS key_1, t.created_at AS key_2
    FROM tickets t
    JOIN ticket_queues q ON q.id = t.queue_id
    WHERE t.deleted_at IS NULL
      AND NOT t.is_draft
      AND t.queue_id = :queue_1
      AND (t.assigned_to_email IS NULL OR lower(t.assigned_to_email) COLLATE "C" IN (lower(CAST(:assignee_1 AS text)), lower(CAST(:assignee_2 AS text))))
      AND t.status = CAST(:status_1 AS text)
      AND t.created_at >= CAST(:created_from_1 AS timestamp)
      AND lower(t.subject) LIKE lower(CAST(:subject_1 AS text))
    ORDER BY t.priority DESC, t.created_at ASC, t.id DESC
    LIMIT :limit_1
  ) UNION ALL (
    SELECT t.*, t.priority AS key_1, t.created_at AS key_2
    FROM tickets t
    JOIN ticket_queues q ON q.id = t.queue_id
    WHERE t.deleted_at IS NULL
      AND NOT t.is_draft
      AND t.queue_id = :queue_1
      AND (t.assigned_to_email IS NULL OR lower(t.assigned_to_email) COLLATE "C" IN (lower(CAST(:assignee_1 AS text)), lower(CAST(:assignee_2 AS text))))
      AND t.status = CAST(:status_1 AS text)
      AND t.created_at >= CAST(:created_from_1 AS timestamp)
      AND EXISTS (SELECT 1 FROM responses r WHERE r.ticket_id = t.id AND r.deleted_at IS NULL AND lower(r.plain_text) LIKE lower(CAST(:content_1 AS text)))
    ORDER BY t.priority DESC, t.created_at ASC, t.id DESC
    LIMIT :limit_1
  )) t
  ORDER BY t.key_1 DESC, t.key_2 ASC, t.id DESC
  LIMIT :limit_1
) t
JOIN ticket_queues q ON q.id = t.queue_id
ORDER BY t.key_1 DESC, t.key_2 ASC, t.id DESC;
