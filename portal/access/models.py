"""Grants: what a team or a person may do beyond what their own team owns."""

from django.conf import settings
from django.db import models

from portal.accounts.models import Team


class Grant(models.Model):
    """One grant. Exactly one of `team` and `user` is set. `resource_kind` and `resource_name` as in
    access.model.Resource;
    a bucket's name ends in `/`. `columns` is null for all columns. `owner_team` is the team that owns the resource."""

    class Level(models.TextChoices):
        READ = "read"
        WRITE = "write"
        MANAGE = "manage"

    team = models.ForeignKey(Team, models.CASCADE, null=True, blank=True, related_name="grants")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, null=True, blank=True, related_name="grants")
    owner_team = models.ForeignKey(Team, models.CASCADE, related_name="given_grants")
    connection = models.CharField(max_length=40)
    resource_kind = models.CharField(max_length=12)
    resource_name = models.CharField(max_length=1100)
    action = models.CharField(max_length=8, choices=Level.choices)
    columns = models.JSONField(null=True, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    granted_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=models.Q(team__isnull=True) ^ models.Q(user__isnull=True), name="grant_has_one_principal"
            ),
        )
        indexes = (models.Index(fields=["connection", "resource_kind"]),)
        ordering = ("-created_at",)

    def __str__(self) -> str:
        return f"{self.principal} {self.action} {self.resource}"

    @property
    def principal(self) -> str:
        return f"team:{self.team.slug}" if self.team else f"user:{self.user.username if self.user else ''}"

    @property
    def resource(self) -> str:
        return f"{self.resource_kind}:{self.resource_name}"
