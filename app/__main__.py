"""`python -m app`: the server alone. What keeps it from starting is one line on stderr and exit status 2."""

from __future__ import annotations

import argparse
import signal
import socket
import sys
from collections.abc import Sequence

from app.settings import BadSettings, Settings, load

GRACE_S = 3


def main(argv: Sequence[str] | None = None) -> int:
    """Serve until a signal; the exit status."""
    try:
        settings = chosen(argv)
        with listening(settings) as listener:
            return serve(settings, listener)
    except BadSettings as problem:
        print(f"nashboard: {problem}", file=sys.stderr)
        return 2


def chosen(argv: Sequence[str] | None) -> Settings:
    """Settings of the environment with the command line over them. Raises `BadSettings`."""
    parser = argparse.ArgumentParser("python -m app", description="Nashboard's server.")
    parser.add_argument("--host", help="address to listen on (NASHBOARD_HOST, 127.0.0.1)")
    parser.add_argument("--port", help="port to listen on, 0 for any that is free (NASHBOARD_PORT, 8000)")
    given = parser.parse_args(argv)
    settings = load(**{k: v for k, v in vars(given).items() if v is not None})
    if not settings.loopback and not settings.token:
        raise BadSettings(
            f"refusing to listen on {settings.host} without a token, as anybody could start programs: "
            "set NASHBOARD_TOKEN to a secret, or listen on 127.0.0.1"
        )
    return settings.prepared()


def listening(settings: Settings) -> socket.socket:
    """A socket that listens already, so that a taken port is known before anything else is done."""
    try:
        found = socket.getaddrinfo(
            settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        family, kind, protocol, _, address = found[0]
        made = socket.socket(family, kind, protocol)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind(address)
        made.listen(512)
    except OSError as problem:
        raise BadSettings(
            f"cannot listen on {settings.host} port {settings.port}: {problem.strerror or problem}; "
            "choose another with --port, or NASHBOARD_PORT"
        ) from None
    return made


def serve(settings: Settings, listener: socket.socket) -> int:
    """Migrate, then serve on the socket; says the address on stderr once requests are answered."""
    from app import db
    from app import settings as settings_module

    settings_module.use(settings)
    db.migrate()

    import uvicorn

    from app.live import bell
    from app.main import create_app

    class Server(uvicorn.Server):
        def handle_exit(self, sig: int, frame: object) -> None:
            bell.close()  # streams would hold the shutdown up
            super().handle_exit(sig, frame)  # type: ignore[arg-type]

        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            host = f"[{settings.host}]" if ":" in settings.host else settings.host
            print(
                f"nashboard: serving http://{host}:{listener.getsockname()[1]}/", file=sys.stderr, flush=True
            )

    config = uvicorn.Config(
        create_app(settings),
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=GRACE_S,
        server_header=False,
    )
    for sign in (signal.SIGINT, signal.SIGTERM):  # uvicorn raises them again after its own orderly end
        signal.signal(sign, lambda *_: None)
    server = Server(config)
    server.run(sockets=[listener])
    return 0 if server.started else 1


if __name__ == "__main__":
    sys.exit(main())
