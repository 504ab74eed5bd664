"""The request of a view behind `IsAuthenticated`: its user is a person, never nobody."""

from typing import TYPE_CHECKING

from rest_framework.request import Request as AnyRequest

if TYPE_CHECKING:
    from annotation.models import User

    class Request(AnyRequest):
        user: User  # the default permission has turned nobody away

else:
    Request = AnyRequest
