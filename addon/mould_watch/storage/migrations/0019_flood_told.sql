-- What a flood kept back until it was over is told of in the summary that ends the flood.

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
        -- the one that said it as well is removed, long after
        OR (OLD.state = NEW.state AND OLD.bundled_in IS NOT NULL AND NEW.bundled_in IS NULL)
        -- kept back by a flood until it was over: it waits on, and is told of in the summary
        OR (OLD.state = 'cancelled' AND NEW.state = 'cancelled' AND OLD.held_for IS NOT DISTINCT FROM 'flood')
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

CREATE OR REPLACE FUNCTION notification_planned() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    about incident;
    bundle notification;
BEGIN
    IF TG_OP = 'INSERT' THEN
        -- one that goes another way instead was lawful when it was planned
        IF NEW.kind IN ('step_up', 'reminder') AND NEW.fallback_of IS NULL THEN
            SELECT * INTO about FROM incident WHERE id = NEW.incident_id;
            IF about.state <> 'open' OR about.acknowledged_at IS NOT NULL
               OR about.snoozed_until IS NOT NULL THEN
                RAISE EXCEPTION 'notification %: a % is only of what is open, not seen, not put off',
                    NEW.id, NEW.kind USING ERRCODE = 'MW001';
            END IF;
        END IF;
        RETURN NEW;
    END IF;
    -- whoever claims it lets it go
    IF NEW.state = 'claimed' AND NEW.held_until IS NOT NULL THEN
        NEW.released_at := coalesce(NEW.released_at, NEW.held_until);
        NEW.held_until := NULL;
        NEW.held_for := NULL;
    END IF;
    -- a flood's summary tells of what was over before; what was seen, or is said anew, it leaves out
    IF NEW.state = 'cancelled' AND OLD.state = 'pending' AND NEW.held_until IS NOT NULL
       AND (NEW.held_for <> 'flood' OR NOT EXISTS (
           SELECT FROM incident WHERE id = NEW.incident_id AND ended_at IS NOT NULL)) THEN
        NEW.held_until := NULL;
        NEW.held_for := NULL;
    END IF;
    IF NEW.bundled_in IS NOT NULL AND NEW.bundled_in IS DISTINCT FROM OLD.bundled_in THEN
        SELECT * INTO bundle FROM notification WHERE id = NEW.bundled_in;
        IF OLD.bundled_in IS NOT NULL OR NEW.attempts > 0 OR bundle.kind = 'clear'
           OR (bundle.channel, bundle.route, bundle.target)
               IS DISTINCT FROM (NEW.channel, NEW.route, NEW.target) THEN
            RAISE EXCEPTION 'notification % may not be told in %', NEW.id, NEW.bundled_in
                USING ERRCODE = 'MW001';
        END IF;
    END IF;
    RETURN NEW;
END
$$;
