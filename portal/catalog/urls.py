"""Data · Tables, a table, and making one."""

from django.urls import path

from portal.catalog import views, views_new

urlpatterns = [
    path("data", views.tables, name="tables"),
    path("tables/new", views_new.begin, name="new_table"),
    path("tables/new/<uuid:operation_id>", views_new.define, name="define_table"),
    path("tables/<str:database>/<str:name>", views.table, name="table"),
    path("tables/<str:database>/<str:name>/describe", views.describe, name="describe_table"),
    path("tables/<str:database>/<str:name>/refresh", views.refresh, name="refresh_table"),
    path("tables/<str:database>/<str:name>/delete", views.delete, name="delete_table"),
]
