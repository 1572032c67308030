"""Costs."""

from django.urls import path

from portal.costs import views

urlpatterns = [
    path("costs", views.costs, name="costs"),
    path("costs.csv", views.download, name="costs_csv"),
    path("costs/budget", views.budget, name="set_budget"),
]
