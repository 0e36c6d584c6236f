"""Addresses: one-person mode has no access keys, so it listens on loopback and nowhere else."""

import ipaddress
import socket

from rollout.errors import UsageError


def require_loopback(host: str) -> None:
    """Refuse an address that other machines could reach.

    Raises:
        UsageError: ``host`` is not a loopback address.

    """
    if not is_loopback(host):
        raise UsageError(
            f"--host {host}: without access keys the server listens on this machine only. Make the first "
            "key with `ridealong keys create --role admin --data DIR`, or use --host 127.0.0.1"
        )


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches ``host``."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def reached_at(host: str) -> str:
    """Where this machine reaches a server that listens at ``host``: all addresses include loopback."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if not address.is_unspecified:
        return host
    return "::1" if address.version == 6 else "127.0.0.1"


def listen(host: str, port: int) -> socket.socket:
    """A bound, listening and inheritable TCP socket. Port 0 takes any free one.

    Raises:
        UsageError: something else listens there already, or the address is not ours.

    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    door = socket.socket(family, socket.SOCK_STREAM)
    door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        door.bind((host, port))
        door.listen(1024)
    except OSError as error:
        door.close()
        raise UsageError(
            f"cannot listen on {host}:{port}: {error.strerror}; "
            f"stop what holds the port or choose another with --port {port + 1}"
        ) from None
    door.set_inheritable(True)
    return door


def free_port(host: str, preferred: int) -> int:
    """``preferred`` when nobody listens there, else any free port."""
    for port in (preferred, 0):
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise UsageError(f"no free port on {host}")


def require_free(host: str, port: int, option: str) -> None:
    """Refuse a port on which something else listens.

    Raises:
        UsageError: the port is taken; the message names the option that chooses another.

    """
    if free_port(host, port) != port:
        raise UsageError(
            f"port {port} on {host} is in use; stop what holds it or choose another with {option} {port + 1}"
        )
