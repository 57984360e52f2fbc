-- What a claim costs. No index knows `claimed` from `pending`, so a claim changes its row where it
-- lies, in the room its page keeps, and no index; the end alone moves it out of the live ones.
-- The rules are those of before.

ALTER TABLE notification SET (fillfactor = 40);

DROP INDEX notification_due, notification_lease, notification_lane_live, notification_follower,
    notification_failed;
-- Live rows only: their number stays small however long the history grows. Claims whose lease
-- ran out are found here as well: they were due when they were claimed.
CREATE INDEX notification_due ON notification (due_at, id) WHERE finished_at IS NULL;
CREATE INDEX notification_lane_live ON notification (incident_id, channel, route, target, sequence)
    WHERE finished_at IS NULL;
-- Those that may make an earlier one of their lane pointless: few, and the earlier is found by them.
CREATE INDEX notification_follower
    ON notification (incident_id, channel, route, target, sequence)
    WHERE finished_at IS NULL AND sequence > 1;
-- A condition on `state` would have a claim looked up in it.
ALTER TABLE notification
    ADD COLUMN is_failed boolean NOT NULL GENERATED ALWAYS AS (state = 'failed') STORED;
CREATE INDEX notification_failed ON notification (finished_at) WHERE is_failed;

---------------------------------------------------------------------------------------------
-- Steps are written by the very row they are of, and go with it: no lookup for each.

ALTER TABLE notification_step DROP CONSTRAINT notification_step_notification_id_fkey;
CREATE FUNCTION notification_remove_steps() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM notification_step USING gone WHERE notification_id = gone.id;
    RETURN NULL;
END
$$;
CREATE TRIGGER notification_remove_steps AFTER DELETE ON notification
    REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION notification_remove_steps();

CREATE OR REPLACE FUNCTION notification_record_steps() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO notification_step
        (notification_id, from_state, to_state, attempt, claimed_by, error)
    SELECT after.id, before.state, after.state, after.attempts, after.claimed_by,
        CASE WHEN after.state IN ('failed', 'pending', 'cancelled') THEN after.last_error END
    FROM after JOIN before ON before.id = after.id
    WHERE after.state <> before.state
       OR after.claim_token IS DISTINCT FROM before.claim_token;
    -- it may go, or the next of its lane may
    IF FOUND AND EXISTS (
        SELECT FROM after JOIN before ON before.id = after.id
        WHERE after.state <> before.state
          AND (after.state = 'pending' OR (after.state <> 'claimed' AND EXISTS (
            SELECT FROM notification AS newer
            WHERE newer.incident_id = after.incident_id AND newer.channel = after.channel
              AND newer.route = after.route AND newer.target = after.target
              AND newer.sequence > after.sequence AND newer.sequence > 1
              AND newer.finished_at IS NULL AND newer.state = 'pending'))))
    THEN
        PERFORM pg_notify('mould_watch_outbox', '');
    END IF;
    RETURN NULL;
END
$$;
