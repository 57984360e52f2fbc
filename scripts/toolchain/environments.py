"""The virtual environments, each exactly what its lock file says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from . import compiler, python, stamps, tools
from .paths import ENVIRONMENTS, PYPROJECT, REQUIREMENTS, ROOT
from .process import run
from .report import say

if TYPE_CHECKING:
    from pathlib import Path

_RECIPE = "1"


@dataclass(frozen=True)
class Environment:
    """One virtual environment."""

    name: str
    purpose: str
    with_project: bool = False
    compiles: bool = False

    @property
    def folder(self) -> Path:
        """Where it is."""
        return ENVIRONMENTS / self.name

    @property
    def lock(self) -> Path:
        """The requirements file it is made from."""
        return REQUIREMENTS / f"{self.name}.txt"

    def is_current(self) -> bool:
        """Tell whether it is there and as its lock says."""
        return self._has_packages() and (
            not self.with_project
            or stamps.is_current(f"project-{self.name}", self._project_stamp())
        )

    def install(self) -> None:
        """Bring it in step with its lock, and put the project into it where it belongs."""
        if self.is_current():
            return
        interpreter = python.executable()
        if not self._has_packages():
            self._install_packages(interpreter)
        if self.with_project:
            self._install_project()

    def _has_packages(self) -> bool:
        return self._python.exists() and stamps.is_current(f"env-{self.name}", self._stamp())

    def _install_packages(self, interpreter: Path) -> None:
        say(f"{self.name}: installing {self.purpose}")
        if self.compiles:
            compiler.require()
        stamps.clear(f"env-{self.name}")
        stamps.clear(f"project-{self.name}")
        settings = tools.uv_environment()
        if not self._is_made_with(interpreter):
            run(
                [tools.uv(), "venv", "--clear", "--python", interpreter.resolve(), self.folder],
                what=f"making the environment {self.name}",
                env=settings,
            )
        run(
            [
                *(tools.uv(), "pip", "sync", "--python", self._python, "--require-hashes"),
                *("--build-constraints", REQUIREMENTS / "build.txt", self.lock),
            ],
            what=f"installing {self.lock.relative_to(ROOT)}",
            env=settings,
        )
        stamps.write(f"env-{self.name}", self._stamp())

    def _install_project(self) -> None:
        run(
            [
                *(tools.uv(), "pip", "install", "--python", self._python, "--no-deps"),
                *("--no-build-isolation", "--offline", "--editable", ROOT),
            ],
            what=f"installing the project into {self.name}",
            env=tools.uv_environment(),
        )
        stamps.write(f"project-{self.name}", self._project_stamp())

    def _is_made_with(self, interpreter: Path) -> bool:
        """Tell whether packages can be exchanged in place, under programs that run from it."""
        return self._python.exists() and self._python.resolve() == interpreter.resolve()

    @property
    def _python(self) -> Path:
        return self.folder / "bin" / "python"

    def _stamp(self) -> str:
        return stamps.digest(_RECIPE, self.lock, REQUIREMENTS / "build.txt", python.identity())

    def _project_stamp(self) -> str:
        return stamps.digest(_RECIPE, PYPROJECT)


ALL = {
    environment.name: environment
    for environment in (
        Environment("backend", "what the backend runs on", with_project=True),
        Environment("tests", "the backend with its test and lint tools", with_project=True),
        Environment("integration", "Home Assistant's test harness", compiles=True),
        Environment("home-assistant", "a whole Home Assistant", compiles=True),
    )
}
