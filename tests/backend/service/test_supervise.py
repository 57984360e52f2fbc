"""Parts are ended in order; one that dies, or does not end, ends the process all the same."""

import asyncio
import os
import signal
import sys

_PROGRAM = """
import asyncio, logging, sys
from mould_watch import service
from mould_watch.service import Part, supervise

logging.basicConfig(level="INFO", format="%(message)s", stream=sys.stdout)
service.STOP_S = float(sys.argv[2])

async def steady(name):
    print("start", name, flush=True)
    try:
        await asyncio.Event().wait()
    finally:
        await asyncio.sleep(0.05)
        print("end", name, flush=True)

async def stubborn():
    print("start stubborn", flush=True)
    while True:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            print("no", flush=True)

async def dying():
    raise RuntimeError("a reason")

async def ending():
    pass

a = Part("a", lambda: steady("a"))
b = Part("b", lambda: steady("b"))
parts = {
    "order": [a, b],
    "stubborn": [a, Part("stubborn", stubborn)],
    "dying": [a, Part("bad", dying), b],
    "ending": [a, Part("bad", ending)],
}[sys.argv[1]]
sys.exit(asyncio.run(supervise(parts)))
"""


async def start(case: str, stop_s: float = 30.0) -> asyncio.subprocess.Process:
    path = os.pathsep.join(path for path in sys.path if path)
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        _PROGRAM,
        case,
        str(stop_s),
        env=os.environ | {"PYTHONPATH": path},
        stdout=asyncio.subprocess.PIPE,
    )


async def read_until(process: asyncio.subprocess.Process, text: str) -> str:
    assert process.stdout is not None
    read = ""
    async with asyncio.timeout(20):
        while text not in read:
            line = await process.stdout.readline()
            assert line, read
            read += line.decode()
    return read


async def rest(process: asyncio.subprocess.Process) -> tuple[int | None, str]:
    async with asyncio.timeout(20):
        out, _ = await process.communicate()
    return process.returncode, out.decode()


async def test_a_signal_ends_the_parts_one_after_the_other_in_order() -> None:
    process = await start("order")
    await read_until(process, "start b")
    process.send_signal(signal.SIGTERM)
    code, out = await rest(process)
    assert code == 0
    assert out.index("end a") < out.index("end b") < out.index("ended in order")


async def test_a_second_signal_leaves_at_once() -> None:
    process = await start("stubborn")
    await read_until(process, "start stubborn")
    process.send_signal(signal.SIGTERM)
    await read_until(process, "no")
    process.send_signal(signal.SIGINT)
    code, _ = await rest(process)
    assert code == 128 + signal.SIGINT


async def test_a_part_that_does_not_end_is_left_in_time() -> None:
    process = await start("stubborn", stop_s=0.5)
    await read_until(process, "start stubborn")
    process.send_signal(signal.SIGTERM)
    code, out = await rest(process)
    assert code == 1
    assert "Not everything ended" in out


async def test_a_part_that_dies_ends_the_others_and_the_process() -> None:
    code, out = await rest(await start("dying"))
    assert code == 1
    assert "The part bad died" in out
    assert "a reason" in out
    assert "end a" in out
    assert "end b" in out


async def test_a_part_that_ends_by_itself_has_died() -> None:
    code, out = await rest(await start("ending"))
    assert code == 1
    assert "ended by itself" in out
