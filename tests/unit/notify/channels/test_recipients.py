"""What is kept of who has a notification is bounded."""

from uuid import UUID, uuid4

from mould_watch.notify.channels.recipients import _KEPT_MAXIMUM, Recipients


def _sent(recipients: Recipients, notification_id: UUID) -> None:
    recipients.reached(notification_id).add((0, "granny"))


def test_who_has_it_is_known_until_all_have_it() -> None:
    recipients = Recipients()
    notification_id = uuid4()
    _sent(recipients, notification_id)
    assert recipients.reached(notification_id) == {(0, "granny")}
    recipients.done(notification_id)
    recipients.done(notification_id)
    assert recipients.reached(notification_id) == set()


def test_those_tried_longest_ago_are_forgotten() -> None:
    recipients = Recipients()
    first, second, *others = [uuid4() for _ in range(_KEPT_MAXIMUM)]
    for one in (first, second, *others):
        _sent(recipients, one)
    recipients.reached(first)
    recipients.reached(uuid4())
    assert recipients.reached(first)
    assert len(recipients._reached) == _KEPT_MAXIMUM
    assert second not in recipients._reached
