-- What is due is taken from the index in order: no more rows are read than are claimed.

DROP INDEX notification_due;
CREATE INDEX notification_due ON notification (due_at, id) WHERE state = 'pending';

-- Only what was, is or becomes held or bundled concerns the plan.
DROP TRIGGER notification_planned ON notification;
CREATE TRIGGER notification_planned_insert BEFORE INSERT ON notification
    FOR EACH ROW EXECUTE FUNCTION notification_planned();
CREATE TRIGGER notification_planned_update BEFORE UPDATE ON notification FOR EACH ROW
    WHEN (OLD.held_until IS NOT NULL OR NEW.held_until IS NOT NULL OR NEW.bundled_in IS NOT NULL)
    EXECUTE FUNCTION notification_planned();
