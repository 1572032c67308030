"""Signing in and out, invitations, one's account, and the people of a team."""

from django.urls import path

from portal.accounts import views, views_people

urlpatterns = [
    path("signin", views.sign_in, name="sign_in"),
    path("signin/<str:secret>", views.sign_in_by_link, name="sign_in_by_link"),
    path("signout", views.sign_out, name="sign_out"),
    path("invitation/<str:secret>", views.invitation, name="invitation"),
    path("account", views.account, name="account"),
    path("account/password", views.change_password, name="change_password"),
    path("account/tokens", views.create_token, name="create_token"),
    path("account/tokens/<int:token_id>/revoke", views.revoke_token, name="revoke_token"),
    path("people", views_people.people, name="people"),
    path("people/invite", views_people.invite, name="invite"),
    path("people/<str:username>/role", views_people.set_role, name="set_role"),
    path("people/<str:username>/remove", views_people.remove, name="remove_member"),
    path("teams", views_people.create_team, name="create_team"),
    path("grants", views_people.create_grant, name="create_grant"),
    path("grants/<int:grant_id>/revoke", views_people.revoke_grant, name="revoke_grant"),
]
