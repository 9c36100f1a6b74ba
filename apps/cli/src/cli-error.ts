import { HsafaError } from "@hsafa/client";
import { lines, own, paragraph, type Shown } from "./shown.ts";

/** Ends the command because of something that a person has to correct. It says what, in a few lines. */
export class CliError extends Error {
  override readonly name = "CliError";
  readonly shown: Shown;

  constructor(shown: Shown, options?: ErrorOptions) {
    super(shown.pieces.map(({ text }) => text).join(""), options);
    this.shown = shown;
  }
}

/** Returns what to tell a person about an error of a command. For a bug, that is its stack. */
export function explain(error: unknown, url: string): Shown {
  if (error instanceof CliError) return error.shown;
  if (!(error instanceof HsafaError)) {
    return paragraph(error instanceof Error ? (error.stack ?? error.message) : String(error));
  }
  switch (error.code) {
    case "network_error":
      return own`No gateway answers at ${url}.\nStart one with 'npx hsafa dev', or set HSAFA_URL to where one runs.`;
    case "unexpected_response":
      return own`error: ${error.message}\nIs ${url} a hsafa gateway? Set HSAFA_URL to where one runs.`;
    case "unauthenticated":
      return own`error: ${error.message}\nThe key comes from HSAFA_API_KEY, else from the data folder of 'hsafa dev' (HSAFA_DATA_DIR, default .hsafa here).`;
    default: {
      const faults = (error.problem?.errors ?? []).map(
        (fault) => own`  ${fault.path || "(the whole)"}: ${fault.message}`,
      );
      return lines([own`error: ${error.message} [${error.code}]`, ...faults]);
    }
  }
}
