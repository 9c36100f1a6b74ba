import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { SECRET_VALUE_CHARACTERS_MIN } from "@hsafa/protocol";
import { OPERATOR_TENANT } from "../../ports/operator-tenant.ts";
import type { SecretBox } from "../../ports/secret-box.ts";
import type { SecretOutcome, Secrets } from "../../ports/secrets.ts";
import type { Store } from "../../ports/store.ts";
import { SECRET_FILE_BYTES_MAX } from "./limits.ts";

interface TenantSecretsOptions {
  readonly store: Pick<Store, "forTenant">;
  readonly box: SecretBox;
  /** A folder with one file a secret, as Docker and Kubernetes mount them; null: none. */
  readonly folder: string | null;
  /** The secrets of the environment, by their names in upper case with `_` for `-`. */
  readonly environment: Readonly<Record<string, string>>;
}

/** Secrets of tenants: from the store, and for the operator's tenant also from files and the environment. */
export function createTenantSecrets({ store, box, folder, environment }: TenantSecretsOptions): Secrets {
  return {
    async resolve({ tenantId, name }) {
      const { tenantName, sealed } = await store.forTenant(tenantId).readSecret({ name });
      if (sealed !== null) {
        const value = box.open({ tenantId, name, sealed });
        return value === null ? unusable(name, NOT_OPENED) : usable(name, value);
      }
      if (tenantName !== OPERATOR_TENANT) return unusable(name, MISSING);
      const value = (await fromFile(folder, name)) ?? environment[name.toUpperCase().replaceAll("-", "_")];
      return value === undefined ? unusable(name, MISSING) : usable(name, value);
    },
  };
}

const MISSING = "is not set; set it with 'hsafa secrets set' or PUT /api/secrets/:name";
const NOT_OPENED =
  "was sealed with a key that this gateway does not have; set it again, or add the former key to HSAFA_SECRETS_KEY";
const TOO_SHORT = `has fewer than ${SECRET_VALUE_CHARACTERS_MIN} characters, so it could not be kept out of texts`;

/** Read anew each time, so that a value which is replaced counts from the next request on. */
async function fromFile(folder: string | null, name: string): Promise<string | undefined> {
  if (folder === null) return undefined;
  const path = join(folder, name);
  try {
    const { size } = await stat(path);
    if (size > SECRET_FILE_BYTES_MAX) return undefined;
    // An editor ends a file with a line end, which is no part of the secret.
    return (await readFile(path, "utf8")).replace(/\r?\n$/, "");
  } catch {
    return undefined;
  }
}

function usable(name: string, value: string): SecretOutcome {
  return value.length < SECRET_VALUE_CHARACTERS_MIN ? unusable(name, TOO_SHORT) : { kind: "found", value };
}

function unusable(name: string, why: string): SecretOutcome {
  return { kind: "unusable", reason: `The secret '${name}' ${why}.` };
}
