"""Two bills side by side: by stack, the largest difference first, nothing that stayed the same."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from generator.cost.charges import Charge
from generator.cost.comparison import compare
from generator.cost.estimate import Estimate, Line
from generator.cost.prices import Price, Sureness

PRICE = Price(Decimal(1), Sureness.HIGH, "PL", date(2026, 11, 21))


def bill(account: str, **stacks: int) -> Estimate:
    lines = tuple(
        Line(stack, f"{stack}/Thing", "AWS::KMS::Key", charge(cost), PRICE, Decimal(0), Decimal(cost), Decimal(cost))
        for stack, cost in stacks.items()
    )
    return Estimate(account, None, lines, ())


def charge(quantity: int) -> Charge:
    return Charge("kms.key", Decimal(quantity), "key", "")


def test_stacks_that_come_go_and_change_are_told() -> None:
    [prod] = compare([bill("prod", Egress=40, Cache=7, Database=30)], [bill("prod", Egress=100, Edge=5, Database=30)])
    assert [(one.stack, one.before, one.after, one.more) for one in prod.differences] == [
        ("Egress", 40, 100, 60),
        ("Cache", 7, 0, -7),
        ("Edge", 0, 5, 5),
    ]
    assert (prod.before, prod.after, prod.more) == (77, 135, 58)


def test_accounts_of_one_side_alone_are_told() -> None:
    new, former = compare([bill("old", A=1)], [bill("tools", B=2)])
    assert (new.account, new.before, new.after) == ("tools", 0, 2)
    assert (former.account, former.before, former.after) == ("old", 1, 0)


@given(*[st.dictionaries(st.sampled_from("ABCDEF"), st.integers(0, 99))] * 2)
def test_differences_add_up(before: dict[str, int], after: dict[str, int]) -> None:
    [one] = compare([bill("prod", **before)], [bill("prod", **after)])
    assert sum(each.more for each in one.differences) == one.more == sum(after.values()) - sum(before.values())
    [back] = compare([bill("prod", **after)], [bill("prod", **before)])
    assert {each.stack: -each.more for each in back.differences} == {each.stack: each.more for each in one.differences}
