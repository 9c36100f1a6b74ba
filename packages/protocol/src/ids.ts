/**
 * A UUID of version 7 and the variant of RFC 9562. Exactly what the schema `idSchema` accepts.
 */
const UUID_V7 = /^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-7[0-9a-fA-F]{3}-[89abAB][0-9a-fA-F]{3}-[0-9a-fA-F]{12}$/;

/**
 * Whether a text has the shape of an id. Every id that hsafa gives out is a UUIDv7 (RFC 9562). A text of another shape
 * names nothing, and is treated like the id of a missing thing.
 */
export function isId(text: string): boolean {
  return UUID_V7.test(text);
}
