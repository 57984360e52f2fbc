"""The backend killed a hundred times with messages on their way: none is lost, none is twice."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from tests.reliability.chaos.plan import FaultKind, faults_counted
from tests.reliability.chaos.run import run
from tests.support.postgres import reachable_folder

CYCLES = 100


@pytest.mark.slow
@pytest.mark.timeout(900)
async def test_a_hundred_kills_lose_nothing_and_double_nothing() -> None:
    folder: Path = reachable_folder("mould-watch-chaos-")
    kinds = (FaultKind.KILL_BACKEND, FaultKind.KILL_BACKEND_AT_POINT)
    # one soon after the other: the messages between them are what counts
    faults = [
        replace(fault, pause_s=fault.pause_s / 4)
        for fault in faults_counted(20261124, CYCLES, kinds)
    ]
    result = await run(folder, 20261124, faults, rate=40)
    assert sum(result.faults.values()) == CYCLES
    assert result.starts > CYCLES
    # most of those that were to die at a named point did
    assert result.points_missed < result.faults[FaultKind.KILL_BACKEND_AT_POINT] / 4
    assert result.verdict.published > CYCLES
    assert result.verdict.is_good, f"{result.as_json()}; the logs are in {folder}"
    shutil.rmtree(folder, ignore_errors=True)
