#!/usr/bin/env python3
"""barriers.py PORT WHAT: barriers, and who is lost or breaks them."""

from objects import answered, ask, block, Client, is_problem, problem, run, state, text, UNUSED
from raw import eventually


def come(name, parties, more="", count=1):
    return block(f"/barriers/{name}", "POST", f"/barriers/{name}/wait?parties={parties}{more}",
                 count=count)


def barrier():
    assert text("GET", "/barriers/b") == UNUSED["/barriers"]
    for generation in (1, 2, 3):
        first, second = come("b", 3), come("b", 3, count=2)
        assert state("GET", "/barriers/b") == \
            {"parties": 3, "generation": generation - 1, "broken": False, "waiting": 2}
        third = text("POST", "/barriers/b/wait?parties=3")
        assert third == f'{{"rank":2,"generation":{generation},"parties":3}}\n'
        assert [answered(each).json()["rank"] for each in (first, second)] == [0, 1]
    assert text("POST", "/barriers/b/wait", b'{"parties":1}', "application/json") == \
        '{"rank":0,"generation":4,"parties":1}\n'


def barrier_parties():
    """The first of a generation says how many."""
    first = come("p", 2)
    problem(409, "parameter-conflict", "POST", "/barriers/p/wait?parties=3", param="parties",
            value="3")
    assert state("GET", "/barriers/p")["waiting"] == 1
    ask("POST", "/barriers/p/wait?parties=2")
    answered(first)
    first, second = come("p", 3), come("p", 3, count=2)
    ask("POST", "/barriers/p/wait?parties=3")
    assert {answered(each).json()["generation"] for each in (first, second)} == {2}


def barrier_losses():
    for leave in (lambda client: client.socket.close(), lambda client: client.half_close()):
        stays = come("l", 3)
        leave(come("l", 3, count=2))  # withdraws
        eventually(lambda: state("GET", "/barriers/l")["waiting"] == 1)
        second = come("l", 3, count=2)
        assert state("POST", "/barriers/l/wait?parties=3")["rank"] == 2
        assert [answered(each).json()["rank"] for each in (stays, second)] == [0, 1]
        stays = come("l", 3)
        leave(come("l", 3, "&on_loss=break", count=2))
        is_problem(answered(stays, 409), "barrier-broken")
        assert state("GET", "/barriers/l")["broken"] is False
    stays = come("l", 3, "&on_loss=break&label=stays")  # that of the one who is lost counts
    problem(504, "timeout", "POST", "/barriers/l/wait?parties=3&timeout=20ms")
    assert state("GET", "/barriers/l")["waiting"] == 1
    problem(504, "timeout", "POST", "/barriers/l/wait?parties=3&timeout=20ms&on_loss=break")
    is_problem(answered(stays, 409), "barrier-broken")
    task = state("GET", "/tasks?label=stays")["tasks"][0]
    assert (task["state"], task["error"]["type"]) == ("failed", "/problems/barrier-broken"), task
    stays = come("l", 2)
    task = state("GET", "/tasks?kind=barrier&state=pending")["tasks"][0]["id"]
    ask("POST", f"/tasks/{task}/cancel")
    is_problem(answered(stays, 409), "cancelled")
    assert state("GET", "/barriers/l")["generation"] == 2


def barrier_abort():
    first, second = come("a", 3), come("a", 3, count=2)
    assert text("POST", "/barriers/a/abort") == '{"released":2}\n'
    for each in (first, second):
        is_problem(answered(each, 409), "barrier-broken")
    problem(409, "barrier-broken", "POST", "/barriers/a/wait?parties=1")
    assert text("GET", "/barriers/a") == '{"parties":3,"generation":0,"broken":true,"waiting":0}\n'
    assert text("DELETE", "/barriers/a") == '{"released":0}\n'
    assert text("GET", "/barriers/a") == UNUSED["/barriers"]
    assert text("DELETE", "/barriers/a") == '{"released":0}\n'
    first = come("a", 2)
    assert text("DELETE", "/barriers/a") == '{"released":1}\n'
    is_problem(answered(first, 409), "barrier-broken")
    assert state("POST", "/barriers/a/wait?parties=1")["generation"] == 1


def barrier_watched():
    """Who waits until so many have come goes on waiting for that when it is made new."""
    watcher = Client().start("GET", "/barriers/w?waiting=2&timeout=60")
    eventually(lambda: state("GET", "/tasks?kind=barrier")["total"] == 1)
    first = come("w", 2)
    ask("DELETE", "/barriers/w")
    answered(first, 409)
    first, second = come("w", 3), come("w", 3, count=2)
    assert answered(watcher).json() == \
        {"parties": 3, "generation": 0, "broken": False, "waiting": 2}
    ask("POST", "/barriers/w/wait?parties=3")
    answered(first), answered(second)


run(barrier, barrier_parties, barrier_losses, barrier_abort, barrier_watched)
