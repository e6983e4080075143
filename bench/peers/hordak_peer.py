"""django-hordak: one award = one balanced transaction of two legs, committed; awards a second.

Run in a virtual environment of its own: `hordak_peer.py DATABASE_URL AWARDS`.
"""

# mypy: ignore-errors
# (the library lives in an environment of its own)

import sys
import time
from pathlib import Path

import dj_database_url
import django
from django.conf import settings
from django.core.management import call_command

PEOPLE = 100


def configure(url: str) -> None:
    settings.configure(
        DATABASES={"default": dj_database_url.parse(url)},
        INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", "mptt", "hordak"],
        DEFAULT_AUTO_FIELD="django.db.models.AutoField",
        HORDAK_CURRENCIES=["CNY"],
        HORDAK_INTERNAL_CURRENCY="CNY",
        USE_TZ=True,
        BASE_DIR=Path.cwd(),
    )
    django.setup()


def book(awards: int) -> float:
    from django.db import transaction  # noqa: PLC0415  only once Django is configured
    from hordak.models import Account, AccountType  # noqa: PLC0415  the same
    from moneyed import Money  # noqa: PLC0415  the same

    existing = list(Account.objects.filter(type=AccountType.income))
    if not existing:
        facts = {"type": AccountType.income, "currencies": ["CNY"]}
        existing = [Account.objects.create(name=f"{n}", **facts) for n in range(PEOPLE + 1)]
    issuer, *people = existing
    begun = time.perf_counter()
    for number in range(awards):
        with transaction.atomic():
            issuer.transfer_to(people[number % PEOPLE], Money(2, "CNY"), description="award")
    return awards / (time.perf_counter() - begun)


if __name__ == "__main__":
    configure(sys.argv[1])
    call_command("migrate", verbosity=0)
    print(book(int(sys.argv[2])))
