-- Devices as subjects: what is known about one, and the readings its rules are asked about.

-- name: device
-- $1 device. Its configuration may name it by an earlier identity. A room reads it through its
-- subject's devices.
SELECT device.id, device.source_instance, device.name, device.metrics, device.available,
    device.first_seen_at, device.last_seen_at, device.reporting_interval_s, device.power_source,
    device.merged_into IS NOT NULL AS is_merged,
    (SELECT config FROM device_config
     WHERE device_id = device.id
        OR device_id IN (SELECT id FROM device AS former WHERE former.merged_into = device.id)
     ORDER BY device_id = device.id DESC, device_id LIMIT 1) AS config,
    EXISTS (SELECT FROM subject_device JOIN subject ON subject.id = subject_device.subject_id
            WHERE subject_device.device_id = device.id AND subject.room_id IS NOT NULL)
        AS is_of_a_room
FROM device
WHERE device.id = $1;

-- name: sources
-- $1 source instances, $2 native ids: when each was heard last and whether it may sleep, a device
-- merged into another as that other.
SELECT asked.source_instance AS asked_source, asked.native_id AS asked_native_id,
    device.source_instance, device.metrics, device.last_seen_at, device.reporting_interval_s,
    device.power_source,
    (SELECT config FROM device_config
     WHERE device_id = device.id
        OR device_id IN (SELECT id FROM device AS former WHERE former.merged_into = device.id)
     ORDER BY device_id = device.id DESC, device_id LIMIT 1) AS config
FROM unnest($1::text[], $2::text[]) AS asked (source_instance, native_id)
JOIN device AS known USING (source_instance, native_id)
JOIN device ON device.id = coalesce(known.merged_into, known.id);

-- name: metric
-- $1 device, $2 from, $3 until, $4 metric: the last of each ten seconds, of the device and of
-- those that were merged into it. A metric without a column of its own is in the bag.
SELECT DISTINCT ON (date_bin('10 seconds', ts, 'epoch')) ts, value
FROM (
    SELECT ts, fingerprint, CASE $4::text
        WHEN 'temperature_c' THEN temperature_c
        WHEN 'humidity_pct' THEN humidity_pct
        WHEN 'pressure_hpa' THEN pressure_hpa
        WHEN 'co2_ppm' THEN co2_ppm
        WHEN 'illuminance_lx' THEN illuminance_lx
        WHEN 'moisture_pct' THEN moisture_pct
        WHEN 'battery_pct' THEN battery_pct
        ELSE CASE WHEN jsonb_typeof(extra -> $4::text) = 'number'
                  THEN (extra ->> $4::text)::double precision END
        END AS value
    FROM readings
    WHERE device_id = ANY (ARRAY(SELECT id FROM device WHERE id = $1 OR merged_into = $1))
      AND ts >= $2 AND ts <= $3 AND suspect IS NULL AND time_quality <> 'backlog'
) AS candidate
WHERE value IS NOT NULL
ORDER BY date_bin('10 seconds', ts, 'epoch'), ts DESC, fingerprint DESC, value DESC;

-- name: hear
-- $1 subject, $2 device: its readings ask for the subject.
INSERT INTO subject_device (subject_id, device_id) VALUES ($1, $2) ON CONFLICT DO NOTHING;

-- name: forget
-- $1 subject: no reading asks for it.
DELETE FROM subject_device WHERE subject_id = $1;
