"""Reports for staff."""

from typing import Any, Final

import msgspec

from sellout_core.errors import LimitReached
from sellout_core.shopping.sales import SalesKey, SalesQuery
from sellout_core.use_cases.shopping.sales import read_sales
from sellout_http.api import media_types
from sellout_http.api.handler_context import ReadContext
from sellout_http.api.operations import Access, Group, Reply
from sellout_http.api.queries.query_parameters import Parameter
from sellout_http.api.queries.query_readers import Reader, day, one, one_of, read_members
from sellout_http.runtime.executor import Workload
from sellout_http.schemas import csv_table, responses, staff_serializers

group = Group("Reports", "Reports for staff.")

_DAY: Final = {"type": "string", "format": "date"}
_KEYS: Final = {key.value: key for key in SalesKey}
_PARAMETERS: Final = (
    Parameter("query", "from", "The first day, in the shop's time zone.", _DAY, required=True),
    Parameter("query", "to", "The day after the last one: 1 to 366 days after `from`.", _DAY, required=True),
    Parameter(
        "query",
        "by",
        "What each row stands for.",
        {
            "title": "SalesKey",
            "description": "What each row of a report stands for.",
            "type": "string",
            "enum": list(_KEYS),
        },
        required=True,
    ),
)
_READERS: Final[dict[str, Reader]] = {
    "first_day": one(day),
    "end_day": one(day),
    "by": one(one_of(_KEYS)),
}
_FIGURES: Final = {"currency": "RUB", "orders": 1, "units": 2, "revenue": 91, "discounts": 16}
_EXAMPLE: Final[dict[str, Any]] = {
    "from": "2026-01-31",
    "to": "2026-02-01",
    "time_zone": "Europe/Moscow",
    "by": "day",
    "totals": [_FIGURES],
    "rows": [{"day": "2026-01-31", "id": None, "name": None, "sku": None, "site": None, **_FIGURES}],
}


@group.read(
    "/report/sales",
    Access.ADMIN,
    errors=(LimitReached,),
    parameters=_PARAMETERS,
    media_types=(media_types.JSON, csv_table.MEDIA_TYPE),
    workload=Workload.LONG_READ,
    reply_example=_EXAMPLE,
)
def report_sales(context: ReadContext) -> Reply[responses.SalesReport]:
    """The sales of a range of days, by day, brand, product or platform.

    A piece of a product with several brands counts once for each of them, so rows by brand may add up to more than
    `totals`. With `Accept: text/csv` the response is the table of the rows, with the names of their members.
    """
    media_type = media_types.preferred((media_types.JSON, csv_table.MEDIA_TYPE), context.header("accept"))
    query = read_members(context.query, _READERS, SalesQuery, required=_READERS)
    report = staff_serializers.sales_report(read_sales(context.shop, context.actor, query))
    if media_type == media_types.JSON:
        return Reply(report, 200, {"vary": "accept"})
    names = responses.SalesRow.__struct_fields__
    table = csv_table.encode(names, map(msgspec.structs.astuple, report.rows))
    headers = {
        "vary": "accept",
        "content-type": f"{media_type}; charset=utf-8; header=present",
        "content-disposition": 'attachment; filename="sales.csv"',
    }
    return Reply(msgspec.Raw(table), 200, headers)
