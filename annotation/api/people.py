"""Sign-in, the person signed in, tokens, and the people of a project."""

from typing import Any

from django.contrib.auth import authenticate, login, logout, update_session_auth_hash
from django.db import transaction
from django.middleware.csrf import get_token
from django.urls import path
from django.utils.decorators import method_decorator
from django.views.decorators.csrf import ensure_csrf_cookie
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.parsers import JSONParser
from rest_framework.permissions import AllowAny
from rest_framework.response import Response
from rest_framework.views import APIView

from annotation import audit, people
from annotation.api.fields import checked
from annotation.api.request import Request
from annotation.errors import SonoloopError
from annotation.models import ApiToken, Membership
from annotation.permissions import project_for


class WrongPassword(SonoloopError):
    status = 401
    code = "wrong_password"


class SignInFields(serializers.Serializer):
    username = serializers.CharField(max_length=150)
    password = serializers.CharField(max_length=256, trim_whitespace=False)


class MeShape(serializers.Serializer):
    id = serializers.IntegerField()
    username = serializers.CharField()
    is_staff = serializers.BooleanField()
    may_create_projects = serializers.BooleanField(source="is_staff")
    csrf_token = serializers.SerializerMethodField(help_text="send it back as X-CSRFToken")

    def get_csrf_token(self, user: Any) -> str:
        return get_token(self.context["request"])


def _me(request: Request) -> Response:
    return Response(MeShape(request.user, context={"request": request}).data)


class SignIn(APIView):
    """Start a session."""

    permission_classes = [AllowAny]
    authentication_classes: list[Any] = []
    # JSON only: a form on another site cannot send that, so signing in needs no CSRF token.
    parser_classes = [JSONParser]

    @extend_schema(request=SignInFields, responses=MeShape)
    def post(self, request: Request) -> Response:
        given = checked(SignInFields, request.data)
        user = authenticate(request._request, username=given["username"], password=given["password"])
        if user is None:
            raise WrongPassword("The user name or the password is not right.")
        with transaction.atomic():
            login(request._request, user)
            audit.record(user, "signed in", user)
        request.user = user
        return _me(request)


class SignOut(APIView):
    """End the session."""

    @extend_schema(request=None, responses={204: None})
    def post(self, request: Request) -> Response:
        with transaction.atomic():
            audit.record(request.user, "signed out", request.user)
            logout(request._request)
        # Pictures of patients are kept by the browser for a year; the next person at this machine may be another.
        return Response(status=204, headers={"Clear-Site-Data": '"cache"'})


@method_decorator(ensure_csrf_cookie, name="dispatch")
class MeView(APIView):
    """The person signed in. Sets the CSRF cookie, also for nobody (401)."""

    @extend_schema(responses=MeShape)
    def get(self, request: Request) -> Response:
        return _me(request)


class PasswordFields(serializers.Serializer):
    current = serializers.CharField(trim_whitespace=False)
    new = serializers.CharField(trim_whitespace=False, max_length=256)


class MyPassword(APIView):
    """Change the password of the person signed in."""

    @extend_schema(request=PasswordFields, responses={204: None})
    def post(self, request: Request) -> Response:
        given = checked(PasswordFields, request.data)
        people.change_password(request.user, current=given["current"], new=given["new"])
        update_session_auth_hash(request._request, request.user)
        return Response(status=204)


class TokenFields(serializers.Serializer):
    name = serializers.CharField(max_length=80)
    scope = serializers.ChoiceField(ApiToken.Scope.choices, default=ApiToken.Scope.WRITE)


class TokenShape(serializers.ModelSerializer):
    class Meta:
        model = ApiToken
        fields = ["id", "name", "scope", "created_at", "last_used_at", "revoked_at"]


class NewTokenShape(TokenShape):
    token = serializers.CharField(help_text="shown this once")

    class Meta(TokenShape.Meta):
        fields = [*TokenShape.Meta.fields, "token"]


class Tokens(APIView):
    """Keys for programs."""

    @extend_schema(responses=TokenShape(many=True))
    def get(self, request: Request) -> Response:
        return Response(TokenShape(ApiToken.objects.filter(user=request.user).order_by("-id"), many=True).data)

    @extend_schema(request=TokenFields, responses={201: NewTokenShape})
    def post(self, request: Request) -> Response:
        given = checked(TokenFields, request.data)
        row, clear = people.create_token(request.user, name=given["name"], scope=given["scope"])
        return Response({**TokenShape(row).data, "token": clear}, status=201)


class TokenView(APIView):
    @extend_schema(responses={204: None})
    def delete(self, request: Request, token_id: int) -> Response:
        """Revoke: the token stops working now."""
        people.revoke_token(request.user, token_id)
        return Response(status=204)


class MemberFields(serializers.Serializer):
    username = serializers.CharField(max_length=150)
    role = serializers.ChoiceField(Membership.Role.choices)


class RoleFields(serializers.Serializer):
    role = serializers.ChoiceField(Membership.Role.choices)


class MemberShape(serializers.ModelSerializer):
    username = serializers.CharField(source="user.username")

    class Meta:
        model = Membership
        fields = ["user_id", "username", "role", "created_at"]


class NewMemberShape(MemberShape):
    password = serializers.CharField(allow_null=True, help_text="for a new account only, shown this once")

    class Meta(MemberShape.Meta):
        fields = [*MemberShape.Meta.fields, "password"]


class Members(APIView):
    """The people of a project."""

    @extend_schema(responses=MemberShape(many=True))
    def get(self, request: Request, project_id: int) -> Response:
        project = project_for(request.user, project_id)
        rows = project.memberships.select_related("user").order_by("user__username")
        return Response(MemberShape(rows, many=True).data)

    @extend_schema(request=MemberFields, responses={201: NewMemberShape})
    def post(self, request: Request, project_id: int) -> Response:
        project = project_for(request.user, project_id, "manage")
        given = checked(MemberFields, request.data)
        row, password = people.add_member(project, username=given["username"], role=given["role"], by=request.user)
        return Response({**MemberShape(row).data, "password": password}, status=201)


class MemberView(APIView):
    @extend_schema(request=RoleFields, responses=MemberShape)
    def patch(self, request: Request, project_id: int, user_id: int) -> Response:
        """Give the person another role."""
        project = project_for(request.user, project_id, "manage")
        row = people.change_role(project, user_id, role=checked(RoleFields, request.data)["role"], by=request.user)
        return Response(MemberShape(row).data)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, project_id: int, user_id: int) -> Response:
        """Take the person out of the project. What they did stays."""
        project = project_for(request.user, project_id, "manage")
        people.change_role(project, user_id, role=None, by=request.user)
        return Response(status=204)


urlpatterns = [
    path("auth/login", SignIn.as_view()),
    path("auth/logout", SignOut.as_view()),
    path("me", MeView.as_view()),
    path("me/password", MyPassword.as_view()),
    path("tokens", Tokens.as_view()),
    path("tokens/<int:token_id>", TokenView.as_view()),
    path("projects/<int:project_id>/members", Members.as_view()),
    path("projects/<int:project_id>/members/<int:user_id>", MemberView.as_view()),
]
