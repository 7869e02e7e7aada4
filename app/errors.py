"""What can go wrong for a caller, as exceptions with a status, and the one JSON shape that they end in.

``{"error": {"code", "message", "field"?, "problems"?: [{"knob", "value", "message"}], …}}``
"""

from __future__ import annotations

from typing import Any


class Problem(Exception):
    """A request that cannot be served; ``code`` is for programs, the message for people."""

    status = 400
    code = "bad_request"

    def __init__(
        self,
        message: str,
        *,
        code: str = "",
        field: str = "",
        problems: list[dict[str, Any]] | None = None,
        headers: dict[str, str] | None = None,
        **more: Any,
    ) -> None:
        super().__init__(message)
        self.message, self.field, self.problems, self.headers = message, field, problems, headers
        self.code = code or type(self).code
        self.more = more

    def body(self) -> dict[str, Any]:
        """The JSON shape."""
        found: dict[str, Any] = {"code": self.code, "message": self.message}
        if self.field:
            found["field"] = self.field
        if self.problems is not None:
            found["problems"] = self.problems
        return {"error": {**found, **self.more}}


class NotFound(Problem):
    status, code = 404, "not_found"


class Conflict(Problem):
    status, code = 409, "conflict"


class TooLarge(Problem):
    status, code = 413, "too_large"


class BadInput(Problem):
    status, code = 422, "bad_input"


class Unauthorized(Problem):
    status, code = 401, "unauthorized"


class Forbidden(Problem):
    status, code = 403, "forbidden"


class Unavailable(Problem):
    status, code = 503, "unavailable"


class BrokerDown(Unavailable):
    """Nothing can be started: the broker does not answer, or none is set up."""

    code = "broker_down"
