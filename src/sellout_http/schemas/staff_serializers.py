"""Converts the core's views to the documents of operations for staff."""

from typing import Any

import attrs

from sellout_core.audit import AuditEntry
from sellout_core.catalogue import products as catalogue
from sellout_core.catalogue.references import Category, Reference
from sellout_core.shopping.sales import SalesFigures, SalesReport
from sellout_core.use_cases.catalogue.stock import StockView
from sellout_http.schemas import responses, serializers


def reference(row: Reference) -> responses.NamedReference | responses.Category | responses.Platform:
    """A row of a reference table."""
    match row:
        case catalogue.Platform():
            return serializers.platform(row)
        case Category(row_id, name, parent_id):
            return responses.Category(row_id, name, parent_id)
        case _:
            return serializers.named(row)


def audit_entry(entry: AuditEntry) -> responses.AuditEntry:
    """An audit entry."""
    changes = entry.changes.items()
    return responses.AuditEntry(
        id=entry.id,
        at=entry.at,
        user_id=entry.actor_id,
        action=entry.action,
        kind=entry.kind,
        object_id=entry.object_id,
        changes=tuple(responses.AuditChange(field, change.before, change.after) for field, change in changes),
    )


def stock(view: StockView) -> responses.UnitStock:
    """The stock of a unit with its movements."""
    return responses.UnitStock(
        product_unit=view.unit.id,
        stock=view.unit.stock,
        sold=view.unit.sold,
        availability=view.unit.available,
        movements=tuple(
            responses.StockMovement(each.id, each.at, each.actor_id, each.kind.value, each.change, each.reason)
            for each in view.movements
        ),
    )


def sales_report(report: SalesReport) -> responses.SalesReport:
    """A report of sales."""
    return responses.SalesReport(
        begin=report.query.first_day,
        end=report.query.end_day,
        time_zone=str(report.zone),
        by=report.query.by,
        totals=tuple(responses.SalesTotal(**_figures(figures)) for figures in report.totals),
        rows=tuple(
            responses.SalesRow(
                day=row.day, id=row.row_id, name=row.name, sku=row.sku, site=row.site, **_figures(row.figures)
            )
            for row in report.rows
        ),
    )


def _figures(figures: SalesFigures) -> dict[str, Any]:
    return attrs.asdict(figures)
