"""A web server dies while people browse; the load balancer leaves it out, and Auto Scaling replaces it."""

from __future__ import annotations

from generator.rehearsal.drills.drill import Result, Scene, until
from generator.rehearsal.drills.objectives import WEB_SERVER
from generator.rehearsal.drills.shoppers import Shopper, Traffic
from generator.rehearsal.health_checks import HEALTHY, UNHEALTHY
from generator.rehearsal.workload import MOST_ROUNDS

BEFORE, BETWEEN_CHECKS, AFTER = 20, 8, 20
"""Requests: before the loss, between two health checks, and with the successor in service."""
WITHIN_SECONDS = 120.0


def web_server(scene: Scene) -> Result:
    """No cart is lost and, where another server is there, no request that is tried once more."""
    before = scene.live.instances
    victim, workload, account_id = before[0], scene.live.workload, scene.live.account_id
    cart = Shopper(scene.live).fill(_1=2)
    complaints = []
    with Traffic(scene.live) as traffic:
        _let_pass(traffic, BEFORE)
        scene.damage(f"one of {len(before)} web servers is killed while people browse")
        victim.server.kill()
        for _ in range(MOST_ROUNDS):
            _let_pass(traffic, BETWEEN_CHECKS)
            workload.check_health(account_id)
            health = workload.health(victim)
            if health is not None and health.state == UNHEALTHY:
                break
        scene.step("the load balancer finds it unhealthy; Auto Scaling replaces it")
        gone = workload.replace_unhealthy(account_id)
        workload.settle(account_id)
        scene.step("its successor is in service")
        seconds = scene.seconds_since_damage
        _let_pass(traffic, AFTER)
    after = scene.live.instances
    healthy = sum((found := workload.health(each)) is not None and found.state == HEALTHY for each in after)
    if victim in after or healthy != len(before):
        complaints.append(f"{healthy} of {len(before)} web servers are healthy; {len(gone)} were replaced")
    if len(before) > 1 and traffic.lost:
        complaints.append(f"{traffic.lost} of {traffic.sent} requests failed twice")
    if not cart.has_cart:
        complaints.append("a cart is lost, which was not on the server")
    return Result(
        drill="web server",
        objective=WEB_SERVER,
        destroyed=f"1 of {len(before)} web servers",
        restored=f"{healthy} of {len(before)} in service",
        lost=f"{traffic.lost} of {traffic.sent} requests; {traffic.failed_at_first} were tried once more",
        loss_seconds=0.0,
        seconds=seconds,
        complaints=tuple(complaints),
        steps=tuple(scene.since_damage()),
    )


def _let_pass(traffic: Traffic, requests: int) -> None:
    wanted = traffic.sent + requests
    until(lambda: traffic.sent >= wanted, WITHIN_SECONDS)
