import { listQuerySchema, pageSchema, putSecretBodySchema, secretSchema } from "@hsafa/protocol/schema";
import { deleteSecret } from "../../../control/delete-secret.ts";
import { putSecret } from "../../../control/put-secret.ts";
import { listSecrets } from "../../../control/read-secrets.ts";
import { json, type Route, scoped } from "../route.ts";

const tag = "Secrets";

/** Secrets. No call returns a value. */
export const secretRoutes: readonly Route[] = [
  scoped({
    method: "PUT",
    path: "/api/secrets/:name",
    tag,
    summary: "Set a secret's value, which is never shown again",
    scopes: ["admin"],
    unbound: true,
    body: putSecretBodySchema,
    responses: {
      201: { description: "A new secret", schema: secretSchema },
      200: { description: "The secret has another value now", schema: secretSchema },
    },
    async handle({ deps, principal, params: { name = "" }, body: { value } }) {
      const outcome = await putSecret(deps, principal, { name, value });
      return outcome.kind === "refused" ? outcome : json(outcome.created ? 201 : 200, outcome.secret);
    },
  }),
  scoped({
    method: "GET",
    path: "/api/secrets",
    tag,
    summary: "List the secrets that were set: their names, when and by whom",
    scopes: ["agents:write"],
    unbound: true,
    query: listQuerySchema,
    responses: { 200: { description: "A page of secrets", schema: pageSchema(secretSchema) } },
    handle: async ({ deps, principal, query: { limit, cursor } }) =>
      json(200, await listSecrets(deps, principal, { limit, cursor })),
  }),
  scoped({
    method: "DELETE",
    path: "/api/secrets/:name",
    tag,
    summary: "Forget a secret",
    scopes: ["admin"],
    unbound: true,
    responses: { 204: { description: "It is forgotten" } },
    async handle({ deps, principal, params: { name = "" } }) {
      const outcome = await deleteSecret(deps, principal, name);
      return outcome.kind === "refused" ? outcome : { kind: "empty", status: 204 };
    },
  }),
];
