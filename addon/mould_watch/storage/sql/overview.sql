-- What Home Assistant is shown: devices, rooms with their condition, incidents, notifications.

-- name: backend
SELECT instance.instance_id AS backend_id, configuration.owner, configuration.revision,
       (SELECT count(*) FROM room WHERE archived_at IS NULL) AS rooms,
       coalesce((
           SELECT condition.condition -> 'incidents' FROM subject
           JOIN condition ON condition.subject_id = subject.id WHERE subject.is_backend), '[]')
           AS incidents
FROM instance LEFT JOIN configuration ON true

-- name: devices
SELECT source_instance, native_id, name, manufacturer, model, metrics, qos, available,
       last_seen_at, reporting_interval_s, clock_wrong, newest.reading AS last_reading,
       condition.condition
FROM device
LEFT JOIN LATERAL (
    SELECT jsonb_strip_nulls(jsonb_build_object(
        'ts', ts, 'temperature_c', temperature_c, 'humidity_pct', humidity_pct,
        'pressure_hpa', pressure_hpa, 'co2_ppm', co2_ppm, 'illuminance_lx', illuminance_lx,
        'moisture_pct', moisture_pct, 'battery_pct', battery_pct, 'suspect', suspect
    )) AS reading
    FROM readings
    WHERE device_id = device.id AND time_quality <> 'backlog'
    ORDER BY ts DESC, fingerprint DESC LIMIT 1
) AS newest ON true
LEFT JOIN subject ON subject.device_id = device.id
LEFT JOIN condition ON condition.subject_id = subject.id
WHERE merged_into IS NULL
ORDER BY source_instance, native_id

-- name: rooms
-- $1: archived rooms too
SELECT room.id AS room_id, room.name, newest.config, room.archived_at IS NOT NULL AS archived,
       condition.condition
FROM room
JOIN LATERAL (
    SELECT config FROM room_config_version
    WHERE room_id = room.id
    ORDER BY valid_from DESC LIMIT 1
) newest ON true
LEFT JOIN subject ON subject.room_id = room.id
LEFT JOIN condition ON condition.subject_id = subject.id
WHERE $1::boolean OR room.archived_at IS NULL
ORDER BY room.name, room.id

-- name: incidents
-- $1: only those not over; $2: how many
SELECT incident.id AS incident_id, room.id AS room_id, room.name AS room, incident.rule_id,
       incident.state::text, incident.level::text, incident.breach_since, incident.opened_at,
       incident.ended_at, incident.acknowledged_at, incident.snoozed_until, incident.evidence
FROM incident
JOIN subject ON subject.id = incident.subject_id
LEFT JOIN room ON room.id = subject.room_id
WHERE NOT $1::boolean OR incident.ended_at IS NULL
ORDER BY incident.breach_since DESC, incident.id
LIMIT $2

-- name: notifications
-- $1: only this state, or null; $2: how many; $3: how many steps of each: one that is tried for
-- ever has ever more steps. $4 id, $5 incident, $6 channel, $7 target, $8 kind, $9 correlation id:
-- only these, or null.
SELECT notification.id AS notification_id, notification.incident_id, notification.channel,
       notification.route, notification.target, notification.sequence, notification.kind,
       notification.severity::text, notification.message, notification.state::text,
       notification.attempts, notification.due_at, notification.claimed_by,
       notification.last_error, notification.created_at, notification.finished_at,
       notification.retries, notification.unknown_outcomes, notification.fallback_of,
       (SELECT fallback.id FROM notification AS fallback
        WHERE fallback.fallback_of = notification.id) AS fallback,
       notification.correlation_id,
       notification.via, notification.repeats, notification.expects_receipt,
       receipt.at AS confirmed_at, steps.steps
FROM notification
LEFT JOIN notification_receipt AS receipt ON receipt.notification_id = notification.id
JOIN LATERAL (
    SELECT coalesce(jsonb_agg(jsonb_build_object(
        'at', step.at, 'from_state', step.from_state, 'to_state', step.to_state,
        'attempt', step.attempt, 'claimed_by', step.claimed_by, 'error', step.error
    ) ORDER BY step.id), '[]') AS steps
    FROM (
        SELECT * FROM notification_step
        WHERE notification_id = notification.id
        ORDER BY id DESC LIMIT $3
    ) AS step
) steps ON true
WHERE ($1::text IS NULL OR notification.state = $1::text::notification_state)
  AND ($4::uuid IS NULL OR notification.id = $4)
  AND ($5::uuid IS NULL OR notification.incident_id = $5)
  AND ($6::text IS NULL OR notification.channel = $6)
  AND ($7::text IS NULL OR notification.target = $7)
  AND ($8::text IS NULL OR notification.kind = $8)
  AND ($9::uuid IS NULL OR notification.correlation_id = $9)
ORDER BY notification.created_at DESC, notification.id
LIMIT $2

-- name: dead_letters
-- All that ever came, whether or not their bodies were kept.
SELECT count FROM dead_letter_total
