"""The session at the broker listens to what is wanted now, whatever was wanted before."""

from tests.support.ingestion import Ingesting, Stored, payload
from tests.support.mosquitto import Mosquitto, Publisher
from tests.support.waiting import until


async def test_topics_of_earlier_settings_are_left_when_the_settings_change(
    ingesting: Ingesting, broker: Mosquitto, stored: Stored, sensor: Publisher
) -> None:
    async def noted(*, has: str, has_not: str) -> None:
        async def so() -> bool:
            ((filters,),) = (one.values() for one in await stored.rows(_FILTERS))
            return has in filters and has_not not in filters

        await until(so)

    before = ingesting.make(mqtt={"json_topic_filters": ["old/#"]})
    async with ingesting.running(before):
        await noted(has="old/#", has_not="new/#")
        await sensor.publish("old/bath", payload(temperature=21))
        await stored.has("readings", 1)
    async with ingesting.running(ingesting.make(mqtt={"json_topic_filters": ["new/#"]})):
        await noted(has="new/#", has_not="old/#")
        sent = _deliveries(broker, "old/bath")
        await sensor.publish("old/bath", payload(temperature=23))
        await sensor.publish("new/bath", payload(temperature=24))
        await stored.has("readings", 2)
        assert _deliveries(broker, "old/bath") == sent
    # and a setting that is taken back
    async with ingesting.running(ingesting.make(mqtt={"json_topic_filters": ["old/#"]})):
        await noted(has="old/#", has_not="new/#")
        await sensor.publish("old/bath", payload(temperature=25))
        await stored.has("readings", 3)


_FILTERS = "SELECT filters FROM mqtt_session"


def _deliveries(broker: Mosquitto, topic: str) -> int:
    return sum(
        "Sending PUBLISH to mould-watch" in line and f"'{topic}'" in line
        for line in broker.log_file.read_text(encoding="utf-8").splitlines()
    )
