-- MQTT discovery: what was announced, so that a restart knows which topics to listen to.

-- name: configurations
SELECT topic, payload FROM discovery_configuration ORDER BY id;

-- name: claims
SELECT native_id, metric, component FROM discovery_claim;

-- name: keep
-- $1 topics, $2 payloads, in the order of their coming
INSERT INTO discovery_configuration (topic, payload)
SELECT topic, payload
FROM unnest($1::text[], $2::bytea[]) WITH ORDINALITY AS new (topic, payload, place)
ORDER BY place
ON CONFLICT (topic) DO UPDATE SET payload = excluded.payload
WHERE discovery_configuration.payload <> excluded.payload;

-- name: remove
DELETE FROM discovery_configuration WHERE topic = ANY ($1::text[]);

-- name: claim
INSERT INTO discovery_claim (native_id, metric, component)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[])
ON CONFLICT (native_id, metric) DO NOTHING;
