-- What people did with incidents. A press has an id of its own and is taken once, however often
-- it is sent.
CREATE TABLE incident_action (
    action_id     uuid PRIMARY KEY,
    incident_id   uuid NOT NULL REFERENCES incident (id),
    action        text NOT NULL CHECK (action IN ('seen', 'snooze', 'unsnooze')),
    until         timestamptz CHECK ((until IS NOT NULL) = (action = 'snooze')),
    at            timestamptz NOT NULL,
    outcome       text NOT NULL CHECK (outcome IN ('done', 'unchanged', 'over')),
    -- the step it made the incident take
    transition_id bigint REFERENCES transition (id)
        CHECK ((transition_id IS NOT NULL) = (outcome = 'done'))
);
CREATE INDEX incident_action_incident ON incident_action (incident_id);
CREATE TRIGGER incident_action_append_only BEFORE UPDATE ON incident_action
    FOR EACH ROW EXECUTE FUNCTION append_only();
