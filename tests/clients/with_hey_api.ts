// Buys something through the client that @hey-api/openapi-ts generates.
import assert from "node:assert/strict";
import { client } from "./hey/client.gen.js";
import { addToCart, checkOut, showPage, logIn, showOwnProfile } from "./hey/sdk.gen.js";
import { explain } from "./explain.js";

client.setConfig({ baseUrl: process.argv[2] ?? "" });

const refused = await logIn({ body: { username: "noadmin", password: "wrong" } });
assert.equal(refused.error?.code, "bad_credentials");
const { data: tokens } = await logIn({ body: { username: "noadmin", password: "sellout-demo" } });
assert(tokens);
client.setConfig({ baseUrl: process.argv[2] ?? "", auth: tokens.access });

const { data: me } = await showOwnProfile();
assert(me);
const { data: page } = await showPage({ path: { num_page: 1 }, query: { q: "air", brand: ["Nike"], sort: "price" } });
assert.equal(page?.items[0]?.name, "Air Force 1");

const { data: unit } = await addToCart({ path: { user_id: me.id, product_unit_id: 2 } });
assert.equal(unit?.product.name, "Dunk");
const order = {
  product_unit: [2],
  email: "mail@mail.ru",
  tel: "+79990001122",
  first_name: "Anna",
  last_name: "K.",
  address_id: me.address[0]?.id ?? 0,
  promo_code: "SALE",
};
const options = { path: { user_id: me.id }, headers: { "Idempotency-Key": "hey-api" } };
const { error } = await checkOut({ ...options, body: { ...order, total_amount: 1 } });
assert(error);
assert.equal(explain(error), "costs 85");
const { data: placed } = await checkOut({ ...options, body: order });
assert.equal(placed?.total_amount, 85);
console.log(`order ${placed.id} for ${placed.total_amount}`);
