"""Whether announced devices can be reached: what their availability topics said, put together."""

from collections.abc import Iterable

from mould_watch.ingest.discovery.announced import Component

type Heard = dict[tuple[str, str], bool]
"""(key of a component, topic) -> what the topic said last for it."""


class Reachability:
    """Remembers what each availability topic said last for each component."""

    def __init__(self) -> None:
        self._heard: Heard = {}
        self._latest: dict[str, bool] = {}

    def hear(self, component: Component, topic: str, *, online: bool) -> None:
        """Note what a topic said for a component."""
        self._heard[component.key, topic] = online
        self._latest[component.key] = online

    def forget(self, component: Component) -> None:
        """Forget a component that was taken away."""
        for one in component.availability:
            self._heard.pop((component.key, one.topic), None)
        self._latest.pop(component.key, None)

    def of_device(self, components: Iterable[Component]) -> bool | None:
        """Return whether any of a device's components can be reached; None: it is not known.

        A component without an availability topic says nothing.
        """
        said = [self._of(component) for component in components if component.availability]
        if True in said:
            return True
        return False if said and None not in said else None

    def _of(self, component: Component) -> bool | None:
        if component.availability_mode == "latest":
            return self._latest.get(component.key)
        heard = [self._heard.get((component.key, one.topic)) for one in component.availability]
        decisive = component.availability_mode == "any"
        if decisive in heard:
            return decisive
        return None if None in heard else not decisive
