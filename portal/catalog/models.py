"""The mirror of the providers' catalogs, so that no page waits for one. Written by catalog.services.sync alone, but for
owner, description, tags and visibility, which are the portal's own."""

from django.conf import settings
from django.db import models

from portal.accounts.models import Team


class Database(models.Model):
    """A database of a connection and the team that owns it."""

    connection = models.CharField(max_length=40)
    name = models.CharField(max_length=255)
    team = models.ForeignKey(Team, models.PROTECT, related_name="databases")
    description = models.TextField(blank=True)
    is_sample = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["connection", "name"], name="database_unique_in_connection"),)
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name


class Table(models.Model):
    """A table as last synced. `columns` and `partition_keys` are [{name, type, comment}], types in Athena's names."""

    database = models.ForeignKey(Database, models.CASCADE, related_name="tables")
    name = models.CharField(max_length=255)
    location = models.CharField(max_length=1200)
    format = models.CharField(max_length=10)
    options = models.JSONField(default=dict)
    columns = models.JSONField(default=list)
    partition_keys = models.JSONField(default=list)
    version = models.CharField(max_length=80)
    rows = models.BigIntegerField(null=True, blank=True)
    bytes = models.BigIntegerField(default=0)
    files = models.IntegerField(default=0)
    partitions = models.IntegerField(default=0)
    bad_rows = models.JSONField(default=dict)
    description = models.TextField(blank=True)
    tags = models.JSONField(default=list)
    hidden = models.BooleanField(default=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    is_sample = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)
    synced_at = models.DateTimeField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=["database", "name"], name="table_unique_in_database"),)
        ordering = ("name",)

    def __str__(self) -> str:
        return f"{self.database}.{self.name}"


class TableFiles(models.Model):
    """What the footers of a table's files say at one version: the text of portal.sql's TableStats, for the estimate."""

    table = models.OneToOneField(Table, models.CASCADE, related_name="file_stats")
    version = models.CharField(max_length=80)
    stats = models.TextField()

    def __str__(self) -> str:
        return f"Files of {self.table}"
