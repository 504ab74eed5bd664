"""Who may do what, and the one way to fetch a row on somebody's behalf.

Every route fetches through `visible(...)` or `require(...)`: a stranger meets 404, a role that falls short meets 403.
"""

from typing import TypeVar

from django.db.models import Model, QuerySet

from annotation.errors import Forbidden, NotFound
from annotation.models import Membership, Project, User

Role = Membership.Role
Row = TypeVar("Row", bound=Model)

CAPABILITIES: dict[str, tuple[str, ...]] = {
    Role.VIEWER: ("view",),
    Role.UPLOADER: ("view", "upload"),
    Role.ANNOTATOR: ("view", "annotate"),
    Role.REVIEWER: ("view", "upload", "annotate", "review"),
    Role.MANAGER: ("view", "upload", "annotate", "review", "manage"),
}

WHO_MAY = {
    "upload": "an uploader, a reviewer or a manager",
    "annotate": "an annotator, a reviewer or a manager",
    "review": "a reviewer or a manager",
    "manage": "a manager",
}


def role_in(project_id: int, user: User) -> str | None:
    """The person's role in the project, or None for a stranger."""
    return Membership.objects.filter(project_id=project_id, user=user).values_list("role", flat=True).first()


def require(user: User, project_id: int, capability: str) -> str:
    """Return the person's role when it includes `capability`.

    Raises NotFound for a stranger (the project's existence is not theirs to know), Forbidden for a lesser role.
    """
    role = role_in(project_id, user)
    if role is None:
        raise NotFound("There is nothing here, or it is not shared with you.")
    if capability not in CAPABILITIES[role]:
        raise Forbidden(
            f"Your role in this project is {role}; this needs {WHO_MAY[capability]}. Ask a manager of the project.",
            {"role": role, "needs": capability},
        )
    return role


def visible(
    queryset: QuerySet[Row],
    user: User,
    capability: str = "view",
    *,
    path: str = "project_id",
    **lookup: object,
) -> Row:
    """Fetch one row of a project for `user`, or refuse as `require` does.

    `path` leads from the row to its project's id, through foreign keys with double underscores.
    """
    return visible_as(queryset, user, capability, path=path, **lookup)[0]


def visible_as(
    queryset: QuerySet[Row],
    user: User,
    capability: str = "view",
    *,
    path: str = "project_id",
    **lookup: object,
) -> tuple[Row, str]:
    """As `visible`; also the person's role."""
    row = queryset.filter(**lookup).first()
    if row is None:
        raise NotFound("There is nothing here, or it is not shared with you.")
    value: object = row
    for part in path.split("__"):
        value = getattr(value, part)
    assert isinstance(value, int)
    return row, require(user, value, capability)


def project_for(user: User, project_id: int, capability: str = "view") -> Project:
    """The project, if `user` may do `capability` in it."""
    require(user, project_id, capability)
    return Project.objects.select_related("champion").get(pk=project_id)
