"""Sign-in, tokens, and the people of a project: each route asked by its owner, a stranger, wrongly, and for nothing."""

from collections.abc import Callable

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from annotation import people
from annotation.errors import Conflict
from annotation.models import ApiToken, AuditEvent, Membership, Project, User
from annotation.tests import factories

PASSWORD = "a long password"
JSON = "application/json"


def post(client: Client, path: str, body: object = None, **more: object):
    return client.post(path, {} if body is None else body, content_type=JSON, **more)


def code(answer) -> str:
    error = answer.json()["error"]
    assert set(error) == {"code", "message", "detail"}
    assert error["message"]
    return str(error["code"])


def bearer(token: str) -> Client:
    return Client(headers={"Authorization": f"Bearer {token}"}, enforce_csrf_checks=True)


@pytest.fixture
def ann(db: None) -> User:
    return factories.make_user("ann")


def test_the_right_password_signs_in_and_is_told_who_one_is(ann: User) -> None:
    browser = Client()
    answer = post(browser, "/api/auth/login", {"username": "ann", "password": PASSWORD})
    assert answer.status_code == 200
    me = answer.json()
    assert me == {
        "id": ann.pk,
        "username": "ann",
        "is_staff": False,
        "may_create_projects": False,
        "csrf_token": me["csrf_token"],
    }
    assert browser.get("/api/me").json()["username"] == "ann"
    assert browser.cookies["sonoloop_session"]["httponly"]
    signed_out = post(browser, "/api/auth/logout")
    assert (signed_out.status_code, signed_out["Clear-Site-Data"]) == (204, '"cache"')
    assert browser.get("/api/me").status_code == 401
    assert list(AuditEvent.objects.order_by("id").values_list("verb", flat=True)) == ["signed in", "signed out"]


def test_a_wrong_password_and_an_unknown_name_get_the_same_401(ann: User) -> None:
    wrong = post(Client(), "/api/auth/login", {"username": "ann", "password": "wrong"})
    unknown = post(Client(), "/api/auth/login", {"username": "nobody", "password": "wrong"})
    assert (wrong.status_code, unknown.status_code) == (401, 401)
    assert wrong.json() == unknown.json()
    assert code(wrong) == "wrong_password"
    ann.is_active = False
    ann.save()
    assert post(Client(), "/api/auth/login", {"username": "ann", "password": PASSWORD}).json() == wrong.json()


def test_signing_in_takes_json_only_so_another_site_s_form_cannot(ann: User) -> None:
    form = Client().post("/api/auth/login", {"username": "ann", "password": PASSWORD})
    assert form.status_code == 415
    assert code(form) == "unsupported_media_type"
    text = Client().post("/api/auth/login", '{"username": "ann", "password": "x"}', content_type="text/plain")
    assert text.status_code == 415


@pytest.mark.parametrize(
    "body",
    ["not json", "[]", "null", '"ann"', "{}", '{"username": "ann"}', '{"username": ["ann"], "password": {}}',
     '{"username": "a\\u0000", "password": "x"}', '{"username": "ann", "password": "x", "remember": true}'],
)  # fmt: skip
def test_a_sign_in_that_is_not_two_words_is_refused_in_words(db: None, body: str) -> None:
    answer = Client().post("/api/auth/login", body, content_type=JSON)
    assert answer.status_code == 400
    assert code(answer)


def test_ten_wrong_passwords_bring_a_rest_that_a_right_one_does_not_end(ann: User) -> None:
    browser = Client()
    statuses = [
        post(browser, "/api/auth/login", {"username": "ann", "password": f"wrong {n}"}).status_code for n in range(11)
    ]
    assert statuses[:9] == [401] * 9
    assert statuses[10] == 429
    locked = post(browser, "/api/auth/login", {"username": "ann", "password": PASSWORD})
    assert locked.status_code == 429
    assert code(locked) == "too_many_attempts"
    assert int(locked["Retry-After"]) > 0
    elsewhere = post(Client(REMOTE_ADDR="10.1.1.1"), "/api/auth/login", {"username": "ann", "password": PASSWORD})
    assert elsewhere.status_code == 200


def test_a_session_write_needs_the_csrf_token_and_a_read_does_not(ann: User) -> None:
    browser = Client(enforce_csrf_checks=True)
    token = post(browser, "/api/auth/login", {"username": "ann", "password": PASSWORD}).json()["csrf_token"]
    assert browser.get("/api/me").status_code == 200
    refused = post(browser, "/api/tokens", {"name": "a program"})
    assert refused.status_code == 403
    assert code(refused)
    assert not ApiToken.objects.exists()
    assert post(browser, "/api/tokens", {"name": "a program"}, headers={"X-CSRFToken": token}).status_code == 201


def test_nobody_is_told_so_and_still_gets_the_csrf_cookie(db: None) -> None:
    answer = Client().get("/api/me")
    assert answer.status_code == 401
    assert code(answer) == "not_signed_in"
    assert "csrftoken" in answer.cookies


def test_a_token_is_shown_once_and_only_its_hash_is_stored(client: Client, manager: User) -> None:
    made = post(client, "/api/tokens", {"name": "export script", "scope": "read"})
    assert made.status_code == 201
    clear = made.json()["token"]
    row = ApiToken.objects.get()
    assert row.sha256 == people.token_digest(clear)
    assert clear not in str(list(ApiToken.objects.values()) + list(AuditEvent.objects.values()))
    listed = client.get("/api/tokens").json()
    assert [(each["name"], each["scope"], each["last_used_at"]) for each in listed] == [("export script", "read", None)]
    assert "token" not in listed[0]
    assert clear not in str(listed)

    assert bearer(clear).get("/api/me").json()["username"] == manager.username
    assert client.get("/api/tokens").json()[0]["last_used_at"] is not None


def test_a_reading_token_reads_and_changes_nothing(manager: User, project: Project) -> None:
    _, reading = people.create_token(manager, name="reads", scope="read")
    _, writing = people.create_token(manager, name="writes", scope="write")
    path = f"/api/projects/{project.pk}"
    assert bearer(reading).get(path).status_code == 200
    refused = bearer(reading).patch(path, {"description": "new"}, content_type=JSON)
    assert refused.status_code == 403
    assert code(refused)
    # No CSRF token: another site cannot make a browser send this header.
    assert bearer(writing).patch(path, {"description": "new"}, content_type=JSON).status_code == 200
    project.refresh_from_db()
    assert project.description == "new"


def test_unknown_revoked_and_malformed_tokens_get_401(client: Client, manager: User) -> None:
    row, clear = people.create_token(manager, name="old", scope="write")
    for header in ("Bearer", "Bearer ", "Bearer x", f"Bearer {clear} more", f"Bearer {clear[:-1]}", "Bearer \xe4"):
        assert Client(headers={"Authorization": header}).get("/api/me").status_code == 401, header
    assert client.delete(f"/api/tokens/{row.pk}").status_code == 204
    assert bearer(clear).get("/api/me").status_code == 401
    _, other = people.create_token(manager, name="other", scope="write")
    User.objects.update(is_active=False)
    assert bearer(other).get("/api/me").status_code == 401


def test_a_bad_token_is_not_helped_by_a_good_session(client: Client) -> None:
    assert client.get("/api/me", headers={"Authorization": "Bearer nonsense"}).status_code == 401


def test_tokens_are_their_owner_s_alone(client: Client, sign_in: Callable[[User], Client], manager: User) -> None:
    row, clear = people.create_token(manager, name="mine", scope="write")
    other = sign_in(factories.make_user())
    assert other.get("/api/tokens").json() == []
    assert other.delete(f"/api/tokens/{row.pk}").status_code == 404
    assert client.delete("/api/tokens/999999").status_code == 404
    assert client.put("/api/tokens").status_code == 405
    assert client.get(f"/api/tokens/{row.pk}").status_code == 405
    assert Client().get("/api/tokens").status_code == 401
    assert post(client, "/api/tokens", {"name": "x", "scope": "everything"}).status_code == 400
    assert bearer(clear).get("/api/me").status_code == 200


def test_a_new_password_needs_the_old_one_and_keeps_the_session(ann: User, sign_in: Callable[[User], Client]) -> None:
    browser, elsewhere = sign_in(ann), sign_in(ann)
    wrong = post(browser, "/api/me/password", {"current": "wrong", "new": "another long password"})
    assert (wrong.status_code, code(wrong)) == (400, "wrong_password")
    for weak in ("short", "password123", "1234567890"):
        answer = post(browser, "/api/me/password", {"current": PASSWORD, "new": weak})
        assert answer.status_code == 400
        assert code(answer) == "bad_request"
    assert post(browser, "/api/me/password", {"current": PASSWORD, "new": "another long password"}).status_code == 204
    assert browser.get("/api/me").status_code == 200
    assert elsewhere.get("/api/me").status_code == 401
    assert post(Client(), "/api/auth/login", {"username": "ann", "password": PASSWORD}).status_code == 401
    assert browser.get("/api/me/password").status_code == 405
    assert post(Client(), "/api/me/password").status_code == 401
    assert AuditEvent.objects.filter(verb="changed password", actor=ann).count() == 1


def test_a_new_name_becomes_an_account_with_a_password_shown_once(client: Client, project: Project) -> None:
    path = f"/api/projects/{project.pk}/members"
    made = post(client, path, {"username": "newcomer", "role": "annotator"})
    assert made.status_code == 201
    password = made.json()["password"]
    signed_in = post(Client(), "/api/auth/login", {"username": "newcomer", "password": password})
    assert signed_in.status_code == 200
    assert password not in str(client.get(path).json()) + str(list(AuditEvent.objects.values()))
    assert {each["username"]: each["role"] for each in client.get(path).json()} == {
        "the manager": "manager",
        "newcomer": "annotator",
    }


def test_a_known_name_joins_without_a_new_password_and_only_once(client: Client, project: Project, ann: User) -> None:
    path = f"/api/projects/{project.pk}/members"
    made = post(client, path, {"username": "ann", "role": "viewer"}).json()
    assert (made["user_id"], made["password"]) == (ann.pk, None)
    again = post(client, path, {"username": "ann", "role": "manager"})
    assert (again.status_code, code(again)) == (409, "already_member")
    ann.refresh_from_db()
    assert ann.check_password(PASSWORD)


@pytest.mark.parametrize("name", ["", " ", "a b\x00", "../x", "x" * 151, "semi;colon"])
def test_impossible_user_names_are_refused_and_make_no_account(client: Client, project: Project, name: str) -> None:
    before = User.objects.count()
    answer = post(client, f"/api/projects/{project.pk}/members", {"username": name, "role": "viewer"})
    assert answer.status_code == 400
    assert code(answer) == "bad_request"
    assert User.objects.count() == before
    assert Membership.objects.count() == 1


def test_roles_change_and_people_leave(client: Client, project: Project, sign_in: Callable[[User], Client]) -> None:
    ann = factories.make_member(project, Membership.Role.VIEWER)
    path = f"/api/projects/{project.pk}/members/{ann.pk}"
    assert client.patch(path, {"role": "reviewer"}, content_type=JSON).json()["role"] == "reviewer"
    assert sign_in(ann).get(f"/api/projects/{project.pk}").json()["my_role"] == "reviewer"
    assert client.patch(path, {"role": "emperor"}, content_type=JSON).status_code == 400
    assert client.delete(path).status_code == 204
    assert sign_in(ann).get(f"/api/projects/{project.pk}").status_code == 404
    assert client.delete(path).status_code == 404
    assert [row.detail["role"] for row in AuditEvent.objects.filter(object_type="membership").order_by("id")] == [
        "reviewer",
        None,
    ]


def test_the_last_manager_stays(client: Client, project: Project, manager: User) -> None:
    path = f"/api/projects/{project.pk}/members/{manager.pk}"
    for answer in (client.delete(path), client.patch(path, {"role": "viewer"}, content_type=JSON)):
        assert (answer.status_code, code(answer)) == (409, "last_manager")
    assert client.patch(path, {"role": "manager"}, content_type=JSON).status_code == 200
    factories.make_member(project, Membership.Role.MANAGER)
    assert client.delete(path).status_code == 204


def test_who_sees_and_who_changes_the_people(
    client: Client, project: Project, manager: User, ask_all: Callable[..., dict[str, int]]
) -> None:
    path = f"/api/projects/{project.pk}/members"
    one = f"{path}/{manager.pk}"
    everybody = {"viewer": 200, "uploader": 200, "annotator": 200, "reviewer": 200}
    nobody = dict.fromkeys(everybody, 403)
    assert ask_all("get", path) == {"nobody": 401, "stranger": 404, **everybody}
    new = {"data": {"username": "x", "role": "viewer"}, "content_type": JSON}
    assert ask_all("post", path, **new) == {"nobody": 401, "stranger": 404, **nobody}
    assert ask_all("patch", one, data={"role": "viewer"}, content_type=JSON) == {
        "nobody": 401,
        "stranger": 404,
        **nobody,
    }
    assert ask_all("delete", one) == {"nobody": 401, "stranger": 404, **nobody}
    assert client.put(path).status_code == 405
    assert client.get(one).status_code == 405
    assert client.get("/api/projects/999999/members").status_code == 404
    assert client.patch(f"{path}/999999", {"role": "viewer"}, content_type=JSON).status_code == 404
    assert client.get(f"/api/projects/{'9' * 5000}/members").status_code == 404


def test_a_change_that_is_undone_leaves_no_audit_row(project: Project, manager: User, ann: User) -> None:
    people.add_member(project, username="ann", role="viewer", by=manager)
    rows = AuditEvent.objects.count()
    with pytest.raises(Conflict):
        people.add_member(project, username="ann", role="viewer", by=manager)
    with pytest.raises(Conflict):
        people.change_role(project, manager.pk, role=None, by=manager)
    assert AuditEvent.objects.count() == rows


def test_the_first_manager_is_made_once(db: None) -> None:
    made = people.create_first_manager()
    assert made is not None
    user, password = made
    assert user.check_password(password)
    assert user.is_staff
    assert people.create_first_manager() is None


@pytest.mark.parametrize("name", ["\u0430dmin", "two words", "", "-x", "a" * 151])
def test_a_name_that_could_be_mistaken_makes_no_account(client, project, name) -> None:
    before = User.objects.count()
    answer = client.post(
        f"/api/projects/{project.pk}/members", {"username": name, "role": "viewer"}, content_type="application/json"
    )
    assert answer.status_code == 400
    assert User.objects.count() == before


def test_capitals_make_no_second_person(client, project) -> None:
    factories.make_user("anna")
    body = {"username": "ANNA", "role": "viewer"}
    answer = client.post(f"/api/projects/{project.pk}/members", body, content_type="application/json").json()
    assert (answer["username"], answer["password"]) == ("anna", None)
    assert User.objects.filter(username__iexact="anna").count() == 1


def test_a_closed_account_gets_in_nowhere(project, manager, sign_in) -> None:
    browser = sign_in(manager)
    _, token = people.create_token(manager, name="a program", scope="write")
    call_command("close_account", manager.username)
    assert browser.get("/api/me").status_code == 401
    assert Client().get("/api/me", headers={"Authorization": f"Bearer {token}"}).status_code == 401
    body = {"username": manager.username, "password": "a long password"}
    assert Client().post("/api/auth/login", body, content_type="application/json").status_code == 401
    with pytest.raises(CommandError, match="no user"):
        call_command("close_account", "nobody here")
