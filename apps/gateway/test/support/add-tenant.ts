import { SCOPES } from "@hsafa/protocol";
import { Client } from "pg";
import { v7 } from "uuid";
import { apiKeyHash, newApiKey } from "../../src/access/api-key.ts";

/** Adds a tenant with a key that has every scope, and returns the key. */
export async function addTenant(databaseUrl: string, name: string): Promise<string> {
  const key = newApiKey();
  const tenantId = v7();
  await queryDatabase(databaseUrl, "insert into tenants (id, name) values ($1, $2)", [tenantId, name]);
  await queryDatabase(
    databaseUrl,
    "insert into api_keys (id, tenant_id, name, key_hash, scopes) values ($1, $2, $3, $4, $5)",
    [v7(), tenantId, name, apiKeyHash(key), [...SCOPES]],
  );
  return key;
}

/** Sends one statement over a connection of its own. */
export async function queryDatabase(url: string, text: string, values: readonly unknown[] = []): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(text, [...values]);
  } finally {
    await client.end();
  }
}
