-- Who is told of anything.

-- name: targets
-- As the configuration names them: a phone's id, or apprise:<name>. Of a room the newest counts.
WITH part AS (
    SELECT home AS config FROM configuration
    UNION ALL
    SELECT config FROM device_config
    UNION ALL
    SELECT version.config FROM room
    CROSS JOIN LATERAL (SELECT config FROM room_config_version WHERE room_id = room.id
                        ORDER BY valid_from DESC LIMIT 1) AS version
    WHERE room.archived_at IS NULL
)
SELECT DISTINCT jsonb_path_query(part.config, way.path) #>> '{}' AS target
FROM part
CROSS JOIN (VALUES ('$.phones[*]'::jsonpath), ('$.targets[*]'), ('$.rules.*.targets[*]'),
                   ('$.thresholds[*].targets[*]'), ('$.metric_thresholds[*].targets[*]')) AS way (path);
