"""Which methods an address takes, over all routes: a route alone names its own only."""

from fastapi import FastAPI
from starlette.routing import Match

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")


def allowed(app: FastAPI, path: str) -> str:
    """As the Allow header names them; HEAD wherever GET is."""

    def takes(method: str) -> bool:
        asked = "GET" if method == "HEAD" else method
        scope = {"type": "http", "method": asked, "path": path, "root_path": "", "headers": []}
        return any(route.matches(dict(scope))[0] is Match.FULL for route in app.router.routes)

    return ", ".join(method for method in METHODS if takes(method))
