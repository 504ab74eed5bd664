"""Programs sign in with `Authorization: Bearer <token>`; browsers with the session cookie (DRF's own class)."""

from datetime import timedelta

from django.conf import settings
from django.contrib.auth import get_user
from django.contrib.sessions.backends.db import SessionStore
from django.http import HttpRequest, parse_cookie
from django.utils import timezone
from rest_framework import exceptions
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.request import Request

from annotation import people
from annotation.models import ApiToken, User

SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
NOTE_USE_EVERY = timedelta(minutes=5)


class BearerAuthentication(BaseAuthentication):
    """Look the token up by its hash. A read-only token may only read."""

    def authenticate(self, request: Request) -> tuple[User, ApiToken] | None:
        """Return (person, token), or None when the request carries no Bearer header.

        Raises AuthenticationFailed (401) for an unknown or revoked token, PermissionDenied (403) for writing
        with a read-only one.
        """
        words = get_authorization_header(request).split()
        if not words or words[0].lower() != b"bearer":
            return None
        digest = people.token_digest(words[1].decode("latin-1")) if len(words) == 2 else ""
        token = (
            ApiToken.objects.select_related("user").filter(sha256=digest, revoked_at=None, user__is_active=True).first()
        )
        if token is None:
            raise exceptions.AuthenticationFailed("This token is unknown or was revoked.")
        if token.scope == ApiToken.Scope.READ and request.method not in SAFE_METHODS:
            raise exceptions.PermissionDenied("This token may only read. Make one with scope 'write'.")
        now = timezone.now()
        # Not at every request: a write per read would queue all of a program's reads behind each other, and even an
        # UPDATE that finds nothing to change waits for the writers.
        if token.last_used_at is None or token.last_used_at < now - NOTE_USE_EVERY:
            ApiToken.objects.filter(pk=token.pk).update(last_used_at=now)
        return token.user, token

    def authenticate_header(self, request: Request) -> str:
        """Makes a missing sign-in a 401 rather than a 403."""
        return "Bearer"


def person_of(authorization: str, session_key: str | None) -> User | None:
    """Who these are, asked afresh: an `Authorization` header, else a session. None for nobody. Notes no use."""
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() == "bearer":
        rows = ApiToken.objects.select_related("user").filter(revoked_at=None, user__is_active=True)
        row = rows.filter(sha256=people.token_digest(token.strip())).first()
        return row.user if row else None
    asked = HttpRequest()
    asked.session = SessionStore(session_key)
    user = get_user(asked)  # also checks that the password is still the one of the sign-in
    return user if isinstance(user, User) else None


def is_known(authorization: str, cookies: str) -> bool:
    """Whether headers of these values come from a person with a token or a session. They may still not write."""
    return person_of(authorization, parse_cookie(cookies).get(settings.SESSION_COOKIE_NAME)) is not None
