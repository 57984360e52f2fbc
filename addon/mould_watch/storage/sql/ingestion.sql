-- The batch transaction of the ingestion.

-- name: insert_readings
INSERT INTO readings (device_id, ts, fingerprint, received_at, time_quality, qos, suspect,
                      temperature_c, humidity_pct, pressure_hpa, co2_ppm, illuminance_lx,
                      moisture_pct, battery_pct, extra)
SELECT device_id, ts, fingerprint, received_at, quality::time_quality, qos, suspect,
       temperature_c, humidity_pct, pressure_hpa, co2_ppm, illuminance_lx,
       moisture_pct, battery_pct, extra::jsonb
FROM unnest($1::integer[], $2::timestamptz[], $3::bigint[], $4::timestamptz[], $5::text[],
            $6::smallint[], $7::text[], $8::float8[], $9::float8[], $10::float8[],
            $11::float8[], $12::float8[], $13::float8[], $14::float8[], $15::text[])
    AS new (device_id, ts, fingerprint, received_at, quality, qos, suspect,
            temperature_c, humidity_pct, pressure_hpa, co2_ppm, illuminance_lx,
            moisture_pct, battery_pct, extra)
ON CONFLICT (device_id, ts, fingerprint) DO NOTHING
RETURNING device_id, ts, fingerprint

-- name: stored_before_merge
-- $1 devices merged into others, $2 ts, $3 fingerprints: which of these readings they hold.
SELECT readings.ts, readings.fingerprint
FROM unnest($2::timestamptz[], $3::bigint[]) AS new (ts, fingerprint)
JOIN readings ON readings.ts = new.ts AND readings.fingerprint = new.fingerprint
             AND readings.device_id = ANY ($1::integer[])

-- name: correlate
-- $1 id: all that this transaction writes carries it, up to what is sent to a phone.
SELECT set_config('mould_watch.correlation_id', $1::uuid::text, true)

-- name: request_evaluations
-- $1 devices, $2 ts of new readings: each subject that depends on one, once, with the least ts.
INSERT INTO evaluation_request (subject_id, from_ts)
SELECT subject_device.subject_id, min(new.ts)
FROM unnest($1::integer[], $2::timestamptz[]) AS new (device_id, ts)
JOIN subject_device USING (device_id)
GROUP BY subject_device.subject_id

-- name: add_counts
INSERT INTO message_count (day, source, ending, count)
SELECT * FROM unnest($1::date[], $2::text[], $3::text[], $4::bigint[])
ON CONFLICT (day, source, ending) DO UPDATE
SET count = message_count.count + EXCLUDED.count

-- name: resume_session
INSERT INTO mqtt_session (client_id, epoch, connection) VALUES ($1, 1, 1)
ON CONFLICT (client_id) DO UPDATE SET connection = mqtt_session.connection + 1
RETURNING epoch, connection

-- name: new_session
INSERT INTO mqtt_session (client_id, epoch, connection) VALUES ($1, 1, 1)
ON CONFLICT (client_id) DO UPDATE
SET epoch = mqtt_session.epoch + 1, connection = mqtt_session.connection + 1
RETURNING epoch, connection

-- name: load_session
INSERT INTO mqtt_session (client_id, epoch, connection) VALUES ($1, 1, 1)
ON CONFLICT (client_id) DO UPDATE SET epoch = mqtt_session.epoch
RETURNING epoch, connection

-- name: lock_batch
-- Waits for the end of a transaction whose COMMIT was never answered.
SELECT batch FROM mqtt_session WHERE client_id = $1 FOR UPDATE

-- name: note_batch
-- $2 batch; null: out of a spool. $4: the id that all that comes of the batch carries.
-- Returns the number of the newest connection to the broker.
UPDATE mqtt_session
SET batch = coalesce($2, batch), newest_received_at = greatest(newest_received_at, $3)
WHERE client_id = $1 AND set_config('mould_watch.correlation_id', $4::uuid::text, true) IS NOT NULL
RETURNING connection

-- name: newest_received_at
SELECT max(newest_received_at) FROM mqtt_session

-- name: filters
SELECT filters FROM mqtt_session WHERE client_id = $1

-- name: note_filters
UPDATE mqtt_session SET filters = $2 WHERE client_id = $1

-- name: end_deliveries
DELETE FROM mqtt_delivery WHERE client_id = $1

-- name: deliveries
SELECT packet_id, epoch, seq, fingerprint FROM mqtt_delivery WHERE client_id = $1

-- name: record_deliveries
INSERT INTO mqtt_delivery (client_id, packet_id, epoch, seq, fingerprint)
SELECT $1, packet_id, $2, $3, fingerprint
FROM unnest($4::integer[], $5::bigint[]) AS new (packet_id, fingerprint)
ON CONFLICT (client_id, packet_id) DO UPDATE
SET epoch = EXCLUDED.epoch, seq = EXCLUDED.seq, fingerprint = EXCLUDED.fingerprint

-- name: remove_deliveries
DELETE FROM mqtt_delivery WHERE client_id = $1 AND packet_id = ANY ($2::integer[])

-- name: end_redelivery_phase
-- What the resumed session did not bring again was acknowledged in time.
DELETE FROM mqtt_delivery WHERE client_id = $1 AND seq < $2

-- name: try_lead
SELECT pg_try_advisory_lock(hashtextextended('mould_watch.mqtt.' || $1, 0))
