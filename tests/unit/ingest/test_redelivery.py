"""The recognition of redeliveries against a model: a broker, a crash, and what is stored."""

from hypothesis import given
from hypothesis import strategies as st

from mould_watch.ingest import redelivery
from mould_watch.ingest.interpret import Interpreted
from mould_watch.storage.ingestion import Delivery, DeliverySession
from tests.support.messages import message


def session(**deliveries: int) -> DeliverySession:
    return DeliverySession(
        "c",
        epoch=4,
        connection=2,
        deliveries={int(key[1:]): Delivery(4, mark) for key, mark in deliveries.items()},
        confirmed=set(),
        redelivery_phase=True,
    )


def one(
    packet_id: int,
    mark: int,
    *,
    dup: bool = False,
    phase: bool = False,
    timed: bool = False,
    qos: int = 1,
) -> Interpreted:
    return Interpreted(
        message=message("t", b"", packet_id=packet_id, dup=dup, redelivery_phase=phase, qos=qos),
        source="s",
        fingerprint=mark,
        from_receipt=not timed,
    )


def test_recognised_by_dup_phase_id_epoch_and_fingerprint_together() -> None:
    good = one(7, 99, dup=True, phase=True)
    assert redelivery.plan(session(_7=99), [good]).redelivered == {0}
    other_epoch = session()
    other_epoch.deliveries[7] = Delivery(3, 99)
    for known, batch in [
        (session(), [good]),
        (session(_7=98), [good]),
        (session(_8=99), [good]),
        (other_epoch, [good]),
        (session(_7=99), [one(7, 99, dup=False, phase=True)]),
        (session(_7=99), [one(7, 99, dup=True, phase=False)]),
    ]:
        assert redelivery.plan(known, batch).redelivered == set()


def test_qos_0_is_left_alone_and_ends_no_phase() -> None:
    done = redelivery.plan(session(_7=99), [one(0, 99, qos=0)])
    assert done == redelivery.DeliveryPlan(frozenset(), {}, [], phase_over=False)


def test_a_timestamped_message_ends_the_record_of_its_packet_id() -> None:
    known = session(_7=99)
    done = redelivery.plan(known, [one(7, 1, timed=True), one(8, 1, timed=True)])
    assert done.ended == [7]
    redelivery.committed(known, done)
    assert known.deliveries == {}


def test_judging_a_batch_changes_nothing_until_it_is_committed() -> None:
    known = session(_7=99, _8=1)
    batch = [one(7, 99, dup=True, phase=True), one(9, 5)]
    assert redelivery.plan(known, batch) == redelivery.plan(known, batch)
    done = redelivery.plan(known, batch)
    assert done.phase_over
    redelivery.committed(known, done)
    # 8 did not come again: it had been acknowledged
    assert known.deliveries == {7: Delivery(4, 99), 9: Delivery(4, 5)}
    assert not known.redelivery_phase


@given(
    st.lists(
        st.tuples(
            st.sampled_from([1, 2]),  # the payload: equal ones on purpose
            st.booleans(),  # committed before the crash
            st.booleans(),  # its PUBACK arrived
        ),
        max_size=12,
    ),
    st.lists(st.sampled_from([1, 2]), max_size=6),
)
def test_after_a_crash_every_message_is_stored_exactly_once(
    before: list[tuple[int, bool, bool]], after: list[int]
) -> None:
    """Commits and PUBACKs happen in order; the broker re-sends what it got no PUBACK for."""
    committed = 0
    while committed < len(before) and before[committed][1]:
        committed += 1
    acknowledged = 0
    while acknowledged < committed and before[acknowledged][2]:
        acknowledged += 1
    known = DeliverySession("c", 1, 1, {}, set(), redelivery_phase=False)
    stored = 0
    for place in range(committed):
        done = redelivery.plan(known, [one(place + 1, before[place][0])])
        redelivery.committed(known, done)
        stored += 1 - len(done.redelivered)
    resumed = DeliverySession("c", 1, 2, dict(known.deliveries), set(), redelivery_phase=True)
    again = [
        one(place + 1, before[place][0], dup=True, phase=True)
        for place in range(acknowledged, len(before))
    ]
    # the ids of acknowledged messages are free again
    fresh = [one(place + 1, mark) for place, mark in enumerate(after)]
    done = redelivery.plan(resumed, [*again, *fresh[:acknowledged]])
    stored += len(again) + len(fresh[:acknowledged]) - len(done.redelivered)
    assert stored == len(before) + len(fresh[:acknowledged])
