// A switch over every code with which a checkout can be refused. Without one of its cases it does not compile.
import type { paths } from "./types/schema.js";

type Responses = paths["/order/checkout/{user_id}"]["post"]["responses"];
type Documents<Response> = Response extends { content: { "application/problem+json": infer Document } } ? Document : never;
export type Refusal = Documents<Responses[keyof Responses]>;

export function explain(refusal: Refusal): string {
  switch (refusal.code) {
    case "not_in_cart":
      return `not in the cart: ${refusal.not_in_cart.join(", ")}`;
    case "unavailable":
      return `unavailable: ${refusal.unavailable.join(", ")}`;
    case "price_changed":
      return `costs ${refusal.total_amount}`;
    case "invalid_fields":
      return refusal.fields.map((field) => `${field.pointer ?? field.parameter ?? field.header}: ${field.code}`).join("; ");
    case "promo_code_unknown":
    case "promo_code_inactive":
    case "promo_code_expired":
    case "promo_code_used_up":
      return "the promo code cannot be used";
    case "unknown_address":
    case "mixed_currencies":
    case "idempotency_key_reused":
    case "second_factor_missing":
      return refusal.detail;
    case "unauthenticated":
    case "forbidden":
    case "not_found":
      return "log in again";
    case "too_many_requests":
    case "unavailable_now":
    case "request_timeout":
      return "try again later";
    case "malformed_json":
    case "body_too_large":
    case "query_too_long":
    case "unsupported_media_type":
      return "a mistake of this program";
    default:
      return unforeseen(refusal);
  }
}

function unforeseen(refusal: never): never {
  throw new Error(`unforeseen: ${JSON.stringify(refusal)}`);
}
