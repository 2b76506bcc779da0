from aggregator.visit.connectivity import Connectivity


def heard(known, *said):
    network = Connectivity(known)
    for at, (host, cause) in enumerate(said):
        network.heard(host, cause, at, at + 1)
    return network.is_down


def test_many_hosts_that_fail_one_after_another_are_our_own_network():
    assert heard(100, *((f"{n}.edu.cn", "dns") for n in range(5)))
    assert not heard(100, *((f"{n}.edu.cn", "dns") for n in range(4)))


def test_one_host_that_answers_says_that_the_network_is_well():
    assert not heard(100, *((f"{n}.edu.cn", "timeout") for n in range(9)), ("a.edu.cn", None))
    assert not heard(100, *((f"{n}.edu.cn", "timeout") for n in range(9)), ("a.edu.cn", "status"))


def test_one_host_that_fails_again_and_again_is_its_own_fault():
    assert not heard(100, *(("a.edu.cn", "connect") for _ in range(50)))
    assert not heard(1, *(("a.edu.cn", "connect") for _ in range(50)))


def test_a_small_service_tells_with_all_the_hosts_it_has():
    assert heard(2, ("a.edu.cn", "dns"), ("b.edu.cn", "dns"))


def test_slow_hosts_that_were_asked_while_others_answered_say_nothing_of_our_network():
    network = Connectivity(100)
    network.heard("a.edu.cn", None, 0, 1)
    for n in range(9):
        network.heard(f"{n}.edu.cn", "timeout", 0.5, 30)
    assert not network.is_down
