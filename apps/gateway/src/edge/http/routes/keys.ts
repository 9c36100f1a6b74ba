import {
  apiKeySchema,
  apiKeyWithSecretSchema,
  createKeyBodySchema,
  listQuerySchema,
  pageSchema,
  rotateKeyBodySchema,
} from "@hsafa/protocol/schema";
import { createKey } from "../../../control/create-key.ts";
import { listKeys } from "../../../control/read-keys.ts";
import { revokeKey } from "../../../control/revoke-key.ts";
import { rotateKey } from "../../../control/rotate-key.ts";
import { json, type Route, scoped } from "../route.ts";

const tag = "Authentication";
const managing = { scopes: ["admin"], unbound: true } as const;

/** API keys: their life from the first to the last day. */
export const keyRoutes: readonly Route[] = [
  scoped({
    method: "POST",
    path: "/api/keys",
    tag,
    summary: "Make an API key",
    ...managing,
    body: createKeyBodySchema,
    responses: {
      201: { description: "The key, with its secret, which is shown this once", schema: apiKeyWithSecretSchema },
    },
    async handle({ deps, principal, body }) {
      const outcome = await createKey(deps, principal, body);
      return outcome.kind === "refused" ? outcome : json(201, outcome.key);
    },
  }),
  scoped({
    method: "GET",
    path: "/api/keys",
    tag,
    summary: "List API keys, revoked ones too",
    ...managing,
    query: listQuerySchema,
    responses: { 200: { description: "A page of keys, without their secrets", schema: pageSchema(apiKeySchema) } },
    handle: async ({ deps, principal, query: { limit, cursor } }) =>
      json(200, await listKeys(deps, principal, { limit, cursor })),
  }),
  scoped({
    method: "POST",
    path: "/api/keys/:id/rotate",
    tag,
    summary: "Give a key a new secret, and take the former one for a while",
    ...managing,
    body: rotateKeyBodySchema,
    responses: { 200: { description: "The key with its new secret", schema: apiKeyWithSecretSchema } },
    async handle({ deps, principal, params: { id = "" }, body: { overlapSeconds } }) {
      const outcome = await rotateKey(deps, principal, { keyId: id, overlapSeconds });
      return outcome.kind === "refused" ? outcome : json(200, outcome.key);
    },
  }),
  scoped({
    method: "DELETE",
    path: "/api/keys/:id",
    tag,
    summary: "Revoke a key, with everything that it opened and the tokens that it made",
    ...managing,
    responses: { 204: { description: "It is revoked, or was before" } },
    async handle({ deps, principal, params: { id = "" } }) {
      const outcome = await revokeKey(deps, principal, id);
      return outcome.kind === "refused" ? outcome : { kind: "empty", status: 204 };
    },
  }),
];
