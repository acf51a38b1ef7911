"""Answer the requests of the application: its routes, and what each page needs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote

from gradkit.classroom.store.prices import prices
from gradkit.classroom.store.results import Store
from gradkit.classroom.store.reviews import ConflictError
from gradkit.errors import GradkitError
from gradkit.report.frames import check_frame, mistake_frame
from gradkit.review.across import finding_page
from gradkit.review.compare import lines_of, side_by_side
from gradkit.review.forms import ACTIONS, Form, FormError, read_form
from gradkit.review.items import check_items, mistake_items
from gradkit.review.pages import ASSETS, asset, page
from gradkit.review.selection import Names, fits, ordered, query, read_selection
from gradkit.review.student import student_page
from gradkit.review.workspace import Workspace
from gradkit.text import clean_text

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response

COOKIE = "gradkit-reviewer"
"""Name of the cookie that holds the name of the grader."""

MAX_NAME = 100
"""Largest number of characters of a grader's name."""

Draft = Mapping[str, str]
"""The fields of a form that could not be stored, which are shown again; empty without one."""

NO_DRAFT: Draft = MappingProxyType({})


class Review:
    """The pages of one class.

    Parameters
    ----------
    space : Workspace
    token : str
        First part of all addresses.
    by : str
        Name of the grader, until a browser states another.
    """

    def __init__(self, space: Workspace, token: str, by: str) -> None:
        self._space, self._token, self._by = space, token, by

    def routes(self) -> list[tuple[str, Callable[..., Any], list[str]]]:
        """Return the path, the function and the HTTP methods of each route of the application."""
        pages = {
            "": self.show_class,
            "student": self.show_student,
            "attempts": self.show_attempts,
            "finding": self.show_finding,
            "items": self.show_items,
            "similar": self.show_similar,
            "pair": self.show_pair,
            "assets/{name}": self.send_asset,
        }
        routes: list[tuple[str, Callable[..., Any], list[str]]] = [
            (f"/{self._token}/{path}", function, ["GET"]) for path, function in pages.items()
        ]
        routes.append((f"/{self._token}/reviewer", self.store_name, ["POST"]))
        return [*routes, (f"/{self._token}/do/{{action}}", self.store_form, ["POST"])]

    def show_class(self, request: Request) -> Response:
        """Return the page of the class: its students, filtered and sorted as the address says."""
        selection = read_selection(request.query_params)
        with self._space.reading() as store:
            rows = self._space.rows(store)
            similar = self._similar_names(store)
            chosen = [row for row in ordered(rows, selection) if fits(row, selection, similar)]
            known, priced = self._space.known_similar(store), prices(store)
        handed = [row for row in rows if row.handed.attempts]
        mistakes = {code: title for row in rows for code, title in row.mistakes.items()}
        return self._page(
            request,
            "review_class.html",
            rows=chosen,
            total=len(rows),
            handed=len(handed),
            reviewed=sum(bool(row.reviewed_by) for row in handed),
            selection=selection,
            mistakes=_frequent(rows, mistakes),
            similar=known.partners(),
            prices=priced,
            folder=self._space.folder.resolve().name,
        )

    def _similar_names(self, store: Store) -> Names:
        """Return a function that compares the class when it is first called."""
        return cache(lambda: self._space.similar(store).partners())

    def show_student(self, request: Request) -> Response:
        """Show one student."""
        return self._student(request, request.query_params.get("name", ""))

    def _student(
        self,
        request: Request,
        name: str,
        problem: str = "",
        draft: Draft = NO_DRAFT,
        status: int = 200,
    ) -> Response:
        """Return the page of the student ``name``, or a page that says that there is none.

        After a form could not be stored, ``problem`` is the message, ``draft`` has the typed
        values, which are shown again, and ``status`` is the HTTP status.
        """
        selection = read_selection(request.query_params)
        with self._space.reading() as store:
            shown = student_page(self._space, store, name, selection, self._similar_names(store))
        if shown is None:
            return self.show_missing(request, f"There is no student {name!r} in this class.")
        values: dict[str, Any] = {"student": shown, "selection": selection, "problem": problem}
        values["draft"] = draft
        values["at"] = draft.get("at") or request.query_params.get("at", "")
        return self._page(request, "review_student.html", status, **values)

    def show_attempts(self, request: Request) -> Response:
        """Return a page with two attempts of a student beside each other.

        The request's parameters are ``name`` and, as numbers of attempts, ``left`` and ``right``.
        """
        name = request.query_params.get("name", "")
        with self._space.reading() as store:
            found = self._space.attempts(store, name)
        attempts = {str(kept.submission): kept for kept in found}
        chosen = [attempts.get(request.query_params.get(side, "")) for side in ("left", "right")]
        if None in chosen:
            return self.show_missing(request, f"There are no such attempts of {name!r}.")
        sides = [kept for kept in chosen if kept is not None]
        return self._beside(request, name, sides, [kept.sender.original for kept in sides])

    def _beside(self, request: Request, title: str, sides: list[Any], heads: list[str]) -> Response:
        """Return a page with the code of two submissions beside each other.

        ``title`` is that of the page, ``sides`` are the two attempts, and ``heads`` the texts above
        them.
        """
        found = [self._space.code(kept) for kept in sides]
        texts = [clean_text("\n".join(lines_of(cells)), 1 << 20).split("\n") for cells, _ in found]
        problems = [problem for _, problem in found if problem]
        rows = [] if problems else [*side_by_side(*texts)]
        return self._page(
            request,
            "review_beside.html",
            title=title,
            heads=heads,
            names=[kept.name for kept in sides],
            rows=rows,
            problems=problems,
        )

    def show_finding(self, request: Request) -> Response:
        """Show one finding across the class."""
        return self._finding(request, request.query_params.get("code", ""))

    def _finding(
        self,
        request: Request,
        code: str,
        problem: str = "",
        draft: Draft = NO_DRAFT,
        status: int = 200,
    ) -> Response:
        """Return the page of the finding with this code, or a page that says that nobody has it.

        After a form could not be stored, ``problem`` is the message, ``draft`` has the typed
        values, which are shown again, and ``status`` is the HTTP status.
        """
        with self._space.reading() as store:
            found = finding_page(self._space, store, code)
        if found is None:
            return self.show_missing(request, f"Nobody in this class has the finding {code!r}.")
        values: dict[str, Any] = {"finding": found, "problem": problem, "draft": draft}
        return self._page(request, "review_finding.html", status, **values)

    def show_items(self, request: Request) -> Response:
        """Return the page with the statistics of each check and each mistake in the class."""
        with self._space.reading() as store:
            rows = self._space.rows(store)
        checks, mistakes = check_frame(rows), mistake_frame(rows)
        values: dict[str, Any] = {"checks": check_items(checks)}
        values["mistakes"] = mistake_items(mistakes, checks)
        return self._page(request, "review_items.html", **values)

    def show_similar(self, request: Request) -> Response:
        """Show the pairs of students with similar code."""
        with self._space.reading() as store:
            similar = self._space.similar(store)
        return self._page(request, "review_similar.html", similar=similar)

    def show_pair(self, request: Request) -> Response:
        """Return a page with the submissions of two students beside each other.

        The request's parameters ``left`` and ``right`` are the names of the students.
        """
        names = [request.query_params.get(side, "") for side in ("left", "right")]
        with self._space.reading() as store:
            attempts = self._space.counting(store).attempts
            kept = [attempts[name].kept for name in names if name in attempts]
        if len(kept) < 2:
            return self.show_missing(request, "There are no such students in this class.")
        return self._beside(request, " and ".join(names), kept, names)

    def send_asset(self, request: Request) -> Response:
        """Return the style sheet or the script that a request names; for other names a 404 page."""
        from starlette.responses import Response as Plain

        name = request.path_params["name"]
        if name not in ASSETS:
            return self.show_missing(request, "There is no such file.")
        return Plain(asset(name), media_type=ASSETS[name])

    async def store_name(self, request: Request) -> Response:
        """Store the name in a form as a cookie, which names the grader who uses this browser.

        An empty name deletes the cookie. The page that the form was on is shown again.
        """
        form = read_form(await request.body())
        response = self._back(request, form)
        name = " ".join(form.get("by", "").split())[:MAX_NAME]
        path = f"/{self._token}/"
        if name:
            response.set_cookie(COOKIE, quote(name), path=path, httponly=True, samesite="strict")
        else:
            response.delete_cookie(COOKIE, path=path)
        return response

    async def store_form(self, request: Request) -> Response:
        """Store a form that a grader has sent, and return the page that the form was on.

        The last part of the address names the kind of form, a key of `ACTIONS`. If the form cannot
        be stored, the page has the message and what was typed.
        """
        from starlette.concurrency import run_in_threadpool

        action = ACTIONS.get(request.path_params["action"])
        if action is None:
            return self.show_missing(request, "There is no such form.")
        try:
            form = read_form(await request.body())
        except FormError as error:
            return self._page(request, "review_problem.html", 400, problem=str(error))
        return await run_in_threadpool(self._store, request, action, form)

    def _store(
        self, request: Request, action: Callable[[Workspace, Form, str], None], form: Form
    ) -> Response:
        """Store a form by calling ``action``, and return a redirection to the page that it was on.

        If the form cannot be stored, that page is returned with the message and the typed values;
        its status is 409 if somebody else has changed the same thing, otherwise 400.
        """
        try:
            action(self._space, form, self._reviewer(request))
        except GradkitError as error:
            status = 409 if isinstance(error, ConflictError) else 400
            draft = {**form, "action": request.path_params["action"]}
            show = self._finding if "code" in form else self._student
            return show(
                request, form.get("code") or form.get("name", ""), str(error), draft, status
            )
        return self._back(request, form)

    def _back(self, request: Request, form: Form) -> Response:
        """Return a redirection to the page that a form was on.

        The address is made from the form's finding (``code``) or student (``name``), else it is the
        page of the class. An address in the form is never used. The request's filters are kept.
        """
        from starlette.responses import RedirectResponse

        selection = read_selection(request.query_params)
        target = f"/{self._token}/"
        if form.get("code"):
            target += f"finding?{query(selection, code=form['code'])}"
        elif form.get("name"):
            anchor = quote(form.get("anchor", ""))
            target += f"student?{query(selection, name=form['name'])}" + (anchor and f"#{anchor}")
        else:
            target += f"?{query(selection)}"
        return RedirectResponse(target, 303)

    def _reviewer(self, request: Request) -> str:
        """Return the name of the grader who uses this browser."""
        return unquote(request.cookies.get(COOKIE, ""))[:MAX_NAME].strip() or self._by

    def _page(self, request: Request, template: str, status: int = 200, **values: Any) -> Response:
        """Render a template with the reviewer's name, as an HTML response."""
        from starlette.responses import HTMLResponse

        text = page(template, base=f"/{self._token}/", reviewer=self._reviewer(request), **values)
        return HTMLResponse(text.encode("utf-8", "replace"), status)

    def show_problem(self, request: Request, problem: str) -> Response:
        """Return a page with status 503 that says why the class cannot be read."""
        return self._page(request, "review_problem.html", 503, problem=problem)

    def show_missing(self, request: Request, problem: str) -> Response:
        """Return a page that says what does not exist."""
        return self._page(request, "review_problem.html", 404, problem=problem)


def _frequent(rows: Any, titles: Mapping[str, str]) -> list[tuple[str, str, int]]:
    """Return code, title and number of students of each mistake, the most frequent first.

    ``rows`` are those of the students, and ``titles`` the titles of the mistakes by code.
    """
    counts = {code: sum(code in row.mistakes for row in rows) for code in titles}
    return sorted(
        ((code, titles[code], count) for code, count in counts.items()),
        key=lambda item: (-item[2], item[0]),
    )


def application(space: Workspace, token: str, hosts: tuple[str, ...], by: str) -> Starlette:
    """Return the web application that shows the pages of a class, for an ASGI server.

    Parameters
    ----------
    space : Workspace
        The class.
    token : str
        Secret first part of all addresses.
    hosts : tuple of str
        Allowed values of the header Host.
    by : str
        Name of the grader, until a browser states another.
    """
    from starlette.applications import Starlette
    from starlette.middleware import Middleware
    from starlette.routing import Route

    from gradkit.review.guard import Guard

    pages = Review(space, token, by)
    routes = [Route(path, function, methods=methods) for path, function, methods in pages.routes()]

    def show_problem(request: Request, error: Exception) -> Response:
        """Show why the class cannot be read now."""
        return pages.show_problem(request, str(error))

    def show_missing(request: Request, error: Exception) -> Response:
        """Say that an address leads nowhere."""
        return pages.show_missing(request, "There is no such page.")

    return Starlette(
        routes=routes,
        middleware=[Middleware(Guard, token=token, hosts=hosts)],
        exception_handlers={GradkitError: show_problem, 404: show_missing},
    )
