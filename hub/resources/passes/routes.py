"""/passes."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from hub.accounts.permissions import Permission
from hub.errors import Conflict, NotFound, PreconditionFailed, TooManyRequests, Unprocessable
from hub.issuing.drawing import MEDIA
from hub.resources.passes.badges import PDF, pass_badge, print_badges, printed_badges
from hub.resources.passes.changing import (
    activate_pass,
    deactivate_pass,
    delete_pass,
    history,
    renew_pass,
    revoke_pass,
    update_pass,
)
from hub.resources.passes.issuing import issue_passes
from hub.resources.passes.making import create_pass, create_visitor, replace_pass
from hub.resources.passes.model import (
    ChangedPass,
    Deactivation,
    History,
    Mail,
    MailsQuery,
    NewPass,
    NewPasses,
    NewVisitor,
    Pass,
    PassesQuery,
    PassWithCode,
    Printing,
    Renewal,
    Replacement,
    Revocation,
    Sending,
    SheetsQuery,
    a_pass,
    mail,
)
from hub.resources.passes.rules import Q, stored, tells_of
from hub.resources.passes.sending import send_passes
from hub.resources.passes.showing import ExplainQuery, Explanation, QrQuery, explain_pass, pass_qr
from hub.rest.call import Call
from hub.rest.jobs.model import Job
from hub.rest.pages import Page, read_page
from hub.rest.route import Route
from hub.store.keyset import Column, Filter, Listing

LISTING = Listing(
    Q.pass_columns,
    sorts={
        "createdAt": Column("created_at", datetime),
        "expiryDate": Column("expiry_date", date),
        "passNumber": Column("pass_number", str),
    },
    filters={
        "studentId": Filter("student_id"),
        "passNumber": Filter("pass_number"),
        "status": Filter("status"),
        "passType": Filter("pass_type"),
        "templateId": Filter("template_id"),
        "keyId": Filter("key_id"),
        "issuedBy": Filter("issued_by"),
        "issueDateFrom": Filter("issue_date", ">="),
        "issueDateTo": Filter("issue_date", "<="),
        "expiryDateFrom": Filter("expiry_date", ">="),
        "expiryDateTo": Filter("expiry_date", "<="),
    },
)
MAILS = Listing(
    Q.list_mails,
    sorts={"createdAt": Column("created_at", datetime)},
    filters={"passId": Filter("pass_id"), "jobId": Filter("job_id"), "state": Filter("state")},
)
VISITOR: dict[str, Any] = {"visitorName": "Grace Hopper", "hostName": "Ada Lovelace", "maxUses": 2}


async def list_passes(call: Call[PassesQuery, None]) -> Page[Pass]:
    page = await read_page(call, LISTING, a_pass)
    call.read = list(dict.fromkeys(one.studentId for one in page.data if one.studentId is not None))
    return page


async def list_mails(call: Call[MailsQuery, None]) -> Page[Mail]:
    return await read_page(call, MAILS, mail)


async def get_pass(call: Call[None, None]) -> PassWithCode:
    one = await stored(await call.tx(), call.id)
    tells_of(call, one.studentId)
    return one


ROUTES = [
    Route(
        "GET",
        "/passes",
        list_passes,
        summary="List passes",
        permission=Permission.passes_read,
        query=PassesQuery,
        answer=Page[Pass],
        reads="student",
    ),
    Route(
        "POST",
        "/passes",
        create_pass,
        summary="Make a pass; it opens doors at once",
        permission=Permission.passes_create,
        body=NewPass,
        answer=PassWithCode,
        location="/passes/{id}",
        errors=(NotFound, Conflict, Unprocessable),
        example={"passType": "visitor", "expiryDate": "2099-07-31"} | VISITOR,
    ),
    Route(
        "POST",
        "/passes/visitors",
        create_visitor,
        summary="Make a pass for a visitor",
        permission=Permission.visitors_create,
        body=NewVisitor,
        answer=PassWithCode,
        location="/passes/{id}",
        errors=(NotFound, Conflict, Unprocessable),
        example=VISITOR,
    ),
    Route(
        "POST",
        "/passes/issue",
        issue_passes,
        summary="Make passes for all students of a filter who hold none, as a job",
        permission=Permission.passes_create,
        body=NewPasses,
        answer=Job,
        status=202,
        location="/jobs/{id}",
        errors=(NotFound, Conflict, Unprocessable),
        example={"everybody": True, "passType": "standard", "expiryDate": "2099-07-31"},
    ),
    Route(
        "POST",
        "/passes/send",
        send_passes,
        summary="Mail students of a filter their passes, as a job; none twice",
        permission=Permission.passes_send,
        body=Sending,
        answer=Job,
        status=202,
        location="/jobs/{id}",
        errors=(NotFound, Conflict, Unprocessable),
        example={"students": {"program": "Physics"}},
    ),
    Route(
        "POST",
        "/passes/badges",
        print_badges,
        summary="Print the passes of students of a filter as badges, as a job",
        permission=Permission.passes_send,
        body=Printing,
        answer=Job,
        status=202,
        location="/jobs/{id}",
        errors=(NotFound, Conflict, Unprocessable),
        example={"students": {"program": "Physics"}},
    ),
    Route(
        "GET",
        "/passes/badges/{id}",
        printed_badges,
        summary="A file of badges that the job of this id has printed",
        permission=Permission.passes_send,
        query=SheetsQuery,
        files=(PDF,),
        errors=(NotFound,),
    ),
    Route(
        "GET",
        "/passes/mails",
        list_mails,
        summary="List passes that were mailed, and what was refused",
        permission=Permission.passes_send,
        query=MailsQuery,
        answer=Page[Mail],
    ),
    Route(
        "GET",
        "/passes/{id}",
        get_pass,
        summary="One pass, with its code",
        permission=Permission.passes_read,
        answer=PassWithCode,
        reads="pass",
        errors=(NotFound,),
    ),
    Route(
        "PUT",
        "/passes/{id}",
        update_pass,
        summary="Change a pass; other days are another code",
        permission=Permission.passes_update,
        body=ChangedPass,
        answer=PassWithCode,
        errors=(NotFound, Conflict, PreconditionFailed, Unprocessable),
        example={"hostName": "Grace Hopper"},
    ),
    Route(
        "DELETE",
        "/passes/{id}",
        delete_pass,
        summary="Deactivate a pass",
        permission=Permission.passes_delete,
        errors=(NotFound,),
    ),
    Route(
        "POST",
        "/passes/{id}/activate",
        activate_pass,
        summary="Switch a pass on",
        permission=Permission.passes_update,
        answer=PassWithCode,
        errors=(NotFound, Conflict, Unprocessable),
    ),
    Route(
        "POST",
        "/passes/{id}/deactivate",
        deactivate_pass,
        summary="Switch a pass off, and say why",
        permission=Permission.passes_update,
        body=Deactivation,
        answer=PassWithCode,
        errors=(NotFound, Conflict),
        example={"reason": "left at the office"},
    ),
    Route(
        "POST",
        "/passes/{id}/revoke",
        revoke_pass,
        summary="Take a pass back for good",
        permission=Permission.passes_delete,
        body=Revocation,
        answer=PassWithCode,
        errors=(NotFound, Conflict),
        example={"reason": "passed on to somebody else"},
    ),
    Route(
        "POST",
        "/passes/{id}/renew",
        renew_pass,
        summary="Give a pass other days; its code is made anew, and the old one stops",
        permission=Permission.passes_update,
        body=Renewal,
        answer=PassWithCode,
        errors=(NotFound, Conflict, Unprocessable),
        example={"expiryDate": "2099-07-31"},
    ),
    Route(
        "POST",
        "/passes/{id}/replace",
        replace_pass,
        summary="Replace a lost pass: the old one stops in the moment in which the new one works",
        permission=Permission.passes_update,
        body=Replacement,
        answer=PassWithCode,
        location="/passes/{id}",
        errors=(NotFound, Conflict, Unprocessable),
        example={"reason": "lost"},
    ),
    Route(
        "GET",
        "/passes/{id}/history",
        history,
        summary="What became of a pass: when, by whom, and why",
        permission=Permission.passes_read,
        answer=History,
        reads="pass",
        errors=(NotFound,),
    ),
    Route(
        "GET",
        "/passes/{id}/qr",
        pass_qr,
        summary="A pass's code as a picture",
        permission=Permission.passes_read,
        query=QrQuery,
        files=tuple(MEDIA.values()),
        reads="pass",
        errors=(NotFound,),
    ),
    Route(
        "GET",
        "/passes/{id}/badge",
        pass_badge,
        summary="A pass as a badge to print, a card of 85.6 by 54 mm",
        permission=Permission.faces_read,
        files=(PDF,),
        reads="pass",
        errors=(NotFound, Conflict, TooManyRequests),
    ),
    Route(
        "GET",
        "/passes/{id}/explain",
        explain_pass,
        summary="What a door would say to a pass, and every check of it",
        permission=Permission.passes_read,
        query=ExplainQuery,
        answer=Explanation,
        reads="pass",
        errors=(NotFound,),
    ),
]
