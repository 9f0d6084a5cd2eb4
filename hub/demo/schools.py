"""The two schools of the demo: invented, on two continents, so that each has its own day and time."""

from __future__ import annotations

from typing import NamedTuple


class Department(NamedTuple):
    code: str
    name: str
    head: str
    programmes: tuple[str, ...]


class Door(NamedTuple):
    """An access point; `access_type` is entry, exit or both."""

    key: str
    name: str
    location: str
    access_type: str


class School(NamedTuple):
    """`share`: its part of all students. `phone`: a format with one field of digits, from ranges that nobody owns."""

    code: str
    name: str
    timezone: str
    share: float
    years: int
    address: str
    domain: str
    phone: str
    streets: tuple[str, ...]
    departments: tuple[Department, ...]
    doors: tuple[Door, ...]


BERLIN = School(
    code="SBK",
    name="Spreebogen-Kolleg Berlin",
    timezone="Europe/Berlin",
    share=0.55,
    years=3,
    address="Uferstraße 14, 10551 Berlin",
    domain="spreebogen.example",
    phone="+493023125{:03d}",
    streets=("Lindenweg {}, 10553 Berlin", "Turmgasse {}, 10559 Berlin", "Am Großen Werder {}, 13357 Berlin"),
    departments=(
        Department("INF", "Informatik und Medien", "Dr. Käthe Böhm", ("Anwendungsentwicklung", "Mediengestaltung")),
        Department("NAT", "Naturwissenschaften", "Prof. Çağlar Şahin", ("Biologie", "Chemietechnik", "Physik")),
        Department("WIR", "Wirtschaft und Recht", "Jörg von der Heyde", ("Betriebswirtschaft", "Verwaltung")),
        Department("GES", "Gesundheit und Pflege", "Małgorzata Dvořák", ("Pflegewissenschaft", "Physiotherapie")),
    ),
    doors=(
        Door("main-gate", "Haupteingang", "Uferstraße, Drehkreuze 1–3", "both"),
        Door("side-entrance", "Seiteneingang Hof", "Innenhof, Fahrradständer", "entry"),
        Door("library", "Bibliothek", "Haus B, 1. Stock", "both"),
        Door("sports-hall", "Sporthalle", "Haus D", "both"),
        Door("garden-exit", "Ausgang Garten", "Gartenseite, nur Ausgang", "exit"),
    ),
)

NEW_YORK = School(
    code="HHC",
    name="Hudson Heights College",
    timezone="America/New_York",
    share=0.45,
    years=4,
    address="410 Overlook Terrace, New York, NY 10033",
    domain="hudsonheights.example",
    phone="+1212555{:04d}",
    streets=(
        "{} Cedar Lane, New York, NY 10033",
        "{} Quarry Avenue, New York, NY 10040",
        "{} Pier Street, Yonkers, NY 10701",
    ),
    departments=(
        Department("ART", "Arts and Letters", "Dr. Naomi O'Neill", ("English", "History", "Studio Art")),
        Department("ENG", "Engineering", "Prof. Minh Đặng", ("Civil Engineering", "Electrical Engineering")),
        Department("CSC", "Computing", "Prof. Ọláolúwa Adéyẹmí", ("Computer Science", "Data Science")),
        Department("NUR", "Nursing", "Lucía Muñoz", ("Nursing", "Public Health")),
        Department("BUS", "Business", "Henry McAllister", ("Accounting", "Marketing")),
    ),
    doors=(
        Door("main-gate", "Main Gate", "Overlook Terrace", "both"),
        Door("side-entrance", "North Entrance", "Parking lot N", "entry"),
        Door("library", "Library", "Whitfield Hall, ground floor", "both"),
        Door("sports-hall", "Gymnasium", "Field house", "both"),
        Door("labs", "Laboratories", "Science wing, 2nd floor", "both"),
        Door("fire-lane-exit", "Fire Lane Exit", "West side, exit only", "exit"),
    ),
)

SCHOOLS = (BERLIN, NEW_YORK)
