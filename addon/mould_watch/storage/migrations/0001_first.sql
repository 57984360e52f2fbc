-- The first schema: identity, readings, configuration, conditions, incidents, notifications.
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

CREATE TABLE dead_letter (
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
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
    fingerprint    bigint NOT NULL
);
CREATE INDEX dead_letter_received ON dead_letter (received_at);

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
-- Incidents and their transitions

CREATE TYPE incident_state AS ENUM (
    'verifying',   -- a breach is seen, not yet for long enough
    'open',
    'recovering',  -- below the recovery threshold, not yet for long enough
    'resolved',
    'dismissed',   -- never opened: the breach ended while verifying
    'retired'      -- its rule or room was taken away
);

CREATE TYPE risk_level AS ENUM ('none', 'watch', 'warning', 'high', 'damage');

CREATE TABLE incident (
    id              uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    subject_id      integer NOT NULL REFERENCES subject (id),
    rule_id         text NOT NULL,
    state           incident_state NOT NULL DEFAULT 'verifying',
    level           risk_level NOT NULL,
    breach_since    timestamptz NOT NULL,
    opened_at       timestamptz,
    ended_at        timestamptz,
    acknowledged_at timestamptz,
    snoozed_until   timestamptz,
    evidence        jsonb NOT NULL DEFAULT '{}',
    -- number of its latest transition
    sequence        integer NOT NULL DEFAULT 0,
    CHECK ((ended_at IS NOT NULL) = (state IN ('resolved', 'dismissed', 'retired')))
);
CREATE UNIQUE INDEX incident_one_live ON incident (subject_id, rule_id) WHERE ended_at IS NULL;
CREATE INDEX incident_subject ON incident (subject_id, ended_at);

CREATE TABLE transition (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    incident_id uuid NOT NULL REFERENCES incident (id),
    sequence    integer NOT NULL,
    from_state  incident_state,   -- null: the incident's first
    to_state    incident_state NOT NULL,
    level       risk_level NOT NULL,
    at          timestamptz NOT NULL,
    evidence    jsonb NOT NULL DEFAULT '{}',
    UNIQUE (incident_id, sequence)
);

-- The one list of lawful steps. before = null: the incident's first.
CREATE FUNCTION incident_may_go(before incident_state, after incident_state) RETURNS boolean
LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE
        WHEN before IS NULL         THEN after = 'verifying'
        WHEN before = 'verifying'   THEN after IN ('open', 'dismissed', 'retired')
        WHEN before = 'open'        THEN after IN ('recovering', 'retired')
        WHEN before = 'recovering'  THEN after IN ('open', 'resolved', 'retired')
        ELSE false
    END
$$;

CREATE FUNCTION incident_lawful() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NOT incident_may_go(NULL, NEW.state) THEN
            RAISE EXCEPTION 'incident % may not begin as %', NEW.id, NEW.state
                USING ERRCODE = 'MW001';
        END IF;
        RETURN NEW;
    END IF;
    IF NEW.state <> OLD.state AND NOT incident_may_go(OLD.state, NEW.state) THEN
        RAISE EXCEPTION 'incident % may not go from % to %', OLD.id, OLD.state, NEW.state
            USING ERRCODE = 'MW001';
    END IF;
    IF NEW.sequence < OLD.sequence THEN
        RAISE EXCEPTION 'incident % may not go back in its sequence', OLD.id
            USING ERRCODE = 'MW001';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER incident_lawful BEFORE INSERT OR UPDATE ON incident
    FOR EACH ROW EXECUTE FUNCTION incident_lawful();

-- A transition is a lawful step, and continues its incident: it starts from the state that the
-- one before ended in.
CREATE FUNCTION transition_linear() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    before incident_state;
BEGIN
    SELECT to_state INTO before FROM transition
        WHERE incident_id = NEW.incident_id AND sequence = NEW.sequence - 1;
    IF (NEW.sequence = 1) <> (NEW.from_state IS NULL)
       OR (NEW.sequence > 1 AND before IS DISTINCT FROM NEW.from_state) THEN
        RAISE EXCEPTION 'transition % of incident % does not follow the one before',
            NEW.sequence, NEW.incident_id USING ERRCODE = 'MW001';
    END IF;
    IF NOT incident_may_go(NEW.from_state, NEW.to_state) THEN
        RAISE EXCEPTION 'transition % of incident % may not go from % to %', NEW.sequence,
            NEW.incident_id, NEW.from_state, NEW.to_state USING ERRCODE = 'MW001';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER transition_linear BEFORE INSERT ON transition
    FOR EACH ROW EXECUTE FUNCTION transition_linear();

CREATE FUNCTION append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'MW002';
END
$$;
CREATE TRIGGER transition_append_only BEFORE UPDATE ON transition
    FOR EACH ROW EXECUTE FUNCTION append_only();

---------------------------------------------------------------------------------------------
-- Notifications: PENDING -> CLAIMED -> SENT | FAILED | PENDING later; PENDING -> CANCELLED

CREATE TYPE notification_state AS ENUM ('pending', 'claimed', 'sent', 'failed', 'cancelled');

CREATE TABLE notification (
    id            uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    transition_id bigint NOT NULL REFERENCES transition (id),
    incident_id   uuid NOT NULL REFERENCES incident (id),
    -- where to: channel 'home_assistant', route = Home Assistant instance id,
    -- target = mobile_app device id, or 'persistent' for a notification inside Home Assistant
    channel       text NOT NULL,
    route         text NOT NULL,
    target        text NOT NULL,
    -- number within its lane = (incident, channel, route, target)
    sequence      integer NOT NULL,
    -- 'alarm', 'recovery', 'clear'
    kind          text NOT NULL,
    severity      risk_level NOT NULL,
    -- what is sent: room_id, room, title, body, buttons
    message       jsonb NOT NULL,
    state         notification_state NOT NULL DEFAULT 'pending',
    attempts      integer NOT NULL DEFAULT 0,
    due_at        timestamptz NOT NULL DEFAULT clock_timestamp(),
    claim_token   uuid,
    claimed_by    text,
    lease_until   timestamptz,
    last_error    text,
    created_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    finished_at   timestamptz,
    UNIQUE (incident_id, channel, route, target, sequence),
    CHECK ((state = 'claimed') = (claim_token IS NOT NULL)),
    CHECK ((state = 'claimed') = (lease_until IS NOT NULL)),
    CHECK ((state IN ('sent', 'failed', 'cancelled')) = (finished_at IS NOT NULL))
);
-- Live rows only: their number stays small however long the history grows.
CREATE INDEX notification_due ON notification (due_at) WHERE state = 'pending';
CREATE INDEX notification_lease ON notification (lease_until) WHERE state = 'claimed';
CREATE INDEX notification_lane_live ON notification (incident_id, channel, route, target, sequence)
    WHERE state IN ('pending', 'claimed');

-- Every step a notification took, written by the database itself.
CREATE TABLE notification_step (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    notification_id uuid NOT NULL REFERENCES notification (id),
    at              timestamptz NOT NULL DEFAULT clock_timestamp(),
    from_state      notification_state,
    to_state        notification_state NOT NULL,
    attempt         integer NOT NULL,
    claimed_by      text,
    error           text
);
CREATE INDEX notification_step_notification ON notification_step (notification_id, id);
CREATE TRIGGER notification_step_append_only BEFORE UPDATE ON notification_step
    FOR EACH ROW EXECUTE FUNCTION append_only();

CREATE FUNCTION notification_lawful() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.state <> 'pending' OR NEW.attempts <> 0 THEN
            RAISE EXCEPTION 'notification % must begin as pending', NEW.id
                USING ERRCODE = 'MW001';
        END IF;
        RETURN NEW;
    END IF;
    IF NOT (
           (OLD.state = 'pending' AND NEW.state = 'pending')   -- put off, never attempted anew
        OR (OLD.state = 'pending' AND NEW.state = 'claimed')
        OR (OLD.state = 'pending' AND NEW.state = 'cancelled')
        OR (OLD.state = 'claimed' AND NEW.state IN ('sent', 'failed', 'pending'))
        -- a claim whose lease ran out is taken over; a living one never is
        OR (OLD.state = 'claimed' AND NEW.state = 'claimed'
            AND NEW.claim_token <> OLD.claim_token AND OLD.lease_until < clock_timestamp())
        -- its holder asks for more time
        OR (OLD.state = 'claimed' AND NEW.state = 'claimed'
            AND NEW.claim_token = OLD.claim_token AND NEW.attempts = OLD.attempts)
    ) THEN
        RAISE EXCEPTION 'notification % may not go from % to %', OLD.id, OLD.state, NEW.state
            USING ERRCODE = 'MW001';
    END IF;
    IF NEW.state = 'claimed' AND NEW.claim_token IS DISTINCT FROM OLD.claim_token THEN
        IF NEW.attempts <> OLD.attempts + 1 THEN
            RAISE EXCEPTION 'notification %: a claim is one attempt', OLD.id
                USING ERRCODE = 'MW001';
        END IF;
    ELSIF NEW.attempts <> OLD.attempts THEN
        RAISE EXCEPTION 'notification %: only a claim is an attempt', OLD.id
            USING ERRCODE = 'MW001';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER notification_lawful BEFORE INSERT OR UPDATE ON notification
    FOR EACH ROW EXECUTE FUNCTION notification_lawful();

CREATE FUNCTION notification_record_step() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO notification_step (notification_id, to_state, attempt)
            VALUES (NEW.id, NEW.state, NEW.attempts);
        PERFORM pg_notify('mould_watch_outbox', '');
    ELSIF NEW.state IS DISTINCT FROM OLD.state OR NEW.claim_token IS DISTINCT FROM OLD.claim_token
    THEN
        INSERT INTO notification_step
                (notification_id, from_state, to_state, attempt, claimed_by, error)
            VALUES (NEW.id, OLD.state, NEW.state, NEW.attempts, NEW.claimed_by,
                    CASE WHEN NEW.state IN ('failed', 'pending') THEN NEW.last_error END);
        IF NEW.state <> 'claimed' THEN   -- the next of its lane may go
            PERFORM pg_notify('mould_watch_outbox', '');
        END IF;
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER notification_record_step AFTER INSERT OR UPDATE ON notification
    FOR EACH ROW EXECUTE FUNCTION notification_record_step();

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
