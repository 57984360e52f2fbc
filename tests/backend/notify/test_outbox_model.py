"""The outbox against a small model of it: any order of any steps, on a real PostgreSQL."""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from mould_watch.domain.notification import Lane
from mould_watch.storage import outbox, outbox_care
from mould_watch.storage.connections import connect
from mould_watch.storage.outbox import ClaimedNotification
from mould_watch.storage.outbox_care import HandedOver, RetryOutcome
from tests.support.notifications import (
    INSTANCE,
    add_incident,
    add_notification,
    claim,
    expire_lease,
    finish,
    give_back,
)

pytestmark = pytest.mark.slow

_LANES = st.integers(min_value=0, max_value=2)
_LIVE = ("pending", "claimed")


@dataclass(eq=False)
class _Modelled:
    """A notification as it should be; two that look alike are still two."""

    lane: int
    kind: str
    state: str = "pending"
    due: bool = True
    attempts: int = 0
    token: UUID | None = None
    stale: bool = False
    unknown: int = 0
    retries: int = 0
    # it was cancelled because another goes through the other channel in its place
    fell_back: bool = False
    path: list[str] = field(default_factory=lambda: ["pending"])

    def become(self, state: str) -> None:
        self.state = state
        self.path.append(state)
        if state != "claimed":
            self.token, self.stale = None, False


class OutboxMachine(RuleBasedStateMachine):
    """Every step is taken on both; afterwards both must be the same."""

    url: str

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.connection: asyncpg.Connection[asyncpg.Record] = self.runner.run(connect(self.url))
        self.incidents: list[UUID] = []
        self.rows: dict[UUID, _Modelled] = {}
        self.tokens: list[ClaimedNotification] = []
        # the lanes whose alarm the other channel says
        self.said: set[int] = set()

    @initialize()
    def begin_empty(self) -> None:
        self.incidents = [self._run(self._new_incident()) for _ in range(3)]

    @rule(lane=_LANES, kind=st.sampled_from(["alarm", "alarm", "recovery", "clear"]))
    def write(self, lane: int, kind: str) -> None:
        id_ = self._run(add_notification(self.connection, self.incidents[lane], kind=kind))
        self.rows[id_] = _Modelled(lane, kind)

    @rule(limit=st.integers(min_value=1, max_value=4))
    def claim(self, limit: int) -> None:
        claimable = {id_ for id_ in self.rows if self._claimable(id_)}
        claimed = self._run(
            claim(
                self.connection,
                channel="home_assistant",
                routes=[INSTANCE],
                limit=limit,
                worker="w",
                lease_s=600,
            )
        )
        ids = {each.notification_id for each in claimed}
        assert ids <= claimable
        assert len(ids) == min(limit, len(claimable))
        for each in claimed:
            row = self.rows[each.notification_id]
            assert each.taken_over == (row.state == "claimed")
            row.unknown += each.taken_over
            assert each.unknown_outcomes == row.unknown
            row.become("claimed")
            row.attempts += 1
            row.token, row.stale = each.claim_token, False
            assert each.attempt == row.attempts
        self.tokens += claimed

    @precondition(lambda self: self.tokens)
    @rule(which=st.integers(min_value=0), end=st.sampled_from(["sent", "failed"]))
    def finish(self, which: int, end: str) -> None:
        claimed = self.tokens[which % len(self.tokens)]
        finished = self._run(
            finish(self.connection, claimed, "sent" if end == "sent" else "failed", "why")
        )
        assert finished == self._holds(claimed)
        if finished:
            self.rows[claimed.notification_id].become(end)

    @rule(lane=_LANES)
    def a_phone_is_gone(self, lane: int) -> None:
        """An alarm is written, and whatever can be claimed fails for good."""
        self.write(lane, "alarm")
        self.claim(10)
        for claimed in self.tokens:
            if self._holds(claimed):
                assert self._run(finish(self.connection, claimed, "failed", "gone"))
                self.rows[claimed.notification_id].become("failed")

    @precondition(lambda self: self.tokens)
    @rule(which=st.integers(min_value=0), delay_s=st.sampled_from([0, 3600]))
    def give_back(self, which: int, delay_s: int) -> None:
        claimed = self.tokens[which % len(self.tokens)]
        given_back = self._run(give_back(self.connection, claimed, delay_s, "not now"))
        assert given_back == self._holds(claimed)
        if given_back:
            row = self.rows[claimed.notification_id]
            row.become("pending")
            row.due = delay_s == 0

    @precondition(lambda self: self.tokens)
    @rule(which=st.integers(min_value=0))
    def let_the_lease_run_out(self, which: int) -> None:
        id_ = self.tokens[which % len(self.tokens)].notification_id
        self._run(expire_lease(self.connection, id_))
        row = self.rows[id_]
        row.stale = row.state == "claimed"

    @rule()
    def supersede(self) -> None:
        superseded = [id_ for id_ in self.rows if self._superseded(id_)]
        stale = [id_ for id_ in superseded if self.rows[id_].state == "claimed"]
        pending = [id_ for id_ in superseded if self.rows[id_].state == "pending"]
        result = self._run(outbox.supersede(self.connection))
        assert (result.given_back, result.cancelled) == (len(stale), len(pending))
        for id_ in stale:
            self.rows[id_].unknown += 1
            self.rows[id_].become("pending")
        for id_ in pending:
            self.rows[id_].become("cancelled")

    @precondition(lambda self: self.rows)
    @rule(which=st.integers(min_value=0), of_failed=st.booleans())
    def retry_by_hand(self, which: int, *, of_failed: bool) -> None:
        ids = (self._failed() if of_failed else None) or list(self.rows)
        id_ = ids[which % len(ids)]
        row = self.rows[id_]
        is_followed = any(other.state != "cancelled" for other in self._after(row))
        outcome = self._run(self._retry(id_))
        if row.state != "failed":
            assert outcome is RetryOutcome.NOT_FAILED
        elif is_followed:
            assert outcome is RetryOutcome.OVERTAKEN
        elif row.kind == "alarm" and row.lane in self.said:
            assert outcome is RetryOutcome.SAID_ELSEWHERE
        else:
            assert outcome is RetryOutcome.DONE
            row.become("pending")
            row.due = True
            row.retries += 1

    @rule()
    def nobody_comes(self) -> None:
        """What is due, first in its lane and no closing message goes the other way."""
        waiting = {
            id_
            for id_, row in self.rows.items()
            if row.state == "pending"
            and row.due
            and row.kind not in {"recovery", "clear"}
            and not any(other.state in _LIVE for other in self._before(row))
        }
        handed = self._run(self._fall_back())
        assert {one.notification_id for one in handed} == waiting
        self._fell_back(handed)

    @rule()
    def nobody_delivers(self) -> None:
        """What was tried, still waits, and is the last word of its lane goes the other way."""
        waiting = {
            id_
            for id_, row in self.rows.items()
            if row.state == "pending"
            and row.attempts > 0
            and row.kind not in {"recovery", "clear"}
            and not any(other.state in _LIVE for other in self._before(row))
            and self._is_last_word(row)
        }
        handed = self._run(self._fall_back_undelivered())
        assert {one.notification_id for one in handed} == waiting
        self._fell_back(handed)

    def _fell_back(self, handed: list[HandedOver]) -> None:
        for one in handed:
            row = self.rows[one.notification_id]
            row.become("cancelled")
            row.fell_back = True
            assert (one.fallback_id is not None) == (row.lane not in self.said)
            self.said.add(row.lane)

    @precondition(lambda self: self._failed())
    @rule()
    def what_failed_goes_the_other_way(self) -> None:
        """The last word of its lane, if that is an alarm that failed; it stays failed."""
        failed = {
            id_
            for id_, row in self.rows.items()
            if row.state == "failed"
            and row.kind == "alarm"
            and row.lane not in self.said
            and self._is_last_word(row)
        }
        handed = self._run(self._hand_over_failed())
        assert {one.notification_id for one in handed} == failed
        assert all(one.fallback_id is not None for one in handed)
        self.said |= {self.rows[id_].lane for id_ in failed}

    @rule()
    def stop_the_worker(self) -> None:
        held = [row for row in self.rows.values() if row.state == "claimed"]
        assert self._run(outbox.give_back_all(self.connection, "w")) == len(held)
        for row in held:
            row.become("pending")
            row.due = True

    @invariant()
    def both_are_the_same(self) -> None:
        found = self._run(
            self.connection.fetch(
                """
                SELECT n.id, n.state::text, n.attempts, n.claim_token, n.unknown_outcomes,
                    n.retries, n.fell_back,
                    array(SELECT s.to_state::text FROM notification_step AS s
                          WHERE s.notification_id = n.id ORDER BY s.id) AS path
                FROM notification AS n
                WHERE n.incident_id = ANY ($1::uuid[]) AND n.channel = 'home_assistant'
                """,
                self.incidents,
            )
        )
        names = ("state", "attempts", "claim_token", "unknown_outcomes", "retries", "fell_back")
        assert {row["id"]: (*(row[name] for name in names), row["path"]) for row in found} == {
            id_: (
                row.state,
                row.attempts,
                row.token,
                row.unknown,
                row.retries,
                row.fell_back,
                row.path,
            )
            for id_, row in self.rows.items()
        }

    @invariant()
    def the_other_way_says_each_transition_once(self) -> None:
        said = self._run(
            self.connection.fetch(
                "SELECT count(*) AS times FROM notification WHERE channel = 'apprise' "
                "AND incident_id = ANY ($1::uuid[]) GROUP BY incident_id, transition_id, kind",
                self.incidents,
            )
        )
        assert all(row["times"] == 1 for row in said)

    @invariant()
    def a_lane_has_one_claim_and_nothing_live_before_it(self) -> None:
        for lane in range(3):
            live = [row for row in self._lane(lane) if row.state in _LIVE]
            assert all(row.state == "pending" for row in live[1:])

    def teardown(self) -> None:
        try:
            if self.rows:
                # out of the way of the next example's claims
                self._run(self.connection.execute("TRUNCATE room CASCADE"))
            self._run(self.connection.close())
        finally:
            self.runner.close()

    def _failed(self) -> list[UUID]:
        return [id_ for id_, row in self.rows.items() if row.state == "failed"]

    def _before(self, row: _Modelled) -> list[_Modelled]:
        lane = self._lane(row.lane)
        return lane[: lane.index(row)]

    def _after(self, row: _Modelled) -> list[_Modelled]:
        lane = self._lane(row.lane)
        return lane[lane.index(row) + 1 :]

    def _is_last_word(self, row: _Modelled) -> bool:
        return all(other.state == "cancelled" and not other.fell_back for other in self._after(row))

    async def _fall_back_undelivered(self) -> list[HandedOver]:
        async with self.connection.transaction():
            return await outbox_care.fall_back_undelivered(
                self.connection,
                0,
                way=Lane("apprise", "mail", "mail"),
                reason="never arrived",
                told=["phone-1"],
            )

    async def _hand_over_failed(self) -> list[HandedOver]:
        async with self.connection.transaction():
            return await outbox_care.hand_over_failed(
                self.connection, 3600, way=Lane("apprise", "mail", "mail"), told=["phone-1"]
            )

    async def _retry(self, id_: UUID) -> RetryOutcome:
        async with self.connection.transaction():
            return await outbox_care.retry(self.connection, id_)

    async def _fall_back(self) -> list[HandedOver]:
        async with self.connection.transaction():
            return await outbox_care.fall_back(
                self.connection,
                "home_assistant",
                (),
                0,
                way=Lane("apprise", "mail", "mail"),
                reason="nobody came",
            )

    def _lane(self, lane: int) -> list[_Modelled]:
        return [row for row in self.rows.values() if row.lane == lane]

    def _superseded(self, id_: UUID) -> bool:
        row = self.rows[id_]
        lane = self._lane(row.lane)
        newer = [other for other in lane[lane.index(row) + 1 :] if other.state == "pending"]
        return (row.state == "pending" or row.stale) and any(
            row.attempts > 0 or other.kind != "alarm" for other in newer
        )

    def _claimable(self, id_: UUID) -> bool:
        row = self.rows[id_]
        lane = self._lane(row.lane)
        return (
            ((row.state == "pending" and row.due) or row.stale)
            and not any(other.state in _LIVE for other in lane[: lane.index(row)])
            and not self._superseded(id_)
        )

    def _holds(self, claimed: ClaimedNotification) -> bool:
        return self.rows[claimed.notification_id].token == claimed.claim_token

    async def _new_incident(self) -> UUID:
        return await add_incident(self.connection)

    def _run[Result](self, coroutine: Coroutine[Any, Any, Result]) -> Result:
        return self.runner.run(coroutine)


@pytest.mark.timeout(60)
def test_the_outbox_behaves_like_its_model(database_url: str) -> None:
    """Runs without an event loop of its own: each example brings one."""
    machine = type("Machine", (OutboxMachine,), {"url": database_url})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=60,
            stateful_step_count=30,
            derandomize=True,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
