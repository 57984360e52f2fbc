-- What a step of a notification costs. The rules are those of before, to the letter; they are asked
-- where they can be broken, and the steps of a statement are written at once.

---------------------------------------------------------------------------------------------
-- Lawful life: the conditions let the plain steps pass without a call; of every other the
-- functions decide. A condition may only be narrower than what its function allows.

DROP TRIGGER notification_lawful ON notification;
CREATE TRIGGER notification_begins BEFORE INSERT ON notification
    FOR EACH ROW
    WHEN (NOT (NEW.state = 'pending' AND NEW.attempts = 0 AND NEW.retries = 0))
    EXECUTE FUNCTION notification_lawful();
CREATE TRIGGER notification_lawful BEFORE UPDATE ON notification
    FOR EACH ROW
    WHEN (NOT (
        NEW.retries = OLD.retries AND NEW.unknown_outcomes >= OLD.unknown_outcomes
        AND (
            (OLD.state = 'pending' AND NEW.state = 'claimed' AND NEW.attempts = OLD.attempts + 1)
            OR (OLD.state = 'claimed' AND NEW.state IN ('sent', 'failed', 'pending')
                AND NEW.attempts = OLD.attempts))
    ))
    EXECUTE FUNCTION notification_lawful();

---------------------------------------------------------------------------------------------
-- Steps, and the word to the workers

DROP TRIGGER notification_record_step ON notification;
DROP FUNCTION notification_record_step();

CREATE FUNCTION notification_record_first_steps() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO notification_step (notification_id, to_state, attempt)
        SELECT id, state, attempts FROM begun;
    IF FOUND THEN
        PERFORM pg_notify('mould_watch_outbox', '');
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER notification_record_first_steps AFTER INSERT ON notification
    REFERENCING NEW TABLE AS begun
    FOR EACH STATEMENT EXECUTE FUNCTION notification_record_first_steps();

CREATE FUNCTION notification_record_steps() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    may_go boolean;
BEGIN
    WITH step AS MATERIALIZED (
        SELECT after.id, before.state AS from_state, after.state AS to_state, after.attempts,
            after.claimed_by, after.last_error,
            after.incident_id, after.channel, after.route, after.target, after.sequence
        FROM after JOIN before ON before.id = after.id
        WHERE after.state <> before.state
           OR after.claim_token IS DISTINCT FROM before.claim_token
    ), written AS (
        INSERT INTO notification_step
            (notification_id, from_state, to_state, attempt, claimed_by, error)
        SELECT id, from_state, to_state, attempts, claimed_by,
            CASE WHEN to_state IN ('failed', 'pending', 'cancelled') THEN last_error END
        FROM step
    )
    -- it may go, or the next of its lane may
    SELECT EXISTS (
        SELECT FROM step
        WHERE step.to_state = 'pending' OR (step.to_state <> 'claimed' AND EXISTS (
            SELECT FROM notification AS newer
            WHERE newer.incident_id = step.incident_id AND newer.channel = step.channel
              AND newer.route = step.route AND newer.target = step.target
              AND newer.sequence > step.sequence AND newer.sequence > 1
              AND newer.state = 'pending')))
    INTO may_go;
    IF may_go THEN
        PERFORM pg_notify('mould_watch_outbox', '');
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER notification_record_steps AFTER UPDATE ON notification
    REFERENCING OLD TABLE AS before NEW TABLE AS after
    FOR EACH STATEMENT EXECUTE FUNCTION notification_record_steps();

---------------------------------------------------------------------------------------------
-- Steps are read, and removed, by their notification: one index serves both and the key.

ALTER TABLE notification_step DROP CONSTRAINT notification_step_pkey,
    ADD PRIMARY KEY (notification_id, id);
DROP INDEX notification_step_notification;
