-- FAILED tried again by hand, another channel in place of one that is away, attempts whose end
-- nobody knows, and one id from what was received to what was sent.

---------------------------------------------------------------------------------------------
-- The correlation id: the same for every row that a transaction writes. Whoever knows whose work
-- it goes on with says so (set_config('mould_watch.correlation_id', ..., true)); else it is new.

CREATE FUNCTION correlation_id() RETURNS uuid LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    given text := current_setting('mould_watch.correlation_id', true);
BEGIN
    IF given IS NULL OR given = '' THEN
        given := gen_random_uuid()::text;
        PERFORM set_config('mould_watch.correlation_id', given, true);
    END IF;
    RETURN given::uuid;
END
$$;

-- null: written before there was one
ALTER TABLE evaluation_request ADD COLUMN correlation_id uuid;
ALTER TABLE evaluation_request ALTER COLUMN correlation_id SET DEFAULT correlation_id();
ALTER TABLE transition ADD COLUMN correlation_id uuid;
ALTER TABLE transition ALTER COLUMN correlation_id SET DEFAULT correlation_id();
ALTER TABLE notification ADD COLUMN correlation_id uuid;
ALTER TABLE notification ALTER COLUMN correlation_id SET DEFAULT correlation_id();

---------------------------------------------------------------------------------------------
-- The outbox

ALTER TABLE notification
    -- how often a person had it tried again after it had failed
    ADD COLUMN retries integer NOT NULL DEFAULT 0,
    -- attempts of which nobody knows whether they arrived: the answer, or the worker, was lost
    ADD COLUMN unknown_outcomes integer NOT NULL DEFAULT 0,
    -- the notification in whose place it goes through another channel
    ADD COLUMN fallback_of uuid REFERENCES notification (id),
    -- it was cancelled because another goes through another channel in its place
    ADD COLUMN fell_back boolean NOT NULL DEFAULT false,
    ADD CHECK (NOT fell_back OR state = 'cancelled');
CREATE UNIQUE INDEX notification_fallback ON notification (fallback_of)
    WHERE fallback_of IS NOT NULL;
-- Those that may make an earlier one of their lane pointless: few, and the earlier is found by them.
CREATE INDEX notification_follower
    ON notification (incident_id, channel, route, target, sequence)
    WHERE state = 'pending' AND sequence > 1;

CREATE OR REPLACE FUNCTION notification_lawful() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.state <> 'pending' OR NEW.attempts <> 0 OR NEW.retries <> 0 THEN
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
        -- a person has it tried again
        OR (OLD.state = 'failed' AND NEW.state = 'pending' AND NEW.retries = OLD.retries + 1)
    ) THEN
        RAISE EXCEPTION 'notification % may not go from % to %', OLD.id, OLD.state, NEW.state
            USING ERRCODE = 'MW001';
    END IF;
    IF NEW.retries <> OLD.retries AND OLD.state <> 'failed' THEN
        RAISE EXCEPTION 'notification %: only one that failed is tried again by hand', OLD.id
            USING ERRCODE = 'MW001';
    END IF;
    IF NEW.unknown_outcomes < OLD.unknown_outcomes THEN
        RAISE EXCEPTION 'notification %: what is unknown stays so', OLD.id
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

CREATE OR REPLACE FUNCTION notification_record_step() RETURNS trigger LANGUAGE plpgsql AS $$
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
                    CASE WHEN NEW.state IN ('failed', 'pending', 'cancelled')
                         THEN NEW.last_error END);
        -- it may go, or the next of its lane may
        IF NEW.state = 'pending' OR (NEW.state <> 'claimed' AND EXISTS (
            SELECT FROM notification AS newer
            WHERE newer.incident_id = NEW.incident_id AND newer.channel = NEW.channel
              AND newer.route = NEW.route AND newer.target = NEW.target
              AND newer.sequence > NEW.sequence AND newer.sequence > 1
              AND newer.state = 'pending'))
        THEN
            PERFORM pg_notify('mould_watch_outbox', '');
        END IF;
    END IF;
    RETURN NULL;
END
$$;
