import { HsafaError } from "@hsafa/client";

/** Ends the command because of something that a person has to correct. The message says what, in a few lines. */
export class CliError extends Error {
  override readonly name = "CliError";
}

/** Returns what to tell a person about an error of a command. For a bug, that is its stack. */
export function explain(error: unknown, url: string): string {
  if (error instanceof CliError) return error.message;
  if (!(error instanceof HsafaError)) return error instanceof Error ? (error.stack ?? error.message) : String(error);
  switch (error.code) {
    case "network_error":
      return `No gateway answers at ${url}.\nStart one with 'npx hsafa dev', or set HSAFA_URL to where one runs.`;
    case "unexpected_response":
      return `${error.message}\nIs ${url} a hsafa gateway? Set HSAFA_URL to where one runs.`;
    case "unauthenticated":
      return `${error.message}\nThe key comes from HSAFA_API_KEY, else from the data folder of 'hsafa dev' (HSAFA_DATA_DIR, default .hsafa here).`;
    default: {
      const faults = (error.problem?.errors ?? []).map((fault) => `  ${fault.path || "(the whole)"}: ${fault.message}`);
      return [`${error.message} [${error.code}]`, ...faults].join("\n");
    }
  }
}
