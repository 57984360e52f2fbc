"""Recognising the redelivery of a message that is not recognised by a time of its own. Pure.

A message of QoS > 0 is a redelivery when it has DUP, comes in the redelivery phase of a resumed
session, and its packet id is recorded with the same epoch and fingerprint. Anything else is new.
A record ends when its packet id comes with something else, when the redelivery phase ends without
it, or with its epoch.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from mould_watch.ingest.interpret import Interpreted
from mould_watch.storage.ingestion import Delivery, DeliverySession


@dataclass(frozen=True, slots=True)
class DeliveryPlan:
    """What a batch means for the recorded deliveries."""

    # places in the batch of messages that were stored before
    redelivered: frozenset[int]
    # packet id -> fingerprint, to be recorded or seen again
    recorded: dict[int, int]
    # packet ids whose record ends
    ended: list[int]
    phase_over: bool


def plan(session: DeliverySession, batch: Sequence[Interpreted]) -> DeliveryPlan:
    """Judge a batch, in order. Changes nothing: the same batch may be judged again."""
    redelivered: set[int] = set()
    recorded: dict[int, int] = {}
    ended: set[int] = set()
    phase_over = False
    for place, interpreted in enumerate(batch):
        message = interpreted.message
        if message.qos == 0:
            continue
        phase_over = phase_over or not message.redelivery_phase
        packet_id = message.packet_id
        if not interpreted.needs_delivery:
            recorded.pop(packet_id, None)
            if packet_id in session.deliveries:
                ended.add(packet_id)
            continue
        before = session.deliveries.get(packet_id)
        if (
            message.dup
            and message.redelivery_phase
            and before == Delivery(session.epoch, interpreted.fingerprint)
        ):
            redelivered.add(place)
        recorded[packet_id] = interpreted.fingerprint
        ended.discard(packet_id)
    return DeliveryPlan(
        redelivered=frozenset(redelivered),
        recorded=recorded,
        ended=sorted(ended),
        phase_over=phase_over and session.redelivery_phase,
    )


def committed(session: DeliverySession, done: DeliveryPlan) -> None:
    """Bring the session in step with what was committed."""
    for packet_id, fingerprint in done.recorded.items():
        session.deliveries[packet_id] = Delivery(session.epoch, fingerprint)
        session.confirmed.add(packet_id)
    for packet_id in done.ended:
        session.deliveries.pop(packet_id, None)
        session.confirmed.discard(packet_id)
    if done.phase_over:
        session.redelivery_phase = False
        session.deliveries = {
            packet_id: delivery
            for packet_id, delivery in session.deliveries.items()
            if packet_id in session.confirmed
        }
