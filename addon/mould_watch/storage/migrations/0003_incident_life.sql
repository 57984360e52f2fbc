-- Levels that rise and fall inside an open incident, and what people do with one.

-- The level it had when a person last saw it or put it off: a rise above it ends both.
ALTER TABLE incident ADD COLUMN handled_level risk_level;
ALTER TABLE incident ADD CHECK (
    (handled_level IS NOT NULL) = (acknowledged_at IS NOT NULL OR snoozed_until IS NOT NULL)
);

-- What made the incident take this step: a verdict (or the end of its rule or subject), a person,
-- or the coming of the time until which a person put it off.
ALTER TABLE transition ADD COLUMN cause text NOT NULL DEFAULT 'judged'
    CHECK (cause IN ('judged', 'seen', 'snoozed', 'unsnoozed', 'snooze_ended'));

-- The one list of lawful steps between states. before = null: the incident's first.
CREATE OR REPLACE FUNCTION incident_may_go(before incident_state, after incident_state)
RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE
        WHEN before IS NULL         THEN after = 'verifying'
        WHEN before = 'verifying'   THEN after IN ('open', 'dismissed', 'retired')
        -- open again: with another level
        WHEN before = 'open'        THEN after IN ('open', 'recovering', 'retired')
        WHEN before = 'recovering'  THEN after IN ('open', 'resolved', 'retired')
        ELSE false
    END
$$;

CREATE OR REPLACE FUNCTION incident_lawful() RETURNS trigger LANGUAGE plpgsql AS $$
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
    -- an incident that ends keeps the level it was about
    IF NEW.level <> OLD.level AND NEW.state <> 'open' THEN
        RAISE EXCEPTION 'incident % may not go from level % to % while %', OLD.id, OLD.level,
            NEW.level, NEW.state USING ERRCODE = 'MW001';
    END IF;
    IF NEW.sequence <> OLD.sequence AND OLD.ended_at IS NOT NULL THEN
        RAISE EXCEPTION 'incident % is over', OLD.id USING ERRCODE = 'MW001';
    END IF;
    -- each change is one transition's, and a transition's number is used once
    IF NEW.sequence <> OLD.sequence + (
        (NEW.state, NEW.level, NEW.acknowledged_at, NEW.snoozed_until, NEW.sequence)
        IS DISTINCT FROM
        (OLD.state, OLD.level, OLD.acknowledged_at, OLD.snoozed_until, OLD.sequence)
    )::integer THEN
        RAISE EXCEPTION 'incident % may not go from step % to step %', OLD.id, OLD.sequence,
            NEW.sequence USING ERRCODE = 'MW001';
    END IF;
    RETURN NEW;
END
$$;

-- A transition is a lawful step, and continues its incident: it starts from the state that the
-- one before ended in. Only a verdict moves state and level; what people do moves neither.
CREATE OR REPLACE FUNCTION transition_linear() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    before transition;
BEGIN
    SELECT * INTO before FROM transition
        WHERE incident_id = NEW.incident_id AND sequence = NEW.sequence - 1;
    IF (NEW.sequence = 1) <> (NEW.from_state IS NULL)
       OR (NEW.sequence > 1 AND before.to_state IS DISTINCT FROM NEW.from_state) THEN
        RAISE EXCEPTION 'transition % of incident % does not follow the one before',
            NEW.sequence, NEW.incident_id USING ERRCODE = 'MW001';
    END IF;
    IF NEW.cause <> 'judged' THEN
        IF NEW.from_state IS DISTINCT FROM NEW.to_state OR NEW.level <> before.level
           OR NEW.to_state NOT IN ('verifying', 'open', 'recovering') THEN
            RAISE EXCEPTION 'transition % of incident %: "%" moves neither state nor level',
                NEW.sequence, NEW.incident_id, NEW.cause USING ERRCODE = 'MW001';
        END IF;
        RETURN NEW;
    END IF;
    IF NOT incident_may_go(NEW.from_state, NEW.to_state) THEN
        RAISE EXCEPTION 'transition % of incident % may not go from % to %', NEW.sequence,
            NEW.incident_id, NEW.from_state, NEW.to_state USING ERRCODE = 'MW001';
    END IF;
    IF NEW.from_state = 'open' AND NEW.to_state = 'open' AND NEW.level = before.level
       OR NEW.from_state IS NOT NULL AND NEW.to_state <> 'open' AND NEW.level <> before.level THEN
        RAISE EXCEPTION 'transition % of incident % may not go from level % to %', NEW.sequence,
            NEW.incident_id, before.level, NEW.level USING ERRCODE = 'MW001';
    END IF;
    RETURN NEW;
END
$$;
