import { escapeUnseen } from "@hsafa/protocol";
import { pino } from "pino";
import { redactForms, secretForms, withoutKeys } from "./core/redact-secrets.ts";

/**
 * Opens the log. No line of it holds one of these secrets, or a credential of known form, whatever an error quotes.
 * What a terminal would act on, or a person would not see, is escaped.
 */
export function openLog(
  level: "debug" | "info" | "warn" | "error" | "silent",
  { secrets, to }: { readonly secrets: readonly string[]; readonly to: pino.DestinationStream },
): pino.Logger {
  const forms = secretForms(secrets);
  const hooks = { streamWrite: (line: string) => escapeUnseen(withoutKeys(redactForms(line, forms))) };
  return pino({ level, hooks }, to);
}
