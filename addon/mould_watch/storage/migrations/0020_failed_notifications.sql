-- Those that failed are few, and looked at every minute.

CREATE INDEX notification_failed ON notification (finished_at) WHERE state = 'failed';
