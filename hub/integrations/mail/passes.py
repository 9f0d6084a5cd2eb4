"""A letter that brings a pass: the code as a picture in it, and as text for nobody."""

from __future__ import annotations

from email.message import EmailMessage
from email.utils import formatdate
from html import escape

import msgspec

from hub.integrations.mail.writing import mailbox, one_line, template

PICTURE = "pass"


class PassLetter(msgspec.Struct, kw_only=True):
    """`picture`: the code as PNG. `message_id`: the same however often it is written: a mail program shows one."""

    email: str
    name: str
    school: str
    title: str
    number: str
    first_day: str
    last_day: str
    picture: bytes
    message_id: str


def write_pass(letter: PassLetter, sender: str) -> EmailMessage:
    """Ready to send. Raises BadAddress."""
    words = {
        "name": one_line(letter.name),
        "school": one_line(letter.school),
        "title": one_line(letter.title or "Your pass"),
        "number": letter.number,
        "first": letter.first_day,
        "last": letter.last_day,
    }
    subject, _, text = template("pass.txt").substitute(words).partition("\n")
    html = template("pass.html").substitute({name: escape(word) for name, word in words.items()})
    message = EmailMessage()
    message["Subject"] = subject
    message["From"] = mailbox(sender, words["school"])
    message["To"] = mailbox(letter.email, words["name"])
    message["Date"] = formatdate()
    domain = message["From"].addresses[0].domain or "localhost"
    message["Message-ID"] = f"<{letter.message_id}@{domain}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(text.lstrip())
    message.add_alternative(html, subtype="html")
    parts = message.get_payload()
    assert isinstance(parts, list)
    page = parts[1]
    assert isinstance(page, EmailMessage)
    page.add_related(letter.picture, "image", "png", cid=f"<{PICTURE}>", filename=f"{letter.number}.png")
    return message
