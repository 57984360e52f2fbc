"""Takes the README's pictures of the demo's Home Assistant with a headless Chromium.

Runs beside a demo (`scripts/demo`), or starts one for as long as it needs.
"""

import argparse
import asyncio
import contextlib
import json
import shutil
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
from playwright.async_api import Browser, Locator, Page, async_playwright

from . import paths
from .home import DOMAIN
from .home_assistant import USER_NAME
from .home_assistant_api import HomeAssistantApi
from .processes import tail
from .state import State

_IMAGES = paths.ROOT / "docs" / "images"
_ROOM = "Bathroom"
_SIZE = {"width": 1280, "height": 900}
_START_TIMEOUT_S = 180
_CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--force-color-profile=srgb",
)


class ScreenshotError(Exception):
    """A picture cannot be taken."""


def main() -> int:
    """Take all pictures."""
    parser = argparse.ArgumentParser(prog="scripts/screenshots", description=__doc__)
    parser.add_argument("--folder", type=Path, default=paths.DEMO, help="the demo's folder")
    parser.add_argument("--images", type=Path, default=_IMAGES, help="where the pictures go")
    chosen = parser.parse_args()
    folder: Path = chosen.folder.resolve()
    images: Path = chosen.images.resolve()
    images.mkdir(parents=True, exist_ok=True)
    folder.mkdir(parents=True, exist_ok=True)
    try:
        asyncio.run(_take_all(folder, images))
    except ScreenshotError as error:
        print(f"screenshots: {error}", file=sys.stderr)
        return 1
    return 0


async def _take_all(folder: Path, images: Path) -> None:
    async with _demo(folder), async_playwright() as playwright:
        state = State.load(folder)
        api = HomeAssistantApi(f"http://127.0.0.1:{state.home_assistant_port}")
        await api.log_in(USER_NAME, state.password)
        browser = await playwright.chromium.launch(executable_path=_chromium(), args=list(_FLAGS))
        try:
            page = await _signed_in(browser, api)
            await _room(page, api, images / "room.png")
            await _setup(page, api, images / "setup.png")
            await _home(page, api, images / "home.png")
        finally:
            await browser.close()
            await api.close()


@asynccontextmanager
async def _demo(folder: Path) -> AsyncIterator[None]:
    """Use the demo that runs in `folder`, or run one."""
    if await _answers(folder):
        yield
        return
    log = folder / "screenshots.log"
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            str(paths.ROOT / "scripts" / "demo"),
            "--folder",
            str(folder),
            stdout=output,
            stderr=output,
        )
    try:
        deadline = time.monotonic() + _START_TIMEOUT_S
        while b"Everything runs" not in log.read_bytes():
            if process.returncode is not None or time.monotonic() > deadline:
                raise ScreenshotError(f"the demo does not run:\n{tail(log)}")
            await asyncio.sleep(0.5)
        yield
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGINT)
            await process.wait()


async def _answers(folder: Path) -> bool:
    port = State.load(folder).home_assistant_port
    if port is None:
        return False
    with contextlib.suppress(aiohttp.ClientError, TimeoutError):
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as session,
            session.get(f"http://127.0.0.1:{port}/manifest.json") as answer,
        ):
            return answer.status == 200  # noqa: PLR2004
    return False


async def _signed_in(browser: Browser, api: HomeAssistantApi) -> Page:
    """Open a page as the demo's user, as if the login page had just been passed."""
    context = await browser.new_context(
        viewport={"width": _SIZE["width"], "height": _SIZE["height"]},
        locale="en-GB",
        timezone_id="Europe/Berlin",
        color_scheme="light",
        reduced_motion="reduce",
    )
    tokens = {
        **api.tokens,
        "hassUrl": api.address,
        "clientId": api.client_id,
        "expires": int((time.time() + api.tokens["expires_in"]) * 1000),
    }
    remembered = {
        "hassTokens": json.dumps(tokens),
        "selectedLanguage": json.dumps("en-GB"),
        "dockedSidebar": json.dumps("docked"),
    }
    await context.add_init_script(
        f"for (const [name, value] of Object.entries({json.dumps(remembered)}))"
        " localStorage.setItem(name, value);"
    )
    page = await context.new_page()
    page.set_default_timeout(60_000)
    return page


async def _room(page: Page, api: HomeAssistantApi, target: Path) -> None:
    """The page of the room's device."""
    device = next(
        device
        for device in await api.devices()
        if (device["name_by_user"] or device["name"]) == _ROOM
        and any(identifier[0] == DOMAIN for identifier in device["identifiers"])
    )
    await page.goto(f"{api.address}/config/devices/device/{device['id']}")
    await page.get_by_text("Mould risk").first.wait_for()
    await _shoot(page, target)


async def _setup(page: Page, api: HomeAssistantApi, target: Path) -> None:
    """The form in which a room is set up, of a room that is: behind the gear of its row."""
    await page.goto(f"{api.address}/config/integrations/integration/{DOMAIN}")
    row = page.locator("ha-config-sub-entry-row").filter(has_text=_ROOM).first
    await row.locator("ha-icon-button").filter(visible=True).nth(1).click()
    dialog: Locator = page.locator("dialog-data-entry-flow")
    await dialog.get_by_text("Humidity").first.wait_for()
    await _shoot(page, target)


async def _home(page: Page, api: HomeAssistantApi, target: Path) -> None:
    """The flat's dashboard."""
    await page.goto(f"{api.address}/demo-flat")
    await page.get_by_text("Mould risk").first.wait_for()
    await _shoot(page, target)


async def _shoot(page: Page, target: Path) -> None:
    # fonts, icons and the last paint: nothing on the page says that it has settled
    await page.wait_for_load_state("load")
    await page.wait_for_timeout(2500)
    await page.screenshot(path=target)
    print(f"wrote {target}")


def _chromium() -> str:
    for name in _CHROMIUM:
        if (found := shutil.which(name)) is not None:
            return found
    raise ScreenshotError("there is no Chromium: scripts/setup chromium installs it")


if __name__ == "__main__":
    sys.exit(main())
