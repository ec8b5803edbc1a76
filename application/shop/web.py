"""The application's interface: what is asked for by HTTP, and what is answered.

A database or a table that does not answer is a 503 of that one request. The health check looks at neither: replacing
this server would not bring them back.
"""

from __future__ import annotations

from typing import Annotated, Any

from botocore.exceptions import BotoCoreError, ClientError
from flask import Flask, Response, current_app, jsonify, make_response, request
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import HTTPException

from shop import aws, carts, catalogue, telemetry
from shop.database import UnavailableError, application_engine
from shop.settings import Settings

SESSION_COOKIE = "session"
RETRY_AFTER_SECONDS = "5"
LONGEST_BODY_BYTES = 8 * 1024
"""As much as the platform's firewall lets through.
https://docs.aws.amazon.com/waf/latest/developerguide/aws-managed-rule-groups-baseline.html"""


class CartBody(BaseModel):
    """What a client puts into its cart: quantities by product id."""

    model_config = ConfigDict(extra="forbid")
    quantities: dict[
        Annotated[int, Field(ge=1, le=2**31 - 1)],
        Annotated[int, Field(ge=1, le=20)],
    ] = Field(max_length=50)


def create_app() -> Flask:
    settings = Settings.read()
    app = Flask("shop", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = LONGEST_BODY_BYTES
    app.secret_key = settings.secret
    telemetry.trace(app, settings.environment_name)
    telemetry.log_requests(app)
    engine = telemetry.traced(application_engine(settings))
    table = aws.resource("dynamodb", settings.region).Table(settings.session_table)
    _answer_errors(app)

    @app.get("/healthz")
    def health() -> tuple[str, dict[str, str]]:
        return "ok\n", {"Content-Type": "text/plain; charset=utf-8", "Cache-Control": "no-store"}

    @app.get("/api/products")
    def products() -> Response:
        with engine.connect() as connection:
            return _fresh({"products": catalogue.products(connection)})

    @app.get("/api/products/<int:product_id>")
    def product(product_id: int) -> Response:
        with engine.connect() as connection:
            found = catalogue.product(connection, product_id)
        return _fresh(found) if found else _problem(404, f"There is no product {product_id}.")

    @app.get("/api/cart")
    def cart() -> Response:
        session_id = request.cookies.get(SESSION_COOKIE)
        return _cart(carts.read(table, session_id) if session_id else carts.Cart())

    @app.put("/api/cart")
    def put_cart() -> Response:
        return _put_cart(table)

    return app


def _put_cart(table: Any) -> Response:
    """Write the cart that `If-Match` names. A session that we do not know is never taken over: it gets a new id."""
    if not request.if_match.as_set():
        return _problem(428, 'Say which cart is to be replaced: If-Match: "0" for the first, else the ETag of GET.')
    body = CartBody.model_validate(request.get_json())
    session_id = request.cookies.get(SESSION_COOKIE, "")
    known = carts.read(table, session_id) if session_id else carts.Cart()
    if not request.if_match.contains(str(known.version)):
        return _problem(412, "The cart has changed meanwhile; read it again.")
    if known.version == 0:
        session_id = carts.new_session_id()
    try:
        written = carts.write(table, session_id, carts.Cart(known.version, body.quantities))
    except carts.ChangedMeanwhileError:
        return _problem(412, "The cart has changed meanwhile; read it again.")
    saved = {"CartsSaved": 1, "ItemsInCart": sum(written.quantities.values())}
    current_app.logger.info("cart saved", extra={"metrics": saved})
    response = _cart(written)
    response.set_cookie(
        SESSION_COOKIE, session_id, max_age=carts.LIFETIME_SECONDS, secure=True, httponly=True, samesite="Lax"
    )
    return response


def _answer_errors(app: Flask) -> None:
    """Answer every error as a problem of RFC 9457, in JSON."""

    @app.errorhandler(HTTPException)
    def refused(error: HTTPException) -> Response:
        response = _problem(error.code or 500, error.description or "")
        response.headers.extend((name, value) for name, value in error.get_headers() if name == "Allow")
        return response

    @app.errorhandler(ValidationError)
    def invalid(error: ValidationError) -> Response:
        places = (f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors())
        return _problem(422, "; ".join(places))

    @app.errorhandler(UnavailableError)
    @app.errorhandler(SQLAlchemyError)
    @app.errorhandler(BotoCoreError)
    @app.errorhandler(ClientError)
    def unavailable(error: Exception) -> Response:
        app.logger.warning("unavailable", extra={"error": f"{type(error).__name__}: {error}"})
        response = _problem(503, "A service behind the shop does not answer; try again in a moment.")
        response.headers["Retry-After"] = RETRY_AFTER_SECONDS
        return response


def _cart(cart: carts.Cart) -> Response:
    response = _fresh({"version": cart.version, "quantities": cart.quantities})
    response.set_etag(str(cart.version))
    return response


def _fresh(content: Any) -> Response:
    response = jsonify(content)
    response.headers["Cache-Control"] = "no-store"
    return response


def _problem(status: int, detail: str) -> Response:
    response = make_response(jsonify(type="about:blank", status=status, detail=detail), status)
    response.headers["Content-Type"] = "application/problem+json"
    response.headers["Cache-Control"] = "no-store"
    return response
