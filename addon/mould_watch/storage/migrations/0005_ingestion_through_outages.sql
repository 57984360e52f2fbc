-- What ingestion knows for certain of what it did, so that nothing is written twice.

ALTER TABLE mqtt_session
    -- number of the newest connection to the broker; mqtt_delivery.seq counts in it
    ADD COLUMN connection bigint NOT NULL DEFAULT 0,
    -- the latest batch that was written straight from the broker
    ADD COLUMN batch uuid,
    -- the latest receipt that was ever stored: a clock behind it is wrong
    ADD COLUMN newest_received_at timestamptz,
    -- what the session is subscribed to, so that what is no longer wanted can be taken back
    ADD COLUMN filters text[] NOT NULL DEFAULT '{}';
UPDATE mqtt_session SET connection = coalesce(
    (SELECT max(seq) FROM mqtt_delivery WHERE mqtt_delivery.client_id = mqtt_session.client_id), 0);

-- A spool: what was received while the database was away. Everything up to the position is here.
CREATE TABLE spool (
    id             uuid PRIMARY KEY,
    position       bigint NOT NULL DEFAULT 0,
    -- not null while it is being drained
    draining_since timestamptz,
    drained_at     timestamptz
);

-- The devices whose readings came out of a spool: judged once, when it is empty.
CREATE TABLE spool_device (
    spool_id  uuid NOT NULL REFERENCES spool (id) ON DELETE CASCADE,
    device_id integer NOT NULL REFERENCES device (id),
    from_ts   timestamptz NOT NULL,
    PRIMARY KEY (spool_id, device_id)
);
