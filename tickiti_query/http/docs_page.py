"""The page to read about the API and to try it: /docs, its scripts and styles, and the way there from /."""

from importlib import resources
from pathlib import Path

from flask import Blueprint, Response, redirect, render_template, send_from_directory
from markupsafe import Markup

from tickiti_query.catalogue.field import Kind
from tickiti_query.catalogue.fields import FIELDS, MODES
from tickiti_query.http.openapi import COMMON_HEADERS, ERROR_HEADERS, ERRORS, ROW_HEADERS

PAGE = "/docs"
OWN = Path(__file__).parent / "pages"
# The package that carries Swagger UI: nothing comes from elsewhere.
SWAGGER_UI = Path(str(resources.files("flask_swagger_ui"))) / "dist"
# The page holds a token. Only this service's own scripts may run in it, and no other page may frame it.
SECURITY_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self';"
        " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
}
KIND_WORDS = {
    Kind.INTEGER: "whole number",
    Kind.TEXT: "text",
    Kind.MOMENT: "`YYYY-MM-DD HH:MM:SS`, UTC",
    Kind.DATE: "`YYYY-MM-DD`",
    Kind.FLAG: "`true` or `false`",
    Kind.LIST: "list of texts",
}


def make_docs_page() -> Blueprint:
    """Return the blueprint of the page, of its scripts and styles, and of `/`, which leads to the page."""
    pages = Blueprint("docs", __name__, template_folder=OWN, static_folder=SWAGGER_UI, static_url_path=f"{PAGE}/assets")
    pages.add_app_template_filter(mark_code)
    headers = {**ROW_HEADERS, **COMMON_HEADERS, **ERROR_HEADERS}
    shown = {"fields": FIELDS, "modes": MODES, "errors": ERRORS, "headers": headers, "kind_words": KIND_WORDS}
    pages.add_url_rule(PAGE, "page", lambda: render_template("docs.html", **shown))
    pages.add_url_rule("/", "root", lambda: redirect(PAGE))
    pages.add_url_rule(f"{PAGE}/assets/docs.js", "script", lambda: send_from_directory(OWN, "docs.js"))
    pages.add_url_rule(f"{PAGE}/assets/docs.css", "style", lambda: send_from_directory(OWN, "docs.css"))
    # A browser asks for it unbidden, and counts a 404 as an error of the page.
    pages.add_url_rule("/favicon.ico", "icon", lambda: send_from_directory(SWAGGER_UI, "favicon-32x32.png"))

    @pages.after_request
    def add_security_headers(response: Response) -> Response:
        response.headers.update(SECURITY_HEADERS)
        return response

    return pages


def mark_code(text: str) -> Markup:
    """Return a sentence as HTML: what stands between backquotes is code."""
    parts = enumerate(text.split("`"))
    return Markup().join(Markup("<code>{}</code>").format(part) if place % 2 else part for place, part in parts)
