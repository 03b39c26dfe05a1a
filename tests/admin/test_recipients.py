"""Who was reached outside is shown where officers look: on the plan, and on the request."""

import pytest

from lineage.graph import EdgeKind, NodeKind
from tests.browser.story import ask, no_waiting, plan
from tests.deletion.builders import walk
from tests.lineage.builders import make_dataset, make_node

pytestmark = pytest.mark.django_db

PEOPLE = ["person-0", "person-1"]


def said(client, page):
    return " ".join(client.get(page).content.decode().split())


def test_a_recipient_is_shown_before_the_approval_and_after_the_end(officer, tmp_path):
    version = make_dataset(tmp_path, PEOPLE)
    make_node(NodeKind.RECIPIENT, "hospital", sources=[(version.node_id, EdgeKind.PASSED_TO)])
    reached = ask(PEOPLE[0], days_ago=1)
    other = ask("nobody-we-know", days_ago=1)
    request_page = f"/admin/deletion/deletionrequest/{reached.pk}/change/"
    batch = plan(reached)

    for page in (request_page, f"/admin/deletion/batch/{batch.pk}/change/"):
        assert "hospital 1" in said(officer, page)
        assert "reached, not told by Lethe" in said(officer, page)

    with no_waiting():
        walk()
    reached.refresh_from_db()
    assert reached.state == "complete"
    assert "reached, not told by Lethe" in said(officer, request_page)
    stranger = said(officer, f"/admin/deletion/deletionrequest/{other.pk}/change/")
    assert "not told by Lethe" not in stranger
