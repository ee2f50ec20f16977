"""Failures with a name. Domain code raises them; `http` turns them into problem details (RFC 9457).

A subclass is a failure of one rule: its name gives the stable `type` (`SlotTaken` → `…/slot-taken`), its docstring
the English detail, `title_ru` and `title_en` what the caller reads. The family it derives from gives the HTTP status.
"""

import re
from typing import Any, ClassVar

TYPE_PREFIX = "https://foyer.dev/problems/"


class Problem(Exception):  # noqa: N818 (the term of RFC 9457)
    """Something is wrong with the request or with the present state."""

    status: ClassVar[int] = 500
    title_en: ClassVar[str] = "Something went wrong"
    title_ru: ClassVar[str] = "Что-то пошло не так"

    def __init__(self, detail: str | None = None, *, retry_after_seconds: int | None = None, **members: Any) -> None:
        """`members` become extension members of the problem, e.g. `field`, `allowed`, `state`."""
        self.detail = detail or (type(self).__doc__ or "").strip().partition("\n\n")[0]
        self.retry_after_seconds = retry_after_seconds
        self.members = members
        super().__init__(self.detail)

    @classmethod
    def slug(cls) -> str:
        name = cls.__name__.removesuffix("Error")
        return re.sub(r"(?<!^)(?=[A-Z])", "-", name).lower()

    @classmethod
    def uri(cls) -> str:
        return TYPE_PREFIX + cls.slug()


class BadRequestError(Problem):
    """The request cannot be understood."""

    status = 400
    title_en = "The request cannot be understood"
    title_ru = "Запрос не понят"


class UnauthenticatedError(Problem):
    """A valid access token is needed."""

    status = 401
    title_en = "Sign in first"
    title_ru = "Нужно войти"


class ForbiddenError(Problem):
    """You may see this, but not do that."""

    status = 403
    title_en = "Not allowed"
    title_ru = "Недостаточно прав"


class NotFoundError(Problem):
    """There is nothing here that you may see."""

    status = 404
    title_en = "Not found"
    title_ru = "Не найдено"


class ConflictError(Problem):
    """The present state does not allow it."""

    status = 409
    title_en = "Not possible in the present state"
    title_ru = "Сейчас это невозможно"


class StaleError(Problem):
    """Somebody changed it since you read it; read it again."""

    status = 412
    title_en = "Changed meanwhile"
    title_ru = "Данные изменились"


class InvalidError(Problem):
    """The content of the request breaks a rule."""

    status = 422
    title_en = "Please check what you entered"
    title_ru = "Проверьте введённые данные"


class PreconditionRequiredError(Problem):
    """Say which version you have read: send If-Match."""

    status = 428
    title_en = "If-Match is needed"
    title_ru = "Нужен заголовок If-Match"


class TooManyRequestsError(Problem):
    """Too many requests; wait a little."""

    status = 429
    title_en = "Too many requests"
    title_ru = "Слишком много запросов"


class UnavailableError(Problem):
    """The service is busy or cannot reach what it needs; try again soon."""

    status = 503
    title_en = "Try again soon"
    title_ru = "Попробуйте чуть позже"
