"""Home, search, and the frame's own verbs."""

from django.urls import path

from portal.web import home, views

urlpatterns = [
    path("", home.home, name="home"),
    path("team", views.switch_team, name="switch_team"),
    path("theme", views.theme, name="theme"),
    path("search", views.search, name="search"),
]
