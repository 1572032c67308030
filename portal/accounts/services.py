"""The verbs on people, teams, tokens and one-time links. A secret is shown once and kept as SHA-256 of its random
bits."""

import hashlib
import secrets
from datetime import datetime, timedelta

from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from portal.access.decide import READ_ONLY, require
from portal.access.model import Action, Actor, Resource
from portal.accounts.models import SLUG, USERNAME, ApiToken, Membership, OneTimeLink, Role, Team, User
from portal.problems import Conflict, Denied, Invalid, Missing


def digest(secret: str) -> str:
    """How a secret is kept. It has 256 random bits, so a plain hash is enough."""
    return hashlib.sha256(secret.encode()).hexdigest()


# --- the actor --------------------------------------------------------------------------------------------------------


def actor_of(user: User, team_slug: str = "", scopes: frozenset[str] = frozenset()) -> Actor:
    """The person at work in one team: the one named, else their first. Missing where they are in no team of that name
    (site admins may name any team)."""
    memberships = user.memberships.select_related("team").filter(team__archived_at=None).order_by("team__name")
    membership = memberships.filter(team__slug=team_slug).first() if team_slug else memberships.first()
    if membership:
        team, role = membership.team, membership.role
    elif not team_slug:
        team, role = None, ""
    else:
        team, role = (Team.objects.filter(slug=team_slug, archived_at=None).first() if user.is_admin else None), ""
        if team is None:
            raise Missing(f"There is no team “{team_slug}”, or you are not in it.")
    return Actor(
        user_id=user.pk, username=user.username, is_admin=user.is_admin, role=role, scopes=scopes,
        team=team.slug if team else "", connection=team.connection if team else settings.DEFAULT_CONNECTION,
    )  # fmt: skip


def team_resource(team: Team) -> Resource:
    return Resource("team", team.slug, team.connection, team.slug)


def require_site_admin(actor: Actor, action: Action = Action.MANAGE) -> None:
    if not actor.is_admin:
        raise Denied("Only a site admin may do this.")
    if actor.scopes and "write" not in actor.scopes and action not in READ_ONLY:
        raise Denied("This token may only read.")


# --- people -----------------------------------------------------------------------------------------------------------


def create_user(actor: Actor | None, username: str, email: str = "", is_admin: bool = False) -> User:
    """A person without a password: they come in by a one-time link. `actor` None is the operator at the console."""
    if actor:
        require_site_admin(actor)
    try:
        USERNAME(username)
    except ValidationError as error:
        raise Invalid.field("username", error.messages[0]) from None
    user = User(username=username, email=_email(email), is_superuser=is_admin)
    user.set_unusable_password()
    try:
        with transaction.atomic():
            user.save()
    except IntegrityError:
        raise Conflict(f"The name {username} is taken, or was once: names do not change hands.") from None
    return user


def update_user(
    actor: Actor,
    username: str,
    *,
    email: str | None = None,
    is_admin: bool | None = None,
    is_active: bool | None = None,
) -> User:
    """Change a person. Nobody can take the site's last admin away."""
    require_site_admin(actor)
    user = get_user(username)
    email = None if email is None else _email(email)
    with transaction.atomic():
        if (is_admin is False or is_active is False) and user.is_admin and _last_admin(user):
            raise Conflict("This is the last site admin. Make somebody else one first.")
        for field, value in (("email", email), ("is_superuser", is_admin), ("is_active", is_active)):
            if value is not None:
                setattr(user, field, value)
        user.save(update_fields=["email", "is_superuser", "is_active"])
    return user


def _last_admin(user: User) -> bool:
    return not User.objects.select_for_update().filter(is_superuser=True, is_active=True).exclude(pk=user.pk).exists()


def _email(address: str) -> str:
    """As it is, or Invalid. None at all is well: people come in by links that others hand them."""
    try:
        if address:
            User._meta.get_field("email").run_validators(address)
    except ValidationError:
        raise Invalid.field("email", "This is no e-mail address.") from None
    return address


def get_user(username: str) -> User:
    user = User.objects.filter(username=username).first()
    if user is None:
        raise Missing(f"There is nobody called {username}.")
    return user


def set_password(user: User, password: str) -> None:
    """Invalid where it is too weak, with what is wrong."""
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise Invalid.field("password", " ".join(error.messages)) from None
    user.set_password(password)
    user.save(update_fields=["password"])


# --- teams ------------------------------------------------------------------------------------------------------------


def teams_of(actor: Actor) -> QuerySet[Team]:
    """The teams a person may know of: theirs, or all for a site admin."""
    teams = Team.objects.filter(archived_at=None)
    return teams if actor.is_admin else teams.filter(memberships__user_id=actor.user_id)


def get_team(actor: Actor, slug: str) -> Team:
    team = teams_of(actor).filter(slug=slug).first()
    if team is None:
        raise Missing(f"There is no team “{slug}”, or you are not in it.")
    return team


def create_team(actor: Actor, slug: str, name: str, connection: str = "") -> Team:
    """A new team, made by a site admin, who becomes its first admin."""
    require_site_admin(actor)
    connection = connection or settings.DEFAULT_CONNECTION
    if connection not in settings.CONNECTIONS:
        raise Invalid.field("connection", f"There is no connection “{connection}”.")
    try:
        SLUG(slug)
    except ValidationError as error:
        raise Invalid.field("slug", error.messages[0]) from None
    if not name.strip():
        raise Invalid.field("name", "A team needs a name.")
    try:
        with transaction.atomic():
            team = Team.objects.create(slug=slug, name=name.strip()[:100], connection=connection)
            Membership.objects.create(team=team, user_id=actor.user_id, role=Role.ADMIN)
    except IntegrityError:
        raise Conflict(f"There is, or was, a team “{slug}”: slugs do not change hands.") from None
    return team


def rename_team(actor: Actor, slug: str, name: str) -> Team:
    team = get_team(actor, slug)
    require(actor_in(actor, team), Action.MANAGE, team_resource(team))
    if not name.strip():
        raise Invalid.field("name", "A team needs a name.")
    team.name = name.strip()[:100]
    team.save(update_fields=["name"])
    return team


def archive_team(actor: Actor, slug: str) -> None:
    """Close a team: nobody works in it any more; its rows stay for the record."""
    require_site_admin(actor)
    team = get_team(actor, slug)
    team.archived_at = timezone.now()
    team.save(update_fields=["archived_at"])


def actor_in(actor: Actor, team: Team) -> Actor:
    """The same person, in another team of theirs."""
    if actor.team == team.slug:
        return actor
    return actor_of(User.objects.get(pk=actor.user_id), team.slug, actor.scopes)


def members(actor: Actor, slug: str) -> QuerySet[Membership]:
    team = get_team(actor, slug)
    require(actor_in(actor, team), Action.VIEW, team_resource(team))
    return team.memberships.select_related("user")


def get_member(actor: Actor, slug: str, username: str) -> Membership:
    """One person's membership, or Missing."""
    membership = members(actor, slug).filter(user__username=username).first()
    if membership is None:
        raise Missing(f"{username} is not in this team.")
    return membership


def set_member(actor: Actor, slug: str, username: str, role: str, *, new: bool = False) -> Membership:
    """Put a person in a team, or change their role. With `new`, somebody who is in it already is Conflict."""
    team = get_team(actor, slug)
    require(actor_in(actor, team), Action.MANAGE, team_resource(team))
    if role not in Role.values:
        raise Invalid.field("role", f"A role is one of {', '.join(Role.values)}.")
    user = get_user(username)
    with transaction.atomic():
        membership, created = Membership.objects.get_or_create(team=team, user=user, defaults={"role": role})
        if not created:
            if new:
                raise Conflict(f"{username} is in {team.name} already, as {membership.role}.")
            _keep_an_admin(membership, role)
            membership.role = role
            membership.save(update_fields=["role"])
    return membership


def remove_member(actor: Actor, slug: str, username: str) -> None:
    """Take a person out of a team; an admin of it may, and everybody may leave."""
    team = get_team(actor, slug)
    if username != actor.username or (actor.scopes and "write" not in actor.scopes):
        require(actor_in(actor, team), Action.MANAGE, team_resource(team))
    membership = team.memberships.filter(user__username=username).first()
    if membership is None:
        raise Missing(f"{username} is not in {team.name}.")
    with transaction.atomic():
        _keep_an_admin(membership, "")
        membership.delete()


def _keep_an_admin(membership: Membership, role: str) -> None:
    others = (
        Membership.objects.select_for_update().filter(team=membership.team, role=Role.ADMIN).exclude(pk=membership.pk)
    )
    if membership.role == Role.ADMIN and role != Role.ADMIN and not others.exists():
        raise Conflict(
            f"{membership.user.username} is the last admin of {membership.team.name}. Make somebody else one first."
        )


# --- tokens -----------------------------------------------------------------------------------------------------------


def create_token(
    user: User, name: str, expires_at: datetime | None = None, scopes: list[str] | None = None
) -> tuple[ApiToken, str]:
    """A bearer token and its secret, which is never to be had again."""
    secret = "sky_" + secrets.token_urlsafe(32)
    row = ApiToken.objects.create(
        user=user, name=name.strip()[:100] or "token", digest=digest(secret), expires_at=expires_at, scopes=scopes or []
    )
    return row, secret


def user_of_token(secret: str) -> ApiToken | None:
    """The live token of a secret, or None. Its last use is kept to the minute, not to spend a write a request."""
    now = timezone.now()
    live = Q(expires_at=None) | Q(expires_at__gt=now)
    token = ApiToken.objects.select_related("user").filter(
        live, digest=digest(secret), revoked_at=None, user__is_active=True
    ).first()  # fmt: skip
    if token and (token.last_used_at is None or token.last_used_at < now - timedelta(minutes=1)):
        ApiToken.objects.filter(pk=token.pk).update(last_used_at=now)
    return token


def revoke_token(actor: Actor, token_id: int) -> None:
    if not ApiToken.objects.filter(pk=token_id, user_id=actor.user_id, revoked_at=None).update(
        revoked_at=timezone.now()
    ):
        raise Missing("There is no such token of yours.")


# --- one-time links ---------------------------------------------------------------------------------------------------


def sign_in_link(username: str) -> str:
    """A path that signs its bearer in once, within 15 minutes."""
    user = get_user(username)
    if not user.is_active:
        raise Denied(f"{username} is deactivated.")
    secret = secrets.token_urlsafe(32)
    OneTimeLink.objects.create(
        kind=OneTimeLink.Kind.SIGN_IN,
        digest=digest(secret),
        user=user,
        expires_at=timezone.now() + settings.SIGN_IN_LINK,
    )
    return f"/signin/{secret}"


def invite(actor: Actor, slug: str, role: str, email: str = "") -> tuple[OneTimeLink, str]:
    """A link that makes its bearer a member once, and its path."""
    team = get_team(actor, slug)
    require(actor_in(actor, team), Action.MANAGE, team_resource(team))
    if role not in Role.values:
        raise Invalid.field("role", f"A role is one of {', '.join(Role.values)}.")
    secret = secrets.token_urlsafe(32)
    link = OneTimeLink.objects.create(
        kind=OneTimeLink.Kind.INVITATION, digest=digest(secret), team=team, role=role, email=_email(email),
        invited_by_id=actor.user_id, expires_at=timezone.now() + settings.INVITATION,
    )  # fmt: skip
    return link, f"/invitation/{secret}"


def find_link(secret: str, kind: str) -> OneTimeLink:
    """A link that can still be used, or Missing."""
    link = (
        OneTimeLink.objects.select_related("user", "team", "invited_by")
        .filter(digest=digest(secret), kind=kind, used_at=None, expires_at__gt=timezone.now(), team__archived_at=None)
        .first()
    )
    if link is None:
        raise Missing("This link was used already, has ended or was never made. Ask for a new one.")
    return link


def spend_sign_in(secret: str) -> User:
    """Use up a sign-in link: True only for the first who comes."""
    link = find_link(secret, OneTimeLink.Kind.SIGN_IN)
    _spend(link)
    if link.user is None or not link.user.is_active:
        raise Missing("This person was deactivated.")
    return link.user


def accept_invitation(secret: str, user: User | None, username: str = "", name: str = "", password: str = "") -> User:
    """Join by invitation: somebody who is signed in, or a new person with a name and a password."""
    link = find_link(secret, OneTimeLink.Kind.INVITATION)
    assert link.team is not None
    with transaction.atomic():
        if user is None:
            user = create_user(None, username.strip().lower(), link.email)
            user.first_name = name.strip()[:150]
            user.save(update_fields=["first_name"])
            set_password(user, password)
        _spend(link)
        Membership.objects.get_or_create(team=link.team, user=user, defaults={"role": link.role})
    return user


def _spend(link: OneTimeLink) -> None:
    spent = OneTimeLink.objects.filter(pk=link.pk, used_at=None, expires_at__gt=timezone.now()).update(
        used_at=timezone.now()
    )
    if not spent:
        raise Missing("This link was used a moment ago. Ask for a new one.")
