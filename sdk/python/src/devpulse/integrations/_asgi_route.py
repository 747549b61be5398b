"""The template of the route that a request took: "/items/{id}", with the prefixes of what it is in.

Starlette leaves it in the ASGI scope in several ways, by its release and by that of FastAPI.
"""

from collections.abc import Iterator, Mapping
from typing import Any


def template(asgi: Mapping[str, Any], root_path: str, path: str) -> str:
    """The template; "" where no route was found, or the application is none of Starlette's.

    `root_path` and `path` as the request brought them: a mount changes the scope's.
    """
    if "endpoint" not in asgi:
        return ""
    root = asgi.get("root_path") or ""
    route = asgi.get("route")
    fastapi = asgi.get("fastapi")
    if fastapi and fastapi.get("effective_route_context") is not None:
        route = _effective(route, fastapi["effective_route_context"]) or route
    if route is not None and root == root_path and not hasattr(route, "routes"):
        return _format(route)
    prefix = root[len(root_path) :] if root.startswith(root_path) else ""
    if route is None:
        route = _search(asgi, path.removeprefix(root_path).removeprefix(prefix))
        if route is None:
            return ""
    if prefix:
        prefix = _with_names(prefix, asgi.get("path_params") or {})
        if hasattr(route, "routes"):  # a mount, whose own path is the end of the prefix
            return prefix + "/{path}"
    return prefix + _format(route)


def _format(route: Any) -> str:
    path = getattr(route, "path_format", None) or getattr(route, "path", None)
    return path if type(path) is str else ""


def _effective(route: Any, context: Any) -> Any:
    """The route with the prefix of the router that holds it. Since 0.137, FastAPI includes routers
    without copying their routes, and `route` knows its own part only."""
    if route is not context.original_route and _format(route):
        return None  # of a mount within that router, which found a route of its own
    return context.starlette_route or context


def _with_names(prefix: str, params: Mapping[str, Any]) -> str:
    """A mount's prefix with its parameters' names instead of their values: it is known by values
    only."""
    names = {str(value): name for name, value in params.items()}
    return "/".join(f"{{{names[s]}}}" if s in names else s for s in prefix.split("/"))


def _search(asgi: Mapping[str, Any], path: str) -> Any:
    """The route that leads to the scope's endpoint, where no release of Starlette told it."""
    endpoint = asgi["endpoint"]
    found = None
    for route in _leaves(getattr(asgi.get("router"), "routes", ())):
        if getattr(route, "endpoint", None) is endpoint or getattr(route, "app", None) is endpoint:
            if found is None:
                found = route
            elif route.path_regex.match(path):  # one endpoint may be that of several routes
                return route
    return found


def _leaves(routes: Any) -> Iterator[Any]:
    for route in routes or ():
        yield route
        yield from _leaves(getattr(route, "routes", ()))
