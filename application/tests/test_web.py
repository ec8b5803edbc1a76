"""What visitors are answered: health, products, carts and problems."""

from __future__ import annotations

import http.cookies
import time
from pathlib import Path
from typing import Any

import pytest
from surroundings import Answer, Platform, Server, prepared

from generator.rehearsal.emulator import Emulator
from generator.stacks.storage import SESSION_EXPIRY, SESSION_KEY


def put(server: Server, quantities: Any, version: int = 0, session: str = "") -> Answer:
    cookie = {"Cookie": f"session={session}"} if session else {}
    return server.ask("PUT", "/api/cart", {"quantities": quantities}, If_Match=f'"{version}"', **cookie)


def session_of(answer: Answer) -> str:
    return http.cookies.SimpleCookie(answer.headers["Set-Cookie"])["session"].value


def cart_of(server: Server, session: str) -> Any:
    return server.ask("GET", "/api/cart", Cookie=f"session={session}").json()


def is_problem(answer: Answer) -> bool:
    typed = answer.headers["Content-Type"] == "application/problem+json"
    return typed and answer.json()["status"] == answer.status and bool(answer.json()["detail"])


def test_w6_health_is_answered(server: Server) -> None:
    answer = server.ask("GET", "/healthz")
    assert (answer.status, answer.body) == (200, b"ok\n")


def test_e9_products_come_from_the_database(server: Server) -> None:
    products = server.ask("GET", "/api/products").json()["products"]
    assert [each["id"] for each in products] == [1, 2, 3, 4, 5, 6]
    assert products[0] == server.ask("GET", "/api/products/1").json()
    assert {"name": "Harbour mug", "price_cents": 1800, "image": "/product-images/harbour-mug.svg"}.items() <= (
        products[0].items()
    )


def test_e11_every_product_has_its_picture(platform: Platform, server: Server) -> None:
    for product in server.ask("GET", "/api/products").json()["products"]:
        picture = platform.images / Path(product["image"]).name
        assert picture.read_text().startswith("<svg"), product


@pytest.mark.parametrize("path", ["/api/products/99", "/api/products/x", "/api/nothing", "/nothing"])
def test_what_does_not_exist_is_a_problem(server: Server, path: str) -> None:
    answer = server.ask("GET", path)
    assert answer.status == 404
    assert is_problem(answer)


def test_a_method_that_is_not_offered_is_refused_with_those_that_are(server: Server) -> None:
    answer = server.ask("DELETE", "/api/cart")
    assert answer.status == 405
    assert is_problem(answer)
    assert {"GET", "PUT"} <= set(answer.headers["Allow"].split(", "))


def test_answers_of_the_interface_are_never_cached(server: Server) -> None:
    for path in ("/healthz", "/api/products", "/api/products/1", "/api/products/99", "/api/cart", "/api/nothing"):
        assert server.ask("GET", path).headers["Cache-Control"] == "no-store", path


def test_a_first_visit_has_an_empty_cart_and_leaves_no_trace(server: Server) -> None:
    answer = server.ask("GET", "/api/cart")
    assert answer.json() == {"version": 0, "quantities": {}}
    assert "Set-Cookie" not in answer.headers


def test_d17_the_session_cookie_is_out_of_reach_of_scripts_and_other_sites(server: Server) -> None:
    morsel = http.cookies.SimpleCookie(put(server, {"1": 2}).headers["Set-Cookie"])["session"]
    assert (morsel["secure"], morsel["httponly"], morsel["samesite"], morsel["path"]) == (True, True, "Lax", "/")
    assert len(morsel.value) >= 43  # 256 bits in base64


def test_e10_a_cart_is_the_same_on_every_server(platform: Platform, server: Server) -> None:
    session = session_of(put(server, {"1": 2, "3": 1}))
    with platform.server() as other:
        assert cart_of(other, session) == {"version": 1, "quantities": {"1": 2, "3": 1}}
        assert put(other, {"3": 5}, version=1, session=session).status == 200
    assert cart_of(server, session) == {"version": 2, "quantities": {"3": 5}}


def test_two_writers_do_not_lose_each_others_changes(server: Server) -> None:
    session = session_of(put(server, {"1": 1}))
    assert put(server, {"1": 1, "2": 1}, version=1, session=session).status == 200
    late = put(server, {"1": 7}, version=1, session=session)
    assert late.status == 412
    assert is_problem(late)
    assert cart_of(server, session)["quantities"] == {"1": 1, "2": 1}


def test_a_cart_is_not_replaced_by_somebody_who_has_not_read_it(server: Server) -> None:
    answer = server.ask("PUT", "/api/cart", {"quantities": {}})
    assert answer.status == 428
    assert is_problem(answer)


def test_d17_a_session_that_the_server_did_not_make_is_not_taken_over(server: Server) -> None:
    answer = put(server, {"1": 1}, session="chosen-by-somebody-else")
    assert answer.status == 200
    assert session_of(answer) != "chosen-by-somebody-else"
    assert cart_of(server, "chosen-by-somebody-else")["version"] == 0


def test_d17_whoever_reads_the_table_learns_no_session_id(platform: Platform, server: Server) -> None:
    session = session_of(put(server, {"4": 1}))
    items = platform.client("dynamodb").scan(TableName="sessions")["Items"]
    assert items
    assert session not in str(items)


def test_an_expired_cart_is_gone_though_the_table_still_has_it(platform: Platform, server: Server) -> None:
    session = session_of(put(server, {"5": 1}))
    table = platform.client("dynamodb")
    for item in table.scan(TableName="sessions")["Items"]:
        if item["quantities"] == {"M": {"5": {"N": "1"}}}:
            assert int(item[SESSION_EXPIRY]["N"]) > time.time() + 24 * 3600
            table.update_item(
                TableName="sessions",
                Key={SESSION_KEY: item[SESSION_KEY]},
                UpdateExpression=f"SET {SESSION_EXPIRY} = :past",
                ExpressionAttributeValues={":past": {"N": "1"}},
            )
    assert cart_of(server, session) == {"version": 0, "quantities": {}}
    assert session_of(put(server, {"1": 1}, session=session)) != session


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"quantities": {"1": 0}}, 422),
        ({"quantities": {"1": 21}}, 422),
        ({"quantities": {"x": 1}}, 422),
        ({"quantities": {str(each): 1 for each in range(1, 52)}}, 422),
        ({"quantities": {}, "more": 1}, 422),
        ({}, 422),
        ([], 422),
        ("{", 400),
        ({"quantities": {"1": 1}, "filling": "x" * 8 * 1024}, 413),
    ],
)
def test_a_body_that_is_no_cart_is_refused_in_words(server: Server, body: Any, status: int) -> None:
    answer = server.ask("PUT", "/api/cart", body, If_Match='"0"')
    assert answer.status == status
    assert is_problem(answer)


def test_d17_what_a_form_of_another_site_could_send_is_refused(server: Server) -> None:
    answer = server.ask("PUT", "/api/cart", '{"quantities": {}}', If_Match='"0"', Content_Type="text/plain")
    assert answer.status == 415


def test_without_its_database_the_application_is_healthy_and_says_when_to_come_back(
    emulator: Emulator, archive: Path, tmp_path: Path
) -> None:
    with prepared(emulator, archive, tmp_path).server() as server:
        for path in ("/api/products", "/api/products/1"):
            answer = server.ask("GET", path)
            assert (answer.status, answer.headers["Retry-After"]) == (503, "5")
            assert is_problem(answer)
        assert server.ask("GET", "/healthz").status == 200
        assert put(server, {"1": 1}).status == 200
