"""Errors as the services answer them.

ApiError
├── UnauthorizedError   401
├── AgreementError      the agreement API's form
├── GatewayError        the gateway's `{statusCode, message}`
└── GraphError          Graph's and the pricing host's `{error: {…}}` form
"""

from typing import Any


class ApiError(Exception):
    """A refusal with HTTP status and Partner Center code (PC 2.8, 12)."""

    def __init__(
        self,
        status: int,
        code: int,
        description: str,
        *,
        data: tuple[Any, ...] = (),
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(f"{status} {code}: {description}")
        self.status = status
        self.code = code
        self.description = description[:1024]
        self.data = data
        self.headers = headers or {}

    def body(self) -> Any:
        """Give the answer's body."""
        return {
            "code": self.code,
            "description": self.description,
            "data": list(self.data),
            "source": "PartnerFD",
        }


class UnauthorizedError(ApiError):
    """The token is missing, wrong, expired or for something else (PC 1.2, 12)."""

    def __init__(self, code: int, description: str) -> None:
        super().__init__(401, code, description, headers={"WWW-Authenticate": "Bearer"})


class AgreementError(ApiError):
    """The agreement API's own form (PC 2.8)."""

    def __init__(self, status: int, code: int, name: str, description: str) -> None:
        super().__init__(status, code, description)
        self.name = name

    def body(self) -> Any:
        """Give the answer's body."""
        return {
            "code": self.code,
            "message": self.description,
            "description": self.description,
            "errorName": self.name,
            "isRetryable": False,
            "parameters": {},
            "errorMessageExtended": f"InternalErrorCode={self.code}",
        }


class GatewayError(ApiError):
    """The gateway's `{statusCode, message}` (PC 2.8, 2.9)."""

    def body(self) -> Any:
        """Give the answer's body."""
        return {"statusCode": self.status, "message": self.description}


class GraphError(ApiError):
    """Graph's and the pricing host's form (PC 11.1, 13.4)."""

    def __init__(
        self, status: int, name: str, description: str, *, headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(status, status, description, headers=headers)
        self.name = name

    def body(self) -> Any:
        """Give the answer's body; the edge adds date and ids to `innerError`."""
        return {"error": {"code": self.name, "message": self.description, "innerError": {}}}


def invalid(description: str, *, code: int = 800002) -> ApiError:
    """Make the 400 for input that breaks a rule; the description names field and rule."""
    return ApiError(400, code, description)
