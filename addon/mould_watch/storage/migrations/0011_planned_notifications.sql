-- Notifications of more kinds, held back and bundled; what the plan may do is checked here as well.

ALTER TABLE transition ADD UNIQUE (incident_id, id);

ALTER TABLE notification
    -- until when it waits for what may come with it, and why; by the clock of who evaluates.
    -- due_at lies a little later, so that it goes out by itself should nobody release it.
    ADD COLUMN held_until timestamptz,
    ADD COLUMN held_for text CHECK (held_for IN ('group', 'quiet', 'flood')),
    -- when it was let go to its target: what a target's rate is counted by
    ADD COLUMN released_at timestamptz,
    -- the notification that says this one as well
    ADD COLUMN bundled_in uuid REFERENCES notification (id) ON DELETE SET NULL,
    ADD CHECK ((held_until IS NULL) = (held_for IS NULL)),
    -- what a flood kept back is told of in its summary, even if it is over by then
    ADD CHECK (held_until IS NULL OR state = 'pending' OR (state = 'cancelled' AND held_for = 'flood')),
    ADD CHECK (bundled_in IS NULL OR state = 'cancelled'),
    ADD CHECK (kind IN ('alarm', 'step_up', 'reminder', 'recovery', 'clear', 'summary')),
    -- no notification without a transition of its own incident: a reminder is one of the step
    -- that opened the incident last, a summary one of the gravest thing it tells of
    ADD FOREIGN KEY (incident_id, transition_id) REFERENCES transition (incident_id, id);

CREATE INDEX notification_held ON notification (held_until) WHERE held_until IS NOT NULL;
CREATE INDEX notification_rate ON notification (channel, route, target, released_at)
    WHERE released_at IS NOT NULL;
CREATE INDEX notification_bundled ON notification (bundled_in) WHERE bundled_in IS NOT NULL;

CREATE FUNCTION notification_planned() RETURNS trigger LANGUAGE plpgsql AS $$
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
    IF NEW.state = 'cancelled' AND NEW.held_for <> 'flood' THEN
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
CREATE TRIGGER notification_planned BEFORE INSERT OR UPDATE ON notification
    FOR EACH ROW EXECUTE FUNCTION notification_planned();

-- A summary tells of something.
CREATE FUNCTION notification_summary() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM notification WHERE bundled_in = NEW.id) THEN
        RAISE EXCEPTION 'notification %: a summary of nothing', NEW.id USING ERRCODE = 'MW001';
    END IF;
    RETURN NULL;
END
$$;
CREATE CONSTRAINT TRIGGER notification_summary AFTER INSERT ON notification
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.kind = 'summary' AND NEW.fallback_of IS NULL)
    EXECUTE FUNCTION notification_summary();
