-- Identity, readings, what became of messages, configuration, conditions.
-- Words are those of docs/design.md. Times are timestamptz in UTC, units are in the names.

-- Who this backend is. One row; the id outlives every reinstall that keeps the data.
CREATE TABLE instance (
    singleton   boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    instance_id uuid NOT NULL DEFAULT gen_random_uuid(),
    created_at  timestamptz NOT NULL DEFAULT clock_timestamp()
);
INSERT INTO instance DEFAULT VALUES;

---------------------------------------------------------------------------------------------
-- Identity

-- A device is (source_instance, native_id); its name and its topics are labels.
-- source_instance: 'mqtt:<base topic>' (Zigbee2MQTT), 'mqtt:json', 'ha:<instance id>' (forwarded).
CREATE TABLE device (
    id              integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    source_instance text NOT NULL,
    native_id       text NOT NULL,
    name            text NOT NULL,
    manufacturer    text,
    model           text,
    -- names of the watched metrics it has ever sent, as the columns of readings are named
    metrics         text[] NOT NULL DEFAULT '{}',
    -- the QoS its latest message arrived with; null for a forwarded entity
    qos             smallint CHECK (qos BETWEEN 0 AND 2),
    available       boolean,
    first_seen_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- ts of the newest reading that says the device lives (never a backlog or retained one)
    last_seen_at    timestamptz,
    -- a device first known by its topic, found later to be another: its readings count there
    merged_into     integer REFERENCES device (id) CHECK (merged_into <> id),
    UNIQUE (source_instance, native_id)
);

CREATE TABLE device_alias (
    topic      text NOT NULL,
    device_id  integer NOT NULL REFERENCES device (id),
    valid_from timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (topic, valid_from)
);
CREATE INDEX device_alias_device ON device_alias (device_id);

---------------------------------------------------------------------------------------------
-- Readings: one row per message, never updated. Monthly partitions are made by the writer;
-- there is no DEFAULT partition, it would block attaching.

CREATE TYPE time_quality AS ENUM (
    'payload',             -- the message carried its own time
    'receipt',             -- it did not: ts is the time of receipt
    'backlog',             -- it did not, and it waited at the broker: the true time is unknown
    'device_clock_wrong'   -- it carried a time that cannot be: ts is the time of receipt
);

CREATE TABLE readings (
    device_id       integer NOT NULL,
    ts              timestamptz NOT NULL,
    -- 64 bits of BLAKE2b over source, topic and payload bytes, as a signed integer
    fingerprint     bigint NOT NULL,
    received_at     timestamptz NOT NULL,
    time_quality    time_quality NOT NULL,
    qos             smallint,
    -- why a stored value is not used for risk; null when nothing is wrong with it
    suspect         text,
    temperature_c   double precision,
    humidity_pct    double precision,
    pressure_hpa    double precision,
    co2_ppm         double precision,
    illuminance_lx  double precision,
    moisture_pct    double precision,
    battery_pct     double precision,
    -- everything else the message carried, as sent
    extra           jsonb,
    PRIMARY KEY (device_id, ts, fingerprint)
) PARTITION BY RANGE (ts);

---------------------------------------------------------------------------------------------
-- MQTT delivery: recognising the redelivery of a message that carries no time of its own

CREATE TABLE mqtt_session (
    client_id text PRIMARY KEY,
    epoch     bigint NOT NULL
);

CREATE TABLE mqtt_delivery (
    client_id   text NOT NULL REFERENCES mqtt_session (client_id) ON DELETE CASCADE,
    packet_id   integer NOT NULL CHECK (packet_id BETWEEN 1 AND 65535),
    epoch       bigint NOT NULL,
    seq         bigint NOT NULL,
    fingerprint bigint NOT NULL,
    PRIMARY KEY (client_id, packet_id)
);

---------------------------------------------------------------------------------------------
-- Messages that could not be understood: storage/dead_letters.py says what is kept of them

CREATE TABLE dead_letter (
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- the day (UTC) it came, its kind (64 bits of BLAKE2b over topic and reason) and its number
    -- among those of its kind on that day
    day            date NOT NULL,
    kind           bigint NOT NULL,
    number         bigint NOT NULL CHECK (number > 0),
    received_at    timestamptz NOT NULL,
    source         text NOT NULL,
    topic          text NOT NULL,
    qos            smallint,
    -- a short machine word (not_json, humidity_out_of_range, ...), then the sentence for people
    reason         text NOT NULL,
    detail         text NOT NULL,
    -- the first 64 KiB; payload_size and payload_sha256 are those of the whole
    payload        bytea NOT NULL CHECK (octet_length(payload) <= 65536),
    payload_size   bigint NOT NULL,
    payload_sha256 bytea NOT NULL CHECK (octet_length(payload_sha256) = 32),
    fingerprint    bigint NOT NULL,
    -- what it counts towards the bound: what was sent, and the room of a row with its indexes
    size           bigint NOT NULL GENERATED ALWAYS AS (
        octet_length(payload) + octet_length(topic) + octet_length(detail) + 256
    ) STORED,
    UNIQUE (kind, day, number)
);
CREATE INDEX dead_letter_received ON dead_letter (received_at);

-- How many came, by day and kind, whether or not their bodies were kept. Kind 0, without topic
-- and reason: what came after the day had its greatest number of kinds.
CREATE TABLE dead_letter_count (
    day    date NOT NULL,
    kind   bigint NOT NULL,
    -- its first characters
    topic  text NOT NULL,
    reason text NOT NULL,
    count  bigint NOT NULL,
    PRIMARY KEY (day, kind)
);

-- One row: the sums, so that nobody has to count the tables.
CREATE TABLE dead_letter_total (
    singleton      boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    -- all that ever came
    count          bigint NOT NULL DEFAULT 0,
    -- the sum of dead_letter.size
    bytes          bigint NOT NULL DEFAULT 0,
    -- bodies that went because all together were too large
    bodies_removed bigint NOT NULL DEFAULT 0
);
INSERT INTO dead_letter_total DEFAULT VALUES;

---------------------------------------------------------------------------------------------

-- Messages that ended as neither reading nor dead letter, counted by day.
CREATE TABLE message_count (
    day    date NOT NULL,
    source text NOT NULL,
    -- 'unwatched' (no watched metric), 'control', 'retained', 'redelivery', 'qos0_dropped'
    ending text NOT NULL,
    count  bigint NOT NULL,
    PRIMARY KEY (day, source, ending)
);

---------------------------------------------------------------------------------------------
-- Configuration: the whole document as Home Assistant sent it, and the rooms it names

CREATE TABLE configuration (
    singleton   boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    owner       text NOT NULL,
    revision    bigint NOT NULL,
    home        jsonb NOT NULL,
    received_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE TABLE room (
    id          uuid PRIMARY KEY,
    name        text NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- set when the room went missing from the document: evaluation stops, history stays
    archived_at timestamptz
);

-- What a room was told to be, and from when. The newest valid_from <= t counts at t.
CREATE TABLE room_config_version (
    room_id    uuid NOT NULL REFERENCES room (id),
    valid_from timestamptz NOT NULL,
    config     jsonb NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (room_id, valid_from)
);

-- A subject is what a rule judges: a room or a device.
CREATE TABLE subject (
    id        integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    room_id   uuid UNIQUE REFERENCES room (id),
    device_id integer UNIQUE REFERENCES device (id),
    CHECK (num_nonnulls(room_id, device_id) = 1)
);

-- Which devices a subject's present condition depends on, so that a reading finds its subjects.
CREATE TABLE subject_device (
    subject_id integer NOT NULL REFERENCES subject (id),
    device_id  integer NOT NULL REFERENCES device (id),
    PRIMARY KEY (subject_id, device_id)
);
CREATE INDEX subject_device_device ON subject_device (device_id);

---------------------------------------------------------------------------------------------
-- Evaluation

-- Append-only; written with the readings, taken by whoever holds the subject's advisory lock.
CREATE TABLE evaluation_request (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    subject_id integer NOT NULL REFERENCES subject (id),
    from_ts    timestamptz NOT NULL
);
CREATE INDEX evaluation_request_subject ON evaluation_request (subject_id, id);

-- The present condition of a subject, as the evaluation left it.
CREATE TABLE condition (
    subject_id         integer PRIMARY KEY REFERENCES subject (id),
    condition          jsonb NOT NULL,
    evaluated_at       timestamptz NOT NULL,
    next_evaluation_at timestamptz NOT NULL
);
CREATE INDEX condition_next_evaluation ON condition (next_evaluation_at);

---------------------------------------------------------------------------------------------
-- Wake-ups. Each says only "look": every reader polls as well.

CREATE FUNCTION wake() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify(TG_ARGV[0], '');
    RETURN NULL;
END
$$;
CREATE TRIGGER evaluation_request_wake AFTER INSERT ON evaluation_request
    FOR EACH STATEMENT EXECUTE FUNCTION wake('mould_watch_evaluation');
CREATE TRIGGER condition_wake AFTER INSERT OR UPDATE ON condition
    FOR EACH STATEMENT EXECUTE FUNCTION wake('mould_watch_condition');
CREATE TRIGGER device_wake AFTER INSERT OR UPDATE ON device
    FOR EACH STATEMENT EXECUTE FUNCTION wake('mould_watch_device');
CREATE TRIGGER configuration_wake AFTER INSERT OR UPDATE ON configuration
    FOR EACH STATEMENT EXECUTE FUNCTION wake('mould_watch_configuration');
