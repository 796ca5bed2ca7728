"""The routes of the Files and Models APIs."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Any

from starlette.responses import FileResponse, Response

from claude_magic import catalogue
from claude_magic.local import queries, uploads
from claude_magic.local.problems import Problem, encode, refuse
from claude_magic.local.rules import find_model
from claude_magic.local.shapes import one_of

if TYPE_CHECKING:
    from starlette.requests import Request

    from claude_magic.local.files import FileRecord, FileStore

OLD_FILES = "files-api-2025-04-14"  # the beta value that switches to the shapes before 2026-08-19
_MAX_IDS = 100
_ALL = 2**31  # more files than there are


def answer(body: dict[str, Any]) -> Response:
    """A JSON answer."""
    return Response(encode(body), media_type="application/json")


def _mark(record: FileRecord) -> str:
    """The opaque mark of the page that comes after `record`."""
    return "page_" + base64.urlsafe_b64encode(f"files:{record.seq}".encode()).decode().rstrip("=")


def _unmark(page: str) -> int:
    """The number in a page mark.

    Raises:
        Problem: 400, it is none of ours.

    """
    text = page.removeprefix("page_")
    try:
        kind, _, number = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode().partition(":")
        if page.startswith("page_") and kind == "files":
            return int(number)
    except (binascii.Error, ValueError):
        pass
    raise Problem(400, "page: Invalid page token")


class FileRoutes:
    """The routes below ``/v1/files``.

    Args:
        store: the files.

    """

    def __init__(self, store: FileStore) -> None:
        self._store = store

    async def create(self, request: Request) -> Response:
        """`POST /v1/files`."""
        record = await uploads.receive(request, self._store)
        return answer(record.info(old=_old(request)))

    def index(self, request: Request) -> Response:
        """`GET /v1/files`."""
        if _old(request):
            queries.check_keys(request, ("limit", "before_id", "after_id", "scope_id"))
            records = self._store.page(limit=_ALL)
            return answer(queries.by_ids(request, records, ident=lambda r: r.id, info=lambda r: r.info(old=True)))
        queries.check_keys(request, ("limit", "page", "ids[]", "scope_id"))
        wanted = request.query_params.getlist("ids[]")
        if wanted:
            return answer(self._some(request, wanted))
        size = queries.limit(request)
        page = request.query_params.get("page")
        records = self._store.page(limit=size + 1, before=_unmark(page) if page else None)
        following = _mark(records[size - 1]) if len(records) > size else None
        return answer({"data": [record.info() for record in records[:size]], "next_page": following})

    def _some(self, request: Request, wanted: list[str]) -> dict[str, Any]:
        if "page" in request.query_params or "limit" in request.query_params:
            refuse("ids[]", "cannot be used together with page or limit")
        if len(wanted) > _MAX_IDS:
            refuse("ids[]", f"List should have at most {_MAX_IDS} items after validation, not {len(wanted)}")
        return {"data": [record.info() for record in self._store.some(wanted)], "next_page": None}

    def get(self, request: Request) -> Response:
        """`GET /v1/files/{id}`."""
        return answer(self._store.get(request.path_params["id"]).info(old=_old(request)))

    def content(self, request: Request) -> Response:
        """`GET /v1/files/{id}/content`."""
        file_id = request.path_params["id"]
        record = self._store.get(file_id)
        path = self._store.open_path(file_id)
        if not record.downloadable:
            raise Problem(400, f"File `{file_id}` is not downloadable.", code="file_not_downloadable")
        # No name in the headers, and never a type a browser would render.
        return FileResponse(path, media_type="application/octet-stream")

    def delete(self, request: Request) -> Response:
        """`DELETE /v1/files/{id}`."""
        file_id = request.path_params["id"]
        self._store.delete(file_id)
        return answer({"id": file_id, "type": "file_deleted"})


def _old(request: Request) -> bool:
    return OLD_FILES in request.scope["caller"].betas


def list_models(request: Request) -> Response:
    """`GET /v1/models`."""
    queries.check_keys(request, ("limit", "before_id", "after_id", "lifecycle[]"))
    wanted = request.query_params.getlist("lifecycle[]") or ["active", "deprecated"]
    for i, value in enumerate(wanted):
        one_of("active", "deprecated", "retired")(value, f"lifecycle.{i}")
    entries = [entry for entry in catalogue.models() if entry.lifecycle in wanted]
    return answer(queries.by_ids(request, entries, ident=lambda e: e.id, info=lambda e: e.info()))


def get_model(request: Request) -> Response:
    """`GET /v1/models/{id or alias}`, retired ones included."""
    name = request.path_params["id"]
    entry = catalogue.find(name) or find_model(name)
    return answer(entry.info())
