"""Accounts, roles and tokens."""

import hashlib
import re
import secrets

from django.contrib.auth.password_validation import validate_password
from django.db import transaction
from django.utils import timezone

from annotation import audit, events
from annotation.errors import BadRequest, Conflict, NotFound
from annotation.models import ApiToken, Membership, Project, User

FIRST_MANAGER = "admin"
# Plain letters only: "аdmin" with a Cyrillic letter would look like somebody else in every list.
USERNAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,149}")


def token_digest(token: str) -> str:
    """The SHA-256 a token is stored and found by. Tokens are 256 random bits, so no salt or stretching is needed."""
    return hashlib.sha256(token.encode()).hexdigest()


def random_password() -> str:
    """Four groups of four characters: 80 random bits that can be read aloud."""
    alphabet = "abcdefghjkmnpqrstuvwxyz23456789"
    return "-".join("".join(secrets.choice(alphabet) for _ in range(4)) for _ in range(4))


@transaction.atomic
def create_first_manager(password: str = "") -> tuple[User, str] | None:
    """Create the instance's first person, or return None when there is one. Returns (person, password in clear)."""
    if User.objects.exists():
        return None
    password = password or random_password()
    user = User.objects.create_user(FIRST_MANAGER, password=password, is_staff=True)
    audit.record(None, "created", user)
    return user, password


@transaction.atomic
def create_token(user: User, *, name: str, scope: str) -> tuple[ApiToken, str]:
    """Make a token for programs. Returns the row and the token itself, which is not stored."""
    clear = secrets.token_urlsafe(32)
    token = ApiToken.objects.create(user=user, name=name, scope=scope, sha256=token_digest(clear))
    audit.record(user, "created", token, scope=scope)
    return token, clear


@transaction.atomic
def revoke_token(user: User, token_id: int) -> None:
    """Make the person's token useless from now on. Raises NotFound when it is not theirs."""
    token = ApiToken.objects.filter(user=user, pk=token_id).first()
    if token is None:
        raise NotFound("You have no such token.")
    ApiToken.objects.filter(pk=token.pk, revoked_at=None).update(revoked_at=timezone.now())
    audit.record(user, "revoked", token)


@transaction.atomic
def add_member(project: Project, *, username: str, role: str, by: User) -> tuple[Membership, str | None]:
    """Give a person a role. An unknown user name becomes a new account; capitals make no other person.

    Returns the membership and, for a new account, its password in clear (shown once). Raises Conflict when the
    person is in the project already, BadRequest for a name that could be mistaken for another.
    """
    password = None
    user = User.objects.filter(username__iexact=username).first()
    if user is None:
        if not USERNAME.fullmatch(username):
            raise BadRequest(
                "A user name is 1 to 150 of the letters a–z, digits and . _ @ + -, beginning with a letter or digit; "
                f"{username[:40]!a} came."
            )
        password = random_password()
        user = User(username=username)
        user.set_password(password)
        user.full_clean(exclude=["password", "last_login"])
        user.save()
        audit.record(by, "created", user)
    if Membership.objects.filter(project=project, user=user).exists():
        raise Conflict(f"{username} is in this project already; change the role there.", code="already_member")
    membership = Membership.objects.create(project=project, user=user, role=role)
    audit.record(by, "added", membership, role=role, user=user.pk)
    events.changed(project)
    return membership, password


@transaction.atomic
def change_role(project: Project, user_id: int, *, role: str | None, by: User) -> Membership | None:
    """Give the person another role, or take them out with None. Raises NotFound, or Conflict for the last manager."""
    # All of them are locked: two managers who demote each other at the same moment must not both succeed.
    locked = list(Membership.objects.select_for_update(of=("self",)).select_related("user").filter(project=project))
    membership = next((each for each in locked if each.user_id == user_id), None)
    if membership is None:
        raise NotFound("This person is not in the project.")
    managers = [each for each in locked if each.role == Membership.Role.MANAGER]
    if managers == [membership] and role != Membership.Role.MANAGER:
        raise Conflict("This is the project's last manager; make another person manager first.", code="last_manager")
    audit.record(by, "changed role" if role else "removed", membership, role=role, user=user_id)
    events.changed(project)
    if role is None:
        membership.delete()
        return None
    membership.role = role
    membership.save(update_fields=["role"])
    return membership


@transaction.atomic
def change_password(user: User, *, current: str, new: str) -> None:
    """Set a new password. Raises BadRequest when the current one is wrong (validators raise for a weak new one)."""
    if not user.check_password(current):
        raise BadRequest("The current password is not right.", code="wrong_password")
    validate_password(new, user)
    user.set_password(new)
    user.save(update_fields=["password"])
    audit.record(user, "changed password", user)


@transaction.atomic
def close_account(username: str) -> User:
    """Let a person in no more: no sign-in, no session, no token. What they did stays under their name.

    Raises NotFound when there is no such person.
    """
    user = User.objects.filter(username__iexact=username).first()
    if user is None:
        raise NotFound(f"There is no user {username!r}.")
    user.is_active = False
    user.set_unusable_password()  # every session is bound to the password: all of them end now
    user.save(update_fields=["is_active", "password"])
    ApiToken.objects.filter(user=user, revoked_at=None).update(revoked_at=timezone.now())
    audit.record(None, "closed account", user)
    return user
