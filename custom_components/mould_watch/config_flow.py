"""Setting up: the backend, the home, and straight on into the first room."""

import logging
from collections.abc import Mapping
from typing import Any, Final, override

import probatio
from homeassistant.config_entries import (
    SOURCE_USER,
    ConfigEntry,
    ConfigEntryState,
    ConfigFlow,
    ConfigFlowResult,
    ConfigSubentryData,
    ConfigSubentryFlow,
    FlowType,
    OptionsFlow,
    SubentryFlowContext,
)
from homeassistant.const import CONF_HOST, CONF_PORT, CONF_TOKEN, CONF_URL
from homeassistant.core import callback
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers import instance_id
from homeassistant.helpers.aiohttp_client import async_get_clientsession
from homeassistant.helpers.selector import TextSelector, TextSelectorConfig, TextSelectorType
from homeassistant.helpers.service_info.hassio import HassioServiceInfo
from yarl import URL

from .asking import fetch_devices, fetch_info
from .const import CONF_TAKE_OVER, DOMAIN, SUBENTRY_DEVICE, SUBENTRY_ROOM
from .device_flow import DeviceFlow
from .document import home_from_wire, home_targets, room_from_wire
from .errors import MouldWatchClientError
from .home_flow import HomeSteps
from .models import BackendInfo, Device
from .room_flow import RoomFlow
from .runtime import MouldWatchConfigEntry
from .stream import request_once
from .watched_devices import devices_from_wire

_LOGGER = logging.getLogger(__name__)

TITLE: Final = "Mould Watch"
CONF_AUTH_TOKEN: Final = "auth_token"  # noqa: S105 - the name of a field
EXAMPLE_URL: Final = "http://192.168.1.10:8099"
_PLACEHOLDERS: Final = {"example_url": EXAMPLE_URL}

_TOKEN: Final = TextSelector(TextSelectorConfig(type=TextSelectorType.PASSWORD))
_USER_SCHEMA: Final = probatio.Schema(
    {
        probatio.Required(CONF_URL): TextSelector(
            TextSelectorConfig(type=TextSelectorType.URL, autocomplete="url")
        ),
        probatio.Required(CONF_TOKEN): _TOKEN,
    }
)
_REAUTH_SCHEMA: Final = probatio.Schema({probatio.Required(CONF_TOKEN): _TOKEN})


class MouldWatchConfigFlow(HomeSteps, ConfigFlow, domain=DOMAIN):
    """The entry flow."""

    VERSION = 1

    def __init__(self) -> None:
        """Begin with nothing known."""
        self._data: dict[str, Any] = {}
        self._home: dict[str, Any] = {}
        self._rooms: list[ConfigSubentryData] = []
        self._devices_watched: list[ConfigSubentryData] = []
        self._read_only = False
        self._discovered = ""

    @classmethod
    @callback
    @override
    def async_get_supported_subentry_types(
        cls, config_entry: ConfigEntry
    ) -> dict[str, type[ConfigSubentryFlow]]:
        """Return what an entry consists of: rooms, and single devices."""
        return {SUBENTRY_ROOM: RoomFlow, SUBENTRY_DEVICE: DeviceFlow}

    @staticmethod
    @callback
    @override
    def async_get_options_flow(config_entry: ConfigEntry) -> MouldWatchOptionsFlow:
        """Return the flow that changes the home."""
        return MouldWatchOptionsFlow()

    @override
    async def async_step_user(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask where the backend is."""
        errors: dict[str, str] = {}
        if user_input is not None:
            errors, info = await self._probe(user_input[CONF_URL], user_input[CONF_TOKEN])
            if info is not None:
                await self.async_set_unique_id(info.backend_id, raise_on_progress=False)
                self._abort_if_unique_id_configured()
                errors, result = await self._after_probe(info)
                if result is not None:
                    return result
        return self.async_show_form(
            step_id="user",
            data_schema=self.add_suggested_values_to_schema(_USER_SCHEMA, user_input),
            errors=errors,
            description_placeholders=_PLACEHOLDERS,
        )

    @override
    async def async_step_hassio(self, discovery_info: HassioServiceInfo) -> ConfigFlowResult:
        """Take the app that the Supervisor has found."""
        config = discovery_info.config
        url = str(URL.build(scheme="http", host=config[CONF_HOST], port=int(config[CONF_PORT])))
        token = config[CONF_AUTH_TOKEN]
        self._discovered = discovery_info.name
        # The app may still be starting: its address is taken all the same.
        _, info = await self._probe(url, token)
        backend_id = None if info is None else info.backend_id
        for entry in self._async_current_entries(include_ignore=False):
            if entry.data[CONF_TOKEN] == token or entry.unique_id == backend_id:
                self._update(entry, {CONF_URL: url, CONF_TOKEN: token})
                return self.async_abort(reason="already_configured")
        await self.async_set_unique_id(backend_id or discovery_info.uuid)
        self._abort_if_unique_id_configured()
        self._data = {CONF_URL: url, CONF_TOKEN: token}
        return await self.async_step_hassio_confirm()

    async def async_step_hassio_confirm(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask whether to use the app."""
        errors: dict[str, str] = {}
        if user_input is not None:
            errors, info = await self._probe(self._data[CONF_URL], self._data[CONF_TOKEN])
            if info is not None:
                await self.async_set_unique_id(info.backend_id, raise_on_progress=False)
                self._abort_if_unique_id_configured()
                errors, result = await self._after_probe(info)
                if result is not None:
                    return result
        else:
            self._set_confirm_only()
        return self.async_show_form(
            step_id="hassio_confirm",
            errors=errors,
            description_placeholders={"app": self._discovered},
        )

    async def async_step_other_owner(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Another Home Assistant owns the backend: ask what to do."""
        del user_input
        return self.async_show_menu(step_id="other_owner", menu_options=["read_only", "take_over"])

    async def async_step_read_only(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Connect without a say."""
        del user_input
        self._read_only = True
        return self.async_create_entry(title=TITLE, data=self._data)

    async def async_step_take_over(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Take the backend over, with its rooms."""
        del user_input
        if error := await self._import_rooms():
            return self.async_abort(reason=error)
        self._data[CONF_TAKE_OVER] = True
        return await self.async_step_home()

    async def async_step_reauth(self, entry_data: Mapping[str, Any]) -> ConfigFlowResult:
        """The backend does not know the token any more."""
        del entry_data
        return await self.async_step_reauth_confirm()

    async def async_step_reauth_confirm(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask for the new token."""
        entry = self._get_reauth_entry()
        errors: dict[str, str] = {}
        if user_input is not None:
            errors, info = await self._probe(entry.data[CONF_URL], user_input[CONF_TOKEN])
            if info is not None:
                return await self._update_and_abort(entry, info)
        return self.async_show_form(
            step_id="reauth_confirm",
            data_schema=_REAUTH_SCHEMA,
            errors=errors,
            description_placeholders={"url": entry.data[CONF_URL]},
        )

    async def async_step_reconfigure(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask where the backend is now."""
        entry = self._get_reconfigure_entry()
        errors: dict[str, str] = {}
        if user_input is not None:
            errors, info = await self._probe(user_input[CONF_URL], user_input[CONF_TOKEN])
            if info is not None:
                return await self._update_and_abort(entry, info)
        return self.async_show_form(
            step_id="reconfigure",
            data_schema=self.add_suggested_values_to_schema(
                _USER_SCHEMA, user_input or {CONF_URL: entry.data[CONF_URL]}
            ),
            errors=errors,
            description_placeholders=_PLACEHOLDERS,
        )

    @override
    async def async_on_create_entry(self, result: ConfigFlowResult) -> ConfigFlowResult:
        """Go straight on into the first room."""
        if self._rooms or self._read_only:
            return result
        first_room = await self.hass.config_entries.subentries.async_init(
            (result["result"].entry_id, SUBENTRY_ROOM),
            context=SubentryFlowContext(source=SOURCE_USER),
        )
        # An aborted flow is over: there is nothing to go on with.
        if first_room["type"] is not FlowResultType.ABORT:
            result["next_flow"] = (FlowType.CONFIG_SUBENTRIES_FLOW, first_room["flow_id"])
        return result

    async def _probe(self, url: str, token: str) -> tuple[dict[str, str], BackendInfo | None]:
        """Ask the backend who it is; return errors, or what it says.

        Keeps the address that answered for the entry.
        """
        try:
            url = normal_url(url)
        except ValueError:
            return {CONF_URL: "invalid_url"}, None
        try:
            info = await fetch_info(async_get_clientsession(self.hass), url, token.strip())
        except MouldWatchClientError as err:
            _LOGGER.debug("The backend at %s cannot be used: %s", url, err)
            return {"base": err.key}, None
        if info.backend_id is None:
            # It cannot say who it is before its database runs.
            return {"base": "backend_starting"}, None
        self._data = {CONF_URL: url, CONF_TOKEN: token.strip()}
        return {}, info

    async def _after_probe(
        self, info: BackendInfo
    ) -> tuple[dict[str, str], ConfigFlowResult | None]:
        """Go on with a backend that can be used; return errors, or the next step."""
        if info.owner not in (None, await instance_id.async_get(self.hass)):
            return {}, await self.async_step_other_owner()
        if info.rooms and (error := await self._import_rooms()):
            return {"base": error}, None
        return {}, await self.async_step_home()

    async def _import_rooms(self) -> str | None:
        """Take the rooms the backend has, and its home; return the error's key, if any."""
        try:
            restored = await request_once(
                async_get_clientsession(self.hass),
                self._data[CONF_URL],
                self._data[CONF_TOKEN],
                await instance_id.async_get(self.hass),
                "restore",
            )
        except MouldWatchClientError as err:
            _LOGGER.debug("The backend's rooms cannot be read: %s", err)
            return err.key
        document = restored.get("document") or {}
        self._home = home_from_wire(document.get("home") or {})
        self._rooms = [
            ConfigSubentryData(
                data=room_from_wire(room),
                subentry_type=SUBENTRY_ROOM,
                title=str(room["name"]),
                unique_id=str(room["room_id"]),
            )
            for room in document.get("rooms", ())
        ]
        self._devices_watched = [
            ConfigSubentryData(
                data=device.data,
                subentry_type=SUBENTRY_DEVICE,
                title=device.title,
                unique_id=device.unique_id,
            )
            for device in devices_from_wire(
                document.get("devices") or (), home_targets(document.get("home") or {})
            )
        ]
        return None

    async def _devices(self) -> list[Device]:
        try:
            return await fetch_devices(
                async_get_clientsession(self.hass), self._data[CONF_URL], self._data[CONF_TOKEN]
            )
        except MouldWatchClientError as err:
            # Home Assistant's own sensors can be chosen all the same.
            _LOGGER.debug("The backend's devices cannot be read: %s", err)
            return []

    def _backend(self) -> tuple[str, str]:
        return self._data[CONF_URL], self._data[CONF_TOKEN]

    async def _finish_home(self) -> ConfigFlowResult:
        return self.async_create_entry(
            title=TITLE,
            data=self._data,
            options=self._home,
            subentries=[*self._rooms, *self._devices_watched],
        )

    async def _update_and_abort(
        self, entry: MouldWatchConfigEntry, info: BackendInfo
    ) -> ConfigFlowResult:
        await self.async_set_unique_id(info.backend_id, raise_on_progress=False)
        self._abort_if_unique_id_mismatch(reason="other_backend")
        reload = not entry.update_listeners
        result = self.async_update_and_abort(entry, data_updates=self._data)
        if reload:
            self.hass.config_entries.async_schedule_reload(entry.entry_id)
        return result

    @callback
    def _update(self, entry: ConfigEntry, data: dict[str, Any]) -> None:
        """Change an entry; its listener starts it anew, if it has one."""
        changed = self.hass.config_entries.async_update_entry(entry, data={**entry.data, **data})
        if changed and entry.state in (
            ConfigEntryState.SETUP_ERROR,
            ConfigEntryState.SETUP_RETRY,
        ):
            self.hass.config_entries.async_schedule_reload(entry.entry_id)


class MouldWatchOptionsFlow(HomeSteps, OptionsFlow):
    """Changes the home: outdoor air and phones."""

    async def async_step_init(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Begin with what is stored."""
        del user_input
        self._home = dict(self.config_entry.options)
        return await self.async_step_home()

    async def _devices(self) -> list[Device]:
        entry: MouldWatchConfigEntry = self.config_entry
        if entry.state is not ConfigEntryState.LOADED:
            return []
        return list(entry.runtime_data.coordinator.data.devices.values())

    def _backend(self) -> tuple[str, str]:
        return self.config_entry.data[CONF_URL], self.config_entry.data[CONF_TOKEN]

    async def _finish_home(self) -> ConfigFlowResult:
        return self.async_create_entry(data=self._home)


def normal_url(text: str) -> str:
    """Return the address in one spelling: with scheme, without path; raises ValueError."""
    text = text.strip()
    url = URL(text if "://" in text else f"http://{text}")
    if url.scheme not in ("http", "https") or not url.host:
        message = "not an address of a web server"
        raise ValueError(message)
    return str(url.with_path(url.path.rstrip("/")).with_query(None).with_fragment(None))
