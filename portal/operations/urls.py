"""Activity."""

from django.urls import path

from portal.operations import views

urlpatterns = [
    path("activity", views.activity, name="activity"),
    path("activity/pill", views.pill, name="pill"),
    path("activity/<uuid:operation_id>/stop", views.stop, name="stop"),
]
