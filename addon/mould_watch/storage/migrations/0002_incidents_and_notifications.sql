-- Incidents with their transitions, and the notifications about them.

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
