"""Training jobs."""

from django.urls import path

from portal.training import views, views_new

urlpatterns = [
    path("training", views.jobs, name="training"),
    path("training/new", views_new.new, name="training_new"),
    path("training/estimate", views_new.estimate, name="training_estimate"),
    path("training/<uuid:job_id>", views.job, name="job"),
    path("training/<uuid:job_id>/save", views.save_predictions, name="save_predictions"),
]
