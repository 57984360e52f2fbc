-- Receipts: phones that say a notification arrived.

-- name: record
-- $1 notification, $2 Home Assistant instance. No row: there is no such notification for it.
WITH known AS (
    SELECT id FROM notification WHERE id = $1 AND channel = 'home_assistant' AND route = $2
), recorded AS (
    INSERT INTO notification_receipt (notification_id) SELECT id FROM known
    ON CONFLICT (notification_id) DO NOTHING
)
SELECT id FROM known;

-- name: repeat_unconfirmed
-- $1 seconds to wait for a receipt, $2 seconds to wait for a person where no receipt comes.
-- Writes an alarm again that nobody can be sure of, behind it in its lane: with a receipt to be
-- had once more as a push, then as plain text by a way that tells its errors. Only of an incident
-- that is open, high, and neither seen nor put off, and only the newest of its lane. What is
-- locked by another is passed by; a number taken meanwhile means that the lane went on.
-- Answers with what it wrote, or one row of nulls, and the seconds until the next is due.
WITH unconfirmed AS MATERIALIZED (
    SELECT sent.*, sent.finished_at + make_interval(secs => CASE
        WHEN sent.expects_receipt THEN $1::double precision ELSE $2::double precision
    END) AS repeat_at
    FROM incident
    JOIN notification AS sent ON sent.incident_id = incident.id
    WHERE incident.ended_at IS NULL AND incident.state = 'open' AND incident.level >= 'high'
      AND incident.acknowledged_at IS NULL AND incident.snoozed_until IS NULL
      AND sent.state = 'sent' AND sent.kind IN ('alarm', 'step_up') AND sent.severity >= 'high'
      AND sent.via = 'push' AND sent.expects_receipt IS NOT NULL
      AND NOT EXISTS (SELECT FROM notification_receipt WHERE notification_id = sent.id)
      AND NOT EXISTS (
          SELECT FROM notification AS newer
          WHERE newer.incident_id = sent.incident_id AND newer.channel = sent.channel
            AND newer.route = sent.route AND newer.target = sent.target
            AND newer.sequence > sent.sequence)
    FOR SHARE OF incident SKIP LOCKED
), written AS (
    INSERT INTO notification (transition_id, incident_id, channel, route, target, sequence, kind,
        severity, message, via, repeats, correlation_id, released_at)
    SELECT transition_id, incident_id, channel, route, target, sequence + 1, kind, severity,
        message, CASE WHEN expects_receipt AND repeats IS NULL THEN 'push' ELSE 'entity' END, id,
        correlation_id, clock_timestamp()
    FROM unconfirmed
    WHERE repeat_at <= clock_timestamp()
    ON CONFLICT DO NOTHING
    RETURNING id, incident_id, target, via, message
)
SELECT written.id, written.incident_id, written.target, written.via,
    written.message ->> 'room' AS room, coming.next_s
FROM (
    SELECT extract(epoch FROM min(repeat_at) - clock_timestamp())::double precision AS next_s
    FROM unconfirmed
    WHERE repeat_at > clock_timestamp()
) AS coming
LEFT JOIN written ON true;
