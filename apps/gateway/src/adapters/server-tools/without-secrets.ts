import type { ServerToolOutcome } from "../../core/input.ts";
import { failureMessage } from "../../core/failure-message.ts";
import { redactSecrets, secretForms } from "../../core/redact-secrets.ts";
import { withoutForms } from "./without-forms.ts";

/**
 * Returns an outcome without these secrets. A service may repeat what it was sent, and an error of the network names
 * the address. A message loses what has the form of a credential too; in a result that may be innocent.
 */
export function withoutSecrets(
  outcome: ServerToolOutcome,
  secrets: { readonly inMessages: readonly string[]; readonly inResults: readonly string[] },
): ServerToolOutcome {
  const told = (text: string): string => failureMessage(redactSecrets(text, secrets.inMessages));
  switch (outcome.kind) {
    case "completed":
      return { kind: "completed", result: withoutForms(outcome.result, secretForms(secrets.inResults)) };
    case "failed":
      return { kind: "failed", error: { ...outcome.error, message: told(outcome.error.message) } };
    case "unknown":
      return { kind: "unknown", reason: told(outcome.reason) };
    default:
      return outcome satisfies never;
  }
}
