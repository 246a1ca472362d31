"""What every test runs under: no network, no W&B account, one thread."""

import ipaddress
import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    connect, getaddrinfo = socket.socket.connect, socket.getaddrinfo

    def local_only(self: socket.socket, address: Any) -> None:
        if self.family != socket.AF_UNIX and not ipaddress.ip_address(address[0]).is_loopback:
            raise OSError(f"tests must not use the network, tried {address}")
        connect(self, address)

    def no_names(host: str, *args: Any, **kwargs: Any) -> Any:
        if host == "localhost":
            return getaddrinfo(host, *args, **kwargs)
        raise socket.gaierror(f"tests must not use the network, tried {host}")

    monkeypatch.setattr(socket.socket, "connect", local_only)
    monkeypatch.setattr(socket, "getaddrinfo", no_names)
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.delenv("WANDB_API_KEY", raising=False)


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Relative paths, such as the default data.root, and the user's cache end below tmp_path."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "user-cache"))


@pytest.fixture(autouse=True)
def _each_epoch_is_saved(monkeypatch: pytest.MonkeyPatch) -> None:
    """However short it is, so that what a killed run has lost does not depend on the machine's speed."""
    monkeypatch.setattr("mixupe.training.loop.SAVING_SHARE", 1.0)


@pytest.fixture
def full_disk(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], AbstractContextManager[None]]:
    """`with full_disk(text):` gives the kernel's own ENOSPC to every write to a file with that text in its name."""

    @contextmanager
    def full(text: str = "") -> Iterator[None]:
        with monkeypatch.context() as patch:
            path_open = Path.open

            def no_space(self: Path, mode: str = "r", *arguments: Any, **options: Any) -> Any:
                is_lost = text in self.name and not mode.startswith("r")
                return path_open(Path("/dev/full") if is_lost else self, mode, *arguments, **options)

            patch.setattr(Path, "open", no_space)
            yield

    return full


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)
