"""Many mails over one connection, to a server that greylists, refuses, hangs, drops and is full."""

import socket
from threading import Thread

import pytest

from aggregator.errors import MailError, RefusedError
from aggregator.mail.smtp import Courier
from tests.sink import sink

MAIL = b"Message-ID: <%d@example.org>\r\nSubject: x\r\n\r\n.a line\r\n"


@pytest.fixture
def office(tmp_path):
    with sink(tmp_path / "sink", timeout_seconds=0.5) as opened:
        yield opened


def hand_over(courier, to, number=1):
    """(code, whether for good, whether of the address) of a refusal, None where it was taken."""
    try:
        courier.hand_over(to, MAIL % number)
    except RefusedError as error:
        return error.code, error.is_permanent, error.is_of_address
    return None


def test_many_mails_go_over_one_connection(office):
    taken, settings = office
    with Courier(settings) as courier:
        for number in range(50):
            assert "OK" in courier.hand_over(f"a{number}@example.org", MAIL % number)
        first = courier._server

        assert courier.hand_over("b@example.org", MAIL % 50)

        assert courier._server is first
    assert 51 == len({mail["id"] for mail in taken.taken})


@pytest.mark.parametrize(
    ("to", "expected"),
    [
        ("grey1-a@example.org", (451, False, False)),
        ("full-a@example.org", (452, False, False)),
        ("nobody-a@example.org", (550, True, True)),
        ("spam-a@example.org", (554, True, False)),
        ("drop-a@example.org", (None, False, False)),
        ("lost-a@example.org", (None, False, False)),
        ("hang-a@example.org", (None, False, False)),
        ("bye-a@example.org", (None, False, False)),
    ],
)
def test_a_refusal_says_whether_it_is_for_good_and_the_next_mail_is_taken(office, to, expected):
    taken, settings = office
    with Courier(settings) as courier:
        assert expected == hand_over(courier, to)
        assert hand_over(courier, "a@example.org", 2) is None

    assert "<2@example.org>" == taken.taken[-1]["id"]


def test_a_greylisted_mail_is_taken_later(office):
    _, settings = office
    with Courier(settings) as courier:
        assert [(451, False, False), (451, False, False), None] == [
            hand_over(courier, "grey2-a@example.org") for _ in range(3)
        ]


def test_a_server_that_drops_every_connection_is_left_alone(office):
    _, settings = office
    with Courier(settings) as courier:
        assert [(None, False, False)] * 3 == [hand_over(courier, f"drop-{n}@example.org") for n in range(3)]

        with pytest.raises(MailError, match="one connection after the other") as caught:
            courier.hand_over("drop-3@example.org", MAIL % 3)

    assert not isinstance(caught.value, RefusedError)


def test_a_full_server_takes_none_and_is_not_blamed_on_the_reader(office):
    taken, settings = office
    taken.close()
    with Courier(settings) as courier, pytest.raises(MailError, match="insufficient system storage") as caught:
        courier.hand_over("a@example.org", MAIL % 1)
    assert not isinstance(caught.value, RefusedError)

    taken.open()
    with Courier(settings) as courier:
        assert hand_over(courier, "a@example.org") is None


def test_an_address_beyond_ascii_goes_to_a_server_that_takes_it(office):
    taken, settings = office
    with Courier(settings) as courier:
        assert hand_over(courier, "读者@example.org") is None
        assert hand_over(courier, "a@example.org") is None

    assert ["a@example.org", "读者@example.org"] == taken.recipients


def talk(server, answers):
    """Answer each line of one client with the next of *answers*, then hang up."""
    connection, _ = server.accept()
    with connection, connection.makefile("rb") as lines:
        connection.sendall(b"220 here\r\n")
        for answer in answers:
            lines.readline()
            connection.sendall(answer + b"\r\n")


@pytest.mark.parametrize(
    ("answers", "refused", "match"),
    [
        ([b"250 x", b"250 ok", b"550 5.7.1 relaying denied"], (550, True, False), None),
        ([b"250 x", b"250 ok", b"550 no such user"], (550, True, True), None),
        ([b"250-x\r\n250 SIZE 9", b"552 5.3.4 too large"], (552, True, False), None),
        ([b"250 x", b"250 ok", b"250 ok", b"550 spam"], (550, True, False), None),
        ([b"250 x", b"250 ok", b"530 5.7.0 log in first"], None, "530 5.7.0 log in first"),
        ([b"250 x", b"553 5.7.1 not yours"], None, "refuses mail.sender"),
        ([b"250 x", b"250 ok", b"nonsense"], (None, False, False), None),
    ],
)
def test_what_a_server_says_is_read_by_its_codes(office, answers, refused, match):
    _, settings = office
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = Thread(target=talk, args=(server, answers))
        thread.start()
        with Courier(settings.model_copy(update={"port": server.getsockname()[1]})) as courier:
            if match:
                with pytest.raises(MailError, match=match):
                    courier.hand_over("a@example.org", MAIL % 1)
            else:
                assert refused == hand_over(courier, "a@example.org")
        thread.join()
