"""Saved queries. A run of a query is an Operation of kind query.run."""

import uuid

from django.conf import settings
from django.db import models

from portal.accounts.models import Team


class SavedQuery(models.Model):
    """A query kept by name: private without a team, else its team's. Each change is kept as a version."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=120)
    description = models.TextField(blank=True)
    sql = models.TextField()
    database = models.CharField(max_length=255)
    connection = models.CharField(max_length=40)
    team = models.ForeignKey(Team, models.PROTECT, null=True, blank=True, related_name="saved_queries")
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="saved_queries")
    tags = models.JSONField(default=list)
    parameters = models.JSONField(default=list)
    chart = models.JSONField(null=True, blank=True)
    is_sample = models.BooleanField(default=False)
    version = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name


class SavedQueryVersion(models.Model):
    """What a saved query was, once: number counts from 1."""

    query = models.ForeignKey(SavedQuery, models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    content = models.JSONField()
    author = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["query", "number"], name="version_unique_in_query"),)
        ordering = ("-number",)

    def __str__(self) -> str:
        return f"{self.query} v{self.number}"


class Share(models.Model):
    """A saved query shown to one more person or team; `can_edit` lets them change it. Who runs it uses their own
    rights."""

    query = models.ForeignKey(SavedQuery, models.CASCADE, related_name="shares")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, null=True, blank=True, related_name="+")
    team = models.ForeignKey(Team, models.CASCADE, null=True, blank=True, related_name="+")
    can_edit = models.BooleanField(default=False)

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=models.Q(team__isnull=True) ^ models.Q(user__isnull=True), name="share_has_one_principal"
            ),
            models.UniqueConstraint(fields=["query", "user"], name="one_share_a_user"),
            models.UniqueConstraint(fields=["query", "team"], name="one_share_a_team"),
        )

    def __str__(self) -> str:
        return f"{self.query} shared"
