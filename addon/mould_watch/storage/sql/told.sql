-- Who is told of anything.

-- name: targets
-- As the configuration names them: a phone's id, or apprise:<name>. Of a room the newest counts.
SELECT jsonb_path_query(home, '$.phones[*]') #>> '{}' AS target FROM configuration
UNION
SELECT jsonb_path_query(config, '$.targets[*]') #>> '{}' FROM device_config
UNION
SELECT jsonb_path_query(version.config, '$.targets[*]') #>> '{}'
FROM room
CROSS JOIN LATERAL (SELECT config FROM room_config_version WHERE room_id = room.id
                    ORDER BY valid_from DESC LIMIT 1) AS version
WHERE room.archived_at IS NULL;
