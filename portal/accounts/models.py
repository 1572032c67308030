"""People, teams, roles, tokens and one-time links. Rows only: the verbs are in services.py."""

from typing import ClassVar

from django.conf import settings
from django.contrib.auth.models import AbstractUser
from django.core.validators import RegexValidator
from django.db import models

SLUG = RegexValidator(r"^[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?$", "Use 1 to 40 lower-case letters, digits and hyphens.")
USERNAME = RegexValidator(
    r"^[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?$", "Use lower-case letters, digits, dots and hyphens."
)


class User(AbstractUser):
    """A person. Never deleted, only deactivated: a username does not change hands. `is_staff` is unused,
    `is_superuser` marks a site admin."""

    username = models.CharField(max_length=64, unique=True, validators=[USERNAME])
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    @property
    def is_admin(self) -> bool:
        return self.is_active and self.is_superuser

    @property
    def display_name(self) -> str:
        return self.get_full_name() or self.username


class Role(models.TextChoices):
    """What a person may do in a team; each includes the ones before it."""

    VIEWER = "viewer", "Viewer"
    ANALYST = "analyst", "Analyst"
    SCIENTIST = "scientist", "Scientist"
    ADMIN = "admin", "Team admin"

    @property
    def rank(self) -> int:
        return list(Role).index(self)


ROLE_ABOUT = {
    Role.VIEWER: "Sees the team's tables, results and what is shared with it.",
    Role.ANALYST: "Also uploads files, writes SQL and saves queries.",
    Role.SCIENTIST: "Also trains models.",
    Role.ADMIN: "Also invites people, sets the budget and grants access to what the team owns.",
}


class Team(models.Model):
    """A team works on one connection. Its slug never changes hands: teams are archived, not deleted."""

    slug = models.CharField(max_length=40, unique=True, validators=[SLUG])
    name = models.CharField(max_length=100)
    connection = models.CharField(max_length=40)
    archived_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    members = models.ManyToManyField(settings.AUTH_USER_MODEL, through="Membership", related_name="teams")

    class Meta:
        ordering = ("name", "slug")

    def __str__(self) -> str:
        return self.name


class Membership(models.Model):
    """A person's role in a team."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="memberships")
    team = models.ForeignKey(Team, models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=12, choices=Role.choices)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["user", "team"], name="one_role_a_team"),)
        ordering = ("user__username",)

    def __str__(self) -> str:
        return f"{self.user} in {self.team}: {self.role}"


class ApiToken(models.Model):
    """A bearer token: kept as SHA-256 of its 256 random bits, shown once."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="api_tokens")
    name = models.CharField(max_length=100)
    digest = models.CharField(max_length=64, unique=True)
    scopes = models.JSONField(default=list)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.name} of {self.user}"


class OneTimeLink(models.Model):
    """A link that works once: sign-in of a person, or an invitation to a team. Kept hashed."""

    class Kind(models.TextChoices):
        SIGN_IN = "signin"
        INVITATION = "invitation"

    kind = models.CharField(max_length=12, choices=Kind.choices)
    digest = models.CharField(max_length=64, unique=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, null=True, blank=True, related_name="+")
    team = models.ForeignKey(Team, models.CASCADE, null=True, blank=True, related_name="invitations")
    role = models.CharField(max_length=12, choices=Role.choices, blank=True)
    email = models.EmailField(blank=True)
    invited_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.kind} until {self.expires_at:%Y-%m-%d %H:%M}"
