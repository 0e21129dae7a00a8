"""Converts a CSV file of sneaker market data to a catalogue file, on standard output.

    python examples/sneakers_to_jsonl.py listings.csv > sneakers.jsonl
    sellout import sneakers.jsonl

Names repeat in such data, so the SKU has the number of the row. A missing release date becomes the first day of 2023,
because every product has a date. All other values stay as they are.
"""

# ruff: noqa: INP001, T201 - a script, which prints

import csv
import json
import sys
from pathlib import Path

NO_SIZE = dict.fromkeys(("INT", "US", "UK", "EU", "IT", "RU"), "0")
NO_RELEASE_DATE = "2023-01-01"


def product(row: dict[str, str], number: int) -> dict[str, object]:
    """The product of a row, with one unit without a size at the lowest asking price."""
    unit = {
        "size": NO_SIZE,
        "final_price": int(row["lowestAsk"]),
        "currency": "USD",
        "delivery_type": "Standard",
        "platform": "Marketplace",
    }
    return {
        "sku": f"sneakers-2023-{number}",
        "name": row["item"],
        "brands": [row["brand"]],
        "categories": ["Sneakers"],
        "gender": "F" if "(Women's)" in row["item"] else "M",
        "add_date": row["release"] or NO_RELEASE_DATE,
        "units": [unit],
    }


with Path(sys.argv[1]).open(encoding="utf-8", newline="") as rows:
    for number, row in enumerate(csv.DictReader(rows)):
        print(json.dumps(product(row, number)))
