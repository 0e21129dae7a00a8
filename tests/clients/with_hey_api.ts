// Buys something through the client that @hey-api/openapi-ts generates.
import assert from "node:assert/strict";
import { client } from "./hey/client.gen.js";
import { addToCart, checkOut, logIn, showOwnProfile, showPage } from "./hey/sdk.gen.js";
import type { CheckOutError, ProductSort } from "./hey/types.gen.js";
import { explain, type Refusal } from "./explain.js";

// The switch of `explain` is over the codes of both clients: neither has one that the other lacks.
type Same<One, Other> = [One] extends [Other] ? ([Other] extends [One] ? true : false) : false;
const same: Same<CheckOutError["code"], Refusal["code"]> = true;
assert(same);

const baseUrl = process.argv[2] ?? "";
client.setConfig({ baseUrl });

const { data: anyone } = await showPage({ path: { num_page: 1 } });
assert(anyone && anyone.items.length > 1);
const refused = await logIn({ body: { username: "noadmin", password: "wrong" } });
assert.equal(refused.error?.code, "bad_credentials");
const { data: tokens } = await logIn({ body: { username: "noadmin", password: "sellout-demo" } });
assert(tokens);
client.setConfig({ baseUrl, auth: tokens.access });

const { data: me } = await showOwnProfile();
assert(me);
const sort: ProductSort = "-price";
const { data: page } = await showPage({ path: { num_page: 1 }, query: { q: "air", brand: ["Nike"], sort } });
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
const { error: unknown } = await checkOut({ ...options, body: { ...order, promo_code: "NONE" } });
assert(unknown);
assert.equal(explain(unknown), "the promo code cannot be used");
const { error: dearer } = await checkOut({ ...options, body: { ...order, total_amount: 1 } });
assert(dearer);
assert.equal(explain(dearer), "costs 85");
const { data: placed } = await checkOut({ ...options, body: order });
assert.equal(placed?.total_amount, 85);
const { data: again } = await checkOut({ ...options, body: order });
assert.equal(again?.id, placed.id);
console.log(`order ${placed.id} for ${placed.total_amount}`);
