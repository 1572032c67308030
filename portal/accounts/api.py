"""REST: who one is, people, teams, members, invitations (api.md, who and teams)."""

from django.conf import settings
from django.http import HttpResponse
from ninja import Query, Router, Schema, Status

from portal.access.model import Action
from portal.accounts import services
from portal.accounts.models import Membership, Team, User
from portal.api.operations_http import created
from portal.api.paging import PageQuery, page
from portal.api.requests import Request
from portal.operations.events import stamp

router = Router(tags=["people and teams"])


class UserIn(Schema):
    username: str
    email: str = ""
    is_admin: bool = False


class UserPatch(Schema):
    email: str | None = None
    is_admin: bool | None = None
    is_active: bool | None = None


class TeamIn(Schema):
    slug: str
    name: str
    connection: str = ""


class TeamPatch(Schema):
    name: str


class MemberIn(Schema):
    username: str
    role: str


class RolePatch(Schema):
    role: str


class InvitationIn(Schema):
    role: str
    email: str = ""


def show_user(user: User) -> dict[str, object]:
    return {
        "username": user.username, "email": user.email, "name": user.get_full_name(), "is_admin": user.is_superuser,
        "is_active": user.is_active, "last_login": stamp(user.last_login),
    }  # fmt: skip


def show_team(team: Team) -> dict[str, object]:
    return {"slug": team.slug, "name": team.name, "connection": team.connection, "created_at": stamp(team.created_at)}


def show_member(membership: Membership) -> dict[str, object]:
    return {"username": membership.user.username, "role": membership.role, "since": stamp(membership.created_at)}


@router.get("/me", summary="Who one is, and one's teams")
def me(request: Request) -> dict[str, object]:
    actor = request.actor
    memberships = Membership.objects.select_related("team").filter(user_id=actor.user_id, team__archived_at=None)
    teams = [
        {"slug": m.team.slug, "name": m.team.name, "role": m.role, "connection": m.team.connection} for m in memberships
    ]
    return {"username": actor.username, "is_admin": actor.is_admin, "teams": teams}


@router.get("/users", summary="All people (site admins)")
def list_users(request: Request, query: Query[PageQuery]) -> dict[str, object]:
    services.require_site_admin(request.actor, Action.VIEW)
    return page(User.objects.order_by("username"), query, show_user)


@router.post("/users", summary="A new person, who comes in by a one-time link (site admins)")
def create_user(request: Request, body: UserIn) -> HttpResponse:
    user = services.create_user(request.actor, body.username, body.email, body.is_admin)
    return created(show_user(user))


@router.patch("/users/{username}", summary="Change a person (site admins)")
def update_user(request: Request, username: str, body: UserPatch) -> dict[str, object]:
    return show_user(services.update_user(request.actor, username, **body.dict()))


@router.delete("/users/{username}", response={204: None}, summary="Deactivate a person (site admins)")
def deactivate_user(request: Request, username: str) -> Status[None]:
    services.update_user(request.actor, username, is_active=False)
    return Status(204, None)


@router.get("/teams", summary="One's teams; all for a site admin")
def list_teams(request: Request, query: Query[PageQuery]) -> dict[str, object]:
    return page(services.teams_of(request.actor), query, show_team)


@router.post("/teams", summary="A new team (site admins); its maker becomes its first admin")
def create_team(request: Request, body: TeamIn) -> HttpResponse:
    team = services.create_team(request.actor, body.slug, body.name, body.connection)
    return created(show_team(team))


@router.get("/teams/{slug}", summary="One team")
def get_team(request: Request, slug: str) -> dict[str, object]:
    return show_team(services.get_team(request.actor, slug))


@router.patch("/teams/{slug}", summary="Rename a team (its admins)")
def rename_team(request: Request, slug: str, body: TeamPatch) -> dict[str, object]:
    return show_team(services.rename_team(request.actor, slug, body.name))


@router.delete("/teams/{slug}", response={204: None}, summary="Close a team (site admins)")
def archive_team(request: Request, slug: str) -> Status[None]:
    services.archive_team(request.actor, slug)
    return Status(204, None)


@router.get("/teams/{slug}/members", summary="Who is in a team")
def list_members(request: Request, slug: str, query: Query[PageQuery]) -> dict[str, object]:
    return page(services.members(request.actor, slug), query, show_member)


@router.post("/teams/{slug}/members", summary="Put a person in a team (its admins)")
def add_member(request: Request, slug: str, body: MemberIn) -> HttpResponse:
    membership = services.set_member(request.actor, slug, body.username, body.role, new=True)
    return created(show_member(membership))


@router.patch("/teams/{slug}/members/{username}", summary="Change a role (its admins)")
def change_role(request: Request, slug: str, username: str, body: RolePatch) -> dict[str, object]:
    services.get_member(request.actor, slug, username)
    return show_member(services.set_member(request.actor, slug, username, body.role))


@router.delete("/teams/{slug}/members/{username}", response={204: None}, summary="Take a person out, or leave")
def remove_member(request: Request, slug: str, username: str) -> Status[None]:
    services.remove_member(request.actor, slug, username)
    return Status(204, None)


@router.post("/teams/{slug}/invitations", summary="A link that makes its bearer a member, once (its admins)")
def invite(request: Request, slug: str, body: InvitationIn) -> HttpResponse:
    link, path = services.invite(request.actor, slug, body.role, body.email)
    return created({"url": settings.URL + path, "role": link.role, "expires_at": stamp(link.expires_at)})
