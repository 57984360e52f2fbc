-- Identity: which device is behind a topic or an entity.

-- name: by_topic
-- $1 sources, $2 topics: the device a topic belongs to now, or the one it was merged into.
SELECT DISTINCT ON (asked.source_instance, asked.topic)
       asked.source_instance AS asked_source, asked.topic AS asked_topic, device.*
FROM unnest($1::text[], $2::text[]) AS asked (source_instance, topic)
JOIN device_alias alias ON alias.topic = asked.topic
JOIN device named ON named.id = alias.device_id AND named.source_instance = asked.source_instance
JOIN device ON device.id = coalesce(named.merged_into, named.id)
ORDER BY asked.source_instance, asked.topic, alias.valid_from DESC

-- name: by_native_id
-- $1 sources, $2 native ids
SELECT asked.source_instance AS asked_source, asked.native_id AS asked_native_id, device.*
FROM unnest($1::text[], $2::text[]) AS asked (source_instance, native_id)
JOIN device known USING (source_instance, native_id)
JOIN device ON device.id = coalesce(known.merged_into, known.id)

-- name: insert
INSERT INTO device (source_instance, native_id, name, manufacturer, model, power_source)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (source_instance, native_id) DO UPDATE SET name = device.name
RETURNING coalesce(merged_into, id)

-- name: insert_alias
INSERT INTO device_alias (topic, device_id) VALUES ($1, $2)

-- name: identify
-- The device known by its topic gets its own identity, in place: readings and rooms stay with it.
UPDATE device
SET native_id = $2, name = $3, manufacturer = $4, model = $5, power_source = $6
WHERE id = $1

-- name: leave_pointer
-- A room may still name the device by its topic; this row leads there.
INSERT INTO device (source_instance, native_id, name, merged_into)
VALUES ($1, $2, $3, $4)
ON CONFLICT (source_instance, native_id) DO NOTHING

-- name: label
UPDATE device SET name = $2, manufacturer = $3, model = $4, power_source = $5 WHERE id = $1

-- name: merge
UPDATE device SET merged_into = $2 WHERE id = $1 OR merged_into = $1

-- name: merge_properties
UPDATE device
SET metrics = (SELECT coalesce(array_agg(DISTINCT metric ORDER BY metric), '{}')
               FROM unnest(device.metrics || other.metrics) AS metric),
    qos = coalesce(device.qos, other.qos),
    available = coalesce(device.available, other.available),
    last_seen_at = greatest(device.last_seen_at, other.last_seen_at),
    reporting_interval_s = coalesce(device.reporting_interval_s, other.reporting_interval_s),
    -- a battery counts, whoever speaks of it: the lesser of the two words, or the only one
    power_source = least(device.power_source, other.power_source)
FROM device other
WHERE device.id = $2 AND other.id = $1

-- name: request_evaluation_of_merged
INSERT INTO evaluation_request (subject_id, from_ts)
SELECT subject_id, clock_timestamp() FROM subject_device WHERE device_id IN ($1, $2)
GROUP BY subject_id

-- name: move_subjects
INSERT INTO subject_device (subject_id, device_id)
SELECT subject_id, $2 FROM subject_device WHERE device_id = $1
ON CONFLICT DO NOTHING

-- name: leave_subjects
DELETE FROM subject_device WHERE device_id = $1

-- name: merged_from
-- $1 devices: those whose readings count as theirs
SELECT merged_into, array_agg(id) AS ids FROM device
WHERE merged_into = ANY ($1::integer[])
GROUP BY merged_into

-- name: update_properties
UPDATE device
SET metrics = coalesce(string_to_array(new.metrics, ','), device.metrics),
    qos = coalesce(new.qos, device.qos),
    available = coalesce(new.available, device.available),
    last_seen_at = greatest(device.last_seen_at, new.last_seen_at),
    clock_wrong = coalesce(new.clock_wrong, device.clock_wrong)
FROM unnest($1::integer[], $2::text[], $3::smallint[], $4::boolean[], $5::timestamptz[],
            $6::boolean[])
    AS new (id, metrics, qos, available, last_seen_at, clock_wrong)
WHERE device.id = new.id

-- name: rename
UPDATE device SET name = new.name
FROM unnest($1::integer[], $2::text[]) AS new (id, name)
WHERE device.id = new.id

-- name: tell_of_parts
-- $1 source, $2 native id, $3 available, $4 power source or null: nothing is said of it. A row that
-- points elsewhere stands for what it points to. Of two words for the power the lesser counts.
UPDATE device SET available = $3, power_source = least(power_source, $4)
WHERE (available, power_source) IS DISTINCT FROM ($3, least(power_source, $4)) AND id IN (
    SELECT coalesce(merged_into, id) FROM device
    WHERE source_instance = $1 AND (native_id = $2 OR starts_with(native_id, $2 || ':'))
)
