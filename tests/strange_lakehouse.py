"""An invented lakehouse that nobody described, full of traps: all keys count from 1, so that each is in every other."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from random import Random

CUSTOMERS, STAFF, COUNTRIES, PRODUCTS, ORDERS, ADDRESSES, EVENTS = 600, 60, 40, 300, 1_500, 640, 900
BOOKINGS, BRANCHES = 150, 12

CATEGORIES = {
    "customers.name": "user.name",
    "customers.email": "user.contact.email",
    "customers.phone": "user.contact.phone_number",
    "staff.full_name": "user.name",
    "staff.email": "user.contact.email",
    "orders.email": "user.contact.email",
    "addresses.street": "user.contact.address.street",
    "addresses.city": "user.contact.address.city",
    "events.user_email": "user.contact.email",
    "tickets.body": "user.content",
    "reviews.reviewer_name": "user.name",
    "invites.invitee_email": "user.contact.email",
    "bookings.email": "user.contact.email",
    "cards.card_number": "user.financial.credit_card",
    "branches.street": "user.contact.address.street",
}
"""What a scan would find; every other column holds nothing."""


def tables() -> dict[str, dict[str, list[object]]]:
    """Return the columns of each table, the same ones each time."""
    dice = Random(7)
    start = datetime(2024, 1, 1)  # noqa: DTZ001  # Delta's timestamp_ntz

    def ids(count: int) -> list[object]:
        return list(range(1, count + 1))

    def some(count: int, of: int) -> list[object]:
        return [dice.randint(1, of) for _ in range(count)]

    def times(count: int) -> list[object]:
        return [start + timedelta(minutes=dice.randrange(500_000)) for _ in range(count)]

    emails = [f"kim{n}@pond.example" for n in range(CUSTOMERS)]
    buyers, guests = some(ORDERS, CUSTOMERS), some(BOOKINGS, CUSTOMERS)
    return {
        "customers": {
            "id": ids(CUSTOMERS),
            "name": [f"Kim {n}" for n in range(CUSTOMERS)],
            "email": list(emails),
            "phone": [f"+44 20 7946 {n // 2:04}" for n in range(CUSTOMERS)],
            "country_id": some(CUSTOMERS, COUNTRIES),
            "account_manager_id": some(CUSTOMERS, STAFF),
            "customer_no": [f"C-{n:05}" for n in range(CUSTOMERS)],
            "branch_id": some(CUSTOMERS, BRANCHES),
        },
        "staff": {
            "id": ids(STAFF),
            "full_name": [f"Lee {n}" for n in range(STAFF)],
            "email": [f"lee{n}@firm.example" for n in range(STAFF)],
            "manager_id": some(STAFF, STAFF),
        },
        "countries": {"id": ids(COUNTRIES), "title": [f"Land {n}" for n in range(COUNTRIES)]},
        "products": {"id": ids(PRODUCTS), "title": [f"Lamp {n}" for n in range(PRODUCTS)]},
        "orders": {
            "id": ids(ORDERS),
            "customer_id": buyers,
            "sales_staff_id": some(ORDERS, STAFF),
            "email": [emails[int(str(b)) - 1] for b in buyers],
            "ordered_at": times(ORDERS),
            "loaded_at": [start] * ORDERS,
        },
        "order_items": {
            "id": ids(2 * ORDERS),
            "order_id": [n % ORDERS + 1 for n in range(2 * ORDERS)],
            "product_id": some(2 * ORDERS, PRODUCTS),
            "quantity": some(2 * ORDERS, 5),
        },
        "addresses": {
            "id": ids(ADDRESSES),
            "street": [f"{n} Fen Road" for n in range(ADDRESSES)],
            "city": [f"Town {n % 9}" for n in range(ADDRESSES)],
        },
        "customer_addresses": {
            "customer_id": [n % CUSTOMERS + 1 for n in range(ADDRESSES)],
            "address_id": ids(ADDRESSES),
        },
        "events": {
            "event_id": [str(uuid.UUID(int=dice.getrandbits(128))) for _ in range(EVENTS)],
            "user_email": [dice.choice(emails).upper() for _ in range(EVENTS)],
            "seen_at": times(EVENTS),
        },
        "tickets": {
            "id": ids(CUSTOMERS),
            "owner_id": some(CUSTOMERS, CUSTOMERS),
            "body": [f"My lamp {n} is broken" for n in range(CUSTOMERS)],
        },
        "shifts": {"id": ids(500), "staff_id": some(500, STAFF), "begins_at": times(500)},
        "messages": {"sender_customer_id": some(500, CUSTOMERS), "receiver_customer_id": some(500, CUSTOMERS)},
        "invites": {
            "id": ids(200),
            "inviter_customer_id": some(200, CUSTOMERS),
            "invitee_email": [f"guest{n}@mere.example" for n in range(200)],
        },
        "loyalty": {"customer_no": [f"C-{dice.randrange(CUSTOMERS):05}" for _ in range(400)], "points": some(400, 90)},
        "bookings": {
            "id": ids(BOOKINGS),
            "customer_id": guests,
            "email": [emails[int(str(g)) - 1] for g in guests],
            "gift_id": ids(BOOKINGS),
        },
        "booking_notes": {"booking_id": some(300, BOOKINGS), "stars": some(300, 5)},
        "gifts": {"id": ids(BOOKINGS), "title": [f"Cup {n}" for n in range(BOOKINGS)]},
        "branches": {"id": ids(BRANCHES), "street": [f"{n} Mill Lane" for n in range(BRANCHES)]},
        "wallets": {"customer_id": ids(CUSTOMERS), "card_id": ids(CUSTOMERS)},
        "cards": {"id": ids(CUSTOMERS), "card_number": [f"4000-{n:08}" for n in range(CUSTOMERS)]},
        "reviews": {
            "id": ids(PRODUCTS),
            "product_id": some(PRODUCTS, PRODUCTS),
            "reviewer_name": [f"Jo {n}" for n in range(PRODUCTS)],
        },
    }
