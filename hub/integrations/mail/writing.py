"""A letter as text and HTML, from the templates beside this file.

A template's first line is the subject. Names of people and schools are anybody's text: in HTML they are escaped, and no
header takes a line break. The token is behind a #, which browsers send to nobody.
"""

from __future__ import annotations

from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from functools import cache
from html import escape
from importlib import resources
from string import Template

from hub.accounts.letters import Addressed
from hub.errors import HubError

#: The console's page for each kind of letter.
PAGES = {"invitation": "accept-invitation", "reset": "reset-password", "verify": "verify-email"}
#: What a notice says has happened.
NEWS = {
    "password": "the password of your account has been changed, and its other sessions have ended",
    "factor_added": "a second factor has been set up for your account",
    "factor_removed": "the second factor of your account has been taken away",
    "email": "your account has another e-mail address now; letters do not come here any more",
}


class BadAddress(HubError):
    """Nothing can be sent to this; trying again does not help."""

    code = "mail_address"


def write(letter: Addressed, sender: str, public_url: str) -> EmailMessage:
    """Ready to send. Raises BadAddress."""
    words = {
        "name": one_line(f"{letter.first_name} {letter.last_name}"),
        "school": one_line(letter.school or "passhub"),
        "email": one_line(letter.email),
        "link": _link(letter, public_url.rstrip("/")),
        "news": NEWS.get(letter.about or "", ""),
    }
    subject, _, text = template(f"{letter.purpose}.txt").substitute(words).partition("\n")
    html = template(f"{letter.purpose}.html").substitute({name: escape(word) for name, word in words.items()})
    message = EmailMessage()
    message["Subject"] = subject
    message["From"] = mailbox(sender, "passhub")
    message["To"] = mailbox(letter.email, words["name"])
    message["Date"] = formatdate()
    message["Message-ID"] = make_msgid(domain=message["From"].addresses[0].domain or "localhost")
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(text.lstrip())
    message.add_alternative(html, subtype="html")
    return message


def _link(letter: Addressed, url: str) -> str:
    """To the page of its kind; a notice opens nothing."""
    return url if letter.purpose == "notice" else f"{url}/{PAGES[letter.purpose]}#token={letter.token}"


def one_line(text: str) -> str:
    """On one line: a name with a line break would be a header of its own."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def mailbox(address: str, name: str) -> Address:
    """Raises BadAddress."""
    try:
        return Address(display_name=name, addr_spec=address)
    except (MessageError, ValueError, IndexError) as error:
        raise BadAddress("this is no address that mail can be sent to") from error


@cache
def template(name: str) -> Template:
    """A file of templates/."""
    return Template(resources.files(__package__).joinpath("templates", name).read_text(encoding="utf-8"))
