"""Queries and saved queries."""

from django.urls import path

from portal.queries import views, views_saved

urlpatterns = [
    path("query", views.editor, name="query"),
    path("query/run", views.run, name="run_query"),
    path("query/estimate", views.estimate, name="estimate_query"),
    path("query/preview/<str:database>/<str:name>", views.preview, name="preview_table"),
    path("query/<uuid:query_id>", views.query, name="query_result"),
    path("query/<uuid:query_id>/download", views.download, name="download_result"),
    path("saved/save", views_saved.save, name="save_query"),
    path("saved/<uuid:saved_id>", views_saved.show, name="saved"),
    path("saved/<uuid:saved_id>/run", views_saved.run, name="run_saved"),
    path("saved/<uuid:saved_id>/share", views_saved.share, name="share_query"),
    path("saved/<uuid:saved_id>/delete", views_saved.delete, name="delete_saved"),
]
