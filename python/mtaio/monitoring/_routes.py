"""What route a request of an ASGI application took: the template, never the path, of which there is no end."""

import re
from collections.abc import Mapping
from typing import Any

#: What stands for the part of a path that a mount took whose own template cannot be found.
UNKNOWN_MOUNT = "/{mount}"
#: Characters of a template that are kept.
LONGEST = 200

_PARAMETER = re.compile(r"\{([^{}:]*)")


def route_of(scope: Mapping[str, Any]) -> str | None:
    """The template that the request was routed by: ``/items/{id}``. None before it was, and where nothing matched.

    Starlette and FastAPI leave the route itself in the scope, Litestar its template. What is mounted knows only its own
    part, so the mounts' templates are put before it.
    """
    route = scope.get("route")
    template = _template(scope, route)
    mounted = _mounted(scope)
    if mounted is None:
        found = template if template is not None else scope.get("path_template")
    elif template is None or _is_mount(scope, route):
        # Static files, or nothing that matched within the mount.
        found = f"{_mount_template(scope, mounted, '')}/{{path}}"
    else:
        found = _mount_template(scope, mounted, template) + template
    if not isinstance(found, str):
        return None
    return found[:LONGEST] or "/"


def _template(scope: Mapping[str, Any], route: Any) -> str | None:
    # FastAPI: a route that was declared in a router does not know the prefix with which that was included.
    own = scope.get("fastapi")
    context = own.get("effective_route_context") if isinstance(own, dict) else None
    if context is not None and (route is None or getattr(context, "original_route", None) is route):
        found = getattr(context, "path_format", None)
        if isinstance(found, str):
            return found
    found = getattr(route, "path_format", None)
    if not isinstance(found, str):
        found = getattr(route, "path", None)
    return found if isinstance(found, str) else None


def _is_mount(scope: Mapping[str, Any], route: Any) -> bool:
    inner = getattr(route, "app", None)
    return inner is not None and hasattr(route, "routes") and scope.get("endpoint") is inner


def _mounted(scope: Mapping[str, Any]) -> str | None:
    """The part of the path that mounts took; None where there are none."""
    before, now = scope.get("app_root_path"), scope.get("root_path")
    if not isinstance(before, str) or not isinstance(now, str) or not now.startswith(before):
        return None
    return now[len(before) :] or None


def _mount_template(scope: Mapping[str, Any], mounted: str, template: str) -> str:
    parameters = scope.get("path_params")
    if not isinstance(parameters, Mapping) or set(parameters) <= set(_PARAMETER.findall(template)):
        # Without a parameter, a mount matches nothing but its own template.
        return mounted
    found = _look(getattr(scope.get("router"), "routes", None), mounted, 8)
    return UNKNOWN_MOUNT if found is None else found


def _look(routes: Any, mounted: str, depth: int) -> str | None:
    """The templates of the mounts that took ``mounted``, in the order in which a router looks."""
    if depth == 0 or not isinstance(routes, (list, tuple)):
        return None
    for mount in routes:
        matches = getattr(getattr(mount, "path_regex", None), "match", None)
        whole = getattr(mount, "path_format", None)
        if matches is None or not isinstance(whole, str) or not hasattr(mount, "routes"):
            continue
        # What a mount matches ends in the part that it leaves to others.
        own = whole.removesuffix("/{path}")
        found = matches(f"{mounted}/")
        if found is None or own == whole:
            continue
        rest = found.groupdict().get("path", "").rstrip("/")
        if not rest:
            return own
        inner = _look(mount.routes, f"/{rest}", depth - 1)
        if inner is not None:
            return own + inner
    return None
