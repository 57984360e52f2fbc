"""Builds and boots the app's image without Docker: buildah, on a stand-in for the base image.

The base image that the Dockerfile names cannot be fetched everywhere. Its stand-in is made from
Debian's packages and tagged with the same name, so the Dockerfile itself is what is tested.
"""

import hashlib
import json
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BASE_NAME = "docker.io/library/python:3.14-slim-trixie"
IMAGE_NAME = "localhost/mould-watch:test"
_SUITE = "forky"
_PACKAGES = ("python3", "python3-venv", "ca-certificates")
_CA_BUNDLE = Path("/etc/ssl/certs/ca-certificates.crt")


class ImageToolsMissingError(Exception):
    """The image cannot be built on this machine; the message says why."""


class CommandFailedError(AssertionError):
    """A program ended with an error; the message is what it said."""


def require_tools() -> None:
    """Raise ImageToolsMissingError unless an image can be built here."""
    if os.geteuid() != 0:
        message = "building an image without Docker needs root"
        raise ImageToolsMissingError(message)
    for tool in ("buildah", "mmdebstrap", "apt-get"):
        if shutil.which(tool) is None:
            message = f"{tool} is not installed (scripts/setup image-tools installs it on Debian)"
            raise ImageToolsMissingError(message)


def _run(*command: str, env: Mapping[str, str] | None = None, timeout_s: float = 600) -> str:
    done = subprocess.run(
        command,
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, **(env or {})},
        timeout=timeout_s,
    )
    if done.returncode != 0:
        message = f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}{done.stderr}"
        raise CommandFailedError(message)
    return done.stdout.strip()


def _mirror() -> str:
    addresses = _run(
        "apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages"
    ).splitlines()
    mirrors = [address for address in addresses if "security" not in address]
    if not mirrors:
        message = "apt names no package mirror (apt-get update has not run?)"
        raise ImageToolsMissingError(message)
    return mirrors[0]


def _base_archive(cache: Path) -> Path:
    """Return the stand-in's file system as an archive, made once and kept in `cache`."""
    key = hashlib.sha256(" ".join((_SUITE, *_PACKAGES)).encode()).hexdigest()[:12]
    archive = cache / f"base-{key}.tar"
    if archive.exists():
        return archive
    cache.mkdir(parents=True, exist_ok=True)
    keyring = "/usr/share/keyrings/debian-archive-keyring.gpg"
    making = archive.with_suffix(f".{os.getpid()}.tar")
    _run(
        "mmdebstrap",
        "--variant=minbase",
        f"--include={','.join(_PACKAGES)}",
        # package mirrors may be dated snapshots
        '--aptopt=Acquire::Check-Valid-Until "false"',
        _SUITE,
        str(making),
        f"deb [signed-by={keyring}] {_mirror()} {_SUITE} main",
    )
    making.rename(archive)
    return archive


@dataclass(frozen=True)
class Buildah:
    """buildah with storage of its own in one folder, without a daemon or a namespace."""

    storage: Path

    def __call__(self, *arguments: str, timeout_s: float = 600) -> str:
        """Run one buildah command and return what it printed."""
        return _run(
            *self.command(*arguments),
            env=self.environment(),
            timeout_s=timeout_s,
        )

    def environment(self) -> dict[str, str]:
        """Return the variables every command needs; creates the folder for running roots."""
        # Containers run below TMPDIR: that is how their processes are found again.
        running = self.storage / "running"
        running.mkdir(exist_ok=True)
        return {"BUILDAH_ISOLATION": "chroot", "TMPDIR": str(running)}

    def command(self, *arguments: str) -> tuple[str, ...]:
        """Return the command line of one buildah command."""
        roots = ("--root", f"{self.storage}/root", "--runroot", f"{self.storage}/run")
        return ("buildah", *roots, "--storage-driver", "vfs", *arguments)

    def build(self, cache: Path) -> None:
        """Build the app's image from addon/ as the Supervisor would.

        Raises ImageToolsMissingError when this machine cannot even hold the base image, which
        is no fault of ours, and CommandFailedError when the Dockerfile fails.
        """
        try:
            self._make_base(cache)
        except CommandFailedError as error:
            message = f"the stand-in for the base image cannot be made here: {error}"
            raise ImageToolsMissingError(message) from error
        self(
            "bud",
            "--isolation=chroot",
            "--pull-never",
            "--format=docker",
            f"--tag={IMAGE_NAME}",
            str(ROOT / "addon"),
        )

    def _make_base(self, cache: Path) -> None:
        base = self("from", "scratch")
        self("add", "--quiet", base, str(_base_archive(cache)), "/")
        if _CA_BUNDLE.exists():
            self("copy", "--quiet", base, str(_CA_BUNDLE), str(_CA_BUNDLE))
        self("config", "--env", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin", base)
        self("commit", "--quiet", "--rm", base, BASE_NAME)

    def configuration(self) -> dict[str, object]:
        """Return the image's configuration as Docker would read it."""
        inspected = json.loads(self("inspect", "--type=image", IMAGE_NAME))
        configuration: dict[str, object] = inspected["Docker"]["config"]
        return configuration

    @contextmanager
    def boot(self, data: Path, environment: Mapping[str, str], log: Path) -> Iterator[Container]:
        """Start the image's entry point with `data` as /data; stop it at the end."""
        name = self("from", "--pull-never", IMAGE_NAME)
        entry_point = self.configuration()["Entrypoint"]
        assert isinstance(entry_point, list)
        variables = [f"--env={key}={value}" for key, value in environment.items()]
        with log.open("wb") as output:
            process = subprocess.Popen(
                self.command(
                    "run",
                    "--isolation=chroot",
                    f"--volume={data}:/data",
                    *variables,
                    name,
                    "--",
                    *entry_point,
                ),
                env={**os.environ, **self.environment()},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        container = Container(self, name, process, log)
        try:
            yield container
        finally:
            for pid in container.processes():
                with suppress(ProcessLookupError):  # it ended with the one before
                    os.kill(pid, signal.SIGKILL)
            process.wait(30)
            self("rm", name)


def _is_tini(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/exe").readlink().name == "tini"
    except OSError:  # it ended meanwhile
        return False


@dataclass(frozen=True)
class Container:
    """A booted image."""

    buildah: Buildah
    name: str
    process: subprocess.Popen[bytes]
    log: Path

    def processes(self, having: str = "") -> list[int]:
        """Return the ids of the processes inside whose command line has `having` in it."""
        found = []
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                root = (entry / "root").readlink()
                command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            except OSError:  # it ended meanwhile
                continue
            if str(root).startswith(str(self.buildah.storage)) and having in command:
                found.append(int(entry.name))
        return found

    def execute(self, *command: str) -> str:
        """Run a command inside, as `docker exec` does, and return what it printed."""
        inside = Path(f"/proc/{self.init()}")
        entries = (inside / "environ").read_text().rstrip("\0").split("\0")
        return _run(
            "chroot", f"{inside}/root", *command, env=dict(e.split("=", 1) for e in entries)
        )

    def init(self) -> int | None:
        """Return the id of the container's first program, None when it has ended."""
        # buildah's own helper, which carries the whole command line, is not it
        (*_, found) = [None, *(pid for pid in self.processes("tini --") if _is_tini(pid))]
        return found

    def text(self) -> str:
        """Return what the container has printed."""
        return self.log.read_text(errors="replace")
