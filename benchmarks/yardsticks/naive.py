"""The naive yardstick: an echo with pyzmq's multipart helpers. It decodes nothing and keeps nothing."""

from __future__ import annotations

from benchmarks.yardsticks.serving import arguments, listen


def main() -> None:
    """Echo until the process is ended."""
    options = arguments(__doc__).parse_args()
    socket = listen(options.address, options.curve_secret)
    while True:
        socket.send_multipart(socket.recv_multipart())


if __name__ == "__main__":
    main()
