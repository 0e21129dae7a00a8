// Buys something through openapi-fetch, with the types that openapi-typescript generates.
import assert from "node:assert/strict";
import createClient from "openapi-fetch";
import { explain } from "./explain.js";
import type { components, paths } from "./types/schema.js";

const shop = createClient<paths>({ baseUrl: process.argv[2] ?? "" });

const { data: anyone } = await shop.GET("/product/all/{num_page}", { params: { path: { num_page: 1 } } });
assert(anyone && anyone.items.length > 1);
const refused = await shop.POST("/user/login", { body: { username: "noadmin", password: "wrong" } });
assert.equal(refused.error?.code, "bad_credentials");
const { data: tokens } = await shop.POST("/user/login", { body: { username: "noadmin", password: "sellout-demo" } });
assert(tokens);
shop.use({
  onRequest: ({ request }) => {
    request.headers.set("Authorization", `Bearer ${tokens.access}`);
    return request;
  },
});

const { data: me } = await shop.GET("/user_info");
assert(me);
const sort: components["schemas"]["ProductSort"] = "-price";
const { data: page } = await shop.GET("/product/all/{num_page}", {
  params: { path: { num_page: 1 }, query: { q: "air", brand: ["Nike"], sort } },
});
assert.equal(page?.items[0]?.name, "Air Force 1");

const path = { user_id: me.id, product_unit_id: 2 };
const { data: unit } = await shop.POST("/order/cart_add/{user_id}/{product_unit_id}", { params: { path } });
assert.equal(unit?.product.name, "Dunk");
const order = {
  product_unit: [2],
  email: "mail@mail.ru",
  tel: 79990001122,
  first_name: "Anna",
  last_name: "K.",
  address_id: me.address[0]?.id ?? 0,
  promo_code: "SALE",
};
const params = { path: { user_id: me.id }, header: { "Idempotency-Key": "openapi-fetch" } };
const checkOut = "/order/checkout/{user_id}";
const { error: unknown } = await shop.POST(checkOut, { params, body: { ...order, promo_code: "NONE" } });
assert(unknown);
assert.equal(explain(unknown), "the promo code cannot be used");
const { error: dearer } = await shop.POST(checkOut, { params, body: { ...order, total_amount: 1 } });
assert(dearer);
assert.equal(explain(dearer), "costs 85");
const { data: placed } = await shop.POST(checkOut, { params, body: order });
assert.equal(placed?.total_amount, 85);
const { data: again } = await shop.POST(checkOut, { params, body: order });
assert.equal(again?.id, placed.id);
console.log(`order ${placed.id} for ${placed.total_amount}`);
