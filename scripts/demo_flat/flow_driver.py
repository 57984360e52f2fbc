"""Goes through Home Assistant's configuration flows over its API, as its dialogs do."""

from collections.abc import Iterator, Mapping
from typing import Literal

from .home_assistant_api import HomeAssistantApi, HomeAssistantError, Json


class FlowDriver:
    """Goes through a configuration flow step by step, as the dialog does."""

    def __init__(
        self, api: HomeAssistantApi, *, of: Literal["", "subentries/", "options/"] = ""
    ) -> None:
        """Drive flows of entries, of their subentries, or of their options."""
        self._api = api
        self._path = f"/api/config/config_entries/{of}flow"
        self.step: Json = {}

    async def start(self, handler: object, **more: object) -> Json:
        """Start a flow."""
        body = {"handler": handler, "show_advanced_options": False, **more}
        self.step = await self._api.post(self._path, body)
        return self.step

    async def resume(self, flow_id: str) -> Json:
        """Go on with a flow that something else started."""
        self.step = await self._api.get(f"{self._path}/{flow_id}")
        return self.step

    async def submit(self, values: Json) -> Json:
        """Send one form; return the next step."""
        self.step = await self._api.post(f"{self._path}/{self.step['flow_id']}", values)
        return self.step

    async def fill(self, **changes: object) -> Json:
        """Send the form as it is shown, with some fields filled in anew.

        A field is found by its name wherever it is, in a section too. Raises
        HomeAssistantError when the form has no such field.
        """
        missing = set(changes) - {field["name"] for field in _fields(self.step["data_schema"])}
        if missing:
            raise HomeAssistantError(f"{self.step['step_id']} has no field {sorted(missing)}")
        return await self.submit(_filled(self.step["data_schema"], changes))

    def option(self, field_name: str, label: str) -> str:
        """Return the value of a field's choice, by the beginning of what a person reads."""
        for field in _fields(self.step["data_schema"]):
            if field["name"] == field_name:
                offered = field["selector"]["select"]["options"]
                for choice in offered:
                    if choice["label"].startswith(label):
                        return str(choice["value"])
                raise HomeAssistantError(
                    f"{field_name} offers no {label!r}: {[c['label'] for c in offered]}"
                )
        raise HomeAssistantError(f"{self.step['step_id']} has no field {field_name!r}")

    async def choose(self, option: str) -> Json:
        """Take one way of a menu."""
        return await self.submit({"next_step_id": option})

    async def abandon(self) -> None:
        """End the flow without an entry."""
        await self._api.delete(f"{self._path}/{self.step['flow_id']}")

    def expect(self, *, kind: str, step_id: str | None = None) -> Json:
        """Return the present step, or raise HomeAssistantError when it is another."""
        found = (self.step.get("type"), self.step.get("step_id"))
        if found[0] != kind or (step_id is not None and found[1] != step_id):
            raise HomeAssistantError(
                f"the flow is at {found}, not at {(kind, step_id)}: "
                f"{self.step.get('errors') or self.step.get('reason') or ''}"
            )
        return self.step


def _fields(schema: list[Json]) -> Iterator[Json]:
    """Yield every field of a form, those in sections too."""
    for field in schema:
        if field.get("type") == "expandable":
            yield from _fields(field["schema"])
        else:
            yield field


def _filled(schema: list[Json], changes: Mapping[str, object]) -> Json:
    """Return what the dialog would send: what is shown, except for the changes."""
    values: Json = {}
    for field in schema:
        name = field["name"]
        if field.get("type") == "expandable":
            values[name] = _filled(field["schema"], changes)
        elif name in changes:
            if changes[name] is not None:
                values[name] = changes[name]
        elif (shown := (field.get("description") or {}).get("suggested_value")) is not None:
            values[name] = shown
        elif field.get("default") is not None:
            values[name] = field["default"]
    return values
