"""Every pair of states, tried on the real triggers: the lawful pass, all others are refused."""

import itertools
from uuid import UUID, uuid4

import asyncpg
import pytest

INCIDENT_STATES = ("verifying", "open", "recovering", "resolved", "dismissed", "retired")
ENDED = {"resolved", "dismissed", "retired"}
INCIDENT_LAWFUL = {
    ("verifying", "open"),
    ("verifying", "dismissed"),
    ("verifying", "retired"),
    ("open", "recovering"),
    ("open", "retired"),
    ("recovering", "open"),
    ("recovering", "resolved"),
    ("recovering", "retired"),
}
# how to come lawfully from the beginning to each state
INCIDENT_WAY = {
    "verifying": (),
    "open": ("open",),
    "recovering": ("open", "recovering"),
    "resolved": ("open", "recovering", "resolved"),
    "dismissed": ("dismissed",),
    "retired": ("retired",),
}

NOTIFICATION_STATES = ("pending", "claimed", "sent", "failed", "cancelled")
NOTIFICATION_LAWFUL = {
    ("pending", "pending"),
    ("pending", "claimed"),
    ("pending", "cancelled"),
    ("claimed", "sent"),
    ("claimed", "failed"),
    ("claimed", "pending"),
}
NOTIFICATION_WAY = {
    "pending": (),
    "claimed": ("claimed",),
    "sent": ("claimed", "sent"),
    "failed": ("claimed", "failed"),
    "cancelled": ("cancelled",),
}


def refused(code: str) -> pytest.RaisesExc[asyncpg.PostgresError]:
    return pytest.RaisesExc(asyncpg.PostgresError, check=lambda error: error.sqlstate == code)


async def new_incident(connection: asyncpg.Connection, state: str = "verifying") -> UUID:
    room_id = uuid4()
    await connection.execute("INSERT INTO room (id, name) VALUES ($1, 'Bathroom')", room_id)
    subject_id = await connection.fetchval(
        "INSERT INTO subject (room_id) VALUES ($1) RETURNING id", room_id
    )
    incident_id: UUID = await connection.fetchval(
        """
        INSERT INTO incident (subject_id, rule_id, state, level, breach_since, sequence, ended_at)
        VALUES ($1, 'surface_damp', $2::text::incident_state, 'watch', now(), 1,
                CASE WHEN $2 IN ('resolved', 'dismissed', 'retired') THEN now() END)
        RETURNING id
        """,
        subject_id,
        state,
    )
    return incident_id


async def move_incident(connection: asyncpg.Connection, incident_id: UUID, state: str) -> None:
    await connection.execute(
        """
        UPDATE incident SET state = $2::text::incident_state, sequence = sequence + 1,
            ended_at = CASE WHEN $3 THEN now() END
        WHERE id = $1
        """,
        incident_id,
        state,
        state in ENDED,
    )


async def add_transition(
    connection: asyncpg.Connection,
    incident_id: UUID,
    sequence: int,
    from_state: str | None,
    to_state: str,
    *,
    level: str = "watch",
    cause: str = "judged",
) -> int:
    transition_id: int = await connection.fetchval(
        """
        INSERT INTO transition (incident_id, sequence, from_state, to_state, level, cause, at)
        VALUES ($1, $2, $3::text::incident_state, $4::text::incident_state,
                $5::text::risk_level, $6, now())
        RETURNING id
        """,
        incident_id,
        sequence,
        from_state,
        to_state,
        level,
        cause,
    )
    return transition_id


async def new_notification(connection: asyncpg.Connection) -> UUID:
    incident_id = await new_incident(connection)
    transition_id = await add_transition(connection, incident_id, 1, None, "verifying")
    notification_id: UUID = await connection.fetchval(
        """
        INSERT INTO notification (transition_id, incident_id, channel, route, target, sequence,
                                  kind, severity, message)
        VALUES ($1, $2, 'home_assistant', 'home', 'phone', 1, 'alarm', 'warning', '{}')
        RETURNING id
        """,
        transition_id,
        incident_id,
    )
    return notification_id


async def move_notification(
    connection: asyncpg.Connection, notification_id: UUID, state: str, *, attempts: int = 1
) -> None:
    """Set a state with every column as that state demands; a claim lasts for 60 s."""
    await connection.execute(
        """
        UPDATE notification SET
            attempts = attempts + CASE WHEN $2 = 'claimed' THEN $3::integer ELSE 0 END,
            state = $2::text::notification_state,
            claim_token = CASE WHEN $2 = 'claimed' THEN gen_random_uuid() END,
            lease_until = CASE WHEN $2 = 'claimed' THEN clock_timestamp() + '60 s' END,
            finished_at = CASE WHEN $2 IN ('sent', 'failed', 'cancelled') THEN now() END
        WHERE id = $1
        """,
        notification_id,
        state,
        attempts,
    )


@pytest.mark.parametrize("state", INCIDENT_STATES)
async def test_an_incident_begins_as_verifying(connection: asyncpg.Connection, state: str) -> None:
    if state == "verifying":
        await new_incident(connection, state)
    else:
        with refused("MW001"):
            await new_incident(connection, state)


async def test_incidents_step_only_as_the_life_of_an_incident_allows(
    connection: asyncpg.Connection,
) -> None:
    for before, after in itertools.permutations(INCIDENT_STATES, 2):
        incident_id = await new_incident(connection)
        for state in INCIDENT_WAY[before]:
            await move_incident(connection, incident_id, state)
        if (before, after) in INCIDENT_LAWFUL:
            await move_incident(connection, incident_id, after)
        else:
            with refused("MW001"):
                await move_incident(connection, incident_id, after)
        now = await connection.fetchval(
            "SELECT state::text FROM incident WHERE id = $1", incident_id
        )
        assert now == (after if (before, after) in INCIDENT_LAWFUL else before)


async def test_transitions_are_the_same_lawful_steps(connection: asyncpg.Connection) -> None:
    for before, after in itertools.product(INCIDENT_STATES, repeat=2):
        incident_id = await new_incident(connection)
        states = ("verifying", *INCIDENT_WAY[before])
        for number, state in enumerate(states, start=1):
            from_state = None if number == 1 else states[number - 2]
            await add_transition(connection, incident_id, number, from_state, state)
        if (before, after) in INCIDENT_LAWFUL:
            await add_transition(connection, incident_id, len(states) + 1, before, after)
        else:
            with refused("MW001"):
                await add_transition(connection, incident_id, len(states) + 1, before, after)


async def walk(connection: asyncpg.Connection, state: str) -> tuple[UUID, int]:
    """Return an incident whose transitions led to `state`, and the number of the last."""
    incident_id = await new_incident(connection)
    states = ("verifying", *INCIDENT_WAY[state])
    for number, to_state in enumerate(states, start=1):
        from_state = None if number == 1 else states[number - 2]
        await add_transition(connection, incident_id, number, from_state, to_state)
        if number > 1:
            await move_incident(connection, incident_id, to_state)
    return incident_id, len(states)


@pytest.mark.parametrize("state", INCIDENT_STATES)
async def test_only_an_open_incident_changes_its_level(
    connection: asyncpg.Connection, state: str
) -> None:
    incident_id, number = await walk(connection, state)
    raised = """
        UPDATE incident SET level = 'high', sequence = sequence + 1 WHERE id = $1
    """
    if state == "open":
        await connection.execute(raised, incident_id)
        await add_transition(connection, incident_id, number + 1, state, state, level="high")
        await move_incident(connection, incident_id, "recovering")
        with refused("MW001"):  # it keeps the level it was about
            await add_transition(connection, incident_id, number + 2, state, "recovering")
    else:
        with refused("MW001"):
            await connection.execute(raised, incident_id)
        with refused("MW001"):
            await add_transition(connection, incident_id, number + 1, state, state, level="high")


@pytest.mark.parametrize("cause", ["seen", "snoozed", "unsnoozed", "snooze_ended"])
@pytest.mark.parametrize("state", INCIDENT_STATES)
async def test_what_people_do_moves_neither_state_nor_level_and_ends_with_the_incident(
    connection: asyncpg.Connection, state: str, cause: str
) -> None:
    incident_id, number = await walk(connection, state)
    with refused("MW001"):
        await add_transition(
            connection, incident_id, number + 1, state, state, level="high", cause=cause
        )
    if state in ENDED:
        with refused("MW001"):
            await add_transition(connection, incident_id, number + 1, state, state, cause=cause)
    else:
        await add_transition(connection, incident_id, number + 1, state, state, cause=cause)


@pytest.mark.parametrize(
    "change",
    [
        "state = 'open'",
        "acknowledged_at = now(), handled_level = level",
        "snoozed_until = now(), handled_level = level",
        "sequence = sequence + 2, state = 'open'",
        "sequence = sequence + 2",
    ],
)
async def test_every_change_of_an_incident_is_one_step(
    connection: asyncpg.Connection, change: str
) -> None:
    incident_id = await new_incident(connection)
    with refused("MW001"):
        await connection.execute(f"UPDATE incident SET {change} WHERE id = $1", incident_id)  # noqa: S608 - the examples above


async def test_an_incident_that_is_over_takes_no_step(connection: asyncpg.Connection) -> None:
    incident_id, _ = await walk(connection, "resolved")
    with refused("MW001"):
        await connection.execute(
            "UPDATE incident SET acknowledged_at = now(), handled_level = level,"
            " sequence = sequence + 1 WHERE id = $1",
            incident_id,
        )


@pytest.mark.parametrize(
    ("sequence", "from_state", "to_state"),
    [
        pytest.param(1, "verifying", "open", id="the first comes from nowhere"),
        pytest.param(2, None, "verifying", id="only the first does"),
        pytest.param(2, "recovering", "open", id="not from where the one before ended"),
        pytest.param(3, "verifying", "open", id="a number is left out"),
    ],
)
async def test_transitions_are_linear(
    connection: asyncpg.Connection, sequence: int, from_state: str | None, to_state: str
) -> None:
    incident_id = await new_incident(connection)
    if sequence > 1:
        await add_transition(connection, incident_id, 1, None, "verifying")
    with refused("MW001"):
        await add_transition(connection, incident_id, sequence, from_state, to_state)


async def test_a_transition_is_written_once_and_never_changed(
    connection: asyncpg.Connection,
) -> None:
    incident_id = await new_incident(connection)
    await add_transition(connection, incident_id, 1, None, "verifying")
    with pytest.raises(asyncpg.UniqueViolationError):
        await add_transition(connection, incident_id, 1, None, "verifying")
    with refused("MW002"):
        await connection.execute("UPDATE transition SET level = 'high'")


async def test_an_incident_never_goes_back_in_its_sequence(connection: asyncpg.Connection) -> None:
    incident_id = await new_incident(connection)
    with refused("MW001"):
        await connection.execute("UPDATE incident SET sequence = 0 WHERE id = $1", incident_id)


async def test_one_live_incident_per_subject_and_rule(connection: asyncpg.Connection) -> None:
    incident_id = await new_incident(connection)
    again = """
        INSERT INTO incident (subject_id, rule_id, level, breach_since)
        SELECT subject_id, rule_id, level, breach_since FROM incident WHERE id = $1
    """
    with pytest.raises(asyncpg.UniqueViolationError):
        await connection.execute(again, incident_id)
    await move_incident(connection, incident_id, "dismissed")
    await connection.execute(again, incident_id)


async def test_notifications_step_only_as_the_life_of_a_notification_allows(
    connection: asyncpg.Connection,
) -> None:
    for before, after in itertools.product(NOTIFICATION_STATES, repeat=2):
        notification_id = await new_notification(connection)
        for state in NOTIFICATION_WAY[before]:
            await move_notification(connection, notification_id, state)
        if (before, after) in NOTIFICATION_LAWFUL:
            await move_notification(connection, notification_id, after)
        else:
            # among them claimed -> claimed: a living claim is never taken over
            with refused("MW001"):
                await move_notification(connection, notification_id, after)


@pytest.mark.parametrize("state", ["claimed", "sent", "failed", "cancelled"])
async def test_a_notification_begins_as_pending(connection: asyncpg.Connection, state: str) -> None:
    notification_id = await new_notification(connection)
    with refused("MW001"):
        await connection.execute(
            """
            INSERT INTO notification (transition_id, incident_id, channel, route, target,
                                      sequence, kind, severity, message, state)
            SELECT transition_id, incident_id, channel, route, target, 2, kind, severity,
                   message, $2::text::notification_state
            FROM notification WHERE id = $1
            """,
            notification_id,
            state,
        )


async def test_a_claim_whose_lease_ran_out_may_be_taken_over(
    connection: asyncpg.Connection,
) -> None:
    notification_id = await new_notification(connection)
    await move_notification(connection, notification_id, "claimed")
    await connection.execute(
        "UPDATE notification SET lease_until = clock_timestamp() - interval '1 s' WHERE id = $1",
        notification_id,
    )
    await move_notification(connection, notification_id, "claimed")
    assert await connection.fetchval("SELECT attempts FROM notification") == 2


@pytest.mark.parametrize("attempts", [0, 2, -1])
async def test_a_claim_is_exactly_one_attempt(
    connection: asyncpg.Connection, attempts: int
) -> None:
    notification_id = await new_notification(connection)
    with refused("MW001"):
        await move_notification(connection, notification_id, "claimed", attempts=attempts)


async def test_only_a_claim_is_an_attempt(connection: asyncpg.Connection) -> None:
    await new_notification(connection)
    with refused("MW001"):
        await connection.execute("UPDATE notification SET attempts = 1")


async def test_every_step_is_recorded_and_never_changed(connection: asyncpg.Connection) -> None:
    notification_id = await new_notification(connection)
    for state in ("claimed", "pending", "claimed", "sent"):
        await move_notification(connection, notification_id, state)
    steps = await connection.fetch(
        "SELECT from_state::text, to_state::text, attempt FROM notification_step ORDER BY id"
    )
    assert [tuple(step) for step in steps] == [
        (None, "pending", 0),
        ("pending", "claimed", 1),
        ("claimed", "pending", 1),
        ("pending", "claimed", 2),
        ("claimed", "sent", 2),
    ]
    with refused("MW002"):
        await connection.execute("UPDATE notification_step SET error = 'none'")
