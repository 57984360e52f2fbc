-- Devices and the backend itself are judged like rooms.

ALTER TABLE subject ADD COLUMN is_backend boolean NOT NULL DEFAULT false;
ALTER TABLE subject DROP CONSTRAINT subject_check;
ALTER TABLE subject ADD CONSTRAINT subject_is_one_thing
    CHECK (num_nonnulls(room_id, device_id) + is_backend::integer = 1);
CREATE UNIQUE INDEX subject_backend ON subject (is_backend) WHERE is_backend;

-- What the document says of devices: as it was sent, and for whoever judges one of them.
ALTER TABLE configuration ADD COLUMN devices jsonb NOT NULL DEFAULT '[]';
CREATE TABLE device_config (
    device_id integer PRIMARY KEY REFERENCES device (id),
    config    jsonb NOT NULL
);

-- How the parts of the backend are, said now and then by the process that has them, so that any
-- replica can judge: 'broker', 'spool', 'home_assistant:<instance id>'; 'clock', whose since is
-- when the wall clock last jumped.
CREATE TABLE backend_state (
    part        text PRIMARY KEY,
    is_well     boolean NOT NULL,
    -- since when it is so, without a break in the telling
    since       timestamptz NOT NULL,
    reported_at timestamptz NOT NULL,
    detail      jsonb NOT NULL DEFAULT '{}'
);

-- Nobody needs to look because a subject will be judged later than thought.
DROP TRIGGER condition_wake ON condition;
CREATE TRIGGER condition_wake AFTER INSERT OR DELETE OR UPDATE OF condition ON condition
    FOR EACH STATEMENT EXECUTE FUNCTION wake('mould_watch_condition');
