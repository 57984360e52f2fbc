-- The document of Home Assistant and the rooms it names.

-- name: lock
-- One document at a time; readers are not held up.
LOCK TABLE configuration IN SHARE ROW EXCLUSIVE MODE

-- name: stored
SELECT owner, revision, home, devices FROM configuration

-- name: rooms
SELECT room.id AS room_id, room.name, room.archived_at IS NOT NULL AS archived, newest.config
FROM room
JOIN LATERAL (
    SELECT config FROM room_config_version
    WHERE room_id = room.id
    ORDER BY valid_from DESC LIMIT 1
) newest ON true
ORDER BY room.name, room.id

-- name: store_document
INSERT INTO configuration (owner, revision, home, devices) VALUES ($1, $2, $3, $4)
ON CONFLICT (singleton) DO UPDATE
SET owner = EXCLUDED.owner, revision = EXCLUDED.revision, home = EXCLUDED.home,
    devices = EXCLUDED.devices, received_at = clock_timestamp()

-- name: insert_room
INSERT INTO room (id, name) VALUES ($1, $2)

-- name: rename_room
UPDATE room SET name = $2 WHERE id = $1

-- name: rename_config
-- A name is a label: it makes no new version.
UPDATE room_config_version SET config = $2
WHERE room_id = $1
  AND valid_from = (SELECT max(valid_from) FROM room_config_version WHERE room_id = $1)

-- name: insert_config_version
-- $3: it always was so
INSERT INTO room_config_version (room_id, valid_from, config, is_always)
VALUES ($1, clock_timestamp(), $2, $3)

-- name: archive_room
UPDATE room SET archived_at = clock_timestamp() WHERE id = $1

-- name: unarchive_room
UPDATE room SET archived_at = NULL WHERE id = $1

-- name: insert_subject
INSERT INTO subject (room_id) VALUES ($1) RETURNING id

-- name: subject
SELECT id FROM subject WHERE room_id = $1

-- name: device
-- The device as it is known now: a device merged into another is that other.
WITH RECURSIVE chain AS (
    SELECT id, merged_into FROM device WHERE source_instance = $1 AND native_id = $2
    UNION
    SELECT device.id, device.merged_into FROM device JOIN chain ON device.id = chain.merged_into
)
SELECT id FROM chain WHERE merged_into IS NULL

-- name: insert_device
INSERT INTO device (source_instance, native_id, name) VALUES ($1, $2, $3)
ON CONFLICT (source_instance, native_id) DO NOTHING

-- name: subject_devices
SELECT device_id FROM subject_device WHERE subject_id = $1

-- name: remove_other_subject_devices
DELETE FROM subject_device WHERE subject_id = $1 AND device_id <> ALL ($2::integer[])

-- name: insert_subject_devices
INSERT INTO subject_device (subject_id, device_id)
SELECT $1, unnest($2::integer[])
ON CONFLICT DO NOTHING

-- name: request_evaluation
INSERT INTO evaluation_request (subject_id, from_ts) VALUES ($1, clock_timestamp())

-- name: request_evaluation_of_live
-- Whoever has an incident is looked at again: others may want to hear of it now.
INSERT INTO evaluation_request (subject_id, from_ts)
SELECT DISTINCT subject_id, clock_timestamp() FROM incident WHERE ended_at IS NULL

-- name: store_device_config
-- $1 device, $2 what the document says of it; nothing comes back where it was so already.
INSERT INTO device_config (device_id, config) VALUES ($1, $2)
ON CONFLICT (device_id) DO UPDATE SET config = EXCLUDED.config
WHERE device_config.config <> EXCLUDED.config
RETURNING device_id

-- name: remove_other_device_configs
-- $1 the devices that keep what is said of them.
DELETE FROM device_config WHERE device_id <> ALL ($1::integer[]) RETURNING device_id

-- name: insert_device_subject
-- $1 device.
INSERT INTO subject (device_id) VALUES ($1) ON CONFLICT DO NOTHING

-- name: request_evaluation_of_device
-- $1 device.
INSERT INTO evaluation_request (subject_id, from_ts)
SELECT id, clock_timestamp() FROM subject WHERE device_id = $1
