"""Requests that do not come from a page of the application are refused."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest
from classroom.answering import ANNA, UPDATE
from review.conftest import TOKEN, Browser, form_of

from gradkit.classroom.store.counted import overrides
from gradkit.classroom.store.results import Store

pytestmark = [pytest.mark.usefixtures("warm"), pytest.mark.sample(3)]


def points(browser: Browser) -> dict[str, str]:
    """Return a complete form that sets points."""
    page = browser.get("student", name=ANNA).text
    return {**form_of(page, "points", item=UPDATE), "points": "5", "comment": "read by hand"}


def is_stored(browser: Browser) -> bool:
    """Return True if points have been set for anybody."""
    with Store(browser.folder, write=False) as store:
        return bool(overrides(store))


@pytest.mark.parametrize(
    "path", ["/", "/wrong/", f"/{TOKEN}x/", f"/{TOKEN[:-1]}/", "/student", f"/.//{TOKEN}", "/%00/"]
)
def test_a_wrong_token_is_refused(browser_page: Browser, path: str) -> None:
    """A missing or wrong token gives a page without any data of the class."""
    answer = browser_page.send(path)
    assert (answer.status, ANNA in answer.text) == (404, False)


def test_the_right_token_is_accepted(browser_page: Browser) -> None:
    """The page of the class is shown, with headers that restrict it."""
    answer = browser_page.get()
    assert (answer.status, ANNA in answer.text) == (200, True)
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1", "127.0.0.1:80", "PORT.evil.example", ""]
)
def test_another_host_is_refused(browser_page: Browser, host: str) -> None:
    """A name that another site resolves to 127.0.0.1 does not reach the class."""
    host = host.replace("PORT", f"127.0.0.1:{browser_page.port}")
    answer = browser_page.send(f"/{TOKEN}/", {"Host": host})
    assert (answer.status, ANNA in answer.text) == (403, False)
    assert "answers on 127.0.0.1 only" in answer.text


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "https://127.0.0.1:PORT"},
        {"Origin": "http://127.0.0.1:PORT", "Sec-Fetch-Site": "cross-site"},
        {"Origin": "http://127.0.0.1:PORT", "Sec-Fetch-Site": "same-site"},
    ],
)
def test_a_form_of_another_origin_is_refused(
    browser_page: Browser, headers: dict[str, str]
) -> None:
    """Nothing is stored, even if the site has learnt the token and the revision."""
    body = urlencode(points(browser_page)).encode()
    sent = {name: text.replace("PORT", str(browser_page.port)) for name, text in headers.items()}
    answer = browser_page.send(f"/{TOKEN}/do/points", sent, method="POST", body=body)
    assert answer.status == 403
    assert "another site" in answer.text
    assert not is_stored(browser_page)


def test_a_form_of_the_own_page_is_stored(browser_page: Browser) -> None:
    """The same form is stored with the origin of the application."""
    answer = browser_page.post("points", **points(browser_page))
    assert answer.status == 303
    assert is_stored(browser_page)


def test_a_page_of_another_site_cannot_embed_data(browser_page: Browser) -> None:
    """A request that a browser marks as cross-site is refused also with GET."""
    answer = browser_page.send(f"/{TOKEN}/", {"Sec-Fetch-Site": "cross-site"})
    assert (answer.status, ANNA in answer.text) == (403, False)


@pytest.mark.parametrize(
    "path",
    [
        "assets/../app.py",
        "assets/%2e%2e%2fapp.py",
        "assets/..%2f..%2f..%2fetc%2fpasswd",
        "assets//etc/passwd",
        "assets/review_class.html",
        "assets/",
        "../class.sqlite",
    ],
)
def test_a_path_outside_is_refused(browser_page: Browser, path: str) -> None:
    """Only the named assets are sent, whatever the path."""
    answer = browser_page.send(f"/{TOKEN}/{path}")
    assert answer.status == 404
    assert "import" not in answer.text
    assert "root:" not in answer.text


@pytest.mark.parametrize(("name", "part"), [("review.css", "--surface"), ("review.js", "keydown")])
def test_assets_are_sent(browser_page: Browser, name: str, part: str) -> None:
    """The style and the script of the pages come from this server."""
    answer = browser_page.get(f"assets/{name}")
    assert answer.status == 200
    assert part in answer.text


def test_a_large_form_is_refused(browser_page: Browser) -> None:
    """A body above the limit is not read."""
    headers = {**browser_page.origin, "Content-Length": "2000001"}
    answer = browser_page.send(f"/{TOKEN}/do/points", headers, method="POST")
    assert answer.status == 413
    assert "2000000 bytes at most" in answer.text


def test_a_form_that_is_not_text_is_refused(browser_page: Browser) -> None:
    """Bytes that are not UTF-8 give a message, not an error of the server."""
    origin = browser_page.origin
    answer = browser_page.send(f"/{TOKEN}/do/points", origin, method="POST", body=b"\xff=%ff")
    assert answer.status == 400
    assert "The form cannot be read." in answer.text


@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS"])
def test_other_methods_are_refused(browser_page: Browser, method: str) -> None:
    """No other method reaches a page."""
    headers = {**browser_page.origin, "Content-Length": "0"}
    answer = browser_page.send(f"/{TOKEN}/", headers, method=method)
    assert answer.status == 405


def test_an_unknown_page_form_or_student_is_refused(browser_page: Browser) -> None:
    """Each gives a page that says what does not exist, with the text escaped."""
    assert browser_page.get("nothing").status == 404
    assert browser_page.post("nothing", name=ANNA).status == 404
    answer = browser_page.get("student", name="<script>")
    assert answer.status == 404
    assert "no student &#39;&lt;script&gt;&#39;" in answer.text
