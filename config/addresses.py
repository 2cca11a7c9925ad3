"""What an address of a listening socket must look like, and which addresses stay on this machine."""

import ipaddress
import re

# A Unix socket's path has 108 bytes in the kernel's structure, one of them for the end.
SOCKET_PATH_BYTES_MAX = 107

_TCP = re.compile(r"tcp://(?P<host>\[[^\[\]]+\]|[^\[\]:/\s]+):(?P<port>\d{1,5}|\*)")
_IPC = "ipc://"


def address_fault(address: str) -> str | None:
    """Return what is wrong with a ZeroMQ address to bind, or None. Only tcp:// and ipc:// are known."""
    if address.startswith(_IPC):
        return path_fault(address.removeprefix(_IPC))
    found = _TCP.fullmatch(address)
    if found is None:
        return "must be tcp://<host>:<port> or ipc://<path>"
    if found["port"] != "*" and int(found["port"]) > 65535:
        return "has a port above 65535"
    return None


def path_fault(path: str) -> str | None:
    """Return what is wrong with the path of a Unix socket, or None."""
    if not path or "\0" in path:
        return "must have a path"
    if len(path.encode(errors="surrogateescape")) > SOCKET_PATH_BYTES_MAX:
        return f"has a path longer than {SOCKET_PATH_BYTES_MAX} bytes, the most a Unix socket can have"
    return None


def is_local(address: str) -> bool:
    """Whether only this machine can connect: ipc, or tcp on localhost or a loopback address."""
    if address.startswith(_IPC):
        return True
    found = _TCP.fullmatch(address)
    if found is None:
        return False
    host = found["host"].strip("[]")
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def has_fixed_port(address: str) -> bool:
    """Whether a second socket on the same address would collide; false where the system picks the port."""
    return not address.endswith((":*", ":0"))
