"""The page for people, in a real browser: a message, and a dialogue."""

from __future__ import annotations

import pytest
from web.browser import CHROMIUM, opened_page
from web.http_server import served

from trainer.serving.app import make_app
from trainer.serving.limits import Limits

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium (apt-get install chromium)"),
]


@pytest.fixture
def url(newest):
    """The page's address, while it is served with a token."""
    with served(make_app(newest, Limits(), auth_token="secret")) as address:
        yield f"{address}/"


def count(selector: str) -> str:
    return f"document.querySelectorAll({selector!r}).length"


def typed(field: str, text: str) -> str:
    return f"document.getElementById({field!r}).value = {text!r}"


def test_a_message_and_a_dialogue(url):
    with opened_page() as page:
        page.open(url)
        page.wait_for("!document.getElementById('login')?.hidden")
        page.run(f"{typed('token', 'secret')}; document.getElementById('login').requestSubmit()")
        page.wait_for("document.getElementById('model').textContent.includes('diet')")

        page.run(
            f"{typed('text', 'fly <b>to</b> Rome')}; document.querySelector('#ask button').click()"
        )
        page.wait_for(f"{count('#intents .bar')} == 5")
        said = "[...document.getElementById('marked').childNodes]"
        text = f"{said}.map(n => n.nodeName == 'MARK' ? n.firstChild.data : n.data).join('')"
        assert page.run(text) == "fly <b>to</b> Rome"  # shown as it is, not as HTML

        page.run(f"{typed('next', '/greet')}; document.querySelector('#say button').click()")
        page.wait_for(f"{count('#actions button')} > 3")
        page.run("document.querySelector('#actions button').click()")
        page.wait_for(f"{count('#dialogue li')} == 2")

        assert page.run("document.getElementById('error').textContent") == ""
        assert all(address.startswith(url) or address == "about:blank" for address in page.asked)
