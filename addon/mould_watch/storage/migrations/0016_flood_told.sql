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
        OR (OLD.state = 'cancelled' AND NEW.state = 'cancelled' AND OLD.held_for = 'flood')
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
