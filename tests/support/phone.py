"""What a test asks of the phone."""

from demo_flat.phone import Phone, Push
from demo_flat.processes import until


def pushes_about(phone: Phone, room: str) -> list[Push]:
    """Return every push about a room in order of arrival, clearing ones excepted."""
    return [push for push in phone.pushes if push.title and push.title.startswith(f"{room}:")]


def shown_about(phone: Phone, room: str) -> list[Push]:
    """Return the notifications about a room that the phone shows now."""
    return [
        push
        for push in phone.screen().shown.values()
        if push.title and push.title.startswith(f"{room}:")
    ]


async def next_push(phone: Phone, room: str, *, after: int = 0, timeout_s: float = 60) -> Push:
    """Wait until more than `after` pushes about a room have come; return the newest."""
    await until(
        lambda: len(pushes_about(phone, room)) > after,
        timeout_s=timeout_s,
        what=f"a push about {room} (there were {[push.title for push in phone.pushes]})",
    )
    return pushes_about(phone, room)[-1]
