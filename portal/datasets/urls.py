"""Data · Files."""

from django.urls import path

from portal.datasets import views

urlpatterns = [
    path("data/files", views.buckets, name="files"),
    path("data/files/<str:bucket>/", views.folder, name="bucket"),
    path("data/files/<str:bucket>/<path:prefix>", views.folder, name="folder"),
    path("data/buckets", views.create_bucket, name="create_bucket"),
    path("data/buckets/<str:bucket>/delete", views.delete_bucket, name="delete_bucket"),
    path("data/delete/<str:bucket>/<path:key>", views.delete_object, name="delete_object"),
]
