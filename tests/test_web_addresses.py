import random

import pytest

from tests.fuzz.addresses import VALUES, fault_of, request, rules
from tests.newsroom import app_of, empty_store, fill


@pytest.fixture
def app(tmp_path):
    with empty_store(tmp_path) as store:
        fill(store)
        yield app_of(store, tmp_path)


@pytest.mark.parametrize("seed", range(4))
def test_no_request_is_answered_with_a_fault_of_ours(app, seed):
    """``python -m tests.fuzz.addresses`` asks for longer."""
    chance, client, known = random.Random(seed), app.test_client(), rules(app)

    for _ in range(250):
        asked = request(known, chance)
        assert None is fault_of(client, asked), asked


def test_every_address_takes_every_value(app):
    client = app.test_client()

    for pieces in rules(app):
        for value in VALUES if any(is_value for is_value, _ in pieces) else VALUES[:1]:
            path = "".join(value if is_value else piece for is_value, piece in pieces).replace("|/", "/")
            asked = {"path": path.encode("utf-8", "replace").decode()}
            assert None is fault_of(client, asked), asked
