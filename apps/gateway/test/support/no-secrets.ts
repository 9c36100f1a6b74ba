import type { SecretBox } from "../../src/ports/secret-box.ts";
import type { Secrets } from "../../src/ports/secrets.ts";

/** There is no secret. */
export const noSecrets: Secrets = {
  resolve: ({ name }) => Promise.resolve({ kind: "unusable", reason: `The secret '${name}' is not set.` }),
};

/** No secret can be kept. */
export const noSecretBox: SecretBox = { seal: () => null, open: () => null };
