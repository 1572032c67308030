"""Buckets and objects: who may do what, and what a crash in between leaves."""

import pytest

from portal.access.models import Grant
from portal.cloud.errors import Clash, NotFound, Rejected
from portal.cloud.ports import Caller
from portal.cloud.registry import connect
from portal.datasets import services
from portal.datasets.models import Bucket
from portal.problems import Conflict, Denied, Missing
from tests.datasets.conftest import Give, Put, name_of_its_own
from tests.harness.people import People
from tests.harness.servers import CloudServer


def store():
    return connect("local", Caller("growth", "alice")).store


def test_a_bucket_is_made_once(people: People, bucket: Bucket) -> None:
    assert services.get_bucket(people.victor.actor, bucket.name) == bucket
    for person in (people.alice, people.charlie):
        with pytest.raises(Conflict):
            services.create_bucket(person.actor, bucket.name)
    assert store().list(bucket.name).objects == ()


def test_a_row_that_a_crash_left_is_mended_by_its_team_alone(people: People, cloud_server: CloudServer) -> None:
    name = name_of_its_own()
    Bucket.objects.create(connection="local", name=name, team=people.alice.user.teams.get())
    with pytest.raises(Conflict):
        services.create_bucket(people.charlie.actor, name)
    services.create_bucket(people.alice.actor, name)
    assert store().list(name).objects == ()
    assert Bucket.objects.filter(name=name).count() == 1


def test_a_row_that_a_crash_left_can_be_deleted(people: People, cloud_server: CloudServer) -> None:
    name = name_of_its_own()
    Bucket.objects.create(connection="local", name=name, team=people.alice.user.teams.get())
    services.delete_bucket(people.alice.actor, name)
    assert not Bucket.objects.filter(name=name).exists()


def test_what_was_made_elsewhere_is_not_taken_over(people: People, cloud_server: CloudServer) -> None:
    name = name_of_its_own()
    store().create_bucket(name)
    with pytest.raises(Conflict, match="not made here"):
        services.create_bucket(people.alice.actor, name)
    assert not Bucket.objects.filter(name=name).exists()


def test_a_name_that_cannot_be_leaves_no_row(people: People, cloud_server: CloudServer) -> None:
    with pytest.raises(Rejected) as refused:
        services.create_bucket(people.alice.actor, "Not A Bucket")
    assert refused.value.code == "INVALID_NAME"
    assert not Bucket.objects.exists()


def test_viewers_make_nothing(people: People, bucket: Bucket) -> None:
    with pytest.raises(Denied):
        services.create_bucket(people.victor.actor, name_of_its_own())
    with pytest.raises(Denied):
        services.delete_object(people.victor.actor, bucket.name, "a.csv")
    with pytest.raises(Denied):
        services.start_upload(people.victor.actor, bucket.name, "a.csv", 1)


def test_a_bucket_with_files_stays(people: People, bucket: Bucket, put: Put) -> None:
    put("a.csv", b"1")
    with pytest.raises(Clash):
        services.delete_bucket(people.alice.actor, bucket.name)
    assert services.get_bucket(people.alice.actor, bucket.name)
    services.delete_object(people.carol.actor, bucket.name, "a.csv")
    services.delete_bucket(people.alice.actor, bucket.name)
    with pytest.raises(NotFound):
        store().list(bucket.name)


def test_grants_go_with_the_bucket(people: People, bucket: Bucket, give: Give) -> None:
    give("bucket", f"{bucket.name}/shared/")
    services.delete_bucket(people.alice.actor, bucket.name)
    assert not Grant.objects.exists()


def test_a_stranger_knows_nothing(people: People, bucket: Bucket, put: Put) -> None:
    put("a.csv", b"1")
    stranger = people.charlie.actor
    assert services.buckets(stranger) == []
    for attempt in (
        lambda: services.get_bucket(stranger, bucket.name),
        lambda: services.list_objects(stranger, bucket.name),
        lambda: services.head_object(stranger, bucket.name, "a.csv"),
        lambda: services.open_object(stranger, bucket.name, "a.csv"),
        lambda: services.delete_object(stranger, bucket.name, "a.csv"),
        lambda: services.start_upload(stranger, bucket.name, "b.csv", 1),
        lambda: services.delete_bucket(stranger, bucket.name),
    ):
        with pytest.raises(Missing):
            attempt()


def test_a_site_admin_reads_no_data(people: People, bucket: Bucket, put: Put) -> None:
    put("a.csv", b"1")
    with pytest.raises(Denied):
        services.open_object(people.root.actor, bucket.name, "a.csv")


def test_a_prefix_that_was_granted_and_no_more(people: People, bucket: Bucket, put: Put, give: Give) -> None:
    put("shared/a.csv", b"1")
    put("shared-not/b.csv", b"2")
    give("bucket", f"{bucket.name}/shared/")
    stranger = people.charlie.actor
    assert services.buckets(stranger) == [bucket]
    assert [o.key for o in services.list_objects(stranger, bucket.name, "shared/").objects] == ["shared/a.csv"]
    info, body = services.open_object(stranger, bucket.name, "shared/a.csv")
    with body:
        assert (info.size, body.read()) == (1, b"1")
    for prefix in ("", "shared", "shared-not/"):
        with pytest.raises(Denied):
            services.list_objects(stranger, bucket.name, prefix)
    with pytest.raises(Denied):
        services.delete_object(stranger, bucket.name, "shared/a.csv")
    with pytest.raises(Denied):
        services.open_object(stranger, bucket.name, "shared-not/b.csv")


def test_folders_and_pages(people: People, bucket: Bucket, put: Put) -> None:
    for key in ("a.csv", "days/1.csv", "days/2.csv", "z.csv"):
        put(key, b"1")
    first = services.list_objects(people.victor.actor, bucket.name, limit=2)
    assert ([o.key for o in first.objects], first.folders) == (["a.csv"], ("days/",))
    rest = services.list_objects(people.victor.actor, bucket.name, limit=2, after=first.next or "")
    assert ([o.key for o in rest.objects], rest.folders, rest.next) == (["z.csv"], (), None)
